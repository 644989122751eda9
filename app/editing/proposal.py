"""`Proposal`: what an effect would make of the labels of a box, ready to be shown, applied and undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.change import Change, by_label
from app.editing.scene import Scene, Watch, unwatched
from app.errors import BadInput
from app.geometry import Region
from app.segmentation import Labels, Segment


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an effect answers.

    Args:
        values: Labels (k, j, i) of `region`.
        added: New segments among the values.
        removed: Segments to take off the list; none of their voxels is left.
        note: A sentence for the user about what was found ("3 islands"), or "".
    """

    region: Region
    values: Labels
    added: tuple[Segment, ...] = ()
    removed: tuple[int, ...] = ()
    note: str = ""


class Effect(Protocol):
    """A correction with its parameters. Frozen; the same scene gives the same outcome."""

    @property
    def title(self) -> str:
        """What it does, as a line of the history begins: "Smooth"."""

    def apply(self, scene: Scene, watch: Watch) -> Outcome:
        """Compute it, on any thread.

        Raises:
            AppError: when there is nothing to work on.
            Cancelled: from the watch.
        """


@dataclass(frozen=True, eq=False)
class Proposal:
    """An outcome with its changes for undo.

    Args:
        title: The line of the history.
        changes: By label, as `app.change.by_label`; empty when nothing would change.
        gained: Voxels that the edited segment has more after it; negative when it loses some.
        stamp: `Segmentation.stamp` of the labels that it was made for.
    """

    title: str
    region: Region
    values: Labels
    changes: Mapping[int, Change]
    added: tuple[Segment, ...] = ()
    removed: tuple[int, ...] = ()
    note: str = ""
    gained: int = 0
    stamp: int = 0

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.changes or self.added or self.removed)

    def crop(self, region: Region) -> tuple[Region, Labels] | None:
        """The proposed labels where `region` meets this one, None where they do not."""
        common = self.region.intersection(region)
        return (common, self.values[common.within(self.region).slices]) if common.size else None


def propose(effect: Effect, scene: Scene, watch: Watch = unwatched) -> Proposal:
    """Run an effect, on any thread.

    Raises:
        BadInput: when the segment is locked.
        AppError, Cancelled: as `Effect.apply`.
    """
    if scene.segments[scene.label].locked:
        raise BadInput(f"{scene.name} is locked.", "Unlock it to change it.")
    outcome = effect.apply(scene, watch)
    title = f"{effect.title} {scene.name}"
    return of_values(scene, title, outcome)


def of_values(scene: Scene, title: str, outcome: Outcome) -> Proposal:
    """An outcome, cut to what differs from the scene's labels."""
    before = scene.labels.crop(outcome.region)
    inner = Region.around(before != outcome.values)
    added, removed, note = outcome.added, outcome.removed, outcome.note
    if inner is None:
        region = Region(outcome.region.start, outcome.region.start)
        return Proposal(title, region, outcome.values[:0, :0, :0], {}, added, removed, note, 0, scene.stamp)
    region, values = inner.placed(outcome.region.start), outcome.values[inner.slices]
    before = before[inner.slices]
    gained = int(np.count_nonzero(values == scene.label)) - int(np.count_nonzero(before == scene.label))
    changes = by_label(before, values, region)
    return Proposal(title, region, values, changes, added, removed, note, gained, scene.stamp)
