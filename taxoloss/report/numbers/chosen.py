"""Which rows a page shows one by one.

Likely label errors first, then examples of the pairs that are listed, then the worst mistakes of each
truth: the worst of every truth before the second worst of any. A mistake is worse where answer and truth
share less, and of equals where the answer was surer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from taxoloss.report.numbers.gathered import Gathered, IntArray

__all__ = ["LABELS", "chosen_rows", "samples"]

#: Rows in all; likely label errors; rows of each truth; pairs that have examples, and how many.
MOST, LABELS, OF_TRUTH, PAIRS, OF_PAIR = 3000, 100, 3, 50, 5


def chosen_rows(found: Gathered, pairs: Sequence[tuple[int, int]], labels: IntArray) -> IntArray:
    """The places of the rows that are shown, in rising order; 3,000 at most.

    Args:
        found: n rows.
        pairs: truth and answer as tree numbers, the first of which have examples.
        labels: places of likely label errors, the first hundred of which are shown.
    """
    order = _worst_first(found)
    first = np.concatenate(
        [labels[:LABELS], _of_pairs(found, order, pairs[:PAIRS]), _of_truths(found, order)]
    )
    _, once = np.unique(first, return_index=True)
    return np.sort(first[np.sort(once)[:MOST]])


def _worst_first(found: Gathered) -> IntArray:
    """The places of wrong rows, the worst first; of equals the first in the file."""
    wrong = np.flatnonzero(found.wrong)
    sure = np.zeros(len(found)) if found.probability is None else np.nan_to_num(found.probability)
    return wrong[np.lexsort((wrong, -sure[wrong], -found.height[wrong]))]


def _of_pairs(found: Gathered, order: IntArray, pairs: Sequence[tuple[int, int]]) -> IntArray:
    """Up to five rows of each pair, pair by pair."""
    width = len(found.taxonomy.tree)
    # An answer that is no node stands as the root, which is wrong in no pair.
    keys = found.node_target[order] * width + found.node_answer[order]
    parts = [order[keys == truth * width + answer][:OF_PAIR] for truth, answer in pairs]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _of_truths(found: Gathered, order: IntArray) -> IntArray:
    """Up to three rows of each truth, in turns: first the worst of each."""
    truth = found.node_target[order]
    by_truth = np.argsort(truth, kind="stable")
    sizes = np.unique(truth[by_truth], return_counts=True)[1]
    turn = np.empty(len(order), np.int64)
    turn[by_truth] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    taken = np.flatnonzero(turn < OF_TRUTH)
    return order[taken[np.argsort(turn[taken], kind="stable")]]


def samples(found: Gathered, rows: IntArray) -> dict[str, Any]:
    """The part `samples` of a document, without pictures.

    Args:
        found: n rows.
        rows: places of those that are shown.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> gathered, answers = Collector(t), torch.tensor([0, 1, 2])
    >>> gathered.take(Piece(1, answers, torch.tensor([0, 0, 0])), answers)
    >>> rows = chosen_rows(gathered.gathered(), [], np.array([], int))
    >>> shown = samples(gathered.gathered(), rows)
    >>> shown["row"], shown["truth"], shown["answer"], shown["height"]
    ([2, 3], [2, 2], [3, 5], [1, 2])
    """
    places = rows.tolist()
    probability = None if found.probability is None else found.probability[rows].tolist()
    return {
        "row": found.row[rows].tolist(),
        "id": None if found.ids is None else [found.ids[place] for place in places],
        "truth": found.node_target[rows].tolist(),
        "answer": found.node_answer[rows].tolist(),
        "said": {str(at): found.said[place] for at, place in enumerate(places) if place in found.said},
        "probability": None if probability is None else [_rounded(value) for value in probability],
        "height": found.height[rows].tolist(),
        "image": [None] * len(places),
    }


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
