"""Decisions of what `predict_proba` gives: against direct sums of the probabilities, zeros among them."""

from __future__ import annotations

import inspect
import math
from typing import Any

import metric_oracles as oracle
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import decisions

TREE = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind(
    ["Sphynx", "beagle", "Bengal"], node_targets=True
)
ROWS = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.4, 0.2, 0.4]])
TAKES_LOGITS = [
    name
    for name in decisions.__all__
    if callable(getattr(decisions, name))
    and "logits" in inspect.signature(getattr(decisions, name)).parameters
]
#: Every decision, with what it needs.
RULES: dict[str, dict[str, Any]] = {
    "leaf": {},
    "at_level": {"level": "depth_1"},
    "climb": {"threshold": 0.6},
    "top_down": {"threshold": 0.6},
    "most_specific": {},
    "minimum_cost": {},
    "hedge": {"tradeoff": 0.3},
    "ranking": {},
}


def votes(case: Case, rng: np.random.Generator, rows: int = 6) -> Any:
    """(rows, C) shares of a few votes, most of them 0."""
    return rng.multinomial(7, rng.dirichlet(np.full(case.num_classes, 0.3)), rows) / 7


def mass(case: Case, p: Any, node: int) -> float:
    """P of a node by the sum of its classes."""
    return math.fsum(p[label] for label in case.below[node])


@pytest.mark.parametrize("name", TAKES_LOGITS)
def test_all_that_take_logits_take_probabilities(name: str) -> None:
    """By one keyword, that is off."""
    asked = inspect.signature(getattr(decisions, name)).parameters["probabilities"]
    assert asked.default is False
    assert asked.kind is inspect.Parameter.KEYWORD_ONLY


@SETTINGS
@given(taxonomies(), seeds, st.floats(0.0, 3.0))
def test_answers_are_the_best_of_direct_sums(case: Case, rng: np.random.Generator, tradeoff: float) -> None:
    """Of all nodes, each compared by the sum of the shares below it; equals may differ by rounding."""
    t, p = case.taxonomy, votes(case, rng)
    asked: dict[str, Any] = {"probabilities": True, "return_probability": True}
    for level, name in enumerate(case.level_names, 1):
        answers, stated = decisions.at_level(p, t, name, **asked)
        for row, answer, probability in zip(p, answers.tolist(), stated.tolist(), strict=True):
            here = {node: mass(case, row, node) for node in case.at_level[level - 1]}
            assert here[case.by_id[answer]] == pytest.approx(max(here.values()), abs=1e-12)
            assert probability == pytest.approx(here[case.by_id[answer]], abs=1e-12)
    hedged = decisions.hedge(p, t, tradeoff, probabilities=True)
    specific = decisions.most_specific(p, t, probabilities=True)
    cheap = decisions.minimum_cost(p, t, probabilities=True)
    for row, one, other, third in zip(p, hedged, specific, cheap, strict=True):
        worth = {n: (oracle.information(case, n) + tradeoff) * mass(case, row, n) for n in case.ids}
        assert worth[case.by_id[int(one)]] == pytest.approx(max(worth.values()), abs=1e-12)
        sure = [oracle.information(case, n) for n in case.ids if mass(case, row, n) > 0.5 + 1e-9]
        assert oracle.information(case, case.by_id[int(other)]) == pytest.approx(max(sure))
        costs = {
            n: math.fsum(
                q * oracle.height(case, oracle.lca(case, n, case.order[label]))
                for label, q in enumerate(row)
                if case.order[label] != n
            )
            for label, n in enumerate(case.order)
        }
        possible = [costs[n] for label, n in enumerate(case.order) if row[label] > 0]
        assert costs[case.by_id[int(third)]] == pytest.approx(min(possible), abs=1e-12)
        assert row[int(third)] > 0


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from([0.1, 0.3, 0.5, 0.9]))
def test_climbing_compares_direct_sums(case: Case, rng: np.random.Generator, threshold: float) -> None:
    """The deepest node above the best class whose share is above; the best class is the first of equals."""
    p = votes(case, rng)
    found = decisions.climb(p, case.taxonomy, threshold, probabilities=True)
    assert isinstance(found, torch.Tensor)
    for row, answer in zip(p, found.tolist(), strict=True):
        line = case.line(case.order[int(np.argmax(row))])
        above = [node for node in line if mass(case, row, node) > threshold + 1e-9]
        assert case.by_id[answer] == (above[-1] if above else 0)


