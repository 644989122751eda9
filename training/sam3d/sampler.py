"""Which crops an iteration learns from: the seed and the iteration alone decide, so a resumed run is the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.sam3d.embedded_case import EmbeddedCase

_STRUCTURE = 1 / 3  # of the crops hold a structure for certain (nnU-Net)


@dataclass(frozen=True)
class Sampler:
    """Draws crops of `depth` slices and `side` rows and columns."""

    cases: Sequence[EmbeddedCase]
    depth: int
    side: int
    batch: int
    seed: int

    def draw(self, iteration: int) -> tuple[Tensor, Tensor]:
        """Features (batch, 256, depth, h, w) and labels (batch, depth, side, side)."""
        generator = np.random.default_rng((self.seed, iteration))
        crops = [self._crop(place, generator) for place in range(self.batch)]
        features = torch.stack([torch.from_numpy(crop[0]) for crop in crops])
        return features, torch.stack([torch.from_numpy(crop[1]) for crop in crops])

    def _crop(self, place: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        case = self.cases[int(generator.integers(len(self.cases)))]
        room = case.labels.shape[0] - self.depth
        window, first = int(generator.integers(len(case.windows))), int(generator.integers(room + 1))
        if place >= round(self.batch * (1 - _STRUCTURE)):
            window, first = self._around_structure(case, generator, window, first)
        row, column = case.windows[window]
        features = case.features[window, first : first + self.depth].astype(np.float32).transpose(1, 0, 2, 3)
        labels = case.labels[first : first + self.depth, row : row + self.side, column : column + self.side]
        return np.ascontiguousarray(features), labels.astype(np.int64)

    def _around_structure(
        self, case: EmbeddedCase, generator: np.random.Generator, window: int, first: int
    ) -> tuple[int, int]:
        """A window and first slice that show a voxel of a class drawn from those of the case."""
        classes = [label for label in np.unique(case.labels) if label]
        if not classes:
            return window, first
        wanted = case.labels == classes[int(generator.integers(len(classes)))]
        slices = np.flatnonzero(wanted.any(axis=(1, 2)))
        k = int(slices[int(generator.integers(len(slices)))])
        rows, columns = np.nonzero(wanted[k])
        drawn = int(generator.integers(len(rows)))
        near = [
            number
            for number, (row, column) in enumerate(case.windows)
            if row <= rows[drawn] < row + self.side and column <= columns[drawn] < column + self.side
        ]
        low, high = max(0, k - self.depth + 1), min(k, case.labels.shape[0] - self.depth)
        return near[int(generator.integers(len(near)))], int(generator.integers(low, high + 1))
