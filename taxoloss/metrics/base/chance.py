"""Mistakes that chance would make: answers drawn apart from the targets, each as often as it was given.

Let P(v) be the share of the answers that are node v or below it, Q(v) that of the targets, q(v) that of the
targets that are v itself. An answer and a target drawn independently both lie at or below v with
probability P(v) Q(v), and below one child of v with probability sum over children c of P(c) Q(c). In the
other cases v is their lowest common ancestor. It is no mistake where v is the target, an answer at or below
it. So of all independent pairs the share of mistakes whose lowest common ancestor is v is

    m(v) = P(v) Q(v) - sum over children c of P(c) Q(c) - q(v) P(v)

and chance makes a mistake of height h with probability sum over nodes v of height h of m(v).

Where nodes have several parents, those below a node are no sum over its children. There each target t looks
at its own common ancestors, the least informative first: each takes all that is below it from those before,
so that in the end every answer is with the most informative ancestor that it shares with t.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from taxoloss.functional.graphs.nodes import graph_nodes
from taxoloss.taxonomy.plan import graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray, Tree
from taxoloss.taxonomy.tree.reach import Rows

__all__ = ["chance_by_height"]


def chance_by_height(taxonomy: Taxonomy, answers: IntArray, targets: IntArray) -> npt.NDArray[np.float64]:
    """(H,): the probability of a mistake of height 1, 2, .. H by chance; of counts (V,) by node id."""
    if not taxonomy.is_tree:
        return _chance_on_a_graph(taxonomy, answers / answers.sum(), targets / targets.sum())
    tree, nodes = taxonomy.tree, taxonomy.ids_of_nodes
    itself = targets[nodes] / targets.sum()
    answered = _below(tree, answers[nodes] / answers.sum())
    both = answered * _below(tree, itself)
    mistakes = both - itself * answered
    np.subtract.at(mistakes, tree.parent[1:], both[1:])
    found = np.zeros(int(tree.height[0]) + 1)
    np.add.at(found, tree.height, np.maximum(mistakes, 0))  # rounding may leave less than nothing
    return found[1:]


def _chance_on_a_graph(
    taxonomy: Taxonomy, answers: npt.NDArray[np.float64], targets: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(H,) of shares (V,) by node id."""
    nodes, above = graph_nodes(taxonomy), graph_plan_of(taxonomy).ancestors
    lines, heights = nodes.lines.numpy(), nodes.height.numpy()
    below = Rows.of_pairs(above.items, above.numbers, len(heights))
    found = np.zeros(heights[nodes.root] + 1)
    for target in np.flatnonzero(targets).tolist():
        reached = np.full(len(heights), heights[nodes.root])
        for node in lines[target][::-1].tolist():
            if 0 <= node < nodes.root:
                reached[below[node]] = heights[node]
        reached[below[target]] = 0
        found += targets[target] * np.bincount(reached, answers, len(found))
    return found[1:]


def _below(tree: Tree, shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each node the sum over it and all below it, which follow it in depth-first order."""
    sums: npt.NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(shares)])
    own = np.arange(len(tree))
    return np.asarray(sums[own + tree.size] - sums[own])
