"""`placed`: the segments of a file as new segments of a case, on the case's grid, as one step of its history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.editing.proposal import Outcome, Proposal, of_values
from app.editing.scene import Scene
from app.errors import BadInput
from app.exchange.incoming import Incoming, mask_on
from app.geometry import EMPTY_REGION
from app.segmentation import MOST_SEGMENTS, Segment

Colour = tuple[int, int, int]


def placed(scene: Scene, incoming: Incoming, name: str, palette: Sequence[Colour]) -> Proposal:
    """New segments for those of a file. They take background only: what is there already stays as it is.

    Args:
        name: Of the file, for the history.
        palette: Colours for segments whose file names none.

    Returns:
        A proposal for `Document.revise`; its note says what was lost to others, and what lies outside.

    Raises:
        BadInput: when nothing of the file lies in this scan, or there are too many segments.
    """
    geometry = scene.volume.geometry
    found = [(one, *mask_on(geometry, incoming, one)) for one in incoming.segments]
    region = EMPTY_REGION
    for _, box, mask in found:
        region = region.union(box) if mask.any() else region
    if not region.size:
        raise BadInput(f"Nothing of {name} lies in this scan.", "Was it made on another one?")
    values = scene.labels.crop(region)
    added, lost, outside = [], 0, []
    for label, (one, box, mask) in zip(_free_labels(scene, len(found)), found, strict=True):
        added.append(Segment(label, one.name, one.colour or palette[(label - 1) % len(palette)], term=one.term))
        if not mask.any():
            outside.append(one.name)
            continue
        crop = values[box.within(region).slices]
        lost += int(np.count_nonzero(mask & (crop != 0)))
        crop[mask & (crop == 0)] = label
    note = _note(lost, outside, incoming, scene)
    return of_values(scene, f"Bring in {name}", Outcome(region, values, tuple(added), (), note))


def _free_labels(scene: Scene, count: int) -> list[int]:
    """After the last label in use, then the gaps.

    Raises:
        BadInput: when there are not so many.
    """
    last = max(scene.segments, default=0)
    after = list(range(last + 1, MOST_SEGMENTS + 1))
    free = [*after, *(label for label in range(1, last) if label not in scene.segments)]
    if len(free) < count:
        raise BadInput(f"The file holds {count} segments, and this case has room for {len(free)} more.")
    return free[:count]


def _note(lost: int, outside: list[str], incoming: Incoming, scene: Scene) -> str:
    said = list(incoming.notes)
    if not incoming.shares_voxels(scene.volume.geometry):
        said.append("the file has another grid: each voxel took the nearest one of the file")
    if lost:
        said.append(f"{lost:,} voxels were taken by other segments already and stay theirs")
    if outside:
        said.append(f"outside this scan and so empty: {', '.join(outside)}")
    return "; ".join(said)
