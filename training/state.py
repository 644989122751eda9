"""`State`: everything that a run needs to go on exactly where it stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from app.engine.trial.network import Decoder, Encoder
from app.engine.trial.slice_network import SliceDecoder, SliceEncoder

DECAY = 0.998  # of the moving average: about the last 500 steps
FILE_BYTES = 15_000_000  # a checkpoint is cut into files that travel


class Network(nn.Module):
    """Encoder and decoder under the names of the shipped weights."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    @classmethod
    def of_cubes(cls) -> Network:
        """The network that answers in 3D."""
        return cls(Encoder(), Decoder())

    @classmethod
    def of_slices(cls) -> Network:
        """The network that answers on a slice, and carries from slice to slice."""
        return cls(SliceEncoder(), SliceDecoder())


@dataclass
class State:
    """Network, its moving average, the optimiser, and how many steps were done."""

    network: nn.Module
    average: dict[str, Tensor]
    optimiser: torch.optim.AdamW
    step: int = 0

    @classmethod
    def fresh(cls, network: nn.Module, rate: float, start_from: Path | None, device: str) -> State:
        """A new run, from an untrained network or from shipped weights."""
        if start_from:
            _take(network, {name: value.float() for name, value in load_file(start_from).items()})
        network.to(device, memory_format=channels_last(max(p.ndim for p in network.parameters())))
        optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.01)
        return cls(network, {n: v.detach().clone() for n, v in network.state_dict().items()}, optimiser)

    @torch.no_grad()
    def advance(self) -> None:
        """Count a step and move the average."""
        self.step += 1
        decay = min(DECAY, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - decay)

    def save(self, folder: Path) -> None:
        """Write the checkpoint whole or not at all: its parts, then the file that names them."""
        folder.mkdir(parents=True, exist_ok=True)
        parts: list[str] = []
        for part in _parts(self._tensors()):
            name = f"checkpoint-{self.step:06d}-{len(parts):02d}.safetensors"
            save_file(part, folder / name)
            parts.append(name)
        temporary = folder / "checkpoint.json.part"
        temporary.write_text(json.dumps({"step": self.step, "parts": parts}))
        temporary.replace(folder / "checkpoint.json")
        for old in set(folder.glob("checkpoint-*.safetensors")) - {folder / name for name in parts}:
            old.unlink()

    def load(self, folder: Path) -> None:
        """Go on from the checkpoint in `folder`."""
        named = json.loads((folder / "checkpoint.json").read_text())
        tensors: dict[str, Tensor] = {}
        for name in named["parts"]:
            tensors |= load_file(folder / name)
        self.step = named["step"]
        self.network.load_state_dict(_under("network", tensors))
        for name, value in _under("average", tensors).items():
            self.average[name].copy_(value)
        self.optimiser.load_state_dict(self._optimiser_state(tensors))

    def export(self, path: Path) -> None:
        """The averaged weights in half precision: what is shipped."""
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.half().contiguous().cpu() for name, value in self.average.items()}, path)

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"network/{n}": v for n, v in self.network.state_dict().items()}
        tensors |= {f"average/{n}": v for n, v in self.average.items()}
        for number, values in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{number}/{key}": value for key, value in values.items()}
        return {name: value.detach().contiguous().cpu() for name, value in tensors.items()}

    def _optimiser_state(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser", tensors).items():
            number, key = name.split("/")
            state.setdefault(int(number), {})[key] = value
        return {"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]}


def channels_last(dimensions: int) -> torch.memory_format:
    """The order of memory in which convolutions over so many axes, batch and channels among them, are fast."""
    return torch.channels_last_3d if dimensions == 5 else torch.channels_last


def _take(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Weights of an older or narrower network: what it has not begins at zero, where it changes nothing."""
    taken = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    for name, value in tensors.items():
        if name != "graph":
            taken[name][tuple(slice(n) for n in value.shape)] = value
    network.load_state_dict(taken)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix + "/"): v for name, v in tensors.items() if name.startswith(prefix + "/")}


def _parts(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, value in tensors.items():
        size += value.nbytes
        if size > FILE_BYTES and parts[-1]:
            parts.append({})
            size = value.nbytes
        parts[-1][name] = value
    return parts
