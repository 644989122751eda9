"""`GraphLesson`: what a step teaches the graph network.

The simulated user corrects the network's own answers; the network learns from the first and from some later ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.engine.builtin.graph_network import GraphNetwork
from training.batches import Recipe
from training.graph import scans
from training.graph.network import Graphs, TrainedGraphNetwork
from training.graph.scans import Example
from training.graph.user import Lesson, lessons
from training.loss import nothing
from training.scans import Scan
from training.shapes import Random

MOST_CORRECTIONS = 7
LATER = 2  # answers after the first that are learnt from, of each object
SMOOTH = 1.0  # pieces: keeps Dice's gradient finite for objects of one


@dataclass(frozen=True)
class GraphLesson:
    """See `train.Lesson`."""

    recipe: Recipe
    real: list[Scan]

    def network(self) -> TrainedGraphNetwork:
        """Untrained."""
        return TrainedGraphNetwork()

    def batch(self, number: int) -> list[Example]:
        """See `scans.batch`."""
        return scans.batch(number, self.recipe, self.real)

    def loss(
        self, network: TrainedGraphNetwork, batch: list[Example], number: int, placed: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, float, float]:
        """The mean loss, and mean Dice of the first and of the later answers that were learnt from."""
        random = np.random.default_rng((self.recipe.seed, number))
        asked = GraphNetwork({name: value.detach().numpy() for name, value in network.state_dict().items()})
        chosen = [lesson for example in batch for lesson in self.lessons(example, asked, random)]
        if not chosen:  # slices of what is thinner than a piece: there is nothing to learn, but others wait for a step
            return nothing(network), 0.0, 0.0
        graphs = Graphs.joined([lesson.graph for lesson in chosen])
        logits = network(graphs).split(graphs.counts)
        sizes = graphs.size.split(graphs.counts)
        found = [
            loss_of(guess, torch.from_numpy(lesson.target), size)
            for guess, lesson, size in zip(logits, chosen, sizes, strict=True)
        ]
        early = [dice for (_, dice), lesson in zip(found, chosen, strict=True) if lesson.prompts == 1]
        late = [dice for (_, dice), lesson in zip(found, chosen, strict=True) if lesson.prompts > 1]
        return (
            torch.stack([loss for loss, _ in found]).mean(),
            float(np.mean(early or late)),
            float(np.mean(late or early)),
        )

    def lessons(self, example: Example, asked: GraphNetwork, random: Random) -> list[Lesson]:
        """What is learnt from one object: the first answer and some later ones."""
        made = lessons(example, asked, int(random.integers(0, MOST_CORRECTIONS)), random)
        later = random.permutation(np.arange(1, max(1, len(made))))[:LATER]
        return [made[i] for i in (0, *later.tolist()) if made]


def loss_of(logits: Tensor, target: Tensor, size: Tensor) -> tuple[Tensor, float]:
    """Soft Dice and cross entropy of one subgraph, pieces counting by their size; and the hard Dice.

    The entropy is taken over all pieces, so that probabilities are true, and once more in units of the object.
    """
    probability = torch.sigmoid(logits)
    inside, answered = (size * target).sum(), (size * probability).sum()
    dice = (2 * (size * probability * target).sum() + SMOOTH) / (answered + inside + SMOOTH)
    entropy = size * functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    share = (4 * inside / size.sum()).clamp(max=1).clamp(min=1e-6)
    near = (size * torch.maximum(target, probability.detach())).sum().clamp(min=1)
    with torch.no_grad():
        answer = (logits > 0).float()
        hard = 2 * (size * answer * target).sum() / ((size * answer).sum() + inside).clamp(min=1e-6)
    return (1 - dice) + 0.5 * entropy.sum() / size.sum() / share + 0.3 * entropy.sum() / near, float(hard)
