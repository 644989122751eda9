"""Volumes for timing: the bundled sample, enlarged to the size of a clinical CT, as NIfTI and as DICOM files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy import ndimage

from app import volume_io
from app.geometry import Geometry, Index, Region
from app.volume import Volume

SAMPLE = Path(__file__).parents[2] / "resources" / "sample" / "ct_abdomen.nii.gz"


def enlarged(shape: Index, seed: int = 0) -> Volume:
    """The sample resampled to `shape` (k, j, i) with a little noise of its own, so that no cache knows it."""
    sample = volume_io.read_volume(SAMPLE)
    factors = np.divide(shape, sample.shape)
    array = np.empty(shape, np.int16)
    generator = np.random.default_rng(seed)
    for k in range(shape[0]):
        low = (k + 0.5) / factors[0] - 0.5
        below = int(np.clip(np.floor(low), 0, sample.shape[0] - 1))
        above = min(below + 1, sample.shape[0] - 1)
        weight = float(np.clip(low - below, 0, 1))
        plane = (1 - weight) * sample.array[below].astype(np.float32) + weight * sample.array[above]
        grown = ndimage.zoom(plane, factors[1:], order=1, grid_mode=True, mode="nearest")
        array[k] = grown + generator.normal(0, 8, shape[1:])
    affine = sample.geometry.affine @ np.diag([*(1 / factors[::-1]), 1])
    return Volume(array, Geometry(shape, affine), "CT", "Enlarged sample")


def inside(volume: Volume) -> list[Index]:
    """Voxels in the liver, the left kidney and the spine of the sample, in the coordinates of `volume`."""
    sample = volume_io.read_volume(SAMPLE)
    picked = np.array([(100, 47, 86), (100, 49, 90), (74, 43, 86), (80, 45, 60), (90, 50, 80)])
    scaled = (picked + 0.5) * np.divide(volume.shape, sample.shape)
    return [(int(k), int(j), int(i)) for k, j, i in scaled]


def liver(shape: Index) -> tuple[Region, np.ndarray]:
    """A lobed blob of the size of a liver: (region, mask) in a grid of `shape`."""
    region = Region(
        (shape[0] // 4, shape[1] // 4, shape[2] // 6), (3 * shape[0] // 4, 3 * shape[1] // 4, shape[2] // 2)
    )
    k, j, i = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in region.shape)]
    wave = 0.15 * np.sin(9 * k) * np.cos(7 * j) + 0.1 * np.sin(11 * i)
    return region, k**2 + j**2 + i**2 + wave < 0.8


def write_dicom(volume: Volume, folder: Path) -> None:
    """One CT file per slice, uncompressed, names in an order that is not that of the positions."""
    folder.mkdir()
    series, study, frame = (generate_uid() for _ in range(3))
    step = volume.geometry.lps_affine
    for k in range(volume.shape[0]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        name = folder / f"{(k * 7919) % volume.shape[0]:05d}.dcm"
        data = FileDataset(str(name), Dataset(), file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.SeriesInstanceUID, data.StudyInstanceUID, data.FrameOfReferenceUID = series, study, frame
        data.Modality, data.PatientID, data.InstanceNumber = "CT", "bench", k + 1
        data.Rows, data.Columns = volume.shape[1:]
        data.ImagePositionPatient = [f"{v:.6f}" for v in (step @ [0, 0, k, 1])[:3]]
        unit = step[:3, :2] / np.linalg.norm(step[:3, :2], axis=0)
        data.ImageOrientationPatient = [f"{v:.9f}" for v in unit.T.ravel()]
        _, rows, columns = volume.geometry.spacing
        data.PixelSpacing = [f"{rows:.9f}", f"{columns:.9f}"]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.RescaleSlope, data.RescaleIntercept = "1", "0"
        data.PixelData = volume.array[k].tobytes()
        data.save_as(name)
