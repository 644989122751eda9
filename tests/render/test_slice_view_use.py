"""Slice views in use: mouse, zoom, few frames, a quiet life and death, any density of screen."""

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSplitter

from app.geometry import Region
from app.prompts import Point
from app.render.lettering import position_text, round_length, value_text
from app.render.slice_view import SliceView
from tests.render.cases import AXIAL, CORONAL, SAGITTAL, SIZE, add_ball, case, settle


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
        begun = time.thread_time()  # of this thread: other programs shall not count
        shown.refresh()
        seconds.append(time.thread_time() - begun)
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
