"""log P of every node on the levels of a taxonomy, in log space, by the sums of log_sums.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.graphs.log_probs import GraphLogProbs
from taxoloss.functional.graphs.reach import reach_tensors
from taxoloss.functional.inputs import batched, check_logits, device_of, refuse_softmax
from taxoloss.functional.log_sums import LogProbs, Sums, merge, merge_all
from taxoloss.taxonomy.cache import cached
from taxoloss.taxonomy.plan import GraphPlan, Plan, loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LevelLogProbs", "cached_log_probs", "level_log_probs"]


def level_log_probs(logits: Tensor, taxonomy: Taxonomy) -> dict[str, Tensor]:
    """Log-probabilities of the nodes of each level.

    Args:
        logits: (C,), (N, C) or (N, C, d1..dk).
        taxonomy: bound (`Taxonomy.bind`).

    Returns:
        level -> (N, nodes, d1..dk), nodes in the order of `taxonomy.nodes(level)`, top level first; half
        and bfloat16 logits give float32. The deepest level is log_softmax of the logits. Where nodes have
        several parents a class counts in each node that reaches it: a level may sum to more than 1.

    Raises:
        ValueError: the class count is not the taxonomy's, the taxonomy is not bound, or the first rows are
            probabilities.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> level_log_probs(torch.zeros(1, 3), t)["depth_1"].exp()
    tensor([[0.6667, 0.3333]])
    """
    log_probs = cached_log_probs(taxonomy, device_of(logits))
    plan = loss_plan_of(taxonomy)
    check_logits(logits, plan)
    refuse_softmax(logits)
    summed = log_probs(at_least_float32(batched(logits)))
    by_name = {plan.levels[level]: summed[level].all() for level in sorted(summed)}
    return {name: value.squeeze(0) if logits.dim() == 1 else value for name, value in by_name.items()}


def cached_log_probs(taxonomy: Taxonomy, device: torch.device) -> LevelLogProbs | GraphLogProbs:
    """log P of the nodes on all levels, kept with the taxonomy."""
    return cached(taxonomy, _all_levels).on(device)


def _all_levels(taxonomy: Taxonomy) -> LevelLogProbs | GraphLogProbs:
    plan = loss_plan_of(taxonomy)
    if isinstance(plan, GraphPlan):
        return GraphLogProbs(plan, reach_tensors(taxonomy))
    return LevelLogProbs(plan, range(len(plan.levels)))


class LevelLogProbs(DeviceTensors):
    """log P of every node on some levels (0 .. L-1), going up the tree from the classes."""

    def __init__(self, plan: Plan, levels: Sequence[int]) -> None:
        steps = plan.steps(levels)
        self.levels = tuple(level for level, _ in steps)
        self.widths = tuple(plan.widths[level] for level in self.levels)
        #: For each level the parent of each node of the level before; None: the same nodes.
        self.groups = tuple(None if group is None else torch.tensor(group) for _, group in steps)

    def __call__(self, logits: Tensor) -> dict[int, LogProbs]:
        """Logits (N, C, d1..dk) in float32 or float64 -> level -> its log-probabilities."""
        sums = Sums(logits)
        found: dict[int, Sums] = {}
        for level, width, group in zip(self.levels, self.widths, self.groups, strict=True):
            if group is not None:
                sums = merge(sums, group, width)
            found[level] = sums
        total = merge_all(sums)
        return {level: LogProbs(sums, total) for level, sums in found.items()}
