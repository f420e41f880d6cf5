"""log P of every node on the levels of a tree, from logits, in log space.

With logits z over the classes, P(n) = sum of softmax(z) over the classes below node n:

    log P(n) = logsumexp(z below n) - logsumexp(z)

Each sum is kept as a pair (peak, rest): peak, the largest logit below n, is a constant to autograd, and
rest = log(sum of exp(z - peak)) lies in [0, log(classes below n)]. So a constant added to all logits, or
logits of +-1e4, cost no digits: log P(n) = (peak_n - peak) + (rest_n - rest), two differences of like
numbers. A sum over probabilities is never formed; a sum of zero terms (all classes below n masked by
-inf) is -inf with gradient 0, not NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32, finite
from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.group_sums import group_sums
from taxoloss.functional.inputs import batched, check_logits, device_of, refuse_softmax
from taxoloss.taxonomy.cache import cached
from taxoloss.taxonomy.plan import Plan, plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LevelLogProbs", "LogProbs", "Sums", "level_log_probs", "merge", "merge_all"]


def level_log_probs(logits: Tensor, taxonomy: Taxonomy) -> dict[str, Tensor]:
    """Log-probabilities of the nodes of each level.

    Args:
        logits: (C,), (N, C) or (N, C, d1..dk).
        taxonomy: bound (`Taxonomy.bind`).

    Returns:
        level -> (N, nodes, d1..dk), nodes in the order of `taxonomy.nodes(level)`, top level first; half
        and bfloat16 logits give float32. The deepest level is log_softmax of the logits.

    Raises:
        ValueError: the class count is not the taxonomy's, the taxonomy is not bound, or the first rows are
            probabilities.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> level_log_probs(torch.zeros(1, 3), t)["depth_1"].exp()
    tensor([[0.6667, 0.3333]])
    """
    log_probs = cached_log_probs(taxonomy, device_of(logits))
    plan = plan_of(taxonomy)
    check_logits(logits, plan)
    refuse_softmax(logits)
    summed = log_probs(at_least_float32(batched(logits)))
    by_name = {plan.levels[level]: summed[level].all() for level in sorted(summed)}
    return {name: value.squeeze(0) if logits.dim() == 1 else value for name, value in by_name.items()}


def cached_log_probs(taxonomy: Taxonomy, device: torch.device) -> LevelLogProbs:
    """log P of the nodes on all levels, kept with the taxonomy."""
    return cached(taxonomy, _all_levels).on(device)


def _all_levels(taxonomy: Taxonomy) -> LevelLogProbs:
    plan = plan_of(taxonomy)
    return LevelLogProbs(plan, range(len(plan.levels)))


class Sums(NamedTuple):
    """Sums of exponentials as pairs: log of the sum = peak + rest; a class is its own sum, rest None."""

    value: Tensor  # the logits of classes, else the peaks: constants to autograd
    rest: Tensor | None = None

    def above(self, base: Tensor) -> Tensor:
        """log of the sum, minus a base."""
        return self.value - base if self.rest is None else (self.value - base) + self.rest

    def gather(self, index: Tensor) -> Sums:
        """The sums (N, 1, d1..dk) that an index of that shape picks."""
        rest = None if self.rest is None else self.rest.gather(1, index)
        return Sums(self.value.gather(1, index), rest)


class LogProbs(NamedTuple):
    """log P of the nodes of one level; computed where it is asked for."""

    sums: Sums
    total: Sums

    def all(self) -> Tensor:
        """(N, nodes, d1..dk)."""
        return self._relative(self.sums)

    def at(self, index: Tensor) -> Tensor:
        """(N, d1..dk): of one node a row."""
        return self._relative(self.sums.gather(index.unsqueeze(1))).squeeze(1)

    def _relative(self, sums: Sums) -> Tensor:
        # Peaks from peaks, rests from rests: differences of like numbers.
        difference = sums.value - self.total.value
        assert self.total.rest is not None  # all classes together are more than one
        return difference + (-self.total.rest if sums.rest is None else sums.rest - self.total.rest)


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


def merge(children: Sums, group: Tensor, width: int) -> Sums:
    """The sums of children as the sums of their parents: child i of dimension 1 is below group[i]."""
    peaks = children.value.detach()
    shape = (peaks.shape[0], width, *peaks.shape[2:])
    index = group.view(1, -1, *[1] * (peaks.dim() - 2)).expand_as(peaks)
    top = peaks.new_full(shape, -torch.inf).scatter_reduce(1, index, peaks, "amax")
    # sum of exp(child) = exp(top) * sum of exp(child - top)
    terms = torch.exp(children.above(finite(top).index_select(1, group)))
    return Sums(top, _log(group_sums(terms, group, width)))


def merge_all(children: Sums) -> Sums:
    """The sum of all children, (N, 1, d1..dk)."""
    top = children.value.detach().amax(1, keepdim=True)
    return Sums(top, _log(torch.exp(children.above(finite(top))).sum(1, keepdim=True)))


def _log(total: Tensor) -> Tensor:
    """log, with gradient 0 (not NaN) at a total of 0. NaN stays NaN."""
    empty = total == 0
    return torch.log(total.masked_fill(empty, 1.0)).masked_fill(empty, -torch.inf)
