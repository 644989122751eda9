"""For models that see one slice at a time: features made slice by slice when needed and ahead, kept within a limit."""

from app.engine.slicewise.answering import answered
from app.engine.slicewise.asked import SlicePrompts, asked_slices
from app.engine.slicewise.embeddings import SliceEmbeddings
from app.engine.slicewise.originals import Originals
from app.engine.slicewise.plane import Upright, slice_axis
from app.engine.slicewise.store import Features
from app.engine.slicewise.union import ABSENT, plane_of, united

__all__ = [
    "ABSENT",
    "Features",
    "Originals",
    "SliceEmbeddings",
    "SlicePrompts",
    "Upright",
    "answered",
    "asked_slices",
    "plane_of",
    "slice_axis",
    "united",
]
