"""`CubeLesson`: what a step teaches the network for cubes.

The images are encoded once, the simulated user corrects the answers some rounds without gradient, and the network
learns from the first and the last round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training import batches
from training.batches import Batch, Recipe
from training.loss import loss_of
from training.scans import Scan
from training.state import Network

MOST_CORRECTIONS = 6


@dataclass(frozen=True)
class CubeLesson:
    """See `train.Lesson`."""

    recipe: Recipe
    real: list[Scan]

    def network(self) -> Network:
        """Encoder and decoder, untrained."""
        return Network.of_cubes()

    def batch(self, number: int) -> Batch:
        """Batch `number`."""
        return batches.make(number, self.recipe, self.real)

    def loss(
        self, network: Network, batch: Batch, number: int, placed: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, float, float]:
        """The loss, and Dice after the first prompt and after the last correction."""
        targets, images = placed(batch.targets), placed(batch.images)
        shared = np.random.default_rng(number)  # the same in every process: none waits for one with more rounds
        corrections = int(shared.integers(0, MOST_CORRECTIONS + 1))
        learn_first = corrections == 0 or shared.random() < 0.5
        with torch.autocast(images.device.type, torch.bfloat16):
            features = network.encoder(images)
        features = tuple(f.repeat_interleave(len(batch.masks) // len(batch.images), 0) for f in features)
        losses, dices = [], []
        for round_ in range(corrections + 1):
            learn = round_ == corrections or (round_ == 0 and learn_first)
            forget = learn and round_ > 0 and batch.random.random() < 0.15
            with torch.set_grad_enabled(learn), torch.autocast(images.device.type, torch.bfloat16):
                logits, quality = network.decoder(features, placed(batch.maps(forget)), placed(batch.hints()))
            if learn or round_ == 0:
                loss, dice = loss_of(logits.float(), quality.float(), targets)
                losses += [loss] if learn else []
                dices.append(float(dice.mean()))
            if round_ < corrections:
                batch.correct(logits.detach())
        return torch.stack(losses).mean(), dices[0], dices[-1]
