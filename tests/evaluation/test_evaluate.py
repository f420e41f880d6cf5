"""`taxoloss evaluate`: the numbers of every kind of file, and one line for whatever is wrong."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluate_command import (
    CLASSES,
    N,
    bound,
    data,
    files,
    names,
    refused,
    run,
    scores,
)

import taxoloss
from taxoloss import metrics
from taxoloss.evaluation import readers as prediction_readers
from taxoloss.evaluation.rules import RULES

TREE = "levels: [species, breed]\ntree:\n  cat: [Bengal, Sphynx]\n  dog: [beagle, pug]\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The taxonomy's file."""
    path = tmp_path / "tree.yaml"
    path.write_text(TREE)
    return path


def test_every_form_gives_the_numbers_of_the_library(tree: Path, tmp_path: Path) -> None:
    """Whatever the file, and however small its pieces."""
    logits, target = data()
    wanted = metrics.collection(bound(), ranking=True, curves=True)
    wanted.update(torch.from_numpy(logits), torch.from_numpy(target))
    numbers = {name: float(value) for name, value in wanted.compute().items()}
    for file, options in files(tmp_path).items():
        found = scores(run(tree, tmp_path / file, *options, "--json", "--draws", 5))
        assert found == pytest.approx(numbers, abs=2e-6, nan_ok=True), file


def test_parquet(tree: Path, tmp_path: Path) -> None:
    """Where polars is installed."""
    polars = pytest.importorskip("polars")
    logits, target = data()
    files(tmp_path)
    columns = dict(zip(CLASSES, logits.T, strict=True))
    polars.DataFrame({"label": names(target), **columns}).write_parquet(tmp_path / "g.parquet")
    found = scores(run(tree, tmp_path / "g.parquet", "--target", "label", "--json", "--draws", 5))
    wanted = scores(run(tree, tmp_path / "a.npz", "--json", "--draws", 5))
    assert found == pytest.approx(wanted, nan_ok=True)
    (tmp_path / "g.parquet").write_bytes((tmp_path / "g.parquet").read_bytes()[:-20])
    refused(run(tree, tmp_path / "g.parquet"), "g.parquet: expected a whole .parquet file")


