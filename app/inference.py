"""`Inference`: what the session has asked of the engine, and its judgement of what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from app.automatic import adopt
from app.document import Document
from app.engine.engine import Engine
from app.engine.model_card import ModelCard
from app.engine.protocol import (
    Answer,
    Automated,
    Automatic,
    Estimate,
    Estimated,
    Failure,
    Message,
    Notice,
    Predict,
    Prepared,
    Progress,
    Propagate,
    Propagated,
    Request,
    SliceAnswer,
)
from app.engine.speeds import Speeds
from app.errors import AppError, BadInput, Stopped
from app.events import Signal
from app.geometry import Region
from app.prompts import Box, Prompt
from app.segment_state import Prompts


@dataclass(frozen=True, slots=True)
class _Valid:
    """An estimate and what it was made of: it stands until either changes."""

    estimated: Estimated
    prompts: Prompts
    revision: int


class Inference:
    """Asks for open prompts, runs at most one propagation and one estimate at a time, and applies the answers.

    Signals: `progressed(Progress)`, `failed(AppError)`, `noticed(str)`, `prepared()`, `propagation_changed()`,
    `estimated(label)`.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._document: Document | None = None
        self._asked: dict[int, tuple[Prompts, int]] = {}
        self._live: list[Predict] = []
        """Requests of this case that may still be answered; the engine gives back the very object."""
        self._waiting: dict[int, list[Callable[[], None]]] = {}
        self._propagation: Propagate | None = None
        self._estimate: Estimate | None = None
        self._estimate_revision = 0
        self._automatic: Automatic | None = None
        self._estimates: dict[int, _Valid] = {}
        self._jobs = count(1)
        self.speeds = Speeds()
        """How fast models are here."""
        self.outcome: Propagated | None = None
        """How the newest propagation ended."""
        self.progressed: Signal[Progress] = Signal()
        self.failed: Signal[AppError] = Signal()
        self.noticed: Signal[str] = Signal()
        self.prepared: Signal[()] = Signal()
        self.propagation_changed: Signal[()] = Signal()
        self.estimated: Signal[int] = Signal()

    def follow(self, document: Document) -> None:
        """Serve another case; whatever still runs for the old one is dropped."""
        self._document = document
        self._asked.clear()
        self._live.clear()
        self._waiting.clear()
        self._estimates.clear()
        self._propagation = self._estimate = self._automatic = None
        steps = (*document.history.done, *document.history.undone)
        self._jobs = count(1 + max((step.group for step in steps), default=0))  # a job groups its steps for undo
        self.engine.open(document.volume)

    def use_model(self, model: str) -> None:
        """Change the model; open prompts are asked again."""
        self.engine.use(model)
        self._asked.clear()
        self._estimates.clear()
        self.ask()

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        open_labels = self._document.open_labels if self._document else ()
        return bool(open_labels or self._propagation or self._estimate or self._automatic or self._waiting)

    @property
    def propagation(self) -> Propagate | None:
        """The propagation that runs."""
        return self._propagation

    def ask(self) -> None:
        """Post what is open and not yet asked in its present form."""
        document = self._document
        if document is None:
            return
        for label in document.open_labels:
            wanted = document.prompts(label), document.revision(label)
            if self._asked.get(label) != wanted:
                self._asked[label] = wanted
                self._live.append(Predict(label, *wanted, document.seed(label)))
                self.engine.post(self._live[-1])
        for label in [label for label in self._asked if label not in document.open_labels]:
            del self._asked[label]
            self.engine.forget(label)

    def estimate(self, label: int) -> Estimated | None:
        """The newest estimate, if the segment is still as it was estimated."""
        valid = self._estimates.get(label)
        return valid.estimated if valid and _stands(self._document, label, valid.prompts, valid.revision) else None

    def begin_propagation(self, label: int, axis: int, start: int, stop: tuple[int, int] | None) -> None:
        """Carry the mask of slice `start` over the slices of `stop` (both included; default all), both ways."""
        if self._propagation:
            raise BadInput("A propagation is running already.", "Wait for it, or cancel it first.")
        self._when_answered(label, lambda: self._start_propagation(label, axis, start, stop))

    def begin_estimate(self, label: int, samples: int) -> None:
        """Ask for the uncertainty of a segment."""
        document = self._case()
        if not document.prompts(label):
            name = document.segment(label).name
            raise BadInput(f"{name} has no prompts to vary, so its uncertainty is unknown.", "Click on it first.")
        self._when_answered(label, lambda: self._start_estimate(label, samples))

    def drop_stale_estimate(self) -> None:
        """Stop an estimate whose segment has changed since: a click need not wait for what nobody will see."""
        request = self._estimate
        if request and not _stands(self._document, request.label, request.prompts, self._estimate_revision):
            self._estimate = None
            self.engine.cancel(request)

    def begin_automatic(self) -> None:
        """Ask for every structure that the model knows by itself; each becomes a segment."""
        self._case()
        self._automatic = Automatic(next(self._jobs))
        self.engine.start(self._automatic)

    def cancel(self) -> None:
        """Stop long work; finished slices stay."""
        self._waiting.clear()
        self.engine.cancel()

    def abandon_propagation(self) -> None:
        """Stop the propagation and ignore whatever of it is still on its way (it is being undone)."""
        self._propagation = None
        self.engine.cancel()
        self.propagation_changed.emit()

    def receive(self, message: Message) -> None:
        """Take one message, on the document's thread."""
        match message:
            case Answer(request, region, mask, seconds, model):
                if model and seconds:
                    self.speeds.note(model, seconds)
                self._answer(request, region, mask)
            case SliceAnswer():
                self._slice(message)
            case Propagated(request) if request == self._propagation:
                self._propagation, self.outcome = None, message
                self.propagation_changed.emit()
            case Automated(request, found) if request == self._automatic:
                self._automatic = None
                adopt(self._case(), found, request.job)
                self.ask()
            case Estimated(request) if request == self._estimate:
                self._keep_estimate(message)
            case Failure(request, error):
                self._fail(request, error)
            case Progress():
                self.progressed.emit(message)
            case Notice(text):
                self.noticed.emit(text)
            case Prepared():
                self.prepared.emit()
            case _:
                return  # the end of work that belonged to a case or a job already left

    # How

    def _case(self) -> Document:
        if self._document is None:
            raise BadInput("No scan is open.", "Open one first.")
        return self._document

    def _when_answered(self, label: int, start: Callable[[], None]) -> None:
        if self._case().open_prompts(label):
            self._waiting.setdefault(label, []).append(start)
        else:
            start()

    def _run_waiting(self, label: int) -> None:
        if self._document and label not in self._document.open_labels:
            for start in self._waiting.pop(label, []):
                try:
                    start()
                except AppError as error:
                    self.failed.emit(error)

    def _answer(self, request: Predict, region: Region, mask: NDArray[np.bool_]) -> None:
        if self._document and self._take_live(request):
            self._document.answer(request.label, request.prompts, request.revision, region, mask)
            self.ask()
            self._run_waiting(request.label)

    def _take_live(self, request: Predict) -> bool:
        """Whether it belongs to this case; with it go older requests of its segment, which get no answer any more."""
        places = [place for place, live in enumerate(self._live) if live is request]
        if places:
            rest = self._live[places[0] + 1 :]
            self._live = [live for live in self._live[: places[0]] if live.label != request.label] + rest
        return bool(places)

    def _start_propagation(self, label: int, axis: int, start: int, stop: tuple[int, int] | None) -> None:
        document = self._case()
        length = document.volume.shape[axis]
        first, last = sorted(stop) if stop else (0, length - 1)
        first, last = max(0, first), min(length - 1, last)
        if not first <= start <= last:
            raise BadInput(f"Slice {start} is not among the slices {first} to {last} to fill.")
        if document.segment(label).locked:
            raise BadInput(f"{document.segment(label).name} is locked.", "Unlock it to change it.")
        masks = _slice_masks(document, label, axis, {start, *_prompted(document.prompts(label), axis)}, (first, last))
        if start not in masks:
            name = document.segment(label).name
            raise BadInput(f"{name} has no voxel on slice {start}: there is nothing to carry on.", "Click there first.")
        if axis in document.state(label).confidences:
            masks, first, last = _affected(masks, start, first, last)
        self._propagation = Propagate(next(self._jobs), label, axis, masks, first, last, document.prompts(label))
        self.engine.start(self._propagation)
        self.propagation_changed.emit()

    def _slice(self, message: SliceAnswer) -> None:
        request, document = message.request, self._document
        if document is None or self._propagation is None or request.job != self._propagation.job:
            return
        if request.label not in document.segmentation.segments or document.segment(request.label).locked:
            self.engine.cancel()
            return
        region = Region.plane(document.volume.shape, request.axis, message.index)
        mask = np.expand_dims(message.mask, request.axis)
        confidence = request.axis, message.index, message.confidence
        document.edit(request.label, region, mask, "Propagate", request.job, confidence)
        self.ask()
        self.propagation_changed.emit()

    def _start_estimate(self, label: int, samples: int) -> None:
        document = self._case()
        prompts = document.prompts(label)
        self._estimate = Estimate(next(self._jobs), label, prompts, samples, seed=document.seed(label))
        self._estimate_revision = document.revision(label)
        self.engine.start(self._estimate)

    def _keep_estimate(self, message: Estimated) -> None:
        self._estimate = None
        request = message.request
        self._estimates[request.label] = _Valid(message, request.prompts, self._estimate_revision)
        self.estimated.emit(request.label)

    def _fail(self, request: Request | None, error: AppError) -> None:
        match request:
            case Predict() if not self._take_live(request):
                return
            case Predict() if self._document and request.label in self._document.segmentation.segments:
                if request.revision == self._document.revision(request.label):
                    self._document.refuse(request.label, request.prompts)
                self.ask()
                self._waiting.pop(request.label, None)
            case Propagate() if request == self._propagation:
                self._propagation = None
                self.propagation_changed.emit()
            case Estimate():
                self._estimate = None if request == self._estimate else self._estimate
                self.progressed.emit(Progress("", 1.0))  # one that was dropped may have told of its progress
            case Automatic() if request == self._automatic:
                self._automatic = None
        if not isinstance(error, Stopped):
            self.failed.emit(error)


