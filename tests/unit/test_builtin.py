"""The shipped network: its size, that numpy computes what torch computes, and what it makes of bad and odd input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from app.engine import registry
from app.engine.builtin import node_features
from app.engine.builtin.graph_network import GraphNetwork
from app.engine.builtin.looking import Looking
from app.engine.builtin.numpy_network import NumpyNetwork
from app.engine.builtin.square_network import SquareNetwork
from app.engine.builtin.subgraph import MOST, Subgraph
from app.engine.classic.features import Features
from app.engine.classic.seeds import Seeds
from app.engine.evaluation import dice
from app.engine.evaluation.clickers import whole
from app.engine.protocol import Predictor, Prior, Token
from app.errors import EngineFailure
from app.geometry import Geometry
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

FOLDER = Path(__file__).parents[2] / "models" / "builtin"
WEIGHTS, AT_SLICES = FOLDER / "network.safetensors", FOLDER / "slices.safetensors"
IN_BOXES, CARRYING = FOLDER / "boxes.safetensors", FOLDER / "carry.safetensors"
CLICKING = FOLDER / "clicked.safetensors"
SHAPE = (30, 44, 48)
ORGAN, FLAT = Box((7, 11, 6), (23, 29, 26)), Box((15, 11, 6), (15, 29, 26))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return registry.load("builtin")


def scan(array: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    return Volume(array, Geometry(array.shape, np.diag([*spacing[::-1], 1.0])))


def organs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid beside another one in a body, with noise; and the first one's mask."""
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    organ = ((k - 15) / 8) ** 2 + ((j - 20) / 9) ** 2 + ((i - 16) / 10) ** 2 < 1
    beside = ((k - 15) / 9) ** 2 + ((j - 26) / 9) ** 2 + ((i - 34) / 9) ** 2 < 1
    image = 40 + 60 * (beside & ~organ) + 110 * organ + np.random.default_rng(seed).normal(0, 10, SHAPE)
    return image.astype(np.int16), organ


def prepared(predictor: Predictor, volume: Volume) -> Features:
    features = predictor.prepare(volume, lambda fraction, what: None, Token())
    assert isinstance(features, Features)
    return features


def answer(
    predictor: Predictor, features: Features, prompts: tuple[Prompt, ...], prior: Prior | None = None
) -> np.ndarray:
    prediction = predictor.predict(features, prompts, prior)
    assert np.isfinite(prediction.logits).all()
    return whole(prediction, features.volume.shape)


def looking(features: Features, *prompts: Prompt, before: np.ndarray | None = None) -> Looking:
    seeds = Seeds.of(prompts, features.volume.shape, features.volume.geometry.spacing)
    made = Looking.of(features, seeds, before)
    assert made is not None
    return made


def at_slices(features: Features, mask: np.ndarray, *indices: int) -> Looking:
    drawn = tuple(SliceMask(0, index, mask[index]) for index in indices)
    made = Looking.at_slices(features, Seeds.of(drawn, mask.shape, features.volume.geometry.spacing))
    assert made is not None
    return made


def in_boxes(features: Features, *prompts: Prompt) -> Looking:
    seeds = Seeds.of(prompts, features.volume.shape, features.volume.geometry.spacing)
    made = Looking.in_boxes(features, seeds, None)
    assert made is not None
    return made


def test_it_is_small_and_every_user_of_an_installation_reads_it() -> None:
    files = (WEIGHTS, AT_SLICES, IN_BOXES, CARRYING, CLICKING)
    assert sum(path.stat().st_size for path in files) < 1_500_000
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in files)
    values = [value for path in files for value in load_file(path).values()]
    assert sum(value.size for value in values) == registry.card("builtin").parameters


