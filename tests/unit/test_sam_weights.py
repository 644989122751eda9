"""Checkpoints with official names and wrapping, random weights, through the way that a user's file takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from app.engine import registry
from app.engine.backends.openvino_backend import OpenVinoBackend
from app.engine.backends.torch_backend import TorchBackend
from app.engine.engine import AHEAD
from app.engine.protocol import Progress, Token
from app.engine.sam import SamPredictor
from app.engine.sam.network import PromptedDecoder, SamNetwork
from app.engine.sam.prompting import Tokens
from app.engine.sam.recipes import RECIPES
from app.engine.sam.runner import SamRunner
from app.engine.weights.checkpoint import read_state
from app.errors import BadInput
from app.geometry import Geometry, Region
from app.prompts import Box
from app.session import Session
from app.volume import Volume
from tests.unit.sam_checkpoints import Shapes, med2d_shapes, random_state, sam_shapes, tiny_shapes, write

TOLERANCE = 1e-3  # of the largest value, as `Backend` promises
SHAPE = (3, 60, 80)
SHAPES: dict[str, Callable[[], Shapes]] = {
    "sam_vit_b": lambda: sam_shapes("vit_b"),
    "sam_vit_l": lambda: sam_shapes("vit_l"),
    "sam_vit_h": lambda: sam_shapes("vit_h"),
    "medsam": lambda: sam_shapes("vit_b"),
    "mobile_sam": lambda: tiny_shapes(3, classifier=True),
    "lite_medsam": lambda: tiny_shapes(1, classifier=False),
    "sam_med2d": med2d_shapes,
}


def training_state(state: dict[str, Tensor]) -> dict[str, object]:
    """As SAM-Med2D's file and a MedSAM of one's own: under `model`, behind `module.`, with the optimiser."""
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    return {"model": {f"module.{name}": value for name, value in state.items()}, "optimizer": optimiser, "epoch": 3}


PARAMETERS = {
    "sam_vit_b": 93_735_472,
    "sam_vit_l": 312_342_832,
    "sam_vit_h": 641_090_608,
    "medsam": 93_735_472,
    "mobile_sam": 10_130_092,
    "sam_med2d": 271_241_776,
}
"""As published; shared/reference/models.md, section 1.1."""

WRAPS: dict[str, Callable[[dict[str, Tensor]], object]] = {"sam_med2d": training_state}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    monkeypatch.setenv("VOLUMASK_MODELS", str(tmp_path))

    def make(model: str) -> Path:
        weights = registry.card(model).weights
        write(tmp_path, model, weights, random_state(SHAPES[model]()), WRAPS.get(model, dict))
        return tmp_path / model / weights

    return make


def volume() -> Volume:
    array = np.random.default_rng(0).integers(-100, 200, SHAPE, dtype=np.int16)
    return Volume(array, Geometry(SHAPE, np.diag([-1.0, -1, 4, 1])))


def test_a_file_is_loaded_and_answers_a_box(written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    written("lite_medsam")
    predictor = registry.load("lite_medsam")
    assert isinstance(predictor, SamPredictor)
    features = predictor.prepare(volume(), lambda fraction, what: None, Token())
    answer = predictor.predict(features, (Box((1, 10, 10), (1, 40, 50)),), None)
    assert answer.region == Region.plane(SHAPE, 0, 1)
    assert answer.logits.shape == answer.region.shape
    assert np.isfinite(answer.logits).all()
    assert np.ptp(answer.logits) > 0


def test_a_file_of_another_system_is_refused_in_one_sentence(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    path = written("lite_medsam")
    other = path.parents[1] / "mobile_sam" / registry.card("mobile_sam").weights
    other.parent.mkdir()
    path.rename(other)
    with pytest.raises(BadInput, match="does not hold the weights of MobileSAM"):
        registry.load("mobile_sam").prepare(volume(), lambda fraction, what: None, Token())


def test_both_backends_decode_alike_however_many_prompts(tmp_path: Path) -> None:
    """SAM-Med2D's decoder, the smallest of the family; the others differ in the side of their grid only."""
    with torch.device("meta"):
        network = SamNetwork("med2d", 256, 16)
    network.image_encoder = torch.nn.Identity()
    network.to_empty(device="cpu").eval().requires_grad_(False)
    network.load_state_dict(random_state({n: tuple(value.shape) for n, value in network.state_dict().items()}))
    random = np.random.default_rng(0)
    embedding, mask = (random.normal(size=(1, *shape)).astype(np.float32) for shape in ((256, 16, 16), (1, 64, 64)))

    def inputs(count: int) -> tuple[np.ndarray, ...]:
        points = random.uniform(0, 256, (1, count, 2)).astype(np.float32)
        kinds = random.integers(-1, 4, (1, count)).astype(np.float32)
        return embedding, points, kinds, mask, np.array([count % 2], np.float32)

    made = [
        backend.compile(PromptedDecoder(network), inputs(2), varying={1: (1,), 2: (1,)})
        for backend in (TorchBackend("cpu"), OpenVinoBackend(tmp_path))
    ]
    for count in (2, 1, 5):
        given = inputs(count)
        for expected, found in zip(*(run(*given) for run in made), strict=True):
            assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_cards_that_differ_in_their_window_share_what_is_compiled(tmp_path: Path) -> None:
    path = tmp_path / "lite_medsam.pth"
    path.write_bytes(b"not read before it is compiled")
    recipe = RECIPES["lite_medsam"]
    keys = {
        SamRunner(registry.card(model), recipe, path)._key("encoder") for model in ("lite_medsam", "lite_medsam_lung")
    }
    assert len(keys) == 1
    assert SamRunner(registry.card("medsam"), recipe, path)._key("encoder") not in keys


