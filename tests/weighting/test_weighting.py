"""Weight schedules against their own definitions, on random ragged trees; what they refuse; the command."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import hypothesis.strategies as st
import loss_oracle as oracle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis_settings import SETTINGS
from loss_oracle import Array
from torch.testing import assert_close
from trees import Case, bound, seeds, taxonomies

import taxoloss
from taxoloss import TaxonomyLoss, weighting
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.weighting.register import Takes, schedule
from taxoloss.weighting.table import weight_table
from taxoloss.weighting.text import schedule_text

Rng = np.random.Generator
Costs = dict[int, float]
DILUTIONS = st.sampled_from([0.05, 0.5, 0.7, 1.0])
ALPHAS = st.sampled_from([0.0, 0.1, 0.5, 3.0, 1e3, 1e308])
#: A tree with a missing rank, a leaf that ends early, a chain, and a leaf below the root.
RAGGED = bound([0, 0, 1, 1, 2, 2, 0, 6, 0], [0, 1, 2, 3, 3, 3, 2, 3, 1], 3, [8, 4, 3, 5, 7])
SIMPLE = [
    weighting.uniform(),
    weighting.deepest(),
    weighting.geometric(0.7),
    weighting.hxe(0.5),
    weighting.balanced(),
    weighting.label_balanced([4, 3, 2, 1, 0, 0, 5, 6, 7]),
    weighting.by_level({"L1": 0.2, "L2": 0.3, "L3": 0.5}),
]
WITH_ALL = pytest.mark.parametrize("schedule", SIMPLE, ids=repr)


def own_table(taxonomy: taxoloss.Taxonomy, factor: float) -> Array:
    """A schedule that is in no register."""
    return weighting.uniform()(taxonomy) * factor


def losses(case: Case, logits: Array, schedule: Any) -> torch.Tensor:
    """Our loss of one row of logits for every node of the tree as the target, by target id."""
    target = torch.arange(len(case.ids))
    rows = torch.from_numpy(logits).expand(len(target), -1)
    return taxonomy_cross_entropy(rows, target, case.taxonomy, schedule, reduction="none")


def defined(case: Case, logits: Array, loss_of: Callable[[int], float]) -> torch.Tensor:
    """The same by a definition of the loss of a node."""
    return torch.tensor([loss_of(node) for node in case.by_id], dtype=torch.float64)


def surprise(case: Case, logits: Array) -> dict[int, float]:
    """-log P of every node, the root's 0."""
    p = {node: oracle.probability(case, logits.tolist(), node) for node in range(len(case.parent))}
    return {node: -math.log(min(p[node], 1.0)) for node in p}


