"""Every made variant of NIfTI and its neighbours, and the real oddities, against what nibabel says of them."""

import json
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from app import volume_io
from app.errors import BadInput
from app.geometry import Geometry
from app.volume import Volume
from tests.data import shared_data

DATA = shared_data()
FOLDER = DATA / "nifti" / "variants" if DATA else None
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())["files"] if FOLDER else {}
pytestmark = pytest.mark.skipif(DATA is None, reason="needs the real scans of shared/data")

REFUSED = {
    "all_nan.nii.gz": "every voxel is NaN",
    "five_d_vector.nii.gz": "several values in each voxel",
    "rgb24.nii.gz": "RGB colour",
    "rgba32.nii.gz": "RGBA colour",
    "complex64.nii.gz": "complex",
}
SCALED = {"units_micron.nii.gz": 0.001}
NOTED = {
    "no_form_codes.nii.gz": "no position in space",
    "qform_sform_differ.nii.gz": "sform and qform",
    "sheared_sform.nii.gz": "sheared by",
    "nan_inf.nii.gz": "NaN or infinite",
    "units_micron.nii.gz": "micrometres",
    "analyze.hdr": "which side is left",
    "four_d.nii.gz": "5 time points",
}


def compare(volume: Volume, expected: dict[str, Any], time: int, scale: float = 1.0) -> int:
    """Check shape, affine and the samples of one time point; how many were checked."""
    shape = (*expected["shape"], 1, 1)[:3]
    assert volume.shape == tuple(reversed(shape))
    affine = np.diag([scale, scale, scale, 1.0]) @ np.array(expected["affine_ras"])
    assert volume.geometry.matches(Geometry(volume.shape, affine), 1e-3 * min(1.0, min(volume.geometry.spacing)) + 1e-5)
    count = 0
    for sample in expected["samples"]:
        i, j, k, t = (*sample["ijk"], 0, 0)[:4]
        if t == time and sample["value"] is not None:
            assert volume.array[k, j, i] == pytest.approx(sample["value"], rel=1e-6)
            count += 1
    return count


@pytest.mark.parametrize("name", [n for n in EXPECTED if n not in REFUSED])
def test_a_variant_opens_where_and_as_nibabel_has_it(name: str) -> None:
    expected = EXPECTED[name]
    times = expected["shape"][3] if len(expected["shape"]) > 3 else 1
    checked = 0
    for time in range(times):
        volume = volume_io.read_volume(FOLDER / name, time=time)
        checked += compare(volume, expected, time, SCALED.get(name, 1.0))
    assert checked >= sum(s["value"] is not None for s in expected["samples"])
    note = NOTED.get(name)
    assert not note or any(note in said for said in volume.notes)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_grey_image_is_refused_with_one_sentence(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        volume_io.read_volume(FOLDER / name)
    assert REFUSED[name] in caught.value.message
    assert name in caught.value.message


def test_the_list_of_variants_is_whole() -> None:
    assert len(EXPECTED) == 71
    assert set(REFUSED) | set(NOTED) <= set(EXPECTED)


def test_all_orientations_show_the_same_head_at_the_same_place() -> None:
    real = DATA / "nifti" / "real"
    plain = volume_io.read_volume(real / "orient_RAS.nii.gz")
    generator = np.random.default_rng(1)
    world = plain.geometry.world(generator.integers(0, plain.shape, (200, 3)))
    values = [plain.array[plain.geometry.nearest(w)] for w in world]
    for code in ("LPS", "AIL", "PIR", "SLA", "IRP"):
        turned = volume_io.read_volume(real / f"orient_{code}.nii.gz")
        assert turned.geometry.orientation == code
        assert [turned.array[turned.geometry.nearest(w)] for w in world] == values


REAL_REFUSED = {
    "ct_perfusion_rgb.nii.gz": "RGB colour",
    "cifti_dconn.nii": "CIFTI",
    "vector_5d_huge_values.nii.gz": "several values",
    "dti_rgb_5d.nii.gz": "several values",
}
REAL = sorted(p.name for p in (DATA / "nifti" / "real").glob("*.nii*")) if DATA else []


@pytest.mark.parametrize("name", REAL)
def test_a_real_oddity_opens_as_nibabel_has_it_or_is_refused(name: str) -> None:
    path = DATA / "nifti" / "real" / name
    if name in REAL_REFUSED:
        with pytest.raises(BadInput, match=REAL_REFUSED[name]):
            volume_io.read_volume(path)
        return
    volume = volume_io.read_volume(path)
    reference = nib.load(path)
    data = np.asanyarray(reference.dataobj)
    data = (data[..., 0] if data.ndim == 4 else data).transpose()
    assert np.array_equal(volume.geometry.affine, reference.affine)
    good = np.isfinite(data)
    assert np.allclose(volume.array[good], data[good], rtol=1e-6)
    assert (not good.all()) == any("NaN" in note for note in volume.notes)


def test_other_formats_equal_their_nifti_twins() -> None:
    twins = {
        "breast_tumour.nrrd": "gt/mr_breast_tumour/image.nii.gz",
        "mri_crop.gipl.gz": "gt/mr_brain_ventricles/image.nii.gz",
    }
    for name, twin in twins.items():
        one, other = volume_io.read_volume(DATA / "other_formats" / name), volume_io.read_volume(DATA / twin)
        assert np.array_equal(one.array, other.array), name
        assert one.geometry.matches(other.geometry, 1e-3), name


@pytest.mark.parametrize("name", ["nan_inf.mha", "fmri.mha", "flair.nrrd", "nifti_pair.hdr", "nifti_pair.img"])
def test_other_real_formats_open(name: str) -> None:
    (series,) = volume_io.find_series(DATA / "other_formats" / name)
    volume = volume_io.read_volume(DATA / "other_formats" / name)
    assert volume.shape == series.shape
    assert volume.intensity_range[0] < volume.intensity_range[1]
    assert series.thumbnail().std() > 5


LABELS = {
    "label_uint8.nii.gz": (np.uint8, [0, 1, 2]),
    "label_float_1e-7.nii.gz": (np.uint8, [0, 1, 2]),
    "label_values_sparse_int32.nii.gz": (np.uint32, [0, 1005, 70000]),
}


@pytest.mark.parametrize("name", LABELS)
def test_label_maps_come_as_whole_numbers_of_the_smallest_type(name: str) -> None:
    dtype, values = LABELS[name]
    labels = volume_io.read_labels(FOLDER / name).labels
    assert labels.dtype == dtype
    assert set(np.unique(labels)) <= set(values)
    assert labels.any()


@pytest.mark.parametrize(
    ("path", "why"),
    [("variants/label_negative.nii.gz", "run from"), ("real/us_4d_seg_fractional.nii.gz", "fractions")],
)
def test_what_is_no_label_map_is_refused(path: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        volume_io.read_labels(DATA / "nifti" / path)
