"""`Worker`: the pure side of the engine. Holds one volume, one model and its features; no thread, no process."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.engine import propagation, registry, uncertainty
from app.engine.backends import machine_test
from app.engine.blocks import Blocks
from app.engine.cache import EmbeddingCache
from app.engine.protocol import (
    Answer,
    Automatic,
    AutomaticSegmenter,
    Estimate,
    GrowingFeatures,
    Job,
    Piece,
    Predict,
    Prediction,
    Predictor,
    Prepared,
    Prior,
    Propagate,
    ReportProgress,
    Sketcher,
    Token,
)
from app.errors import AppError, BadInput, Cancelled, EngineFailure, Stopped
from app.frozen_labels import FrozenMask
from app.geometry import EMPTY_REGION, Index, Region
from app.prompts import Prompt
from app.volume import Volume

log = logging.getLogger(__name__)
SEED_LOGIT = 4.0  # what a painted or propagated voxel counts as: 98 % probability
SEED_MARGIN = 16  # voxels around a seed in which it also says that the segment is absent
MEMO_BYTES = 256 << 20  # of logits kept as priors


@dataclass(frozen=True, slots=True)
class Seed:
    """The part of the volume where a segment's mask is, with a margin: all that a model needs of it."""

    region: Region
    mask: NDArray[np.bool_]

    @classmethod
    def of(cls, mask: FrozenMask | None) -> Seed | None:
        """From a segment; None without one."""
        if mask is None:
            return None
        around = mask.extent
        region = around.grown(SEED_MARGIN, mask.labels.region.stop) if around else EMPTY_REGION
        return cls(region, mask.crop(region))

    @property
    def prior(self) -> Prior:
        """What a model is told of it."""
        return Prior(self.region, np.where(self.mask, SEED_LOGIT, -SEED_LOGIT).astype(np.float32), seed=True)


