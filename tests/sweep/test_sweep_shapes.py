"""Settings and rows of every shape that JSON has; what it has no word for, and names that are taken."""

from __future__ import annotations

import csv
import enum
import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples
from sweep_cell import EPOCHS, PETS, cells, train

from taxoloss import sweep
from taxoloss.sweep import Cell, SweepError, grid
from taxoloss.sweep import report as pictures

run = partial(sweep.run, taxonomy=PETS, progress=False)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
#: One of each shape; no two are the same cell.
SHAPES: list[Any] = [
    None, True, False, 0, -7, 2**80, 0.1, 1e300, "", "null", "None", "true", "0", "0.1", "[]", "{}", [], {},
    [1, "a", None, [True]], {"name": "sgd", "lr": 0.1}, {"a": None}, {"a": {}}, {"a": 1, "b": 0.5},
    "a=1,b=0.5", {"a": 0.12345678}, {"a": 0.12345679}, {"a": 10**400}, {"a": True}, "ü", "日本語", "🐱",
    "e\u0301", "é", "a,b", 'say "no"', "two\nlines", "cr\ronly", "crlf\r\n", "tab\t", "nul\0",
    "\x1b[31m", "\u2028", "=1+1", " x ", "x" * 300_000, "x" * 299_999 + "y", {"": 1}, {"ü": ["ü"]},
    [[[[[]]]]], "$x_1$", "<b>&amp;</b>", "[red]x[/red]", "%s %(a)s {0}",
]  # fmt: skip


def measured(**more: Any) -> dict[str, Any]:
    """A row."""
    return {"train_loss": 1.0, "valid_loss": 0.5, "accuracy_breed": 0.5, "accuracy_species": 0.75, **more}


def once(cell: Cell) -> Iterator[dict[str, Any]]:
    """One epoch whose scores tell the cells apart."""
    yield measured(accuracy_breed=round(0.001 * cell.seed, 6))


def never(cell: Cell) -> Any:
    """A training function of cells that are all done."""
    raise AssertionError("trained")


def lines(folder: Path) -> list[dict[str, str]]:
    """results.csv."""
    limit = csv.field_size_limit(2**31 - 1)
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file, strict=True))
    csv.field_size_limit(limit)
    return found


# -- shapes ----------------------------------------------------------------------------------------


@pytest.mark.sample(5)
@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_a_setting_of_any_shape(tmp_path: Path, number: int) -> None:
    """It is trained once, is in the table, and is read from there and from the cells."""
    given = grid(opt=[SHAPES[number], "another"], seed=range(2))
    first = run(once, given, tmp_path)
    assert (len(first.rows), first.failures) == (4, {})
    again = run(never, given, tmp_path)
    assert again.rows == first.rows
    assert len(lines(tmp_path)) == 4
    for path in (tmp_path, tmp_path / "results.csv"):
        found = pictures.variants(pictures.read(path))
        assert len(found) == 2
        assert all(len(one.runs) == 2 for one in found)


@pytest.mark.parametrize("name", ["opt", "arm"])
def test_settings_of_all_shapes_are_told_apart(tmp_path: Path, name: str) -> None:
    """No two values are one text, in the table, in the variants and in their labels."""
    given = grid(**{name: SHAPES}, seed=range(2))
    results = run(once, given, tmp_path)
    assert len(results.rows) == len({row["id"] for row in results.rows}) == 2 * len(SHAPES)
    assert len({row[name] for row in lines(tmp_path)}) == len(SHAPES)
    for path in (tmp_path, tmp_path / "results.csv"):
        found = pictures.variants(pictures.read(path))
        assert len(found) == len(SHAPES)
        assert {tuple(one.runs) for one in found} == {("0", "1")}
    compared = pictures.compare(found, ["accuracy_breed"])
    assert len({one.label for one in compared}) == len(SHAPES)
    assert max(len(one.label) for one in compared) < 100


