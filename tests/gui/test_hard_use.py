"""Hard use: the wrong place, the wrong moment, very little, very much."""

from __future__ import annotations

import time
from threading import Event

import nibabel as nib
import numpy as np
import psutil
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton

from app import project
from app.engine.fake import FakePredictor
from app.geometry import Geometry, Region
from app.prompts import Point
from app.ui.dialogs.questions import Answer
from app.view_state import Window
from app.volume import Volume
from tests.gui.hand import LEFT, MIDDLE, NONE, hand, painted

__all__ = ["hand", "painted"]  # fixtures


class Held:
    """The model waits before each answer until it is let go: what happens meanwhile happens during inference."""

    def __init__(self, monkeypatch):
        self.go, self.begun = Event(), Event()
        predict, prepare = FakePredictor.predict, FakePredictor.prepare

        def held(made, *args):
            self.begun.set()
            assert self.go.wait(20)
            return predict(made, *args)

        def held_prepare(made, *args):
            assert self.go.wait(20)
            return prepare(made, *args)

        monkeypatch.setattr(FakePredictor, "predict", held)
        self._prepare = lambda: monkeypatch.setattr(FakePredictor, "prepare", held_prepare)

    def preparation_too(self):
        self._prepare()


@pytest.fixture
def held(monkeypatch):
    made = Held(monkeypatch)
    yield made
    made.go.set()


@pytest.fixture
def pointer(hand):
    hand.take("point")
    return hand


def test_a_click_beside_the_picture_or_off_the_volume_does_nothing(pointer, settle):
    view = pointer.views[0]
    k, j, i = MIDDLE
    outside = [p for p in (QPointF(2, 2), QPointF(view.width() - 3, view.height() - 3)) if view.index_at(p) is None]
    assert outside
    for pixel in outside:
        QTest.mouseClick(view, LEFT, NONE, pixel.toPoint())
    settle()
    assert pointer.session.case.segments == ()
    assert pointer.session.case.changes == 0
    pointer.click(0, (k, j, i))
    settle()
    assert pointer.labels[k, j, i] == 1


def test_clicks_before_the_preparation_has_ended_are_all_answered(window, volume, settle, held, qtbot):
    held.preparation_too()
    window.session.adopt(volume)
    for column in (6, 14, 22):
        window.commands.add_prompt(Point((10, 12, column)))
    qtbot.wait(50)
    assert not window.session.mask(1).any()
    held.go.set()
    settle()
    assert all(window.session.mask(1)[10, 12, column] for column in (6, 14, 22))


def test_a_segment_deleted_while_its_click_is_computed_stays_deleted(pointer, settle, held, qtbot):
    pointer.click(0, MIDDLE)
    qtbot.waitUntil(held.begun.is_set)
    pointer.session.remove_segment(1)
    held.go.set()
    settle()
    assert pointer.session.case.segments == ()
    assert not pointer.labels.any()
    assert pointer.window.banner.kind != "error" or not pointer.window.banner.text
    pointer.do("undo")
    assert [segment.label for segment in pointer.session.case.segments] == [1]
    pointer.click(0, MIDDLE)
    settle()
    assert pointer.labels[MIDDLE] == pointer.session.view.active


def test_a_click_after_deleting_the_segment_makes_a_new_one(pointer, settle):
    pointer.click(0, MIDDLE)
    settle()
    pointer.session.remove_segment(1)
    pointer.click(0, MIDDLE)
    settle()
    (segment,) = pointer.session.case.segments
    assert pointer.labels[MIDDLE] == segment.label
    assert [prompt.index for prompt in pointer.session.prompts(segment)] == [MIDDLE]


def test_segment_window_and_slice_change_during_inference(pointer, settle, held, qtbot):
    pointer.click(0, MIDDLE)
    qtbot.waitUntil(held.begun.is_set)
    other = pointer.session.add_segment("Other")
    pointer.session.view.window = Window(10, 20)
    pointer.wheel(0, 3, NONE)
    pointer.session.view.opacity = 0.2
    assert pointer.session.view.crosshair != MIDDLE
    held.go.set()
    settle()
    assert pointer.labels[MIDDLE] == 1
    assert not pointer.session.mask(other).any()
    assert pointer.session.view.active == other.label
    assert pointer.session.view.window == Window(10, 20)


