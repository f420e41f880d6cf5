"""The loss against its definition in plain Python, and the identities that follow from it."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import loss_oracle as oracle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis_settings import SETTINGS, examples
from loss_oracle import Array, Options, tensor
from torch import Tensor
from torch.testing import assert_close
from trees import Case, bound, seeds, taxonomies

from taxoloss import weighting
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.log_probs import level_log_probs

REDUCTIONS = st.sampled_from(["none", "mean", "sum"])
SMOOTHING = st.sampled_from([0.0, 0.1, 1.0])
SCALES = st.sampled_from([0.1, 3.0, 60.0])
Rng = np.random.Generator
ROWS = 5


def close(ours: Any, expected: Any, rtol: float = 1e-9) -> None:
    """Equal in float64 but for rounding."""
    if not isinstance(expected, Tensor):
        expected = torch.from_numpy(np.asarray(expected))
    ours = torch.as_tensor(ours)
    assert_close(ours.detach(), expected.detach(), rtol=rtol, atol=1e-12, check_dtype=False)


def any_node(case: Case, rng: Rng, rows: int = ROWS) -> Any:
    """Targets that may be any node, the root and the ignored -100 among them; the first is 0."""
    return np.append(0, rng.choice([*case.ids.values(), -100], rows - 1))


def any_class(case: Case) -> Any:
    """Targets that are classes."""
    return np.arange(ROWS) % case.num_classes


def any_weight(case: Case, rng: Rng) -> Array | None:
    """Class weights, some of them 0 (never that of class 0), or none."""
    if rng.integers(2):
        return None
    used = rng.random(case.num_classes) < 0.8
    used[0] = True
    return rng.uniform(0.1, 3, case.num_classes) * used


def any_levels(case: Case, rng: Rng) -> dict[str, float]:
    """Level weights, some of them 0, at least one above."""
    values = rng.uniform(0, 2, case.depth) * (rng.random(case.depth) < 0.7)
    values[rng.integers(case.depth)] = 0.5
    return case.by_name(values.tolist())


def loss(case: Case, logits: Tensor, target: Any, levels: Any = None, **options: Any) -> Tensor:
    """Ours, with arrays as tensors."""
    if options.get("weight") is not None:
        options["weight"] = torch.as_tensor(options["weight"])
    return taxonomy_cross_entropy(logits, torch.as_tensor(target), case.taxonomy, levels, **options)


def gradient(value: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    """The gradients of the sum of a loss."""
    return torch.autograd.grad(value.sum(), inputs)


# -- the definition --------------------------------------------------------------------------------


@SETTINGS
@given(taxonomies(), seeds, REDUCTIONS, SMOOTHING, SCALES, st.booleans())
def test_index_targets(
    case: Case, rng: Rng, reduction: str, smoothing: float, scale: float, by_node: bool
) -> None:
    """Value and gradient are those of the definition, for targets that are any nodes."""
    z, target = oracle.random_logits(case, rng, ROWS, scale=scale), any_node(case, rng)
    weight = any_weight(case, rng)
    levels: Any = oracle.random_table(case, rng) if by_node else any_levels(case, rng)
    table = levels if by_node else oracle.level_table(case, list(levels.values()))
    assume(table.any())
    options = Options(table, weight, smoothing)
    value, slope = oracle.batch_loss(case, z, target, options, reduction=reduction)
    logits = tensor(z)
    extra: Any = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    ours = loss(case, logits, target, levels, **extra)
    close(ours, value)
    close(gradient(ours, logits)[0], slope)


@SETTINGS
@given(taxonomies(), seeds, REDUCTIONS, SMOOTHING, SCALES)
def test_probability_targets(case: Case, rng: Rng, reduction: str, smoothing: float, scale: float) -> None:
    """Value, gradient and the gradient of the probabilities, which need not sum to 1."""
    z = oracle.random_logits(case, rng, ROWS, scale=scale)
    q = rng.uniform(0, 1, z.shape)
    weight, levels = any_weight(case, rng), any_levels(case, rng)
    options = Options(oracle.level_table(case, list(levels.values())), weight, smoothing)
    value, slope = oracle.batch_loss(case, z, q, options, reduction=reduction)
    logits, target = tensor(z), tensor(q)
    extra: Any = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    ours = loss(case, logits, target, levels, **extra)
    close(ours, value)
    to_logits, to_target = gradient(ours, logits, target)
    close(to_logits, slope)
    # The loss is linear in q: its slope along class c is the loss at q + e_c less that at q.
    c = int(rng.integers(case.num_classes))
    more = oracle.batch_loss(case, z, q + np.eye(case.num_classes)[c], options, reduction="none")[0]
    less = oracle.batch_loss(case, z, q, options, reduction="none")[0]
    close(to_target[:, c], (more - less) / (ROWS if reduction == "mean" else 1), rtol=1e-7)


@SETTINGS
@given(taxonomies(), seeds, SMOOTHING)
def test_a_table_mixes_the_losses_of_the_classes(case: Case, rng: Rng, smoothing: float) -> None:
    """Probabilities cost the mixture of what each class costs by its own row."""
    table = oracle.random_table(case, rng)
    assume(table.any())
    z = tensor(oracle.random_logits(case, rng, 1))
    q = rng.dirichlet(np.ones(case.num_classes), 1)
    classes = torch.arange(case.num_classes)
    every = z.expand(case.num_classes, -1)
    options: Any = {"label_smoothing": smoothing, "reduction": "none"}
    alone = loss(case, every, classes, table, **options)
    close(loss(case, z, q, table, **options), (torch.from_numpy(q) * alone).sum(1))


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from(["none", "mean"]))
def test_dense_shapes_are_many_rows(case: Case, rng: Rng, reduction: str) -> None:
    """Logits (N, C, 2, 3) cost what their 6 N rows cost."""
    z, target = oracle.random_logits(case, rng, 2, 2, 3), any_node(case, rng, 12)
    rows = np.moveaxis(z, 1, -1).reshape(12, -1)
    options: Any = {"weight": any_weight(case, rng), "label_smoothing": 0.1, "reduction": reduction}
    dense = loss(case, torch.from_numpy(z), target.reshape(2, 2, 3), **options)
    close(dense.flatten(), loss(case, torch.from_numpy(rows), target, **options).flatten())
    q = rng.random(z.shape)
    flat = np.moveaxis(q, 1, -1).reshape(12, -1)
    dense = loss(case, torch.from_numpy(z), q, **options)
    close(dense.flatten(), loss(case, torch.from_numpy(rows), flat, **options).flatten())


@SETTINGS
@given(taxonomies(), seeds)
def test_level_log_probs(case: Case, rng: Rng) -> None:
    """log P of each node in index order: each level sums to 1, and is softmax @ the matrix."""
    z = oracle.random_logits(case, rng, 2)
    summed = level_log_probs(torch.from_numpy(z), case.taxonomy)
    assert list(summed) == case.level_names
    for level, nodes in zip(case.level_names, case.at_level, strict=True):
        assert case.taxonomy.paths(level) == tuple(case.path(node) for node in nodes)
        expected = [[oracle.probability(case, row, node) for node in nodes] for row in z.tolist()]
        close(summed[level].exp(), expected)
        close(summed[level].exp().sum(1), [1.0, 1.0])
        matrix = case.taxonomy.aggregation_matrix(level).double()
        close(torch.from_numpy(z).softmax(1) @ matrix, expected)
    close(summed[case.level_names[-1]], torch.from_numpy(z).log_softmax(1))


# -- derivatives -----------------------------------------------------------------------------------


@pytest.mark.sample(2)
@pytest.mark.parametrize("second", [False, True])
@settings(SETTINGS, max_examples=examples(12))
@given(case=taxonomies(max_nodes=8), rng=seeds, smoothing=st.sampled_from([0.0, 0.2]))
def test_gradcheck(second: bool, case: Case, rng: Rng, smoothing: float) -> None:
    """First and second derivatives are those of finite differences, in logits and probabilities."""
    check = torch.autograd.gradgradcheck if second else torch.autograd.gradcheck
    z, target = tensor(oracle.random_logits(case, rng, 2, scale=1.0)), any_node(case, rng, 2)
    options = {"label_smoothing": smoothing, "reduction": "sum"}
    options["weight"] = tensor(rng.uniform(0.1, 2, case.num_classes)).detach()
    assert check(lambda x: loss(case, x, target, **options), (z,))
    q = tensor(rng.random((2, case.num_classes)))
    assert check(lambda x, y: loss(case, x, y, **options), (z, q))


# -- identities ------------------------------------------------------------------------------------


@SETTINGS
@given(taxonomies(), seeds)
def test_binding_is_only_an_order(case: Case, rng: Rng) -> None:
    """Classes in another order, logits and targets with them: the same loss and gradient."""
    order = rng.permutation(case.num_classes)
    other = bound(case.parent, case.level, case.depth, [case.order[i] for i in order])
    z, target = oracle.random_logits(case, rng, ROWS), any_node(case, rng)
    nodes = [-100 if t == -100 else other.ids[case.by_id[t]] for t in target]
    weight = rng.uniform(0.1, 2, case.num_classes)
    one, two = tensor(z), tensor(z[:, order])
    here = loss(case, one, target, weight=weight, label_smoothing=0.1)
    there = loss(other, two, torch.tensor(nodes), weight=weight[order], label_smoothing=0.1)
    close(here, there)
    close(gradient(here, one)[0][:, order], gradient(there, two)[0])


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from([-1e4, -1.0, 1e4]))
def test_a_constant_added_changes_nothing(case: Case, rng: Rng, constant: float) -> None:
    """Only differences of logits count; the gradient sums to 0."""
    z, target = oracle.random_logits(case, rng, ROWS), any_class(case)
    one, two = tensor(z), tensor(z + constant)
    close(loss(case, one, target), loss(case, two, target), rtol=1e-8)
    close(gradient(loss(case, one, target), one)[0].sum(1), np.zeros(ROWS))


@SETTINGS
@given(taxonomies(), seeds, st.booleans())
def test_a_batch_is_its_rows(case: Case, rng: Rng, weighted: bool) -> None:
    """The sum is that of the rows, the mean is by weight; the root is counted, -100 is not."""
    z, target = torch.from_numpy(oracle.random_logits(case, rng, ROWS)), any_node(case, rng)
    weight = rng.uniform(0.1, 2, case.num_classes) if weighted else None
    rows = [loss(case, z[i], target[i], weight=weight, reduction="sum") for i in range(ROWS)]
    close(loss(case, z, target, weight=weight, reduction="none"), torch.stack(rows))
    close(loss(case, z, target, weight=weight, reduction="sum"), sum(rows))
    options = Options(oracle.level_table(case, [1.0] * case.depth), weight)
    shares = [options.node_weight(case, case.by_id[t]) for t in target if t != -100]
    close(loss(case, z, target, weight=weight), sum(rows) / sum(shares))


@SETTINGS
@given(taxonomies(), seeds)
def test_merging_the_leaves_below_a_node(case: Case, rng: Rng) -> None:
    """One class with their logsumexp instead: log P of the node and of its ancestors stays."""
    every = case.num_classes
    inner = [n for n, c in case.below.items() if n not in case.order and len(c) < every]
    assume(inner)
    node = inner[rng.integers(len(inner))]
    merged, columns = without_below(case, node)
    z = torch.from_numpy(oracle.random_logits(case, rng, 3))
    joined = torch.stack([z[:, c].logsumexp(1) for c in columns], 1)
    before, after = level_log_probs(z, case.taxonomy), level_log_probs(joined, merged.taxonomy)
    for level, name in enumerate(case.level_names[: case.level[node]], 1):
        counted = case.counted(node, level)
        assert counted is not None
        here = case.at_level[level - 1].index(counted)
        kept = merged.taxonomy.paths(name).index(case.taxonomy.paths(name)[here])
        close(before[name][:, here], after[name][:, kept])


def without_below(case: Case, node: int) -> tuple[Case, list[list[int]]]:
    """The tree where a node is a leaf, and for each of its classes the classes it is made of."""
    gone = {n for n in range(1, len(case.parent)) if node in case.line(n)[:-1]}
    kept = [n for n in range(len(case.parent)) if n not in gone]
    parent = [kept.index(case.parent[n]) for n in kept]
    order, level = [n for n in case.order if n not in gone] + [node], [case.level[n] for n in kept]
    merged = bound(parent, level, case.depth, [kept.index(n) for n in order])
    return merged, [case.below[n] for n in order]


@SETTINGS
@given(taxonomies(), seeds)
def test_a_parent_is_never_less_likely_than_its_child(case: Case, rng: Rng) -> None:
    """On a class's path log P falls with depth; a node that stands on two levels repeats itself."""
    summed = level_log_probs(torch.from_numpy(oracle.random_logits(case, rng, 3)), case.taxonomy)
    index = {name: case.taxonomy.ancestor_index(name) for name in case.level_names}
    for upper, lower in zip(case.level_names, case.level_names[1:], strict=False):
        above, below = summed[upper][:, index[upper]], summed[lower][:, index[lower]]
        assert (above >= below - 1e-12).all()
        for label in range(case.num_classes):
            number = case.level_names.index(lower) + 1
            over, under = case.stands(label, number - 1), case.stands(label, number)
            if case.below[over] == case.below[under]:  # a single child, or the same node
                close(above[:, label], below[:, label])


