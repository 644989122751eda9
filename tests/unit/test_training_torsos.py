"""Invented torsos: organs whole and apart, in Hounsfield units, in millimetres, and always the same from a seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.builtin.surroundings import in_hounsfield
from training.graph import scans, torsos
from training.graph.anatomy import Draft, Tissue, chain, place
from training.graph.organs import draw_all
from training.graph.torsos import torso


def drafted(up: float, step: float = 4.0, side: int = 80) -> Draft:
    """A block whose middle lies so high in the torso."""
    draft = Draft(step, np.array([up, 0, 0]) - side * step / 2, side, np.random.default_rng(0))
    draw_all(draft)
    return draft


def measured(draft: Draft, tissue: Tissue) -> list[float]:
    """Millilitres of the organs of a tissue, the largest first."""
    sizes = np.bincount(draft.organ[draft.tissue == tissue], minlength=1)[1:]
    return sorted((sizes[sizes > 0] * draft.step**3 / 1000).tolist(), reverse=True)


def test_an_ellipsoid_has_its_volume_and_lies_where_it_should() -> None:
    draft = Draft(1.0, place(-20, -20, -20), 41, np.random.default_rng(0))
    mask = draft.solid(place(2, 0, -3), place(10, 8, 6))
    assert mask.sum() == pytest.approx(4 / 3 * np.pi * 10 * 8 * 6, rel=0.03)
    assert np.argwhere(mask).mean(axis=0) - 20 == pytest.approx([2, 0, -3], abs=0.1)


def test_organs_do_not_overlap_and_nothing_lies_outside_of_what_is_kept_to() -> None:
    draft = Draft(1.0, place(0, 0, 0), 30, np.random.default_rng(0))
    draft.keep_to(draft.solid(place(15, 15, 15), place(14, 14, 14)))
    first = draft.add(draft.solid(place(15, 15, 10), place(6, 6, 6)), Tissue.LIVER, gap=1)
    second = draft.add(draft.solid(place(15, 15, 18), place(9, 9, 9)), Tissue.SPLEEN, gap=0)
    beyond = draft.add(draft.solid(place(1, 1, 1), place(3, 3, 3)), Tissue.SPLEEN)
    assert first.any()
    assert second.any()
    assert not beyond.any()
    assert not (ndimage.binary_dilation(first) & second).any()
    assert draft.count == 2


def test_a_way_begins_and_ends_where_it_should() -> None:
    way = chain(place(0, 0, 0), place(10, 0, 0), place(10, 10, 0), steps=30)
    assert np.abs(way[0] - [0, 0, 0]).max() < 2
    assert np.abs(way[-1] - [10, 10, 0]).max() < 2
    assert np.linalg.norm(np.diff(way, axis=0), axis=1).max() < 2


def test_the_belly_holds_a_liver_two_kidneys_and_a_spleen_of_likely_sizes() -> None:
    draft = drafted(40)
    assert 700 < measured(draft, Tissue.LIVER)[0] < 3_500
    kidneys = measured(draft, Tissue.KIDNEY)
    assert len(kidneys) == 2
    assert all(50 < one < 350 for one in kidneys)
    assert 60 < measured(draft, Tissue.SPLEEN)[0] < 600
    assert all(40 < measured(draft, blood)[0] < 400 for blood in (Tissue.ARTERY, Tissue.VEIN))
    assert len(measured(draft, Tissue.MARROW)) > 5


def test_the_liver_lies_on_the_right_the_spleen_on_the_left_and_the_spine_behind() -> None:
    draft = drafted(40)
    middle = {t: np.argwhere(draft.tissue == t).mean(axis=0) - 40 for t in (Tissue.LIVER, Tissue.SPLEEN, Tissue.DISC)}
    assert middle[Tissue.LIVER][2] < -5
    assert middle[Tissue.SPLEEN][2] > 5
    assert middle[Tissue.DISC][1] > 5


@pytest.mark.parametrize("seed", range(6))
def test_a_block_has_objects_of_its_own_grid(seed: int) -> None:
    image, masks, step = torso(48, np.random.default_rng(seed))
    assert image.shape == (48, 48, 48)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert 1.4 <= step <= 4.5
    assert all(mask.shape == image.shape for mask in masks)
    assert any(mask.any() for mask in masks)


def test_blocks_that_show_air_and_bone_are_known_as_ct_and_others_are_not() -> None:
    seen = []
    for seed in range(24):
        image, _, _ = torso(48, np.random.default_rng(seed))
        seen.append(in_hounsfield(np.percentile(image, (0.1, 99.9))))
    assert 6 <= sum(seen) < 24


def test_marrow_gets_a_cortex_around_it() -> None:
    tissue = np.full((20, 20, 20), Tissue.FAT, dtype=np.int16)
    tissue[5:15, 5:15, 5:15] = Tissue.MARROW
    torsos.add_rind(tissue, 2.0, 2.0)
    assert (tissue == Tissue.CORTEX).any()
    assert tissue[10, 10, 10] == Tissue.MARROW
    assert tissue[5, 10, 10] == Tissue.CORTEX


def test_the_same_numbers_give_the_same_torso() -> None:
    (first, ours, a), (second, theirs, b) = (torso(48, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert a == b
    assert all((one == other).all() for one, other in zip(ours, theirs, strict=True))


def test_lessons_know_how_large_a_torso_is(monkeypatch) -> None:
    blend = scans.Blend(0.35, 0.5, {"torso": 1.0})
    monkeypatch.setattr(scans, "_TOO_LARGE", 0.0)
    spacings = [example.features.lattice.spacing for n in range(3) for example in scans.make(n, 0, 1, [], blend)]
    assert all(min(spacing) > 1.3 for spacing in spacings)
    assert len({min(spacing) for spacing in spacings}) == 3
