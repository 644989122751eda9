"""The `.volumask` project file: a zip with `case.json`, the labels and the changes of the history.

The scan itself stays where it is: the project names its path and the hash of its voxels and grid.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from app.atomic_file import replacing
from app.change import Change
from app.document import Document
from app.errors import BadInput
from app.frozen_labels import FrozenLabels
from app.geometry import Index, Region
from app.history import History, Step
from app.rulers import Ruler
from app.segment_state import SegmentState
from app.step_codec import Reader, Teller, index, region
from app.view_state import ViewState, Window
from app.volume import Source

SUFFIX = ".volumask"
VERSION = 3
"""1 kept a byte a voxel of every change (`changes/*.xor`), 2 a bit (`changes/*.bits`); 3 keeps the bits of all changes
in one entry, and of a step what it changed instead of all that was before and after it."""
_BITS = "changes.bits"
_DAMAGES = (
    *(OSError, zipfile.BadZipFile, zlib.error, struct.error, EOFError),  # of the archive
    *(NotImplementedError, RuntimeError),  # an unknown compression; a password
    *(LookupError, ValueError, TypeError, AttributeError, OverflowError),  # of what it holds
)


@dataclass(frozen=True, slots=True)
class Look:
    """What of the view a project keeps."""

    crosshair: Index
    window: tuple[float, float]
    active: int
    opacity: float
    rulers: tuple[Ruler, ...] = ()

    @classmethod
    def of(cls, view: ViewState) -> Look:
        """The view now."""
        return cls(view.crosshair, (view.window.low, view.window.high), view.active, view.opacity, view.rulers)

    def restore(self, view: ViewState) -> None:
        """Look at it again."""
        view.window = Window(*self.window)
        view.crosshair = self.crosshair
        view.opacity = self.opacity
        view.active = self.active
        view.rulers = self.rulers


Edition = tuple[int, tuple[Ruler, ...]]
"""What tells two states of a case apart: how many changes its document has seen, and its rulers, which are no steps."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of a case at one moment, frozen: may be written by any thread.

    Args:
        region, labels: The box of voxels ever touched, and the labels there and perhaps beyond; outside is background.
    """

    source: Source
    digest: str
    shape: Index
    states: tuple[SegmentState, ...]
    region: Region
    labels: FrozenLabels
    done: tuple[Step, ...]
    undone: tuple[Step, ...]
    look: Look
    model: str
    changes: int

    @property
    def edition(self) -> Edition:
        """Which state of the case it is."""
        return self.changes, self.look.rulers


def snapshot(document: Document, view: ViewState, model: str) -> Snapshot:
    """Copy what a project keeps; on the document's own thread. Clicks still open are not in it: they have no answer."""
    region = document.segmentation.touched
    return Snapshot(
        source=document.volume.source or Source(""),
        digest=document.volume.digest,
        shape=document.volume.shape,
        states=tuple(document.state(segment.label) for segment in document.segments),
        region=region,
        labels=document.segmentation.freeze(),
        done=tuple(document.history.done),
        undone=tuple(document.history.undone),
        look=Look.of(view),
        model=model,
        changes=document.changes,
    )


def write(path: str | Path, case: Snapshot, compress: bool = True) -> None:
    """Write a project whole or not at all (`app.atomic_file`).

    Args:
        compress: Autosave does not, to be quick: a gzip of a large case once froze InVesalius.
    """
    teller = Teller()
    steps = [*case.done, *reversed(case.undone)]
    value = {
        "format": "volumask",
        "version": VERSION,
        "source": asdict(case.source) | {"path": str(Path(case.source.path).absolute()) if case.source.path else ""},
        "beside": _beside(case.source.path, Path(path)),
        "digest": case.digest,
        "shape": case.shape,
        "region": [case.region.start, case.region.stop],
        "look": asdict(case.look),
        "model": case.model,
        "states": [teller.state(state) for state in case.states],
        "steps": [teller.step(step) for step in steps],
        "done": len(case.done),
    }
    value["prompts"] = teller.prompts
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", method, compresslevel=1) as archive:
        archive.writestr("case.json", json.dumps(value, ensure_ascii=False))
        with archive.open("labels.u8", "w", force_zip64=True) as labels:
            for plane in case.labels.planes(case.region):  # a slice at a time: all at once kept Python's lock for 30 ms
                labels.write(plane.tobytes())
        bits = (step.change.bits for step in steps if step.change)
        archive.writestr(zipfile.ZipInfo(_BITS), b"".join(bits))  # deflated already


