"""The benchmarks: the page shows what the results hold, and the suite runs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.__main__ import as_text
from benchmarks.suite import machine, report
from benchmarks.suite.cases import Case, Goal
from benchmarks.suite.measure import measure, pooled, quartiles
from benchmarks.suite.problem import Problem
from benchmarks.suite.questions import QUESTIONS, SMOKE
from benchmarks.suite.traces import calls, peak_bytes
from benchmarks.suite.trees import irregular_rows, regular_rows, widths

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / report.PAGE
NAMES = ("flat", "ours", "ours permuted", "dense matrices", "scatter")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, as a user gives it."""
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    clean = {k: v for k, v in os.environ.items() if k not in machine.VARIABLES and "MALLOC" not in k}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**clean, "PYTHONPATH": search, "PYTHONIOENCODING": "utf-8", **variables},
        check=False,
    )


# -- the page --------------------------------------------------------------------------------------


def test_the_tables_are_those_of_the_results() -> None:
    """docs/performance.md holds what the report makes of benchmarks/results."""
    page = PAGE.read_text(encoding="utf-8")
    assert report.filled(page, report.load(ROOT / "benchmarks" / "results")) == page


def test_every_table_has_one_place() -> None:
    """Each that the report makes stands once in the page."""
    marks = [match[2] for match in report.MARKS.finditer(PAGE.read_text(encoding="utf-8"))]
    assert sorted(marks) == sorted(report.TABLES)


def made_up(question: str, cases: list[Case]) -> dict[str, Any]:
    """An answer of the right form, with numbers that nobody measured."""
    found = {"median": 2.0, "q1": 1.9, "q3": 2.5}
    ops = [{"name": "aten::mm", "calls": 2.0, "microseconds": 3.5}]
    one = {"microseconds": 1234.5, "logits": 1.25, "bytes": 5, "calls": 2.0, "ops": ops}
    answers = []
    for case in cases:
        over = dict.fromkeys(case.references, found)
        results = {name: {**one, "over": over} for name in case.competitors}
        told = {**case.to_json(), "threads": case.threads or 2}
        answers.append({**told, "rounds": 15, "results": results, "left_out": {}, "others": 0.25})
    head = {"question": question, "date": "2000-01-01", "seconds": 9, "dtype": "float32"}
    load = {"before": 0.5, "after": None}
    facts = {"machine": machine.machine(), "versions": machine.versions()}
    return {**head, **facts, "load": load, "cases": answers}


def test_every_question_has_tables_and_plots(tmp_path: Path) -> None:
    """A full set of results, as files, makes a page without gaps, and the same page twice."""
    folder, docs = tmp_path / "results", tmp_path / "docs"
    folder.mkdir()
    docs.mkdir()
    for name, cases in QUESTIONS.items():
        (folder / f"{name}.json").write_text(as_text(made_up(name, cases)), encoding="utf-8")
    (docs / report.PAGE).write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    report.write(folder, docs)
    page = (docs / report.PAGE).read_text(encoding="utf-8")
    assert "Not measured" not in page
    assert "0.25 to 0.25" in page
    assert "| 256 × 37 | 2 | 2 | 1,234 | 2.00 (1.90–2.50) |" in page
    assert report.filled(page, report.load(folder)) == page


def test_the_page_shows_the_plots_that_are_drawn(tmp_path: Path) -> None:
    """Each by its file name, and the same results give the same bytes."""
    pytest.importorskip("matplotlib", reason="plots need the extra `examples` or the group `bench`")
    from benchmarks.suite.plots import PLOTS, draw

    results = {name: json.loads(as_text(made_up(name, QUESTIONS[name]))) for name in PLOTS}
    text = PAGE.read_text(encoding="utf-8")
    draw(results, tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.glob("*.svg")}
    draw(results, tmp_path)
    assert sorted(first) == sorted(f"performance_{name}.svg" for name in PLOTS)
    for name, drawn in first.items():
        assert f"({name})" in text
        assert (tmp_path / name).read_bytes() == drawn


def test_goals_are_read_both_ways() -> None:
    """At most, at least, and not measured."""
    case = {"results": {"ours": {"over": {"flat": {"median": 2.0}}}}}
    most, least = Goal("ours", "flat", at_most=2.0), Goal("ours", "flat", at_least=2.1)
    found = [report.met(case, vars(goal)) for goal in (most, least, Goal("other", "flat", at_most=1.0))]
    assert found == ["yes", "no", "–"]
    assert [report.bound(vars(goal)) for goal in (most, least)] == ["≤ 2", "≥ 2.1"]


