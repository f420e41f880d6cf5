"""What `taxoloss compare` says: sentences that fit the intervals, one line for what cannot be compared."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_command import COLUMNS, TREE, answers, compare, compared, write, write_both
from hypothesis import given
from hypothesis import strategies as st

from taxoloss.evaluation.branches import Branches
from taxoloss.evaluation.changes import Changes
from taxoloss.evaluation.comparison import Comparison, Difference
from taxoloss.evaluation.sentences import Amount, sentences
from taxoloss.metrics.bootstrap import Interval


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The taxonomy's file, in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TREE)
    return Path("t.yaml")


# -- sentences -------------------------------------------------------------------------------------


def _found(name: str, low: float, value: float, high: float, **more: Any) -> Comparison:
    """A comparison with one score."""
    changes = Changes(both=80, lost=20, gained=30, other=10, same=10, alike=90)
    score = Difference(0.5, 0.5 + value, Interval(value, low, high), None)
    return Comparison({name: score}, **{"changes": changes, "branches": Branches((), (), ()), **more})


SENTENCES = {
    "better": ("accuracy/genus", 0.013, 0.021, 0.029, "new is better at genus by 2.1 ± 0.8 points."),
    "worse": ("accuracy/genus", -0.029, -0.021, -0.013, "new is worse at genus by 2.1 ± 0.8 points."),
    "ends": ("accuracy/genus", 0.001, 0.021, 0.029, "new is better at genus by 2.1 points (0.1 to 2.9)."),
    "worse ends": (
        "accuracy/genus", -0.03, -0.02, -0.001, "new is worse at genus by 2.0 points (0.1 to 3.0).",
    ),
    "chance": (
        "accuracy/genus", -0.013, 0.004, 0.021,
        "At genus the difference may be chance (+0.4 points, -1.3 to 2.1).",
    ),
    "an end at 0": (
        "accuracy/genus", 0.0, 0.004, 0.008,
        "At genus the difference may be chance (+0.4 points, 0.0 to 0.8).",
    ),
    "equal": ("accuracy/genus", 0.0, 0.0, 0.0, "At genus the two are equal."),
    "small": (
        "accuracy/genus", 0.00013, 0.00021, 0.00029, "new is better at genus by 0.021 ± 0.008 points.",
    ),
    "nearer": ("severity", -0.26, -0.21, -0.16, "new's mistakes are nearer by 0.21 ± 0.05 edges."),
    "farther": ("distance", 0.16, 0.21, 0.26, "new's answers are farther by 0.21 ± 0.05 edges."),
    "just not chance": (
        "distance", -0.0548, -0.0305, -0.0026, "new's answers are nearer by 0.030 ± 0.026 edges.",
    ),
    "just not chance, ends": (
        "accuracy/genus", 0.0002, 0.02, 0.03, "new is better at genus by 2.00 points (0.02 to 3.00).",
    ),
    "mistakes by chance": (
        "severity", -0.1, -0.02, 0.06,
        "In the distance of mistakes the difference may be chance (-0.02 edges, -0.10 to 0.06).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_says_its_interval(name: str) -> None:
    """Better and worse are of the second model; more edges are worse."""
    key, low, value, high, words = SENTENCES[name]
    assert sentences(_found(key, low, value, high), "old", "new")[0] == words


def test_what_is_not_counted_is_said() -> None:
    """A level where no truth stands; a model without a mistake."""
    nothing = Difference(math.nan, math.nan, Interval(math.nan, math.nan, math.nan), True)
    found = _found("accuracy/genus", 0, 0, 0)
    found.scores["accuracy/genus"] = nothing
    assert sentences(found, "old", "new") == ["At genus nothing is counted."]
    none = Difference(0.5, math.nan, Interval(math.nan, math.nan, math.nan), False)
    found = _found("severity", 0, 0, 0)
    found.scores["severity"] = none
    assert sentences(found, "old", "new")[0].startswith("new made no mistake")


def test_few_groups_and_few_changes_are_cautioned() -> None:
    few = _found("severity", 0.1, 0.2, 0.3, groups=19)
    said = "With only 19 groups the intervals are too narrow: 20 groups or more are needed."
    assert said in sentences(few, "a", "b")
    enough = _found("severity", 0.1, 0.2, 0.3, groups=20)
    assert not [line for line in sentences(enough, "a", "b") if "too narrow" in line]
    for gained, words in ((1, "Only 1 row is answered"), (9, "Only 9 rows are answered"), (10, None)):
        found = _found("severity", 0.1, 0.2, 0.3, changes=Changes(both=90, gained=gained))
        said = [line for line in sentences(found, "a", "b") if "too narrow" in line]
        assert [line.startswith(words or "") for line in said] == ([] if words is None else [True])


def test_the_number_of_intervals_is_said_once() -> None:
    found = _found("accuracy/genus", 0.1, 0.2, 0.3)
    found.scores.update({f"accuracy/{number}": found.scores["accuracy/genus"] for number in range(29)})
    said = [line for line in sentences(found, "a", "b") if "by chance alone" in line]
    assert said == ["Of 30 intervals, about 1.5 would exclude 0 by chance alone."]


@given(value=st.floats(0, 40), up=st.floats(0.001, 30), down=st.floats(0.001, 30))
def test_an_amount_gives_its_ends_back(value: float, up: float, down: float) -> None:
    """As value ± half to within an eighth of the half and rounding; else as both ends."""
    amount = Amount(value, value - down, value + up, "points", 1)
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", str(amount))]
    shown = str(amount)
    half = (up + down) / 2
    rounding = 0.051 if half > 0.1 else 0.51 * 10.0 ** math.floor(math.log10(half))
    if "±" in shown:
        middle, width = numbers
        low, high = middle - width, middle + width
        assert abs(low - (value - down)) <= half / 8 + 2 * rounding
        assert abs(high - (value + up)) <= half / 8 + 2 * rounding
    else:
        assert numbers == pytest.approx([value, value - down, value + up], abs=rounding)
        assert max(up, down) > 1.2 * min(up, down)


def test_models_that_answer_alike(tree: Path, tmp_path: Path) -> None:
    """One sentence, and no interval to speak of; exit code 0."""
    data = answers(60)
    path = write_both(tmp_path, data)
    copy = write(tmp_path / "copy.csv", {"truth": data.truth, "b": data.a})
    options = ("--target", "truth", "--prediction", "a", "--prediction-b", "b")
    found = compared(tree, path, copy, *options)
    assert found["sentences"] == ["The two answer alike in all 60 rows."]
    assert {score["difference"] for score in found["metrics"].values()} == {0.0}
    assert found["branches"]["gained"] == found["branches"]["lost"] == []
    done = compare(tree, path, copy, *options)
    assert "no node gained" in done.stdout
    assert "no node lost" in done.stdout


def test_the_words_of_a_better_model(tree: Path, tmp_path: Path) -> None:
    """The sentences of the command have the numbers of its table."""
    path = write_both(tmp_path, answers(600, right=(0.5, 0.9)))
    found = compared(tree, path, path, *COLUMNS, "--name-a", "old", "--name-b", "new")
    said = found["sentences"][2]
    score = found["metrics"]["accuracy/species"]
    assert said.startswith("new is better at species by ")
    assert f"{100 * score['difference']:.1f}" in said
    assert "new's answers are nearer by" in " ".join(found["sentences"])
    swapped = ("--target", "truth", "--prediction", "b", "--prediction-b", "a")
    assert "a is worse at species by " in compare(tree, path, path, *swapped).stdout


NAMES = {
    "two files": (["new.csv"], ["new", "old"]),
    "said": (["new.csv", "--name-a", "x", "--name-b", "y"], ["x", "y"]),
    "one stem": (["run/old.csv"], ["old.csv", "run/old.csv"]),
    "one file": (["old.csv", "--prediction-b", "other"], ["prediction", "other"]),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_models_are_called(name: str, tree: Path) -> None:
    """Their files' stems, else what tells them apart."""
    data = answers(20)
    Path("run").mkdir()
    for file in ("old.csv", "new.csv", "run/old.csv"):
        write(Path(file), {"target": data.truth, "prediction": data.a, "other": data.b})
    arguments, called = NAMES[name]
    found = compared(tree, "old.csv", *arguments, "--draws", 2)
    assert {found["a"]["name"], found["b"]["name"]} == set(called)


