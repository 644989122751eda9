"""SLIC on a grid of blocks: whole, connected, along edges, and no worse than ITK's."""

from __future__ import annotations

from itertools import product

import cc3d
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.classic.joining import connected
from app.engine.classic.rivals import COMPACTNESS
from app.engine.classic.slic import _Blocks, cut

GRIDS = st.tuples(*[st.integers(1, 5)] * 3)


def slic(tone: NDArray[np.float32], grid: tuple[int, int, int]) -> NDArray[np.int32]:
    return connected(cut(tone, grid))


def test_pieces_follow_an_edge_that_crosses_their_blocks():
    """A slanted plane between two tones, which cuts through one block in five: corners too small for a piece join
    the other side, and nothing else does."""
    k, j, i = np.indices((24, 24, 24))
    tone = np.where(k + 0.6 * j + 0.3 * i < 21, 0.2, 0.8).astype(np.float32)
    labels = slic(tone, (4, 4, 4))
    inside, size = np.bincount(labels.ravel(), (tone > 0.5).ravel()), np.bincount(labels.ravel())
    assert np.minimum(inside, size - inside).sum() < 0.01 * tone.size
    assert 0.6 * 216 < inside.size < 1.6 * 216


@given(shape=st.tuples(*[st.integers(1, 19)] * 3), grid=GRIDS, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_every_cell_has_a_piece_and_every_piece_is_connected(shape, grid, seed):
    tone = np.random.default_rng(seed).random(shape).astype(np.float32)
    labels = slic(tone, grid)
    assert labels.shape == shape
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(np.unique(labels), np.arange(labels.max() + 1))
    assert int(cc3d.connected_components(labels + 1, connectivity=6).max()) == labels.max() + 1
    np.testing.assert_array_equal(labels, slic(tone, grid))


@given(counts=st.tuples(*[st.integers(1, 6)] * 3), grid=GRIDS, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_a_cell_belongs_to_the_nearest_of_the_centres_around_it(counts, grid, seed):
    """Held against every centre of the blocks around, one after the other."""
    random = np.random.default_rng(seed)
    shape = tuple(n * g for n, g in zip(counts, grid, strict=True))
    tone = random.random(shape).astype(np.float32)
    blocks = _Blocks(tone, grid)
    centres = blocks.first(tone) + random.normal(0, 0.01, (4, *counts)).astype(np.float32)
    labels = blocks.joined(blocks.nearest(centres))
    for index in np.ndindex(*shape):
        block = np.array(index) // grid
        apart = 2 * (np.array(index) % grid) - (np.array(grid) - 1)
        around = [block + np.where(apart * step > 0, step, 0) for step in product((-1, 1), repeat=3)]
        names = {tuple(b) for b in (*around, block) if all(0 <= n < c for n, c in zip(b, counts, strict=True))}
        place = np.array(index) / grid * COMPACTNESS
        far = {b: (tone[index] - centres[0][b]) ** 2 + sum((place - centres[(slice(1, 4), *b)]) ** 2) for b in names}
        chosen = np.unravel_index(labels[index], counts)
        assert far[tuple(chosen)] == pytest.approx(min(far.values()), abs=1e-6)


@given(axis=st.integers(0, 2))
def test_a_mirrored_image_is_cut_about_as_finely(axis):
    tone = _image((30, 27, 33), 3)
    pieces, mirrored = (int(slic(np.ascontiguousarray(x), (3, 3, 3)).max()) for x in (tone, np.flip(tone, axis)))
    assert mirrored == pytest.approx(pieces, rel=0.05)


def test_small_parts_join_what_they_touch_most_of():
    labels = np.zeros((1, 6, 20), dtype=np.int32)
    labels[0, :, 10:] = 1
    labels[0, 2, 4] = 1  # one stray cell of the right piece inside the left one
    whole = connected(labels)
    assert whole.max() == 1
    assert whole[0, 2, 4] == whole[0, 0, 0]


def test_it_describes_an_image_as_well_as_itk_does():
    """The tones inside the pieces vary no more than inside those of ITK's SLIC with the same settings, of which there
    are about as many."""
    tone = _image((40, 44, 48), 5)
    ours, theirs = slic(tone, (4, 4, 4)), _itk(tone, 4)
    assert 0.8 < (ours.max() + 1) / (theirs.max() + 1) < 1.25
    assert _spread(tone, ours) <= _spread(tone, theirs)


def _image(shape: tuple[int, int, int], seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    regions = ndimage.gaussian_filter(random.standard_normal(shape), 4)
    tone = np.digitize(regions, np.quantile(regions, (0.2, 0.5, 0.8))) / 3 + 0.03 * random.standard_normal(shape)
    return np.clip(ndimage.gaussian_filter(tone, 0.7), 0, 1).astype(np.float32)


def _itk(tone: NDArray[np.float32], width: int) -> NDArray[np.int64]:
    slic = sitk.SLICImageFilter()
    slic.SetSuperGridSize([width] * 3)
    slic.SetMaximumNumberOfIterations(2)
    slic.SetSpatialProximityWeight(0.04)
    slic.SetEnforceConnectivity(True)
    labels = sitk.GetArrayFromImage(slic.Execute(sitk.GetImageFromArray(tone)))
    return np.asarray(np.unique(labels, return_inverse=True)[1].reshape(labels.shape))


def _spread(tone: NDArray[np.float32], labels: NDArray[np.integer]) -> float:
    flat = labels.ravel()
    mean = np.bincount(flat, tone.ravel()) / np.bincount(flat)
    return float(np.sqrt(((tone - mean[labels]) ** 2).mean()))
