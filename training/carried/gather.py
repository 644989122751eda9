"""Slices to learn from: `python -m training.carried.gather --out SLICES --data ../shared/data --worker 0`.

Objects of the graph networks' scenes are carried without the network that is to learn, with all errors on the way.
Every worker makes scenes of its own; some of them side by side take as many cores.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from training import scans
from training.carried.kept import Kept
from training.carried.walk import Seen, walk
from training.graph import scans as scenes
from training.scans import Scan

_PART = 1_500  # slices to a file
_APART = 1_000_000  # scenes between those of two workers
_OBJECTS = 4  # of a scene

CARRIED = scenes.Blend(
    0.0, 0.4, {"outlined": 0.22, "pseudo": 0.1, "bones": 0.08, "torso": 0.33, "spine": 0.1, "shapes": 0.17}
)
"""From near by, and more often organs beside each other than for clicks."""


def main() -> None:
    """Gather until there are slices of enough objects."""
    parser = argparse.ArgumentParser("training.carried.gather", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder that slices are kept in")
    parser.add_argument("--data", type=Path, help="the shared data; without it scenes are invented only")
    parser.add_argument("--objects", type=int, default=900, help="objects to carry")
    parser.add_argument("--worker", type=int, default=0, help="number of this one, of several that work side by side")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    waiting: list[Seen] = []
    part = itertools.count()
    objects = walked(scans.load(args.data) if args.data else [], args.seed, args.worker)
    for seen in itertools.islice(objects, args.objects):
        waiting += seen
        if len(waiting) >= _PART:
            Kept.write(args.out, f"{args.worker:02d}-{next(part):03d}", waiting)
            waiting = []
    if waiting:
        Kept.write(args.out, f"{args.worker:02d}-{next(part):03d}", waiting)


def walked(real: list[Scan], seed: int, worker: int) -> Iterator[list[Seen]]:
    """What is seen of one object after the other; those of few slices are left out."""
    predictor, random = registry.load("builtin"), np.random.default_rng((seed, worker))
    for number in itertools.count(worker * _APART):
        for example in scenes.make(number, seed, _OBJECTS, real, CARRIED):
            if seen := walk(example, predictor, silent, random):
                yield seen


def silent(maps: NDArray[np.float32], numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """A network that adds nothing."""
    del numbers
    return np.zeros(maps.shape[1:], dtype=np.float32)


if __name__ == "__main__":
    main()
