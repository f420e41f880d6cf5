"""What the targets of predictions mean, names or ids, and sums of probabilities of few digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluate_command import refused, run, scores
from typer.testing import CliRunner

import taxoloss
from taxoloss.cli import app
from taxoloss.functional.inputs import refuse_probabilities
from taxoloss.functional.rounding import ROUNDED, rounding

PLAIN = "levels: [g, s]\ntree:\n  A: [a, b]\n  B: [c, d]\n"
CODES = "levels: [g, s]\ntree:\n  A: ['1', '2']\n  B: ['1', '3']\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files stand in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(PLAIN)
    Path("n.yaml").write_text(CODES)
    return tmp_path


def table(header: str, *targets: str) -> str:
    """A table whose rows answer the first class, and its name."""
    width = header.count(",") + 1
    rows = [f"{target},9{',0' * (width - 1)}\n" for target in targets]
    Path("p.csv").write_text(f"target,{header}\n" + "".join(rows))
    return "p.csv"


# -- names and ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["452", "113"])
def test_a_code_that_is_no_name_is_no_id(code: str) -> None:
    """naics2022 has neither code, and nodes with these ids: both readings are told."""
    tree = taxoloss.load("naics2022").bind(node_targets=True)
    assert tree.index.by_name(code) == [] or code == "113"
    done = run("naics2022", table(",".join(tree.classes), code), "--draws", 2)
    if code == "452":
        refused(done, "row 1 (line 2)", "`452` is no node", "/".join(tree.path(452)), "no ids", "'11'")
    else:  # a name: it is the node of that name, not the id
        assert scores(run("naics2022", "p.csv", "--json", "--draws", 2))["accuracy/sector"] is not None


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_an_ambiguous_name_is_no_id(suffix: str) -> None:
    """'1' names A/1 and B/1; the node with the id 1 is A/2."""
    values = [[0.0, 9.0, 0.0, 0.0]]
    header = ["A/1", "A/2", "B/1", "B/3"]
    path = f"p{suffix}"
    if suffix == ".csv":
        Path(path).write_text("target,A/1,A/2,B/1,B/3\n1,0,9,0,0\n")
    elif suffix == ".npz":
        np.savez(path, logits=values, targets=np.array(["1"]), classes=header)
    else:
        polars = pytest.importorskip("polars")
        columns = dict(zip(header, np.transpose(values).tolist(), strict=True))
        polars.DataFrame({"target": [1], **columns}).write_parquet(path)
    refused(run("n.yaml", path, "--draws", 2), "row 1", "T304", "`A/1`, `B/1`", "A/2")


def test_integers_of_an_array_are_ids() -> None:
    """Whatever the names of the nodes."""
    np.savez("p.npz", logits=np.eye(4) * 9, targets=np.arange(4), classes=["A/1", "A/2", "B/1", "B/3"])
    assert scores(run("n.yaml", "p.npz", "--json", "--draws", 2))["accuracy/s"] == 1


def test_names_that_are_integers_are_names() -> None:
    """A name, an alias, and a name with a zero in front all keep integers from being ids."""
    assert scores(run("n.yaml", table("2,A/1,B/1,3", "2", "2"), "--json", "--draws", 2))["accuracy/s"] == 1
    for other, class_name in (("'01'", "01"), ("{name: d, aliases: ['77']}", "d")):
        Path("t.yaml").write_text(PLAIN.replace("d]", f"{other}]"))
        name = "'01'" if class_name == "01" else "'77'"
        refused(run("t.yaml", table(f"a,b,c,{class_name}", "1"), "--draws", 2), "T302", "'A/b'", name)


@pytest.mark.sample(3)
@pytest.mark.parametrize("form", ["{}.0", "{}.", "{},0", "{}.000e+00", "0{}", "+{}", "{}e0", "{:.18e}"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_name_in_other_digits_is_an_integer(form: str, suffix: str) -> None:
    """'2' is not the id 2, the node '0.0', where a node is called '2.0': both readings are told."""
    names = [form.format(number) for number in (2, 1, 0)]
    Path("n.yaml").write_text(f"tree: {names}\n")
    path = f"p{suffix}"
    if suffix == ".csv":
        header = ["target", *names]
        rows = [[target, *row] for target, row in zip("210", np.eye(3) * 9, strict=True)]
        lines = [",".join(f'"{cell}"' for cell in row) for row in (header, *rows)]
        Path(path).write_text("\n".join(lines) + "\n")
    else:
        polars = pytest.importorskip("polars")
        columns = dict(zip(names, (np.eye(3) * 9).tolist(), strict=True))
        polars.DataFrame({"target": [2, 1, 0], **columns}).write_parquet(path)
    as_id = f"as an id it would be {names[2]!r}"
    refused(run("n.yaml", path, "--draws", 2), "row 1", "T302", as_id, names[0])
    np.savez("p.npz", logits=np.eye(3) * 9, targets=[2, 1, 0], classes=names)
    words = f"as an id it is {names[2]!r}, as a name {names[0]!r}"
    refused(run("n.yaml", "p.npz", "--draws", 2), "row 1", words, "as text")


@pytest.mark.parametrize("name", ["1.5", "2.0.0", "nan", "inf", "v2", "2nd", "1/2", "e2", "-", "1e5000"])
def test_a_name_with_digits_is_no_integer(name: str) -> None:
    """Then integers are ids."""
    Path("t.yaml").write_text(PLAIN.replace("d]", f"'{name}']"))
    done = run("t.yaml", table(f"a,b,c,{name}", "0", "0"), "--json", "--draws", 2)
    assert scores(done)["accuracy/s"] == 1


def test_integers_of_an_array_that_are_names_too() -> None:
    """Where each is the name of a node: the same nodes by either reading, or an error that shows both."""
    given: dict[str, Any] = {"logits": np.eye(3) * 9, "classes": ["2", "1", "0"]}
    Path("n.yaml").write_text("tree: ['2', '1', '0']\n")
    for targets, words in (
        ([2, 1, 0], "row 1: expected a target with one reading, got 2: as an id it is '0', as a name '2'"),
        ([1, 1, 0], "row 3: expected a target with one reading, got 0: as an id it is '2', as a name '0'"),
    ):
        np.savez("p.npz", targets=targets, **given)
        refused(run("n.yaml", "p.npz", "--draws", 2), words, "give the names as text")
        refused(run("n.yaml", "p.npz", "--decision", "climb", "--risk", 0.5), words)
    np.savez("p.npz", targets=np.array([2, 1, 0]).astype(str), **given)
    assert scores(run("n.yaml", "p.npz", "--json", "--draws", 2))["accuracy/depth_1"] == 1
    np.savez("p.npz", targets=[0, 1, 2], logits=np.eye(3) * 9, classes=["0", "1", "2"])
    assert scores(run("n.yaml", "p.npz", "--json", "--draws", 2))["accuracy/depth_1"] == 1
    _map("tree: ['2', '1', '0']\n", "tree: ['2', '1', '0', x]\n")
    np.savez("p.npz", targets=[2, 1, 0], **given)
    refused(run("new.yaml", "p.npz", "--migration", "m.json"), "got 2: as an id it is '0', as a name '2'")


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (("a", "1"), ["row 2 (line 3)", "'a' in row 1", "got '1'", "ids only where all are integers"]),
        (("1", "a"), ["row 2 (line 3)", "'1' in row 1", "got 'a'", "ids only where all are integers"]),
        (("0", "7"), ["row 2 (line 3)", "0..6", "got 7"]),
        (("0", "-1"), ["row 2 (line 3)", "0..6", "got -1"]),
        (("\u00b2",), ["row 1 (line 2)", "T302"]),
        (("--5",), ["row 1 (line 2)", "T302"]),
        (("+1",), ["row 1 (line 2)", "T302"]),
        (("01",), ["row 1 (line 2)", "T302"]),
        (("1e0",), ["row 1 (line 2)", "T302"]),
        (("\u0661",), ["row 1 (line 2)", "T302"]),
        (("True",), ["row 1 (line 2)", "T302"]),
        (("0.0",), ["row 1 (line 2)", "T302", "ids are integers", "floats"]),
        (("9" * 40,), ["row 1 (line 2)", "T302"]),
        (("A/x",), ["row 1 (line 2)", "T302"]),
    ],
)
def test_targets_have_one_reading(targets: tuple[str, ...], words: list[str]) -> None:
    """All ids or all names; what is neither is refused where it stands."""
    refused(run("t.yaml", table("a,b,c,d", *targets), "--draws", 2), "p.csv", *words)
    kept = tuple(np.repeat(targets, 2).tolist())
    np.savez("p.npz", logits=np.eye(4)[: len(kept)] * 9, targets=np.array(kept), classes=list("abcd"))
    refused(run("t.yaml", "p.npz", "--draws", 2), "p.npz", words[-1])


def test_a_name_that_is_a_path_too() -> None:
    """The class a/b of x, and b below a: neither is taken for the other."""
    Path("t.yaml").write_text("levels: [g, s]\ntree:\n  a: [b, c]\n  x: [a/b, d]\n")
    refused(run("t.yaml", table("b,c,d,a/b", "b")), "'a/b' may be a name or a path", "('x', 'a/b')")
    np.savez("p.npz", logits=np.eye(4)[:1] * 9, targets=["a/b"])
    refused(run("t.yaml", "p.npz", "--file-order"), "row 1", "'a/b' may be a name or a path")


# -- of an older tree ------------------------------------------------------------------------------


def _map(old: str, new: str) -> None:
    Path("old.yaml").write_text(old)
    Path("new.yaml").write_text(new)
    done = CliRunner().invoke(app, ["diff", "old.yaml", "new.yaml", "--map", "m.json"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (("a", "1"), ["row 2 (line 3)", "'a' in row 1", "got '1'"]),
        (("1", "B"), ["row 2 (line 3)", "'1' in row 1", "got 'B'"]),
        (("4",), ["row 1 (line 2)", "0..3", "got 4"]),
        (("\u0661",), ["row 1 (line 2)", "an old class or node"]),
        (("\u00b2",), ["row 1 (line 2)", "an old class or node"]),
    ],
)
def test_old_targets_have_one_reading(targets: tuple[str, ...], words: list[str]) -> None:
    """As those of one tree."""
    _map(PLAIN, PLAIN.replace("d]", "d, e]"))
    table("a,b,c,d", *targets)
    refused(run("new.yaml", "p.csv", "--migration", "m.json", "--draws", 2), "p.csv", *words)


@pytest.mark.sample(5)
@pytest.mark.parametrize("order", ["abcd", "dcba", "bdac"])
@pytest.mark.parametrize("named", ["header", "--classes", "npz", "npz --classes"])
def test_old_numbers_are_those_of_the_columns(order: str, named: str) -> None:
    """An integer means one class with --migration and without it, whatever names the columns."""
    _map(PLAIN, PLAIN.replace("d]", "d, e]").replace("[a, b]", "[b, a]"))
    Path("o.txt").write_text("\n".join(order))
    options: list[Any] = ["--classes", "o.txt"] if "--classes" in named else []
    path = "p.npz" if "npz" in named else "p.csv"
    if path == "p.npz":
        classes: dict[str, Any] = {} if options else {"classes": list(order)}
        np.savez(path, logits=np.eye(4) * 9, targets=np.arange(4), **classes)
    else:
        header = "0,1,2,3" if options else ",".join(order)
        rows = [f"{number}," + ",".join(map(str, row)) for number, row in enumerate(np.eye(4) * 9)]
        Path(path).write_text("\n".join([f"target,{header}", *rows]) + "\n")
    for tree, more in (("old.yaml", []), ("new.yaml", ["--migration", "m.json"])):
        assert scores(run(tree, path, *options, *more, "--json", "--draws", 2))["accuracy/s"] == 1


def test_old_codes_are_no_numbers() -> None:
    """Of a tree whose names are integers no number of a class is taken; an ambiguous name is told."""
    _map(CODES, CODES.replace("'3'", "'3', '4'"))
    for target, words in (("1", "names 2 nodes"), ("0", "no ids")):
        table("A/1,2,B/1,3", target)
        refused(run("new.yaml", "p.csv", "--migration", "m.json", "--draws", 2), "row 1 (line 2)", words)
    table("2,A/1,B/1,3", "2", "2")
    done = run("new.yaml", "p.csv", "--migration", "m.json", "--json", "--draws", 2)
    assert scores(done)["accuracy/s"] == 1


def test_an_old_target_whose_whole_branch_is_gone() -> None:
    """It is the root, which no metric counts."""
    _map(PLAIN + "  Z: [y, z]\n", PLAIN)
    table("a,b,c,d,y,z", "a", "z")
    done = run("new.yaml", "p.csv", "--migration", "m.json", "--json", "--draws", 2)
    assert scores(done)["accuracy/s"] == 1
    assert '"rows_without_a_known_node": 1' in done.stdout


def test_old_columns_agree() -> None:
    """Header, --classes and --file-order of an older tree: one order, or an error."""
    _map(PLAIN, PLAIN.replace("d]", "d, e]"))
    table("a,b,c,d", "a", "a")
    Path("o.txt").write_text("b\na\nc\nd\n")
    common = "new.yaml", "p.csv", "--migration", "m.json", "--draws", 2
    refused(run(*common, "--classes", "o.txt"), "class 0 on 'b', 'a', 'c', .. in o.txt, 'a', 'b', 'c'")
    Path("o.txt").write_text("A/a\nb\nc\nB/d\n")
    done = run(*common, "--classes", "o.txt", "--file-order", "--json")
    assert scores(done)["accuracy/s"] == 1
    table("b,a,c,d", "b", "b")
    refused(run(*common, "--file-order"), "class 0 on 'b', 'a', 'c', .. in the header")


# -- probabilities of few digits -------------------------------------------------------------------


def rounded(digits: str, kind: str, rows: int = 300, classes: int = 300) -> Any:
    """Probabilities or log-probabilities in few digits, as float32 (decimals: float64)."""
    g = torch.Generator().manual_seed(1)
    values = torch.log_softmax(2 * torch.randn(rows, classes, generator=g).double(), 1)
    values = values if kind == "log_probs" else values.exp()
    if digits in ("bfloat16", "float16"):
        return values.to(getattr(torch, digits)).float().numpy()
    return np.round(values.numpy(), int(digits))


@pytest.mark.parametrize("kind", ["probs", "log_probs"])
@pytest.mark.parametrize("digits", ["bfloat16", "float16", "4", "3"])
def test_sums_are_as_far_from_one_as_the_digits_say(digits: str, kind: str) -> None:
    """The bound holds in each row; one more part in a hundred does not fit in half precision."""
    values = rounded(digits, kind)
    off = np.abs((np.exp(values) if kind == "log_probs" else values).sum(1, dtype=float) - 1)
    assert (off <= rounding(values, kind) + 1e-6).all()
    if digits == "bfloat16" and kind == "log_probs":
        assert (off > ROUNDED).any()  # a file of these was refused


@pytest.mark.parametrize("kind", ["probs", "log_probs"])
def test_full_precision_is_given_nothing(kind: str) -> None:
    """Of float32 and float64 numbers the tolerance stays what it is."""
    g = torch.Generator().manual_seed(2)
    values = torch.log_softmax(torch.randn(20, 50, generator=g), 1)
    values = values if kind == "log_probs" else values.exp()
    assert not rounding(values.numpy(), kind).any()
    assert not rounding(values.double().numpy(), kind).any()


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", ["probs", "log_probs"])
@pytest.mark.parametrize("stored", [np.float16, np.float32])
def test_half_precision_is_evaluated(kind: str, stored: Any) -> None:
    """bfloat16 as a GPU writes it, in either type of numpy; what is no probability is still refused."""
    values = rounded("bfloat16", kind, 60, 37)
    np.savez("p.npz", **{kind: values.astype(stored), "targets": np.zeros(60, int)})
    assert run("pets", "p.npz", "--file-order", "--draws", 2).exit_code == 0
    more = values + 0.05 if kind == "log_probs" else values * 1.05
    more = torch.from_numpy(more).bfloat16().float().numpy()
    arrays: dict[str, Any] = {kind: more.astype(stored), "targets": np.zeros(60, int)}
    np.savez("p.npz", **arrays)
    cause = "call the array logits" if kind == "log_probs" else "no distribution"
    refused(run("pets", "p.npz", "--file-order"), "row 1", "sum to 1", cause)
    full = np.log(rounded("12", "probs", 60, 37)) if kind == "log_probs" else rounded("12", "probs", 60, 37)
    np.savez("p.npz", **{kind: full + 0.002 * (kind == "log_probs") + 0.0001 * (kind == "probs")},
             targets=np.zeros(60, int))  # fmt: skip
    refused(run("pets", "p.npz", "--file-order"), "row 1", "sum to 1")


@pytest.mark.parametrize("digits", ["bfloat16", "float16", "4"])
def test_probabilities_of_few_digits_are_no_logits(digits: str) -> None:
    """Neither in a file nor in a metric, whatever type holds them."""
    values = rounded(digits, "probs")
    tensors = [torch.from_numpy(values)]
    tensors += [tensors[0].to(getattr(torch, digits))] if digits != "4" else []
    for tensor in tensors:
        with pytest.raises(ValueError, match="look like probabilities"):
            refuse_probabilities(tensor)
    np.savez("p.npz", logits=rounded(digits, "probs", 20, 37), targets=np.zeros(20, int))
    refused(run("pets", "p.npz", "--file-order"), "call the array probs", "--values logits")
    refuse_probabilities(torch.rand(8, 300))
    refuse_probabilities(torch.randn(8, 300).bfloat16())
