"""`Travel`: slices of a 3D answer, one after the other; where its crop ends, the network is asked again further on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits, Prediction, Prior
from app.engine.sam_volumetric.clicks import SURE, deepest
from app.engine.sam_volumetric.conversation import Conversation
from app.engine.sam_volumetric.scan import placed
from app.geometry import Index, Region

_MARGIN = 0.1  # of a crop's extent at either end: there the network has seen half of what is around


class Travel:
    """The memory of a propagation: drawn slices become clicks in them, the answer is read slice by slice.

    Args:
        axis: Array axis across the slices.
        conditioning: Slice -> its mask.
    """

    def __init__(
        self, conversation: Conversation, shape: Index, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]
    ) -> None:
        self._conversation = conversation
        self._shape = shape
        self._axis = axis
        self._known = {index: np.where(mask, SURE, -SURE).astype(np.float32) for index, mask in conditioning.items()}
        self._drawn = set(conditioning)
        self._views: list[Prediction] = []

    def slice(self, index: int, previous: int) -> tuple[Logits, NDArray[np.bool_]]:
        """Logits of slice `index` and the mask of `previous`, whose neighbour it is."""
        before = self._known[previous] > 0
        drawn = previous in self._drawn
        view = None if drawn else self._reaching(index)
        if view is None and before.any():
            view = self._ask(previous, before, None if drawn else self._views[-1])
            self._drawn.discard(previous)
        self._known[index] = self._cut(view, index) if view else np.full(before.shape, -SURE, np.float32)
        return self._known[index], before

    def _ask(self, index: int, mask: NDArray[np.bool_], last: Prediction | None) -> Prediction:
        clicks = tuple((place, True) for place in deepest(self._axis, index, mask))
        prior = Prior(last.region, last.logits) if last else None
        answer, _ = self._conversation.go_on(clicks, None, prior)
        self._views.append(placed(answer.crop, answer.low, None))
        return self._views[-1]

    def _reaching(self, index: int) -> Prediction | None:
        """The newest view that shows a slice well."""
        for view in reversed(self._views):
            start, stop = view.region.start[self._axis], view.region.stop[self._axis]
            margin = round(_MARGIN * (stop - start))
            low = start + margin if start > 0 else 0
            high = stop - margin if stop < self._shape[self._axis] else stop
            if low <= index < high:
                return view
        return None

    def _cut(self, view: Prediction, index: int) -> Logits:
        plane = Region.plane(self._shape, self._axis, index)
        logits = np.full(plane.shape, -SURE, np.float32)
        both = view.region.intersection(plane)
        logits[both.within(plane).slices] = view.logits[both.within(view.region).slices]
        return np.ascontiguousarray(logits.squeeze(self._axis))
