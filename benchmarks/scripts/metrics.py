"""What a step of the metrics costs, as a ratio to one softmax of the same logits in the same run.

    python -m benchmarks.scripts.metrics

Prints milliseconds and ratios (median and quartiles over rounds) of `collection(taxonomy).update` and of
single metrics, for (N, C, L) = (256, 10000, 8) and others.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.suite.trees import irregular_rows
from taxoloss import Taxonomy, metrics

SIZES = ((256, 10_000, 8), (256, 1_000, 12), (4096, 1_000, 12), (256, 37, 2))
ROUNDS, CALLS = 15, 5


def milliseconds(call: Callable[[], object]) -> float:
    """The mean of a few calls."""
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return 1e3 * (time.perf_counter() - start) / CALLS


def measure(name: str, metric: Any, logits: Tensor, target: Tensor) -> None:
    """Rounds of softmax and of an update in turn: both see the same noise."""

    def call() -> None:
        metric.update(logits, target)

    for _ in range(3):
        call()
    pairs = []
    for _ in range(ROUNDS):
        flat = milliseconds(lambda: torch.softmax(logits, 1))
        pairs.append((milliseconds(call), flat))
    low, middle, high = statistics.quantiles([one / flat for one, flat in pairs])
    cost = statistics.median(one for one, _ in pairs)
    print(f"  {name:34}{cost:9.3f} ms  {middle:7.1f} x softmax ({low:.1f} to {high:.1f})", flush=True)


def main() -> None:
    """All sizes."""
    for samples, classes, levels in SIZES:
        taxonomy = Taxonomy.from_paths(irregular_rows(classes, levels)).bind()
        torch.manual_seed(0)
        logits, target = 3 * torch.randn(samples, classes), torch.randint(0, classes, (samples,))
        print(f"N {samples:,}, C {classes:,}, L {levels}, {torch.get_num_threads()} threads")
        measure("collection", metrics.collection(taxonomy), logits, target)
        for metric in (
            metrics.LevelAccuracy(taxonomy),
            metrics.MistakeSeverity(taxonomy),
            metrics.RiskCoverage(taxonomy, exact=False),
            metrics.OperatingCurve(taxonomy, exact=False),
            metrics.HOPS(taxonomy),
        ):
            measure(type(metric).__name__, metric, logits, target)


if __name__ == "__main__":
    main()
