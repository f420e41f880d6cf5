"""Calibrated levels, reports beside promises, risk curves, and reasons."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest
import torch
from calibration_rows import TREE, rows

from taxoloss.decisions import calibrate_levels, calibrate_threshold, climb, report, risk_curve, why
from taxoloss.decisions.calibration.paths import paths_of


@pytest.mark.parametrize("method", ["platt", "temperature", "isotonic"])
def test_levels_rise_and_fall_along_the_path(method: str) -> None:
    """Strictly rising on each level; never less sure than the node below; nearer to the truth."""
    logits, target = rows(3000, seed=10, sureness=4.0)
    levels = calibrate_levels(logits[:2000], target[:2000], TREE, method)
    grid = torch.linspace(-80, 80, 2001, dtype=torch.float64)
    for level in range(3):
        alone = dataclasses.replace(levels, knots=(levels.knots[level],))
        mapped = alone(grid[:, None])[:, 0]
        assert bool((mapped.diff() > 0).all())
    odds = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * 20
    path = levels(odds.sort(1, descending=True).values)
    assert bool((path.diff(dim=1) <= 0).all())
    paths = paths_of(logits[2000:], target[2000:], TREE, "climb")
    right = (~paths.wrong).double()
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    assert float(loss(levels(paths.log_odds), right)) < float(loss(paths.log_odds, right))
    made = calibrate_threshold(logits[2000:], target[2000:], TREE, 0.1, levels=levels)
    assert report(made, logits[2000:], target[2000:], TREE).overall.rate <= 0.1


def test_levels_of_another_tree_are_refused() -> None:
    """As a threshold is."""
    logits, target = rows(50, seed=1)
    levels = dataclasses.replace(calibrate_levels(logits, target, TREE), digest="0" * 64)
    with pytest.raises(ValueError, match=r"class order.*000000000000"):
        calibrate_threshold(logits, target, TREE, 0.1, levels=levels)


def test_the_report_adds_up() -> None:
    """Levels and branches are all rows; it prints the promise and the delivered."""
    logits, target = rows(1000, seed=11)
    made = calibrate_threshold(logits[:500], target[:500], TREE, 0.1)
    found = report(made, logits[500:], target[500:], TREE)
    for shares in (found.by_level, found.by_branch):
        assert sum(share.rows for share in shares) == found.overall.rows == 500
        assert sum(share.wrong for share in shares) == found.overall.wrong
    assert [share.name for share in found.by_level] == ["root", *TREE.levels]
    pieces = [report(made, logits[a:b], target[a:b], TREE) for a, b in ((500, 510), (510, 1000))]
    joined = pieces[0] + pieces[1]
    assert (joined.overall, joined.by_level) == (found.overall, found.by_level)
    assert sorted(joined.by_branch, key=str) == sorted(found.by_branch, key=str)
    assert joined.information == pytest.approx(found.information)
    text = str(found)
    assert "promised at most 10 %" in text
    assert "g0" in text
    table = str(risk_curve(logits, target, TREE, [0.05, 0.2]))
    assert len(table.splitlines()) == 3


def test_why() -> None:
    """The path, the sibling, and the threshold that goes one step further."""
    logits, _ = rows(60, seed=12)
    for row, reason in zip(logits, why(logits, TREE, 0.8), strict=True):
        answer = climb(row, TREE, 0.8)
        assert reason.answer == TREE.path(int(answer))  # type: ignore[arg-type]
        assert [step.answered for step in reason.steps].count(True) == len(reason.answer)
        if len(reason.answer) == 3:
            assert math.isnan(reason.next_threshold)
            assert reason.sibling is None
            continue
        further = climb(row, TREE, reason.next_threshold - 1e-4)
        assert len(TREE.path(int(further))) > len(reason.answer)  # type: ignore[arg-type]
        assert len(TREE.path(int(climb(row, TREE, reason.next_threshold + 1e-4)))) <= len(reason.answer)  # type: ignore[arg-type]
        assert reason.sibling is not None
        assert reason.sibling[:-1] == reason.answer
        assert reason.sibling != reason.steps[len(reason.answer)].path
        assert "one step further" in str(reason)
    with pytest.raises(ValueError, match="shape"):
        why(logits.reshape(2, 27, 30), TREE, 0.5)


@pytest.mark.parametrize("scale", [0.5, 3.0, 8.0, 30.0])
def test_the_threshold_that_why_prints_is_true(scale: float) -> None:
    """Anything below the number as it is printed goes further."""
    logits, _ = rows(60, seed=13, sureness=scale)
    top = max(scale, 1.0)
    made = dataclasses.replace(calibrate_threshold(logits, logits.argmax(1), TREE, 0.1), log_odds=8 * top)
    for row, reason in zip(logits, why(logits, TREE, made), strict=True):
        printed = re.search(r"a threshold below (\S+) would", str(reason))
        if printed is None:
            continue
        p = float(printed[1])
        least = min(p - 1e-5 * p * (1 - p), math.nextafter(p, 0))  # log-odds are in float32
        assert len(TREE.path(int(climb(row, TREE, least)))) > len(reason.answer)  # type: ignore[arg-type]
