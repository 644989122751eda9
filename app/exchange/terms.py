"""`Term`: what a structure is, as a SNOMED CT code; a short list to search (resources/terminology/structures.csv).

Codes and meanings are those of the DICOM standard's context groups (PS3.16, CID 7150 and 7151 and the groups of
anatomy beside them); tests/unit/test_terms.py compares every row with pydicom's copy of them.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.segmentation import Segment

FILE = Path(__file__).resolve().parents[2] / "resources" / "terminology" / "structures.csv"
SCHEME = "SCT"

CATEGORIES = {
    "anatomical structure": ("91723000", "Anatomical Structure"),
    "tissue": ("85756007", "Tissue"),
    "morphologically abnormal structure": ("49755003", "Morphologically Abnormal Structure"),
    "physical object": ("260787004", "Physical object"),
}
"""Name in the file -> code and meaning (CID 7150)."""

SIDES = {"L": ("7771000", "Left"), "R": ("24028007", "Right")}
"""Letter -> code and meaning (CID 244)."""

_LESION = "morphologically abnormal structure"
_SIDE_WORDS = {"left": "L", "l": "L", "lt": "L", "right": "R", "r": "R", "rt": "R"}


@dataclass(frozen=True, slots=True)
class Term:
    """A kind of structure.

    Args:
        category: A key of `CATEGORIES`.
        code: SNOMED CT.
        meaning: The code's words in DICOM.
        paired: Whether the body has one on each side.
        words: What else people call it, with semicolons between.
        side: "L", "R", or "" where it has none or it is not said.
    """

    category: str
    code: str
    meaning: str
    paired: bool
    words: str = ""
    side: str = ""

    @property
    def key(self) -> str:
        """What a segment keeps: the code, with "L" or "R" behind it."""
        return self.code + self.side

    @property
    def text(self) -> str:
        """For people: "Left Kidney"."""
        return f"{SIDES[self.side][1]} {self.meaning}" if self.side else self.meaning


@cache
def terms() -> tuple[Term, ...]:
    """Every row, those of paired organs three times: without a side, left and right."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = [_term_of(row) for row in csv.DictReader(file)]
    sides = [Term(t.category, t.code, t.meaning, True, t.words, side) for t in rows if t.paired for side in SIDES]
    return tuple(sorted((*rows, *sides), key=lambda term: (term.meaning.lower(), term.side)))


def _term_of(row: dict[str, str]) -> Term:
    return Term(row["category"], row["code"], row["meaning"], row["paired"] == "yes", row["words"])


@cache
def _by_key() -> dict[str, Term]:
    return {term.key: term for term in terms()}


def unknown() -> Term:
    """Tissue: true of everything that can be segmented."""
    return _by_key()["85756007"]


def term(key: str) -> Term | None:
    """The term that a segment keeps as `key`, None for an unknown one."""
    return _by_key().get(key)


def search(text: str) -> list[Term]:
    """Terms in which every word of a text begins some word, shortest first; all of them for an empty text."""
    wanted = _words(text)
    found = [t for t in terms() if all(any(own.startswith(w) for own in _own_words(t)) for w in wanted)]
    return sorted(found, key=lambda t: (len(t.text), t.text)) if wanted else found


def suggest(name: str) -> Term:
    """The term that a segment's name speaks of, whole words only; `unknown()` where it names none of the list.

    The side is taken from "left", "right", "L" and "R". Of several terms a lesion wins over the organ that it lies in,
    then the longest: "Lower lobe of lung" before "Lung".
    """
    words = _words(name)
    sides = {_SIDE_WORDS[w] for w in words if w in _SIDE_WORDS}
    side = sides.pop() if len(sides) == 1 else ""
    bare = " ".join(_singular(w) for w in words)
    best: tuple[tuple[bool, int], Term] | None = None
    for candidate in terms():
        if candidate.side:
            continue
        length = max((len(n) for n in _names(candidate) if re.search(rf"\b{re.escape(n)}\b", bare)), default=0)
        rank = candidate.category == _LESION, length
        if length and (best is None or rank > best[0]):
            best = rank, candidate
    if best is None:
        return unknown()
    chosen = best[1]
    return _by_key()[chosen.code + side] if side and chosen.paired else chosen


def term_of(segment: Segment) -> Term:
    """What a segment is: as its user said, or else as its name tells."""
    return term(segment.term) or suggest(segment.name)


def _names(candidate: Term) -> list[str]:
    """Its meaning, whatever the order of its comma, and every other word for it, all in the singular."""
    meaning = " ".join(_singular(w) for w in _words(candidate.meaning))
    others = (" ".join(_singular(w) for w in _words(phrase)) for phrase in candidate.words.split(";"))
    return [meaning, *(other for other in others if other)]


def _own_words(candidate: Term) -> list[str]:
    return _words(f"{candidate.text} {candidate.words}")


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "is", "us")) else word
