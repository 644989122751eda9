"""`Part`: one thing that the self-test tries, and what came of it; `run` tries them all and keeps the report."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app import user_folders
from app.errors import AppError

log = logging.getLogger(__name__)
REPORT = "self-test.txt"


@dataclass(frozen=True, slots=True)
class Part:
    """What came of one part.

    Args:
        words: What was found, or in one sentence what does not work.
        seconds: That it took.
    """

    name: str
    works: bool
    words: str
    seconds: float

    def line(self) -> str:
        """As it is printed: the name, ok or FAILED, the words."""
        return f"{self.name:<12} {'ok' if self.works else 'FAILED':<7}{self.words} ({self.seconds:.1f} s)"


def run(tell: Callable[[Part], None] = lambda _: None) -> tuple[Part, ...]:
    """Try every part, also after one that failed; `tell` hears of each when it is done. The report is kept."""
    parts: list[Part] = []
    with tempfile.TemporaryDirectory(prefix="volumask-self-test-", ignore_cleanup_errors=True) as folder:
        for name, work in _works(Path(folder)):
            parts.append(_tried(name, work))
            tell(parts[-1])
    _keep(parts)
    return tuple(parts)


def last_report() -> str:
    """The lines of the last self-test of this user, "" when there was none."""
    try:
        return (user_folders.log_folder() / REPORT).read_text(encoding="utf-8")
    except OSError:
        return ""


def _works(folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    from app.self_test import codecs, job, places, programs  # large: not loaded for the last report alone

    yield "program", places.program
    yield "folders", places.folders
    main = job.Job(folder)
    yield "sample", main.segment
    yield "writing", main.write
    for name, codec in codecs.CODECS.items():
        yield name, lambda codec=codec: codecs.check(codec, folder)  # type: ignore[misc]  # bound at each turn
    yield "backends", programs.backends
    yield "networks", programs.networks
    yield "OpenGL", programs.drawing


def _tried(name: str, work: Callable[[], str]) -> Part:
    start = time.perf_counter()
    try:
        works, words = True, work()
    except AppError as error:
        works, words = False, str(error)
    except Exception as error:  # a door: whatever breaks in a part is that part's result
        log.exception("self-test, part %s", name)
        works, words = False, f"{type(error).__name__}: {error}"
    return Part(name, works, " ".join(words.split()), time.perf_counter() - start)


def _keep(parts: list[Part]) -> None:
    try:
        folder = user_folders.log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{part.line()}\n" for part in parts)
        (folder / REPORT).write_text(f"Self-test of {time.strftime('%Y-%m-%d %H:%M')}\n{text}", encoding="utf-8")
    except OSError as error:
        log.warning("the self-test's report is not kept: %s", error.strerror)
