"""DICOM SEG out: accepted by dciodvfy, read back by highdicom, referring to its images, silent about the patient."""

import shutil
import subprocess
from pathlib import Path

import highdicom as hd
import nibabel
import numpy as np
import pydicom
import pytest

from app import volume_io
from app.cli import main
from app.errors import AppError, BadInput
from app.exchange import dicom_seg, dicom_source
from app.exchange.dicom_source import nowhere
from app.geometry import Geometry
from app.segmentation import Segment
from tests.data import shared
from tests.unit import made_dicom
from tests.unit.grids import OBLIQUE, turned

SEGMENTS = (Segment(1, "Left kidney", (230, 159, 0)), Segment(7, "Leber müde", (1, 200, 30), term="10200004"))
STRAIGHT = Geometry((6, 20, 30), np.eye(4))
SECRETS = {
    "PatientName": "Doewinkel^Xaverine", "PatientID": "ID-778899", "PatientBirthDate": "19610203", "PatientSex": "F",
    "AccessionNumber": "ACC4711", "StudyDate": "20240506", "StudyTime": "101112", "StudyID": "STU99",
    "ReferringPhysicianName": "Hausmeier^Gregorius", "InstitutionName": "Sankt Nirgendwo",
    "StudyDescription": "Quaerens Xaverine",
    "SeriesDescription": "Bauch Xaverine", "OperatorsName": "Bedienung^Olgarina", "DeviceSerialNumber": "SN-31337",
    "StationName": "CT-STATION-9", "PatientAddress": "Nirgendgasse 5", "OtherPatientIDs": "OTHER-42",
    "PatientComments": "Zebrakommentar",
}  # fmt: skip


def made_labels(shape=(6, 20, 30)):
    labels = np.zeros(shape, np.uint8)
    labels[1:4, 5:12, 6:20] = 1
    labels[2:5, 13:18, 3:9] = 7
    labels[3, 2, 28] = 7
    return labels


def series(folder: Path, shape=(6, 20, 30), step=2.0, **fields) -> Path:
    pixels = np.random.default_rng(3).integers(0, 500, shape).astype("<i2")
    datasets = made_dicom.stack(pixels, step, **{**SECRETS, **fields})
    for dataset in datasets:
        dataset.PixelSpacing = [0.9, 0.8]
    return made_dicom.save(folder, datasets)


def checked(path: Path) -> list[str]:
    """What dciodvfy calls an error in a segmentation."""
    return checked_as(path, "Segmentation")


def checked_as(path: Path, kind: str) -> list[str]:
    """What dciodvfy calls an error, having recognised a kind of object."""
    tool = shutil.which("dciodvfy")
    if tool is None:
        pytest.skip("needs dciodvfy (Debian: dicom3tools)")
    said = subprocess.run([tool, str(path)], capture_output=True, text=True, check=False)
    assert kind in said.stdout + said.stderr
    return [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


def agree(path: Path, labels: np.ndarray, geometry: Geometry, segments=SEGMENTS) -> None:
    """highdicom finds each segment's voxels, and no others, at the places where the labels have them."""
    seg = hd.seg.segread(str(path))
    for number, segment in enumerate(segments, start=1):
        volume = seg.get_volume(segment_numbers=[number], combine_segments=False)
        theirs = volume.map_indices_to_reference(np.argwhere(volume.array[..., 0])) * [-1, -1, 1]
        ours = geometry.world(np.argwhere(labels == segment.label))
        assert len(theirs) == len(ours) > 0
        nearest = np.array([np.linalg.norm(ours - place, axis=1).min() for place in theirs])
        assert nearest.max() < 1e-4


@pytest.mark.parametrize("affine", [turned("RAS"), OBLIQUE, turned("LPS"), turned("PIR"), turned("RAI")])
def test_labels_without_a_dicom_scan_become_a_valid_file_at_their_place(tmp_path, affine):
    labels, path = made_labels(), tmp_path / "a.seg.dcm"
    receipt = dicom_seg.write_dicom_seg(path, labels, SEGMENTS, Geometry(labels.shape, affine), nowhere())
    assert checked(path) == []
    agree(path, labels, Geometry(labels.shape, affine))
    assert [w.voxels for w in receipt.written] == [294, 91]
    assert "did not come from DICOM" in receipt.text()


def test_the_file_names_refers_and_codes(tmp_path):
    folder = series(tmp_path / "scan")
    volume = volume_io.read_volume(folder)
    source = dicom_source.find(volume.source, volume.geometry)
    path = tmp_path / "a.seg.dcm"
    dicom_seg.write_dicom_seg(path, made_labels(), SEGMENTS, volume.geometry, source)
    assert checked(path) == []
    agree(path, made_labels(), volume.geometry)
    dataset = pydicom.dcmread(path)
    images = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, folder.iterdir())}
    assert dataset.StudyInstanceUID == next(iter(images.values())).StudyInstanceUID
    assert dataset.FrameOfReferenceUID == next(iter(images.values())).FrameOfReferenceUID
    listed = dataset.ReferencedSeriesSequence[0]
    assert listed.SeriesInstanceUID == made_dicom.SERIES
    assert {item.ReferencedSOPInstanceUID for item in listed.ReferencedInstanceSequence} == set(images)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        (item,) = frame.DerivationImageSequence[0].SourceImageSequence
        image = images[item.ReferencedSOPInstanceUID]
        assert np.allclose(frame.PlanePositionSequence[0].ImagePositionPatient, image.ImagePositionPatient)
    kidney, liver = dataset.SegmentSequence
    assert kidney.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "91723000"
    assert kidney.SegmentedPropertyTypeCodeSequence[0].CodeValue == "64033007"
    side = kidney.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert side.CodeMeaning == "Left"
    assert (liver.SegmentLabel, liver.SegmentedPropertyTypeCodeSequence[0].CodeMeaning) == ("Leber müde", "Liver")


