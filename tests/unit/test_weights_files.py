"""Weights files: official wrappings come off, torn files are told, and a file that would run code does not."""

from __future__ import annotations

import argparse
import builtins
import collections
import json
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from app.engine.weights.checkpoint import read_state
from app.engine.weights.outline import outline
from app.errors import BadInput
from tests.data import ROOT


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))


NETWORK = network()
STATE = NETWORK.state_dict()


def trained() -> torch.optim.Adam:
    """An optimiser with a state, as SAM-Med2D keeps it in the file."""
    optimiser = torch.optim.Adam(NETWORK.parameters())
    NETWORK(torch.ones(5, 3)).sum().backward()
    optimiser.step()
    NETWORK.load_state_dict(STATE)
    return optimiser


def parallel() -> dict[str, Any]:
    return {f"module.{name}": value for name, value in STATE.items()}


WRAPPINGS: dict[str, Callable[[], Any]] = {
    "plain (SAM)": lambda: STATE,
    "model (SAM 2)": lambda: {"model": STATE},
    "model and optimiser (SAM-Med2D)": lambda: {
        "model": STATE, "optimizer": trained(), "other": collections.defaultdict(dict),
    },
    "model_state_dict and settings (FastSAM-3D)": lambda: {
        "model_state_dict": STATE, "optimizer_state_dict": trained().state_dict(), "epoch": 7, "losses": [1.0],
        "args": argparse.Namespace(device=torch.device("cpu")), "counts": collections.Counter(a=1),
    },
    "state_dict of parallel training": lambda: {"state_dict": parallel(), "epoch": 3},
    "model of parallel training (MedSAM)": lambda: {"model": parallel()},
    "parameters": lambda: {
        name: torch.nn.Parameter(value) if value.is_floating_point() else value for name, value in STATE.items()
    },
}  # fmt: skip


