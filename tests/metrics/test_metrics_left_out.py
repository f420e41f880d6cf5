"""Rows that a metric does not count may hold anything: logits, probabilities, node ids and rankings."""

from __future__ import annotations

import math

import pytest
import torch
from metric_cases import MAKE, ROOT, TREE, batch, of, same

BAD = (math.nan, math.inf, -math.inf)


@pytest.mark.sample(5)
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", MAKE)
def test_metrics(name: str, dense: bool, bad: float) -> None:
    """Logits of rows that are ignored or have the root as target; node ids and rankings there too."""
    preds, target = batch(24)
    gone = (target == -100) | (target == ROOT)
    logits = preds.masked_fill(gone[:, None], bad)
    logits[gone.nonzero()[0, 0], 1:] = 0.25
    batches = [(preds, target), (logits, target)]
    if dense:
        batches = [(z.view(4, 6, 4).movedim(-1, 1), y.view(4, 6)) for z, y in batches]
    same(*(of(MAKE[name](TREE), one) for one in reversed(batches)))


def test_metrics_of_node_ids_and_rankings() -> None:
    """An ignored sample's answer may be no node, and its ranking no ranking."""
    _, target = batch(24)
    gone = target == -100
    answers = torch.arange(24) % 4
    ranking = torch.stack([answers, (answers + 1) % 4, (answers + 2) % 4, (answers + 3) % 4], 1)
    for name in ("LevelAccuracy", "MistakeSeverity", "HierarchicalFScore", "LevelConfusionMatrix"):
        wanted = of(MAKE[name](TREE), (answers, target))
        same(of(MAKE[name](TREE), (answers.masked_fill(gone, 99), target)), wanted)
    for name in ("HOPS", "HierarchicalDistance_3"):
        wanted = of(MAKE[name](TREE), (ranking, target))
        same(of(MAKE[name](TREE), (ranking.masked_fill(gone[:, None], -7), target)), wanted)


def test_probabilities_are_told_behind_ignored_rows() -> None:
    """What stands in rows that are not counted does not hide what the others are."""
    preds, target = batch(6)
    probabilities = preds.softmax(1)
    target[0], probabilities[0] = -100, -math.inf
    with pytest.raises(ValueError, match=r"p\.log"):
        MAKE["LevelAccuracy"](TREE).update(probabilities, target)
