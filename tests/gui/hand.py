"""`Hand`: real mouse events over the window's views; places are voxels."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.geometry import Region

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
MIDDLE = (10, 12, 14)
AXES = (0, 1, 2)


class Hand:
    """Presses, drags and turns the wheel over the window's views; places are voxels."""

    def __init__(self, window):
        self.window, self.session = window, window.session
        self.views = {frame.view.axis: frame.view for frame in window.views.slices}

    def press(self, axis, index, button=LEFT, keys=NONE):
        QTest.mousePress(self.views[axis], button, keys, self._pixel(axis, index))

    def release(self, axis, index, button=LEFT, keys=NONE):
        QTest.mouseRelease(self.views[axis], button, keys, self._pixel(axis, index))

    def move(self, axis, index, button=LEFT, keys=NONE):
        view, pixel = self.views[axis], QPointF(self._pixel(axis, index))
        event = QMouseEvent(
            QEvent.Type.MouseMove, pixel, QPointF(view.mapToGlobal(pixel)), Qt.MouseButton.NoButton, button, keys
        )
        QApplication.sendEvent(view, event)

    def drag(self, axis, *path, button=LEFT, keys=NONE):
        self.press(axis, path[0], button, keys)
        for index in path[1:]:
            self.move(axis, index, button, keys)
        self.release(axis, path[-1], button, keys)

    def click(self, axis, index, keys=NONE):
        self.press(axis, index, keys=keys)
        self.release(axis, index, keys=keys)

    def wheel(self, axis, notches, keys):
        view, pixel = self.views[axis], QPointF(self._pixel(axis, MIDDLE))
        event = QWheelEvent(
            pixel, view.mapToGlobal(pixel), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton, keys,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, event)

    def do(self, action):
        self.window.actions_.refresh()
        self.window.actions_[action].trigger()

    def take(self, tool):
        self.session.view.tool = tool

    @property
    def labels(self):
        return np.array(self.session.case.segmentation.labels)

    @property
    def steps(self):
        return [step.title for step in self.session.case.history.done]

    def _pixel(self, axis, index):
        return self.views[axis].pixel_at(index).toPoint()


@pytest.fixture
def hand(case, qtbot):
    made = Hand(case)
    made.session.view.crosshair = MIDDLE
    qtbot.waitUntil(lambda: made.views[0].width() > 100)
    return made


@pytest.fixture
def painted(hand):
    """A segment with a block of voxels."""
    segment = hand.session.add_segment("Liver")
    hand.session.case.edit(segment.label, Region((6, 6, 6), (14, 18, 20)), np.ones((8, 12, 14), bool), "Put")
    return hand


def moved(axis, index, steps):
    """A voxel further along the first axis of a view."""
    place = list(index)
    place[0 if axis else 1] += steps
    return tuple(place)
