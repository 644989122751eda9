"""Measurements, comparison, report, exports and labels coming in, through the window."""

import json

import nibabel
import numpy as np
import pydicom
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QFileDialog, QPlainTextEdit

from app.exchange.reading import read_segments
from app.geometry import Region

BOX = Region((4, 5, 6), (14, 15, 20))
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def segmented(case):
    """The window with a liver of 10 x 10 x 14 voxels of 2 mm3, and an empty kidney."""
    session = case.session
    liver = session.add_segment("Liver")
    session.add_segment("Left kidney")
    session.case.edit(liver.label, BOX, np.ones(BOX.shape, bool), "Draw")
    case.actions_.refresh()
    return case


@pytest.fixture
def names(monkeypatch):
    """What the user answers when asked for a file."""
    answers: list[str] = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (answers.pop(0), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (answers.pop(0), ""))
    return answers


def idle(qtbot, window):
    qtbot.waitUntil(lambda: window.jobs.running == 0, timeout=60_000)


def receipt(window) -> str:
    """What the newest receipt says; it is closed."""
    pages = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()]
    (page,) = [p for p in pages if p.windowTitle() == "Export receipt"]
    text = page.findChild(QPlainTextEdit).toPlainText()
    page.close()
    return text


def test_measurements_are_shown_copied_and_saved(segmented, qtbot, names, tmp_path):
    segmented.actions_["measure"].trigger()
    dialog = segmented.measuring.dialog
    qtbot.waitUntil(lambda: dialog.shown is not None, timeout=60_000)
    assert [dialog.grid.horizontalHeaderItem(n).text() for n in (0, 1)] == ["Liver", "Left kidney"]
    rows = {dialog.grid.verticalHeaderItem(n).text(): n for n in range(dialog.grid.rowCount())}
    assert dialog.grid.item(rows["Volume (mL)"], 0).text() == "2.800"
    assert dialog.grid.item(rows["Mean"], 1).text() == "–"
    QTest.mouseClick(dialog.copy, LEFT)
    assert QGuiApplication.clipboard().text().splitlines()[1].startswith("Liver\t2.800")
    names.append(str(tmp_path / "values"))
    QTest.mouseClick(dialog.save, LEFT)
    assert (tmp_path / "values.csv").read_text("utf-8-sig").splitlines()[1].startswith("Liver,2.800")
    dialog.close()
    qtbot.waitUntil(lambda: segmented.measuring.dialog is None)


def test_a_second_file_is_compared(segmented, qtbot, names, tmp_path):
    other = np.zeros(segmented.session.case.volume.shape, np.uint8)
    other[4:14, 5:15, 6:18] = 3
    path = tmp_path / "other.nii.gz"
    nibabel.save(nibabel.Nifti1Image(other.T, segmented.session.case.volume.geometry.affine), path)
    sidecar = {"format": "volumask labels", "labels": [{"value": 3, "name": "liver", "colour": [1, 2, 3]}]}
    (tmp_path / "other.json").write_text(json.dumps(sidecar), encoding="utf-8")
    segmented.actions_["measure"].trigger()
    dialog = segmented.measuring.dialog
    idle(qtbot, segmented)
    names.append(str(path))
    QTest.mouseClick(dialog.compare, LEFT)
    qtbot.waitUntil(lambda: "Dice" in dialog.shown.columns, timeout=60_000)
    cells = dict(zip(dialog.shown.columns, dialog.shown.rows[0], strict=True))
    assert float(cells["Dice"]) == pytest.approx(2 * 1200 / 2600, abs=1e-4)
    assert cells["HD95 (mm)"] == "2.00"
    dialog.close()


def test_the_report_is_written_with_the_picture_in_3d(segmented, qtbot, names, tmp_path):
    qtbot.waitUntil(lambda: bool(segmented.views.volume.view.shown_labels), timeout=60_000)
    names.append(str(tmp_path / "page.html"))
    segmented.actions_["report"].trigger()
    idle(qtbot, segmented)
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "All segments in 3D" in html
    assert html.count("data:image/png") == 4
    assert "scan" not in html.replace("Scan", "")


FILES = {
    ".seg.dcm": "DICOM segmentation",
    ".rtstruct.dcm": "RT Structure Set",
    ".seg.nrrd": "3D Slicer",
    ".nii.gz": "NIfTI",
    ".3mf": "watertight",
}


