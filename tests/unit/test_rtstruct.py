"""RT Structure Set out: accepted by dciodvfy, filled again by another program, silent about the patient."""

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.measure import points_in_poly

from app import volume_io
from app.errors import AppError, BadInput
from app.exchange import contours, dicom_source, rtstruct
from app.exchange.dicom_source import nowhere
from app.geometry import Geometry
from app.segmentation import Segment
from tests.data import shared
from tests.unit.grids import OBLIQUE, turned
from tests.unit.test_dicom_seg import SEGMENTS, checked_as, made_labels, secrets_in, series


def by_skimage(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Even-odd: a pixel is inside when its centre is, in an odd number of polygons."""
    centres = np.argwhere(np.ones(shape, bool))
    hits = sum(points_in_poly(centres, polygon).astype(int) for polygon in polygons)
    return np.reshape(hits, shape) % 2 == 1 if polygons else np.zeros(shape, bool)


def by_pillow(polygons: list[np.ndarray], shape: tuple[int, int], scale: int = 8) -> np.ndarray:
    """Pillow's polygon on a finer raster (it knows no fractions), looked up at the centres of pixels."""
    picture = Image.new("1", (shape[1] * scale, shape[0] * scale))
    for polygon in polygons:
        points = ((polygon[:, ::-1] + 0.5) * scale).ravel().tolist()
        ImageDraw.Draw(picture).polygon(points, fill=1)
    return np.asarray(picture)[scale // 2 :: scale, scale // 2 :: scale]


def noise(seed: int, shape=(24, 31), blur=1.2) -> np.ndarray:
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), blur) > 0.05


def ring() -> np.ndarray:
    mask = np.zeros((20, 24), bool)
    mask[2:18, 2:22] = True
    mask[4:9, 4:9] = mask[4:15, 12:14] = mask[11:16, 5:8] = False
    mask[5, 6] = mask[12, 6] = True  # islands in holes
    mask[6:8, 16:20] = False
    return mask


SHAPES = {
    "one pixel": np.pad(np.ones((1, 1), bool), 3),
    "touching corners": np.pad(np.eye(4, dtype=bool), 1),
    "checkers": np.indices((7, 9)).sum(axis=0) % 2 == 0,
    "rings, holes and islands": ring(),
    "everything": np.ones((6, 5), bool),
    "noise": noise(1),
    "fine noise": noise(2, blur=0.5),
    "none": np.zeros((4, 4), bool),
}


@pytest.mark.parametrize("name", SHAPES)
def test_contours_filled_by_another_program_are_the_pixels_again(name):
    mask = SHAPES[name]
    found = contours.polygons(mask)
    assert np.array_equal(by_skimage(found, mask.shape), mask)
    assert np.array_equal(contours.filled(found, mask.shape), mask)
    assert len(found) == ndimage.label(mask)[1]


@pytest.mark.parametrize("name", ["one pixel", "everything", "noise"])
def test_a_second_rasteriser_agrees_where_shapes_have_no_holes(name):
    mask = ndimage.binary_fill_holes(SHAPES[name])
    assert np.array_equal(by_pillow(contours.polygons(mask), mask.shape), mask)


@pytest.mark.parametrize("seed", range(12))
def test_no_point_is_farther_than_half_a_pixel_from_the_border(seed):
    mask = ndimage.binary_fill_holes(noise(seed, blur=0.7), np.ones((3, 3)))  # slits to holes cross the inside
    inside, outside = np.argwhere(mask), np.argwhere(~np.pad(mask, 1)) - 1
    for polygon in contours.polygons(mask):
        for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            middle = (a + b) / 2
            near = [np.abs(pixels - middle).max(axis=1).min() for pixels in (inside, outside)]
            assert max(near) <= 1.0 + 1e-9  # half a pixel to the border: a whole one to a centre on either side
    assert np.array_equal(by_skimage(contours.polygons(mask), mask.shape), mask)


def back(path, geometry: Geometry, roi: int) -> np.ndarray:
    """What is in the file, filled by skimage on the slices of a grid."""
    dataset = pydicom.dcmread(path)
    mask = np.zeros(geometry.shape, bool)
    slices: dict[int, list] = {}
    for contour in dataset.ROIContourSequence[roi].ContourSequence:
        points = np.array(contour.ContourData, float).reshape(-1, 3) * [-1, -1, 1]
        index = np.linalg.solve(geometry.affine[:3, :3], (points - geometry.affine[:3, 3]).T).T[:, ::-1]
        assert np.ptp(index[:, 0]) < 1e-3
        slices.setdefault(round(index[0, 0]), []).append(index[:, 1:])
    for k, found in slices.items():
        mask[k] = by_skimage(found, geometry.shape[1:])
    return mask


