"""`BuiltinFeatures`: what `classic` prepares, what lies around each piece, and the same from farther away."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.merging import groups, merged
from app.engine.builtin.surroundings import surroundings
from app.engine.classic import features as classic
from app.engine.classic.features import Cut, Features
from app.engine.classic.supervoxels import PIECES
from app.engine.protocol import ReportProgress, Token
from app.threads import pool
from app.volume import Volume

_AROUND, _PART, _AROUND_COARSE = "surroundings", "part", "surroundings_coarse"

LARGE = 700
"""Pieces of an object that is looked at from farther away; a volume of no more has no far view."""

_COARSER = 0.3  # share of its pieces that a volume has seen from farther away


@dataclass(frozen=True, slots=True, eq=False)
class BuiltinFeatures(Features):
    """A prepared volume.

    Args:
        surroundings: (n, surroundings.COUNT) of the pieces.
        far: The same in fewer pieces, each of whole ones, for what is large; none of a volume of few pieces.
        alone: (axis, index) -> a slice as a volume of its own, of those that were looked at last (`plane.py`).
    """

    surroundings: NDArray[np.float32]
    far: FarView | None = None
    alone: OrderedDict[tuple[int, int], SliceAlone] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True, eq=False)
class FarView:
    """A volume in fewer pieces.

    Args:
        part: (n,) of which of them each piece of the volume is part.
        features: Of these.
    """

    part: NDArray[np.int32]
    features: BuiltinFeatures


@dataclass(frozen=True, slots=True, eq=False)
class SliceAlone:
    """A slice of a volume.

    Args:
        features: Of it, as of a volume of one slice.
        tones: (3, rows, columns) lightly smoothed tones, as the volume has them, of this slice, of the one before and
            of the next; beyond the volume's rim of this one.
    """

    features: BuiltinFeatures
    tones: NDArray[np.float32]


def prepare_features(volume: Volume, progress: ReportProgress, token: Token, wanted: int = PIECES) -> BuiltinFeatures:
    """See `classic.features.prepare_features`."""
    cut = classic.prepare_cut(volume, progress, token, wanted)
    token.raise_if_cancelled()
    with pool() as aside:
        far = aside.submit(from_afar, cut) if cut.pieces.count > LARGE else None
        near = from_near(Features.of(cut))
    progress(1.0, "Preparing")
    return replace(near, far=None if far is None else far.result())


def from_near(features: Features) -> BuiltinFeatures:
    """What `classic` prepares and what lies around each piece, without a far view."""
    return BuiltinFeatures(**_parts(features), surroundings=surroundings(features))


def from_afar(cut: Cut, coarser: float = _COARSER) -> FarView:
    """The same pieces in fewer.

    Args:
        coarser: Share of the pieces, about.
    """
    part = groups(cut.pieces, cut.lattice.steps, round(coarser * cut.pieces.count))
    return FarView(part, from_near(_merged(cut, part)))


def pack(features: BuiltinFeatures) -> dict[str, NDArray[np.generic]]:
    """Arrays from which `unpack` makes the same features again, given the volume."""
    arrays = {**classic.pack(features), _AROUND: features.surroundings}
    if features.far is None:
        return arrays
    return {**arrays, _PART: features.far.part, _AROUND_COARSE: features.far.features.surroundings}


def unpack(volume: Volume, arrays: dict[str, NDArray[np.generic]]) -> BuiltinFeatures:
    """Features from `pack`.

    Raises:
        KeyError: when an array is missing.
    """
    near = classic.unpack(volume, arrays)
    around, far = np.asarray(arrays[_AROUND], dtype=np.float32), None
    if _PART in arrays:
        part = np.asarray(arrays[_PART], dtype=np.int32)
        coarse = np.asarray(arrays[_AROUND_COARSE], dtype=np.float32)
        far = FarView(part, BuiltinFeatures(**_parts(_merged(near, part)), surroundings=coarse))
    return BuiltinFeatures(**_parts(near), surroundings=around, far=far)


def _merged(cut: Cut, part: NDArray[np.int32]) -> Features:
    return Features.of(replace(cut, pieces=merged(cut.pieces, part)))


def _parts(features: Features) -> dict[str, Any]:
    return {field.name: getattr(features, field.name) for field in fields(Features)}
