"""SAM3D's loss: soft Dice of the structures plus cross-entropy, at three resolutions (arXiv 2309.03493)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WEIGHTS = (4 / 7, 2 / 7, 1 / 7)  # 1, 1/2, 1/4, normalised; the finest answer first
_SMOOTH = 1e-5


def deep_loss(answers: tuple[Tensor, Tensor, Tensor], labels: Tensor) -> Tensor:
    """The weighted sum over the three answers.

    Args:
        answers: Logits (batch, classes, depth, rows, columns), the second and third at half and quarter rows, columns.
        labels: (batch, depth, rows, columns), whole numbers.
    """
    total = torch.zeros(())
    for number, (answer, weight) in enumerate(zip(answers, WEIGHTS, strict=True)):
        step = 2**number
        total = total + weight * dice_and_entropy(answer, labels[:, :, step // 2 :: step, step // 2 :: step])
    return total


def dice_and_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy, less the mean soft Dice of the structures, each over the whole batch; -1 is perfect."""
    probabilities = logits.softmax(dim=1)[:, 1:]
    truth = functional.one_hot(labels, logits.shape[1]).movedim(-1, 1)[:, 1:]
    over = (0, 2, 3, 4)
    both = (probabilities * truth).sum(dim=over)
    dice = (2 * both + _SMOOTH) / (probabilities.sum(dim=over) + truth.sum(dim=over) + _SMOOTH)
    return functional.cross_entropy(logits, labels) - dice.mean()
