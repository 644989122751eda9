"""An official file with random weights goes through the real path: registry, reader, names, network, answers."""

import numpy as np
import pytest
import torch

from app.engine import registry
from app.engine.protocol import Token
from app.engine.sam2.weights import Weights
from app.errors import BadInput
from app.geometry import Geometry
from app.prompts import Box, Point
from app.volume import Volume
from tests.unit.sam2_official import MINI, install, installed, official_state

AT_512 = ("sam2.1_tiny_fast", "sam2.1_small_fast", "sam2.1_base_plus_fast", "medsam2", "edgetam_fast")
AT_1024 = ("sam2.1_tiny", "edgetam")
SLOW = [(model, backend) for model in AT_512 for backend in ("torch", "openvino")]
SLOW += [(model, "openvino") for model in AT_1024]  # where torch takes minutes for what it did at 512 already


def noise(shape=(4, 96, 80)):
    values = np.random.default_rng(3).integers(1, 200, shape).astype(np.float32)
    return Volume(values, Geometry(shape, np.diag([-1.0, -1.0, 4.0, 1.0])))


def loaded(model, folder, monkeypatch, backend):
    """A model of this program's own card, its weights written as the official file is."""
    card = registry.card(model)
    kept = folder / registry.owner(card).id
    kept.mkdir()
    torch.save({"model": official_state(card.recipe["network"])}, kept / card.weights)
    monkeypatch.setenv("VOLUMASK_MODELS", str(folder))
    monkeypatch.setenv("VOLUMASK_BACKEND", backend)
    return registry.load(model)


def check_answers(predictor, side):
    """Shapes of features, of an answer and of a carried slice."""
    video = predictor.prepare(noise(), lambda *_: None, Token())
    features = video.features(0, 2)
    assert features["fine"].shape == (32, side // 4, side // 4)
    assert features["middle"].shape == (64, side // 8, side // 8)
    assert features["coarse"].shape == (256, side // 16, side // 16)
    answer = predictor.predict(video, (Box((2, 20, 20), (2, 60, 50)), Point((2, 40, 30))), None)
    assert answer.logits.shape == answer.region.shape == (1, 96, 80)
    memory = predictor.remember(video, 0, {2: np.asarray(answer.logits[0] > 0) | np.eye(96, 80, dtype=bool)})
    logits, confidence = predictor.carry(memory, 1, 2)
    assert logits.shape == (96, 80)
    assert np.isfinite(logits).all()
    assert 0 <= confidence <= 1
    kept = memory.bank.conditioning[2]
    tokens = 512 if predictor.card.recipe["network"] == "edgetam" else (side // 16) ** 2
    assert kept.tokens.shape == kept.positions.shape == (tokens, 64)
    assert kept.pointer.shape == (256,)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "backend"), SLOW)
def test_every_system_loads_and_answers(model, backend, tmp_path, monkeypatch):
    predictor = loaded(model, tmp_path, monkeypatch, backend)
    check_answers(predictor, predictor.card.recipe["image_size"])


def test_edgetam_loads_from_its_card_and_holds_the_weights_of_the_file(tmp_path, monkeypatch):
    predictor = loaded("edgetam", tmp_path, monkeypatch, "torch")
    network, state = predictor.network._weights.network, official_state("edgetam")
    trunk = "image_encoder.trunk.body.stages_2.blocks.13.channel_mixer.conv2"
    assert torch.equal(network.vision_encoder.backbone.timm_model.stages_2.blocks[13].channel_mixer.conv2.c.weight,
                       state[f"{trunk}.c.weight"])  # fmt: skip
    assert torch.equal(network.memory_attention.layers[1].mlp.down_proj.bias,
                       state["memory_attention.layers.1.linear2.bias"])  # fmt: skip
    assert not network.training


def test_a_small_network_answers_through_the_same_path(tmp_path, monkeypatch):
    check_answers(installed(tmp_path, monkeypatch), 128)


def test_a_missing_an_unknown_and_a_misshapen_tensor_are_refused(tmp_path):
    whole = official_state("mini")
    for number, (name, value, words) in enumerate(
        [
            ("memory_attention.norm.bias", None, "memory_attention.layer_norm.bias is missing"),
            ("memory_attention.norm.extra", torch.zeros(1), "memory_attention.layer_norm.extra is unknown"),
            ("no_obj_ptr", torch.zeros(1, 128), "no_object_pointer has shape"),
        ]
    ):
        state = {n: v for n, v in whole.items() if n != name} | ({} if value is None else {name: value})
        path = tmp_path / f"{number}.pt"
        torch.save({"model": state}, path)
        with pytest.raises(BadInput, match=words):
            _ = Weights(path, MINI, 128).network


def test_the_file_may_also_be_wrapped_as_parallel_training_does(tmp_path):
    path = tmp_path / "wrapped.pt"
    torch.save({"model": {f"module.{name}": value for name, value in official_state("mini").items()}}, path)
    assert Weights(path, MINI, 128).network is not None


def test_the_same_weights_are_let_go_after_everything_was_compiled(tmp_path, monkeypatch):
    predictor = installed(tmp_path, monkeypatch)
    check_answers(predictor, 128)
    assert "network" not in vars(predictor.network._weights)


def test_both_backends_answer_alike(tmp_path, monkeypatch):
    answers = {}
    for backend in ("torch", "openvino"):
        folder = tmp_path / backend
        predictor = installed(folder, monkeypatch) if backend == "torch" else None
        if predictor is None:
            monkeypatch.setenv("VOLUMASK_BACKEND", backend)
            monkeypatch.setenv("VOLUMASK_MODELS", str(folder))
            predictor = registry.load(install(folder, "mini", official_state("mini")))
        video = predictor.prepare(noise(), lambda *_: None, Token())
        memory = predictor.remember(video, 0, {2: np.eye(96, 80, dtype=bool)})
        answers[backend] = (
            predictor.carry(memory, 1, 2)[0],
            predictor.predict(video, (Point((3, 50, 40)),), None).logits,
        )
    for expected, found in zip(*answers.values(), strict=True):
        assert np.abs(found - expected).max() < 2e-2  # of logits around 10: features are kept in half precision
