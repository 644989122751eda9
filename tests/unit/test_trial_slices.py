"""Slices: prompts are sorted onto them, windows follow the object, answers are carried and end where it ends.

A stand-in for the network takes what is bright as the object, so that what is tested is where things lie.
"""

from __future__ import annotations

import numpy as np
import pytest

from app.engine.evaluation.metrics import dice
from app.engine.trial.slices.answer import answer, sizes
from app.engine.trial.slices.memory import SliceMemory, carry
from app.engine.trial.slices.planes import axis_of, by_slice, newest_slice
from app.engine.trial.slices.stack import Stack
from app.engine.trial.slices.views import SliceViews
from app.geometry import Geometry
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume
from tests.stand_ins import Bright

THICK = (4.0, 0.8, 1.0)


def ball(shape: tuple[int, int, int], spacing: tuple[float, float, float], radius: float) -> tuple[Volume, np.ndarray]:
    """A bright ball of so many millimetres in the middle."""
    away = [((np.arange(n) - (n - 1) / 2) * s) ** 2 for n, s in zip(shape, spacing, strict=True)]
    mask = away[0][:, None, None] + away[1][:, None] + away[2] < radius**2
    array = np.where(mask, 200, 20).astype(np.int16)
    return Volume(array, Geometry(shape, np.diag([*spacing[::-1], 1.0]))), mask


