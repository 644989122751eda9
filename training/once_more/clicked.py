"""A clicked slice of one object, as it is without the network that is to learn, with all errors on the way."""

from __future__ import annotations

import numpy as np

from app.engine.builtin.click_features import of_clicks
from app.engine.builtin.plane import Plane
from app.engine.builtin.predictor import BuiltinPredictor
from app.engine.protocol import Prediction, Prior
from app.prompts import Point
from training import clicks
from training.graph.scans import Example
from training.graph.user import Hand, large_slice, shown_axis
from training.once_more.seen import Seen
from training.shapes import Random

_AS_SLICED = 0.6  # share of the objects that are clicked on a slice of the scan
_CLICKS = 6
_SMALLEST = 25  # pixels


def walk(example: Example, predictor: BuiltinPredictor, random: Random) -> list[Seen]:
    """From the second click on a slice on; nothing from an object that is small there."""
    mask, spacing = example.mask, example.features.lattice.spacing
    axis = shown_axis(spacing, random, _AS_SLICED)
    plane = Plane(axis, large_slice(mask, axis, random))
    truth = np.take(mask, plane.index, axis)
    if truth.sum() < _SMALLEST or mask.shape[axis] == 1:
        return []
    hand = Hand(mask, tuple(np.delete(spacing, axis)), random, axis, plane.index)
    prompts: tuple[Point, ...] = (hand.click(truth),)
    answer, seen = predictor.predict(example.features, prompts, None), list[Seen]()
    while len(prompts) < _CLICKS and (wrong := (plane.pixels(answer, mask.shape) > 0) ^ truth).any():
        prompts = (*prompts, hand.click(clicks.largest(wrong)))
        answer, one = _answered(example, predictor, plane, prompts, Prior(answer.region, answer.logits))
        seen += one
    return seen


def _answered(
    example: Example, predictor: BuiltinPredictor, plane: Plane, prompts: tuple[Point, ...], prior: Prior
) -> tuple[Prediction, list[Seen]]:
    """The answer without the network, and what that would have been told; nothing where it is not asked."""
    answer, clicked = predictor.clicked(example.features, plane, prompts, prior)
    if clicked is None:
        return answer, []
    square, truth = clicked.square, np.take(example.mask, plane.index, plane.axis)
    target = square.take(truth[square.window], square.window, 0.0)
    return plane.write(answer, clicked.both), [Seen(*of_clicks(clicked, square), target, len(prompts))]
