"""What opening does in a thread: find the series, read one, read a project and its scan. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app import project, volume_io
from app.errors import BadInput
from app.volume import Volume
from app.volume_io import SeriesInfo


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scan, with the project that was made on it where one was opened."""

    path: Path
    volume: Volume
    case: project.Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Several images to choose from."""

    path: Path
    series: tuple[SeriesInfo, ...]


def load(path: Path) -> Loaded | Choice:
    """Open what can be opened without a question.

    Raises:
        BadInput: one sentence that says what is wrong.
    """
    if path.suffix.lower() == project.SUFFIX:
        return load_project(path)
    series = tuple(volume_io.find_series(path))
    readable = [info for info in series if info.readable]
    if len(readable) == 1 and readable[0].times == 1:
        return load_series(path, readable[0].key, 0)
    if not readable:
        raise BadInput(series[0].reason if series else f"{path.name} holds no image that can be opened.")
    return Choice(path, series)


def load_series(path: Path, key: str, time: int) -> Loaded:
    """Read one series and prepare what the window asks of it, so that showing it takes no time."""
    return _ready(Loaded(path, volume_io.read_volume(path, key or None, time)))


def load_project(path: Path) -> Loaded:
    """Read a project and the scan that it was made on."""
    case = project.read(path)
    volume = volume_io.read_volume(case.source.path, case.source.series or None, case.source.time)
    return _ready(Loaded(path, volume, case))


def _ready(loaded: Loaded) -> Loaded:
    for name in ("digest", "usual_range", "intensity_range"):
        getattr(loaded.volume, name)
    return loaded
