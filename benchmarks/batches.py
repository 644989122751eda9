"""Does encoding several slices at once cost less than one by one? `python -m benchmarks.batches [--model ID ...]`

Image encoders with random weights, compiled by the backend of this machine for 1, 2 and 4 slices; processor seconds a
slice, which other programs disturb less than the clock. They run in turn, and the quickest run of each counts.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from app.engine import registry
from app.engine.backends import chosen
from app.engine.sam.recipes import RECIPES
from app.engine.sam.runner import _empty
from app.engine.sam2.parts import Encoder
from app.engine.sam2.variants import variant_of
from app.engine.sam2.weights import RandomWeights
from app.engine.weights.random_state import random_state

BATCHES = (1, 2, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", help="(default mobile_sam, edgetam_fast, sam_med2d)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(f"{'encoder':<20} {'slices at once':>14} {'processor s a slice':>20} {'of one by one':>14}")
    for model in args.model or ["mobile_sam", "edgetam_fast", "sam_med2d"]:
        least = measured(model, args.rounds)
        for batch, seconds in least.items():
            print(f"{model:<20} {batch:>14} {seconds:>20.3f} {seconds / least[1]:>13.0%}", flush=True)


def measured(model: str, rounds: int) -> dict[int, float]:
    """Batch -> processor seconds a slice."""
    module, side = encoder(model)
    runs = {}
    for batch in BATCHES:
        pictures = np.random.default_rng(0).normal(size=(batch, 3, side, side)).astype(np.float32)
        compiled = chosen().compile(module, [pictures])
        compiled(pictures)
        runs[batch] = (compiled, pictures)
    least = dict.fromkeys(BATCHES, float("inf"))
    for _ in range(rounds):
        for batch, (compiled, pictures) in runs.items():
            start = time.process_time()
            compiled(pictures)
            least[batch] = min(least[batch], (time.process_time() - start) / batch)
    return least


def encoder(model: str):
    """The network's image encoder and the side of its pictures."""
    card = registry.card(model)
    if card.family == "sam2":
        side = int(card.recipe["image_size"])
        return Encoder(RandomWeights(variant_of(card.recipe["network"]), side).network), side
    recipe = RECIPES[model]
    network = _empty(recipe.architecture, recipe.size, recipe.grid)
    shape = recipe.architecture, recipe.size, recipe.grid
    return type(network).of(*shape, random_state(network)).image_encoder, recipe.size


if __name__ == "__main__":
    main()
