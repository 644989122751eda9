"""`Network`: one SAM 2 network with its weights, as functions of arrays; each part is compiled when first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.engine.backends import Backend, Compiled, chosen
from app.engine.sam2.weights import Weights
from app.engine.slicewise import Features

if TYPE_CHECKING:
    from torch import nn

Values = NDArray[np.float32]
CODE = "1"  # of the parts: raise it when they change, so that kept compiled ones are made again
NO_POINT = -1
MULTIMASK_POINTS = 1  # with more, one mask is asked for (multimask_max_pt_num)
STABLE = 0.98  # share of the mask's area that must survive a shift of its threshold
SHIFT = 0.05  # of the logit


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the mask decoder says of a slice.

    Args:
        logits: (4h, 4h), a quarter of the picture's side.
        quality: Predicted IoU of that mask, 0..1.
        pointer: (256,) object pointer.
        score: Positive where the decoder sees the object at all.
    """

    logits: Values
    quality: float
    pointer: Values
    score: float


@dataclass(frozen=True, slots=True)
class Marks:
    """Points of a slice for the prompt encoder.

    Args:
        points: (n, 2), (x, y) in pixels of the square picture.
        labels: (n,), 1 include, 0 exclude, 2 and 3 the corners of a box.
    """

    points: Values
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Constants:
    """Parameters that are used outside the compiled parts; None where a network has none.

    Args:
        no_memory: (256, 1, 1), added to the features of a slice that is looked at by itself.
        no_object: (256,), the pointer of a slice without the object.
        absent: (64,), added to the memory of a slice without the object.
        temporal: (7, 64), row o for the slice o + 1 before, the last for conditioning slices.
        age, age_bias: (64, 256) and (64,), from the code of a pointer's age to its position.
        shrink, shrink_bias: (4, 4) and (1,), from a mask to logits at a quarter of its side.
        latents: Whether a slice is remembered as EdgeTAM's latents, half of them without a place.
    """

    no_memory: Values
    no_object: Values
    absent: Values | None
    temporal: Values
    age: Values | None
    age_bias: Values | None
    shrink: Values
    shrink_bias: Values
    latents: bool

    @classmethod
    def of(cls, weights: Weights) -> Constants:
        """From a checkpoint."""
        values, age = weights.values, "temporal_positional_encoding_projection_layer"
        absent = "occlusion_spatial_embedding_parameter"
        return cls(
            no_memory=values("no_memory_embedding").reshape(-1, 1, 1),
            no_object=values("no_object_pointer").ravel(),
            absent=values(absent).ravel() if weights.has(absent) else None,
            temporal=values("memory_temporal_positional_encoding").squeeze((1, 2)),
            age=values(f"{age}.weight") if weights.has(f"{age}.weight") else None,
            age_bias=values(f"{age}.bias") if weights.has(f"{age}.bias") else None,
            shrink=values("mask_downsample.weight").reshape(4, 4),
            shrink_bias=values("mask_downsample.bias"),
            latents=weights.has("spatial_perceiver.latents_2d"),
        )


NO_MARKS = Marks(np.zeros((1, 2), np.float32), np.array([NO_POINT]))