class Bench(Protocol):
    """Where the engine has things computed: a `Worker`, or a process with one (`ComputeProcess`)."""

    def open(self, volume: Volume) -> None:
        """Serve this volume, at once when it is open already."""

    def prepare(self, progress: ReportProgress, token: Token) -> Prepared:
        """Compute the features, or take them from the cache; at once when they are there.

        Raises:
            Cancelled: when the token says so.
        """

    def encode_ahead(self, focus: tuple[int, int]) -> float | None:
        """Prepare one more piece near the slice that is seen (axis, index); the share done, None when all is."""

    def predict(self, request: Predict) -> Answer:
        """The mask of a segment's prompts."""

    def begin(self, job: Job) -> None:
        """Take up long work, in the place of any other; `step` does it."""

    def step(self, cancelled: bool) -> Piece:
        """The next piece of the long work: clicks may be answered between two.

        Raises:
            Cancelled: when `cancelled` and there is nothing to tell of what was done.
        """

    def kill(self) -> None:
        """End a call that is under way in another thread, if that can be done."""

    def close(self) -> None:
        """Give everything back."""


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
        self._memo = _Memo()
        self._steps: Iterator[Piece] = iter(())
        self._steps_token = Token()

    def open(self, volume: Volume) -> None:
        """See `Bench`; features of the last volume are let go."""
        if volume is not self._volume:
            self._volume, self._prepared, self._steps = volume, None, iter(())
            self._memo.clear()

    def prepare(self, progress: ReportProgress, token: Token) -> Prepared:
        """See `Bench`."""
        volume, begun = self._open_volume(), time.perf_counter()
        if self._prepared is None:
            if self._predictor.card.family in registry.NETWORKS:
                machine_test.at_first_use(progress, token)
            kept = self._cache.load(self._predictor, volume) if self._cache else None
            self._prepared = kept if kept is not None else self._predictor.prepare(volume, progress, token)
            if kept is None and self._cache:
                self._cache.store(self._predictor, volume, self._prepared)
            log.info("prepared %s in %.2f s", self._predictor.card.id, time.perf_counter() - begun)
        return Prepared(volume.digest, self._predictor.card.id, time.perf_counter() - begun)

    def encode_ahead(self, focus: tuple[int, int]) -> float | None:
        """See `Bench`."""
        if not isinstance(self._prepared, GrowingFeatures):
            return None
        self._prepared.look_at(*focus)
        return self._prepared.encode_ahead()

    def predict(self, request: Predict) -> Answer:
        """See `Bench`."""
        return self.answer(request, Seed.of(request.seed))

    def answer(self, request: Predict, seed: Seed | None) -> Answer:
        """The mask, cut to the box around it; with a seed on all of the region that the model looked at."""
        begun = time.perf_counter()
        if not request.prompts:
            return Answer(request, EMPTY_REGION, np.zeros((0, 0, 0), bool))
        prediction = self._decode(request.prompts, self._prior(request.prompts, seed))
        if seed is None:
            self._memo.keep(request.prompts, prediction)
        region, mask = _tight(prediction, seed.region if seed else EMPTY_REGION)
        seconds = time.perf_counter() - begun
        log.info("answered %d prompts in %.3f s", len(request.prompts), seconds)
        return Answer(request, region, mask, seconds, self._predictor.card.id)

    def begin(self, job: Job) -> None:
        """See `Bench`."""
        self.start(job, Seed.of(job.seed) if isinstance(job, Estimate) else None)

    def start(self, job: Job, seed: Seed | None) -> None:
        """Take up long work, given the seed of an estimate."""
        volume, self._steps_token = self._open_volume(), Token()
        if isinstance(job, Automatic):
            self._steps = self._found(job)
        elif isinstance(job, Propagate):
            self._steps = propagation.propagate(job, self._predictor, self._prepared, volume, self._steps_token)
        else:
            prior = self._prior(job.prompts, seed)
            first = self._memo.answer(job.prompts) if seed is None else None
            sketch = partial(self._sketch, self._predictor) if isinstance(self._predictor, Sketcher) else None
            self._steps = uncertainty.estimate(
                job, volume.geometry, self._decode, prior, self._steps_token, first, sketch
            )

    def step(self, cancelled: bool) -> Piece:
        """See `Bench`."""
        if cancelled:
            self._steps_token.cancel()
        return next(self._steps)

    def kill(self) -> None:
        """Work in this process ends at its next cancellation point, not before."""

    def close(self) -> None:
        """See `Bench`."""
        self._volume = self._prepared = None
        self._steps = iter(())
        self._memo.clear()
        if self._cache:
            self._cache.close()

    def _found(self, job: Automatic) -> Iterator[Piece]:
        predictor = self._predictor
        if not isinstance(predictor, AutomaticSegmenter):
            message = f"{self._predictor.card.name} finds nothing by itself."
            raise BadInput(message, "Click on a structure, or choose a model that was trained on classes.")
        yield from predictor.find(self._prepared, job, self._steps_token)

    def _open_volume(self) -> Volume:
        if self._volume is None:
            raise EngineFailure("No scan is open.", "Open one first.")
        return self._volume

    def _prior(self, prompts: tuple[Prompt, ...], seed: Seed | None) -> Prior | None:
        """The seed where there is one, else the logits of the answer that these prompts extend."""
        if seed is None:
            return self._memo.prior(prompts)
        return seed.prior if seed.region.size else None

    def _decode(self, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        prediction = self._predictor.predict(self._prepared, self._understood(prompts), prior)
        return self._fitting(prediction, self._open_volume().shape)

    def _sketch(self, sketcher: Sketcher, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        prediction = sketcher.sketch(self._prepared, self._understood(prompts), prior)
        shape = self._open_volume().shape
        return self._fitting(prediction, Blocks(shape, prediction.blocks).shape if prediction.coarse else shape)

    def _understood(self, prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
        """Those of the kinds that the model takes; others are from another model's time."""
        card = self._predictor.card
        understood = tuple(prompt for prompt in prompts if card.takes(prompt))
        if prompts and not understood:
            kind = type(prompts[-1]).__name__.lower().removeprefix("slice")
            raise BadInput(f"{card.name} does not understand prompts of the kind {kind}.", "Choose another model.")
        return understood

    def _fitting(self, prediction: Prediction, shape: Index) -> Prediction:
        """The same, checked to lie in a grid of that shape."""
        inside = prediction.region.intersection(Region.whole(shape)) == prediction.region
        if not inside or prediction.logits.shape != prediction.region.shape:
            name = self._predictor.card.name
            raise EngineFailure(f"{name} gave an answer that does not fit the scan.", "Try another model.")
        return prediction


class _Memo:
    """Logits of recent answers by their prompts, as priors of the answers that extend them.

    The longest known beginning of a list of prompts counts, whatever was clicked and undone in between: the same clicks
    give the same mask.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Prompt, ...], Prediction] = OrderedDict()

    def prior(self, prompts: tuple[Prompt, ...]) -> Prior | None:
        for length in range(len(prompts) - 1, 0, -1):
            prediction = self._known.get(prompts[:length])
            if prediction is not None:
                self._known.move_to_end(prompts[:length])
                return Prior(prediction.region, prediction.logits)
        return None

    def answer(self, prompts: tuple[Prompt, ...]) -> Prediction | None:
        """What these very prompts gave, where it is kept."""
        return self._known.get(prompts)

    def keep(self, prompts: tuple[Prompt, ...], prediction: Prediction) -> None:
        self._known[prompts] = prediction
        self._known.move_to_end(prompts)
        while len(self._known) > 1 and sum(kept.logits.nbytes for kept in self._known.values()) > MEMO_BYTES:
            self._known.popitem(last=False)

    def clear(self) -> None:
        self._known.clear()


def as_app_error(error: Exception, model: str) -> AppError:
    """What a user is told of whatever a model raised; the rest goes to the log."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, Cancelled):
        return Stopped("The work was cancelled.")
    log.error("%s failed", model, exc_info=error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return EngineFailure("There is not enough memory for this model.", "Choose a smaller one or close programs.")
    if isinstance(error, ImportError):
        return EngineFailure(f"The model {model} cannot be loaded: {error}.", "Choose another model.")
    return EngineFailure(f"The model failed: {error}.", "Try another model.")


def _tight(prediction: Prediction, seeded: Region) -> tuple[Region, NDArray[np.bool_]]:
    """The box around the mask and whatever of the seed the model looked at: elsewhere nothing was and nothing is."""
    mask, start = prediction.logits > 0, prediction.region.start
    kept = seeded.intersection(prediction.region).within(prediction.region)
    inner = (Region.around(mask) or EMPTY_REGION).union(kept)
    if not inner.size:
        return EMPTY_REGION, np.zeros((0, 0, 0), bool)
    shift = Region((-start[0], -start[1], -start[2]), (0, 0, 0))
    return inner.within(shift), np.ascontiguousarray(mask[inner.slices])
