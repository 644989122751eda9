"""`Speeds`: how long each model's clicks take on this machine, measured in use or in a rehearsal; kept between runs."""

from __future__ import annotations

import json
import logging
import statistics
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app import user_folders
from app.atomic_file import replacing
from app.errors import AppError

log = logging.getLogger(__name__)
KEPT = 32  # newest answers of a model
BUSY = 0.5  # of the time that passed: with less of a processor's, other programs took the rest


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds from a click to its mask: the median, and the longest (for most models the first on a slice or scan).

    `rehearsed` tells that no click was answered yet: then a next click and a first one, as `app.engine.rehearsal`
    measured them; `busy` that other programs had most of the processor then.
    """

    typical: float
    longest: float
    rehearsed: bool = False
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """What is kept of a rehearsal: `Rehearsed` in `app.engine.rehearsal` says what the numbers are.

    Args:
        day: ISO date.
    """

    unit: str
    first: float
    following: float
    first_cpu: float
    following_cpu: float
    carried: float
    carried_cpu: float
    trained: bool
    backend: str
    threads: int
    repeats: int
    day: str


class Speeds:
    """The newest answers of every model, and its newest rehearsal.

    Args:
        path: Where they are kept; in the user's cache folder when None.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or user_folders.cache_folder() / "speeds.json"
        self._answers, self._tried = _read(self._path)
        self._changed: set[str] = set()

    def note(self, model: str, seconds: float) -> None:
        """One more answer."""
        self._answers.setdefault(model, deque(maxlen=KEPT)).append(round(seconds, 4))
        self._changed.add(model)

    def note_tried(self, model: str, tried: Tried) -> None:
        """A rehearsal, in the place of an older one."""
        self._tried[model] = tried
        self._changed.add(model)

    def of(self, model: str) -> Speed | None:
        """How fast a model is here: as it answered, else as it was rehearsed; None before both."""
        seconds, tried = self._answers.get(model), self._tried.get(model)
        if seconds:
            return Speed(statistics.median(seconds), max(seconds))
        if tried is None:
            return None
        busy = tried.backend == "openvino" and tried.first_cpu < BUSY * tried.first
        return Speed(tried.following, tried.first, rehearsed=True, busy=busy)

    def tried(self, model: str) -> Tried | None:
        """The newest rehearsal of a model."""
        return self._tried.get(model)

    def refresh(self) -> None:
        """Take over what another process has kept meanwhile, but of models that were measured here."""
        answers, tried = _read(self._path)
        self._answers = answers | {model: s for model, s in self._answers.items() if model in self._changed}
        self._tried = tried | {model: t for model, t in self._tried.items() if model in self._changed}

    def save(self) -> None:
        """Keep them for the next run; nobody is troubled when that fails."""
        if not self._changed:
            return
        self.refresh()
        value = {
            "answers": {model: list(seconds) for model, seconds in self._answers.items()},
            "rehearsals": {model: asdict(tried) for model, tried in self._tried.items()},
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path) as temporary:
                temporary.write_text(json.dumps(value), "utf-8")
            self._changed.clear()
        except (OSError, AppError) as error:
            log.warning("speeds are not kept: %s", error)


def _read(path: Path) -> tuple[dict[str, deque[float]], dict[str, Tried]]:
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        answers = {str(m): deque((float(s) for s in seconds), KEPT) for m, seconds in value["answers"].items()}
        return answers, {str(m): Tried(**tried) for m, tried in value["rehearsals"].items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return {}, {}
