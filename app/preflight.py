"""`check`: what an export would hold and what speaks against it, before a byte is written; `write`: the export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import volume_io
from app.errors import AppError, BadInput
from app.exchange import formats
from app.exchange.receipt import DE_IDENTIFIED, LabelReceipt, Written
from app.exchange.terms import term_of, unknown
from app.frozen_labels import FrozenLabels
from app.geometry import Geometry
from app.project import Snapshot
from app.render.mesh_writers import WRITERS
from app.render.receipt import FRAME, UNIT, Receipt
from app.segmentation import Segment
from app.volume import NiftiCodes, Source

NIFTI = ".nii.gz"
FORMATS = (*WRITERS, *formats.FORMATS, NIFTI)
_NAMED = "These names repeat words of the scan's header that are, or may be, the patient's: {}."
_RENAME = "Rename them first."
_MOST_NAMED = 4  # texts of a project that are listed
_ODD = 2.0  # per cent that a surface may differ from its voxels before it is said


class Level(Enum):
    """How a finding is meant."""

    GOOD = "good"
    NOTE = "note"
    PROBLEM = "problem"


_SIGNS = {Level.GOOD: "✓", Level.NOTE: "!", Level.PROBLEM: "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found. With a problem, `write` refuses."""

    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing speaks against it."""
        return all(finding.level is not Level.PROBLEM for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"ready": self.ready, "findings": [{"level": f.level.value, "text": f.text} for f in self.findings]}

    def text(self) -> str:
        """One line per finding."""
        return "\n".join(f"{_SIGNS[finding.level]} {finding.text}" for finding in self.findings)


@dataclass(frozen=True, eq=False)
class Order:
    """An export that is wanted.

    Args:
        path: Its ending decides the format.
        given: Labels on the geometry's grid: an array (k, j, i), or frozen, which crosses to another process slice by
            slice and so does not keep Python's lock.
        source: Where the scan came from, for DICOM to refer to.
        identified: Let DICOM repeat the patient's name and identifiers.
        codes: Of the header of a NIfTI file.
    """

    path: Path
    given: NDArray[np.unsignedinteger] | FrozenLabels
    segments: tuple[Segment, ...]
    geometry: Geometry
    source: Source | None = None
    identified: bool = False
    codes: NiftiCodes = field(default_factory=NiftiCodes)

    @cached_property
    def labels(self) -> NDArray[np.unsignedinteger]:
        """(k, j, i) of the whole grid."""
        return self.given.crop(self.geometry.region) if isinstance(self.given, FrozenLabels) else self.given


def require_format(path: str | Path) -> str:
    """The ending, one of `FORMATS`.

    Raises:
        BadInput: when it is none, naming them.
    """
    name = Path(path).name
    ending = next((e for e in FORMATS if name.lower().endswith(e)), None)
    if ending is None:
        known = ", ".join(e[1:] for e in FORMATS)
        raise BadInput(f"{name} has an ending that no format of ours has.", f"Choose one of: {known}.")
    return ending


def check(order: Order) -> Preflight:
    """Look at everything that `write` will do; writes nothing. As slow as the export itself for surfaces."""
    ending = require_format(order.path)
    frame = "RAS (as NIfTI has them)" if ending == NIFTI else f"{FRAME} (as in DICOM)"
    findings = [Finding(Level.GOOD, f"Coordinates are {frame}, in {UNIT}.")]
    present = [segment for segment in order.segments if bool((order.labels == segment.label).any())]
    findings += _about_segments(order, present)
    findings += _about_names(order)
    if ending in WRITERS:
        findings += _about_surfaces(order, present)
    elif present and ending != NIFTI:
        findings += _about_labels(order, present, ending)
    return Preflight(tuple(findings))


def write(order: Order) -> Receipt | LabelReceipt:
    """Write the file.

    Raises:
        AppError: when there is nothing to write, it would name the patient, the format cannot hold it, or the disk will
            not; the old file stays.
    """
    ending = require_format(order.path)
    if not order.identified:
        require_no_patient(order.source, [segment.name for segment in order.segments])
    from app.exchange import writing  # load scipy and highdicom, so only once they are wanted
    from app.render import mesh_files

    if ending in WRITERS:
        return mesh_files.export(order.path, order.labels, order.segments, order.geometry)
    if ending == NIFTI:
        return _write_nifti(order)
    path, labels, segments = order.path, order.labels, order.segments
    return writing.write_segments(path, labels, segments, order.geometry, order.source, order.identified)


def _write_nifti(order: Order) -> LabelReceipt:
    wanted = [segment for segment in order.segments if bool((order.labels == segment.label).any())]
    if not wanted:
        raise BadInput("There is no voxel to export.", "Segment something first.")
    kept = _only(order.labels, [segment.label for segment in wanted])
    names = {segment.label: (segment.name, segment.colour) for segment in order.segments}
    volume_io.write_labels(order.path, kept, order.geometry, order.codes, names)
    cubic = order.geometry.voxel_volume / 1000
    counts = [(segment, int(np.count_nonzero(kept == segment.label))) for segment in wanted]
    written = tuple(Written(segment.name, "", count, count * cubic) for segment, count in counts)
    notes = ("names and colours lie beside it, as .json and as a description for ITK-SNAP",)
    return LabelReceipt(str(order.path), "NIfTI label map", written, frame="RAS", notes=notes)


def _only(labels: NDArray[np.unsignedinteger], wanted: Sequence[int]) -> NDArray[np.unsignedinteger]:
    """The labels, 0 where they are not wanted; one array and no more: of a large scan each has 0.2 GB and more."""
    table = np.zeros(int(labels.max(initial=0)) + 1, labels.dtype)
    table[list(wanted)] = list(wanted)
    return np.asarray(table[labels])


def _about_segments(order: Order, present: Sequence[Segment]) -> list[Finding]:
    if not present:
        return [Finding(Level.PROBLEM, "There is no voxel to export.")]
    count = f"{len(present)} segment{'s' if len(present) > 1 else ''}"
    findings = [Finding(Level.GOOD, f"{count}: {', '.join(segment.name for segment in present)}.")]
    empty = [segment.name for segment in order.segments if segment not in present]
    if empty:
        findings.append(Finding(Level.NOTE, f"Empty, so left out: {', '.join(empty)}."))
    return findings


def _about_names(order: Order) -> list[Finding]:
    """Names of segments go into the file, and into names of files beside it."""
    if order.identified:
        return []
    named = repeats_patient(order.source, [segment.name for segment in order.segments])
    return [Finding(Level.PROBLEM, f"{_NAMED.format(', '.join(named))} {_RENAME}")] if named else []


def project_texts(case: Snapshot) -> tuple[str, ...]:
    """The names and the titles of steps that a project keeps."""
    steps = (*case.done, *case.undone)
    return tuple(dict.fromkeys([*(state.segment.name for state in case.states), *(step.title for step in steps)]))


def about_project(source: Source | None, texts: Sequence[str]) -> str:
    """What to tell whoever hands a project on: a sentence where `project_texts` repeat what may name the patient."""
    named = repeats_patient(source, texts)
    if not named:
        return ""
    listed = ", ".join(named[:_MOST_NAMED]) + (" …" if len(named) > _MOST_NAMED else "")
    return f"Names or steps in this project repeat words of the scan's header that may be the patient's: {listed}."


def repeats_patient(source: Source | None, texts: Sequence[str]) -> list[str]:
    """Those of the texts that repeat the patient's name or identifier, or a word of the header that may be one."""
    from app.exchange.patient_words import named_after, patient_words  # as above

    return named_after(patient_words(source), texts)


