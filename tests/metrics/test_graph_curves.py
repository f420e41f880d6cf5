"""Curves over thresholds where nodes have several parents, every threshold one after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from graph_decisions import climbed, line, log_odds
from graph_oracle import Oracle
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from metric_oracles import staircase
from trees import Case, seeds, taxonomies

from taxoloss.functional.graphs.nodes import graph_nodes
from taxoloss.metrics import functional
from taxoloss.metrics.base import batch

Rng = np.random.Generator


def data(t: Any, rng: Rng, rows: int) -> tuple[Any, Any, list[tuple[list[float], int]]]:
    """Logits and targets that are any node, some ignored; the rows that count, with their targets."""
    logits = rng.normal(0, 2, (rows, len(t)))
    target = rng.choice([*range(t.num_nodes), -100], rows)
    counted = [
        (logits[row].tolist(), y) for row, y in enumerate(target.tolist()) if 0 <= y < t.num_nodes - 1
    ]
    return torch.from_numpy(logits), torch.from_numpy(target), counted


def close(found: Any, wanted: float) -> None:
    """Float32."""
    assert float(found) == pytest.approx(wanted, abs=3e-6)


def all_nan(found: dict[str, Any]) -> bool:
    """Nothing was counted."""
    return all(bool(torch.isnan(value).all()) for value in found.values())


@given(graphs(), seeds)
@SETTINGS
def test_risk_over_coverage(case: GraphCase, rng: Rng) -> None:
    """The trapezoids below the points of all thresholds."""
    oracle = Oracle(case)
    z, y, rows = data(oracle.taxonomy, rng, 6)
    found = functional.risk_coverage(z, y, oracle.taxonomy)
    if not rows:
        assert math.isnan(float(found["aurc"]))
        return
    # Nodes with the same classes are as sure as each other.
    odds = [log_odds(oracle, row, n) for row, _ in rows for n in line(oracle, oracle.best_classes(row)[0])]
    points = []
    # A node with all classes is answered at every threshold below 1.
    for least in [math.inf, 1e30, *sorted({*odds} - {math.inf}, reverse=True)]:
        below = least - 1e-9
        answers = [climbed(oracle, row, below) for row, _ in rows]
        wrong = [a not in oracle.above(n) for a, (_, n) in zip(answers, rows, strict=True)]
        points.append((fmean(oracle.information(a) for a in answers), fmean(wrong)))
    close(found["aurc"], sum((r + s) / 2 * (d - c) for (c, r), (d, s) in pairwise(points)))
    close(found["coverage"][-1], points[-1][0])
    close(found["risk"][-1], points[-1][1])


def answers_in_turn(oracle: Oracle, logits: Sequence[float]) -> list[tuple[float, int]]:
    """(log-odds, node) of the nodes that say more than every surer node, the surest first."""
    nodes = [
        (log_odds(oracle, logits, node) if node else math.inf, oracle.information(node), node)
        for node in oracle.ids
    ]
    found: list[tuple[float, int]] = []
    most = -math.inf
    order = sorted(nodes, key=lambda one: (-round(one[0], 9), -one[1], -oracle.case.level[one[2]]))
    for odds, says, node in order:
        if says > most + 1e-12:
            found.append((odds, node))
            most = says
    return found


def fields(oracle: Oracle, value: str, answer: int, target: int) -> tuple[float, float, float]:
    """Recall, precision and correct of a node."""

    def of(node: int) -> float:
        return len(oracle.case.above[node]) if value == "depth" else oracle.information(node)

    number, node = oracle.ids[answer], oracle.nodes[target]
    shared = oracle.lca(number, target)
    said = node if shared == node else answer
    recall = of(shared) / of(node) if of(node) else 1.0
    precision = of(shared) / of(said) if of(said) else 1.0
    return recall, precision, float(shared in (answer, node))


@given(graphs(max_nodes=10), seeds, st.sampled_from(["depth", "information"]))
@SETTINGS
def test_the_operating_curve(case: GraphCase, rng: Rng, value: str) -> None:
    """Of all nodes: the answer may jump from one way to another."""
    oracle = Oracle(case)
    z, y, rows = data(oracle.taxonomy, rng, 5)
    found = functional.operating_curve(z, y, oracle.taxonomy, value=value)
    if not rows:
        assert all_nan(found)
        return
    turns = [answers_in_turn(oracle, row) for row, _ in rows]
    points = []
    for least in sorted({odds for turn in turns for odds, _ in turn}, reverse=True):
        triples = []
        for turn, (_, target) in zip(turns, rows, strict=True):
            answer = [node for odds, node in turn if odds >= least - 1e-9][-1]
            triples.append(fields(oracle, value, answer, target))
        points.append([fmean(column) for column in zip(*triples, strict=True)])
    close(found["average_correct"], staircase([(r, c) for r, _, c in points]))
    close(found["average_precision"], staircase([(r, p) for r, p, _ in points]))
    for share in (90, 95):
        enough = (r for r, _, c in points if c >= share / 100 - 1e-9)
        close(found[f"recall_at_{share}_correct"], max(enough, default=0.0))


@given(graphs(), seeds)
@SETTINGS
def test_bins_are_as_near_as_they_say(case: GraphCase, rng: Rng) -> None:
    """Also where risk falls again on the way."""
    t = case.taxonomy.bind(node_targets=True)
    z, y, rows = data(t, rng, 20)
    for make, names in (
        (functional.risk_coverage, ["aurc"]),
        (functional.operating_curve, ["average_correct", "average_precision"]),
    ):
        exact, binned = make(z, y, t), make(z, y, t, exact=False)
        for name in names if rows else []:
            assert abs(float(exact[name] - binned[name])) <= float(binned["bin_error"]) + 1e-6


@given(taxonomies(), seeds)
@SETTINGS
def test_a_tree_has_the_curves_of_trees(case: Case, rng: Rng) -> None:
    """Looked up by the tables of graphs."""
    z, y, _ = data(case.taxonomy, rng, 12)
    p = z.masked_fill(z < -1, -torch.inf).softmax(1)  # some classes are impossible
    known = p[torch.arange(12), z.argmax(1)] > 0
    for preds, target, stated in ((z, y, False), (p[known], y[known], True)):
        wanted = functional.risk_coverage(preds, target, case.taxonomy, probabilities=stated)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(batch, "nodes_of", graph_nodes)
            found = functional.risk_coverage(preds, target, case.taxonomy, probabilities=stated)
        torch.testing.assert_close(found["aurc"], wanted["aurc"], rtol=1e-5, atol=1e-6, equal_nan=True)
