"""What is known of weights that came to this machine: installed.json beside the file, written when they came."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from app.atomic_file import replacing

NAME = "installed.json"


@dataclass(frozen=True, slots=True)
class Record:
    """Where the weights of a model came from and how they were then.

    Args:
        sha256: Of the file as it came; what `verify` and a later download are held against.
        source: The address, or the name of the file that was imported.
        day: ISO date.
    """

    sha256: str
    size: int
    source: str
    day: str


def read_record(folder: Path) -> Record | None:
    """The record in a model's folder; None where there is none that can be read."""
    try:
        value = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return Record(str(value["sha256"]), int(value["size"]), str(value["source"]), str(value["day"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Keep it, in the place of an older one."""
    with replacing(folder / NAME) as temporary:
        temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
