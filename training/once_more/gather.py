"""Answers to learn from: `python -m training.once_more.gather --of carried --out KEPT --data ../shared/data`.

Objects of the graph networks' scenes are carried or clicked on without the network that is to learn, with all errors on
the way. Every worker makes scenes of its own; some of them side by side take as many cores.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.engine import registry
from training import scans
from training.graph import scans as scenes
from training.once_more import carried, clicked
from training.once_more.kept import Kept
from training.once_more.seen import Seen
from training.scans import Scan

_PART = 1_500  # answers to a file
_APART = 1_000_000  # scenes between those of two workers
_OBJECTS = 4  # of a scene

WALKS = {"carried": carried.walk, "clicked": clicked.walk}
"""What is done with objects."""

BLEND = scenes.Blend(
    0.0, 0.4, {"outlined": 0.22, "pseudo": 0.1, "bones": 0.08, "torso": 0.33, "spine": 0.1, "shapes": 0.17}
)
"""From near by, and more often organs beside each other than for the graph networks."""


def main() -> None:
    """Gather until there are answers for enough objects."""
    parser = argparse.ArgumentParser("training.once_more.gather", description=__doc__)
    parser.add_argument("--of", choices=tuple(WALKS), required=True, help="what is done with objects")
    parser.add_argument("--out", type=Path, required=True, help="the folder that they are kept in")
    parser.add_argument("--data", type=Path, help="the shared data; without it scenes are invented only")
    parser.add_argument("--objects", type=int, default=900, help="objects that are carried or clicked on")
    parser.add_argument("--worker", type=int, default=0, help="number of this one, of several that work side by side")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    waiting: list[Seen] = []
    part = itertools.count()
    objects = walked(args.of, scans.load(args.data) if args.data else [], args.seed, args.worker)
    for seen in itertools.islice(objects, args.objects):
        waiting += seen
        if len(waiting) >= _PART:
            Kept.write(args.out, f"{args.worker:02d}-{next(part):03d}", waiting)
            waiting = []
    if waiting:
        Kept.write(args.out, f"{args.worker:02d}-{next(part):03d}", waiting)


def walked(of: str, real: list[Scan], seed: int, worker: int) -> Iterator[list[Seen]]:
    """What is seen of one object after the other; those of few slices or pixels are left out."""
    predictor, random = registry.load("builtin"), np.random.default_rng((seed, worker))
    for number in itertools.count(worker * _APART):
        for example in scenes.make(number, seed, _OBJECTS, real, BLEND):
            if seen := WALKS[of](example, predictor, random):
                yield seen


if __name__ == "__main__":
    main()
