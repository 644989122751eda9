"""`DicomSource`: the series that a volume came from, as far as another DICOM object has to name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pydicom
from pydicom.uid import generate_uid

from app.errors import BadInput
from app.geometry import Geometry
from app.volume import Source
from app.volume_io import find_stack
from app.volume_io.dicom_header import load
from app.volume_io.frame import Frame
from app.volume_io.stack import Stack

PATIENT = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyID", "StudyDescription", "ReferringPhysicianName",
)  # fmt: skip
"""What an export that is to be filed beside its scan repeats; without that wish all of it stays empty."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image, or one frame of it (counted from 1), by its UIDs."""

    class_uid: str
    instance_uid: str
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class DicomSource:
    """What an export says about where its case came from.

    Args:
        study: StudyInstanceUID; a new one where the case did not come from DICOM, as `frame_of_reference`.
        series: SeriesInstanceUID, "" where there is none.
        planes: The image of each slice k; empty where the grid is not that of the images (resampled).
        instances: Every image of the series that the volume was made from, once.
        patient: Values of `PATIENT`, as far as they are known.
    """

    study: str
    frame_of_reference: str
    series: str = ""
    modality: str = "OT"
    planes: tuple[Reference, ...] = ()
    instances: tuple[Reference, ...] = ()
    patient: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        """For a receipt."""
        if not self.instances:
            return "no source images: the case did not come from DICOM"
        count = f"{len(self.instances)} image{'s' if len(self.instances) > 1 else ''}"
        if not self.planes:
            return f"{count} of the source series (the grid was resampled, so not slice by slice)"
        return f"{count} of the source series, slice by slice"


def new_uid() -> str:
    """A UID made of random numbers (2.25 and a UUID, PS3.5 B.2)."""
    return str(generate_uid(prefix=None))


def nowhere() -> DicomSource:
    """For a case that did not come from DICOM."""
    return DicomSource(new_uid(), new_uid())


def find(source: Source | None, geometry: Geometry) -> DicomSource:
    """The series behind a volume; `nowhere()` where there is none.

    Args:
        geometry: The grid of the labels; references are slice by slice only where it is that of the images.

    Raises:
        BadInput: when its files are not there any more.
    """
    if source is None or not source.series:  # a DICOM series always has a key
        return nowhere()
    try:
        stack = find_stack(source)
    except BadInput as error:
        raise BadInput(f"The source series could not be read again: {error.message}", error.hint) from error
    if stack is None or stack.plan is None:
        return nowhere()
    return _described(stack, stack.times[source.time], geometry)


def _described(stack: Stack, frames: tuple[Frame, ...], geometry: Geometry) -> DicomSource:
    first = load(frames[0].header, pixels=False)
    assert stack.plan is not None
    references = tuple(_reference(frame) for frame in frames)
    complete = all(r.class_uid and r.instance_uid for r in references)
    onto = complete and not stack.plan.resamples and stack.plan.geometry.matches(geometry)
    direct = onto and all(frame.tile is None for frame in frames)
    whole = dict.fromkeys(Reference(r.class_uid, r.instance_uid) for r in references) if complete else {}
    return DicomSource(
        study=str(first.get("StudyInstanceUID", "")) or new_uid(),
        frame_of_reference=str(first.get("FrameOfReferenceUID", "")) or new_uid(),
        series=str(first.get("SeriesInstanceUID", "")),
        modality=frames[0].header.modality or "OT",
        planes=references if direct else (),
        instances=tuple(whole),
        patient=_patient(first),
    )


def _reference(frame: Frame) -> Reference:
    header = frame.header
    number = frame.number + 1 if header.frames > 1 else None
    return Reference(str(header.get("SOPClassUID", "")), str(header.get("SOPInstanceUID", "")), number)


def _patient(dataset: pydicom.Dataset) -> dict[str, str]:
    found = {name: str(dataset.get(name, "") or "") for name in PATIENT}
    return {name: value for name, value in found.items() if value}
