"""A real CT opened, clicked, propagated, undone, exported, through the real window with real mouse events."""

from __future__ import annotations

import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import trimesh
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QPlainTextEdit

from app.document import PALETTE
from app.geometry import Geometry
from app.ui import app as program
from app.ui.demo import KIDNEY, deep_inside, run_demo
from app.ui.main_window import MainWindow
from app.volume import Volume
from tests.data import ROOT, SAMPLE, needs_shared, shared
from tests.e2e.conftest import coloured

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LIVER, LIVER_LABEL = (111, 47, 86), 5


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def export_and_read_back(hands, tmp_path, first, source):
    window = hands.window
    window.exports.write_labels(tmp_path / "labels.nii.gz")
    window.exports.write_mesh(tmp_path / "liver.stl", 1)
    hands.until(lambda: window.jobs.running == 0)
    written = nib.load(tmp_path / "labels.nii.gz")
    assert np.allclose(written.affine, source.affine)
    assert (np.asarray(written.dataobj).transpose(2, 1, 0) == first).all()
    mesh = trimesh.load(tmp_path / "liver.stl")
    assert mesh.is_watertight
    assert mesh.volume / 1000 == pytest.approx(first.sum() * abs(np.linalg.det(source.affine[:3, :3])) / 1000, rel=0.02)
    (receipt,) = [d for d in window.findChildren(QDialog) if d.windowTitle() == "Export receipt"]
    text = receipt.findChild(QPlainTextEdit).toPlainText()
    assert all(word in text for word in ("LPS", "mm", "watertight")), text


@needs_shared
def test_the_main_job_on_a_real_ct(hands, tmp_path):
    window, session = hands.window, hands.window.session
    case = shared("gt", "ct_abdomen_totalseg")
    hands.open(case / "image.nii.gz")
    slices = [frame.view for frame in window.views.slices]
    before = [coloured(view, PALETTE[0]) for view in (*slices, window.views.volume.view)]

    hands.click(LIVER)
    hands.answered()
    assert [s.name for s in session.case.segments] == ["Segment 1"]
    first = session.mask(1)
    assert first[LIVER]
    after = [coloured(view, PALETTE[0]) for view in (*slices, window.views.volume.view)]
    assert all(b > a + 300 for a, b in zip(before, after, strict=True)), (before, after)

    hands.key(Qt.Key.Key_S, SHIFT)
    hands.until(lambda: session.propagating)
    hands.answered()
    hands.until(lambda: len(window.views.slices[0].bar.confidences) > 1)
    propagated = session.mask(1)

    hands.key(Qt.Key.Key_Z, CTRL)
    assert (session.mask(1) == first).all()
    hands.key(Qt.Key.Key_Y, CTRL)
    assert (session.mask(1) == propagated).all()
    hands.key(Qt.Key.Key_Z, CTRL)
    hands.key(Qt.Key.Key_Z, CTRL)
    hands.qtbot.wait(700)
    assert hands.voxels() == 0
    assert coloured(slices[0], PALETTE[0]) < after[0] - 300
    hands.key(Qt.Key.Key_Z, CTRL | SHIFT)
    assert (session.mask(1) == first).all()

    export_and_read_back(hands, tmp_path, first, nib.load(case / "image.nii.gz"))


@needs_shared
def test_the_first_click_on_the_liver_is_mostly_liver(hands):
    case = shared("gt", "ct_abdomen_totalseg")
    hands.open(case / "image.nii.gz")
    hands.click(LIVER)
    hands.answered()
    truth = np.asarray(nib.load(case / "label.nii.gz").dataobj).transpose(2, 1, 0) == LIVER_LABEL
    assert dice(hands.window.session.mask(1), truth) > 0.5


@needs_shared
def test_a_point_in_every_view_a_box_and_a_scribble(hands):
    hands.open(shared("gt", "ct_abdomen_totalseg", "image.nii.gz"))
    session = hands.window.session
    for world_axis in (2, 1, 0):
        hands.click(LIVER, world_axis)
        hands.answered()
        hands.key(Qt.Key.Key_E)
    assert [session.prompts(n)[0].index for n in (1, 2, 3)] == [LIVER] * 3
    k, j, i = LIVER
    hands.key(Qt.Key.Key_B)
    hands.drag((k, j - 8, i - 8), (k, j + 8, i + 8))
    assert session.prompts(4)[0].region().shape == (1, 17, 17)
    hands.key(Qt.Key.Key_S)
    hands.drag((k, j, i), (k, j + 5, i + 9))
    assert len(session.prompts(4)[1].indices) == 10
    hands.answered()
    assert session.case.open_labels == ()


def test_the_program_opens_what_it_is_given_and_ends(qapp, monkeypatch):
    if not SAMPLE.exists():
        pytest.skip("resources/sample is not in this checkout")
    seen = []

    def look():
        for window in qapp.topLevelWidgets():
            if isinstance(window, MainWindow) and window.session.document is not None:
                seen.append((window.windowTitle(), window.views.isVisible()))
                window.close()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(50)
    assert program.run(str(SAMPLE)) == 0
    timer.stop()
    assert seen[0] == ("ct_abdomen.nii.gz[*] — Volumask", True)


def test_the_bundled_sample_through_the_demo(qapp, tmp_path):
    if not SAMPLE.exists():
        pytest.skip("resources/sample is not in this checkout")
    assert run_demo(SAMPLE, tmp_path) == 0
    labels = nib.load(tmp_path / "labels.nii.gz")
    found = np.asarray(labels.dataobj).transpose(2, 1, 0) > 0
    assert found[KIDNEY]
    assert 100 < found.sum() * 27 / 1000 < 300  # millilitres: about a kidney
    assert trimesh.load(tmp_path / "mesh.stl").is_watertight
    assert (tmp_path / "screenshot.png").stat().st_size > 50_000
    assert not list(tmp_path.glob("**/*.volumask"))


def test_the_demo_ends_at_once_with_the_reason_where_a_scan_cannot_be_opened(qapp, tmp_path, capsys):
    assert run_demo(tmp_path / "absent.nii.gz", tmp_path / "demo") == 1
    said = capsys.readouterr().err
    assert "absent.nii.gz does not exist" in said
    assert "waited" not in said


def test_the_demo_leaves_the_users_settings_alone(qapp, tmp_path):
    if not SAMPLE.exists():
        pytest.skip("resources/sample is not in this checkout")
    home = tmp_path / "config"
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home)}
    subprocess.run(
        [sys.executable, "-m", "app.ui.demo", str(SAMPLE), str(tmp_path / "demo")],
        cwd=ROOT, env=environment, check=True, capture_output=True, timeout=200,
    )  # fmt: skip
    assert (tmp_path / "demo" / "screenshot.png").exists()
    assert not list(home.rglob("*.conf"))


def test_the_demo_clicks_deep_inside_of_what_is_large_and_not_at_the_edge_of_the_scan():
    values = np.full((20, 60, 60), -1000, np.int16)
    values[:6, 5:55, 5:55] = 60  # wide, but cut by the first slice
    values[8:18, 20:50, 10:40] = 60
    values[19:, :20, :20] = 1200  # bone: what reaches so far are Hounsfield units
    k, j, i = deep_inside(Volume(values, Geometry(values.shape, np.diag([1, 1, 2, 1])), modality="CT"))
    assert 11 <= k <= 14
    assert 25 <= j <= 44
    assert 15 <= i <= 34
