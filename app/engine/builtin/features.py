"""`BuiltinFeatures`: what `classic` prepares of a volume, and what lies around each piece."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.surroundings import surroundings
from app.engine.classic import features as classic
from app.engine.classic.features import Features
from app.engine.classic.supervoxels import PIECES
from app.engine.protocol import ReportProgress, Token
from app.volume import Volume

_AROUND = "surroundings"


@dataclass(frozen=True, slots=True, eq=False)
class BuiltinFeatures(Features):
    """A prepared volume.

    Args:
        surroundings: (n, surroundings.COUNT) of the pieces.
    """

    surroundings: NDArray[np.float32]


def prepare_features(volume: Volume, progress: ReportProgress, token: Token, wanted: int = PIECES) -> BuiltinFeatures:
    """See `classic.features.prepare_features`."""
    features = classic.prepare_features(volume, progress, token, wanted)
    token.raise_if_cancelled()
    return BuiltinFeatures(**_parts(features), surroundings=surroundings(features))


def pack(features: BuiltinFeatures) -> dict[str, NDArray[np.generic]]:
    """Arrays from which `unpack` makes the same features again, given the volume."""
    return {**classic.pack(features), _AROUND: features.surroundings}


def unpack(volume: Volume, arrays: dict[str, NDArray[np.generic]]) -> BuiltinFeatures:
    """Features from `pack`.

    Raises:
        KeyError: when an array is missing.
    """
    around = np.asarray(arrays[_AROUND], dtype=np.float32)
    return BuiltinFeatures(**_parts(classic.unpack(volume, arrays)), surroundings=around)


def _parts(features: Features) -> dict[str, Any]:
    return {field.name: getattr(features, field.name) for field in fields(features)}
