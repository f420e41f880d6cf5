"""`taxoloss compare`: its numbers are those of plain arrays, whatever the files; its words fit them."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_command import (
    COLUMNS,
    SPECIES,
    TREE,
    Answers,
    answers,
    compare,
    compared,
    taxonomy,
    write,
    write_both,
)

from taxoloss.evaluation import readers

LEVELS = ("order", "family", "species")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The taxonomy's file."""
    path = tmp_path / "tree.yaml"
    path.write_text(TREE)
    return path


# -- the numbers -----------------------------------------------------------------------------------


def test_the_scores_are_those_of_plain_arrays(tree: Path, tmp_path: Path) -> None:
    """Accuracies, distances and differences of per-sample numbers; the counts of changes."""
    data = answers()
    path = write_both(tmp_path, data)
    found = compared(tree, path, path, *COLUMNS, "--draws", 50)
    for at, level in enumerate(LEVELS):
        a, b = data.right("a", at).mean(), data.right("b", at).mean()
        score = found["metrics"][f"accuracy/{level}"]
        assert [score[key] for key in ("a", "b", "difference")] == pytest.approx([a, b, b - a], abs=1e-6)
    means = [data.distance(model).mean() for model in "ab"]
    score = found["metrics"]["distance"]
    assert [score["a"], score["b"]] == pytest.approx(means, abs=1e-6)
    severities = [data.distance(model)[data.right(model, 2) == 0].mean() for model in "ab"]
    score = found["metrics"]["severity"]
    assert score["difference"] == pytest.approx(severities[1] - severities[0], abs=1e-6)
    a, b = data.right("a", 2) == 1, data.right("b", 2) == 1
    differ = np.array(data.a) != np.array(data.b)
    assert found["changes"] == {
        "both": (a & b).sum(),
        "lost": (a & ~b).sum(),
        "gained": (~a & b).sum(),
        "other": (~a & ~b & differ).sum(),
        "same": (~a & ~b & ~differ).sum(),
        "alike": (~differ).sum(),
    }
    assert found["rows"] == len(a)


def test_the_levels_stand_in_the_order_of_the_tree(tree: Path, tmp_path: Path) -> None:
    path = write_both(tmp_path, answers(60))
    names = list(compared(tree, path, path, *COLUMNS, "--draws", 2)["metrics"])
    assert names[:3] == [f"accuracy/{level}" for level in LEVELS]


def _resampled(data: Answers, units: Any, draws: int = 4000) -> dict[str, Any]:
    """Differences over draws of whole units with replacement, in numpy alone: level -> (draws,)."""
    r = np.random.default_rng(1)
    members = [np.flatnonzero(units == unit) for unit in np.unique(units)]
    found = []
    gains = np.stack([data.right("b", at) - data.right("a", at) for at in range(3)], 1)
    sums = np.stack([gains[rows].sum(0) for rows in members])
    sizes = np.array([len(rows) for rows in members])
    for _ in range(draws):
        drawn = r.integers(0, len(members), len(members))
        found.append(sums[drawn].sum(0) / sizes[drawn].sum())
    return dict(zip(LEVELS, np.array(found).T, strict=True))


@pytest.mark.parametrize("grouped", [False, True])
def test_the_intervals_are_those_of_another_bootstrap(grouped: bool, tree: Path, tmp_path: Path) -> None:
    """Ends within what 2,000 and 4,000 draws leave open: an end's error is about 2.7 sd / sqrt(draws)."""
    data = answers(400, cameras=40)
    path = write_both(tmp_path, data)
    options = ("--group", "camera") if grouped else ()
    found = compared(tree, path, path, *COLUMNS, *options, "--draws", 2000)["metrics"]
    units = np.unique(data.camera, return_inverse=True)[1] if grouped else np.arange(len(data.a))
    for level, draws in _resampled(data, units).items():
        score = found[f"accuracy/{level}"]
        slack = 4 * 2.7 * draws.std() * (1 / 2000 + 1 / 4000) ** 0.5
        assert abs(score["low"] - np.quantile(draws, 0.025)) < slack
        assert abs(score["high"] - np.quantile(draws, 0.975)) < slack


