"""`Stack`: the planes of one series that make one image, in order, with their grid; a series may hold several."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.volume_io import regular_grid
from app.volume_io.dicom_header import Header
from app.volume_io.frame import Frame, frames_of
from app.volume_io.regular_grid import GridPlan
from app.volume_io.sentences import counted

_SAME_DEPTH_MM = 0.01
_SAME_DIRECTION = 2e-3  # greatest difference of a cosine within one stack; scanners round to 1e-4 or so
_AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One image of a series.

    Args:
        key: SeriesInstanceUID, with "#2" for the second image of a series and so on.
        times: For each time point, its planes along the normal.
        plan: The grid.
        reason: Why it cannot be shown, "" when it can; then there are no planes.
    """

    key: str
    description: str
    modality: str
    times: tuple[tuple[Frame, ...], ...] = ()
    plan: GridPlan | None = None
    notes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The planes of the first time point."""
        return self.times[0]


def stacks_of(headers: Sequence[Header]) -> list[Stack]:
    """Every image in some DICOM objects, those of one series next to each other; then what is no image."""
    by_series: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        by_series[header.series].append(header)
    found = [stack for key, members in by_series.items() for stack in _series(key, members)]
    return sorted(found, key=lambda stack: bool(stack.reason))


def _series(key: str, headers: list[Header]) -> list[Stack]:
    headers, planes = _measured(headers)
    usable, notes = _deduplicated([h for h in headers if not h.reason])
    head = (usable or headers)[0]
    if not usable:
        why = Counter(h.reason for h in headers if h.reason)
        return [Stack(key, head.description, head.modality, reason=min(why))]
    if damaged := [h for h in headers if h.damaged]:
        notes = (*notes, f"{counted(len(damaged), 'file')} of this series could not be used: {damaged[0].reason}")
    groups = _groups([frame for header in usable for frame in planes[header]])
    if len(groups) > 1:
        notes = (*notes, f"this series holds {len(groups)} images of different planes or sizes, shown one by one")
    stacks = [_stack(f"{key}#{n + 1}" if n else key, head, frames, notes) for n, frames in enumerate(groups)]
    return stacks


def _measured(headers: list[Header]) -> tuple[list[Header], dict[Header, list[Frame]]]:
    """The planes of each object; one whose geometry is not even numbers becomes a damaged one."""
    checked, planes = [], {}
    for header in headers:
        if not header.reason:
            try:
                planes[header] = frames_of(header)
            except Exception:  # the door of a file: pydicom converts elements when they are asked for
                header = replace(header, reason=f"{header.blob.label} is a damaged DICOM file.", damaged=True)
        checked.append(header)
    return checked, planes


def _deduplicated(headers: list[Header]) -> tuple[list[Header], tuple[str, ...]]:
    """Without copies of one object: the same identifier, number, position and size."""
    seen: dict[tuple[object, ...], Header] = {}
    for header in headers:
        place = str(header.get("ImagePositionPatient")), str(header.get("InstanceNumber")), header.pixels
        seen.setdefault((str(header.get("SOPInstanceUID", header.blob.name)), *place), header)
    identifiers = {key[0] for key in seen}
    notes = []
    if dropped := len(headers) - len(seen):
        notes.append(f"{counted(dropped, 'file', ('is a copy', 'are copies'))} of another and left out")
    if len(identifiers) < len(seen):
        notes.append("several files carry the same identifier (SOPInstanceUID) although they differ")
    return list(seen.values()), tuple(notes)


def _groups(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Planes that can share a grid, the largest group first."""
    groups: list[list[Frame]] = []
    for frame in frames:
        home = next((g for g in groups if _together(g[0], frame)), None)
        if home is None:
            groups.append([frame])
        else:
            home.append(frame)
    return sorted(groups, key=len, reverse=True)


def _together(one: Frame, other: Frame) -> bool:
    if one.shape != other.shape or one.group != other.group or (one.position is None) != (other.position is None):
        return False
    if not np.allclose(one.spacing or 0, other.spacing or 0, rtol=1e-3):
        return False
    here, there = one.orientation or _AXIAL, other.orientation or _AXIAL
    return bool(np.abs(np.subtract(here, there)).max() < _SAME_DIRECTION)


