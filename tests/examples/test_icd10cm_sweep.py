"""The deep experiment: its studies, fairness between its arms, and a short sweep from end to end."""

from __future__ import annotations

import csv
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("simple_icd_10_cm")

ROOT = Path(__file__).parents[2]
LEVELS = ("chapter", "block", "category")


@pytest.fixture(scope="module")
def study() -> Any:
    """The module of the studies."""
    sys.path.insert(0, str(ROOT / "examples" / "icd10cm"))
    try:
        return importlib.import_module("sweeps")
    finally:
        sys.path.remove(str(ROOT / "examples" / "icd10cm"))


def lesson(study: Any, name: str, **settings: Any) -> Any:
    """What one cell of six steps trains."""
    from taxoloss.sweep import Cell

    cell = Cell({"arm": name, "seed": 0, "lr": 0.1, **settings}, "")
    rows, target = study.known(cell, study.load())
    return study.Lesson(cell, name, rows, target, 6)


def test_the_studies_hold_what_has_to_be_compared(study: Any) -> None:
    cells = {name: make(5) for name, make in study.STUDIES.items()}
    assert len(cells["weights"]) == 12 * 5  # eleven weights, and cross-entropy
    assert len(cells["triangle"]) == 22 * 5
    every = {"flat", "flat_scaled", "smoothing", "taxonomy", "path_sum", "conditional", "level_heads"}
    for name, arms in (("arms", every), ("sgd", every), ("partial", every | {"pseudo"})):
        assert {cell["arm"] for cell in cells[name]} == arms
        for arm in arms:  # each arm at every rate, on every seed
            rates = {(cell["lr"], cell["seed"]) for cell in cells[name] if cell["arm"] == arm}
            assert len(rates) == 5 * len(study.RATES["sgd" if name == "sgd" else "adam"])
    assert {"deepest", "label_balanced"} <= {str(cell.get("weights")) for cell in cells["partial"]}
    assert {cell["shots"] for cell in cells["few"]} == {1, 2, 5, 10}
    assert {cell["noise"] for cell in cells["noise"]} == {20, 40}


@pytest.mark.slow
def test_arms_of_a_seed_are_paired(study: Any) -> None:
    """First weights, batches, number of steps: all but the loss and the head."""
    names = ("flat", "smoothing", "taxonomy", "path_sum", "conditional", "level_heads")
    lessons = {name: lesson(study, name) for name in names}
    first = lessons["flat"]
    for name, one in lessons.items():
        assert torch.equal(one.body.weight, first.body.weight), name
        assert all(torch.equal(a, b) for a, b in zip(one.batches(), first.batches(), strict=True)), name
        logits = one.arm.head(torch.randn(3, 64))
        torch.testing.assert_close(logits, logits.mean(1, keepdim=True).expand_as(logits))
    few = {name: lesson(study, name, labels=10) for name in ("flat", "taxonomy")}
    assert len(list(few["flat"].batches())) == len(list(few["taxonomy"].batches())) == 6
    assert {len(rows) for rows in few["flat"].batches()} == {512}
    assert len(few["flat"].rows) < len(few["taxonomy"].rows) / 8


def test_parts_of_a_seed_share_no_group(study: Any) -> None:
    parts, texts = study.parts(1), study.load().texts
    groups = [{texts[row].group for row in rows.tolist()} for rows in parts]
    assert all(groups)
    assert not groups[0] & groups[1]
    assert not (groups[0] | groups[1]) & groups[2]


@pytest.mark.slow
def test_a_short_sweep_from_end_to_end(tmp_path: Path) -> None:
    """The command, twice: the second trains nothing. Cross-entropy is the loss with all weight below."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "examples" / "icd10cm" / "icd10cm.py"), "sweep", "weights"]
    command += ["--seeds", "1", "--steps", "3", "--engine", "inline", "--out", str(tmp_path)]
    written = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
        assert done.returncode == 0, done.stderr
        assert "12 of 12 cells done" in done.stderr
        written.append((tmp_path / "results.csv").read_bytes())
    assert written[0] == written[1]
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:8] == [
        "epochs", "train_loss", "valid_loss", *(f"accuracy_{level}" for level in LEVELS[::-1]), "w", "id",
    ]  # fmt: skip
    assert len(rows) == 12 * 3 * 3  # cells, looks, readings
    flat = [row for row in rows if row["arm"] == "flat"]
    full = [row for row in rows if row["w"] == "1.0"]
    for ours, theirs in zip(full, flat, strict=True):
        for level in LEVELS:
            name = f"accuracy_{level}"
            assert float(ours[name]) == pytest.approx(float(theirs[name]), abs=2e-3)
    tested = [row for row in rows if row["test_accuracy_block"]]
    assert {row["epochs"] for row in tested} == {"3"}  # the test is looked at once


@pytest.mark.slow
def test_a_short_search(tmp_path: Path) -> None:
    """Two trials; the same call trains nothing and says the same."""
    pytest.importorskip("optuna")
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "examples" / "icd10cm" / "icd10cm.py"), "search"]
    command += ["--trials", "2", "--steps", "3", "--out", str(tmp_path)]
    first, again = (
        subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
        for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("best mean accuracy 0.")
    assert again.stdout == first.stdout
    assert len(list(tmp_path.glob("cells/*/*.json"))) == 2
