"""Thresholds keep their promise: by simulation, and against a search over every threshold."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import Any

import metric_oracles as oracle
import numpy as np
import pytest
import torch
from calibration_rows import PATHS, TREE, rows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from loss_oracle import random_logits
from modes import fresh
from torch import Tensor
from trees import Case, seeds, taxonomies

from taxoloss import Taxonomy, decisions
from taxoloss.decisions import (
    Threshold,
    calibrate_levels,
    calibrate_threshold,
    climb,
    report,
)
from taxoloss.decisions.calibration.binomial import allowed_errors, beta_band
from taxoloss.decisions.calibration.paths import paths_of
from taxoloss.functional.log_odds import path_log_odds

Rng = np.random.Generator


def is_wrong(answer: Tensor, target: Tensor, taxonomy: Taxonomy = TREE) -> Tensor:
    """Whether answers are neither the target nor above it."""
    paths = [taxonomy.path(int(node)) for node in answer]
    return torch.tensor([taxonomy.path(int(y))[: len(p)] != p for p, y in zip(paths, target, strict=True)])


# -- against a search ------------------------------------------------------------------------------


def loss_at(case: Case, logits: Any, target: int, least: float, loss: str, decision: str) -> float:
    """Of one row, at a threshold on log-odds."""
    start = oracle.best_class(case, logits) if decision == "climb" else oracle.top_down_class(case, logits)
    answer = oracle.climbed(case, logits, start, least)
    if loss == "wrong":
        return float(oracle.is_wrong(case, answer, target))
    return float(oracle.depth(case, answer) - oracle.depth(case, oracle.lca(case, answer, target)))


@pytest.mark.slow
@SETTINGS
@given(
    taxonomies(), seeds, st.sampled_from([0.05, 0.2, 0.5]), st.sampled_from(["wrong", "height"]),
    st.sampled_from(["climb", "top_down"]),
)  # fmt: skip
def test_the_lowest_threshold_that_keeps_the_promise(
    case: Case, rng: Rng, risk: float, loss: str, decision: str
) -> None:
    """inf{t : n / (n + 1) R(t) + B / (n + 1) <= risk}, by trying every log-odds there is."""
    n = 15
    logits = random_logits(case, rng, n)
    target = rng.choice(len(case.ids) - 1, n)  # not the root
    made = calibrate_threshold(
        torch.from_numpy(logits), torch.from_numpy(target), case.taxonomy, risk, decision, loss=loss
    )
    bound = 1 if loss == "wrong" else max(oracle.depth(case, node) for node in case.ids)
    nodes = [case.by_id[label] for label in target]
    steps = {oracle.log_odds(case, row, node) for row in logits for node in case.ids if node}
    fits = []
    for least in sorted({-math.inf, *steps}):
        losses = [loss_at(case, z, y, least, loss, decision) for z, y in zip(logits, nodes, strict=True)]
        if sum(losses) + bound <= risk * (n + 1) + 1e-9:
            fits.append(least)
    wanted = min(fits, default=math.inf)
    if bound > risk * (n + 1) + 1e-9:
        wanted = math.inf
    assert made.log_odds == pytest.approx(wanted, rel=1e-9, abs=1e-9)


# -- by simulation ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.one_form("counts what either form finds")
@pytest.mark.parametrize(
    ("n", "risk", "decision"),
    [(9, 0.1, "climb"), (19, 0.05, "climb"), (99, 0.05, "climb"), (20, 0.1, "top_down")],
)
def test_the_promise_holds_on_average(n: int, risk: float, decision: str) -> None:
    """1,000 splits of one pool: the mean error is at most the risk, and near it."""
    logits, target = rows(4000, seed=n)
    scores = scores_of(logits, target, decision)
    g = torch.Generator().manual_seed(0)
    errors = []
    for _ in range(1000):
        order = torch.randperm(4000, generator=g)
        mine = order[:n]
        made = calibrate_threshold(logits[mine], target[mine], TREE, risk, decision)
        errors.append(float((scores[order[n:]] > made.log_odds).double().mean()))
    error = 3 * np.std(errors) / math.sqrt(1000)
    assert fmean(errors) <= risk + error
    assert fmean(errors) >= risk - 1 / (n + 1) - error
    low, high = beta_band(n, risk)
    inside = fmean(float(low - 0.005 <= e <= high + 0.005) for e in errors)
    assert inside > 0.85


def scores_of(logits: Tensor, target: Tensor, decision: str) -> Tensor:
    """For each row the log-odds down to which its answer is right."""
    paths = paths_of(logits, target, TREE, decision)
    return torch.where(paths.wrong, paths.log_odds, -math.inf).amax(1)


def test_answers_are_wrong_as_often_as_the_scores_say() -> None:
    """What the simulation counts is what `climb` answers."""
    logits, target = rows(600, seed=1)
    made = calibrate_threshold(logits[:300], target[:300], TREE, 0.1)
    answer = climb(logits[300:], TREE, made)
    wrong = is_wrong(answer, target[300:])  # type: ignore[arg-type]
    assert torch.equal(wrong, scores_of(logits[300:], target[300:], "climb") > made.log_odds)
    assert report(made, logits[300:], target[300:], TREE).overall.wrong == int(wrong.sum())


@pytest.mark.slow
@pytest.mark.one_form("counts what either form finds")
def test_with_confidence() -> None:
    """The true rate is above the risk in at most one calibration in ten."""
    logits, target = rows(4000, seed=5)
    scores, risk = scores_of(logits, target, "climb"), 0.1
    g = torch.Generator().manual_seed(0)
    above = []
    for _ in range(500):
        mine = torch.randperm(4000, generator=g)[:200]
        made = calibrate_threshold(logits[mine], target[mine], TREE, risk, confidence=0.9)
        above.append(float((scores > made.log_odds).double().mean()) > risk)
    assert fmean(above) <= 0.1 + 3 * math.sqrt(0.09 / 500)


@pytest.mark.slow
@pytest.mark.one_form("counts what either form finds")
def test_the_height_promise() -> None:
    """Edges too far down, on average."""
    logits, target = rows(3000, seed=6)
    g = torch.Generator().manual_seed(0)
    for risk in (0.1, 0.3):
        losses = []
        for _ in range(60):
            order = torch.randperm(3000, generator=g)
            mine, others = order[:300], order[300:800]
            made = calibrate_threshold(logits[mine], target[mine], TREE, risk, loss="height")
            paths = [TREE.path(int(node)) for node in climb(logits[others], TREE, made)]
            truths = [TREE.path(int(y)) for y in target[others]]
            pairs = zip(paths, truths, strict=True)
            losses += [len(p) - sum(a == b for a, b in zip(p, y, strict=False)) for p, y in pairs]
        assert fmean(losses) <= risk + 3 * np.std(losses) / math.sqrt(len(losses))


def test_groups() -> None:
    """Whole sites: the mean of a new site's rows keeps the promise; one row a group is no grouping."""
    logits, target = rows(1000, seed=7)
    alone = calibrate_threshold(logits, target, TREE, 0.1)
    single = calibrate_threshold(logits, target, TREE, 0.1, groups=torch.arange(1000) * 7)
    assert (single.log_odds, single.n, single.unit) == (alone.log_odds, 1000, "groups")
    sites = torch.arange(1000) // 20
    made = calibrate_threshold(logits, target, TREE, 0.1, groups=sites)
    wrong = (scores_of(logits, target, "climb") > made.log_odds).double()
    rates = torch.stack([wrong[sites == site].mean() for site in range(50)])
    assert float(rates.sum() + 1) <= 0.1 * 51 + 1e-9
    assert "50 calibration groups" in str(made)


