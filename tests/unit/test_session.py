"""The session's verbs without a window: what a script does."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from app.engine.protocol import Answer
from app.errors import AppError, BadInput, MissingModel
from app.geometry import Geometry
from app.prompts import Box, Point, SliceMask
from app.session import Session
from app.volume import Volume
from tests.data import needs_shared, shared

SHAPE = (20, 24, 28)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii.gz"
    voxels = np.random.default_rng(0).integers(0, 100, SHAPE[::-1]).astype(np.int16)
    nib.save(nib.Nifti1Image(voxels, np.diag([1.0, 2, 3, 1])), path)
    return path


@pytest.fixture
def session(scan: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("VOLUMASK_MODELS", str(ROOT / "tests" / "models"))
    with Session.headless(model="fake", engine="inline") as made:
        made.open(scan)
        yield made


def test_click_mask_undo_redo(session: Session) -> None:
    liver = session.add_segment("Liver")
    session.add_prompt(liver, Point((10, 12, 14)))
    session.wait()
    mask = session.mask(liver)
    assert mask.shape == SHAPE
    assert mask[10, 12, 14]
    session.add_prompt(liver, Point((10, 12, 20)))
    session.wait()
    assert session.mask(liver).sum() > mask.sum()
    assert session.undo()
    assert (session.mask(liver) == mask).all()
    assert session.redo()
    assert session.mask(liver).sum() > mask.sum()


def test_a_neighbour_keeps_its_voxels(session: Session) -> None:
    first, second = session.add_segment("A"), session.add_segment("B")
    for segment, column in ((first, 12), (second, 14)):
        session.add_prompt(segment, Point((10, 12, column)))
        session.wait()
        kept = session.mask(first)
    assert (session.mask(first) == kept).all()
    assert not (session.mask(first) & session.mask(second)).any()


def test_removing_a_prompt_asks_again(session: Session) -> None:
    segment = session.add_segment()
    session.add_prompt(segment, Point((10, 12, 5)))
    session.wait()
    one = session.mask(segment)
    session.add_prompt(segment, Point((10, 12, 20)))
    session.wait()
    session.set_prompts(segment, session.prompts(segment)[:1])
    session.wait()
    assert (session.mask(segment) == one).all()
    session.set_prompts(segment, ())
    session.wait()
    assert not session.mask(segment).any()


def test_many_clicks_at_once_are_all_answered(session: Session) -> None:
    segment = session.add_segment()
    for column in range(4, 24, 4):
        session.add_prompt(segment, Point((10, 12, column)))
    session.wait()
    assert all(session.mask(segment)[10, 12, column] for column in range(4, 24, 4))
    while session.undo():
        pass
    assert session.case.segments == ()


@pytest.mark.parametrize("prompt", [Point((99, 0, 0)), Point((0, -1, 0)), Box((0, 0, 0), (20, 1, 1))])
def test_a_prompt_outside_is_refused_and_changes_nothing(session: Session, prompt: Point) -> None:
    segment = session.add_segment()
    before = session.case.changes
    with pytest.raises(BadInput, match="outside the image"):
        session.add_prompt(segment, prompt)
    assert session.case.changes == before
    session.wait()


def test_a_locked_segment_takes_no_prompt_and_is_not_deleted(session: Session) -> None:
    segment = session.add_segment("Liver")
    session.change_segment(segment, locked=True)
    with pytest.raises(BadInput, match="Liver is locked"):
        session.add_prompt(segment, Point((1, 1, 1)))
    with pytest.raises(BadInput, match="Liver is locked"):
        session.remove_segment(segment)


def test_a_removed_segment_is_named(session: Session) -> None:
    segment = session.add_segment()
    session.add_prompt(segment, Point((1, 1, 1)))
    session.remove_segment(segment)
    session.wait()
    with pytest.raises(BadInput, match="not in this case any more"):
        session.add_prompt(segment, Point((1, 1, 1)))
    assert not session.case.segmentation.labels.any()


def test_propagation_fills_both_sides_and_is_one_undo_step(session: Session) -> None:
    segment = session.add_segment()
    mask = np.zeros(SHAPE[1:], bool)
    mask[8:14, 8:14] = True
    session.add_prompt(segment, SliceMask(0, 10, mask))
    session.wait()
    before = session.mask(segment)
    outcome = session.propagate(segment, axis=0, start=10, stop=(6, 14))
    assert outcome is not None
    assert outcome.reached == (6, 14)
    assert [session.mask(segment)[k].any() for k in (5, 6, 14, 15)] == [False, True, True, False]
    assert sorted(session.confidences(segment)[0]) == list(range(6, 15))
    assert session.undo()
    assert (session.mask(segment) == before).all()
    assert session.confidences(segment) == {}
    assert session.redo()
    assert session.mask(segment)[14].any()


def test_a_correction_reruns_only_its_side(session: Session) -> None:
    segment = session.add_segment()
    mask = np.zeros(SHAPE[1:], bool)
    mask[8:14, 8:14] = True
    session.add_prompt(segment, SliceMask(0, 10, mask))
    session.propagate(segment, axis=0, start=10)
    below = session.mask(segment)[:10]
    session.add_prompt(segment, SliceMask(0, 14, np.roll(mask, 4, axis=1)))
    session.wait()
    session.propagate(segment, axis=0, start=14)
    rerun = session.inference.outcome.request
    assert (rerun.first, rerun.last) == (10, SHAPE[0] - 1)
    assert (session.mask(segment)[:10] == below).all()


def test_propagating_from_an_empty_slice_says_what_to_do(session: Session) -> None:
    segment = session.add_segment("Liver")
    with pytest.raises(BadInput, match=r"Liver has no voxel on slice 3.*Click there first"):
        session.propagate(segment, axis=0, start=3)
    assert not session.propagating


def test_undo_during_a_propagation_takes_all_of_it_back(session: Session) -> None:
    segment = session.add_segment()
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    before = session.mask(segment)
    session.begin_propagation(segment, axis=0, start=10)
    while len(session.confidences(segment).get(0, {})) < 3:
        session.receive(session._messages.get(timeout=10))
    session.undo()
    session.wait()
    assert (session.mask(segment) == before).all()
    assert not session.propagating


def test_uncertainty_is_a_map_on_the_grid_and_goes_stale(session: Session) -> None:
    segment = session.add_segment()
    session.add_prompt(segment, Point((10, 12, 14)))
    deviation = session.uncertainty(segment, samples=4)
    assert deviation.shape == SHAPE
    assert deviation.dtype == np.float32
    assert deviation.max() > 0
    assert session.estimate(segment) is not None
    assert session.case.volume.geometry.region.contains(session.suggest_prompt(segment))
    session.add_prompt(segment, Point((10, 12, 20)))
    assert session.estimate(segment) is None
    session.wait()


def test_uncertainty_of_a_segment_without_prompts_says_what_to_do(session: Session) -> None:
    with pytest.raises(BadInput, match="no prompts"):
        session.uncertainty(session.add_segment())


def test_a_bad_file_leaves_the_open_case_as_it_was(session: Session, tmp_path: Path) -> None:
    segment = session.add_segment()
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    document, mask = session.document, session.mask(segment)
    (tmp_path / "bad.nii").write_text("no image")
    for path in (tmp_path / "bad.nii", tmp_path / "none.nii.gz", tmp_path / "none.volumask"):
        with pytest.raises(BadInput):
            session.open(path)
    assert session.document is document
    assert (session.mask(segment) == mask).all()


def test_a_project_brings_everything_back(session: Session, tmp_path: Path) -> None:
    segment = session.add_segment("Liver")
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    session.propagate(segment, axis=0, start=10)
    mask = session.mask(segment)
    assert session.modified
    session.save(tmp_path / "case.volumask")
    assert not session.modified
    session.remove_segment(segment)
    session.open(tmp_path / "case.volumask")
    assert not session.modified
    assert (session.mask(segment) == mask).all()
    assert session.case.segment(1).name == "Liver"
    session.undo()
    assert session.mask(segment)[10].any()
    session.add_prompt(segment, Point((10, 12, 20)))
    session.wait()
    assert session.mask(segment)[10, 12, 20]


def test_labels_are_written_on_the_grid_of_the_scan(session: Session, scan: Path, tmp_path: Path) -> None:
    segment = session.add_segment("Liver")
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    session.export_labels(tmp_path / "labels.nii.gz")
    labels, source = nib.load(tmp_path / "labels.nii.gz"), nib.load(scan)
    assert np.allclose(labels.affine, source.affine)
    assert (np.asarray(labels.dataobj).transpose(2, 1, 0) == session.mask(segment)).all()
    for field in ("sform_code", "qform_code", "xyzt_units"):
        assert labels.header[field] == source.header[field]
    assert "Liver" in (tmp_path / "labels.json").read_text()


def test_an_answer_that_was_on_its_way_when_another_case_opened_changes_nothing(session: Session, scan: Path) -> None:
    def click() -> None:
        session.add_prompt(session.add_segment(), Point((10, 12, 14)))

    click()
    while not isinstance(late := session._messages.get(timeout=10), Answer):
        session.receive(late)
    session.open(scan)
    click()
    session.receive(late)
    assert not session.case.segmentation.labels.any()
    session.wait()
    assert session.mask(1)[10, 12, 14]


def test_nothing_open_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session.headless(engine="inline") as session, pytest.raises(BadInput, match="No scan is open"):
        session.add_segment()


def test_an_unknown_model_leaves_the_present_one(session: Session) -> None:
    with pytest.raises(MissingModel):
        session.use_model("none")
    assert session.model.id == "fake"
    with pytest.raises(MissingModel):
        Session.headless(model="none", engine="inline")


def test_changing_the_model_keeps_the_prompts(session: Session) -> None:
    segment = session.add_segment()
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    session.use_model("classic")
    assert session.prompts(segment) == (Point((10, 12, 14)),)
    session.add_prompt(segment, Point((10, 12, 15)))
    session.wait()
    assert session.mask(segment)[10, 12, 14]


def test_changing_the_model_asks_again_for_the_active_segment(session: Session) -> None:
    other, active = session.add_segment("Other"), session.add_segment("Active")
    for segment, k in ((other, 4), (active, 14)):
        session.add_prompt(segment, Point((k, 12, 14)))
    session.wait()
    before = session.mask(other), session.mask(active)
    session.use_model("classic")
    session.wait()
    assert (session.mask(other) == before[0]).all()
    assert (session.mask(active) != before[1]).any()
    session.undo()
    assert (session.mask(active) == before[1]).all()


def test_changing_the_model_leaves_what_was_painted_or_locked(session: Session) -> None:
    segment = session.add_segment()
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    session.change_segment(segment, locked=True)
    session.use_model("classic")
    assert not session.inference.busy
    session.use_model("fake")
    session.change_segment(segment, locked=False)
    session.propagate(segment, axis=0, start=10, stop=(9, 11))
    session.use_model("classic")
    assert not session.inference.busy


def test_a_model_for_boxes_says_so_and_takes_the_boxes_among_the_prompts(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "boxer").mkdir()
    card = 'name = "Boxer"\nfamily = "fake"\ndimensions = 2\nprompts = ["box"]\n'
    (tmp_path / "boxer" / "card.toml").write_text(card)
    monkeypatch.setenv("VOLUMASK_MODELS", str(tmp_path))
    segment = session.add_segment("Liver")
    session.add_prompt(segment, Point((2, 12, 14)))
    session.wait()
    told: list[str] = []
    session.noticed.connect(told.append)
    session.use_model("boxer")
    assert told == ["Boxer takes boxes only: Liver stays until you give one."]
    assert session.mask(segment)[2, 12, 14]
    session.add_prompt(segment, Box((10, 4, 4), (10, 8, 8)))
    session.wait()
    assert session.mask(segment).sum() == 25
    assert len(session.prompts(segment)) == 2


def test_a_failure_is_raised_by_wait_and_the_next_click_works(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.engine.fake import FakePredictor

    segment = session.add_segment()
    with monkeypatch.context() as broken:
        broken.setattr(FakePredictor, "predict", lambda *_: 1 / 0)
        session.add_prompt(segment, Point((10, 12, 14)))
        with pytest.raises(AppError, match="The model failed: division by zero"):
            session.wait()
    assert session.prompts(segment) == ()
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    assert session.mask(segment).any()


def test_a_script_without_a_main_guard_works(scan: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from app.session import Session
        from app.prompts import Point
        with Session.headless() as session:
            session.open({str(scan)!r})
            segment = session.add_segment("X")
            session.add_prompt(segment, Point((10, 12, 14)))
            session.wait()
            print(int(session.mask(segment)[10, 12, 14]))
        """)
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=ROOT, env=_environment(), timeout=120
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "1", "")


@needs_shared
def test_lossless_jpeg_opens_in_a_script_without_a_main_guard(tmp_path: Path) -> None:
    folder = shared("dicom", "mr_jpeg_lossless")
    script = tmp_path / "script.py"
    script.write_text(f"from app import volume_io\nprint(volume_io.read_volume({str(folder)!r}).shape)\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=_environment(), timeout=120)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "(4, 256, 256)", "")


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_one_slice_and_constant_images_work(tmp_path: Path) -> None:
    for shape in ((1, 12, 14), (6, 7, 1), (1, 1, 1)):
        with Session.headless(engine="inline") as session:
            session.adopt(Volume(np.full(shape, 7, np.int16), Geometry(shape, np.eye(4))))
            segment = session.add_segment()
            session.add_prompt(segment, Point((0, 0, 0)))
            session.wait()
            assert session.mask(segment)[0, 0, 0]
            session.propagate(segment, axis=0, start=0)