def test_a_stroke_during_inference_outlives_the_answer(pointer, settle, held, qtbot):
    pointer.click(0, MIDDLE)
    qtbot.waitUntil(held.begun.is_set)
    pointer.take("brush")
    pointer.session.corrections.change_brush(millimetres=1.0)
    pointer.drag(0, (10, 3, 3), (10, 3, 8))
    assert pointer.labels[10, 3, 3:9].all()
    held.go.set()
    settle()
    assert pointer.labels[10, 3, 3:9].all()
    assert pointer.labels[MIDDLE] == 1


def test_a_second_scan_while_the_first_propagates(painted, tmp_path, settle, held, qtbot, monkeypatch):
    window, session = painted.window, painted.session
    held.go.set()
    session.begin_propagation(1, 0, 10)
    assert session.propagating
    scan = tmp_path / "second.nii"
    nib.save(nib.Nifti1Image(np.zeros((9, 8, 7), np.int16), np.eye(4)), scan)
    monkeypatch.setattr("app.ui.cases.ask_to_save", lambda *_: Answer.DISCARD)
    first = session.document
    window.open(scan)
    qtbot.waitUntil(lambda: session.document is not first, timeout=20_000)
    settle()
    assert session.case.volume.shape == (7, 8, 9)
    assert session.case.segments == ()
    assert not session.propagating
    window.commands.add_prompt(Point((3, 4, 4)))
    settle()
    assert session.mask(1)[3, 4, 4]


def test_one_slice_is_clicked_painted_propagated_and_undone(window, settle, tmp_path, qtbot):
    voxels = np.random.default_rng(0).integers(0, 100, (1, 40, 30)).astype(np.int16)
    window.session.adopt(Volume(voxels, Geometry((1, 40, 30), np.eye(4))))
    window.commands.add_prompt(Point((0, 20, 15)))
    settle()
    assert window.session.mask(1)[0, 20, 15]
    window.session.begin_propagation(1, 0, 0)
    settle()
    assert window.session.mask(1)[0, 20, 15]
    window.session.begin_uncertainty(1)
    settle()
    window.session.export_labels(tmp_path / "one.nii.gz")
    window.session.export_mesh(1, tmp_path / "one.stl")
    assert nib.load(tmp_path / "one.nii.gz").shape[:3] == (30, 40, 1)
    while window.session.undo():
        continue
    assert window.session.case.segments == ()


def test_a_time_point_of_four_dimensions(window, tmp_path, settle):
    scan = tmp_path / "cine.nii.gz"
    array = np.zeros((12, 11, 10, 3), np.int16)
    array[..., 2] = 7
    nib.save(nib.Nifti1Image(array, np.eye(4)), scan)
    window.session.open(scan, time=2)
    assert window.session.case.volume.shape == (10, 11, 12)
    assert (window.session.case.volume.array == 7).all()
    window.commands.add_prompt(Point((5, 5, 5)))
    settle()
    window.session.save(tmp_path / "cine.volumask")
    window.session.open(tmp_path / "cine.volumask")
    assert (window.session.case.volume.array == 7).all()
    assert window.session.mask(1)[5, 5, 5]


def test_sixty_segments(case, settle, tmp_path, qtbot):
    session = case.session
    for number in range(60):
        segment = session.add_segment()
        k, j, i = number // 12 * 4, number % 4 * 6, number // 4 % 3 * 9
        region = Region((k, j, i), (k + 3, j + 5, i + 8))
        session.case.edit(segment.label, region, np.ones(region.shape, bool), "Put")
    qtbot.wait(100)
    assert case.segments.list.topLevelItemCount() == 60
    assert all(session.mask(label).sum() == 120 for label in range(1, 61))
    session.save(tmp_path / "sixty.volumask")
    receipt = session.export_segments(tmp_path / "sixty.seg.nrrd")
    assert receipt is not None
    session.export_mesh(None, tmp_path / "sixty.stl")
    for label in range(60, 0, -1):
        session.remove_segment(label)
    assert not session.case.segmentation.labels.any()
    for _ in range(60):
        session.undo()
    assert all(session.mask(label).sum() == 120 for label in range(1, 61))


