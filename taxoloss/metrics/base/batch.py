"""What the metrics share of one batch: checked, and computed once however many metrics look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, TypeAlias

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32, flat_rows
from taxoloss.functional.arrays import ids_of, refuse_two_row_orders, scores_of
from taxoloss.functional.graphs.nodes import GraphNodes, nodes_of, pair_facts
from taxoloss.functional.inputs import batched, host_may_read, refuse_probabilities, target_ids, undressed
from taxoloss.functional.kernels.native.levels import level_kernel
from taxoloss.functional.kernels.native.library import Kernel
from taxoloss.functional.kernels.native.tallies import native_tally
from taxoloss.functional.masses import argmax, level_answers, sound_answers
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.functional.probabilities import logits_of
from taxoloss.functional.tallies import FACT_SIZES, Tally, tally
from taxoloss.metrics.base.inputs import check_predictions, check_values, is_ranking
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Batch", "Scores", "batch_of", "one_pass"]

#: A tensor; or an array or table of numpy, pandas or polars.
Scores: TypeAlias = Any
#: The parts of a `Tally` that tell what `Batch.facts` tells.
_OF_FACTS = Tally._fields[: len(FACT_SIZES)]


class Batch:
    """Predictions and targets of R = N * d1 * .. * dk samples; what is asked for is kept."""

    #: Whether all that is counted of logits is counted at once, and by which kernel.
    _tallied = False
    _library: Kernel | None = None

    def __init__(
        self,
        taxonomy: Taxonomy,
        preds: Scores,
        target: Scores,
        ignore_index: int,
        probabilities: bool = False,
        device: torch.device | None = None,
        shared: bool = False,
    ) -> None:
        plan = loss_plan_of(taxonomy)
        if not (isinstance(preds, Tensor) and isinstance(target, Tensor)):
            preds, target = _tensors(preds, target, taxonomy, device)
        preds, target = undressed(preds), undressed(target)
        check_predictions(preds, target, plan, probabilities)
        self.taxonomy = taxonomy
        self.read_as = (id(taxonomy), ignore_index, probabilities)
        self.tensors: NodeTensors | GraphNodes = nodes_of(taxonomy, preds.device)
        ids, self._not_ignored = target_ids(target, ignore_index, plan)
        self.target = ids if ids.dim() == 1 else ids.reshape(-1)
        self._eager = host_may_read(preds)
        #: Whether all samples are known to be counted.
        self.whole = self._not_ignored is None and self._eager and (
            plan.num_targets <= self.tensors.root or bool(self.valid.all())
        )  # fmt: skip
        #: (N, C, d1..dk), or None where the predictions are node ids.
        self.logits: Tensor | None = None
        #: (N, K, d1..dk): classes, the best first, or None where the predictions are no ranking.
        self.ranking: Tensor | None = None
        if preds.is_floating_point() and probabilities:
            self.logits = self._only_counted(logits_of(batched(preds.detach()), self.valid), 0.0)
        elif preds.is_floating_point():
            logits = at_least_float32(batched(preds.detach()))
            if not (shared and self.whole and self._answered(logits)):
                check_values(preds, target, self.valid, plan)
            self.logits = self._only_counted(logits, 0.0)
        else:
            check_values(preds, target, self.valid, plan)
            self._take_answers(preds, target)

    @cached_property
    def valid(self) -> Tensor:
        """(R,): neither ignored nor the root, which tells nothing."""
        valid = self.target != self.tensors.root
        return valid if self._not_ignored is None else valid & self._not_ignored.reshape(-1)

    def _answered(self, logits: Tensor) -> bool:
        """Whether the answers are found, and with them that no row has a NaN, for all that will ask."""
        refuse_probabilities(logits, option=True)
        self._library = level_kernel(logits, self.tensors)
        found = sound_answers(self._library, logits, self.tensors)
        if found is None:
            return False
        self.__dict__["_most_probable"] = _by_row(*found)
        self._tallied = True
        return True

    def _take_answers(self, preds: Tensor, target: Tensor) -> None:
        """Takes node ids, or a ranking, as answers."""
        if is_ranking(preds, target):
            first = torch.arange(preds.shape[1], device=preds.device)
            first = first.view(-1, *[1] * (preds.dim() - 2))
            self.ranking = self._only_counted(batched(preds.long()), first)
            self.answers = self.ranking[:, 0].reshape(-1)
            return
        self.answers = torch.where(self.valid, preds.long().reshape(-1), 0)
        if self.tensors.as_class is not None:  # a node that is a class is that class
            self.answers = self.tensors.as_class[self.answers]

    def _only_counted(self, preds: Tensor, other: Tensor | float) -> Tensor:
        """Predictions (N, .., d1..dk) without what stands in samples that are not counted."""
        if self.whole or (self._eager and bool(self.valid.all())):
            return preds
        return torch.where(self.valid.view(preds.shape[:1] + preds.shape[2:]).unsqueeze(1), preds, other)

    def need_logits(self, what: str, help: str = "") -> Tensor:
        """The logits; ValueError, with help, where the predictions are node ids."""
        if self.logits is None:
            found = "node ids" if self.ranking is None else "a ranking"
            raise ValueError(f"expected logits for {what}, got {found}{help}")
        return self.logits

    def best_classes(self, top_k: int) -> Tensor:
        """(N, k, d1..dk): the k best classes of logits or a ranking, at most all."""
        k = min(top_k, self.tensors.num_classes)
        if self.ranking is None:
            logits = self.need_logits(f"top_k={top_k}")
            return logits.topk(k, dim=1).indices
        if self.ranking.shape[1] < k:
            raise ValueError(f"expected a ranking of {k} classes or more, got {self.ranking.shape[1]}")
        return self.ranking[:, :k]

    @cached_property
    def answer(self) -> Tensor:
        """(R,): the node that is answered, the class where it is one; of logits the best class."""
        return self.answers if self.logits is None else self.best_class

    @cached_property
    def facts(self) -> Tensor:
        """(R, F): what answer and target tell, in the order of node_tensors.FACTS; 0 where not counted."""
        table = pair_facts(self.taxonomy, self.tensors) if self._eager else None
        if table is None:
            facts = self.tensors.facts(self.answer, self.target)
        else:
            pair = torch.add(self.target, self.answer, alpha=len(self.tensors.depth))
            facts = table.index_select(0, pair)
        return facts if self.whole else torch.where(self.valid.unsqueeze(1), facts, 0)

    @cached_property
    def level_facts(self) -> Tensor:
        """(R, 2L + 2): whether a level's answer is right and counts, whether it counts; of paths too."""
        counted = self.counted
        right = self.right & counted
        path = (right == counted).all(1, keepdim=True)
        valid = self.valid.unsqueeze(1)
        return torch.cat([right, counted, path if self.whole else path & valid, valid], 1)

    @cached_property
    def tally(self) -> Tally | None:
        """All sums at once, where several metrics ask for answers that were found."""
        if not (self._tallied and isinstance(self.tensors, NodeTensors)):
            return None
        if self._library is None:
            return tally(self.tensors, self.facts, *self._most_probable, self.target)
        return native_tally(self._library, self.tensors, *self._most_probable, self.target)

    def sums_of(self, part: str) -> Tensor | None:
        """A part of the `Tally`; without one those that facts tell, else None."""
        if self.tally is not None:
            found: Tensor = getattr(self.tally, part)
            return found
        if part in _OF_FACTS:
            return self._sums_of_facts[part]
        return self._sums_of_level_facts[part] if part in ("levels", "paths") else None

    @cached_property
    def _sums_of_facts(self) -> dict[str, Tensor]:
        return dict(zip(_OF_FACTS, self.facts.sum(0).split_with_sizes(FACT_SIZES), strict=True))

    @cached_property
    def _sums_of_level_facts(self) -> dict[str, Tensor]:
        sums = self.level_facts.sum(0)
        return {"levels": sums[:-2], "paths": sums[-2:]}

    @cached_property
    def _most_probable(self) -> tuple[Tensor, Tensor]:
        """(R, L) and (R, L): on each level the most probable node, and its probability."""
        return _by_row(*level_answers(self.need_logits("probabilities"), self.tensors))

    @cached_property
    def best_class(self) -> Tensor:
        """(R,): the class with the largest logit, the first of equals."""
        logits = self.need_logits("the best class")
        if "_most_probable" in self.__dict__:
            return self._most_probable[0][:, -1]
        return argmax(logits).reshape(-1)

    @property
    def level_answers(self) -> Tensor:
        """(R, L): on each level the index of the node that is answered.

        Of logits the node with the largest probability; of node ids the answer's ancestor, and -1
        on the levels below the answer. Where it has several nodes on a level, the last of them.
        """
        if self.logits is not None:
            return self._most_probable[0]
        return torch.where(self.tensors.counted[self.answer], self.tensors.ancestors[self.answer], -1)

    @property
    def level_probabilities(self) -> Tensor:
        """(R, L): the probability of the answer on each level."""
        return self._most_probable[1]

    @cached_property
    def wanted(self) -> Tensor:
        """(R, L): on each level the index of the target's node; 0 where `counted` is False."""
        return self.tensors.ancestors.index_select(0, self.target)

    @cached_property
    def counted(self) -> Tensor:
        """(R, L): whether a sample counts on a level."""
        counted = self.tensors.counted.index_select(0, self.target)
        return counted if self.whole else counted & self.valid.unsqueeze(1)

    @cached_property
    def right(self) -> Tensor:
        """(R, L): whether a level's answer is the target's node, of several nodes one of them."""
        if not isinstance(self.tensors, GraphNodes):
            return self.level_answers == self.wanted
        if self.logits is None:
            return self.tensors.share_level(self.answer, self.target)
        return self.is_true([level.unsqueeze(1) for level in self.level_answers.unbind(1)])

    def is_true(self, best: Sequence[Tensor]) -> Tensor:
        """(R, L): whether one of the nodes with indices (R, k), for each level, is the target's there."""
        tensors, target = self.tensors, self.target
        if isinstance(tensors, GraphNodes):
            return torch.stack(
                [tensors.is_true(level, index, target) for level, index in enumerate(best)], 1
            )
        pairs = zip(best, self.wanted.unbind(1), strict=True)
        return torch.stack([(index == wanted.unsqueeze(1)).any(1) for index, wanted in pairs], 1)

    def meets(self, classes: Tensor) -> Tensor:
        """(R, L): whether one of the classes (R, k) has a node of each level in common with the target."""
        tensors, target = self.tensors, self.target
        if isinstance(tensors, GraphNodes):
            return torch.stack([tensors.share_level(one, target) for one in classes.unbind(1)]).any(0)
        if classes.shape[1] == 1:
            return tensors.ancestors[classes.squeeze(1)] == self.wanted
        return (tensors.ancestors[classes] == self.wanted.unsqueeze(1)).any(1)


