"""Small DICOM files made for tests: valid, without any real person in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SERIES = "1.2.826.0.1.3680043.8.498.1234567890"
AXIAL = (1, 0, 0, 0, 1, 0)


def slice_of(pixels: np.ndarray, position: Sequence[float] | None, number: int = 1, **fields: Any) -> Dataset:
    """One CT slice; any element can be given by its keyword, None takes it away."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = CTImageStorage, ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = SERIES + ".1", SERIES, SERIES + ".2"
    ds.PatientName, ds.PatientID, ds.Modality, ds.SeriesDescription = "Nobody^Known", "1", "CT", "Made"
    ds.InstanceNumber, ds.ImageOrientationPatient, ds.PixelSpacing = number, list(AXIAL), [1, 1]
    if position is not None:
        ds.ImagePositionPatient = [float(f"{v:.10g}") for v in position]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape[-2:]
    bits = 8 * pixels.dtype.itemsize
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"
    for name, value in fields.items():
        if value is None:
            del ds[name]
        else:
            setattr(ds, name, value)
    return ds


def save(folder: Path, datasets: Sequence[Dataset]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for n, ds in enumerate(datasets):
        ds.save_as(folder / f"{n:04d}.dcm", enforce_file_format=True)
    return folder


def stack(array: np.ndarray, step: float = 2.0, **fields: Any) -> list[Dataset]:
    """Axial slices of (k, j, i), `step` millimetres apart, from z = 0 up."""
    return [slice_of(plane, (0, 0, k * step), k + 1, **fields) for k, plane in enumerate(array)]


def numbers(shape: tuple[int, int, int] = (5, 6, 7), dtype: str = "<i2") -> np.ndarray:
    """Every voxel different."""
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)