def ask_again(document: Document | None, card: ModelCard, label: int) -> str:
    """Open a segment's prompts anew, for another model to answer; what was painted or is locked stays as it is.

    Returns:
        What to tell the user where the model takes none of the prompts; else empty.
    """
    if document is None or label not in document.segmentation.segments or document.open_prompts(label):
        return ""
    state = document.state(label)
    if not state.prompts or state.edits or state.segment.locked:
        return ""
    if any(card.takes(prompt) for prompt in state.prompts):
        document.set_prompts(label, state.prompts)
        return ""
    plurals = {"box": "boxes"}
    kinds = " or ".join(plurals.get(kind, f"{kind}s") for kind in sorted(card.prompts)) or "no prompts"
    return f"{card.name} takes {kinds} only: {state.segment.name} stays until you give one."


def _stands(document: Document | None, label: int, prompts: tuple[Prompt, ...], revision: int) -> bool:
    """Whether a segment is still as it was with these prompts at this revision."""
    if document is None or label not in document.segmentation.segments:
        return False
    return (document.prompts(label), document.revision(label)) == (prompts, revision)


def _prompted(prompts: tuple[Prompt, ...], axis: int) -> set[int]:
    """Slices that the user has worked on: those with a point, a scribble or a mask."""
    slices: set[int] = set()
    for prompt in prompts:
        if not isinstance(prompt, Box):
            region = prompt.region()
            slices.update(range(region.start[axis], region.stop[axis]) if region.shape[axis] == 1 else ())
    return slices


def _slice_masks(
    document: Document, label: int, axis: int, slices: set[int], limits: tuple[int, int]
) -> dict[int, NDArray[np.bool_]]:
    masks = {}
    for index in sorted(slices):
        if limits[0] <= index <= limits[1]:
            plane = Region.plane(document.volume.shape, axis, index)
            mask = document.segmentation.mask(label, plane).squeeze(axis)
            if mask.any():
                masks[index] = mask
    return masks


def _affected(
    masks: dict[int, NDArray[np.bool_]], start: int, first: int, last: int
) -> tuple[dict[int, NDArray[np.bool_]], int, int]:
    """Only the stretch between the neighbours of a corrected slice has to run again."""
    first = max((index for index in masks if index < start), default=first)
    last = min((index for index in masks if index > start), default=last)
    return {index: mask for index, mask in masks.items() if first <= index <= last}, first, last
