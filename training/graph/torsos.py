"""Invented torsos: vertebrae in a column, vessels before it, muscles, organs and bowel that touch one another.

No scan among the training cases is a CT of a body with outlined organs. These stand in for it: what lies next to what,
and how an organ ends where its neighbour is as grey as itself. In CT numbers, or in invented ones as of an MR.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training import painting, shapes
from training.graph.anatomy import Draft, Mask, Tissue
from training.graph.organs import draw_all
from training.shapes import Field, Random

_CT = 0.7  # share with CT numbers
_WHOLE = 0.3  # share that also offers all bones, or both lungs, as one object
_BEYOND = 6  # a side's share drawn beyond each face, so that a tilted block has something to show there

_UNITS = {
    Tissue.AIR: (-1000, -1000),
    Tissue.FAT: (-115, -75),
    Tissue.MUSCLE: (40, 75),
    Tissue.LUNG: (-900, -750),
    Tissue.CORTEX: (350, 1100),
    Tissue.MARROW: (60, 320),
    Tissue.DISC: (60, 110),
    Tissue.CORD: (15, 45),
    Tissue.LIVER: (40, 125),
    Tissue.SPLEEN: (40, 135),
    Tissue.KIDNEY: (25, 210),
    Tissue.BILE: (-5, 20),
    Tissue.WALL: (30, 100),
    Tissue.CONTENT: (-40, 60),
    Tissue.GAS: (-1000, -800),
    Tissue.URINE: (-5, 25),
    Tissue.PANCREAS: (25, 110),
    Tissue.ARTERY: (30, 330),
    Tissue.VEIN: (30, 200),
    Tissue.HEART: (30, 220),
}
"""Hounsfield units from a scan without to one with contrast agent (any textbook of radiology)."""


def torso(side: int, random: Random) -> tuple[Field, list[Mask], float]:
    """A block of `side` voxels somewhere in an invented torso: image, masks of objects, millimetres to a voxel."""
    step = float(np.exp(random.uniform(np.log(1.4), np.log(4.5))))
    tall = random.uniform(0.8, 1.15)
    middle = np.array([random.uniform(-230, 200), random.normal(10, 30), random.normal(0, 50)])
    drawn = side + 2 * (side // _BEYOND)
    draft = Draft(step / tall, middle - drawn * step / tall / 2, drawn, random)
    draw_all(draft)
    tissue, organ = bent(draft, side, random)
    add_rind(tissue, step, random.uniform(1.0, 3.5))
    return painted(tissue, random), _objects(tissue, organ, random), step


def bent(draft: Draft, side: int, random: Random) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Tissues and organs through a smooth bend, tilted a little."""
    tilt = np.linalg.qr(np.eye(3) + random.normal(0, 0.12, (3, 3)))[0]
    tilt *= np.sign(np.diag(tilt))
    axis = np.arange(side, dtype=np.float32) - (side - 1) / 2
    at = np.tensordot(tilt.astype(np.float32), np.stack(np.meshgrid(axis, axis, axis, indexing="ij")), 1)
    at += (draft.side - 1) / 2
    for component in at:
        by = random.uniform(0, 9) / draft.step / 2
        component += by * shapes.smooth_noise(side, int(random.integers(3, 7)), random)
    tissue, organ = (ndimage.map_coordinates(a, at, order=0, mode="nearest") for a in (draft.tissue, draft.organ))
    return tissue, organ


def add_rind(tissue: NDArray[np.int16], step: float, thick: float) -> None:
    """Cortex around marrow, so many millimetres thick and at least a voxel."""
    depth = ndimage.distance_transform_edt(tissue == Tissue.MARROW) * step
    tissue[(depth > 0) & (depth <= max(step, thick))] = Tissue.CORTEX


def painted(tissue: NDArray[np.int16], random: Random) -> Field:
    """Grey values: Hounsfield units, or as of an MR."""
    if random.random() > _CT:
        return painting.paint(tissue, random)
    means = np.array([random.uniform(*_UNITS[t]) for t in Tissue], np.float32)
    if random.random() < 0.3:  # without contrast agent what carries blood is one grey
        means[[Tissue.ARTERY, Tissue.VEIN, Tissue.HEART]] = random.uniform(30, 55) + random.normal(0, 2, 3)
    noise, texture = random.uniform(2, 12), random.uniform(0, 10, len(Tissue)).astype(np.float32)
    texture[[Tissue.CORTEX, Tissue.MARROW, Tissue.CONTENT]] += random.uniform(0, 90, 3).astype(np.float32)
    slow = shapes.smooth_noise(tissue.shape[0], tissue.shape[0] // 3, random)
    image = means[tissue] + texture[tissue] * slow + noise * random.standard_normal(tissue.shape, dtype=np.float32)
    return ndimage.gaussian_filter(image, random.uniform(0.4, 1.0))


def _objects(tissue: NDArray[np.int16], organ: NDArray[np.int16], random: Random) -> list[Mask]:
    """Every organ as far as the block shows it; sometimes also all bones, and both lungs, as one (or empty)."""
    found = [organ == o for o in np.unique(organ[organ > 0])]
    if random.random() < _WHOLE:
        found.append(np.isin(tissue, (Tissue.CORTEX, Tissue.MARROW)))
        found.append(tissue == Tissue.LUNG)
    return found
