"""`Features`: a volume's pyramid and the cubes that were encoded so far, all that a click needs beside its prompts."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from app.engine.trial.cube import Array, Cube, Position
from app.engine.trial.hints import Ground
from app.engine.trial.maps import image_channels
from app.engine.trial.pyramid import Pyramid
from app.engine.trial.runtime import Features as Encoded
from app.engine.trial.runtime import Runtime
from app.engine.trial.slices.runtime import SliceRuntime
from app.engine.trial.slices.views import SliceViews
from app.geometry import Index, Region
from app.volume import Volume

_PARTS = 6  # of the volume, whose slices are kept encoded
_KEPT = 24  # cubes; of 64 voxels each takes 13 MB


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The encoder's features of a cube, and what its image says of prompts without them."""

    encoded: Encoded
    ground: Ground


@dataclass(slots=True, eq=False)
class Features:
    """What `prepare` returns. No prompt changes what is in it; encoded cubes are added as they are looked at."""

    volume: Volume
    pyramid: Pyramid
    runtime: Runtime
    slices: SliceRuntime
    _seen: OrderedDict[Cube, Seen] = field(default_factory=OrderedDict)
    _views: OrderedDict[tuple[Region, int], SliceViews] = field(default_factory=OrderedDict)

    @property
    def shape(self) -> Index:
        """Of the volume, (k, j, i)."""
        return self.volume.shape

    @property
    def spacing(self) -> Position:
        """Of the volume, millimetres along (k, j, i)."""
        return self.volume.geometry.spacing

    def views(self, axis: int, region: Region | None = None) -> SliceViews:
        """The slices across an axis of the volume, or of a part of it."""
        part = region or Region.whole(self.shape)
        key = part, axis
        if key not in self._views:
            self._views[key] = SliceViews(self.volume.array[part.slices], self.spacing, axis, self.slices)
            while len(self._views) > _PARTS:
                self._views.popitem(last=False)
        self._views.move_to_end(key)
        return self._views[key]

    def image(self, cube: Cube) -> Array:
        """What the network sees of a cube, (IMAGE_CHANNELS, side, side, side)."""
        return image_channels(cube.sampled(self.pyramid))

    def seen(self, cube: Cube) -> Seen:
        """What no prompt changes of a cube, kept for the next click."""
        if cube not in self._seen:
            image = self.image(cube)
            self._seen[cube] = Seen(self.runtime.encode(image), Ground(image))
            while len(self._seen) > _KEPT:
                self._seen.popitem(last=False)
        self._seen.move_to_end(cube)
        return self._seen[cube]

    def decode(self, cube: Cube, drawn: Array) -> tuple[Array, float]:
        """Logits in a cube for prompt maps, and the Dice that the network expects of them."""
        seen = self.seen(cube)
        return self.runtime.decode(seen.encoded, drawn, seen.ground.hints(drawn))
