"""Whether a model's classes stand in another order than the one they are read in.

A list of classes in the wrong order has the right length: no shape tells. What tells is that the answers
would be right in another order. Let order q say that what is read as class a means class q(a). Of the rows
whose truth and answer are classes let

    b = rows right in the order q alone,   c = rows right in the given order alone

The order q is said to fit better where all of these hold:

    P(Binomial(b + c, 1/2) <= c) <= 0.001 / K     K orders are tried: were all as good as the given one,
                                                  one would be said in at most 1 of 1,000 reports
    b >= 2 c                                      of many rows small differences are sure, and mean little
    more than half of the moved classes gain      the rows of a class may go together: two classes that are
    rows, and two or more of them                 taken for each other are no shifted order

where a class is moved if q gives it the answers of another class, or none, and gains if q has more of its
rows right.

The labels may stand in the wrong order with the columns. Then right answers stay right, and mistakes, which
are near in the true tree, look far. There the rows are the mistakes, q moves truth and answer, and a row is
better in the order in which the two share a deeper node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from taxoloss.decisions.calibration.binomial import allowed_errors
from taxoloss.report.numbers.gathered import BoolArray, Gathered, IntArray
from taxoloss.report.numbers.homes import common_home
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LEAST", "Better", "better_order", "orders"]

#: Rows that are needed; how often an order is said that is no better.
LEAST, _CHANCE = 20, 0.001


@dataclass(frozen=True)
class Better:
    """An order that fits better.

    Args:
        order: in words.
        given, other: of the answers the share that is right in each order; with labels of the mistakes the
            share that stays below one node of the top level.
        gain: how many more rows are better than worse.
        labels: whether the truths are read in it too.
    """

    order: str
    given: float
    other: float
    gain: int
    labels: bool = False


@dataclass(frozen=True, eq=False)
class _Classes:
    """Truths and answers of rows, all classes: (n,) each."""

    truth: IntArray
    answer: IntArray


def orders(taxonomy: Taxonomy) -> dict[str, IntArray]:
    """Orders that a list of classes may have: name -> for each class (C,) which one it then is, -1: none.

    Args:
        taxonomy: bound.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"dog": ["pug"], "cat": ["Manx", "Bengal"]}}).bind()
    >>> found = orders(t)
    >>> found["the sorted names"].tolist(), found["the order as given, one place on"].tolist()
    ([2, 1, 0], [1, 2, -1])
    """
    found = {"the order as given": np.arange(len(taxonomy))}
    for name, order in _moved_orders(taxonomy):
        if not any(np.array_equal(order, known) for known in found.values()):
            found[name] = order
    return {name: order for name, order in found.items() if name != "the order as given"}


def _moved_orders(taxonomy: Taxonomy) -> Iterator[tuple[str, IntArray]]:
    """Whole orders first, then each of them one place off."""
    names = taxonomy.classes
    whole = {
        "the order as given": np.arange(len(names)),
        "the order of the taxonomy file": taxonomy.class_of_leaf,
        "the sorted names": _sorted(list(names)),
        "the sorted names (numbers by size, capitals as small letters)": _sorted(
            [_natural(name) for name in names]
        ),
    }
    yield from whole.items()
    none = np.array([-1])
    for name, order in whole.items():
        yield f"{name}, one place on", np.concatenate([order[1:], none])
        yield f"{name}, one place back", np.concatenate([none, order[:-1]])


def _sorted(keys: Sequence[Any]) -> IntArray:
    """The classes by their keys."""
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which class 2 comes before class 10, and capitals are small letters."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts)]


# -- how well they fit -----------------------------------------------------------------------------


def better_order(gathered: Gathered) -> Better | None:
    """The order that fits best, if one fits clearly better than the given one.

    Args:
        gathered: n rows; of logits the best classes are looked at, whatever the decision made of them.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"dog": ["pug", "boxer"], "cat": ["Manx", "Bengal"]}})
    >>> t = t.bind(node_targets=True)
    >>> truth = torch.arange(20) % 4
    >>> rows, preds = Collector(t), torch.tensor([3, 2, 1, 0])[truth]  # places among the sorted names
    >>> rows.take(Piece(1, preds, truth), preds)
    >>> found = better_order(rows.gathered())
    >>> found.order, found.given, found.other
    ('the sorted names', 0.0, 1.0)
    """
    rows, tried = _classes(gathered), orders(gathered.taxonomy)
    if len(rows.truth) < LEAST:
        return None
    # Of columns that are right no labels can be wrong: the first is asked first.
    for look in (_columns, _labels):
        found = [look(gathered.taxonomy, rows, name, order, len(tried)) for name, order in tried.items()]
        better = [one for one in found if one is not None]
        if better:
            return max(better, key=lambda one: one.gain)
    return None


def _classes(gathered: Gathered) -> _Classes:
    """The rows whose truths and answers are classes."""
    answer = gathered.answer if gathered.paths is None else gathered.paths.classes.numpy()
    count = len(gathered.taxonomy)
    both = (gathered.target < count) & (answer < count) & ~gathered.unknown
    return _Classes(gathered.target[both], answer[both])


def _columns(taxonomy: Taxonomy, rows: _Classes, name: str, order: IntArray, tried: int) -> Better | None:
    """Whether the answers fit better in an order."""
    given, other = rows.truth == rows.answer, rows.truth == order[rows.answer]
    gain = other.astype(np.int64) - given
    if not _fits(gain, rows.truth, order, tried):
        return None
    return Better(name, float(given.mean()), float(other.mean()), int(gain.sum()))


def _labels(taxonomy: Taxonomy, rows: _Classes, name: str, order: IntArray, tried: int) -> Better | None:
    """Whether mistakes are nearer where truths and answers are both read in an order."""
    read = _Classes(order[rows.truth], order[rows.answer])
    apart = (rows.truth != rows.answer) & (read.truth >= 0) & (read.answer >= 0)
    given, other = (
        _shared_depth(taxonomy, _Classes(one.truth[apart], one.answer[apart])) for one in (rows, read)
    )
    gain = np.sign(other - given)
    if len(gain) < LEAST or not _fits(gain, rows.truth[apart], order, tried):
        return None
    return Better(name, float((given > 0).mean()), float((other > 0).mean()), int(gain.sum()), labels=True)


def _shared_depth(taxonomy: Taxonomy, rows: _Classes) -> IntArray:
    """(n,): how deep the lowest common ancestors of truths and answers stand."""
    nodes = taxonomy.nodes_by_id
    return taxonomy.tree.depth[common_home(taxonomy.tree, nodes[rows.truth], nodes[rows.answer])]


def _fits(gain: IntArray, truth: IntArray, order: IntArray, tried: int) -> bool:
    """Whether an order is clearly better: see the head of this file.

    Args:
        gain: (n,) 1 where the order is better, -1 where it is worse, else 0.
        truth: (n,) classes.
        order: (C,) of the K = tried orders.
        tried: K.
    """
    better, worse = int((gain > 0).sum()), int((gain < 0).sum())
    if better < 2 * worse or worse > allowed_errors(better + worse, 0.5, 1 - _CHANCE / tried):
        return False
    moved: BoolArray = order != np.arange(len(order))
    rows = np.bincount(truth, minlength=len(order)) > 0
    gains = np.bincount(truth, gain, len(order)) > 0
    looked_at = moved & rows
    return int((gains & looked_at).sum()) >= max(2, int(looked_at.sum()) // 2 + 1)
