"""Where a threshold tells what is meant, as of all bones of a head: the object goes on over the whole scan.

Of what is large and thin the network sees a part at a time: of bone in the CTs of three heads three clicks found half
(`training/REPORT.md`). Where its answer ends at one tone all around, what is meant is taken to be all that is brighter
(or darker) than this and hangs together with what was included: a connected threshold, as ITK calls it. Further clicks
move the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.features import LARGE
from app.engine.builtin.level import Level, spread
from app.engine.classic.cells import Cells
from app.engine.classic.features import Features
from app.engine.classic.refinement import SURE, balls
from app.engine.classic.seeds import Indices, Seeds
from app.engine.evaluation.metrics import dice
from app.engine.protocol import Logits, Prior
from app.geometry import Region

Mask = NDArray[np.bool_]

_INCLUDES = 2  # clicks inside, before anything is taken to go on
_FITS = 0.8  # Dice of the answer and of a threshold near it
_LIKE = (0.35, 0.85)  # Dice of the answer and the component: below, it leaks; above, hardly anything was missing
_LEAST_PART = _LIKE[0] / (2 - _LIKE[0])  # of the component, that the answer then is
_ALIKE = 0.5  # of the step of tone at the border, by which the usual tone of what is added may differ
_AS_SHARP = 0.95  # of the step at the answer's border, that at the component's
_SAME = 0.5  # of the way from the threshold to the tone inside, from which on a tone is the object's
_MADE, _STAYS = 0.97, 0.85  # Dice of the last answer with a threshold near it, and with all that this connects
_AT_ONCE = 0.75  # Dice of what is connected before and after a click moves the threshold: it floods nothing
_SMALLER = 0.5  # of the size that is large, meanwhile
_OUTLYING = 0.1  # share of the clicked cells that do not count: strokes run over borders
_APART = 0.25  # share of the clicked cells, that may be excluded though they have the object's tone
_STEEP, _MOST, _LEAST = 8.0, 4.0, 0.2  # logits to a step of tone; of a cell at its border, at most and at least


@dataclass(frozen=True, slots=True, eq=False)
class _Component:
    """Args: tone of the threshold, (k, j, i) which cells of the lattice it connects, and the box around these."""

    threshold: float
    mask: Mask
    box: Region

    def like(self, other: Cells, around: Region) -> float:
        """Dice with an answer that lies within a box."""
        both = self.box.union(around)
        return dice(self.mask[both.slices], other.inside(both))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Args: at which tone an answer ends, and what is connected there."""

    level: Level
    component: _Component

    @property
    def same(self) -> float:
        """From this tone on it is the object's: what is excluded there is not told apart by any threshold."""
        return self.component.threshold + _SAME * (self.level.inside - self.component.threshold)

    def set_apart(self, exclude: Indices) -> int:
        """How many excluded cells have the object's tone."""
        return int(np.count_nonzero(self.level.tones[tuple(exclude.T)] >= self.same))


def connected_threshold(features: Features, seeds: Seeds, answer: Cells, last: Prior | None) -> Cells | None:
    """All that a threshold connects to what was included; None where none tells what is meant.

    Args:
        answer: What the network says.
        last: What was answered before the newest prompt.
    """
    lattice = features.lattice
    if seeds.precise or len(seeds.clicked_in) < _INCLUDES or 1 in lattice.shape:
        return None
    clicks = lattice.cells(seeds.clicked_in), lattice.cells(seeds.clicked_out)
    made = _made(features, clicks[0], last)
    if (found := made or _begun(features, seeds, clicks[0], answer, last)) is None:
        return None
    component = _moved_by(found, *clicks)
    if component.like(answer, answer.region) > _LIKE[1]:
        return None
    wrong = [cells[component.mask[tuple(cells.T)] == out] for cells, out in zip(clicks, (False, True), strict=True)]
    if made and found.set_apart(wrong[1]) > _APART * sum(map(len, clicks)):
        return None
    if not made and (any(map(len, wrong)) or not _goes_on(features, found.level, component)):
        return None
    region = component.box.grown(1, lattice.shape)
    logits = _logits(found.level, component, region)
    for cells, value in zip(wrong, (SURE, -SURE), strict=True):
        _write(logits, region, balls(features, cells, last), value)
    return Cells(region, logits, by_threshold=True)


def _made(features: Features, include: Indices, last: Prior | None) -> _Found | None:
    """What was the answer, if a threshold made it: the network sees too little of it to be asked again."""
    if last is None:
        return None
    before = Cells(*last.on(features.lattice))
    found = _ending(features, include, before, _SMALLER, _MADE)
    return found if found is not None and found.component.like(before, before.region) >= _STAYS else None


