"""`Kept`: what was seen, in files, so that a step learns from many objects at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.once_more.seen import Seen

_PARTS = ("maps", "numbers", "target", "turn")


@dataclass(frozen=True)
class Kept:
    """Answers of a folder, read where they are asked for.

    Args:
        parts: Arrays of the same answers by name, one dictionary for each file's worth; nothing is loaded before use.
        ends: Number of answers up to and with each part.
    """

    parts: list[dict[str, NDArray[np.generic]]]
    ends: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path) -> Kept:
        """What `write` wrote.

        Raises:
            FileNotFoundError: when nothing was.
        """
        names = sorted(path.name.removesuffix(".turn.npy") for path in folder.glob("*.turn.npy"))
        if not names:
            raise FileNotFoundError(
                f"{folder} holds no answers: python -m training.once_more.gather --of WHAT --out {folder}"
            )
        parts = [{part: np.load(folder / f"{name}.{part}.npy", mmap_mode="r") for part in _PARTS} for name in names]
        return cls(parts, np.cumsum([len(part["turn"]) for part in parts]))

    @staticmethod
    def write(folder: Path, name: str, seen: list[Seen]) -> None:
        """A part; the file that `open` looks for comes last."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in _PARTS:
            values = np.stack([getattr(one, part) for one in seen])
            np.save(folder / f"{name}.{part}.npy", values.astype(np.float16) if values.ndim > 1 else values)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, number: int) -> Seen:
        which = int(np.searchsorted(self.ends, number, side="right"))
        part, at = self.parts[which], number - int(self.ends[which])
        maps, numbers, target = (np.array(part[name][at], dtype=np.float32) for name in _PARTS[:3])
        return Seen(maps, numbers, target, int(part["turn"][at]))