# -- what cannot be compared -----------------------------------------------------------------------

Change = Callable[[dict[str, list[str]], dict[str, list[str]]], None]


def _set(file: int, column: str, row: int, cell: str) -> Change:
    """One cell of one of the files becomes another."""

    def change(*files: dict[str, list[str]]) -> None:
        files[file][column][row] = cell

    return change


def _cut(file: int, rows: slice) -> Change:
    def change(*files: dict[str, list[str]]) -> None:
        for column in files[file].values():
            del column[rows]

    return change


def _one_group(*files: dict[str, list[str]]) -> None:
    for file in files:
        file["camera"] = ["lake"] * len(file["camera"])


BY, GROUP = ("--by", "id"), ("--group", "camera")
REFUSED: dict[str, tuple[Change, tuple[str, ...], list[str]]] = {
    "another count": (
        _cut(1, slice(3, 5)), (), ["got 20 rows in a.csv and 18 in b.csv", "--by COLUMN"],
    ),
    "another truth": (
        _set(1, "target", 4, "h"), (), ["row 5: expected one truth, got `", "`B/R/h`", "--by COLUMN pairs"],
    ),
    "another truth of a name": (
        _set(1, "target", 4, "h"), BY, ["`i4` (a.csv: row 5; b.csv: row 5): expected one truth"],
    ),
    "a coarser truth": (_set(1, "target", 0, "B/R"), (), ["row 1: expected one truth"]),
    "only in a": (_cut(1, slice(3, 5)), BY, ["got 2 (`i3`, `i4`) only in a.csv", "--common"]),
    "only in b": (_cut(0, slice(0, 9)), BY, ["got 9 (`i0`, `i1`, `i2`, ..) only in b.csv", "--common"]),
    "only in each": (
        _set(0, "id", 0, "x"), BY, ["1 (`x`) only in a.csv and 1 (`i0`) only in b.csv", "--common"],
    ),
    "nothing in both": (
        lambda a, b: a.update(id=[f"x{i}" for i in range(20)]), (*BY, "--common"),
        ["expected a sample or more in both"],
    ),
    "a name twice in a": (
        _set(0, "id", 3, "i1"), BY, ["a.csv: several rows call the sample `i1`", "row 2", "row 4"],
    ),
    "a name twice in b": (
        _set(1, "id", 3, " i1 "), (*BY, "--common"),
        ["b.csv: several rows call the sample `i1`", "row 2", "row 4"],
    ),
    "no name": (
        _set(1, "id", 2, " "),
        BY,
        ["b.csv: row 3 (line 4): expected the name of a sample in `id`"],
    ),
    "no such column": (_set(0, "id", 0, "i0"), ("--by", "image"), ["expected one column 'image'"]),
    "another group": (
        _set(1, "camera", 6, "lake"), GROUP, ["row 7: expected one group in both files, got `", "`lake`"],
    ),
    "no group": (
        lambda a, b: (_set(0, "camera", 6, "")(a, b), _set(1, "camera", 6, "")(a, b))[0], GROUP,
        ["row 7: expected one group in both files, got none and none"],
    ),
    "one group": (_one_group, GROUP, ["expected two groups or more to draw from, got one, `lake`"]),
    "an unknown name": (_set(1, "prediction", 6, "zz"), (), ["b.csv: column 'prediction'", "`zz`"]),
}  # fmt: skip


