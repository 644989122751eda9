"""What the network is told of an answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

QUALITY_WEIGHT = 0.3  # a side task: it must not bend the features
SMOOTH = 1.0  # voxels: keeps Dice's gradient finite for objects of a few voxels


def loss_of(logits: Tensor, quality: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Dice plus cross entropy, and how far the expected Dice is from the true one.

    Args:
        logits: (N, 1, S, S, S), or (N, 1, S, S) of slices.
        quality: Logit of the expected Dice, (N, 1).
        masks: References as floats, shaped as the logits; empty where the object has ended.

    Returns:
        The mean loss, and every object's hard Dice (N,), without gradient.
    """
    probability = torch.sigmoid(logits)
    axes = tuple(range(1, logits.ndim))
    overlap = (probability * masks).sum(axes)
    soft = (2 * overlap + SMOOTH) / (probability.sum(axes) + masks.sum(axes) + SMOOTH)
    entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    # half of the weight lies on the object and its surroundings, however small it is in the cube
    near = _grown(masks)
    near_entropy = (entropy * near).sum(axes) / near.sum(axes).clamp(min=1)
    hard = dice_of(logits, masks)
    expected = functional.binary_cross_entropy_with_logits(quality[:, 0], hard)
    shape = (1 - soft) + 0.5 * entropy.mean(axes) + 0.5 * near_entropy
    return shape.mean() + QUALITY_WEIGHT * expected, hard


def nothing(network: nn.Module) -> Tensor:
    """The loss of a step from which there is nothing to learn, with a gradient of 0 for every parameter."""
    return torch.stack([p.sum() * 0 for p in network.parameters()]).sum()


def _grown(masks: Tensor) -> Tensor:
    """Three voxels wider in every direction, axis after axis (all 343 values at once take 12 times as long)."""
    pool = functional.max_pool3d if masks.ndim == 5 else functional.max_pool2d
    for axis in range(masks.ndim - 2):
        size = [7 if other == axis else 1 for other in range(masks.ndim - 2)]
        masks = pool(masks, size, stride=1, padding=[n // 2 for n in size])
    return masks


@torch.no_grad()
def dice_of(logits: Tensor, masks: Tensor) -> Tensor:
    """Dice of the thresholded answers, (N,); 1 where there is nothing and nothing was found."""
    answer = (logits > 0).float()
    axes = tuple(range(1, logits.ndim))
    both, total = (answer * masks).sum(axes), answer.sum(axes) + masks.sum(axes)
    return torch.where(total > 0, 2 * both / total.clamp(min=1), torch.ones_like(total))
