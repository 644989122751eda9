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
    size = features.pieces.size
    large = LARGE * float(features.pieces.usual_size)  # in cells

    def is_large(answer: Logits) -> bool:
        return float(size[answer > 0].sum()) > large

    was_small = last is not None and np.count_nonzero(last.on(features.lattice)[1] > 0) <= large
    if was_small and not is_large(near := ask(features)):
        return near
    far = np.asarray(ask(features.far.features)[features.far.part])
    return far if was_small or is_large(far) else ask(features)
