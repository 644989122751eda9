"""`Scan`: an open volume as the 3D SAMs see it, with the crops that were embedded and the answers that were given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits, Prediction, Prior
from app.engine.sam_volumetric.answers import Answers
from app.engine.sam_volumetric.crop import ABSENT, Crop
from app.engine.sam_volumetric.intensity import Recipe, hounsfield, normalised
from app.geometry import Index
from app.volume import Volume

Embedding = NDArray[np.float32]
"""(1, 384, 8, 8, 8)."""

_KEPT = 64  # embeddings, 0.8 MB each


class Scan:
    """What `prepare` gives: nothing is computed before the first click says where to look."""

    def __init__(self, volume: Volume, recipe: Recipe) -> None:
        self.volume = volume
        self.answers = Answers()
        self._spacing = recipe.spacing
        self._clip = recipe.ct_clip if hounsfield(volume) else None
        self._embedded: OrderedDict[Index, Embedding] = OrderedDict()

    def crop(self, centre: Index) -> Crop:
        """The crop around a voxel."""
        return Crop(self.volume.geometry, centre, self._spacing)

    def samples(self, crop: Crop) -> NDArray[np.float32]:
        """What the image encoder gets, (1, 1, 128, 128, 128)."""
        return normalised(crop.take(self.volume.array), self._clip)[None, None]

    def embedding(self, crop: Crop, encode: Callable[[NDArray[np.float32]], Embedding]) -> Embedding:
        """The crop's embedding; the encoder runs only when the crop is new."""
        if crop.centre not in self._embedded:
            self._embedded[crop.centre] = encode(self.samples(crop))
        self._embedded.move_to_end(crop.centre)
        while len(self._embedded) > _KEPT:
            self._embedded.popitem(last=False)
        return self._embedded[crop.centre]


def placed(crop: Crop, low: Logits, before: Prior | None) -> Prediction:
    """The decoder's logits on the scan's grid; beside the crop, what was said before stays."""
    region, logits = crop.region, crop.place(low)
    whole = region.union(before.region) if before is not None else region
    if before is None or whole == region:
        return Prediction(region, logits)
    values = np.full(whole.shape, ABSENT, np.float32)
    values[before.region.within(whole).slices] = before.logits
    values[region.within(whole).slices] = logits
    return Prediction(whole, values)
