"""The page: whole in itself, its numbers those of the table, its pictures of the right slice, nobody named."""

import base64
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import nibabel
import numpy as np
import pytest
from PIL import Image

from app import volume_io
from app.cli import main
from app.errors import BadInput
from app.geometry import Geometry, Region
from app.measure.statistics import statistics
from app.report import writing
from app.report.page import Content, page
from app.report.pictures import middle_of, slice_picture
from app.segmentation import Segment
from app.session import Session
from app.view_state import Window
from app.volume import Source, Volume
from tests.data import ROOT
from tests.unit.grids import OBLIQUE, turned
from tests.unit.test_dicom_seg import SECRETS, made_labels, secrets_in, series

SEGMENTS = (Segment(1, "Liver <b>", (255, 0, 0)), Segment(7, "Milz", (0, 0, 255)))


def content(affine=None, **fields) -> Content:
    values = np.zeros((6, 20, 30), np.int16)
    volume = Volume(values, Geometry(values.shape, turned("RAS") if affine is None else affine), modality="CT",
                    source=Source("/home/doe/Doewinkel_Xaverine.nii.gz"), description="Bauch Xaverine")  # fmt: skip
    measured = statistics(volume, made_labels(), SEGMENTS)
    return Content(volume, made_labels(), SEGMENTS, measured, Window(0, 100), **fields)


class _Strict(HTMLParser):
    """Every tag is closed in its order; void ones aside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_in_itself_and_well_formed():
    html = page(content(remarks="a < b"))
    parser = _Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert "http" not in html
    assert "src=" in html
    assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]*)"', html))
    assert "Liver &lt;b&gt;" in html
    assert "<b>" not in html
    assert f"{294 * 0.8 * 0.9 * 2 / 1000:.3f}" in html


def test_it_names_neither_file_nor_patient():
    html = page(content())
    assert "Xaverine" not in html
    assert "doe" not in html.lower()
    assert "Seen from the feet" in html


@pytest.mark.parametrize("affine", [turned("RAS"), turned("LPI"), OBLIQUE])
@pytest.mark.parametrize("world_axis", [0, 1, 2])
def test_a_picture_shows_the_slice_in_square_millimetres(affine, world_axis):
    shown = content(affine)
    geometry = shown.volume.geometry
    mask = shown.labels == 1
    at = middle_of(mask, geometry, world_axis)
    picture = np.asarray(Image.open(io.BytesIO(
        slice_picture(shown.volume, shown.labels, SEGMENTS, shown.window, world_axis, at)))).astype(int)  # fmt: skip
    axis = geometry.axis_of(world_axis)
    red = (picture[..., 0] > picture[..., 2]).sum() / picture.shape[0] / picture.shape[1]
    assert red == pytest.approx(mask.take(at, axis).mean(), abs=0.02)
    rows, columns = (geometry.axis_of(w) for w in {2: (1, 0), 1: (2, 0), 0: (2, 1)}[world_axis])
    high, wide = (geometry.shape[a] * geometry.spacing[a] for a in (rows, columns))
    assert picture.shape[0] / picture.shape[1] == pytest.approx(high / wide, rel=0.02)


def test_right_is_on_the_left():
    shown = content(turned("RAS"))
    labels = np.zeros((6, 20, 30), np.uint8)
    labels[3, 10, 27] = 1  # far to the patient's right
    picture = np.asarray(Image.open(io.BytesIO(
        slice_picture(shown.volume, labels, SEGMENTS, shown.window, 2, 3)))).astype(int)  # fmt: skip
    assert np.argwhere(picture[..., 0] > 50)[:, 1].mean() < picture.shape[1] / 4


def test_the_command_writes_a_page_from_dicom_that_names_nobody(tmp_path, capsys):
    folder = series(tmp_path / "scan")
    volume = volume_io.read_volume(folder)
    labels = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(made_labels().T, volume.geometry.affine), labels)
    out = tmp_path / "page.html"
    assert main(["report", str(folder), str(labels), str(out), "--against", str(labels), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["segments"]) == 2
    html = out.read_text(encoding="utf-8")
    assert secrets_in(out) == []
    assert "1.2.826" not in html
    assert "Agreement with a second segmentation" in html
    assert "1.0000" in html
    pictures = re.findall(r"base64,([^\"]*)", html)
    assert len(pictures) == 6
    assert all(not Image.open(io.BytesIO(base64.b64decode(p))).info for p in pictures)
    assert SECRETS["PatientName"].encode() not in out.read_bytes()
    assert main(["report", str(folder), str(labels), str(tmp_path / "page.doc")]) == 3
    assert "html" in capsys.readouterr().err
    assert not (tmp_path / "page.doc").exists()


def test_the_command_prints_a_pdf_without_a_screen_and_without_qt_in_its_own_process(tmp_path, monkeypatch):
    folder = series(tmp_path / "scan")
    volume = volume_io.read_volume(folder)
    labels, out = tmp_path / "labels.nii.gz", tmp_path / "page.pdf"
    nibabel.save(nibabel.Nifti1Image(made_labels().T, volume.geometry.affine), labels)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    program = "import sys; from app.cli import main; print(main(sys.argv[1:]), 'PySide6' in sys.modules)"
    command = [sys.executable, "-c", program, "report", str(folder), str(labels), str(out)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split()[-2:] == ["0", "False"]
    data = out.read_bytes()
    assert data.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", data)) == 1
    assert len(re.findall(rb"/Subtype\s*/Image", data)) == 6
    assert secrets_in(out) == []


def test_a_script_writes_either_by_the_ending(tmp_path):
    with Session.headless(model="classic", engine="inline") as session:
        session.adopt(content().volume)
        session.case.edit(
            session.add_segment("Liver").label, Region((1, 1, 1), (4, 9, 9)), np.ones((3, 8, 8), bool), "Put"
        )
        session.export_report(tmp_path / "a.html")
        session.export_report(tmp_path / "a.pdf")
        with pytest.raises(BadInput, match=r"a\.txt is no name of a report"):
            session.export_report(tmp_path / "a.txt")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")
    assert "Liver" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert not (tmp_path / "a.txt").exists()


def test_a_report_that_would_name_the_patient_is_refused(tmp_path):
    volume = volume_io.read_volume(series(tmp_path / "scan"))
    labels = made_labels()
    mine = (Segment(1, "Liver of xaverine", (1, 2, 3)),)
    page_of = Content(volume, labels, mine, statistics(volume, labels, mine), Window(0, 100))
    with pytest.raises(BadInput, match="Liver of xaverine"):
        writing.write(tmp_path / "a.html", page_of)
    assert not (tmp_path / "a.html").exists()


def test_measure_prints_tables_and_writes_the_csv(tmp_path, capsys):
    folder = series(tmp_path / "scan")
    volume = volume_io.read_volume(folder)
    labels = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(made_labels().T, volume.geometry.affine), labels)
    assert main(["measure", str(folder), str(labels), "--csv", str(tmp_path / "a.csv")]) == 0
    printed = capsys.readouterr().out
    assert "Volume (mL): 0.423" in printed
    assert "Mean (HU)" in printed
    assert (tmp_path / "a.csv").read_text("utf-8-sig").splitlines()[1].startswith("Label 1,0.423")
    assert secrets_in(tmp_path / "a.csv") == []
    assert main(["measure", str(folder), str(labels), "--against", str(labels), "--label", "7", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["dice"] for row in told["agreement"]] == [1.0]
    assert main(["measure", str(folder), str(labels), "--label", "4"]) == 3
