"""`outline`: names and shapes of the tensors of a weights file, in milliseconds and without torch.

A pickle is read with stand-ins for the few things that checkpoints are made of; whatever else it names is refused, so
nothing of it runs and the tensors' bytes are not touched.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from app.engine.weights import tensor_file
from app.engine.weights.sentences import asks_to_run_code, damaged
from app.engine.weights.wrapping import unwrapped
from app.errors import BadInput

Outline = dict[str, tuple[int, ...]]
"""Name of a parameter or buffer -> its shape."""

LARGEST_PICKLE = 256_000_000  # bytes; a pickle of names and shapes has a few hundred thousand
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""What torch.save put first before its files were zip archives."""

HARMLESS = frozenset(
    ["argparse.Namespace", "torch.optim.adam.Adam", "torch.device", "torch.Size", "torch.serialization._get_layout"]
)
"""Beside tensors in official checkpoints (FastSAM-3D, SAM-Med3D, SAM-Med2D); read as nothing."""
DICTS = frozenset(["builtins.dict", "collections.defaultdict", "collections.Counter", "collections.OrderedDict"])
TENSORS = frozenset(f"torch._utils._rebuild_{kind}" for kind in ("tensor", "tensor_v2", "tensor_v3"))
PARAMETERS = frozenset(
    ["torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.nn.parameter.Parameter"]
)


class Nothing:
    """What is read of an object that is no tensor."""

    def __new__(cls, *_: object) -> Nothing:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Forget it."""

    def __getitem__(self, _: object) -> Nothing:
        return self


class Table(dict[Any, Any]):
    """What is read of every kind of dictionary; the attributes that torch pins to one are forgotten."""

    def __init__(self, *_: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        """Forget it."""


class Shape(tuple[int, ...]):
    """What is read of a tensor."""

    __slots__ = ()


def outline(path: Path) -> Outline:
    """Names and shapes in a safetensors file or in what torch.save wrote, official wrappings taken off.

    Raises:
        BadInput: no weights file, a damaged one, or one that asks to run code.
    """
    try:
        value = _read(path)
    except OSError as error:
        raise BadInput(f"{path.name} could not be read: {error.strerror or error}.") from error
    except _RefusedError as error:
        raise asks_to_run_code(path) from error
    except (pickle.UnpicklingError, zipfile.BadZipFile, EOFError, ValueError, LookupError, TypeError) as error:
        raise damaged(path) from error  # what a torn or foreign file raises
    except (AttributeError, MemoryError, RecursionError, NotImplementedError, OverflowError) as error:
        raise damaged(path) from error  # likewise, deeper inside
    found = {name: tuple(shape) for name, shape in unwrapped(value, Shape).items()}
    if not found:
        raise BadInput(f"{path.name} holds no parameters of a network.", "Choose the file of the model's weights.")
    return found


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        begin = file.read(9)
        if begin[8:] == b"{":
            return {name: Shape(entry.shape) for name, entry in tensor_file.read_table(path).items()}
        if begin[:2] == b"PK":
            return _Reader(io.BytesIO(_pickle_of_archive(file))).load()
        file.seek(0)
        return _read_legacy(file)


def _pickle_of_archive(file: BinaryIO) -> bytes:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.split("/", 1)[-1] == "data.pkl"]
        if len(names) != 1 or archive.getinfo(names[0]).file_size > LARGEST_PICKLE:
            raise ValueError("no archive of torch's")
        return archive.read(names[0])


def _read_legacy(file: BinaryIO) -> Any:
    """Magic number, version, facts of the machine, the object: four pickles one behind the other."""
    if _Reader(file).load() != LEGACY_MAGIC:
        raise ValueError("no file of torch's")
    _Reader(file).load()
    _Reader(file).load()
    return _Reader(file).load()


class _RefusedError(Exception):
    """A pickle names something that no checkpoint is made of."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        full = f"{module.replace('__builtin__', 'builtins')}.{name}"  # as Python 2 called it, as torch.save writes
        if full in TENSORS:
            return _shape
        if full in PARAMETERS:
            return _first
        if full in DICTS:
            return Table
        if full in HARMLESS or (module in ("torch", "torch.storage") and name.endswith("Storage")):
            return Nothing
        raise _RefusedError(full)

    def persistent_load(self, _: object) -> Nothing:
        """The bytes of a tensor, which stay where they are."""
        return Nothing()


def _shape(_storage: object, _offset: object, size: tuple[int, ...], *_: object) -> Shape:
    return Shape(int(n) for n in size)


def _first(value: object, *_: object) -> object:
    return value
