"""Slice views with real pixels: the right voxel at the right place in the right colour, and nothing drawn in vain."""

from dataclasses import dataclass

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtTest import QTest

from app.geometry import Region
from app.prompts import Box, Point, Scribble, SliceMask
from app.render.lettering import LETTER, letters
from app.render.marks import EXCLUDE, INCLUDE, PREVIEW, SUGGEST
from tests.render.cases import AXIAL, COLOUR, CORONAL, SAGITTAL, SIZE, add_ball, case, is_near, middle_of, rgb, settle


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LAS", "PIR", "SAL", "IPR", "ASL"])
@pytest.mark.parametrize(
    ("world_axis", "bright", "side"),
    [
        (AXIAL, lambda w: w[..., 0] > 20, "left"),
        (AXIAL, lambda w: w[..., 1] > 20, "top"),
        (CORONAL, lambda w: w[..., 0] > 20, "left"),
        (CORONAL, lambda w: w[..., 2] > 20, "top"),
        (SAGITTAL, lambda w: w[..., 1] > 20, "left"),
        (SAGITTAL, lambda w: w[..., 2] > 20, "top"),
    ],
)
def test_the_patient_is_shown_in_radiological_convention(show, orientation, world_axis, bright, side):
    shown = show(*case(orientation, bright=bright), world_axis)
    picture = shown.pixels()
    x, y = middle_of(is_near(picture, (255, 255, 255), 5))
    left, top = x < SIZE * 0.35, y < SIZE * 0.35
    assert (left, top) == (side == "left", side == "top")


