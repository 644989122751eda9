"""Make a model's files from trained weights: `python -m training.export WEIGHTS models/builtin`.

The weights go into one safetensors file. For the networks of `trial` the graphs that OpenVINO runs are written beside
it as text whose constants point into that same file, so that a click needs no torch and nothing is stored twice.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import xml.etree.ElementTree as Tree
from functools import partial
from pathlib import Path
from typing import Any

import openvino
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from app.engine.builtin.predictor import AT_SLICES, CARRYING, CLICKING, IN_BOXES
from app.engine.trial import hints, network, runtime, slice_network
from app.engine.trial.maps import CHANNELS, IMAGE_CHANNELS, REMEMBERED
from app.engine.trial.runtime import Files
from app.engine.trial.slices import runtime as slices_runtime
from training.state import Network

WEIGHTS = "network.safetensors"

GRAPH = "graph"
"""The tensor of bytes that holds what the graphs need beside the weights: shapes, axes, small folded numbers."""


class _Decoder(nn.Module):
    """A decoder with its features as four inputs."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, f0: Tensor, f1: Tensor, f2: Tensor, f3: Tensor, maps: Tensor, *told: Tensor) -> Any:
        return self.decoder((f0, f1, f2, f3), maps, *told)


def main() -> None:
    """Read the arguments and export."""
    parser = argparse.ArgumentParser("training.export", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", choices=tuple(EXPORTS), default="graph", help="which of ours they are of")
    parser.add_argument("--side", type=int, default=48, help="of the cube in voxels, of the slice in pixels")
    args = parser.parse_args()
    EXPORTS[args.network](args.weights, args.folder, args.side)


def export_graph(weights: Path, folder: Path, side: int, name: str = WEIGHTS) -> None:
    """The weights alone, in half precision: numpy runs them; a graph has no `side`."""
    folder.mkdir(parents=True, exist_ok=True)
    _saved({key: value.half().contiguous() for key, value in load_file(weights).items()}, folder / name)


def export(weights: Path, folder: Path, side: int) -> None:
    """Write the weights and both graphs of the network for cubes under the names that `Runtime` reads."""
    cube = (side,) * 3
    image, drawn = torch.zeros(1, IMAGE_CHANNELS, *cube), torch.zeros(1, CHANNELS, *cube)
    hinted = torch.zeros(1, hints.CHANNELS, *(n // hints.STRIDE for n in cube))
    features = _features(network.GRID.widths, cube)
    _export(Network.of_cubes(), weights, folder, runtime.FILES, image, (*features, drawn, hinted))


def export_slices(weights: Path, folder: Path, side: int) -> None:
    """The same for slices, as `SliceRuntime` reads it."""
    window, half = (side,) * 2, (side // hints.STRIDE,) * 2
    image, drawn = torch.zeros(1, IMAGE_CHANNELS, *window), torch.zeros(1, CHANNELS, *window)
    told = (
        torch.zeros(1, hints.CHANNELS, *half),
        torch.zeros(1, REMEMBERED, slice_network.GRID.widths[1], *half),
        torch.zeros(1, REMEMBERED, 2, *half),
    )
    features = _features(slice_network.GRID.widths, window)
    _export(Network.of_slices(), weights, folder, slices_runtime.FILES, image, (*features, drawn, *told))


def _features(widths: tuple[int, ...], grid: tuple[int, ...]) -> list[Tensor]:
    """As the encoder returns them, at strides 1, 2, 4 and 8."""
    strides = (1, 2, 4, 8)
    return [torch.zeros(1, width, *(n // s for n in grid)) for width, s in zip(widths, strides, strict=True)]


def _export(
    network: Network, weights: Path, folder: Path, files: Files, image: Tensor, told: tuple[Tensor, ...]
) -> None:
    """Both graphs and the weights.

    Args:
        told: Examples of what the decoder takes, the four features first.
    """
    tensors = {name: value.half().contiguous() for name, value in load_file(weights).items() if name != GRAPH}
    network.load_state_dict({name: value.float() for name, value in tensors.items()})
    network.eval()
    folder.mkdir(parents=True, exist_ok=True)
    places, further = _places(tensors), bytearray()
    for name, module, example in (
        (files.encoder, network.encoder, (image,)),
        (files.decoder, _Decoder(network.decoder), told),
    ):
        with tempfile.TemporaryDirectory() as temporary:
            graph = openvino.convert_model(module, example_input=example, input=[tuple(x.shape) for x in example])
            openvino.save_model(graph, Path(temporary) / "graph.xml", compress_to_fp16=True)
            tree, constants = Tree.parse(Path(temporary) / "graph.xml"), (Path(temporary) / "graph.bin").read_bytes()
        _point(tree, constants, places, further)
        tree.write(folder / name, encoding="utf-8")
    tensors[GRAPH] = torch.frombuffer(further, dtype=torch.uint8)
    _saved(tensors, folder / files.weights)


def _saved(tensors: dict[str, Tensor], path: Path) -> None:
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors writes for its user alone; an installation is read by all


def _places(tensors: dict[str, Tensor]) -> dict[bytes, int]:
    """Where each tensor's bytes will lie in the file's data, and under b"" where the further bytes begin."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "places.safetensors"
        save_file({**tensors, GRAPH: torch.zeros(1, dtype=torch.uint8)}, path)
        content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    places = {value.numpy().tobytes(): header[name]["data_offsets"][0] for name, value in tensors.items()}
    return {**places, b"": header[GRAPH]["data_offsets"][0]}


def _point(tree: Tree.ElementTree[Any], constants: bytes, places: dict[bytes, int], further: bytearray) -> None:
    """Make every constant of a graph point to the weights file; what is not a weight is added to `further`."""
    for data in tree.iterfind(".//layer[@type='Const']/data"):
        start, size = int(data.attrib["offset"]), int(data.attrib["size"])
        value = constants[start : start + size]
        if value not in places:
            further.extend(b"\0" * (-len(further) % 8))
            places[value] = places[b""] + len(further)
            further.extend(value)
        data.set("offset", str(places[value]))


EXPORTS = {
    "graph": export_graph,
    "graph-slices": partial(export_graph, name=AT_SLICES),
    "graph-boxes": partial(export_graph, name=IN_BOXES),
    "carried": partial(export_graph, name=CARRYING),
    "clicked": partial(export_graph, name=CLICKING),
    "cubes": export,
    "slices": export_slices,
}


if __name__ == "__main__":
    main()
