"""`check`: what an export would hold and what speaks against it, before a byte is written; `write`: the export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import AppError, BadInput
from app.exchange import dicom_source, writing
from app.exchange.dicom_seg import is_sheared, term_of
from app.exchange.receipt import DE_IDENTIFIED, LabelReceipt
from app.exchange.terms import unknown
from app.geometry import Geometry
from app.render import mesh_files
from app.render.receipt import FRAME, UNIT, Receipt
from app.segmentation import Segment
from app.volume import Source

FORMATS = (*mesh_files.FORMATS, *writing.FORMATS)
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
        labels: (k, j, i) on the geometry's grid.
        source: Where the scan came from, for DICOM to refer to.
        identified: Let DICOM repeat the patient's name and identifiers.
    """

    path: Path
    labels: NDArray[np.unsignedinteger]
    segments: tuple[Segment, ...]
    geometry: Geometry
    source: Source | None = None
    identified: bool = False


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
    findings = [Finding(Level.GOOD, f"Coordinates are {FRAME} (as in DICOM), in {UNIT}.")]
    present = [segment for segment in order.segments if bool((order.labels == segment.label).any())]
    findings += _about_segments(order, present)
    if ending in mesh_files.FORMATS:
        findings += _about_surfaces(order, present)
    elif present:
        findings += _about_labels(order, present, ending)
    return Preflight(tuple(findings))


def write(order: Order) -> Receipt | LabelReceipt:
    """Write the file.

    Raises:
        AppError: when there is nothing to write, the format cannot hold it, or the disk will not; the old file stays.
    """
    if require_format(order.path) in mesh_files.FORMATS:
        return mesh_files.export(order.path, order.labels, order.segments, order.geometry)
    path, labels, segments = order.path, order.labels, order.segments
    return writing.write_segments(path, labels, segments, order.geometry, order.source, order.identified)


def _about_segments(order: Order, present: Sequence[Segment]) -> list[Finding]:
    if not present:
        return [Finding(Level.PROBLEM, "There is no voxel to export.")]
    count = f"{len(present)} segment{'s' if len(present) > 1 else ''}"
    findings = [Finding(Level.GOOD, f"{count}: {', '.join(segment.name for segment in present)}.")]
    empty = [segment.name for segment in order.segments if segment not in present]
    if empty:
        findings.append(Finding(Level.NOTE, f"Empty, so left out: {', '.join(empty)}."))
    return findings


def _about_surfaces(order: Order, present: Sequence[Segment]) -> list[Finding]:
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
    findings = []
    if is_sheared(order.geometry):
        level = Level.PROBLEM if ending in writing.DICOM else Level.NOTE
        findings.append(Finding(level, "The grid is sheared, which DICOM cannot describe and few programs read."))
    for segment in present:
        kind = term_of(segment)
        level = Level.NOTE if kind == unknown() and not segment.term else Level.GOOD
        said = f"{segment.name} is stated as {kind.text} (SNOMED {kind.code})"
        findings.append(Finding(level, f"{said}: say what it is." if level is Level.NOTE else f"{said}."))
    if ending in writing.DICOM:
        findings += _about_source(order)
    return findings


def _about_source(order: Order) -> list[Finding]:
    try:
        source = dicom_source.find(order.source, order.geometry)
    except AppError as error:
        return [Finding(Level.PROBLEM, str(error))]
    findings = [Finding(Level.GOOD if source.planes else Level.NOTE, f"Refers to {source.text}.")]
    if order.identified and source.patient:
        findings.append(Finding(Level.NOTE, "Will hold the patient's name and identifiers of the scan."))
        return findings
    findings.append(Finding(Level.GOOD, f"Will hold {DE_IDENTIFIED}."))
    named = [segment.name for segment in order.segments if dicom_source.names_patient(source, segment.name)]
    if named:
        text = f"These names seem to hold the patient's: {', '.join(named)}. Rename them first."
        findings.append(Finding(Level.PROBLEM, text))
    return findings
