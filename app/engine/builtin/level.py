"""`Level`: the tone at which an answer ends, if it ends at one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.cells import Cells
from app.engine.evaluation.metrics import dice
from app.geometry import Region

Mask = NDArray[np.bool_]
Tones = NDArray[np.float32]

_NEAR = 2  # cells beside the answer, within which a threshold has to say the same
_SHARES = np.linspace(0.1, 0.8, 8)  # thresholds that are looked at: of the way from the tone outside to that inside
_MARGIN = 0.05  # of that way, by which any threshold lies between both tones


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Tones are turned so that the object is brighter than what is around it.

    Args:
        tones: (k, j, i) of all cells.
        answer: The answer.
        box: Around it.
        inside, outside: Its usual tone, and that of the cells beside it.
        threshold: What parts them best.
        fits: Dice of the answer and what the threshold says near it.
    """

    tones: Tones
    answer: Cells
    box: Region
    inside: float
    outside: float
    threshold: float
    fits: float

    @classmethod
    def of(cls, cells: Tones, answer: Cells) -> Level | None:
        """From smoothed tones (k, j, i) and an answer; None where it is empty or has the tone of what is around it."""
        tight = Region.around(answer.logits > 0)
        if tight is None:
            return None
        box = tight.placed(answer.region.start).grown(_NEAR + 1, cells.shape)
        mask = answer.inside(box)
        near = mask
        for _ in range(_NEAR):
            near = spread(near)
        seen, own = cells[box.slices][near], mask[near]
        if own.all() or (inside := float(np.median(seen[own]))) == (outside := float(np.median(seen[~own]))):
            return None
        turned = 1.0 if inside > outside else -1.0
        inside, outside, seen = turned * inside, turned * outside, turned * seen
        threshold, fits = _parting(seen, own, inside, outside)
        return cls(cells if turned > 0 else -cells, answer, box, inside, outside, threshold, fits)

    @property
    def step(self) -> float:
        """From the tone outside to that inside."""
        return self.inside - self.outside

    def limited(self, threshold: float) -> float:
        """A threshold between both tones."""
        return _between(threshold, self.inside, self.outside)

    def contrast(self, mask: Mask, region: Region) -> float:
        """The mean step of tone from a cell of a mask (on a region) to the next one outside; 0 without a border."""
        tones, steps = self.tones[region.slices], []
        for axis in range(3):
            low, high = (slice(None),) * axis + (slice(-1),), (slice(None),) * axis + (slice(1, None),)
            faces = mask[low] != mask[high]
            steps.append(np.abs(tones[low][faces] - tones[high][faces]))
        found = np.concatenate(steps)
        return float(found.mean()) if found.size else 0.0


def _parting(seen: Tones, own: Mask, inside: float, outside: float) -> tuple[float, float]:
    """The threshold that parts some tones of an object from others best, and how well (Dice).

    Above one of those looked at lie as many tones as the object has: where a threshold made it, that is this threshold.
    """
    as_many = _between(float(np.quantile(seen, 1 - own.mean())), inside, outside)
    thresholds = [*(outside + _SHARES * (inside - outside)), as_many]
    fits = [dice(seen > threshold, own) for threshold in thresholds]
    best = int(np.argmax(fits))
    return float(thresholds[best]), fits[best]


def _between(threshold: float, inside: float, outside: float) -> float:
    margin = _MARGIN * (inside - outside)
    return float(np.clip(threshold, outside + margin, inside - margin))


def spread(mask: Mask) -> Mask:
    """With the six neighbours of each cell; a fifth of the time of `ndimage.binary_dilation`."""
    wider = mask.copy()
    for axis in range(3):
        low, high = (slice(None),) * axis + (slice(-1),), (slice(None),) * axis + (slice(1, None),)
        wider[low] |= mask[high]
        wider[high] |= mask[low]
    return wider