@settings(max_examples=examples(25), deadline=None)
@given(
    st.dictionaries(TEXTS.map("x".__add__), PLAIN, max_size=3),
    st.dictionaries(TEXTS.map("y".__add__), PLAIN, max_size=3),
)
def test_any_settings_and_any_rows(wanted: dict[str, Any], more: dict[str, Any]) -> None:
    """What JSON holds comes through a sweep, its table and its cells."""

    def rows(cell: Cell) -> Iterator[dict[str, Any]]:
        yield measured(**more)
        yield measured()

    folder = Path(tempfile.mkdtemp())
    results = run(rows, [wanted], folder)
    assert results.failures == {}
    first = results.rows[0]
    assert json.dumps({name: first[name] for name in more}) == json.dumps(more)
    assert run(never, [wanted], folder).rows == results.rows
    assert len(lines(folder)) == 2
    for path in (folder, folder / "results.csv"):
        (one,) = pictures.read(path).runs
        assert len(one.epochs) == 2
    assert set(pictures.read(folder).settings) == set(wanted)
    shutil.rmtree(folder)


def test_rows_of_any_shape_are_json_in_the_table(tmp_path: Path) -> None:
    """Lists and dicts as JSON, nothing as nothing."""
    shown = {f"x{number}": value for number, value in enumerate(SHAPES)}
    results = run(lambda cell: [measured(**shown)], [{}], tmp_path)
    assert results.failures == {}
    (row,) = lines(tmp_path)
    assert json.loads(row[f"x{SHAPES.index([1, 'a', None, [True]])}"]) == [1, "a", None, [True]]
    assert row["x0"] == ""
    assert len(pictures.read(tmp_path).runs) == 1


def test_a_row_that_is_used_again(tmp_path: Path) -> None:
    """Each is kept as it was when it was yielded."""

    def rows(cell: Cell) -> Iterator[dict[str, Any]]:
        row = measured(trace=[])
        for epoch in range(3):
            row["trace"].append(epoch)
            yield row

    assert [row["trace"] for row in run(rows, [{}], tmp_path).rows] == [[0], [0, 1], [0, 1, 2]]


@pytest.mark.parametrize("epochs", [[1, 2], [1.0, 2.0], [True, 2], list(np.arange(1, 3))])
def test_epochs_are_whole_numbers_in_the_table(tmp_path: Path, epochs: list[Any]) -> None:
    """However the training function counts them."""
    run(lambda cell: [measured(epochs=epoch) for epoch in epochs], [{}], tmp_path)
    assert [row["epochs"] for row in lines(tmp_path)] == ["1", "2"]
    assert len(pictures.read(tmp_path).runs[0].epochs) == 2


# -- what is refused before anything is trained ----------------------------------------------------


class Colour(enum.Enum):
    """No JSON."""

    RED = 1


def _itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


DEEP: Any = 1
for _ in range(100):
    DEEP = {"a": [DEEP]}
NO_JSON = [
    float("nan"), float("inf"), -float("inf"), {"a": float("nan")}, [float("inf")], np.float32("nan"), b"x",
    {1, 2}, object(), date(2026, 1, 1), Path("x"), 1j, Colour.RED, len, range(3), np.zeros(2), _itself(),
    DEEP, "\ud800", {"\udfff": 1}, {1: "a", "1": "b"}, 10**5000, {"a": [{"b": {2}}]},
]  # fmt: skip


@pytest.mark.sample(7)
@pytest.mark.parametrize("number", range(len(NO_JSON)))
@pytest.mark.parametrize("place", ["settings", "config", "row"])
def test_what_json_has_no_word_for(tmp_path: Path, number: int, place: str) -> None:
    """Is refused by name: in settings and configuration before anything is trained."""
    value = NO_JSON[number]
    if place == "row":
        results = run(lambda cell: [measured(mine=value)], [{}], tmp_path)
        assert results.rows == []
        assert "SweepError" in (words := next(iter(results.failures.values())))
    else:
        given: dict[str, Any] = {"config": {"mine": value}} if place == "config" else {}
        with pytest.raises(SweepError) as error:
            run(never, [{"mine": value} if place == "settings" else {}], tmp_path, **given)
        words = str(error.value)
    assert "mine" in words