@SETTINGS
@given(taxonomies(), seeds)
def test_linear_in_level_weights(case: Case, rng: Rng) -> None:
    """a times some weights and b times others cost a times the one loss and b times the other."""
    z, target = torch.from_numpy(oracle.random_logits(case, rng, ROWS)), any_node(case, rng)
    one, two = rng.uniform(0.1, 2, case.depth), rng.uniform(0.1, 2, case.depth)
    both = case.by_name((0.3 * one + 1.7 * two).tolist())
    first, second = (loss(case, z, target, case.by_name(w.tolist())) for w in (one, two))
    close(loss(case, z, target, both), 0.3 * first + 1.7 * second)


@SETTINGS
@given(taxonomies(), seeds, SMOOTHING, REDUCTIONS)
def test_a_one_hot_target_is_its_index(case: Case, rng: Rng, smoothing: float, reduction: str) -> None:
    """Without class weights (by which only an index's mean divides) both forms agree."""
    z, target = torch.from_numpy(oracle.random_logits(case, rng, ROWS)), any_class(case)
    options: Any = {"label_smoothing": smoothing, "reduction": reduction}
    one_hot = np.eye(case.num_classes)[target]
    close(loss(case, z, one_hot, **options), loss(case, z, target, **options))
    options |= {"weight": rng.uniform(0.1, 2, case.num_classes), "reduction": "none"}
    close(loss(case, z, one_hot, **options), loss(case, z, target, **options))


