"""`read_state`: the tensors of a weights file by name, in the compute process. Nothing in the file is run."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.engine.weights import tensor_file
from app.engine.weights.sentences import asks_to_run_code, damaged
from app.engine.weights.wrapping import unwrapped
from app.errors import BadInput

if TYPE_CHECKING:
    import torch


class Inert:
    """Stands for an object beside the parameters (an optimiser, settings); takes its state and does nothing."""

    def __new__(cls, *_: object) -> Inert:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Forget it."""


def empty_dict(*_: object) -> dict[Any, Any]:
    """Stands for collections.defaultdict, whose factory would be code of the file's choice."""
    return {}


SUBSTITUTES: tuple[tuple[Any, str], ...] = (
    (Inert, "argparse.Namespace"),  # FastSAM-3D, older SAM-Med3D
    (Inert, "torch.optim.adam.Adam"),  # SAM-Med2D keeps the optimiser itself, not its state
    (Inert, "builtins.dict"),
    (empty_dict, "collections.defaultdict"),
)
"""What official files hold beside tensors, and what is made in its place."""


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The parameters of a checkpoint, on the CPU, without the wrappings of official files.

    Reads safetensors, and what torch.save wrote, in the mode that makes nothing but tensors. Large files are mapped:
    what is not used is not read. Copy a tensor before the file may go.

    Raises:
        BadInput: no weights file, a damaged one, or one that would run code when loaded the usual way.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(9)
        value = tensor_file.read_tensors(path) if begin[8:] == b"{" else _load(path)
    except OSError as error:
        raise BadInput(f"{path.name} could not be read: {error.strerror or error}.") from error
    except pickle.UnpicklingError as error:
        raise _refusal(path, error) from error
    except (RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise damaged(path) from error  # what torch's reader raises on torn and on foreign files
    import torch

    state = unwrapped(value, torch.Tensor)
    if not state:
        raise BadInput(f"{path.name} holds no parameters of a network.", "Choose the file of the model's weights.")
    return state


def _refusal(path: Path, error: Exception) -> BadInput:
    """For a pickle that asks for more than tensors; a torn one is only damaged."""
    refused = any(word in str(error) for word in ("global", "GLOBAL", "reduce", "new object", "build"))
    return asks_to_run_code(path) if refused else damaged(path)


def _load(path: Path) -> Any:
    import torch

    with torch.serialization.safe_globals(list(SUBSTITUTES)):
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
