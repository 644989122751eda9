"""The folder that a training leaves: card.toml and decoder.safetensors, which the registry loads like any model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from app.atomic_file import replacing
from app.engine.sam3d.recipe import Sam3dRecipe
from training.sam3d.training import Training

WEIGHTS = "decoder.safetensors"


def write_model(folder: Path, name: str, licence: str, recipe: Sam3dRecipe, training: Training) -> None:
    """Write the model as it is after the last finished epoch."""
    state = {key: value.detach().contiguous().cpu() for key, value in training.decoder.state_dict().items()}
    with replacing(folder / WEIGHTS) as temporary:
        save_file(state, temporary)
    fields: dict[str, Any] = {
        "name": name,
        "family": "sam3d",
        "dimensions": 3,
        "prompts": [],
        "licence": licence,
        "description": f"Finds by itself: {', '.join(recipe.classes)}. Trained here, {training.epoch} epochs.",
        "weights": WEIGHTS,
        "parameters": sum(value.numel() for value in training.decoder.parameters()),
        "tensors": len(state),
    }
    lines = [*_lines(fields), "", "[recipe]", *_lines(recipe.table()), ""]
    with replacing(folder / "card.toml") as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")


def _lines(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in table.items()]


def _toml(value: Any) -> str:
    """A string, number or list of them; JSON's strings are TOML's basic strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False)