def _by_row(index: Tensor, stated: Tensor) -> tuple[Tensor, Tensor]:
    """(N, L, d1..dk) as (R, L)."""
    return flat_rows(index), flat_rows(stated)


_MEMO: ContextVar[dict[tuple[int, ...], Batch] | None] = ContextVar("taxoloss_batches", default=None)


@contextmanager
def one_pass() -> Iterator[None]:
    """Inside, metrics that look at the same tensors share what they compute of them."""
    token = _MEMO.set({})
    try:
        yield
    finally:
        _MEMO.reset(token)


def _tensors(
    preds: Scores, target: Scores, taxonomy: Taxonomy, device: torch.device | None
) -> tuple[Tensor, Tensor]:
    """Predictions and targets of any library as tensors on one device."""
    refuse_two_row_orders(preds, target)
    if isinstance(preds, Tensor) or isinstance(target, Tensor):
        device = preds.device if isinstance(preds, Tensor) else target.device
    return scores_of(preds, taxonomy, "preds", device), ids_of(target, "target", device)


def batch_of(
    taxonomy: Taxonomy,
    preds: Scores,
    target: Scores,
    ignore_index: int,
    probabilities: bool = False,
    device: torch.device | None = None,
    *,
    shared: bool = False,
) -> Batch:
    """The batch, checked; inside `one_pass` the same for all who ask with the same tensors."""
    memo = _MEMO.get()
    if memo is None:
        return Batch(taxonomy, preds, target, ignore_index, probabilities, device, shared)
    key = (id(taxonomy), id(preds), id(target), ignore_index, probabilities)
    if key not in memo:  # the caller holds the tensors as long as the pass lasts
        memo[key] = Batch(taxonomy, preds, target, ignore_index, probabilities, device, shared=True)
    return memo[key]
