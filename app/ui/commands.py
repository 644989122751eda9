"""`Commands`: what the rows of the table of actions do, beyond a single verb of the session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.prompts import Point, Prompt, Scribble
from app.segmentation import Segment
from app.session import Session
from app.ui.cases import Cases
from app.ui.estimates import Estimates
from app.ui.exports import Exports
from app.ui.panels.four_up import FourUp
from app.ui.tools import step_slice
from app.view_state import CT_PRESETS, Window, auto_window, in_hounsfield

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow


class Commands:
    """Given to every row; holds no state of its own."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.session: Session = window.session
        self.views: FourUp = window.views
        self.cases: Cases = window.cases
        self.exports: Exports = window.exports
        self.estimates: Estimates = window.estimates

    @property
    def active(self) -> Segment | None:
        """The segment that prompts go to."""
        document = self.session.document
        return document.segmentation.segments.get(self.session.view.active) if document else None

    @property
    def active_prompts(self) -> tuple[Prompt, ...]:
        """What was said about it."""
        return self.session.prompts(self.active) if self.active else ()

    # Prompts

    def add_prompt(self, prompt: Prompt) -> None:
        """Say something about the active segment; the first prompt of a case makes its segment."""
        segment = self.active or self.session.add_segment()
        if prompt not in self.session.prompts(segment):  # the second press of a double click is no news
            self.session.add_prompt(segment, prompt)

    def delete_prompt(self) -> None:
        """Take the chosen prompt away, or else the last one."""
        panel = self._window.prompts
        panel.remove(panel.selected or self.active_prompts[-1])

    def flip_prompt(self) -> None:
        """Turn the chosen prompt from include to exclude or back."""
        chosen, segment = self._window.prompts.selected, self.active
        if segment and isinstance(chosen, Point | Scribble):
            turned = _turned(chosen)
            self.session.set_prompts(segment, [turned if p is chosen else p for p in self.active_prompts])

    def use_tool(self, name: str) -> None:
        """Take a tool."""
        self.session.view.tool = name

    def toggle_positive(self) -> None:
        """New prompts exclude where they included, and back."""
        self.session.view.positive = not self.session.view.positive

    # Segments

    def walk(self, steps: int) -> None:
        """The segment before or after the active one, round and round."""
        labels = [segment.label for segment in self.session.case.segments]
        self.session.view.active = labels[(labels.index(self.session.view.active) + steps) % len(labels)]

    def rename(self) -> None:
        """Edit the active segment's name in the list."""
        self._window.segments.rename_active()

    def reset(self) -> None:
        """Take the active segment's mask and prompts away."""
        if self.active:
            self.session.reset_segment(self.active)

    def remove_segment(self) -> None:
        """Delete the active segment; undo brings it back."""
        if self.active:
            self.session.remove_segment(self.active)

    def toggle(self, field: str) -> None:
        """Turn `visible` or `locked` of the active segment."""
        if segment := self.active:
            self.session.change_segment(segment, **{field: not getattr(segment, field)})

    def toggle_all(self) -> None:
        """Hide all segments, or show all when one is hidden."""
        segments = self.session.case.segments
        visible = not all(segment.visible for segment in segments)
        for segment in segments:
            self.session.change_segment(segment, visible=visible)

    # Long work

    def propagate(self) -> None:
        """Carry the mask of the slice last worked in both ways."""
        view = self.views.worked.view
        if self.active:
            self.session.begin_propagation(self.active, view.axis, view.slice_index)

    def escape(self) -> None:
        """The first of these that there is: a drag, long work, a message, a tool."""
        window = self._window
        if window.mouse.cancel() or self.cancel():
            return
        if window.banner.text:
            window.banner.hide()
        else:
            self.session.view.tool = "crosshair"

    def cancel(self) -> bool:
        """Stop what runs; whether anything did."""
        if self.cases.cancel():
            return True
        running = self.session.inference.busy or self._window.activity.busy
        if running:
            self.session.cancel()
            self._window.activity.end()
        return running

    # View

    def step(self, steps: int) -> None:
        """Slices up or down in the view under the mouse."""
        step_slice(self.session, self.views.hovered.view, steps)

    def use_preset(self, number: int) -> None:
        """A window for CT; other scans have no common numbers, so they get their own range in steps of width."""
        volume = self.session.case.volume
        if in_hounsfield(volume):
            self.session.view.window = list(CT_PRESETS.values())[number]
            return
        window = auto_window(volume)
        self.session.view.window = Window.of(window.level, window.width * (0.4 + 0.2 * number))

    def auto_window(self) -> None:
        """The window that a scan is opened with."""
        self.session.view.window = auto_window(self.session.case.volume)

    def change_opacity(self, by: float) -> None:
        """More or less of the segments' colours."""
        self.session.view.opacity = round(self.session.view.opacity + by, 2)

    # Models and help

    def show_models(self) -> None:
        """The page of models."""
        self._window.models.show()

    def show_keys(self) -> None:
        """The page of keys."""
        self._window.show_keys()

    def show_log(self) -> None:
        """The newest log lines."""
        self._window.show_log()

    def show_about(self) -> None:
        """Name and version."""
        self._window.show_about()

    def quit(self) -> None:
        """Close the window, which asks for unsaved work."""
        self._window.close()


def _turned(prompt: Point | Scribble) -> Point | Scribble:
    if isinstance(prompt, Point):
        return replace(prompt, positive=not prompt.positive)
    return Scribble(prompt.indices, not prompt.positive)