def require_no_patient(source: Source | None, texts: Sequence[str]) -> None:
    """For a file that shall name nobody.

    Raises:
        BadInput: naming the texts.
    """
    if named := repeats_patient(source, texts):
        raise BadInput(_NAMED.format(", ".join(named)), _RENAME)


def _about_surfaces(order: Order, present: Sequence[Segment]) -> list[Finding]:
    from app.render import mesh_files  # as above

    findings = []
    for segment in present:
        try:
            (solid,) = mesh_files.inspect(order.labels, [segment], order.geometry)[1]
        except AppError as error:
            findings.append(Finding(Level.PROBLEM, str(error)))
            continue
        level = Level.GOOD if solid.watertight and abs(solid.difference) <= _ODD else Level.NOTE
        volumes = f"{solid.mesh_ml:.3f} mL, its voxels {solid.voxel_ml:.3f} mL ({solid.difference:+.2f} %)"
        closed = "closed" if solid.watertight else "not closed"
        findings.append(Finding(level, f"{segment.name}: {closed} surface of {volumes}."))
    return findings


def _about_labels(order: Order, present: Sequence[Segment], ending: str) -> list[Finding]:
    from app.exchange.dicom_seg import is_sheared  # as above

    findings = []
    if is_sheared(order.geometry):
        level = Level.PROBLEM if ending in formats.DICOM else Level.NOTE
        findings.append(Finding(level, "The grid is sheared, which DICOM cannot describe and few programs read."))
    for segment in present:
        kind = term_of(segment)
        level = Level.NOTE if kind == unknown() and not segment.term else Level.GOOD
        said = f"{segment.name} is stated as {kind.text} (SNOMED {kind.code})"
        findings.append(Finding(level, f"{said}: say what it is." if level is Level.NOTE else f"{said}."))
    if ending in formats.DICOM:
        findings += _about_source(order)
    return findings


def _about_source(order: Order) -> list[Finding]:
    from app.exchange import dicom_source  # as above

    try:
        source = dicom_source.find(order.source, order.geometry)
    except AppError as error:
        return [Finding(Level.PROBLEM, str(error))]
    findings = [Finding(Level.GOOD if source.planes else Level.NOTE, f"Refers to {source.text}.")]
    if order.identified and source.patient:
        findings.append(Finding(Level.NOTE, "Will hold the patient's name and identifiers of the scan."))
        return findings
    findings.append(Finding(Level.GOOD, f"Will hold {DE_IDENTIFIED}."))
    return findings
