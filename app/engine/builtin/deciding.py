"""The network's logits for all pieces of a volume, from what prompts say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.graph_network import GraphNetwork
from app.engine.builtin.looking import Looking
from app.engine.builtin.subgraph import Subgraph
from app.engine.classic.race import STEEPNESS
from app.engine.classic.solver import whole

_SUREST = 8.0
_NOT_SEEN = -1.0  # logit of a piece that the network does not look at, where `classic` is not surer that it is outside


def decide(network: GraphNetwork, looking: Looking) -> NDArray[np.float32]:
    """(n,) logits; prompts hold, and the object is one with what was included."""
    graph = Subgraph.around(looking)
    return joined(looking, graph, network(graph)).astype(np.float32)


def joined(looking: Looking, graph: Subgraph, seen: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) logits of all pieces from those (m,) of a subgraph."""
    known, judged = looking.known, looking.judged.logits
    # An object larger than what the network can look at stays as it was judged without it there.
    logits = judged.copy() if looking.extent > graph.nodes.size else np.minimum(judged, _NOT_SEEN)
    logits[graph.nodes] = seen
    logits[known.include], logits[known.exclude] = STEEPNESS, -STEEPNESS
    logits = np.where(known.outside, -STEEPNESS, np.clip(logits, -_SUREST, _SUREST))
    return np.asarray(whole(looking.features, known, logits), dtype=np.float64)