@pytest.mark.parametrize(("ending", "said"), FILES.items())
def test_an_export_is_checked_written_and_told(segmented, qtbot, names, tmp_path, ending, said):
    segmented.actions_["export-labels"].trigger()
    dialog = segmented.exports.dialog
    dialog.format.setCurrentIndex(dialog.format.findData(ending))
    save = dialog.buttons.button(QDialogButtonBox.StandardButton.Save)
    qtbot.waitUntil(lambda: "hecking" not in dialog.findings.text(), timeout=60_000)
    assert save.isEnabled(), dialog.findings.text()
    assert "Empty, so left out: Left kidney" in dialog.findings.text()
    names.append(str(tmp_path / f"out{ending}"))
    QTest.mouseClick(save, LEFT)
    idle(qtbot, segmented)
    assert said in receipt(segmented)
    assert (tmp_path / f"out{ending}").stat().st_size > 200


def test_a_term_is_chosen_kept_and_written(segmented, qtbot, names, tmp_path):
    segmented.exports.ask(".seg.dcm", [1])
    dialog = segmented.exports.dialog
    box = dialog.term_box(1)
    assert box.currentText() == "Liver"
    dialog.activateWindow()  # no window manager does it here
    qtbot.waitUntil(dialog.isActiveWindow)
    assert box.lineEdit().height() >= box.fontMetrics().height()  # whole letters are seen
    box.lineEdit().setFocus()
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), "spl")
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Return)
    assert box.currentText() == "Spleen"
    save = dialog.buttons.button(QDialogButtonBox.StandardButton.Save)
    qtbot.waitUntil(lambda: save.isEnabled() and "Spleen" in dialog.findings.text(), timeout=60_000)
    names.append(str(tmp_path / "out"))
    QTest.mouseClick(save, LEFT)
    idle(qtbot, segmented)
    assert "Spleen" in receipt(segmented)
    written = pydicom.dcmread(tmp_path / "out.seg.dcm").SegmentSequence[0]
    assert written.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Spleen"
    assert segmented.session.case.segment(1).term == "78961009"


def test_nothing_ticked_cannot_be_saved(segmented, qtbot):
    segmented.exports.ask(".stl", [1])
    dialog = segmented.exports.dialog
    save = dialog.buttons.button(QDialogButtonBox.StandardButton.Save)
    qtbot.waitUntil(save.isEnabled, timeout=60_000)
    assert "closed surface" in dialog.findings.text()
    dialog.list.topLevelItem(0).setCheckState(0, Qt.CheckState.Unchecked)
    qtbot.waitUntil(lambda: "no voxel" in dialog.findings.text(), timeout=60_000)
    assert not save.isEnabled()
    dialog.reject()
    idle(qtbot, segmented)


def test_labels_of_another_program_come_in_as_one_step(segmented, qtbot, names, tmp_path):
    path = tmp_path / "theirs.seg.dcm"
    segmented.session.export_segments(path)
    assert len(read_segments(path).segments) == 1
    segmented.session.remove_segment(1)
    names.append(str(path))
    segmented.actions_["bring-in"].trigger()
    idle(qtbot, segmented)
    assert [s.name for s in segmented.session.case.segments] == ["Left kidney", "Liver"]
    assert int(segmented.session.mask(3).sum()) == BOX.size
    assert "Brought in 1 segments of theirs.seg.dcm" in segmented.banner.text
    segmented.actions_["undo"].trigger()
    assert [s.name for s in segmented.session.case.segments] == ["Left kidney"]
    names.append(str(tmp_path / "nothing.nii.gz"))
    segmented.actions_["bring-in"].trigger()
    idle(qtbot, segmented)
    assert "nothing.nii.gz does not exist" in segmented.banner.text


def test_a_screenshot_is_the_window_as_it_is_now(segmented, names, tmp_path):
    segmented.views.slices[0].view.schedule_render()  # due, and in the picture all the same
    names.append(str(tmp_path / "picture"))
    segmented.actions_["screenshot"].trigger()
    picture = QImage(str(tmp_path / "picture.png"))
    assert (picture.width(), picture.height()) == (segmented.width(), segmented.height())
    assert "picture.png" in segmented.banner.text
