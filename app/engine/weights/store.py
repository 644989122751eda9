"""Weights in the user's folder: downloaded when asked, imported from a file, verified. One writer at a time."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.atomic_file import replacing
from app.engine import registry
from app.engine.model_card import ModelCard
from app.engine.protocol import ReportProgress, Token
from app.engine.weights.file_lock import file_lock
from app.engine.weights.outline import Outline, outline
from app.engine.weights.recognition import fits, published, recognise
from app.engine.weights.record import Record, read_record, write_record
from app.engine.weights.sums import BLOCK, Sums, sums
from app.engine.weights.transfer import Wanted, forget, transfer
from app.errors import AppError, BadInput, MissingModel


def folder_of(card: ModelCard) -> Path:
    """Where a model's weights are put when they come; it need not exist."""
    return registry.user_folder() / card.id


def download(card: ModelCard, progress: ReportProgress, token: Token, proxy: str = "") -> Path:
    """Fetch a model's weights from its official address, check them, put them in their place.

    Args:
        proxy: Address of an HTTP proxy; the system's when empty.

    Returns:
        The file. It is there whole, or not at all.

    Raises:
        Cancelled: asked to end; what came is kept for the next time.
        MissingModel: the model has no address.
        AppError: server, connection, disk, or a file that is not the model's.
    """
    card = registry.owner(card)
    if not card.url:
        raise MissingModel(f"{card.name} has no address to download from.", registry.how_to_get(card))
    with _writing(card) as folder:
        part = folder / f"{card.weights}.part"
        transfer(Wanted(card.url, card.weights, card.size, card.page), part, progress, token, proxy)
        try:
            checked = sums(part, progress, token)
            _check(card, checked, read_record(folder))
            _check_names(card, outline(part), card.weights)
        except BadInput:
            forget(part)
            raise
        target = folder / card.weights
        part.replace(target)
        forget(part)
        _keep(folder, checked, target, card.url)
    return target


def import_file(path: Path, progress: ReportProgress, token: Token, as_model: str = "") -> ModelCard:
    """Copy a weights file to its place, after finding out by its parameters which model it is.

    Args:
        as_model: Id of the model, where the file alone does not tell; accepts another checksum than the published.

    Returns:
        The model's card.

    Raises:
        BadInput: no weights, or of no model known here.
        Undecided: it fits several models, or is not the published file; ask again with `as_model`.
        AppError: the disk is full.
    """
    found = outline(path)
    checked = sums(path, progress, token)
    if as_model:
        card = registry.owner(registry.card(as_model))
        _check_names(card, found, path.name)
    else:
        card = recognise(path, found, checked, [known for known in registry.cards() if known.signature])
    with _writing(card) as folder:
        target = folder / card.weights
        if not (target.exists() and target.samefile(path)):
            _copy(path, target, progress, token)
        _keep(folder, checked, target, path.name)
    return card


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of the weights of a model.

    Args:
        problem: One sentence; empty when all is well.
        known: What the checksum was held against: "published", "first seen" (no other is known, or the user accepted
            another file than the published) or "" where there was nothing.
    """

    model: str
    path: Path
    sha256: str
    known: str
    problem: str = ""


def verify(card: ModelCard, progress: ReportProgress, token: Token) -> Verdict:
    """Read a model's weights through: checksum, and names and shapes of the parameters.

    Raises:
        MissingModel: they are not here.
    """
    card = registry.owner(card)
    path = registry.require_weights(card)
    checked, record = sums(path, progress, token), read_record(path.parent)
    public = published(card, checked)
    accepted = record is not None and record.sha256 == checked.sha256
    known = "published" if public or (public is False and not accepted) else "first seen" if record else ""
    problem = ""
    try:
        if not accepted:
            _check(card, checked, record)
        if card.signature:
            _check_names(card, outline(path), path.name)
    except AppError as error:
        problem = error.message
    return Verdict(card.id, path, checked.sha256, known, problem)


def _check(card: ModelCard, checked: Sums, record: Record | None) -> None:
    """Against the published checksum, else against that of the first time."""
    public = published(card, checked)
    if public is False:
        raise BadInput(
            f"{card.weights} is not the file that the authors of {card.name} published: its checksum differs.",
            "Download it again; if it stays so, do not use it.",
        )
    if public is None and record is not None and record.sha256 != checked.sha256:
        raise BadInput(
            f"{card.weights} is not the file that came on {record.day}: its checksum has changed.",
            f"If the authors have published a new one, delete {folder_of(card)} and download again.",
        )


def _check_names(card: ModelCard, found: Outline, name: str) -> None:
    if not fits(found, card):
        raise BadInput(f"{name} does not hold the parameters of {card.name}.", "Get the official file.")


@contextmanager
def _writing(card: ModelCard) -> Iterator[Path]:
    folder = folder_of(card)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AppError(f"{folder} could not be made: {error.strerror or error}.") from error
    with file_lock(folder / "writing.lock", f"{card.name} is being downloaded or imported already."):
        try:
            yield folder
        except OSError as error:  # on Windows, a file that a running model has mapped cannot be replaced
            hint = "Choose another model for the moment, or restart, and try again."
            raise AppError(f"{folder} could not be written: {error.strerror or error}.", hint) from error


def _copy(path: Path, target: Path, progress: ReportProgress, token: Token) -> None:
    size, done = path.stat().st_size, 0
    if size > shutil.disk_usage(target.parent).free:
        raise AppError(
            f"The disk of {target.parent} is too full for {path.name}.", f"It needs {registry.megabytes(size)}."
        )
    with replacing(target) as temporary, path.open("rb") as source, temporary.open("wb") as copy:
        while block := source.read(BLOCK):
            token.raise_if_cancelled()
            copy.write(block)
            done += len(block)
            progress(done / size, f"Copying {path.name}")


def _keep(folder: Path, checked: Sums, target: Path, source: str) -> None:
    today = datetime.date.today().isoformat()
    write_record(folder, Record(checked.sha256, target.stat().st_size, source, today))
