"""Metrics that count a batch together say what each says alone, by the native kernel and in Python."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from trees import Wide, wide_tree

from taxoloss import metrics
from taxoloss.functional import tallies
from taxoloss.functional.graphs import nodes as tables

TREES = {
    "few": wide_tree(9, 3, shuffled=True),
    "many": wide_tree(300, 4),
    "many, shuffled": wide_tree(120, 6, shuffled=True),
}


@pytest.fixture(params=list(TREES.values()), ids=list(TREES))
def tree(request: pytest.FixtureRequest) -> Wide:
    """Permuted orders, missing ranks, inner nodes as targets."""
    found: Wide = request.param
    return found


def batches(tree: Wide, places: tuple[int, ...] = ()) -> list[tuple[Tensor, Tensor]]:
    """Batches whose targets are all counted, partly ignored or the root, all ignored, and none."""
    g = torch.Generator().manual_seed(0)
    root = tree.taxonomy.num_nodes - 1
    found = []
    for rows in (40, 33, 5, 0):
        logits = 3 * torch.randn(rows, tree.classes, *places, generator=g)
        target = torch.randint(root, (rows, *places), generator=g)
        found.append((logits.round(), target))
    found[1][1][::3], found[1][1][1] = -100, root
    found[2][1][:] = -100
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal, NaN too."""
    assert list(one) == list(other)
    for name, value in one.items():
        assert torch.equal(torch.nan_to_num(value, -7), torch.nan_to_num(other[name], -7)), name
    return True


def alone(tree: Wide, seen: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Every metric of the collection, each made and updated for itself with one row at a time."""
    found = {}
    for name, metric in metrics.collection(tree.taxonomy, curves=True).items():
        for logits, target in seen:
            for row in range(len(logits)):
                metric.update(logits[row : row + 1], target[row : row + 1])
        found[name] = metric.compute()
    return found


@pytest.mark.parametrize("places", [(), (3, 2)], ids=["rows", "dense"])
def test_together_and_alone(tree: Wide, places: tuple[int, ...]) -> None:
    """Exact sums: a row at a time, a metric at a time, and a whole batch at once are the same."""
    seen = batches(tree, places)
    together = metrics.collection(tree.taxonomy, curves=True)
    for logits, target in seen:
        together.update(logits, target=target)
    assert same(together.compute(), alone(tree, seen))


def test_with_and_without_the_table_of_pairs(tree: Wide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of few nodes what all pairs tell is kept; of many it is made of each batch."""
    scores = []
    for most in (0, 1 << 30):
        monkeypatch.setattr(tables, "_FEW_PAIRS", most)
        together = metrics.collection(tree.taxonomy, calibration=False)
        for logits, target in batches(tree):
            together.update(logits, target)
            answers = torch.where(target < 0, 0, target).flip(0)  # node ids, inner ones too
            together.update(answers, target)
        scores.append(together.compute())
    assert same(*scores)


def test_blocks_of_rows_add_up(tree: Wide, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted in blocks of rows is what is counted at once."""
    scores = []
    for most in (7, 1 << 20):
        monkeypatch.setattr(tallies, "_BLOCK", most)
        together = metrics.collection(tree.taxonomy)
        for logits, target in batches(tree)[:2]:
            together.update(logits, target)
        scores.append(together.compute())
    assert same(*scores)


def test_a_collection_is_reset_copied_and_pickled_between_batches(tree: Wide) -> None:
    """States that metrics share stay shared; a score is forgotten when a batch is counted."""
    first, second, *_ = batches(tree)
    one = metrics.collection(tree.taxonomy)
    one.update(*first)
    one.update(*second)
    expected = one.compute()
    other = metrics.collection(tree.taxonomy)
    other.update(*second)
    other.compute()
    other.update(*second)
    other.reset()
    other.update(*first)
    other.compute()
    other = pickle.loads(pickle.dumps(copy.deepcopy(other)))
    other.update(*second)
    assert same(other.compute(), expected)
    assert all(metric._update_count == 2 for metric in other.values(copy_state=False))
    dict(other.items())  # states are copied when they are handed out
    other.update(*second)
    one.update(*second)
    assert same(other.compute(), one.compute())


@pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=["NaN", "inf"])
def test_a_row_that_is_no_logits(tree: Wide, value: float) -> None:
    """NaN is refused, with its row, in the first update and in later ones; inf is the largest."""
    together = metrics.collection(tree.taxonomy)
    good, *_ = batches(tree)
    logits = good[0].clone()
    logits[4, 3] = value
    for _ in range(2):
        if value != value:
            with pytest.raises(ValueError, match="got NaN in row 4"):
                together.update(logits, good[1])
        else:
            together.update(logits, good[1])
        together.update(*good)


def test_probabilities_are_refused(tree: Wide) -> None:
    """In the first update and in later ones."""
    together = metrics.collection(tree.taxonomy)
    good, *_ = batches(tree)
    for _ in range(2):
        with pytest.raises(ValueError, match="look like probabilities"):
            together.update(good[0].softmax(1), good[1])
        together.update(*good)