def read(path: str | Path) -> Snapshot:
    """Read a project; the scan is not opened.

    Raises:
        BadInput: when the file is damaged, or of a newer version.
    """
    name = Path(path).name
    try:
        with zipfile.ZipFile(path) as archive:
            value = json.loads(archive.read("case.json"))
            if value.get("format") != "volumask" or value["version"] > VERSION:
                raise BadInput(f"{name} was saved by a newer Volumask.", "Open it with that version.")
            return _parsed(Path(path), value, archive)
    except FileNotFoundError:
        raise BadInput(f"{name} does not exist.") from None
    except BadInput:
        raise
    except _DAMAGES as error:
        raise BadInput(f"{name} is damaged and cannot be opened.", "Open an older copy of the project.") from error


def restore(case: Snapshot, document: Document, view: ViewState) -> None:
    """Fill a new document of the same scan.

    Raises:
        BadInput: when the scan is another one than the project was made on.
    """
    if document.volume.digest != case.digest:
        raise BadInput(
            f"The scan {Path(case.source.path).name} is not the one this project was made on: its voxels differ.",
            "Put the original scan back and open the project again.",
        )
    history = History(done=case.done, undone=case.undone)
    try:
        document.restore(case.states, case.region, case.labels.crop(case.region), history)
    except ValueError as error:
        raise BadInput("The project file is damaged: its labels do not fit its segments or scan.") from error
    case.look.restore(view)


def _parsed(path: Path, value: Mapping[str, Any], archive: zipfile.ZipFile) -> Snapshot:
    reader = Reader(value["prompts"], value["version"])
    box = region(value["region"])
    steps = [reader.step(step, change) for step, change in zip(value["steps"], _changes(value, archive), strict=True)]
    look = value["look"]
    return Snapshot(
        source=_find_source(path, value),
        digest=value["digest"],
        shape=index(value["shape"]),
        states=tuple(reader.state(state) for state in value["states"]),
        region=box,
        labels=FrozenLabels.of(box, np.frombuffer(archive.read("labels.u8"), np.uint8).reshape(box.shape)),
        done=tuple(steps[: value["done"]]),
        undone=tuple(reversed(steps[value["done"] :])),
        look=Look(
            index(look["crosshair"]),
            tuple(look["window"]),
            look["active"],
            look["opacity"],
            _rulers(look.get("rulers")),
        ),
        model=value["model"],
        changes=0,
    )


def _beside(source: str, path: Path) -> str:
    """The scan's path relative to the project, so that a folder with both can be moved or copied."""
    try:
        return Path(source).absolute().relative_to(path.absolute().parent).as_posix() if source else ""
    except ValueError:
        return ""


def _find_source(path: Path, value: Mapping[str, Any]) -> Source:
    source = Source(**value["source"])
    moved = path.absolute().parent / value["beside"] if value["beside"] else None
    if moved and moved.exists():
        return replace(source, path=str(moved))
    if not Path(source.path).exists():
        raise BadInput(
            f"The scan of this project, {source.path}, is not there any more.",
            "Put it back, or beside the project file, and open the project again.",
        )
    return source


def _changes(value: Mapping[str, Any], archive: zipfile.ZipFile) -> Iterator[Callable[[Region, int], Change]]:
    """What makes the change of each step, in the order of the steps."""
    match value["version"]:
        case 1:
            yield from (partial(_bytes_apart, archive, number) for number in range(len(value["steps"])))
        case 2:
            yield from (partial(_bits_apart, archive, number) for number in range(len(value["steps"])))
        case _:
            bits, ends = archive.read(_BITS), list(accumulate(int(step["bytes"]) for step in value["steps"]))
            if len(bits) != (ends[-1] if ends else 0):
                raise ValueError("the changes are not as long as the steps say")
            for start, end in pairwise((0, *ends)):
                yield partial(Change, bits=bits[start:end])


def _bits_apart(archive: zipfile.ZipFile, number: int, box: Region, label: int) -> Change:
    return Change(box, label, archive.read(f"changes/{number}.bits"))


def _bytes_apart(archive: zipfile.ZipFile, number: int, box: Region, label: int) -> Change:
    moved = np.frombuffer(zlib.decompress(archive.read(f"changes/{number}.xor")), np.uint8).reshape(box.shape)
    return Change.of(box, label, moved != 0)


def _rulers(values: Iterable[Mapping[str, Any]] | None) -> tuple[Ruler, ...]:
    points = ((tuple((float(k), float(j), float(i)) for k, j, i in v["points"]), int(v["axis"])) for v in values or ())
    return tuple(Ruler(*one) for one in points)
