"""Numbers that may be logits or probabilities, and what stands beside them, are never read by a guess."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from evaluate_command import refused, run, scores
from hypothesis import given
from hypothesis import strategies as st

from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.readers import open_predictions

CLASSES = ["pug", "Bengal", "beagle", "Sphynx"]
LONG = ["--id", "id", "--prediction", "class", "--score", "score", "--target", "target"]
PROBS = np.array([[0.5, 0.12, 0.3, 0.08], [0.2, 0.4, 0.15, 0.25], [0.11, 0.09, 0.2, 0.6]])
TRUTH = ["pug", "Sphynx", "Sphynx"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tree."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(
        "levels: [species, breed]\ntree:\n  cat: [Bengal, Sphynx]\n  dog: [beagle, pug]\n"
    )
    return tmp_path


def matrix(values: Any, name: str = "p.csv") -> str:
    """A row for each sample."""
    rows = [",".join([truth, *map(str, row)]) for truth, row in zip(TRUTH, values, strict=True)]
    Path(name).write_text("\n".join([",".join(["target", *CLASSES]), *rows]) + "\n")
    return name


def long(values: Any, more: dict[str, list[float]] | None = None) -> str:
    """A row for each sample and class, and for what is no class."""
    rows = [
        f"{sample},{name},{value},{TRUTH[sample]}"
        for sample, row in enumerate(values)
        for name, value in [
            *zip(CLASSES, row, strict=True),
            *((k, v[sample]) for k, v in (more or {}).items()),
        ]
    ]
    Path("p.csv").write_text("\n".join(["id,class,score,target", *rows]) + "\n")
    return "p.csv"


def evaluated(*options: Any) -> Any:
    """The command on the tree of this file."""
    return run("t.yaml", *options, "--draws", 2, "--json")


FAILED = np.vstack([np.zeros((1, 4)), PROBS[1:]])
MISLEADING = {
    "probabilities": (PROBS, "probabilities"),
    "a class is missing": (PROBS * 0.97, "probabilities"),
    "a row failed": (FAILED, "probabilities"),
    "a row failed with -1": (np.vstack([-np.ones((1, 4)), PROBS[1:]]), "probabilities"),
    "sigmoid outputs": (np.array([[0.9, 0.8, 0.7, 0.1]] * 3), "probabilities"),
    "one-hot": (np.eye(4)[:3], "probabilities"),
    "percentages": (100 * PROBS, "percentages"),
    "rounded percentages": (np.round(100 * PROBS * 0.995, 1), "percentages"),
    "a row of percentages failed": (100 * FAILED, "percentages"),
}


@pytest.mark.parametrize("form", ["matrix", "long", "json", "npz", "parquet"])
@pytest.mark.parametrize("name", MISLEADING)
def test_two_readings_are_shown(name: str, form: str) -> None:
    """Without a word neither reading is taken; with it logits are what was said."""
    values, called = MISLEADING[name]
    path, options, probs = "p.csv", [], "say --values probs"
    if form == "long":
        options = LONG
        long(values)
    elif form == "json":
        path, probs = "p.json", "call the key probs"
        cells = [dict(zip(CLASSES, row, strict=True)) for row in values.tolist()]
        records = [{"target": t, "logits": row} for t, row in zip(TRUTH, cells, strict=True)]
        Path(path).write_text(json.dumps(records))
    elif form == "npz":
        path, probs = "p.npz", "call the array probs"
        np.savez(path, logits=values, targets=np.array(TRUTH), classes=np.array(CLASSES))
    elif form == "parquet":
        path = "p.parquet"
        polars = pytest.importorskip("polars")
        columns = dict(zip(CLASSES, values.T, strict=True))
        polars.DataFrame({"target": TRUTH, **columns}).write_parquet(path)
    else:
        matrix(values)
    refused(evaluated(path, *options), "can mean two things", called, probs, "say --values logits")
    said = scores(evaluated(path, *options, "--values", "logits"))
    order = [1, 3, 2, 0] if form == "long" else [0, 1, 2, 3]  # that of the tree: equal numbers go by it
    classes = np.array(CLASSES)[order]
    np.savez("q.npz", logits=values[:, order] - 200, targets=np.array(TRUTH), classes=classes)
    assert said == pytest.approx(scores(evaluated("q.npz")), nan_ok=True)  # of the same softmax


def test_percentages_called_probabilities_are_divided_by_100() -> None:
    """The advice is no word that makes logits of them."""
    done = evaluated(matrix(100 * PROBS), "--values", "probs")
    refused(done, "sum to 1, got 100", "divide them by 100")
    assert "logits" not in done.stderr
    assert scores(evaluated(matrix(PROBS), "--values", "probs"))["accuracy/breed"] == pytest.approx(2 / 3)


def test_numbers_of_a_migration_are_looked_at_before_they_become_others() -> None:
    """The old file's, and not the new log-probabilities."""
    Path("old.yaml").write_text(Path("t.yaml").read_text().replace("pug", "mops"))
    from typer.testing import CliRunner

    from taxoloss.cli import app

    words = ["diff", "old.yaml", "t.yaml", "--rename", "mops=pug", "--map", "m.json"]
    assert CliRunner().invoke(app, words).exit_code == 0
    path = Path(matrix(100 * PROBS))
    path.write_text(path.read_text().replace("pug", "mops"))
    refused(evaluated(path, "--migration", "m.json"), "can mean two things", "percentages")
    path = Path(matrix(PROBS))
    path.write_text(path.read_text().replace("pug", "mops"))
    found = scores(evaluated(path, "--migration", "m.json", "--values", "probs"))
    assert found == pytest.approx(scores(evaluated(matrix(PROBS), "--values", "probs")), nan_ok=True)


