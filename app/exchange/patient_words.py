"""`patient_words`: words of a scan's header that name the patient or may do so, and texts that repeat one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from app.errors import AppError
from app.exchange.terms import terms
from app.volume import Source
from app.volume_io import find_stack
from app.volume_io.dicom_header import load
from app.volume_io.header_text import header_text

_NAMING = (
    "PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName",
)  # fmt: skip
_SHORTEST = 3
_WITHIN = 5
"""Letters from which a word is looked for inside others too ("DoeJohnathan"), and digits that make an identifier."""

_FILE = Path(__file__).resolve().parents[2] / "resources" / "terminology" / "header_words.txt"
"""Words of headers that speak of pictures and programs, beside those of the list of structures."""


def patient_words(source: Source | None) -> frozenset[str]:
    """In small letters: of DICOM the names and identifiers, of other files every word of the header that means nothing.

    Empty where the scan came from memory, or cannot be read again.
    """
    try:
        changed = Path(source.path).stat().st_mtime_ns if source and source.path else 0
    except OSError:
        changed = 0
    return _read(source, changed) if source and changed else frozenset()


@lru_cache(maxsize=4)
def _read(source: Source, _: int) -> frozenset[str]:
    """Kept while the file has the same time of change: headers of many slices are slow to read."""
    try:
        stack = find_stack(source) if source.series else None
    except AppError:
        return frozenset()
    if stack is not None:
        first = load(stack.times[source.time][0].header, pixels=False)
        return _words([str(first.get(name, "") or "") for name in _NAMING])
    path = Path(source.path)
    inside = path / source.series if source.series and path.is_dir() else path
    return frozenset(word for word in _words(header_text(inside)) if not _means_nothing(word))


def named_after(words: frozenset[str], texts: Iterable[str]) -> list[str]:
    """Those of the texts that hold one of the words."""
    return [text for text in texts if _holds(text.casefold(), words)]


def _holds(text: str, words: frozenset[str]) -> bool:
    return bool(words & set(_parts(text))) or any(len(word) >= _WITHIN and word in text for word in words)


def _words(texts: Sequence[str]) -> frozenset[str]:
    found = {word for text in texts for word in _parts(text.casefold())} | {text.casefold().strip() for text in texts}
    return frozenset(word for word in found if len(word) >= _SHORTEST)


def _parts(text: str) -> list[str]:
    return re.split(r"[\W_]+", text)


def _means_nothing(word: str) -> bool:
    """Numbers that are too short for an identifier, and words that everybody's header has."""
    return " " in word or (word.isdigit() and len(word) < _WITHIN) or word in _known()


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    own = (word for term in terms() for word in _parts(f"{term.text} {term.words}".casefold()))
    plain = frozenset(own) | frozenset(_FILE.read_text(encoding="utf-8").split())
    return plain | {f"{word}s" for word in plain}
