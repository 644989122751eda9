"""Torch and OpenVINO run the same module to the same numbers; what was compiled is kept and found again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from app.engine import backends
from app.engine.backends.openvino_backend import OpenVinoBackend
from app.engine.backends.threads import thread_count
from app.engine.backends.torch_backend import TorchBackend
from app.errors import BadInput
from tests.data import ROOT

TOLERANCE = 1e-3  # of the largest output, as `Backend` promises


class Attention(torch.nn.Module):
    """A convolution, a normalisation, attention among a varying number of tokens: what the families are made of."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = torch.nn.Conv2d(3, 32, 4, 4)
        self.norm = torch.nn.LayerNorm(32)
        self.attend = torch.nn.Linear(32, 96)

    def forward(self, image: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        grid = self.norm(self.embed(image).flatten(2).transpose(1, 2))
        everything = torch.cat([tokens, grid], dim=1)
        q, k, v = self.attend(everything).chunk(3, dim=-1)
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return out[:, : tokens.shape[1]], torch.sigmoid(out).mean(dim=(1, 2))


def inputs(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(count)
    return random.normal(size=(1, 3, 32, 32)).astype(np.float32), random.normal(size=(1, count, 32)).astype(np.float32)


@pytest.fixture
def openvino_backend(tmp_path: Path) -> OpenVinoBackend:
    return OpenVinoBackend(tmp_path / "compiled", threads=1)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_both_backends_agree_whatever_the_varying_length(openvino_backend: OpenVinoBackend, count: int) -> None:
    reference = TorchBackend("cpu").compile(Attention(), inputs(2))
    compiled = openvino_backend.compile(Attention(), inputs(2), varying={1: (1,)})
    for expected, found in zip(reference(*inputs(count)), compiled(*inputs(count)), strict=True):
        assert found.shape == expected.shape
        assert found.dtype == np.float32
        assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_an_answer_is_not_overwritten_by_the_next(openvino_backend: OpenVinoBackend) -> None:
    compiled = openvino_backend.compile(Attention(), inputs(2), varying={1: (1,)})
    first = compiled(*inputs(2))[0]
    before = first.copy()
    compiled(inputs(2)[0] + 1, inputs(2)[1])
    assert (first == before).all()


def test_a_kept_model_is_run_without_building_it_again(tmp_path: Path) -> None:
    built: list[int] = []

    def build() -> torch.nn.Module:
        built.append(1)
        return Attention()

    first = OpenVinoBackend(tmp_path, threads=1).compile(build, inputs(2), varying={1: (1,)}, key="attention 1")
    again = OpenVinoBackend(tmp_path, threads=1).compile(build, inputs(2), varying={1: (1,)}, key="attention 1")
    assert built == [1]
    np.testing.assert_array_equal(first(*inputs(3))[0], again(*inputs(3))[0])
    OpenVinoBackend(tmp_path, threads=1).compile(build, inputs(2), varying={1: (1,)}, key="attention 2")
    assert built == [1, 1]


def test_a_damaged_kept_model_is_made_again(tmp_path: Path) -> None:
    OpenVinoBackend(tmp_path, threads=1).compile(Attention(), inputs(2), key="attention")
    (kept,) = tmp_path.glob("*.blob")
    kept.write_bytes(b"not a model")
    found = OpenVinoBackend(tmp_path, threads=1).compile(Attention(), inputs(2), key="attention")(*inputs(2))
    expected = TorchBackend("cpu").compile(Attention(), inputs(2))(*inputs(2))
    assert np.abs(found[0] - expected[0]).max() <= TOLERANCE * np.abs(expected[0]).max()


def test_the_backend_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    assert backends.chosen().name == "torch"
    monkeypatch.setenv("VOLUMASK_BACKEND", "OpenVINO")
    assert backends.chosen().name == "openvino"
    monkeypatch.delenv("VOLUMASK_BACKEND")
    assert backends.chosen().name == ("torch" if torch.cuda.is_available() else "openvino")
    monkeypatch.setenv("VOLUMASK_BACKEND", "abacus")
    with pytest.raises(BadInput, match="abacus"):
        backends.chosen()


def test_threads_are_those_that_the_process_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    assert thread_count() >= 1


def test_segment_anything_and_timm_import_beside_this_torch() -> None:
    program = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from app.engine.backends import declare_vision_operators\n"
        "declare_vision_operators()\n"
        "import segment_anything, timm\n"
        "print(len(segment_anything.sam_model_registry))"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "4"