def secrets_in(path: Path) -> list[str]:
    """Names and identifiers of the made series, and every word of them, that some byte of a file repeats."""
    content = path.read_bytes().lower()
    words = {part for value in SECRETS.values() for part in (value, *value.replace("^", " ").split()) if len(part) > 2}
    return [word for word in words if word.lower().encode() in content]


def test_no_byte_of_the_file_names_the_patient(tmp_path):
    volume = volume_io.read_volume(series(tmp_path / "scan"))
    source = dicom_source.find(volume.source, volume.geometry)
    path = tmp_path / "a.seg.dcm"
    dicom_seg.write_dicom_seg(path, made_labels(), SEGMENTS, volume.geometry, source)
    assert secrets_in(path) == []
    assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"


def test_asked_for_it_names_the_patient_and_still_nobody_else(tmp_path):
    volume = volume_io.read_volume(series(tmp_path / "scan"))
    source = dicom_source.find(volume.source, volume.geometry)
    path = tmp_path / "a.seg.dcm"
    receipt = dicom_seg.write_dicom_seg(path, made_labels(), SEGMENTS, volume.geometry, source, identified=True)
    assert checked(path) == []
    dataset = pydicom.dcmread(path)
    assert (dataset.PatientName, dataset.PatientID, dataset.AccessionNumber) == (
        "Doewinkel^Xaverine",
        "ID-778899",
        "ACC4711",
    )
    assert "PatientIdentityRemoved" not in dataset
    assert not {"Olgarina", "SN-31337", "CT-STATION-9", "OTHER-42"} & set(secrets_in(path))
    assert "as asked" in receipt.text()


