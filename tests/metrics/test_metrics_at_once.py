"""A batch that the kernel counts in all metrics at once is counted as each metric counts it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from kernel_forms import COMPILED
from torch import Tensor
from torch.nn import Parameter
from torchmetrics import MetricCollection
from trees import wide_tree

from taxoloss import metrics
from taxoloss.metrics.base import at_once

pytestmark = [
    pytest.mark.one_form("compares the two"),
    pytest.mark.skipif(COMPILED is None, reason="the native kernel was not compiled"),
]

TREES = {
    "few": wide_tree(9, 3, shuffled=True),
    "many": wide_tree(300, 4),
    "many, shuffled": wide_tree(120, 6, shuffled=True),
}
TREE = TREES["few"]
Batch = tuple[Tensor, Tensor]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each update by position: whether it was counted at once."""
    found: list[bool] = []
    known = at_once.count_at_once

    def count(*arguments: Any) -> bool:
        found.append(known(*arguments))
        return found[-1]

    monkeypatch.setattr(sys.modules["taxoloss.metrics.collection"], "count_at_once", count)
    return found


def batch(name: str, rows: int = 40) -> Batch:
    """Logits that make mistakes, and targets, inner ones too."""
    tree, g = TREES[name], torch.Generator().manual_seed(rows)
    logits = torch.randn(rows, tree.classes, generator=g)
    return logits, torch.randint(tree.taxonomy.num_nodes - 1, (rows,), generator=g)


