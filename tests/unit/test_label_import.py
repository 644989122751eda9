"""Segments of other programs' files on the case's grid, compared with SimpleITK's nearest neighbour."""

import highdicom as hd
import nibabel
import numpy as np
import pytest
import SimpleITK
from pydicom.sr.codedict import codes

from app import volume_io
from app.errors import BadInput
from app.exchange import dicom_seg_reader, incoming, reading, writing
from app.exchange.incoming import Incoming, IncomingSegment
from app.geometry import Geometry
from app.segmentation import Segment
from app.session import Session
from app.volume import Volume
from tests.data import shared
from tests.unit.grids import OBLIQUE, turned
from tests.unit.test_dicom_seg import made_labels, series

SHAPE = (24, 30, 28)
GRIDS = {
    "the same": turned("RAS"),
    "turned": turned("PIL", (1.3, 0.7, 1.1), (-8.3, 40.1, 125.7)),
    "mirrored": turned("LPI", (0.83, 0.91, 1.9), (-9.9, 30.2, 130.6)),
    "coarse": turned("RAS", (2.3, 1.9, 4.7), (-30.3, 14.1, 91.0)),
    "fine and oblique": np.outer([5.1, 5.1, 510.3, 0], [0, 0, 0, 1]) + OBLIQUE @ np.diag([0.61, 0.57, 0.43, 1]),
}


def blobs(shape=SHAPE) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    labels[3:15, 5:22, 4:13] = 1
    labels[8:20, 10:26, 15:25] = 2
    return labels


def by_itk(labels: np.ndarray, theirs: Geometry, ours: Geometry) -> np.ndarray:
    moving, fixed = image_of(labels, theirs), image_of(np.zeros(ours.shape, np.uint8), ours)
    found = SimpleITK.Resample(moving, fixed, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, 0)
    return SimpleITK.GetArrayFromImage(found)


def image_of(labels: np.ndarray, geometry: Geometry) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(labels)
    affine = geometry.lps_affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


@pytest.mark.parametrize("name", GRIDS)
def test_nearest_neighbours_are_those_of_simpleitk(name):
    theirs, ours = Geometry(SHAPE, GRIDS[name]), Geometry((20, 33, 31), turned("RAS", origin=(-28.7, 13.4, 91.9)))
    labels = blobs()
    expected = by_itk(labels, theirs, ours)
    file = Incoming(theirs, tuple(IncomingSegment.of(str(n), labels == n) for n in (1, 2)))
    for number, one in enumerate(file.segments, start=1):
        found = incoming.whole_mask_on(ours, file, one)
        differ = np.count_nonzero(found != (expected == number))
        assert differ == 0, f"{differ} of {np.count_nonzero(expected == number)}"
    assert np.count_nonzero(expected) > 500


def session_on(volume: Volume) -> Session:
    session = Session.headless(model="classic", engine="inline")
    session.adopt(volume)
    return session


@pytest.fixture
def volume() -> Volume:
    return Volume(np.zeros(SHAPE, np.int16), Geometry(SHAPE, turned("RAS")))


def test_a_label_map_of_another_grid_becomes_segments_in_one_step(tmp_path, volume):
    grid = GRIDS["turned"]
    path = tmp_path / "theirs.nii.gz"
    nibabel.save(nibabel.Nifti1Image(blobs().T, grid), path)
    with session_on(volume) as session:
        mine = session.add_segment("Mine")
        note = session.import_segments(path)
        assert [s.name for s in session.case.segments] == ["Mine", "Label 1", "Label 2"]
        expected = by_itk(blobs(), Geometry(SHAPE, grid), volume.geometry)
        assert all(np.array_equal(session.mask(n + 1), expected == n) for n in (1, 2))
        assert "another grid" in note
        session.undo()
        assert session.case.segments == (mine,)
        assert not session.case.segmentation.labels.any()
        session.redo()
        assert np.array_equal(session.mask(3), expected == 2)


def test_what_is_there_stays_and_is_told(tmp_path, volume):
    path = tmp_path / "theirs.nii.gz"
    nibabel.save(nibabel.Nifti1Image(blobs().T, turned("RAS")), path)
    with session_on(volume) as session:
        session.import_segments(path)
        session.change_segment(1, locked=True)
        before = session.case.segmentation.labels.copy()
        note = session.import_segments(path)
        assert "voxels were taken" in note
        assert np.array_equal(session.case.segmentation.labels, before)
        assert len(session.case.segments) == 4


def test_a_file_from_elsewhere_is_refused_and_leaves_nothing(tmp_path, volume):
    path = tmp_path / "far.nii.gz"
    nibabel.save(nibabel.Nifti1Image(blobs().T, turned("RAS", origin=(5000, 0, 0))), path)
    with session_on(volume) as session:
        with pytest.raises(BadInput, match="Nothing of far"):
            session.import_segments(path)
        assert session.case.segments == ()


