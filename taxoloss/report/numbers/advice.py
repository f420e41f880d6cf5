"""What the mistakes say about the tree: classes to merge, or to move. Offered, never done.

Two siblings a and b (whole branches below one node) are confused m = a_as_b + b_as_a times, and told apart
r = a_as_a + b_as_b times. A node v is taken h times for what is below its siblings and w times for what is
below a node u of another branch, which stands where v's parent stands: u is the deepest node above the
answer that is not deeper than the level of that parent. To be offered, m must exceed r, and w exceed h, by
more than chance. Given their sum n, under the hypothesis that the first is drawn at most half of the time,

    P(m or more of n) <= P(Binomial(n, 1/2) >= m) = p

and p <= alpha exactly where the lower end of the one-sided exact interval (Clopper & Pearson 1934) of
level 1 - alpha is not below 1/2. Of K pairs that are looked at each is given alpha = 0.05 / K: that one is
offered by luck has then a chance of 5 % at most (Bonferroni). For this K must not depend on m, but may
depend on n: looked at is every pair of siblings, and every v with every u, with n of 10 or more.

There may be siblings^2 such pairs: they are counted, never listed. With t_a the rows that a tells apart,
pairs with t_a + t_b >= 10 are counted over the sorted t; pairs with fewer are looked at only if they were
confused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from taxoloss.decisions.calibration.binomial import at_least
from taxoloss.errors.characters import counted
from taxoloss.report.numbers.gathered import BoolArray, Gathered, IntArray
from taxoloss.report.numbers.homes import counts_of, sums_below
from taxoloss.report.numbers.words import named
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["advice"]

#: A pair has as many rows; and the chance that any is offered by luck.
LEAST, ALPHA = 10, 0.05


def advice(found: Gathered) -> dict[str, Any]:
    """The part `advice` of a document: what might be merged and moved, the surest first.

    Where nodes have several parents `why` there is none, in words.

    Args:
        found: the rows.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> rows, answers = Collector(t), torch.tensor([0, 1] * 20)
    >>> rows.take(Piece(1, answers, 1 - answers), answers)
    >>> part = advice(rows.gathered())
    >>> print(part["merge"][0]["text"])
    "Bengal" and "Sphynx" in "cat" are taken for each other 40 times and told apart 0 times:
    consider merging them, or look at their labels.
    """
    taxonomy = found.taxonomy
    if not taxonomy.is_tree:
        why = "Nodes have several parents, and siblings below each: no advice is given on such a tree."
        return {"looked_at": 0, "merge": [], "move": [], "why": why}
    mistakes = _Mistakes.of(found)
    merge, moves = _Merges.of(mistakes), _Moves.of(mistakes)
    looked_at = merge.looked_at + moves.looked_at
    alpha = ALPHA / max(1, looked_at)
    return {
        "looked_at": looked_at,
        "merge": merge.offered(taxonomy, alpha),
        "move": moves.offered(taxonomy, alpha),
        "why": None,
    }


# -- what was mistaken for what --------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Mistakes:
    """The P different pairs of a truth and a wrong answer, as tree numbers; V nodes."""

    tree: Tree
    truth: IntArray  # (P,)
    answer: IntArray  # (P,)
    count: IntArray  # (P,)
    #: (P,): the node below which both stand, and its children on the way to each.
    shared: IntArray
    truth_side: IntArray
    answer_side: IntArray
    #: (V,): rows whose truth is below a node; rows of which the answer is as well.
    rows: IntArray
    within: IntArray

    @classmethod
    def of(cls, found: Gathered) -> _Mistakes:
        """Of all rows but those whose answer is no node."""
        tree, width = found.taxonomy.tree, len(found.taxonomy.tree)
        wrong = np.flatnonzero(found.wrong & ~found.unknown)
        keys = found.node_target[wrong] * width + found.node_answer[wrong]
        keys, first, count = np.unique(keys, return_index=True, return_counts=True)
        truth, answer, shared = keys // width, keys % width, found.shared[wrong[first]]
        return cls(
            tree=tree,
            truth=truth,
            answer=answer,
            count=count,
            shared=shared,
            truth_side=_child_towards(tree, shared, truth),
            answer_side=_child_towards(tree, shared, answer),
            rows=_below(tree, found.node_target),
            within=_below(tree, found.shared[~found.unknown]),
        )


def _below(tree: Tree, nodes: IntArray) -> IntArray:
    """(V,): how many of nodes (n,) are at or below each node."""
    return sums_below(tree, counts_of(tree, nodes)).astype(np.int64)


def _child_towards(tree: Tree, above: IntArray, node: IntArray) -> IntArray:
    """(P,): the children of nodes (P,) that are nodes below them (P,), or above these."""
    while True:
        higher = tree.parent[node] != above
        if not higher.any():
            return node
        node = np.where(higher, tree.parent[node], node)


def _likely(first: int, other: int, alpha: float) -> float | None:
    """The p of `first` of all; None where it is above alpha or there are too few."""
    if first <= other or first + other < LEAST:
        return None
    chance = at_least(first, first + other)
    return chance if chance <= alpha else None


def _summed(keys: IntArray, values: IntArray) -> tuple[IntArray, IntArray]:
    """The different keys, and the sums of their values."""
    different, place = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(different), np.int64)
    np.add.at(sums, place, values)
    return different, sums


# -- siblings that are one ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Merges:
    """The Q pairs of siblings that were confused, the first before the second in the tree."""

    mistakes: _Mistakes
    a: IntArray  # (Q,)
    b: IntArray  # (Q,)
    a_as_b: IntArray
    b_as_a: IntArray
    looked_at: int

    @classmethod
    def of(cls, mistakes: _Mistakes) -> _Merges:
        """Of whole branches."""
        truth, answer, width = mistakes.truth_side, mistakes.answer_side, len(mistakes.tree)
        first, second = np.minimum(truth, answer), np.maximum(truth, answer)
        keys = first * width + second
        forth, pairs = truth == first, np.unique(keys)
        counts = []
        for side in (forth, ~forth):
            some, sums = _summed(keys[side], mistakes.count[side])
            column = np.zeros(len(pairs), np.int64)
            column[np.searchsorted(pairs, some)] = sums
            counts.append(column)
        a, b = pairs // width, pairs % width
        looked_at = _pairs_of_siblings(mistakes.tree, mistakes.within)
        apart = mistakes.within[a] + mistakes.within[b]
        looked_at += int(((apart < LEAST) & (apart + counts[0] + counts[1] >= LEAST)).sum())
        return cls(mistakes, a, b, counts[0], counts[1], looked_at)

    def offered(self, taxonomy: Taxonomy, alpha: float) -> list[dict[str, Any]]:
        """Those that are confused more than told apart by more than chance."""
        right, found = self.mistakes.within, []
        columns = (self.a, self.b, self.a_as_b, self.b_as_a, right[self.a], right[self.b])
        for a, b, a_as_b, b_as_a, a_right, b_right in zip(*(c.tolist() for c in columns), strict=True):
            chance = _likely(a_as_b + b_as_a, a_right + b_right, alpha)
            if chance is None:
                continue
            parent = int(taxonomy.tree.parent[a])
            entry = {
                "a": a, "b": b, "parent": parent, "a_as_b": a_as_b, "b_as_a": b_as_a,
                "a_right": a_right, "b_right": b_right,
            }  # fmt: skip
            found.append((chance, entry | {"text": _merge_text(taxonomy, entry)}))
        return [entry for _, entry in sorted(found, key=lambda pair: (pair[0], pair[1]["a"], pair[1]["b"]))]


def _pairs_of_siblings(tree: Tree, within: IntArray) -> int:
    """How many pairs of siblings have together LEAST rows or more that are told apart."""
    parent = tree.parent[1:]
    order = np.lexsort((within[1:], parent))
    # Rows beyond LEAST make no difference: one sorted column for all families at once.
    step = LEAST + 1
    rows = np.minimum(within[1:], LEAST)[order]
    keys = parent[order] * step + rows
    ends = np.searchsorted(keys, (parent[order] + 1) * step)
    # Each with those that come behind it and have the rest.
    rest = np.maximum(np.searchsorted(keys, parent[order] * step + LEAST - rows), np.arange(len(keys)) + 1)
    return int(np.maximum(ends - rest, 0).sum())


def _merge_text(taxonomy: Taxonomy, entry: dict[str, int]) -> str:
    a, b = (named(taxonomy.tree.names[entry[key]]) for key in ("a", "b"))
    confused, right = entry["a_as_b"] + entry["b_as_a"], entry["a_right"] + entry["b_right"]
    return (
        f"{a} and {b}{_in(taxonomy, entry['parent'])} are taken for each other {counted(confused, 'time')} "
        f"and told apart {counted(right, 'time')}: consider merging them, or look at their labels."
    )


def _in(taxonomy: Taxonomy, node: int) -> str:
    """Below which node, in words; of the root nothing."""
    return f" in {named(taxonomy.tree.names[node])}" if node else ""


# -- nodes that are nearer to another branch -------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Moves:
    """The Q pairs of a node and a foreign node that it was taken for."""

    mistakes: _Mistakes
    node: IntArray  # (Q,)
    to: IntArray  # (Q,)
    away: IntArray  # (Q,)
    home: IntArray  # (V,): answers below siblings
    looked_at: int

    @classmethod
    def of(cls, mistakes: _Mistakes) -> _Moves:
        """Of nodes that have siblings and stand below others than the root."""
        tree, width = mistakes.tree, len(mistakes.tree)
        home = np.zeros(width, np.int64)
        np.add.at(home, mistakes.truth_side, mistakes.count)
        keys, away = _away(mistakes)
        node, to = keys // width, keys % width
        movable = _movable(tree)
        full = np.flatnonzero(movable & (home >= LEAST))
        looked_at = int(_foreign_nodes(tree, full).sum())
        looked_at += int(((home[node] < LEAST) & (home[node] + away >= LEAST)).sum())
        return cls(mistakes, node, to, away, home, looked_at)

    def offered(self, taxonomy: Taxonomy, alpha: float) -> list[dict[str, Any]]:
        """Those that are taken more for a foreign node than for their siblings by more than chance."""
        found = []
        columns = (self.node, self.to, self.home[self.node], self.away, self.mistakes.rows[self.node])
        for node, to, home, away, rows in zip(*(column.tolist() for column in columns), strict=True):
            chance = _likely(away, home, alpha)
            if chance is not None:
                entry = {"node": node, "to": to, "home": home, "away": away, "rows": rows}
                found.append((chance, entry | {"text": _move_text(taxonomy, entry)}))
        return [
            entry for _, entry in sorted(found, key=lambda pair: (pair[0], pair[1]["node"], pair[1]["to"]))
        ]


def _movable(tree: Tree) -> BoolArray:
    """(V,): which nodes have siblings; those below the root find no node on its level to be moved to."""
    found: BoolArray = tree.num_children[tree.parent] > 1
    return found


def _away(mistakes: _Mistakes) -> tuple[IntArray, IntArray]:
    """Pairs of a node and a foreign one, node x V + foreign, and how often the one was taken for the other.

    Every node from the truth up to below the child of what is shared is taken for a foreign one; that child
    itself is taken for its sibling.
    """
    tree, movable = mistakes.tree, _movable(mistakes.tree)
    node, answer, side, count = mistakes.truth, mistakes.answer, mistakes.truth_side, mistakes.count
    shared = mistakes.shared
    keys, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    while len(node):
        lower = node != side
        node, answer, side, count, shared = (
            column[lower] for column in (node, answer, side, count, shared)
        )
        level = tree.level[tree.parent[node]]
        to = _not_deeper(tree, answer, level)
        # A class has nothing below it that one could be moved to.
        kept = movable[node] & ~tree.is_leaf[to] & (tree.depth[to] > tree.depth[shared])
        keys.append(node[kept] * len(tree) + to[kept])
        counts.append(count[kept])
        node = tree.parent[node]
    return _summed(np.concatenate(keys), np.concatenate(counts))


def _not_deeper(tree: Tree, node: IntArray, level: IntArray) -> IntArray:
    """(P,): the deepest of nodes (P,) and their ancestors that are on levels (P,) or above."""
    while True:
        deeper = tree.level[node] > level
        if not deeper.any():
            return node
        node = np.where(deeper, tree.parent[node], node)


def _foreign_nodes(tree: Tree, nodes: IntArray) -> IntArray:
    """(N,): for each of the nodes (N,) how many it could be taken for."""
    level = tree.level[tree.parent[nodes]]
    found = np.zeros(len(nodes), np.int64)
    for each in np.unique(level).tolist():
        here, some = np.flatnonzero(level == each), _eligible(tree, each)
        found[here] = some.sum() - _above(tree, nodes[here], some)
    return found


def _eligible(tree: Tree, level: int) -> BoolArray:
    """(V,): which inner nodes, but the root, may be the deepest on a level or above it above an answer.

    The answer is such a node itself, or below a child that is deeper.
    """
    found: BoolArray = (tree.level <= level) & ~tree.is_leaf
    found[0] = False
    return found


def _above(tree: Tree, nodes: IntArray, some: BoolArray) -> IntArray:
    """(N,): how many of some nodes, (V,) bool, are above each of nodes (N,)."""
    count = np.zeros(len(nodes), np.int64)
    node = nodes
    while node.any():
        node = tree.parent[node]
        count += some[node]
    return count


def _move_text(taxonomy: Taxonomy, entry: dict[str, int]) -> str:
    node, to = (named(taxonomy.tree.names[entry[key]]) for key in ("node", "to"))
    home = _in(taxonomy, int(taxonomy.tree.parent[entry["node"]]))
    return (
        f"{node}{home} is taken for what is in {to} {counted(entry['away'], 'time')} and for its own "
        f"siblings {counted(entry['home'], 'time')}: consider moving it there, or look at its labels."
    )
