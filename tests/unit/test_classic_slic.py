"""Supervoxels: whole, connected, of a fair size, and as faithful to a real scan's organs as ITK's."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from app.editing.distance import grown
from app.engine.classic import slic
from app.engine.classic.boxes import Boxes
from tests.data import needs_shared, shared


def blobs(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 2)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "grid"),
    [((20, 30, 40), (4, 5, 6)), ((21, 31, 37), (4, 5, 6)), ((2, 60, 60), (1, 7, 6)), ((1, 50, 9), (1, 5, 9))],
)
def test_pieces_are_connected_numbered_without_gaps_and_not_tiny(shape, grid):
    labels = slic.pieces(blobs(shape), grid, 0.04)
    assert labels.shape == shape
    sizes = np.bincount(labels.ravel())
    assert sizes.min() > 0
    assert np.median(sizes) > np.prod(grid) / 3
    parts = cc3d.connected_components(labels.astype(np.uint32) + 1, connectivity=6)
    assert parts.max() == labels.max() + 1
    assert (sizes < np.prod(grid) // 4).sum() <= 1, "only the piece of the very first cell may be smaller"
    assert np.array_equal(labels, slic.pieces(blobs(shape), grid, 0.04))


def test_boxes_and_back():
    values = np.arange(5 * 7 * 9).reshape(5, 7, 9)
    boxes = Boxes.of(values.shape, (2, 3, 4))
    layers = boxes.layers(values)
    assert layers.shape == (2, 3, 4, 3, 3, 3)
    assert layers[1, 2, 3, 1, 0, 1] == values[3, 2, 7]
    assert np.array_equal(boxes.lattice(layers), values)
    assert boxes.inside().sum() == values.size


def attainable(labels: np.ndarray, truth: np.ndarray) -> float:
    """The share of cells that is right when each piece takes the organ that most of its cells belong to."""
    pairs, counts = np.unique(labels.astype(np.int64) * 256 + truth, return_counts=True)
    best = np.zeros(labels.max() + 1, np.int64)
    np.maximum.at(best, pairs // 256, counts)
    return float(best.sum() / labels.size)


@needs_shared
def test_organs_can_be_made_of_the_pieces_as_well_as_of_itks():
    image = sitk.ReadImage(str(shared("gt", "ct_abdomen_totalseg", "image.nii.gz")))
    truth = sitk.GetArrayFromImage(sitk.ReadImage(str(shared("gt", "ct_abdomen_totalseg", "label.nii.gz"))))
    tone = np.clip((sitk.GetArrayFromImage(image) + 160) / 400, 0, 1).astype(np.float32)
    grid = (4, 4, 4)
    filtered = sitk.SLIC(sitk.GetImageFromArray(tone), grid, 0.04, 5, enforceConnectivity=True)
    itk = attainable(sitk.GetArrayFromImage(filtered), truth)
    ours = slic.pieces(tone, grid, 0.04)
    assert ours.max() < 1.5 * truth.size / np.prod(grid)
    assert attainable(ours, truth) > itk - 0.002


@pytest.mark.parametrize("millimetres", [0.5, 1.0, 3.0, 4.2, 25.0])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.7, 0.7), (2.5, 0.6)], ids=str)
def test_what_lies_within_a_distance_is_what_itks_exact_map_says(millimetres, spacing):
    mask = np.random.default_rng(1).random((20, 30, 25)[: len(spacing)]) < 0.004
    mask[(10,) * len(spacing)] = True
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    squared = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=True, useImageSpacing=True)
    expected = (sitk.GetArrayFromImage(squared) <= millimetres**2 * (1 + 1e-5)) | mask
    assert np.array_equal(grown(mask, millimetres, spacing), expected)
