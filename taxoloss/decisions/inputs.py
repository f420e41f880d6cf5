"""What every decision asks of its logits, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.arrays import scores_of
from taxoloss.functional.graphs.nodes import GraphNodes, nodes_of
from taxoloss.functional.group_sums import group_sums
from taxoloss.functional.inputs import (
    batched,
    check_logits,
    host_may_read,
    refuse_nan,
    refuse_probabilities,
    without_autocast,
)
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.functional.probabilities import logits_of
from taxoloss.taxonomy.names import integer_of
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = [
    "Allowed",
    "Answer",
    "Nodes",
    "Scores",
    "allowed_classes",
    "decide",
    "prepared",
    "read_once",
    "tensor_of_scores",
]

#: A tensor; or an array or table of numpy, pandas or polars.
Scores: TypeAlias = Any

#: Node ids: a class, or an inner node for all the classes below it.
Allowed: TypeAlias = Tensor | Iterable[int] | None
Answer: TypeAlias = Tensor | tuple[Tensor, Tensor]
#: The tables of a tree, or of nodes that may have several parents.
Nodes: TypeAlias = NodeTensors | GraphNodes
Rule: TypeAlias = Callable[[Tensor, Nodes], tuple[Tensor, Tensor]]


def decide(
    logits: Scores,
    taxonomy: Taxonomy,
    rule: Rule,
    allowed: Allowed,
    return_probability: bool,
    probabilities: bool,
) -> Answer:
    """Answers a rule for logits (N, C, d1..dk) gives: ids (N, d1..dk) and probabilities."""
    logits = tensor_of_scores(logits, taxonomy, probabilities)
    with torch.no_grad(), without_autocast(logits):
        ready, tensors = prepared(logits, taxonomy, allowed, probabilities=probabilities)
        ids, probability = rule(ready, tensors)
    if logits.dim() == 1:
        ids, probability = ids.squeeze(0), probability.squeeze(0)
    return (ids, probability) if return_probability else ids


def tensor_of_scores(scores: Scores, taxonomy: Taxonomy, probabilities: bool) -> Tensor:
    """Logits, or probabilities, of any library as a tensor; a tensor as it is."""
    if isinstance(scores, Tensor):
        return scores
    loss_plan_of(taxonomy)
    found = scores_of(scores, taxonomy, "probabilities" if probabilities else "logits")
    return found.double() if probabilities and not found.is_floating_point() else found  # of 0 and 1


def prepared(
    logits: Tensor,
    taxonomy: Taxonomy,
    allowed: Allowed,
    counted: Tensor | None = None,
    probabilities: bool = False,
) -> tuple[Tensor, Nodes]:
    """Checked logits (N, C, d1..dk), -inf where a class is not allowed, and the tables.

    counted (N, d1..dk): which rows are looked at; the others may hold anything, and are 0.
    probabilities: these are probabilities, whose logs are the logits.
    """
    plan = loss_plan_of(taxonomy)
    check_logits(logits, plan)
    rows = None if counted is None else counted.reshape(-1)
    if probabilities:
        ready = logits_of(batched(logits.detach()), rows)
    else:
        if host_may_read(logits):
            refuse_probabilities(logits, rows, option=True)
        ready = at_least_float32(batched(logits.detach()))
    if counted is not None:
        ready = torch.where(counted.unsqueeze(1), ready, 0.0)
    tensors = nodes_of(taxonomy, logits.device)
    if allowed is not None:
        mask = allowed_classes(allowed, tensors).view(1, -1, *[1] * (ready.dim() - 2))
        ready = ready.masked_fill(~mask, -torch.inf)
    if host_may_read(ready) and ready.numel():
        refuse_nan(ready)
        _refuse_infinite(ready)
    return ready, tensors


def read_once(allowed: Allowed) -> Tensor | None:
    """Node ids of any iterable, also of one that can be read only once, as a tensor; None as it is.

    Raises:
        TypeError: no iterable of integers.
    """
    if allowed is None or isinstance(allowed, Tensor):
        return allowed
    if isinstance(allowed, str) or not isinstance(allowed, Iterable):
        raise TypeError(f"expected allowed as a list of node ids, got {allowed!r}")
    ids = [_integer(value) for value in allowed]
    return torch.tensor(ids, dtype=torch.long, device="cpu")


def _integer(value: Any) -> int:
    number = integer_of(value)
    if number is not None:
        return number
    raise TypeError(
        f"expected allowed as integer node ids, got {value!r} of type {type(value).__name__} "
        "(taxonomy.node_id gives the id of a name)"
    )


def allowed_classes(allowed: Any, tensors: Nodes) -> Tensor:
    """(C,) bool: the classes that are, or are below, one of some node ids.

    Raises:
        ValueError, TypeError, IndexError: none, or no node ids.
    """
    ids = read_once(allowed)
    assert ids is not None  # None allows all
    if ids.numel() == 0:
        raise ValueError("expected allowed as one node id or more, got none: nothing could be answered")
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool or ids.dim() > 1:
        raise TypeError(
            f"expected allowed as integer node ids (n,), got {ids.dtype} of shape {tuple(ids.shape)}"
        )
    wrong = (ids < 0) | (ids > tensors.root)
    if host_may_read(ids) and bool(wrong.any()):
        raise IndexError(f"expected allowed node ids in 0..{tensors.root}, got {int(ids[wrong][0])}")
    ids = ids.to(tensors.device, torch.long).reshape(-1)
    return _reached(ids, tensors) if isinstance(tensors, GraphNodes) else _below(ids, tensors)


def _reached(ids: Tensor, tensors: GraphNodes) -> Tensor:
    """(C,) bool: the classes that one of some nodes reaches."""
    chosen = torch.zeros(tensors.root + 1, dtype=torch.long, device=ids.device).index_fill(0, ids, 1)
    inner, classes = tensors.reach.inner_entries
    found = chosen[: tensors.num_classes].index_add(0, classes, chosen[tensors.num_classes :][inner])
    return found > 0


def _below(ids: Tensor, tensors: NodeTensors) -> Tensor:
    """(C,) bool: the classes below one of some nodes of a tree."""
    # +1 where a node's range of positions starts, -1 where it stops.
    edges = torch.cat([tensors.start[ids], tensors.stop[ids]])
    steps = torch.cat([torch.ones_like(ids), -torch.ones_like(ids)])
    change = group_sums(steps, edges, tensors.num_classes + 1, dim=0)
    mask = torch.zeros(tensors.num_classes, dtype=torch.bool, device=ids.device)
    mask[tensors.depth_first] = change.cumsum(0)[:-1] > 0
    return mask


def _refuse_infinite(logits: Tensor) -> None:
    """ValueError where a row has no finite logit, or an infinite one on top: it has no probabilities."""
    wrong = logits.amax(1).isinf().flatten(1) if logits.dim() > 2 else logits.amax(1).isinf()
    if bool(wrong.any()):
        row = int(wrong.reshape(len(logits), -1).any(1).nonzero()[0])
        best = float(logits[row].max())
        raise ValueError(
            f"expected a finite largest logit among the allowed classes, got {best} in row {row}"
        )
