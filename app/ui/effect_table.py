"""The one table of corrections: names, help, fields, and how an effect of `app.editing` is made of their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.editing.between import FillBetween
from app.editing.combine import Combine, Merge
from app.editing.islands import KeepLargest, PickIsland, RemoveSmall, Split
from app.editing.proposal import Effect
from app.editing.seeds import GrowFromSeeds
from app.editing.shape import FillHoles, Margin, Smooth, SmoothJointly
from app.editing.threshold import Threshold
from app.session import Session


def _text(text: str) -> str:
    """Marks a text for pyside6-lupdate; translated when shown."""
    return str(QT_TRANSLATE_NOOP("Effects", text))


@dataclass(frozen=True, slots=True)
class Only:
    """A field is shown only while another one has one of these values."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its unit.

    Args:
        value: At first; None for what suits the scan.
        image: Whether it is a value of the image: its range and steps are then the scan's, and it has a slider.
        voxels: How many steps of the scan's finest axis it is at first, at least: 2 mm are nothing on 3 mm voxels.
    """

    name: str
    text: str
    value: float | None
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    decimals: int = 1
    unit: str = ""
    image: bool = False
    only: Only | None = None
    voxels: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    name: str
    text: str
    options: tuple[tuple[str, str], ...]
    only: Only | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Yes or no."""

    name: str
    text: str
    value: bool
    only: Only | None = None


@dataclass(frozen=True, slots=True)
class OtherSegment:
    """Another segment than the active one; its value is the label, 0 when there is none."""

    name: str
    text: str
    only: Only | None = None


Field = Number | Choice | Check | OtherSegment
Values = Mapping[str, Any]
Make = Callable[[Values, Session, int], Effect]
"""Given the fields' values, the session, and the array axis across the view that was last worked in."""


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One correction.

    Args:
        help: A sentence or two: what it is for.
        live: Shown while a field is being changed, at once; for what looks at one voxel at a time.
        slices: Whether it can be done on one slice.
    """

    id: str
    text: str
    help: str
    fields: tuple[Field, ...]
    make: Make
    live: bool = False
    slices: bool = True


def _threshold(values: Values, session: Session, axis: int) -> Effect:
    return Threshold(values["low"], values["high"], values["how"])


def _islands(values: Values, session: Session, axis: int) -> Effect:
    match values["how"]:
        case "largest":
            return KeepLargest()
        case "small":
            return RemoveSmall(values["millilitres"])
        case "split":
            return Split(millilitres=values["millilitres"])
        case how:
            return PickIsland(session.view.crosshair, keep=how == "keep")


def _holes(values: Values, session: Session, axis: int) -> Effect:
    return FillHoles(axis if values["how"] == "slices" else None)


def _smooth(values: Values, session: Session, axis: int) -> Effect:
    if values["how"] == "joint":
        return SmoothJointly(values["millimetres"])
    return Smooth(values["how"], values["millimetres"])


def _margin(values: Values, session: Session, axis: int) -> Effect:
    return Margin(values["millimetres"] if values["how"] == "grow" else -values["millimetres"])


def _combine(values: Values, session: Session, axis: int) -> Effect:
    other = values["other"]
    name = session.case.segmentation.segments[other].name if other in session.case.segmentation.segments else ""
    if values["how"] == "merge":
        return Merge((other,), (name,))
    return Combine(other, values["how"], values["millimetres"], name)


def _between(values: Values, session: Session, axis: int) -> Effect:
    return FillBetween(axis)


def _seeds(values: Values, session: Session, axis: int) -> Effect:
    return GrowFromSeeds(values["millimetres"], values["outside"])


EFFECTS: tuple[EffectRow, ...] = (
    EffectRow("threshold", _text("Threshold"), _text(
        "All voxels with a value in a range. Move the limits: the views follow at once."),
        (Number("low", _text("From"), None, image=True), Number("high", _text("To"), None, image=True),
         Choice("how", _text("The segment"), (("replace", _text("becomes these voxels")),
                ("add", _text("gets these voxels too")), ("within", _text("keeps only these of its own"))))),
        _threshold, live=True),
    EffectRow("islands", _text("Islands"), _text(
        "Parts of the segment that do not touch: clear away what does not belong, or make each a segment."),
        (Choice("how", _text("Do"), (("largest", _text("Keep the largest")), ("small", _text("Remove small ones")),
                ("keep", _text("Keep the one at the crosshair")), ("remove", _text("Remove the one at the crosshair")),
                ("split", _text("Split into segments")))),
         Number("millilitres", _text("Smaller than"), 0.1, 0.0, 1000.0, 0.1, 3, _text(" mL"),
                only=Only("how", ("small",))),
         Number("millilitres", _text("At least"), 0.1, 0.0, 1000.0, 0.1, 3, _text(" mL"),
                only=Only("how", ("split",)))),
        _islands),
    EffectRow("holes", _text("Fill holes"), _text("What the segment encloses becomes part of it."),
        (Choice("how", _text("Holes"), (("cavities", _text("closed on all sides")),
                ("slices", _text("closed on each slice of the view"))),),),
        _holes),
    EffectRow("smooth", _text("Smooth"), _text(
        "Together smooths all unlocked segments at once, and neighbours stay in contact. The others smooth this one."),
        (Choice("how", _text("How"), (("joint", _text("All together")), ("gaussian", _text("Gaussian")),
                ("median", _text("Median")), ("opening", _text("Remove spikes (opening)")),
                ("closing", _text("Fill dents (closing)")))),
         Number("millimetres", _text("Strength"), 1.5, 0.1, 20.0, 0.5, 1, _text(" mm"), voxels=1.0)),
        _smooth),
    EffectRow("margin", _text("Margin"), _text(
        "The segment larger or smaller by a distance, the same to all sides. The preview says how many voxels it is."),
        (Choice("how", _text("Do"), (("grow", _text("Grow")), ("shrink", _text("Shrink")))),
         Number("millimetres", _text("By"), 2.0, 0.1, 50.0, 0.5, 1, _text(" mm"), voxels=1.0)),
        _margin),
    EffectRow("combine", _text("Two segments"), _text(
        "A voxel belongs to one segment, so subtract and intersect use a distance around the other one."),
        (OtherSegment("other", _text("Other segment")),
         Choice("how", _text("Do"), (("merge", _text("Merge it into this one")), ("add", _text("Add its voxels")),
                ("subtract", _text("Keep away from it")), ("intersect", _text("Keep what is near it")))),
         Number("millimetres", _text("Distance"), 2.0, 0.0, 50.0, 0.5, 1, _text(" mm"),
                only=Only("how", ("subtract", "intersect")), voxels=1.0)),
        _combine),
    EffectRow("between", _text("Fill between slices"), _text(
        "Draw the outline on every few slices of one view; the slices between them follow its shape."),
        (), _between, slices=False),
    EffectRow("seeds", _text("Grow from seeds"), _text(
        "Draw a little of each segment. All of them grow to the edges in the image; locked ones stay as they are."),
        (Number("millimetres", _text("At most by"), 20.0, 1.0, 200.0, 5.0, 0, _text(" mm")),
         Check("outside", _text("What lies around belongs to none"), True)),
        _seeds),
)  # fmt: skip


def effect_row(name: str) -> EffectRow:
    """The correction with this id."""
    return next(row for row in EFFECTS if row.id == name)
