"""Which truths got which answers: pairs of nodes and how often, folded up the tree where there are many.

A pair is folded by one step where its truth and its answer each go to their parents, but not above the
children of what the two share: so it stays a confusion of the same branches. In a tree what is right stays
right, and what is wrong stays wrong. The rarest pairs go first; a truth that is answered by itself goes
when no other can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from taxoloss.report.numbers.gathered import Gathered, IntArray
from taxoloss.report.numbers.homes import common_home
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["MOST", "pairs"]

#: Pairs that a page holds.
MOST = 40_000
#: At least one in so many pairs is folded at once.
_SHARE = 20


@dataclass(frozen=True, eq=False)
class _Pairs:
    """P pairs of tree numbers, the rows of each, and how many of these rows were folded: (P,) each."""

    truth: IntArray
    answer: IntArray
    count: IntArray
    folded: IntArray

    def __len__(self) -> int:
        """P."""
        return len(self.truth)

    def at(self, places: IntArray) -> _Pairs:
        """Some of the pairs."""
        return _Pairs(self.truth[places], self.answer[places], self.count[places], self.folded[places])


def pairs(gathered: Gathered, most: int = MOST) -> dict[str, Any]:
    """The pairs of all rows, sorted by truth, then answer.

    Args:
        gathered: n rows.
        most: so many pairs are kept.

    Returns:
        A dict: truth, answer and count, lists over the pairs; folded: how many rows stand in a pair of
        nodes above their own; left_out: how many stand in none, where folding did not make them few enough.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> rows, preds = Collector(t), torch.tensor([2, 2, 2, 2])
    >>> rows.take(Piece(1, preds, torch.tensor([0, 1, 2, 2])), preds)
    >>> pairs(rows.gathered())
    {'truth': [2, 3, 5], 'answer': [5, 5, 5], 'count': [1, 1, 2], 'folded': 0, 'left_out': 0}
    >>> pairs(rows.gathered(), most=2)  # two cats that were called dogs
    {'truth': [1, 5], 'answer': [4, 5], 'count': [2, 2], 'folded': 2, 'left_out': 0}
    """
    tree = gathered.taxonomy.tree
    found = _few(_counted(gathered, tree), tree, most)
    kept = found.at(np.sort(np.argsort(-found.count, kind="stable")[:most]))
    return {
        "truth": kept.truth.tolist(),
        "answer": kept.answer.tolist(),
        "count": kept.count.tolist(),
        "folded": int(kept.folded.sum()),
        "left_out": len(gathered) - int(kept.count.sum()),
    }


def _counted(gathered: Gathered, tree: Tree) -> _Pairs:
    ones = np.ones(len(gathered), np.int64)
    return _merged(_Pairs(gathered.node_target, gathered.node_answer, ones, np.zeros_like(ones)), tree)


def _merged(found: _Pairs, tree: Tree) -> _Pairs:
    """The pairs with those that are equal added up, by truth, then answer."""
    keys, at = np.unique(found.truth * len(tree) + found.answer, return_inverse=True)
    count, folded = np.zeros((2, len(keys)), np.int64)
    np.add.at(count, at, found.count)
    np.add.at(folded, at, found.folded)
    return _Pairs(keys // len(tree), keys % len(tree), count, folded)


def _few(found: _Pairs, tree: Tree, most: int) -> _Pairs:
    """The pairs folded until they are few enough, or none can be."""
    while len(found) > most:
        places = _rarest(found, tree, max(len(found) - most, len(found) // _SHARE))
        if not len(places):
            return found
        found = _folded(found, tree, places)
    return found


def _rarest(found: _Pairs, tree: Tree, number: int) -> IntArray:
    """The places of so many of the rarest pairs that can be folded, of equals the deepest first."""
    truth, answer = _upwards(found, tree)
    can = (truth != found.truth) | (answer != found.answer)
    apart = can & (found.truth != found.answer)
    places = np.flatnonzero(apart if apart.any() else can)
    depth = tree.depth[found.truth[places]] + tree.depth[found.answer[places]]
    return places[np.lexsort((-depth, found.count[places]))][:number]


def _upwards(found: _Pairs, tree: Tree) -> tuple[IntArray, IntArray]:
    """The truths and answers one step up, where that is below what they share, of equals below the root."""
    shared = common_home(tree, found.truth, found.answer)
    stop = np.where(found.truth == found.answer, 1, tree.depth[shared] + 1)
    truth, answer = (
        np.where(tree.depth[nodes] > stop, tree.parent[nodes], nodes)
        for nodes in (found.truth, found.answer)
    )
    return truth, answer


def _folded(found: _Pairs, tree: Tree, places: IntArray) -> _Pairs:
    """The pairs with those at some places one step up."""
    truth, answer, folded = found.truth.copy(), found.answer.copy(), found.folded.copy()
    above = _upwards(found.at(places), tree)
    truth[places], answer[places] = above
    folded[places] = found.count[places]
    return _merged(_Pairs(truth, answer, found.count, folded), tree)
