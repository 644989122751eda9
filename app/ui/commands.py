"""`Commands`: what the rows of the table of actions do, beyond a single verb of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.prompts import Prompt, SliceMask
from app.segmentation import Segment
from app.session import Session
from app.ui.cases import Cases
from app.ui.dialogs.calibration import show_calibration
from app.ui.dialogs.correcting import show_correcting
from app.ui.dialogs.tour import show_tour
from app.ui.effects import Effects
from app.ui.estimates import Estimates
from app.ui.exports import Exports
from app.ui.measuring import Measuring
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
        self.measuring: Measuring = window.measuring
        self.estimates: Estimates = window.estimates
        self.effects: Effects = window.effects

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
        prompts = self.session.prompts(segment)
        if isinstance(prompt, SliceMask):
            others = [other for other in prompts if not _same_slice(prompt, other)]
            self.session.set_prompts(segment, [*others, prompt])  # a slice has one outline
        elif prompt not in prompts:  # the second press of a double click is no news
            self.session.add_prompt(segment, prompt)

    def delete_prompt(self) -> None:
        """Take the chosen prompt away, or else the last one."""
        panel = self._window.prompts
        panel.remove(panel.selected or self.active_prompts[-1])

    def flip_prompt(self) -> None:
        """Turn the chosen prompt, or else the last one, from include to exclude or back."""
        panel = self._window.prompts
        panel.flip(panel.selected or self.active_prompts[-1])

    def use_tool(self, name: str) -> None:
        """Take a tool."""
        self._window.mouse.cancel()
        self.session.view.tool = name

    def size_brush(self, notches: int) -> None:
        """A larger or smaller brush."""
        self._window.mouse.tools["brush"].turn(notches)

    @property
    def draws(self) -> bool:
        """Whether a tool with a brush is taken."""
        return self.session.view.tool in ("brush", "eraser")

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

    # Corrections

    def correct(self, name: str) -> None:
        """Show a correction and what it would do."""
        self._window.sidebar.correct.choose(name)

    def accept(self) -> None:
        """Close the outline that is being drawn, or apply the correction that is shown, or click as suggested."""
        if self._window.mouse.accept():
            return
        if self.effects.shown or not self.estimates.accept(as_thought=True):
            self.effects.apply()

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
        if self.cases.cancel() or self.effects.give_up():
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

    def show_tour(self) -> None:
        """What is where, in pictures."""
        show_tour(self._window)

    def show_keys(self) -> None:
        """The page of keys."""
        self._window.show_keys()

    def show_correcting(self) -> None:
        """The page about correcting by hand."""
        show_correcting(self._window)

    def show_calibration(self) -> None:
        """The page about uncertainty, with how far it was right."""
        show_calibration(self._window, self.session.model)

    def show_log(self) -> None:
        """The newest log lines."""
        self._window.show_log()

    def show_about(self) -> None:
        """Versions, licences, the question for a newer version."""
        self._window.show_about()

    def quit(self) -> None:
        """Close the window, which asks for unsaved work."""
        self._window.close()


def _same_slice(mask: SliceMask, other: Prompt) -> bool:
    return isinstance(other, SliceMask) and (other.axis, other.index) == (mask.axis, mask.index)