def _begun(features: Features, seeds: Seeds, include: Indices, answer: Cells, last: Prior | None) -> _Found | None:
    """At what the answer ends; sought (30 ms) only where the newest click is an include beside the last answer."""
    if last is not None and len(seeds.newest):
        is_include = (seeds.clicked_in == seeds.newest[0]).all(axis=1).any()
        before = Cells(*last.on(features.lattice)).inside(Region.whole(features.lattice.shape))
        if not is_include or before[tuple(features.lattice.cells(seeds.newest).T)].all():
            return None
    return _ending(features, include, answer, _LEAST_PART, _FITS)


def _ending(features: Features, include: Indices, answer: Cells, least: float, fits: float) -> _Found | None:
    """What is connected at the tone at which an answer of a least size (a share of what is large) ends."""
    if np.count_nonzero(answer.logits > 0) < least * _large(features):
        return None
    level = Level.of(features.cells, answer)
    if level is None or level.fits < fits:
        return None
    component = _connected(level, level.threshold, include)
    return None if component is None else _Found(level, component)


def _moved_by(found: _Found, include: Indices, exclude: Indices) -> _Component:
    """At the threshold that clicks move it to, unless it becomes another thing there."""
    level, component = found.level, found.component
    beyond = exclude[component.mask[tuple(exclude.T)]]
    above, below = _brightest(level, beyond, found.same), _darkest(level, include)
    threshold = level.limited(_moved(component.threshold, above, below))
    if threshold == component.threshold:
        return component
    moved = _connected(level, threshold, include)
    return moved if moved is not None and dice(moved.mask, component.mask) >= _AT_ONCE else component


def _moved(threshold: float, above: float, below: float) -> float:
    """Above the tones that are excluded and below those that are included, as far as both can be.

    A correction lies where what is wrong is deepest, so that its tone is about in the middle between the threshold and
    the one that is meant.
    """
    if threshold <= above:
        mirrored = 2 * above - threshold
        return mirrored if mirrored < below else (above + below) / 2
    if threshold >= below:
        return max(2 * below - threshold, (above + below) / 2)
    return threshold


def _darkest(level: Level, include: Indices) -> float:
    """Tone of what is included; what is as dark as the surroundings is not meant by its tone."""
    tones = level.tones[tuple(include.T)]
    tones = tones[tones > level.outside]
    return float(np.quantile(tones, _OUTLYING, method="lower")) if tones.size else np.inf


def _brightest(level: Level, exclude: Indices, same: float) -> float:
    """Tone of what is excluded; what has the object's tone is not excluded for it."""
    tones = level.tones[tuple(exclude.T)]
    tones = tones[tones < same]
    return float(np.quantile(tones, 1 - _OUTLYING, method="higher")) if tones.size else -np.inf


def _connected(level: Level, threshold: float, include: Indices) -> _Component | None:
    """What is brighter than a threshold and hangs together with an included cell; None where nothing is."""
    parts = cc3d.connected_components(level.tones > threshold, connectivity=6)  # half the time of ndimage.label
    meant = np.unique(parts[tuple(include.T)])
    meant = meant[meant > 0]
    mask = parts == meant[0] if meant.size == 1 else np.isin(parts, meant)
    box = Region.around(mask) if meant.size else None
    return None if box is None else _Component(threshold, mask, box)


def _goes_on(features: Features, level: Level, found: _Component) -> bool:
    """Whether the component is what the answer is a part of."""
    both = found.box.union(level.box)
    mask, own = found.mask[both.slices], level.answer.inside(both)
    if dice(mask, own) < _LIKE[0] or np.count_nonzero(mask) < _large(features):
        return False
    tones = level.tones[both.slices]
    added = np.median(tones[mask & ~own]) - np.median(tones[own])
    border = level.contrast(level.answer.inside(level.box), level.box)
    return bool(abs(added) <= _ALIKE * level.step and level.contrast(mask, both) >= _AS_SHARP * border)


def _large(features: Features) -> float:
    """Cells of what is looked at from farther away."""
    return LARGE * float(features.pieces.usual_size)


def _logits(level: Level, found: _Component, region: Region) -> Logits:
    """By how far tones are from the threshold, in the component and beside it; far outside elsewhere."""
    mask = found.mask[region.slices]
    near = spread(mask)
    sure = np.clip(_STEEP * (level.tones[region.slices][near] - found.threshold) / level.step, -_MOST, _MOST)
    logits = np.full(region.shape, -SURE, dtype=np.float32)
    logits[near] = np.where(mask[near], np.maximum(sure, _LEAST), np.minimum(sure, -_LEAST))
    return logits


def _write(logits: Logits, region: Region, cells: Indices, value: float) -> None:
    """What clicks speak for all the same."""
    here = cells[((cells >= region.start) & (cells < region.stop)).all(axis=1)] - region.start
    logits[tuple(here.T)] = value
