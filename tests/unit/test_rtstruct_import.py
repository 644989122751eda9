"""RT Structure Set in: our own files and those of others, on the scan's grid, compared with two libraries."""

import numpy as np
import pydicom
import pytest
from skimage.draw import polygon2mask

from app import volume_io
from app.cli import main
from app.errors import BadInput
from app.exchange import reading, rtstruct, rtstruct_reader
from app.exchange.dicom_source import nowhere
from app.exchange.incoming import Incoming, whole_mask_on
from app.geometry import Geometry
from app.segmentation import Segment
from app.session import Session
from tests.data import shared
from tests.unit.grids import OBLIQUE, turned
from tests.unit.test_dicom_seg import series
from tests.unit.test_label_import import by_itk
from tests.unit.test_rtstruct import ring

SHAPE = (14, 40, 44)
SEGMENTS = [Segment(1, "Left kidney", (250, 10, 20)), Segment(2, "Leber müde", (1, 2, 3), term="10200004")]


def rings(shape=SHAPE) -> np.ndarray:
    """Two structures with holes and islands in the holes, and a gap of some slices in the second."""
    labels = np.zeros(shape, np.uint8)
    labels[2:9, 5:25, 3:27] = ring()
    labels[3:6, 26:38, 10:40] = 2
    labels[9:12, 27:36, 8:30] = 2
    return labels


def written(path, labels, grid) -> Geometry:
    geometry = Geometry(labels.shape, grid)
    rtstruct.write_rtstruct(path, labels, SEGMENTS, geometry, nowhere())
    return geometry


def masks(geometry: Geometry, file: Incoming) -> list[np.ndarray]:
    return [whole_mask_on(geometry, file, one) for one in file.segments]


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.mark.parametrize("grid", [turned("LPS"), turned("PIR"), OBLIQUE])
def test_our_own_export_comes_back_to_the_voxel_with_names_colours_and_terms(tmp_path, grid):
    path, labels = tmp_path / "a.rtstruct.dcm", rings()
    geometry = written(path, labels, grid)
    file = reading.read_segments(path, geometry)
    assert file.geometry is geometry
    assert file.notes == ()
    assert [np.array_equal(mask, labels == n) for n, mask in enumerate(masks(geometry, file), 1)] == [True, True]
    assert [(s.name, s.colour, s.term) for s in file.segments] == [
        ("Left kidney", (250, 10, 20), "64033007L"),
        ("Leber müde", (1, 2, 3), "10200004"),
    ]


def test_contours_of_another_orientation_lie_along_other_axes_of_the_scan(tmp_path):
    spacing, labels = (0.8, 0.9, 2.0), rings()
    theirs = written(tmp_path / "a.dcm", labels, turned("RAS", spacing))
    turned_affine = theirs.affine[:, [2, 0, 1, 3]]  # the same voxels with their axes in another order
    ours = Geometry((SHAPE[1], SHAPE[2], SHAPE[0]), turned_affine)
    file = reading.read_segments(tmp_path / "a.dcm", ours)
    assert file.geometry is ours
    assert np.array_equal(masks(ours, file)[0], np.moveaxis(labels == 1, 0, 2))


@pytest.mark.parametrize("step", [0.7, 1.4, 4.3, 6.1])
def test_slices_of_another_distance_take_the_nearest_plane_and_keep_the_gap(tmp_path, step):
    """As SimpleITK's nearest neighbour has it, in every voxel; the file's slices are 2 mm apart."""
    theirs = written(tmp_path / "a.dcm", rings(), turned("RAS"))
    ours = Geometry((int(28 / step), *SHAPE[1:]), turned("RAS", (0.8, 0.9, step), (-31.0, 12.5, 90.31)))
    found = masks(ours, reading.read_segments(tmp_path / "a.dcm", ours))
    expected = by_itk(rings(), theirs, ours)
    assert [np.count_nonzero(found[n - 1] != (expected == n)) for n in (1, 2)] == [0, 0]
    assert np.count_nonzero(expected) > 1000


