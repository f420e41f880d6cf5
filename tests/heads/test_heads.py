"""Heads against their definitions in plain Python, on random trees."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from trees import Case, bound, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy, decisions, heads
from taxoloss.heads import ConditionalSoftmax, Flat, LevelHeads, PathSum
from taxoloss.heads.head import Head

WIDTH = 3
HEADS = tuple(getattr(heads, name) for name in heads.__all__ if issubclass(getattr(heads, name), Head))
each_head = pytest.mark.parametrize("make", HEADS)


def filled(make: Callable[..., Any], taxonomy: Taxonomy, seed: int = 0, bias: bool = True) -> Any:
    """A head with random parameters in float64."""
    torch.manual_seed(seed)
    head = make(WIDTH, taxonomy, bias).double()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return head


def features(rows: int = 4, seed: int = 1) -> Tensor:
    """Random features in float64."""
    return torch.randn(rows, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def score(head: Any, x: Tensor, row: int) -> float:
    """The score of one row of parameters: sums of products."""
    terms = [w * v for w, v in zip(head.weight[row].tolist(), x.tolist(), strict=True)]
    return math.fsum([*terms, head.bias[row].item()])


def log_share(case: Case, own: float, others: list[float]) -> float:
    """log of exp(own) in the sum of all."""
    top = max(others)
    return own - top - math.log(math.fsum(math.exp(s - top) for s in others))


def path_sum(case: Case, head: Any, x: Tensor, label: int) -> float:
    """The sum of the scores of the nodes on the path."""
    return math.fsum(score(head, x, case.ids[n]) for n in case.line(case.order[label]))


def conditional(case: Case, head: Any, x: Tensor, label: int) -> float:
    """The sum of log P(node | parent)."""

    def own(node: int) -> float:
        return score(head, x, case.ids[node]) + math.log(len(case.below[node]))

    line = case.line(case.order[label])
    return math.fsum(log_share(case, own(n), [own(m) for m in case.children(case.parent[n])]) for n in line)


def summed(case: Case, head: Any, x: Tensor, label: int) -> float:
    """The sum over levels of the log-probability of the class's node there."""
    total, start = [], 0
    for level, nodes in enumerate(case.at_level, 1):
        scores = [score(head, x, start + at) for at in range(len(nodes))]
        own = scores[nodes.index(case.stands(label, level))]
        total.append(log_share(case, own, scores))
        start += len(nodes)
    return math.fsum(total)


def flat(case: Case, head: Any, x: Tensor, label: int) -> float:
    """The score of the class."""
    return score(head, x, label)


DEFINITIONS = {Flat: flat, PathSum: path_sum, ConditionalSoftmax: conditional, LevelHeads: summed}


