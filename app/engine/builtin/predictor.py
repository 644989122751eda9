"""`BuiltinPredictor`: the network that ships with the program. What `classic` prepares it sees, and decides anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin import features, flat_boxes, propagator
from app.engine.builtin.click_features import of_clicks
from app.engine.builtin.clicked import Clicked
from app.engine.builtin.connected_threshold import connected_threshold
from app.engine.builtin.deciding import decide, idea
from app.engine.builtin.features import BuiltinFeatures, pack, prepare_features, unpack
from app.engine.builtin.graph_network import GraphNetwork
from app.engine.builtin.looking import Looking
from app.engine.builtin.plane import Plane, look
from app.engine.builtin.propagator import Ask, GuidedMemory
from app.engine.builtin.square_network import SquareNetwork
from app.engine.builtin.zooming import at_its_size
from app.engine.classic import ClassicPredictor
from app.engine.classic.cells import Cells
from app.engine.classic.features import Features
from app.engine.classic.propagator import SliceMemory
from app.engine.classic.refinement import bound, refine
from app.engine.classic.seeds import Seeds
from app.engine.classic.solver import on_pieces
from app.engine.code_digest import digest
from app.engine.model_card import ModelCard
from app.engine.protocol import Logits, Prediction, Prior, ReportProgress, Token
from app.engine.registry import require_weights
from app.geometry import Region
from app.prompts import Box, Prompt, SliceMask
from app.threads import pool
from app.volume import Volume

AT_SLICES = "slices.safetensors"
"""Beside the card's weights: those of the network that is asked about given slices."""

IN_BOXES = "boxes.safetensors"
"""Of the one that is asked about boxes, and about clicks beside them."""

CARRYING = "carry.safetensors"
"""Of the one that sees every carried slice once more."""

CLICKING = "clicked.safetensors"
"""And of the one that sees a slice with clicks once more."""

_HEEDED = 0.7  # of what that adds: more is right on scans that were learnt from, less on others (`training/REPORT.md`)


