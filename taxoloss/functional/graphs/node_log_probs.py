"""log P of all nodes of a graph, in log space."""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.graphs.reach import ReachTensors
from taxoloss.functional.log_probs import LogProbs, Sums, merge, merge_all

__all__ = ["node_log_probs"]


def node_log_probs(z: Tensor, reach: ReachTensors) -> Tensor:
    """(R, V) of logits (R, C): each inner node is summed over the list of what it reaches."""
    nodes, classes = reach.inner_entries
    inner = merge(Sums(z.index_select(1, classes)), nodes, reach.num_nodes - reach.num_classes)
    total = merge_all(Sums(z))
    return torch.cat([LogProbs(sums, total).all() for sums in (Sums(z), inner)], 1)