def test_no_file_is_read_again_for_another_predictor() -> None:
    files = (WEIGHTS, AT_SLICES, IN_BOXES, CARRYING, CLICKING)
    first, second = ([NumpyNetwork.load(path).weights for path in files] for _ in range(2))
    assert all(one is other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("load", [GraphNetwork.load, SquareNetwork.load])
@pytest.mark.parametrize("keep", [0, 7, 1000])
def test_damaged_weights_are_said_in_one_sentence(tmp_path: Path, keep: int, load: Callable[[Path], Any]) -> None:
    damaged = tmp_path / "network.safetensors"
    damaged.write_bytes(WEIGHTS.read_bytes()[:keep])
    with pytest.raises(EngineFailure, match=r"^The built-in network could not be loaded \(.*\)\.") as told:
        load(damaged)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("weights", [WEIGHTS, AT_SLICES, IN_BOXES])
def test_numpy_computes_what_torch_computes(predictor: Predictor, weights: Path) -> None:
    torch = pytest.importorskip("torch")
    from training.graph.network import Graphs, TrainedGraphNetwork

    image, organ = organs()
    features = prepared(predictor, scan(image))
    if weights == WEIGHTS:
        first = looking(features, Point((15, 20, 16)))
        last = looking(features, Point((15, 20, 16)), Point((15, 26, 34), positive=False), before=first.judged.logits)
    elif weights == IN_BOXES:
        first, last = in_boxes(features, ORGAN), in_boxes(features, ORGAN, Point((15, 26, 34), positive=False))
    else:
        first, last = (at_slices(features, organ, *drawn) for drawn in ((15,), (15, 18)))
    graphs = [Subgraph.around(first), Subgraph.around(last, 700)]
    loaded = load_file(weights)
    network = TrainedGraphNetwork(loaded["inp.weight"].shape[1]).eval()
    network.load_state_dict({name: torch.from_numpy(v.astype(np.float32)) for name, v in loaded.items()})
    with torch.no_grad():
        both = network(Graphs.joined(graphs)).numpy()
    ours = GraphNetwork.load(weights)
    np.testing.assert_allclose(np.concatenate([ours(graph) for graph in graphs]), both, atol=1e-3)


@pytest.mark.parametrize(
    ("prompts", "asked"),
    [
        ((Point((15, 20, 16)),), {"_network"}),
        ((SliceMask(0, 15, organs()[1][15]),), {"_at_slices"}),
        ((SliceMask(0, 15, organs()[1][15]), SliceMask(0, 19, organs()[1][19])), {"_at_slices"}),
        ((SliceMask(0, 15, organs()[1][15]), SliceMask(1, 20, organs()[1][:, 20])), {"_network"}),
        ((SliceMask(0, 15, organs()[1][15]), Point((19, 20, 16))), {"_network"}),
        ((ORGAN,), {"_in_boxes"}),
        ((ORGAN, Point((15, 20, 16))), {"_in_boxes"}),
        ((Point((15, 20, 16)), ORGAN), {"_in_boxes"}),
        ((FLAT,), {"_in_boxes", "_at_slices"}),  # its slice alone, then what was found there
        ((FLAT, Point((19, 20, 16))), {"_in_boxes", "_network"}),
    ],
)
def test_every_kind_of_prompt_is_asked_of_the_network_that_learnt_it(
    monkeypatch: pytest.MonkeyPatch, prompts: tuple[Prompt, ...], asked: set[str]
) -> None:
    model = registry.load("builtin")
    image, organ = organs()
    features = prepared(model, scan(image))
    heard: list[str] = []
    for name in ("_network", "_at_slices", "_in_boxes"):
        network = getattr(model, name)
        monkeypatch.setattr(
            model, name, lambda graph, name=name, network=network: (heard.append(name), network(graph))[1]
        )
    assert dice(answer(model, features, prompts), organ) > 0.85
    assert set(heard) == asked


def test_an_organ_beside_another_is_found_and_kept(predictor: Predictor) -> None:
    image, organ = organs()
    features = prepared(predictor, scan(image))
    found = answer(predictor, features, (Point((15, 20, 16)),))
    assert dice(found, organ) > 0.85
    logits = np.where(found, 4.0, -4.0).astype(np.float32)
    whole_grid = predictor.predict(features, (Point((15, 20, 16)),), None).region.whole(SHAPE)
    prompts = (Point((15, 20, 16)), Point((15, 26, 36), positive=False))
    assert dice(answer(predictor, features, prompts, Prior(whole_grid, logits)), organ) > 0.85


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 1000.0), (3.0, -500.0), (0.01, 0.0)])
def test_units_of_the_image_do_not_matter(predictor: Predictor, scale: float, offset: float) -> None:
    image = organs()[0].astype(np.float32)
    prompts = (Point((15, 20, 16)), Point((15, 24, 18)))
    one, other = (
        answer(predictor, prepared(predictor, scan(values)), prompts) for values in (image, image * scale + offset)
    )
    assert dice(one, other) > 0.97


def test_what_it_is_told_is_bounded_whatever_the_scan(predictor: Predictor) -> None:
    random = np.random.default_rng(3)
    k, j, i = 12, 14, 16
    odd = [
        np.zeros((k, j, i), np.int16),
        np.full((k, j, i), -1024, np.int16),
        (random.random((k, j, i)) > 0.999).astype(np.uint8) * 255,
        random.normal(0, 1e6, (k, j, i)).astype(np.float32),
        random.normal(0, 1, (1, 30, 30)).astype(np.float32),
        random.normal(0, 1, (3, 1, 40)).astype(np.float32),
    ]
    for array in odd:
        features = prepared(predictor, scan(array, (5.0, 0.5, 0.5)))
        middle = tuple(n // 2 for n in array.shape)
        corner = tuple(n - 1 for n in array.shape)
        prompts = (Point(middle), Point(corner, positive=False))
        graph = Subgraph.around(looking(features, *prompts))
        assert graph.told.shape == (graph.nodes.size, node_features.COUNT)
        assert np.isfinite(graph.told).all()
        assert np.abs(graph.told).max() <= 4
        mask = answer(predictor, features, prompts)
        assert mask[middle] or middle == corner
        assert not mask[corner]


def test_it_looks_at_a_bounded_part_of_a_large_graph(predictor: Predictor) -> None:
    noise = np.random.default_rng(0).normal(0, 10, (40, 90, 90)).astype(np.float32)
    features = prepared(predictor, scan(noise))
    assert features.pieces.count > 2 * MOST
    graph = Subgraph.around(looking(features, Point((20, 45, 45))))
    assert graph.nodes.size <= MOST
    at = features.pieces.labels[20, 45, 45]
    assert at in graph.nodes
    for kernel in graph.kernels:
        shares = np.asarray(kernel.sum(axis=1)).ravel()
        alone = np.diff(kernel.indptr) == 0
        np.testing.assert_allclose(shares, ~alone, atol=1e-2)


def test_every_kind_of_prompt_gives_the_same_twice(predictor: Predictor) -> None:
    image, organ = organs()
    features = prepared(predictor, scan(image))
    kinds: list[Prompt] = [
        Point((15, 20, 16)),
        Box((7, 11, 6), (24, 30, 27)),
        Scribble(tuple((15, 20, i) for i in range(10, 22)), True),
        SliceMask(0, 15, organ[15]),
    ]
    for prompt in kinds:
        one, other = (answer(predictor, features, (prompt,)) for _ in range(2))
        np.testing.assert_array_equal(one, other)
        assert dice(one, organ) > 0.8, prompt


def test_nothing_said_to_be_inside_is_an_empty_answer(predictor: Predictor) -> None:
    features = prepared(predictor, scan(organs()[0]))
    assert not answer(predictor, features, (Point((3, 3, 3), positive=False),)).any()
