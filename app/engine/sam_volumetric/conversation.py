"""`Conversation`: clicks and answers with the network about one scan, the way it was trained (arXiv 2310.15161, 3.3).

Every click is decoded with the logits of the answer before it as mask, zeros at first. The crop stays where the first
click put it until a click lies outside.
"""

from __future__ import annotations

import numpy as np

from app.engine.protocol import Logits, Prediction, Prior
from app.engine.sam_volumetric.answers import Answer
from app.engine.sam_volumetric.clicks import Click
from app.engine.sam_volumetric.correction import corrected, objections
from app.engine.sam_volumetric.crop import Crop
from app.engine.sam_volumetric.halves import Halves
from app.engine.sam_volumetric.scan import Scan, placed
from app.engine.sam_volumetric.shape import LOW


class Conversation:
    """Decodes; embeds a crop when it is new.

    Args:
        multi_click: Every decode gets all clicks so far; else only the newest.
    """

    def __init__(self, scan: Scan, network: Halves, multi_click: bool) -> None:
        self._scan = scan
        self._network = network
        self._multi_click = multi_click

    def go_on(
        self, clicks: tuple[Click, ...], before: Answer | None = None, prior: Prior | None = None
    ) -> tuple[Answer, Prior | None]:
        """One decode for each of at least one click, each from the answer before.

        Args:
            prior: What was said of the scan until now; without `before` it comes from elsewhere.

        Returns:
            The last answer, and what is said beside its crop.
        """
        first, *rest = clicks
        answer, prior = self._next(first, before, prior)
        for click in rest:
            answer, prior = self._next(click, answer, prior)
        return answer, prior

    def together(self, clicks: tuple[Click, ...], before: Answer | None, prior: Prior) -> Answer:
        """All clicks in one decode, from the answer that the prior is: a sample of the ensemble."""
        first = next((index for index, positive in clicks if positive), clicks[0][0])
        crop = before.crop if before and before.crop.region.contains(first) else self._scan.crop(first)
        low = before.low if before is not None and before.crop is crop else crop.lowered(prior)
        return Answer(crop, self._decode(crop, clicks, low), clicks)

    def correct(self, clicks: tuple[Click, ...], seed: Prior) -> Prediction:
        """A mask that clicks do not explain, changed where they object."""
        wrong = objections(clicks, seed)
        if not wrong:
            return Prediction(seed.region, seed.logits)
        crop = self._scan.crop(wrong[-1][0])
        inside = tuple(click for click in wrong if crop.region.contains(click[0]))
        return corrected(seed, crop, self._decode(crop, inside, crop.lowered(seed)), inside)

    def _next(self, click: Click, before: Answer | None, prior: Prior | None) -> tuple[Answer, Prior | None]:
        if before is not None and before.crop.holds(click[0]):
            crop, low = before.crop, before.low
        else:
            if before is not None:
                said = placed(before.crop, before.low, prior)
                prior = Prior(said.region, said.logits)
            crop = self._scan.crop(click[0])
            low = crop.lowered(prior) if prior is not None else np.zeros((LOW,) * 3, np.float32)
        done = (*(before.clicks if before else ()), click)
        return Answer(crop, self._decode(crop, done if self._multi_click else (click,), low), done), prior

    def _decode(self, crop: Crop, clicks: tuple[Click, ...], low: Logits) -> Logits:
        embedding = self._scan.embedding(crop, self._network.encode)
        inside = [(crop.sample(index), positive) for index, positive in clicks if crop.region.contains(index)]
        return self._network.decode(embedding, inside, low)