def test_contours_oblique_to_the_scan_become_voxels_of_a_grid_of_their_own_first(tmp_path):
    theirs = written(tmp_path / "a.dcm", rings(), OBLIQUE)
    centre = theirs.world(np.array(SHAPE) / 2) - np.array([25, 25, 25])
    ours = Geometry((60, 60, 60), turned("RAS", (0.85, 0.85, 0.85), tuple(centre)))
    file = reading.read_segments(tmp_path / "a.dcm", ours)
    assert file.geometry is not ours
    expected = by_itk(rings(), theirs, ours)
    assert min(dice(mask, expected == n) for n, mask in enumerate(masks(ours, file), 1)) > 0.9  # both are rounded once


def square(low: float, high: float, z: float) -> list[float]:
    return [low, low, z, high, low, z, high, high, z, low, high, z]


def drawn(path, *contours: tuple[str, list[float]]):
    """A file of one structure with these contours, in LPS millimetres."""
    written(path, rings(), turned("LPS"))
    dataset = pydicom.dcmread(path)
    one = dataset.ROIContourSequence[0]
    one.ContourSequence = []
    for kind, data in contours:
        contour = pydicom.Dataset()
        contour.ContourGeometricType, contour.ContourData = kind, data
        contour.NumberOfContourPoints = len(data) // 3
        one.ContourSequence.append(contour)
    for sequence in ("ROIContourSequence", "StructureSetROISequence", "RTROIObservationsSequence"):
        setattr(dataset, sequence, getattr(dataset, sequence)[:1])
    dataset.save_as(path)
    return path


GRID = Geometry((5, 30, 30), np.diag([-1.0, -1.0, 1.0, 1.0]))  # LPS, 1 mm: x, y, z are i, j, k


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_a_contour_inside_another_is_a_hole_and_one_inside_that_an_island(tmp_path, kind):
    sizes = [(3.5, 24.5), (6.5, 20.5), (9.5, 12.5)]
    path = drawn(tmp_path / "a.dcm", *((kind, square(a, b, z)) for z in (1.0, 2.0) for a, b in sizes))
    mask = masks(GRID, reading.read_segments(path, GRID))[0]
    expected = np.zeros(GRID.shape, bool)
    for (low, high), value in zip(((4, 25), (7, 21), (10, 13)), (True, False, True), strict=True):
        expected[1:3, low:high, low:high] = value
    assert np.array_equal(mask, expected)


def test_a_hole_at_the_end_of_a_slit_is_a_hole(tmp_path):
    outer, hole = (
        [(2.5, 2.5), (22.5, 2.5), (22.5, 22.5), (2.5, 22.5)],
        [(8.5, 8.5), (8.5, 15.5), (15.5, 15.5), (15.5, 8.5)],
    )
    walk = [*outer, outer[0], *hole, hole[0], outer[0]]
    path = drawn(tmp_path / "a.dcm", ("CLOSED_PLANAR", [v for x, y in walk for v in (x, y, 2.0)]))
    mask = masks(GRID, reading.read_segments(path, GRID))[0]
    assert np.count_nonzero(mask) == 20 * 20 - 7 * 7
    assert not mask[2, 9:16, 9:16].any()


def test_points_and_open_lines_are_told_and_left_out(tmp_path):
    line = [3.0, 3.0, 1.0, 9.0, 9.0, 1.0]
    contours = ("CLOSED_PLANAR", square(3.5, 9.5, 1.0)), ("OPEN_PLANAR", line), ("POINT", line[:3])
    file = reading.read_segments(drawn(tmp_path / "a.dcm", *contours), GRID)
    assert file.notes == ("2 open or single-point contours were left out",)
    assert file.segments[0].voxels == 36
    with pytest.raises(BadInput, match="no closed contour"):
        reading.read_segments(drawn(tmp_path / "b.dcm", contours[2]), GRID)


