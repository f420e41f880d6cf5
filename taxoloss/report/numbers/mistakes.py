"""Which classes are taken for which, how bad mistakes are, and which labels may be wrong.

Chance draws for each wrong row one of the classes that would have been wrong, each as likely as the
others. Let y be the truth, n(v) the number of classes below a node v, and c the child of an ancestor v of
y that is y or above it. A class shares with y the node v, and nothing below it, where it is below v and
not below c: n(v) - n(c) of them. A class above other classes, a leaf of its own below v, is no wrong
answer where v is above y: it is left out of these, so that with o(v) = 1 for such a node whose leaf is not
y, else 0,

    P(shared is v) = (n(v) - n(c) - o(v)) / sum over all ancestors u of y of (n(u) - n(c_u) - o(u))

Where nodes have several parents, each class is counted at the most informative ancestor that it has in
common with y.

Likely label errors are sure answers in another branch: wrong rows whose answer and truth part at the top,
where the probability is at least t_j, that with which the answered node j is right on average:

    t_j = mean of the stated probabilities of the answers j that are true

In confident learning (Northcutt, Jiang & Chuang, JAIR 2021, section 3.1) the mean is of p(j) over all rows
labelled j; here it is of those that were answered j, whose probability a file of answers states as well. A
node that was never answered rightly has no t_j, and none of its answers is listed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.report.numbers.chosen import LABELS
from taxoloss.report.numbers.gathered import BoolArray, FloatArray, Gathered, IntArray
from taxoloss.taxonomy.plan import graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LABELS", "cross_pairs", "label_errors", "mistakes"]

#: How many are listed.
PAIRS = 200


def mistakes(found: Gathered, rows: IntArray, other: Gathered | None = None) -> dict[str, Any]:
    """The part `mistakes` of a document.

    Args:
        found: n rows.
        rows: places of those that are shown, by `chosen_rows` with the `label_errors` of these rows.
        other: the rows of the second model.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> gathered, answers = Collector(t), torch.tensor([0, 1, 2])
    >>> gathered.take(Piece(1, answers, torch.tensor([0, 0, 0])), answers)
    >>> part = mistakes(gathered.gathered(), np.array([1, 2]))
    >>> [(pair["truth"], pair["answer"], pair["edges"], pair["count"]) for pair in part["pairs"]]
    [(2, 5, 2, 1), (2, 3, 1, 1)]
    >>> part["severity"]["mean"], part["severity"]["chance"]
    (1.5, 1.5)
    """
    pairs = cross_pairs(found)
    errors = label_errors(found)
    return {
        "pairs": pairs[:PAIRS],
        "total": len(pairs),
        "severity": _severity(found, other),
        "labels": {
            "rows": np.searchsorted(rows, errors[:LABELS]).tolist(),
            "total": len(errors),
            "why_none": None if len(errors) else _why_none(found),
        },
    }


# -- pairs -----------------------------------------------------------------------------------------


def cross_pairs(found: Gathered) -> list[dict[str, int]]:
    """Truths and what they were wrongly taken for: those that share least first, then the most frequent.

    Answers that are no node are left out. `edges` is the height of what both share, `of` how many rows have
    that truth, and `back` how often it is the other way round.
    """
    tree, width = found.taxonomy.tree, len(found.taxonomy.tree)
    rows = np.flatnonzero(found.wrong & ~found.unknown)
    keys, first, count = np.unique(
        found.node_target[rows] * width + found.node_answer[rows], return_index=True, return_counts=True
    )
    truth, answer = keys // width, keys % width
    place = rows[first]
    shared = found.shared[place]
    of = np.bincount(found.node_target, minlength=width)[truth]
    back = _counts_of(keys, count, answer * width + truth)
    order = np.lexsort((answer, truth, -count, tree.level[shared]))
    names = "truth", "answer", "shared", "edges", "count", "of", "back"
    columns = (
        column[order].tolist() for column in (truth, answer, shared, found.height[place], count, of, back)
    )
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _counts_of(keys: IntArray, count: IntArray, wanted: IntArray) -> IntArray:
    """What is counted for the wanted of the sorted keys; 0 for what is none."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[place] == wanted, count[place], 0)


# -- severity --------------------------------------------------------------------------------------


def _severity(found: Gathered, other: Gathered | None) -> dict[str, Any]:
    """By the level of what truth and answer share, the deepest first: counts, shares, chance."""
    counts, mean = _by_level(found)
    chance, by_chance = _chance(found)
    wrong, levels = int(counts.sum()), found.taxonomy.levels
    seconds, second = (None, None) if other is None else _by_level(other)
    shared = [
        {
            "level": levels[level - 1] if level else None,
            "count": int(counts[level]),
            "share": float(counts[level] / wrong) if wrong else None,
            "chance": None if chance is None else float(chance[level]),
            "other": None
            if seconds is None or not seconds.any()
            else float(seconds[level] / seconds.sum()),
        }
        for level in range(len(levels) - 1, -1, -1)  # on the deepest level nothing is above two nodes
    ]
    return {"shared": shared, "mean": mean, "chance": by_chance, "other": second}