def test_groups_that_gain_together_have_wider_intervals(tree: Path, tmp_path: Path) -> None:
    """Of ten rows that answer alike there is one piece of news, not ten."""
    data = answers(40, seed=3)
    ten = Answers(
        *([x for x in column for _ in range(10)] for column in (data.truth, data.a, data.b, data.truth))
    )
    one = write_both(tmp_path, data)
    alone = compared(tree, one, one, *COLUMNS)["metrics"]["accuracy/species"]
    (tmp_path / "ten").mkdir()
    groups = [f"g{number}" for number in range(40) for _ in range(10)]
    many = write_both(tmp_path / "ten", Answers(ten.truth, ten.a, ten.b, groups))
    grouped = compared(tree, many, many, *COLUMNS, "--group", "camera")["metrics"]["accuracy/species"]
    blind = compared(tree, many, many, *COLUMNS)["metrics"]["accuracy/species"]
    assert [grouped[end] for end in ("low", "high")] == pytest.approx([alone["low"], alone["high"]])
    assert blind["high"] - blind["low"] < 0.5 * (grouped["high"] - grouped["low"])


def test_swapped_models_have_the_opposite_differences(tree: Path, tmp_path: Path) -> None:
    """In every score, also its ends; gained is lost."""
    path = write_both(tmp_path, answers(80))
    swapped = ("--target", "truth", "--prediction", "b", "--prediction-b", "a")
    one, other = (compared(tree, path, path, *columns) for columns in (COLUMNS, swapped))
    for name, score in one["metrics"].items():
        back = other["metrics"][name]
        assert (score["a"], score["b"]) == (back["b"], back["a"])
        ends = [-back["difference"], -back["high"], -back["low"]]
        assert [score["difference"], score["low"], score["high"]] == pytest.approx(ends, abs=1e-6)
    assert one["changes"]["gained"] == other["changes"]["lost"]
    assert [b["path"] for b in one["branches"]["gained"]] == [b["path"] for b in other["branches"]["lost"]]


# -- the files -------------------------------------------------------------------------------------


def _without_files(found: dict[str, Any]) -> dict[str, Any]:
    """All that does not depend on what the files are called."""
    kept = {name: value for name, value in found.items() if name not in ("a", "b", "by")}
    return {**kept, "sentences": [line.replace("z", "b") for line in found["sentences"]]}


def _matrix(path: Path, said: list[str], truth: list[str], order: str, seed: int, **more: Any) -> Path:
    """Logits whose largest is what was said; of each row and class the same, whatever the order."""
    r = np.random.default_rng(seed)
    numbers = {name: r.normal(size=len(said)) for name in SPECIES}
    for row, name in enumerate(said):
        numbers[name][row] += 9
    return write(path, {**more, "target": truth, **{name: numbers[name].tolist() for name in order}})


@pytest.mark.parametrize("group", [(), ("--group", "camera")])
def test_a_shuffled_file_by_its_ids_is_the_file(group: tuple[str, ...], tree: Path, tmp_path: Path) -> None:
    """Names: the same numbers, intervals and words."""
    data = answers(120)
    path = write_both(tmp_path, data)
    order = np.random.default_rng(5).permutation(120)
    rows = list(csv.reader(path.read_text().splitlines()))
    shuffled = tmp_path / "z.csv"
    shuffled.write_text("".join(",".join(row) + "\n" for row in [rows[0], *(rows[1 + i] for i in order)]))
    names = ("--name-a", "A", "--name-b", "B")
    straight = compared(tree, path, path, *COLUMNS, *group, *names)
    paired = compared(tree, path, shuffled, *COLUMNS, *group, *names, "--by", "id")
    assert _without_files(paired) == _without_files(straight)


