"""Accuracy at every level of the tree."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from taxoloss.checks import check_ignore_index, target_ids
from taxoloss.closed_form import at_least_float32
from taxoloss.functional import batched
from taxoloss.log_probs import LevelLogProbs
from taxoloss.metrics._inputs import check_predictions
from taxoloss.plan import plan_of
from taxoloss.taxonomy import Taxonomy

__all__ = ["LevelAccuracy"]

_DECISIONS = ("marginal", "leaf")


class LevelAccuracy(Metric):
    """The share of samples that are right on each level: a dict level -> accuracy (micro average).

    On a level the answer is the node with the largest probability there (the sum over its classes), or
    the ancestor of the best class. A target above a level is not counted there; a level where nothing
    was counted is NaN. Answers given as node ids are wrong on the levels below them.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        top_k: right if the target's node is among the k best; at most the level's nodes count.
        decision: "marginal" (each level by its own probabilities) or "leaf" (the best class's ancestors).
        ignore_index: targets of this number are not counted.

    Shape:
        - preds: logits or log-probabilities (C,), (N, C) or (N, C, d1..dk); or node ids, integers of the
          target's shape
        - target: node ids (), (N,) or (N, d1..dk)

    Raises:
        ValueError: probabilities instead of logits (pass p.log()), another class count, a shape that does
            not fit, an unknown decision, top_k below 1 or with node ids, an ignore_index that is an inner
            node.
        IndexError: a target or an answer that is no node.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> accuracy = LevelAccuracy(t)
    >>> accuracy.update(torch.tensor([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0]]), torch.tensor([0, 1]))
    >>> accuracy.compute()
    {'depth_1': tensor(1.), 'depth_2': tensor(0.5000)}
    """

    ancestors: Tensor
    counted: Tensor
    class_to_node: Tensor

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    def __init__(
        self,
        taxonomy: Taxonomy,
        top_k: int = 1,
        decision: str = "marginal",
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        if decision not in _DECISIONS:
            raise ValueError(f"expected decision as one of {_DECISIONS}, got {decision!r}")
        if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
            raise ValueError(f"expected top_k as an integer, 1 or larger, got {top_k!r}")
        self.plan = plan_of(taxonomy)
        check_ignore_index(taxonomy, ignore_index)
        self.taxonomy = taxonomy
        self.top_k, self.decision, self.ignore_index = top_k, decision, ignore_index
        self.log_probs = LevelLogProbs(self.plan, range(len(self.plan.levels)))
        for name in ("ancestors", "counted", "class_to_node"):
            table = torch.from_numpy(getattr(self.plan, name).copy())
            self.register_buffer(name, table, persistent=False)
        # torchmetrics' collections merge metrics whose states have one name and one value.
        digest = taxonomy.binding_digest[:16]
        suffix = f"{decision}_{top_k}_{ignore_index}_{digest}".replace("-", "minus_")
        self._correct, self._total = f"level_correct_{suffix}", f"level_total_{suffix}"
        for state in (self._correct, self._total):
            zeros = torch.zeros(len(self.plan.levels), dtype=torch.long)
            self.add_state(state, default=zeros, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Counts a batch."""
        check_predictions(preds, target, self.plan)
        ids, valid = target_ids(target, self.ignore_index, self.plan)
        wanted, counted = self.ancestors[ids], self.counted[ids]
        counted = counted if valid is None else counted & valid.unsqueeze(-1)
        if preds.is_floating_point():
            right = self._right_of_logits(at_least_float32(batched(preds)), wanted)
        else:
            right = self._right_of_nodes(preds.long().reshape(ids.shape), wanted)
        where = tuple(range(ids.dim()))
        getattr(self, self._correct).add_((right & counted).sum(where))
        getattr(self, self._total).add_(counted.sum(where))

    def compute(self) -> dict[str, Tensor]:
        """level -> accuracy in [0, 1], NaN where nothing was counted."""
        accuracy = getattr(self, self._correct).double() / getattr(self, self._total).double()
        return dict(zip(self.plan.levels, accuracy.float(), strict=True))

    def _right_of_logits(self, logits: Tensor, wanted: Tensor) -> Tensor:
        """(N, d1..dk, L): whether the level's answer is the wanted node."""
        if self.decision == "leaf":
            best = self._best(logits, len(self.taxonomy))
            answers = [index[best] for index in self.class_to_node]
        else:
            summed = self.log_probs(logits)
            widths = self.plan.widths
            answers = [self._best(summed[level].all(), widths[level]) for level in sorted(summed)]
        hits = [(a == wanted[..., i].unsqueeze(1)).any(1) for i, a in enumerate(answers)]
        return torch.stack(hits, -1)

    def _best(self, scores: Tensor, width: int) -> Tensor:
        """(N, k, d1..dk): the k best of dimension 1; the first of equals."""
        if self.top_k == 1:
            return scores.argmax(1, keepdim=True)
        return scores.topk(min(self.top_k, width), dim=1).indices

    def _right_of_nodes(self, answers: Tensor, wanted: Tensor) -> Tensor:
        if self.top_k > 1:
            raise ValueError(f"expected logits for top_k={self.top_k}, got node ids")
        wrong = (answers < 0) | (answers >= self.plan.num_nodes)
        if wrong.any():
            raise IndexError(
                f"expected answers in 0..{self.plan.num_nodes - 1}, got {int(answers[wrong][0])}"
            )
        # An answer above a level has no node there: `counted` is False, and so it is wrong.
        return (self.ancestors[answers] == wanted) & self.counted[answers]
