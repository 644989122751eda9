"""Which model a weights file belongs to, told by the names, shapes and number of its tensors, then by its checksum."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.engine.model_card import ModelCard
from app.engine.weights.outline import Outline
from app.engine.weights.sums import Sums
from app.errors import BadInput


class Undecided(BadInput):
    """Only the user can say what the file is; `candidates` are the ids of the models that it fits."""

    def __init__(self, message: str, hint: str = "", candidates: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.candidates = candidates


def fits(outline: Outline, card: ModelCard) -> bool:
    """Whether a file with these tensors can be the model's: all that tell it are there, and not fewer than it has."""
    told = all(outline.get(name) == shape for name, shape in card.signature.items())
    return bool(card.signature) and told and len(outline) >= card.tensors


def candidates(outline: Outline, cards: Iterable[ModelCard]) -> tuple[ModelCard, ...]:
    """The models that fit; of those of one kind that differ in depth only the deepest, which has the most tensors."""
    fitting = [card for card in cards if fits(outline, card)]
    most = max((card.tensors for card in fitting), default=0)
    return tuple(card for card in fitting if card.tensors == most)


def published(card: ModelCard, sums: Sums) -> bool | None:
    """Whether the file is the one that the authors published; None where they publish no checksum."""
    if card.sha256:
        return card.sha256 == sums.sha256
    return card.git_blob == sums.git_blob if card.git_blob else None


def recognise(path: Path, outline: Outline, sums: Sums, cards: Iterable[ModelCard]) -> ModelCard:
    """The one model that a file is of.

    SAM ViT-B and MedSAM, SAM 2.1 tiny and MedSAM2, the SAM-Med3D files have the same tensors: a published checksum
    tells them, else the name under which the authors give the file.

    Raises:
        BadInput: none of the models.
        Undecided: nothing tells which of several, or it is not the file that the authors published.
    """
    fitting = candidates(outline, cards)
    if not fitting:
        raise BadInput(
            f"{path.name} holds {len(outline)} tensors of a network that Volumask does not know.",
            "See 'volumask models list' for those it can use.",
        )
    proven = [card for card in fitting if published(card, sums)]
    possible = [card for card in fitting if published(card, sums) is not False]
    named = [card for card in possible if card.weights.lower() == path.name.lower()]
    for certain in (proven, named, possible if len(fitting) == 1 else []):
        if len(certain) == 1:
            return certain[0]
    raise _undecided(path, fitting)


def _undecided(path: Path, fitting: tuple[ModelCard, ...]) -> Undecided:
    ids = tuple(card.id for card in fitting)
    if len(fitting) == 1:
        message = f"{path.name} has the parameters of {fitting[0].name} but is not the file that its authors published."
        return Undecided(message, f"If you trust it, say so (--as {ids[0]}).", ids)
    names = " and ".join(card.name for card in fitting)
    message = f"{path.name} fits {names} alike, which were trained differently."
    return Undecided(message, f"Say which it is (--as {' or --as '.join(ids)}).", ids)