def test_a_threshold_for_each_clade() -> None:
    """Its own rows where there are enough, else those of the ancestor."""
    logits, target = rows(900, seed=8)
    made = calibrate_threshold(logits, target, TREE, 0.1, per="group")
    predicted = TREE.ancestor_index("group")[logits.argmax(1)]
    for group in range(3):
        mine = predicted == group
        own = calibrate_threshold(logits[mine], target[mine], TREE, 0.1)
        assert made.clades[group] == own.log_odds
    few = calibrate_threshold(logits[:25], target[:25], TREE, 0.05, per="class")
    assert set(few.clades) == {calibrate_threshold(logits[:25], target[:25], TREE, 0.05).log_odds}
    answer: Any = climb(logits, TREE, made)
    one_by_one: list[Any] = [climb(z[None], TREE, made) for z in logits[:20]]
    assert torch.equal(answer[:20], torch.cat(one_by_one))
    assert "each predicted group" in str(made)


# -- what it says ----------------------------------------------------------------------------------


def test_too_few_rows() -> None:
    """The root, always, and it says so."""
    logits, target = rows(18, seed=2)
    made = calibrate_threshold(logits, target, TREE, 0.05)
    assert made.log_odds == math.inf
    assert made.probability == 1.0
    assert str(made) == (
        "With 18 calibration samples: too few to promise wrong on at most 5 % on average (19 samples or "
        "more are needed); the root is always answered."
    )
    assert made.needed == 19
    answer: Any = climb(logits, TREE, made)
    assert set(answer.tolist()) == {TREE.node_id(())}
    enough = calibrate_threshold(*rows(19, seed=2), TREE, 0.05)
    assert math.isfinite(enough.log_odds)


