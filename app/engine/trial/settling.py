"""An answer settled on the image: clicks spread over tissue that looks alike, as far as the network is unsure.

The random walker with priors (Grady, CVPR 2005), with the network's probabilities as priors and the clicks as seeds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.diffusion import settle
from app.engine.trial import maps
from app.engine.trial.answer import Answer, Question
from app.engine.trial.drawing import draw
from app.engine.trial.logits import probability

_FREE = 0.05  # trust in a probability of a half, beside the pull of six neighbours that look the same
_FIRM = 1.0  # more trust in one that is sure
_SEED = 50.0
_ROUNDS = 25
_NOISE = 3.0  # typical steps between neighbours at which two voxels are half strangers
_EDGE = 3.4e-4  # probability of a logit of -8


def settled(question: Question, seen: Answer) -> Answer:
    """The answer after the image and the clicks had their say."""
    tone = question.features.image(seen.cube)[1]
    belief = probability(seen.logits)
    trust = (_FREE + _FIRM * np.abs(2 * belief - 1) ** 2).astype(np.float32)
    drawn = draw(question.prompts, seen.cube)
    for channels, value in (((maps.INCLUDE, maps.KNOWN_INSIDE), 1.0), ((maps.EXCLUDE, maps.KNOWN_OUTSIDE), 0.0)):
        told = (drawn[channels[0]] + drawn[channels[1]]) > 0
        belief[told], trust[told] = value, _SEED
    p = settle(tone, belief.astype(np.float32), trust, _NOISE * noise_of(tone), (1.0, 1.0, 1.0), _ROUNDS)
    p = np.clip(p, _EDGE, 1 - _EDGE)
    return Answer(seen.cube, np.log(p / (1 - p)).astype(np.float32), seen.quality)


def noise_of(tone: NDArray[np.float32]) -> float:
    """Typical step between neighbours."""
    steps = np.concatenate([np.abs(np.diff(tone[::2, ::2, ::2], axis=a)).ravel() for a in range(3)])
    return float(max(np.median(steps), 1e-3))