TAKEN = ["id", "seconds", "w", "versions"]
OF_ROWS = ["epochs", "reading", "train_loss", "valid_loss", "severity", "distance", "accuracy_breed"]
OF_ROWS += ["accuracy_top5", "test_accuracy_breed", "test_severity", "weight_breed"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", [*TAKEN, *OF_ROWS])
def test_names_that_no_setting_may_have(tmp_path: Path, name: str) -> None:
    """They are columns of the table."""
    with pytest.raises(SweepError, match=f"cell 2 has the setting {name}: the name of a column"):
        run(never, [{"seed": 0}, {name: 1}], tmp_path)


@pytest.mark.parametrize("name", ["weight_decay", "test_set", "accuracy", "ids", "Seed", "loss", ""])
def test_names_that_a_setting_may_have(tmp_path: Path, name: str) -> None:
    """They only look like columns of the table; text is no score."""
    run(once, [{name: value, "seed": seed} for value in ("a", "b") for seed in range(2)], tmp_path)
    for path in (tmp_path, tmp_path / "results.csv"):
        assert len(pictures.variants(pictures.read(path))) == 2


def test_names_of_settings_are_text(tmp_path: Path) -> None:
    """A number is none."""
    with pytest.raises(SweepError, match="names of the settings of cell 1 as text, got 7"):
        run(never, [{7: 1}], tmp_path)  # type: ignore[dict-item]


@pytest.mark.parametrize("name", [*TAKEN, "seed", "arm", "weights", "weight_breed", "weight_species"])
def test_names_that_no_row_may_have(tmp_path: Path, name: str) -> None:
    """The first row is refused, before the second is trained."""
    trained = []

    def rows(cell: Cell) -> Iterator[dict[str, Any]]:
        for epoch in range(5):
            trained.append(epoch)
            yield measured(**{name: "mine"})

    with pytest.raises(SweepError, match=f"the row of epoch 1, reading marginal, has {name}: "):
        run(rows, [{"lr": 0.1}, {"lr": 0.2}], tmp_path)
    assert trained == [0]


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", ["severity", "distance", "accuracy_top5", "test_distance", "valid_loss"])
@pytest.mark.parametrize("value", ["good", "0.5", True, [0.5], {"a": 0.5}])
def test_scores_are_numbers(tmp_path: Path, name: str, value: Any) -> None:
    """A table with others could not be drawn."""
    results = run(lambda cell: [measured(**{name: value})], [{}], tmp_path)
    assert f"has {name} {value!r}: expected a number" in str(results.failures)


@pytest.mark.parametrize("reading", [None, "", ["a"], 3])
def test_readings_are_names(tmp_path: Path, reading: Any) -> None:
    """A row of another reading is refused."""
    results = run(lambda cell: [measured(reading=reading)], [{}], tmp_path)
    assert "expected the reading of a row as a name" in str(results.failures)


def test_columns_of_a_row_are_there_once(tmp_path: Path) -> None:
    """1 and "1" are one name."""
    twice: dict[Any, Any] = {1: 2, "1": 3}
    results = run(lambda cell: [measured() | twice], [{}], tmp_path)
    assert "expected each column of a row once" in str(results.failures)


def test_a_number_that_stands_in_every_row_is_no_setting(tmp_path: Path) -> None:
    """Of one epoch each: what differs from cell to cell is measured, the folder knows that."""
    run(lambda cell: [measured(norm=cell.seed / 7)], grid(lr=[0.1, 0.2], seed=range(3)), tmp_path)
    read = pictures.read(tmp_path)
    assert read.settings == ("lr",)
    assert [len(one.runs) for one in pictures.variants(read, over=())] == [3, 3]


def test_a_lost_version_loses_no_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ran is looked up when the cell is trained: it may not be readable then."""
    from taxoloss.sweep import work

    def unreadable(name: str) -> str:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(work, "version", unreadable)
    assert len(run(train, cells(2), tmp_path).rows) == 2 * EPOCHS
