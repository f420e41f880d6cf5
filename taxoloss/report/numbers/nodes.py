"""What is counted at each node of the tree: columns with one number a node."""

from __future__ import annotations

from typing import Any

import numpy as np

from taxoloss.report.numbers.gathered import BoolArray, FloatArray, Gathered, IntArray
from taxoloss.report.numbers.homes import common_home, counts_of, sums_below
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["nodes"]

#: Digits after the point of sums of probabilities.
_DIGITS = 4


def nodes(gathered: Gathered) -> dict[str, Any]:
    """Columns (V,) over the tree numbers, parents before children.

    A row belongs to its truth, and to all nodes above that along the homes. An answer that is no node is
    nobody's answer.

    Args:
        gathered: n rows.

    Returns:
        A dict of lists: name, parent (the root's is 0), level (the root's is 0); of the rows whose truth is
        the node or below it how many there are (rows), how many are right and wrong, and of how many the
        answer is the node or below it too (within); of the rows whose answer is the node or below it how
        many there are (answered), how many are right (answered_right), and the sum of their probabilities
        (stated: None where the file states none); parted: the wrong rows whose answer and truth share this
        node and none below it. also_under: pairs of a node and a parent beside its home.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> rows, preds = Collector(t), torch.tensor([0, 1, 2])
    >>> rows.take(Piece(1, preds, torch.tensor([0, 0, 1])), preds)
    >>> found = nodes(rows.gathered())
    >>> [found[name] for name in ("name", "rows", "right", "within", "parted")]
    [['', 'cat', 'Bengal', 'Manx', 'dog', 'pug'], [3, 3, 2, 1, 0, 0], [1, 1, 1, 0, 0, 0],
     [3, 2, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0]]
    """
    tree = gathered.taxonomy.tree
    also = [] if tree.also_under is None else tree.also_under.tolist()
    return {
        "name": list(tree.names),
        "parent": tree.parent.tolist(),
        "level": tree.level.tolist(),
        **_of_truths(gathered, tree),
        **_of_answers(gathered, tree),
        "parted": counts_of(tree, gathered.shared[gathered.wrong]).tolist(),
        "also_under": also,
    }


def _of_truths(gathered: Gathered, tree: Tree) -> dict[str, list[int]]:
    truth, known = gathered.node_target, ~gathered.unknown
    within = common_home(tree, truth[known], gathered.node_answer[known])
    return {
        "rows": _counts(tree, truth),
        "right": _counts(tree, truth[gathered.right]),
        "wrong": _counts(tree, truth[gathered.wrong]),
        "within": _counts(tree, within),
    }


def _of_answers(gathered: Gathered, tree: Tree) -> dict[str, list[int] | list[float | None] | None]:
    answer, known = gathered.node_answer, ~gathered.unknown
    return {
        "answered": _counts(tree, answer[known]),
        "answered_right": _counts(tree, answer[gathered.right]),
        "stated": None
        if gathered.probability is None
        else _stated(tree, answer, gathered.probability, known),
    }


def _stated(tree: Tree, answer: IntArray, probability: FloatArray, known: BoolArray) -> list[float | None]:
    """For each node the sum of the probabilities of its answers.

    Where some of them state none, the mean of the others stands for theirs; where all state none, None.
    """
    told = known & ~np.isnan(probability)
    sums = np.bincount(answer[told], probability[told], minlength=len(tree))
    answered = sums_below(tree, counts_of(tree, answer[known]))
    stating = sums_below(tree, counts_of(tree, answer[told]))
    whole = sums_below(tree, sums) * answered / np.maximum(stating, 1)
    silent = (stating == 0) & (answered > 0)
    return [
        None if none else value for none, value in zip(silent, whole.round(_DIGITS).tolist(), strict=True)
    ]


def _counts(tree: Tree, of: IntArray) -> list[int]:
    """For each node how many of nodes (n,) are the node or below it."""
    counts: list[int] = sums_below(tree, counts_of(tree, of)).astype(np.int64).tolist()
    return counts