def test_a_resampled_scan_refers_to_its_series_but_to_no_image_slice_by_slice(tmp_path):
    shape = (6, 20, 30)
    pixels = np.random.default_rng(3).integers(0, 500, shape).astype("<i2")
    tilted = [made_dicom.slice_of(plane, (0, 0.4 * k, 2.0 * k), k + 1, **SECRETS) for k, plane in enumerate(pixels)]
    volume = volume_io.read_volume(made_dicom.save(tmp_path / "scan", tilted))
    labels = np.zeros(volume.shape, np.uint8)
    labels[1:4, 3:9, 5:12] = 1
    source = dicom_source.find(volume.source, volume.geometry)
    path = tmp_path / "a.seg.dcm"
    receipt = dicom_seg.write_dicom_seg(path, labels, SEGMENTS[:1], volume.geometry, source)
    assert checked(path) == []
    agree(path, labels, volume.geometry, SEGMENTS[:1])
    dataset = pydicom.dcmread(path)
    assert len(dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 6
    assert not any(frame.get("DerivationImageSequence") for frame in dataset.PerFrameFunctionalGroupsSequence)
    assert "resampled" in receipt.text()


@pytest.mark.parametrize(
    "name",
    ["ct_liver_3slices_with_seg", "siemens_mr_xa10_enhanced_multiframe", "siemens_mr_mosaic", "philips_ct_gantry_tilt",
     "siemens_mr_sagittal_prone_HFP", "ge_mr_dwi_4d", "ct_small_17slices"],
)  # fmt: skip
def test_real_scans_of_every_kind(tmp_path, name):
    volume = volume_io.read_volume(shared("dicom", name))
    source = dicom_source.find(volume.source, volume.geometry)
    k, j, i = (n // 2 for n in volume.shape)
    labels = np.zeros(volume.shape, np.uint8)
    labels[max(0, k - 1) : k + 2, j - 4 : j + 3, i - 5 : i + 6] = 1
    path = tmp_path / "a.seg.dcm"
    dicom_seg.write_dicom_seg(path, labels, SEGMENTS[:1], volume.geometry, source)
    assert checked(path) == []
    agree(path, labels, volume.geometry, SEGMENTS[:1])
    assert source.instances


def test_one_slice_and_the_lone_voxel_at_the_end(tmp_path):
    labels = np.zeros((1, 5, 6), np.uint8)
    labels[0, 4, 5] = 1
    path = tmp_path / "a.seg.dcm"
    dicom_seg.write_dicom_seg(path, labels, SEGMENTS[:1], Geometry((1, 5, 6), OBLIQUE), nowhere())
    assert checked(path) == []
    agree(path, labels, Geometry((1, 5, 6), OBLIQUE), SEGMENTS[:1])


def test_a_sheared_grid_and_an_empty_case_are_refused(tmp_path):
    sheared = np.eye(4)
    sheared[0, 2] = 0.4
    with pytest.raises(BadInput, match="sheared"):
        dicom_seg.write_dicom_seg(tmp_path / "a", made_labels(), SEGMENTS, Geometry((6, 20, 30), sheared), nowhere())
    with pytest.raises(BadInput, match="no voxel"):
        dicom_seg.write_dicom_seg(tmp_path / "a", made_labels() * 0, SEGMENTS, STRAIGHT, nowhere())


def test_a_file_that_reads_back_differently_is_not_written(tmp_path, monkeypatch):
    whole = dicom_seg.dicom_seg_reader.read

    def wrong(path):
        back = whole(path)
        back.segments[0].crop[0, 0, 0] ^= True
        return back

    monkeypatch.setattr(dicom_seg.dicom_seg_reader, "read", wrong)
    with pytest.raises(AppError, match="reading it back"):
        dicom_seg.write_dicom_seg(tmp_path / "a.seg.dcm", made_labels(), SEGMENTS, STRAIGHT, nowhere())
    assert not list(tmp_path.iterdir())


def test_a_scan_that_was_moved_away_is_said(tmp_path):
    volume = volume_io.read_volume(series(tmp_path / "scan"))
    (tmp_path / "scan").rename(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="could not be read again"):
        dicom_source.find(volume.source, volume.geometry)


@pytest.fixture
def labels_file(tmp_path):
    folder = series(tmp_path / "scan")
    volume = volume_io.read_volume(folder)
    path = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(made_labels().T, volume.geometry.affine), path)
    return path


def test_the_command_writes_with_a_scan_and_without(labels_file, tmp_path, capsys):
    assert main(["export", str(labels_file), str(tmp_path / "a.seg.dcm")]) == 0
    assert "did not come from DICOM" in capsys.readouterr().out
    assert main(["export", str(labels_file), str(tmp_path / "b.seg.dcm"), "--source", str(tmp_path / "scan")]) == 0
    assert "slice by slice" in capsys.readouterr().out
    assert "ReferencedSeriesSequence" not in pydicom.dcmread(tmp_path / "a.seg.dcm")
    assert "ReferencedSeriesSequence" in pydicom.dcmread(tmp_path / "b.seg.dcm")
    assert checked(tmp_path / "a.seg.dcm") == checked(tmp_path / "b.seg.dcm") == []


def test_the_command_asks_for_the_scan_whose_patient_it_is_to_name(labels_file, tmp_path, capsys):
    assert main(["export", str(labels_file), str(tmp_path / "a.seg.dcm"), "--identified"]) == 3
    assert "--source" in capsys.readouterr().err
