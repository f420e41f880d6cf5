"""The loss where the target is spread over nodes: label smoothing, probabilities of classes or of nodes.

Both need log P of all nodes of a level, so they go up the tree level by level (log_probs.py) and
leave the gradient to autograd. Its entries are differences, p_j less what the target says of j. With few
nodes all of a row may be much smaller than their parts, so there all is computed in float64.

What has no weight is left out, not multiplied by 0. Of a node that is done term by term (`times`); a row
without weight whose log-probabilities do not exist has its logits replaced before they have any part.
"""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32, wide_on
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.log_sums import LogProbs

__all__ = ["FEW_NODES", "index_loss", "probability_loss"]

#: Where no level that is used has this many nodes, float64 is worth what it costs.
FEW_NODES = 256


def times(weight: Tensor, value: Tensor) -> Tensor:
    """weight * value with 0 * inf = 0: what has no weight costs nothing, even where it is impossible."""
    return weight * value.masked_fill((weight == 0) & ~torch.isfinite(value), 0.0)


def index_loss(
    tensors: LossTensors,
    logits: Tensor,
    target: Tensor,
    valid: Tensor | None,
    node_weight: Tensor | None,
    smoothing: float,
) -> Tensor:
    """The loss (N, d1..dk) of targets that are node ids (N, d1..dk); 0 where they are not valid.

    sum over levels l of w_l * [(1 - e) * weight[y] * -log P(y_l)
                                + e / n_l * sum over the level's nodes n of weight[n] * -log P(n)]
    """
    logits, flat = _wide(tensors, logits), target.reshape(-1)
    node_weight = None if node_weight is None else node_weight.to(logits.dtype)
    ancestors = tensors.ancestors.index_select(0, flat)
    weights = tensors.weights.index_select(0, flat).to(logits.dtype)
    weights = weights.view(*target.shape, weights.shape[1])
    own = None if node_weight is None else node_weight.index_select(0, flat).reshape(target.shape)
    nothing = (weights == 0).all(-1)
    if own is not None and node_weight is not None:
        nothing = nothing | ((own == 0) if smoothing == 0 else (node_weight == 0).all())
    log_probs, gone = _log_probs(tensors, logits, nothing, valid)
    loss = logits.new_zeros(target.shape)
    for column, level in enumerate(tensors.used):
        log_p = log_probs[level]
        term = -log_p.at(ancestors[:, column].reshape(target.shape))
        term = term if own is None else times(own, term)
        if smoothing > 0:
            term = _mixed(term, _level_mean(tensors, log_p.all(), level, node_weight), smoothing)
        loss = loss + times(weights[..., column], term)
    return loss if gone is None else torch.where(gone, 0.0, loss)


def probability_loss(
    tensors: LossTensors,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    node_weight: Tensor | None,
    smoothing: float,
) -> Tensor:
    """The loss (N, d1..dk) of probabilities q (N, S, d1..dk) as targets, of S classes or of all nodes.

    The mixture of their losses: each brings its weight and its row of the table, and is then pushed up the
    tree: sum over l, n of -log P(n) * (sum over c below n of q_c weight_c w_cl). Weights are (S,).
    """
    sources = target.shape[1]
    of_classes = sources == tensors.plan.num_classes
    by_class = [1, -1, *[1] * (target.dim() - 2)]
    logits, target = _wide(tensors, logits), _wide(tensors, target)
    weight = None if weight is None else weight.to(target.dtype)
    node_weight = None if node_weight is None else node_weight.to(logits.dtype)
    mass = target if weight is None else times(weight.view(by_class), target)
    nothing = _without_weight(tensors, mass if smoothing == 0 else target, node_weight, smoothing)
    log_probs, gone = _log_probs(tensors, logits, nothing, None)
    loss: Tensor | None = None
    for column, level in enumerate(tensors.used):
        log_p = log_probs[level].all()
        share = tensors.weights[:sources, column].to(target.dtype)
        shared = of_classes and tensors.shared[column]
        pushed = mass if shared else mass * share.view(by_class)
        size = (log_p.shape[0], tensors.plan.widths[level], *log_p.shape[2:])
        up = tensors.class_to_node[column] if of_classes else tensors.ancestors[:, column]
        on_level = pushed.new_zeros(size).index_add(1, up, pushed)
        term = times(on_level, -log_p).sum(1)
        if smoothing > 0:
            spread = _level_mean(tensors, log_p, level, node_weight)
            spread = spread if shared else times((target * share.view(by_class)).sum(1), spread)
            term = _mixed(term, spread, smoothing)
        if shared:
            term = times(share[0], term)
        loss = term if loss is None else loss + term
    assert loss is not None  # a table of zeros was refused at construction
    return loss if gone is None else torch.where(gone, 0.0, loss)


def _without_weight(
    tensors: LossTensors, mass: Tensor, node_weight: Tensor | None, smoothing: float
) -> Tensor:
    """(N, d1..dk): rows of probabilities that no level weighs."""
    of_classes = mass.shape[1] == tensors.plan.num_classes
    classes = tensors.weights[: mass.shape[1]]
    unused = (classes == 0).all(1).view(1, -1, *[1] * (mass.dim() - 2))
    nothing = ((mass == 0) | unused).all(1)
    if smoothing == 0:
        return nothing
    # Where all classes share a level's weight, smoothing costs by it whatever the probabilities are.
    for weight, shared in zip(classes[0], tensors.shared, strict=True):
        nothing = nothing & (weight == 0) if shared and of_classes else nothing
    return nothing if node_weight is None else nothing | (node_weight == 0).all()


def _log_probs(
    tensors: LossTensors, logits: Tensor, nothing: Tensor, valid: Tensor | None
) -> tuple[dict[int, LogProbs], Tensor | None]:
    """log P on the levels, and the rows (N, d1..dk) that were left out; None: no row was.

    Left out are rows that are not valid, and of those without weight (`nothing`) those whose logits are no
    logits of anything: NaN, inf, or -inf on every class. (Others may yet have a gradient: of their weight.)
    """
    look = host_may_read(logits)
    gone = None if valid is None else ~valid
    if not look or bool(nothing.any()):
        impossible = nothing & ~torch.isfinite(logits.detach().amax(1))
        gone = impossible if gone is None else gone | impossible
    if gone is None or (look and not bool(gone.any())):
        return tensors.log_probs(logits), gone
    return tensors.log_probs(torch.where(gone.unsqueeze(1), 0.0, logits)), gone


def _wide(tensors: LossTensors, tensor: Tensor) -> Tensor:
    """In what is computed in."""
    few = max(tensors.plan.widths[level] for level in tensors.used) < FEW_NODES
    return tensor.to(wide_on(tensor.device)) if few else at_least_float32(tensor)


def _mixed(term: Tensor, spread: Tensor, smoothing: float) -> Tensor:
    """(1 - e) of a target's own cost and e of what is spread."""
    if smoothing == 1:
        term = term.masked_fill(~torch.isfinite(term), 0.0)
    return (1 - smoothing) * term + smoothing * spread


def _level_mean(tensors: LossTensors, log_p: Tensor, level: int, node_weight: Tensor | None) -> Tensor:
    """The mean over a level's nodes of weight[n] * -log P(n): the cost of a uniform target."""
    cost = -log_p
    if node_weight is not None:
        on_level = node_weight.index_select(0, tensors.nodes(level))
        cost = times(on_level.view(1, -1, *[1] * (log_p.dim() - 2)), cost)
    return cost.sum(1) / tensors.plan.widths[level]
