"""Labels as data sets have them: coarse, few, wrong; and pseudo-labels, the usual way to mend the first."""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.graphs.reach import reach_tensors
from taxoloss.functional.node_tensors import NodeTensors, node_tensors
from taxoloss.taxonomy.plan import loss_plan_of, plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["coarsen", "few", "pseudo_labels", "swap_siblings"]


def coarsen(target: Tensor, taxonomy: Taxonomy, keep: float, seed: int) -> Tensor:
    """Labels of mixed depth: a share keeps its class, the others one of the upper levels, as many each.

    Args:
        target: (N,) classes.
        taxonomy: bound.
        keep: share of samples that keep their class, from 0 to 1.
        seed: of the draw; a sample that keeps its class at one share keeps it at any larger one.

    Returns:
        Node ids (N,); they need a taxonomy bound with node_targets=True.

    Raises:
        ValueError: keep is outside [0, 1], target is no vector of classes, or nodes have several parents.

    >>> import taxoloss
    >>> pets = taxoloss.load("pets").bind(node_targets=True)
    >>> coarsen(torch.tensor([0, 0, 36, 36]), pets, 0.5, seed=0)
    tensor([ 0, 37, 36,  36])
    """
    tables = _checked(target, taxonomy, "coarsen")
    _check_share(keep, "keep")
    draw = torch.rand(len(target), generator=torch.Generator().manual_seed(seed))
    top = len(tables.levels) - 1
    # A draw below keep + (1 - keep) (top - l) / top knows level l too; below keep the class itself.
    known = sum((draw < keep + (1 - keep) * (top - level) / top).long() for level in range(1, top + 1))
    depth = known if isinstance(known, Tensor) else torch.zeros(len(target), dtype=torch.long)
    return tables.lines[target, depth + 1]


def few(target: Tensor, per_class: int, seed: int) -> Tensor:
    """The places (M,), in order, of at most so many samples of each class, drawn at random.

    Args:
        target: (N,) node ids; each id counts for itself.
        per_class: 1 or more.
        seed: of the draw; the samples of a smaller number are among those of a larger one.

    Raises:
        ValueError: per_class below 1, or target is no vector of integers.

    >>> few(torch.tensor([4, 4, 4, 7]), 1, seed=0)
    tensor([0, 3])
    """
    _check_vector(target)
    if per_class < 1:
        raise ValueError(f"expected 1 sample a class or more, got {per_class}")
    order = torch.randperm(len(target), generator=torch.Generator().manual_seed(seed))
    by_class = order[torch.argsort(target[order], stable=True)]
    sizes = torch.bincount(target) if len(target) else target.new_zeros(0)
    starts = (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    rank = torch.arange(len(target)) - starts  # among those of the class
    return by_class[rank < per_class].sort().values


def swap_siblings(target: Tensor, taxonomy: Taxonomy, share: float, seed: int) -> Tensor:
    """Wrong labels: a share of the samples gets another class with the same parent.

    A class without such siblings keeps its labels.

    Args:
        target: (N,) classes.
        taxonomy: bound.
        share: of samples, from 0 to 1.
        seed: of the draw.

    Raises:
        ValueError: share is outside [0, 1], target is no vector of classes, or nodes have several parents.

    >>> import taxoloss
    >>> pets = taxoloss.load("pets").bind()
    >>> swap_siblings(torch.tensor([0, 1, 2, 3]), pets, 1.0, seed=0)
    tensor([4, 8, 8, 1])
    """
    tables = _checked(target, taxonomy, "swap_siblings")
    _check_share(share, "share")
    draw = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(target), generator=draw) < share
    step = torch.rand(len(target), generator=draw)
    parent = torch.tensor(plan_of(taxonomy).parent[: tables.num_classes])
    order = torch.argsort(parent, stable=True)  # siblings side by side
    sizes = torch.bincount(parent, minlength=len(tables.depth))
    starts, place = sizes.cumsum(0) - sizes, torch.empty_like(order)
    place[order] = torch.arange(len(order))
    size, start = sizes[parent[target]], starts[parent[target]]
    # A step of 1 .. size - 1 around the circle of siblings never ends where it began.
    steps = (1 + (step * (size - 1)).long()).where(size > 1, 0)
    other = order[start + (place[target] - start + steps) % size]
    return torch.where(chosen, other, target)


def pseudo_labels(logits: Tensor, target: Tensor, taxonomy: Taxonomy) -> Tensor:
    """The class (N,) with the largest logit among those below each target; a class is itself.

    Args:
        logits: (N, C) of a net trained on the samples that have a class.
        target: (N,) node ids.
        taxonomy: bound.

    Raises:
        ValueError: target is no vector of node ids, or of another length than logits.

    >>> import taxoloss
    >>> pets = taxoloss.load("pets").bind(node_targets=True)
    >>> pseudo_labels(torch.arange(37.0)[None], pets.node_ids(["cat"]), pets)
    tensor([11])
    """
    _check_vector(target)
    expected = len(target), loss_plan_of(taxonomy).num_classes
    if logits.shape != expected:
        raise ValueError(f"expected logits {expected}, got {tuple(logits.shape)}")
    return logits.masked_fill(~_below(target, taxonomy), -torch.inf).argmax(1)


def _below(target: Tensor, taxonomy: Taxonomy) -> Tensor:
    """(N, C): whether a class is below each target, or is it."""
    if not taxonomy.is_tree:
        return reach_tensors(taxonomy).inside(target)
    tables = node_tensors(taxonomy)
    place = torch.empty_like(tables.depth_first)
    place[tables.depth_first] = torch.arange(tables.num_classes)
    return (place >= tables.start[target, None]) & (place < tables.stop[target, None])


def _checked(target: Tensor, taxonomy: Taxonomy, what: str) -> NodeTensors:
    _check_vector(target)
    loss_plan_of(taxonomy)  # raises where it is no bound taxonomy
    taxonomy.require_tree(what)
    tables = node_tensors(taxonomy)
    if len(target) and (int(target.min()) < 0 or int(target.max()) >= tables.num_classes):
        found = f"{int(target.min())} to {int(target.max())}"
        raise ValueError(f"expected classes from 0 to {tables.num_classes - 1} as target, got {found}")
    return tables


def _check_vector(target: Tensor) -> None:
    if target.dim() != 1 or target.is_floating_point() or target.dtype == torch.bool:
        raise ValueError(f"expected target (N,) of integers, got {tuple(target.shape)} of {target.dtype}")


def _check_share(share: float, name: str) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"expected {name} from 0 to 1, got {share}")