@SETTINGS
@given(taxonomies(), seeds)
def test_rankings_have_equals_in_the_order_of_the_classes(case: Case, rng: np.random.Generator) -> None:
    """All classes, also those of probability 0, which come last."""
    p = votes(case, rng)
    order, stated = decisions.ranking(
        p, case.taxonomy, "probability", probabilities=True, return_probability=True
    )
    np.testing.assert_array_equal(order.numpy(), np.argsort(-p, axis=1, kind="stable"))
    np.testing.assert_allclose(stated.numpy(), -np.sort(-p, axis=1), rtol=0, atol=1e-15)
    for by in ("levels", "cost"):
        order = decisions.ranking(p, case.taxonomy, by, probabilities=True)
        assert isinstance(order, torch.Tensor)
        assert order.sort(1).values.tolist() == [list(range(case.num_classes))] * len(p)


@pytest.mark.parametrize("name", RULES)
def test_every_library_gives_the_answers_of_a_tensor(name: str) -> None:
    """Tables, arrays of any kind of number, in either order of bytes; rows turned round; one row."""
    rule, asked = getattr(decisions, name), RULES[name]
    wanted = rule(torch.from_numpy(ROWS).log(), TREE, **asked)
    named = pd.DataFrame(ROWS, columns=list(TREE.classes))
    forms = [
        ROWS,
        ROWS.astype(">f8"),
        np.asfortranarray(ROWS),
        torch.from_numpy(ROWS),
        pd.DataFrame(ROWS),
        named,
        named[["Bengal", "Sphynx", "beagle"]],
        named.astype("Float64"),
        pl.DataFrame(ROWS, orient="row"),
        pl.from_pandas(named[["beagle", "Bengal", "Sphynx"]]),
    ]
    for form in forms:
        assert rule(form, TREE, probabilities=True, **asked).tolist() == wanted.tolist()
    one = rule(named[["beagle", "Bengal", "Sphynx"]].iloc[0], TREE, probabilities=True, **asked)
    assert one.tolist() == wanted[0].tolist()
    flipped = np.log(ROWS + 0.01)[::-1]
    straight = rule(torch.from_numpy(flipped.copy()), TREE, **asked)
    assert rule(flipped, TREE, **asked).tolist() == straight.tolist()


def test_halves_and_whole_numbers() -> None:
    """Few digits sum to 1 but for their rounding; 0 and 1 may be integers."""
    thirds = np.full((2, 3), 1 / 3)
    for kind in (np.float16, np.float32, np.longdouble):
        assert decisions.leaf(thirds.astype(kind), TREE, probabilities=True).tolist() == [0, 0]  # type: ignore[union-attr]
    sure = np.eye(3, dtype=np.uint8)
    answers, stated = decisions.leaf(sure, TREE, probabilities=True, return_probability=True)
    assert answers.tolist() == [0, 1, 2]
    assert stated.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS * 100, r"got 50 in row 0, whose sum is 100: these look like percent; give p / 100"),
        (np.log(ROWS + 0.01), r"these are logits or log-probabilities"),
        (np.array([[1, 0, 0], [0.5, 0.2, 0.2]]), r"sum to 1, got row 1, whose sum is 0\.9"),
        (np.zeros((1, 3)), r"got row 0, whose sum is 0"),
        (np.array([[np.nan, 0.5, 0.5]]), r"got NaN in row 0"),
        (np.array([[np.inf, 0.5, 0.5]]), r"got inf in row 0"),
        (ROWS[:, :2], r"3 classes .*got 2"),
        (
            pd.DataFrame(ROWS, columns=[2, 0, 1]),
            r"columns of probabilities as 0 to 2 .*got 2, 0, 1; the cl",
        ),
        (pd.DataFrame(ROWS, columns=["Sphynx", "beagle", "Siamese"]), r"`Siamese`, is no leaf"),
    ],
)
def test_what_is_no_probability(rows: Any, words: str) -> None:
    """One sentence, with the row and its sum."""
    with pytest.raises(ValueError, match=words):
        decisions.climb(rows, TREE, 0.5, probabilities=True)


