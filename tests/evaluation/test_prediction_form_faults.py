"""Predictions in other forms that cannot be used: exit code 1, one sentence, nothing on the output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluate_command import refused, run, scores
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from prediction_forms import write_json, write_rows
from workbooks import write_workbook

from taxoloss.errors.faults import TaxonomyError
from taxoloss.evaluation import held, readers
from taxoloss.evaluation.documents import open_document
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.request import Request
from taxoloss.evaluation.tables import SampleTable

TREE = "levels: [g, s]\ntree:\n  A: [a, b]\n  B: [c, d]\n"
MANY = settings(CALM, max_examples=examples(200))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files stand in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TREE)
    return tmp_path


LONG = ["--id", "id", "--prediction", "class", "--score", "n"]
ROWS = [line.split() for line in (
    "1 a 9 a", "2 b 9 b", "1 b 1 a", "1 c 2 a", "1 d 0 a", "2 a 1 b", "2 c 3 b", "2 d 3 b",
)]  # fmt: skip


def long(changed: dict[tuple[int, int], str], kept: int = len(ROWS)) -> str:
    """A row for each class, some cells another, the last rows left out."""
    rows = [list(row) for row in ROWS[:kept]]
    for (row, column), cell in changed.items():
        rows[row][column] = cell
    write_rows(Path("p.csv"), ["id", "class", "n", "target"], rows)
    return "p.csv"


LONG_FAULTS: dict[str, tuple[dict[tuple[int, int], str], int, list[str], list[str]]] = {
    "a class twice": ({(2, 1): "a"}, 8, [], ["`1`", "`a` in row 1 (line 2) and `a` in row 3 (line 4)"]),
    "by two names": ({(2, 1): "A/a"}, 8, [], ["`1`", "`a` in row 1 (line 2) and `A/a` in row 3 (line 4)"]),
    "two truths": ({(3, 3): "b"}, 8, [], ["`1`", "`a` in row 1 (line 2) and `b` in row 4 (line 5)"]),
    "no number": ({(3, 2): "x"}, 8, [], ["column 'n': expected a number in row 4 (line 5), got 'x'"]),
    "NaN": ({(3, 2): "nan"}, 8, [], ["column 'n': expected a number in row 4 (line 5), got 'nan'"]),
    "an empty id": ({(3, 0): ""}, 8, [], ["row 4 (line 5): expected the name of a sample in `id`"]),
    "no whole matrix": ({}, 7, ["--values", "logits"], ["--values logits", "`2` lacks `B/d`", "rankings"]),
    "no probabilities": ({}, 8, ["--values", "probs"], ["sample `1` (from row 1 (line 2))", "sum to 1"]),
    "infinite": ({(3, 2): "inf"}, 8, [], ["sample `1`", "column 'c'", "a finite number or -inf, got inf"]),
    "two columns": ({}, 8, ["--prediction", "class,n"], ["one column of classes", "class, n"]),
    "no truth": ({(0, 3): "", (2, 3): "", (3, 3): "", (4, 3): ""}, 8, [], ["sample `1`", "got none"]),
}


@pytest.mark.parametrize("name", LONG_FAULTS)
def test_rows_for_each_class_that_cannot_be_gathered(name: str) -> None:
    """The sample, the rows, and what stands there."""
    changed, kept, options, words = LONG_FAULTS[name]
    refused(run("t.yaml", long(changed, kept), *LONG, *options, "--draws", 2), "p.csv: ", *words)


def test_probabilities_in_rows_have_to_be_called_so() -> None:
    """As in a matrix."""
    path = long({(row, 2): "0.25" for row in range(8)})
    refused(run("t.yaml", path, *LONG, "--draws", 2), "can mean two things", "--values probs")


def test_unknown_classes_in_rows_are_listed() -> None:
    """Each with its rows; --unknown drop leaves their samples out, and tells."""
    path = long({(3, 1): "cc", (2, 1): "Ab"})
    done = run("t.yaml", path, *LONG, "--draws", 2)
    assert (done.exit_code, done.stdout) == (1, "")
    for words in ("2 names are no node", "`cc`: 1 row, first in row 4 (line 5)", "`Ab`"):
        assert words in done.stderr
    assert run("t.yaml", path, *LONG, "--unknown", "wrong", "--draws", 2).exit_code == 1
    done = run("t.yaml", path, *LONG, "--unknown", "drop", "--draws", 2, "--json")
    assert json.loads(done.stdout)["rows"] == json.loads(done.stdout)["rows_left_out"] == 1
    assert "1 row left out" in done.stderr


def test_rows_of_one_sample_have_two_readings() -> None:
    """Without --score neither is taken, of names as of numbers."""
    words = ["call the sample `1`", "row 1 (line 2) and row 3 (line 4)", "--score NAME", "--group id"]
    refused(run("t.yaml", long({}), "--id", "id", "--prediction", "class", "--draws", 2), *words)
    write_rows(Path("w.csv"), ["id", "target", *"abcd"], [[i, "a", 9, 0, 0, 0] for i in (1, 2, 1)])
    refused(run("t.yaml", "w.csv", "--id", "id", "--draws", 2), *words)
    assert run("t.yaml", "w.csv", "--group", "id", "--draws", 2).exit_code == 0


def test_equal_numbers_and_whole_samples_in_a_ranking_are_told() -> None:
    """The first of the file goes first."""
    done = run("t.yaml", long({(2, 2): "9"}, 7), *LONG, "--draws", 2, "--json")
    assert scores(done)["accuracy/s"] == 1
    assert "1 sample with equal numbers: ranked in the order of the file" in done.stderr
    assert "1 sample with a number for each class: read as rankings too" in done.stderr
    assert "rankings of 3 names in 'class'" in done.stderr.replace("`", "'")


# -- truth in another file -------------------------------------------------------------------------

TRUTHS: dict[str, tuple[list[list[str]], list[str], list[str]]] = {
    "missing": (
        [["1", "a"], ["8", "b"]],
        [],
        [
            "p.csv: 4 samples have no truth in y.csv: `2`, `3`, `4` and 1 more",
            "--unknown drop leaves them out",
        ],
    ),
    "all missing": ([["8", "b"]], ["--unknown", "drop"], ["5 samples have no truth", "no sample is left"]),
    "folders": (
        [[f"x/{n}", "a"] for n in range(1, 6)],
        [],
        ["5 differ in their folders alone (`1` here, `x/1` there)"],
    ),
    "two truths": (
        [["1", "a"], ["1", "b"]],
        [],
        ["y.csv: expected one truth of `1`", "row 1 (line 2)", "row 2 (line 3)"],
    ),
    "no name": ([["", "a"]], [], ["y.csv: row 1 (line 2): expected a name in `id`"]),
    "no row": ([], [], ["y.csv: expected a row or more, got none"]),
}


@pytest.mark.parametrize("form", ["names", "numbers"])
@pytest.mark.parametrize("name", TRUTHS)
def test_truths_that_do_not_fit(name: str, form: str) -> None:
    """Which samples, and in which file."""
    rows, options, words = TRUTHS[name]
    _predictions(form)
    write_rows(Path("y.csv"), ["id", "target"], rows)
    refused(run("t.yaml", "p.csv", "--id", "id", "--targets", "y.csv", *options, "--draws", 2), *words)


def _predictions(form: str, monkeypatch: pytest.MonkeyPatch | None = None) -> str:
    """Five samples that are answered with a, b, c, d, a; numbers are read two rows at once."""
    numbers = [[9 * (name == other) for other in "abcd"] for name in "abcda"]
    if form == "names":
        return str(write_rows(Path("p.csv"), ["id", "prediction"], zip("12345", "abcda", strict=True)))
    if monkeypatch is not None:
        monkeypatch.setattr(readers, "BLOCK", 10)
        monkeypatch.setattr(held, "BLOCK", 10)
    if form == "numbers":
        rows = ([i, *row] for i, row in zip("12345", numbers, strict=True))
        return str(write_rows(Path("p.csv"), ["id", *"abcd"], rows))
    records = [
        {"id": i, "logits": dict(zip("abcd", r, strict=True))}
        for i, r in zip("12345", numbers, strict=True)
    ]
    return str(write_json(Path("p.json"), records))


@pytest.mark.parametrize("form", ["names", "numbers", "records"])
def test_samples_without_truth_are_left_out_where_that_is_said(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts and examples of both sides; rows of --rows are those of the file."""
    path = _predictions(form, monkeypatch)
    truths = [["9", "a"], ["5", "a"], ["2", "b"], ["4", "zz"], ["2", "b"]]
    write_rows(Path("y.csv"), ["id", "target"], truths)
    said = [
        "--id",
        "id",
        "--targets",
        "y.csv",
        "--unknown",
        "drop",
        "--rows",
        "r.csv",
        "--draws",
        2,
        "--json",
    ]
    done = run("t.yaml", path, *said)
    assert scores(done)["accuracy/s"] == 1
    assert "left out: 2 samples have no truth in y.csv: `1`, `3`" in done.stderr
    assert "1 truth of y.csv has no prediction: `9`" in done.stderr
    assert "y.csv: 1 row left out: unknown in `target`: `zz` 1" in done.stderr
    found = json.loads(done.stdout)
    assert (found["rows"], found["rows_left_out"]) == (2, 3)
    assert [line.split(",")[:4] for line in Path("r.csv").read_text().splitlines()[1:]] == [
        ["2", "2", "", "A/b"],
        ["5", "5", "", "A/a"],
    ]


