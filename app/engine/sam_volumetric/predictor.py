"""`VolumetricPredictor`: SAM-Med3D and FastSAM-3D behind the protocol. The first click embeds, the next only decode."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.engine.model_card import ModelCard
from app.engine.propagation import confidence
from app.engine.protocol import Logits, Prediction, Prior, ReportProgress, Token
from app.engine.sam_volumetric.answers import Answer
from app.engine.sam_volumetric.clicks import clicks_of, drawn
from app.engine.sam_volumetric.conversation import Conversation
from app.engine.sam_volumetric.halves import Halves, load
from app.engine.sam_volumetric.halves import untrained as random_halves
from app.engine.sam_volumetric.intensity import Recipe
from app.engine.sam_volumetric.scan import Scan, placed
from app.engine.sam_volumetric.travel import Travel
from app.prompts import Prompt, SliceMask
from app.volume import Volume


class VolumetricPredictor:
    """See `Predictor` and `SlicePropagator`. A scribble is some clicks along it, an outline some deep inside.

    Args:
        halves: The network, in the place of the one whose weights the card names.
        untrained: With random numbers in the place of the weights, to see how long it takes.
    """

    def __init__(self, card: ModelCard, halves: Halves | None = None, untrained: bool = False) -> None:
        self.card = card
        self._recipe = Recipe.of(card)
        self._halves = halves or (random_halves(card) if untrained else None)

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Scan:
        """Load the network; which part of the scan to embed only a click can tell."""
        progress(0.0, f"Loading {self.card.name}")
        self._halves = self._halves or load(self.card, token)
        progress(1.0, f"Loading {self.card.name}")
        return Scan(volume, self._recipe)

    def predict(self, prepared: Scan, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """Logits around the first include click, and around every later one that lies outside."""
        clicks, conversation = clicks_of(prompts), self._conversation(prepared)
        if prior is not None and prior.seed:
            prediction = conversation.correct(clicks, prior)
            return _with_outlines(prediction, prompts)
        prior = prior if prior is not None and prior.region.size else None
        before = prepared.answers.find(prior) if prior is not None else None
        if not any(positive for _, positive in clicks):
            return Prediction.nothing()
        known = len(before.clicks) if before is not None else 0
        if prior is None:
            answer, prior = conversation.go_on(clicks)
        elif before is not None and len(clicks) > known and clicks[:known] == before.clicks:
            answer, prior = conversation.go_on(clicks[known:], before, prior)
        else:
            answer = conversation.together(clicks, before, prior)
        return self._told(prepared, answer, prior, prompts)

    def remember(self, prepared: Scan, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> Travel:
        """See `SlicePropagator`."""
        return Travel(self._conversation(prepared), prepared.volume.shape, axis, conditioning)

    def carry(self, memory: Travel, index: int, previous: int) -> tuple[Logits, float]:
        """See `SlicePropagator`."""
        logits, before = memory.slice(index, previous)
        return logits, confidence(logits, before)

    def _conversation(self, scan: Scan) -> Conversation:
        if self._halves is None:
            raise ValueError("prepare comes before predict")
        return Conversation(scan, self._halves, self._recipe.multi_click)

    def _told(self, scan: Scan, answer: Answer, prior: Prior | None, prompts: tuple[Prompt, ...]) -> Prediction:
        prediction = _with_outlines(placed(answer.crop, answer.low, prior), prompts)
        scan.answers.keep(prediction, answer)
        return prediction


def _with_outlines(prediction: Prediction, prompts: tuple[Prompt, ...]) -> Prediction:
    """Outlines are exact on their slices, as far as the answer reaches."""
    if not any(isinstance(prompt, SliceMask) for prompt in prompts):
        return prediction
    logits = prediction.logits.copy()
    drawn(prompts, prediction.region.start, logits)
    return Prediction(prediction.region, logits)
