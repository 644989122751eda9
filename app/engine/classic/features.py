"""`Features`: what `classic` prepares of a volume once, and its form in the embedding cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.graph import Graph
from app.engine.classic.joining import connected
from app.engine.classic.lattice import Lattice
from app.engine.classic.supervoxels import PIECES, Supervoxels, cut_lattice, describe, smooth, step_noise
from app.engine.classic.tone import Tone
from app.engine.protocol import ReportProgress, Token
from app.median import median3
from app.threads import pool
from app.volume import Volume

_SMOOTH_ENOUGH = 8  # voxels to a cell: the mean of that many is as quiet as a median of 27, and a second quicker


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A volume in pieces.

    Args:
        volume: The image itself; the last step looks at its own voxels.
        tone: Its intensity scale.
        lattice: The grid it was prepared on.
        cells: (k, j, i) smoothed tones on the lattice.
        pieces: Supervoxels of `cells`.
        noise: Standard deviation of the tone inside tissue.
    """

    volume: Volume
    tone: Tone
    lattice: Lattice
    cells: NDArray[np.float32]
    pieces: Supervoxels
    noise: float

    @property
    def pitch(self) -> float:
        """Millimetres from piece to piece: the cube root of the usual volume."""
        return float((self.pieces.usual_size * self.lattice.cell) ** (1 / 3))

    def toned(self, axis: int, index: int) -> NDArray[np.float32]:
        """(rows, columns) tones of a slice, lightly smoothed."""
        pixels = np.ascontiguousarray(np.take(self.volume.array, index, axis=axis))
        return median3(self.tone(pixels), (1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Features(Cut):
    """A prepared volume.

    Args:
        graph: Which pieces touch, ready for shortest paths.
    """

    graph: Graph

    @classmethod
    def of(cls, cut: Cut) -> Features:
        """Whose pieces are joined to a graph."""
        graph = Graph.of(cut.pieces, cut.noise)
        return Features(cut.volume, cut.tone, cut.lattice, cut.cells, cut.pieces, cut.noise, graph)


def prepare_features(volume: Volume, progress: ReportProgress, token: Token, wanted: int = PIECES) -> Features:
    """The slow step: a second for a 512 x 512 x 300 CT; see `prepare_cut`."""
    features = Features.of(prepare_cut(volume, progress, token, wanted))
    progress(1.0, "Preparing")
    return features


def prepare_cut(volume: Volume, progress: ReportProgress, token: Token, wanted: int = PIECES) -> Cut:
    """All of it but the graph.

    Args:
        wanted: Upper bound of how many pieces, about.

    Raises:
        Cancelled: between steps, when the token was cancelled.
    """
    progress(0.0, "Preparing")
    tone = Tone.of(volume.array)
    lattice = Lattice.of(volume.shape, volume.geometry.spacing)
    token.raise_if_cancelled()
    cells = lattice.coarsen_toned(volume.array, tone)
    if np.prod(lattice.factors) < _SMOOTH_ENOUGH:
        cells = smooth(cells, lattice.steps)
    token.raise_if_cancelled()
    progress(0.2, "Preparing")
    labels = cut_lattice(cells, lattice.steps, wanted)
    token.raise_if_cancelled()
    progress(0.5, "Preparing")
    with pool() as aside:  # while the pieces are made whole, which only one thread can do
        noise = aside.submit(step_noise, cells)
        labels = connected(labels)
    token.raise_if_cancelled()
    progress(0.7, "Preparing")
    pieces = describe(labels, cells, lattice.steps)
    progress(0.9, "Preparing")
    return Cut(volume, tone, lattice, cells, pieces, noise.result())


def pack(features: Features) -> dict[str, NDArray[np.generic]]:
    """Arrays from which `unpack` makes the same features again, given the volume."""
    pieces = features.pieces
    return {
        "tone_values": features.tone.values,
        "tone_tones": features.tone.tones,
        "factors": np.array(features.lattice.factors, dtype=np.int32),
        "cells": features.cells,
        "noise": np.array([features.noise], dtype=np.float64),
        **{name: getattr(pieces, name) for name in _PIECES},
    }


def unpack(volume: Volume, arrays: dict[str, NDArray[np.generic]]) -> Features:
    """Features from `pack`.

    Raises:
        KeyError: when an array is missing.
    """
    k, j, i = (int(f) for f in arrays["factors"])
    pieces = Supervoxels(**{name: np.asarray(arrays[name]) for name in _PIECES})
    cut = Cut(
        volume,
        Tone(np.asarray(arrays["tone_values"], np.float64), np.asarray(arrays["tone_tones"], np.float64)),
        Lattice(volume.shape, (k, j, i), volume.geometry.spacing),
        np.asarray(arrays["cells"], dtype=np.float32),
        pieces,
        float(arrays["noise"][0]),
    )
    return Features.of(cut)


_PIECES = ("labels", "tone", "spread", "size", "centre", "first", "second", "contact", "step")
