"""Slice views with real pixels: the right voxel at the right place in the right colour, and nothing drawn in vain."""

import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSplitter

from app.geometry import Region
from app.prompts import Box, Point, Scribble, SliceMask
from app.render.lettering import LETTER, letters, position_text, round_length, value_text
from app.render.marks import EXCLUDE, INCLUDE, PREVIEW, SUGGEST
from app.render.slice_view import SliceView
from app.render.vtk_widget import Canvas
from tests.render.cases import COLOUR, add_ball, case, is_near

SIZE = 420
AXIAL, CORONAL, SAGITTAL = 2, 1, 0


@pytest.fixture
def show(qtbot):
    """Makes a slice view of a document."""
    views = []

    def make(document, view, world_axis=AXIAL):
        made = SliceView(world_axis)
        qtbot.addWidget(made)
        made.resize(SIZE, SIZE)
        made.set_case(document, view)
        made.show()
        qtbot.waitExposed(made)
        views.append(made)
        return made

    return make


@pytest.fixture
def frames(monkeypatch):
    """Counts VTK frames."""
    drawn = []
    render = Canvas.render
    monkeypatch.setattr(Canvas, "render", lambda self, *size: drawn.append(size) or render(self, *size))
    return drawn


def rgb(colour):
    return colour.red(), colour.green(), colour.blue()


def settle(qtbot):
    qtbot.wait(60)


def middle_of(mask):
    return np.argwhere(mask).mean(axis=0)[::-1]


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


class Recorder:
    def __init__(self):
        self.heard = []

    def __getattr__(self, name):
        return lambda view, event: self.heard.append(name)


def test_the_tool_gets_every_mouse_event_and_no_press_renders(show, qtbot, frames):
    shown = show(*case())
    shown.mouse = Recorder()
    settle(qtbot)
    frames.clear()
    QTest.mousePress(shown, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 60))
    QTest.mouseRelease(shown, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 60))
    QTest.mouseDClick(shown, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 60))
    assert [name for name in shown.mouse.heard if name != "move"][:2] == ["press", "release"]
    assert "double_click" in shown.mouse.heard
    assert not frames


def test_many_requests_within_a_frame_are_one_render(show, qtbot, frames):
    document, view = case()
    shown = show(document, view)
    settle(qtbot)
    frames.clear()
    for step in range(10):
        view.window = type(view.window)(0, 50 + step)
        shown.pan_by(QPointF(1, 0))
    assert not frames
    settle(qtbot)
    assert len(frames) == 1


def test_only_what_the_slice_shows_makes_it_render(show, qtbot, frames):
    document, view = case()
    label = add_ball(document, (20, 12, 28), 6)
    view.active = label
    shown = show(document, view)
    settle(qtbot)
    frames.clear()
    far = Region((0, 0, 0), (5, 5, 5))
    document.edit(label, far, np.ones(far.shape, bool), "Paint")
    view.crosshair = (20, 3, 4)  # the same axial slice
    document.add_prompt(label, Point((20, 5, 5)))
    shown.set_suggestion((20, 1, 1))
    settle(qtbot)
    assert not frames
    near = Region((20, 0, 0), (21, 5, 5))
    document.edit(label, near, np.ones(near.shape, bool), "Paint")
    settle(qtbot)
    assert len(frames) == 1


def test_zoom_pan_fit(show):
    shown = show(*case())
    at = QPointF(100, 320)
    index = shown.index_at(at)
    shown.zoom_by(5, at)
    assert shown.index_at(at) == index
    assert shown.zoom == pytest.approx(5)
    shown.pan_by(QPointF(30, -12))
    assert shown.index_at(at + QPointF(30, -12)) == index
    shown.fit()
    assert shown.zoom == 1
    assert shown.index_at(QPointF(1, 1)) is None
    assert shown.clamped_index_at(QPointF(1, 1)) == (20, 39, 39)


def test_voxels_are_rectangles_when_zoomed_far_in(show):
    document, view = case(bright=lambda w: (np.abs(w) < 1.5).all(axis=-1))
    view.crosshair = (20, 20, 20)
    shown = show(document, view)
    view.crosshair = (20, 0, 0)
    shown.zoom_by(10, shown.pixel_at((20, 20, 20)))
    levels = np.unique(shown.pixels()[160:260, 160:260, 0])
    assert np.isin(levels, (0, 255)).mean() > 0.5


