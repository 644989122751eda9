"""`Gesture` and `Tool`: what a press begins, and who begins it."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from app.render.slice_view import SliceView


class Gesture:
    """What happens between press and release. Pixels are those of the view where it began."""

    ended = True
    """False after `finish` for what goes on over several presses (the corners of an outline)."""

    def press(self, view: SliceView, pixel: QPointF) -> None:
        """The button went down again, in a gesture that goes on."""

    def move(self, view: SliceView, pixel: QPointF) -> None:
        """The mouse moved."""

    def finish(self, view: SliceView) -> None:
        """The button was released."""

    def close(self, view: SliceView) -> None:
        """A double click or Enter ends a gesture that goes on."""

    def cancel(self, view: SliceView) -> None:
        """Given up with Esc, or by another case."""
        view.set_preview(None)


class Tool:
    """Begins gestures."""

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        """The left button went down at a pixel; `invert` (Ctrl) turns include into exclude."""
        return None

    def begin_right(self, view: SliceView, pixel: QPointF) -> Gesture | None:
        """The right button went down; None lets it zoom."""
        return None

    def turn(self, notches: int) -> bool:
        """The wheel turned with Shift; False lets it change the slice."""
        return False