@pytest.mark.slow
def test_ten_thousand_steps_back_and_forth_in_bounded_memory(case, tmp_path):
    session, process = case.session, psutil.Process()
    session.add_segment("Liver")
    document = session.case
    dice, before = np.random.default_rng(0), process.memory_info().rss
    for number in range(10_000):
        k, j, i = (int(dice.integers(0, n - 4)) for n in document.volume.shape)
        region = Region((k, j, i), (k + 4, j + 4, i + 4))
        document.edit(1, region, np.full((4, 4, 4), number % 3 > 0), "Paint")
    last = document.segmentation.labels.copy()
    assert document.history.count == 10_001
    grown = process.memory_info().rss - before
    assert grown < document.history.budget
    (tmp_path / "scan.nii.gz").write_bytes(b"x")  # a project asks whether its scan is there
    session.save(tmp_path / "long.volumask")
    for _ in range(10_000):
        assert document.undo()
    assert not document.segmentation.labels.any()
    for _ in range(10_000):
        assert document.redo()
    assert (document.segmentation.labels == last).all()
    kept = project.read(tmp_path / "long.volumask")
    assert (len(kept.done), len(kept.undone)) == (10_001, 0)


def test_a_small_budget_forgets_the_oldest_and_keeps_the_case(case):
    document = case.session.case
    case.session.add_segment("Liver")
    document.history.budget = 100_000
    for number in range(2000):
        region = Region((number % 16, 0, 0), (number % 16 + 4, 20, 20))
        noise = np.random.default_rng(number).random(region.shape) < 0.5
        document.edit(1, region, noise, "Paint")
    now = document.segmentation.labels.copy()
    assert 10 < document.history.count < 1000
    assert sum(step.size for step in document.history.done) <= 100_000
    while document.undo():
        continue
    while document.redo():
        continue
    assert (document.segmentation.labels == now).all()


def test_ten_thousand_prompts_are_listed_in_time_and_the_next_click_costs_little(case, settle, qtbot):
    session = case.session
    segment = session.add_segment("Liver")
    shape = session.case.volume.shape
    places = (tuple(n // step % size for step, size in zip((1, 16, 400), shape, strict=True)) for n in range(10_000))
    prompts = tuple(Point(place, number % 2 > 0) for number, place in enumerate(places))
    begun = time.process_time()
    session.case.set_prompts(segment.label, prompts)
    whole = session.case.volume.geometry.region
    nothing = np.zeros(whole.shape, bool)
    session.case.answer(segment.label, prompts, session.case.revision(segment.label), whole, nothing)
    case.prompts.refresh()
    listed = time.process_time() - begun
    assert case.prompts.list.count() == 10_000
    assert len(case.prompts.list.findChildren(QToolButton)) < 200, "only lines in sight have buttons"
    begun = time.process_time()
    more = (*prompts, Point((1, 2, 3)))
    session.case.set_prompts(segment.label, more)
    session.case.answer(segment.label, more, session.case.revision(segment.label), whole, nothing)
    case.prompts.refresh()
    click = time.process_time() - begun
    assert case.prompts.list.count() == 10_001
    print(f"10,000 prompts listed in {listed:.2f} s of CPU, the next in {click:.3f} s")
    assert click < listed / 4
    case.prompts.list.scrollToTop()
    assert case.prompts.list.itemWidget(case.prompts.list.item(0)) is not None
    session.undo()
    qtbot.waitUntil(lambda: case.prompts.list.count() == 10_000)
