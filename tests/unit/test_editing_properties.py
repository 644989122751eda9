"""What holds for every correction: locked voxels stay, undo is exact; distances and islands are those of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from scipy import ndimage

from app.change import by_label
from app.document import Document
from app.editing.between import FillBetween, between
from app.editing.brush import Tip, dab, inside
from app.editing.combine import Combine, Merge
from app.editing.distance import grown, shrunk, signed
from app.editing.islands import KeepLargest, RemoveSmall, Split, islands
from app.editing.proposal import propose
from app.editing.scene import Scene, claimed
from app.editing.seeds import GrowFromSeeds
from app.editing.shape import FillHoles, Margin, Smooth, SmoothJointly, blurred
from app.editing.stroke import Stroke
from app.editing.threshold import Threshold
from app.errors import BadInput
from app.geometry import Geometry, Region
from app.segmentation import MOST_SEGMENTS
from app.volume import Volume

SHAPE = (6, 7, 8)
SPACING = (2.5, 1.0, 0.7)
IMAGE = np.random.default_rng(5).integers(0, 100, SHAPE).astype(np.int16)

EFFECTS = st.sampled_from(
    [
        KeepLargest(), RemoveSmall(0.005), Split(most=2), FillHoles(), FillHoles(axis=1), Margin(1.2), Margin(-1.0),
        Smooth("gaussian", 1.0), Smooth("median", 1.5), Smooth("opening", 1.0), Smooth("closing", 1.5),
        SmoothJointly(1.0), Combine(2, "add"), Combine(2, "subtract", 1.5), Combine(3, "intersect", 2.0), Merge((3,)),
        Threshold(20, 60), Threshold(20, 60, "add"), Threshold(20, 60, "within"), FillBetween(0), GrowFromSeeds(2.0),
        GrowFromSeeds(2.0, outside=False),
    ]
)  # fmt: skip
seeds = st.integers(0, 2**31)
planes = st.one_of(st.none(), st.tuples(st.just(0), st.integers(0, 5)), st.tuples(st.just(2), st.integers(0, 7)))


def noise(seed: int, share: float = 0.5, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """A lumpy random mask."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 0.8)
    return np.asarray(field > np.quantile(field, 1 - share))


def state(case: Document) -> tuple[bytes, list[object]]:
    return case.segmentation.labels.tobytes(), [case.state(segment.label) for segment in case.segments]