def _stack(key: str, head: Header, frames: list[Frame], notes: tuple[str, ...]) -> Stack:
    first = frames[0]
    if first.position is None:
        ordered = sorted(frames, key=lambda f: (*f.order, f.header.blob.name))
        times: tuple[tuple[Frame, ...], ...] = (tuple(ordered),)
        placing = _unplaced(ordered)
    else:
        times, placing = _by_depth(frames)
    try:
        plan, gridding = _plan(times[0])
    except BadInput as error:
        return Stack(key, head.description, head.modality, reason=error.message)
    said = (*notes, *placing, *gridding, *plan.notes, *_looks(first))
    return Stack(key, head.description, head.modality, times, plan, said)


def _by_depth(frames: list[Frame]) -> tuple[tuple[tuple[Frame, ...], ...], tuple[str, ...]]:
    """Planes sorted along the normal; several at one depth are time points, in the order of their numbers."""
    normal = frames[0].normal
    along = sorted(frames, key=lambda f: (float(np.dot(_place(f), normal)), *f.order))
    places: list[list[Frame]] = []
    last = -np.inf
    for frame in along:
        depth = float(np.dot(_place(frame), normal))
        if depth - last > _SAME_DEPTH_MM:
            places.append([])
            last = depth
        places[-1].append(frame)
    counts = [len(place) for place in places]
    times = min(counts)
    for place in places:
        place.sort(key=lambda f: f.order)
    notes = []
    if spare := sum(counts) - times * len(places):
        doubled = counted(spare, "slice", ("lies", "lie"))
        notes.append(f"{doubled} where another already lies, without making a whole time point: left out")
    if times > 1:
        notes.append(f"{times} time points: each place in space was imaged {times} times")
    return tuple(tuple(place[t] for place in places) for t in range(times)), tuple(notes)


def _place(frame: Frame) -> NDArray[np.float64]:
    return np.asarray(frame.position if frame.position is not None else (0.0, 0.0, 0.0))


def _plan(frames: Sequence[Frame]) -> tuple[GridPlan, tuple[str, ...]]:
    first, notes = frames[0], []
    spacing = first.spacing
    if spacing is None:
        spacing = (1.0, 1.0)
        notes.append("the pixel size is not known: 1 mm is assumed, so lengths and volumes are wrong")
    orientation = first.orientation or _AXIAL
    if len(frames) > 1 and first.position is not None:
        positions = np.array([_place(f) for f in frames])
        return regular_grid.plan(positions, orientation, spacing, first.shape), tuple(notes)
    step = first.thickness or 1.0
    if first.position is not None and not first.thickness:
        notes.append("the thickness of the single slice is not known: 1 mm is assumed")
    plan = regular_grid.single(_place(first), orientation, spacing, (len(frames), *first.shape), step)
    return plan, tuple(notes)


def _unplaced(frames: list[Frame]) -> tuple[str, ...]:
    if len(frames) == 1:
        return ("a single picture without a position in space",)
    if frames[0].header.frames > 1:
        return (f"{len(frames)} frames without positions (a cine loop): distances from one to the next mean nothing",)
    return ("the slices carry no valid position: put in the order of their numbers, their distances are a guess",)


def _looks(frame: Frame) -> tuple[str, ...]:
    notes = []
    photometric = str(frame.header.get("PhotometricInterpretation", ""))
    if photometric == "MONOCHROME1":
        notes.append("stored with white for low values (MONOCHROME1): inverted")
    if "PALETTE" in photometric or frame.header.number("SamplesPerPixel", 1) > 1:
        notes.append("colour is shown as brightness")
    if frame.tile is not None:
        notes.append("a Siemens mosaic: its tiles were put back as slices")
    return tuple(notes)


def with_note(stack: Stack, note: str) -> Stack:
    """The same with one more note."""
    return replace(stack, notes=(*stack.notes, note))
