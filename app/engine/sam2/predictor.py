"""`Sam2Predictor`: SAM 2.1, EdgeTAM, MedSAM2. A volume is a video: click on a slice, carry the mask on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.backends import chosen
from app.engine.protocol import Logits, ModelCard, Prediction, Prior, ReportProgress, Token
from app.engine.sam2 import tracker
from app.engine.sam2.network import Network
from app.engine.sam2.variants import variant_of
from app.engine.sam2.video import LARGEST, Video
from app.engine.sam2.weights import Weights
from app.engine.slicewise import SlicePrompts, asked_slices
from app.errors import MissingModel
from app.geometry import Region
from app.prompts import Prompt
from app.volume import Volume

_MARGIN = 16  # voxels around the masks of several slices that are told as absent


class Sam2Predictor:
    """See `Predictor` and `SlicePropagator`.

    The card's recipe names the `network` of `variants.VARIANTS`, and may name the picture's side (`image_size`, else
    the one the weights were trained with) and the `ct_window` (level, width).

    Raises:
        MissingModel: no such network, or no weights here.
        BadInput: the weights are of another network.
    """

    version = "1"  # of the features: raise it when the same slice would get others

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        path = registry.weights_path(card)
        if path is None:
            raise MissingModel(f"The weights of {card.name} are not on this machine.", registry.how_to_get(card))
        variant = variant_of(str(card.recipe.get("network", "")))
        side = int(card.recipe.get("image_size", variant.image_size))
        self.network = Network(Weights(path, variant, side), chosen(), side)

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Video:
        """At once: slices are encoded when they are asked for."""
        token.raise_if_cancelled()
        progress(1.0, "Preparing")
        return Video(volume, self.network, self.card.recipe)

    def predict(self, prepared: Video, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """Logits on the slices that have prompts, each answered by itself.

        With a seed only the slice of the newest prompt is answered, as a correction of the seed's mask there; the rest
        of the seed stays. Without one the prior is not needed: earlier answers are known by their prompts.
        """
        asked = asked_slices(prompts, prepared.axis)
        if not asked:
            return Prediction(Region((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), np.float32))
        if prior is not None and prior.seed:
            return _corrected(prepared, _newest(prepared, prompts, asked), prior)
        return _together(prepared, {part: prepared.answer(part) for part in asked})

    def remember(self, prepared: Video, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> tracker.Track:
        """See `SlicePropagator`; every given slice conditions the others, however far."""
        return tracker.begin(prepared, axis, conditioning)

    def carry(self, memory: tracker.Track, index: int, previous: int) -> tuple[Logits, float]:
        """See `SlicePropagator`."""
        return tracker.carry(memory, index, previous)


def _newest(video: Video, prompts: tuple[Prompt, ...], asked: tuple[SlicePrompts, ...]) -> SlicePrompts:
    """The slice that the last prompt speaks of, with all its prompts."""
    (*_, last) = asked_slices(prompts[-1:], video.axis)
    return next(part for part in asked if (part.axis, part.index) == (last.axis, last.index))


def _together(video: Video, answers: Mapping[SlicePrompts, Logits]) -> Prediction:
    """One region for the answers of several slices; between them the object is absent, where two cross either says."""
    planes = {Region.plane(video.volume.shape, p.axis, p.index): (p.axis, logits) for p, logits in answers.items()}
    whole = next(iter(planes))
    region = whole if len(planes) == 1 else _around(video, planes) or whole
    values = np.full(region.shape, -LARGEST, np.float32)
    for plane, (axis, logits) in planes.items():
        part = plane.intersection(region)
        if not part.size:  # an empty mask beyond the others
            continue
        at = part.within(region).slices
        values[at] = np.maximum(values[at], np.expand_dims(logits, axis)[part.within(plane).slices])
    return Prediction(region, values)


def _around(video: Video, planes: Mapping[Region, tuple[int, Logits]]) -> Region | None:
    """The box around several masks: one over whole slices far apart would be most of the volume. None without any."""
    region = Region((0, 0, 0), (0, 0, 0))
    margin = [_MARGIN] * 3
    for plane, (axis, logits) in planes.items():
        margin[axis] = 0
        found = Region.around(np.expand_dims(logits > 0, axis))
        if found is not None:
            k, j, i = plane.start
            region = region.union(found.within(Region((-k, -j, -i), (0, 0, 0))))
    k, j, i = margin
    return region.grown((k, j, i), video.volume.shape) if region.size else None


def _corrected(video: Video, asked: SlicePrompts, seed: Prior) -> Prediction:
    """The seed, with one slice answered anew from its mask there."""
    plane = Region.plane(video.volume.shape, asked.axis, asked.index)
    region = seed.region.union(plane)
    values = np.full(region.shape, -LARGEST, np.float32)
    values[seed.region.within(region).slices] = seed.logits
    at = plane.within(region).slices
    before = values[at].squeeze(asked.axis) > 0
    values[at] = np.expand_dims(video.answer(asked, before if before.any() else None), asked.axis)
    return Prediction(region, values)
