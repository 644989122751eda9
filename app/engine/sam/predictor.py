"""`SamPredictor`: prompts on slices to masks of slices, and from slice to slice with the neighbour's mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.model_card import ModelCard
from app.engine.propagation import confidence
from app.engine.protocol import Logits, Prediction, Prior, ReportProgress, Token
from app.engine.sam.features import SamFeatures, View
from app.engine.sam.frame import SURE
from app.engine.sam.intensity import Grey
from app.engine.sam.prompting import Tokens
from app.engine.sam.recipes import RECIPES
from app.engine.sam.runner import SamRunner
from app.engine.slicewise import ABSENT, SlicePrompts, answered
from app.errors import MissingModel
from app.geometry import Index
from app.prompts import Point, Prompt, Scribble, SliceMask
from app.volume import Volume

BOX_MARGIN = 0.05  # of the mask's extent: how far a slice may reach beyond its neighbour


class SamPredictor:
    """SAM ViT-B, -L and -H, MobileSAM, MedSAM, LiteMedSAM and SAM-Med2D.

    Args:
        card: Its id, or `system` in its recipe, names one of `RECIPES`; `ct_window` in it is a level and width
            for computed tomography in the place of the system's own.
        untrained: With random numbers in the place of the weights, to see how long it takes.

    Raises:
        MissingModel: for a system that is none of these, or without its weights.
    """

    def __init__(self, card: ModelCard, untrained: bool = False) -> None:
        self.card = card
        system = str(card.recipe.get("system", card.id))
        if system not in RECIPES:
            message = f"{card.name} does not say which system of the SAM family it is."
            raise MissingModel(message, f"Its card needs a recipe with system = one of {', '.join(RECIPES)}.")
        self._recipe = RECIPES[system]
        self._runner = SamRunner(card, self._recipe, None if untrained else registry.require_weights(card))
        self.version = self._runner.version

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> SamFeatures:
        """Returns at once but for loading the network; slices are encoded when asked for, or ahead."""
        progress(0.0, f"Loading {self.card.name}")
        self._runner.load()
        token.raise_if_cancelled()
        grey = Grey.of(volume, self._recipe.way, self.card.recipe)
        progress(1.0, f"Loading {self.card.name}")
        return SamFeatures(volume, self._recipe, grey, self._runner.encode)

    def predict(self, prepared: SamFeatures, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """The union of the prompted slices; see `answered`."""
        return answered(prepared.volume, prompts, prior, partial(self._answer, prepared))

    def remember(self, prepared: SamFeatures, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> Carried:
        """See `SlicePropagator`: the masks themselves are the memory."""
        return Carried(prepared, axis, {index: _sure(mask) for index, mask in conditioning.items()})

    def carry(self, memory: Carried, index: int, previous: int) -> tuple[Logits, float]:
        """See `SlicePropagator`: a box around the neighbour's mask and, where the system takes one, its logits."""
        known = memory.known[previous]
        mask = known > 0
        if not mask.any():
            memory.known[index] = known
            return known, 0.0
        view = memory.prepared.view(memory.axis)
        before = self._fed_back(memory.prepared, memory.axis, previous, known)
        memory.known[index] = self._decoded(memory.prepared, memory.axis, index, self._around(mask, view), before)
        return memory.known[index], confidence(memory.known[index], mask)

    def _answer(self, prepared: SamFeatures, asked: SlicePrompts, known: Logits | None) -> Logits:
        """Logits of a slice, 2D in array order. A drawn mask is the slice's outline; what comes after corrects it."""
        drawn = [place for place, prompt in enumerate(asked.prompts) if isinstance(prompt, SliceMask)]
        prompts = asked.prompts[drawn[-1] + 1 :] if drawn else asked.prompts
        if drawn and (known is None or not prompts):
            last = asked.prompts[drawn[-1]]
            known = _sure(last.mask) if isinstance(last, SliceMask) else known
        if known is not None and not prompts:
            return known
        if known is None and not any(_includes(prompt) for prompt in prompts):
            return np.full(_flat(prepared.volume.shape, asked.axis), ABSENT, np.float32)
        view = prepared.view(asked.axis)
        tokens = Tokens.of(prompts, view.pixel, whole=self._recipe.style == "lite")
        before = self._fed_back(prepared, asked.axis, asked.index, known)
        return self._decoded(prepared, asked.axis, asked.index, tokens, before)

    def _decoded(self, prepared: SamFeatures, axis: int, index: int, tokens: Tokens, before: Logits | None) -> Logits:
        """Logits of a slice, in array order; what the decoder said is noted for the prompts that follow."""
        low = self._runner.decode(prepared.embedding(axis, index), tokens, before).logits
        logits = prepared.view(axis).raised(low)
        prepared.originals.keep(axis, index, logits, low)
        return logits

    def _fed_back(self, prepared: SamFeatures, axis: int, index: int, known: Logits | None) -> Logits | None:
        """Low-resolution logits of what is known of a slice: as the decoder gave them, or lowered."""
        if known is None or not self._recipe.feeds_back:
            return None
        original = prepared.originals.of_logits(axis, index, known)
        return prepared.view(axis).lowered(known) if original is None else original

    def _around(self, mask: NDArray[np.bool_], view: View) -> Tokens:
        """A box around a mask, a little wider, for the next slice."""
        picture, frame = view.upright.picture(mask), view.frame
        rows, columns = (np.flatnonzero(picture.any(axis=axis)) for axis in (1, 0))
        (left, top), (right, bottom) = frame.point(columns[0], rows[0]), frame.point(columns[-1], rows[-1])
        if self._recipe.box_margin:
            across = down = float(self._recipe.box_margin)
            left, top, right, bottom = (float(int(value)) for value in (left, top, right, bottom))
        else:
            across, down = frame.length(max(1.0, BOX_MARGIN * np.ptp(columns)), max(1.0, BOX_MARGIN * np.ptp(rows)))
        return Tokens.box(
            max(float(frame.left), left - across),
            max(float(frame.top), top - down),
            min(float(frame.left + frame.columns), right + across),
            min(float(frame.top + frame.rows), bottom + down),
        )


@dataclass(frozen=True, slots=True)
class Carried:
    """Logits of the slices reached so far, by index."""

    prepared: SamFeatures
    axis: int
    known: dict[int, Logits]


def _sure(mask: NDArray[np.bool_]) -> Logits:
    return np.where(mask, SURE, -SURE).astype(np.float32)


def _includes(prompt: Prompt) -> bool:
    """Whether it says where the object is, and not only where it is not."""
    return not (isinstance(prompt, Point | Scribble) and not prompt.positive)


def _flat(shape: Index, axis: int) -> tuple[int, ...]:
    return tuple(length for across, length in enumerate(shape) if across != axis)
