"""`OnceMoreLesson`: what a step teaches a network that sees an answer once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.engine.builtin import click_features, step_features
from app.engine.classic.refinement import SURE
from training.batches import Recipe
from training.once_more.kept import Kept
from training.once_more.network import TrainedSquareNetwork
from training.once_more.seen import Seen
from training.scans import Scan
from training.shapes import Random

_CONTRAST = 0.35  # logarithm by which tones are stretched or pressed at most; half are turned dark for bright, too
_BEYOND = 16  # points: keeps the entropy of small objects from counting for more than that of others
_WRONG = 6.0  # entropy in units of the object, above which an answer is lost and teaches no more
_SMOOTH = 8  # points


@dataclass(frozen=True)
class Layout:
    """Where what a network is told stands.

    Args:
        maps, numbers: How many.
        tones: Maps of tones.
        logits: The map of what is to be corrected, divided by `SURE`.
        without: Maps that are not known in some lessons, and in which share.
        first_turn: Of those that it sees.
    """

    maps: int
    numbers: int
    tones: slice
    logits: int
    without: tuple[tuple[tuple[int, ...], float], ...]
    first_turn: int


CARRIED = Layout(
    step_features.MAPS,
    step_features.NUMBERS,
    step_features.TONES,
    step_features.LOGITS,
    (((step_features.TOLD,), 0.15), ((step_features.GIVEN_TONE, step_features.GIVEN_DEPTH), 0.1)),
    first_turn=1,
)
CLICKED = Layout(
    click_features.MAPS,
    click_features.NUMBERS,
    click_features.TONES,
    click_features.LOGITS,
    (*(((beside,), 0.2) for beside in click_features.BESIDE), (click_features.LAST, 0.15)),
    first_turn=2,
)


@dataclass(frozen=True)
class OnceMoreLesson:
    """See `train.Lesson`; `real` scans went into the answers that were kept."""

    recipe: Recipe
    real: list[Scan]
    layout: Layout

    @cached_property
    def kept(self) -> Kept:
        """What is learnt from.

        Raises:
            ValueError: when the recipe names no folder.
            FileNotFoundError: when it holds nothing.
        """
        if self.recipe.kept is None:
            raise ValueError("--kept names no folder of answers that `training.once_more.gather` gathered")
        return Kept.open(self.recipe.kept)

    def network(self) -> TrainedSquareNetwork:
        """Untrained."""
        return TrainedSquareNetwork(self.layout.maps, self.layout.numbers)

    def batch(self, number: int) -> list[Seen]:
        """`recipe.batch` answers for any objects."""
        random = np.random.default_rng((self.recipe.seed, number))
        return [self.kept[n] for n in random.choice(len(self.kept), self.recipe.batch).tolist()]

    def loss(
        self, network: TrainedSquareNetwork, batch: list[Seen], number: int, placed: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, float, float]:
        """The mean loss, and mean Dice in the first turn and in later ones."""
        maps, numbers, target = varied(batch, self.layout, np.random.default_rng((self.recipe.seed, number)))
        with torch.autocast("cpu", torch.bfloat16):
            added = network(maps, numbers)
        logits = added.float() + SURE * maps[:, self.layout.logits]
        dice = _dice((logits > 0).float(), target).detach()
        first = torch.tensor([one.turn == self.layout.first_turn for one in batch])
        near, far = (float(dice[which].mean()) if which.any() else float(dice.mean()) for which in (first, ~first))
        return loss_of(logits, target), near, far


def varied(chosen: list[Seen], layout: Layout, random: Random) -> tuple[Tensor, Tensor, Tensor]:
    """Maps, numbers and targets of several answers; turned, in other contrasts, some without all that is known."""
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
    maps[:, layout.tones] = (maps[:, layout.tones] * torch.from_numpy(sign).float()[:, None, None, None]).clamp(-1, 1)
    for which, share in layout.without:
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
