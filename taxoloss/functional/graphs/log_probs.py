"""log P of every node on the levels of a graph, from logits, in log space.

A class counts in each node that reaches it, so that the nodes of a level are no partition: their P may sum
to more than 1, and no level is made of the one below it. Each node is summed over its own classes:

    log P(a) = logsumexp(z over what a reaches) - logsumexp(z)

in the pairs (peak, rest) of log_sums.py. The classes of a level's nodes are listed one after the other and
summed in parts of about C of them, so that what is held beside the result is a few times the logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.log_sums import LogProbs, Sums, merge, merge_all
from taxoloss.taxonomy.plan import GraphPlan
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["GraphLogProbs"]

#: (E,) and (E,): classes, and for each the number of its node in the part; the part has so many nodes.
_Part: TypeAlias = tuple[Tensor, Tensor, int]
#: Classes that a part lists at least before another begins.
_LEAST = 1 << 12


class GraphLogProbs(DeviceTensors):
    """log P of every node on all levels (0 .. L-1); the deepest level is the classes."""

    def __init__(self, plan: GraphPlan, least: int = _LEAST) -> None:
        most = max(plan.num_classes, least)
        #: For each level but the deepest its parts.
        self.parts = tuple(tuple(_parts(plan, nodes, most)) for nodes in plan.nodes[:-1])

    def __call__(self, logits: Tensor) -> dict[int, LogProbs]:
        """Logits (N, C, d1..dk) in float32 or float64 -> level -> its log-probabilities."""
        total = merge_all(Sums(logits))
        found = {level: _sums(logits, parts) for level, parts in enumerate(self.parts)}
        found[len(self.parts)] = Sums(logits)
        return {level: LogProbs(sums, total) for level, sums in found.items()}


def _parts(plan: GraphPlan, nodes: IntArray, most: int) -> Iterator[_Part]:
    """The classes of nodes in parts, each of less than `most` and those of one node."""
    sizes = plan.classes.sizes[nodes]
    part = (np.cumsum(sizes) - sizes) // most
    for number in np.unique(part):
        here = nodes[part == number]
        classes, group = plan.classes.listed(here)
        yield torch.tensor(classes), torch.tensor(group), len(here)


def _sums(logits: Tensor, parts: tuple[_Part, ...]) -> Sums:
    """The sums (N, nodes, d1..dk) of a level."""
    found = [merge(Sums(logits.index_select(1, classes)), group, width) for classes, group, width in parts]
    if len(found) == 1:
        return found[0]
    rests = [sums.rest for sums in found if sums.rest is not None]
    return Sums(torch.cat([sums.value for sums in found], 1), torch.cat(rests, 1))
