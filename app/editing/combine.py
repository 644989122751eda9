"""Two segments: add, subtract, intersect, merge. A voxel has one segment, so a margin says what is common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.editing.distance import grown
from app.editing.proposal import Outcome
from app.editing.scene import Crop, Mask, Scene, Watch
from app.editing.steps import in_voxels
from app.errors import BadInput

_WORDS = {"add": "Add {} to", "subtract": "Subtract {} from", "intersect": "Intersect {} with"}


@dataclass(frozen=True)
class Combine:
    """The segment together with, without, or only inside another one grown by a margin.

    Args:
        other: Label of the other segment.
        how: "add" takes the other's voxels over (it must not be locked); "subtract" and "intersect" leave it alone.
        millimetres: Margin around the other one.
        name: Of the other one, for the history.
    """

    other: int
    how: Literal["add", "subtract", "intersect"] = "add"
    millimetres: float = 0.0
    name: str = ""

    @property
    def title(self) -> str:
        """Names the other."""
        return _WORDS[self.how].format(self.name or f"segment {self.other}")

    def apply(self, scene: Scene, watch: Watch) -> Outcome:
        """On the boxes of both."""
        _check(scene, self.other, taken=self.how == "add")
        box = scene.box(self.other, self.millimetres)
        if self.how != "add":
            box = scene.box(scene.label, self.millimetres)
        crop = scene.crop(box)
        kept = tuple(label for label in scene.kept if label != self.other)
        values = scene.claimed(crop.labels, self._wanted(crop, scene), kept)
        note = "" if self.how == "add" else in_voxels(scene, self.millimetres)
        return Outcome(crop.region, crop.full(values), note=note)

    def _wanted(self, crop: Crop, scene: Scene) -> Mask:
        mine = crop.labels == scene.label
        other = grown(crop.labels == self.other, self.millimetres, crop.spacing)
        match self.how:
            case "add":
                return np.asarray(mine | other)
            case "subtract":
                return np.asarray(mine & ~other)
            case "intersect":
                return np.asarray(mine & other)


@dataclass(frozen=True)
class Merge:
    """Other segments become part of this one and leave the list; on one slice they only lose their voxels there."""

    others: tuple[int, ...]
    names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Names the others."""
        return f"Merge {', '.join(self.names) or len(self.others)} into"

    def apply(self, scene: Scene, watch: Watch) -> Outcome:
        """On the box of the others."""
        box = None
        for other in self.others:
            _check(scene, other, taken=True)
            rough = scene.bounds.get(other)
            rough = rough.intersection(scene.domain) if rough else None
            box = rough if box is None else box.union(rough) if rough else box
        removed = self.others if scene.plane is None else ()
        if box is None or not box.size:
            return Outcome(scene.domain, scene.labels.crop(scene.domain), removed=removed)
        values = scene.labels.crop(box)
        values[np.isin(values, self.others)] = scene.label
        return Outcome(box, values, removed=removed)


def _check(scene: Scene, other: int, taken: bool) -> None:
    if other not in scene.segments or other == scene.label:
        raise BadInput("Two different segments are needed.", "Choose another one.")
    if taken and scene.segments[other].locked:
        raise BadInput(f"{scene.segments[other].name} is locked.", "Unlock it to take its voxels.")
