"""`EmbeddedCase`: features and labels of a case on the disk, so that training needs no encoder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engine.sam3d.embedding import Encode, Layout, embed, pictures
from app.engine.sam3d.recipe import Sam3dRecipe
from app.engine.sam3d.windows import padded
from training.sam3d.cases import Case, load
from training.sam3d.variation import Variation

_EMBEDDED = 256


@dataclass(frozen=True)
class EmbeddedCase:
    """One case.

    Args:
        features: float16 (windows, slices, 256, side / 16, side / 16), mapped from a file.
        labels: uint8 (slices, rows, columns), padded like the slices that were embedded.
        windows: First row and column of each window in a slice.
    """

    name: str
    features: NDArray[np.float16]
    labels: NDArray[np.uint8]
    windows: tuple[tuple[int, int], ...]


def embedded(
    case: Case,
    recipe: Sam3dRecipe,
    encode: Callable[[], Encode],
    folder: Path,
    progress: Callable[[float], None],
    variation: Variation | None = None,
) -> EmbeddedCase:
    """From the disk where it was embedded with this recipe before, else embedded now. A torn one is made again.

    Args:
        folder: Of this case, or of one variant of it.
    """
    place, done = folder, folder / "done.json"
    key = {
        "recipe": recipe.table(),
        "image": _stamp(case.image),
        "labels": _stamp(case.labels),
        "variation": asdict(variation) if variation else None,
    }
    wanted = json.loads(json.dumps(key))
    if not done.is_file() or json.loads(done.read_text(encoding="utf-8")) != wanted:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        _write(case, recipe, encode(), place, progress, variation)
        done.write_text(json.dumps(wanted), encoding="utf-8")
    windows = np.load(place / "windows.npy")
    return EmbeddedCase(
        case.name,
        np.load(place / "features.npy", mmap_mode="r"),
        np.load(place / "labels.npy"),
        tuple((int(row), int(column)) for row, column in windows),
    )


def _write(
    case: Case,
    recipe: Sam3dRecipe,
    encode: Encode,
    place: Path,
    progress: Callable[[float], None],
    variation: Variation | None,
) -> None:
    volume, labels, _ = load(case)
    layout, slices = pictures(volume, recipe)
    truth = _labels(labels, layout)
    if variation:
        slices, truth = variation.picture(slices), variation.labels(truth)
    tokens = recipe.side // 16
    shape = (len(layout.windows), len(slices), _EMBEDDED, tokens, tokens)
    features = np.lib.format.open_memmap(place / "features.npy", mode="w+", dtype=np.float16, shape=shape)
    flat = features.reshape(-1, *shape[2:])
    for number, one in enumerate(embed(layout, slices, recipe.side, encode)):
        flat[number] = one
        progress((number + 1) / len(flat))
    features.flush()
    np.save(place / "labels.npy", truth)
    np.save(place / "windows.npy", np.array(layout.windows))


def _labels(labels: NDArray[np.unsignedinteger], layout: Layout) -> NDArray[np.uint8]:
    near = layout.grid.nearest(labels).astype(np.float32)
    whole, _ = padded(near, layout.shape)
    return whole.astype(np.uint8)


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
