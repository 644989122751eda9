"""Invented spines: vertebrae of likely sizes with discs between them, some touching, blurred as a scan is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from training.graph import scans, spines
from training.graph.anatomy import Draft, Tissue, place
from training.graph.spines import spine

BODIES = np.s_[:, 36:52, 45:55]  # 45 mm behind the middle of the trunk, as its origin lies


def drafted(seed: int) -> Draft:
    """A column alone, in voxels of 1.5 mm."""
    draft = Draft(1.5, place(0, 55, 0) - 75, 100, np.random.default_rng(seed))
    spines._column(draft)
    return draft


def bodies(draft: Draft) -> list[np.ndarray]:
    """Masks of the vertebrae that lie in the block as a whole, from the lowest to the highest."""
    bones = [draft.organ == o for o in np.unique(draft.organ[draft.tissue == Tissue.MARROW]) if o]
    in_the_middle = [bone for bone in bones if bone[BODIES].sum() > 500 and not (bone[0] | bone[-1]).any()]
    return sorted(in_the_middle, key=lambda bone: float(np.argwhere(bone)[:, 0].mean()))


@pytest.mark.parametrize("seed", range(6))
def test_vertebrae_have_likely_sizes_and_stand_one_above_the_other(seed: int) -> None:
    draft = drafted(seed)
    whole = bodies(draft)
    assert len(whole) >= 2
    assert all(10 < bone.sum() * draft.step**3 / 1000 < 130 for bone in whole)  # mL
    heights = [float(np.argwhere(bone)[:, 0].mean()) * draft.step for bone in whole]
    assert all(18 < high - low < 42 for low, high in pairwise(heights))


def test_some_neighbours_touch_and_others_do_not() -> None:
    touching = []
    for seed in range(10):
        whole = bodies(drafted(seed))
        touching.append(any((ndimage.binary_dilation(low) & high).any() for low, high in pairwise(whole)))
    assert 3 <= sum(touching) < 10


def test_discs_lie_between_the_bodies() -> None:
    draft = drafted(1)
    disc = draft.tissue == Tissue.DISC
    low, high = bodies(draft)[:2]
    column = disc[BODIES].any(axis=(1, 2))
    between = column[int(np.argwhere(low)[:, 0].mean()) : int(np.argwhere(high)[:, 0].mean())]
    assert between.any()
    assert not between.all()


@pytest.mark.parametrize("seed", range(6))
def test_a_block_has_objects_of_its_own_grid(seed: int) -> None:
    image, masks, step = spine(64, np.random.default_rng(seed))
    assert max(image.shape) <= 64
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert 0.9 <= step <= 3.0
    assert all(mask.shape == image.shape for mask in masks)
    assert not np.sum(masks, axis=0).max() > 1
    assert sum(mask.sum() > 500 for mask in masks) >= 2


def test_a_thin_shell_is_blurred_where_voxels_are_large() -> None:
    fine = np.zeros((4, 4, 4), np.float32)
    fine[0] = 800
    coarse = spines._pooled(fine, 2)
    assert coarse.shape == (2, 2, 2)
    np.testing.assert_array_equal(coarse[:, 0, 0], [400, 0])


def test_the_same_numbers_give_the_same_spine() -> None:
    (first, ours, a), (second, theirs, b) = (spine(48, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert a == b
    assert all((one == other).all() for one, other in zip(ours, theirs, strict=True))


def test_lessons_show_spines(monkeypatch: pytest.MonkeyPatch) -> None:
    blend = scans.Blend(0.35, 0.5, {"spine": 1.0})
    monkeypatch.setattr(scans, "_TOO_LARGE", 0.0)
    examples = [example for n in range(3) for example in scans.make(n, 0, 1, [], blend)]
    assert all(0.8 < min(example.features.lattice.spacing) < 9.1 for example in examples)
    assert all(example.mask.any() for example in examples)
