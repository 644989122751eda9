"""What the network is told of a slice on which clicks lie: maps on the points of a `Square`, and a few numbers.

As for carried slices (`step_features.py`) all is in units of the image's contrast and noise, and of points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.builtin.clicked import Clicked, Pixels
from app.engine.builtin.contrast import Contrast
from app.engine.builtin.square import SIDE, Square
from app.engine.classic.refinement import SURE
from app.engine.protocol import Logits

Floats = NDArray[np.float32]

MAPS, NUMBERS = 14, 7
TONES, BESIDE, LOGITS, LAST = slice(0, 3), (1, 2), 4, (11, 12)
"""Which maps hold tones, those of the slices on both sides, the logits that are to be corrected, divided by `SURE`, and
what was answered before."""

_NEARLY = 2.0  # logits: of what is unsure the network is told more exactly
_INSIDE, _AROUND = 5, -4  # points: how far into and out of the answer tones are compared
_NEAR = 16  # points from a prompt up to which it is seen
_MANY = 5  # prompts
_MOST = 6  # prompts: it learnt from no more, so that it is told of no more


def of_clicks(clicked: Clicked, square: Square) -> tuple[Floats, Floats]:
    """Maps (MAPS, SIDE, SIDE) and numbers (NUMBERS,)."""
    both, last = clicked.both, clicked.last
    depth = square.depth(both > 0)
    tones = [square.take(tone[square.window], square.window) for tone in clicked.tones]
    contrast = _contrast(tones[0], depth * Square.DEEPEST, clicked.features.graph.noise)
    nothing = np.zeros((SIDE, SIDE), np.float32)
    maps = [
        *(contrast(tone) for tone in tones),
        _on(square, both, _NEARLY),
        *(_on(square, logits, SURE) for logits in (both, clicked.alone, clicked.volume)),
        depth,
        *_marked(clicked.marks, square),
        nothing if last is None else _on(square, last, SURE),
        nothing if last is None else square.depth(last > 0),
        square.within,
    ]
    return np.stack(maps).astype(np.float32), np.array(_numbers(clicked, square.pitch, contrast), np.float32)


def _on(square: Square, logits: Logits, most: float) -> Floats:
    return square.take_limited(logits[square.window], square.window, most, -SURE)


def _contrast(tone: Floats, points: Floats, noise: float) -> Contrast:
    """Near the border of the answer, in which points lie so deep."""
    inner, outer = (points > 0) & (points < _INSIDE), (points <= 0) & (points > _AROUND)
    return Contrast.of(tone, inner, outer, noise, tone)


def _marked(marks: list[tuple[Pixels, bool]], square: Square) -> list[Floats]:
    """How near an include, an exclude, and the newest prompt are: 1 at it, less than 0 where that is an exclude."""
    included, excluded = ([pixels for pixels, positive in marks if positive is wanted] for wanted in (True, False))
    newest, positive = marks[-1]
    return [_near(included, square), _near(excluded, square), _near([newest], square) * (1 if positive else -1)]


def _near(parts: list[Pixels], square: Square) -> Floats:
    away = np.ones((SIDE, SIDE), dtype=bool)
    for pixels in parts:
        points = np.rint((pixels - np.array(square.origin)) / np.array(square.strides)).astype(np.int64)
        away[tuple(np.clip(points, 0, SIDE - 1).T)] = False
    if away.all():
        return np.zeros((SIDE, SIDE), np.float32)
    return np.asarray(np.clip(1 - ndimage.distance_transform_edt(away) / _NEAR, 0, 1), dtype=np.float32)


def _numbers(clicked: Clicked, pitch: float, contrast: Contrast) -> tuple[float, ...]:
    """Of prompts, contrast in units of noise, how both answers agree, and sizes in units of points."""
    volume, alone, both = clicked.volume > 0, clicked.alone > 0, int((clicked.both > 0).sum())
    before = 0 if clicked.last is None else int((clicked.last > 0).sum())
    features, axis = clicked.features, clicked.plane.axis
    return (
        min(len(clicked.prompts), _MOST) / _MANY,
        min(sum(positive for _, positive in clicked.marks), _MOST) / _MANY,
        min(contrast.in_noise / 8, 2.0),
        2 * int((volume & alone).sum()) / max(1, int(volume.sum()) + int(alone.sum())),
        float(np.clip(np.log(features.pitch / pitch), -2, 3)) / 2,
        float(np.clip(np.log(features.volume.geometry.spacing[axis] / pitch), -3, 3)) / 3,
        float(np.clip(np.log((both + 1) / (before + 1)), -3, 3)) / 3 if before else 0.0,
    )