@pytest.mark.one_form("calls neither")
@each_head
@given(case=taxonomies())
@SETTINGS
def test_leaf_logits_are_the_definition(make: Any, case: Case) -> None:
    head, x = filled(make, case.taxonomy), features(2)
    expected = [[DEFINITIONS[make](case, head, row, c) for c in range(case.num_classes)] for row in x]
    torch.testing.assert_close(head(x), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.one_form("calls neither")
@each_head
@given(case=taxonomies())
@SETTINGS
def test_it_begins_at_the_uniform_distribution(make: Any, case: Case) -> None:
    log_p = F.log_softmax(make(WIDTH, case.taxonomy)(features().float()), 1)
    expected = torch.full_like(log_p, -math.log(case.num_classes))
    torch.testing.assert_close(log_p, expected, atol=2e-6, rtol=0)


@pytest.mark.one_form("calls neither")
@given(case=taxonomies())
@SETTINGS
def test_conditional_probabilities_sum_to_one(case: Case) -> None:
    logits = 300 * filled(ConditionalSoftmax, case.taxonomy)(features())
    head = filled(ConditionalSoftmax, case.taxonomy)
    torch.testing.assert_close(head(1e3 * features()).logsumexp(1), torch.zeros(4, dtype=torch.float64))
    assert logits.isfinite().all()


@pytest.mark.one_form("calls neither")
@pytest.mark.sample(2)
@each_head
@given(case=taxonomies())
@SETTINGS
def test_gradients(make: Any, case: Case) -> None:
    head, x = filled(make, case.taxonomy), features(2).requires_grad_()

    def leaf(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(head, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(leaf, (x, head.weight, head.bias))


@pytest.mark.parametrize("make", [PathSum, ConditionalSoftmax, LevelHeads])
def test_another_order_of_classes_moves_columns_only(make: Any) -> None:
    tree = taxoloss.load("cifar100")
    names = tree.paths()
    one, other = tree.bind(names), tree.bind(names[::-1])
    first, second = filled(make, one), make(WIDTH, other).double()
    with torch.no_grad():
        for a, b in zip(first.parameters(), second.parameters(), strict=True):
            b.copy_(a)
            b[-100:] = a[-100:].flip(0) if make is LevelHeads else a[-100:]
            if make is not LevelHeads:  # by node id: the classes first
                b[:100] = a[:100].flip(0)
    torch.testing.assert_close(second(features()), first(features()).flip(1))


def test_one_level_is_a_linear_layer_and_cross_entropy() -> None:
    tree = Taxonomy.from_paths([("a",), ("b",), ("c",)]).bind()
    linear, x, target = torch.nn.Linear(WIDTH, 3).double(), features(), torch.tensor([0, 2, 1, 1])
    for make in HEADS:
        head = filled(make, tree)
        missing = head.load_state_dict(linear.state_dict(), strict=False).missing_keys
        assert missing == ["binding"]
        expected = linear(x) if make in (Flat, PathSum) else F.log_softmax(linear(x), 1)
        torch.testing.assert_close(head(x), expected)
        if make is LevelHeads:
            torch.testing.assert_close(head.loss(x, target), F.cross_entropy(linear(x), target))


@each_head
def test_shapes_without_bias_and_narrow_numbers(make: Any) -> None:
    pets = taxoloss.load("pets").bind()
    head = make(WIDTH, pets, bias=False)
    torch.nn.init.normal_(head.weight)
    x = torch.randn(2, 5, WIDTH)
    assert head(x).shape == (2, 5, 37)
    assert head(x[0, 0]).shape == (37,)
    assert head(x[:0]).shape == (0, 5, 37)
    torch.testing.assert_close(head(x)[1, 3], head(x[1, 3]))
    with torch.autocast("cpu", torch.bfloat16):
        assert (head(x).float() - head(x)).abs().max() < 1
        loss = taxoloss.TaxonomyLoss(pets)(head(x[0]), torch.arange(5))
    loss.backward()
    assert head.weight.grad.isfinite().all()
    assert "pets" in repr(head)
    assert "bias=False" in repr(head)
    head.reset_parameters()
    assert not head.weight.any()


@each_head
def test_any_loss_any_decision(make: Any) -> None:
    tree = taxoloss.load("pets").bind(node_targets=True)
    head = make(WIDTH, tree)
    x = torch.randn(64, WIDTH, generator=torch.Generator().manual_seed(0))
    target = torch.randint(len(tree) + 2, (64,), generator=torch.Generator().manual_seed(1))
    for weights in (None, taxoloss.weighting.deepest(), {"species": 1.0, "breed": 0.0}):
        head.reset_parameters()
        loss = taxoloss.TaxonomyLoss(tree, weights)
        adam = torch.optim.Adam(head.parameters(), 0.05)
        costs = []
        for _ in range(5):
            cost = loss(head(x), target)
            adam.zero_grad()
            cost.backward()
            adam.step()
            costs.append(cost.item())
        assert costs[-1] < costs[0]
    for answer in (decisions.climb(head(x), tree, 0.5), decisions.minimum_cost(head(x), tree)):
        assert isinstance(answer, Tensor)
        assert answer.shape == (64,)


@pytest.mark.sample(4)
@each_head
def test_it_exports_with_any_number_of_rows(make: Any) -> None:
    head = filled(make, taxoloss.load("pets").bind())
    x = features(6)
    program = torch.export.export(head, (x,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    for rows in (x, x[:3]):
        torch.testing.assert_close(program.module()(rows), head(rows))


# -- heads of levels -------------------------------------------------------------------------------


def level_scores(head: Any, case: Case, x: Tensor) -> list[list[float]]:
    """For each level the scores of its nodes."""
    found, start = [], 0
    for nodes in case.at_level:
        found.append([score(head, x, start + at) for at in range(len(nodes))])
        start += len(nodes)
    return found


@given(case=taxonomies())
@SETTINGS
def test_heads_read_one_by_one_and_top_down(case: Case) -> None:
    head, x = filled(LevelHeads, case.taxonomy), features(3)
    single, chain = head.one_by_one(x), head.top_down(x)
    for row in range(3):
        scores = level_scores(head, case, x[row])
        for level, values in zip(case.level_names, scores, strict=True):
            assert int(single[level][row]) == values.index(max(values))
        inside = list(range(case.num_classes))
        for number, (nodes, values) in enumerate(zip(case.at_level, scores, strict=True), 1):
            here = {nodes.index(case.stands(c, number)) for c in inside}
            best = max(here, key=values.__getitem__)
            inside = [c for c in inside if case.stands(c, number) == nodes[best]]
        assert [int(chain[row])] == inside


@given(case=taxonomies())
@SETTINGS
def test_the_loss_of_heads_is_masked_cross_entropy(case: Case) -> None:
    head, nodes = filled(LevelHeads, case.taxonomy), len(case.ids)
    x = features(nodes + 1)
    target = torch.tensor([*range(nodes), -100])
    weights = case.by_name([0.5 + level for level in range(case.depth)])
    expected = 0.0
    for level, name in enumerate(case.level_names, 1):
        costs = []
        for row, node in enumerate(case.by_id):
            here = case.counted(node, level)
            if here is not None:
                values = level_scores(head, case, x[row])[level - 1]
                own = values[case.at_level[level - 1].index(here)]
                costs.append(-log_share(case, own, values))
        expected += weights[name] * math.fsum(costs) / len(costs)
    assert head.loss(x, target, weights).item() == pytest.approx(expected, rel=1e-6)


def test_a_level_without_labels_costs_nothing_and_no_labels_are_nan() -> None:
    tree = taxoloss.load("pets").bind(node_targets=True)
    head, x = filled(LevelHeads, tree), features(1)
    cat = tree.node_ids(["cat"])
    species = F.cross_entropy(head.level_logits(x)["species"], torch.zeros(1, dtype=torch.long))
    assert head.loss(x, cat).item() == pytest.approx(species.item(), rel=1e-6)
    assert head.loss(x, torch.tensor([-100])).isnan()
    assert head.loss(x, torch.tensor([7]), ignore_index=7).isnan()


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from([0.0, 0.1]))
def test_the_loss_leaves_out_what_has_no_weight(
    case: Case, rng: np.random.Generator, smoothing: float
) -> None:
    """Features of ignored samples may be anything, and scores on a level of weight 0 beyond all numbers."""
    torch.manual_seed(int(rng.integers(2**31)))
    head = LevelHeads(3, case.taxonomy)
    torch.nn.init.normal_(head.weight)
    target = torch.tensor([0, 1, -100, -100, case.taxonomy.node_id(())])
    levels = case.by_name(rng.uniform(0.1, 2, case.depth).tolist())
    unused = int(rng.integers(case.depth)) if case.depth > 1 else -1
    if unused >= 0:
        levels[f"L{unused + 1}"] = 0.0
    clean = torch.randn(5, 3)
    bad = clean.clone()
    bad[2], bad[3, 1], bad[4] = math.nan, math.inf, -math.inf
    found = []
    for features in (clean, bad):
        if features is bad and unused >= 0:
            first = sum(head.widths[:unused])
            with torch.no_grad():
                head.weight[first : first + head.widths[unused]] = 3e38
        given = features.clone().requires_grad_()
        value = head.loss(given, target, levels, label_smoothing=smoothing)
        assert head.bias is not None
        found.append((value.detach(), *torch.autograd.grad(value, (given, head.weight, head.bias))))
    torch.testing.assert_close(*found)
    assert (found[1][1][2:] == 0).all()


# -- what is refused -------------------------------------------------------------------------------


def test_a_state_of_another_order_is_refused(tmp_path: Any) -> None:
    tree = taxoloss.load("pets")
    one, other = tree.bind(), tree.bind(tree.paths()[::-1])
    for make in HEADS:
        head = filled(make, one)
        torch.save(head.state_dict(), tmp_path / "head.pt")
        state = torch.load(tmp_path / "head.pt", weights_only=True)
        make(WIDTH, one).double().load_state_dict(state)
        with pytest.raises(RuntimeError, match=f"{make.__name__} was stored for another taxonomy"):
            make(WIDTH, other).load_state_dict(state)


PETS = taxoloss.load("pets").bind()


@pytest.mark.one_form("calls neither")
@each_head
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda make: make(0, PETS), ValueError, "expected in_features of 1 or more, got 0"),
        (lambda make: make(2.5, PETS), TypeError, "expected in_features as an integer, got float"),
        (lambda make: make(True, PETS), TypeError, "expected in_features as an integer, got bool"),
        (lambda make: make(3, "pets"), TypeError, "expected a bound Taxonomy, got str"),
        (lambda make: make(3, taxoloss.load("pets")), ValueError, "bind"),
        (lambda make: make(3, PETS)(torch.zeros(2, 4)), ValueError, r"expected features \(..., 3\)"),
        (lambda make: make(3, PETS)(torch.zeros(())), ValueError, r"got \(\)"),
        (lambda make: make(3, PETS)(torch.zeros(2, 3).long()), TypeError, "got torch.int64"),
        (lambda make: make(3, PETS)([1.0]), TypeError, "got list"),
    ],
)
def test_refusals(make: Any, call: Callable[[Any], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(make)


def test_refusals_of_the_loss_of_heads() -> None:
    loss = partial(LevelHeads(3, PETS).loss, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"expected target \(2,\).*got \(3,\)"):
        loss(torch.zeros(3).long())
    with pytest.raises(IndexError):
        loss(torch.tensor([0, 37]))
    with pytest.raises(ValueError, match="specie"):
        loss(torch.zeros(2).long(), {"specie": 1.0, "breed": 1.0})
    with pytest.raises(ValueError, match="breed"):
        loss(torch.zeros(2).long(), {"species": 1.0})


def test_chains_and_early_leaves() -> None:
    # root > 1 > 2 > 3 (a chain), root > 4 (ends at level 1)
    case = bound([0, 0, 1, 2, 0], [0, 1, 2, 3, 1], 3, [4, 3])
    for make in HEADS:
        head, x = filled(make, case.taxonomy), features(1)
        expected = [DEFINITIONS[make](case, head, x[0], c) for c in range(2)]
        torch.testing.assert_close(head(x)[0], torch.tensor(expected, dtype=torch.float64))


class Counted(TorchDispatchMode):
    """Counts the operations of torch."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.sample(4)
@each_head
def test_ten_thousand_classes_take_as_many_operations_as_a_hundred(make: Callable[..., Any]) -> None:
    """No loop over nodes: the number depends on the levels alone."""
    counts = []
    for side in (10, 100):
        rows = [(f"a{n % 5}", f"b{n // side}", f"c{n}") for n in range(side * side)]
        head = make(WIDTH, Taxonomy.from_paths(rows).bind())
        x, target = features(2).float(), torch.tensor([0, side * side - 1])
        head(x)  # makes the tables
        with Counted() as counted:
            F.cross_entropy(head(x), target).backward()
        counts.append(counted.count)
    assert counts[0] == counts[1]
