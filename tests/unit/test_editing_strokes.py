"""Brush, outline, and the gate through which every correction goes."""

from __future__ import annotations

import numpy as np
import pytest

from app.editing.brush import Tip, dab, inside
from app.editing.islands import KeepLargest
from app.editing.proposal import propose
from app.editing.seeds import GrowFromSeeds
from app.editing.shape import FillHoles, Margin, Smooth, SmoothJointly
from app.editing.stroke import Stroke
from app.errors import BadInput, Cancelled
from app.geometry import Region
from tests.unit.editing_bench import CUBE, SHAPE, SPACING, A, B, Bench, C, box, ramp


@pytest.fixture
def bench():
    return Bench()


# Strokes


def test_a_disc_is_round_in_millimetres_and_stays_on_its_slice(bench):
    region, mask = dab(Tip(3.0, axis=0), (8, 10, 12), (8, 10, 12), SPACING, SHAPE)
    assert region == Region((8, 7, 6), (9, 14, 19))
    assert mask.sum() == sum((j**2 + (i / 2) ** 2) <= 9 for j in range(-3, 4) for i in range(-6, 7))


def test_a_ball_reaches_over_slices_and_is_cut_at_the_border(bench):
    region, mask = dab(Tip(4.0), (0, 0, 0), (0, 0, 0), SPACING, SHAPE)
    assert region == Region((0, 0, 0), (3, 5, 9))
    assert mask[2, 0, 0]
    assert not mask[2, 4, 0]


def test_a_fast_stroke_has_no_gaps():
    region, mask = dab(Tip(1.0, axis=0), (3, 2, 2), (3, 17, 21), (1.0, 1.0, 1.0), SHAPE)
    assert region.shape[0] == 1
    assert mask[0].any(axis=1).all()
    assert mask.sum() > 2 * 19


def test_the_smallest_tip_paints_the_voxel_under_the_mouse():
    for spacing in (SPACING, (5.0, 5.0, 5.0)):
        _, mask = dab(Tip(0.2), (5, 5, 5), (5, 5, 5), spacing, SHAPE)
        assert mask.sum() == 1


def test_a_stroke_is_one_step_and_undo_takes_it_back(bench):
    bench.put(A, CUBE)
    before, steps = bench.labels, len(bench.case.history.done)
    stroke = Stroke(bench.volume, bench.case.segmentation, A)
    for i in range(4, 20, 3):
        stroke.to((12, 15, i), Tip(2.0))
    assert (bench.labels == before).all()
    region, values = stroke.crop(bench.volume.geometry.region)
    bench.case.revise(stroke.proposal("Paint A"))
    assert (bench.labels[region.slices] == values).all()
    assert bench.mask(A)[12, 15, 4:20].all()
    assert len(bench.case.history.done) == steps + 1
    bench.case.undo()
    assert (bench.labels == before).all()


def test_painting_spares_neighbours_and_erasing_takes_the_own_segment_only(bench):
    bench.put(A, CUBE).put(B, box((4, 10), (4, 14), (16, 20)))
    wall = bench.mask(B)
    paint = Stroke(bench.volume, bench.case.segmentation, A)
    paint.to((6, 8, 16), Tip(3.0))
    bench.case.revise(paint.proposal("Paint A"))
    assert (bench.mask(B) == wall).all()
    erase = Stroke(bench.volume, bench.case.segmentation, A, erase=True)
    erase.to((6, 8, 15), Tip(3.0))
    bench.case.revise(erase.proposal("Erase A"))
    assert (bench.mask(B) == wall).all()
    assert not bench.mask(A)[6, 8, 14]


def test_painting_over_others_takes_them_but_never_a_locked_one(bench):
    bench.put(B, box((4, 10), (4, 14), (4, 10))).put(C, box((4, 10), (4, 14), (10, 16))).lock(C)
    stroke = Stroke(bench.volume, bench.case.segmentation, A, take_others=True)
    stroke.to((6, 8, 10), Tip(2.0))
    bench.case.revise(stroke.proposal("Paint A"))
    assert bench.mask(A)[6, 8, 9]
    assert bench.mask(C).sum() == 6 * 10 * 6


