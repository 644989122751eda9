"""From how far away the network looks at a volume: what is large is seen whole in fewer, larger pieces.

nnInteractive zooms out where an object leaves its view (Isensee et al., 2025); here a larger object has more pieces
than the network learnt to oversee, and a shell of bone leaves the view on all sides.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.features import LARGE, BuiltinFeatures
from app.engine.protocol import Prior

Logits = NDArray[np.float32]
Ask = Callable[[BuiltinFeatures], Logits]
"""Logits of the pieces of what is given: the volume itself, or its far view."""


def at_its_size(features: BuiltinFeatures, ask: Ask, last: Prior | None = None) -> Logits:
    """(n,) logits of the pieces: from farther away if the object is large, as the last answer says, or this one.

    The first time it is looked at from farther away first, as what is too large to be seen whole looks small near by.
    """
    if features.far is None:
        return ask(features)
    was_small = last is not None and _pieces_before(features, last) <= LARGE
    if was_small and _pieces(features, near := ask(features)) <= LARGE:
        return near
    far = np.asarray(ask(features.far.features)[features.far.part])
    if was_small or _pieces(features, far) > LARGE:
        return far
    return ask(features)


def _pieces(features: BuiltinFeatures, logits: Logits) -> float:
    """How many usual pieces an answer (n,) has inside."""
    size = features.pieces.size
    return float(size[logits > 0].sum() / np.median(size))


def _pieces_before(features: BuiltinFeatures, last: Prior) -> float:
    """The same of the last answer, whose logits are of voxels."""
    voxels = float(np.median(features.pieces.size) * np.prod(features.lattice.factors))  # of the usual piece
    return np.count_nonzero(last.logits > 0) / voxels
