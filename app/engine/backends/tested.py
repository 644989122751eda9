"""`Findings`: what the self-test found to be fastest on this computer; kept in the user's cache folder."""

from __future__ import annotations

import json
import logging
import os
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from app import user_folders
from app.atomic_file import replacing
from app.errors import AppError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """One way to compute.

    Args:
        backend: "openvino", "torch" (on the processor) or "cuda".
        threads: That it may use; 0 on a graphics card.
        seconds: Median for the sample network.
    """

    backend: str
    threads: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What was tried, the one to use first.

    Args:
        machine: What it holds for: see `this_machine`.
        day: ISO date.
    """

    machine: str
    day: str
    runs: tuple[Run, ...]

    @property
    def best(self) -> Run:
        """The one to use."""
        return self.runs[0]


def this_machine() -> str:
    """Processor, cores that this process may use, and what computes: with another of them the test is made anew."""
    packages = " ".join(f"{name} {_version(name)}" for name in ("openvino", "torch"))
    return f"{platform.machine()} {platform.processor()} {cores()} cores, {packages}"


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def kept() -> Findings | None:
    """The result of the last test; None before the first on this machine as it is."""
    try:
        value = json.loads(_path().read_text(encoding="utf-8"))
        runs = tuple(Run(str(r["backend"]), int(r["threads"]), float(r["seconds"])) for r in value["runs"])
        tested = Findings(str(value["machine"]), str(value["day"]), runs)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return tested if runs and tested.machine == this_machine() else None


def keep(tested: Findings) -> None:
    """For the next start; nobody is troubled when that fails."""
    try:
        _path().parent.mkdir(parents=True, exist_ok=True)
        with replacing(_path()) as temporary:
            temporary.write_text(json.dumps(asdict(tested)), "utf-8")
    except (OSError, AppError) as error:
        log.warning("the self-test is not kept: %s", error)


def _path() -> Path:
    return user_folders.cache_folder() / "machine.json"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a bundle without it
        return "?"
