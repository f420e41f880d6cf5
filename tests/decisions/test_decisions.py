"""Each decision against its definition in plain Python: random trees, shapes, extremes, errors, export."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import metric_oracles as oracle
import numpy as np
import pytest
import torch
from answering import exported
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from loss_oracle import probability, random_logits
from torch import Tensor
from trees import Case, seeds, taxonomies

from taxoloss import Taxonomy, decisions
from taxoloss.evaluation.rules import RULES as SCORED
from taxoloss.functional.log_odds import path_log_odds

Rng = np.random.Generator
ROWS = [("x", "a"), ("x", "b"), ("y", "c"), ("y", "d")]
UNBOUND = Taxonomy.from_paths(ROWS, ["top", "leaf"])
TREE = UNBOUND.bind(["c", "a", "d", "b"], node_targets=True)
LOGITS = torch.tensor([[2.0, 1.5, -1.0, 1.4], [0.0, 1.0, 3.0, 2.0], [1.0, 0.0, 0.5, -2.0]])

#: Every decision that gives one node a row.
RULES: dict[str, Callable[..., Any]] = {
    "leaf": decisions.leaf,
    "at_level": lambda z, t, **o: decisions.at_level(z, t, t.levels[0], **o),
    "climb": lambda z, t, **o: decisions.climb(z, t, 0.7, **o),
    "top_down": lambda z, t, **o: decisions.top_down(z, t, 0.4, **o),
    "most_specific": lambda z, t, **o: decisions.most_specific(z, t, 0.3, **o),
    "minimum_cost": decisions.minimum_cost,
    "hedge": lambda z, t, **o: decisions.hedge(z, t, 0.2, **o),
}


def informative(case: Case, logits: Any, node: int) -> float:
    """The node's information."""
    return oracle.information(case, node)


def definition(case: Case, logits: Any, name: str) -> int:
    """The node that a decision of RULES answers."""
    nodes = sorted(case.ids, key=lambda n: oracle.depth(case, n))
    if name == "leaf":
        return oracle.best_class(case, logits)
    if name == "at_level":
        return oracle.best_on_level(case, logits, 1)
    if name == "climb":
        return oracle.climbed(case, logits, oracle.best_class(case, logits), math.log(0.7 / 0.3))
    if name == "top_down":
        return oracle.climbed(case, logits, oracle.top_down_class(case, logits), math.log(0.4 / 0.6))
    if name == "most_specific":
        sure = [n for n in nodes if oracle.log_odds(case, logits, n) > math.log(0.3 / 0.7)]
        best = max(oracle.information(case, n) for n in sure)
        said = [n for n in sure if oracle.information(case, n) > best - 1e-12]
        most = max(probability(case, logits, n) for n in said)
        return [n for n in said if probability(case, logits, n) > most - 1e-12][-1]
    if name == "minimum_cost":
        return min(case.order, key=lambda n: oracle.expected_height(case, logits, n))
    scores = {n: (oracle.information(case, n) + 0.2) * probability(case, logits, n) for n in nodes}
    most = max(scores.values())
    return [n for n in nodes if scores[n] > most - 1e-12][-1]


def test_each_decision_that_evaluate_scores_has_a_definition_here() -> None:
    assert set(SCORED) <= set(RULES)


@pytest.mark.parametrize("name", RULES)
@SETTINGS
@given(case=taxonomies(), rng=seeds)
def test_against_the_definition(name: str, case: Case, rng: Rng) -> None:
    """The answer, and its probability."""
    logits = random_logits(case, rng, 6)
    ids, p = RULES[name](torch.from_numpy(logits), case.taxonomy, return_probability=True)
    for row, found, stated in zip(logits, ids.tolist(), p.tolist(), strict=True):
        wanted = definition(case, row, name)
        if name == "minimum_cost":  # equal costs differ by rounding
            costs = [oracle.expected_height(case, row, node) for node in (wanted, case.by_id[found])]
            assert math.isclose(*costs, rel_tol=1e-9, abs_tol=1e-12)
        else:
            assert found == case.ids[wanted]
        assert math.isclose(stated, probability(case, row, case.by_id[found]), rel_tol=1e-9)


