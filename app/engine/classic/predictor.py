"""`ClassicPredictor`: masks from clicks without a trained network, on a graph of supervoxels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.engine.classic import features
from app.engine.classic.cells import Cells
from app.engine.classic.features import Features, pack, prepare_features, unpack
from app.engine.classic.kept import keep
from app.engine.classic.propagator import SliceMemory, carry
from app.engine.classic.refinement import cells_around, refine, sketch
from app.engine.classic.seeds import Seeds
from app.engine.classic.solver import solve
from app.engine.code_digest import digest
from app.engine.model_card import ModelCard
from app.engine.protocol import Logits, Prediction, Prior, ReportProgress, Token
from app.prompts import Prompt
from app.volume import Volume


class ClassicPredictor:
    """The fallback and the baseline: no weights, no network. See `Predictor`."""

    ends_at_borders = False
    """Whether what a correction speaks for ends at the last answer's border. Here not: after five and ten clicks
    the train objects have Dice 0.756 and 0.804 without, 0.752 and 0.796 with it; the built-in network gains by it."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.version = digest(features.__name__)
        """Of the features: other code makes others, so that cached ones are made again."""

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Features:
        """Supervoxels and their graph."""
        return prepare_features(volume, progress, token)

    def predict(self, prepared: Features, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """Solve on the graph, then sharpen on the voxels; prompts hold exactly."""
        seeds = Seeds.of(prompts, prepared.volume.shape, prepared.volume.geometry.spacing)
        if prior is not None and prior.seed:
            return keep(prepared, seeds, prior)
        if seeds.empty:
            return Prediction.nothing()
        return refine(prepared, seeds, self.cells(prepared, seeds, prior))

    def sketch(self, prepared: Features, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """See `Sketcher`; where prompts say exactly where the object is, on voxels all the same."""
        seeds = Seeds.of(prompts, prepared.volume.shape, prepared.volume.geometry.spacing)
        if seeds.empty or seeds.precise or (prior is not None and prior.seed):
            return self.predict(prepared, prompts, prior)
        return sketch(prepared, self.cells(prepared, seeds, prior))

    def cells(self, prepared: Features, seeds: Seeds, prior: Prior | None) -> Cells:
        """The answer on the lattice."""
        border = prior if self.ends_at_borders else None
        return cells_around(prepared, seeds, self.solve(prepared, seeds, prior), border)

    def solve(self, prepared: Features, seeds: Seeds, prior: Prior | None) -> NDArray[np.float32]:
        """Logits (n,) of the pieces."""
        return solve(prepared, seeds, prior)

    def remember(self, prepared: Features, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> SliceMemory:
        """See `SlicePropagator`."""
        return SliceMemory.of(prepared, axis, conditioning)

    def carry(self, memory: SliceMemory, index: int, previous: int) -> tuple[Logits, float]:
        """See `SlicePropagator`."""
        return carry(memory, index, previous)

    def pack(self, prepared: Features) -> dict[str, NDArray[np.generic]]:
        """For the embedding cache."""
        return pack(prepared)

    def unpack(self, volume: Volume, arrays: dict[str, NDArray[np.generic]]) -> Features:
        """From the embedding cache."""
        return unpack(volume, arrays)
