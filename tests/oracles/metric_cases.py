"""Every metric under every setting that changes what it keeps, a tree, and batches to count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from taxoloss import Taxonomy, metrics

ROWS = [("x", "a"), ("x", "b"), ("y", "c"), ("y", "d")]
UNBOUND = Taxonomy.from_paths(ROWS, ["top", "leaf"])
TREE = UNBOUND.bind(["c", "a", "d", "b"], node_targets=True)
ROOT = TREE.node_id(())

#: Every metric, under every setting that changes what it keeps.
MAKE: dict[str, Callable[..., Any]] = {
    "LevelAccuracy": metrics.LevelAccuracy,
    "LevelAccuracy_2": lambda t, **o: metrics.LevelAccuracy(t, top_k=2, **o),
    "FullPathAccuracy": metrics.FullPathAccuracy,
    "HierarchicalDistance": metrics.HierarchicalDistance,
    "HierarchicalDistance_3": lambda t, **o: metrics.HierarchicalDistance(t, top_k=3, **o),
    "MistakeSeverity": metrics.MistakeSeverity,
    "TreeInducedError": metrics.TreeInducedError,
    "HOPS": metrics.HOPS,
    "HierarchicalFScore": metrics.HierarchicalFScore,
    "HierarchicalFScore_samples": lambda t, **o: metrics.HierarchicalFScore(t, average="samples", **o),
    "LevelCalibrationError": metrics.LevelCalibrationError,
    "OperatingCurve": metrics.OperatingCurve,
    "OperatingCurve_bins": lambda t, **o: metrics.OperatingCurve(t, value="depth", exact=False, **o),
    "RiskCoverage": metrics.RiskCoverage,
    "RiskCoverage_bins": lambda t, **o: metrics.RiskCoverage(t, exact=False, **o),
    "LevelConfusionMatrix": metrics.LevelConfusionMatrix,
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