class Corrections(RuleBasedStateMachine):
    """Effects, strokes, locks, undo and redo in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.case = Document(Volume(IMAGE, Geometry(SHAPE, np.diag([*SPACING[::-1], 1.0]))))
        for number, name in enumerate("ABC", 1):
            self.case.add_segment(name)
            self.case.edit(number, self.case.volume.geometry.region, noise(number, 0.25), "Put")
        self.past: list[tuple[bytes, list[object]]] = []

    def revise(self, make) -> None:  # type: ignore[no-untyped-def]
        """A correction, checked: locked voxels stay, what was proposed is there, undo is its inverse."""
        before, old = state(self.case), self.case.segmentation.labels.copy()
        segments = dict(self.case.segmentation.segments)
        locked = [label for label, segment in segments.items() if segment.locked]
        try:
            proposal = make()
            self.case.revise(proposal)
        except BadInput:
            assert state(self.case) == before
            return
        new = self.case.segmentation.labels
        assert (new[proposal.region.slices] == proposal.values).all()
        assert ((new != old) <= self._inside(proposal.region)).all()
        for label in locked:
            assert ((new == label) == (old == label)).all()
        if proposal.empty:
            assert state(self.case) == before
            return
        after = state(self.case)
        self.case.undo()
        assert state(self.case) == before
        self.case.redo()
        assert state(self.case) == after

    def _inside(self, region: Region) -> np.ndarray:
        mask = np.zeros(SHAPE, bool)
        mask[region.slices] = True
        return mask

    @rule(effect=EFFECTS, plane=planes, label=st.integers(1, 5), take=st.booleans())
    def correct(self, effect, plane, label, take) -> None:  # type: ignore[no-untyped-def]
        if label in self.case.segmentation.segments:
            scene = Scene.of(self.case.volume, self.case.segmentation, label, plane, take)
            self.revise(lambda: propose(effect, scene))

    @rule(seed=seeds, label=st.integers(1, 5), erase=st.booleans(), take=st.booleans(), ball=st.booleans())
    def stroke(self, seed: int, label: int, erase: bool, take: bool, ball: bool) -> None:
        if label not in self.case.segmentation.segments:
            return
        places = np.random.default_rng(seed).integers(0, SHAPE, (4, 3)).tolist()

        def make():  # type: ignore[no-untyped-def]
            made = Stroke(self.case.volume, self.case.segmentation, label, erase=erase, take_others=take)
            for k, j, i in places:
                made.to((k, j, i), Tip(1.5, None if ball else 0))
            return made.proposal("Stroke")

        self.revise(make)

    @rule(label=st.integers(1, 5))
    def lock_or_unlock(self, label: int) -> None:
        segment = self.case.segmentation.segments.get(label)
        if segment:
            self.case.change_segment(label, locked=not segment.locked)

    @rule()
    def undo(self) -> None:
        self.case.undo()

    @rule()
    def redo(self) -> None:
        self.case.redo()

    @invariant()
    def every_label_has_a_segment_and_extents_are_right(self) -> None:
        labels = self.case.segmentation.labels
        assert set(np.unique(labels).tolist()) - {0} <= set(self.case.segmentation.segments)
        for label in self.case.segmentation.segments:
            assert self.case.segmentation.extent(label) == Region.around(labels == label)

    def teardown(self) -> None:
        while self.case.can_undo:
            self.case.undo()
        assert not self.case.segmentation.labels.any()
        assert self.case.segments == ()


TestCorrections = Corrections.TestCase
TestCorrections.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)


@given(seeds, seeds)
def test_a_change_cut_by_label_is_the_whole_change_in_any_order(one: int, two: int) -> None:
    before, after = (np.random.default_rng(seed).integers(0, 4, SHAPE).astype(np.uint8) for seed in (one, two))
    changes = by_label(before, after, Region.whole(SHAPE))
    for order in (list(changes), list(changes)[::-1]):
        labels = before.copy()
        for label in order:
            changes[label].flip(labels)
        assert (labels == after).all()


@given(seeds, st.lists(st.integers(1, 4), unique=True))
def test_claiming_never_takes_what_is_kept_and_gives_all_else(seed: int, kept: list[int]) -> None:
    labels = np.random.default_rng(seed).integers(0, 5, SHAPE).astype(np.uint8)
    wanted = noise(seed)
    values = claimed(labels, 1, wanted, kept)
    safe = np.isin(labels, [label for label in kept if label != 1])
    assert (values[safe] == labels[safe]).all()
    assert ((values == 1) == (wanted & ~safe)).all()
    assert (values[~wanted & (labels != 1)] == labels[~wanted & (labels != 1)]).all()


# Against second implementations


@given(seeds, st.floats(0.3, 4.0))
def test_a_margin_is_that_of_scipys_distances(seed: int, millimetres: float) -> None:
    mask = noise(seed, 0.2)
    away = ndimage.distance_transform_edt(~mask, sampling=SPACING)
    sure = np.abs(away - millimetres) > 1e-3  # on the limit itself rounding decides
    assert (grown(mask, millimetres, SPACING) == (away <= millimetres))[sure].all()
    inside_by = ndimage.distance_transform_edt(mask, sampling=SPACING)
    sure = np.abs(inside_by - millimetres) > 1e-3
    assert (shrunk(mask, millimetres, SPACING) == (inside_by > millimetres))[sure].all()


@given(
    seeds,
    st.sampled_from([0.0, 0.7, 1.0, 2.0, 2.5, 5.0, 40.0]),
    st.sampled_from([SPACING, (1.0, 1.0, 1.0), (5.0, 0.5, 0.5)]),
)
def test_a_margin_is_itks_to_the_voxel_on_the_limit_too(
    seed: int, millimetres: float, spacing: tuple[float, ...]
) -> None:
    import SimpleITK as sitk

    mask = noise(seed, 0.02)
    for drawn in (mask, mask[3], ~mask) if mask[3].any() else (mask, ~mask):
        image = sitk.GetImageFromArray(drawn.astype(np.uint8))
        image.SetSpacing(spacing[-drawn.ndim :][::-1])
        squared = sitk.SignedMaurerDistanceMap(image, False, True, True)
        expected = (sitk.GetArrayFromImage(squared) <= millimetres**2 * (1 + 1e-5)) | drawn
        assert np.array_equal(grown(drawn, millimetres, spacing[-drawn.ndim :]), expected)
        assert np.array_equal(shrunk(~drawn, millimetres, spacing[-drawn.ndim :]), ~expected)


@given(seeds)
def test_islands_are_those_of_scipy(seed: int) -> None:
    mask = noise(seed, 0.3)
    numbers, sizes = islands(mask)
    expected, count = ndimage.label(mask)
    assert len(sizes) - 1 == count
    assert sorted(sizes[1:]) == sorted(np.bincount(expected.ravel())[1:])
    pairs = set(zip(numbers[mask].tolist(), expected[mask].tolist(), strict=True))
    assert len(pairs) == count


@given(seeds, st.floats(0.5, 2.0))
def test_a_blurred_mask_is_itks_recursive_gaussian_but_for_its_approximation(seed: int, millimetres: float) -> None:
    import SimpleITK as sitk

    mask = np.zeros((24, 24, 24), bool)
    mask[6:18, 6:18, 6:18] = noise(seed, 0.6, (12, 12, 12))
    image = sitk.GetImageFromArray(mask.astype(np.float32))
    expected = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(image, millimetres))
    assert np.abs(blurred(mask, millimetres, (1.0, 1.0, 1.0)) - expected).max() < 0.05


@given(seeds, st.sampled_from([0.8, 1.7, 3.2]), st.booleans())
def test_a_ball_is_the_voxels_within_its_radius_of_the_way(seed: int, radius: float, flat: bool) -> None:
    a, b = np.random.default_rng(seed).integers(0, SHAPE, (2, 3))
    if flat:
        b[0] = a[0]
    region, mask = dab(Tip(radius, 0 if flat else None), tuple(a.tolist()), tuple(b.tolist()), SPACING, SHAPE)
    painted = np.zeros(SHAPE, bool)
    painted[region.slices] = mask
    steps = np.array(SPACING)
    t = np.linspace(0, 1, 200)[:, None]
    way = (a + t * (b - a)) * steps
    places = np.argwhere(np.ones(SHAPE, bool))
    away = np.array([np.sqrt(((way - place * steps) ** 2).sum(axis=1)).min() for place in places]).reshape(SHAPE)
    if flat:
        away[np.arange(SHAPE[0]) != a[0]] = np.inf
    away[tuple(a)] = away[tuple(b)] = 0
    sure = np.abs(away - radius) > 0.02
    assert (painted == (away <= radius))[sure].all()


@given(st.lists(st.tuples(st.floats(-2, 12), st.floats(-2, 12)), min_size=3, max_size=8))
def test_the_inside_of_an_outline_is_that_of_a_winding_free_polygon_by_crossings(corners) -> None:  # type: ignore[no-untyped-def]
    mask = inside(corners, (10, 10))
    points = np.array(corners)
    for row, column in ((0, 0), (3, 4), (5, 5), (9, 2)):
        crossings, near = 0, False
        for (r0, c0), (r1, c1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            near |= abs(r0 - row) < 1e-9 or abs(r1 - row) < 1e-9
            if (r0 > row) != (r1 > row):
                at = c0 + (row - r0) * (c1 - c0) / (r1 - r0)
                near |= abs(at - column) < 1e-9
                crossings += at < column
        if not near:
            assert mask[row, column] == bool(crossings % 2)


@given(seeds)
def test_distances_to_a_border_are_the_same_on_both_sides(seed: int) -> None:
    mask = noise(seed, 0.4, (9, 9))
    assert np.allclose(signed(mask, (1.0, 2.0)), -signed(~mask, (1.0, 2.0)))


def test_between_two_equal_slices_is_that_slice_and_between_two_discs_a_disc_of_the_middle_radius() -> None:
    j, i = np.ogrid[:40, :40]
    small, large = ((j - 20) ** 2 + (i - 20) ** 2 <= r**2 for r in (6, 14))
    same = between(large, large, 4, (1.0, 1.0))
    assert all((mask == large).all() for mask in same)
    (middle,) = between(small, large, 2, (1.0, 1.0))
    assert middle.sum() == pytest.approx(np.pi * 10**2, rel=0.06)


def test_splitting_more_islands_than_there_are_labels_leaves_the_rest_where_they_are() -> None:
    shape = (40, 40, 2)
    case = Document(Volume(np.zeros(shape, np.int16), Geometry(shape, np.eye(4))))
    case.add_segment("A")
    mask = np.zeros(shape, bool)
    mask[::2, ::2, 0] = True
    case.edit(1, case.volume.geometry.region, mask, "Put")
    case.revise(propose(Split(most=1000), Scene.of(case.volume, case.segmentation, 1, None, False)))
    assert len(case.segments) == MOST_SEGMENTS
    assert ((case.segmentation.labels > 0) == mask).all()
    case.undo()
    assert (case.segmentation.labels == mask).all()
