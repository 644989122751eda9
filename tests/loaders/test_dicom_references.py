"""Every real DICOM series against the geometry and voxel samples that other converters made of it."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from app import volume_io
from app.geometry import Geometry
from app.volume import Volume
from tests.data import shared_data

DATA = shared_data()
REFERENCES = sorted((DATA / "dicom" / "ref").glob("*.geometry.json")) if DATA else []
pytestmark = pytest.mark.skipif(DATA is None, reason="needs the real scans of shared/data")

# Not compared as a whole, and why
DIFFERENT = {
    "ct_gantry_tilt_siemens__dcm2niix_4_": "dcm2niix's grid before its tilt correction; its affine is not the scan's",
    "philips_ct_gantry_tilt__dcm2niix_201_STEREOTAXIS": "dcm2niix's grid before its tilt correction, as above",
    "ct_missing_slice_ge__dcm2niix_2_": "even steps where the headers have a gap: test_a_missing_slice_...",
    "ct_missing_slice_ge__dcm2niix_2__Eq_1": "dcm2niix drops the last 5 mm: test_a_missing_slice_...",
    "ct_liver_3slices_with_seg__dcm2niix_1_Liver_Segmentation": "the segmentation object, which is not an image",
    "ge_mr_signa_20slices__dcm2niix_2_FSE_PD_AXIAL_OBL": "dcm2niix repeats the first step: test_rounded_...",
}
# dcm2niix divides by Philips' private scale; the standard's rescale, as upstream's reference has it, is used here
OTHER_VALUES = {"philips_mr_enhanced__dcm2niix_301_": "test_philips_private_scale_..."}


def name_of(path: Path) -> str:
    return path.name.removesuffix(".geometry.json")


def corners(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    far = np.array(shape) - 1
    ijk = np.array([[a, b, c] for a in (0, far[0]) for b in (0, far[1]) for c in (0, far[2])])
    return ijk @ affine[:3, :3].T + affine[:3, 3]


def same_box(geometry: Geometry, reference: dict, tolerance: float) -> bool:
    """Whether the same voxels lie at the same places, whatever the order and direction of the axes."""
    shape = reference["shape"][:3]
    if sorted(geometry.shape) != sorted(shape):
        return False
    ours = corners(geometry.shape[::-1], geometry.affine)
    theirs = corners(shape, np.array(reference["affine_ras"]))
    gaps = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
    return bool(gaps.min(axis=1).max() <= tolerance and gaps.min(axis=0).max() <= tolerance)


def differences(volume: Volume, samples: list[dict]) -> list[float]:
    found = []
    for sample in samples:
        index = volume.geometry.index(sample["ras_mm"])
        nearest = np.rint(index).astype(int)
        assert np.abs(index - nearest).max() < 2e-3, "a sample lies between our voxels"
        found.append(float(volume.array[tuple(nearest)]) - sample["value"])
    return found


@pytest.mark.parametrize("path", [p for p in REFERENCES if name_of(p) not in DIFFERENT], ids=name_of)
def test_geometry_and_voxels_equal_the_reference(path: Path) -> None:
    reference = json.loads(path.read_text())
    folder = DATA.parent / "data" / reference["reference_for"]
    series = [s for s in volume_io.find_series(folder) if s.readable]
    matching = [n for n, s in enumerate(series) if same_box(s.geometry, reference, 1e-3)]
    assert matching, [s.geometry for s in series]
    if name_of(path) in OTHER_VALUES:
        return
    by_time: dict[int, list[dict]] = {}
    for sample in reference["samples"]:
        by_time.setdefault(sample["ijk"][3] if len(sample["ijk"]) == 4 else 0, []).append(sample)
    tolerance = 1e-6 * max(abs(reference["min"]), abs(reference["max"]))
    if "mosaic" in str(path):  # two acquisitions under one identifier: the reference is one of the two times
        gaps = [
            np.abs(differences(volume_io.read_volume(folder, matching[0], t), reference["samples"])).max()
            for t in (0, 1)
        ]
        assert min(gaps) <= tolerance
        return
    for time, samples in by_time.items():
        volume = volume_io.read_volume(folder, matching[0], time)
        assert np.abs(differences(volume, samples)).max() <= tolerance


def test_each_reference_is_compared_or_named_with_a_reason() -> None:
    names = {name_of(path) for path in REFERENCES}
    assert set(DIFFERENT) <= names
    assert set(OTHER_VALUES) <= names


def reference_of(name: str) -> dict:
    return json.loads((DATA / "dicom" / "ref" / f"{name}.geometry.json").read_text())


@pytest.mark.parametrize(
    ("folder", "name", "degrees"),
    [
        ("philips_ct_gantry_tilt", "philips_ct_gantry_tilt__dcm2niix_201_STEREOTAXIS_Tilt_1", "18.5"),
        ("ct_gantry_tilt_siemens", "ct_gantry_tilt_siemens__dcm2niix_4__Tilt_1", "14.0"),
    ],
)
def test_a_gantry_tilt_is_said_and_the_grid_is_right_angled(folder: str, name: str, degrees: str) -> None:
    volume = volume_io.read_volume(DATA / "dicom" / folder)
    assert any(f"sheared by {degrees} degrees" in note for note in volume.notes)
    axes = volume.geometry.directions
    assert np.abs(axes @ axes.T - np.eye(3)).max() < 1e-6
    assert same_box(volume.geometry, reference_of(name), 1e-3)


def test_a_missing_slice_is_filled_and_said() -> None:
    volume = volume_io.read_volume(DATA / "dicom" / "ct_missing_slice_ge")
    reference = reference_of("ct_missing_slice_ge__dcm2niix_2__Eq_1")
    assert volume.shape == (5, 512, 512)
    assert volume.geometry.spacing[0] == pytest.approx(5, abs=1e-5)
    assert any(note.startswith("1 slice is missing") for note in volume.notes)
    gaps = differences(volume, reference["samples"])
    assert np.abs(gaps).max() <= 1  # slice 3 lies halfway: halves are rounded by either of two habits
    assert volume.array[3] == pytest.approx((volume.array[2].astype(float) + volume.array[4]) / 2, abs=0.51)


def test_philips_private_scale_is_all_that_parts_our_values_from_dcm2niix() -> None:
    folder = DATA / "dicom" / "philips_mr_enhanced"
    volume = volume_io.read_volume(folder)
    header = pydicom.dcmread(next(folder.iterdir()), stop_before_pixels=True)
    private = {float(e.value) for e in header.iterall() if e.tag == (0x2005, 0x100E)}
    frames = header.PerFrameFunctionalGroupsSequence
    slopes = {float(frame.PixelValueTransformationSequence[0].RescaleSlope) for frame in frames}
    (scale,), (slope,) = private, slopes
    for sample in reference_of("philips_mr_enhanced__dcm2niix_301_")["samples"]:
        index = tuple(np.rint(volume.geometry.index(sample["ras_mm"])).astype(int))
        assert volume.array[index] == pytest.approx(sample["value"] * slope * scale, rel=1e-5, abs=1e-5)


def test_rounded_steps_follow_every_position_and_not_only_the_first_two() -> None:
    folder, reference = (
        DATA / "dicom" / "ge_mr_signa_20slices",
        reference_of("ge_mr_signa_20slices__dcm2niix_2_FSE_PD_AXIAL_OBL"),
    )
    volume = volume_io.read_volume(folder)
    headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in folder.iterdir()]
    places = np.array(sorted((h.ImagePositionPatient for h in headers), key=lambda p: p[2]), float) * (-1, -1, 1)
    ours = volume.geometry.world([(k, 0, 0) for k in range(20)])
    affine = np.array(reference["affine_ras"])
    theirs = np.array([affine[:3, :3] @ (0, 255, k) + affine[:3, 3] for k in range(20)])
    assert np.linalg.norm(ours - places, axis=1).max() < 0.1  # the headers round to 0.1 mm
    assert np.linalg.norm(theirs - places, axis=1).max() > 1
    # GE's "spacing between slices" is the gap: with the thickness it is the step that the scanner was told to make.
    told = headers[0].SliceThickness + headers[0].SpacingBetweenSlices
    assert volume.geometry.spacing[0] == pytest.approx(told, abs=1e-3)
    assert abs(reference["spacing_mm"][2] - told) > 0.07
    for sample in reference["samples"]:
        i, j, k = sample["ijk"]
        assert volume.array[k, 255 - j, i] == sample["value"]
