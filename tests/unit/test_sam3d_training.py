"""A SAM3D decoder trained on a few made slices with a tiny SAM: it learns, goes on exactly, and becomes a model."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from app import volume_io
from app.cli import train_sam3d
from app.engine import registry
from app.engine.protocol import Token
from app.errors import BadInput, MissingModel
from app.geometry import Geometry
from app.prompts import Point
from app.session import Session
from app.volume import NiftiCodes, Volume
from tests.data import ROOT, shared
from tests.unit.test_sam3d_network import tiny_sam
from training.sam3d import run
from training.sam3d.cases import find_cases
from training.sam3d.loss import WEIGHTS, deep_loss, dice_and_entropy
from training.sam3d.plan import Wishes, make_plan
from training.sam3d.run import Order, train
from training.sam3d.sampler import Sampler
from training.sam3d.training import Schedule, Training
from training.sam3d.variation import Variation

CASES = 6
CARD = 'name = "Tiny SAM"\nfamily = "sam"\ndimensions = 2\nprompts = ["point"]\nweights = "tiny.pth"\n'
WISHES = Wishes(side=32, depth=4, names=("Ball", "Block"), encoder="tiny_sam")
SCHEDULE = Schedule(epochs=4, iterations=6, batch=2)


def made(number: int) -> tuple[Volume, np.ndarray]:
    """A scan with a bright ball and a dark block, somewhere else in each."""
    generator = np.random.default_rng(number)
    shape = (8, 40, 36)
    labels = np.zeros(shape, np.uint8)
    k, j, i = np.ogrid[tuple(map(slice, shape))]
    centre = generator.uniform((3, 12, 10), (5, 16, 14))
    labels[((k - centre[0]) * 2) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 <= 64] = 1
    row, column = generator.integers((24, 18), (28, 24))
    labels[1:7, row : row + 10, column : column + 10] = 2
    array = np.choose(labels, (40, 300, -400)) + generator.normal(0, 20, shape)
    geometry = Geometry(shape, np.diag([-1.0, -1.0, 2.0, 1.0]))
    return Volume(array.astype(np.int16), geometry), labels


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    images, labels = tmp_path_factory.mktemp("images"), tmp_path_factory.mktemp("labels")
    for number in range(CASES):
        volume, truth = made(number)
        volume_io.write_volume(volume, images / f"case{number}_0000.nii.gz")
        volume_io.write_labels(labels / f"case{number}.nii.gz", truth, volume.geometry, NiftiCodes(), {})
    return images, labels


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "tiny_sam").mkdir()
    (folder / "tiny_sam" / "card.toml").write_text(CARD)
    torch.save(tiny_sam(), folder / "tiny_sam" / "tiny.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOLUMASK_MODELS", os.pathsep.join((str(folder), str(ROOT / "tests" / "models"))))
        patch.setenv("VOLUMASK_BACKEND", "torch")
        yield folder


@pytest.fixture(scope="module")
def trained(folders: tuple[Path, Path], models: Path) -> tuple[Path, Training]:
    out = models / "ours"
    order = Order(*folders, out, out / "embedded", "Ours", "CC0-1.0")
    return out, train(order, WISHES, SCHEDULE, lambda *_: None)


def test_pairs_are_found_by_name_and_a_scan_without_labels_is_left(folders, tmp_path):
    images, labels = folders
    (images / "lonely.nii.gz").write_bytes(b"")
    try:
        assert [case.name for case in find_cases(images, labels)] == [f"case{n}" for n in range(CASES)]
    finally:
        (images / "lonely.nii.gz").unlink()
    with pytest.raises(BadInput, match="has labels of the same name"):
        find_cases(images, tmp_path)
    with pytest.raises(BadInput, match="could not be read"):
        find_cases(images, tmp_path / "nowhere")


def test_a_plan_follows_from_the_scans(folders):
    recipe = make_plan(find_cases(*folders), Wishes(), lambda _: None)
    assert recipe.classes == ("Class 1", "Class 2")
    assert recipe.spacing == (2.0, 1.0, 1.0)
    assert (recipe.across, recipe.depth, recipe.side) == (2, 8, 32)
    low, high = recipe.clip
    assert low == pytest.approx(-450, abs=25)
    assert high == pytest.approx(350, abs=25)
    with pytest.raises(BadInput, match="1 names are given for labels up to 2"):
        make_plan(find_cases(*folders), Wishes(names=("A",)), lambda _: None)


def test_the_loss_is_dice_and_entropy_with_the_papers_weights():
    assert sum(WEIGHTS) == pytest.approx(1)
    assert WEIGHTS[0] == 2 * WEIGHTS[1] == 4 * WEIGHTS[2]
    labels = torch.zeros(1, 2, 8, 8, dtype=torch.long)
    labels[:, :, 2:6, 2:6] = 1
    sure = torch.stack([20.0 - 40 * labels, -20.0 + 40 * labels], dim=1)
    assert float(dice_and_entropy(sure, labels)) == pytest.approx(-1, abs=1e-4)
    assert float(dice_and_entropy(-sure, labels)) == pytest.approx(40, abs=1e-2)
    even = torch.zeros(1, 2, 2, 8, 8)
    wanted = math.log(2) - 2 * 16 / (64 + 32)  # Dice of 0.5 everywhere: 2 * 16 * 0.5 * 2 / (64 + 32) over two slices
    assert float(dice_and_entropy(even, labels)) == pytest.approx(wanted, abs=1e-5)
    coarse = tuple(even[..., :: 2**n, :: 2**n] for n in range(3))
    parts = [
        float(dice_and_entropy(c, labels[:, :, 2**n // 2 :: 2**n, 2**n // 2 :: 2**n])) for n, c in enumerate(coarse)
    ]
    assert float(deep_loss(coarse, labels)) == pytest.approx(sum(w * p for w, p in zip(WEIGHTS, parts, strict=True)))


def test_the_rate_falls_as_in_the_paper():
    schedule = Schedule()
    assert (schedule.epochs, schedule.iterations, schedule.momentum, schedule.decay) == (1000, 250, 0.99, 3e-5)
    assert schedule.rate_at(0) == 1e-2
    assert schedule.rate_at(500) == pytest.approx(1e-2 * 0.5**0.9)


def test_training_lowers_its_loss(trained):
    _, training = trained
    assert training.epoch == 4
    assert len(training.losses) == len(training.dice) == 4
    assert training.losses[-1] < training.losses[0] - 0.1
    assert all(0 <= dice <= 1 for dice in training.dice)


def test_a_stopped_run_goes_on_exactly(trained, folders, models, tmp_path):
    out, whole = trained
    order = Order(*folders, tmp_path / "again", out / "embedded")

    def stop(share: float, what: str) -> None:
        if what == "Training" and share >= 8 / 24:
            raise KeyboardInterrupt

    first = train(order, WISHES, SCHEDULE, stop)
    assert first.iteration == 8, "in the middle of the second epoch"
    second = train(order, WISHES, SCHEDULE, lambda *_: None)
    assert second.losses == whole.losses
    assert second.dice == whole.dice
    for name, value in whole.decoder.state_dict().items():
        assert torch.equal(value, second.decoder.state_dict()[name]), name
    with pytest.raises(BadInput, match="begun with other settings"):
        train(order, WISHES, Schedule(epochs=5, iterations=6), lambda *_: None)


def test_training_needs_no_encoder_once_the_slices_are_embedded(trained, folders, monkeypatch, tmp_path):
    out, _ = trained

    def refuse(*_: object) -> None:
        raise AssertionError("the encoder was asked for")

    monkeypatch.setattr(run, "compiled_encoder", refuse)
    short = Schedule(epochs=1, iterations=1)
    assert train(Order(*folders, tmp_path / "x", out / "embedded"), WISHES, short, lambda *_: None).iteration == 1
    with pytest.raises(AssertionError, match="asked for"):
        train(Order(*folders, tmp_path / "y", tmp_path / "empty"), WISHES, short, lambda *_: None)


def test_crops_depend_on_the_iteration_alone_and_hold_structures(trained, folders):
    out, _ = trained
    order = Order(*folders, out, out / "embedded")
    found = find_cases(*folders)
    recipe = run._recipe(order, found, WISHES, lambda *_: None)
    cases = run._embedded(found[:4], recipe, order, SCHEDULE.seed, lambda *_: None)
    sampler = Sampler(cases, 4, 32, 3, seed=1)
    again = Sampler(cases, 4, 32, 3, seed=1)
    drawn = [sampler.draw(n) for n in range(6)]
    features, labels = again.draw(4)
    assert torch.equal(features, drawn[4][0])
    assert torch.equal(labels, drawn[4][1])
    assert not torch.equal(drawn[0][0], drawn[1][0])
    assert features.shape == (3, 256, 4, 2, 2)
    assert labels.shape == (3, 4, 32, 32)
    assert all((labels[2] > 0).any() for _, labels in drawn)


def test_the_result_is_a_model_like_any_other_and_its_classes_are_segments(trained, models):
    _, training = trained
    card = registry.card("ours")
    assert (card.name, card.family, card.licence, card.prompts) == ("Ours", "sam3d", "CC0-1.0", frozenset())
    assert card.parameters == sum(p.numel() for p in training.decoder.parameters())
    predictor = registry.load("ours")
    volume, _ = made(3)
    prepared = predictor.prepare(volume, lambda *_: None, Token())
    kept = predictor.unpack(volume, predictor.pack(prepared))
    assert kept.layout.windows == prepared.layout.windows
    with pytest.raises(BadInput, match="takes no clicks"):
        predictor.predict(prepared, (Point((3, 20, 20)),), None)
    with Session.headless(model="ours", engine="inline") as session:
        session.adopt(volume)
        session.segment_automatically()
        session.wait()
        names = [segment.name for segment in session.case.segments]
        assert names
        assert set(names) <= {"Ball", "Block"}
        found = {segment.name: session.mask(segment) for segment in session.case.segments}
        assert all(mask.any() for mask in found.values())
        session.segment_automatically()
        session.wait()
        assert [segment.name for segment in session.case.segments] == names, "found again, not twice"
        session.use_model("fake")
        segment = session.case.segments[0]
        place = tuple(int(x) for x in np.argwhere(~session.mask(segment))[0])
        session.add_prompt(segment, Point(place))
        session.wait()
        assert session.mask(segment)[place], "a click corrects what was found"


def test_a_model_that_finds_nothing_by_itself_says_so(models):
    with Session.headless(model="fake", engine="inline") as session:
        session.adopt(made(0)[0])
        session.segment_automatically()
        with pytest.raises(BadInput, match="finds nothing by itself"):
            session.wait()


def test_without_the_sam_that_it_stands_on_it_says_which(trained, models, monkeypatch, tmp_path):
    out, _ = trained
    (tmp_path / "tiny_sam").mkdir()
    (tmp_path / "tiny_sam" / "card.toml").write_text(CARD)
    (tmp_path / "ours").symlink_to(out)
    monkeypatch.setenv("VOLUMASK_MODELS", str(tmp_path))
    predictor = registry.load("ours")
    with pytest.raises(MissingModel, match="weights of Tiny SAM, which Ours stands on, are not on this machine"):
        predictor.prepare(made(0)[0], lambda *_: None, Token())


def test_the_command_refuses_what_cannot_be(capsys):
    from app import cli

    for wrong in (["--side", "100"], ["--epochs", "0"], ["--spacing", "1,2"]):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["train-sam3d", "a", "b", "--out", "c", *wrong])
        assert stopped.value.code == 2
    assert cli.main(["train-sam3d", "/nowhere/a", "/nowhere/b", "--out", "/nowhere/c"]) == 3
    assert "could not be read" in capsys.readouterr().err
    assert train_sam3d.NAME in cli.COMMANDS


def test_the_command_trains(folders, models, trained, tmp_path, capsys):
    from app import cli

    images, labels = folders
    out, _ = trained
    arguments = [
        "train-sam3d",
        str(images),
        str(labels),
        "--out",
        str(tmp_path / "m"),
        "--cache",
        str(out / "embedded"),
    ]
    arguments += ["--names", "Ball,Block", "--encoder", "tiny_sam", "--side", "32", "--depth", "4"]
    arguments += ["--epochs", "2", "--iterations", "2"]
    assert cli.main(arguments) == 0
    assert "2 epochs, loss" in capsys.readouterr().out
    assert (tmp_path / "m" / "card.toml").is_file()
    assert (tmp_path / "m" / "decoder.safetensors").is_file()


def test_the_command_line_writes_what_a_model_finds_by_itself(trained, folders, tmp_path, capsys):
    """In the compute process, as a user has it."""
    from app import cli

    scan, out = folders[0] / "case3_0000.nii.gz", tmp_path / "found.nii.gz"
    assert cli.main(["segment", str(scan), "--model", "ours", "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    written = volume_io.read_labels(out)
    assert set(written.names.values()) == set(result["segments"]) <= {"Ball", "Block"}
    assert (written.labels > 0).sum() == result["voxels"] == sum(result["segments"].values())
    assert result["voxels"] > 0


def test_a_variant_moves_picture_and_labels_alike(trained, folders, tmp_path):
    truth = np.zeros((6, 40, 40), np.uint8)
    truth[1:3, 8:20, 10:30] = 1
    picture = np.where(truth, 3.0, -1.0).astype(np.float32)
    drawn = [Variation.draw("case0", number, 0) for number in range(1, 30)]
    assert drawn == [Variation.draw("case0", number, 0) for number in range(1, 30)]
    assert len(set(drawn)) == 29
    assert all(abs(one.radians) <= np.deg2rad(30) and 0.7 <= one.scale <= 1.4 for one in drawn)
    for one in drawn[:6]:
        seen = (one.picture(picture) > 1) & (one.labels(truth) == 1)
        assert seen.sum() > 0.9 * max((one.picture(picture) > 1).sum(), (one.labels(truth) == 1).sum())
    still = Variation((False, True, False), 0.0, 1.0, 1.0)
    np.testing.assert_array_equal(still.labels(truth), truth[:, ::-1])
    np.testing.assert_allclose(still.picture(picture), picture[:, ::-1], atol=1e-5)
    grown = Variation((False, False, False), 0.0, 1.4, 1.0).labels(truth).sum()
    assert grown == pytest.approx(1.4**2 * truth.sum(), rel=0.1)


def test_variants_are_learnt_from_and_not_validated_on(trained, folders, models, tmp_path, monkeypatch):
    out, _ = trained
    cache = tmp_path / "embedded"
    shutil.copytree(out / "embedded", cache)
    order = Order(*folders, tmp_path / "m", cache, variants=1)
    training = train(order, WISHES, Schedule(epochs=1, iterations=2), lambda *_: None)
    assert training.epoch == 1
    assert {path.name for path in cache.iterdir()} == {f"case{n}" for n in range(CASES)} | {
        f"case{n}-1" for n in range(CASES) if n != 4
    }
    labels = np.load(cache / "case0-1" / "labels.npy")
    assert labels.shape == np.load(cache / "case0" / "labels.npy").shape
    assert (labels != np.load(cache / "case0" / "labels.npy")).any()


@pytest.mark.slow
def test_real_scans_become_a_model_that_finds_what_they_show(models, tmp_path, capsys):
    """Five MR images of the hippocampus from the command line to segments; the SAM beneath is tiny and untrained."""
    from app import cli

    images, labels, out = tmp_path / "images", tmp_path / "labels", models / "hippocampus"
    images.mkdir()
    labels.mkdir()
    for number in ("001", "003", "004", "006", "007"):
        case = shared("gt", f"mr_hippocampus_{number}")
        shutil.copy(case / "image.nii.gz", images / f"h{number}.nii.gz")
        shutil.copy(case / "label.nii.gz", labels / f"h{number}.nii.gz")
    arguments = ["train-sam3d", str(images), str(labels), "--out", str(out), "--names", "Front,Back"]
    arguments += ["--encoder", "tiny_sam", "--side", "48", "--depth", "16", "--epochs", "2", "--iterations", "60"]
    assert cli.main([*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["finished"]
    assert result["losses"][-1] < result["losses"][0] - 0.1
    with Session.headless(model="hippocampus") as session:  # in the compute process, as a user has it
        session.open(images / "h001.nii.gz")
        session.segment_automatically()
        session.wait()
        found = np.zeros(session.case.volume.shape, bool)
        for segment in session.case.segments:
            assert segment.name in ("Front", "Back")
            found |= session.mask(segment)
        truth = volume_io.read_labels(labels / "h001.nii.gz").labels > 0
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.3
