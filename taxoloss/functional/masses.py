"""Probabilities of the nodes on each level, and log-odds along a path, without gradients.

With p = softmax(logits), the mass of a node is P(n) = the sum of p over the classes below n; a level's
masses are sums of positive numbers, made from those of the level below (`level_masses`). They are right to
a rounding relative to themselves, which is all that a comparison on one level needs.

A threshold needs more: an over-confident model has P == 1.0 for wrong classes, and no threshold on P tells
these apart. So thresholds act on log-odds

    o(n) = log P(n) - log(1 - P(n)) = log(sum of p over the classes below n) - log(sum of p over the others)

With n on level l, the second sum is that of the masses of the level's other nodes: positive numbers again,
never 1 - P(n). Where it underflows in float32 (or a device or a compiler does not let Python look whether
it has) the row is done in log space: logsumexp of log P over the level's other nodes. For all nodes at once
such sums are needed on one path only: a node with P(n) > 1/2 stands on the path that goes down to the most
probable child each time, and for the others log(1 - P(n)) loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from taxoloss.functional.answers_by_column import answers_by_column, largest_of_rows, pays
from taxoloss.functional.arithmetic import at_least_float32, row_blocks, wide_dtype
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.group_sums import group_sums
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.kernels.native.levels import answers, level_kernel, masses_of_levels
from taxoloss.functional.kernels.native.library import Kernel
from taxoloss.functional.node_tensors import NodeTensors

__all__ = [
    "argmax",
    "greedy_class",
    "level_answers",
    "level_masses",
    "node_on_level",
    "rows_of",
    "sound_answers",
]


#: Logits of a block of rows.
_BLOCK_NUMBERS = 1 << 22


def argmax(scores: Tensor) -> Tensor:
    """The index (N, d1..dk) of the largest of dimension 1, the first of equals."""
    return _search(scores)(scores)


def _search(scores: Tensor) -> Callable[[Tensor], Tensor]:
    """What finds the largest of dimension 1 of tensors such as this one."""
    return _largest_of_rows if scores.dim() == 2 and host_may_read(scores) else _largest


def _largest_of_rows(scores: Tensor) -> Tensor:
    return largest_of_rows(at_least_float32(scores))  # numpy has no bfloat16


def _largest(scores: Tensor) -> Tensor:
    return scores.argmax(1)


def level_masses(logits: Tensor, tensors: NodeTensors | GraphNodes) -> list[Tensor]:
    """For each level, top to bottom, the probabilities (N, W_l, d1..dk) of its nodes.

    Of logits (N, C, d1..dk) in float32 or float64; half and bfloat16 are computed in float32.
    """
    library = level_kernel(logits, tensors)
    if library is None or isinstance(tensors, GraphNodes):
        return _level_masses(logits, tensors)
    found, lost = masses_of_levels(library, logits, tensors)
    if lost is not None:
        rows = rows_of(lost)
        for mass, again in zip(found, _level_masses(logits[rows], tensors), strict=True):
            mass[rows] = again
    return found


def rows_of(lost: Tensor) -> Tensor:
    """(N,): the samples of which a place (N, d1..dk) is lost."""
    return lost if lost.dim() == 1 else lost.flatten(1).any(1)


def _level_masses(logits: Tensor, tensors: NodeTensors | GraphNodes) -> list[Tensor]:
    masses = torch.softmax(logits, 1, dtype=wide_dtype(logits))
    if isinstance(tensors, GraphNodes):
        return tensors.level_masses(masses)
    found = [masses]
    for level in range(len(tensors.levels) - 2, -1, -1):
        group = tensors.groups[level]
        assert group is not None  # only that of the deepest level is
        masses = group_sums(masses, group, len(tensors.nodes[level]))
        found.insert(0, masses)
    return found


def level_answers(logits: Tensor, tensors: NodeTensors | GraphNodes) -> tuple[Tensor, Tensor]:
    """The most probable node on each level, (N, L, d1..dk) indices, and its probability.

    Of logits (N, C, d1..dk). The first of equals; on the deepest level the class with the largest logit.
    """
    library = level_kernel(logits, tensors)
    if library is not None and isinstance(tensors, NodeTensors):
        found, stated, lost = answers(library, logits, tensors)
        if lost is not None:
            rows = rows_of(lost)
            found[rows], stated[rows] = _level_answers(logits[rows], tensors)
        return found, stated
    # Blocks that stay in a cache: the masses of a batch are read again for each level.
    if logits.numel() <= _BLOCK_NUMBERS or not host_may_read(logits):
        return _level_answers(logits, tensors)
    blocks = row_blocks(len(logits), logits[:1].numel(), _BLOCK_NUMBERS)
    best, masses = zip(*(_level_answers(logits[rows], tensors) for rows in blocks), strict=True)
    return torch.cat(best), torch.cat(masses)


def sound_answers(
    library: Kernel | None, logits: Tensor, tensors: NodeTensors | GraphNodes
) -> tuple[Tensor, Tensor] | None:
    """`level_answers` by the kernel, if it is there; None where a row is none, with a NaN or an inf."""
    if library is not None and isinstance(tensors, NodeTensors):
        found, stated, lost = answers(library, logits, tensors)
        return None if lost is not None else (found, stated)
    found, stated = level_answers(logits, tensors)
    return (found, stated) if math.isfinite(stated.sum().item()) else None


def _level_answers(logits: Tensor, tensors: NodeTensors | GraphNodes) -> tuple[Tensor, Tensor]:
    if isinstance(tensors, NodeTensors) and pays(logits) and host_may_read(logits):
        return answers_by_column(at_least_float32(logits.detach()), tensors)
    masses = _level_masses(logits, tensors)
    best = [*map(_search(logits), [*masses[:-1], logits])]
    pairs = zip(masses, best, strict=True)
    return torch.stack(best, 1), torch.cat([mass.gather(1, b.unsqueeze(1)) for mass, b in pairs], 1)


def node_on_level(ids: Tensor, level: int, tensors: NodeTensors) -> Tensor:
    """The index (..) among a level's nodes of the ancestor of classes (..)."""
    return tensors.ancestors[ids, level]


def greedy_class(scores: Sequence[Tensor], tensors: NodeTensors) -> Tensor:
    """The class (N, d1..dk) reached from the top by the child with the largest score, the first of equals.

    Of scores (N, W_l, d1..dk) for each level.
    """
    chosen = argmax(scores[0])
    for level in range(1, len(scores)):
        parent = tensors.groups[level - 1]
        assert parent is not None  # only that of the deepest level is
        outside = parent.view(1, -1, *[1] * (chosen.dim() - 1)) != chosen.unsqueeze(1)
        chosen = argmax(scores[level].masked_fill(outside, -torch.inf))
    return chosen
