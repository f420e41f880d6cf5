"""A batch counted in many metrics by one call of the compiled kernel: a small update is all calls.

Here nothing is refused: whatever is not plainly such a batch goes the general way, which has the words.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.functional.kernels.native.levels import level_kernel
from taxoloss.functional.kernels.native.library import kernel
from taxoloss.functional.kernels.native.tallies import native_count
from taxoloss.functional.kernels.step import is_plain
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.metrics.base.sum_metric import SumMetric
from taxoloss.taxonomy.plan import loss_plan_of

__all__ = ["count_at_once"]


def count_at_once(metrics: Sequence[SumMetric], preds: object, target: object) -> bool:
    """Whether a batch was counted in all of some metrics, which are on the CPU; else in none."""
    if kernel() is None or not (metrics and isinstance(preds, Tensor) and isinstance(target, Tensor)):
        return False
    taxonomy, ignored = metrics[0].taxonomy, metrics[0].ignore_index
    plan = loss_plan_of(taxonomy)
    if not is_plain(preds, target, plan.num_classes) or target.is_floating_point():
        return False
    sums: dict[str, Tensor] = {}
    for metric in metrics:
        if metric.taxonomy is not taxonomy or metric.ignore_index != ignored or metric.probabilities:
            return False
        for state in metric._defaults:
            part = metric.tallied.get(state)
            if part is None or part in sums:
                return False
            sums[part] = metric.__dict__[state]
    tensors = nodes_of(taxonomy, preds.device)
    library = level_kernel(preds.detach(), tensors)
    if library is None or not isinstance(tensors, NodeTensors):
        return False
    return native_count(library, tensors, preds, target, plan.num_targets, ignored, sums)
