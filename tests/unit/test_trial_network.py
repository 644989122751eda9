"""The shipped network itself: its size, that OpenVINO computes what torch computes, and what it makes of bad input."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from app.engine import registry
from app.engine.evaluation import PredictorClicker, clicks_3d, mask_propagate
from app.engine.protocol import Predictor, Prior, Token
from app.engine.trial import maps
from app.engine.trial.hints import Ground
from app.engine.trial.runtime import Runtime
from app.engine.trial.slices.runtime import SliceRuntime
from app.geometry import Geometry
from app.prompts import Point, Prompt
from app.volume import Volume

FOLDER = Path(__file__).parents[2] / "models" / "trial"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return registry.load("trial")


def scan(array: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    return Volume(array, Geometry(array.shape, np.diag([*spacing[::-1], 1.0])))


def answer(predictor: Predictor, volume: Volume, prompts: tuple[Prompt, ...], prior: Prior | None = None) -> np.ndarray:
    prepared = predictor.prepare(volume, lambda fraction, what: None, Token())
    prediction = predictor.predict(prepared, prompts, prior)
    assert np.isfinite(prediction.logits).all()
    mask = np.zeros(volume.shape, bool)
    mask[prediction.region.slices] = prediction.logits > 0
    return mask


def body(shape: tuple[int, int, int], radii: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """An organ in a body with another one beside it, and the organ's mask."""
    grids = np.meshgrid(*(np.arange(n) - n / 2 for n in shape), indexing="ij")
    organ = sum((g / r) ** 2 for g, r in zip(grids, radii, strict=True)) < 1
    beside = sum(((g - o) / (0.3 * n)) ** 2 for g, n, o in zip(grids, shape, (0, shape[1] / 3, 0), strict=True)) < 1
    image = 40 + 60 * (beside & ~organ) + 110 * organ + np.random.default_rng(0).normal(0, 10, shape)
    return image.astype(np.int16), organ


def test_it_is_small_enough_to_ship_and_not_the_default() -> None:
    assert registry.default_id() == "builtin"
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 16_000_000
    assert (FOLDER / "network.safetensors").stat().st_mode & 0o044 == 0o044  # every user of an installation reads it


def test_openvino_computes_what_torch_computes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    from training.state import Network

    runtime = Runtime(FOLDER, 48, tmp_path)
    random = np.random.default_rng(0)
    cube = (runtime.side,) * 3
    image = random.uniform(-1, 1, (maps.IMAGE_CHANNELS, *cube)).astype(np.float32)
    drawn = maps.empty(runtime.side)
    maps.draw_points(drawn, maps.INCLUDE, [(20, 20, 20)])
    maps.draw_points(drawn, maps.EXCLUDE, [(30, 10, 8)])
    network = Network.of_cubes().eval()
    weights = load_file(FOLDER / "network.safetensors")
    network.load_state_dict({name: value.float() for name, value in weights.items() if name != "graph"})
    with torch.no_grad():
        features = network.encoder(torch.from_numpy(image)[None])
        hinted = Ground(image).hints(drawn)
        logits, quality = network.decoder(features, torch.from_numpy(drawn)[None], torch.from_numpy(hinted)[None])
    ours, expected = runtime.decode(runtime.encode(image), drawn, hinted)
    np.testing.assert_allclose(ours, logits[0, 0].numpy(), atol=2e-3)
    np.testing.assert_allclose(expected, torch.sigmoid(quality).item(), atol=1e-3)


