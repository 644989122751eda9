"""What can be said of the logits of one object: positive inside it, on whatever grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.engine.evaluation.metrics import dice
from app.engine.protocol import Logits

_LONELY = 0.02  # what an answer that no other agrees with still counts
_SUREST = 15.0  # logit beyond which a probability is 0 or 1 in float32


def probability(logits: Logits) -> Logits:
    """0..1."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -_SUREST, _SUREST))), dtype=np.float32)


def overlap(mine: Logits, theirs: Logits) -> float:
    """Dice of two answers on one grid; two empty ones agree on nothing."""
    inside = mine > 0
    return dice(inside, theirs > 0) if inside.any() else 0.0


def support(overlaps: Sequence[float]) -> float:
    """How much other answers speak for one: their mean overlap with it; 1 where there is none to ask."""
    return _LONELY + (float(np.mean(overlaps)) if overlaps else 1.0)
