"""`Team`: processes on one machine that average their gradients.

Two processes of one thread each meet once a step; two threads of one process meet at every operation, and on a machine
that does other work the slower one holds up the other hundreds of times a second (measured: 1.3 to 6 s a step).
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor, distributed

_MEETING = "meeting"


class Team:
    """A context; a team of one does nothing."""

    def __init__(self, rank: int, size: int, folder: Path) -> None:
        self.rank = rank
        self.size = size
        self._meeting = folder / _MEETING

    @staticmethod
    def clear(folder: Path) -> None:
        """Before a team starts: where a killed one met there, nobody answers any more."""
        (folder / _MEETING).unlink(missing_ok=True)

    def __enter__(self) -> Team:
        if self.size > 1:
            where = f"file://{self._meeting.resolve()}"
            distributed.init_process_group("gloo", init_method=where, rank=self.rank, world_size=self.size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.size > 1:
            distributed.destroy_process_group()
            self._meeting.unlink(missing_ok=True)

    def average(self, gradients: list[Tensor]) -> None:
        """Replace every gradient by the team's mean."""
        if self.size == 1:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()

    def any(self, wish: bool) -> bool:
        """Whether one of them wishes it, the same answer for all."""
        if self.size == 1:
            return wish
        vote = torch.tensor([float(wish)])
        distributed.all_reduce(vote)
        return bool(vote.item())
