"""`train`: from two folders to a model folder; run again with the same folder it goes on."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from app.atomic_file import replacing
from app.engine import registry
from app.engine.sam3d.embedding import Encode
from app.engine.sam3d.recipe import Sam3dRecipe
from app.engine.sam3d.slice_encoder import compiled_encoder
from app.errors import AppError, BadInput, MissingModel
from training.sam3d.cases import Case, find_cases
from training.sam3d.embedded_case import EmbeddedCase, embedded
from training.sam3d.plan import Wishes, make_plan
from training.sam3d.result import write_model
from training.sam3d.sampler import Sampler
from training.sam3d.training import CHECKPOINT, Schedule, Training
from training.sam3d.variation import Variation

PLAN = "plan.json"
_SAVE_EVERY = 120.0  # seconds
_FEWEST = 5  # cases, from which every fifth is kept for validation
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What to train.

    Args:
        out: The model's folder.
        cache: Where embeddings go; 62 kB for each slice and window of 176 x 176.
        variants: Turned, scaled, flipped copies of each case to learn from beside it.
        seconds: Stop after so long, to go on another time; 0 for no limit.
    """

    images: Path
    labels: Path
    out: Path
    cache: Path
    name: str = "SAM3D"
    licence: str = ""
    seconds: float = 0.0
    variants: int = 0


def train(order: Order, wishes: Wishes, schedule: Schedule, progress: Progress) -> Training:
    """Plan, embed, learn; the model is written after every epoch.

    Raises:
        AppError: no pairs, unreadable files, no SAM, a full disk.
    """
    begun = time.monotonic()
    cases = find_cases(order.images, order.labels)
    recipe = _recipe(order, cases, wishes, progress)
    kept = cases[4::5] if len(cases) >= _FEWEST else ()
    learnt = tuple(case for case in cases if case not in kept)
    variants = _embedded(learnt, recipe, order, schedule.seed, progress)
    validation = _embedded(kept, recipe, replace(order, variants=0), schedule.seed, progress)
    sampler = Sampler(variants, recipe.depth, recipe.side, schedule.batch, schedule.seed)
    training = Training(len(recipe.classes) + 1, schedule)
    if (order.out / CHECKPOINT).is_file():
        training.load(order.out)
    with _saving(training, order.out):
        _learn(training, sampler, validation, order, recipe, progress, begun)
    return training


def _learn(
    training: Training,
    sampler: Sampler,
    kept: Sequence[EmbeddedCase],
    order: Order,
    recipe: Sam3dRecipe,
    progress: Progress,
    begun: float,
) -> None:
    total = training.schedule.epochs * training.schedule.iterations
    saved = time.monotonic()
    while training.iteration < total and not (order.seconds and time.monotonic() - begun > order.seconds):
        training.step(sampler)
        if training.epoch > len(training.dice):
            training.validate(kept, recipe.depth, recipe.side)
            write_model(order.out, order.name, order.licence, recipe, training)
        if time.monotonic() - saved > _SAVE_EVERY:
            training.save(order.out)
            saved = time.monotonic()
        progress(training.iteration / total, "Training")


@contextlib.contextmanager
def _saving(training: Training, folder: Path) -> Iterator[None]:
    """Whatever ends the work, what was learnt is kept; Ctrl+C is a way to end it."""
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        training.save(folder)


def _recipe(order: Order, cases: Sequence[Case], wishes: Wishes, progress: Progress) -> Sam3dRecipe:
    """The plan of the folder where there is one, else a new one."""
    path = order.out / PLAN
    try:
        order.out.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            return Sam3dRecipe.read(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise AppError(f"{order.out} cannot be used: {error.strerror}.", "Choose another --out.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is damaged.", "Delete it to plan anew.") from error
    recipe = make_plan(cases, wishes, lambda share: progress(share, "Looking at the cases"))
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(recipe.table(), indent=2), encoding="utf-8")
    return recipe


def _embedded(
    cases: Sequence[Case], recipe: Sam3dRecipe, order: Order, seed: int, progress: Progress
) -> tuple[EmbeddedCase, ...]:
    """Every case as it is and in its variants; the encoder is loaded only if one is not there yet."""

    @cache
    def encoder() -> Encode:
        card = registry.card(recipe.encoder)
        weights = registry.weights_path(card)
        if weights is None:
            message = f"The weights of {card.name}, which SAM3D stands on, are not on this machine."
            raise MissingModel(message, f"volumask models download {card.id}")
        compiled = compiled_encoder(weights, recipe.side)
        return lambda picture: np.asarray(compiled(picture)[0])

    jobs = [(case, number) for case in cases for number in range(order.variants + 1)]
    found: list[EmbeddedCase] = []
    try:
        for case, number in jobs:
            variation = Variation.draw(case.name, number, seed) if number else None
            folder = order.cache / (f"{case.name}-{number}" if number else case.name)
            share: Callable[[float], None] = partial(_tell, progress, len(found), len(jobs))
            found.append(embedded(case, recipe, encoder, folder, share, variation))
    except OSError as error:
        message = f"The embeddings could not be kept in {order.cache}: {error.strerror}."
        raise AppError(message, "Free some space, or choose another --cache.") from error
    return tuple(found)


def _tell(progress: Progress, done: int, count: int, share: float) -> None:
    progress((done + share) / count, "Encoding slices")
