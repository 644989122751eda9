"""Corrections by hand on small volumes: each effect does what it says; neighbours are safe."""

from __future__ import annotations

import numpy as np
import pytest

from app.editing.between import FillBetween
from app.editing.combine import Combine, Merge
from app.editing.islands import KeepLargest, PickIsland, RemoveSmall, Split
from app.editing.proposal import propose
from app.editing.seeds import GrowFromSeeds
from app.editing.shape import FillHoles, Margin, Smooth, SmoothJointly
from app.editing.threshold import Threshold
from app.errors import BadInput
from app.geometry import Region
from tests.unit.editing_bench import CUBE, A, B, Bench, C, box, ramp


@pytest.fixture
def bench():
    return Bench()


# Islands


def test_only_the_largest_island_stays(bench):
    bench.put(A, CUBE, box((12, 14), (1, 3), (1, 3)))
    bench.do(KeepLargest())
    assert bench.mask(A).sum() == 6 * 10 * 12
    assert bench.mask(A)[CUBE].all()


def test_islands_that_touch_at_an_edge_only_are_two(bench):
    bench.put(A, box((0, 3), (0, 3), (0, 3)), box((0, 2), (3, 5), (3, 5)))
    bench.do(KeepLargest())
    assert bench.mask(A).sum() == 27


def test_on_one_slice_the_largest_island_of_that_slice_stays_and_other_slices_keep_theirs(bench):
    bench.put(A, CUBE, box((5, 9), (16, 18), (18, 20)))
    bench.do(KeepLargest(), plane=(0, 6))
    assert not bench.mask(A)[6, 16:18, 18:20].any()
    assert bench.mask(A)[5, 16:18, 18:20].all()
    assert bench.mask(A)[6, 4:14, 4:16].all()


def test_islands_below_a_volume_go_and_one_of_just_that_volume_stays(bench):
    bench.put(A, box((0, 2), (0, 2), (0, 2)), box((6, 8), (6, 8), (6, 9)))  # 8 and 12 voxels of 1 mm3
    bench.do(RemoveSmall(0.012))
    assert bench.mask(A).sum() == 12


def test_islands_become_segments_and_undo_makes_them_one_again(bench):
    bench.put(A, CUBE, box((12, 14), (1, 3), (1, 3)), box((0, 2), (16, 20), (20, 24)))
    before, names = bench.labels, [s.name for s in bench.case.segments]
    steps = len(bench.case.history.done)
    proposal = bench.do(Split())
    assert [s.name for s in bench.case.segments] == ["A", "B", "C", "A 2", "A 3"]
    assert [int((bench.labels == label).sum()) for label in (A, 4, 5)] == [720, 32, 8]
    assert proposal.note == "A has 3 islands."
    assert len({s.colour for s in bench.case.segments}) == 5
    bench.case.undo()
    assert (bench.labels == before).all()
    assert [s.name for s in bench.case.segments] == names
    assert len(bench.case.history.done) == steps
    bench.case.redo()
    assert (bench.labels == 4).sum() == 32


def test_the_island_at_the_crosshair_is_kept_or_removed(bench):
    small = box((12, 14), (1, 3), (1, 3))
    bench.put(A, CUBE, small)
    bench.do(PickIsland((12, 1, 1), keep=False))
    assert bench.mask(A).sum() == 720
    bench.case.undo()
    bench.do(PickIsland((12, 1, 1)))
    assert bench.mask(A).sum() == 8
    with pytest.raises(BadInput, match="crosshair"):
        bench.do(PickIsland((0, 0, 0)))


# Shape


def test_a_cavity_is_filled_but_a_neighbour_in_it_is_not_taken(bench):
    bench.put(B, box((6, 7), (8, 9), (8, 9)))
    bench.put(A, CUBE)
    hole = box((6, 8), (7, 10), (7, 10))
    full = bench.mask(A)
    bench.case.edit(A, Region((6, 7, 7), (8, 10, 10)), np.zeros((2, 3, 3), bool), "Hole")
    bench.do(FillHoles())
    assert (bench.mask(A) == full).all()
    assert bench.mask(B).sum() == 1
    assert bench.mask(A)[hole].sum() == 17


