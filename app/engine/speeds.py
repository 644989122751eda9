"""`Speeds`: how long each model's answers took on this machine, measured in use; kept between runs."""

from __future__ import annotations

import json
import logging
import statistics
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from app import user_folders
from app.atomic_file import replacing
from app.errors import AppError

log = logging.getLogger(__name__)
KEPT = 32  # newest answers of a model


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds from a click to its mask: the median, and the longest (for most models the first on a slice or scan)."""

    typical: float
    longest: float


class Speeds:
    """The newest answers of every model.

    Args:
        path: Where they are kept; in the user's cache folder when None.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or user_folders.cache_folder() / "speeds.json"
        self._seconds = {model: deque(seconds, KEPT) for model, seconds in _read(self._path).items()}
        self._changed = False

    def note(self, model: str, seconds: float) -> None:
        """One more answer."""
        self._seconds.setdefault(model, deque(maxlen=KEPT)).append(round(seconds, 4))
        self._changed = True

    def of(self, model: str) -> Speed | None:
        """How fast a model is here; None before its first answer."""
        seconds = self._seconds.get(model)
        return Speed(statistics.median(seconds), max(seconds)) if seconds else None

    def save(self) -> None:
        """Keep them for the next run; nobody is troubled when that fails."""
        if not self._changed:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path) as temporary:
                temporary.write_text(json.dumps({model: list(s) for model, s in self._seconds.items()}), "utf-8")
        except (OSError, AppError) as error:
            log.warning("speeds are not kept: %s", error)


def _read(path: Path) -> dict[str, list[float]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return {str(model): [float(s) for s in seconds] for model, seconds in value.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