def test_rows_that_are_left_out_do_not_shift_those_that_calibrate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second of the rows that are kept, as in a file of these alone."""
    monkeypatch.setattr(readers, "BLOCK", 15)  # three rows at once
    draw = np.random.default_rng(0)
    rows = [[str(i), "abcd"[i % 4], *draw.normal(0, 1, 4).tolist()] for i in range(200)]
    for row in rows:
        row[2 + "abcd".index(str(row[1]))] += 3
    kept = [row for row in rows if draw.random() < 0.7]
    write_rows(Path("all.csv"), ["id", *"abcd"], ([row[0], *row[2:]] for row in rows))
    write_rows(Path("kept.csv"), ["target", *"abcd"], (row[1:] for row in kept))
    write_rows(Path("y.csv"), ["id", "target"], (row[:2] for row in kept))
    said = ["--decision", "climb", "--risk", 0.2, "--json", "--draws", 2]
    joined = ["--id", "id", "--targets", "y.csv", "--unknown", "drop"]
    one, two = (
        json.loads(run("t.yaml", *options, *said).stdout)
        for options in (["all.csv", *joined], ["kept.csv"])
    )
    assert one["calibration_rows"] == two["calibration_rows"] == (len(kept) + 1) // 2
    assert one["threshold"] == two["threshold"]
    assert one["metrics"] == two["metrics"]


def test_what_the_truth_may_not_be_joined_to() -> None:
    """No column of names, two truths, an unknown option, unknown names."""
    _predictions("numbers")
    write_rows(Path("y.csv"), ["id", "target"], zip("12345", "abcda", strict=True))
    refused(run("t.yaml", "p.csv", "--targets", "y.csv"), "y.csv: expected --id NAME")
    refused(
        run("t.yaml", "p.npz", "--targets", "y.csv", "--id", "id"),
        "the truth of an .npz is its array targets",
    )
    said = ["--id", "id", "--targets", "y.csv"]
    refused(run("t.yaml", "p.csv", *said, "--target", "truth"), "y.csv: expected one column 'truth'")
    refused(run("t.yaml", "p.csv", *said, "--unknown", "wrong"), "--unknown wrong goes with --prediction")
    # The answers may be called as the truth is: each file has one of the two.
    done = run("t.yaml", "y.csv", "--prediction", "target", *said, "--draws", 2, "--json")
    assert scores(done)["accuracy/s"] == 1
    both = "`target` is in this file and in y.csv"
    Path("p.jsonl").write_text(PROBS)
    refused(run("t.yaml", "p.jsonl", *said), both)
    refused(run("t.yaml", long({}), *LONG, "--targets", "y.csv"), both)
    write_rows(Path("p.csv"), ["id", "target", *"abcd"], [["1", "a", 9, 0, 0, 0]])
    refused(run("t.yaml", "p.csv", *said), both)
    _predictions("numbers")
    write_rows(Path("y.csv"), ["id", "target"], zip("12345", ["a", "b", "c", "d", "aa"], strict=True))
    done = run("t.yaml", "p.csv", *said)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "y.csv: column 'target': 1 name is no node" in done.stderr
    Path("y.json").write_text('{"1": "a"}')
    refused(
        run("t.yaml", "p.csv", "--id", "id", "--targets", "y.json"), "y.json: expected a list of records"
    )


# -- JSON ------------------------------------------------------------------------------------------

PROBS = '{"id": 1, "target": "a", "probs": {"a": 1, "b": 0, "c": 0, "d": 0}}\n'
JSON_FAULTS: dict[str, tuple[str, str, list[str]]] = {
    "a key twice": ("p.jsonl", PROBS + '{"id": 1, "id": 2}\n', ["line 2: the key `id` stands twice"]),
    "NaN": (
        "p.jsonl",
        PROBS.replace("1,", "NaN,").replace("NaN", "1", 1),
        ["`a` under `probs`", "got NaN"],
    ),
    "NaN in a column": (
        "p.jsonl",
        '{"target": NaN, "prediction": "a"}',
        ["row 1 (line 1), key `target`: NaN"],
    ),
    "over two lines": ("p.jsonl", '{"target":\n "a"}\n', ["line 1: expected one whole JSON value a line"]),
    "two on a line": ("p.ndjson", "{} {}\n", ["line 1: expected one whole JSON value a line"]),
    "a comma too many": (
        "p.json",
        '[{"target": "a"},\n {"target": "b",}]',
        ["line 2, column 17: no JSON: got `}]`"],
    ),
    "cut off": ("p.json", '[{"target": "a"},\n', ["line 2, column 1: no JSON: got the end of the file"]),
    "a record a line": ("p.json", "{}\n{}", ["line 2, column 1: no JSON", "is called .jsonl"]),
    "more behind": ("p.json", "[{}]\n x", ["line 2, column 2: no JSON: got `x`"]),
    "nothing": ("p.json", "", ["line 1, column 1: no JSON: got the end of the file"]),
    "no line": ("p.jsonl", "\n\n", ["expected a record or more, got none"]),
    "numbers": ("p.json", "[{},\n 2]", ["row 2 (line 2): expected a record {...}, got the number 2"]),
    "a text": ("p.json", '"a"', ["expected a list of records, got the text `a`"]),
    "columns": ("p.json", '{"id": {"0": 1}}', ["expected a list of records", "got an object with `id`"]),
    "too deep": ("p.json", "[" * 100_000, ["too deep"]),
    "a class lacks": (
        "p.jsonl",
        PROBS + '{"id": 2, "target": "a", "probs": {"a": 1, "b": 0, "c": 0}}',
        ["row 2 (line 2) has no number for `d` under `probs`"],
    ),
    "a class more": (
        "p.jsonl",
        PROBS.replace(', "d": 0', "") + PROBS,
        ["row 1 (line 1) has no number for `d`"],
    ),
    "no mapping": (
        "p.jsonl",
        PROBS + '{"id": 2, "probs": [1, 0, 0, 0]}',
        ["row 2 (line 2), key `probs`", "a list"],
    ),
    "none": ("p.jsonl", '{"target": "a"}\n' + PROBS, ["row 1 (line 1), key `probs`", "got null"]),
    "a text as number": (
        "p.jsonl",
        PROBS.replace('"a": 1', '"a": "1"'),
        ["`a` under `probs`", "the text `1`"],
    ),
    "two kinds": ("p.jsonl", PROBS.replace('"id": 1', '"logits": [1]'), ["got logits and probs"]),
    "scores": ("p.jsonl", PROBS.replace("probs", "scores"), ["`scores` says not what", "--values"]),
    "a longer list": (
        "p.jsonl",
        '{"target": "a", "probs": [1, 0]}\n{"target": "a", "probs": [1]}',
        ["row 2 (line 2)", "a list of 2 numbers, as in row 1, got 1"],
    ),
    "a list without names": (
        "p.jsonl",
        '{"target": "a", "probs": [1, 0, 0, 0]}',
        ["--classes FILE", "--file-order"],
    ),
    "an object as truth": (
        "p.jsonl",
        '{"target": {"a": 1}, "prediction": "a"}',
        ["expected text in `target`, got an object in row 1 (line 1)"],
    ),
    "true as truth": (
        "p.jsonl",
        '{"target": true, "prediction": "a"}',
        ["expected text in `target`, got true"],
    ),
    "a list as truth": (
        "p.jsonl",
        '{"target": ["a"], "prediction": "a"}',
        ["expected text in `target`, got lists"],
    ),
    "no sum": ("p.jsonl", PROBS.replace('"b": 0', '"b": 1'), ["row 1 (line 1)", "sum to 1, got 2"]),
    "a gap": (
        "p.jsonl",
        '{"target": "a", "prediction": ["a", "", "b"]}',
        ["without a gap", "row 1 (line 1)"],
    ),
}


@pytest.mark.parametrize("name", JSON_FAULTS)
def test_json_that_holds_no_predictions(name: str) -> None:
    """One line with the line of the file."""
    file, text, words = JSON_FAULTS[name]
    Path(file).write_text(text)
    refused(run("t.yaml", file, "--draws", 2), f"{file}: ", *words)


def test_values_are_what_the_key_says() -> None:
    """Another option is refused; `scores` takes any."""
    Path("p.jsonl").write_text(PROBS)
    refused(run("t.yaml", "p.jsonl", "--values", "logits"), "expected --values probs, as its key says")
    Path("p.jsonl").write_text(PROBS.replace("probs", "scores"))
    assert scores(run("t.yaml", "p.jsonl", "--values", "probs", "--json", "--draws", 2))["accuracy/s"] == 1
    Path("p.jsonl").write_text(PROBS.replace("probs", "logits").replace("0}", "-Infinity}"))
    assert scores(run("t.yaml", "p.jsonl", "--json", "--draws", 2))["accuracy/s"] == 1


def _table_of(path: Path) -> tuple[SampleTable | None, str]:
    """The table of a document, or what is said of it."""
    try:
        return open_document(path, Request(values="logits")), ""
    except (PredictionError, TaxonomyError) as error:
        return None, str(error)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(10**30), 10**30) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "probs", "x"]), inner)
    ),
    max_leaves=8,
)


@given(
    values=st.lists(VALUES, max_size=4),
    lines=st.booleans(),
    spoil=st.none() | st.tuples(st.floats(0, 1), st.text(max_size=2)),
)
@MANY
def test_any_json_is_a_table_or_an_error(
    values: list[Any],
    lines: bool,
    spoil: tuple[float, str] | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Texts and numbers of records stand in the table as in the file; nothing else ever comes out."""
    path = tmp_path_factory.getbasetemp() / ("any.jsonl" if lines else "any.json")
    write_json(path, values)
    if spoil is not None:
        text = path.read_text(encoding="utf-8")
        at = int(spoil[0] * len(text))
        path.write_text(text[:at] + spoil[1] + text[at:], encoding="utf-8", errors="replace")
    table, said = _table_of(path)
    if table is None:
        assert str(path) in said
        return
    if spoil is not None:
        return
    for key, column in table.columns.items():
        for record, cell in zip(values, column, strict=True):
            meant = record.get(key)
            if isinstance(meant, str) or meant is None:
                assert cell == (meant or "").strip()
            else:
                assert float(cell) == meant  # which NaN is not


