"""Tables of predictions in any style: the numbers that are meant or an error, and never others."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluate_command import CLASSES, data, files, names, refused, run, scores, write_text
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from prediction_tables import NAMES, Table, ours, strictly, tables
from typer.testing import CliRunner

from taxoloss.cli import app
from taxoloss.evaluation import readers as prediction_readers

TREE = "levels: [g, s]\ntree:\n  A: [a, b]\n  B: [c, d]\n"
HEADER = "target,a,b,c,d\n"
ROWS = "a,5.1,0.2,0.3,0.4\nb,0.1,7.2,0.3,0.4\n"
QUICK = settings(CALM, max_examples=examples(200))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the tables are written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction_readers, "BLOCK", 12)  # some rows a block
        yield tmp_path_factory.mktemp("tables")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a small tree, in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TREE)
    return Path("t.yaml")


def write(table: Table, folder: Path, text: str) -> Path:
    path = folder / f"table{table.suffix}"
    path.write_bytes(text.encode())
    return path


@given(table=tables())
@QUICK
def test_every_style_is_read_as_it_is_meant(table: Table, folder: Path) -> None:
    """Separators, quotes, line ends, marks at the head and blank lines at the end change no number."""
    path = write(table, folder, table.text())
    found = ours(path)
    meant = [[float(cell) for cell in row] for row in table.numbers]
    assert found == (meant, list(table.targets))


SPOILT = st.sampled_from(
    ["5,1", "1,234.5", "1.234,5", "1_000", "1e3", " 5 ", "0x10", "\u0661", "", " ", "\t5", "5\t", "5\n",
     "5\r\n6", "5\u00a0", "\u20095", "\x0b5", "5\x1c", "5\x00", "\ufeff5", '5"', '"5', '"', '5""1', "1 000",
     "1'000", "--5", "+5", "5.", ".5", ".", "1e", "e5", "\u00b2", "nan", "-NaN", "inf", "-inf", "infinity",
     "infinit", "1e999", "-1e999", "1e-999", "None", "True", "5f", "1d5", "5;1", "5|1", "#5", "5#", "a",
     "1,2,3", "\u0665,\u0661", "\uff15"]
)  # fmt: skip


@given(table=tables(), cell=SPOILT | st.text(max_size=4), raw=st.booleans(), pick=st.randoms())
@QUICK
def test_a_spoilt_cell_is_never_another_number(
    table: Table, cell: str, raw: bool, pick: random.Random, folder: Path
) -> None:
    """Whatever stands in one cell, in quotes or bare: what a strict reader reads, or an error."""
    cells = table.cells()
    row, column = pick.randrange(1, len(cells)), pick.randrange(len(cells[0]))
    cells[row][column] = "\x01" if raw else cell
    text = table.text(cells).replace("\x01", cell)
    try:
        path = write(table, folder, text)
    except UnicodeEncodeError:
        return
    found = ours(path)
    assert str(path) in found if isinstance(found, str) else found == strictly(text, table.suffix)


@given(data=st.binary(max_size=6), at=st.floats(0, 1), table=tables())
@QUICK
def test_any_bytes_in_a_table(data: bytes, at: float, table: Table, folder: Path) -> None:
    """Put into a good table anywhere, they are read as a strict reader does or refused with the place."""
    good = table.text().encode()
    cut = int(at * len(good))
    path = folder / f"bytes{table.suffix}"
    path.write_bytes(good[:cut] + data + good[cut:])
    found = ours(path)
    if isinstance(found, str):
        assert str(path) in found
        return
    assert found == strictly(path.read_bytes().decode(), table.suffix)


CELLS: dict[str, tuple[str, str]] = {
    "a decimal comma": ('"5,1"', "a number with a decimal point and no other mark, got '5,1'"),
    "thousands": ('"1,234.5"', "a number with a decimal point and no other mark, got '1,234.5'"),
    "an underscore": ("1_000", "expected a number, got '1_000'"),
    "hexadecimal": ("0x10", "expected a number, got '0x10'"),
    "other digits": ("\u0661", "expected a number, got '\u0661'"),
    "no-break space": ("\u00a05", "expected a number, got '\\xa05'"),
    "a tab": ("5\t", "expected a number, got '5\\t'"),
    "nothing": ("", "expected a number, got ''"),
    "too large": ("-1e999", "expected a number within the range of float64, got '-1e999'"),
    "a mark in the middle": ("\ufeff5", "expected a number, got '\\ufeff5'"),
}
if sys.version_info >= (3, 11):  # before, csv refuses the whole line
    CELLS["NUL"] = ("5\x00", "expected a number, got '5\\x00'")


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_is_no_number(name: str, tree: Path) -> None:
    """Row, line, column, what stands there and what was expected."""
    cell, words = CELLS[name]
    Path("p.csv").write_text(f"{HEADER}{ROWS}c,0,{cell},2,3\n")
    refused(run(tree, "p.csv", "--draws", 2), "p.csv: row 3 (line 4), column 'b': expected", words)


LINES: dict[str, tuple[str, list[str]]] = {
    "quoted decimal commas": ('a,"5,1","0,2","0,3","0,4"\n', ["row 1 (line 2), column 'a'", "'5,1'"]),
    "bare decimal commas": ("a,5,1,0,2,0,3,0,4\n", ["row 1 (line 2)", "5 columns", "9", "decimal point"]),
    "a quote that stays open": ('a,1,2,3,4\nb,"1,2,3,4\nc,"1,2,3,4\n', ["row 2 (line 3)", "quotes"]),
    "text behind a quote": ('a,"1"2,2,3,4\n', ["row 1 (line 2)", "quotes around whole cells"]),
    "a line break in a target": ('"a\n",1,2,3,4\n', ["row 1 (line 2)", "quotes around whole cells"]),
    "a line break in a number": ('a,1,"2\n",3,4\n', ["row 1 (line 2)", "quotes around whole cells"]),
    "a blank line inside": ("a,1,2,3,4\n\nb,1,2,3,4\n", ["row 2 (line 3)", "a blank line"]),
    "a line of separators": ("a,1,2,3,4\n,,,,\n", ["row 2 (line 3)", "got ''"]),
    "another encoding": ("a,1,2,3,4\n\udce9,1,2,3,4\n", ["line 3", "UTF-8", "0xe9 at column 1"]),
    "no target": ("a,1,2,3,4\n,1,2,3,4\n", ["row 2 (line 3)", "expected a node's name or path, got none"]),
}


@pytest.mark.parametrize("name", LINES)
def test_a_row_that_is_none(name: str, tree: Path) -> None:
    """One line with the place; no other row takes its cells."""
    text, words = LINES[name]
    Path("p.csv").write_bytes((HEADER + text).encode("utf-8", "surrogateescape"))
    refused(run(tree, "p.csv", "--draws", 2), "p.csv", *words)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("p.csv", "target;a;b;c;d\na;5,1;0,2;0;0\n", "got '5,1'; --decimal , reads decimal commas"),
        ("p.csv", "truth;a;b;c;d\na;5;0;0;0\n", "expected commas between the columns of a .csv, got semi"),
        ("p.tsv", "target,a,b,c,d\na,5,0,0,0\n", "expected tabs between the columns of a .tsv, got commas"),
        ("p.csv", '"target,a,b,c,d\na,5,0,0,0\n', "line 1: expected quotes around whole cells"),
        ("p.csv", "target\na\n", "expected a column for each class beside 'target', got none"),
        ("p.csv", "\ntarget,a,b,c,d\na,5,0,0,0\n", "expected a header"),
    ],
)  # fmt: skip
def test_a_header_that_is_none(file: str, text: str, words: str, tree: Path) -> None:
    """What cuts the columns, and what does not."""
    Path(file).write_text(text)
    refused(run(tree, file, "--draws", 2), file, words)


def test_quotes_and_points_give_the_same_scores(tree: Path) -> None:
    """Numbers in quotes are numbers."""
    Path("p.csv").write_text(HEADER + ROWS)
    quoted = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in ROWS.split())
    Path("q.csv").write_bytes(f"\ufeff{HEADER}{quoted}".replace("\n", "\r\n").encode())
    plain, same = (scores(run(tree, f, "--json", "--draws", 2)) for f in ("p.csv", "q.csv"))
    assert plain == pytest.approx(same, nan_ok=True)
    assert plain["accuracy/s"] == 1


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
def test_other_marks_between_the_columns(mark: str, tree: Path) -> None:
    """Whichever mark finds the column of targets; decimal commas only where an option says so."""
    Path("p.csv").write_text(HEADER + ROWS)
    wanted = scores(run(tree, "p.csv", "--json", "--draws", 2))
    Path("q.csv").write_text((HEADER + ROWS).replace(",", mark))
    assert scores(run(tree, "q.csv", "--json", "--draws", 2)) == pytest.approx(wanted, nan_ok=True)
    if mark != ",":
        text = HEADER.replace(",", mark) + f"a{mark}1,25{mark}-0,5{mark}3e0{mark}-inf\n"
        Path("q.csv").write_text(text)
        Path("p.csv").write_text(text.replace(",", ".").replace(mark, ","))
        wanted = scores(run(tree, "p.csv", "--json", "--draws", 2))
        found = scores(run(tree, "q.csv", "--decimal", ",", "--json", "--draws", 2))
        assert found == pytest.approx(wanted, nan_ok=True)
        Path("q.csv").write_text(text.replace("1,25", "1.234,5"))
        refused(run(tree, "q.csv", "--decimal", ","), "a decimal comma and no other mark, got '1.234,5'")


# -- two orders ------------------------------------------------------------------------------------

HEADERS: dict[str, tuple[str, str | None, bool, str]] = {
    "another order": ("a,b,c,d", "d c b a", False, "0 on 'd', 'c', 'b', .. in o.txt, 'a', 'b', 'c', .."),
    "from the third": ("a,b,c,d", "a b d c", False, "class 2 on 'd', 'c' in o.txt, 'c', 'd' in the header"),
    "other names": ("w,x,y,z", "a b c d", False, "0 on 'a', 'b', 'c', .. in o.txt, 'w', 'x', 'y', .."),
    "fewer names": ("a,b,c,d", "a b c", False, "expected 4 classes in o.txt, as in the header, got 3"),
    "the order of the file": ("a,b,d,c", None, True, "class 2 on 'd', 'c' in the header, 'B/c', 'B/d'"),
    "both options": ("0,1,2,3", "a b d c", True, "class 2 on 'd', 'c' in o.txt, 'B/c', 'B/d'"),
    "numbers alone": ("0,1,2,3", None, False, "--classes FILE"),
    "aliases and paths": ("a,b,c,d", "A/a b B/c d", True, ""),
    "numbers are no names": ("0,1,2,3", "a b c d", True, ""),
}


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
@pytest.mark.parametrize("name", HEADERS)
def test_what_names_the_columns_agrees(name: str, suffix: str, tree: Path) -> None:
    """Header or array, --classes and --file-order: one order, or an error that shows both."""
    header, classes, in_order, words = HEADERS[name]
    columns = header.split(",")
    values = 9 * np.eye(4) + np.arange(4)
    if suffix == ".csv":
        lines = [f"{t},{','.join(map(str, row))}\n" for t, row in zip("abcd", values.tolist(), strict=True)]
        Path("p.csv").write_text(f"target,{header}\n" + "".join(lines))
    else:
        words = words.replace("the header", "the array classes")
        np.savez("p.npz", logits=values, targets=np.array(list("abcd")), classes=np.array(columns))
    options = ["--file-order"] * in_order
    if classes is not None:
        Path("o.txt").write_text("\n".join(classes.split()) + "\n")
        options += ["--classes", "o.txt"]
    done = run(tree, f"p{suffix}", *options, "--json", "--draws", 2)
    if words:
        refused(done, f"p{suffix}", words)
    else:
        assert scores(done)["accuracy/s"] == 1


def test_classes_say_which_of_two_nodes_a_name_means(tree: Path) -> None:
    """A header of names that stand twice, and their paths, say one thing."""
    tree.write_text("levels: [g, s]\ntree:\n  A: [x, y]\n  B: [x, z]\n")
    Path("p.csv").write_text("target,x,y,x,z\nA/x,9,0,0,0\nB/x,0,0,9,0\n")
    Path("o.txt").write_text("A/x\ny\nB/x\nz\n")
    done = run(tree, "p.csv", "--classes", "o.txt", "--json", "--draws", 2)
    assert scores(done)["accuracy/s"] == 1
    done = run(tree, "p.csv", "--draws", 2)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "T304" in done.stderr


# -- arrays and parquet ----------------------------------------------------------------------------


def _parquet(path: Path, target: Any, dtype: Any = None, **columns: Any) -> None:
    polars = pytest.importorskip("polars")
    given = {name: [1.5, -0.5] for name in "abcd"} | columns
    schema = {} if dtype is None else {"target": getattr(polars, dtype)}
    frame = polars.DataFrame({"target": target, **given}, schema_overrides=schema, strict=False)
    frame.write_parquet(path)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([0.0, 1.0], ["row 1", "names or integers", "Float64 0.0"]),
        ([0.0, float("nan")], ["row 2", "expected a target, got none"]),
        ([None, 1], ["row 1", "expected a target, got none"]),
        ([None, None], ["row 1", "expected a target, got none"]),
        ([True, False], ["row 1", "names or integers", "Boolean True"]),
        ([b"a", b"b"], ["row 1", "names or integers", "Binary"]),
        ([["a"], ["b"]], ["row 1", "names or integers", "List"]),
        (["a", "1"], ["row 2", "'a' in row 1", "'1'"]),
        (["1", "a"], ["row 2", "'1' in row 1", "'a'"]),
        ([7, 0], ["row 1", "0..6", "7"]),
    ],
)
def test_targets_of_parquet(target: list[Any], words: list[str], tree: Path) -> None:
    """Texts and integers are targets; one line says why another column is none."""
    _parquet(Path("p.parquet"), target)
    refused(run(tree, "p.parquet", "--draws", 2), "p.parquet", *words)


@pytest.mark.parametrize("cells", [["5", "6"], [True, False], [[1.0], [2.0]], [None, 1.0], ["x", "y"]])
def test_numbers_of_parquet(cells: list[Any], tree: Path) -> None:
    """A column of texts or truth values is no column of numbers, and a gap is no number."""
    _parquet(Path("p.parquet"), ["a", "b"], b=cells)
    refused(run(tree, "p.parquet", "--draws", 2), "p.parquet", "column 'b'", "number")


def test_a_parquet_file_is_no_pattern(tree: Path) -> None:
    """p[1].parquet is that file, not p1.parquet."""
    _parquet(Path("p1.parquet"), ["c", "d"])
    _parquet(Path("p[1].parquet"), ["a", "b"], a=[9.0, 0.0], b=[0.0, 9.0])
    assert scores(run(tree, "p[1].parquet", "--json", "--draws", 2))["accuracy/s"] == 1


@pytest.mark.slow
def test_integers_mean_the_same_in_every_table(tree: Path) -> None:
    """As text, as integers and as a category."""
    logits = np.eye(4) * 9
    write = {name: logits[:, i].tolist() for i, name in enumerate("abcd")}
    found = []
    for number, (target, dtype) in enumerate(
        [([0, 1, 2, 5], "UInt8"), (["0", "1", "2", "5"], None), (["0", "1", "2", "5"], "Categorical")]
    ):
        _parquet(Path(f"p{number}.parquet"), target, dtype, **write)
        found.append(scores(run(tree, f"p{number}.parquet", "--json", "--draws", 2)))
    lines = [f"{t},{','.join(map(str, row))}\n" for t, row in zip("0125", logits.tolist(), strict=True)]
    Path("p.csv").write_text(HEADER + "".join(lines))
    found.append(scores(run(tree, "p.csv", "--json", "--draws", 2)))
    for one in found[1:]:
        assert one == pytest.approx(found[0], nan_ok=True)


ARRAYS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no column of targets": ({"targets": np.array(0)}, ["targets (n,)"]),
    "truth values": ({"targets": np.array([True, False])}, ["integers or text", "bool", "True in row 1"]),
    "floats": ({"targets": np.array([0.0, 1.0])}, ["integers or text", "float64"]),
    "mixed": ({"targets": np.array(["a", "1"])}, ["row 2", "'a' in row 1", "'1'"]),
    "bytes as classes": ({"classes": np.array([b"a", b"b", b"c", b"d"])}, ["classes (C,) as text"]),
    "a table of classes": ({"classes": np.array([list("abcd")])}, ["classes (C,) as text"]),
    "bfloat16": ({"logits": np.zeros((2, 4), "V2")}, ["numbers", "save float32"]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_none(name: str, tree: Path) -> None:
    """One line says what was expected."""
    good: dict[str, Any] = {
        "logits": np.eye(4)[:2] * 9,
        "targets": np.array([0, 1]),
        "classes": np.array(list("abcd")),
    }
    given, words = ARRAYS[name]
    np.savez("p.npz", **{**good, **given})
    refused(run(tree, "p.npz", "--draws", 2), "p.npz", *words)
    np.savez("p.npz", **good)
    refused(run(tree, "p.npz", "--target", "label"), "expected no --target, got 'label'")


def test_arrays_of_any_number_keep_their_digits(tree: Path) -> None:
    """Neither the byte order nor the type of a number costs digits."""
    for dtype in (">f8", "<f8", "i8", "u8", ">f4", "f2", "i2", np.longdouble):
        values = np.array([[2049, 2048, 0, 0], [16777217 % 30000, 3, 5, 7]]).astype(dtype)
        np.savez("p.npz", logits=values, targets=[0, 1], classes=list("abcd"))
        (block,) = prediction_readers.open_predictions(Path("p.npz")).blocks()
        assert block.values.tolist() == values.astype(float).tolist()
    values = np.array([[16777217, 16777216, 0, 0]])
    np.savez("p.npz", logits=values, targets=[0], classes=list("abcd"))
    (block,) = prediction_readers.open_predictions(Path("p.npz")).blocks()
    assert block.values.tolist() == values.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.npz", "b.npz", "d.csv", "e.tsv", "g.parquet"])
def test_spoilt_bytes_end_in_scores_or_one_line(name: str, tree: Path) -> None:
    """Bytes changed, cut and doubled: exit code 0 or 1, no traceback, nothing on the output of an error."""
    tree.write_text("levels: [species, breed]\ntree:\n  cat: [Bengal, Sphynx]\n  dog: [beagle, pug]\n")
    options = files(Path()).get(name, [])
    if name == "g.parquet":
        polars = pytest.importorskip("polars")
        logits, target = data()
        columns = dict(zip(CLASSES, logits.T, strict=True))
        polars.DataFrame({"target": names(target), **columns}).write_parquet(name)
    good, draw = Path(name).read_bytes(), random.Random(7)
    for _ in range(60):
        spoilt = bytearray(good)
        at = draw.randrange(len(spoilt))
        how = draw.randrange(4)
        if how == 0:
            spoilt[at] ^= 1 << draw.randrange(8)
        elif how == 1:
            del spoilt[at : at + draw.choice((1, 4, 400))]
        elif how == 2:
            spoilt[at:at] = spoilt[at : at + draw.choice((1, 4, 40))]
        else:
            spoilt[at:at] = draw.choice((b",", b'"', b"\n", b"\r", b"\x00", b"\xff", b"-", b"9", b"\t"))
        Path(name).write_bytes(spoilt)
        done = CliRunner().invoke(app, ["evaluate", str(tree), name, *options, "--csv", "--draws", "2"])
        assert done.exit_code in (0, 1), (bytes(spoilt), done.exception)
        assert done.exit_code == 0 or (done.stdout == "" and name in done.stderr + "T30"), done.stderr


def test_names_that_hold_the_separator(tmp_path: Path) -> None:
    """The target may stand anywhere, and hold commas, quotes and tabs."""
    values = np.arange(8.0).reshape(2, 4)
    for at in range(5):
        for separator, suffix in ((",", ".csv"), ("\t", ".tsv")):
            path = tmp_path / f"p{suffix}"
            write_text(path, values, [NAMES[2], NAMES[4]], separator, at)
            assert ours(path) == (values.tolist(), [NAMES[2], NAMES[4]])
