"""The resizing of pictures that each recipe was trained with, without the packages that it was written in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]


def bilinear(picture: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Pillow's bilinear filter, smoothing when it shrinks: what torchvision does to a PIL image (SAM)."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BILINEAR))


def cubic(picture: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Cubic splines after a Gaussian that suits the shrinking: scikit-image's `resize` of order 3 (MedSAM)."""
    from scipy import ndimage

    factors = np.divide(picture.shape, (rows, columns))
    wide = picture.astype(np.float64)
    smooth = ndimage.gaussian_filter(wide, np.maximum(0, (factors - 1) / 2), mode="mirror")
    zoomed = ndimage.zoom(smooth, 1 / factors, order=3, mode="mirror", grid_mode=True)
    cut: NDArray[np.uint8] = np.clip(zoomed, wide.min(), wide.max()).astype(np.uint8)
    return cut


def nearest(picture: Picture, rows: int, columns: int) -> Picture:
    """The pixel at floor(position * ratio): OpenCV's INTER_NEAREST (SAM-Med2D)."""
    height, width = picture.shape
    return picture[np.ix_(np.arange(rows) * height // rows, np.arange(columns) * width // columns)]


def area(picture: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """The mean over the area that a new pixel covers: OpenCV's INTER_AREA (LiteMedSAM)."""
    height, width = picture.shape
    down, across = (_coverage if rows <= height and columns <= width else _slope,) * 2
    mean = down(height, rows) @ picture.astype(np.float64) @ across(width, columns).T
    return np.clip(np.floor(mean + 0.5), 0, 255).astype(np.uint8)  # halves upwards, as its 2 x 2 mean does


def _coverage(old: int, new: int) -> NDArray[np.float64]:
    """(new, old): the share that each old pixel has in a new one."""
    edges = np.arange(new + 1)[:, None] * (old / new)
    reach = np.clip(edges - np.arange(old)[None, :], 0, 1)
    return np.asarray(np.diff(reach, axis=0) * (new / old))


def _slope(old: int, new: int) -> NDArray[np.float64]:
    """(new, old): INTER_AREA does not enlarge; OpenCV takes a linear slope that lies within one old pixel's width."""
    weights = np.zeros((new, old))
    for place in range(new):
        low = int(place * old / new)
        share = max(0.0, (place + 1) - (low + 1) * new / old)
        weights[place, min(low, old - 1)] += 1 - (share - int(share))
        weights[place, min(low + 1, old - 1)] += share - int(share)
    return weights
