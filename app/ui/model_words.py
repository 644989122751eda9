"""What the window says of a model: its kinds of prompts, its size, whose leave it needs."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.engine import registry
from app.engine.backends.tested import Findings
from app.engine.model_card import ModelCard
from app.engine.reckoning import reckoned
from app.engine.speeds import Speed, Speeds

PROMPTS = ("point", "box", "scribble", "mask")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Models", text)


def prompts(card: ModelCard) -> str:
    """The kinds of prompts that it takes, in the order of the tools."""
    words = {"point": _tr("points"), "box": _tr("boxes"), "scribble": _tr("scribbles"), "mask": _tr("masks")}
    taken = [words[kind] for kind in PROMPTS if kind in card.prompts]
    if len(taken) == 1:
        return _tr("%1 only").replace("%1", taken[0])
    return ", ".join(taken) or _tr("none: segments by itself")


def dimensions(card: ModelCard) -> str:
    """Slice by slice, or the volume at once."""
    return _tr("3D") if card.dimensions == 3 else _tr("2D")


def size(card: ModelCard) -> str:
    """Of the file to download."""
    return registry.megabytes(card.size) if card.size else "–"


def rights(card: ModelCard) -> str:
    """The licence; marked where commercial use is forbidden."""
    return card.licence if card.commercial else _tr("non-commercial: %1").replace("%1", card.licence)


def here(card: ModelCard, speeds: Speeds) -> str:
    """What a click takes on this computer: as measured, else as reckoned from the self-test, else nothing."""
    known = speeds.of(card.id)
    first = reckoned(card) if known is None else None
    return speed(known) if first is None else _tr("about %1 at first (reckoned)").replace("%1", _seconds(first))


def speed(here: Speed | None) -> str:
    """What a click takes on this computer, the usual and the longest; nothing before it was measured."""
    if here is None:
        return ""
    usual, longest = _seconds(here.typical), _seconds(here.longest)
    words = _tr("%1, the first %2 (tested)") if here.rehearsed else _tr("%1, at most %2")
    words = _tr("%1, the first %2 (tested while busy)") if here.busy else words
    return usual if usual == longest and not here.rehearsed else words.replace("%1", usual).replace("%2", longest)


def machine(tested: Findings | None) -> str:
    """How networks are computed here, and who says so."""
    if tested is None:
        return _tr("This computer is tested for ten seconds when a downloaded network is first used.")
    names = {"openvino": "OpenVINO", "torch": "PyTorch", "cuda": _tr("the graphics card")}
    best, name = tested.best, names.get(tested.best.backend, tested.best.backend)
    told = _tr("This computer computes networks fastest with %1%2 (tested %3).")
    threads = _tr(", threads: %1").replace("%1", str(best.threads)) if best.threads else ""
    return told.replace("%1", name).replace("%2", threads).replace("%3", tested.day)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def tip(card: ModelCard, speeds: Speeds) -> str:
    """All of it in a few lines."""
    first = " · ".join((dimensions(card), prompts(card)))
    lines = [card.description, first, _tr("Licence: %1").replace("%1", rights(card)) if card.licence else ""]
    if told := here(card, speeds):
        lines.append(_tr("A click takes %1 here").replace("%1", told))
    if not registry.installed(card):
        state = (
            _tr("Not on this computer: %1 to download") if card.url else _tr("Not on this computer: import its file")
        )
        lines.append(state.replace("%1", size(card)))
    return "\n".join(line for line in lines if line)
