"""`Looking`: everything that is known of a volume's pieces when the network is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.features import BuiltinFeatures
from app.engine.classic.graph import Floats, Nodes
from app.engine.classic.known import Known
from app.engine.classic.seeds import Seeds
from app.engine.classic.solver import Judgement
from app.geometry import Region
from app.prompts import SliceMask


@dataclass(frozen=True, slots=True, eq=False)
class Looking:
    """One question.

    Args:
        features: The prepared volume.
        seeds: What the prompts say of voxels.
        known: What they say of pieces; at least one is inside.
        judged: What `classic` thinks, step by step.
        before: (n,) the answer before the newest prompt, if there is one.
        drawn: Masks of parallel slices, where nothing else is known.
        boxes: The object lies in these; of the network for clicks none, whatever was drawn.
    """

    features: BuiltinFeatures
    seeds: Seeds
    known: Known
    judged: Judgement
    before: Floats | None
    drawn: tuple[SliceMask, ...] = ()
    boxes: tuple[Region, ...] = ()

    @classmethod
    def of(cls, features: BuiltinFeatures, seeds: Seeds, before: Floats | None) -> Looking | None:
        """None where no piece is said to be inside."""
        known = Known.of(features, seeds)
        if not known.include.size:
            return None
        return cls(features, seeds, known, Judgement.of(features, known, before), before)

    @classmethod
    def at_slices(cls, features: BuiltinFeatures, seeds: Seeds) -> Looking | None:
        """Of masks of parallel slices alone, `seeds.drawn`: what the network for slices sees."""
        looking = cls.of(features, seeds, None)
        return None if looking is None else replace(looking, drawn=seeds.drawn)

    @classmethod
    def in_boxes(cls, features: BuiltinFeatures, seeds: Seeds, before: Floats | None) -> Looking | None:
        """Of boxes and what was clicked since: what the network for boxes sees."""
        looking = cls.of(features, seeds, before)
        return None if looking is None else replace(looking, boxes=seeds.boxes)

    @property
    def count(self) -> int:
        """Number of pieces."""
        return self.features.pieces.count

    def places(self, nodes: Nodes) -> NDArray[np.int64]:
        """(n,) where each piece stands among `nodes`, -1 where it does not."""
        place = np.full(self.count, -1)
        place[nodes] = np.arange(nodes.size)
        return place

    @property
    def included(self) -> bool:
        """Whether the newest point or scribble says that something is inside."""
        return bool(self.known.newest.size) and self.known.newest[0] in self.known.include

    @property
    def extent(self) -> int:
        """Pieces that the object might have: the larger of the two answers at hand."""
        answers = [self.judged.logits] if self.before is None else [self.judged.logits, self.before]
        return max(int((answer > 0).sum()) for answer in answers)