def test_integers_are_no_ids_where_classes_have_no_order() -> None:
    """Keys of JSON and rows of classes stand in none, unless an option says it."""
    forms = {
        "m.jsonl": ('{"target": 1, "probs": {"b": 1, "a": 0, "c": 0, "d": 0}}', []),
        "k.jsonl": ('{"target": 1, "b": 9, "a": 0, "c": 0, "d": 0}', []),
        "l.csv": ("id,target,class,n\nx,1,b,9\nx,1,a,0\nx,1,d,0\nx,1,c,0\n", LONG),
    }
    for file, (text, options) in forms.items():
        Path(file).write_text(text)
        refused(run("t.yaml", file, *options, "--draws", 2), "--classes FILE or --file-order")
    done = run("t.yaml", "l.csv", *LONG, "--file-order", "--json", "--draws", 2)
    assert scores(done)["accuracy/s"] == 1
    write_rows(Path("y.csv"), ["id", "truth"], [["x", "1"]])
    joined = ["--targets", "y.csv", "--target", "truth", "--id", "id"]
    Path("m.jsonl").write_text(forms["m.jsonl"][0].replace("target", "id").replace("1", '"x"', 1))
    refused(run("t.yaml", "m.jsonl", *joined, "--draws", 2), "y.csv: column 'truth'", "--file-order")
    write_rows(Path("w.csv"), ["id", *"bacd"], [["x", 0, 9, 0, 0]])
    assert scores(run("t.yaml", "w.csv", *joined, "--json", "--draws", 2))["accuracy/s"] == 1


# -- workbooks -------------------------------------------------------------------------------------


def test_a_workbook_of_two_sheets(tmp_path: Path) -> None:
    """It is not guessed which is meant."""
    sheet = [["target", *"abcd"], ["a", 9.0, 0.0, 0.0, 0.0]]
    write_workbook(Path("p.xlsx"), {"one": sheet, "two": sheet})
    done = run("t.yaml", "p.xlsx", "--draws", 2)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "2 sheets" in done.stderr
    Path("p.xlsx").write_bytes(b"no workbook")
    done = run("t.yaml", "p.xlsx", "--draws", 2)
    assert (done.exit_code, done.stdout) == (1, "")
    write_workbook(Path("p.xlsx"), {"one": [["target", *"abcd"], ["a", "x", 0.0, 0.0, 0.0]]})
    refused(run("t.yaml", "p.xlsx", "--draws", 2), "row 1 (line 2), column 'a': expected a number, got 'x'")