# Minutes long


@pytest.mark.slow
@pytest.mark.parametrize("model", ["sam_vit_b", "sam_vit_l", "sam_vit_h", "medsam", "mobile_sam", "sam_med2d"])
def test_every_name_of_the_file_is_used(written: Callable[[str], Path], model: str) -> None:
    card, recipe = registry.card(model), RECIPES[model]
    path = written(model)
    network = SamRunner(card, recipe, path)._read
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[model]
    assert not any(parameter.is_meta or parameter.requires_grad for parameter in network.parameters())
    token = read_state(path)["mask_decoder.iou_token.weight"]
    assert torch.equal(network.mask_decoder.iou_token.weight, token)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mobile_sam", "lite_medsam", "sam_med2d", "sam_vit_b"])
def test_both_backends_agree_on_a_whole_slice(written: Callable[[str], Path], model: str, tmp_path: Path) -> None:
    card, recipe, path = registry.card(model), RECIPES[model], written(model)
    image = recipe.input(np.random.default_rng(0).integers(0, 255, (200, 256)).astype(np.uint8))
    tokens = Tokens.box(20, 30, 120, 140)
    found: list[Any] = []
    for backend in (TorchBackend("cpu"), OpenVinoBackend(tmp_path / "compiled")):
        runner = SamRunner(card, recipe, path, backend)
        embedding = runner.encode(image)
        found.append((embedding, runner.decode(embedding, tokens, None).logits))
    for expected, ours in zip(*found, strict=True):
        assert ours.shape == expected.shape
        assert np.abs(ours - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.slow
def test_a_script_boxes_a_structure_and_looks_ahead_in_the_models_own_process(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    written("lite_medsam")
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    shares: list[float] = []

    def hear(progress: Progress) -> None:
        if progress.what == AHEAD:
            shares.append(progress.fraction)

    with Session.headless(model="lite_medsam") as session:
        session.adopt(volume())
        segment = session.add_segment("Boxed")
        session.add_prompt(segment, Box((1, 10, 10), (1, 40, 50)))
        session.wait()
        mask = session.mask(segment)
        assert not mask[0].any()
        assert not mask[2].any()
        session.progressed.connect(hear)
        session.inference.engine.look_at(0, 1)
        while not shares or shares[-1] < 1:
            assert session.step(120)
    assert shares == [2 / 3, 1]
