"""`Worker`: the pure side of the engine. Holds one volume, one model and its features; no thread, no process."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine import propagation, registry, uncertainty
from app.engine.cache import EmbeddingCache
from app.engine.protocol import (
    Answer,
    Estimate,
    Estimated,
    Predict,
    Prediction,
    Predictor,
    Prepared,
    Prior,
    Propagate,
    Propagated,
    ReportProgress,
    SliceAnswer,
    Token,
)
from app.errors import EngineFailure
from app.geometry import Region
from app.prompts import Prompt
from app.volume import Volume

log = logging.getLogger(__name__)
SEED_LOGIT = 4.0  # what a painted or propagated voxel counts as: 98 % probability


class Worker:
    """Answers requests one at a time; the engine's thread or the compute process calls it.

    Args:
        cache: Where features are kept between runs; None keeps them in memory only.
    """

    def __init__(self, model: str, cache: EmbeddingCache | None = None) -> None:
        self._predictor: Predictor = registry.load(model)
        self._cache = cache
        self._volume: Volume | None = None
        self._prepared: Any = None
        self._last: dict[int, tuple[tuple[Prompt, ...], Prediction]] = {}
        self._slices: Iterator[SliceAnswer | Propagated] = iter(())

    def call(self, verb: str, argument: Any, progress: ReportProgress, token: Token) -> Any:
        """Run a verb by name: what the compute process and the engine's thread both do."""
        match verb:
            case "open":
                return self.open(argument)
            case "use":
                return self.use(argument)
            case "prepare":
                return self.prepare(progress, token)
            case "predict":
                return self.predict(argument, progress, token)
            case "propagate":
                return self.propagate(argument, progress, token)
            case "next_slice":
                return next(self._slices)
            case "estimate":
                return self.estimate(argument, progress, token)
            case _:
                raise ValueError(verb)

    def open(self, volume: Volume) -> None:
        """Serve this volume; features of the last one are let go."""
        self._volume, self._prepared = volume, None
        self._last.clear()

    def use(self, model: str) -> None:
        """Serve with this model."""
        if model != self._predictor.card.id:
            self._predictor, self._prepared = registry.load(model), None
            self._last.clear()

    def prepare(self, progress: ReportProgress, token: Token) -> Prepared:
        """Compute the features, or take them from the cache; at once when they are there.

        Raises:
            Cancelled: when the token says so.
        """
        volume, begun = self._open_volume(), time.perf_counter()
        if self._prepared is None:
            kept = self._cache.load(self._predictor, volume) if self._cache else None
            self._prepared = kept if kept is not None else self._predictor.prepare(volume, progress, token)
            if kept is None and self._cache:
                self._cache.store(self._predictor, volume, self._prepared)
        seconds = time.perf_counter() - begun
        log.info("prepared %s in %.2f s", self._predictor.card.id, seconds)
        return Prepared(volume.digest, self._predictor.card.id, seconds)

    def predict(self, request: Predict, progress: ReportProgress, token: Token) -> Answer:
        """The mask of a segment's prompts, cut to the box around it."""
        begun = time.perf_counter()
        self.prepare(progress, token)
        if not request.prompts:
            self._last.pop(request.label, None)
            return Answer(request, Region((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), bool))
        prediction = self._predictor.predict(self._prepared, request.prompts, self._prior(request))
        self._last[request.label] = request.prompts, prediction
        region, mask = prediction.region, prediction.logits > 0
        if request.seed is None:
            region, mask = _tight(region, mask)
        seconds = time.perf_counter() - begun
        log.info("answered %d prompts in %.3f s", len(request.prompts), seconds)
        return Answer(request, region, mask, seconds)

    def propagate(self, request: Propagate, progress: ReportProgress, token: Token) -> None:
        """Begin a propagation; the call `next_slice` drives it, so that clicks are answered between slices."""
        self.prepare(progress, token)
        volume = self._open_volume()
        self._slices = propagation.propagate(request, self._predictor, self._prepared, volume, token)

    def estimate(self, request: Estimate, progress: ReportProgress, token: Token) -> Estimated:
        """The ensemble for a segment's prompts."""
        self.prepare(progress, token)
        prior = self._seed_prior(request.seed)
        done = count()  # the first decode gives the mask that the samples are drawn from

        def decode(prompts: tuple[Prompt, ...]) -> Prediction:
            prediction = self._predictor.predict(self._prepared, prompts, prior)
            progress(next(done) / request.samples, "Estimating uncertainty")
            return prediction

        return uncertainty.estimate(request, self._open_volume().geometry, decode, token.raise_if_cancelled)

    def _open_volume(self) -> Volume:
        if self._volume is None:
            raise EngineFailure("No scan is open.", "Open one first.")
        return self._volume

    def _prior(self, request: Predict) -> Prior | None:
        """The seed where there is one, else the logits of the answer that these prompts extend."""
        if request.seed is not None:
            return self._seed_prior(request.seed)
        prompts, prediction = self._last.get(request.label, ((), None))
        if prediction is None or request.prompts[: len(prompts)] != prompts or prompts == request.prompts:
            return None
        return Prior(prediction.region, prediction.logits)

    def _seed_prior(self, seed: NDArray[np.bool_] | None) -> Prior | None:
        if seed is None:
            return None
        logits = np.where(seed, SEED_LOGIT, -SEED_LOGIT).astype(np.float32)
        return Prior(self._open_volume().geometry.region, logits, seed=True)


def _tight(region: Region, mask: NDArray[np.bool_]) -> tuple[Region, NDArray[np.bool_]]:
    around = Region.around(mask)
    if around is None:
        return Region(region.start, region.start), np.zeros((0, 0, 0), bool)
    start = tuple(a + b for a, b in zip(region.start, around.start, strict=True))
    stop = tuple(a + b for a, b in zip(region.start, around.stop, strict=True))
    return Region(start, stop), np.ascontiguousarray(mask[around.slices])  # type: ignore[arg-type]  # three of three
