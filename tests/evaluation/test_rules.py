"""The decisions that `taxoloss evaluate` scores stand in one register; a new one is one line there."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import taxoloss
from taxoloss import decisions
from taxoloss.decisions.on_path import ON_PATH
from taxoloss.evaluation.rules import RULES, calibrated, with_setting

DOCS = Path(taxoloss.__file__).parents[1] / "docs"
TREE = taxoloss.load({"levels": ["top", "leaf"], "tree": {"x": ["a", "b"], "y": ["c", "d"]}}).bind()
ROWS = 2 * torch.randn(40, 4, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 4


@pytest.mark.parametrize("name", RULES)
def test_each_is_a_public_function_that_takes_what_its_record_says(name: str) -> None:
    """After logits and taxonomy; what is not named there has a default."""
    assert name in decisions.__all__
    takes = RULES[name].takes
    given = list(inspect.signature(getattr(decisions, name)).parameters.values())[2:]
    assert tuple(one.name for one in given[: len(takes)]) == takes
    assert all(one.default is not inspect.Parameter.empty for one in given[len(takes) :])


def test_thresholds_are_calibrated_for_those_on_one_path() -> None:
    assert calibrated() == tuple(ON_PATH)
    assert set(calibrated()) <= set(with_setting("threshold"))


def test_the_page_shows_each_in_its_table_and_in_its_code() -> None:
    page = (DOCS / "decisions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)", page, re.MULTILINE)
    assert set(RULES) <= set(rows) <= set(decisions.__all__)
    assert all(f'"{name}": decisions.{name}(' in page for name in RULES)


def test_a_new_decision_on_a_path_is_calibrated_and_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in ON_PATH: a threshold and its report, reasons, and the words where another is refused."""
    monkeypatch.setitem(ON_PATH, "first", lambda logits, tensors: torch.zeros_like(logits[:, 0]).long())
    made = decisions.calibrate_threshold(*ROWS, TREE, 0.5, "first")
    assert made.decision == "first"
    assert decisions.report(made, *ROWS, TREE).overall.rows == 40
    (reasons,) = decisions.why(ROWS[0][:1], TREE, made, "first")
    assert [step.path for step in reasons.steps] == [("x",), ("x", "a")]
    with pytest.raises(ValueError, match=r"one of \('climb', 'top_down', 'first'\), got 'hedge'"):
        decisions.calibrate_threshold(*ROWS, TREE, 0.5, "hedge")
    with pytest.raises(ValueError, match="'climb' or 'top_down' or 'first', got 'hedge'"):
        decisions.why(ROWS[0], TREE, 0.5, "hedge")


#: One line in each register, and the function: the class 0 down to the threshold.
FIRST = """
import sys
from taxoloss.evaluation import rules
rules.RULES["first"] = rules.Rule(("threshold",), calibrated=True)
rules.RULES["last"] = rules.Rule(("tradeoff",))
from taxoloss.cli import main
if "--help" not in sys.argv:
    import torch
    from taxoloss import decisions
    from taxoloss.decisions import cut, on_path
    on_path.ON_PATH["first"] = lambda logits, tensors: torch.zeros_like(logits[:, 0]).long()
    decisions.first = lambda z, t, threshold: on_path._on_path(z, t, threshold, "first", None, False, False)
    decisions.last = lambda z, t, tradeoff: torch.full_like(z[:, 0], 3).long()
try:
    main()
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def evaluate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`taxoloss evaluate` in a process with two decisions more."""
    command = [sys.executable, "-W", "error", "-c", FIRST, "evaluate", *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_new_decision_is_in_the_help() -> None:
    """Which takes no torch."""
    done = evaluate("--help")
    assert done.stderr.split() == ["False"]
    shown = " ".join(done.stdout.split())
    assert re.search(rf"[<\[]{re.escape('|'.join(RULES))}\|first\|last[>\]]", shown)
    assert "Calibrate climb or top_down or first on rows" in shown
    assert "A setting of --decision hedge or last." in shown


@pytest.mark.slow
def test_a_new_decision_is_scored_calibrated_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    TREE.save("tree.yaml")
    np.savez("p.npz", logits=ROWS[0].numpy(), targets=ROWS[1].numpy(), classes=np.array(TREE.classes))

    def data(*options: str) -> Any:
        done = evaluate("tree.yaml", "p.npz", "--draws", "2", "--json", *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    always = data("--decision", "last")
    assert always["metrics"]["accuracy/leaf"]["value"] == 0.25
    assert data("--decision", "first", "--threshold", "0")["metrics"]["accuracy/top"]["value"] == 0.5
    found = data("--decision", "first", "--risk", "0.5")
    assert found["decision"] == "first"
    assert found["threshold"]["sentence"].startswith("With 20 calibration samples")
    refused = evaluate("tree.yaml", "p.npz", "--decision", "last", "--risk", "0.5")
    assert refused.returncode == 2
    assert "needs --decision climb or top_down or first" in refused.stderr
    unknown = evaluate("tree.yaml", "p.npz", "--decision", "guess")
    assert unknown.returncode == 2
    assert "first" in unknown.stderr