def _files(change: Change) -> None:
    data = answers(20, cameras=4)
    ids = [f"i{number}" for number in range(20)]
    files = [
        {
            "id": ids.copy(),
            "camera": data.camera.copy(),
            "target": data.truth.copy(),
            "prediction": said.copy(),
        }
        for said in (data.a, data.b)
    ]
    change(*files)
    for name, columns in zip("ab", files, strict=True):
        write(Path(f"{name}.csv"), dict(columns))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compared(name: str, tree: Path) -> None:
    """Exit code 1, both places, nothing on standard output and no file of rows."""
    change, options, words = REFUSED[name]
    _files(change)
    done = compare(tree, "a.csv", "b.csv", *options, "--rows", "rows.csv", "--draws", 2)
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr
    assert not Path("rows.csv").exists()


def test_rows_of_texts_are_counted_though_no_header_says_how_many(tree: Path) -> None:
    """Numbers in text, where the second has a row more or less."""
    lines = ["target,a,b,c,d,e,f,g,h\n", *(f"{name},1.5,2,3,4,5,6,7,8\n" for name in "abcd")]
    Path("a.csv").write_text("".join(lines))
    for count in (4, 6):
        Path("b.csv").write_text("".join([*lines, "e,1.5,2,3,4,5,6,7,8\n"][:count]))
        for pair in (("a.csv", "b.csv"), ("b.csv", "a.csv")):
            done = compare(tree, *pair, "--draws", 2)
            assert (done.exit_code, done.stdout) == (1, "")
            rows = {"a.csv": 4, "b.csv": count - 1}
            assert f"got {rows[pair[0]]} rows in {pair[0]} and {rows[pair[1]]} in {pair[1]}" in done.stderr


def test_classes_that_are_inner_nodes_in_one_file(tree: Path) -> None:
    """A model with an output for a family is not compared with one that has none by its numbers."""
    t = np.eye(9)
    np.savez("a.npz", logits=t[:, :9], targets=["a"] * 9, classes=[*"abcdefgh", "A/P"])
    np.savez("b.npz", logits=t[:, :8], targets=["a"] * 9, classes=[*"abcdefgh"])
    done = compare(tree, "a.npz", "b.npz", "--inner-classes", "--draws", 2)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "expected the classes of the other file, 9, got 8" in done.stderr


USAGE = {
    "one reading": (["a.csv", "a.csv"], "a.csv again"),
    "one file by two paths": (["a.csv", "./sub/../a.csv"], "another column of it"),
    "one name": (["a.csv", "b.csv", "--name-a", "x", "--name-b", "x"], "expected two names"),
    "no name": (["a.csv", "b.csv", "--name-a", " "], "expected two names"),
    "common by row": (["a.csv", "b.csv", "--common"], "needs --by"),
    "a decimal mark": (["a.csv", "b.csv", "--decimal", ";"], "expected . or ,"),
    "one draw": (["a.csv", "b.csv", "--draws", "1"], "--draws"),
    "no columns": (["a.csv", "b.csv", "--prediction-b", ""], "names of columns"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage(name: str, tree: Path) -> None:
    """Exit code 2, nothing on standard output."""
    _files(_set(0, "id", 0, "i0"))
    Path("sub").mkdir()
    arguments, words = USAGE[name]
    done = compare(tree, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.replace("│", " ").split())
