"""What crosses between session, engine and models: `Predictor`, requests down, messages up. All frozen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from app.engine.blocks import Blocks
from app.engine.model_card import ModelCard
from app.errors import AppError, Cancelled
from app.frozen_labels import FrozenMask
from app.geometry import EMPTY_REGION, Index, Region
from app.prompts import Prompt
from app.volume import Volume

Logits = NDArray[np.float32]
"""Positive inside the object; sigmoid(logit) is the model's probability."""

ReportProgress = Callable[[float, str], None]
"""Called with a fraction 0..1 and a few words."""


class Token:
    """A cooperative stop: long work calls `raise_if_cancelled` between slices or tiles."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to end; from any thread."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to end."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raises `Cancelled` once asked."""
        if self._event.is_set():
            raise Cancelled


@dataclass(frozen=True, slots=True)
class Prior:
    """Logits of the previous answer, or of a mask made otherwise, on a region of the volume.

    `seed` tells that it stands for a mask that prompts alone do not explain (propagated, painted): the answer should
    keep to it away from the newest prompts.
    """

    region: Region
    logits: Logits
    seed: bool = False
    _sampled: dict[Blocks, tuple[Region, Logits]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def on(self, blocks: Blocks) -> tuple[Region, Logits]:
        """The blocks whose middle voxel lies in the region, and the logits there; looked up once, as it takes 5 ms."""
        if blocks not in self._sampled:
            self._sampled[blocks] = blocks.sampled(self.region, self.logits)
        return self._sampled[blocks]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Logits (k, j, i) on a region; the object has no voxel outside it (where a seed was given: keeps them).

    Args:
        blocks: Voxels to a block along (k, j, i): all voxels of one share a logit, save those that a prompt is on.
        coarse: Whether region and logits count those blocks instead of voxels (`Sketcher`).
    """

    region: Region
    logits: Logits
    blocks: Index = (1, 1, 1)
    coarse: bool = False

    @classmethod
    def nothing(cls) -> Prediction:
        """An object without a voxel."""
        return cls(EMPTY_REGION, np.zeros((0, 0, 0), dtype=np.float32))


class Predictor(Protocol):
    """A promptable model: the slow step once per volume, the fast step at every click."""

    card: ModelCard

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Any:
        """Features of the volume that no prompt changes (the image encoder).

        Raises:
            Cancelled: when the token was cancelled.
        """

    def predict(self, prepared: Any, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """Logits for the whole list of prompts (prompt encoder and mask decoder).

        Deterministic: the same features, prompts and prior give the same logits.
        """


@runtime_checkable
class Sketcher(Protocol):
    """A model that can answer on its own coarser grid, for ensembles, which count a block once and not each voxel."""

    def sketch(self, prepared: Any, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """As `Predictor.predict`, on blocks where that can be; prompts need not hold on their very voxels.

        Called by several threads at a time.
        """


@runtime_checkable
class GrowingFeatures(Protocol):
    """Features that `prepare` returns at once and that are made piece by piece: when asked for, or ahead.

    Ahead means that the engine lets the next piece be made while nothing else is to be done.
    """

    def look_at(self, axis: int, index: int) -> None:
        """The slice that the user sees: what is near it comes first."""

    def encode_ahead(self) -> float | None:
        """Make one more piece; the share that is done then, None when there is nothing left to do."""

    def keep(self, folder: Path, limit: int) -> None:
        """Keep pieces in files of that folder from now on, at most `limit` bytes; take over those that are there."""


class SlicePropagator(Protocol):
    """A model that carries a mask from slice to slice; models without it are carried by `propagation.Carrier`."""

    def remember(self, prepared: Any, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> Any:
        """A memory that holds the given masks of slices."""

    def carry(self, memory: Any, index: int, previous: int) -> tuple[Logits, float]:
        """2D logits of slice `index`, the neighbour of `previous`, and a confidence 0..1; updates the memory."""


@runtime_checkable
class AutomaticSegmenter(Protocol):
    """A model that finds structures without a prompt."""

    def find(self, prepared: Any, job: Automatic, token: Token) -> Iterator[Progress | Automated]:
        """Some `Progress`, then the `Automated`.

        Raises:
            Cancelled: between two steps, when the token says so.
        """


# Requests: complete, so the engine needs nothing else


@dataclass(frozen=True, slots=True)
class Predict:
    """Answer a segment's list of prompts. `seed` is the segment's mask where prompts alone do not explain it."""

    label: int
    prompts: tuple[Prompt, ...]
    revision: int
    seed: FrozenMask | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Propagate:
    """Carry masks of some slices to the slices of a range.

    Args:
        conditioning: Slice index -> 2D mask, at least one, inside the range.
        first, last: The range of slices to fill, both included.
        prompts: The segment's prompts, for models that take them.
    """

    job: int
    label: int
    axis: int
    conditioning: Mapping[int, NDArray[np.bool_]] = field(compare=False)  # the job's number tells requests apart
    first: int
    last: int
    prompts: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """Uncertainty of a segment's mask from `samples` decodes with jittered prompts."""

    job: int
    label: int
    prompts: tuple[Prompt, ...]
    samples: int = 8
    random_seed: int = 0
    seed: FrozenMask | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Automatic:
    """Find every structure that the model knows by itself."""

    job: int


# Messages up; each is delivered once, on the engine thread


@dataclass(frozen=True, slots=True)
class Answer:
    """The mask for a `Predict`: `region` and a bool crop that the receiver owns; which model took how long."""

    request: Predict
    region: Region
    mask: NDArray[np.bool_]
    seconds: float = 0.0
    model: str = ""


@dataclass(frozen=True, slots=True)
class SliceAnswer:
    """One propagated slice, shown at once."""

    request: Propagate
    index: int
    mask: NDArray[np.bool_]
    confidence: float


@dataclass(frozen=True, slots=True)
class SideEnd:
    """A side that ended by itself before slice `index`: the structure is not there, or too `unsure`."""

    index: int
    unsure: bool


@dataclass(frozen=True, slots=True)
class Propagated:
    """The end of a propagation: which slices were reached, and why sides ended (`propagation.told` has it in words)."""

    request: Propagate
    reached: tuple[int, int]
    ends: tuple[SideEnd, ...] = ()
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Surety:
    """How sure an ensemble is along one axis.

    Args:
        slices: Slice -> 0 to 1, the Dice that the mask of that slice is expected to have.
        worst: The slice with the lowest of them, among those where the mask is not just a tip of itself.
    """

    slices: Mapping[int, float]
    worst: int


@dataclass(frozen=True, slots=True)
class Estimated:
    """Mean and standard deviation of the logits (FastSAM-3DSlicer, equations 2 and 3), on blocks of voxels.

    Not on voxels: three arrays of the 15 million around a liver took 0.25 s to make and 180 MB in each process.

    Args:
        blocks: The grid of blocks, of one voxel each where the model answers so.
        cells: The blocks that were looked at; the arrays lie on them, (k, j, i).
        volumes: Millilitres of each sample's mask.
        interval: Millilitres between which the true volume probably lies.
        surety: For each array axis (k, j, i); empty where no voxel is inside.
        doubt: The chance, 0 to 0.5, that a voxel is on the wrong side, which a person is shown; None where unknown.
    """

    request: Estimate
    blocks: Blocks
    cells: Region
    mean: Logits
    deviation: Logits
    volumes: tuple[float, ...]
    interval: tuple[float, float]
    surety: tuple[Surety, ...] = ()
    doubt: NDArray[np.float32] | None = None

    @property
    def region(self) -> Region:
        """The voxels that were looked at."""
        return self.blocks.voxels(self.cells)

    def on_voxels(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """One of the arrays on `region`."""
        return self.blocks.spread(values, self.cells, self.region)

    def slab(self, axis: int, at: int) -> NDArray[np.float32]:
        """The deviation on the voxels of slice `at`, one of `region`, across an array axis, one thick."""
        plane = self.region.intersection(Region.plane(self.blocks.full, axis, at))
        return self.blocks.spread(self.deviation, self.cells, plane)


@dataclass(frozen=True, slots=True)
class Found:
    """A structure that a model found by itself: its name, and its mask on the box around it."""

    name: str
    region: Region
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Automated:
    """Every structure found; one that is not there is not among them."""

    request: Automatic
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The features of the open volume are ready; the first click will be quick."""

    digest: str
    model: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far long work is; `what` is a few words ("Preparing", "Propagating")."""

    what: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Work that could not be done, with the one sentence for the user; `request` is None for a preparation."""

    request: Request | None
    error: AppError


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know that failed nothing ("The model was restarted.")."""

    text: str


Job = Propagate | Estimate | Automatic
"""Long work, done in steps."""
Piece = SliceAnswer | Progress | Propagated | Estimated | Automated
"""What a step of long work gives."""
Request = Predict | Job
Message = Answer | Piece | Prepared | Failure | Notice
