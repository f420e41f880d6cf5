"""Samples in groups: cameras, videos, patients are drawn whole, and calibrate whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from evaluate_command import CLASSES, bound, data, names, refused, run

import taxoloss
from taxoloss import metrics

TREE = "levels: [species, breed]\ntree:\n  cat: [Bengal, Sphynx]\n  dog: [beagle, pug]\n"


def cameras(rows: int) -> list[str]:
    """Groups of 1 to 4 rows."""
    return [f"camera {row * row % 11}" for row in range(rows)]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The taxonomy's file; m.csv has logits, a.csv names, both with a column of cameras."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TREE)
    logits, target = data()
    groups, truth = cameras(len(target)), names(target)
    with open("m.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["camera", "target", *CLASSES])
        writer.writerows([g, y, *row] for g, y, row in zip(groups, truth, logits.tolist(), strict=True))
    with open("a.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["target", "prediction", "camera"])
        answers = [CLASSES[best] for best in logits.argmax(1)]
        writer.writerows(zip(truth, answers, groups, strict=True))
    return "t.yaml"


def intervals(result: Any) -> dict[str, list[float | None]]:
    """key -> value, low, high of --json."""
    assert result.exit_code == 0, result.output
    return {name: list(entry.values()) for name, entry in json.loads(result.stdout)["metrics"].items()}


@pytest.mark.parametrize("file", ["m.csv", "a.csv"])
def test_intervals_draw_groups(file: str, tree: str) -> None:
    """They are those of the library; without the option the rows are drawn."""
    logits, target = (torch.from_numpy(part) for part in data())
    preds = logits if file == "m.csv" else logits.argmax(1)
    curves = file == "m.csv"
    wanted = metrics.collection(bound(), calibration=curves, ranking=curves, curves=curves)
    boot = metrics.bootstrap(wanted, draws=50, groups=cameras(len(target)))
    boot.update(preds, target)
    found = intervals(run(tree, file, "--group", "camera", "--draws", 50, "--json"))
    for name, interval in boot.compute().items():
        assert found[name] == pytest.approx(list(interval), abs=1e-6, nan_ok=True), name
    by_row = intervals(run(tree, file, "--draws", 50, "--json"))
    assert by_row["accuracy/breed"] != found["accuracy/breed"]
    assert by_row["accuracy/breed"][0] == pytest.approx(found["accuracy/breed"][0])


@pytest.mark.parametrize("coarse", ["wrong", "skip"])
def test_whole_groups_calibrate(coarse: str, tree: str) -> None:
    """Every second group, from the first; the threshold's promise is for a new group."""
    logits, target = (torch.from_numpy(part) for part in data())
    groups = cameras(len(target))
    order = list(dict.fromkeys(groups))
    chosen = torch.tensor([order.index(group) % 2 == 0 for group in groups])
    made = taxoloss.decisions.calibrate_threshold(
        logits[chosen],
        target[chosen],
        bound(),
        0.3,
        groups=[group for group, is_one in zip(groups, chosen, strict=True) if is_one],
        coarse=coarse,
    )
    options = "--decision", "climb", "--risk", 0.3, "--group", "camera", "--draws", 5, "--json"
    done = run(tree, "m.csv", *options, "--coarse", coarse)
    found = json.loads(done.stdout)
    assert found["threshold"]["sentence"] == str(made)
    assert (found["calibration_rows"], found["rows"]) == (int(chosen.sum()), int((~chosen).sum()))
    assert "labelled above the classes" in done.stderr


def test_refused(tree: str) -> None:
    """A row without a group; the option without what it is for."""
    text = Path("a.csv").read_text().splitlines()
    text[4] = text[4].rsplit(",", 1)[0] + ","
    Path("a.csv").write_text("\n".join(text) + "\n")
    refused(run(tree, "a.csv", "--group", "camera"), "a.csv", "--group", "3")
    assert run(tree, "m.csv", "--coarse", "skip").exit_code == 2


@pytest.mark.parametrize(("groups", "options", "needed"), [(1, (), 2), (3, ("--risk", 0.3), 4)])
def test_too_few_groups(groups: int, options: tuple[Any, ...], needed: int, tree: str) -> None:
    """As many as an interval needs, of those that do not calibrate."""
    lines = Path("m.csv").read_text().splitlines()
    head, *rows = (line.split(",") for line in lines)
    table = [head, *([f"c{at % groups}", *row[1:]] for at, row in enumerate(rows))]
    Path("m.csv").write_text("\n".join(map(",".join, table)) + "\n")
    decision = ("--decision", "climb") if options else ()
    done = run(tree, "m.csv", "--group", "camera", *decision, *options)
    refused(done, f"expected {needed} groups or more, got {groups}")