@pytest.mark.slow
def test_pieces(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two rows give what one gives."""
    kinds = files(tmp_path)
    short = "--csv", "--draws", 5
    whole = {file: run(tree, tmp_path / file, *o, *short).stdout for file, o in kinds.items()}
    monkeypatch.setattr(prediction_readers, "BLOCK", 10)
    for file, options in kinds.items():
        in_pieces = run(tree, tmp_path / file, *options, *short).stdout
        one, other = (list(csv.reader(io.StringIO(text))) for text in (whole[file], in_pieces))
        assert [row[0] for row in one] == [row[0] for row in other]
        for a, b in zip(one[1:], other[1:], strict=True):
            assert list(map(float, a[1:])) == pytest.approx(list(map(float, b[1:])), nan_ok=True)


@pytest.mark.parametrize("decision", RULES)
def test_decisions(decision: str, tree: Path, tmp_path: Path) -> None:
    """The answers of each are scored as node ids."""
    logits, target = (torch.from_numpy(part) for part in data())
    files(tmp_path)
    rule = getattr(taxoloss.decisions, decision)
    extra = {name: {"threshold": 0.7, "tradeoff": 0.5}[name] for name in RULES[decision].takes}
    wanted = metrics.collection(bound(), calibration=False)
    wanted.update(rule(logits, bound(), **extra), target)
    given = [part for name, value in extra.items() for part in (f"--{name}", value)]
    options = ["--decision", decision, *given, "--json", "--draws", 5]
    found = scores(run(tree, tmp_path / "a.npz", *options))
    assert found == pytest.approx({name: float(v) for name, v in wanted.compute().items()}, abs=2e-6)


def test_risk(tree: Path, tmp_path: Path) -> None:
    """Rows 1, 3, 5, .. calibrate, the others are scored; the sentence is printed."""
    logits, target = (torch.from_numpy(part) for part in data())
    files(tmp_path)
    done = run(tree, tmp_path / "a.npz", "--decision", "climb", "--risk", 0.2, "--json", "--draws", 5)
    found = json.loads(done.stdout)
    made = taxoloss.decisions.calibrate_threshold(logits[::2], target[::2], bound(), 0.2)
    assert found["threshold"]["log_odds"] == pytest.approx(made.log_odds)
    assert (found["rows"], found["calibration_rows"]) == (N // 2, N - N // 2)
    assert "wrong on at most 20 % on average" in done.stderr
    wanted = metrics.collection(bound(), calibration=False)
    wanted.update(taxoloss.decisions.climb(logits[1::2], bound(), made), target[1::2])
    assert scores(done) == pytest.approx({n: float(v) for n, v in wanted.compute().items()}, abs=2e-6)


@pytest.mark.slow
def test_a_process_of_its_own(tree: Path, tmp_path: Path) -> None:
    """The table on standard output, nothing on standard error."""
    files(tmp_path)
    arguments = ["evaluate", str(tree), str(tmp_path / "a.npz"), "--draws", "5"]
    done = subprocess.run(
        [sys.executable, "-m", "taxoloss", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{N} rows" in done.stdout
    assert "accuracy/breed" in done.stdout


# -- what is refused -------------------------------------------------------------------------------


def change(path: Path, line: int, column: int, text: str) -> None:
    """Another cell in a CSV; lines from 0."""
    lines = path.read_text().splitlines()
    cells = lines[line].split(",")
    cells[column] = text
    lines[line] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")


CSV: dict[str, tuple[Callable[[Path], Any], list[str], list[str]]] = {
    "a number": (lambda p: change(p, 3, 2, "abc"), [], ["row 3 (line 4), column 'Bengal'", "'abc'"]),
    "NaN": (lambda p: change(p, 7, 1, "nan"), [], ["row 7 (line 8), column 'pug'", "nan"]),
    "infinite": (lambda p: change(p, 7, 4, "inf"), [], ["row 7 (line 8), column 'Sphynx'", "inf"]),
    "a target": (lambda p: change(p, 5, 0, "Benga"), [], ["row 5 (line 6)", "'Benga'", "Bengal"]),
    "an id": (lambda p: change(p, 5, 0, "7"), [], ["row 5 (line 6)", "0..6", "7"]),
    "torn": (lambda p: p.write_text(p.read_text()[:-40]), [], ["row 41 (line 42)", "5 columns", "4"]),
    "a column more": (lambda p: change(p, 9, 4, "1,2"), [], ["row 9 (line 10)", "5 columns", "6"]),
    "empty": (lambda p: p.write_text(""), [], ["header", "empty"]),
    "no row": (lambda p: p.write_text(p.read_text().splitlines()[0] + "\n"), [], ["expected a row"]),
    "no target": (lambda p: change(p, 0, 0, "label"), [], ["'target'", "--target", "label"]),
    "not sums": (lambda p: None, ["--values", "log_probs"], ["row 1 (line 2)", "sum to 1"]),
    "negative": (lambda p: None, ["--values", "probs"], ["row", "a probability", "-"]),
    "bytes": (lambda p: p.write_bytes(b"\xff\xfe" + p.read_bytes()), [], ["UTF-8"]),
}


@pytest.mark.parametrize("name", CSV)
def test_a_bad_table(name: str, tree: Path, tmp_path: Path) -> None:
    """One line, with the place."""
    spoil, options, words = CSV[name]
    files(tmp_path)
    spoil(tmp_path / "d.csv")
    refused(run(tree, tmp_path / "d.csv", *options, "--draws", 2), "d.csv", *words)


def test_probabilities_without_a_word(tree: Path, tmp_path: Path) -> None:
    """They are no logits."""
    files(tmp_path)
    refused(run(tree, tmp_path / "e.tsv"), "--values probs")


def test_a_name_that_is_not_in_the_tree(tree: Path, tmp_path: Path) -> None:
    """The binding's own words, with the nearest name."""
    files(tmp_path)
    change(tmp_path / "d.csv", 0, 1, "pugg")
    done = run(tree, tmp_path / "d.csv")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "did you mean `pug`?" in done.stderr


NPZ: dict[str, tuple[dict[str, Any], list[str]]] = {
    "keys": ({"scores": np.zeros((2, 4)), "targets": [0, 1]}, ["targets and one of", "scores"]),
    "no order": ({"logits": np.zeros((2, 4)), "targets": [0, 1]}, ["--classes", "--file-order"]),
    "rows": ({"logits": np.zeros((2, 4)), "targets": [0], "classes": CLASSES}, ["(1, classes)", "(2, 4)"]),
    "names": ({"logits": np.zeros((1, 4)), "targets": [0], "classes": CLASSES[:3]}, ["4 names", "3"]),
    "dtype": ({"logits": np.zeros((1, 4), bool), "targets": [0], "classes": CLASSES}, ["numbers", "bool"]),
    "targets": ({"logits": np.eye(4)[:1] * 9, "targets": [0.5], "classes": CLASSES}, ["integers or text"]),
    "ids": ({"logits": np.eye(4)[:1] * 9, "targets": [-1], "classes": CLASSES}, ["row 1", "0..6", "-1"]),
    "masked": ({"logits": np.full((1, 4), -np.inf), "targets": [0], "classes": CLASSES}, ["row 1", "-inf"]),
}


@pytest.mark.parametrize("name", NPZ)
def test_bad_arrays(name: str, tree: Path, tmp_path: Path) -> None:
    """One line, with the place."""
    arrays, words = NPZ[name]
    np.savez(tmp_path / "bad.npz", **arrays)
    refused(run(tree, tmp_path / "bad.npz", "--draws", 2), "bad.npz", *words)


def test_torn_and_missing_files(tree: Path, tmp_path: Path) -> None:
    """A half archive, no archive, objects, no file, no known kind."""
    files(tmp_path)
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    refused(run(tree, tmp_path / "a.npz"), "a.npz", "whole .npz file")
    np.savez(tmp_path / "o.npz", logits=np.array([[object()]]), targets=[0])
    refused(run(tree, tmp_path / "o.npz"), "o.npz")
    refused(run(tree, tmp_path / "none.csv"), "none.csv", "cannot be read")
    (tmp_path / "a.txt").write_text("x")
    refused(run(tree, tmp_path / "a.txt"), ".npz, .csv, .tsv, .parquet", "'.txt'")


def test_another_number_of_columns(tree: Path, tmp_path: Path) -> None:
    """However the classes are named."""
    files(tmp_path)
    np.savez(tmp_path / "x.npz", logits=np.eye(3), targets=[0, 1, 2])
    for options in (["--file-order"], ["--classes", tmp_path / "classes.txt"]):
        refused(run(tree, tmp_path / "x.npz", *options), "4 columns", "3")


def test_in_the_files_order_only_when_said(tree: Path, tmp_path: Path) -> None:
    """The order of the taxonomy's file is never guessed."""
    logits, _ = data()
    np.savez(tmp_path / "x.npz", logits=logits, targets=np.zeros(N, int))
    refused(run(tree, tmp_path / "x.npz"), "--file-order")
    assert run(tree, tmp_path / "x.npz", "--file-order", "--draws", 2).exit_code == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--risk", "0.1"],
        ["--decision", "hedge", "--risk", "0.1"],
        ["--decision", "climb", "--risk", "0"],
        ["--decision", "climb", "--risk", "0.1", "--threshold", "0.5"],
        ["--json", "--csv"],
        ["--decision", "guess"],
        ["--draws", "1"],
    ],
)
def test_usage(options: list[str], tree: Path, tmp_path: Path) -> None:
    """Exit code 2."""
    files(tmp_path)
    assert run(tree, tmp_path / "a.npz", *options).exit_code == 2


def test_a_bad_taxonomy(tmp_path: Path) -> None:
    """Its faults, as `inspect` shows them."""
    files(tmp_path)
    path = tmp_path / "bad.yaml"
    path.write_text("tree:\n  - cat: [a, b]\n")
    done = run(path, tmp_path / "a.npz")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "T2" in done.stderr or "T1" in done.stderr
