"""Metrics of what `predict_proba` gives: against direct sums of the probabilities, zeros among them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
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
from metric_cases import MAKE, TREE, batch, classes, scores, twin_of
from torch import Tensor
from trees import Case, seeds, taxonomies

from taxoloss import metrics
from taxoloss.metrics import functional

P = np.array([[0.5, 0.25, 0.25, 0.0], [0.0, 0.0, 1.0, 0.0], [0.25, 0.25, 0.0, 0.5], [0.1, 0.2, 0.3, 0.4]])
Y = np.array([0, 2, 1, 2])


def close(one: Any, other: Any) -> None:
    """Results but for the rounding of a log."""
    one, other = scores(one), scores(other)
    assert one.keys() == other.keys()
    for key, value in one.items():
        torch.testing.assert_close(value, other[key], rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name", MAKE)
def test_probabilities_count_as_their_logs(name: str) -> None:
    """Any metric, any kind of array, targets of any depth, some of them ignored."""
    logits, target = batch(60)
    p = torch.softmax(logits.double(), 1)
    wanted = MAKE[name](TREE)
    wanted.update(p.log(), target)
    table = pd.DataFrame(p.numpy(), columns=list(TREE.classes))
    forms: list[tuple[Any, Any]] = [
        (p, target),
        (p.numpy(), target.numpy()),
        (table[["d", "b", "a", "c"]], pd.Series(target.numpy(), dtype="Int64")),
        (pl.from_pandas(table[["b", "a", "c", "d"]]), pl.Series(target.numpy().astype(np.int16))),
    ]
    for preds, labels in forms:
        metric = MAKE[name](TREE, probabilities=True)
        for rows in (slice(0, 25), slice(25, None)):
            metric.update(preds[rows], labels[rows])
        close(metric.compute(), wanted.compute())


@pytest.mark.parametrize("name", classes())
def test_each_constructor_and_function_has_the_argument(name: str) -> None:
    """By keyword, and off."""
    for made in (classes()[name], getattr(functional, twin_of(name)), metrics.collection):
        asked = inspect.signature(made).parameters["probabilities"]
        assert (asked.default, asked.kind) == (False, inspect.Parameter.KEYWORD_ONLY)
    found = getattr(functional, twin_of(name))(P, Y, TREE, probabilities=True)
    metric = MAKE[name](TREE, probabilities=True)
    metric.update(P, Y)
    close(found, metric.compute())


@SETTINGS
@given(taxonomies(), seeds)
def test_zeros_against_direct_sums(case: Case, rng: np.random.Generator) -> None:
    """Accuracy and calibration of each level, and the area under the risk, of shares of a few votes."""
    p = rng.multinomial(1000, rng.dirichlet(np.full(case.num_classes, 0.3)), 8) / 1000
    p[0] = np.eye(case.num_classes)[0]
    target = rng.integers(0, case.num_classes, len(p))
    found = functional.level_calibration_error(p, target, case.taxonomy, n_bins=1, probabilities=True)
    right = functional.level_accuracy(p, target, case.taxonomy, probabilities=True)
    for level, name in enumerate(case.level_names, 1):
        hits, stated = [], []
        for row, label in zip(p, target.tolist(), strict=True):
            masses = {n: math.fsum(row[c] for c in case.below[n]) for n in case.at_level[level - 1]}
            best = max(masses.values())
            among = [n for n, m in masses.items() if m > best - 1e-9]
            wanted = case.stands(label, level)
            if len(among) > 1 and wanted in among:
                return  # either may be answered, but for rounding
            hits.append(among[0] == wanted)
            stated.append(best)
        assert float(right[name]) == pytest.approx(np.mean(hits), abs=1e-6)
        assert float(found[name]) == pytest.approx(abs(np.mean(hits) - np.mean(stated)), abs=1e-6)


@SETTINGS
@given(taxonomies(), seeds)
def test_the_curve_of_zeros(case: Case, rng: np.random.Generator) -> None:
    """Risk and coverage at every threshold on log-odds by direct sums, infinite ones too."""
    p = rng.dirichlet(np.ones(case.num_classes), 6) * rng.integers(0, 2, (6, case.num_classes))
    p[p.sum(1) == 0, 0] = 1.0
    p /= p.sum(1, keepdims=True)
    p[0] = np.eye(case.num_classes)[-1]
    target = rng.integers(0, case.num_classes, len(p))
    steps: list[tuple[float, float, float]] = []
    for row, label in zip(p, target.tolist(), strict=True):
        before = (0.0, 0.0)
        for node in case.line(case.order[int(np.argmax(row))]):
            inside = math.fsum(row[c] for c in case.below[node])
            outside = math.fsum(row[c] for c in range(len(row)) if c not in case.below[node])
            odds = math.inf if outside == 0 else round(math.log(inside / outside), 9)
            now = (oracle.information(case, node), float(oracle.is_wrong(case, node, case.order[label])))
            steps.append((odds, now[0] - before[0], now[1] - before[1]))
            before = now
    area, coverage, risk = 0.0, 0.0, 0.0
    for odds in sorted({step[0] for step in steps}, reverse=True):
        more = [step for step in steps if step[0] == odds]
        wide, high = sum(s[1] for s in more) / len(p), sum(s[2] for s in more) / len(p)
        area += wide * (risk + high / 2)
        coverage, risk = coverage + wide, risk + high
    found = functional.risk_coverage(p, target, case.taxonomy, probabilities=True)
    assert float(found["coverage"][-1]) == pytest.approx(coverage, abs=1e-6)
    assert float(found["risk"][-1]) == pytest.approx(risk, abs=1e-6)
    assert float(found["aurc"]) == pytest.approx(area, abs=2e-6)


def test_a_collection_looks_once_and_has_the_scores_of_its_metrics() -> None:
    """Whatever the array; node ids go through one that was made for probabilities."""
    asked: dict[str, Any] = {"ranking": True, "curves": True, "top_k": 2}
    one = metrics.collection(TREE, probabilities=True, **asked)
    one.update(pd.DataFrame(P), pd.Series(Y))
    other = metrics.collection(TREE, **asked)
    other.update(torch.from_numpy(P).log(), torch.from_numpy(Y))
    close(one.compute(), other.compute())
    answers = metrics.collection(TREE, calibration=False, probabilities=True)
    answers.update(np.array([0, 1, 2, 3], dtype=np.int32), Y)
    assert float(answers.compute()["accuracy/leaf"]) == 0.25


def test_intervals_are_of_the_metric_that_was_made() -> None:
    """A bootstrap takes what its metric takes."""
    drawn = metrics.bootstrap(metrics.collection(TREE, probabilities=True), draws=20)
    drawn.update(pd.DataFrame(P), pd.Series(Y))
    plain = metrics.collection(TREE, probabilities=True)
    plain.update(P, Y)
    for key, value in plain.compute().items():
        assert drawn.compute()[key].value == pytest.approx(float(value), nan_ok=True)
    groups = metrics.bootstrap(
        metrics.FullPathAccuracy(TREE, probabilities=True), draws=20, groups=["a", "a", "b", "b"]
    )
    groups.update(P, Y)
    assert groups.compute()["full_path_accuracy"].value == 0.5


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (np.array(["c", "a", "b", "d"]), r"expected target as numbers, got names such as 'c': t\.node_ids"),
        (pd.Series(["c", "a", "b", "d"], dtype="category"), r"t\.targets\(table\), makes node ids"),
        (pl.Series(["c", "a", "b", "d"]), r"got names such as 'c'"),
        (np.array(["c", "a", "b", "d"], dtype=object), r"got names such as 'c'"),
        (pd.Series([0, 1, None, 2]), r"expected target as integer node ids, got float64"),
        (pd.Series([0, 1, None, 2], dtype="Int64"), r"got (NAType|float64)"),
        ([0, 1, 2, 3], r"expected target as a Tensor, an array or a table .*got list"),
    ],
)
def test_targets_that_are_no_ids(target: Any, words: str) -> None:
    """Names are never numbered in silence."""
    with pytest.raises(TypeError, match=words):
        functional.full_path_accuracy(P, target, TREE, probabilities=True)


def test_two_orders_of_rows() -> None:
    """The same index in another order is two readings; another index, as of a split, is none."""
    preds = pd.DataFrame(P, index=[10, 11, 12, 13])
    with pytest.raises(ValueError, match=r"got the index 10, 11, 12, \.\. and 13, 12, 11, \.\."):
        functional.full_path_accuracy(preds, pd.Series(Y, index=[13, 12, 11, 10]), TREE, probabilities=True)
    shuffled = pd.Series(Y, index=[7, 3, 9, 1])
    found: Tensor = functional.full_path_accuracy(pd.DataFrame(P), shuffled, TREE, probabilities=True)
    assert float(found) == 0.5


def test_what_is_ignored_may_hold_anything() -> None:
    """NaN, percent, zeros; what counts may not."""
    p = np.vstack([P, [[np.nan] * 4], [[50, 50, 0, 0]], [[0] * 4]])
    target = np.array([*Y, -100, -100, -100])
    wanted = functional.full_path_accuracy(P, Y, TREE, probabilities=True)
    assert functional.full_path_accuracy(p, target, TREE, probabilities=True) == wanted
    with pytest.raises(ValueError, match="got 50 in row 5, whose sum is 100: these look like percent"):
        functional.full_path_accuracy(p, np.array([*Y, -100, 0, -100]), TREE, probabilities=True)


def test_what_contradicts_itself() -> None:
    """Probabilities that were not told; a ranking of a metric that was made for probabilities."""
    made: Callable[..., Any] = metrics.HOPS
    with pytest.raises(ValueError, match="say probabilities=True"):
        functional.full_path_accuracy(P, Y, TREE)
    with pytest.raises(ValueError, match=r"got torch\.int64 of shape \(4, 4\).*ranking is scored without"):
        made(TREE, probabilities=True).update(np.argsort(-P, 1), Y)
    assert float(functional.hops(np.argsort(-P, axis=1, kind="stable"), Y, TREE)) == pytest.approx(
        float(functional.hops(P, Y, TREE, probabilities=True))
    )


@SETTINGS
@given(case=taxonomies(), seed=seeds, votes=st.integers(1, 3))
def test_curves_of_votes(case: Case, seed: int, votes: int) -> None:
    """Most are 0, and rows tie: the order of rows says nothing; of one vote that of classes neither."""
    t = case.taxonomy
    generator = np.random.default_rng(seed)
    p = generator.multinomial(votes, np.full(len(t), 1 / len(t)), 40) / votes
    y = generator.integers(0, len(t), 40)
    rows, classes = generator.permutation(40), generator.permutation(len(t))
    other = t.bind([t.paths()[c] for c in classes])
    place = np.argsort(classes)
    for make in (metrics.OperatingCurve, metrics.RiskCoverage):
        found = []
        inputs = [(t, p, y), (t, p[rows], y[rows]), (other, p[:, classes], place[y])]
        for tree, preds, target in inputs if votes == 1 else inputs[:2]:
            metric = make(tree, probabilities=True)
            metric.update(preds, target)
            found.append(metric.compute())
        for result in found[1:]:
            close(result, found[0])
