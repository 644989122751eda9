"""Training: scenes repeat, the simulated user clicks where it is wrong, a resumed run is the run not stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

torch = pytest.importorskip("torch")
from safetensors.torch import load_file  # noqa: E402

from app.engine.trial import maps  # noqa: E402
from tests.data import shared  # noqa: E402
from training import batches, clicks, painting, scans, scenes, shapes  # noqa: E402
from training.loss import dice_of, loss_of  # noqa: E402
from training.train import schedule  # noqa: E402

RECIPE = batches.Recipe(16, 1, 2, 5, scenes.Mix())


def test_a_scene_is_known_by_its_number() -> None:
    first, again, other = (scenes.make(number, 5, 24, 3, [], scenes.Mix()) for number in (7, 7, 8))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.masks, again.masks)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("number", range(12))
def test_every_object_of_a_scene_can_be_seen(number: int) -> None:
    scene = scenes.make(number, 3, 24, 3, [], scenes.Mix())
    assert scene.image.shape == (maps.IMAGE_CHANNELS, 24, 24, 24)
    assert np.isfinite(scene.image).all()
    assert np.abs(scene.image).max() <= 1
    for mask in scene.masks:
        assert scenes.SMALLEST <= mask.sum() <= scenes.LARGEST * mask.size


@pytest.mark.parametrize("maker", shapes._MAKERS)
def test_every_kind_of_shape_adds_a_label_in_some_cube(maker) -> None:
    def added(seed: int) -> bool:
        random = np.random.default_rng(seed)
        labels = np.zeros((24, 24, 24), np.int16)
        return bool(maker(labels, shapes._warped_grid(24, random), random).any())

    assert sum(added(seed) for seed in range(10)) >= 5


def test_noise_is_stretched_as_scipy_does() -> None:
    coarse = np.random.default_rng(0).normal(size=(5, 5, 5)).astype(np.float32)
    expected = ndimage.zoom(coarse, 4.0, order=1, grid_mode=False)
    np.testing.assert_allclose(shapes.resized(coarse, 20), expected, atol=1e-5)


def test_thick_slices_blur_across_one_axis_and_keep_objects_in_place() -> None:
    labels = np.zeros((32, 32, 32), np.int16)
    labels[8:24, 10:20, 12:22] = 1
    image, (mask,) = painting.thick_slices(labels.astype(np.float32), [labels > 0], np.random.default_rng(2))
    np.testing.assert_allclose(ndimage.center_of_mass(mask), ndimage.center_of_mass(labels), atol=1.5)
    np.testing.assert_allclose(ndimage.center_of_mass(image), ndimage.center_of_mass(labels), atol=1.5)
    assert image.max() <= 1 + 1e-5


@pytest.mark.parametrize("seed", range(20))
def test_a_first_prompt_tells_the_truth(seed: int) -> None:
    mask = np.zeros((24, 24, 24), bool)
    mask[6:18, 5:15, 8:20] = True
    drawn = clicks.first(mask, np.random.default_rng(seed))
    assert drawn[[maps.INCLUDE, maps.KNOWN_INSIDE, maps.BOX]].any()
    assert not drawn[[maps.EXCLUDE, maps.LAST]].any()
    assert not (drawn[maps.KNOWN_INSIDE] * ~mask).any()
    assert not (drawn[maps.KNOWN_OUTSIDE] * mask).any()
    included = drawn[maps.INCLUDE] > 0
    assert (included & mask).sum() >= included.sum() / 3  # a ball may reach over an edge, its middle may not


def test_a_correction_lies_in_the_largest_wrong_part() -> None:
    mask = np.zeros((24, 24, 24), bool)
    mask[4:20, 4:20, 4:20] = True
    answer = mask.copy()
    answer[4:12] = False  # missed: the largest
    answer[22, 22, 22] = True
    drawn = maps.empty(24)
    clicks.correct(drawn, answer, mask, np.random.default_rng(0))
    assert drawn[maps.INCLUDE].any()
    assert not drawn[maps.EXCLUDE].any()
    assert ndimage.center_of_mass(drawn[maps.INCLUDE])[0] < 12
    taken = maps.empty(24)
    clicks.correct(taken, mask | True, mask, np.random.default_rng(0))
    assert taken[maps.EXCLUDE].any()


def test_the_loss_prefers_the_right_answer() -> None:
    masks = torch.zeros(2, 1, 16, 16, 16)
    masks[:, :, 4:10, 4:10, 4:10] = 1
    quality = torch.zeros(2, 1)
    right, dice = loss_of((masks * 2 - 1) * 8, quality, masks)
    wrong, _ = loss_of((0.5 - masks) * 16, quality, masks)
    nothing, none = loss_of(torch.full_like(masks, -8), quality, masks)
    assert right < nothing < wrong
    np.testing.assert_allclose(dice, 1)
    np.testing.assert_allclose(none, 0)
    np.testing.assert_allclose(dice_of(torch.roll(masks, 3, 2) - 0.5, masks), 0.5)


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [schedule(step, 1000, 200) for step in (0, 50, 99, 500, 799, 900, 999)]
    assert rates[0] < rates[1] < rates[2] == rates[3] == rates[4] == 1
    np.testing.assert_allclose(rates[5], 0.5)
    assert rates[6] == 0.01


def test_only_free_training_cases_are_learned_from() -> None:
    import json

    rows = json.loads(shared("benchmark.json").read_text())
    develop = {row["case"] for row in rows if row["role"] == "develop"}
    assert not develop & set(scans.CASES)
    manifest = shared("MANIFEST.md").read_text()
    for case in scans.CASES:
        row = next(line for line in manifest.splitlines() if f"gt/{case}/image" in line)
        assert "GPL" not in row
        assert "BY-SA" not in row


def test_regions_of_real_scans_hold_the_object_that_they_are_drawn_around() -> None:
    folder = shared()
    real = [scan for scan in scans.load(folder) if scan.boxes]
    random = np.random.default_rng(0)
    for scan in real:
        seen = [scans.region(scan, 24, random)[1][0].any() for _ in range(60)]
        assert sum(seen) >= 40  # the spinal cord's grey matter is thinner than a voxel of many of its cubes


@pytest.mark.slow
@pytest.mark.parametrize("network", ["graph", "graph-slices", "graph-boxes", "cubes"])
def test_a_resumed_run_is_the_run_that_was_not_stopped(tmp_path: Path, network: str) -> None:
    def train(out: str, steps: int) -> dict[str, torch.Tensor]:
        command = [sys.executable, "-m", "training.train", "--out", str(tmp_path / out), "--steps", str(steps)]
        further = ["--network", network, "--side", "24", "--batch", "1", "--threads", "1", "--device", "cpu"]
        subprocess.run([*command, *further], check=True)
        return load_file(tmp_path / out / "weights.safetensors")

    train("stopped", 2)
    resumed, whole = train("stopped", 4), train("whole", 4)
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)
    assert all(path.stat().st_size < 16_000_000 for path in (tmp_path / "whole").iterdir())


@pytest.mark.slow
def test_a_team_that_was_killed_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.train", "--out", str(tmp_path), "--processes", "2", "--threads", "1"]
    further = ["--batch", "1", "--device", "cpu", "--save-every", "0"]
    killed = subprocess.Popen([*command, *further], start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "checkpoint.json").is_file():
            assert killed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    assert (tmp_path / "meeting").is_file()
    done = len((tmp_path / "log.txt").read_text().splitlines())
    subprocess.run([*command, *further, "--steps", str(done + 1)], check=True, timeout=120)
    assert not (tmp_path / "meeting").exists()


def test_a_step_moves_the_weights_and_is_logged(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.train", "--out", str(tmp_path), "--steps", "1", "--side", "24"]
    subprocess.run([*command, "--batch", "1", "--threads", "1", "--device", "cpu"], check=True)
    (line,) = (tmp_path / "log.txt").read_text().splitlines()
    assert np.isfinite([float(word) for word in line.split()]).all()
    assert load_file(tmp_path / "weights.safetensors")
