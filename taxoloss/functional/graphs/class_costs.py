"""What one class costs in the place of another where nodes have several parents, for all pairs.

"lca_height"   the height of the most informative common ancestor. Nodes are gone through from the least
               informative to the most, and each writes its height at all pairs of what it reaches: what
               stands there in the end is that of the first in the order of GraphNodes
"edges"        the least, over common ancestors c, of the shortest ways from both to c

Both take the sum over nodes of the square of what each reaches: a few times C^2 numbers.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.graphs.nodes import GraphNodes, graph_nodes, most_informative
from taxoloss.taxonomy.cache import cached
from taxoloss.taxonomy.plan import GraphPlan, graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.reach import IntArray

__all__ = ["COSTS", "ClassCosts", "class_costs"]

COSTS = ("lca_height", "edges")
#: Classes whose pairs are written down: 512 MB.
_MOST_CLASSES = 1 << 14


class ClassCosts(DeviceTensors):
    """(C, C) int16: a cost of each pair of classes, the same from both sides; and the largest."""

    def __init__(self, taxonomy: Taxonomy, cost: str) -> None:
        plan, nodes = graph_plan_of(taxonomy), graph_nodes(taxonomy)
        if plan.num_classes > _MOST_CLASSES:
            raise ValueError(
                f"expected at most {_MOST_CLASSES:,} classes for cost={cost!r} where nodes have several "
                f"parents, got {plan.num_classes:,}: it takes a number for each pair of classes"
            )
        matrix = _heights(plan, nodes) if cost == "lca_height" else _edges(plan, nodes)
        self.matrix, self.largest = torch.from_numpy(matrix), int(matrix.max())


def _heights(plan: GraphPlan, nodes: GraphNodes) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    matrix, heights = np.zeros((plan.num_classes,) * 2, np.int16), nodes.height.numpy()
    for node in most_informative(plan)[::-1].tolist():
        reached = plan.classes[node]
        matrix[np.ix_(reached, reached)] = heights[node]
    return matrix


def _edges(plan: GraphPlan, nodes: GraphNodes) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    matrix = np.full((plan.num_classes,) * 2, np.iinfo(np.int16).max, np.int16)
    for reached, ways in _ways(nodes):
        here = np.ix_(reached, reached)
        matrix[here] = np.minimum(matrix[here], ways[:, None] + ways)
    return matrix


def _ways(nodes: GraphNodes) -> list[tuple[IntArray, np.ndarray[tuple[int, ...], np.dtype[np.int16]]]]:
    """For each node the classes that it reaches, and the edges of the shortest way up from each."""
    lines = nodes.lines[: nodes.num_classes].numpy()
    label, place = np.nonzero(lines >= 0)
    ways = nodes.ways[: nodes.num_classes].numpy()[label, place].astype(np.int16)
    order = np.argsort(lines[label, place], kind="stable")
    starts = np.searchsorted(lines[label, place][order], np.arange(nodes.root + 2))
    return [(label[order[a:b]], ways[order[a:b]]) for a, b in pairwise(starts)]


def class_costs(taxonomy: Taxonomy, cost: str, device: torch.device | str = "cpu") -> ClassCosts:
    """The costs of a name in `COSTS`, made once for each device.

    Raises:
        TypeError, ValueError: not a Taxonomy, or not bound; too many classes.
    """
    return cached(taxonomy, ClassCosts, cost).on(torch.device(device))
