"""`Training`: decoder, optimiser and how far they are; a run that was stopped goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.atomic_file import replacing
from app.engine.sam3d.decoder import Sam3dDecoder
from app.errors import BadInput
from training.sam3d.embedded_case import EmbeddedCase
from training.sam3d.loss import deep_loss
from training.sam3d.sampler import Sampler

CHECKPOINT = "checkpoint.pt"
_CLIP = 12.0  # of the gradient's norm, nnU-Net's


@dataclass(frozen=True, slots=True)
class Schedule:
    """The paper's: SGD with Nesterov momentum, the rate falling as (1 - epoch / epochs)^0.9."""

    epochs: int = 1000
    iterations: int = 250
    batch: int = 2
    rate: float = 1e-2
    momentum: float = 0.99
    decay: float = 3e-5
    power: float = 0.9
    seed: int = 0

    def rate_at(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return float(self.rate * (1 - epoch / self.epochs) ** self.power)


class Training:
    """One run.

    Args:
        classes: Background included.
    """

    def __init__(self, classes: int, schedule: Schedule) -> None:
        torch.manual_seed(schedule.seed)
        self.schedule = schedule
        self.decoder = Sam3dDecoder(classes)
        self.iteration = 0
        self._sum = 0.0  # of the losses of the epoch at work
        self.losses: list[float] = []
        """The mean of each finished epoch."""
        self.dice: list[float] = []
        """Validation after each finished epoch; nan without validation cases."""
        self._optimiser = torch.optim.SGD(
            self.decoder.parameters(),
            schedule.rate,
            momentum=schedule.momentum,
            nesterov=True,
            weight_decay=schedule.decay,
        )

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return self.iteration // self.schedule.iterations

    def step(self, sampler: Sampler) -> None:
        """Learn from the next crops."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.schedule.rate_at(self.epoch)
        features, labels = sampler.draw(self.iteration)
        self.decoder.train()
        self._optimiser.zero_grad(set_to_none=True)
        loss = deep_loss(self.decoder(features), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), _CLIP)
        self._optimiser.step()
        self._sum += float(loss.detach())
        self.iteration += 1
        if self.iteration % self.schedule.iterations == 0:
            self.losses.append(self._sum / self.schedule.iterations)
            self._sum = 0.0

    def validate(self, cases: Sequence[EmbeddedCase], depth: int, side: int, crops: int = 50) -> float:
        """Mean Dice of the structures over crops of cases that are not learnt from, always the same ones."""
        if not cases:
            self.dice.append(float("nan"))
            return self.dice[-1]
        sampler = Sampler(cases, depth, side, 1, seed=self.schedule.seed + 1)
        both = np.zeros(self.decoder.classes - 1)
        either = np.zeros_like(both)
        self.decoder.eval()
        with torch.inference_mode():
            for number in range(crops):
                features, labels = sampler.draw(number)
                found = self.decoder(features)[0].argmax(dim=1)
                for label in range(1, self.decoder.classes):
                    both[label - 1] += int(((found == label) & (labels == label)).sum())
                    either[label - 1] += int((found == label).sum() + (labels == label).sum())
        there = either > 0
        self.dice.append(float((2 * both[there] / either[there]).mean()) if there.any() else float("nan"))
        return self.dice[-1]

    def save(self, folder: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "decoder": self.decoder.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": asdict(self.schedule),
            "iteration": self.iteration,
            "sum": self._sum,
            "losses": self.losses,
            "dice": self.dice,
        }
        with replacing(folder / CHECKPOINT) as temporary:
            torch.save(state, temporary)

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            BadInput: when it is of another schedule or other classes, or damaged.
        """
        path = folder / CHECKPOINT
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True)
            if state["schedule"] != asdict(self.schedule):
                message = f"{path} was begun with other settings."
                raise BadInput(message, "Repeat them, or choose another --out.")
            self.decoder.load_state_dict(state["decoder"])
            self._optimiser.load_state_dict(state["optimiser"])
            self.iteration, self._sum = state["iteration"], state["sum"]
            self.losses, self.dice = state["losses"], state["dice"]
        except (OSError, RuntimeError, KeyError, ValueError, EOFError) as error:
            raise BadInput(f"{path} cannot be gone on from.", "Delete it to begin anew.") from error