@given(st.lists(st.lists(st.floats(-9, 9), min_size=3, max_size=3), min_size=1, max_size=6))
def test_only_what_may_be_probabilities_is_refused(rows: list[list[float]]) -> None:
    """Where a row has a negative number, and most have, a file is read as logits without a word."""
    rows = [[-1 - abs(row[0]), *row[1:]] for row in rows]
    text = "\n".join(["target,a,b,c", *(",".join(["a", *map(repr, row)]) for row in rows)])
    path = Path("h.csv")
    path.write_text(text)
    (block,) = open_predictions(path).blocks()
    assert block.values.tolist() == rows
    path.write_text("\n".join(["target,a,b,c", *("a,0.5,0.25,0.125" for _ in rows)]))
    with pytest.raises(PredictionError, match="can mean two things"):
        list(open_predictions(path).blocks())


# -- a number for what is no class -----------------------------------------------------------------


def names(rows: list[tuple[str, str]]) -> str:
    """A table of the truth and of the best name."""
    Path("n.csv").write_text("\n".join(["target,class", *map(",".join, rows)]) + "\n")
    return "n.csv"


@pytest.mark.parametrize("unknown", ["drop", "wrong"])
def test_a_number_for_no_class_is_an_answer(unknown: str) -> None:
    """As in a table of the best name of each sample; the classes do not share what it got."""
    path = long(PROBS - 5, {"blank": [-9, 9, -9]})
    done = evaluated(path, *LONG, "--unknown", unknown)
    best = names([("pug", "pug"), ("Sphynx", "blank"), ("Sphynx", "Sphynx")])
    assert scores(done) == scores(evaluated(best, "--prediction", "class", "--unknown", unknown))
    assert "`blank`" in done.stderr
    assert "alone is scored" in done.stderr


@pytest.mark.parametrize("kind", ["logits", "probs"])
def test_a_number_for_no_class_is_no_number_of_a_distribution(kind: str) -> None:
    """Where numbers of the classes were said."""
    path = long(PROBS, {"blank": [0, 0.9, 0]})
    done = evaluated(path, *LONG, "--unknown", "drop", "--values", kind)
    refused(done, f"--values {kind} needs numbers of classes alone", "`blank`")


@pytest.mark.parametrize("unknown", ["drop", "wrong"])
def test_unknown_says_nothing_of_numbers(unknown: str) -> None:
    """And the message does not ask for an option that was given."""
    done = evaluated(long(PROBS), *LONG, "--values", "probs", "--unknown", unknown)
    refused(done, f"--unknown {unknown} speaks of names", "a number for each class")


# -- forms of tables -------------------------------------------------------------------------------


