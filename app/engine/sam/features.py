"""`SamFeatures`: the embeddings of a volume's slices, and the way between its voxels and the network's input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits
from app.engine.sam.frame import Frame
from app.engine.sam.intensity import Grey
from app.engine.sam.recipes import Recipe
from app.engine.slicewise import Features, Originals, SliceEmbeddings, Upright
from app.geometry import Index
from app.volume import Volume

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(1, 3, s, s) -> (1, 256, g, g): the image encoder."""


@dataclass(frozen=True, slots=True)
class View:
    """Slices across one axis of a volume, as the network sees them."""

    upright: Upright
    frame: Frame
    shape: Index

    def pixel(self, index: Index) -> tuple[float, float]:
        """Voxel -> (x, y) in the network's input."""
        return self.frame.point(*self.upright.pixel(index, self.shape))

    def raised(self, logits: Logits) -> Logits:
        """Low-resolution logits -> logits of the slice, in array order."""
        return np.ascontiguousarray(self.upright.plane(self.frame.raised(logits)))

    def lowered(self, logits: Logits) -> Logits:
        """Logits of the slice, in array order -> low-resolution ones."""
        return self.frame.lowered(np.ascontiguousarray(self.upright.picture(logits)))


class SamFeatures(SliceEmbeddings):
    """What `SamPredictor.prepare` returns; `originals` are low-resolution logits."""

    def __init__(self, volume: Volume, recipe: Recipe, grey: Grey, run: Run) -> None:
        super().__init__(volume, self._encoded)
        self._recipe, self._grey, self._run = recipe, grey, run
        self.originals: Originals[Logits] = Originals()

    def view(self, axis: int) -> View:
        """Of the slices across an axis."""
        upright = Upright.of(self.volume.geometry, axis)
        height, width = upright.picture(self._plane(axis, 0)).shape
        return View(upright, self._recipe.frame(height, width), self.volume.shape)

    def embedding(self, axis: int, index: int) -> NDArray[np.float32]:
        """(1, 256, g, g); runs the image encoder if it is not here."""
        found: NDArray[np.float32] = self.features(axis, index)["embedding"]
        return found

    def _encoded(self, axis: int, index: int) -> Features:
        upright = Upright.of(self.volume.geometry, axis)
        picture = self._grey.picture(np.ascontiguousarray(upright.picture(self._plane(axis, index))))
        return {"embedding": self._run(self._recipe.input(picture))}

    def _plane(self, axis: int, index: int) -> NDArray[Any]:
        return np.asarray(np.moveaxis(self.volume.array, axis, 0)[index])
