"""The loss as a module: torch's cross-entropy loss, told which classes belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.cross_entropy import cross_entropy, new_tensors
from taxoloss.functional.graphs.loss import level_costs
from taxoloss.functional.inputs import (
    batched,
    check_ignore_index,
    check_logits,
    check_reduction,
    check_target,
    check_weight,
    check_width,
    host_may_read,
    refuse_named,
    refuse_script,
    target_ids,
    undressed,
)
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.functional.node_tensors import node_tensors
from taxoloss.functional.slips import target_help
from taxoloss.taxonomy.cache import apart
from taxoloss.taxonomy.plan import GraphPlan, loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import WeightTable
from taxoloss.weighting.table import LevelWeights, weight_table

__all__ = ["TaxonomyLoss"]


class TaxonomyLoss(nn.CrossEntropyLoss):
    """Cross-entropy on every level of a tree, in the place of nn.CrossEntropyLoss.

    See `taxoloss.functional.taxonomy_cross_entropy` for the formula. The state_dict is empty: a
    checkpoint of a model that holds this loss loads without it.

    Args:
        taxonomy: bound to the dataset's classes (`Taxonomy.bind`).
        level_weights: a dict of weights by level, used as given; a schedule of `taxoloss.weighting`, or its
            text, such as "hxe:0.5"; a table (nodes, levels); None: the file's weights, else 1 / L each.
            Where nodes have several parents, also weights of pairs of a node and an ancestor, (P,).
        weight: (C,) class weights.
        ignore_index: targets of this number cost nothing and are not counted.
        reduction: "none", "mean" or "sum".
        label_smoothing: in [0, 1].

    Shape:
        - input: logits (C,), (N, C) or (N, C, d1..dk)
        - target: node ids, integers, (), (N,) or (N, d1..dk), or class probabilities of the logits' shape,
          or with node_targets=True probabilities of all V nodes, (V,), (N, V) or (N, V, d1..dk)
        - output: a scalar; for reduction "none" (), (N,) or (N, d1..dk)

    Raises:
        TypeError: taxonomy is not a Taxonomy, level_weights no weights.
        ValueError: the taxonomy is not bound; a level weight is unknown, missing, negative, not finite,
            or all are 0; a text is no schedule's; the reduction or label_smoothing is unknown; ignore_index
            is an inner node. When it is called: the first logits are probabilities (leave the softmax out).
        RuntimeError: weight is not (C,).

    >>> import taxoloss, torch
    >>> pets = taxoloss.load("pets").bind()
    >>> loss = taxoloss.TaxonomyLoss(pets, {"species": 0.3, "breed": 0.7})
    >>> logits = torch.zeros(4, 37, requires_grad=True)
    >>> loss(logits, torch.tensor([0, 5, 20, 36]))
    tensor(2.7554, grad_fn=...)
    """

    #: fastai asks a loss for this, `activation` and `decodes`, and sets `reduction` while it runs: plain
    #: names, which import nothing. Its MixUp and CutMix mix the losses of two labels, not their numbers.
    y_int = True
    #: How many calls still look at numbers for which a device must be waited for.
    _looks = 3

    def __init__(
        self,
        taxonomy: Taxonomy,
        level_weights: LevelWeights = None,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        plan = loss_plan_of(taxonomy)
        table = weight_table(taxonomy, level_weights)
        check_ignore_index(taxonomy, ignore_index)
        check_reduction(reduction)
        if not 0.0 <= label_smoothing <= 1.0:
            raise ValueError(f"expected label_smoothing in [0, 1], got {label_smoothing}")
        if weight is not None:
            check_weight(weight, plan)
        super().__init__(ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)
        # No buffer: what loads a checkpoint may put anything in the place of one that is not in it.
        del self._buffers["weight"]
        self.weight = weight
        self.taxonomy = taxonomy
        #: LossTensors of a tree, GraphLossTensors where nodes have several parents.
        self.tensors: Any = apart(new_tensors, taxonomy, table)
        # In words at once: a compiler that meets torch.vmap(loss) asks for them, and traces no numpy.
        self._made_of = f"{taxonomy!r}"
        self._level_weights = _in_words(taxonomy, table, level_weights)

    def forward(self, input: Tensor, target: Tensor, **named: object) -> Tensor:
        """The loss of logits and targets; TypeError, with what to pass in its place, for anything else."""
        if named:
            refuse_named(named)
        return cross_entropy(
            self.tensors,
            input,
            target,
            self.weight,
            self.ignore_index,
            self.reduction,
            self.label_smoothing,
            self._wait(input),
        )

    def _wait(self, input: Tensor) -> bool:
        """Whether to look for probabilities among the logits where that has a price; never in a graph."""
        if torch.compiler.is_compiling() or self._looks == 0 or not isinstance(input, Tensor):
            return False
        if input.is_cpu:
            return False
        self._looks -= 1
        return True

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> TaxonomyLoss:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.weight is not None:
            # Not fn(weight): `to_empty` would take its numbers, and so would the meta device.
            like = fn(torch.empty_like(self.weight[:1]))
            if not like.is_meta:
                self.weight = self.weight.to(like.device, like.dtype)
        return self

    def set_level_weights(self, level_weights: LevelWeights) -> None:
        """Other level weights from now on, as in the constructor: for curricula.

        The tables are changed in place; a compiled loss is compiled again only where other levels than
        before have a weight above 0.
        """
        table = weight_table(self.taxonomy, level_weights)
        if self.tensors.fits(table):
            apart(self.tensors.fill, table)
        else:
            self.tensors = apart(new_tensors, self.taxonomy, table)
        self._level_weights = _in_words(self.taxonomy, table, level_weights)

    def activation(self, input: Tensor) -> Tensor:
        """The probabilities of logits, as fastai's `get_preds` and `predict` ask a loss for them.

        Args:
            input: logits (C,), (N, C) or (N, C, d1..dk).

        >>> import taxoloss, torch
        >>> loss = taxoloss.TaxonomyLoss(taxoloss.load({"tree": {"cat": ["Manx"], "dog": ["pug"]}}).bind())
        >>> loss.activation(torch.zeros(1, 2))
        tensor([[0.5000, 0.5000]])
        """
        return input.softmax(min(input.dim() - 1, 1))

    def decodes(self, input: Tensor) -> Tensor:
        """The most probable class, as fastai's `predict` and `show_results` ask a loss for it.

        Args:
            input: logits or probabilities (C,), (N, C) or (N, C, d1..dk).

        Returns:
            Class numbers (), (N,) or (N, d1..dk): the node ids of classes.

        >>> import taxoloss, torch
        >>> loss = taxoloss.TaxonomyLoss(taxoloss.load({"tree": {"cat": ["Manx"], "dog": ["pug"]}}).bind())
        >>> loss.decodes(torch.tensor([[0.2, 0.8]]))
        tensor([1])
        """
        return input.argmax(min(input.dim() - 1, 1))

    @torch.no_grad()
    def per_level(self, input: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Each level's mean of -log P(ancestor of the target), for logging.

        Where a target has several ancestors on a level, their mean.

        Neither level weights nor class weights nor smoothing act on it. A target above a level is not
        counted there; a level where nothing is counted is NaN.

        Args:
            input: logits (C,), (N, C) or (N, C, d1..dk).
            target: node ids, integers, (), (N,) or (N, d1..dk).

        >>> import taxoloss, torch
        >>> loss = taxoloss.TaxonomyLoss(taxoloss.load("pets").bind())
        >>> loss.per_level(torch.zeros(1, 37), torch.tensor([0]))
        {'species': tensor(1.1260), 'breed': tensor(3.6109)}
        """
        plan = self.tensors.plan
        input, target = undressed(input), undressed(target)
        check_logits(input, plan, target)
        if isinstance(target, Tensor) and target.is_floating_point():
            help = target_help(input, target, host_may_read(target))
            raise ValueError(f"expected node ids as target, got {target.dtype}{help}")
        check_target(input, target)
        check_width(target, plan.num_targets)
        logits = at_least_float32(batched(input))
        ids, valid = target_ids(target, self.ignore_index, plan)
        if isinstance(plan, GraphPlan):
            costs, counted = level_costs(self.taxonomy, logits, ids)
        else:
            log_probs = level_log_probs(logits, self.taxonomy).values()
            nodes = node_tensors(self.taxonomy, ids.device)
            at, counted = nodes.ancestors[ids].unsqueeze(1).unbind(-1), nodes.counted[ids]
            costs = [-log_p.gather(1, one).squeeze(1) for log_p, one in zip(log_probs, at, strict=True)]
        if valid is not None:
            counted = counted & valid.unsqueeze(-1)
        means = {}
        for level, cost, here in zip(plan.levels, costs, counted.unbind(-1), strict=True):
            means[level] = torch.where(here, cost, 0.0).sum() / here.sum()  # 0 / 0 is NaN
        return means

    __prepare_scriptable__ = refuse_script

    def __repr__(self) -> str:
        # One line, without the tables: a compiler that meets torch.vmap(loss) asks for it.
        return f"{type(self).__name__}({self.extra_repr()})"

    def extra_repr(self) -> str:
        """What the loss was made of, and the level weights that are in force."""
        parts = [self._made_of, f"level_weights={self._level_weights}", f"reduction={self.reduction!r}"]
        if self.ignore_index != -100:
            parts.append(f"ignore_index={self.ignore_index}")
        if self.label_smoothing:
            parts.append(f"label_smoothing={self.label_smoothing}")
        return ", ".join(parts)


def _in_words(taxonomy: Taxonomy, table: WeightTable, given: LevelWeights) -> str:
    """A text as it is; weights by level where all classes share them, else what was given."""
    if isinstance(given, str):
        return repr(given)
    classes = table[: len(taxonomy)]
    if table.ndim == 2 and (classes == classes[:1]).all():
        return str(dict(zip(taxonomy.levels, classes[0].tolist(), strict=True)))
    return repr(given) if callable(given) else "a table"
