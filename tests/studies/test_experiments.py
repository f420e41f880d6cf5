"""docs/experiments.md says what the kept results say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("scipy")
pytest.importorskip("matplotlib")

from studies import experiments

PAGE = experiments.PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_results() -> None:
    assert experiments.filled(PAGE) == PAGE


def test_every_picture_of_the_page_is_there_and_no_other() -> None:
    names = {f"{name}-{picture}.svg" for name, s in experiments.STUDIES.items() for picture in s.pictures}
    assert {path.name for path in experiments.KEPT.glob("*.svg")} == names
    assert all(f"(experiments/{name})" in PAGE for name in names)


@pytest.mark.parametrize("name", experiments.STUDIES)
def test_the_results_are_whole(name: str) -> None:
    """As many cells as the run had, five seeds for each variant that is compared, paired."""
    facts = json.loads((experiments.KEPT / "runs.json").read_text())[name]
    rows = experiments.rows_of(name)
    assert len({row["id"] for row in rows}) == facts["cells"]
    compared, _ = experiments.compared(name)
    assert {len(one.variant.runs) for one in compared} == {experiments.SEEDS}
    assert all(gain.n == experiments.SEEDS for one in compared for gain in one.gains.values())


def test_a_difference_of_the_page_is_what_arithmetic_says() -> None:
    """The first gain of the page, again, from the rows and the table of Student's t."""
    last = [row for row in experiments.rows_of("partial") if row["reading"] == "marginal"]
    scores = {
        (row["arm"], row["weights"], row["lr"], row["seed"]): float(row["test_accuracy_block"])
        for row in last
    }
    gains = [
        100 * (scores["taxonomy", "deepest", "0.1", str(s)] - scores["flat", "", "0.05", str(s)])
        for s in range(5)
    ]
    mean = sum(gains) / 5
    half = 2.7764 * (sum((gain - mean) ** 2 for gain in gains) / 4) ** 0.5 / 5**0.5
    (line,) = [line for line in experiments.tables()["partial"].splitlines() if "taxonomy deepest" in line]
    assert f"({mean:+.1f}±{half:.1f})" in line


def test_keeping_results_loses_no_digit_that_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = "epochs,accuracy_breed,id,seed,lr,seconds,versions\n"
    lines = "1,0.123456789,a,0,0.1,1.0,x\n2,0.987654321,a,0,0.1,1.0,x\n"
    (tmp_path / "results.csv").write_text(header + lines)
    monkeypatch.setattr(experiments, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(experiments, "STUDIES", {"few": experiments.Study()})
    experiments.keep("few", tmp_path)
    kept = (tmp_path / "kept" / "few.csv").read_text()
    assert kept == "epochs,accuracy_breed,id,seed,lr,seconds\n2,0.987654,a,0,0.1,1\n"
    facts = json.loads((tmp_path / "kept" / "runs.json").read_text())["few"]
    assert facts == {"cells": 1, "failed": 0, "seconds": 1, "versions": ["x"]}
