"""A program of its own: does a network of each family answer clicks here? One JSON object on stdout."""

from __future__ import annotations

import json
import sys

MODELS = ("lite_medsam", "edgetam_fast", "fastsam3d")
"""The smallest network of each family, with random numbers for weights: what is tried is that everything is here."""


def main() -> int:
    """Two clicks with each.

    Returns:
        0, also when something does not work: the object then has "failed".
    """
    try:
        print(json.dumps({"words": ", ".join(_clicked(model) for model in MODELS)}))
    except Exception as error:  # a door: whatever breaks is the answer
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"}))
    return 0


def _clicked(model: str) -> str:
    from app.engine import registry, rehearsal

    card = registry.card(model)
    first, _ = rehearsal.two_clicks(registry.untrained(card), card, 0)
    return f"{card.name} answers in {first.seconds:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