class Network:
    """The parts of a network; h is a sixteenth of the picture's side.

    Args:
        backend: None is the one for this machine, chosen when the first part is compiled.
        side: Of the square picture, pixels.
    """

    def __init__(self, weights: Weights, backend: Backend | None, side: int) -> None:
        self.side = side
        self.coarse, self.low = side // 16, side // 4
        self._weights = weights
        self._backend = backend
        self._places: Values | None = None
        self._waiting = {"Encoder", "Decoder", "MemoryEncoder", "MemoryAttention"}

    def load(self) -> None:
        """Have ready what a click needs; the rest is compiled when a mask is first carried.

        Raises:
            BadInput: the weights are of another network.
        """
        _ = self._encoder, self._decoder, self.constants

    def encode(self, picture: Values) -> Features:
        """(3, S, S) -> features of a slice: fine (32, 4h, 4h), middle (64, 2h, 2h), coarse (256, h, h)."""
        fine, middle, coarse = self._encoder(picture[None])
        return {"fine": fine[0], "middle": middle[0], "coarse": coarse[0]}

    def decode(self, features: Features, coarse: Values, marks: Marks, mask: Values | None) -> Decoded:
        """A mask from points and the logits of an earlier mask (4h, 4h).

        With one point or none and no earlier mask it is the best of three, as clicks are ambiguous; else the one mask.

        Args:
            coarse: (256, h, h), conditioned in one way or another.
        """
        given = mask is not None
        known = mask if mask is not None else np.zeros((self.low, self.low), np.float32)
        parts = (features["fine"], features["middle"], coarse, marks.points[None], marks.labels[None], known[None])
        inputs = [part[None] for part in parts]
        masks, quality, pointers, score = self._decoder(*inputs, np.array([given], np.float32))
        points = int((marks.labels != NO_POINT).sum())
        best, token = _choose(masks, quality, several=points <= MULTIMASK_POINTS and not given)
        return Decoded(masks[best], float(quality[best]), pointers[token], float(score[0]))

    def memorise(self, coarse: Values, mask: Values) -> tuple[Values, Values]:
        """Tokens (n, 64) and positions (n, 64) of a slice and its mask (S, S), from -10 to 10.

        Positions are one array for all slices: 1 MB that 500 of them would keep 500 times.
        """
        tokens, places = self._memory_encoder(coarse[None], mask[None, None])
        self._places = places if self._places is None else self._places
        return tokens, self._places

    def attend(self, coarse: Values, memory: Values, positions: Values, places: Values) -> Values:
        """Coarse features (256, h, h) conditioned on a memory: see `parts.MemoryAttention`."""
        (attended,) = self._memory_attention(coarse[None], memory, positions, places)
        return attended[0]  # type: ignore[no-any-return]  # arrays of any type by declaration

    @cached_property
    def constants(self) -> Constants:
        """What is used outside the compiled parts."""
        return Constants.of(self._weights)

    @cached_property
    def _encoder(self) -> Compiled:
        from app.engine.sam2.parts import Encoder

        return self._compiled(Encoder, [(1, 3, self.side, self.side)])

    @cached_property
    def _decoder(self) -> Compiled:
        from app.engine.sam2.parts import Decoder

        h, low = self.coarse, self.low
        features = [(1, 32, low, low), (1, 64, 2 * h, 2 * h), (1, 256, h, h)]
        shapes = [*features, (1, 1, 1, 2), (1, 1, 1), (1, 1, low, low), (1,)]
        return self._compiled(Decoder, shapes, whole_numbers=4, varying={3: [2], 4: [2]})

    @cached_property
    def _memory_encoder(self) -> Compiled:
        from app.engine.sam2.parts import MemoryEncoder

        return self._compiled(MemoryEncoder, [(1, 256, self.coarse, self.coarse), (1, 1, self.side, self.side)])

    @cached_property
    def _memory_attention(self) -> Compiled:
        from app.engine.sam2.parts import MemoryAttention

        tokens = self.coarse**2
        shapes = [(1, 256, self.coarse, self.coarse), (tokens, 64), (tokens, 64), (tokens, 2)]
        return self._compiled(MemoryAttention, shapes, varying={1: [0], 2: [0], 3: [0]})

    def _compiled(
        self,
        part: Callable[[Any], nn.Module],
        shapes: Sequence[tuple[int, ...]],
        *,
        whole_numbers: int = -1,
        varying: Mapping[int, Sequence[int]] | None = None,
    ) -> Compiled:
        examples: list[NDArray[Any]] = [np.zeros(shape, np.float32) for shape in shapes]
        if whole_numbers >= 0:
            examples[whole_numbers] = examples[whole_numbers].astype(np.int64)
        name = getattr(part, "__name__", "")
        key = f"sam2 {CODE} {name} {self.side} {self._weights.key}" if self._weights.key else ""
        self._backend = self._backend or chosen()
        compiled = self._backend.compile(lambda: part(self._weights.network), examples, varying=varying, key=key)
        self._waiting.discard(name)
        if not self._waiting:
            self._weights.release()
        return compiled


def _choose(masks: Values, quality: Values, *, several: bool) -> tuple[int, int]:
    """Which of the four masks, and whose pointer.

    Several: the best of masks 1 to 3 by predicted quality. Otherwise mask 0, or the best of the others where its area
    hangs on the threshold (SAM 2's dynamic multimask via stability); the pointer stays that of mask 0 then.
    """
    best = 1 + int(quality[1:].argmax())
    if several:
        return best, best
    certain, possible = float((masks[0] > SHIFT).sum()), float((masks[0] > -SHIFT).sum())
    stable = not possible or certain / possible >= STABLE
    return (0 if stable else best), 0
