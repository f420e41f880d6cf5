"""What two models reach on each level that do not look at their samples.

Chance draws one of the C classes, each as often, and reads the levels off its path. It is right on a level
where the class it drew has the truth's node there, so

    chance = mean over the counted rows of (classes with the truth's node on the level) / C

The majority always answers the node of the level that most counted rows have. Both are exact: no draws.
In a tree the classes with a node are those below it. Where nodes have several parents, a truth may have
several nodes on a level, and each of them is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from taxoloss.functional.graphs.nodes import GraphNodes, nodes_of
from taxoloss.report.numbers.gathered import Gathered, IntArray
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Baseline", "baselines"]

#: Pairs (target, index of its node on the level).
_Met: TypeAlias = tuple[IntArray, IntArray]


@dataclass(frozen=True)
class Baseline:
    """On one level, of R counted rows.

    Args:
        rows: R.
        chance: the share that is right by chance; None where no row counts.
        majority: the share of the commonest node; None where no row counts.
        node: the tree number of that node, of several the first on the level; None as well.
    """

    rows: int
    chance: float | None = None
    majority: float | None = None
    node: int | None = None


def baselines(gathered: Gathered) -> tuple[Baseline, ...]:
    """For each level, from the top, what chance and the majority reach there.

    Args:
        gathered: n rows.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Manx", "Korat"], "dog": ["pug"]}})
    >>> t = t.bind(node_targets=True)
    >>> rows, preds = Collector(t), torch.tensor([0, 0, 0, 0])
    >>> rows.take(Piece(1, preds, torch.tensor([0, 3, 3, 3])), preds)
    >>> baselines(rows.gathered())
    (Baseline(rows=4, chance=0.375, majority=0.75, node=5),
     Baseline(rows=4, chance=0.25, majority=0.75, node=6))
    """
    levels = range(len(gathered.taxonomy.levels))
    return tuple(_on_level(gathered, level) for level in levels)


def _on_level(gathered: Gathered, level: int) -> Baseline:
    counted = gathered.target[gathered.level_counted[:, level]]
    if not len(counted):
        return Baseline(0)
    taxonomy, rows = gathered.taxonomy, len(counted)
    times = np.bincount(counted, minlength=taxonomy.num_nodes)
    target, index = _met(taxonomy, level, np.flatnonzero(times))
    nodes = taxonomy.level_nodes(level + 1)
    votes = np.bincount(index, times[target], minlength=len(nodes))
    most, reached = int(votes.argmax()), _reached(taxonomy, (target, index), nodes)
    # Whole numbers until the last step: sums of a mean would be rounded.
    classes = sum(int(times[one]) * number for one, number in reached.items())
    return Baseline(rows, classes / (rows * len(taxonomy)), int(votes[most]) / rows, int(nodes[most]))


def _met(taxonomy: Taxonomy, level: int, targets: IntArray) -> _Met:
    """The nodes of a level (0 .. L-1) that counted targets (T,) have."""
    tensors = nodes_of(taxonomy)
    if not isinstance(tensors, GraphNodes):
        return targets, tensors.ancestors[targets, level].numpy()
    place = np.full(taxonomy.num_nodes + 1, -1)  # the last is that of no node, -1
    place[tensors.nodes[level].numpy()] = np.arange(len(tensors.nodes[level]))
    found = place[tensors.lines[targets].numpy()]
    at, column = np.nonzero(found >= 0)
    return targets[at], found[at, column]


def _reached(taxonomy: Taxonomy, met: _Met, nodes: IntArray) -> dict[int, int]:
    """For each target how many classes have one of its nodes on a level."""
    tree, (target, index) = taxonomy.tree, met
    if tree.is_tree:
        return dict(zip(target.tolist(), tree.num_leaves[nodes[index]].tolist(), strict=True))
    starts = np.flatnonzero(np.diff(target, prepend=-1))  # targets are in increasing order
    parts = np.split(nodes[index], starts[1:])
    below = ([tree.leaves_below(node) for node in part.tolist()] for part in parts)
    sizes = (len(np.unique(np.concatenate(leaves))) for leaves in below)
    return dict(zip(target[starts].tolist(), sizes, strict=True))
