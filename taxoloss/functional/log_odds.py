"""Log-odds along a path, and of all nodes."""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.graphs.log_odds import graph_level_log_odds
from taxoloss.functional.graphs.nodes import GraphNodes, nodes_of
from taxoloss.functional.group_sums import group_sums
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.kernels.native.levels import level_kernel, odds_of_paths
from taxoloss.functional.log_probs import cached_log_probs
from taxoloss.functional.masses import greedy_class, level_masses, node_on_level, rows_of
from taxoloss.functional.node_tensors import NodeTensors, node_tensors
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["level_log_odds", "path_log_odds"]

#: Masses below this may have lost digits to underflow.
_SMALLEST = {torch.float32: 1e-30, torch.float64: 1e-290}


def path_log_odds(
    logits: Tensor,
    classes: Tensor,
    taxonomy: Taxonomy,
    masses: list[Tensor] | None = None,
    *,
    zeros: bool = False,
) -> Tensor:
    """Log-odds (N, L, d1..dk) of the ancestors of a class for each row, top level first.

    inf where all other classes are impossible (-inf logits).

    Args:
        logits: (N, C, d1..dk), any floating dtype.
        classes: (N, d1..dk): for each row a class.
        taxonomy: bound.
        masses: of `level_masses`, where they are at hand.
        zeros: some classes may be impossible, so that nodes with other classes are as sure as each other.
    """
    tensors = node_tensors(taxonomy, logits.device)
    cached_log_probs(taxonomy, logits.device)  # made now, for the day when a compiler needs them
    if not host_may_read(logits):
        return _falling(
            _in_log_space(logits, classes, taxonomy), classes, tensors, logits if zeros else None
        )
    library = level_kernel(logits, tensors)
    if library is None:
        odds, lost = _from_masses(
            level_masses(logits, tensors) if masses is None else masses, classes, tensors
        )
    else:
        odds, lost = odds_of_paths(library, logits, classes, tensors)
    if lost is not None:
        rows = rows_of(lost)
        odds[rows] = _in_log_space(logits[rows], classes[rows], taxonomy)
    return _falling(odds, classes, tensors, logits if zeros else None)


def _from_masses(
    masses: list[Tensor], classes: Tensor, tensors: NodeTensors
) -> tuple[Tensor, Tensor | None]:
    """Log-odds (N, L, d1..dk), and the places (N, d1..dk) whose masses underflowed, if any did."""
    inside, outside = [], []
    for level, mass in enumerate(masses):
        index = node_on_level(classes, level, tensors).unsqueeze(1)
        inside.append(mass.gather(1, index).squeeze(1))
        outside.append(mass.scatter(1, index, 0.0).sum(1))
    one, other = torch.stack(inside, 1), torch.stack(outside, 1)
    lost = (torch.minimum(one, other) < _SMALLEST[one.dtype]).any(1)
    return one.log() - other.log(), lost if bool(lost.any()) else None


def _falling(odds: Tensor, classes: Tensor, tensors: NodeTensors, logits: Tensor | None = None) -> Tensor:
    """Log-odds (N, L, d1..dk) without the rounding by which a node could be less sure than one below it.

    A node with the same classes (of logits, the same possible ones) as the next on the path has its number.
    """
    if logits is None:
        sizes = tensors.classes_below[tensors.lines[classes, 1:]].movedim(classes.dim(), 1)
    else:
        sizes = _possible(logits, classes, tensors)
    levels = list(odds.unbind(1))
    for level in range(len(levels) - 2, -1, -1):
        surer = torch.maximum(levels[level], levels[level + 1])
        levels[level] = torch.where(sizes[:, level] == sizes[:, level + 1], levels[level + 1], surer)
    return torch.stack(levels, 1)


def _possible(logits: Tensor, classes: Tensor, tensors: NodeTensors) -> Tensor:
    """(N, L, d1..dk): how many classes that are possible are below each ancestor of a class."""
    counts = (logits > -torch.inf).long()
    found: list[Tensor] = []
    for level in range(len(tensors.levels) - 1, -1, -1):
        group = tensors.groups[level]
        counts = counts if group is None else group_sums(counts, group, len(tensors.nodes[level]))
        index = node_on_level(classes, level, tensors).unsqueeze(1)
        found.insert(0, counts.gather(1, index).squeeze(1))
    return torch.stack(found, 1)


def _in_log_space(logits: Tensor, classes: Tensor, taxonomy: Taxonomy) -> Tensor:
    tensors = node_tensors(taxonomy, logits.device)
    log_probs = cached_log_probs(taxonomy, logits.device)(at_least_float32(logits))
    odds = []
    for level in range(len(tensors.levels)):
        logs = log_probs[level].all()
        index = node_on_level(classes, level, tensors).unsqueeze(1)
        own = logs.gather(1, index).squeeze(1)
        odds.append(own - torch.logsumexp(logs.scatter(1, index, -torch.inf), 1))
    return torch.stack(odds, 1)


def level_log_odds(logits: Tensor, taxonomy: Taxonomy) -> list[Tensor]:
    """For each level, top to bottom, the log-odds (N, W_l, d1..dk) of its nodes."""
    tensors = nodes_of(taxonomy, logits.device)
    if isinstance(tensors, GraphNodes):
        return graph_level_log_odds(logits, tensors)
    log_probs = cached_log_probs(taxonomy, logits.device)(at_least_float32(logits))
    logs = [log_probs[level].all().clamp(max=0.0) for level in range(len(tensors.levels))]
    likely = greedy_class(logs, tensors)
    on_path = path_log_odds(logits, likely, taxonomy)
    odds = []
    for level, log in enumerate(logs):
        # P <= 1/2: log(1 - P) = log(-expm1(log P)) loses nothing.
        index = node_on_level(likely, level, tensors).unsqueeze(1)
        here = log - torch.log(-torch.expm1(log))
        odds.append(here.scatter(1, index, on_path[:, level].unsqueeze(1)))
    return odds