@SETTINGS
@given(taxonomies(), seeds, SMOOTHING)
def test_the_root_costs_nothing_but_is_counted(case: Case, rng: Rng, smoothing: float) -> None:
    """A row with the root as target: loss 0, gradient 0, and half of the mean of two rows."""
    root = len(case.ids) - 1
    assert case.taxonomy.node_id(()) == root
    logits = tensor(oracle.random_logits(case, rng, 2))
    options: Any = {"label_smoothing": smoothing, "reduction": "none"}
    rows = loss(case, logits, np.array([0, root]), **options)
    assert rows[1] == 0
    assert (gradient(rows, logits)[0][1] == 0).all()
    options["reduction"] = "mean"
    close(loss(case, logits, np.array([0, root]), **options), rows[0] / 2)


@SETTINGS
@given(taxonomies(), seeds, REDUCTIONS, SMOOTHING)
def test_deepest_on_classes_is_cross_entropy(
    case: Case, rng: Rng, reduction: str, smoothing: float
) -> None:
    """With all weight on the target's own node, classes cost what torch says."""
    logits, target = tensor(oracle.random_logits(case, rng, ROWS)), any_class(case)
    options: Any = {"reduction": reduction, "label_smoothing": smoothing}
    options["weight"] = torch.from_numpy(rng.uniform(0.1, 2, case.num_classes))
    ours = loss(case, logits, target, weighting.deepest(), **options)
    flat = F.cross_entropy(logits, torch.from_numpy(target), **options)
    close(ours, flat)
    close(gradient(ours, logits)[0], gradient(flat, logits)[0])


