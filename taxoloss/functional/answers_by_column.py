"""The most probable node on each level of many classes, in Python's form on a CPU.

Sums over groups of a row's columns cost several times as much as sums of rows, which are vectors. So
logits are laid out anew, class after class, (C, N); then the masses of a level are sums of rows of those of
the level below, and of no level but the deepest more is looked at than its largest masses.

exp(z - max) is not divided by its sum S until the answers are known: the largest mass over S is what is
stated, and S is the sum of the masses of the top level.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import turned
from taxoloss.functional.kernels.unit_masses import Sparse
from taxoloss.functional.node_tensors import NodeTensors

__all__ = ["answers_by_column", "largest_of_rows", "pays"]

#: Classes from which it pays to lay logits out anew.
_MANY = 512
#: Nodes of which the largest mass is found first, and then which of them has it.
_BLOCK = 64


def pays(logits: Tensor) -> bool:
    """Whether this is the fast way for logits (N, C, ..) that Python may read."""
    return logits.dim() == 2 and logits.shape[1] >= _MANY and len(logits) > 0


def largest_of_rows(scores: Tensor) -> Tensor:
    """(N,): the index of the largest of each row (N, W), the first of equals; float32 or float64."""
    # torch's argmax of a row takes up to ten times as long.
    return torch.from_numpy(scores.numpy(force=True).argmax(1))


_SUMS: WeakKeyDictionary[NodeTensors, list[Sparse]] = WeakKeyDictionary()


def _sums_of(tensors: NodeTensors) -> list[Sparse]:
    """What adds up the children of each node, of all levels but the deepest, top to bottom."""
    found = _SUMS.get(tensors)
    if found is None:
        pairs = zip(tensors.groups, tensors.nodes, strict=True)
        found = _SUMS[tensors] = [
            Sparse(group.numpy(), np.arange(len(group)), len(nodes))
            for group, nodes in pairs
            if group is not None
        ]
    return found


def answers_by_column(logits: Tensor, tensors: NodeTensors) -> tuple[Tensor, Tensor]:
    """The most probable node on each level, (N, L) indices, and its probability; the first of equals.

    Of logits (N, C) in float32 or float64 on the CPU; on the deepest level the class with the largest
    logit. NaN is stated where numbers are no logits.
    """
    best = largest_of_rows(logits)
    peak = logits.gather(1, best.unsqueeze(1))
    masses = turned(logits.T).sub_(peak.T).exp_()
    found, stated = [best], [torch.ones_like(peak)]
    for sums in reversed(_sums_of(tensors)):
        masses = sums @ masses
        best, largest = _largest_of_columns(masses)
        found.insert(0, best)
        stated.insert(0, largest)
    return torch.stack(found, 1), torch.cat(stated, 1).div_(masses.sum(0).unsqueeze(1))


def _largest_of_columns(masses: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) and (N, 1) of (W, N): which is the largest of each column, the first of equals; and itself."""
    nodes, columns = masses.shape
    whole = nodes - nodes % _BLOCK
    tops = [masses[:whole].view(-1, _BLOCK, columns).amax(1)] if whole else []
    if whole < nodes:
        tops.append(masses[whole:].amax(0, keepdim=True))
    block = largest_of_rows(torch.cat(tops).T.contiguous())
    # Beyond the end of the last block its last node stands again, and is never the first of equals.
    rows = torch.arange(_BLOCK, device="cpu").add(block.unsqueeze(1) * _BLOCK).clamp_(max=nodes - 1)
    values = masses.T.gather(1, rows)
    best = largest_of_rows(values).unsqueeze(1)
    return rows.gather(1, best).squeeze(1), values.gather(1, best)