def test_without_a_case_the_view_is_black_and_finds_nothing(show, qtbot):
    shown = show(*case())
    shown.set_case(None, case()[1])
    settle(qtbot)
    assert not shown.pixels().any()
    assert shown.index_at(QPointF(200, 200)) is None
    assert shown.prompt_at(QPointF(200, 200)) is None


def test_a_new_case_replaces_the_old_one_and_stops_listening_to_it(show, qtbot, frames):
    first, view = case(bright=lambda w: w[..., 0] > -1000)
    shown = show(first, view)
    second, other = case("PIR", shape=(30, 20, 50))
    shown.set_case(second, other)
    settle(qtbot)
    frames.clear()
    add_ball(first, (20, 20, 20), 5)
    view.window = type(view.window)(0, 7)
    settle(qtbot)
    assert not frames
    assert shown.pixels()[SIZE // 3, SIZE // 2 + 60].tolist() == pytest.approx([51] * 3, abs=2)


def test_views_live_in_splitters_hide_and_die_quietly(qtbot):
    document, view = case()
    splitter = QSplitter()
    qtbot.addWidget(splitter)
    views = [SliceView(axis) for axis in (AXIAL, CORONAL, SAGITTAL)]
    for shown in views:
        splitter.addWidget(shown)
        shown.set_case(document, view)
    splitter.resize(900, 300)
    splitter.show()
    qtbot.waitExposed(splitter)
    for sizes in ([700, 100, 100], [0, 500, 400], [300, 300, 300]):
        splitter.setSizes(sizes)
        qtbot.wait(30)
    views[0].hide()
    views[1].setParent(None)
    views[1].show()
    qtbot.wait(30)
    canvas = views[1].canvas
    views[1].close()
    views[1].deleteLater()
    qtbot.waitUntil(lambda: canvas._window is None)
    view.window = type(view.window)(0, 9)  # the dead view hears it and does nothing
    views.clear()
    gc.collect()


def test_a_512_slice_is_updated_in_time(show):
    document, view = case(shape=(12, 512, 512), spacing=(0.7, 0.7, 3.0), bright=lambda w: w[..., 0] % 20 > 9)
    add_ball(document, (6, 256, 256), 150)
    shown = show(document, view)
    seconds = []
    for step in range(9):
        view.crosshair = (1 + step, 256, 256)
        begun = time.perf_counter()
        shown.refresh()
        seconds.append(time.perf_counter() - begun)
    assert np.median(seconds) < 0.030


HIDPI = """
import json
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication
from app.prompts import Point
from app.render.slice_view import SliceView
from tests.render.cases import add_ball, case
application = QApplication([])
document, view = case()
view.opacity = 1.0
view.active = add_ball(document, (20, 30, 8), 3)
shown = SliceView(2)
shown.resize(300, 300)
shown.set_case(document, view)
shown.show()
pixel = shown.pixel_at((20, 30, 8))
picture = shown.pixels()
near = (abs(picture.astype(int) - (230, 60, 200)).max(axis=-1) < 12).nonzero()
print(json.dumps({
    "ratio": shown.devicePixelRatioF(), "shape": picture.shape, "frame": shown.canvas._pixels.shape,
    "pixel": [pixel.x(), pixel.y()], "ball": [float(near[1].mean()), float(near[0].mean())],
    "index": shown.index_at(pixel),
}))
"""


@pytest.mark.parametrize("ratio", [1, 2, 1.5])
def test_pixels_and_voxels_agree_on_screens_of_any_density(ratio):
    environment = {**os.environ, "QT_SCALE_FACTOR": str(ratio)}
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", HIDPI], env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "vtk" not in done.stderr.lower()  # neither while drawing nor while the interpreter goes down
    told = json.loads(done.stdout)
    assert told["ratio"] == ratio
    assert told["shape"] == [round(300 * ratio), round(300 * ratio), 3]
    assert told["frame"][:2] == told["shape"][:2]  # VTK drew every device pixel
    assert told["index"] == [20, 30, 8]
    assert np.abs(np.array(told["ball"]) / ratio - told["pixel"]).max() < 1


def test_texts():
    geometry = case("LPS")[0].volume.geometry
    assert position_text(geometry, (0, 0, 0)) == "R 39.0  A 39.0  I 39.0 mm"
    assert value_text(-12.0, "CT") == "-12 HU"
    assert value_text(0.123456, "MR") == "0.1235"
    assert [round_length(x) for x in (0.7, 19.9, 50, 300)] == pytest.approx([0.5, 10, 50, 200])
