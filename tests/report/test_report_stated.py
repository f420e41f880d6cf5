"""Answers with stated probabilities are given or kept back: promises by plain counting."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from graph_oracle import Oracle
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis_settings import SETTINGS
from rows_by_hand import gathered
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.report.numbers.unsure import RISKS, unsure


def random_rows(taxonomy: Taxonomy, rng: np.random.Generator, count: int = 60) -> dict[str, Any]:
    """Answers with probabilities, some of them equal, not known, 0 or 1; some answers are no node."""
    target, answer = (torch.from_numpy(rng.integers(0, taxonomy.num_nodes, count)) for _ in range(2))
    target[:2] = 0  # one that tells something in each half
    answer = torch.where(torch.from_numpy(rng.random(count) < 0.5), target, answer)
    unknown = torch.from_numpy(rng.random(count) < 0.1)
    probability = torch.from_numpy(rng.integers(0, 31, count) / 30)
    probability[torch.from_numpy(rng.random(count) < 0.1)] = torch.nan
    return {
        "preds": torch.where(unknown, taxonomy.num_nodes - 1, answer),
        "target": target,
        "probability": probability,
        "unknown": unknown,
        "said": ["no node"] * count,
    }


def above(taxonomy: Taxonomy, node: int) -> set[int]:
    """The ids at and above a node, the root too, along all its parents."""
    tree, found, left = taxonomy.tree, {0}, [int(taxonomy.nodes_by_id[node])]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += map(int, tree.parents_of(one))
    return {int(taxonomy.ids_of_nodes[one]) for one in found}


def odds_and_wrong(taxonomy: Taxonomy, rows: dict[str, Any]) -> list[tuple[float, bool]]:
    """Of each row that tells something its log-odds, -inf of no answer, and whether it is wrong."""
    found = []
    for answer, target, p, unknown in zip(
        *(rows[name].tolist() for name in ("preds", "target", "probability", "unknown")), strict=True
    ):
        nothing = math.isnan(p) or p == 0 or (answer == taxonomy.num_nodes - 1 and not unknown)
        odds = -math.inf if nothing else math.inf if p == 1 else math.log(p / (1 - p))
        found.append((odds, unknown or answer not in above(taxonomy, target)))
    return found


def threshold(rows: Sequence[tuple[float, bool]], risk: float) -> float:
    """The m-th smallest of the log-odds that rows are wrong up to, m = ceil((n + 1) (1 - r))."""
    steps = sorted(odds if wrong else -math.inf for odds, wrong in rows)
    m = math.ceil((len(rows) + 1) * (1 - Fraction(str(risk))))
    return steps[m - 1] if m <= len(rows) else math.inf


def assert_promises(taxonomy: Taxonomy, rows: dict[str, Any]) -> None:
    """Rows 1, 3, 5, .. set each threshold, the others are delivered; rows that tell nothing are neither."""
    part = unsure(gathered(taxonomy, **rows))
    assert json.loads(json.dumps(part, allow_nan=False)) == part
    assert part["levels"] == ["nothing", "answered"]
    every = odds_and_wrong(taxonomy, rows)
    told = [place for place, node in enumerate(rows["target"].tolist()) if node != taxonomy.num_nodes - 1]
    calibrating = [every[place] for place in told if place % 2 == 0]
    scored = [every[place] for place in told if place % 2 == 1]
    for risk, promise in zip(RISKS, part["promises"], strict=True):
        least = threshold(calibrating, risk)
        assert promise["log_odds"] == (pytest.approx(least) if math.isfinite(least) else None)
        given = [wrong for odds, wrong in scored if odds > least + 1e-9]
        assert promise["delivered"] == pytest.approx(sum(given) / len(scored))
        assert promise["shares"] == pytest.approx([1 - len(given) / len(scored), len(given) / len(scored)])
        assert "root" not in promise["sentence"]
    for point in part["curve"]:
        assert math.fsum(point["shares"]) == pytest.approx(1)
    assert (part["curve"][-1]["wrong"], part["curve"][-1]["information"]) == (0, 0)


@SETTINGS
@given(taxonomies(), seeds)
def test_promises_on_trees(case: Case, rng: np.random.Generator) -> None:
    """Order statistics of plain lists say the same, on trees of one level too."""
    assert_promises(case.taxonomy, random_rows(case.taxonomy, rng))


@SETTINGS
@given(graphs(), seeds)
def test_promises_where_nodes_have_several_parents(case: GraphCase, rng: np.random.Generator) -> None:
    """An answer is right along any of its parents."""
    taxonomy = Oracle(case).taxonomy
    assert_promises(taxonomy, random_rows(taxonomy, rng))


def test_two_rows_promise_silence() -> None:
    """Too few for a promise: nothing is ever answered, and nothing is wrong."""
    t = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).bind(node_targets=True)
    part = unsure(gathered(t, [0, 1], [0, 0], probability=torch.tensor([0.9, 0.9])))
    first = part["promises"][0]
    assert "nothing is ever answered" in first["sentence"]
    assert (first["shares"], first["delivered"]) == ([1, 0], 0)


def test_whole_groups_calibrate() -> None:
    """Groups 1, 3, 5, ..: rows that tell nothing have groups too."""
    t = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).bind(node_targets=True)
    target = torch.arange(90) % 3
    target[::9] = t.num_nodes - 1
    groups = [f"site {row // 10}" for row in range(90)]
    found = gathered(t, torch.arange(90) % 3, target, probability=torch.full((90,), 0.8))
    part = unsure(found, groups=groups)
    told = [row for row in range(90) if row % 9]
    assert part["calibration_rows"] == sum(row // 10 % 2 == 0 for row in told)
    assert part["scored_rows"] == sum(row // 10 % 2 == 1 for row in told)
