"""Promises of a report are those of `calibrate_threshold`, and delivered is what its `report` says."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from calibration_rows import TREE, rows
from graph_oracle import Oracle
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from rows_by_hand import gathered
from torch import Tensor
from trees import Case, seeds, taxonomies

from taxoloss import Taxonomy
from taxoloss.decisions import Threshold, calibrate_threshold, climb, report
from taxoloss.decisions.calibration.binomial import at_least, beta_band, exact_interval
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.evaluation.scores import Settings, evaluate
from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.report.numbers.unsure import RISKS, unsure


def assert_promises(
    taxonomy: Taxonomy, logits: Tensor, target: Tensor, calibrates: Tensor, **options: Any
) -> dict[str, Any]:
    """Of the public functions on the logits of both halves, for each risk."""
    groups = options.get("groups")
    coarse = options.get("coarse", "wrong")
    part = unsure(gathered(taxonomy, logits, target), **options)
    assert json.loads(json.dumps(part, allow_nan=False)) == part
    for risk, promise in zip(RISKS, part["promises"], strict=True):
        some = (
            None if groups is None else [groups[place] for place in calibrates.nonzero().flatten().tolist()]
        )
        made = calibrate_threshold(
            logits[calibrates], target[calibrates], taxonomy, risk, groups=some, coarse=coarse
        )
        found = report(made, logits[~calibrates], target[~calibrates], taxonomy)
        assert promise["sentence"] == str(made)
        assert promise["probability"] == made.probability
        assert promise["log_odds"] == (made.log_odds if math.isfinite(made.log_odds) else None)
        assert promise["rows"] == found.overall.rows
        assert promise["delivered"] == pytest.approx(found.overall.rate_at_most)
        assert promise["information"] == pytest.approx(found.information)
        shares = [level.rows / found.overall.rows for level in found.by_level]
        assert promise["shares"] == pytest.approx(shares)
    return part


def even(count: int) -> Tensor:
    """(count,): rows 1, 3, 5, .. by their numbers from 1."""
    return torch.arange(count) % 2 == 0


@SETTINGS
@given(taxonomies(), seeds)
def test_promises_equal_those_of_the_logits(case: Case, rng: np.random.Generator) -> None:
    """On random trees, with labels above the classes, some of them the root."""
    t = case.taxonomy
    logits = torch.from_numpy(rng.normal(size=(60, len(t))) * 3)
    target = torch.from_numpy(rng.integers(0, t.num_nodes, 60))
    target[:2] = torch.tensor([0, 1])  # one that tells something in each half
    assert_promises(t, logits, target, even(60))


@SETTINGS
@given(graphs(), seeds)
def test_promises_where_nodes_have_several_parents(case: GraphCase, rng: np.random.Generator) -> None:
    """A row's loss is the worst of its answers so far."""
    t = Oracle(case).taxonomy
    logits = torch.from_numpy(rng.normal(size=(40, len(t))) * 3)
    target = torch.from_numpy(rng.integers(0, t.num_nodes - 1, 40))
    assert_promises(t, logits, target, even(40))


def test_labels_above_the_classes_may_be_left_out() -> None:
    """coarse="skip": sentences say how many; only rows labelled with a class are delivered."""
    logits, target = rows(400, seed=1)
    target[::3] = TREE.node_id(("g0",))
    part = assert_promises(TREE, logits, target, even(400), coarse="skip")
    assert part["scored_rows"] == int((target[1::2] < len(TREE)).sum())