def states(scores: MetricCollection) -> dict[str, Any]:
    """Every number that is kept, by metric."""
    return {
        f"{name} {state}": getattr(metric, state)
        for name, metric in scores.items(copy_state=False)
        for state in (*metric._defaults, "_update_count", "_computed")
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal to the last digit."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]) if isinstance(value, Tensor) else value == other[name], name
    return True


def ready(name: str, **options: Any) -> MetricCollection:
    """A collection that has counted a batch."""
    scores = metrics.collection(TREES[name].taxonomy, **options)
    preds, target = batch(name)
    scores.update(preds=preds, target=target)
    return scores


#: What a batch may be, of logits and targets.
CHANGES: dict[str, Callable[[Tensor, Tensor], Batch]] = {
    "plain": lambda z, y: (z, y),
    "columns": lambda z, y: (z.t().contiguous().t(), y),
    "a row of each two": lambda z, y: (z.repeat_interleave(2, 0)[::2], y),
    "a Parameter": lambda z, y: (Parameter(z), y),
    "part of a graph": lambda z, y: (z.clone().requires_grad_() * 1, y),
    "ignored": lambda z, y: (z, torch.where(y % 3 == 0, -100, y)),
    "the root": lambda z, y: (z, torch.where(y % 3 == 0, TREE.taxonomy.num_nodes - 1, y)),
    "one row": lambda z, y: (z[:1], y[:1]),
    "ties": lambda z, y: (z.round(), y),
    "far": lambda z, y: (z * 1e4, y),
    "masked": lambda z, y: (z.masked_fill(z < -1, -torch.inf), y),
}


@pytest.mark.parametrize("calibration", [True, False])
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@pytest.mark.parametrize("name", TREES)
def test_it_is_what_each_metric_counts(
    name: str, change: Callable[[Tensor, Tensor], Batch], calibration: bool, counted: list[bool]
) -> None:
    """State by state, over several batches, a reset and a copy."""
    if change is CHANGES["the root"] and name != "few":
        pytest.skip("the root of another tree")
    logits, target = change(*batch(name, 33))
    one, other = (ready(name, calibration=calibration) for _ in range(2))
    for scores in (one, other):
        arguments = {"preds": logits, "target": target}
        for _ in range(2):
            scores.update(logits, target) if scores is one else scores.update(**arguments)
        scores.compute()
        scores.update(logits, target) if scores is one else scores.update(**arguments)
    assert counted == [True] * 3
    assert same(states(one), states(other))
    assert same(*({k: v.nan_to_num(-7.0) for k, v in scores.compute().items()} for scores in (one, other)))
    for scores in (one, other):
        scores.reset()
    one.clone().update(logits, target)
    one.update(logits, target)
    other.update(preds=logits, target=target)
    assert same(states(one), states(other))


#: What it leaves, and the words of the general way, if it has some.
LEFT: dict[str, tuple[Callable[[Tensor, Tensor], tuple[Any, Any]], str | None]] = {
    "float64": (lambda z, y: (z.double(), y), None),
    "float16": (lambda z, y: (z.half(), y), None),
    "int32 targets": (lambda z, y: (z, y.int()), None),
    "every other target": (lambda z, y: (z, y.repeat_interleave(2)[::2]), None),
    "dense": (lambda z, y: (z.unsqueeze(2), y.unsqueeze(1)), None),
    "node ids": (lambda z, y: (y.flip(0), y), "calibration"),
    "an inf": (lambda z, y: (z.masked_fill(z == z.max(), torch.inf), y), None),
    "no row": (lambda z, y: (z[:0], y[:0]), None),
    "numpy": (lambda z, y: (z.numpy(), y.numpy()), None),
    "above 0": (lambda z, y: (z.abs(), y), None),
    "NaN": (lambda z, y: (z.masked_fill(z == z.max(), torch.nan), y), "NaN"),
    "probabilities": (lambda z, y: (z.softmax(1), y), "probabilities"),
    "another class count": (lambda z, y: (z[:, 1:], y), "classes"),
    "another row count": (lambda z, y: (z[1:], y), "shape"),
    "a target below 0": (lambda z, y: (z, y.index_fill(0, torch.tensor([3]), -1)), "targets in"),
    "a target too large": (lambda z, y: (z, y.index_fill(0, torch.tensor([3]), 1 << 40)), "targets in"),
    "probabilities beside ignored rows": (
        lambda z, y: (torch.cat([z[:1], z[1:].softmax(1)]), y.index_fill(0, torch.tensor([0]), -100)),
        "probabilities",
    ),
    "all ignored": (lambda z, y: (z, torch.full_like(y, -100)), None),
    "the first rows ignored": (lambda z, y: (z, torch.cat([torch.full_like(y[:8], -100), y[8:]])), None),
    "targets as floats": (lambda z, y: (z, y.float()), "integer"),
    "soft targets": (lambda z, y: (z, z.softmax(1)), "integer"),
}


@pytest.mark.parametrize("left", LEFT.values(), ids=list(LEFT))
def test_it_leaves_what_is_no_plain_batch(
    left: tuple[Callable[[Tensor, Tensor], tuple[Any, Any]], str | None], counted: list[bool]
) -> None:
    """To the general way: with the same sums, or with its words and no sum changed before it."""
    change, words = left
    one, other = ready("few"), ready("few")
    preds, target = change(*batch("few", 33))
    if words is None:
        one.update(preds, target)
        other.update(preds=preds, target=target)
        assert counted == [False]
    else:
        with pytest.raises((ValueError, IndexError), match=words):
            one.update(preds, target)
        assert counted == [False]
    sums = (
        {k: v for k, v in states(s).items() if k.rpartition(" ")[2] != "_update_count"}
        for s in (one, other)
    )
    assert words == "calibration" or same(*sums)


@pytest.mark.parametrize(
    "options",
    [{"curves": True}, {"top_k": 2}, {"ranking": True}, {"probabilities": True}, {"ignore_index": 3}],
    ids=str,
)
def test_other_metrics_in_the_collection(options: dict[str, Any], counted: list[bool]) -> None:
    """Where one sum is no part of what is counted at once, none is; an ignored class is one."""
    one, other = (metrics.collection(TREE.taxonomy, **options) for _ in range(2))
    logits, target = batch("few", 33)
    logits = logits.softmax(1) if "probabilities" in options else logits
    for _ in range(2):
        one.update(logits, target)
        other.update(preds=logits, target=target)
    assert counted == [options == {"ignore_index": 3}] * 2
    assert same(states(one), states(other))


def test_under_modes_of_torch(counted: list[bool]) -> None:
    """Inference mode, gradients off, autocast: sums are those of a plain update."""
    one, other = ready("few"), ready("few")
    logits, target = batch("few", 33)
    with torch.inference_mode():
        one.update(logits, target)
    with torch.no_grad():
        one.update(logits, target)
    with torch.autocast("cpu"):
        one.update(logits, target)
    one.update(logits, target)
    for _ in range(4):
        other.update(preds=logits, target=target)
    assert counted == [True, True, False, True]
    assert same(states(one), states(other))


def test_states_that_lie_in_another_way(counted: list[bool]) -> None:
    """What was put in the place of a state is counted in, or refused, as before."""
    one, other = ready("few"), ready("few")
    logits, target = batch("few", 33)
    for scores in (one, other):
        metric = scores._modules["distance"]
        (state,) = metric._defaults
        setattr(metric, state, getattr(metric, state).repeat_interleave(2)[::2])
    one.update(logits, target)
    other.update(preds=logits, target=target)
    assert counted == [False]
    assert same(states(one), states(other))


def test_an_update_that_somebody_replaced(counted: list[bool]) -> None:
    """Is called: nothing is counted around it."""
    scores = ready("few")
    seen: list[Batch] = []
    setattr(scores._modules["distance"], "update", lambda preds, target: seen.append((preds, target)))  # noqa: B010
    scores.update(*batch("few", 33))
    assert len(seen) == 1
    assert counted == []


def test_metrics_of_somebody_else(counted: list[bool]) -> None:
    """A subclass may read a batch in another way, and counts it itself."""

    class Turned(metrics.HierarchicalDistance):
        """The worst class as the answer."""

        def batch(self, preds: Any, target: Any, **options: Any) -> Any:
            """Of the logits' other ends."""
            return super().batch(-preds, target, **options)

    scores = metrics.TaxonomyCollection({"worst": Turned(TREE.taxonomy)}, compute_groups=[["worst"]])
    logits, target = batch("few", 33)
    scores.update(logits, target)
    alone = metrics.HierarchicalDistance(TREE.taxonomy)
    alone.update(-logits, target)
    assert torch.equal(scores.compute()["worst"], alone.compute())
    assert counted == []
