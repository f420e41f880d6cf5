"""The demo on ICD-10-CM: its short form runs, keeps its promises, and prints what it wrote."""

from __future__ import annotations

import csv
import importlib
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
import typer

pytest.importorskip("simple_icd_10_cm")
pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[2]
MEASURES = ("accuracy_chapter", "accuracy_block", "accuracy_category", "lca_height", "one_path")
NUMBERS = re.compile(r"\s(\d+\.\d)\s+(\d+\.\d)\s+(\d+\.\d)\s+(\d+\.\d\d)\s+(\d+\.\d)\s*$")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs the demo as a user would, in a process of its own.

    On one thread: tests run side by side, and threads that wait for a busy core cost time.
    """
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / "icd10cm" / "icd10cm.py"), *options],
        capture_output=True,
        encoding="utf-8",
        env={
            **os.environ,
            "PYTHONPATH": search,
            "PYTHONIOENCODING": "utf-8",
            "OMP_NUM_THREADS": "1",
        },
        check=False,
    )


def rows_of(folder: Path) -> list[dict[str, str]]:
    """The rows of results.csv."""
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def means(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """What the table has to print of these rows: one tuple an arm, in the file's order."""
    shown = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        cells = [fmean(float(row[measure]) for row in mine) for measure in MEASURES]
        shown.append(
            tuple(
                f"{cell:.2f}" if measure == "lca_height" else f"{100 * cell:.1f}"
                for measure, cell in zip(MEASURES, cells, strict=True)
            )
        )
    return shown


def check_files_and_table(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    """results.csv has its columns, the table its means, results.png is a PNG, report.html a page."""
    rows = rows_of(folder)
    assert list(rows[0]) == ["arm", "seed", *MEASURES, "seconds"]
    printed = [found.groups() for found in map(NUMBERS.search, done.stdout.splitlines()) if found]
    assert printed == means(rows)
    assert (folder / "results.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert f"-o {folder / 'report.html'}" in done.stdout
    files = ["flat.npz", "report.html", "results.csv", "results.png", "taxonomy.npz", "tree.yaml"]
    assert sorted(path.name for path in folder.iterdir()) == files


@pytest.mark.slow
def test_the_short_form_keeps_the_promises(tmp_path: Path) -> None:
    """One seed: the tree is inspected, the data is the one measured, the gains are in the bands."""
    done = run("--seeds", "1", "--check", "--out", str(tmp_path / "runs"))
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("chapter          21", "block           251", "category      1,133"):
        assert re.sub(" +", " ", words) in re.sub(" +", " ", done.stdout)
    assert "Counts and hash are those of simple-icd-10-cm 1.5.0" in done.stdout
    check_files_and_table(done, tmp_path / "runs")
    rows = rows_of(tmp_path / "runs")
    assert [row["arm"] for row in rows] == ["flat", "heads", "heads_top_down", "taxonomy"]
    assert float(rows[2]["one_path"]) == 1
    for row, known in zip(rows, published(), strict=False):  # seed 0; machines round differently
        assert (row["arm"], row["seed"]) == (known["arm"], known["seed"])
        for measure in MEASURES[:3]:
            assert abs(float(row[measure]) - float(known[measure])) < 0.02


def published() -> list[dict[str, str]]:
    """The rows that the README's table was made from, seed by seed."""
    with (ROOT / "docs" / "icd10cm_results.csv").open(newline="", encoding="utf-8") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["seed"])


def test_the_table_of_the_readme_is_that_of_its_rows() -> None:
    """The means that the README prints are those of docs/icd10cm_results.csv."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if re.match(r"\| (cross-entropy|three heads|the same|taxonomy)", line)]
    printed = [
        tuple(re.sub(r" \(.*", "", cell.strip()) for cell in line.strip("|").split("|")[1:])
        for line in table
    ]
    assert printed == means(published())


@pytest.mark.slow
def test_all_labels_is_another_comparison(tmp_path: Path) -> None:
    """--labels 100 trains cross-entropy and three weightings; two steps show that it runs."""
    done = run("--seeds", "2", "--steps", "2", "--labels", "100", "--out", str(tmp_path / "runs"))
    assert done.returncode == 0, done.stdout + done.stderr
    check_files_and_table(done, tmp_path / "runs")
    arms = [row["arm"] for row in rows_of(tmp_path / "runs")]
    assert arms == ["flat", "uniform", ".2/.3/.5", ".6/.3/.1"] * 2


@pytest.mark.slow
def test_bands_are_for_coarse_labels_only() -> None:
    """--check asks for the default comparison: wrong usage is said at once."""
    done = run("--labels", "100", "--check")
    assert done.returncode == 2
    assert "--labels 10" in done.stderr


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that computes means and intervals."""
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "icd10cm"))
    return importlib.import_module("report")


def test_differences_are_paired(report: Any) -> None:
    """Seed by seed: a gain that is the same on every seed has an interval of no width."""
    train = importlib.import_module("trial")
    scores = [
        train.Score(arm, seed, 0.5, 0.5, 0.1 * seed + gain, 1.0, 1.0, 1.0)
        for seed in range(3)
        for arm, gain in (("flat", 0.0), ("taxonomy", 0.25))
    ]
    results = report.Results(train.PARTIAL, scores)
    assert results.gain("taxonomy", "flat", report.CATEGORY) == "+25.0±0.0"
    assert results.mean("taxonomy", report.CATEGORY) == "35.0"
    one = report.Results(train.PARTIAL, scores[:2])
    assert one.gain("taxonomy", "flat", report.CATEGORY) == "+25.0±-"


@pytest.mark.parametrize(("gain", "exits"), [(0.029, True), (0.031, False)])
def test_too_small_a_gain_fails_the_check(report: Any, gain: float, exits: bool) -> None:
    """--check exits with 1 where category, block or chapter gain too little, and says which."""
    demo, train = (importlib.import_module(name) for name in ("icd10cm", "trial"))
    flat = train.Score("flat", 0, 0.70, 0.50, 0.30, 1.3, 0.9, 1.0)
    heads = train.Score("heads", 0, 0.89, 0.80, 0.30, 1.0, 0.7, 1.0)
    loss = train.Score("taxonomy", 0, 0.89, 0.80, 0.30 + gain, 0.9, 0.95, 1.0)
    results = report.Results(train.PARTIAL, [flat, heads, loss])
    with pytest.raises(typer.Exit) if exits else nullcontext():
        demo.judge(results)
    assert ("expected more than 3" in report.verdict(results)) is exits


def test_arms_start_alike(report: Any) -> None:
    """Same first weights and same dropout for one head and for three: only the losses differ."""
    train = importlib.import_module("trial")
    starts = []
    for outputs in (1133, 21 + 251 + 1133):
        net = train.fresh(outputs, seed=3)
        assert not net.head.weight.any()
        starts.append((net.bag.weight, net.dropout(torch.ones(512, 64))))
    for one, other in zip(*starts, strict=True):
        assert torch.equal(one, other)