def test_letters_are_written_on_the_side_they_name(show):
    for orientation in ("RAS", "LPI", "PSL"):
        document, view = case(orientation)
        for axis, expected in ((AXIAL, "RLAP"), (CORONAL, "RLSI"), (SAGITTAL, "APSI")):
            shown = show(document, view, axis)
            found = letters(document.volume.geometry, shown.sheet)
            assert "".join(found[side] for side in ("left", "right", "top", "bottom")) == expected
            yellow = is_near(shown.pixels(), rgb(LETTER), 30)
            strip, half = 30, slice(SIZE // 2 - 20, SIZE // 2 + 20)
            for name, part in {
                "left": yellow[half, :strip],
                "right": yellow[half, -strip:],
                "top": yellow[:strip, half],
                "bottom": yellow[-strip:, half],
            }.items():
                assert part.any(), name


def test_aspect_follows_the_spacing(show):
    document, view = case("RAS", shape=(20, 40, 40), spacing=(1.0, 1.0, 4.0))
    shown = show(document, view, CORONAL)
    a, b, c = shown.pixel_at((0, 0, 0)), shown.pixel_at((0, 0, 10)), shown.pixel_at((10, 0, 0))
    assert abs(b.x() - a.x()) * 4 == pytest.approx(abs(c.y() - a.y()))


@pytest.mark.parametrize("positive", [True, False])
def test_a_point_is_drawn_where_it_was_clicked(show, positive):
    document, view = case()
    view.active = document.add_segment("a").label
    shown = show(document, view)
    before = shown.pixels()
    index = shown.index_at(QPointF(260, 130))
    document.add_prompt(view.active, Point(index, positive))
    after = shown.pixels()
    pixel = shown.pixel_at(index)
    changed = (before != after).any(axis=-1)
    assert np.abs(middle_of(changed) - (pixel.x(), pixel.y())).max() < 1.5
    assert is_near(after[changed], rgb(INCLUDE if positive else EXCLUDE)).any()
    assert shown.prompt_at(pixel + QPointF(4, 0)) == Point(index, positive)
    assert shown.prompt_at(pixel + QPointF(40, 0)) is None
    assert shown.index_at(pixel) == index


def test_a_mark_fades_on_the_slices_around_it(show):
    document, view = case()
    view.active = document.add_segment("a").label
    k, j, i = view.crosshair
    shown = show(document, view)
    greens = []
    for distance in range(4):
        document.set_prompts(view.active, [])
        view.crosshair = (k + distance, j, i)
        before = shown.pixels()
        document.set_prompts(view.active, [Point((k, j + 8, i + 8))])
        greens.append(np.abs(shown.pixels().astype(int) - before).max())
    assert greens[0] > greens[1] > greens[2] > greens[3] == 0


@pytest.mark.parametrize(
    ("prompt", "colour"),
    [
        (Box((18, 5, 5), (22, 15, 12)), INCLUDE),
        (Scribble([(20, 6, x) for x in range(5, 16)], positive=False), EXCLUDE),
        (SliceMask(0, 20, np.pad(np.ones((8, 8), bool), 16)), INCLUDE),
    ],
)
def test_boxes_scribbles_and_slice_masks_are_drawn_on_their_slice(show, prompt, colour):
    document, view = case()
    view.active = document.add_segment("a").label
    view.crosshair = (20, 30, 30)
    shown = show(document, view)
    before = shown.pixels()
    document.add_prompt(view.active, prompt)
    after = shown.pixels()
    changed = (before != after).any(axis=-1)
    assert is_near(after[changed], rgb(colour)).sum() > 20
    view.crosshair = (30, 30, 30)
    away = shown.pixels()
    document.set_prompts(view.active, [])
    assert (shown.pixels() == away).all()


def test_a_segment_is_shown_in_its_colour_until_it_is_hidden(show, qtbot):
    document, view = case()
    label = add_ball(document, (20, 12, 28), 6)
    view.opacity = 1.0
    shown = show(document, view)
    covered = is_near(shown.pixels(), COLOUR, 12)
    pixel = shown.pixel_at((20, 12, 28))
    assert np.abs(middle_of(covered) - (pixel.x(), pixel.y())).max() < 1.5
    radius = 6.5 * shown.viewport.scale * 2
    assert covered.sum() == pytest.approx(np.pi * radius**2, rel=0.15)
    document.change_segment(label, visible=False)
    settle(qtbot)
    assert not is_near(shown.pixels(), COLOUR, 60).any()


def test_opacity_blends_and_the_outline_stays(show):
    document, view = case()
    add_ball(document, (20, 12, 28), 6)
    view.opacity = 0.0
    shown = show(document, view)
    picture = shown.pixels()
    pixel = shown.pixel_at((20, 12, 28))
    assert np.ptp(picture[round(pixel.y()), round(pixel.x())].astype(int)) < 5
    assert is_near(picture, COLOUR, 40).sum() > 60


def test_the_window_decides_the_grey(show, qtbot):
    document, view = case()
    shown = show(document, view)
    place = shown.pixel_at((20, 8, 8)).toPoint()
    dark = shown.pixels()[place.y(), place.x()]
    view.window = type(view.window)(0, 40)
    settle(qtbot)
    bright = shown.pixels()[place.y(), place.x()]
    assert dark.tolist() == pytest.approx([51] * 3, abs=2)
    assert bright.tolist() == pytest.approx([127] * 3, abs=2)


@dataclass
class Asked:
    label: int


@dataclass
class Estimate:
    request: Asked
    region: Region
    deviation: np.ndarray

    def slab(self, axis: int, at: int) -> np.ndarray:
        return self.deviation.take([at - self.region.start[axis]], axis)


def test_uncertainty_is_shown_where_it_is_and_only_when_asked(show, qtbot):
    document, view = case("LPS")
    view.active = document.add_segment("a").label
    shown = show(document, view)
    deviation = np.zeros((5, 8, 6), np.float32)
    deviation[2, 3, 4] = 1.0
    region = Region((18, 10, 20), (23, 18, 26))
    plain = shown.pixels()
    shown.set_estimate(Estimate(Asked(view.active), region, deviation))
    assert (shown.pixels() == plain).all()
    view.heat = True
    settle(qtbot)
    heat = shown.pixels()
    pixel = shown.pixel_at((20, 13, 24))
    changed = (heat != plain).any(axis=-1)
    changed[:, SIZE - 120 :] = False  # without the colour bar and its title
    assert np.abs(middle_of(changed) - (pixel.x(), pixel.y())).max() < 2.5
    assert (heat[:, SIZE - 40 :] != plain[:, SIZE - 40 :]).any()
    view.active = 0
    settle(qtbot)
    assert (shown.pixels() == plain).all()


def test_uncertainty_fades_where_its_region_ends_inside_the_scan_and_nowhere_else(show, qtbot):
    document, view = case("LPS")
    view.active = document.add_segment("a").label
    view.heat = True
    shown = show(document, view)
    plain = shown.pixels().astype(int)
    _, j, i = document.volume.shape
    region = Region((18, 0, 4), (23, j, i))  # ends inside the scan at one side only, the patient's right
    shown.set_estimate(Estimate(Asked(view.active), region, np.ones(region.shape, np.float32)))
    change = np.abs(shown.pixels().astype(int) - plain).sum(axis=-1)

    def at(index):
        pixel = shown.pixel_at(index)
        return change[round(pixel.y()), round(pixel.x())]

    middle = at((20, j // 2 + 4, 16))
    assert at((20, j // 2 + 4, 4)) < 0.4 * middle
    assert at((20, j // 2 + 4, 4)) < at((20, j // 2 + 4, 7)) < middle
    assert at((20, j // 2 + 4, i - 1)) > 0.8 * middle


def test_suggestion_and_preview_come_and_go(show):
    document, view = case()
    shown = show(document, view)
    plain = shown.pixels()
    shown.set_suggestion((20, 10, 10))
    assert is_near(shown.pixels(), rgb(SUGGEST), 20).sum() > is_near(plain, rgb(SUGGEST), 20).sum() + 40
    shown.set_suggestion(None)
    shown.set_preview(Box((20, 5, 5), (20, 20, 20)))
    assert is_near(shown.pixels(), rgb(PREVIEW), 40).sum() > 100
    shown.set_preview(None)
    assert (shown.pixels() == plain).all()


def test_a_selected_point_is_larger(show):
    document, view = case()
    view.active = document.add_segment("a").label
    point = Point((20, 10, 10))
    document.add_prompt(view.active, point)
    shown = show(document, view)
    small = is_near(shown.pixels(), rgb(INCLUDE)).sum()
    shown.set_selected(point)
    assert is_near(shown.pixels(), rgb(INCLUDE)).sum() > 1.5 * small


def test_the_value_under_the_mouse_is_told(show, qtbot):
    shown = show(*case())
    heard = []
    shown.hovered.connect(heard.append)
    pixel = shown.pixel_at((20, 9, 31))
    QTest.mouseMove(shown, pixel.toPoint())
    qtbot.waitUntil(lambda: heard[-1:] == [(20, 9, 31)])
    outside = QPoint(2, SIZE // 2)
    QTest.mouseMove(shown, outside)
    qtbot.waitUntil(lambda: heard[-1] is None)