def solved(
    volume: Volume, prompts: tuple[Prompt, ...], last: dict[int, np.ndarray] | None = None
) -> tuple[np.ndarray, Bright]:
    axis = axis_of(prompts, volume.geometry.spacing)
    runtime = Bright()
    newest = newest_slice(prompts, axis)
    logits = Stack(
        SliceViews(volume.array, volume.geometry.spacing, axis, runtime),
        by_slice(prompts, axis, newest),
        newest,
        last or {},
    ).solve()
    mask = np.zeros(volume.shape, bool)
    for index, plane in logits.items():
        np.moveaxis(mask, axis, 0)[index] = plane > 0
    return mask, runtime


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), THICK, (0.8, 1.0, 4.0)])
@pytest.mark.parametrize("radius", [9.0, 30.0])
def test_one_click_makes_the_whole_object_and_ends_with_it(spacing, radius) -> None:
    shape = tuple(int(90 / s) for s in spacing)
    volume, reference = ball(shape, spacing, radius)
    click = Point(tuple(n // 2 for n in shape))
    mask, runtime = solved(volume, (click,))
    assert dice(mask, reference) > 0.9
    assert runtime.decodings < 75


def test_slices_that_lie_close_are_not_all_asked_for() -> None:
    volume, reference = ball((400, 64, 64), (0.2, 1.0, 1.0), 25.0)
    mask, runtime = solved(volume, (Point((200, 32, 32), axis=0),))
    assert dice(mask, reference) > 0.9
    assert runtime.decodings < 60  # the object lies on 250 slices


def test_the_window_follows_a_slanting_tube() -> None:
    k, j, i = np.indices((60, 200, 40))
    tube = (j - 20 - 2.5 * k) ** 2 + (i - 20) ** 2 < 36
    volume = Volume(np.where(tube, 300, 10).astype(np.int16), Geometry(tube.shape, np.eye(4)))
    views = SliceViews(volume.array, volume.geometry.spacing, 0, Bright())
    memory = SliceMemory.of(views, {30: tube[30]})
    for previous, index in [
        *zip(range(30, 59), range(31, 60), strict=True),
        *zip(range(30, 0, -1), range(29, -1, -1), strict=True),
    ]:
        logits, confidence = carry(memory, index, previous)
        assert dice(logits > 0, tube[index]) > 0.9
        assert confidence > 0.5


def test_an_empty_slice_carries_nothing_and_is_not_sure() -> None:
    volume, reference = ball((30, 40, 40), (1.0, 1.0, 1.0), 8.0)
    memory = SliceMemory.of(
        SliceViews(volume.array, volume.geometry.spacing, 0, Bright()), {15: reference[15], 2: np.zeros((40, 40), bool)}
    )
    logits, confidence = carry(memory, 1, 2)
    assert confidence == 0
    assert (logits < 0).all()


def test_a_slice_that_was_clicked_before_keeps_its_answer() -> None:
    volume, reference = ball((40, 60, 60), (1.0, 1.0, 1.0), 15.0)
    last = {n: np.where(reference[n], 6, -6).astype(np.float32) for n in range(40) if reference[n].any()}
    last[20] = np.full((60, 60), -6, np.float32)
    last[20][30, 30] = 6
    mask, _ = solved(volume, (Point((20, 30, 30)), Point((26, 30, 30))), last)
    assert mask[20].sum() == 1
    np.testing.assert_array_equal(mask[18], reference[18])


def test_a_first_click_is_looked_at_in_sizes_from_its_surroundings_to_the_whole_slice() -> None:
    volume, _ = ball((10, 512, 300), (1.0, 0.7, 0.7), 20.0)
    views = SliceViews(volume.array, volume.geometry.spacing, 0, Bright())
    windows = sizes(views, by_slice((Point((5, 100, 100)),), 0, 5)[5])
    extents = [window.step * window.side for window in windows]
    assert extents == sorted(extents)
    assert extents[0] < 30
    assert extents[-1] >= 512 * 0.7 * 0.9
    assert len(windows) < 9


def test_nothing_that_tells_of_a_place_gets_no_answer() -> None:
    volume, _ = ball((10, 40, 40), (1.0, 1.0, 1.0), 8.0)
    told = by_slice((Point((5, 3, 3), positive=False),), 0, 5)[5]
    assert answer(SliceViews(volume.array, volume.geometry.spacing, 0, Bright()), 5, told, None) is None


def test_prompts_say_across_which_axis_they_were_made() -> None:
    cubic = (1.0, 1.0, 1.0)
    assert axis_of((Point((1, 2, 3)),), THICK) == 0
    assert axis_of((Point((1, 2, 3), axis=2),), THICK) == 2
    assert axis_of((Point((1, 2, 3), axis=2), Scribble([(1, 5, 3), (4, 5, 9)])), THICK) == 1
    assert axis_of((Box((0, 0, 4), (5, 5, 4)),), cubic) == 2
    assert axis_of((Box((0, 0, 0), (5, 5, 4)),), (1.0, 3.0, 1.0)) == 1
    assert axis_of((SliceMask(1, 3, np.ones((4, 5), bool)),), THICK) == 1


def test_prompts_are_sorted_onto_slices() -> None:
    outline = np.zeros((8, 9), bool)
    outline[2:4, 3:6] = True
    prompts = (
        Point((1, 2, 3)),
        Point((1, 5, 6), positive=False),
        Scribble([(2, 0, 1), (2, 0, 2)]),
        Box((1, 1, 2), (3, 6, 7)),
        SliceMask(0, 4, outline),
        SliceMask(1, 4, np.ones((6, 9), bool)),
    )
    told = by_slice(prompts, 0, 3)
    assert sorted(told) == [1, 2, 3, 4]
    assert told[1].include.tolist() == [[2, 3]]
    assert told[1].exclude.tolist() == [[5, 6]]
    assert told[2].include.tolist() == [[0, 1], [0, 2]]
    assert told[3].box == ((1.0, 2.0), (6.0, 7.0))
    assert told[4].box is None
    np.testing.assert_array_equal(told[4].mask, outline)
    assert newest_slice(prompts[:-1], 0) == 4
    assert newest_slice((Point((2, 2, 3)), Box((1, 1, 2), (7, 6, 7))), 0) == 2
    assert newest_slice((Box((1, 1, 2), (7, 6, 7)),), 0) == 4


def test_a_mask_that_grows_again_after_it_was_small_is_not_trusted() -> None:
    radii = [20, 14, 8, 3, 1.5, 6, 15]  # an object that ends, and its neighbour
    rows, columns = np.mgrid[-48:48, -48:48]
    disks = np.stack([rows**2 + columns**2 < r**2 for r in radii])
    array = np.where(disks, 200, 20).astype(np.int16)
    memory = SliceMemory.of(SliceViews(array, (1.0, 1.0, 1.0), 0, Bright()), {0: disks[0]})
    confidences = [carry(memory, index, index - 1)[1] for index in range(1, len(radii))]
    assert memory.least[6] == pytest.approx(disks[4].sum(), abs=4)
    assert min(confidences[:2]) > 0.5
    assert confidences[5] < 0.1
