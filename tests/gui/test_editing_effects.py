"""Corrections in the real window: previewed, then applied with Enter or given up with Esc."""

from __future__ import annotations

import numpy as np

from app.geometry import Geometry, Region
from app.volume import Volume
from tests.gui.hand import AXES, MIDDLE, hand, painted

__all__ = ["hand", "painted"]  # fixtures


def ready(window):
    return lambda: not window.effects.busy and window.session.corrections.preview is not None


def test_a_correction_is_previewed_then_applied_with_enter_as_one_step(painted, qtbot):
    before, steps = painted.labels, painted.steps
    painted.do("correct-margin")
    qtbot.waitUntil(ready(painted.window), timeout=20_000)
    assert (painted.labels == before).all()
    assert "1 voxel head to foot. +" in painted.window.effects.note
    assert painted.window.sidebar.correct.preview.isChecked()
    painted.do("accept")
    assert (painted.labels == 1).sum() > (before == 1).sum()
    assert len(painted.steps) == len(steps) + 1
    assert not painted.window.effects.shown
    painted.do("undo")
    assert (painted.labels == before).all()


def test_esc_gives_a_preview_up(painted, qtbot):
    before = painted.labels
    painted.do("correct-margin")
    qtbot.waitUntil(ready(painted.window), timeout=20_000)
    painted.window.commands.escape()
    assert painted.session.corrections.preview is None
    painted.do("accept")
    assert (painted.labels == before).all()


def test_a_threshold_is_seen_at_once_on_every_slice_and_follows_its_limits(painted):
    correct = painted.window.sidebar.correct
    painted.do("correct-threshold")
    fields = correct.pages["threshold"]
    low = fields.findChildren(type(correct.brush.low))[0]
    low.setValue(90)
    image, shape = painted.session.case.volume.array, painted.labels.shape
    for axis in AXES:
        plane = Region.plane(shape, axis, MIDDLE[axis])
        region, values = painted.session.corrections.preview.crop(plane)
        assert region == plane
        assert ((values == 1) == (image[plane.slices] >= 90)).all()


def test_a_threshold_is_applied_to_the_whole_volume_or_to_one_slice(painted, qtbot):
    correct, image = painted.window.sidebar.correct, painted.session.case.volume.array
    painted.do("correct-threshold")
    correct.slice.click()
    correct.pages["threshold"].findChildren(type(correct.brush.low))[0].setValue(90)
    before = painted.labels
    correct.apply.click()
    qtbot.waitUntil(lambda: not painted.window.effects.shown, timeout=20_000)
    assert ((painted.labels[10] == 1) == (image[10] >= 90)).all()
    assert (np.delete(painted.labels, 10, 0) == np.delete(before, 10, 0)).all()
    correct.whole.click()
    correct.apply.click()
    qtbot.waitUntil(lambda: not painted.window.effects.shown, timeout=20_000)
    assert ((painted.labels == 1) == (image >= 90)).all()


def test_a_correction_of_a_locked_or_empty_segment_says_why_not(painted, qtbot):
    painted.session.change_segment(1, locked=True)
    painted.do("correct-margin")
    qtbot.waitUntil(lambda: "locked" in painted.window.effects.note, timeout=20_000)
    painted.window.sidebar.correct.apply.click()
    qtbot.waitUntil(lambda: "locked" in painted.window.banner.text, timeout=20_000)
    painted.session.add_segment("Empty")
    qtbot.waitUntil(lambda: "no voxel" in painted.window.effects.note, timeout=20_000)
    assert not painted.window.banner.text  # the refusal was of another segment


def test_what_is_shown_follows_the_labels_so_that_nothing_old_is_applied(painted, qtbot):
    window = painted.window
    painted.do("correct-margin")
    qtbot.waitUntil(ready(window), timeout=20_000)
    painted.session.case.edit(1, Region((0, 0, 0), (1, 1, 1)), np.ones((1, 1, 1), bool), "Put")
    painted.do("accept")
    qtbot.waitUntil(lambda: not window.effects.shown, timeout=20_000)
    assert painted.labels[0, 1, 0] == 1


def test_merging_takes_the_chosen_segment_off_the_list(painted, qtbot):
    painted.session.add_segment("Part")
    painted.session.case.edit(2, Region((0, 0, 0), (2, 2, 2)), np.ones((2, 2, 2), bool), "Put")
    painted.session.view.active = 1
    painted.do("correct-combine")
    qtbot.waitUntil(ready(painted.window), timeout=20_000)
    painted.window.sidebar.correct.apply.click()
    qtbot.waitUntil(lambda: not painted.window.effects.shown, timeout=20_000)
    assert [s.name for s in painted.session.case.segments] == ["Liver"]
    assert painted.labels[1, 1, 1] == 1


def test_another_scan_ends_a_preview(painted, qtbot, volume):
    painted.do("correct-margin")
    qtbot.waitUntil(ready(painted.window), timeout=20_000)
    painted.session.adopt(volume)
    assert not painted.window.effects.shown
    assert painted.session.corrections.preview is None


def test_distances_begin_with_what_reaches_the_next_voxel_of_the_scan(painted, qtbot):
    pages = painted.window.sidebar.correct.pages
    assert [pages[name].values()["millimetres"] for name in ("margin", "smooth", "combine")] == [2.0, 1.5, 2.0]
    voxels = np.zeros((12, 14, 16), np.int16)
    painted.session.adopt(Volume(voxels, Geometry(voxels.shape, np.diag([3.12, 3.2, 5.0, 1.0]))))
    assert [pages[name].values()["millimetres"] for name in ("margin", "smooth", "combine")] == [3.2, 3.2, 3.2]
    painted.session.add_segment("Liver")
    painted.session.case.edit(1, Region((4, 4, 4), (8, 8, 8)), np.ones((4, 4, 4), bool), "Put")
    painted.do("correct-margin")
    qtbot.waitUntil(ready(painted.window), timeout=20_000)
    assert painted.window.effects.note.startswith("3.2 mm is 1 voxel left to right, 1 voxel front to back, no voxel")
    painted.do("accept")
    assert (painted.labels == 1).sum() > 64
