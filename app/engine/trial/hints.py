"""`Ground`: what the image of a cube or a slice says of prompts without any learning, further channels for a decoder.

How long the shortest path over grey values is from the prompts to every voxel (geodesic distances, as DeepIGeoS,
arXiv 1707.00652, draws its clicks), and how much more often a voxel's grey value is seen under the prompts than in the
cube. A network that trained for hours only learns where such fronts should stop; it need not learn the fronts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra

from app.engine.trial import maps

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

CHANNELS = 9
"""Nearness to the includes as a rank and in two units of noise, the same for the excludes, which of them is nearer,
looks like what is included, looks like what is excluded. Zero throughout where there is nothing to say."""

STRIDE = 2
"""Voxels of the cube to a voxel of the hints: an eighth of the voxels, and their means are quieter."""

_UNITS = (3.0, 12.0)  # of the noise: lengths at which nearness has fallen to 37 %
_FLAT = 0.1  # of the noise, a step where nothing changes: paths stay short
_QUIETEST = 0.01  # noise of images that have none, in units of the image's half range
_BINS = 32
_BLUR = 1.0  # bins


@dataclass(frozen=True, eq=False)
class Ground:
    """The coarser image of a cube or a slice, and its grid as a graph.

    Args:
        image: (IMAGE_CHANNELS, S, S, S) or (IMAGE_CHANNELS, S, S) of `maps.image_channels`.
    """

    image: Array

    def hints(self, drawn: Array) -> Array:
        """(CHANNELS, S / 2, S / 2, S / 2) for prompt maps (maps.CHANNELS, S, S, S); of a slice without the last."""
        told = _coarser(drawn > 0)
        include = told[maps.INCLUDE] | told[maps.KNOWN_INSIDE]
        exclude = told[maps.EXCLUDE] | told[maps.KNOWN_OUTSIDE] & ~include
        beyond = exclude | ~told[maps.BOX] if told[maps.BOX].any() else exclude
        out = np.zeros((CHANNELS, *include.shape), np.float32)
        near, far = (self.lengths(sources) for sources in (include, beyond & ~include))
        for first, length in ((0, near), (3, far)):
            if length is not None:
                out[first : first + 3] = _nearness(length)
        if near is not None and far is not None:
            out[6] = (far - near) / (far + near + 1e-3)
        for channel, sources in ((7, include), (8, exclude)):
            out[channel] = self.looks(sources)
        return out

    def lengths(self, sources: Mask) -> Array | None:
        """Shortest path from any source to every voxel, in units of the noise; None without a source."""
        nodes = np.flatnonzero(sources)
        if not nodes.size:
            return None
        found = dijkstra(self.graph, directed=True, indices=nodes, min_only=True)
        return np.asarray(found.reshape(sources.shape), dtype=np.float32)

    def looks(self, sources: Mask) -> Array:
        """0..1: how much likelier a grey value is under the sources than in the cube; 0 without a source."""
        if not sources.any():
            return np.zeros(sources.shape, np.float32)
        here, anywhere = (_histogram(bins) for bins in (self.bins[sources], self.bins))
        return np.asarray((here / (here + anywhere + 1e-4)).astype(np.float32)[self.bins])

    @cached_property
    def quiet(self) -> Array:
        """(IMAGE_CHANNELS, S / 2, S / 2, S / 2) means, smoothed."""
        coarse = _means(self.image)
        return np.stack([ndimage.gaussian_filter(channel, 0.6, truncate=2.0) for channel in coarse])

    @cached_property
    def bins(self) -> NDArray[np.int64]:
        """The bin of every voxel's rank."""
        return np.asarray(np.clip((self.quiet[1] + 1) / 2 * _BINS, 0, _BINS - 1), dtype=np.int64)

    @cached_property
    def graph(self) -> sparse.csr_array:
        """Six neighbours to a voxel; the length of an edge is the step of grey value in units of the noise."""
        number = np.arange(self.quiet[0].size).reshape(self.quiet[0].shape)
        ends = [
            np.concatenate([np.take(number, range(n, size - 1 + n), a).ravel() for a, size in enumerate(number.shape)])
            for n in (0, 1)
        ]
        step = np.concatenate(
            [np.abs(np.diff(self.quiet, axis=axis)).mean(0).ravel() for axis in range(1, self.quiet.ndim)]
        )
        length = step / max(float(np.median(step)), _QUIETEST) + _FLAT
        both = np.concatenate([length, length]).astype(np.float64)
        where = (np.concatenate(ends), np.concatenate(ends[::-1]))
        return sparse.coo_array((both, where), shape=(number.size,) * 2).tocsr()


def _nearness(length: Array) -> Array:
    """(3, ...): by rank, 1 at the sources and 0 at the farthest, and falling with either unit."""
    order = np.empty(length.size, np.float32)
    order[np.argsort(length, axis=None, kind="stable")] = np.arange(length.size, dtype=np.float32)
    rank = np.log1p(order) / np.log(length.size)
    return np.stack([1 - rank.reshape(length.shape), *(np.exp(-length / unit) for unit in _UNITS)])


def _histogram(bins: NDArray[np.int64]) -> NDArray[np.float64]:
    counts = np.bincount(bins.ravel(), minlength=_BINS) / max(1, bins.size)
    return np.asarray(ndimage.gaussian_filter1d(counts, _BLUR, mode="nearest"))


def _blocks(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """(C, S, ...) as (C, S / 2, 2, ...)."""
    channels, *grid = array.shape
    return array.reshape(channels, *(m for n in grid for m in (n // STRIDE, STRIDE)))


def _means(image: Array) -> Array:
    return np.asarray(_blocks(image).mean(axis=_within(image), dtype=np.float32))


def _coarser(told: Mask) -> Mask:
    return np.asarray(_blocks(told).any(axis=_within(told)))


def _within(array: NDArray[np.generic]) -> tuple[int, ...]:
    """The axes along a block, of `_blocks`."""
    return tuple(range(2, 2 * array.ndim - 1, 2))
