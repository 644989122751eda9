"""`reckoned`: how long a network's first click will about take on this computer, before it was ever tried here.

The self-test knows how fast this computer gets through a small network; the card says how much work the model's image
encoder is. Where a click was answered or rehearsed, that is known better (`Speeds`).
"""

from __future__ import annotations

from app.engine.backends import tested
from app.engine.backends.machine_test import WORK
from app.engine.model_card import ModelCard

AS_QUICK = 0.66
"""Work in a second of the zoo's encoders, as a share of the sample network's: the median of ten that were measured,
from 0.51 (LiteMedSAM) to 0.97 (SAM-Med2D). So what is reckoned is right within a half."""


def reckoned(card: ModelCard) -> float | None:
    """Seconds of the image encoder on one slice or volume; None before the self-test, and where the work is unknown."""
    found = tested.kept()
    if not card.work or found is None:
        return None
    return card.work / WORK / AS_QUICK * found.best.seconds
