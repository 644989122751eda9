"""A small case to correct, and short ways to fill it and to look."""

from __future__ import annotations

import numpy as np

from app.document import Document
from app.editing.proposal import propose
from app.editing.scene import Scene
from app.geometry import Geometry
from app.volume import Volume

SHAPE = (16, 20, 24)
SPACING = (2.0, 1.0, 0.5)  # k, j, i
A, B, C = 1, 2, 3


class Bench:
    """A case with the segments A, B, C and short ways to fill, correct and look."""

    def __init__(self, shape=SHAPE, spacing=SPACING, image=None):
        voxels = np.zeros(shape, np.int16) if image is None else image
        self.volume = Volume(voxels, Geometry(shape, np.diag([*spacing[::-1], 1.0])))
        self.case = Document(self.volume)
        for name in "ABC":
            self.case.add_segment(name)

    def put(self, label, *boxes):
        mask = np.zeros(self.volume.shape, bool)
        for box in boxes:
            mask[box] = True
        return self.put_mask(label, mask)

    def put_mask(self, label, mask):
        region = self.volume.geometry.region
        self.case.edit(label, region, mask | (self.labels == label), "Put")
        return self

    def lock(self, label):
        self.case.change_segment(label, locked=True)
        return self

    @property
    def labels(self):
        return np.array(self.case.segmentation.labels)

    def mask(self, label):
        return self.labels == label

    def scene(self, label=A, plane=None, take_others=False):
        return Scene.of(self.volume, self.case.segmentation, label, plane, take_others)

    def do(self, effect, label=A, plane=None, take_others=False):
        proposal = propose(effect, self.scene(label, plane, take_others))
        self.case.revise(proposal)
        return proposal


def box(*spans):
    return tuple(slice(*span) for span in spans)


CUBE = box((4, 10), (4, 14), (4, 16))


def ramp():
    return np.broadcast_to(np.arange(24, dtype=np.int16), SHAPE)