def test_decimal_commas_in_quotes_are_read_in_a_table_cut_at_commas() -> None:
    """The same numbers as with points; a cell with both marks is refused where it stands."""
    logits = np.log(PROBS).round(3)
    expected = scores(evaluated(matrix(logits)))
    text = Path("p.csv").read_text()
    head, *lines = text.splitlines()
    cells = [line.split(",") for line in lines]
    quoted = [",".join([row[0], *(f'"{cell}"' for cell in row[1:])]).replace(".", ",") for row in cells]
    Path("q.csv").write_text("\n".join([head, *quoted]))
    assert scores(evaluated("q.csv", "--decimal", ",")) == expected
    refused(evaluated("p.csv", "--decimal", ","), "row 1 (line 2), column 'pug'", "a decimal comma")
    Path("q.csv").write_text("\n".join([head, quoted[0].replace('"-0,', '"-1.0,', 1)]))
    refused(evaluated("q.csv", "--decimal", ","), "column 'pug'", "no other mark")


def test_lists_in_parquet() -> None:
    """Lists of names are rankings as in JSON; of another list the column is named, or it is not used."""
    polars = pytest.importorskip("polars")
    lists = [["beagle", "pug"], ["Sphynx", "pug"], ["Bengal", "Sphynx"]]
    columns = {"target": TRUTH, "ranking": lists, "box": [[0.0, 1.0]] * 3}
    polars.DataFrame(columns).write_parquet("p.parquet")
    records = [{"target": t, "ranking": row} for t, row in zip(TRUTH, lists, strict=True)]
    Path("p.json").write_text(json.dumps(records))
    found = scores(evaluated("p.parquet", "--prediction", "ranking"))
    assert found == scores(evaluated("p.json", "--prediction", "ranking"))
    assert found["top_2_accuracy/breed"] == 1
    refused(evaluated("p.parquet", "--prediction", "box"), "expected text in `box`, got List(Float64)")


RANKED = [["beagle", "pug"], ["Sphynx", "pug"], ["Bengal", "Sphynx", "pug"]]


def records(make: Any, *, flip: bool = False) -> str:
    """Records with the rankings above, which `make` writes of names and their scores."""
    rows = []
    for truth, names in zip(TRUTH, RANKED, strict=True):
        pairs = [(name, 0.5 / (place + 1)) for place, name in enumerate(names)]
        rows.append({"target": truth, **make(pairs[::-1] if flip else pairs)})
    Path("p.json").write_text(json.dumps(rows))
    return "p.json"


def side_by_side(pairs: Any) -> dict[str, Any]:
    """As zero-shot pipelines write them."""
    return {"labels": [name for name, _ in pairs], "scores": [score for _, score in pairs]}


def together(pairs: Any) -> dict[str, Any]:
    """As pipelines of classification write them."""
    return {"labels": [{"score": score, "label": name} for name, score in pairs]}


def test_scores_beside_names_rank_them() -> None:
    """Scores in the order of the names change nothing; in another they rank, once that is said."""
    alone = records(lambda pairs: {"labels": [name for name, _ in pairs]})
    expected = scores(evaluated(alone, "--prediction", "labels"))
    assert scores(evaluated(records(side_by_side), "--prediction", "labels")) == expected
    assert scores(evaluated(records(together), "--prediction", "labels")) == expected
    assert scores(evaluated(records(together, flip=True), "--prediction", "labels")) == expected
    path = records(side_by_side, flip=True)
    refused(evaluated(path, "--prediction", "labels"), "row 1 (line 1)", "two orders", "`pug`", "`beagle`")
    assert scores(evaluated(path, "--prediction", "labels", "--score", "scores")) == expected


def test_each_name_has_a_score() -> None:
    """A list that is shorter in one row."""
    path = Path(records(side_by_side))
    path.write_text(path.read_text().replace("[0.5, 0.25]", "[0.5]", 1))
    refused(evaluated(path, "--prediction", "labels"), "row 1", "2 names in `labels` and 1 scores")


def test_a_list_a_sample_names_no_sample() -> None:
    """What a pipeline prints of several images."""
    Path("p.json").write_text(json.dumps([[{"label": "pug", "score": 0.9}]]))
    refused(evaluated("p.json", "--prediction", "label"), "expected a record", "got a list", "--id")


