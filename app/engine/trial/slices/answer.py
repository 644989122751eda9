"""`PlaneAnswer`: what the network for slices makes of prompts on one slice.

What a click means depends on the size that one looks at, so a first click is looked at in windows of several sizes, and
the answer that the others agree with most is taken, weighted by the Dice that the network expects of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.engine.trial import maps
from app.engine.trial.logits import overlap, support
from app.engine.trial.slices.planes import PlanePrompts
from app.engine.trial.slices.runtime import Encoded
from app.engine.trial.slices.views import FILL, SliceViews
from app.engine.trial.slices.window import Array, Mask, Window

_SIZES = 1.7  # between the windows of a first click
_NARROWEST = 10.0  # pixels of the slice: the smallest window shows that many to either side
_OUTSIDE = -6.0  # logit where a window does not reach
_SAME = 0.5  # overlap above which a closer look saw the same object
_TOUCHES = 0.04  # of the mask's outline on the window's border: the object goes on beyond


@dataclass(frozen=True, slots=True, eq=False)
class PlaneAnswer:
    """Logits on the whole slice, the window that showed them, and the Dice that the network expects of them."""

    logits: Array
    window: Window
    quality: float


def answer(views: SliceViews, index: int, told: PlanePrompts, last: Array | None) -> PlaneAnswer | None:
    """The answer on slice `index`; None where nothing tells of a place.

    Args:
        last: Logits of the last answer on that slice, None for the first.
    """
    mask = None if last is None else last > 0
    if mask is not None and mask.any():
        shown = mask.copy()
        shown[tuple(told.include.T)] = True
        return _refined(views, index, told, ask(views, index, told, views.window(shown), last))
    if told.box is not None:
        window = Window.around(told.box, FILL, views.shape, views.spacing, views.runtime.side)
        return ask(views, index, told, window, None)
    if not len(told.include):
        return None
    answers = [ask(views, index, told, window, None) for window in sizes(views, told)]
    return _refined(views, index, told, best(answers, told))


def sizes(views: SliceViews, told: PlanePrompts) -> list[Window]:
    """Windows around the included points, from one that shows the smallest things to one that holds the slice."""
    low, high = told.include.min(axis=0).astype(float), told.include.max(axis=0).astype(float)
    finest = min(views.spacing)
    longest = float((np.array(views.shape) * views.spacing).max())
    extent = max(2 * _NARROWEST * finest, float(((high - low + 1) * views.spacing).max()) * 1.5)
    found: list[Window] = []
    while True:
        half = (extent / np.array(views.spacing) - 1) / 2
        middle = (low + high) / 2
        box = tuple((middle - half).tolist()), tuple((middle + half).tolist())
        window = Window.around(box, 1.0, views.shape, views.spacing, views.runtime.side)
        if window not in found:
            found.append(window)
        if extent >= longest:
            return found
        extent *= _SIZES


def ask(views: SliceViews, index: int, told: PlanePrompts, window: Window, last: Array | None) -> PlaneAnswer:
    """One pass of the decoder."""
    drawn = maps.empty(views.runtime.side, 2)
    maps.draw_points(drawn, maps.INCLUDE, window.pixels(told.include))
    maps.draw_points(drawn, maps.EXCLUDE, window.pixels(told.exclude))
    if told.box is not None:
        drawn[maps.BOX][window.block(told.box)] = 1
    if last is not None:
        drawn[maps.LAST] = np.tanh(window.read(last) / 2)
    tones = views.tones(index, window)
    hinted = views.ground(index, window, tones).hints(drawn)
    seen: list[tuple[Encoded, Array]] = []
    logits, quality = views.runtime.decode(views.encoded(index, window, tones), drawn, hinted, seen)
    return PlaneAnswer(
        window.placed(logits, views.shape, _OUTSIDE), window, quality * (1 - _cut(logits, window, views))
    )


def best(answers: list[PlaneAnswer], told: PlanePrompts) -> PlaneAnswer:
    """The one that the others agree with most, that expects most of itself and obeys the prompts."""
    values = []
    for one in answers:
        others = [overlap(one.logits, other.logits) for other in answers if other is not one]
        values.append(support(others) * one.quality * _obeyed(one, told))
    return answers[int(np.argmax(values))]


def _refined(views: SliceViews, index: int, told: PlanePrompts, seen: PlaneAnswer) -> PlaneAnswer:
    """The same object through the window that fits it, where that differs."""
    mask: Mask = seen.logits > 0
    if not mask.any():
        return seen
    window = views.window(mask)
    if max(window.step / seen.window.step, seen.window.step / window.step) < 1.25:
        return seen
    again = ask(views, index, told, window, seen.logits)
    same = overlap(seen.logits, again.logits) > _SAME
    return again if same and again.quality > 0.9 * seen.quality else seen


def _obeyed(one: PlaneAnswer, told: PlanePrompts) -> float:
    right = [one.logits[tuple(p)] > 0 for p in told.include] + [one.logits[tuple(p)] <= 0 for p in told.exclude]
    return max(0.2, float(np.mean(right)))


def _cut(logits: Array, window: Window, views: SliceViews) -> float:
    """Share of the outline on the window's border, inside the scan; at most a half."""
    mask = logits > 0
    if not mask.any():
        return 0.0
    low = np.array(window.centre) - window.step * window.side / 2 / np.array(window.spacing) > 0
    high = (
        np.array(window.centre) + window.step * window.side / 2 / np.array(window.spacing) < np.array(views.shape) - 1
    )
    count = sum(
        int(np.take(mask, end, axis).sum()) for axis in (0, 1) for end, own in ((0, low[axis]), (-1, high[axis])) if own
    )
    share = count / np.sqrt(mask.sum())
    return float(min(0.5, share / 2)) if share > _TOUCHES else 0.0
