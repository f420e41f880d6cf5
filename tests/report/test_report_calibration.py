"""Calibration of a report: errors are the metric's, intervals solve Wilson's equation."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest
import torch
from calibration_rows import TREE, rows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from rows_by_hand import gathered, random_answers, wrong
from trees import Case, seeds, taxonomies

from taxoloss import metrics
from taxoloss.metrics.bootstrap import Interval
from taxoloss.report.numbers.calibration import calibration, wilson


def test_errors_of_levels_are_those_of_the_metric() -> None:
    """Of logits, computed of the bins; where a score is known, that is taken."""
    logits, target = rows(500, seed=0)
    found = gathered(TREE, logits, target)
    metric = metrics.LevelCalibrationError(TREE)
    metric.update(logits, target)
    errors = metric.compute()
    levels = calibration(found, {})["levels"]
    assert [level["level"] for level in levels] == list(TREE.levels)
    for level in levels:
        assert level["error"] == pytest.approx(float(errors[level["level"]]), abs=1e-6)
        assert sum(each["count"] for each in level["bins"]) == 500
        for each in level["bins"]:
            if each["count"]:
                assert each["low"] <= each["right"] <= each["high"]
            else:
                assert {each[key] for key in ("stated", "right", "low", "high")} == {None}
    known = calibration(found, {"calibration_error/group": Interval(0.25, 0.1, 0.4)})["levels"]
    assert known[0]["error"] == 0.25
    assert known[1]["error"] == levels[1]["error"]


@SETTINGS
@given(taxonomies(), seeds)
def test_stated_probabilities_of_answers(case: Case, rng: np.random.Generator) -> None:
    """Each bin by hand; an answer is right that is on one line with the truth."""
    t = case.taxonomy
    found = random_answers(t, rng)
    assert found.probability is not None
    bins: dict[int, list[tuple[float, bool]]] = {}
    for place, stated in enumerate(found.probability.tolist()):
        if not math.isnan(stated):
            bad = wrong(t, int(found.node_target[place]), int(found.node_answer[place]))
            right = not bad and not found.unknown[place]
            bins.setdefault(min(14, math.floor(stated * 15)), []).append((stated, right))
    (only,) = calibration(found, {})["levels"]
    assert only["level"] == "answers"
    assert len(only["bins"]) == 15
    total = sum(map(len, bins.values()))
    error = 0.0
    for number, each in enumerate(only["bins"]):
        inside = bins.get(number, [])
        assert each["count"] == len(inside)
        if inside:
            stated, share = fmean(s for s, _ in inside), fmean(r for _, r in inside)
            assert (each["stated"], each["right"]) == (pytest.approx(stated), pytest.approx(share))
            error += len(inside) / total * abs(stated - share)
    assert only["error"] == (pytest.approx(error) if total else None)


def test_no_probabilities_is_said_in_words() -> None:
    """Bare answers."""
    found = calibration(gathered(TREE, torch.tensor([0, 1]), [0, 0]), {})
    assert list(found) == ["why"]
    assert "probabilities" in found["why"]


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_ends_are_as_far_as_the_normal_quantile(pair: tuple[int, int]) -> None:
    """|k / n - p| = z sqrt(p (1 - p) / n) at both ends."""
    k, n = pair
    for p in wilson(k / n, n, 2.0):
        assert abs(k / n - p) == pytest.approx(2 * math.sqrt(p * (1 - p) / n), abs=1e-7)