@SETTINGS
@given(taxonomies(), seeds)
def test_each_level(case: Case, rng: Rng) -> None:
    """The most probable node of any level."""
    logits = random_logits(case, rng, 4)
    for level, name in enumerate(case.level_names, 1):
        found = decisions.at_level(torch.from_numpy(logits), case.taxonomy, name)
        assert isinstance(found, Tensor)
        assert found.tolist() == [case.ids[oracle.best_on_level(case, row, level)] for row in logits]


@SETTINGS
@given(taxonomies(), seeds)
def test_rankings(case: Case, rng: Rng) -> None:
    """By levels, by cost, by probability."""
    logits = random_logits(case, rng, 4)
    z = torch.from_numpy(logits)
    by_levels = decisions.ranking(z, case.taxonomy)
    by_cost = decisions.ranking(z, case.taxonomy, by="cost")
    by_p = decisions.ranking(z, case.taxonomy, by="probability")
    assert isinstance(by_levels, Tensor)
    assert isinstance(by_cost, Tensor)
    assert isinstance(by_p, Tensor)
    orders = (order.tolist() for order in (by_levels, by_cost, by_p))
    for row, levels, cost, p in zip(logits, *orders, strict=True):
        assert [case.order[c] for c in levels] == oracle.ranked_by_levels(case, row)
        assert [case.order[c] for c in p] == oracle.classes_in_order(case, row)
        costs = [oracle.expected_height(case, row, case.order[c]) for c in cost]
        assert sorted(cost) == list(range(case.num_classes))
        assert all(a <= b + 1e-9 for a, b in pairwise(costs))


@SETTINGS
@given(taxonomies(), seeds, st.floats(0.01, 1.0))
def test_a_matrix_of_costs(case: Case, rng: Rng, scale: float) -> None:
    """The LCA heights as a matrix decide as the tree does; 0/1 costs as the leaf."""
    z = torch.from_numpy(random_logits(case, rng, 5))
    nodes = case.order
    heights = [[oracle.distance(case, a, b) for b in nodes] for a in nodes]
    by_tree = decisions.minimum_cost(z, case.taxonomy)
    by_matrix = decisions.minimum_cost(z, case.taxonomy, scale * torch.tensor(heights, dtype=torch.float64))
    p = z.softmax(1)
    expected = p @ torch.tensor(heights, dtype=torch.float64).T
    answers: list[Any] = [by_tree, by_matrix]
    costs = [expected.gather(1, found[:, None]) for found in answers]
    torch.testing.assert_close(*costs)
    flat = decisions.minimum_cost(z, case.taxonomy, 1 - torch.eye(case.num_classes))
    assert torch.equal(flat, decisions.leaf(z, case.taxonomy))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", RULES)
@SETTINGS
@given(case=taxonomies(), rng=seeds)
def test_allowed(name: str, case: Case, rng: Rng) -> None:
    """As if the other classes had no logits: what is left is renormalised."""
    logits = random_logits(case, rng, 4)
    nodes = rng.choice(len(case.ids), rng.integers(1, 4)).tolist()
    classes = sorted({label for n in nodes for label in case.below[case.by_id[n]]})
    masked = np.full_like(logits, -np.inf)
    masked[:, classes] = logits[:, classes]
    ids, p = RULES[name](torch.from_numpy(logits), case.taxonomy, allowed=nodes, return_probability=True)
    again = RULES[name](torch.from_numpy(masked), case.taxonomy)
    assert torch.equal(ids, again)
    assert bool(((p > 0) & (p <= 1 + 1e-12)).all())
    for found in ids.tolist():
        assert set(case.below[case.by_id[found]]) & set(classes)
    order = decisions.ranking(torch.from_numpy(logits), case.taxonomy, allowed=nodes)
    assert isinstance(order, Tensor)
    assert all(sorted(row) == classes for row in order.tolist())