def _by_level(found: Gathered) -> tuple[IntArray, float | None]:
    """(L + 1,): wrong rows by the level of what they share, the root's first; and their mean height."""
    level = found.taxonomy.tree.level[found.shared[found.wrong]]
    counts = np.bincount(level, minlength=len(found.taxonomy.levels) + 1)
    return counts, float(found.height[found.wrong].mean()) if len(level) else None


def _chance(found: Gathered) -> tuple[FloatArray | None, float | None]:
    """The shares (L + 1,) and the mean height that chance would make of wrong rows; None without any."""
    taxonomy = found.taxonomy
    truths, rows = np.unique(found.node_target[found.wrong], return_counts=True)
    if not len(truths):
        return None, None
    ways = _ways(taxonomy, truths) if taxonomy.is_tree else _ways_in_a_graph(taxonomy, truths)
    of, node, classes = map(np.concatenate, zip(*ways, strict=True))
    possible = np.bincount(of, classes, minlength=len(truths))
    # Where every class is right, an answer that is no node was wrong: chance has nothing to draw.
    rows = np.where(possible > 0, rows, 0)
    if not rows.any():
        return None, None
    weight = rows[of] * classes / np.maximum(possible[of], 1) / rows.sum()
    height = nodes_of(taxonomy).height.numpy()[taxonomy.ids_of_nodes[node]]
    levels = taxonomy.tree.level[node]
    shares = np.bincount(levels, weight, minlength=len(taxonomy.levels) + 1)
    return shares.astype(np.float64), float((weight * height).sum())


_Ways = list[tuple[IntArray, IntArray, IntArray]]


def _ways(taxonomy: Taxonomy, truths: IntArray) -> _Ways:
    """Of the ancestors of truths (T,), one step up at a time: whose, which, how many classes share it."""
    tree = taxonomy.tree
    below = tree.stop - tree.start
    is_own = np.zeros(len(tree), bool)
    has_own = np.zeros(len(tree), np.int64)
    if tree.own is not None:
        is_own[tree.own] = True
        has_own[tree.parent[tree.own]] = 1
    found, of, node = [], np.arange(len(truths)), truths
    while len(node):
        kept = node > 0
        of, node = of[kept], node[kept]
        above = tree.parent[node]
        found.append((of, above, below[above] - below[node] - has_own[above] * ~is_own[node]))
        node = above
    return found


def _ways_in_a_graph(taxonomy: Taxonomy, truths: IntArray) -> _Ways:
    """The same where nodes have several parents: each class with what it shares with each of the truths."""
    nodes, below = nodes_of(taxonomy), graph_plan_of(taxonomy).classes
    lines, classes = nodes.lines.numpy(), torch.arange(len(taxonomy), device="cpu")
    found = []
    for number, truth in enumerate(taxonomy.ids_of_nodes[truths].tolist()):
        shared = np.full(len(taxonomy), nodes.root)
        for node in lines[truth][::-1].tolist():
            if 0 <= node < nodes.root:  # the most informative comes last
                shared[below[node]] = node
        wrong = ~nodes.at_or_above(classes, torch.tensor(truth)).numpy()
        wrong[below[truth]] = False
        at, count = np.unique(taxonomy.nodes_by_id[shared[wrong]], return_counts=True)
        found.append((np.full(len(at), number), at, count))
    return found


# -- likely label errors ---------------------------------------------------------------------------


def label_errors(found: Gathered) -> IntArray:
    """The places of rows whose label is likely to be wrong, the surest first; see the head of this file."""
    if found.probability is None:
        return np.zeros(0, np.int64)
    stated, width = found.probability, len(found.taxonomy.tree)
    true = ~found.wrong & ~np.isnan(stated)
    sums, counts = (
        np.bincount(found.node_answer[true], values, minlength=width)
        for values in (stated[true], np.ones(int(true.sum())))
    )
    least = np.divide(sums, counts, out=np.full(width, np.inf), where=counts > 0)
    # A mean of equal numbers may be off by its rounding.
    sure = stated >= least[found.node_answer] - 1e-12  # NaN is not
    rows = np.flatnonzero(found.wrong & ~found.unknown & sure & _parts_at_the_top(found))
    return rows[np.lexsort((rows, -stated[rows]))]


def _parts_at_the_top(found: Gathered) -> BoolArray:
    """(n,): truth and answer part at the highest node with rows below several children, or above it."""
    tree = found.taxonomy.tree
    rows = np.bincount(found.node_target, minlength=len(tree))
    sums = np.concatenate([[0], np.cumsum(rows)])
    below = sums[np.arange(len(tree)) + tree.size] - sums[: len(tree)]
    top, node = {0}, 0
    while True:
        children = tree.children_of(node)
        some = children[below[children] > 0]
        if len(some) != 1:
            return np.isin(found.shared, [*top])
        node = int(some[0])
        top.add(node)


def _why_none(found: Gathered) -> str:
    if found.probability is None:
        return "The file states no probabilities, so that sure answers cannot be told from others."
    return "No answer in another branch is as sure as right answers of its node are on average."