def test_the_sentence() -> None:
    """With the Beta band, as the design quotes it."""
    made = calibrate_threshold(*rows(1000, seed=3), TREE, 0.05)
    assert str(made) == (
        "With 1,000 calibration samples: wrong on at most 5 % on average; 9 times in 10 the true rate is "
        "between 3.9 and 6.2 %."
    )
    sure = calibrate_threshold(*rows(1000, seed=3), TREE, 0.05, confidence=0.9)
    assert "with 90 % confidence" in str(sure)
    assert sure.log_odds >= made.log_odds
    far = calibrate_threshold(*rows(1000, seed=3), TREE, 0.2, loss="height")
    assert "at most 0.2 edges too far down" in str(far)


@pytest.mark.parametrize(("n", "wanted"), [(100, 1), (500, 18), (1000, 40), (5000, 229)])
def test_the_exact_binomial(n: int, wanted: int) -> None:
    """How many may be wrong at 5 % with 90 % confidence: the numbers of the literature."""
    assert allowed_errors(n, 0.05, 0.9) == wanted
    assert allowed_errors(44, 0.05, 0.9) == -1
    assert allowed_errors(45, 0.05, 0.9) == 0


@pytest.mark.parametrize(
    ("n", "low", "high"), [(100, 0.020, 0.089), (500, 0.035, 0.067), (5000, 0.045, 0.055)]
)
def test_the_beta_band(n: int, low: float, high: float) -> None:
    """Of the order statistic of n uniform scores, and by simulation."""
    assert beta_band(n, 0.05) == pytest.approx((low, high), abs=6e-4)
    m = math.ceil(round((n + 1) * 0.95, 9))
    draws = np.random.default_rng(0).beta(n + 1 - m, m, 100_000)
    assert np.quantile(draws, [0.05, 0.95]) == pytest.approx(beta_band(n, 0.05), abs=2e-3)


def test_files(tmp_path: Path) -> None:
    """Saved and loaded, infinite and per clade too; strict JSON; a torn file is refused."""
    logits, target = rows(400, seed=4)
    levels = calibrate_levels(logits[:200], target[:200], TREE)
    for made in (
        calibrate_threshold(logits, target, TREE, 0.1),
        calibrate_threshold(logits[:3], target[:3], TREE, 0.1, per="group"),
        calibrate_threshold(logits[200:], target[200:], TREE, 0.1, levels=levels, confidence=0.8),
    ):
        path = tmp_path / "threshold.json"
        made.save(path)
        json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(word))
        again = Threshold.load(path)
        assert again == made
        assert torch.equal(climb(logits, TREE, again), climb(logits, TREE, made))  # type: ignore[arg-type]
        path.write_text(path.read_text()[:50])
        with pytest.raises(ValueError, match=r"Threshold\.save"):
            Threshold.load(path)
    assert [file.name for file in tmp_path.iterdir()] == ["threshold.json"]


def test_another_taxonomy_is_refused() -> None:
    """Another tree, another class order, another decision."""
    logits, target = rows(100, seed=4)
    made = calibrate_threshold(logits, target, TREE, 0.1)
    other = Taxonomy.from_paths(PATHS[::-1], ["group", "subgroup", "class"]).bind(node_targets=True)
    moved = Taxonomy.from_paths(PATHS, TREE.levels).bind(PATHS[::-1], node_targets=True)
    with pytest.raises(ValueError, match=f"tree.*{TREE.digest[:12]}.*{other.digest[:12]}"):
        climb(logits, other, made)
    with pytest.raises(ValueError, match="class order"):
        climb(logits, moved, made)
    with pytest.raises(ValueError, match=r"top_down.*climb"):
        decisions.top_down(logits, TREE, made)


def test_logits_times_thirty() -> None:
    """Most P are 1.0 in float32, of wrong answers too: no threshold on P could keep the promise."""
    logits, target = rows(2000, seed=9)
    answers = []
    for sureness in (1.0, 30.0):
        z = logits * sureness
        made = calibrate_threshold(z[:1000], target[:1000], TREE, 0.05)
        found: Any = climb(z[1000:], TREE, made)
        rate = float(is_wrong(found, target[1000:]).double().mean())
        assert 0.02 < rate < 0.09
        answers.append(found)
    roots = [float((found == TREE.node_id(())).double().mean()) for found in answers]
    assert max(roots) < 0.5
    p, best = (logits * 30).softmax(1).max(1)
    assert float(((p == 1.0) & (best != target)).double().mean()) > 0.05
    # What separates the rows is the gap between the best two classes, so that the order stays.
    thirty, sixty = (path_log_odds(logits * scale, best, TREE)[:, 2] for scale in (30.0, 60.0))
    assert float(sixty[thirty.argsort()].diff().min()) > -2.0  # of some hundred: log of the near classes


