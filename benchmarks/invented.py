"""Invented organs and bones: `python -m benchmarks.invented` (over ten minutes): to choose on, as scans are few.

No run that trained what ships saw these blocks. Clicks are those of `clicks-3d`, carried slices those of
`mask-propagate`, boxes and drawn slices those of `other_prompts`.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.evaluation import PredictorClicker, clicks_3d, mask_propagate
from app.engine.protocol import Predictor, Token
from app.geometry import Geometry
from app.volume import Volume
from benchmarks.other_prompts import answered
from benchmarks.runs import digits, means
from training.graph.bones import bones, skull
from training.graph.torsos import torso
from training.shapes import Field, Random

Mask = NDArray[np.bool_]

_ROUNDS = (1, 3, 5)


@dataclass(frozen=True)
class Blocks:
    """Which blocks are drawn, and which of their objects.

    Args:
        make: Image, masks and millimetres to a voxel of a block with so many voxels a side.
        seed: First number of each block's seed; the second counts.
        smallest: Voxels of an object that is small enough to leave out.
        largest: Share of the block that is too large.
        drawn: Objects of a block.
        slices: Slices that an object has at least.
        widest: Pixels of it on a slice, on average, at most.
    """

    make: Callable[[int, Random], tuple[Field, list[Mask], float]]
    seed: int
    count: int
    side: int
    smallest: int
    largest: float
    drawn: int = 3
    slices: int = 1
    widest: float = float("inf")

    def fits(self, mask: Mask) -> bool:
        """Whether an object is neither too small nor too large, and long and thin enough."""
        voxels, slices = int(mask.sum()), int(mask.any(axis=(1, 2)).sum())
        return (
            self.smallest < voxels < self.largest * mask.size
            and slices >= self.slices
            and voxels <= self.widest * slices
        )


ORGANS = Blocks(torso, 777, 24, 72, 400, 0.3)
LARGE_BONES = Blocks(lambda side, random: (*bones(side, random), 1.0), 91, 40, 90, 12_000, 0.4, drawn=1)
SKULLS = Blocks(lambda side, random: (*skull(side, random), 1.0), 929, 12, 125, 30_000, 0.4, drawn=1)
SLICES = Blocks(torso, 556, 16, 80, 600, 0.2)
LONG = Blocks(torso, 4321, 24, 110, 600, 0.3, slices=50, widest=600)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", help="a model's id; builtin without it")
    for model in parser.parse_args().model or ["builtin"]:
        predictor = registry.load(model)
        for what, blocks in (("organs", ORGANS), ("large bones", LARGE_BONES), ("skulls", SKULLS)):
            clicked = [clicks(clicker, volume, mask) for clicker, volume, mask in each(predictor, blocks)]
            print(f"{model:10} {digits(means(clicked))} after 1 / 3 / 5 clicks ({len(clicked)} {what})", flush=True)
        others = [answered(clicker, mask, volume.geometry.spacing) for clicker, volume, mask in each(predictor, ORGANS)]
        print(
            f"{model:10} {digits(means(others))} after a box, a flat one, 1 / 2 / 3 drawn slices ({len(others)} organs)"
        )
        for what, blocks in (("organs", SLICES), ("long and thin ones", LONG)):
            carried = [
                mask_propagate(clicker, mask, volume.geometry.spacing).figures["dice_3d"]
                for clicker, volume, mask in each(predictor, blocks)
            ]
            print(f"{model:10} {statistics.fmean(carried):.3f} carried from a given slice ({len(carried)} {what})")


def each(predictor: Predictor, blocks: Blocks) -> Iterator[tuple[PredictorClicker, Volume, Mask]]:
    """Objects of each block, prepared for clicking."""
    for number in range(blocks.count):
        random = np.random.default_rng((blocks.seed, number))
        image, masks, step = blocks.make(blocks.side, random)
        volume = Volume(image.astype(np.float32), Geometry(image.shape, np.diag([step, step, step, 1.0])))
        prepared = predictor.prepare(volume, lambda done, what: None, Token())
        fitting = [mask for mask in masks if blocks.fits(mask)]
        for drawn in random.permutation(len(fitting))[: blocks.drawn]:
            yield PredictorClicker(predictor, volume, prepared), volume, fitting[drawn]


def clicks(clicker: PredictorClicker, volume: Volume, mask: Mask) -> list[float]:
    """Dice after 1, 3 and 5 clicks."""
    report = clicks_3d(clicker, mask, volume.geometry.spacing, max(_ROUNDS))
    return [after.dice for n in _ROUNDS if (after := report.after(n))]


if __name__ == "__main__":
    main()