def test_matrices_in_any_order_of_rows_and_columns(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in pieces of a few rows, or whole: every score with its interval."""
    data = answers(60)
    ids = [f"i{number}" for number in range(60)]
    a = _matrix(tmp_path / "a.csv", data.a, data.truth, SPECIES, 0, id=ids)
    b = _matrix(tmp_path / "b.csv", data.b, data.truth, SPECIES, 1, id=ids)
    straight = compared(tree, a, b, "--by", "id", "--draws", 50)
    assert {"calibration_error/species", "hops"} <= straight["metrics"].keys()
    monkeypatch.setattr(readers, "BLOCK", 60)
    (tmp_path / "turned").mkdir()
    turned = _matrix(tmp_path / "turned" / "b.csv", data.b, data.truth, SPECIES[::-1], 1, id=ids)
    lines = turned.read_text().splitlines(keepends=True)
    order = np.random.default_rng(6).permutation(60)
    turned.write_text("".join([lines[0], *(lines[1 + i] for i in order)]))
    again = compared(tree, a, turned, "--by", "id", "--draws", 50)
    assert _without_files(again) == _without_files(straight)
    a = _matrix(tmp_path / "a.csv", data.a, data.truth, SPECIES, 0)
    b = _matrix(tmp_path / "b.csv", data.b, data.truth, SPECIES[::-1], 1)
    assert _without_files(compared(tree, a, b, "--draws", 50)) == _without_files(straight)


def test_pieces_of_other_sizes_are_paired_row_by_row(tree: Path, tmp_path: Path) -> None:
    """An array, in one piece, beside a text in many."""
    data = answers(50)
    t = taxonomy()
    logits = np.eye(8)[t.node_ids(data.b).numpy()] * 5
    np.savez(
        tmp_path / "b.npz",
        logits=logits,
        targets=t.node_ids(data.truth).numpy(),
        classes=np.array(t.classes),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "BLOCK", 24)
        a = _matrix(tmp_path / "a.csv", data.a, data.truth, SPECIES, 0)
        found = compared(tree, a, tmp_path / "b.npz", "--draws", 2)
    assert found["changes"]["lost"] == int((data.right("a", 2) > data.right("b", 2)).sum())


def test_numbers_beside_names_are_compared_by_their_best_class(tree: Path, tmp_path: Path) -> None:
    """As two files of names are; the text says so."""
    data = answers(90)
    path = write_both(tmp_path, data)
    names = write(tmp_path / "b.csv", {"target": data.truth, "prediction": data.b})
    matrix = _matrix(tmp_path / "a.csv", data.a, data.truth, SPECIES, 0)
    mixed, plain = compared(tree, matrix, names), compared(tree, path, path, *COLUMNS)
    assert _without_files(mixed) == _without_files(plain)
    assert "classes; its best class is compared" in compare(tree, matrix, names).stdout


def test_options_on_columns_are_those_of_the_table(tree: Path, tmp_path: Path) -> None:
    """Beside arrays, on either side."""
    data = answers(40)
    t = taxonomy()
    path = write_both(tmp_path, data)
    arrays = tmp_path / "b.npz"
    logits = np.eye(8)[t.node_ids(data.b).numpy()] * 5
    np.savez(arrays, logits=logits, targets=t.node_ids(data.truth).numpy(), classes=np.array(t.classes))
    options = ("--target", "truth", "--prediction", "a", "--unknown", "drop", "--draws", 2)
    changes = compared(tree, path, arrays, *options)["changes"]
    assert changes == compared(tree, path, path, *COLUMNS, "--draws", 2)["changes"]
    assert compared(tree, arrays, path, *options)["changes"]["lost"] == changes["gained"]


def test_rankings_are_compared_as_far_as_the_shorter_one(tree: Path, tmp_path: Path) -> None:
    truth = ["a", "b", "f", "g"] * 5
    first = write(
        tmp_path / "a.csv", {"target": truth, "prediction": ["a|b|f", "a|b|f", "a|f|b", "a|g|b"] * 5}
    )
    other = write(tmp_path / "b.csv", {"target": truth, "prediction": ["a|b", "b|a", "a|g", "a|f"] * 5})
    found = compared(tree, first, other, "--draws", 2)["metrics"]
    score = found["top_2_accuracy/species"]
    assert (score["a"], score["b"]) == (1.0, 0.5)
    assert (found["accuracy/species"]["a"], found["accuracy/species"]["b"]) == (0.25, 0.5)


def test_what_only_one_file_has_is_left_out_when_that_is_said(tree: Path, tmp_path: Path) -> None:
    """The numbers are those of the common rows; the others are counted, with examples."""
    data = answers(50)
    ids = [f"i{number}" for number in range(50)]
    a = write(tmp_path / "a.csv", {"id": ids[:40], "target": data.truth[:40], "prediction": data.a[:40]})
    b = write(tmp_path / "b.csv", {"id": ids[5:], "target": data.truth[5:], "prediction": data.b[5:]})
    done = compare(tree, a, b, "--by", "id", "--common")
    assert done.exit_code == 0, done.output
    assert "left out, for only a has them: 5 (`i0`, `i1`, `i2`, ..)" in done.stdout
    assert "left out, for only b has them: 10 (`i40`, `i41`, `i42`, ..)" in done.stdout
    found = compared(tree, a, b, "--by", "id", "--common")
    gained = data.right("b", 2)[5:40] - data.right("a", 2)[5:40]
    assert found["rows"] == 35
    assert found["metrics"]["accuracy/species"]["difference"] == pytest.approx(gained.mean(), abs=1e-6)
    assert [found[key]["rows_only_here"] for key in "ab"] == [5, 10]


def test_rows_that_one_file_leaves_out_are_left_out_of_both(tree: Path, tmp_path: Path) -> None:
    """--unknown drop, row by row: told with their numbers."""
    data = answers(50)
    said = ["nothing", *data.a[1:-1], "nothing"]
    a = write(tmp_path / "a.csv", {"target": data.truth, "prediction": said})
    b = write(tmp_path / "b.csv", {"target": data.truth, "prediction": [data.b[0], "who", *data.b[2:]]})
    done = compare(tree, a, b, "--unknown", "drop")
    assert done.exit_code == 0, done.output
    assert "left out, for only a has them: 1 (row 2)" in done.stdout
    assert "left out, for only b has them: 2 (row 1, row 50)" in done.stdout
    gained = (data.right("b", 2) - data.right("a", 2))[2:-1]
    found = compared(tree, a, b, "--unknown", "drop")["metrics"]["accuracy/species"]
    assert found["difference"] == pytest.approx(gained.mean(), abs=1e-6)


def test_unknown_answers_are_never_right(tree: Path, tmp_path: Path) -> None:
    a = write(tmp_path / "a.csv", {"target": ["a"] * 12, "prediction": ["a"] * 11 + ["y"]})
    b = write(tmp_path / "b.csv", {"target": ["a"] * 12, "prediction": ["y"] * 11 + ["b"]})
    changes = compared(tree, a, b, "--unknown", "wrong", "--draws", 2)["changes"]
    assert (changes["lost"], changes["both"], changes["gained"]) == (11, 0, 0)


def test_a_truth_above_the_classes_is_right_where_an_answer_is_below(tree: Path, tmp_path: Path) -> None:
    """A family as truth: any of its species is right, its order is not; the root tells nothing."""
    truth = ["A/P", "A/P", "A/P", "a"]
    a = write(tmp_path / "a.csv", {"target": truth, "prediction": ["a", "A", "d", "P"]})
    b = write(tmp_path / "b.csv", {"target": truth, "prediction": ["b", "P", "a", "a"]})
    changes = compared(tree, a, b, "--draws", 2)["changes"]
    assert (changes["both"], changes["gained"], changes["lost"]) == (1, 3, 0)


def test_the_rows_that_changed(tree: Path, tmp_path: Path) -> None:
    """A row each, with what both share with the truth; none where the answers are one."""
    columns = {"id": ["p", "q", "r", "s"], "camera": ["1", "1", "2", "2"], "truth": ["a", "b", "f", "g"]}
    path = write(tmp_path / "x.csv", {**columns, "a": ["a", "a", "b", "a"], "b": ["a", "b", "c", "g"]})
    out = tmp_path / "out.csv"
    options = ("--by", "id", "--group", "camera", "--rows", out, "--draws", 2)
    done = compare(tree, path, path, *COLUMNS, *options)
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [(row["row"], row["id"], row["group"], row["truth"]) for row in rows] == [
        ("2", "q", "1", "A/P/b"), ("3", "r", "2", "B/R/f"), ("4", "s", "2", "B/R/g"),
    ]  # fmt: skip
    assert [row["change"] for row in rows] == ["gained", "neither right", "gained"]
    assert [(row["answer_a"], row["shared_a"], row["height_a"]) for row in rows] == [
        ("A/P/a", "A/P", "1"), ("A/P/b", "", "3"), ("A/P/a", "", "3"),
    ]  # fmt: skip
    assert [(row["answer_b"], row["height_b"]) for row in rows] == [
        ("A/P/b", "0"),
        ("A/P/c", "3"),
        ("B/R/g", "0"),
    ]


# -- how it is shown -------------------------------------------------------------------------------


def test_csv_has_the_numbers_of_json(tree: Path, tmp_path: Path) -> None:
    """And nothing else on standard output."""
    path = write_both(tmp_path, answers(70))
    done = compare(tree, path, path, *COLUMNS, "--format", "csv")
    told = {row["metric"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    for name, score in compared(tree, path, path, *COLUMNS)["metrics"].items():
        for key in ("a", "b", "difference", "low", "high"):
            assert float(told[name][key]) == score[key]


def test_markdown_is_tables_and_a_list(tree: Path, tmp_path: Path) -> None:
    path = write_both(tmp_path, answers(200))
    done = compare(tree, path, path, *COLUMNS, "--format", "markdown", "--name-b", "new|er")
    lines = done.stdout.splitlines()
    assert lines[0] == "| metric | a | new\\|er | difference | 95 % interval | better |"
    assert any(line.startswith("- new|er is better at species by ") for line in lines)
    assert "200 rows in both" in done.stderr


def test_a_process_of_its_own(tree: Path, tmp_path: Path) -> None:
    """In an encoding without a plus-minus: written as an escape, exit code 0."""
    path = write_both(tmp_path, answers(100))
    command = [sys.executable, "-m", "taxoloss", "compare", str(tree), str(path), str(path), *COLUMNS]
    done = subprocess.run(
        command, capture_output=True, check=False, env={"PYTHONIOENCODING": "ascii"} | _env()
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"b is better at species by " in done.stdout


def _env() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"}