def test_groups_stay_whole() -> None:
    """Groups 1, 3, 5, .. in the order of appearance calibrate; rows that tell nothing have groups too."""
    logits, target = rows(300, seed=2)
    target[5] = TREE.num_nodes - 1
    groups = [f"site {number // 10 % 20}" for number in range(300)]
    calibrates = torch.tensor([number // 10 % 20 % 2 == 0 for number in range(300)])
    part = assert_promises(TREE, logits, target, calibrates, groups=groups)
    for promise in part["promises"]:
        assert promise["low"] is None
        assert promise["high"] is None
        assert promise["delivered_low"] <= promise["delivered"] <= promise["delivered_high"]


def test_interval_of_groups_of_one_row_is_that_of_rows() -> None:
    """The variance of a mean, where every group is one row."""
    logits, target = rows(200, seed=3)
    part = unsure(gathered(TREE, logits, target), groups=[f"{number}" for number in range(200)])
    for promise in part["promises"]:
        p, n = promise["delivered"], promise["rows"]
        error = 1.959963984540054 * math.sqrt(p * (1 - p) / (n - 1))
        assert promise["delivered_low"] == pytest.approx(max(0, p - error))
        assert promise["delivered_high"] == pytest.approx(min(1, p + error))


def test_a_promise_is_what_evaluate_makes(tmp_path: Path) -> None:
    """With a risk `evaluate` takes the same rows and says the same sentence, and its promise is chosen."""
    logits, target = rows(400, seed=4)
    samples = Samples(tmp_path / "p.npz", "logits", lambda: iter([Piece(1, logits, target)]))
    done = evaluate(samples, TREE, Settings("climb", risk=0.05, draws=2), lambda _: None)
    part = unsure(gathered(TREE, logits, target), threshold=done.threshold, delivered=done.delivered)
    (promise,) = (each for each in part["promises"] if each["risk"] == 0.05)
    assert done.threshold is not None
    assert promise["sentence"] == str(done.threshold)
    assert part["chosen"] == pytest.approx(promise)


@SETTINGS
@given(taxonomies(), seeds)
def test_the_curve_is_what_climb_answers(case: Case, rng: np.random.Generator) -> None:
    """At each point all rows are answered anew; from classes always to the root always."""
    t = case.taxonomy
    logits = torch.from_numpy(rng.normal(size=(30, len(t))) * 3)
    target = torch.from_numpy(rng.integers(0, t.num_nodes - 1, 30))
    part, tensors = unsure(gathered(t, logits, target)), nodes_of(t)
    curve = part["curve"]
    assert 2 <= len(curve) <= 60
    assert (curve[0]["threshold"], curve[-1]["threshold"]) == (0, 1)
    assert curve[-1]["wrong"] == 0
    assert curve[-1]["information"] == 0
    assert curve[-1]["shares"][0] == 1
    for one, other in pairwise(curve):
        assert one["wrong"] >= other["wrong"]
        assert one["information"] >= other["information"]
    for point in curve[1:-1]:
        made = calibrate_threshold(logits, target, t, 0.5)
        fields = {**made.to_dict(), "log_odds": point["log_odds"]}
        answer = climb(logits, t, Threshold.from_dict(fields))
        assert isinstance(answer, Tensor)
        assert point["wrong"] == pytest.approx(
            (~tensors.at_or_above(answer, target)).double().mean().item()
        )
        assert point["information"] == pytest.approx(tensors.information[answer].double().mean().item())
        assert math.fsum(point["shares"]) == pytest.approx(1)


def test_answers_alone_have_no_threshold() -> None:
    """Said in words, with what would help."""
    part = unsure(gathered(TREE, torch.tensor([0, 1, 2]), [0, 1, 1]))
    assert list(part) == ["why"]
    assert "--score" in part["why"]


@pytest.mark.parametrize(("targets", "coarse"), [([0], "wrong"), ([0, 40], "skip"), ([39, 0], "skip")])
def test_a_half_without_rows(targets: list[int], coarse: str) -> None:
    """One row, or a half without one that counts: said in words."""
    logits = torch.randn(len(targets), 27, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([min(t, TREE.num_nodes - 2) for t in targets])
    part = unsure(gathered(TREE, logits, target), coarse=coarse)
    assert list(part) == ["why"]
    assert "in each half" in part["why"]


def test_few_rows_promise_little() -> None:
    """Two rows: every sentence says that there are too few, and the root is answered."""
    logits, target = rows(2, seed=5)
    part = unsure(gathered(TREE, logits, target))
    first = part["promises"][0]
    assert "too few" in first["sentence"]
    assert first["shares"][0] == 1
    assert first["kept"]


def test_a_promise_is_broken_only_beyond_its_band() -> None:
    """Rows to deliver on that are much worse than those that calibrated."""
    logits, target = rows(2000, seed=6)
    target[1::2] = (target[1::2] + 1) % 27
    part = unsure(gathered(TREE, logits, target))
    for promise in part["promises"]:
        allowed = promise["risk"] if promise["high"] is None else promise["high"]
        assert promise["kept"] == (promise["delivered_low"] <= allowed)
    assert not part["promises"][7]["kept"]
    good = unsure(gathered(TREE, *rows(2000, seed=6)))
    assert good["promises"][7]["kept"]


# -- intervals -------------------------------------------------------------------------------------


def below(k: int, n: int, p: float) -> float:
    """P(Binomial(n, p) <= k), term by term."""
    return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_exact_intervals_end_where_the_tails_are_small(pair: tuple[int, int]) -> None:
    """By the definition of Clopper and Pearson."""
    k, n = pair
    low, high = exact_interval(k, n)
    assert (low == 0) if k == 0 else (1 - below(k - 1, n, low) == pytest.approx(0.025, abs=1e-9))
    assert (high == 1) if k == n else (below(k, n, high) == pytest.approx(0.025, abs=1e-9))
    assert at_least(k, n) == pytest.approx(1 - below(k - 1, n, 0.5), abs=1e-9)


def test_a_band_is_what_its_sentence_says() -> None:
    """With ties only the upper end is known; with confidence, or of groups, none is."""
    logits, target = rows(300, seed=7)
    made = calibrate_threshold(logits, target, TREE, 0.1)
    assert made.band == beta_band(300, 0.1)
    twice = calibrate_threshold(logits.repeat(2, 1), target.repeat(2), TREE, 0.1)
    assert twice.band == (None, beta_band(600, 0.1)[1])
    assert calibrate_threshold(logits, target, TREE, 0.1, confidence=0.9).band is None
    assert calibrate_threshold(logits, target, TREE, 0.1, groups=list(range(300))).band is None
