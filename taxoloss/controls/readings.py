"""Scores of one trained head in every way that it can be read."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from taxoloss.decisions import minimum_cost
from taxoloss.functional.node_tensors import node_tensors
from taxoloss.heads import LevelHeads
from taxoloss.heads.head import Head
from taxoloss.metrics import HierarchicalDistance, LevelAccuracy, MistakeSeverity
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["readings"]


@torch.no_grad()
def readings(
    head: Head,
    features: Tensor,
    target: Tensor,
    taxonomy: Taxonomy,
    prefix: str = "",
) -> list[dict[str, float | str]]:
    """For each reading the accuracy of every level, the severity of mistakes and the mean distance.

    marginal: each level's best node by summed probability. leaf: the nodes above the best class. crm: those
    above the class of least expected LCA height. Of `LevelHeads` all three are of the summed
    log-probabilities, and there are two more. top_down: those above the class reached by the best child
    each time. one_by_one: each head's best node, whatever the others say. Severity and distance are of
    the class answered, in edges; severity is left out where no answer is a mistake.

    Args:
        head: of `taxoloss.heads`.
        features: (N, in_features).
        target: (N,) node ids.
        taxonomy: that of the head.
        prefix: of the names of scores, such as "test_".

    >>> import taxoloss
    >>> from taxoloss.heads import Flat
    >>> pets = taxoloss.load("pets").bind()
    >>> head = Flat(8, pets)
    >>> [row["reading"] for row in readings(head, torch.zeros(2, 8), torch.tensor([0, 3]), pets)]
    ['marginal', 'leaf', 'crm']
    """
    logits = head(features)
    rows = [
        _row("marginal", _accuracy(logits, target, taxonomy), logits.argmax(1), target, taxonomy),
        *(_of_classes(name, x, target, taxonomy) for name, x in _classes(head, logits, features, taxonomy)),
    ]
    if isinstance(head, LevelHeads):
        best = head.one_by_one(features)
        rows.append(
            _row("one_by_one", _single(best, target, taxonomy), [*best.values()][-1], target, taxonomy)
        )
    return [
        {f"{prefix}{name}" if name != "reading" else name: value for name, value in row.items()}
        for row in rows
    ]


def _classes(
    head: Head, logits: Tensor, features: Tensor, taxonomy: Taxonomy
) -> Iterator[tuple[str, Tensor]]:
    yield "leaf", logits.argmax(1)
    cheapest = minimum_cost(logits, taxonomy)
    if isinstance(cheapest, Tensor):  # no probability was asked for
        yield "crm", cheapest
    if isinstance(head, LevelHeads):
        yield "top_down", head.top_down(features)


def _of_classes(name: str, classes: Tensor, target: Tensor, taxonomy: Taxonomy) -> dict[str, float | str]:
    return _row(name, _accuracy(classes, target, taxonomy), classes, target, taxonomy)


def _accuracy(answers: Tensor, target: Tensor, taxonomy: Taxonomy) -> dict[str, float]:
    metric = LevelAccuracy(taxonomy)
    metric.update(answers, target)
    return {level: float(share) for level, share in metric.compute().items()}


def _single(best: dict[str, Tensor], target: Tensor, taxonomy: Taxonomy) -> dict[str, float]:
    """Accuracy of nodes (N,) for each level, among the targets that are counted there."""
    tables = node_tensors(taxonomy)
    found = {}
    for number, (level, answer) in enumerate(best.items()):
        counted = tables.counted[target, number]
        right = answer == tables.ancestors[target, number]
        found[level] = right[counted].double().mean().item()
    return found


def _row(
    reading: str, accuracy: dict[str, float], classes: Tensor, target: Tensor, taxonomy: Taxonomy
) -> dict[str, float | str]:
    severity, distance = MistakeSeverity(taxonomy), HierarchicalDistance(taxonomy)
    severity.update(classes, target)
    distance.update(classes, target)
    row: dict[str, float | str] = {"reading": reading}
    row |= {f"accuracy_{level}": share for level, share in accuracy.items()}
    row["distance"] = float(distance.compute())
    edges = float(severity.compute())
    return row | ({"severity": edges} if edges == edges else {})
