"""Clicks on a mask that clicks do not explain (painted, propagated): it stays, save where they object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.protocol import Logits, Prediction, Prior
from app.engine.sam_volumetric.clicks import Click
from app.engine.sam_volumetric.crop import Crop
from app.engine.sam_volumetric.scan import placed


def objections(clicks: tuple[Click, ...], seed: Prior) -> tuple[Click, ...]:
    """The clicks that the mask contradicts."""
    return tuple(click for click in clicks if _included(seed, click) != click[1])


def corrected(seed: Prior, crop: Crop, low: Logits, clicks: tuple[Click, ...]) -> Prediction:
    """The mask with the connected changes of the new answer that hold an objecting click; the rest stays."""
    answer = placed(crop, low, seed)
    kept = np.full(answer.region.shape, answer.logits.min(initial=-1.0), np.float32)
    kept[seed.region.within(answer.region).slices] = seed.logits
    for positive in (True, False):
        change = (answer.logits > 0) == positive
        change &= (kept > 0) != positive
        wanted = _holding(change, [_local(index, answer) for index, include in clicks if include == positive])
        kept[wanted] = answer.logits[wanted]
    return Prediction(answer.region, kept)


def _holding(change: NDArray[np.bool_], places: list[tuple[int, ...]]) -> NDArray[np.bool_]:
    """The connected parts that hold one of the places."""
    hit = [place for place in places if change[place]]
    if not hit:
        return np.zeros_like(change)
    parts, _ = ndimage.label(change)
    return np.asarray(np.isin(parts, [parts[place] for place in hit]), dtype=bool)


def _local(index: tuple[int, int, int], answer: Prediction) -> tuple[int, ...]:
    return tuple(a - b for a, b in zip(index, answer.region.start, strict=True))


def _included(seed: Prior, click: Click) -> bool:
    index = click[0]
    if not seed.region.contains(index):
        return False
    return bool(seed.logits[tuple(a - b for a, b in zip(index, seed.region.start, strict=True))] > 0)
