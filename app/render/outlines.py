"""Borders between labels of one slice as straight lines along voxel edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def outlines(labels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Lines around every label of a 2D picture (rows, columns).

    Returns:
        lines: (n, 2, 2) end points as (column, row), in voxels, -0.5 being the outer border of the first.
        owners: (n,) the label that each line goes around (of two neighbours the higher).
    """
    upright, upright_owner = _runs(_borders(labels.T))
    level, level_owner = _runs(_borders(labels))
    lines = np.concatenate([upright[..., ::-1], level])
    return lines.astype(np.float32) - np.float32(0.5), np.concatenate([upright_owner, level_owner])


def _borders(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(rows + 1, columns): the label that a border below each row goes around, 0 where both sides agree."""
    padded = np.zeros((labels.shape[0] + 2, labels.shape[1]), np.uint8)
    padded[1:-1] = labels
    low, high = padded[:-1], padded[1:]
    return np.where(low != high, np.maximum(low, high), 0).astype(np.uint8)


def _runs(borders: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Neighbouring pieces with one owner joined: (n, 2, 2) ends as (column, row), (n,) owners."""
    padded = np.zeros((borders.shape[0], borders.shape[1] + 2), np.uint8)
    padded[:, 1:-1] = borders
    change = padded[:, 1:] != padded[:, :-1]
    row, start = np.nonzero(change & (padded[:, 1:] != 0))
    _, stop = np.nonzero(change & (padded[:, :-1] != 0))
    ends = np.stack([np.stack([start, row], axis=-1), np.stack([stop, row], axis=-1)], axis=1)
    return ends, borders[row, start]
