"""Carrying a mask from slice to slice with SAM 2's memory: `begin` from given masks, then `carry` to the neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits
from app.engine.sam2.bank import MemoryBank, Remembered
from app.engine.sam2.network import NO_MARKS, Decoded
from app.engine.sam2.picture import resized
from app.engine.sam2.video import DRAWN, LARGEST, Video, drawn_logits

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Track:
    """One object being carried along one axis."""

    video: Video
    axis: int
    bank: MemoryBank


def begin(video: Video, axis: int, conditioning: Mapping[int, Mask]) -> Track:
    """A track that remembers the given masks of slices, in array order."""
    bank = MemoryBank(video.network, video.volume.shape[axis], video.sides_apart)
    for index, mask in sorted(conditioning.items()):
        bank.conditioning[index] = _conditioned(video, axis, index, mask)
    return Track(video, axis, bank)


def carry(track: Track, index: int, previous: int) -> tuple[Logits, float]:
    """Logits of slice `index`, coming from its neighbour, in array order, and a confidence 0..1.

    The confidence is the probability that the object is there times the predicted IoU of the mask. Where the network
    sees no object every logit is negative.
    """
    video, network = track.video, track.video.network
    features = video.features(track.axis, index)
    recalled = track.bank.recall(index, 1 if index > previous else -1)
    coarse = network.attend(features["coarse"], recalled.tokens, recalled.positions, recalled.places)
    decoded = network.decode(features, coarse, NO_MARKS, None)
    low = decoded.logits if decoded.score > 0 else np.full_like(decoded.logits, -LARGEST)
    shares = _probability(resized(low, (network.side, network.side)))
    track.bank.tracked[index] = _remembered(video, features["coarse"], drawn_logits(shares), decoded)
    confidence = decoded.quality * float(_probability(np.float32(decoded.score)))
    return np.clip(video.pictures.plane(track.axis, low), -LARGEST, LARGEST), confidence


def _conditioned(video: Video, axis: int, index: int, mask: Mask) -> Remembered:
    """What the decoder answered to clicks or a box is remembered on its own grid, with the pointer it had.

    Another mask is remembered as it is; the decoder only makes its pointer (sam2_base.py, _use_mask_as_output).
    """
    network, features = video.network, video.features(axis, index)
    said = video.originals.of_mask(axis, index, mask)
    if said is not None and said.score > 0:
        return _remembered(video, features["coarse"], _hard(said.logits, network.side), said)
    square = (video.pictures.square(axis, mask, network.side) >= 0.5).astype(np.float32)
    decoded = network.decode(features, features["coarse"], NO_MARKS, _shrunk(video, square))
    low = resized(drawn_logits(square), (network.low, network.low))
    hard = _hard(low, network.side)
    if not square.any():
        decoded = Decoded(decoded.logits, decoded.quality, network.constants.no_object, -1.0)
    return _remembered(video, features["coarse"], hard, decoded, present=bool(square.any()))


def _hard(low: Values, side: int) -> Values:
    """Logits of a slice that was prompted, as its memory is made of them: -10 and 10, (S, S)."""
    return np.where(resized(low, (side, side)) > 0, DRAWN, -DRAWN).astype(np.float32)


def _remembered(
    video: Video, coarse: Values, mask: Values, decoded: Decoded, *, present: bool | None = None
) -> Remembered:
    """Args: mask: (S, S), from -10 to 10. present: Whether the object is there; None leaves it to the decoder."""
    constants = video.network.constants
    tokens, positions = video.network.memorise(coarse, mask)
    seen = decoded.score > 0
    if constants.absent is not None and not (seen if present is None else present):
        tokens = tokens + constants.absent
    return Remembered(tokens, positions, decoded.pointer if seen else constants.no_object)


def _shrunk(video: Video, square: Values) -> Values:
    """Logits (4h, 4h) that the decoder takes, by the network's own convolution (4 x 4, stride 4)."""
    constants, low = video.network.constants, video.network.low
    blocks = square.reshape(low, 4, low, 4)
    return np.asarray(np.einsum("aibj,ij->ab", blocks, constants.shrink) + constants.shrink_bias, np.float32)


def _probability(logits: Any) -> Values:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -LARGEST, LARGEST))), np.float32)