def test_a_tunnel_is_no_cavity_but_is_filled_slice_by_slice(bench):
    bench.put(A, CUBE)
    full = bench.mask(A)
    bench.case.edit(A, Region((4, 8, 8), (10, 10, 10)), np.zeros((6, 2, 2), bool), "Tunnel")
    assert bench.do(FillHoles()).empty
    bench.do(FillHoles(axis=0))
    assert (bench.mask(A) == full).all()


def test_a_margin_is_measured_in_millimetres_along_every_axis(bench):
    bench.put(A, box((8, 9), (10, 11), (12, 13)))
    bench.do(Margin(2.0))
    k, j, i = (np.ptp(x) // 2 for x in np.nonzero(bench.mask(A)))
    assert (k, j, i) == (1, 2, 4)


def test_a_margin_says_how_many_voxels_it_is_along_each_axis(bench):
    bench.put(A, CUBE)
    assert propose(Margin(2.0), bench.scene()).note == (
        "2 mm is 4 voxels left to right, 2 voxels front to back, 1 voxel head to foot."
    )
    assert propose(Margin(-1.0), bench.scene()).note == (
        "1 mm is 2 voxels left to right, 1 voxel front to back, no voxel head to foot."
    )
    assert propose(Margin(0.5), bench.scene(plane=(2, 7))).note == (
        "0.5 mm is less than one voxel (1 × 2 mm), so it reaches none."
    )
    coarse = Bench(spacing=(3.0, 3.0, 3.0))
    coarse.put(A, CUBE).put(B, box((0, 2), (0, 2), (0, 2)))
    proposal = coarse.do(Margin(2.0))
    assert proposal.empty
    assert proposal.note == "2 mm is less than one voxel (3 × 3 × 3 mm), so it reaches none."
    assert propose(Margin(3.0), coarse.scene()).note == "3 mm is 1 voxel to every side."
    assert propose(Combine(B, "subtract", 6.5), coarse.scene()).note == "6.5 mm is 2 voxels to every side."


def test_growing_and_shrinking_by_the_same_margin_is_the_identity_for_a_box(bench):
    bench.put(A, CUBE)
    full = bench.mask(A)
    bench.do(Margin(2.0))
    bench.do(Margin(-2.0))
    assert (bench.mask(A) & full).sum() == full.sum()


def test_shrinking_does_not_begin_at_the_border_of_the_image(bench):
    bench.put(A, box((0, 16), (0, 20), (0, 12)))
    bench.do(Margin(-1.0))
    assert bench.mask(A)[:, :, :10].all()
    assert not bench.mask(A)[:, :, 10:].any()


def test_a_margin_on_one_slice_stays_on_it(bench):
    bench.put(A, CUBE)
    before = bench.labels
    bench.do(Margin(1.0), plane=(1, 7))
    differs = np.nonzero(bench.labels != before)
    assert set(differs[1].tolist()) == {7}
    assert bench.mask(A)[3, 7, 4:16].sum() == 0  # 2 mm between slices: too far
    assert bench.mask(A)[4:10, 7, 2:18].all()


def test_growing_stops_at_a_neighbour_and_takes_it_only_when_told_and_unlocked(bench):
    wall = box((4, 10), (4, 14), (16, 18))
    bench.put(A, CUBE).put(B, wall)
    bench.do(Margin(1.0))
    assert bench.mask(B)[wall].all()
    bench.case.undo()
    bench.lock(B)
    bench.do(Margin(1.0), take_others=True)
    assert bench.mask(B)[wall].all()
    bench.case.undo()
    bench.case.change_segment(B, locked=False)
    bench.do(Margin(1.0), take_others=True)
    assert bench.mask(A)[wall].all()
    assert not bench.mask(B).any()


@pytest.mark.parametrize("how", ["gaussian", "median", "opening", "closing"])
def test_smoothing_takes_a_spike_away_or_fills_a_dent_and_keeps_the_body(bench, how):
    bench.put(A, CUBE, box((6, 7), (8, 9), (16, 20)))
    bench.case.edit(A, Region((6, 4, 8), (7, 5, 9)), np.zeros((1, 1, 1), bool), "Dent")
    bench.do(Smooth(how, 2.5))
    assert bench.mask(A)[7, 8, 10]
    if how == "closing":
        assert bench.mask(A)[6, 4, 8]
    else:
        assert not bench.mask(A)[6, 8, 19]


def test_joint_smoothing_leaves_no_gap_between_neighbours():
    bench = Bench((20, 40, 40), (1.0, 1.0, 1.0))
    rng = np.random.default_rng(0)
    body = np.zeros((20, 40, 40), bool)
    body[4:16, 6:34, 6:34] = True
    border = 20 + rng.integers(-3, 4, (20, 40))
    left = body & (np.arange(40) < border[:, :, None])
    bench.put_mask(A, left).put_mask(B, body & ~left)
    bench.do(SmoothJointly(2.0))
    inner = box((7, 13), (12, 28), (12, 28))
    assert (bench.labels[inner] > 0).all()
    rough = np.abs(np.diff(border[7:13, 12:28].astype(int), axis=1)).mean()
    edge = bench.mask(A)[7:13, 12:28].sum(axis=2)
    assert np.abs(np.diff(edge, axis=1)).mean() < rough / 3


def test_joint_smoothing_leaves_a_locked_neighbour_alone_and_stays_in_contact_with_it(bench):
    bench.put(A, box((2, 14), (4, 16), (4, 12))).put(B, box((2, 14), (4, 16), (12, 20))).lock(B)
    wall = bench.mask(B)
    bench.do(SmoothJointly(1.5))
    assert (bench.mask(B) == wall).all()
    assert bench.mask(A)[5:11, 7:13, 11].all()


# Two segments


def test_adding_takes_the_other_over_and_merging_takes_it_off_the_list(bench):
    other = box((11, 13), (4, 8), (4, 8))
    bench.put(A, CUBE).put(B, other)
    before = bench.labels
    bench.do(Combine(B, "add"))
    assert bench.mask(A)[other].all()
    assert [s.name for s in bench.case.segments] == ["A", "B", "C"]
    bench.case.undo()
    bench.do(Merge((B, C), ("B", "C")))
    assert bench.mask(A)[other].all()
    assert [s.name for s in bench.case.segments] == ["A"]
    bench.case.undo()
    assert (bench.labels == before).all()
    assert [s.name for s in bench.case.segments] == ["A", "B", "C"]


def test_subtracting_and_intersecting_use_a_margin_around_the_other_and_leave_it_alone(bench):
    other = box((4, 10), (4, 14), (16, 18))
    bench.put(A, CUBE).put(B, other)
    bench.do(Combine(B, "subtract", 1.0))
    assert not bench.mask(A)[:, :, 14:].any()
    assert bench.mask(A)[4:10, 4:14, 4:14].all()
    bench.case.undo()
    bench.do(Combine(B, "intersect", 1.0))
    assert bench.mask(A).sum() == 6 * 10 * 2
    assert bench.mask(B)[other].all()


def test_a_locked_segment_is_not_merged_or_added_but_may_be_subtracted(bench):
    bench.put(A, CUBE).put(B, box((4, 10), (4, 14), (16, 18))).lock(B)
    for effect in (Combine(B, "add"), Merge((B,))):
        with pytest.raises(BadInput, match="locked"):
            bench.do(effect)
    bench.do(Combine(B, "subtract", 1.0))
    assert bench.mask(B).sum() == 6 * 10 * 2


def test_a_segment_cannot_be_combined_with_itself(bench):
    bench.put(A, CUBE)
    with pytest.raises(BadInput, match="Two different"):
        bench.do(Combine(A, "add"))


# Image


def test_threshold_replaces_adds_or_keeps_within():
    bench = Bench(image=ramp())
    bench.put(A, CUBE)
    bench.do(Threshold(10, 11, "within"))
    assert bench.mask(A).sum() == 6 * 10 * 2
    bench.case.undo()
    bench.do(Threshold(20, 21, "add"))
    assert bench.mask(A).sum() == 720 + 16 * 20 * 2
    bench.case.undo()
    bench.do(Threshold(20, 21))
    assert bench.mask(A).sum() == 16 * 20 * 2
    with pytest.raises(BadInput, match="lower threshold"):
        bench.do(Threshold(2, 1))


def test_threshold_never_takes_a_neighbour():
    bench = Bench(image=ramp())
    bench.put(B, CUBE)
    bench.do(Threshold(0, 100))
    assert bench.mask(B)[CUBE].all()
    assert (bench.labels > 0).all()


def test_slices_left_out_are_filled_on_the_straight_way(bench):
    bench.put(A, box((2, 3), (2, 10), (2, 10)), box((10, 11), (8, 16), (10, 18)))
    bench.do(FillBetween(0))
    areas = bench.mask(A).sum(axis=(1, 2))
    assert (areas[2:11] >= 56).all()  # half a voxel off the grid a square of 8 by 8 covers 7 by 8 centres
    assert (areas[2:11] <= 64).all()
    j, i = (x.mean() for x in np.nonzero(bench.mask(A)[6]))
    assert (j, i) == (8.5, 9.5)


def test_filling_between_needs_gaps_and_the_whole_volume(bench):
    bench.put(A, CUBE)
    with pytest.raises(BadInput, match="no slice left out"):
        bench.do(FillBetween(0))
    with pytest.raises(BadInput, match="whole volume"):
        bench.do(FillBetween(0), plane=(0, 5))


def two_blobs():
    rng = np.random.default_rng(1)
    image = rng.normal(0, 4, (24, 40, 40))
    k, j, i = np.ogrid[:24, :40, :40]
    first = (k - 12) ** 2 + (j - 14) ** 2 + (i - 13) ** 2 < 64
    second = (k - 12) ** 2 + (j - 26) ** 2 + (i - 28) ** 2 < 64
    image[first] += 100
    image[second] += 60
    return image.astype(np.int16), first, second


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_segments_grow_from_a_few_voxels_to_the_edges_of_the_image():
    image, first, second = two_blobs()
    bench = Bench(image.shape, (1.0, 1.0, 1.0), image)
    bench.put(A, box((12, 13), (12, 16), (11, 15))).put(B, box((12, 13), (24, 28), (26, 30)))
    bench.do(GrowFromSeeds(12.0))
    assert dice(bench.mask(A), first) > 0.93
    assert dice(bench.mask(B), second) > 0.93


def test_growing_with_a_drawn_background_and_a_locked_neighbour():
    image, first, second = two_blobs()
    bench = Bench(image.shape, (1.0, 1.0, 1.0), image)
    bench.put(A, box((12, 13), (12, 16), (11, 15)))
    bench.put(C, box((2, 4), (2, 38), (2, 38)))
    bench.put_mask(B, second).lock(B)
    bench.do(GrowFromSeeds(15.0, outside=False))
    assert dice(bench.mask(A), first) > 0.9
    assert (bench.mask(B) == second).all()


def test_growing_needs_two_seeds_or_the_surroundings(bench):
    bench.put(A, CUBE)
    with pytest.raises(BadInput, match="two segments"):
        bench.do(GrowFromSeeds(outside=False))
