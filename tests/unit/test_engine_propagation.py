"""Propagation both ways with any model: what is filled, where it ends, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.engine.fake import FakePredictor
from app.engine.model_card import ModelCard
from app.engine.propagation import Carrier, confidence, propagate, told
from app.engine.protocol import Prediction, Prior, Propagate, Propagated, SliceAnswer, Token
from app.errors import BadInput
from app.geometry import Geometry
from app.prompts import Box, Point, Prompt, SliceMask
from app.volume import Volume

SHAPE = (30, 16, 18)
CARD = ModelCard("fake", "Fake", "fake", 3, frozenset({"point", "box", "scribble", "mask"}))
VOLUME = Volume(np.zeros(SHAPE, np.int16), Geometry(SHAPE, np.eye(4)))


class Tube(FakePredictor):
    """Knows a tube that runs from slice 8 to slice 21, and carries it with a memory of its own."""

    def __init__(self) -> None:
        super().__init__(CARD)
        self.visited: list[tuple[int, int]] = []

    def remember(self, prepared: Any, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> dict:
        return dict(conditioning)

    def carry(self, memory: dict, index: int, previous: int) -> tuple[NDArray[np.float32], float]:
        self.visited.append((index, previous))
        logits = np.full(SHAPE[1:], -5.0, np.float32)
        if 8 <= index <= 21:
            logits[4:10, 5:11] = 5
        return logits, 0.9


def run(request: Propagate, predictor: Any, token: Token | None = None) -> tuple[dict[int, SliceAnswer], Propagated]:
    *slices, end = propagate(request, predictor, VOLUME, VOLUME, token or Token())
    assert isinstance(end, Propagated)
    assert len({s.index for s in slices}) == len(slices)
    return {s.index: s for s in slices}, end


def tube(*indices: int, first: int = 0, last: int = 29) -> Propagate:
    mask = np.zeros(SHAPE[1:], bool)
    mask[4:10, 5:11] = True
    return Propagate(1, 1, 0, dict.fromkeys(indices, mask), first, last)


def test_it_goes_both_ways_and_stops_where_the_structure_ends() -> None:
    slices, end = run(tube(12), Tube())
    assert sorted(slices) == list(range(30))
    assert sorted(n for n, s in slices.items() if s.mask.any()) == list(range(8, 22))
    assert end.reached == (8, 21)
    assert told(end) == "The structure ends before slices 7 and 22."
    assert told(end, first=1) == "The structure ends before slices 8 and 23."
    assert all(slices[n].confidence == 0 for n in (*range(8), *range(22, 30)))
    assert slices[12].confidence == 1


def test_it_walks_from_neighbour_to_neighbour_and_not_beyond_the_end() -> None:
    model = Tube()
    run(tube(12), model)
    down, up = [(n, n + 1) for n in range(11, 6, -1)], [(n, n - 1) for n in range(13, 23)]
    assert model.visited == down + up


def test_each_slice_comes_from_its_nearest_conditioning_slice() -> None:
    model = Tube()
    run(tube(10, 15), model)
    assert {(11, 10), (12, 11), (14, 15), (13, 14), (16, 15), (9, 10)} <= set(model.visited)


def test_the_range_is_kept() -> None:
    slices, end = run(tube(12, first=11, last=13), Tube())
    assert sorted(slices) == [11, 12, 13]
    assert end.reached == (11, 13)
    assert told(end) == ""


def test_low_confidence_ends_a_side() -> None:
    class Unsure(Tube):
        def carry(self, memory: dict, index: int, previous: int) -> tuple[NDArray[np.float32], float]:
            return super().carry(memory, index, previous)[0], 0.9 if index > 10 else 0.1

    slices, end = run(tube(12), Unsure())
    assert not slices[10].mask.any()
    assert slices[11].mask.any()
    assert "It stopped before slice 10, where it was not sure any more." in told(end)


def test_cancelling_keeps_what_is_done() -> None:
    token = Token()
    stream = propagate(tube(12), Tube(), VOLUME, VOLUME, token)
    first = [next(stream), next(stream)]
    token.cancel()
    rest = list(stream)
    assert all(isinstance(s, SliceAnswer) for s in first)
    assert len(rest) == 1
    assert isinstance(rest[0], Propagated)
    assert rest[0].cancelled
    assert rest[0].reached == (11, 12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_model_without_a_memory_is_carried_along_any_axis(axis: int) -> None:
    plane = [n for a, n in enumerate(SHAPE) if a != axis]
    mask = np.zeros(plane, bool)
    mask[5:11, 5:11] = True
    request = Propagate(1, 1, axis, {7: mask}, 5, 9)
    slices, end = run(request, FakePredictor(CARD))
    assert sorted(slices) == [5, 6, 7, 8, 9]
    assert end.reached == (5, 9)
    assert all((s.mask & mask).sum() >= 30 for s in slices.values())


def test_a_volume_of_one_slice_propagates_to_itself() -> None:
    shape = (1, 16, 18)
    volume = Volume(np.zeros(shape, np.int16), Geometry(shape, np.eye(4)))
    mask = np.ones(shape[1:], bool)
    messages = list(propagate(Propagate(1, 1, 0, {0: mask}, 0, 0), FakePredictor(CARD), volume, volume, Token()))
    assert [type(m) for m in messages] == [SliceAnswer, Propagated]


def test_confidence_falls_with_doubt_and_with_change() -> None:
    before = np.zeros((10, 10), bool)
    before[2:8, 2:8] = True
    sure = np.where(before, 6.0, -6.0).astype(np.float32)
    doubtful = np.where(before, 0.2, -6.0).astype(np.float32)
    moved = np.roll(sure, 3, axis=0)
    assert confidence(sure, before) > 0.95
    assert confidence(doubtful, before) < 0.6
    assert confidence(moved, before) < 0.65
    assert confidence(np.full((10, 10), -1, np.float32), before) == 0


def test_the_carrier_is_used_only_without_a_memory() -> None:
    assert not hasattr(FakePredictor(CARD), "carry")
    assert hasattr(Carrier(FakePredictor(CARD), VOLUME), "carry")


@pytest.mark.parametrize(
    ("taken", "kinds"),
    [
        ({"point", "box", "scribble", "mask"}, [SliceMask, Box, Point]),
        ({"point", "box"}, [Point, Box, Point]),
        ({"point"}, [Point, Point]),
        ({"box"}, [Box]),
    ],
)
def test_the_carrier_passes_only_what_the_model_takes(taken: set[str], kinds: list[type]) -> None:
    class Listening(FakePredictor):
        def predict(self, prepared: Any, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
            heard.append((prompts, prior))
            return super().predict(prepared, prompts, prior)

    heard: list[tuple[tuple[Prompt, ...], Prior | None]] = []
    model = Listening(ModelCard("fake", "Fake", "fake", 3, frozenset(taken)))
    mask = np.zeros(SHAPE[1:], bool)
    mask[4:10, 5:11] = True
    own = (Point((13, 5, 6)), Point((20, 5, 6), positive=False))
    run(Propagate(1, 1, 0, {12: mask}, 12, 13, own), model)
    prompts, prior = heard[0]
    assert [type(prompt) for prompt in prompts] == kinds
    assert own[1] not in prompts
    assert ("point" in taken) == (own[0] in prompts)
    assert prior is not None
    assert (prior.logits.shape, prior.seed) == ((1, 16, 18), False)
    assert all(p.region().start[0] >= 12 and p.region().stop[0] <= 14 for p in prompts)


@pytest.mark.parametrize(
    ("conditioning", "first", "last"),
    [({}, 0, 5), ({3: (16, 18)}, 0, 30), ({3: (16, 18)}, 4, 9), ({3: (18, 16)}, 0, 9), ({3: (16, 18)}, 9, 2)],
)
def test_a_request_that_does_not_fit_is_refused(conditioning: dict, first: int, last: int) -> None:
    masks = {index: np.ones(shape, bool) for index, shape in conditioning.items()}
    with pytest.raises(BadInput):
        run(Propagate(1, 1, 0, masks, first, last), FakePredictor(CARD))


def test_an_empty_start_has_nothing_to_carry() -> None:
    slices, end = run(Propagate(1, 1, 0, {5: np.zeros(SHAPE[1:], bool)}, 3, 7), FakePredictor(CARD))
    assert not any(s.mask.any() for s in slices.values())
    assert end.reached == (5, 5)