# -- names of columns ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".json"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_columns_are_named_in_either_normal_form(suffix: str, written: Literal["NFC", "NFD"]) -> None:
    """A letter with an accent is one character or two: no eye tells them apart."""
    truth, answer = unicodedata.normalize(written, "vérité"), unicodedata.normalize(written, "réponse")
    columns = {truth: TRUTH, answer: ["pug", "Bengal", "Sphynx"]}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path = Path("p" + suffix)
    if suffix == ".parquet":
        pytest.importorskip("polars").DataFrame(columns).write_parquet(path)
    elif suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        mark = "," if suffix == ".csv" else "\t"
        path.write_text("\n".join(map(mark.join, [columns, *(row.values() for row in rows)])), "utf-8")
    for form in ("NFC", "NFD"):
        words = [unicodedata.normalize(form, word) for word in ("vérité", "réponse")]
        found = scores(evaluated(path, "--target", words[0], "--prediction", words[1]))
        assert found["accuracy/breed"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_of_numbers_are_named_in_either_normal_form(suffix: str) -> None:
    """Of the truth, in a matrix."""
    truth = unicodedata.normalize("NFD", "vérité")
    path = Path("p" + suffix)
    if suffix == ".csv":
        path.write_text(Path(matrix(PROBS)).read_text().replace("target", truth), "utf-8")
    else:
        columns = dict(zip(CLASSES, PROBS.T, strict=True))
        pytest.importorskip("polars").DataFrame({truth: TRUTH, **columns}).write_parquet(path)
    said = unicodedata.normalize("NFC", truth)
    found = scores(evaluated(path, "--target", said, "--values", "probs"))
    assert found["accuracy/breed"] == pytest.approx(2 / 3)


def test_a_space_that_does_not_break_is_seen() -> None:
    """In a message about a name."""
    path = names([("pug", "pug"), ("pug", "bea\u00a0gle"), ("pug", "pug")])
    done = evaluated(path, "--prediction", "class")
    assert done.exit_code == 1
    assert r"`bea\xa0gle`" in done.stderr


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_for_excel_is_no_row(mark: str, end: str) -> None:
    """Of names and of numbers: it is told, and the lines of the others stay what they are."""
    best = names([("pug", "pug"), ("Sphynx", "Bengal"), ("pug", "no dog")])
    for path, options in ((best, ["--prediction", "class", "--unknown", "wrong"]), (matrix(PROBS), [])):
        options += ["--values", "probs"] * (not options)
        expected = scores(evaluated(path, *options))
        lines = [f"sep={mark}", *Path(path).read_text().replace(",", mark).splitlines()]
        Path("excel.csv").write_text("".join(line + end for line in lines), newline="")
        done = evaluated("excel.csv", *options)
        assert scores(done) == expected
        assert "line 1 is no row" in done.stderr
        wrong = "".join(line + end for line in [*lines[:2], lines[2].replace("pug", "odd"), *lines[3:]])
        Path("excel.csv").write_text(wrong, newline="")
        done = evaluated("excel.csv", *options)
        assert done.exit_code == 1
        assert "row 1 (line 3)" in done.stderr


@pytest.mark.parametrize("form", ["names", "matrix", "long"])
def test_groups_stand_in_one_file(form: str) -> None:
    """As the truth: two columns of them are two readings."""
    Path("truth.csv").write_text("id,truth,cam\n" + "".join(f"{n},{t},a{n}\n" for n, t in enumerate(TRUTH)))
    options = ["--targets", "truth.csv", "--id", "id", "--target", "truth", "--group", "cam"]
    if form == "names":
        rows = ["id,class,cam", *(f"{n},pug,b{n}" for n in range(3))]
        options += ["--prediction", "class"]
    elif form == "matrix":
        values = (",".join(map(str, row)) for row in PROBS)
        rows = [f"id,{','.join(CLASSES)},cam", *(f"{n},{row},b{n}" for n, row in enumerate(values))]
        options += ["--values", "probs"]
    else:
        lines = Path(long(PROBS)).read_text().replace("target", "cam").splitlines()
        rows, options = lines, [*options, *LONG[:-2], "--values", "probs"]
    Path("p.csv").write_text("\n".join(rows) + "\n")
    refused(evaluated("p.csv", *options), "`cam` of --group", "truth.csv")
    Path("p.csv").write_text("\n".join([rows[0].replace("cam", "camera"), *rows[1:]]) + "\n")
    assert evaluated("p.csv", *options).exit_code == 0
