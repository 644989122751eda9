"""`Mouse`: the handler of every slice view; gives each press to the active tool.

A tool turns a press into a `Gesture`, which lives until the button is released. Wheel, zoom, pan, double click and
Shift+move mean the same with every tool, but Shift+wheel sizes a brush and the right button erases with it.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from app.errors import AppError
from app.prompts import Prompt
from app.render.slice_view import SliceView
from app.segmentation import Segment
from app.session import Session
from app.ui.tools.gesture import Gesture, Tool
from app.ui.tools.looking import Crosshair, Pan, WindowTool, Zoom, step_slice
from app.ui.tools.measuring import AngleTool, RulerTool
from app.ui.tools.painting import BrushTool, OutlineTool
from app.ui.tools.prompting import BoxTool, LassoTool, PointTool, ScribbleTool

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NOTCH = 120  # Qt's angle of one click of a mouse wheel, in eighths of a degree


class Mouse:
    """The handler of every slice view (`app.render.slice_view.MouseHandler`).

    Args:
        add: Takes a finished prompt.
        maximise: Shows one view alone, or all again.
        work_in: Told of the view where a button or the wheel was used.
        report: Tells the user of an error.
        target: The segment to draw on; a new one when None.
        choose: Told of a prompt that was taken hold of.
    """

    def __init__(
        self,
        session: Session,
        add: Callable[[Prompt], None],
        maximise: Callable[[SliceView], None],
        work_in: Callable[[SliceView], None],
        report: Callable[[AppError], None],
        target: Callable[[], Segment] | None = None,
        choose: Callable[[Prompt], None] = lambda _: None,
    ) -> None:
        self._session, self._maximise, self._work_in, self._report = session, maximise, work_in, report
        crosshair, target = Crosshair(session, choose), target or session.add_segment
        self.tools: dict[str, Tool] = {
            "crosshair": crosshair,
            "point": PointTool(session, add, choose),
            "box": BoxTool(session, add, choose),
            "scribble": ScribbleTool(session, add),
            "lasso": LassoTool(session, add),
            "brush": BrushTool(session, target),
            "eraser": BrushTool(session, target, erase=True),
            "outline": OutlineTool(session, target),
            "window": WindowTool(session),
            "ruler": RulerTool(session.view),
            "angle": AngleTool(session.view),
        }
        self._crosshair = crosshair
        self._gesture: tuple[Gesture, SliceView, Qt.MouseButton] | None = None
        self._turned = 0
        self.space_held = False

    def press(self, view: SliceView, event: QMouseEvent) -> None:
        """Begin what the button means; further buttons do nothing until it is released."""
        if self._gesture and not self._gesture[0].ended and view is self._gesture[1] and event.button() == LEFT:
            self._go_on(lambda gesture: gesture.press(view, event.position()))
        if self._gesture or view.document is None:
            return
        self._work_in(view)
        try:
            gesture = self._begin(view, event)
        except AppError as error:
            self._report(error)
            return
        if gesture:
            self._gesture = gesture, view, event.button()

    def move(self, view: SliceView, event: QMouseEvent) -> None:
        """Go on; with Shift and no button, all views follow."""
        if self._gesture:
            gesture, start, button = self._gesture
            if event.buttons() & button or not gesture.ended:
                if view is start:
                    gesture.move(start, event.position())
            else:
                self.cancel()  # the release went to another window
        elif event.modifiers() & SHIFT and not event.buttons():
            self._crosshair.follow(view, event.position())

    def release(self, view: SliceView, event: QMouseEvent) -> None:
        """End it."""
        if self._gesture and event.button() == self._gesture[2]:
            view = self._gesture[1]
            self._go_on(lambda gesture: gesture.finish(view))

    def wheel(self, view: SliceView, event: QWheelEvent) -> None:
        """Next slice for every notch, or closer with Ctrl; small steps of a touch pad are summed."""
        self._work_in(view)
        angle = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & CTRL:
            view.zoom_by(1.15 ** (angle / NOTCH), event.position())
            return
        self._turned += angle
        notches = int(self._turned / NOTCH)
        if not notches:
            return
        self._turned -= notches * NOTCH
        if not (event.modifiers() & SHIFT and self.tools[self._session.view.tool].turn(notches)):
            step_slice(self._session, view, notches * (5 if event.modifiers() & SHIFT else 1))

    def double_click(self, view: SliceView, event: QMouseEvent) -> None:
        """Maximise, but a second quick point is a point."""
        if self.accept():
            return
        if event.button() == LEFT and self._session.view.tool in ("crosshair", "window"):
            self.cancel()
            self._maximise(view)
        else:
            self.press(view, event)

    def accept(self) -> bool:
        """End what goes on over several presses, as a double click does; whether there was anything."""
        if self._gesture is None or self._gesture[0].ended:
            return False
        view = self._gesture[1]
        self._go_on(lambda gesture: gesture.close(view))
        return True

    def cancel(self) -> bool:
        """Give up what is under way; whether there was anything."""
        if self._gesture is None:
            return False
        gesture, view, _ = self._gesture
        self._gesture = None
        gesture.cancel(view)
        return True

    def _go_on(self, step: Callable[[Gesture], None]) -> None:
        """A step of what is under way, which may be its last."""
        if self._gesture is None:
            return
        held, self._gesture = self._gesture, None
        try:
            step(held[0])
        except AppError as error:
            self._report(error)
            held[0].cancel(held[1])
            return
        if not held[0].ended:
            self._gesture = held

    def _begin(self, view: SliceView, event: QMouseEvent) -> Gesture | None:
        pixel, button, keys = event.position(), event.button(), event.modifiers()
        if button == MIDDLE or (button == LEFT and (keys & SHIFT or self.space_held)):
            return Pan(pixel)
        tool = self.tools[self._session.view.tool]
        if button == RIGHT:
            return tool.begin_right(view, pixel) or Zoom(pixel)
        if button == LEFT:
            return tool.begin(view, pixel, invert=bool(keys & CTRL))
        return None
