"""The networks that see a slice once more: numpy computes what was trained, and what was not trained adds nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from app.engine.builtin import click_features, step_features
from app.engine.builtin.square import SIDE
from app.engine.builtin.square_network import SquareNetwork

FOLDER = Path(__file__).parents[2] / "models" / "builtin"


@pytest.mark.parametrize(
    ("file", "maps", "numbers"),
    [
        ("carry.safetensors", step_features.MAPS, step_features.NUMBERS),
        ("clicked.safetensors", click_features.MAPS, click_features.NUMBERS),
    ],
)
def test_numpy_computes_what_torch_computes(file: str, maps: int, numbers: int) -> None:
    torch = pytest.importorskip("torch")
    from training.once_more.network import TrainedSquareNetwork

    network = TrainedSquareNetwork(maps, numbers).eval()
    network.load_state_dict({n: torch.from_numpy(v.astype(np.float32)) for n, v in load_file(FOLDER / file).items()})
    random = np.random.default_rng(0)
    seen, told = random.normal(size=(2, maps, SIDE, SIDE)), random.normal(size=(2, numbers))
    with torch.no_grad():
        theirs = network(*(torch.from_numpy(x.astype(np.float32)) for x in (seen, told))).numpy()
    assert np.abs(theirs).max() > 0.1
    ours = SquareNetwork.load(FOLDER / file)
    for made, m, n in zip(theirs, seen, told, strict=True):
        np.testing.assert_allclose(ours(m.astype(np.float32), n.astype(np.float32)), made, atol=1e-3)


def test_an_untrained_network_adds_nothing() -> None:
    pytest.importorskip("torch")
    from training.once_more.network import TrainedSquareNetwork

    weights = {name: value.detach().numpy() for name, value in TrainedSquareNetwork(3, 2).state_dict().items()}
    assert not SquareNetwork(weights)(np.ones((3, SIDE, SIDE), np.float32), np.ones(2, np.float32)).any()
