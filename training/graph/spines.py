"""Invented spines, drawn finer than they are shown: thin discs and shells of bone are blurred as a scanner blurs them.

The vertebrae of `torsos` lie well apart, each in a shell as thick as a voxel. Real ones touch at their joints, of their
cortex (0.5 to 1 mm) a scan of 3 mm shows a shimmer, and what parts two of them is a disc of a few slices.
"""

from __future__ import annotations

import numpy as np

from training.graph.anatomy import Draft, Mask, Points, Tissue, chain, place
from training.graph.organs import SIDES, draw_back, rib
from training.graph.torsos import add_rind, bent, painted
from training.shapes import Field, Random

_FINE = (0.9, 1.5)  # millimetres to a voxel that is drawn
_FINEST = 0.35  # share that is shown so, the others in voxels of twice that side
_DRAWN = 120  # voxels a side, at most
_TOUCHING = 0.7  # share of the spines whose joints touch
_DISCS = 0.15  # share that also offers the discs
_BEYOND = 8  # the draft is larger than the block by a part of this many on every side, because it is bent
_RIBS = 0.6  # share of the spines that carry ribs
_HALF = 0.5  # of a voxel's parts in an object: then it is in it


def spine(side: int, random: Random) -> tuple[Field, list[Mask], float]:
    """A block with a spine in it, at most `side` voxels a side: image, masks of its bones, millimetres to a voxel."""
    times = 1 if random.random() < _FINEST else 2
    drawn, step = times * min(side, _DRAWN // times), random.uniform(*_FINE)
    middle = np.array([random.uniform(-120, 200), random.normal(55, 12), random.normal(0, 12)])
    around = drawn + 2 * (drawn // _BEYOND)
    draft = Draft(step, middle - around * step / 2, around, random)
    draw_back(draft, _column)
    tissue, organ = bent(draft, drawn, random)
    bones = [organ == o for o in np.unique(organ[np.isin(tissue, (Tissue.CORTEX, Tissue.MARROW))]) if o]
    discs = [organ == o for o in np.unique(organ[tissue == Tissue.DISC]) if o] if random.random() < _DISCS else []
    add_rind(tissue, step, random.uniform(0.5, 2.0))
    image = _pooled(painted(tissue, random), times)
    return image, [_pooled(mask.astype(np.float32), times) > _HALF for mask in bones + discs], times * step


def _pooled(fine: Field, times: int) -> Field:
    """Means of cubes of so many voxels a side."""
    k, j, i = (n // times for n in fine.shape)
    parts = fine[: k * times, : j * times, : i * times].reshape(k, times, j, times, i, times)
    return np.asarray(parts.mean(axis=(1, 3, 5)), dtype=np.float32)


def _column(draft: Draft) -> None:
    """Vertebrae of one build, one above the other, and ribs."""
    random, size = draft.random, draft.random.uniform(0.65, 1.1)
    level, disc = random.uniform(26, 38) * size**0.5, random.uniform(3.5, 10)
    gap = 0 if random.random() < _TOUCHING else 1
    shift, wave = random.uniform(0, level), random.uniform(0, 8)
    for number in range(int(-150 / level), int(240 / level)):
        back, left = wave * np.sin(number * random.uniform(0.9, 1.1) + np.array([0.0, 1.3]))
        _vertebra(draft, place(number * level - shift, 45 + back, left), size, level, disc, gap)
    if random.random() < _RIBS:
        for number in range(int(240 / level)):
            for sign in SIDES:
                rib(draft, number * level - shift, sign)


def _vertebra(draft: Draft, at: Points, size: float, level: float, disc: float, gap: int) -> None:
    """Body, arch, processes, and joints that reach over to the neighbours', around the canal; and the disc above."""
    random, half = draft.random, (level - disc) / 2
    vary = random.uniform(0.9, 1.1, 3)
    body = draft.solid(at, place(half, 16.5 * size, 22.5 * size) * place(1, *vary[1:]), 5.0)
    arch = draft.solid(at + place(2, 27 * size, 0), place(min(11, half), 14.5 * size, 15 * size))
    fall, long = random.uniform(0.1, 0.9) * level, random.uniform(58, 72) * size
    process = chain(at + place(-3, 38 * size, 0), at + place(-fall, long, 0), steps=10)
    spinous = draft.solid(process, place(random.uniform(5, 9), 6 * size, random.uniform(2.5, 4.5)))
    wide = random.uniform(28, 44) * size
    across = chain(*(at + place(2, 27 * size, left) for left in (-wide, 0.0, wide)))
    upper = draft.solid(at + np.stack([place(0.4 * level, 29 * size, s * 17 * size) for s in SIDES]), place(10, 5, 6))
    lower = draft.solid(at + np.stack([place(-0.5 * level, 36 * size, s * 14 * size) for s in SIDES]), place(11, 5, 6))
    canal = draft.solid(at + place(0, 25 * size, 0), place(2 * level, 8 * size, 10 * size))
    bone = body | arch | spinous | draft.solid(across, place(5, 5, 5) * size) | upper | lower
    draft.add(bone & ~canal, Tissue.MARROW, gap=gap)
    draft.fill(draft.solid(at + place(0, 25 * size, 0), place(level / 2, 6 * size, 7 * size), 6.0), Tissue.CORD)
    between = draft.solid(at + place(level / 2, 0, 0), place(disc / 2 + 1, 15.5 * size, 21 * size), 4.0)
    draft.add(between, Tissue.DISC, gap=0)