def write_safetensors(path: Path, state: dict[str, torch.Tensor], begin: int = 0) -> None:
    types = {torch.float32: "F32", torch.int64: "I64", torch.bfloat16: "BF16"}
    table: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, tensor in state.items():
        content = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        offsets = [len(body), len(body) + len(content)]
        table[name] = {"dtype": types[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        body += content
    text = json.dumps(table).encode() + b" " * begin
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def check(path: Path) -> None:
    state = read_state(path)
    assert list(state) == list(STATE)
    assert all(torch.equal(state[name], STATE[name]) and state[name].dtype == STATE[name].dtype for name in STATE)
    assert outline(path) == {name: tuple(value.shape) for name, value in STATE.items()}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("legacy", [False, True], ids=["archive", "legacy"])
def test_official_wrappings_come_off(tmp_path: Path, wrapping: str, legacy: bool) -> None:
    torch.save(WRAPPINGS[wrapping](), tmp_path / "w.pth", _use_new_zipfile_serialization=not legacy)
    check(tmp_path / "w.pth")


@pytest.mark.parametrize("begin", [0, 1, 2, 3])
def test_safetensors_are_read_at_every_alignment(tmp_path: Path, begin: int) -> None:
    write_safetensors(tmp_path / "w.safetensors", STATE, begin)
    check(tmp_path / "w.safetensors")


def test_a_tensor_without_elements_and_half_floats(tmp_path: Path) -> None:
    state = {"empty": torch.zeros(0, 3), "half": torch.ones(3, dtype=torch.bfloat16)}
    write_safetensors(tmp_path / "w", state)
    found = read_state(tmp_path / "w")
    assert found["empty"].shape == (0, 3)
    assert torch.equal(found["half"], state["half"])


def test_changing_what_was_read_does_not_change_the_file(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "w", STATE)
    torch.save(STATE, tmp_path / "w.pth")
    before = (tmp_path / "w").read_bytes(), (tmp_path / "w.pth").read_bytes()
    for name in ("w", "w.pth"):
        read_state(tmp_path / name)["0.weight"].zero_()
    assert before == ((tmp_path / "w").read_bytes(), (tmp_path / "w.pth").read_bytes())


class Runs:
    """Unpickled freely, it calls what it was given."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize("reader", [read_state, outline])
@pytest.mark.parametrize("legacy", [False, True], ids=["archive", "legacy"])
@pytest.mark.parametrize("function", [os.system, builtins.eval, builtins.exec, subprocess.call, pickle.loads])
def test_a_file_that_would_run_code_is_refused(
    tmp_path: Path, reader: Callable[[Path], Any], legacy: bool, function: Callable[..., Any]
) -> None:
    proof = tmp_path / "it ran"
    argument = f"open({str(proof)!r}, 'w')" if function in (builtins.eval, builtins.exec) else f"touch '{proof}'"
    value = {"model": STATE, "more": Runs(function, argument)}
    torch.save(value, tmp_path / "evil.pth", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(BadInput, match=r"evil\.pth asks to run code, so it was not opened\. .* get the official file"):
        reader(tmp_path / "evil.pth")
    assert not proof.exists()


@pytest.mark.parametrize("reader", [read_state, outline])
def test_a_bare_pickle_is_no_weights(tmp_path: Path, reader: Callable[[Path], Any]) -> None:
    proof = tmp_path / "it ran"
    (tmp_path / "w.pth").write_bytes(pickle.dumps(Runs(os.system, f"touch '{proof}'"), protocol=2))
    with pytest.raises(BadInput, match=r"w\.pth"):
        reader(tmp_path / "w.pth")
    assert not proof.exists()


def files() -> dict[str, bytes]:
    """A good file of each format."""
    import io

    archive, legacy = io.BytesIO(), io.BytesIO()
    torch.save({"model": STATE}, archive)
    torch.save({"model": STATE}, legacy, _use_new_zipfile_serialization=False)
    return {"archive": archive.getvalue(), "legacy": legacy.getvalue()}


@pytest.mark.parametrize("reader", [read_state, outline])
@pytest.mark.parametrize("kind", ["archive", "legacy", "safetensors"])
def test_a_torn_file_is_one_sentence(tmp_path: Path, reader: Callable[[Path], Any], kind: str) -> None:
    path = tmp_path / "torn.pth"
    write_safetensors(path, STATE)
    whole = files().get(kind, path.read_bytes())
    ends = [0, 1, 8, 9, 40, 300] + ([len(whole) // 2, len(whole) - 1] if kind != "legacy" else [])
    for end in ends:
        path.write_bytes(whole[:end])
        with pytest.raises(BadInput, match=r"torn\.pth is damaged or is no weights file"):
            reader(path)


@pytest.mark.parametrize("reader", [read_state, outline])
@pytest.mark.parametrize(
    "content", [b"Dear colleague, this is a letter.", b"\x1f\x8b" + bytes(40), b"PK\x03\x04" + bytes(60)]
)
def test_a_foreign_file_is_one_sentence(tmp_path: Path, reader: Callable[[Path], Any], content: bytes) -> None:
    (tmp_path / "letter.pth").write_bytes(content)
    with pytest.raises(BadInput, match=r"letter\.pth is damaged or is no weights file"):
        reader(tmp_path / "letter.pth")


@pytest.mark.parametrize("reader", [read_state, outline])
def test_a_file_without_parameters_is_told(tmp_path: Path, reader: Callable[[Path], Any]) -> None:
    torch.save({"model": {}, "epoch": 3}, tmp_path / "w.pth")
    with pytest.raises(BadInput, match="holds no parameters"):
        reader(tmp_path / "w.pth")


@pytest.mark.parametrize("reader", [read_state, outline])
def test_an_absent_file_is_told(tmp_path: Path, reader: Callable[[Path], Any]) -> None:
    with pytest.raises(BadInput, match=r"absent\.pth could not be read"):
        reader(tmp_path / "absent.pth")


@pytest.mark.parametrize(
    "row",
    [
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 12]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]},
        {"dtype": "F32", "shape": [400000], "data_offsets": [0, 1600000]},
        {"dtype": "F32", "shape": 4},
        7,
    ],
)
@pytest.mark.parametrize("reader", [read_state, outline])
def test_a_lying_table_is_refused(tmp_path: Path, reader: Callable[[Path], Any], row: Any) -> None:
    text = json.dumps({"a": row}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(16))
    with pytest.raises(BadInput, match="damaged"):
        reader(tmp_path / "w.safetensors")


def test_names_are_read_without_torch(tmp_path: Path) -> None:
    torch.save({"model": STATE}, tmp_path / "w.pth")
    program = (
        "import sys; from pathlib import Path; from app.engine.weights.outline import outline;"
        f"print(len(outline(Path({str(tmp_path / 'w.pth')!r}))), 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [str(len(STATE)), "False"]
