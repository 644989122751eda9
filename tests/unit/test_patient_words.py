"""Names in the headers of files that are not DICOM are found, and what every header says is not taken for one."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from app import preflight, volume_io
from app.cli import main
from app.errors import BadInput
from app.exchange.patient_words import named_after, patient_words
from app.geometry import Geometry
from app.preflight import Order
from app.segmentation import Segment
from app.session import Session
from app.volume import NiftiCodes, Source
from app.volume_io.header_text import header_text
from tests.data import needs_shared, shared

VOXELS = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


def nifti(folder, name="scan.nii.gz", kind=nibabel.Nifti1Image, **fields):
    image = kind(VOXELS, np.diag([1, 1, 2, 1]))
    for field, text in fields.items():
        image.header[field] = text
    nibabel.save(image, folder / name)
    return folder / name


def extended(folder, code, content):
    image = nibabel.Nifti1Image(VOXELS, np.eye(4))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(code, content))
    nibabel.save(image, folder / "scan.nii")
    return folder / "scan.nii"


def nrrd(folder, name="scan.nrrd", **pairs):
    image = sitk.GetImageFromArray(VOXELS)
    for key, value in pairs.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(folder / name))
    return folder / name


def analyze(folder):
    image = nibabel.Spm2AnalyzeImage(VOXELS, np.eye(4))
    nibabel.save(image, folder / "scan.img")
    header = bytearray((folder / "scan.hdr").read_bytes())
    header[283:293] = b"ID-778899\0"
    (folder / "scan.hdr").write_bytes(header)
    return folder / "scan.hdr"


def gipl(folder):
    head = np.array([4, 3, 2, 1, 8], ">u2").tobytes() + np.ones(4, ">f4").tobytes() + b"DOE^XAVERINE".ljust(80, b"\0")
    (folder / "scan.gipl.gz").write_bytes(gzip.compress(head.ljust(256, b"\0") + bytes(24)))
    return folder / "scan.gipl.gz"


WRITTEN = {
    "descrip": (lambda folder: nifti(folder, descrip=b"Doe^Xaverine T1"), "xaverine"),
    "db_name": (lambda folder: nifti(folder, db_name=b"ID-778899"), "778899"),
    "aux_file": (lambda folder: nifti(folder, "scan.nii", aux_file=b"xaverine.txt"), "xaverine"),
    "intent_name": (lambda folder: nifti(folder, intent_name=b"XAVERINE"), "xaverine"),
    "nifti2": (lambda folder: nifti(folder, kind=nibabel.Nifti2Image, descrip=b"Doe Xaverine"), "xaverine"),
    "extension": (lambda folder: extended(folder, "comment", b"patient Doe Xaverine"), "xaverine"),
    "json extension": (lambda folder: extended(folder, 0, b'{"PatientName": "Doe^Xaverine"}'), "xaverine"),
    "pair": (analyze, "778899"),
    "gipl": (gipl, "xaverine"),
    "key-value": (lambda folder: nrrd(folder, Patient_Name="Doe Xaverine"), "xaverine"),
    "metaimage": (lambda folder: nrrd(folder, "scan.mha", Comment="Doe Xaverine"), "xaverine"),
}


@pytest.mark.parametrize("place", WRITTEN)
def test_a_name_is_found_wherever_it_is_written(tmp_path, place):
    write, word = WRITTEN[place]
    words = patient_words(Source(str(write(tmp_path))))
    assert word in words
    assert named_after(words, ["Liver", f"{word.title()} liver", "Spleen", f"left{word}2"]) == (
        [f"{word.title()} liver", f"left{word}2"]
    )


def test_what_programs_write_is_no_name(tmp_path):
    kept = nifti(tmp_path, descrip=b"FSL5.0 liver and spleen, TE=25;Time=0.000", aux_file=b"none")
    assert patient_words(Source(str(kept))) <= {"fsl5", "and"}
    assert patient_words(Source(str(nrrd(tmp_path)))) == set()
    assert patient_words(Source(str(nrrd(tmp_path, "scan.mha")))) == set()
    assert patient_words(None) == set()
    assert patient_words(Source(str(tmp_path / "gone.nii.gz"))) == set()


def test_names_of_segments_in_a_header_are_not_the_patients(tmp_path):
    path = nrrd(tmp_path, "a.seg.nrrd", Segment0_Name="Wombat", Segmentation_Master="x")
    assert patient_words(Source(str(path))) == set()


def test_a_file_that_is_no_image_says_nothing(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"Xaverine" * 100)
    (tmp_path / "b.nii.gz").write_bytes(b"\x1f\x8bXaverine")
    assert header_text(tmp_path / "a.nii") == header_text(tmp_path / "b.nii.gz") == ()


@pytest.mark.parametrize("ending", preflight.FORMATS)
def test_no_export_of_a_scan_with_a_name_in_its_header_repeats_it(tmp_path, ending):
    source = Source(str(nifti(tmp_path, descrip=b"Doe^Xaverine")))
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:6, 2:6, 2:6] = 1
    mine = (Segment(1, "Liver Xaverine", (1, 2, 3)),)
    order = Order(tmp_path / f"out{ending}", labels, mine, Geometry(labels.shape, np.eye(4)), source)
    assert "Liver Xaverine. Rename them first." in preflight.check(order).text()
    assert not preflight.check(order).ready
    with pytest.raises(BadInput, match="Xaverine"):
        preflight.write(order)
    assert not list(tmp_path.glob("out*"))


def about_project(session):
    case = session.snapshot()
    return preflight.about_project(case.source, preflight.project_texts(case))


def test_a_session_exports_nothing_that_names_the_patient_and_a_project_says_so(tmp_path):
    with Session.headless(model="classic", engine="inline") as session:
        session.open(nifti(tmp_path, db_name=b"ID-778899"))
        segment = session.add_segment("Case 778899")
        session.case.edit(segment.label, session.case.volume.geometry.region, np.ones((4, 3, 2), bool), "Put")
        for export in (
            lambda: session.export_labels(tmp_path / "out.nii.gz"),
            lambda: session.export_segments(tmp_path / "out.seg.nrrd"),
            lambda: session.export_mesh(segment, tmp_path / "out.stl"),
            lambda: session.export_report(tmp_path / "out.html"),
        ):
            with pytest.raises(BadInput, match="Case 778899"):
                export()
        assert not list(tmp_path.glob("out*"))
        assert "Case 778899, Add Case 778899" in about_project(session)
        session.change_segment(segment, name="Case")
        session.export_labels(tmp_path / "out.nii.gz")
        told = about_project(session)
        assert told.startswith("Names or steps in this project repeat"), "the history still has the old name"
        session.adopt(session.case.volume)
        assert about_project(session) == ""


def test_the_command_refuses_a_label_file_that_names_the_patient_in_header_and_name(tmp_path, capsys):
    labels = tmp_path / "labels.nii.gz"
    volume_io.write_labels(
        labels,
        np.ones((6, 5, 4), np.uint8),
        Geometry((6, 5, 4), np.eye(4)),
        NiftiCodes(),
        {1: ("Xaverine 2", (1, 2, 3))},
    )
    assert main(["export", str(labels), str(tmp_path / "a.stl")]) == 0
    image = nibabel.load(labels)
    image.header["descrip"] = b"Doe^Xaverine"
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header), labels)
    capsys.readouterr()
    assert main(["export", str(labels), str(tmp_path / "b.stl")]) == 3
    assert "Xaverine 2" in capsys.readouterr().err
    assert not (tmp_path / "b.stl").exists()


@needs_shared
def test_real_headers_are_read_and_names_of_anatomy_stay_exportable():
    for path in sorted(shared("gt").glob("*/image.nii.gz")):
        words = patient_words(Source(str(path)))
        assert named_after(words, ["Liver", "Tumour 2", "Left kidney", "Segment 1", "Grey matter", "Prostate"]) == []
