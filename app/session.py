"""`Session`: every verb a user has, without a window. What a script, a test and the window all use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.corrections import Corrections
from app.document import Document
from app.editing.proposal import Effect, Proposal
from app.engine import registry
from app.engine.engine import Engine
from app.engine.model_card import ModelCard
from app.engine.protocol import Estimated, Message, Propagated
from app.engine.uncertainty import suggest
from app.errors import AppError
from app.events import Signal
from app.geometry import Index
from app.inference import Inference, ask_again
from app.prompts import Prompt
from app.segment_state import Confidences, Prompts
from app.segmentation import Segment, label_of
from app.travel import Travel

Deliver = Callable[[Message], None]
PATIENCE = 600.0  # seconds that a script waits for one answer before it is told that the engine hangs


class Session(Travel):
    """One open case and the engine that serves it; belongs to the thread that made it.

    Wherever a segment is wanted, a `Segment` or its label will do. Indices are (k, j, i).

    Args:
        mode: "process" runs models in a process of their own, "inline" in the engine's thread (tests, training).
        model: Id of a model card; the best one installed when None.
        deliver: Where the engine's messages go, called on the engine's thread; whoever passes it calls `receive` with
            each of them on the session's thread. Without it the session keeps them until `wait`.

    Signals: `model_changed()`, those of `Case` and those of `Inference`.
    """

    def __init__(
        self, mode: Literal["process", "inline"] = "process", model: str | None = None, deliver: Deliver | None = None
    ) -> None:
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._failures: list[AppError] = []
        self._card = registry.resolve(model)
        super().__init__(self._card.id)
        self.inference = Inference(Engine(deliver or self._messages.put, mode=mode, model=model))
        self.corrections = Corrections(self.inference.ask)
        self.inference.failed.connect(self._failures_append)
        self.failed = self.inference.failed
        self.noticed = self.inference.noticed
        self.progressed = self.inference.progressed
        self.prepared = self.inference.prepared
        self.propagation_changed = self.inference.propagation_changed
        self.estimated = self.inference.estimated
        self.model_changed: Signal[()] = Signal()

    @classmethod
    def headless(cls, model: str | None = None, engine: Literal["process", "inline"] = "process") -> Session:
        """A session for a script or a test; use it as a context manager."""
        return cls(mode=engine, model=model)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the engine. Unsaved work is not saved: ask `modified` first."""
        self.inference.engine.close()

    # Segments and prompts

    def add_segment(self, name: str = "", colour: tuple[int, int, int] | None = None) -> Segment:
        """A new segment, which becomes the active one."""
        segment = self.case.add_segment(name, colour)
        self.view.active = segment.label
        return segment

    def change_segment(self, segment: Segment | int, **fields: Any) -> Segment:
        """Rename, recolour, show or lock: name, colour, visible, locked."""
        return self.case.change_segment(label_of(segment), **fields)

    def remove_segment(self, segment: Segment | int) -> None:
        """Delete a segment with its voxels and prompts."""
        label = label_of(segment)
        self.case.remove_segment(label)
        self.inference.ask()
        if self.view.active == label:
            self.view.active = next((s.label for s in self.case.segments), 0)

    def reset_segment(self, segment: Segment | int) -> None:
        """Take a segment's voxels and prompts away; its name and colour stay."""
        self.case.reset_segment(label_of(segment))
        self.inference.ask()

    def prompts(self, segment: Segment | int) -> Prompts:
        """The prompts of a segment, in order."""
        return self.case.prompts(label_of(segment))

    def add_prompt(self, segment: Segment | int, prompt: Prompt) -> None:
        """Append a prompt; the mask follows (`wait` for it in a script)."""
        self.case.add_prompt(label_of(segment), prompt)
        self.inference.ask()

    def set_prompts(self, segment: Segment | int, prompts: Iterable[Prompt]) -> None:
        """Replace all prompts: one moved, flipped or deleted."""
        self.case.set_prompts(label_of(segment), prompts)
        self.inference.ask()

    def correct(self, segment: Segment | int, effect: Effect, plane: tuple[int, int] | None = None) -> Proposal:
        """Do an effect of `app.editing`, on one slice (array axis, index) or on all; one undo step."""
        return self.corrections.correct(label_of(segment), effect, plane)

    # Propagation and uncertainty

    def begin_propagation(
        self, segment: Segment | int, axis: int, start: int, stop: tuple[int, int] | None = None
    ) -> None:
        """Carry the mask of one slice to its neighbours, both ways; slices arrive one by one.

        Args:
            axis: Array axis across the slices.
            start: The slice whose mask is right.
            stop: First and last slice to fill, both included; all when None.
        """
        self.inference.begin_propagation(label_of(segment), axis, start, stop)

    def propagate(
        self, segment: Segment | int, axis: int, start: int, stop: tuple[int, int] | None = None
    ) -> Propagated | None:
        """`begin_propagation`, and wait for its end."""
        self.inference.outcome = None
        self.begin_propagation(segment, axis, start, stop)
        self.wait()
        return self.inference.outcome

    @property
    def propagating(self) -> bool:
        """Whether slices are still to come."""
        return self.inference.propagation is not None

    def confidences(self, segment: Segment | int) -> Confidences:
        """Array axis -> slice -> confidence 0..1 of what was propagated."""
        return self.case.state(label_of(segment)).confidences

    def segment_automatically(self) -> None:
        """Let the model find every structure that it knows; each becomes a segment to correct. Then `wait`."""
        self.inference.begin_automatic()

    def cancel(self) -> None:
        """Stop a propagation or an estimate; finished slices stay."""
        self.inference.cancel()

    def begin_uncertainty(self, segment: Segment | int, samples: int = 8) -> None:
        """Ask for an ensemble of `samples` decodes; `estimate` has it when `estimated` was sent."""
        self.inference.begin_estimate(label_of(segment), samples)

    def uncertainty(self, segment: Segment | int, samples: int = 8) -> NDArray[np.float32]:
        """Standard deviation of the logits (FastSAM-3DSlicer, equation 3), (k, j, i), 0 where nothing was decoded."""
        estimated = self._estimated(label_of(segment), samples)
        deviation = np.zeros(self.case.volume.shape, np.float32)
        deviation[estimated.region.slices] = estimated.on_voxels(estimated.deviation)
        return deviation

    def estimate(self, segment: Segment | int) -> Estimated | None:
        """The newest estimate, while the segment is as it was estimated."""
        return self.inference.estimate(label_of(segment))

    def suggest_prompt(self, segment: Segment | int) -> Index:
        """The voxel where the next click helps most."""
        label = label_of(segment)
        estimated = self.estimate(label) or self._estimated(label, 8)
        index, _ = suggest(estimated, self.case.prompts(label))
        return index

    def intervals(self) -> dict[int, tuple[float, float]]:
        """Label -> mL between which the volume probably lies, of segments with an estimate."""
        known = ((segment.label, self.estimate(segment)) for segment in self.case.segments)
        return {label: estimated.interval for label, estimated in known if estimated}

    # Models

    def models(self) -> tuple[ModelCard, ...]:
        """Every model known here."""
        return registry.cards()

    @property
    def model(self) -> ModelCard:
        """The one that answers."""
        return self._card

    def use_model(self, model: str) -> None:
        """Change the model; prompts stay, and the active segment's are answered anew as one undo step.

        Other segments, and one that was also painted or propagated, keep their voxels.

        Raises:
            MissingModel: when it is unknown or its weights are not here; the present model stays.
        """
        self._card = registry.resolve(model)
        self._model_id = self._card.id
        self.inference.use_model(self._card.id)
        self.model_changed.emit()
        if notice := ask_again(self.document, self._card, self.view.active):
            self.noticed.emit(notice)
        self.inference.ask()

    # Messages

    def receive(self, message: Message) -> None:
        """Take one message of the engine, on the session's thread."""
        self.inference.receive(message)

    def wait(self, timeout: float | None = None) -> None:
        """Until the engine has answered every open prompt and ended every job.

        Raises:
            AppError: the first failure among the answers, or none came within `timeout` seconds.
        """
        patience = PATIENCE if timeout is None else timeout
        deadline = time.monotonic() + patience
        self._failures.clear()
        while self.inference.busy and not self._failures:
            if not self.step(max(0.0, deadline - time.monotonic())):
                message = f"The model has not answered for {patience:.0f} seconds."
                raise AppError(message, "Try a smaller model.")
            if timeout is None:
                deadline = time.monotonic() + patience
        if self._failures:
            raise self._failures[0]

    def step(self, timeout: float) -> bool:
        """Take the next message, if one comes within `timeout` seconds; whether one came."""
        try:
            self.receive(self._messages.get(timeout=timeout))
        except Empty:
            return False
        return True

    # How

    def _show(self, document: Document) -> None:
        super()._show(document)
        self.inference.follow(document)
        self.corrections.follow(document)

    def _travel(self, step: Callable[[], bool]) -> bool:
        if self.propagating:
            self.inference.abandon_propagation()
        moved = step()
        self.inference.ask()
        if self.view.active not in self.case.segmentation.segments:
            self.view.active = next((s.label for s in self.case.segments), 0)
        return moved

    def _estimated(self, label: int, samples: int) -> Estimated:
        self.begin_uncertainty(label, samples)
        self.wait()
        estimated = self.estimate(label)
        if estimated is None:
            raise AppError("The uncertainty could not be estimated.", "Try again.")
        return estimated

    def _failures_append(self, error: AppError) -> None:
        self._failures.append(error)