@pytest.mark.parametrize("name", RULES)
def test_shapes_and_dtypes(name: str) -> None:
    """(C,), (N, C), (N, C, d1, d2), no rows; half, bfloat16, under autocast; inference mode."""
    rule = RULES[name]
    found = rule(LOGITS, TREE)
    assert found.dtype == torch.long
    assert found.shape == (3,)
    assert [int(rule(row, TREE)) for row in LOGITS] == found.tolist()
    dense = LOGITS[[0, 1, 2, 0, 1, 2]].reshape(1, 2, 3, 4).movedim(-1, 1)
    assert torch.equal(rule(dense, TREE), found.repeat(2).reshape(1, 2, 3))
    assert rule(LOGITS[:0], TREE).shape == (0,)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        assert torch.equal(rule(LOGITS.to(dtype), TREE), rule(LOGITS.to(dtype).float(), TREE))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(rule(LOGITS, TREE), found)
    with torch.inference_mode():
        assert torch.equal(rule(LOGITS, TREE), found)
    assert not rule(LOGITS.clone().requires_grad_(), TREE, return_probability=True)[1].requires_grad


@pytest.mark.parametrize("name", RULES)
def test_large_logits(name: str) -> None:
    """+-1e4, and classes masked by -inf, in every dtype that holds them."""
    rows = torch.tensor([[1e4, -1e4, 0.0, 5.0], [-torch.inf, 3.0, -torch.inf, 2.0], [1e4, 1e4, 1e4, 1e4]])
    ids, p = RULES[name](rows, TREE, return_probability=True)
    assert bool(((p >= 0) & (p <= 1)).all())
    assert torch.equal(ids, RULES[name](rows.double(), TREE))


def depth_of(ids: Tensor) -> list[int]:
    """How deep each answer is."""
    return [len(info.path) for info in TREE.describe(ids)]


@pytest.mark.parametrize("rule", [decisions.climb, decisions.top_down, decisions.most_specific])
def test_thresholds_are_log_odds(rule: Callable[..., Any]) -> None:
    """Logits x 30: P is 1.0 in float32 on every row, and still thresholds tell the rows apart."""
    g = torch.Generator().manual_seed(0)
    z = 2 * torch.randn(500, 4, generator=g)
    least = torch.tensor([0.5, 0.6, 0.7, 0.8, 0.9], dtype=torch.float64)

    class Scaled:
        def __init__(self, odds: float) -> None:
            self.odds = odds

        def above(self, odds: Tensor, classes: Tensor, taxonomy: Taxonomy) -> Tensor:
            return odds > self.odds

    for share in least.tolist():
        plain = depth_of(rule(z, TREE, share))
        assert 0 < sum(d == 0 for d in plain) < 500 or share == 0.5
    if rule is decisions.most_specific:
        return
    # The surest row stays the surest: answers of a rank statistic of the log-odds do not collapse.
    for scale in (1.0, 30.0):
        classes = z.argmax(1)
        odds = path_log_odds(scale * z, classes, TREE)[:, 1]
        middle = float(odds.median())
        answer: Any = decisions.climb(scale * z, TREE, Scaled(middle))
        taken = depth_of(answer)
        assert 200 <= sum(d == 2 for d in taken) <= 300


def test_a_higher_threshold_is_never_deeper() -> None:
    """climb and top_down move up the path, one step at a time."""
    z = torch.randn(200, 4, generator=torch.Generator().manual_seed(1)) * 2
    for rule in (decisions.climb, decisions.top_down):
        before = [2] * 200
        for share in np.linspace(0, 1, 21).tolist():
            now = depth_of(rule(z, TREE, share))  # type: ignore[arg-type]
            assert all(a >= b for a, b in zip(before, now, strict=True))
            before = now
        assert before == [0] * 200


def test_ties() -> None:
    """The first in order, of chains the deepest."""
    equal = torch.zeros(1, 4)
    assert decisions.leaf(equal, TREE).tolist() == [0]  # type: ignore[union-attr]
    assert decisions.at_level(equal, TREE, "top").tolist() == [TREE.node_id("x")]  # type: ignore[union-attr]
    assert decisions.ranking(equal, TREE).tolist() == [[1, 3, 0, 2]]  # type: ignore[union-attr]
    chain = Taxonomy.from_paths([("r", "s", "a"), ("r", "s", "b")]).bind()
    for rule in (decisions.climb, decisions.top_down, decisions.most_specific):
        found = rule(torch.zeros(1, 2), chain, 0.9)
        assert chain.describe(found)[0].path == ("r", "s")
    assert chain.describe(decisions.hedge(torch.zeros(1, 2), chain, 5.0))[0].path == ("r", "s")


