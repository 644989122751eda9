"""The label array: its boxes and frozen copies follow every change."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.change import Change
from app.geometry import Geometry, Region
from app.segmentation import Segment, Segmentation

SHAPE = (5, 6, 7)
corners = st.tuples(*[st.integers(0, n - 1) for n in SHAPE])
edits = st.lists(
    st.tuples(st.integers(1, 3), corners, corners, st.integers(0, 99), st.booleans(), st.booleans()), max_size=12
)


def claimed(labels: np.ndarray, label: int, region: Region, mask: np.ndarray, alone: bool) -> np.ndarray:
    """What a segment that equals the mask makes of the labels, voxel by voxel."""
    after = labels.copy()
    for index in np.ndindex(*SHAPE):
        inside = region.contains(index)
        wanted = bool(mask[tuple(a - b for a, b in zip(index, region.start, strict=True))]) if inside else not alone
        if labels[index] == label and not wanted:
            after[index] = 0
        elif labels[index] == 0 and inside and wanted:
            after[index] = label
    return after


@given(edits)
def test_extents_and_frozen_labels_are_those_of_the_array(todo: list) -> None:
    segmentation = Segmentation(Geometry(SHAPE, np.eye(4)))
    for label in (1, 2, 3):
        segmentation.put(Segment(label, str(label), (1, 2, 3)))
    done: list[Change] = []
    early = segmentation.freeze()
    for label, a, b, seed, undo, alone in todo:
        if undo and done:
            segmentation.flip(done.pop())
        else:
            region = Region(tuple(map(min, a, b)), tuple(max(x, y) + 1 for x, y in zip(a, b, strict=True)))
            mask = np.random.default_rng(seed).random(region.shape) < 0.5
            before = segmentation.labels.copy()
            change = segmentation.claim(label, region, mask, alone)
            assert (segmentation.labels == claimed(before, label, region, mask, alone)).all()
            assert (change is None) == (segmentation.labels == before).all()
            done += [change] if change else []
        for each in (1, 2, 3):
            assert segmentation.extent(each) == Region.around(segmentation.labels == each)
        assert (segmentation.freeze().crop(Region.whole(SHAPE)) == segmentation.labels).all()
        assert not np.delete(segmentation.labels, np.s_[segmentation.touched.slices[0]], axis=0).any()
    assert not early.crop(Region.whole(SHAPE)).any()


def test_a_crop_of_frozen_labels_is_a_crop_of_the_array() -> None:
    segmentation = Segmentation(Geometry(SHAPE, np.eye(4)))
    segmentation.put(Segment(1, "1", (1, 2, 3)))
    whole = Region.whole(SHAPE)
    segmentation.claim(1, whole, np.random.default_rng(0).random(SHAPE) < 0.5)
    region = Region((1, 2, 3), (4, 5, 7))
    assert (segmentation.freeze().crop(region) == segmentation.labels[region.slices]).all()


def test_unchanged_slices_are_shared() -> None:
    segmentation = Segmentation(Geometry(SHAPE, np.eye(4)))
    segmentation.put(Segment(1, "1", (1, 2, 3)))
    before = segmentation.freeze()
    plane = Region.plane(SHAPE, 0, 2)
    segmentation.claim(1, plane, np.ones(plane.shape, bool))
    after = segmentation.freeze()
    assert [a is b for a, b in zip(before.slices, after.slices, strict=True)] == [True, True, False, True, True]


def test_only_what_was_ever_touched_is_frozen() -> None:
    segmentation = Segmentation(Geometry(SHAPE, np.eye(4)))
    segmentation.put(Segment(1, "1", (1, 2, 3)))
    region = Region((1, 2, 3), (3, 4, 4))
    segmentation.claim(1, region, np.ones(region.shape, bool))
    assert [kept.labels.size for kept in segmentation.freeze().slices] == [0, 2, 2, 0, 0]


def test_a_locked_segment_and_the_voxels_of_others_stay() -> None:
    segmentation = Segmentation(Geometry(SHAPE, np.eye(4)))
    for label in (1, 2):
        segmentation.put(Segment(label, str(label), (1, 2, 3)))
    whole = Region.whole(SHAPE)
    segmentation.claim(1, Region.plane(SHAPE, 0, 2), np.ones((1, *SHAPE[1:]), bool))
    segmentation.claim(2, whole, np.ones(SHAPE, bool))
    before = segmentation.labels.copy()
    assert (before[2] == 1).all()
    assert (np.delete(before, 2, axis=0) == 2).all()
    segmentation.put(Segment(2, "2", (1, 2, 3), locked=True))
    assert segmentation.claim(2, whole, np.zeros(SHAPE, bool)) is None
    assert (segmentation.labels == before).all()