def test_probabilities_without_being_told() -> None:
    """They are refused as before, whatever holds them; the sentence names the argument."""
    for form in (ROWS, torch.from_numpy(ROWS), pd.DataFrame(ROWS)):
        with pytest.raises(ValueError, match="say probabilities=True"):
            decisions.leaf(form, TREE)


def test_what_is_no_array() -> None:
    """Lists, and texts."""
    with pytest.raises(
        TypeError, match=r"expected probabilities as a Tensor, an array or a table.*got list"
    ):
        decisions.leaf(ROWS.tolist(), TREE, probabilities=True)
    with pytest.raises(TypeError, match="got names such as 'a'"):
        decisions.leaf(np.array([["a", "b", "c"]]), TREE)


def test_a_threshold_of_probabilities() -> None:
    """That of their logs, through every step of a calibration; targets of any library."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, 400)
    p = rng.dirichlet(np.ones(3), 400) * 0.6 + 0.4 * np.eye(3)[target]
    p[:50] = np.eye(3)[target[:50]]
    z, y = torch.from_numpy(p).log(), torch.from_numpy(target)
    asked: dict[str, Any] = {"probabilities": True}
    levels = decisions.calibrate_levels(z[200:], y[200:], TREE)
    same = decisions.calibrate_levels(p[200:], pd.Series(target[200:]), TREE, **asked)
    np.testing.assert_allclose(np.array(same.knots), np.array(levels.knots), rtol=1e-9)
    wanted = decisions.calibrate_threshold(z[:200], y[:200], TREE, 0.1)
    found = decisions.calibrate_threshold(
        p[:200], pl.Series(target[:200].astype(np.uint16)), TREE, 0.1, **asked
    )
    assert (found.n, found.at_threshold) == (wanted.n, wanted.at_threshold)
    assert found.log_odds == pytest.approx(wanted.log_odds, rel=1e-12)
    for name in ("report", "risk_curve"):
        first = (found,) if name == "report" else ()
        one = getattr(decisions, name)(*first, p, target, TREE, **asked)
        other = getattr(decisions, name)(*first, z, y, TREE)
        assert str(one) == str(other)
    assert str(decisions.why(p[0], TREE, found, **asked)[0]) == str(decisions.why(z[0], TREE, found)[0])


def test_ignored_rows_may_hold_anything() -> None:
    """They are looked at in no way."""
    p = np.vstack([np.full((30, 3), [0.7, 0.2, 0.1]), np.full((1, 3), np.nan), np.zeros((1, 3))])
    target = np.array([0] * 30 + [-100] * 2)
    found = decisions.calibrate_threshold(p, target, TREE, 0.1, probabilities=True)
    assert found.n == 30


@pytest.mark.parametrize("name", RULES)
def test_they_compile(name: str) -> None:
    """In one graph, with the answers that they have outside of it."""
    rule, asked = getattr(decisions, name), RULES[name]

    def answer(p: torch.Tensor) -> Any:
        return rule(p, TREE, probabilities=True, **asked)

    p = torch.from_numpy(ROWS)
    compiled = torch.compile(answer, backend="eager", fullgraph=True)
    assert compiled(p).tolist() == answer(p).tolist()
    torch._dynamo.reset()


def test_a_cost_matrix_of_numpy() -> None:
    """As a tensor's."""
    cost = 1 - np.eye(3)
    assert decisions.minimum_cost(ROWS, TREE, cost, probabilities=True).tolist() == [0, 1, 0]  # type: ignore[union-attr]
