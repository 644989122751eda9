"""`CarriedLesson`: what a step teaches the network that sees every carried slice once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.engine.builtin.step_features import GIVEN_DEPTH, GIVEN_TONE, LOGITS, SURE, TOLD, TONES
from training.batches import Recipe
from training.carried.kept import Kept
from training.carried.network import TrainedCarryNetwork
from training.carried.walk import Seen
from training.scans import Scan
from training.shapes import Random

_UNTOLD, _UNGIVEN = 0.15, 0.1  # share of the slices without the graph network's idea, without the given slice
_CONTRAST = 0.35  # logarithm by which tones are stretched or pressed at most; half are turned dark for bright, too
_BEYOND = 16  # points: keeps the entropy of small objects from counting for more than that of others
_WRONG = 6.0  # entropy in units of the object, above which a slice is lost and teaches no more
_SMOOTH = 8  # points


@dataclass(frozen=True)
class CarriedLesson:
    """See `train.Lesson`; `real` scans went into the slices that were kept."""

    recipe: Recipe
    real: list[Scan]

    @cached_property
    def kept(self) -> Kept:
        """What is learnt from.

        Raises:
            ValueError: when the recipe names no folder.
            FileNotFoundError: when it holds nothing.
        """
        if self.recipe.kept is None:
            raise ValueError("--kept names no folder of slices that `training.carried.gather` gathered")
        return Kept.open(self.recipe.kept)

    def network(self) -> TrainedCarryNetwork:
        """Untrained."""
        return TrainedCarryNetwork()

    def batch(self, number: int) -> list[Seen]:
        """`recipe.batch` slices of any objects."""
        random = np.random.default_rng((self.recipe.seed, number))
        return [self.kept[n] for n in random.choice(len(self.kept), self.recipe.batch).tolist()]

    def loss(
        self, network: TrainedCarryNetwork, batch: list[Seen], number: int, placed: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, float, float]:
        """The mean loss, and mean Dice of slices beside a given one and of those farther away."""
        maps, numbers, target = varied(batch, np.random.default_rng((self.recipe.seed, number)))
        with torch.autocast("cpu", torch.bfloat16):
            added = network(maps, numbers)
        logits = added.float() + SURE * maps[:, LOGITS]
        dice = _dice((logits > 0).float(), target).detach()
        beside = torch.tensor([one.away == 1 for one in batch])
        near, far = (float(dice[which].mean()) if which.any() else float(dice.mean()) for which in (beside, ~beside))
        return loss_of(logits, target), near, far


def varied(chosen: list[Seen], random: Random) -> tuple[Tensor, Tensor, Tensor]:
    """Maps, numbers and targets of several steps; turned, in other contrasts, some without all that is known."""
    maps = torch.from_numpy(np.stack([one.maps for one in chosen]))
    numbers = torch.from_numpy(np.stack([one.numbers for one in chosen]))
    target = torch.from_numpy(np.stack([one.target for one in chosen]))
    for axis in (1, 2):
        if random.random() < 0.5:
            maps, target = maps.flip(axis + 1), target.flip(axis)
    if random.random() < 0.5:
        maps, target = maps.transpose(2, 3).contiguous(), target.transpose(1, 2)
    count = len(chosen)
    sign = random.choice([-1.0, 1.0], count) * np.exp(random.uniform(-_CONTRAST, _CONTRAST, count))
    maps[:, TONES] = (maps[:, TONES] * torch.from_numpy(sign).float()[:, None, None, None]).clamp(-1, 1)
    for which, share in (((TOLD,), _UNTOLD), ((GIVEN_TONE, GIVEN_DEPTH), _UNGIVEN)):
        without = torch.from_numpy(random.random(count) < share)
        for number in which:
            maps[without, number] = 0
    return maps, numbers, target.clamp(0, 1)


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Soft Dice, and cross entropy in units of the object."""
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none").sum((1, 2))
    in_objects = (entropy / (target.sum((1, 2)) + _BEYOND)).clamp(max=_WRONG)
    return (0.5 * in_objects + 1 - _dice(torch.sigmoid(logits), target)).mean()


def _dice(probability: Tensor, target: Tensor) -> Tensor:
    common = (probability * target).sum((1, 2))
    return (2 * common + _SMOOTH) / (probability.sum((1, 2)) + target.sum((1, 2)) + _SMOOTH)
