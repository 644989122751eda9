"""Which models there are: a card in models/<id>/card.toml for each, here and in the folders of `VOLUMASK_MODELS`."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from app import user_folders
from app.engine.model_card import ModelCard
from app.engine.protocol import Predictor
from app.errors import MissingModel

log = logging.getLogger(__name__)

FAMILIES = {
    "builtin": ("app.engine.builtin", "BuiltinPredictor"),
    "trial": ("app.engine.trial.predictor", "TrialPredictor"),
    "classic": ("app.engine.classic", "ClassicPredictor"),
    "fake": ("app.engine.fake", "FakePredictor"),
    "sam": ("app.engine.sam", "SamPredictor"),
    "sam2": ("app.engine.sam2", "Sam2Predictor"),
    "sam3d": ("app.engine.sam3d", "Sam3dPredictor"),
    "sam3d_click": ("app.engine.sam_volumetric", "VolumetricPredictor"),
}
"""Family of a card -> module and class of its adapter, imported when first used, in the compute process."""

NETWORKS = frozenset({"sam", "sam2", "sam3d", "sam3d_click"})
"""Families that `app.engine.backends` runs, in the way that the self-test finds fastest."""

BUILTIN, FALLBACK = "builtin", "classic"


def user_folder() -> Path:
    """Where weights that the user downloaded or imported are kept, a folder for each model."""
    return user_folders.data_folder() / "models"


def folders() -> tuple[Path, ...]:
    """Where cards and weights are looked for: the program's own folder, those of `VOLUMASK_MODELS`, the user's."""
    home = Path(getattr(sys, "_MEIPASS", Path(__file__).parents[2]))
    further = os.environ.get("VOLUMASK_MODELS", "")
    return (home / "models", *(Path(folder) for folder in further.split(os.pathsep) if folder), user_folder())


def cards() -> tuple[ModelCard, ...]:
    """Every readable card, the default first; a bad card is skipped with a line in the log."""
    found = _found(folders())
    return tuple(sorted(found.values(), key=lambda card: (card.id != default_id(), card.name)))


def card(model: str) -> ModelCard:
    """The card of a model.

    Raises:
        MissingModel: naming the models there are.
    """
    found = _found(folders())
    if model not in found:
        _found.cache_clear()  # one may have been trained or put there since
        found = _found(folders())
    if model not in found:
        raise MissingModel(f"There is no model called {model!r} here.", f"Choose one of: {', '.join(sorted(found))}.")
    return found[model]


def owner(card: ModelCard) -> ModelCard:
    """The model whose id the weights are kept, downloaded and recognised under; itself unless it shares a file."""
    return _found(folders())[card.weights_of] if card.weights_of else card


def weights_path(card: ModelCard) -> Path | None:
    """The file of a model's weights, None when it is not on this machine."""
    places = (folder / (card.weights_of or card.id) / card.weights for folder in folders())
    return next((path for path in places if path.is_file()), None)


def installed(card: ModelCard) -> bool:
    """Whether the model can answer now."""
    return not card.weights or weights_path(card) is not None


def default_id() -> str:
    """The built-in network where it is installed, else the one that needs no weights."""
    found = _found(folders())
    return BUILTIN if BUILTIN in found and installed(found[BUILTIN]) else FALLBACK


def resolve(model: str | None) -> ModelCard:
    """The card to use for a wish: None is the default, and so is a built-in network that is not installed.

    Raises:
        MissingModel: unknown, or its weights are not here.
    """
    if model is None or model == BUILTIN:
        return card(default_id())
    chosen = card(model)
    if chosen.weights:
        require_weights(chosen)
    return chosen


def require_weights(card: ModelCard) -> Path:
    """The file of a model's weights.

    Raises:
        MissingModel: when it is not on this machine, with what to do.
    """
    path = weights_path(card)
    if path is None:
        raise MissingModel(f"The weights of {card.name} are not on this machine.", how_to_get(card))
    return path


def how_to_get(card: ModelCard) -> str:
    """One sentence: what the user does to have the weights of a model."""
    if not card.url:
        return f"Put {card.weights} into a folder {card.id} named by VOLUMASK_MODELS, or import it."
    return f"Download them ({megabytes(card.size)}) under Segment, Models, or with: volumask models download {card.id}"


def megabytes(size: int) -> str:
    """A size in bytes as people read it."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def load(model: str) -> Predictor:
    """The predictor of a model; imports its family.

    Raises:
        MissingModel: as `resolve`, or when this version has no adapter for its family.
    """
    chosen = resolve(model)
    predictor: Predictor = _adapter(chosen)(chosen)
    return predictor


def untrained(card: ModelCard) -> Predictor:
    """The predictor of a network with random numbers in the place of its weights, to see how long it takes."""
    predictor: Predictor = _adapter(card)(card, untrained=True)
    return predictor


def _adapter(card: ModelCard) -> Any:
    if card.family not in FAMILIES:
        raise MissingModel(f"This version cannot run {card.name} (family {card.family}).", "Update Volumask.")
    module, name = FAMILIES[card.family]
    return getattr(importlib.import_module(module), name)


@cache
def _found(places: tuple[Path, ...]) -> dict[str, ModelCard]:
    found: dict[str, ModelCard] = {}
    for path in (path for folder in places for path in sorted(folder.glob("*/card.toml"))):
        try:
            found.setdefault(path.parent.name, _read(path))
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("card %s is skipped: %s", path, error)
    return found


def _read(path: Path) -> ModelCard:
    value = _values(path)
    if "weights_of" in value:  # the facts of the other card hold, but a file is recognised as the other's
        shared = _values(path.parents[1] / value["weights_of"] / path.name)
        value = {**shared, "signature": {}, **value}
    value |= {"id": path.parent.name, "prompts": frozenset(value["prompts"])}
    value["signature"] = {name: tuple(shape) for name, shape in value.get("signature", {}).items()}
    return ModelCard(**value)


def _values(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
