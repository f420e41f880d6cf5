"""What thresholds and reports say is so: every sentence beside the facts, and by simulation."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from calibration_rows import TREE, rows
from torch import Tensor

import taxoloss
from taxoloss.decisions import (
    Delivered,
    Threshold,
    calibrate_levels,
    calibrate_threshold,
    climb,
    report,
    risk_curve,
    top_down,
)
from taxoloss.decisions.calibration.binomial import beta_band
from taxoloss.decisions.calibration.paths import paths_of

KINDS = ("few", "finite", "ties", "never_wrong", "uncut")
ALL = [
    dict(zip(("loss", "decision", "confidence", "grouped", "per", "kind"), values, strict=True))
    for values in itertools.product(
        ("wrong", "height"), ("climb", "top_down"), (None, 0.8), (False, True), (None, "group"), KINDS
    )
]
#: A confidence counts wrong rows.
CASES = [c for c in ALL if c["confidence"] is None or (c["loss"] == "wrong" and not c["grouped"])]


def stepped(logits: Tensor, steps: int) -> Tensor:
    """Only the best class, with a logit of so many steps a unit: log-odds of few values."""
    best = logits.max(1, keepdim=True)
    return torch.zeros_like(logits).scatter(1, best.indices, (best.values * steps).round() / steps + 1)


def data(kind: str) -> tuple[Tensor, Tensor]:
    """Logits and targets, a tenth of them labelled above a class, one not at all."""
    logits, target = rows(3 if kind == "few" else 300, seed=7)
    if kind == "ties":
        logits = stepped(logits, 1)
    if kind == "never_wrong":
        target = logits.argmax(1)
    else:
        coarse = TREE.node_id(("g0", "s00"))
        target = torch.where((torch.arange(len(target)) % 10 == 0) & (target < 3), coarse, target)
    if kind == "uncut":
        sure = torch.arange(300) < 150
        target[sure] = 5
        logits[sure] = torch.full((150, 27), -math.inf).scatter(1, 9 * torch.ones(150, 1).long(), 1.0)
    target[-1] = -100
    return logits, target


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(str(v) for v in case.values()))
def test_every_sentence(case: dict[str, Any]) -> None:
    """Number and unit of rows and risk, confidence, ends, the root; what a report says was delivered."""
    logits, target = data(case["kind"])
    risk = 0.4 if case["loss"] == "height" else 0.2
    groups = torch.arange(len(target)) // 3 if case["grouped"] else None
    made = calibrate_threshold(
        logits, target, TREE, risk, case["decision"], case["confidence"],
        loss=case["loss"], groups=groups, per=case["per"],
    )  # fmt: skip
    check_threshold(made, case, logits, target, risk)
    check_report(made, case, logits, target, risk)


def check_threshold(
    made: Threshold, case: dict[str, Any], logits: Tensor, target: Tensor, risk: float
) -> None:
    """Its sentence."""
    said = str(made)
    n = len(target) - 1
    count = re.match(r"With ([\d,]+) calibration (samples?|groups?)", said)
    assert count is not None
    wanted = len(range(0, n, 3)) if case["grouped"] else n
    assert int(count[1]) == wanted
    assert count[2] == ("group" if case["grouped"] else "sample") + ("" if wanted == 1 else "s")
    coarse = int((target >= 27).sum())
    told = re.search(r"(\d+) of (\d+) rows (?:is|are) labelled above the classes; a deeper answer to", said)
    assert (int(told[1]) if told else 0) == coarse == made.coarse
    assert told is None or int(told[2]) == n == made.rows
    assert ("0.4 edges too far down" in said) == (case["loss"] == "height")
    assert ("20 %" in said) == (case["loss"] == "wrong")
    assert ("with 80 % confidence" in said) == (case["confidence"] is not None)
    assert ("on average" in said) == (case["confidence"] is None)
    assert ("new group" in said) == case["grouped"]
    assert ("for each predicted group" in said) == (case["per"] is not None)
    check_ends(made, case, said, logits, target)
    rule = climb if case["decision"] == "climb" else top_down
    answers = rule(torch.cat([logits, rows(500, seed=3)[0]]), TREE, made)
    assert isinstance(answers, Tensor)
    always = re.search(r"the root is always answered( for (\d+) of 3)?", said)
    silent = bool((answers == TREE.num_nodes - 1).all())
    if made.level is None:
        assert silent == (always is not None)
    else:
        assert (0 if always is None else int(always[2] or 3)) == made.clades.count(math.inf)
    check_too_few(made, case, logits, target, said)
    assert ("log-odds of inf" in said) == (
        made.log_odds == math.inf and case["kind"] == "uncut" and made.level is None
    )


def check_too_few(made: Threshold, case: dict[str, Any], logits: Tensor, target: Tensor, said: str) -> None:
    """So many are needed: with one less of the same rows, never wrong, all answers are the root."""
    needed = re.search(r"too few to promise .*\((\d+) (sample|group)s or more are needed\)", said)
    assert (needed is not None) == ("too few" in said) == (case["kind"] == "few")
    if needed is None or made.level is not None:
        return
    assert int(needed[1]) == made.needed
    assert needed[2] == ("group" if case["grouped"] else "sample")
    for count, silent in ((int(needed[1]) - 1, True), (int(needed[1]), False)):
        groups = [f"site {row}" for row in range(count)] if case["grouped"] else None
        z = logits[:1].expand(count, -1)
        again = calibrate_threshold(
            z, z.argmax(1), TREE, made.risk, made.decision, made.confidence, loss=made.loss, groups=groups
        )
        assert (again.log_odds == math.inf) == silent == ("too few" in str(again))


def check_ends(made: Threshold, case: dict[str, Any], said: str, logits: Tensor, target: Tensor) -> None:
    """A lower end only where one row decides; an upper end for single rows."""
    paths = paths_of(logits, target, TREE, case["decision"])
    scores = torch.where(paths.wrong, paths.log_odds, -math.inf).amax(1)
    known = case["loss"] == "wrong" and not (case["confidence"] or case["grouped"] or case["per"])
    one = bool(((scores == made.log_odds).sum() == 1) & math.isfinite(made.log_odds))
    assert ("between" in said) == (known and one)
    assert ("true rate is at most" in said) == (known and not one and made.log_odds < math.inf)
    if known and made.log_odds < math.inf:
        high = re.search(r"([\d.]+) %\.(?: \d+ of|$)", said)
        assert high is not None
        assert float(high[1]) / 100 == pytest.approx(beta_band(made.n, 0.2)[1], abs=5e-4)


def check_report(
    made: Threshold, case: dict[str, Any], logits: Tensor, target: Tensor, risk: float
) -> None:
    """In the unit of the promise, and what the answers say."""
    found = report(made, logits, target, TREE)
    first = str(found).splitlines()[0]
    rule = climb if case["decision"] == "climb" else top_down
    answers = rule(logits, TREE, made)
    assert isinstance(answers, Tensor)
    keeps = target != -100
    pairs = [
        (TREE.path(int(a)), TREE.path(int(y))) for a, y in zip(answers[keeps], target[keeps], strict=True)
    ]
    edges = [len(a) - sum(x == y for x, y in zip(a, b, strict=False)) for a, b in pairs]
    check_judged(found, pairs)
    wrong, unjudged, together = (
        100 * x for x in (found.overall.rate, found.overall.unjudged_rate, found.overall.rate_at_most)
    )
    assert together == pytest.approx(100 * fmean(e > 0 for e in edges))
    parts = f"{wrong:.2f} % wrong, {unjudged:.2f} % not judged"
    if case["loss"] == "height":
        assert f", and {parts if unjudged else f'{wrong:.2f} % wrong'}, of {len(pairs)} rows" in first
    else:
        said = f"{together:.2f} % ({parts})" if unjudged else f"{wrong:.2f} %"
        assert f"delivered here {said} of {len(pairs)} rows" in first
    height = re.search(r"delivered here ([\d.]+) edges", first)
    assert (height is not None) == (case["loss"] == "height")
    assert height is None or float(height[1]) == pytest.approx(fmean(edges), abs=6e-4)
    wanted = "0.4 edges too far down" if case["loss"] == "height" else "20 % wrong"
    assert first.startswith(f"promised at most {wanted}")
    assert ("confidence" in first) == (case["confidence"] is not None)
    assert ("new group" in first) == case["grouped"]
    assert ("for each predicted group" in first) == (case["per"] is not None)
    assert (found.coarse.rows, "above the classes" in str(found)) == (made.coarse, made.coarse > 0)


Names = tuple[str, ...]


def check_judged(found: Delivered, pairs: list[tuple[Names, Names]]) -> None:
    """Against paths: an answer below a label above the classes is neither right nor wrong, and told so."""
    unjudged = sum(len(y) < 3 and len(a) > len(y) and a[: len(y)] == y for a, y in pairs)
    right = sum(y[: len(a)] == a for a, y in pairs)
    assert (found.overall.unjudged, found.overall.wrong) == (unjudged, len(pairs) - right - unjudged)
    for shares in (found.by_level, found.by_branch):
        for count in ("rows", "wrong", "unjudged", "edges"):
            assert sum(getattr(share, count) for share in shares) == getattr(found.overall, count)
    lines = str(found).splitlines()
    rates = [line for line in lines if re.search(r"[1-9]\d* rows ", line) and line.startswith("  ")]
    assert rates
    assert all(("% not judged" in line) == (unjudged > 0) for line in rates)
    told = re.search(r"above the classes: (\d+) answers? (?:is|are) deeper than the label", str(found))
    assert (int(told[1]) if told else 0) == unjudged


@pytest.mark.parametrize("risk", [1.5, 1.0, 2.25])
def test_edges_are_no_percent(risk: float) -> None:
    """A promise of edges is said in edges, its own and what was delivered."""
    logits, target = rows(200, seed=1)
    made = calibrate_threshold(logits, target, TREE, risk, loss="height")
    for text in (str(made), str(report(made, logits, target, TREE))):
        assert f"at most {risk:g} edge{'' if risk == 1 else 's'} too far down" in text
        assert not re.search(r"(150|100|225) %", text)


@pytest.mark.slow
@pytest.mark.one_form("counts what either form finds")
@pytest.mark.parametrize("kind", ["continuous", "steps", "coarse_steps", "seldom_wrong", "never_wrong"])
def test_the_ends_hold(kind: str) -> None:
    """Of 400 calibrations: two ends hold 9 times in 10 where they are named, one 19 times in 20."""
    logits, target = rows(6000, seed=2)
    if kind in ("steps", "coarse_steps"):
        logits = stepped(logits, 4 if kind == "steps" else 1)
    if kind in ("seldom_wrong", "never_wrong"):
        share = 0.93 if kind == "seldom_wrong" else 2.0
        kept = torch.rand(6000, generator=torch.Generator().manual_seed(0)) < share
        target = torch.where(kept, logits.argmax(1), target)
    paths = paths_of(logits, target, TREE, "climb")
    scores = torch.where(paths.wrong, paths.log_odds, -math.inf).amax(1)
    g = torch.Generator().manual_seed(3)
    between: list[Any] = []
    below: list[Any] = []
    for _ in range(400):
        order = torch.randperm(6000, generator=g)
        mine, rest = order[:150], order[150:]
        made = calibrate_threshold(logits[mine], target[mine], TREE, 0.1)
        rate = float((scores[rest] > made.log_odds).double().mean())
        ends = re.findall(r"([\d.]+)(?: %\.$| and)", str(made).partition("true rate")[2])
        low, high = (-1.0 if len(ends) == 1 else float(ends[0]) / 100), float(ends[-1]) / 100
        (below if len(ends) == 1 else between).append(low - 5e-4 <= rate <= high + 5e-4)
    for held, share in ((between, 0.9), (below, 0.95)):
        if len(held) > 30:
            assert fmean(held) >= share - 3 * math.sqrt(share * (1 - share) / len(held))
    assert len(between if kind == "continuous" else below) > 100


@pytest.mark.slow
@pytest.mark.one_form("says numbers that are given")
def test_small_risks_are_not_said_to_be_zero() -> None:
    """Two digits, however small."""
    made = calibrate_threshold(*rows(1000, seed=3), TREE, 0.05)
    said = str(dataclasses.replace(made, n=1_000_000, risk=1e-5))
    assert "wrong on at most 0.001 %" in said
    low, high = (float(x) for x in re.findall(r"between ([\d.]+) and ([\d.]+) %", said)[0])
    assert low < 0.001 < high
    assert low > 0


def test_the_table_of_risks_names_its_unit() -> None:
    """Thresholds are in log-odds, not probabilities."""
    table = str(risk_curve(*rows(300, seed=5), TREE, [0.05, 0.2]))
    assert "log-odds" in table.splitlines()[0]


def test_no_row_to_deliver_on() -> None:
    """A report of rows that all are ignored says so, and adds nothing to another."""
    logits, target = rows(100, seed=6)
    made = calibrate_threshold(logits, target, TREE, 0.2)
    none = report(made, logits, torch.full_like(target, -100), TREE)
    assert "no row here" in str(none)
    some = report(made, logits, target, TREE)
    assert (none + some).overall == some.overall
    assert (none + some).information == some.information


def test_maps_of_levels_are_the_same_in_use() -> None:
    """What a report counts with `levels` is what float32 logits answer, at the very threshold too."""
    logits, target = rows(1000, seed=8)
    levels = calibrate_levels(logits[:300], target[:300], TREE)
    made = calibrate_threshold(logits[300:], target[300:], TREE, 0.1, levels=levels)
    answers = climb(logits, TREE, made)
    assert isinstance(answers, Tensor)
    pairs = [(TREE.path(int(a)), TREE.path(int(y))) for a, y in zip(answers, target, strict=True)]
    wrong = sum(truth[: len(said)] != said for said, truth in pairs)
    assert report(made, logits, target, TREE).overall.wrong == wrong


def test_what_was_never_wrong_has_no_lower_end() -> None:
    """A model without an error in 1,000 rows; edges are no percent; the confidence of clades is named."""
    t = taxoloss.load({"tree": {"cat": ["a", "b"], "dog": ["c", "d"]}}).bind()
    g = torch.Generator().manual_seed(0)
    y = torch.randint(0, 4, (1000,), generator=g)
    z = 30 * torch.eye(4)[y] + torch.randn(1000, 4, generator=g)
    start = "With 1,000 calibration samples: "
    assert str(calibrate_threshold(z, y, t, risk=0.05)) == (
        f"{start}wrong on at most 5 % on average; 19 times in 20 the true rate is at most 6.2 %."
    )
    made = calibrate_threshold(z / 30, y, t, risk=1.5, loss="height")
    first = str(report(made, z / 30, y, t)).split(";")[0]
    assert first == "promised at most 1.5 edges too far down on average"
    made = calibrate_threshold(z / 30, y, t, risk=0.1, confidence=0.9, per="depth_1")
    assert str(made) == (
        f"{start}wrong on at most 10 % for each predicted depth_1 with rows enough, and for those without "
        "together, with 90 % confidence in each threshold."
    )


def test_files_of_0_1_have_no_lower_end(tmp_path: Path) -> None:
    """They do not say how many rows stand at the threshold, nor how many labels were coarse."""
    logits, target = rows(400, seed=9)
    made = calibrate_threshold(logits, target, TREE, 0.1)
    path = tmp_path / "threshold.json"
    made.save(path)
    kept = json.loads(path.read_text())
    later = ("coarse", "at_threshold", "rows", "coarse_as", "needed", "worst")
    path.write_text(json.dumps({k: v for k, v in kept.items() if k not in later}))
    old = Threshold.load(path)
    assert torch.equal(climb(logits, TREE, old), climb(logits, TREE, made))  # type: ignore[arg-type]
    assert "between" in str(made)
    assert (old.coarse, old.rows, old.coarse_as, old.needed) == (0, None, "wrong", None)
    assert "19 times in 20 the true rate is at most" in str(old)
