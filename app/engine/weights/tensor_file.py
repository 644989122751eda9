"""The safetensors format: a table of names, types and places as JSON, then the bytes. Holds nothing that could run."""

from __future__ import annotations

import json
import math
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ITEM_SIZES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
LONGEST_TABLE = 100_000_000  # bytes; the limit of the format's own reader


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of the table; `start` and `stop` count bytes from the beginning of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_table(path: Path) -> dict[str, Entry]:
    """Name -> entry.

    Raises:
        ValueError: the file is not of this format, or shorter than its table says.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(LONGEST_TABLE, size - 8):
            raise ValueError("no table at the beginning")
        table = json.loads(file.read(length))
    try:
        entries = {name: _entry(row, 8 + length) for name, row in table.items() if name != "__metadata__"}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("the table is not as it should be") from error
    if any(not 8 + length <= entry.start <= entry.stop <= size for entry in entries.values()):
        raise ValueError("the file ends before its tensors do")
    return entries


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Name -> tensor, mapped from the file and read when used; changing one does not change the file."""
    import torch

    types = {
        "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
        "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
    }  # fmt: skip
    table = read_table(path)
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    tensors = {}
    for name, entry in table.items():
        if entry.start == entry.stop:
            tensors[name] = torch.empty(entry.shape, dtype=types[entry.dtype])
            continue
        aligned = entry.start % ITEM_SIZES[entry.dtype] == 0
        source = (
            memoryview(content)[entry.start : entry.stop] if aligned else bytearray(content[entry.start : entry.stop])
        )
        tensors[name] = torch.frombuffer(source, dtype=types[entry.dtype]).reshape(entry.shape)
    return tensors


def _entry(row: dict[str, object], begin: int) -> Entry:
    dtype, shape, offsets = row["dtype"], row["shape"], row["data_offsets"]
    if not isinstance(dtype, str) or not isinstance(shape, list) or not isinstance(offsets, list):
        raise TypeError("a row of the table is not as it should be")
    sizes, (start, stop) = tuple(int(n) for n in shape), (int(n) for n in offsets)
    if dtype not in ITEM_SIZES or min(sizes, default=0) < 0 or stop - start != math.prod(sizes) * ITEM_SIZES[dtype]:
        raise ValueError("the size of a tensor does not fit its shape")
    return Entry(dtype, sizes, begin + start, begin + stop)
