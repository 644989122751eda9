"""`VolumetricPredictor`: SAM-Med3D and FastSAM-3D behind the protocol. The first click embeds, the next only decode."""

from __future__ import annotations

import numpy as np

from app.engine.protocol import Logits, ModelCard, Prediction, Prior, ReportProgress, Token
from app.engine.sam_volumetric.answers import Answer, Click
from app.engine.sam_volumetric.correction import corrected, objections
from app.engine.sam_volumetric.crop import Crop
from app.engine.sam_volumetric.halves import Halves, load
from app.engine.sam_volumetric.intensity import Recipe
from app.engine.sam_volumetric.scan import Scan, placed
from app.engine.sam_volumetric.shape import LOW
from app.geometry import Region
from app.prompts import Point, Prompt, Scribble
from app.volume import Volume

_STROKE = 5  # clicks that stand for a scribble, evenly along it


class VolumetricPredictor:
    """See `Predictor`. Takes points, and scribbles as some points along them.

    Decoding follows training (arXiv 2310.15161, section 3.3): every click is decoded with the logits of the answer
    before it as mask, zeros at first. The crop stays where the first include click put it until a click lies outside.
    """

    def __init__(self, card: ModelCard, halves: Halves | None = None) -> None:
        self.card = card
        self._recipe = Recipe.of(card)
        self._halves = halves

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Scan:
        """Load the network; which part of the scan to embed only a click can tell."""
        if self._halves is None:
            progress(0.0, f"Loading {self.card.name}")
            self._halves = load(self.card, token)
        progress(1.0, f"Loading {self.card.name}")
        return Scan(volume, self._recipe)

    def predict(self, prepared: Scan, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """Logits around the first include click, and around every later one that lies outside."""
        clicks = _include_first(_clicks(prompts))
        if prior is not None and prior.seed:
            return self._correct(prepared, clicks, prior)
        if prior is not None and not prior.region.size:
            prior = None
        before = prepared.answers.find(prior) if prior is not None else None
        if not any(positive for _, positive in clicks) and before is None:
            return Prediction(Region((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), np.float32))
        if prior is None:
            return self._converse(prepared, None, None, clicks)
        if before is not None and clicks[: len(before.clicks)] == before.clicks and len(clicks) > len(before.clicks):
            return self._converse(prepared, before, prior, clicks[len(before.clicks) :])
        return self._together(prepared, before, prior, clicks)

    def _converse(
        self, scan: Scan, before: Answer | None, prior: Prior | None, clicks: tuple[Click, ...]
    ) -> Prediction:
        """One decode for each click, each from the answer before."""
        done: tuple[Click, ...] = before.clicks if before else ()
        for click in clicks:
            if before is None or not before.crop.holds(click[0]):
                prior = _as_prior(placed(before.crop, before.low, prior)) if before else prior
                crop = scan.crop(click[0])
                low = crop.lowered(prior) if prior is not None else np.zeros((LOW,) * 3, np.float32)
            else:
                crop, low = before.crop, before.low
            done = (*done, click)
            together = tuple(c for c in done if crop.region.contains(c[0])) if self._recipe.multi_click else (click,)
            before = Answer(crop, self._decode(scan, crop, together, low), done)
        if before is None:
            raise ValueError("there is no click to answer")
        return self._told(scan, before, prior)

    def _together(self, scan: Scan, before: Answer | None, prior: Prior, clicks: tuple[Click, ...]) -> Prediction:
        """All clicks in one decode, from the answer that the prior is: a sample of the ensemble."""
        first = next((index for index, positive in clicks if positive), clicks[0][0])
        crop = before.crop if before and before.crop.region.contains(first) else scan.crop(first)
        same = before is not None and before.crop == crop
        low = before.low if before is not None and same else crop.lowered(prior)
        inside = tuple(click for click in clicks if crop.region.contains(click[0]))
        return self._told(scan, Answer(crop, self._decode(scan, crop, inside, low), clicks), prior)

    def _correct(self, scan: Scan, clicks: tuple[Click, ...], seed: Prior) -> Prediction:
        wrong = objections(clicks, seed)
        if not wrong:
            return Prediction(seed.region, seed.logits)
        crop = scan.crop(wrong[-1][0])
        inside = tuple(click for click in wrong if crop.region.contains(click[0]))
        return corrected(seed, crop, self._decode(scan, crop, inside, crop.lowered(seed)), inside)

    def _told(self, scan: Scan, answer: Answer, prior: Prior | None) -> Prediction:
        prediction = placed(answer.crop, answer.low, prior)
        scan.answers.keep(prediction, answer)
        return prediction

    def _decode(self, scan: Scan, crop: Crop, clicks: tuple[Click, ...], low: Logits) -> Logits:
        if self._halves is None:
            raise ValueError("prepare comes before predict")
        embedding = scan.embedding(crop, self._halves.encode)
        return self._halves.decode(embedding, [(crop.sample(index), positive) for index, positive in clicks], low)


def _clicks(prompts: tuple[Prompt, ...]) -> tuple[Click, ...]:
    clicks: list[Click] = []
    for prompt in prompts:
        if isinstance(prompt, Point):
            clicks.append((prompt.index, prompt.positive))
        elif isinstance(prompt, Scribble):
            places = np.unique(np.linspace(0, len(prompt.indices) - 1, _STROKE).round().astype(int))
            clicks.extend((prompt.indices[place], prompt.positive) for place in places)
    return tuple(clicks)


def _include_first(clicks: tuple[Click, ...]) -> tuple[Click, ...]:
    """With an include click at the head, where there is one: without it there is no object to exclude from."""
    head = next((number for number, (_, positive) in enumerate(clicks) if positive), 0)
    return (*clicks[head : head + 1], *clicks[:head], *clicks[head + 1 :])


def _as_prior(prediction: Prediction) -> Prior:
    return Prior(prediction.region, prediction.logits)
