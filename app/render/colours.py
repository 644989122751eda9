"""Colours on the screen: window to grey, segments to translucent colours, uncertainty to a perceptually even map."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.segmentation import Segment
from app.view_state import Window

Bytes = NDArray[np.uint8]

PLANE_COLOURS = ((237, 213, 76), (110, 190, 85), (243, 84, 66))
"""Of the sagittal, coronal and axial plane, by world axis; 3D Slicer's yellow, green and red, which users know."""

BACKGROUND = (22, 24, 28)
"""Behind the 3D view; slices stand on black, as on a reading station."""


def grey(values: NDArray[np.generic], window: Window) -> Bytes:
    """Grey levels 0 to 255 of image values, C-contiguous, black below the window and white above it."""
    width = max(window.width, 1e-12)
    scaled = np.subtract(values, window.low, dtype=np.float32, casting="unsafe", order="C")
    scaled *= 255.0 / width
    np.clip(scaled, 0.0, 255.0, out=scaled)
    return np.ascontiguousarray(scaled).astype(np.uint8)


def label_table(segments: Iterable[Segment], opacity: float) -> Bytes:
    """(256, 4) red, green, blue, alpha for every label; hidden segments and unused labels are clear."""
    table = np.zeros((256, 4), np.uint8)
    for segment in segments:
        if segment.visible:
            table[segment.label] = (*segment.colour, round(255 * opacity))
    return table


@lru_cache(maxsize=1)
def heat_table() -> Bytes:
    """(256, 4) from dark violet over red to pale yellow; lightness rises evenly in OKLab, low values are clear.

    OKLab: Bjoern Ottosson, "A perceptual color space for image processing", 2020.
    """
    t = np.linspace(0, 1, 256)
    lightness = 0.25 + 0.68 * t
    hue = np.deg2rad(300 + 165 * t)  # violet, red, orange, yellow
    chroma = 0.05 + 0.13 * np.sin(np.pi * np.clip(t * 0.9 + 0.1, 0, 1)) ** 0.8
    linear = _linear_rgb(lightness, chroma * np.cos(hue), chroma * np.sin(hue))
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    alpha = np.clip(t * 2.0, 0, 0.8)
    table: Bytes = np.rint(255 * np.clip(np.column_stack([srgb, alpha]), 0, 1)).astype(np.uint8)
    return table


def heat(values: NDArray[np.float32], top: float) -> Bytes:
    """(..., 4) colours of uncertainties between 0 and `top`, C-contiguous."""
    levels = np.clip(values * (255.0 / max(top, 1e-12)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(heat_table()[levels])


def _linear_rgb(lightness: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    return np.clip(np.column_stack([red, green, blue]), 0, 1)