# -- the suite -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_runs(tmp_path: Path) -> None:
    """One tiny case from the command line to the page."""
    (tmp_path / report.PAGE).write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    done = run("--only", "smoke", "--quick", "--results", str(tmp_path), "--docs", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("smoke: 8 x 12, 1 threads: flat ")
    result = json.loads((tmp_path / "smoke.json").read_text(encoding="utf-8"))
    assert {"date", "machine", "versions", "dtype", "load"} < set(result)
    (case,) = result["cases"]
    assert Case.from_json({key: case[key] for key in SMOKE["smoke"][0].to_json()}) is not None
    assert case["rounds"] >= 3
    assert case["results"]["flat"]["over"]["flat"] == {"median": 1.0, "q1": 1.0, "q3": 1.0}
    assert set(case["results"]) | set(case["left_out"]) == set(case["competitors"])
    assert "| smoke |" in (tmp_path / report.PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("variable", ["LD_PRELOAD", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_another_allocator_is_refused(variable: str) -> None:
    """Before anything is measured, by name; empty values change nothing."""
    machine.check_allocator({variable: ""})
    with pytest.raises(SystemExit, match=variable):
        machine.check_allocator({variable: "1"})


@pytest.mark.slow
def test_the_command_refuses_too() -> None:
    """As its last words, with a status that is not 0."""
    done = run("--only", "smoke", "--quick", MALLOC_TOP_PAD_="0")
    assert done.returncode == 1
    assert done.stderr.startswith("MALLOC_TOP_PAD_: set in the environment.")


@pytest.mark.parametrize(("classes", "levels"), [(12, 2), (37, 2), (1000, 12), (1000, 24)])
def test_trees_have_their_widths(classes: int, levels: int) -> None:
    """The number of nodes of each level; groups are runs of classes; the same rows each time."""
    rows = irregular_rows(classes, levels)
    for level, width in enumerate(widths(classes, levels)):
        column = [row[level] for row in rows]
        changes = 1 + sum(one != other for one, other in pairwise(column))
        assert len(set(column)) == changes == width
    assert rows == irregular_rows(classes, levels)
    assert rows != irregular_rows(classes, levels, seed=1)
    sizes = np.unique([row[0] for row in regular_rows(classes, levels)], return_counts=True)[1]
    assert sizes.max() - sizes.min() <= 1


def test_competitors_compute_the_same_loss_and_gradient() -> None:
    """All ways to the same loss agree, and their gradients."""
    problem = Problem(Case((16, 40), 4, NAMES))
    found = {}
    for name in ("ours", "dense matrices", "gathered groups", "scatter"):
        one = problem.competitor(name)
        loss = one.loss(one.logits, one.target)
        found[name] = (loss, torch.autograd.grad(loss, one.logits)[0])
    for other in found.values():
        torch.testing.assert_close(other, found["ours"], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "option"), [("forward", "none"), *(("train", option) for option in ("none", *report.OPTIONS))]
)
def test_a_case_is_measured(mode: str, option: str) -> None:
    """Rounds, and ratios over each reference."""
    case = Case((8, 12), 2, ("flat", "ours"), ("flat", "ours"), mode=mode, option=option, seconds=0.01)
    found = pooled([measure(case, 3), measure(case, 3)], case)
    assert found["rounds"] >= 6
    assert set(found["results"]["ours"]["over"]) == {"flat", "ours"}


def test_the_package_hierarchicalsoftmax_is_called_rightly() -> None:
    """With one level it is cross-entropy on the classes."""
    if importlib.util.find_spec("hierarchicalsoftmax") is None:
        pytest.skip("hierarchicalsoftmax is not installed (the group `bench`)")
    one = Problem(Case((16, 10), 1, ("hierarchicalsoftmax",))).competitor("hierarchicalsoftmax")
    expected = torch.nn.functional.cross_entropy(one.logits, one.target)
    torch.testing.assert_close(one.loss(one.logits, one.target).squeeze(), expected)


def test_what_cannot_run_is_left_out_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a number nor a goal that is met, and the reason."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    goals = (Goal("hierarchicalsoftmax", "ours", at_least=20.0),)
    case = Case((8, 12), 2, ("hierarchicalsoftmax", "ours"), ("ours",), seconds=0.01, goals=goals)
    found = {**case.to_json(), **pooled([measure(case, 2)], case)}
    assert found["left_out"] == {"hierarchicalsoftmax": "hierarchicalsoftmax is not installed"}
    table = report.by_competitor({"cases": [found]})
    assert "left out, hierarchicalsoftmax is not installed | – | – | – | ≥ 20 | – |" in table
    assert report.of_goals({"peers": {"cases": [found]}}).endswith("| ≥ 20 | – | – |")


def test_memory_counts_the_gradient() -> None:
    """A function that computes nothing makes a gradient and a number."""
    one = Problem(Case((64, 1000), 2, ("empty function",))).competitor("empty function")
    assert 1.0 <= peak_bytes(one) / (4 * one.logits.numel()) < 1.01


def test_calls_are_counted() -> None:
    """By name and a step."""
    found = calls(Case((8, 12), 2, ("flat",)), steps=2)["results"]["flat"]
    by_name = {op["name"]: op["calls"] for op in found["ops"]}
    assert by_name["aten::_log_softmax"] == by_name["aten::_log_softmax_backward_data"] == 1
    assert found["calls"] == sum(by_name.values())


def test_the_work_of_others_is_counted() -> None:
    """What a child of this process does is not theirs."""
    code = "import time; stop = time.perf_counter() + 0.5\nwhile time.perf_counter() < stop: pass"
    with machine.Others() as others:
        subprocess.run([sys.executable, "-c", code], check=True)
    assert others.cores is None or 0.0 <= others.cores <= (os.cpu_count() or 1)


def test_ratios_are_formed_within_a_round() -> None:
    """A round in which both are slow says the same as one in which both are fast."""
    assert quartiles([2.0, 20.0, 4.0], [1.0, 10.0, 2.0]) == {"median": 2.0, "q1": 2.0, "q3": 2.0}
