"""Sums of exponentials in log space: what log P of nodes is the difference of.

With logits z over the classes, P(n) = sum of softmax(z) over the classes below node n:

    log P(n) = logsumexp(z below n) - logsumexp(z)

Each sum is kept as a pair (peak, rest): peak, the largest logit below n, is a constant to autograd, and
rest = log(sum of exp(z - peak)) lies in [0, log(classes below n)]. So a constant added to all logits, or
logits of +-1e4, cost no digits: log P(n) = (peak_n - peak) + (rest_n - rest), two differences of like
numbers. A sum over probabilities is never formed; a sum of zero terms (all classes below n masked by
-inf) is -inf with gradient 0, not NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import finite
from taxoloss.functional.group_sums import group_sums

__all__ = ["LogProbs", "Sums", "merge", "merge_all"]


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
