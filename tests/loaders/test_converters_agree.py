"""The same DICOM files through dcm2niix and highdicom, run here: every voxel at the same place with the same value."""

import shutil
import subprocess
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest

from app import volume_io
from app.cli import main
from app.geometry import LPS_FROM_RAS, Geometry
from tests.data import shared_data

DATA = shared_data()
DICOM = DATA / "dicom" if DATA else Path("absent")
pytestmark = pytest.mark.skipif(DATA is None, reason="needs the real scans of shared/data")
dcm2niix = pytest.importorskip("dcm2niix", reason="needs the test-only package dcm2niix")

SAME = [
    "ct_small_17slices",
    "ct_oriented_50x100",
    "ct_liver_3slices_with_seg",
    "hitachi_mr_knee",
    "mr_j2k_lossless",
    "mr_jpeg_lossless",
    "mr_rle_lossless",
    "philips_ct_gantry_tilt",
    "siemens_mr_sagittal_prone_HFP",
    "siemens_mr_xa10_enhanced_multiframe",
    "ge_mr_dwi_4d",
]


def converted(folder: Path, out: Path) -> Path:
    """dcm2niix's image: the tilt-corrected one where it makes one, never that of the segmentation object."""
    out.mkdir()
    subprocess.run(
        [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "x_%d", "-o", out, folder], check=True, capture_output=True
    )
    images = [p for p in sorted(out.glob("*.nii")) if "Segmentation" not in p.name]
    return next((p for p in images if "Tilt" in p.name), images[0])


def in_our_order(image: nib.Nifti1Image, geometry: Geometry, time: int) -> np.ndarray:
    """dcm2niix's voxels (k, j, i) turned onto our grid, which must be a permutation and flip of theirs."""
    data = np.asanyarray(image.dataobj)
    data = data[..., time] if data.ndim == 4 else data
    ours_to_theirs = np.linalg.inv(image.affine) @ geometry.affine
    turn = np.rint(ours_to_theirs[:3, :3]).astype(int)
    assert np.abs(ours_to_theirs[:3, :3] - turn).max() * max(data.shape) < 2e-2
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape[::-1]), indexing="ij"), -1)
    index = ijk @ turn.T + np.rint(ours_to_theirs[:3, 3]).astype(int)
    assert index.min() == 0
    assert tuple(index.reshape(-1, 3).max(axis=0)) == tuple(n - 1 for n in data.shape)
    return data[tuple(np.moveaxis(index, -1, 0))].transpose()


@pytest.mark.parametrize("name", SAME)
def test_convert_equals_dcm2niix_in_every_voxel(name: str, tmp_path: Path) -> None:
    theirs = nib.load(converted(DICOM / name, tmp_path / "theirs"))
    out = tmp_path / "ours.nii.gz"
    times = theirs.shape[3] if theirs.ndim == 4 else 1
    for time in range(times):
        assert main(["convert", str(DICOM / name), str(out), "--time", str(time)]) == 0
        ours = volume_io.read_volume(out)
        expected = in_our_order(theirs, ours.geometry, time)
        gaps = np.abs(ours.array - expected)
        if "tilt" in name:  # interpolated; the two rows at the edge of each slice have a neighbour on one side only
            assert (gaps > 1).sum() <= 2 * ours.shape[0] * ours.shape[2]
            assert ((gaps > 1).any(axis=2).sum(axis=1) <= 2).all()
        else:
            assert gaps.max() <= 1e-5 * np.abs(expected).max()


# highdicom wants a FrameOfReferenceUID, which the other series lack
@pytest.mark.parametrize("name", ["ct_small_17slices", "siemens_mr_sagittal_prone_HFP"])
def test_a_series_equals_highdicoms_volume(name: str) -> None:
    theirs = highdicom.get_volume_from_series([pydicom.dcmread(p) for p in sorted((DICOM / name).iterdir())], rtol=0.02)
    ours = volume_io.read_volume(DICOM / name)
    # highdicom's arrays are slice, row, column, so its affine maps (k, j, i)
    affine = LPS_FROM_RAS @ theirs.affine @ np.eye(4)[[2, 1, 0, 3]]
    turned = Geometry(theirs.array.shape, affine)
    index = np.rint(ours.geometry.index(turned.world([(0, 0, 0), np.array(turned.shape) - 1]))).astype(int)
    flips = tuple(slice(None, None, -1 if a > b else 1) for a, b in index.T)
    assert np.abs(ours.geometry.world(index) - turned.world([(0, 0, 0), np.array(turned.shape) - 1])).max() < 1e-3
    assert np.array_equal(ours.array[flips], theirs.array)


def test_an_enhanced_object_lies_where_highdicom_has_it(tmp_path: Path) -> None:
    file = sorted((DICOM / "siemens_mr_xa10_enhanced_multiframe").iterdir())[0]
    alone = shutil.copy(file, tmp_path)
    theirs = highdicom.imread(file).get_volume_geometry()
    ours = volume_io.find_series(alone)[0].geometry
    turned = Geometry(theirs.spatial_shape, LPS_FROM_RAS @ theirs.affine @ np.eye(4)[[2, 1, 0, 3]])
    ends = [(0, 0, 0), np.array(turned.shape) - 1]
    index = ours.index(turned.world(ends))
    assert np.abs(index - np.rint(index)).max() < 1e-3
    assert sorted(map(tuple, np.rint(index).astype(int)))[0][0] == 0
    assert ours.shape == turned.shape