@pytest.mark.parametrize("affine", [turned("LPS"), OBLIQUE, turned("PIR")])
def test_the_file_is_valid_and_holds_the_voxels_at_their_place(tmp_path, affine):
    labels, geometry = made_labels(), Geometry((6, 20, 30), affine)
    labels[1:4, 7:9, 9:12] = 0  # a hole
    path = tmp_path / "a.rtstruct.dcm"
    receipt = rtstruct.write_rtstruct(path, labels, SEGMENTS, geometry, nowhere())
    assert checked_as(path, "RTStructureSet") == []
    assert all(np.array_equal(back(path, geometry, n), labels == s.label) for n, s in enumerate(SEGMENTS))
    dataset = pydicom.dcmread(path)
    assert [roi.ROIName for roi in dataset.StructureSetROISequence] == ["Left kidney", "Leber müde"]
    assert [list(roi.ROIDisplayColor) for roi in dataset.ROIContourSequence] == [list(s.colour) for s in SEGMENTS]
    assert dataset.RTROIObservationsSequence[1].RTROIIdentificationCodeSequence[0].CodeMeaning == "Liver"
    assert "RT Structure Set" in receipt.text()


def test_contours_refer_to_the_image_that_they_lie_on(tmp_path):
    folder = series(tmp_path / "scan")
    volume = volume_io.read_volume(folder)
    path = tmp_path / "a.rtstruct.dcm"
    source = dicom_source.find(volume.source, volume.geometry)
    rtstruct.write_rtstruct(path, made_labels(), SEGMENTS, volume.geometry, source)
    assert checked_as(path, "RTStructureSet") == []
    images = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, folder.iterdir())}
    dataset = pydicom.dcmread(path)
    for roi in dataset.ROIContourSequence:
        for contour in roi.ContourSequence:
            image = images[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            assert float(contour.ContourData[2]) == pytest.approx(image.ImagePositionPatient[2], abs=1e-3)
    study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    assert len(study.RTReferencedSeriesSequence[0].ContourImageSequence) == 6
    assert secrets_in(path) == []
    rtstruct.write_rtstruct(path, made_labels(), SEGMENTS, volume.geometry, source, identified=True)
    assert pydicom.dcmread(path).PatientName == "Doewinkel^Xaverine"


@pytest.mark.parametrize(
    "name", ["ct_phantom_with_rtstruct", "philips_ct_gantry_tilt", "siemens_mr_xa10_enhanced_multiframe"]
)
def test_real_scans(tmp_path, name):
    volume = volume_io.read_volume(shared("dicom", name))
    k, j, i = (n // 2 for n in volume.shape)
    labels = np.zeros(volume.shape, np.uint8)
    labels[max(0, k - 1) : k + 2, j - 9 : j + 8, i - 7 : i + 6] = noise(4, (17, 13))
    path = tmp_path / "a.rtstruct.dcm"
    source = dicom_source.find(volume.source, volume.geometry)
    rtstruct.write_rtstruct(path, labels, SEGMENTS[:1], volume.geometry, source)
    assert checked_as(path, "RTStructureSet") == []
    assert np.array_equal(back(path, volume.geometry, 0), labels == 1)


def test_a_very_long_contour_is_written_whole(tmp_path):
    mask = np.zeros((90, 90), bool)
    mask[::2] = mask[:, 0] = True  # a comb
    mask[1::4, 3::2] = True  # with bumps: thousands of points in one contour
    labels = mask[None].astype(np.uint8)
    path = tmp_path / "a.rtstruct.dcm"
    rtstruct.write_rtstruct(path, labels, SEGMENTS[:1], Geometry(labels.shape, turned("RAS")), nowhere())
    contour = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence[0]
    assert len("\\".join(map(str, contour.ContourData))) > 2**16
    assert np.array_equal(back(path, Geometry(labels.shape, turned("RAS")), 0), labels == 1)


def test_refusals_and_a_file_that_reads_back_differently(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="no voxel"):
        rtstruct.write_rtstruct(tmp_path / "a", made_labels() * 0, SEGMENTS, Geometry((6, 20, 30), OBLIQUE), nowhere())
    monkeypatch.setattr(rtstruct, "filled", lambda found, shape: np.zeros(shape, bool))
    with pytest.raises(AppError, match="reading it back"):
        rtstruct.write_rtstruct(tmp_path / "a", made_labels(), SEGMENTS, Geometry((6, 20, 30), OBLIQUE), nowhere())
    assert not list(tmp_path.iterdir())


def test_a_backslash_in_a_name_does_not_split_it(tmp_path):
    path = tmp_path / "a.rtstruct.dcm"
    rtstruct.write_rtstruct(
        path, made_labels(), [Segment(1, "a\\b", (1, 2, 3))], Geometry((6, 20, 30), OBLIQUE), nowhere()
    )
    assert pydicom.dcmread(path).StructureSetROISequence[0].ROIName == "a/b"
