"""Arrays of an .npz name its samples and groups, as columns of a table do."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluate_command import CLASSES, data, names, refused, run
from typer.testing import CliRunner

from taxoloss.cli import app

TREE = "levels: [species, breed]\ntree:\n  cat: [Bengal, Sphynx]\n  dog: [beagle, pug]\n"


def arrays() -> dict[str, Any]:
    """Logits, names as targets, the name and the camera of each sample."""
    logits, target = data()
    rows = np.arange(len(target))
    image = np.array([f"{row}.jpg" for row in rows])
    return {
        "logits": logits,
        "targets": np.array(names(target)),
        "classes": np.array(CLASSES),
        "image": image,
        "camera": rows * rows % 11,
    }


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The taxonomy's file; a.npz and the table a.csv hold the same."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TREE)
    held = arrays()
    np.savez("a.npz", **held)
    with open("a.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "camera", "target", *CLASSES])
        first = (held[name].tolist() for name in ("image", "camera", "targets"))
        writer.writerows(
            [*row, *logits] for *row, logits in zip(*first, held["logits"].tolist(), strict=True)
        )
    return "t.yaml"


def test_arrays_say_what_columns_say(tree: str) -> None:
    """The intervals of whole cameras, and the rows that are written, equal those of the table."""
    options = "--id", "image", "--group", "camera", "--draws", 20, "--json"
    found = [json.loads(run(tree, f"a.{kind}", *options).stdout) for kind in ("npz", "csv")]
    values = [[value for entry in one["metrics"].values() for value in entry.values()] for one in found]
    assert values[0] == pytest.approx(values[1], abs=1e-6, nan_ok=True)
    for kind in ("npz", "csv"):
        assert run(tree, f"a.{kind}", *options, "--rows", f"{kind}.rows").exit_code == 0
    columns = [
        [row[:6] for row in csv.reader(Path(f"{kind}.rows").read_text().splitlines())]
        for kind in ("npz", "csv")
    ]
    assert columns[0] == columns[1]
    assert columns[0][2][:3] == ["2", "1.jpg", "1"]


def test_two_files_are_paired_by_the_names_of_an_array(tree: str) -> None:
    """The samples of the second stand in another order."""
    held, order = arrays(), np.random.default_rng(0).permutation(len(arrays()["image"]))
    np.savez("b.npz", **{name: held[name] if name == "classes" else held[name][order] for name in held})
    done = CliRunner().invoke(
        app, ["compare", tree, "a.npz", "b.npz", "--by", "image", "--draws", "5", "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    changes = json.loads(done.stdout)["changes"]
    assert (changes["gained"], changes["lost"]) == (0, 0)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({}, ["an array `imagee`", "logits, targets, classes, image, camera", "did you mean `image`?"]),
        ({"imagee": np.zeros(len(arrays()["image"]))}, ["texts or integers", "float64"]),
        ({"imagee": np.array(["a", "b"])}, ["`imagee` as 41 texts or integers, one for each row", "(2,)"]),
        ({"imagee": np.array(["a.jpg"] * 41, dtype=object)}, ["Python objects", ".astype(str)"]),
        ({"imagee": np.array(["a.jpg"] * 41)}, ["several rows call the sample `a.jpg`", "row 1", "row 2"]),
    ],
)
def test_an_array_that_names_no_rows(spoilt: dict[str, Any], words: list[str], tree: str) -> None:
    """One line: what is there in its place, of what kind, and what may be meant."""
    np.savez("bad.npz", **arrays(), **spoilt)
    refused(run(tree, "bad.npz", "--id", "imagee"), "bad.npz", *words)


def test_targets_of_python_objects_are_refused_in_words(tree: str) -> None:
    """As a column of a table in memory gives them."""
    np.savez("o.npz", logits=np.eye(4), targets=np.array(CLASSES, dtype=object))
    refused(run(tree, "o.npz"), "o.npz", "`targets` as text or numbers, got Python objects")
