"""RT Structure Set out: closed contours on the slices of the labels' grid, in LPS millimetres."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from app import __version__
from app.atomic_file import replacing
from app.errors import AppError
from app.exchange.contours import Polygon, filled, polygons
from app.exchange.dicom_seg import fill_patient, item_of, present_in, require_right_angles, state_identity
from app.exchange.dicom_source import DicomSource, new_uid
from app.exchange.receipt import DE_IDENTIFIED, IDENTIFIED, LabelReceipt, Written
from app.exchange.rtstruct_reader import CONTOUR_DATA, points_of
from app.exchange.terms import SCHEME, term_of
from app.geometry import EMPTY_REGION, Geometry, Region
from app.segmentation import Segment

_STUDY = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management, the class that the standard wants named here
_FLIP = np.array([-1.0, -1.0, 1.0])


def write_rtstruct(
    path: str | Path,
    labels: NDArray[np.unsignedinteger],
    segments: Sequence[Segment],
    geometry: Geometry,
    source: DicomSource,
    identified: bool = False,
) -> LabelReceipt:
    """Write the outlines of segments, read them back, fill them and compare.

    Args:
        labels: (k, j, i) on the geometry's grid; contours lie on its slices k.
        segments: Those to write; one without voxels is left out.
        source: The series it belongs to, or `nowhere()`.
        identified: Repeat the patient's name and identifiers of the source.

    Raises:
        BadInput: when there is no voxel, or the grid is sheared.
        AppError: when it cannot be written or reads back differently; the old file stays.
    """
    require_right_angles(geometry)
    present = present_in(labels, segments)
    dataset = _head(source, identified)
    dataset.StructureSetROISequence = [_roi(n, s, source) for n, s in enumerate(present, start=1)]
    dataset.ROIContourSequence = [
        _contours(n, s, labels == s.label, geometry, source) for n, s in enumerate(present, start=1)
    ]
    dataset.RTROIObservationsSequence = [_observation(n, s) for n, s in enumerate(present, start=1)]
    with replacing(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)
        counts = _compared(temporary, labels, present, geometry, Path(path).name)
    millilitres = geometry.voxel_volume / 1000
    written = [Written(s.name, term_of(s).text, n, n * millilitres) for s, n in zip(present, counts, strict=True)]
    identity = IDENTIFIED if identified and source.patient else DE_IDENTIFIED
    return LabelReceipt(str(path), "RT Structure Set", tuple(written), reference=source.text, identity=identity)


def _head(source: DicomSource, identified: bool) -> pydicom.Dataset:
    now = datetime.datetime.now()
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # explicit ends a contour at 64 KB
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = RTStructureSetStorage, new_uid()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    fill_patient(dataset, source, identified)
    state_identity(dataset, identified and bool(source.patient))
    dataset.Modality, dataset.Manufacturer, dataset.ManufacturerModelName = "RTSTRUCT", "Volumask", "Volumask"
    dataset.SoftwareVersions, dataset.OperatorsName, dataset.SeriesDescription = __version__, "", "Contours"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = source.study, new_uid()
    dataset.SeriesNumber, dataset.InstanceNumber = 301, 1
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = source.frame_of_reference, ""
    dataset.StructureSetLabel, dataset.ApprovalStatus = "Volumask", "UNAPPROVED"
    dataset.StructureSetDate, dataset.StructureSetTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.ReferencedFrameOfReferenceSequence = [_referenced(source)]
    return dataset


def _referenced(source: DicomSource) -> pydicom.Dataset:
    frame = pydicom.Dataset()
    frame.FrameOfReferenceUID = source.frame_of_reference
    if source.instances:
        series, study = pydicom.Dataset(), pydicom.Dataset()
        series.SeriesInstanceUID = source.series
        series.ContourImageSequence = [item_of(reference) for reference in source.instances]
        study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = _STUDY, source.study
        study.RTReferencedSeriesSequence = [series]
        frame.RTReferencedStudySequence = [study]
    return frame


def _roi(number: int, segment: Segment, source: DicomSource) -> pydicom.Dataset:
    roi = pydicom.Dataset()
    roi.ROINumber, roi.ReferencedFrameOfReferenceUID = number, source.frame_of_reference
    roi.ROIName = " ".join(segment.name.replace("\\", "/").split())[:64]
    roi.ROIGenerationAlgorithm = "SEMIAUTOMATIC"
    return roi


def _observation(number: int, segment: Segment) -> pydicom.Dataset:
    kind, code, seen = term_of(segment), pydicom.Dataset(), pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = kind.code, SCHEME, kind.meaning
    seen.ObservationNumber, seen.ReferencedROINumber = number, number
    seen.RTROIIdentificationCodeSequence = [code]
    seen.RTROIInterpretedType, seen.ROIInterpreter = "", ""
    return seen


def _contours(
    number: int, segment: Segment, mask: NDArray[np.bool_], geometry: Geometry, source: DicomSource
) -> pydicom.Dataset:
    roi = pydicom.Dataset()
    roi.ROIDisplayColor, roi.ReferencedROINumber = list(segment.colour), number
    roi.ContourSequence = []
    box = Region.around(mask) or EMPTY_REGION
    for k in range(box.start[0], box.stop[0]):
        for polygon in polygons(mask[k][box.slices[1:]]):
            contour = pydicom.Dataset()
            contour.set_original_encoding(True, True, "iso8859")  # so that the text of `_data` is not parsed
            if source.planes:
                contour.ContourImageSequence = [item_of(source.planes[k])]
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(polygon)
            contour[CONTOUR_DATA] = _data(np.insert(polygon + box.start[1:], 0, k, axis=1), geometry)
            roi.ContourSequence.append(contour)
    return roi


def _data(index: Polygon, geometry: Geometry) -> RawDataElement:
    """The points as the file has them: as text at once, because pydicom checks it a number at a time for seconds."""
    lps = geometry.world(index) * _FLIP
    text = "\\".join([f"{value:.4f}" for value in lps.ravel().tolist()]).encode("ascii")
    text += b" " * (len(text) % 2)
    return RawDataElement(Tag(CONTOUR_DATA), "DS", len(text), text, 0, True, True)


def _compared(
    path: Path, labels: NDArray[np.unsignedinteger], present: Sequence[Segment], geometry: Geometry, name: str
) -> list[int]:
    """Voxels of each segment, filled again from the file that was written."""
    dataset = pydicom.dcmread(path)
    counts = []
    for segment, roi in zip(present, dataset.ROIContourSequence, strict=True):
        slices, count = _polygons_of(roi, geometry), 0
        for k, plane in enumerate(labels):
            back = filled(slices.get(k, []), geometry.shape[1:])
            count += int(np.count_nonzero(back))
            if not np.array_equal(back, plane == segment.label):
                raise AppError(
                    f"{name} was not written: reading it back gave something else.", "Save it on another disk."
                )
        counts.append(count)
    return counts


def _polygons_of(roi: pydicom.Dataset, geometry: Geometry) -> dict[int, list[Polygon]]:
    """Slice k -> the polygons on it, in its pixels."""
    slices: dict[int, list[Polygon]] = {}
    for contour in roi.ContourSequence:
        index = geometry.index(points_of(contour))
        slices.setdefault(int(np.rint(index[0, 0])), []).append(index[:, 1:])
    return slices
