"""`Corrections`: what the user corrects by hand with, and what would become of the labels, before it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from app.document import Document
from app.editing.brush import Tip
from app.editing.proposal import Effect, Proposal, propose
from app.editing.scene import Scene, Watch, unwatched
from app.editing.stroke import Stroke
from app.errors import BadInput
from app.events import Signal
from app.geometry import Region
from app.segmentation import Labels

SMALLEST, LARGEST = 0.2, 40.0
"""Radii of a brush in millimetres."""
Plane = tuple[int, int]


class Preview(Protocol):
    """Labels that are not yet: a stroke under way, or an effect before it is applied."""

    def crop(self, region: Region) -> tuple[Region, Labels] | None:
        """What they would be in a part of `region`, None where they stay as they are."""


@dataclass(frozen=True, slots=True)
class Brush:
    """What the mouse paints with.

    Args:
        millimetres: Radius.
        ball: Paints in 3D; else a disc on the slice.
        gate: Image values that are painted, and only while `gated`.
        take_others: Voxels of other segments may be taken; those of locked ones never are. Effects obey it too.
    """

    millimetres: float = 5.0
    ball: bool = False
    gated: bool = False
    gate: tuple[float, float] = (0.0, 0.0)
    take_others: bool = False

    def tip(self, axis: int) -> Tip:
        """For a slice view across an array axis."""
        return Tip(self.millimetres, None if self.ball else axis)


class Corrections:
    """Signals: `brush_changed()`, `preview_changed(region)`: what is shown of the labels differs there.

    Args:
        ask: Asks the engine again for clicks that wait: an answer to the voxels of before is dropped.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._document: Document | None = None
        self._brush = Brush()
        self._preview: Preview | None = None
        self.brush_changed: Signal[()] = Signal()
        self.preview_changed: Signal[Region] = Signal()

    def follow(self, document: Document) -> None:
        """Correct another case."""
        self._preview = None
        self._document = document
        low, high = document.volume.usual_range
        self._brush = replace(self._brush, gate=(low, high), gated=False)
        self.brush_changed.emit()

    @property
    def brush(self) -> Brush:
        """What paints."""
        return self._brush

    def change_brush(self, **fields: Any) -> None:
        """Another size, form, gate or rule; `fields` are those of `Brush`."""
        brush = replace(self._brush, **fields)
        brush = replace(brush, millimetres=min(LARGEST, max(SMALLEST, brush.millimetres)))
        if brush != self._brush:
            self._brush = brush
            self.brush_changed.emit()

    @property
    def preview(self) -> Preview | None:
        """What views show in the place of the labels."""
        return self._preview

    def show(self, preview: Preview | None, region: Region) -> None:
        """Show labels that are not yet, or no longer; `region` is where the picture changes."""
        self._preview = preview
        self.preview_changed.emit(region)

    def begin_stroke(self, label: int, erase: bool) -> Stroke:
        """Paint or erase a segment with the brush as it is.

        Raises:
            BadInput: when the segment is locked, hidden or gone.
        """
        case, brush = self._case(), self._brush
        case.segment(label)
        gate = brush.gate if brush.gated else None
        return Stroke(case.volume, case.segmentation, label, erase=erase, take_others=brush.take_others, gate=gate)

    def scene(self, label: int, plane: Plane | None, take_others: bool | None = None) -> Scene:
        """What an effect on a segment may look at, frozen.

        Args:
            plane: Array axis and index of the one slice to edit; None for the whole volume.
            take_others: The brush's rule when None.
        """
        case = self._case()
        case.segment(label)
        rule = self._brush.take_others if take_others is None else take_others
        return Scene.of(case.volume, case.segmentation, label, plane, rule)

    def apply(self, proposal: Proposal) -> None:
        """Do what was proposed, as one undo step.

        Raises:
            BadInput: when the labels are not those any more that it was made for, or a segment is locked.
        """
        self._case().revise(proposal)
        self._ask()

    def correct(self, label: int, effect: Effect, plane: Plane | None, watch: Watch = unwatched) -> Proposal:
        """Compute an effect and do it at once."""
        proposal = propose(effect, self.scene(label, plane), watch)
        self.apply(proposal)
        return proposal

    def _case(self) -> Document:
        if self._document is None:
            raise BadInput("No scan is open.", "Open one first.")
        return self._document