class BuiltinPredictor(ClassicPredictor):
    """See `Predictor`, `Sketcher` and `SlicePropagator`: slices are carried as `classic` does, with ends of its own.

    Raises:
        MissingModel: when the weights are not beside the card.
    """

    ends_at_borders = True

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self.version = digest(features.__name__)
        weights = require_weights(card)
        self._network = GraphNetwork.load(weights)
        self._at_slices = GraphNetwork.load(weights.with_name(AT_SLICES))
        self._in_boxes = GraphNetwork.load(weights.with_name(IN_BOXES))
        self._carrying = SquareNetwork.load(weights.with_name(CARRYING))
        self._clicking = SquareNetwork.load(weights.with_name(CLICKING))

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> BuiltinFeatures:
        """Supervoxels, their graph, and what lies around each."""
        return prepare_features(volume, progress, token)

    def predict(self, prepared: Features, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """As `classic`; where all of several clicks lie on one slice, that is looked at alone, too, and once more.

        Of boxes on slices that is what the answer in the volume begins with.
        """
        own, geometry = _own(prepared), prepared.volume.geometry
        if prior is not None and prior.seed:
            return super().predict(own, prompts, prior)
        if (found := self._boxed(own, prompts, prior)) is not None:
            return bound(own, Seeds.of(prompts, geometry.shape, geometry.spacing), *found)
        plane = Plane.of(prompts, geometry)
        if plane is None:
            return super().predict(own, prompts, prior)
        answer, clicked = self.clicked(own, plane, prompts, prior)
        if clicked is None:
            return answer
        seen = plane.write(answer, self._once_more(clicked))
        held = bound(own, Seeds.of(prompts, geometry.shape, geometry.spacing), seen.region, seen.logits)
        return replace(held, blocks=seen.blocks)

    def clicked(
        self, own: BuiltinFeatures, plane: Plane, prompts: tuple[Prompt, ...], prior: Prior | None
    ) -> tuple[Prediction, Clicked | None]:
        """The answer in the volume to prompts that all lie on a slice, and that slice before it is seen once more.

        That is None where a threshold tells what is meant in the volume: a part of it alone tells less.
        """
        seeds = Seeds.of(prompts, own.volume.shape, own.volume.geometry.spacing)
        with pool() as beside:
            looking = beside.submit(self._alone, own, plane, prompts, prior)
            cells = self.cells(own, seeds, prior)
        answer = refine(own, seeds, cells)
        return answer, None if cells.by_threshold else Clicked.of(own, plane, prompts, answer, looking.result(), prior)

    def cells(self, prepared: Features, seeds: Seeds, prior: Prior | None) -> Cells:
        """The network's answer on the lattice, or what a threshold makes of it."""
        found = super().cells(prepared, seeds, prior)
        return connected_threshold(prepared, seeds, found, prior) or found

    def solve(self, prepared: Features, seeds: Seeds, prior: Prior | None) -> NDArray[np.float32]:
        """Logits (n,) of the pieces."""
        return at_its_size(_own(prepared), lambda features: self._decided(features, seeds, prior), prior)

    def remember(self, prepared: Features, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> GuidedMemory:
        """See `SlicePropagator`."""
        own = _own(prepared)
        return propagator.remember(own, axis, conditioning, self.asking(own, axis), self._carrying)

    def asking(self, own: BuiltinFeatures, axis: int) -> Ask:
        """How the network for slices is asked about masks of slices across an array axis."""

        def ask(masks: Mapping[int, NDArray[np.bool_]]) -> NDArray[np.float32]:
            drawn = tuple(SliceMask(axis, index, mask) for index, mask in masks.items())
            looking = Looking.at_slices(own, Seeds.of(drawn, own.volume.shape, own.volume.geometry.spacing))
            return np.zeros(own.pieces.count, dtype=np.float32) if looking is None else idea(self._at_slices, looking)

        return ask

    def carry(self, memory: SliceMemory, index: int, previous: int) -> tuple[Logits, float]:
        """See `SlicePropagator`."""
        return propagator.carry(_guided(memory), index, previous)

    def pack(self, prepared: Features) -> dict[str, NDArray[np.generic]]:
        """For the embedding cache."""
        return pack(_own(prepared))

    def unpack(self, volume: Volume, arrays: dict[str, NDArray[np.generic]]) -> BuiltinFeatures:
        """From the embedding cache."""
        return unpack(volume, arrays)

    def _alone(
        self, features: BuiltinFeatures, plane: Plane, prompts: tuple[Prompt, ...], prior: Prior | None
    ) -> Prediction:
        """The answer on a slice, as if there were no other."""
        last = None if prior is None else plane.prior(prior, features.volume.shape)
        return super().predict(look(features, plane).features, plane.flat(prompts), last)

    def _once_more(self, clicked: Clicked) -> Logits:
        """Logits (rows, columns) of a clicked slice."""
        square, pixels = clicked.square, clicked.both.copy()
        added = square.put(self._clicking(*of_clicks(clicked, square)), square.window)
        pixels[square.window] += np.float32(_HEEDED) * added
        return pixels

    def _boxed(
        self, features: BuiltinFeatures, prompts: tuple[Prompt, ...], prior: Prior | None
    ) -> tuple[Region, Logits] | None:
        """What boxes on slices hold; None where there are none."""
        slices = flat_boxes.by_slice(prompts, features.volume.geometry)
        said = [prompt for on_slice in slices.values() for prompt in on_slice]
        others = tuple(prompt for prompt in prompts if not isinstance(prompt, Box) and prompt not in said)
        return flat_boxes.joined(
            slices,
            others,
            features.volume.shape,
            lambda plane, on_slice: self._alone(features, plane, on_slice, prior),
            lambda masks: super(BuiltinPredictor, self).predict(features, masks, prior),
        )

    def _decided(self, features: BuiltinFeatures, seeds: Seeds, prior: Prior | None) -> NDArray[np.float32]:
        before = None if prior is None or seeds.drawn else on_pieces(features, prior)
        if seeds.drawn:
            network, looking = self._at_slices, Looking.at_slices(features, seeds)
        elif seeds.boxes:
            network, looking = self._in_boxes, Looking.in_boxes(features, seeds, before)
        else:
            network, looking = self._network, Looking.of(features, seeds, before)
        return super().solve(features, seeds, prior) if looking is None else decide(network, looking)


def _guided(memory: SliceMemory) -> GuidedMemory:
    if not isinstance(memory, GuidedMemory):
        raise TypeError("memory of another model")
    return memory


def _own(prepared: Features) -> BuiltinFeatures:
    if not isinstance(prepared, BuiltinFeatures):
        raise TypeError("features of another model")
    return prepared