def close(ours: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal in float64 but for rounding."""
    assert_close(ours, expected, rtol=1e-9, atol=1e-12)


def some_logits(case: Case, rng: Rng) -> Array:
    """One row."""
    row: Array = oracle.random_logits(case, rng, 1)[0]
    return row


# -- each by its own definition --------------------------------------------------------------------


@SETTINGS
@given(taxonomies(), seeds, ALPHAS)
def test_hxe(case: Case, rng: Rng, alpha: float) -> None:
    """The sum down the path of exp(-alpha (k - 1)) times -log P(node | parent); each row sums to 1."""
    logits = some_logits(case, rng)
    cost = surprise(case, logits)

    def loss_of(node: int) -> float:
        steps = enumerate(case.line(node))  # k - 1 = 0 just below the root
        return sum(math.exp(-alpha * k) * (cost[n] - cost[case.parent[n]]) for k, n in steps)

    close(losses(case, logits, weighting.hxe(alpha)), defined(case, logits, loss_of))
    np.testing.assert_allclose(weighting.hxe(alpha)(case.taxonomy)[:-1].sum(1), 1, rtol=1e-12)


@SETTINGS
@given(taxonomies(), seeds, DILUTIONS)
def test_geometric(case: Case, rng: Rng, d: float) -> None:
    """d on the target, d (1 - d) on its parent, ...; with the root's (1 - d)^m a row sums to 1."""
    logits = some_logits(case, rng)
    cost = surprise(case, logits)

    def loss_of(node: int) -> float:
        upward = enumerate(reversed(case.line(node)))
        return sum(d * (1 - d) ** j * cost[n] for j, n in upward)

    close(losses(case, logits, weighting.geometric(d)), defined(case, logits, loss_of))
    left = [(1 - d) ** len(case.line(node)) for node in case.by_id]
    np.testing.assert_allclose(weighting.geometric(d)(case.taxonomy).sum(1), 1 - np.array(left), atol=1e-14)


@SETTINGS
@given(taxonomies(), seeds)
def test_balanced(case: Case, rng: Rng) -> None:
    """From the top, each node takes what remains / (height + 1); nothing remains below a class."""
    logits = some_logits(case, rng)
    cost = surprise(case, logits)

    def height(node: int) -> int:
        return max((height(child) + 1 for child in case.children(node)), default=0)

    def loss_of(node: int) -> float:
        remains, total = 1.0, 0.0
        for n in case.line(node):
            share = remains / (height(n) + 1)
            remains, total = remains - share, total + share * cost[n]
        return total

    close(losses(case, logits, weighting.balanced()), defined(case, logits, loss_of))
    classes = weighting.balanced()(case.taxonomy)[: case.num_classes]
    np.testing.assert_allclose(classes.sum(1), 1, rtol=1e-12)


@SETTINGS
@given(taxonomies(), seeds)
def test_deepest(case: Case, rng: Rng) -> None:
    """-log P of the target, whatever node it is."""
    logits = some_logits(case, rng)
    cost = surprise(case, logits)
    close(losses(case, logits, weighting.deepest()), defined(case, logits, cost.__getitem__))


@SETTINGS
@given(taxonomies(), seeds)
def test_all_ones_is_the_sum_over_levels(case: Case, rng: Rng) -> None:
    """uniform, L times, is the sum over levels of each level's own cross-entropy."""
    logits = some_logits(case, rng)
    cost = surprise(case, logits)

    def loss_of(node: int) -> float:
        there = [case.counted(node, level) for level in range(1, case.depth + 1)]
        return sum(cost[n] for n in there if n is not None)

    expected = defined(case, logits, loss_of)
    close(case.depth * losses(case, logits, weighting.uniform()), expected)
    close(losses(case, logits, case.by_name([1.0] * case.depth)), expected)


@SETTINGS
@given(taxonomies(), seeds, st.booleans())
def test_label_balanced(case: Case, rng: Rng, by_name: bool) -> None:
    """Each level that is reached weighs the same over all samples, and a sample's mean weight is 1."""
    labels = rng.choice(len(case.ids), 30) * (rng.random(30) < 0.8)  # class 0 is there
    counts: Any = np.bincount(labels, minlength=len(case.ids))
    if by_name:
        counts = {case.path(case.by_id[label]): n for label, n in enumerate(counts) if n}
    table = weighting.label_balanced(counts)(case.taxonomy)
    over_samples = table[labels].sum(0)
    np.testing.assert_allclose(over_samples, len(labels) / case.depth, rtol=1e-12)
    np.testing.assert_allclose(table[labels].sum(1).mean(), 1, rtol=1e-12)


# -- what is the same as what ----------------------------------------------------------------------


@SETTINGS
@given(taxonomies(), seeds)
def test_cross_entropy(case: Case, rng: Rng) -> None:
    """geometric(1), hxe(0) and deepest are one table; on classes it is torch's cross-entropy."""
    deepest = weighting.deepest()(case.taxonomy)
    assert (weighting.geometric(1)(case.taxonomy) == deepest).all()
    assert (weighting.hxe(0)(case.taxonomy) == deepest).all()
    logits = torch.from_numpy(oracle.random_logits(case, rng, case.num_classes))
    target = torch.arange(case.num_classes)
    ours = taxonomy_cross_entropy(logits, target, case.taxonomy, weighting.geometric(1))
    close(ours, F.cross_entropy(logits, target))


@SETTINGS
@given(taxonomies())
def test_on_classes_alone_label_balanced_is_uniform(case: Case) -> None:
    """Every class reaches every level."""
    counts = np.arange(1, case.num_classes + 1)
    ours = weighting.label_balanced(counts)(case.taxonomy)
    np.testing.assert_allclose(ours, weighting.uniform()(case.taxonomy), rtol=1e-12)


@SETTINGS
@given(taxonomies(), seeds)
def test_an_inner_node_has_the_row_of_its_classes(case: Case, rng: Rng) -> None:
    """Cut at itself: by_level, uniform, label_balanced and balanced."""
    t = case.taxonomy
    levels = weighting.by_level(case.by_name(rng.uniform(0.1, 2, case.depth).tolist()))
    counts = weighting.label_balanced(rng.uniform(0.1, 2, len(case.ids)))
    for table in (s(t) for s in (levels, counts, weighting.uniform(), weighting.balanced())):
        for node, number in case.ids.items():
            known = [case.counted(node, level + 1) is not None for level in range(case.depth)]
            for label in case.below[node]:
                assert (table[number] == np.where(known, table[label], 0)).all()


def test_on_a_complete_tree_balanced_is_uniform() -> None:
    """All classes equally deep, no rank missing."""
    t = taxoloss.load("cifar100").bind(node_targets=True)
    np.testing.assert_allclose(weighting.balanced()(t), weighting.uniform()(t), rtol=1e-12)


def test_a_level_that_no_label_reaches_weighs_nothing() -> None:
    """Labels down to the second level of three: half of the weight on each."""
    node = RAGGED.taxonomy.node_id(("n0", "n0"))
    table = weighting.label_balanced({("n0", "n0"): 8, ("n0",): 2, (): 10})(RAGGED.taxonomy)
    assert table[0].tolist() == [1.0, 1.25, 0.0]
    assert table[node].tolist() == [1.0, 1.25, 0.0]


def test_rows_of_a_ragged_tree() -> None:
    """By hand: a node that stands on several levels is weighed once, on the deepest."""
    t = RAGGED.taxonomy
    assert [t.path(i) for i in (0, 2, 4)] == [("n2",), ("n0", "n1"), ("n1", "n0")]
    hxe = weighting.hxe(math.log(2))(t)[[0, 2, 4]]
    np.testing.assert_allclose(hxe, [[0.0, 0.0, 1.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]], rtol=1e-15)
    balanced = weighting.balanced()(t)[[0, 1, 2, 4]]
    expected = [[0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3], [1 / 3, 0.0, 2 / 3], [0.0, 0.5, 0.5]]
    np.testing.assert_allclose(balanced, expected, rtol=1e-15)


# -- every schedule --------------------------------------------------------------------------------


@WITH_ALL
def test_classes_in_another_order(schedule: Any) -> None:
    """A row belongs to a node, not to its number."""
    other = bound(RAGGED.parent, RAGGED.level, 3, sorted(RAGGED.order))
    if "label" in repr(schedule):
        counts = dict(zip(map(RAGGED.path, RAGGED.by_id), schedule.arguments[0], strict=True))
        schedule = weighting.label_balanced(counts)
    here, there = schedule(RAGGED.taxonomy), schedule(other.taxonomy)
    for node, number in RAGGED.ids.items():
        assert (here[number] == there[other.ids[node]]).all()


@WITH_ALL
def test_accepted_wherever_level_weights_are(schedule: Any) -> None:
    """Module, function and set_level_weights take a schedule, and its table, alike."""
    t = RAGGED.taxonomy
    table = weight_table(t, schedule)
    assert table.dtype == np.float64
    logits, target = torch.randn(4, 5, dtype=torch.float64), torch.tensor([0, 2, 6, 4])
    loss = TaxonomyLoss(t, schedule)
    expected = taxonomy_cross_entropy(logits, target, t, table)
    assert_close(loss(logits, target), expected)
    assert_close(taxonomy_cross_entropy(logits, target, t, schedule), expected)
    other = TaxonomyLoss(t)
    other.set_level_weights(schedule)
    assert_close(other(logits, target), expected)


@WITH_ALL
def test_a_schedule_shows_itself(schedule: Any) -> None:
    """repr is the call that makes it; copies and pickles give the same table."""
    again = eval(repr(schedule), vars(weighting))
    assert repr(again) == repr(schedule)
    for other in (again, copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert (other(RAGGED.taxonomy) == schedule(RAGGED.taxonomy)).all()


def test_a_schedule_keeps_its_arguments() -> None:
    """What the caller changes afterwards changes no schedule; long counts are shown in short."""
    levels, counts = {"L1": 1.0, "L2": 0.0, "L3": 0.0}, np.arange(5.0)
    by_level, by_label = weighting.by_level(levels), weighting.label_balanced(counts)
    levels["L1"], counts[:] = 2.0, 0
    assert by_level(RAGGED.taxonomy)[0].tolist() == [1, 0, 0]
    assert by_label(RAGGED.taxonomy).any()
    assert repr(weighting.label_balanced(np.arange(99))).count(",") < 10


def test_the_call_of_a_maker_is_that_of_its_argument() -> None:
    """Its signature has no taxonomy; arguments may be named; what does not fit is told with its name."""
    assert list(inspect.signature(weighting.hxe).parameters) == ["alpha"]
    assert repr(weighting.hxe(alpha=1)) == "hxe(1.0)"
    hxe: Any = weighting.hxe
    for call in (hxe, partial(hxe, 1, 2), partial(hxe, beta=1)):
        with pytest.raises(TypeError, match=r"^hxe\(\): "):
            call()


def test_a_schedule_of_ones_own() -> None:
    """Any function of the module makes one; it is pickled as it is, and has no text."""
    own = weighting.Schedule(own_table, (2.0,))
    assert repr(own) == "own_table(2.0)"
    again = pickle.loads(pickle.dumps(own))
    assert (again(RAGGED.taxonomy) == own(RAGGED.taxonomy)).all()
    with pytest.raises(ValueError, match=r"expected a schedule of by_level, .*got own_table\(2.0\)"):
        schedule_text(own)
    with pytest.raises(ValueError, match="got a second 'hxe'"):
        schedule(Takes.nothing)(weighting.hxe.__wrapped__)  # type: ignore[attr-defined]


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", weighting.SCHEDULES)
def test_a_schedule_that_was_not_called(name: str) -> None:
    """weighting.hxe in the place of weighting.hxe(0.5)."""
    with pytest.raises(TypeError, match=rf"weighting\.{name}\(\.\.\.\), with parentheses"):
        weight_table(RAGGED.taxonomy, getattr(weighting, name))


@pytest.mark.parametrize(
    ("make", "argument", "error", "words"),
    [
        (weighting.geometric, 0, ValueError, r"above 0 and at most 1 in geometric\(d\), got 0.0"),
        (weighting.geometric, 1.01, ValueError, "got 1.01"),
        (weighting.geometric, math.nan, ValueError, "got nan"),
        (weighting.geometric, "0.7", TypeError, r"a number as d of geometric\(d\), got str '0.7'"),
        (weighting.geometric, True, TypeError, "got bool True"),
        (weighting.hxe, -0.1, ValueError, r"a finite alpha, 0 or larger, in hxe\(alpha\), got -0.1"),
        (weighting.hxe, math.inf, ValueError, "got inf"),
        (weighting.hxe, None, TypeError, r"a number as alpha of hxe\(alpha\), got NoneType None"),
        (weighting.hxe, 10**400, TypeError, "got int 1000"),
        (weighting.by_level, [0.3, 0.7], TypeError, r"by name, got list \[0.3, 0.7\]"),
        (weighting.label_balanced, ["a"], TypeError, "expected numbers of samples as counts"),
    ],
)
def test_wrong_arguments(make: Any, argument: Any, error: type[Exception], words: str) -> None:
    """Refused where the schedule is made, with both values."""
    with pytest.raises(error, match=words):
        make(argument)


@pytest.mark.parametrize(
    ("counts", "error", "words"),
    [
        ([1, 2, 3], ValueError, r"shape \(5,\), one a class, or \(9,\), one a node id, got \(3,\)"),
        (3, ValueError, r"got \(\)"),
        ([0] * 5, ValueError, "a count above 0 below the root, got counts that sum to 0.0"),
        ([0] * 8 + [7], ValueError, "sum to 7.0"),
        ([1, -1, 1, 1, 1], ValueError, "node 1 has -1.0"),
        ([1, math.nan, 1, 1, 1], ValueError, "node 1 has nan"),
        ({"n9": 3}, taxoloss.TaxonomyError, "`n9` is no node of the tree"),
        ({"n2": "3"}, TypeError, "a number as the count of 'n2', got str '3'"),
    ],
)
def test_wrong_counts(counts: Any, error: type[Exception], words: str) -> None:
    """Refused when the taxonomy is known."""
    with pytest.raises(error, match=words):
        weighting.label_balanced(counts)(RAGGED.taxonomy)


def test_an_unbound_tree_is_refused() -> None:
    """As everywhere: which output is which class?"""
    with pytest.raises(ValueError, match="needs a bound taxonomy"):
        weighting.hxe(0.5)(taxoloss.load("pets"))


@pytest.mark.parametrize("make", ["dict", "table"])
def test_a_weight_that_wants_a_gradient_is_refused(make: str) -> None:
    """Level weights are constants: a gradient would never come."""
    t = taxoloss.load("pets").bind()
    weight = torch.tensor(0.3, requires_grad=True)
    weights: Any = {"species": weight, "breed": 0.7} if make == "dict" else weight.expand(40, 2)
    with pytest.raises(TypeError, match=r"a constant as .*requires a gradient; detach it"):
        TaxonomyLoss(t, weights)