def test_a_segmentation_that_highdicom_wrote_comes_back(tmp_path):
    folder = series(tmp_path / "scan", SliceThickness=2.0)
    images = [hd.imread(f) for f in sorted(folder.iterdir())]
    description = hd.seg.SegmentDescription(
        1, "Tumor", codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Neoplasm, "MANUAL",
    )  # fmt: skip
    theirs = hd.seg.Segmentation(
        images, made_labels() == 1, "BINARY", [description], "1.2.3", 1, "1.2.4", 1, "M", "M", "1", "1"
    )
    theirs.save_as(tmp_path / "theirs.dcm")
    with Session.headless(model="classic", engine="inline") as session:
        session.open(folder)
        assert session.import_segments(tmp_path / "theirs.dcm") == ""
        assert np.array_equal(session.mask(1), made_labels() == 1)
        assert session.case.segment(1).term == "108369006"


def test_the_real_segmentation_of_another_program_agrees_with_its_label_map():
    file = dicom_seg_reader.read(shared("dicom", "ct_liver_3slices_with_seg", "liver.dcm"))
    volume = volume_io.read_volume(shared("dicom", "ct_liver_3slices_with_seg"))
    reference = volume_io.read_labels(shared("dicom", "ref", "ct_liver_3slices__liver_seg.nrrd"))
    theirs = Incoming(reference.geometry, (IncomingSegment.of("Liver", reference.labels > 0),))
    found = incoming.whole_mask_on(volume.geometry, file, file.segments[0])
    assert np.array_equal(found, incoming.whole_mask_on(volume.geometry, theirs, theirs.segments[0]))
    assert np.count_nonzero(found) == 107098
    assert file.segments[0].term == "10200004"


@pytest.mark.parametrize("ending", ["seg.dcm", "seg.nrrd"])
def test_names_colours_and_terms_make_the_round_trip(tmp_path, ending):
    segments = [Segment(1, "Right lung", (12, 200, 99)), Segment(2, "Käse \\ Brot", (250, 1, 77), term="52988006")]
    path = tmp_path / f"a.{ending}"
    writing.write_segments(path, blobs(), segments, Geometry(SHAPE, OBLIQUE))
    back = reading.read_segments(path)
    assert [s.term for s in back.segments] == ["39607008R", "52988006"]
    assert [s.name.replace("/", "\\") for s in back.segments] == ["Right lung", "Käse \\ Brot"]
    assert np.abs(np.subtract([s.colour for s in back.segments], [s.colour for s in segments])).max() <= 3
    for number, one in enumerate(back.segments, start=1):
        assert np.array_equal(incoming.whole_mask_on(Geometry(SHAPE, OBLIQUE), back, one), blobs() == number)


def test_layers_of_a_slicer_segmentation_may_overlap(tmp_path):
    one, two = blobs() == 1, blobs() > 0
    geometry = Geometry(SHAPE, turned("RAS"))
    path = tmp_path / "layers.seg.nrrd"
    _write_layers(path, np.stack([one, two], -1).astype(np.uint8), geometry)
    back = reading.read_segments(path)
    assert [s.name for s in back.segments] == ["One", "Both"]
    assert np.array_equal(incoming.whole_mask_on(geometry, back, back.segments[0]), one)
    assert np.array_equal(incoming.whole_mask_on(geometry, back, back.segments[1]), two)


def _write_layers(path, array: np.ndarray, geometry: Geometry) -> None:
    """As 3D Slicer does for overlapping segments: the layers are the first, fastest axis."""
    affine = geometry.lps_affine
    directions = " ".join("(" + ",".join(map(repr, affine[:3, c].tolist())) + ")" for c in range(3))
    k, j, i, count = array.shape
    header = (
        "NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\n"
        f"sizes: {count} {i} {j} {k}\nspace directions: none {directions}\nkinds: list domain domain domain\n"
        f"encoding: raw\nspace origin: ({','.join(map(repr, affine[:3, 3].tolist()))})\n"
        "Segment0_ID:=a\nSegment0_Name:=One\nSegment0_LabelValue:=1\nSegment0_Layer:=0\n"
        "Segment1_ID:=b\nSegment1_Name:=Both\nSegment1_LabelValue:=1\nSegment1_Layer:=1\n\n"
    )
    path.write_bytes(header.encode() + array.tobytes())


def test_damage_is_one_plain_sentence(tmp_path):
    writing.write_segments(tmp_path / "a.seg.dcm", blobs(), [Segment(1, "A", (1, 2, 3))], Geometry(SHAPE, OBLIQUE))
    content = (tmp_path / "a.seg.dcm").read_bytes()
    (tmp_path / "cut.seg.dcm").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match=r"cut\.seg\.dcm"):
        reading.read_segments(tmp_path / "cut.seg.dcm")
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4)), tmp_path / "empty.nii")
    with pytest.raises(BadInput, match="no segment"):
        reading.read_segments(tmp_path / "empty.nii")