@pytest.mark.parametrize("name", ["rt.dcm", "invalid_reference_rt.dcm", "non_existent_reference_rt.dcm"])
def test_real_files_as_scikit_image_fills_them(name):
    folder = shared("dicom", "ct_phantom_with_rtstruct")
    volume = volume_io.read_volume(folder)
    file = reading.read_segments(folder / name, volume.geometry)
    dataset = pydicom.dcmread(folder / name, force=True)
    assert [s.name for s in file.segments] == [roi.ROIName for roi in dataset.StructureSetROISequence]
    for one, roi, mask in zip(file.segments, dataset.ROIContourSequence, masks(volume.geometry, file), strict=True):
        expected = np.zeros(volume.shape, bool)
        for contour in roi.ContourSequence:
            x, y, z = np.array(contour.ContourData, float).reshape(-1, 3).T
            k, j, i = volume.geometry.index(np.stack([-x, -y, z], 1)).T
            if round(k[0]) in range(volume.shape[0]):  # one of three planes lies beyond the scan
                expected[round(k[0])] ^= polygon2mask(volume.shape[1:], np.stack([j, i], 1))
        assert np.count_nonzero(expected) > 50
        assert np.count_nonzero(mask ^ expected) <= 0.002 * np.count_nonzero(expected)  # centres that a border crosses
        assert one.colour == tuple(roi.ROIDisplayColor)


def test_points_of_a_plan_are_left_out_of_a_real_file():
    file = rtstruct_reader.read(
        shared("dicom", "non_image_objects", "rtstruct.dcm"),
        Geometry((30, 60, 60), np.diag([10.0, 10.0, 10.0, 1.0]) - np.outer([300, 300, 300, 0], [0, 0, 0, 1])),
    )
    assert [s.name for s in file.segments] == ["patient"]
    assert file.segments[0].voxels > 100
    assert file.notes == ("without closed contours and so left out: Isocenter 1, Isocenter 2",)


def test_the_session_takes_contours_as_segments_in_one_step(tmp_path):
    folder = series(tmp_path / "scan")
    labels = np.zeros((6, 20, 30), np.uint8)
    labels[1:5, 4:15, 6:20] = 1
    with Session.headless(model="classic", engine="inline") as session:
        session.open(folder)
        geometry = session.case.volume.geometry
        rtstruct.write_rtstruct(tmp_path / "a.rtstruct.dcm", labels, SEGMENTS[:1], geometry, nowhere())
        assert session.import_segments(tmp_path / "a.rtstruct.dcm") == ""
        assert np.array_equal(session.mask(1), labels == 1)
        assert [agreed.dice for agreed in session.compare(tmp_path / "a.rtstruct.dcm")] == [1.0]
        session.undo()
        assert session.case.segments == ()


def test_the_command_line_turns_contours_into_labels_and_asks_for_their_scan(tmp_path, capsys):
    folder = series(tmp_path / "scan")
    path, out = tmp_path / "a.rtstruct.dcm", tmp_path / "labels.seg.nrrd"
    geometry = volume_io.read_volume(folder).geometry
    labels = np.zeros(geometry.shape, np.uint8)
    labels[1:5, 4:15, 6:20] = 1
    rtstruct.write_rtstruct(path, labels, SEGMENTS[:1], geometry, nowhere())
    assert main(["export", str(path), str(out), "--source", str(folder)]) == 0
    assert np.array_equal(masks(geometry, reading.read_segments(out))[0], labels == 1)
    assert main(["export", str(path), str(out)]) == 3
    assert "Name the scan" in capsys.readouterr().err


def test_damage_is_one_plain_sentence(tmp_path):
    path = tmp_path / "a.dcm"
    written(path, rings(), turned("LPS"))
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(BadInput, match=r"a\.dcm"):
        reading.read_segments(path, GRID)
    with pytest.raises(BadInput, match="damaged"):
        reading.read_segments(drawn(tmp_path / "b.dcm", ("CLOSED_PLANAR", [1.0, 2.0, 3.0, 4.0])), GRID)