BAD: list[tuple[dict[str, Any], str]] = [
    ({"decision": "most_specific"}, "no promise"),
    ({"decision": "hedge"}, "no promise"),
    ({"risk": 0.0}, "risk"),
    ({"risk": 1.0}, "risk"),
    ({"confidence": 1.0}, "confidence"),
    ({"confidence": 0.9, "loss": "height"}, "confidence"),
    ({"loss": "depth"}, "loss"),
    ({"per": "genus"}, "genus"),
    ({"groups": torch.zeros(3, dtype=torch.long)}, "groups"),
    ({"target": torch.full((50,), -100)}, "none that counts"),
    ({"target": torch.zeros(3, dtype=torch.long)}, r"\(50,\).*\(3,\)"),
]


@pytest.mark.parametrize(("options", "words"), BAD)
def test_refused(options: dict[str, Any], words: str) -> None:
    """With what was expected and what was found."""
    logits, target = rows(50, seed=0)
    given: dict[str, Any] = {"logits": logits, "target": target, "taxonomy": TREE, "risk": 0.1}
    with pytest.raises(ValueError, match=f"(?s){words}"):
        calibrate_threshold(**(given | options))


@pytest.mark.parametrize(
    "kind",
    [np.float16, np.float32, np.float64, np.array,
     torch.tensor, lambda x: torch.tensor(x, dtype=torch.float16),
     lambda x: torch.tensor(x, dtype=torch.float64), lambda x: Fraction(str(x)), lambda x: Decimal(str(x))],
)  # fmt: skip
def test_numbers_of_any_library(kind: Any, tmp_path: Path) -> None:
    """The share that was written, in the sentence, the threshold and the file."""
    logits, target = rows(300, seed=0)
    for risk, confidence in ((0.05, None), (0.1, 0.9), (0.3, 0.95)):
        sure = None if confidence is None else kind(confidence)
        made = calibrate_threshold(logits, target, TREE, kind(risk), confidence=sure)
        wanted = calibrate_threshold(logits, target, TREE, risk, confidence=confidence)
        assert (made, str(made)) == (wanted, str(wanted))
        assert type(made.risk) is float
        made.save(tmp_path / "t.json")
        assert Threshold.load(tmp_path / "t.json") == made


@pytest.mark.parametrize("value", ["0.05", None, torch.tensor([0.1, 0.2]), [0.1], 0.1j])
def test_what_is_no_number(value: Any) -> None:
    """As the risk, or the confidence."""
    logits, target = rows(50, seed=0)
    with pytest.raises(TypeError, match="expected a number as risk, got"):
        calibrate_threshold(logits, target, TREE, value)
    if value is not None:
        with pytest.raises(TypeError, match="expected a number as confidence, got"):
            calibrate_threshold(logits, target, TREE, 0.1, confidence=value)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_ignored_rows(value: float) -> None:
    """They may hold anything."""
    g = torch.Generator().manual_seed(0)
    z, y = torch.randn(200, 5, generator=g), torch.randint(0, 5, (200,), generator=g)
    y[::7] = -100
    kept, spoilt = y >= 0, z.clone()
    spoilt[::7] = value
    tree = fresh()
    threshold = decisions.calibrate_threshold(z[kept], y[kept], tree, risk=0.6)
    assert decisions.calibrate_threshold(spoilt, y, tree, risk=0.6).log_odds == threshold.log_odds
    assert str(decisions.report(threshold, spoilt, y, tree)) == str(
        decisions.report(threshold, z[kept], y[kept], tree)
    )
    assert str(decisions.risk_curve(spoilt, y, tree)) == str(decisions.risk_curve(z[kept], y[kept], tree))
    levels = decisions.calibrate_levels
    torch.testing.assert_close(
        levels(spoilt, y, tree)(z), levels(z[kept], y[kept], tree)(z), rtol=0, atol=0
    )
    spoilt[1] = torch.nan
    with pytest.raises(ValueError, match="NaN in row 1"):
        decisions.calibrate_threshold(spoilt, y, tree, risk=0.6)
