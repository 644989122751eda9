"""`MemoryBank`: what a SAM 2 network remembers of slices seen, and what it recalls of them at the next one.

SAM 2 (arXiv 2408.00714, section 4 and appendix C): all conditioning slices, the last six others, and object pointers of
up to sixteen. "Last" goes by the direction of travel; slices on the far side of the start count where they are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.engine.sam2.network import Network

Values = NDArray[np.float32]
FRAMES = 7  # rows of the temporal code: six slices before, and the conditioning ones
POINTERS = 16
MOST_CONDITIONING = 8  # the nearest: each costs as much memory attention as a slice before
_SPLIT = 4  # tokens of 64 that a pointer of 256 becomes


@dataclass(frozen=True, slots=True)
class Remembered:
    """One slice: tokens and positions (n, 64), pointer (256,)."""

    tokens: Values
    positions: Values
    pointer: Values


@dataclass(frozen=True, slots=True)
class Recalled:
    """What memory attention gets: tokens and positions (n, 64), places (n, 2) by which keys are rotated."""

    tokens: Values
    positions: Values
    places: Values


@dataclass
class MemoryBank:
    """Memories by slice index.

    Args:
        length: Slices along the axis.
        sides_apart: Whether going the other way begins with the conditioning slices alone.
    """

    network: Network
    length: int
    sides_apart: bool = False
    conditioning: dict[int, Remembered] = field(default_factory=dict)
    tracked: dict[int, Remembered] = field(default_factory=dict)
    _direction: int = 0

    def recall(self, index: int, direction: int) -> Recalled:
        """What is remembered at slice `index` when going up (`direction` 1) or down (-1)."""
        if self.sides_apart and direction != self._direction:
            self.tracked.clear()
        self._direction = direction
        nearest = sorted(self.conditioning, key=lambda n: abs(n - index))[:MOST_CONDITIONING]
        chosen = [(FRAMES - 1, self.conditioning[n]) for n in sorted(nearest)]
        others = {n: memory for n, memory in self.conditioning.items() if n not in nearest} | self.tracked
        before = [(offset, others.get(index - direction * offset)) for offset in range(FRAMES - 1, 0, -1)]
        chosen += [(offset - 1, memory) for offset, memory in before if memory is not None]
        rows = self.network.constants.temporal
        tokens = [memory.tokens for _, memory in chosen]
        positions = [memory.positions + rows[row] for row, memory in chosen]
        places = [self._places(len(memory.tokens)) for _, memory in chosen]
        pointers = self._pointers(index, direction, nearest, others)
        parts = [*tokens, *(pointer for pointer, _ in pointers)], [*positions, *(place for _, place in pointers)]
        unturned = np.zeros((_SPLIT * len(pointers), 2), np.float32)
        return Recalled(np.concatenate(parts[0]), np.concatenate(parts[1]), np.concatenate([*places, unturned]))

    def _pointers(
        self, index: int, direction: int, nearest: list[int], others: dict[int, Remembered]
    ) -> list[tuple[Values, Values]]:
        """Pointers as tokens (4, 64) with positions: of conditioning slices behind, and of fifteen before."""
        most = min(self.length, POINTERS)
        behind = [n for n in sorted(nearest) if (index - n) * direction >= 0]
        found = [((index - n) * direction, self.conditioning[n]) for n in behind]
        steps = ((offset, others.get(index - direction * offset)) for offset in range(1, most))
        found += [(offset, memory) for offset, memory in steps if memory is not None]
        return [
            (memory.pointer.reshape(_SPLIT, -1), np.tile(self._age(offset / (most - 1)), (_SPLIT, 1)))
            for offset, memory in found
        ]

    def _age(self, share: float) -> Values:
        """Position (64,) of a pointer by how long ago it was seen, as a share of the longest; none in EdgeTAM."""
        constants = self.network.constants
        if constants.age is None or constants.age_bias is None:
            return np.zeros_like(constants.temporal[0])
        half = constants.age.shape[1] // 2
        angles = share / 10000.0 ** (2 * (np.arange(half) // 2) / half)
        sine = np.concatenate([np.sin(angles), np.cos(angles)]).astype(np.float32)
        return np.asarray(constants.age @ sine + constants.age_bias, np.float32)

    def _places(self, tokens: int) -> Values:
        """(x, y) of the tokens of one slice: its grid; of EdgeTAM's latents the second half has one of its own."""
        if not self.network.constants.latents:
            return _grid(self.network.coarse)
        flat = _grid(round((tokens // 2) ** 0.5))
        return np.concatenate([np.zeros((tokens - len(flat), 2), np.float32), flat])


def _grid(side: int) -> Values:
    y, x = np.mgrid[:side, :side]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
