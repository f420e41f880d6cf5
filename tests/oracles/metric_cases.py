"""Every metric under every setting that changes what it keeps, a tree, and batches to count."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from taxoloss import Taxonomy, metrics
from taxoloss.metrics.base.sum_metric import SumMetric

ROWS = [("x", "a"), ("x", "b"), ("y", "c"), ("y", "d")]
UNBOUND = Taxonomy.from_paths(ROWS, ["top", "leaf"])
TREE = UNBOUND.bind(["c", "a", "d", "b"], node_targets=True)
ROOT = TREE.node_id(())

#: The options that change what a metric keeps, by the name of the case.
SETTINGS: dict[str, dict[str, Any]] = {
    "LevelAccuracy_2": {"top_k": 2},
    "HierarchicalDistance_3": {"top_k": 3},
    "HierarchicalFScore_samples": {"average": "samples"},
    "OperatingCurve_bins": {"value": "depth", "exact": False},
    "RiskCoverage_bins": {"exact": False},
}


def classes() -> dict[str, type[SumMetric]]:
    """Every metric of `taxoloss.metrics`."""
    public = {name: getattr(metrics, name) for name in metrics.__all__}
    return {n: kind for n, kind in public.items() if isinstance(kind, type) and issubclass(kind, SumMetric)}


def twin_of(name: str) -> str:
    """What a metric is called in `taxoloss.metrics.functional`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


#: Every metric, under every setting that changes what it keeps.
MAKE: dict[str, Callable[..., Any]] = {
    **classes(),
    **{name: partial(classes()[name.split("_")[0]], **options) for name, options in SETTINGS.items()},
}


def batch(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits, and targets of any node, some of them ignored."""
    g = torch.Generator().manual_seed(seed)
    target = torch.randint(0, ROOT + 1, (rows,), generator=g)
    return 2 * torch.randn(rows, 4, generator=g), torch.where(target % 6 == 5, -100, target)


def scores(result: Any) -> dict[str, Tensor]:
    """A result as a dict."""
    return dict(result) if isinstance(result, dict) else {"": result}


def same(one: Any, other: Any) -> None:
    """Equal to the last bit, NaN for NaN."""
    one, other = scores(one), scores(other)
    assert one.keys() == other.keys()
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=0, equal_nan=True)


def of(metric: Any, *batches: tuple[Tensor, Tensor]) -> Any:
    """The score of some batches."""
    for preds, target in batches:
        metric.update(preds, target)
    return metric.compute()
