"""A column for each class, wherever it stands, and columns of other things."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from evaluate_command import refused, run, scores

SHORT = "--json", "--draws", 2


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The taxonomy's file."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(
        "levels: [species, breed]\ntree:\n  cat: [Bengal, Sphynx]\n  dog: [beagle, pug]\n"
    )
    return "t.yaml"


def matrix(columns: list[str], rows: list[list[str]]) -> None:
    """m.csv."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([columns, *rows])
    Path("m.csv").write_text(text.getvalue())


LOGITS = [["1", "0", "2.5", "-1"], ["3", "1", "0", "0"], ["0", "0", "0", "4"]]
NAMES = ["Bengal", "Sphynx", "beagle", "pug"]


def test_other_columns_are_left_out(tree: str) -> None:
    """Wherever they stand and whatever they hold; --id keeps the names of the rows."""
    truth = ["pug", "Bengal", "dog"]
    matrix(["target", *NAMES], [[y, *row] for y, row in zip(truth, LOGITS, strict=True)])
    wanted = scores(run(tree, "m.csv", *SHORT))
    rows = [
        [f"{y}, a photo", *row[:2], "", y, *row[2:], "0.5"] for y, row in zip(truth, LOGITS, strict=True)
    ]
    matrix(["file", *NAMES[:2], "day", "target", *NAMES[2:], "score"], rows)
    done = run(tree, "m.csv", "--id", "file", "--rows", "o.csv", *SHORT)
    assert scores(done) == pytest.approx(wanted, nan_ok=True)
    assert "2 columns not used: `day`, `score`" in json.loads(done.stdout)["notes"]
    with open("o.csv", newline="", encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [row[0] for row in rows]


def test_columns_as_paths(tree: str) -> None:
    """With the mark of a product's categories."""
    truth = ["pug", "Bengal", "dog"]
    matrix(["target", *NAMES], [[y, *row] for y, row in zip(truth, LOGITS, strict=True)])
    wanted = scores(run(tree, "m.csv", *SHORT))
    columns = ["cat > Bengal", "cat > Sphynx", "dog > beagle", "dog > pug"]
    matrix(["target", *columns], [[y, *row] for y, row in zip(truth, LOGITS, strict=True)])
    assert scores(run(tree, "m.csv", *SHORT)) == pytest.approx(wanted, nan_ok=True)


def test_numbered_columns(tree: str) -> None:
    """As many as there are classes, whatever stands beside them; one more is another model's."""
    rows = [["pug", *LOGITS[0], "a.jpg"]]
    matrix(["target", "0", "1", "2", "3", "file"], rows)
    done = run(tree, "m.csv", "--file-order", *SHORT)
    assert json.loads(done.stdout)["notes"] == ["1 column not used: `file`"]
    matrix(["target", "0", "1", "2", "3", "4"], [["pug", *LOGITS[0], "7"]])
    refused(run(tree, "m.csv", "--file-order"), "expected 4 columns, a class each, got 5")
    matrix(["target", "0", "1", "2", "5"], [["pug", *LOGITS[0]]])
    refused(run(tree, "m.csv", "--file-order"), "each of the 4 classes")


def test_fewer_columns_than_classes(tree: str) -> None:
    """One sentence where most have none; where some have, the nearest names."""
    matrix(["target", "a", "b", "pug"], [["pug", "1", "2", "3"]])
    refused(run(tree, "m.csv"), "each of the 4 classes", "`cat/Bengal`", "got 1 among `a`, `b`, `pug`")
    matrix(["target", "bengal", "Sphinx", "beagle", "pug", "day"], [["pug", "1", "2", "3", "4", "5"]])
    done = run(tree, "m.csv")
    assert (done.exit_code, done.stdout) == (1, "")
    for part in ("2 have none: `cat/Bengal`, `cat/Sphynx`", "`bengal`: did you mean `Bengal`?", "`Sphinx`"):
        assert part in done.stderr
    assert "`day`" not in done.stderr


def test_probabilities_of_every_node(tree: str) -> None:
    """Read where they are sums; else the worst row is shown."""
    columns = ["target", "cat", *NAMES[:2], "dog", *NAMES[2:]]
    good = [["pug", ".3", ".1", ".2", ".7", ".3", ".4"], ["Bengal", "1", ".75", ".25", "0", "0", "0"]]
    matrix(columns, good)
    done = run(tree, "m.csv", "--values", "probs", *SHORT)
    matrix(["target", *NAMES], [[row[0], *row[2:4], *row[5:]] for row in good])
    wanted = run(tree, "m.csv", "--values", "probs", *SHORT)
    assert scores(done) == pytest.approx(scores(wanted), nan_ok=True)
    bad = [*good, ["pug", ".4", ".1", ".2", ".7", ".3", ".4"], ["pug", ".3", ".1", ".2", ".2", ".3", ".4"]]
    matrix(columns, bad)
    refused(run(tree, "m.csv", "--values", "probs"), "row 4 (line 5)", "'dog'", "0.7, got 0.2")
    refused(run(tree, "m.csv"), "`cat`, `dog` are inner nodes", "--values probs", "--inner-classes")
