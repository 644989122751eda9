"""The built-in network in torch, with the parameter names that `app/engine/builtin/graph_network.py` reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from app.engine.builtin.graph_network import HEARD, HOPS
from app.engine.builtin.node_features import COUNT, JUDGED
from app.engine.builtin.subgraph import Subgraph
from app.engine.classic.race import STEEPNESS

WIDTH, HIDDEN, GROUPS, LAYERS, FIRST = 40, 64, 4, 6, 112


@dataclass(frozen=True)
class Graphs:
    """Several subgraphs as one, without an edge between two of them.

    Args:
        told: (N, COUNT) and `size` (N,), of all pieces.
        kernels: Each with its transpose, which carries gradients back.
        counts: Pieces of each subgraph.
    """

    told: Tensor
    size: Tensor
    kernels: tuple[tuple[Any, Any], ...]
    counts: tuple[int, ...]

    @classmethod
    def joined(cls, graphs: list[Subgraph]) -> Graphs:
        """One after the other."""
        kernels = [sparse.block_diag([g.kernels[k] for g in graphs], format="csr") for k in range(3)]
        return cls(
            told=torch.from_numpy(np.concatenate([g.told for g in graphs])),
            size=torch.from_numpy(np.concatenate([g.size for g in graphs])),
            kernels=tuple((kernel, kernel.T.tocsr()) for kernel in kernels),
            counts=tuple(len(g.nodes) for g in graphs),
        )


class Heard(torch.autograd.Function):
    """A kernel applied some times, by scipy: torch has no gradient for it that is as fast on a CPU."""

    @staticmethod
    def forward(context: Any, said: Tensor, kernel: Any, back: Any, times: int) -> Tensor:
        """`kernel` times `said` (N, HEARD), `times` over."""
        context.back, context.times = back, times
        return _applied(kernel, said, times)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        """The same with the transpose."""
        return _applied(context.back, gradient, context.times), None, None, None


class Layer(nn.Module):
    """See `GraphNetwork._layer`."""

    def __init__(self) -> None:
        super().__init__()
        told = HEARD * len(HOPS)
        self.norm = nn.LayerNorm(WIDTH)
        self.pool = nn.Linear(WIDTH, GROUPS)
        self.down = nn.Linear(WIDTH, told, bias=False)
        self.mix = nn.Linear(WIDTH + told, HIDDEN)
        self.ctx = nn.Linear(WIDTH * GROUPS, HIDDEN, bias=False)
        self.out = nn.Linear(HIDDEN, WIDTH)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():  # a deep sum of small changes to begin with
            self.out.weight.mul_(0.5)
            self.ctx.weight.mul_(0.3)

    def forward(self, h: Tensor, graphs: Graphs) -> Tensor:
        """The pieces' states (N, WIDTH) one layer on."""
        u = self.norm(h)
        groups = torch.sigmoid(self.pool(u)) * graphs.size[:, None]
        pooled = [
            ((g.T @ v) / (g.sum(0)[:, None] + 1e-3)).flatten()
            for g, v in zip(groups.split(graphs.counts), u.split(graphs.counts), strict=True)
        ]
        said = self.down(u).split(HEARD, dim=1)
        heard = [
            Heard.apply(part, *graphs.kernels[kernel], times) for part, (kernel, times) in zip(said, HOPS, strict=True)
        ]
        summary = self.ctx(torch.stack(pooled)).repeat_interleave(torch.tensor(graphs.counts), 0)
        return h + self.out(torch.relu(self.mix(torch.cat([u, *heard], 1)) + summary))


class TrainedGraphNetwork(nn.Module):
    """Untrained it says what `classic` says.

    Args:
        count: Numbers that it is told of a piece.
    """

    def __init__(self, count: int = COUNT) -> None:
        super().__init__()
        self.inp = nn.Linear(count, FIRST)
        self.inp2 = nn.Linear(FIRST, WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 1)
        self.skip = nn.Parameter(torch.ones(1))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, graphs: Graphs) -> Tensor:
        """Logits (N,)."""
        h = self.inp2(torch.relu(self.inp(graphs.told)))
        for layer in self.layers:
            h = layer(h, graphs)
        return self.head(self.norm(h))[:, 0] + graphs.told[:, JUDGED] * STEEPNESS * self.skip


def _applied(kernel: Any, said: Tensor, times: int) -> Tensor:
    values = np.ascontiguousarray(said.detach().numpy())
    for _ in range(times):
        values = kernel @ values
    return torch.from_numpy(values)