def test_openvino_computes_what_torch_computes_on_slices(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    from training.state import Network

    runtime = SliceRuntime(FOLDER, registry.card("trial").recipe["slice_side"], tmp_path)
    random, side = np.random.default_rng(0), runtime.side
    before, now = random.uniform(-1, 1, (2, maps.IMAGE_CHANNELS, side, side)).astype(np.float32)
    drawn = maps.empty(side, 2)
    maps.draw_points(drawn, maps.INCLUDE, [(20, 20)])
    hinted = Ground(now).hints(drawn)
    known = np.zeros((side, side), np.float32)
    known[16:32, 20:40] = 1
    network = Network.of_slices().eval()
    weights = load_file(FOLDER / "slices.safetensors")
    network.load_state_dict({name: value.float() for name, value in weights.items() if name != "graph"})
    half = torch.from_numpy(known.reshape(side // 2, 2, side // 2, 2).mean((1, 3)))
    masks = torch.stack([torch.stack([half, 1 - half])] * 2)[None]
    with torch.no_grad():
        features, earlier = (network.encoder(torch.from_numpy(image)[None]) for image in (now, before))
        seen = torch.stack([earlier[1]] * 2, 1)
        told = (torch.from_numpy(value)[None] for value in (drawn, hinted))
        logits, quality = network.decoder(features, *told, seen, masks)
    ours, expected = runtime.decode(runtime.encode(now), drawn, hinted, [(runtime.encode(before), known)])
    np.testing.assert_allclose(ours, logits[0, 0].numpy(), atol=2e-3)
    np.testing.assert_allclose(expected, torch.sigmoid(quality).item(), atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "radii", "spacing"),
    [((60, 70, 80), (14, 16, 18), (1.0, 1.0, 1.0)), ((16, 150, 140), (3.1, 22, 25), (5.0, 0.7, 0.7))],
)
def test_clicks_find_an_organ(predictor: Predictor, shape, radii, spacing) -> None:
    image, organ = body(shape, radii)
    volume = scan(image, spacing)
    report = clicks_3d(PredictorClicker(predictor, volume), organ, volume.geometry.spacing, 3)
    assert report.rounds[-1].dice > 0.85


def test_a_slice_is_carried_through_an_organ_and_ends_with_it(predictor: Predictor) -> None:
    image, organ = body((60, 70, 80), (14, 16, 18))
    volume = scan(image)
    report = mask_propagate(PredictorClicker(predictor, volume), organ, volume.geometry.spacing)
    assert report.figures["dice_3d"] > 0.8


ODD = {
    "constant": np.full((20, 30, 40), 7, np.int16),
    "extreme": np.where(np.arange(24000).reshape(20, 30, 40) % 7 == 0, 3e38, -3e38).astype(np.float32),
    "one slice": np.random.default_rng(0).normal(0, 1, (1, 60, 70)).astype(np.float32),
    "one voxel": np.ones((1, 1, 1), np.uint8),
    "a line": np.arange(50, dtype=np.int16).reshape(1, 1, 50),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_images_get_an_answer_in_which_the_click_holds(predictor: Predictor, name: str) -> None:
    volume = scan(ODD[name])
    middle = tuple(n // 2 for n in volume.shape)
    corner = tuple(n - 1 for n in volume.shape)
    assert answer(predictor, volume, (Point(middle),))[middle]
    assert answer(predictor, volume, (Point(corner),))[corner]


def test_contradictory_clicks_end_with_the_newest(predictor: Predictor) -> None:
    image, _ = body((40, 40, 40), (9, 9, 9))
    clicks = tuple(Point((20, 20, 20), positive=bool(n % 2)) for n in range(8))
    assert answer(predictor, scan(image), clicks)[20, 20, 20]
    assert not answer(predictor, scan(image), clicks[:-1])[20, 20, 20]


def test_a_thousand_clicks_take_little_longer_than_ten(predictor: Predictor) -> None:
    image, organ = body((60, 70, 80), (14, 16, 18))
    volume = scan(image)
    prepared = predictor.prepare(volume, lambda fraction, what: None, Token())
    inside = np.argwhere(organ)[:: max(1, int(organ.sum()) // 1000)]
    clicks = tuple(Point(tuple(int(x) for x in index)) for index in inside)
    first = predictor.predict(prepared, clicks[:10], None)
    prior = Prior(first.region, first.logits)

    def seconds(prompts: tuple[Point, ...]) -> float:
        begun = time.perf_counter()
        prediction = predictor.predict(prepared, prompts, prior)
        mask = np.zeros(volume.shape, bool)
        mask[prediction.region.slices] = prediction.logits > 0
        assert all(mask[p.index] for p in prompts)
        return time.perf_counter() - begun

    few, many = (min(seconds(prompts) for _ in range(3)) for prompts in (clicks[:10], clicks))
    assert many < 5 * few


def test_the_same_clicks_give_the_same_mask(predictor: Predictor) -> None:
    image, _ = body((40, 50, 60), (10, 10, 10))
    clicks = (Point((20, 25, 30)), Point((20, 5, 5), positive=False))
    first, again = (answer(predictor, scan(image), clicks) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first[20, 25, 30]
    assert not first[20, 5, 5]
