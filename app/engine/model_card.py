"""`ModelCard`: what is known of a model without loading it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.prompts import Prompt


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a model without loading it (models/<id>/card.toml).

    Args:
        id: Folder name under models/.
        name: As the picker shows it.
        family: Which adapter in `app.engine` runs it.
        dimensions: 2 or 3.
        prompts: Of "point", "box", "scribble", "mask".
        licence: SPDX id or a few words; `commercial` is False where it forbids commercial use.
        url: Where the weights come from, the authors' own address; empty where only a file can be imported.
        page: Where the authors describe them, for a person to read.
        size: Bytes of the file as published, rounded where only that is known.
        sha256: As published; empty where the authors publish none, then the first download's is kept.
        git_blob: SHA-1 under which git keeps the file, where it lies in the authors' repository.
        weights: Name of the file; empty for a model that needs none.
        weights_of: Id of the model whose file this one uses, with another recipe.
        parameters: How many numbers the network learnt.
        tensors: How many parameters and buffers the file holds by name, wrappings taken off; 0 where unknown.
        signature: Names and shapes of tensors that tell the file from those of other models.
        work: Multiply-adds of the image encoder for one slice or volume, as it is run here, in thousand millions.
    """

    id: str
    name: str
    family: str
    dimensions: int
    prompts: frozenset[str]
    licence: str = ""
    commercial: bool = True
    description: str = ""
    url: str = ""
    size: int = 0
    sha256: str = ""
    weights: str = ""
    page: str = ""
    git_blob: str = ""
    parameters: int = 0
    tensors: int = 0
    work: float = 0.0
    weights_of: str = ""
    signature: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def automatic(self) -> bool:
        """Whether the model finds its structures by itself; then it takes no prompts."""
        return not self.prompts

    def takes(self, prompt: Prompt) -> bool:
        """Whether the model understands prompts of this kind."""
        return type(prompt).__name__.lower().removeprefix("slice") in self.prompts
