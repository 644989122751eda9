"""`answered`: prompts on slices to one prediction, asking a model again only for the slices that need it."""

from __future__ import annotations

from collections.abc import Callable

from app.engine.protocol import Logits, Prediction, Prior
from app.engine.slicewise.asked import SlicePrompts, asked_slices
from app.engine.slicewise.plane import slice_axis
from app.engine.slicewise.union import plane_of, united
from app.prompts import Point, Prompt
from app.volume import Volume

Ask = Callable[[SlicePrompts, Logits | None], Logits]
"""A slice's prompts and what is known of it -> 2D logits of the whole slice."""


def answered(volume: Volume, prompts: tuple[Prompt, ...], prior: Prior | None, ask: Ask) -> Prediction:
    """The union of the prompted slices.

    A slice is asked again when the newest prompt lies on it, or when the prior contradicts its points; else the prior
    holds there. The prior's logits of a slice, an earlier answer or a seed, go in with its prompts.
    """
    axis = slice_axis(volume.geometry)
    newest = {(part.axis, part.index) for part in asked_slices(prompts[-1:], axis)}
    answers: dict[tuple[int, int], Logits] = {}
    for asked in asked_slices(prompts, axis):
        place = asked.axis, asked.index
        known = plane_of(prior, volume.shape, *place)
        again = known is None or place in newest or _contradicted(asked, known)
        answers[place] = ask(asked, known) if again or known is None else known
    return united(answers, volume.shape, prior)


def _contradicted(asked: SlicePrompts, known: Logits) -> bool:
    """Whether a point says otherwise than the mask; boxes and strokes that were answered once are."""
    for point in (prompt for prompt in asked.prompts if isinstance(prompt, Point)):
        row, column = (along for axis, along in enumerate(point.index) if axis != asked.axis)
        if bool(known[row, column] > 0) != point.positive:
            return True
    return False