BAD: dict[str, tuple[type[Exception], Callable[[], Any], str]] = {
    "unbound": (ValueError, lambda: decisions.leaf(LOGITS, UNBOUND), "bind"),
    "classes": (ValueError, lambda: decisions.leaf(LOGITS[:, :3], TREE), "4.*3"),
    "probabilities": (ValueError, lambda: decisions.leaf(LOGITS.softmax(1), TREE), r"p\.log"),
    "nan": (ValueError, lambda: decisions.leaf(LOGITS * torch.nan, TREE), "NaN.*row 0"),
    "all_masked": (ValueError, lambda: decisions.climb(LOGITS - torch.inf, TREE, 0.5), "finite.*row 0"),
    "infinite": (ValueError, lambda: decisions.climb(LOGITS + torch.inf, TREE, 0.5), "inf in row 0"),
    "integers": (NotImplementedError, lambda: decisions.leaf(LOGITS.long(), TREE), "int64"),
    "list": (TypeError, lambda: decisions.leaf(LOGITS.tolist(), TREE), "list"),
    "level": (ValueError, lambda: decisions.at_level(LOGITS, TREE, "leave"), "leave.*leaf"),
    "threshold": (ValueError, lambda: decisions.climb(LOGITS, TREE, 1.5), "1.5"),
    "threshold_nan": (ValueError, lambda: decisions.climb(LOGITS, TREE, math.nan), "nan"),
    "threshold_text": (TypeError, lambda: decisions.climb(LOGITS, TREE, "0.5"), "str"),  # type: ignore[arg-type]
    "tradeoff": (ValueError, lambda: decisions.hedge(LOGITS, TREE, -1.0), "-1"),
    "tradeoff_text": (TypeError, lambda: decisions.hedge(LOGITS, TREE, "a"), "str"),  # type: ignore[arg-type]
    "by": (ValueError, lambda: decisions.ranking(LOGITS, TREE, "p"), "levels.*'p'"),
    "cost": (ValueError, lambda: decisions.minimum_cost(LOGITS, TREE, "height"), "lca_height.*'height'"),
    "cost_shape": (
        ValueError,
        lambda: decisions.minimum_cost(LOGITS, TREE, torch.eye(3)),
        r"\(4, 4\).*\(3, 3\)",
    ),
    "cost_nan": (ValueError, lambda: decisions.minimum_cost(LOGITS, TREE, torch.eye(4) / 0), "finite"),
    "none_allowed": (ValueError, lambda: decisions.leaf(LOGITS, TREE, allowed=[]), "nothing"),
    "allowed_range": (IndexError, lambda: decisions.leaf(LOGITS, TREE, allowed=[7]), r"0\.\.6.*7"),
    "allowed_mask": (TypeError, lambda: decisions.leaf(LOGITS, TREE, allowed=[True, False]), "bool"),
    "allowed_float": (TypeError, lambda: decisions.leaf(LOGITS, TREE, allowed=torch.ones(2)), "float32"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    """With what was expected and what was found."""
    kind, call, words = BAD[name]
    with pytest.raises(kind, match=f"(?s){words}"):
        call()


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", [*RULES, "ranking"])
def test_export(name: str) -> None:
    """One exported graph answers as the model does, for any number of rows."""
    found, wanted = exported(RULES.get(name, decisions.ranking), TREE)
    assert torch.equal(found[0], wanted[0])
    torch.testing.assert_close(found[1], wanted[1])


def test_relabelling_changes_nothing() -> None:
    """Another class order answers the same nodes."""
    other = UNBOUND.bind(["a", "b", "c", "d"], node_targets=True)
    z = torch.randn(50, 4, generator=torch.Generator().manual_seed(2)) * 2
    moved = z[:, [TREE.classes.index(name) for name in other.classes]]
    for rule in RULES.values():
        assert [i.path for i in TREE.describe(rule(z, TREE))] == [
            i.path for i in other.describe(rule(moved, other))
        ]


def test_a_huge_tree_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of rows give what one pass gives."""
    z = torch.randn(50, 4, generator=torch.Generator().manual_seed(3))
    whole = decisions.at_level(z, TREE, "top")
    # The package holds the function of that name.
    monkeypatch.setattr(sys.modules["taxoloss.decisions.leaf"], "_BLOCK", 12)
    assert torch.equal(decisions.at_level(z, TREE, "top"), whole)  # type: ignore[arg-type]