def test_a_gate_paints_only_what_has_the_right_value():
    bench = Bench(image=ramp())
    stroke = Stroke(bench.volume, bench.case.segmentation, A, gate=(10, 12))
    stroke.to((6, 8, 11), Tip(4.0, 0))
    bench.case.revise(stroke.proposal("Paint A"))
    assert set(np.nonzero(bench.mask(A))[2].tolist()) == {10, 11, 12}


def test_a_locked_or_hidden_segment_is_not_painted(bench):
    bench.lock(A)
    bench.case.change_segment(B, visible=False)
    for label, word in ((A, "locked"), (B, "hidden")):
        with pytest.raises(BadInput, match=word):
            Stroke(bench.volume, bench.case.segmentation, label)


def test_what_changed_during_a_stroke_stays(bench):
    stroke = Stroke(bench.volume, bench.case.segmentation, A)
    stroke.to((6, 8, 8), Tip(2.0))
    bench.put(B, box((6, 7), (8, 9), (8, 9)))
    bench.case.revise(stroke.proposal("Paint A"))
    assert bench.labels[6, 8, 8] == B


def test_an_outline_is_filled_by_the_even_odd_rule():
    square = [(1, 1), (1, 6), (5, 6), (5, 1)]
    assert inside(square, (8, 8)).sum() in (4 * 5, 5 * 6)
    star = [(1.0, 1.0), (6.0, 6.0), (1.0, 6.0), (6.0, 1.0)]  # crosses itself
    assert not inside(star, (8, 8))[3, 1]
    assert not inside([(2.2, 2.2)], (8, 8)).any()


# The gate


def test_a_locked_segment_is_refused(bench):
    bench.put(A, CUBE).lock(A)
    with pytest.raises(BadInput, match="locked"):
        bench.do(Margin(1.0))


def test_an_empty_segment_has_nothing_to_correct(bench):
    for effect in (KeepLargest(), Margin(1.0), Smooth(), FillHoles(), GrowFromSeeds()):
        with pytest.raises(BadInput, match="no voxel yet"):
            bench.do(effect)
    bench.put(A, CUBE)
    with pytest.raises(BadInput, match="no voxel on this slice"):
        bench.do(KeepLargest(), plane=(0, 0))


def test_a_proposal_for_labels_that_changed_meanwhile_is_refused(bench):
    bench.put(A, CUBE)
    proposal = propose(Margin(1.0), bench.scene())
    bench.put(B, box((0, 1), (0, 1), (0, 1)))
    with pytest.raises(BadInput, match="changed since"):
        bench.case.revise(proposal)


def test_a_segment_locked_after_the_preview_is_refused(bench):
    bench.put(A, CUBE)
    proposal = propose(Margin(1.0), bench.scene())
    bench.lock(A)
    with pytest.raises(BadInput, match="locked"):
        bench.case.revise(proposal)


def test_a_proposal_that_changes_nothing_makes_no_step(bench):
    bench.put(A, CUBE)
    steps = len(bench.case.history.done)
    assert bench.do(KeepLargest()).empty
    assert len(bench.case.history.done) == steps


def test_long_work_can_be_cancelled(bench):
    bench.put(A, CUBE).put(B, box((12, 14), (1, 3), (1, 3)))

    def watch(fraction):
        raise Cancelled

    for effect in (SmoothJointly(), GrowFromSeeds(), FillHoles(axis=0)):
        with pytest.raises(Cancelled):
            propose(effect, bench.scene(), watch)


def test_a_correction_is_a_seed_for_the_next_click(bench):
    bench.put(A, CUBE)
    revision, edits = bench.case.revision(A), bench.case.state(A).edits
    bench.do(Margin(1.0))
    assert bench.case.revision(A) != revision
    assert bench.case.state(A).edits == edits + 1
    assert (bench.case.seed(A).crop(Region.whole(bench.mask(A).shape)) == bench.mask(A)).all()
