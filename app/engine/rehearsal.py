"""`rehearse`: how long a network's clicks take on this computer, also before its weights are here.

How long does not depend on the weights, so where they are missing random numbers take their place. The clicks are real
ones, on a made scan, through the model's own adapter: intensities, cropping, resizing and placing the answer count.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from app.engine import backends, registry
from app.engine.backends.threads import thread_count
from app.engine.model_card import ModelCard
from app.engine.protocol import Predictor, Prior, ReportProgress, Token
from app.errors import MissingModel
from app.geometry import Geometry
from app.prompts import Box, Point, Prompt
from app.volume import Volume

FAMILIES = frozenset({"sam", "sam2", "sam3d_click"})
SHAPE = (64, 512, 512)
SPACING = (3.0, 0.8, 0.8)
LONG = 20.0  # seconds spent on first clicks after which no more are measured
TRACKED = 6  # slices before, that a full memory of the SAM 2 family holds beside the conditioning one


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one step: seconds that pass, and seconds of all the processor's threads together."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Medians of a model's steps.

    Args:
        unit: "slice" or "volume": for what the encoder runs once.
        first: A click where the encoder has not run yet, all of it.
        following: The next click there: prompt encoder and mask decoder.
        carried: One more slice of a propagation with a full memory, encoder and all; None without a memory.
        trained: Whether with the model's own weights; else with random numbers.
        threads: 0 on a graphics card.
        repeats: First clicks that the medians are of.
    """

    model: str
    unit: str
    first: Cost
    following: Cost
    carried: Cost | None
    trained: bool
    backend: str
    threads: int
    repeats: int

    @property
    def encoder(self) -> Cost:
        """What the first click takes more than the next."""
        wall = max(0.0, self.first.seconds - self.following.seconds)
        return Cost(wall, max(0.0, self.first.cpu_seconds - self.following.cpu_seconds))


def can_rehearse(card: ModelCard) -> bool:
    """Whether it is a network that answers clicks."""
    return card.family in FAMILIES


def rehearse(card: ModelCard, repeat: int, progress: ReportProgress, token: Token) -> Rehearsed:
    """Measure a model.

    Args:
        repeat: First clicks that are measured, after one that is not; fewer where they take long.

    Raises:
        MissingModel: it is none of the networks.
        Cancelled: between two clicks, when the token says so.
    """
    if not can_rehearse(card):
        raise MissingModel(f"{card.name} is no network that can be tried without a scan.", "Use volumask bench.")
    what = f"Trying {card.name}"
    progress(0.0, what)
    trained = registry.installed(card)
    predictor = registry.load(card.id) if trained else registry.untrained(card)
    firsts, followings = [], []
    spent = 0.0
    for number in range(repeat + 1):
        first, following = two_clicks(predictor, card, number)
        firsts.append(first)
        followings.append(following)
        spent += first.seconds
        progress((number + 1) / (repeat + 2), what)
        token.raise_if_cancelled()
        if number and spent > LONG:
            break
    backend = backends.chosen()
    return Rehearsed(
        card.id,
        "volume" if card.dimensions == 3 else "slice",
        _median(firsts[1:]),
        _median(followings[1:]),
        _carried(predictor, repeat) if card.family == "sam2" else None,
        trained,
        backend.name,
        thread_count(backend.name),
        len(firsts) - 1,
    )


def two_clicks(predictor: Predictor, card: ModelCard, number: int) -> tuple[Cost, Cost]:
    """On a slice, or with features, where the encoder has not run."""
    prepared: Any = predictor.prepare(_scan(), _silent, Token())
    prompts = _prompts(card, 20 + number)
    first, prediction = _timed(lambda: predictor.predict(prepared, prompts[:1], None))
    prior = Prior(prediction.region, prediction.logits)
    following, _ = _timed(lambda: predictor.predict(prepared, prompts, prior))
    return first, following


def _prompts(card: ModelCard, index: int) -> tuple[Prompt, Prompt]:
    """Two of the handiest kind on one slice."""
    if "point" in card.prompts:
        return Point((index, 250, 260), axis=0), Point((index, 270, 240), axis=0)
    return Box((index, 180, 190), (index, 320, 330)), Box((index, 185, 195), (index, 325, 330))


def _carried(predictor: Any, repeat: int) -> Cost:
    """Slices of a propagation; the memory is filled with what is known of the first, which is as large as any."""
    prepared = predictor.prepare(_scan(), _silent, Token())
    start = SHAPE[0] // 2
    memory = predictor.remember(prepared, 0, {start: _scan().array[start] > 0})
    for offset in range(TRACKED):
        memory.bank.tracked[start + offset] = memory.bank.conditioning[start]
    costs = []
    for index in range(start + TRACKED, start + TRACKED + repeat + 1):
        cost, _ = _timed(lambda n=index: predictor.carry(memory, n, n - 1))  # type: ignore[misc]
        costs.append(cost)
        if len(costs) > 1 and sum(cost.seconds for cost in costs) > LONG:
            break
    return _median(costs[1:])


def _timed(work: Callable[[], Any]) -> tuple[Cost, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu), result


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.seconds for cost in costs), statistics.median(cost.cpu_seconds for cost in costs)
    )


@cache
def _scan() -> Volume:
    """A ball of soft tissue in fat, with noise: 512 x 512 in 64 slices, as computed tomography has them."""
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    distance = ((k - 32) * 3.0) ** 2 + ((j - 256) * 0.8) ** 2 + ((i - 256) * 0.8) ** 2
    noise = np.random.default_rng(0).integers(-20, 20, SHAPE, dtype=np.int16)
    values = np.where(distance < 60.0**2, 60, -100).astype(np.int16) + noise
    return Volume(values, Geometry(SHAPE, np.diag([-SPACING[2], -SPACING[1], SPACING[0], 1.0])), modality="CT")


def _silent(fraction: float, what: str) -> None:
    del fraction, what
