"""DICOM Segmentation out: one binary segment for each label, on the labels' own grid, by highdicom.

highdicom wants source images. It is given one empty stand-in per slice, with the place of that slice and no other fact
of the scan, so nothing can slip into the file that is not named here; the references are then put to the real images,
or taken away where there are none (PS3.3 A.51 asks for a frame of reference then, and for no image).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from app import __version__
from app.atomic_file import replacing
from app.errors import AppError, BadInput
from app.exchange import dicom_seg_reader
from app.exchange.dicom_source import PATIENT, DicomSource, Reference, new_uid
from app.exchange.incoming import whole_mask_on
from app.exchange.receipt import DE_IDENTIFIED, IDENTIFIED, LabelReceipt, Written
from app.exchange.terms import CATEGORIES, SCHEME, SIDES, term_of
from app.geometry import Geometry, Region
from app.segmentation import MOST_SEGMENTS, Segment

_SQUARE = 1e-3  # cosine between two axes of the grid: more than that and DICOM's planes cannot say where voxels lie
_FAMILY = Code("123110", "DCM", "Artificial Intelligence")


def write_dicom_seg(
    path: str | Path,
    labels: NDArray[np.unsignedinteger],
    segments: Sequence[Segment],
    geometry: Geometry,
    source: DicomSource,
    identified: bool = False,
) -> LabelReceipt:
    """Write the voxels of the given segments, then read them back and compare.

    Args:
        labels: (k, j, i) on the geometry's grid.
        segments: Those to write; one without voxels is left out.
        source: The series it belongs to, or `nowhere()`.
        identified: Repeat the patient's name and identifiers of the source, to file it beside the scan.

    Raises:
        BadInput: when there is no voxel, or too many segments, or the grid is sheared.
        AppError: when it cannot be written or reads back differently; the old file stays.
    """
    require_right_angles(geometry)
    present = present_in(labels, segments)
    numbered, box = _numbered(labels, present)
    stand_ins = _stand_ins(_cropped(geometry, box), source, identified)
    seg = _made(numbered, present, _cropped(geometry, box), source.frame_of_reference, stand_ins)
    state_identity(seg, identified and bool(source.patient))
    _refer(seg, source, stand_ins, box.start[0])
    with replacing(path) as temporary:
        seg.save_as(temporary, enforce_file_format=True)
        counts = _compared(temporary, numbered, _cropped(geometry, box), Path(path).name)
    millilitres = geometry.voxel_volume / 1000
    written = [Written(s.name, term_of(s).text, n, n * millilitres) for s, n in zip(present, counts, strict=True)]
    return LabelReceipt(
        str(path),
        "DICOM segmentation",
        tuple(written),
        reference=source.text,
        identity=IDENTIFIED if identified and source.patient else DE_IDENTIFIED,
    )


def present_in(labels: NDArray[np.unsignedinteger], segments: Sequence[Segment]) -> list[Segment]:
    """Those of some segments that have voxels.

    Raises:
        BadInput: when none has, or there are more than a file can number.
    """
    present = [segment for segment in segments if bool((labels == segment.label).any())]
    if not present:
        raise BadInput("There is no voxel to export.", "Segment something first.")
    if len(present) > MOST_SEGMENTS:
        raise BadInput(f"{len(present)} segments are too many for one file.", f"Export at most {MOST_SEGMENTS}.")
    return present


def require_right_angles(geometry: Geometry) -> None:
    """Refuse a grid that planes of DICOM cannot describe.

    Raises:
        BadInput: when its axes are not at right angles.
    """
    if is_sheared(geometry):
        raise BadInput(
            "The grid of these labels is sheared, which DICOM cannot describe.",
            "Export NIfTI or .seg.nrrd, or resample the scan to right angles.",
        )


def is_sheared(geometry: Geometry) -> bool:
    """Whether two axes of a grid are not at right angles."""
    return bool(np.abs(geometry.directions @ geometry.directions.T - np.eye(3)).max() > _SQUARE)


def _numbered(labels: NDArray[np.unsignedinteger], present: Sequence[Segment]) -> tuple[NDArray[np.uint8], Region]:
    """Whole slices from the first to the last with a voxel, numbered 1, 2, 3 in the order of the segments."""
    table = np.zeros(int(labels.max()) + 1, np.uint8)
    for number, segment in enumerate(present, start=1):
        table[segment.label] = number
    used = np.flatnonzero([table[plane].any() for plane in labels])
    box = Region((int(used[0]), 0, 0), (int(used[-1]) + 1, *labels.shape[1:]))
    return table[labels[box.slices]], box


def _cropped(geometry: Geometry, box: Region) -> Geometry:
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.world(box.start)
    return Geometry(box.shape, affine)


def _made(
    numbered: NDArray[np.uint8],
    present: Sequence[Segment],
    geometry: Geometry,
    frame_of_reference: str,
    stand_ins: Sequence[pydicom.Dataset],
) -> hd.seg.Segmentation:
    affine = geometry.lps_affine.copy()
    affine[:, :3] = affine[:, 2::-1]  # highdicom's affines take (k, j, i)
    volume = hd.Volume(numbered, affine, coordinate_system="PATIENT", frame_of_reference_uid=frame_of_reference)
    seg = hd.seg.Segmentation(
        source_images=stand_ins,
        pixel_array=volume,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(n, segment) for n, segment in enumerate(present, start=1)],
        series_instance_uid=new_uid(),
        series_number=300,
        sop_instance_uid=new_uid(),
        instance_number=1,
        manufacturer="Volumask",
        manufacturer_model_name="Volumask",
        software_versions=__version__,
        device_serial_number="0",
        content_label="SEGMENTATION",
        specific_character_set="ISO_IR 192",
    )
    seg.SeriesDescription = "Segmentation"
    return seg


def state_identity(dataset: pydicom.Dataset, identified: bool) -> None:
    """Say that the patient's attributes were left out, where they were."""
    if not identified:
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = "Patient and study attributes left empty, UIDs kept"


