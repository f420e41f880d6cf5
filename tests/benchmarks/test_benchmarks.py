"""The benchmarks: the page shows what the results hold, and the suite runs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.__main__ import as_text, groups
from benchmarks.suite import forms, goals, machine, report
from benchmarks.suite import measure as suite_measure
from benchmarks.suite.cases import Case, Competitor, Goal
from benchmarks.suite.labels import OPTIONS
from benchmarks.suite.measure import competitors_of, measure, pooled, quartiles, ratios
from benchmarks.suite.problem import Problem
from benchmarks.suite.questions import QUESTIONS, SMOKE
from benchmarks.suite.traces import calls
from benchmarks.suite.trees import irregular_rows, regular_rows, widths
from taxoloss.functional.kernels.native import library

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / report.PAGE
PAGES = (PAGE, ROOT / "README.md")
NAMES = ("flat", "ours", "ours pure", "dense matrices", "gathered groups", "scatter")


@pytest.fixture(autouse=True)
def native_again() -> Iterator[None]:
    """What a test measured in Python's form changes no other test."""
    held = list(library._loaded)
    yield
    library._loaded[:] = held


def module(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m name`, as a user gives it."""
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    clean = {k: v for k, v in os.environ.items() if k not in machine.VARIABLES and "MALLOC" not in k}
    return subprocess.run(
        [sys.executable, "-m", name, *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**clean, "PYTHONPATH": search, "PYTHONIOENCODING": "utf-8", **variables},
        check=False,
    )


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command."""
    return module("benchmarks", *arguments, **variables)


# -- the page --------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_those_of_the_results(page: Path) -> None:
    """docs/performance.md and the README hold what the report makes of benchmarks/results."""
    text = page.read_text(encoding="utf-8")
    assert report.filled(text, report.load(ROOT / "benchmarks" / "results")) == text


def test_every_table_has_one_place() -> None:
    """Each that the report makes stands once in one of the pages."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    marks = [match[2] for text in texts for match in report.MARKS.finditer(text)]
    assert sorted(marks) == sorted(report.TABLES)


def made_up(question: str, cases: list[Case]) -> dict[str, Any]:
    """An answer of the right form, with numbers that nobody measured."""
    found = {"median": 2.0, "q1": 1.9, "q3": 2.5}
    ops = [{"name": "aten::mm", "calls": 2.0, "microseconds": 3.5}]
    one = {"microseconds": 1234.5, "rounds": 15, "logits": 1.25, "bytes": 5, "calls": 2.0, "ops": ops}
    answers = []
    for case in cases:
        over = dict.fromkeys(case.references, found)
        results = {name: {**one, "over": over} for name in case.competitors}
        told = {**case.to_json(), "threads": case.threads or 2}
        answers.append({**told, "results": results, "left_out": {}, "others": 0.25})
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
    pages = [docs / page.name for page in PAGES]
    for page, copy in zip(PAGES, pages, strict=True):
        copy.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    report.write(folder, docs, pages)
    text, readme = (page.read_text(encoding="utf-8") for page in pages)
    assert "Not measured" not in text + readme
    assert "0.25 to 0.25" in text
    assert "| 256 × 37 | 2 | 2 | 1,234 | 2.00 (1.90–2.50) |" in text
    assert "| native kernel | 2.00 (1.90–2.50) |" in readme
    assert len(readme.splitlines()) <= 150
    assert report.filled(text, report.load(folder)) == text


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
    cases = [{"results": {"ours": {"over": {"flat": {"median": ratio}}}}} for ratio in (2.0, 1.5)]
    most, least = Goal("ours", "flat", at_most=2.0), Goal("ours", "flat", at_least=1.6)
    other, no_base = Goal("other", "flat", at_most=1.0), Goal("ours", "other", at_most=1.0)
    found = [goals.met(cases, vars(goal)) for goal in (most, least, other, no_base)]
    assert found == ["yes", "**no**", "–", "–"]
    slow, fast = ({"over": {"ours": {"median": ratio}}} for ratio in (3.0, 2.0))
    peers = {
        "results": {"scatter": slow, "dense matrices": fast, "ours": {"over": {"ours": {"median": 1.0}}}}
    }
    assert goals.reached(peers, vars(Goal("others", "ours", at_least=1.0))) == 2.0
    assert [goals.bound(vars(goal)) for goal in (most, least)] == ["≤ 2", "≥ 1.6"]


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
    assert case["results"]["flat"]["rounds"] >= 2
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
    for name in problem.case.competitors[2 - (forms.found() is not None) :]:
        one = problem.competitor(name)
        forms.take(one.pure)
        loss = one.loss(one.logits, one.target)
        found[name] = (loss, torch.autograd.grad(loss, one.logits)[0])
    for other in found.values():
        torch.testing.assert_close(other, found["ours pure"], rtol=1e-4, atol=1e-6)


def measured(case: Case, processes: int = 1) -> dict[str, Any]:
    """A result as the command makes it, of so many parts."""
    (competitors, left_out), told = competitors_of(case), case.to_json()
    parts = [{**measure(case, 2, competitors), "left_out": left_out} for _ in range(processes)]
    return {**told, "threads": 1, **pooled(parts, case)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "option"), [("forward", "none"), *(("train", option) for option in OPTIONS)]
)
def test_a_case_is_measured(mode: str, option: str) -> None:
    """Rounds, and ratios over each reference."""
    case = Case((8, 12), 2, ("flat", "ours pure"), ("flat",), mode=mode, option=option, seconds=0.01)
    found = measured(case, processes=2)
    assert found["results"]["ours pure"]["rounds"] >= 4
    assert set(found["results"]["ours pure"]["over"]) == {"flat"}


def test_both_forms_are_measured_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each competitor's steps take its own form, whichever ran before."""
    taken: dict[str, set[bool]] = {}
    names = ("flat", "ours", "ours pure") if forms.found() else ("flat", "ours pure")

    def noted(one: Competitor) -> None:
        taken.setdefault(f"pure {one.pure}", set()).add(library.kernel() is None)
        step(one)

    step = Competitor.step
    monkeypatch.setattr(Competitor, "step", noted)
    measured(Case((8, 12), 2, names, seconds=0.01))
    assert taken == {"pure True": {True}, "pure False": {forms.found() is None}}


def test_a_form_that_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native one, with the reason; a goal about it or over it has no number."""
    monkeypatch.setattr(forms, "found", lambda: None)
    held = (Goal("ours", "flat", at_most=9.0), Goal("scatter", "ours", at_least=0.0))
    case = Case((8, 12), 2, ("flat", "ours", "scatter"), ("flat", "ours"), seconds=0.01, goals=held)
    monkeypatch.setattr(library, "_loaded", [None])
    found = measured(case)
    assert found["left_out"] == {"ours": "the native kernel is not there"}
    assert "taxonomy loss, native: left out, the native kernel is not there" in report.by_competitor(
        {"cases": [found]}
    )
    assert [row[7] for row in goals.rows({"peers": {"cases": [found]}})] == ["–", "–"]


def test_a_slow_competitor_runs_in_the_first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each process; its ratios are those of these rounds."""
    monkeypatch.setattr(suite_measure, "SLOW", 0.0)
    case = Case((8, 12), 2, ("flat",), seconds=0.0)
    found = measured(case, processes=3)["results"]["flat"]
    assert found["rounds"] == 3
    assert found["over"]["flat"] == {"median": 1.0, "q1": 1.0, "q3": 1.0}


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
    slower = (Goal("hierarchicalsoftmax", "flat", at_least=20.0),)
    case = Case((8, 12), 2, ("hierarchicalsoftmax", "flat"), ("flat",), seconds=0.01, goals=slower)
    found = measured(case)
    assert found["left_out"] == {"hierarchicalsoftmax": "hierarchicalsoftmax is not installed"}
    table = report.by_competitor({"cases": [found]})
    assert "left out, hierarchicalsoftmax is not installed | – | – | – |" in table
    assert report.of_goals({"peers": {"cases": [found]}}).endswith("| ≥ 20 | – | – | – |  |  |  |  |")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="pages are counted by Linux")
def test_memory_counts_what_a_step_holds() -> None:
    """Flat cross-entropy holds log-probabilities and two gradients; in a process of its own."""
    told = json.dumps([Case((256, 10_000), 2, ("flat", "ours pure"), kind="memory").to_json()])
    done = module("benchmarks.suite.worker", told, "1")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout.splitlines()[-1])
    assert found["results"]["flat"]["logits"] == pytest.approx(3.0, abs=0.1)
    assert 1.0 <= found["results"]["ours pure"]["logits"] < 3.0


def test_calls_are_counted() -> None:
    """By name and a step."""
    competitors, _ = competitors_of(Case((8, 12), 2, ("flat",)))
    found = calls(competitors, steps=2)["results"]["flat"]
    by_name = {op["name"]: op["calls"] for op in found["ops"]}
    assert by_name["aten::_log_softmax"] == by_name["aten::_log_softmax_backward_data"] == 1
    assert found["calls"] == sum(by_name.values())


def test_cases_that_differ_in_threads_share_processes() -> None:
    """And no others; every case is measured once, in its order."""
    for cases in QUESTIONS.values():
        found = groups(cases)
        assert [case for group in found for case in group] == cases
        assert all(len({replace(case, threads=None) for case in group}) == 1 for group in found)
    assert [len(group) for group in groups(QUESTIONS["levels"])] == [2]


def test_too_large_a_peer_is_left_out() -> None:
    """Before it takes the memory, with its size."""
    found, left_out = competitors_of(Case((2, 20_000), 2, ("flat", "dense matrices")))
    assert list(found) == ["flat"]
    assert left_out == {"dense matrices": "its matrices would take 1.6 GB"}


def test_the_work_of_others_is_counted() -> None:
    """What a child of this process does is not theirs."""
    code = "import time; stop = time.perf_counter() + 0.5\nwhile time.perf_counter() < stop: pass"
    with machine.Others() as others:
        subprocess.run([sys.executable, "-c", code], check=True)
    assert others.cores is None or 0.0 <= others.cores <= (os.cpu_count() or 1)


def test_ratios_are_formed_within_a_round() -> None:
    """A round in which both are slow says the same as one in which both are fast."""
    parts = [
        {"times": {"one": [2.0, 20.0], "two": [1.0, 10.0, 7.0]}},
        {"times": {"one": [4.0], "two": [2.0]}},
    ]
    assert ratios(parts, "one", "two") == [2.0, 2.0, 2.0]
    assert quartiles([2.0, 2.0, 2.0]) == {"median": 2.0, "q1": 2.0, "q3": 2.0}
    assert quartiles([2.0]) == {"median": 2.0, "q1": 2.0, "q3": 2.0}