@SETTINGS
@given(taxonomies(), seeds, SMOOTHING)
def test_a_level_without_weight_changes_nothing(case: Case, rng: Rng, smoothing: float) -> None:
    """A level put in anywhere above the classes' own, with weight 0: the same loss."""
    at = int(rng.integers(1, case.depth + 1))  # the new level
    level = [number + (number >= at) for number in case.level]
    more = bound(case.parent, level, case.depth + 1, case.order)
    values = rng.uniform(0.1, 2, case.depth).tolist()
    z, target = torch.from_numpy(oracle.random_logits(case, rng, ROWS)), any_node(case, rng)
    here = loss(case, z, target, case.by_name(values), label_smoothing=smoothing)
    wider = more.by_name([*values[: at - 1], 0.0, *values[at - 1 :]])
    close(here, loss(more, z, target, wider, label_smoothing=smoothing))


@SETTINGS
@given(taxonomies())
def test_numbers_and_both_ways_of_making_a_tree(case: Case) -> None:
    """Target ids are those of the design, and rows of names give the tree that a file gives."""
    for node, number in case.ids.items():
        assert case.taxonomy.node_ids([case.path(node)]).tolist() == [number]
        assert case.taxonomy.path(number) == case.path(node)
    table = case.parent, case.level, case.depth, case.order
    assert bound(*table, as_rows=True).taxonomy == bound(*table).taxonomy == case.taxonomy