def _stand_ins(geometry: Geometry, source: DicomSource, identified: bool) -> list[pydicom.Dataset]:
    step, down, across = geometry.spacing
    lps = geometry.directions * np.array([-1.0, -1.0, 1.0])
    stand_ins, series = [], source.series or new_uid()
    for k in range(geometry.shape[0]):
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, new_uid()
        one.StudyInstanceUID, one.SeriesInstanceUID = source.study, series
        one.FrameOfReferenceUID, one.Modality = source.frame_of_reference, source.modality
        one.Rows, one.Columns = geometry.shape[1:]
        one.PixelSpacing, one.SliceThickness = [down, across], step
        one.ImageOrientationPatient = [*lps[2].tolist(), *lps[1].tolist()]
        one.ImagePositionPatient = (geometry.world((k, 0, 0)) * np.array([-1.0, -1.0, 1.0])).tolist()
        fill_patient(one, source, identified)
        stand_ins.append(one)
    return stand_ins


def fill_patient(dataset: pydicom.Dataset, source: DicomSource, identified: bool) -> None:
    """Who it is about: what the source says, or nothing."""
    for name in PATIENT:
        value = source.patient.get(name, "") if identified else ""
        if value or name not in ("IssuerOfPatientID", "StudyDescription"):  # the others may be empty, not absent
            setattr(dataset, name, value)


def _description(number: int, segment: Segment) -> hd.seg.SegmentDescription:
    kind = term_of(segment)
    code, meaning = CATEGORIES[kind.category]
    described = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=" ".join(segment.name.replace("\\", "/").split())[:64],
        segmented_property_category=Code(code, SCHEME, meaning),
        segmented_property_type=Code(kind.code, SCHEME, kind.meaning),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence("Volumask", _FAMILY, __version__),
        display_color=hd.color.CIELabColor.from_rgb(*segment.colour),
    )
    if kind.side:
        side = pydicom.Dataset()
        side.CodeValue, side.CodeMeaning = SIDES[kind.side]
        side.CodingSchemeDesignator = SCHEME
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [side]
    return described


def _refer(seg: pydicom.Dataset, source: DicomSource, stand_ins: Sequence[pydicom.Dataset], first: int) -> None:
    """Put the references to the real images, or take them away."""
    for name in ("ReferencedSeriesSequence", "SourceImageSequence", "ContributingEquipmentSequence"):
        if name in seg:
            delattr(seg, name)
    if source.instances:
        series = pydicom.Dataset()
        series.SeriesInstanceUID = source.series
        series.ReferencedInstanceSequence = [item_of(reference) for reference in source.instances]
        seg.ReferencedSeriesSequence = [series]
        seg.SourceImageSequence = [item_of(reference) for reference in source.instances]
    planes = {one.SOPInstanceUID: source.planes[first + k] for k, one in enumerate(stand_ins) if source.planes}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        if not planes and "DerivationImageSequence" in frame:
            del frame.DerivationImageSequence
        for derivation in frame.get("DerivationImageSequence", []):
            for image in derivation.SourceImageSequence:
                if reference := planes.get(image.ReferencedSOPInstanceUID):  # frames of a slice share one item
                    image.update(item_of(reference))


def item_of(reference: Reference) -> pydicom.Dataset:
    """A reference as an item of a sequence."""
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference.class_uid, reference.instance_uid
    if reference.frame is not None:
        item.ReferencedFrameNumber = reference.frame
    return item


def _compared(path: Path, numbered: NDArray[np.uint8], geometry: Geometry, name: str) -> list[int]:
    """Voxels of each segment in the file that was written."""
    back = dicom_seg_reader.read(path)
    same = len(back.segments) == int(numbered.max()) and all(
        np.array_equal(whole_mask_on(geometry, back, one), numbered == n) for n, one in enumerate(back.segments, 1)
    )
    if not same:
        raise AppError(f"{name} was not written: reading it back gave something else.", "Save it on another disk.")
    return [one.voxels for one in back.segments]
