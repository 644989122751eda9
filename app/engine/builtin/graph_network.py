"""`GraphNetwork`: logits of the pieces of a subgraph, in numpy: 0.17 million parameters need no runtime of their own.

Six layers. Each lets every piece hear its neighbours, through three kernels near by and three times farther away, and
a summary of the whole (four soft groups of pieces, pooled by size). `training/graph/network.py` is the same in torch.
"""

from __future__ import annotations

import numpy as np

from app.engine.builtin.node_features import JUDGED
from app.engine.builtin.numpy_network import Array, NumpyNetwork
from app.engine.builtin.subgraph import Subgraph
from app.engine.classic.race import STEEPNESS

HOPS = ((0, 1), (1, 1), (2, 1), (1, 4), (2, 4), (0, 5))
"""Which kernel is applied how many times, for each group of `HEARD` channels."""

HEARD = 16


class GraphNetwork(NumpyNetwork):
    """Called with the `Subgraph` that it looks at."""

    __slots__ = ()

    def __call__(self, graph: Subgraph) -> Array:
        """(m,) logits."""
        h = self._linear("inp2", np.maximum(self._linear("inp", graph.told), 0))
        layer = 0
        while f"layers.{layer}.norm.weight" in self.weights:
            h = h + self._layer(f"layers.{layer}", h, graph)
            layer += 1
        judged = graph.told[:, JUDGED] * (STEEPNESS * self.weights["skip"][0])
        return np.asarray(self._linear("head", self._normed("norm", h))[:, 0] + judged, dtype=np.float32)

    def _layer(self, name: str, h: Array, graph: Subgraph) -> Array:
        u = self._normed(f"{name}.norm", h)
        groups = _sigmoid(self._linear(f"{name}.pool", u)) * graph.size[:, None]
        pooled = (groups.T @ u) / (groups.sum(axis=0)[:, None] + 1e-3)
        heard = _heard(graph, u @ self.weights[f"{name}.down.weight"].T)
        mixed = self._linear(f"{name}.mix", np.concatenate([u, *heard], axis=1))
        mixed += pooled.ravel() @ self.weights[f"{name}.ctx.weight"].T
        return self._linear(f"{name}.out", np.maximum(mixed, 0))

    def _linear(self, name: str, x: Array) -> Array:
        return np.asarray(x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def _normed(self, name: str, h: Array) -> Array:
        centred = h - h.mean(axis=1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        return np.asarray(centred / scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])


def _heard(graph: Subgraph, said: Array) -> list[Array]:
    heard = []
    for number, (kernel, times) in enumerate(HOPS):
        channels = np.ascontiguousarray(said[:, number * HEARD : (number + 1) * HEARD])
        for _ in range(times):
            channels = graph.kernels[kernel] @ channels
        heard.append(channels)
    return heard


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -30, 30))), dtype=np.float32)
