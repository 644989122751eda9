"""Batches of scenes, made in a thread ahead of the loop; batch i of a seed is always the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from app.engine.trial import maps
from app.engine.trial.hints import Ground
from training import clicks, scenes
from training.scans import Scan
from training.scenes import Mask, Mix

AHEAD = 4
Made = TypeVar("Made")


@dataclass(frozen=True)
class Recipe:
    """What a batch is made of: `batch` scenes with `objects` objects each, in cubes of `side` voxels.

    Of slices: `batch` clips of one object each, `side` pixels a side. Of carried ones: `batch` slices of those in the
    folder `kept`.
    """

    side: int
    batch: int
    objects: int
    seed: int
    mix: Mix
    kept: Path | None = None


@dataclass(frozen=True)
class Batch:
    """Images (B, 2, S, S, S), masks of B * O objects, the maps of their first prompts, and the user's dice."""

    images: Tensor
    masks: list[Mask]
    drawn: list[np.ndarray]
    random: np.random.Generator
    grounds: list[Ground]

    @property
    def targets(self) -> Tensor:
        """The masks as floats (B * O, 1, S, S, S)."""
        return torch.from_numpy(np.stack(self.masks)[:, None].astype(np.float32))

    def correct(self, logits: Tensor) -> None:
        """One more click for every object, and the answer into the maps."""
        answers = logits[:, 0].float().cpu().numpy()
        for drawn, mask, answer in zip(self.drawn, self.masks, answers, strict=True):
            clicks.correct(drawn, answer > 0, mask, self.random)
            drawn[maps.LAST] = np.tanh(answer / 2)

    def maps(self, forget: bool) -> Tensor:
        """Prompt maps (B * O, CHANNELS, S, S, S); `forget` leaves the last answer out, as after an undo."""
        stacked = np.stack(self.drawn)
        if forget:
            stacked[:, maps.LAST] = 0
        return torch.from_numpy(stacked)

    def hints(self) -> Tensor:
        """Hints (B * O, hints.CHANNELS, S / 2, S / 2, S / 2) for the prompts as they are."""
        each = len(self.drawn) // len(self.grounds)
        return torch.from_numpy(np.stack([self.grounds[n // each].hints(d) for n, d in enumerate(self.drawn)]))


def make(number: int, recipe: Recipe, real: list[Scan]) -> Batch:
    """Batch `number`."""
    first = number * recipe.batch
    made = [
        scenes.make(first + i, recipe.seed, recipe.side, recipe.objects, real, recipe.mix) for i in range(recipe.batch)
    ]
    random = np.random.default_rng((recipe.seed, number))
    masks = [mask for scene in made for mask in scene.masks]
    images = torch.from_numpy(np.stack([scene.image for scene in made]))
    grounds = [Ground(scene.image) for scene in made]
    return Batch(images, masks, [clicks.first(mask, random) for mask in masks], random, grounds)


def stream(numbers: Iterator[int], make: Callable[[int], Made], workers: int = 1) -> Iterator[Made]:
    """What `make` returns for endless `numbers`, in order."""
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Made]] = deque()
        while True:
            while len(waiting) < AHEAD * workers:
                waiting.append(pool.submit(make, next(numbers)))
            yield waiting.popleft().result()
