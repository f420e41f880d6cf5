"""The line of Python that `check` prints: run as it stands, it binds what was checked, for every form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from in_process import command
from trees import ANY_TEXT

import taxoloss
from taxoloss.sources.class_lists import from_column, from_file, from_folder, from_hugging_face

TREE = "levels: [g, s]\ntree:\n  A: ['10', '9', été]\n  B: [NA, a/b, '10']\n"
ORDER = [("B", "NA"), ("A", "été"), ("B", "a/b"), ("A", "10"), ("A", "9"), ("B", "10")]
TEXTS = ["NA", "été", "a/b", "A/10", "9", "B/10"]
LABEL = {"names": TEXTS, "_type": "ClassLabel"}
CARD = (
    "---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n"
    + "".join(f"          '{i}': {text}\n" for i, text in enumerate(TEXTS))
    + "---\n# A dataset\n"
)


def lines(end: str = "\n") -> str:
    return end.join(TEXTS)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def table(delimiter: str, *, end: str = "\n", quote: str = "") -> str:
    rows = ["img" + delimiter + "label", *(f"x{delimiter}{quote}{text}{quote}" for text in TEXTS * 2)]
    return end.join(rows) + end


#: The option, the name of the file, its bytes, what follows the name, and whether the order is the file's.
FORMS = [
    ("--classes", "plain.txt", lines().encode(), ""),
    ("--classes", "blank.txt", ("\n" + lines("\n \n\n") + "\n\n").encode(), ""),
    ("--classes", "mark.txt", b"\xef\xbb\xbf" + lines().encode(), ""),
    ("--classes", "crlf.txt", (lines("\r\n") + "\r\n").encode(), ""),
    ("--classes", "cr.txt", lines("\r").encode(), ""),
    ("--classes", "noending", lines().encode(), ""),
    ("--classes", "paths.txt", "\n".join(map("/".join, ORDER)).replace("B/a/b", "a/b").encode(), ""),
    ("--classes", "spaced.txt", lines().replace("A/10", "A / 10").encode(), ""),
    ("--classes", "list.json", as_json(TEXTS), ""),
    ("--classes", "mark.json", b"\xef\xbb\xbf" + as_json(TEXTS), ""),
    ("--classes", "paths.JSON", as_json([p if "/" not in p[1] else "a/b" for p in ORDER]), ""),
    ("--classes", "class_to_idx.json", as_json({text: i for i, text in enumerate(TEXTS)}), ""),
    ("--classes", "id2label.json", as_json(dict(reversed([*enumerate(TEXTS)]))), ""),
    ("--csv", "comma.csv", table(",").encode(), ":label"),
    ("--csv", "case.csv", table(",").encode(), ":LABEL"),
    ("--csv", "semicolon.csv", table(";").encode(), ":label"),
    ("--csv", "bar.csv", table("|", quote='"').encode(), ":label"),
    ("--csv", "tab.csv", table("\t").encode(), ":label"),
    ("--csv", "tab.tsv", table("\t").encode(), ":label"),
    ("--csv", "quoted.csv", table(",", quote='"', end="\r\n").encode(), ":label"),
    ("--csv", "newline.csv", table(",").replace("x,", '"x\ny;z, w",').encode(), ":label"),
    ("--csv", "gaps.csv", (table(",") + "y,\n\nz,\n").encode(), ":label"),
    ("--csv", "mark.csv", b"\xef\xbb\xbf" + ("label\n" + lines()).encode(), ":label"),
    ("--csv", "parquet.parquet", None, ":label"),
    ("--image-folder", "nested", None, ""),
    ("--hf", "dataset_info.json", as_json({"features": {"label": LABEL}}), ""),
    ("--hf", "info.json", as_json({"default": {"features": {"a": LABEL, "b": {"_type": "ClassLabel",
        "names": ["x"]}}}}), ":a"),
    ("--hf", "README.md", CARD.encode(), ""),
    ("--hf", "card.md", CARD.encode(), ":label"),
    ("--hf", "config.json", as_json({"id2label": {str(i): text for i, text in enumerate(TEXTS)}}), ""),
    ("--hf", "folder", None, ""),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the tree."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.yaml").write_text(TREE, encoding="utf-8")
    return tmp_path


def made(name: str, data: bytes | None) -> None:
    """The file or the folder of a form."""
    if data is not None:
        Path(name).write_bytes(data)
    elif name.endswith(".parquet"):
        pl.DataFrame({"img": range(6), "label": TEXTS}).write_parquet(name)
    elif name == "folder":
        Path(name).mkdir()
        Path(name, "config.json").write_bytes(as_json({"id2label": dict(enumerate(TEXTS))}))
    else:
        for group, species in ORDER:
            where = Path(name, group, species.replace("/", "+"))
            where.mkdir(parents=True)
            (where / "x.jpg").touch()


def printed(*arguments: str, stdin: str = "") -> str:
    """The line that the command prints: one line, the same as with --json."""
    done = command(*arguments, stdin=stdin.encode())
    assert done.code == 0, done.err
    (line,) = [text for text in done.out.decode().splitlines() if text.startswith("in Python: ")]
    code = line.removeprefix("in Python: ")
    facts = json.loads(command(*arguments, "--json", stdin=stdin.encode()).out)
    assert (facts.get("binding") or facts)["python"] == code
    return code


def ran(code: str) -> dict[str, Any]:
    """What the line makes in an empty namespace."""
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope


def ordered(option: str) -> list[tuple[str, ...]]:
    """The order that a form has: a column is sorted as text, a folder by path."""
    if option == "--csv":
        return [path for _, path in sorted(zip(TEXTS, ORDER, strict=True))]
    return sorted(ORDER) if option == "--image-folder" else list(ORDER)


@pytest.mark.sample(4)
@pytest.mark.parametrize(("option", "name", "data", "rest"), FORMS, ids=[form[1] for form in FORMS])
def test_every_form(option: str, name: str, data: bytes | None, rest: str, folder: Path) -> None:
    """Exit 0 is a promise: the line runs, and gives the same classes in the same order."""
    if option == "--image-folder":  # a folder's name has no slash
        Path("t.yaml").write_text(TREE.replace("a/b", "a+b"), encoding="utf-8")
    made(name, data)
    t = ran(printed("check", "t.yaml", option, name + rest))["t"]
    assert t.is_bound
    assert [(group, name.replace("+", "/")) for group, name in t.paths()] == ordered(option)


NUMBERS = "tree: ['1', '2', '10']\n"


def test_numbers_are_names(folder: Path) -> None:
    """A column of numbers is text, and that a loader may sort it otherwise is said."""
    Path("n.yaml").write_text(NUMBERS)
    Path("n.csv").write_text("img,label\na,1\nb,10\nc,2\n")
    done = run("check", "n.yaml", "--csv", "n.csv:label")
    assert "sorted as text (10 before 2)" in done.stdout
    assert ran(printed("check", "n.yaml", "--csv", "n.csv:label"))["t"].classes == ("1", "10", "2")
    pl.DataFrame({"label": [1, 2, 10]}).write_parquet("n.parquet")
    assert ran(printed("check", "n.yaml", "--csv", "n.parquet:label"))["t"].classes == ("1", "10", "2")


def test_a_flat_folder_and_the_other_verbs(folder: Path) -> None:
    """ImageFolder's classes; a part of the tree; labels of inner nodes."""
    Path("p.yaml").write_text("tree: {cat: [Bengal, Sphynx], dog: [pug]}\n")
    for name in ("pug", "Sphynx", "Bengal"):
        Path("flat", name).mkdir(parents=True)
    t = ran(printed("check", "p.yaml", "--image-folder", "flat"))["t"]
    assert t.classes == ("Bengal", "Sphynx", "pug")
    Path("some.txt").write_text("pug\ncat/Bengal\n")
    t = ran(printed("check", "p.yaml", "--classes", "some.txt", "--subset"))["t"]
    assert t.paths() == (("dog", "pug"), ("cat", "Bengal"))
    Path("mixed.txt").write_text("dog\ncat/Bengal\ncat\n")
    scope = ran(printed("check", "p.yaml", "--classes", "mixed.txt", "--node-targets"))
    paths = [info.path for info in scope["t"].describe(scope["ids"])]
    assert paths == [("dog",), ("cat", "Bengal"), ("cat",)]
    assert scope["t"].node_targets


def test_other_trees_and_limits(folder: Path) -> None:
    """A bundled name, standard input (which cannot be read again), limits, JSON, aliases just written."""
    Path("c.txt").write_text("\n".join(reversed(taxoloss.load("pets").classes)))
    t = ran(printed("check", "pets", "--classes", "c.txt"))["t"]
    assert t.classes == tuple(reversed(taxoloss.load("pets").classes))
    Path("d.txt").write_text("b/x\n~\nnull\na/x\n", encoding="utf-8")
    tree = "levels: [{name: p, weight: .3}, {name: q, weight: 1}]\ntree: {a: [x, '~'], b: [x, 'null']}\n"
    t = ran(printed("check", "-", "--classes", "d.txt", stdin=tree))["t"]
    assert t.paths() == (("b", "x"), ("a", "~"), ("b", "null"), ("a", "x"))
    assert dict(t.level_weights) == {"p": 0.3, "q": 1.0}
    depth = 70
    Path("deep.yaml").write_text("tree: " + "{a: " * depth + "[x, y]" + "}" * depth)
    Path("e.txt").write_text("y\nx\n")
    code = printed("check", "deep.yaml", "--classes", "e.txt", "--limit", "levels=100")
    assert "levels=100" in code
    assert ran(code)["t"].classes == ("y", "x")
    Path("w.json").write_text('{"tree": ["Bengal", "pug"]}')
    Path("f.txt").write_text("Pug\nBengal")
    assert run("check", "w.json", "--classes", "f.txt", "--write", "--yes").returncode == 0
    assert ran(printed("check", "w.json", "--classes", "f.txt"))["t"].classes == ("pug", "Bengal")


ODD = ["it's.txt", 'say "x".txt', "a b .txt", "back\\slash.txt", "new\nline.txt", "été 猫 \U0001f431.txt",
       "{x}.txt", "#%s.txt", "a\u202eb\u200b.txt", "[red]x[red].txt", os.fsdecode(b"raw\xff\xe9.txt"),
       "x" * 200 + ".txt", "tab\t.txt", "'\"\\.json.txt"]  # fmt: skip


@pytest.mark.sample(5)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_every_file_name(name: str, encoding: str, folder: Path) -> None:
    """Quotes, backslashes, newlines, what a terminal acts on, other alphabets, bytes that are no text."""
    Path(name).write_text("b\nt/a", encoding="utf-8")
    tree = name.replace(".txt", ".yaml")
    Path(tree).write_text("tree: {t: [a, b]}")
    done = command("check", tree, "--classes", name, encoding=encoding)
    assert done.code == 0, done.err
    code = done.out.decode(encoding).partition("in Python: ")[2]
    assert code.count("\n") == 1
    assert ran(code)["t"].paths() == (("t", "b"), ("t", "a"))


@given(st.lists(ANY_TEXT, min_size=2, max_size=6, unique_by=lambda name: name.strip()), st.randoms())
@settings(CALM, max_examples=examples(80))
def test_the_readers_name_themselves(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], draw: Any
) -> None:
    """`ClassList.python` is a call of the reader that made it: evaluated, it is the same list."""
    base = tmp_path_factory.mktemp("lists")
    (base / "c.txt").write_text("\n".join(names), encoding="utf-8")
    (base / "c.json").write_text(json.dumps(names))
    draw.shuffle(names)
    pl.DataFrame({"x": names}).write_csv(base / "c.csv")
    (base / "i.json").write_text(json.dumps({"names": names, "_type": "ClassLabel"}))
    for name in {name.replace("/", "_").replace(".", "_") for name in names}:
        (base / "f" / name).mkdir(parents=True)
    readers: list[tuple[Any, str]] = [
        (from_file, "c.txt"), (from_file, "c.json"), (from_folder, "f"), (from_column, "c.csv:x"),
        (from_hugging_face, "i.json"),
    ]  # fmt: skip
    for reader, file in readers:
        for limits in (None, taxoloss.Limits(), taxoloss.Limits(levels=9)):
            listed = reader(str(base / file), limits)
            assert len(listed.names) >= 2
            assert eval(listed.python, {reader.__name__: reader, "taxoloss": taxoloss}) == listed
            assert ("Limits(" in listed.python) == (limits == taxoloss.Limits(levels=9))


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("option", "name", "text", "words"),
    [
        ("--classes", "twice.json", '{"a": 0, "b": 1, "a": 2}', "the key 'a' stands twice"),
        ("--classes", "flags.json", '{"a": true, "b": false}', "such as 'a' -> True"),
        ("--classes", "slash.json", '[["t", "a/b"], "b"]', "a name with a slash"),
        ("--hf", "two.json", json.dumps({c: {"x": {"names": [c], "_type": "ClassLabel"}} for c in "ab"}),
         "other classes: ['a'] and ['b']"),
    ],
)  # fmt: skip
def test_two_readings_are_an_error(option: str, name: str, text: str, words: str, folder: Path) -> None:
    """Of a list of classes too: nothing is taken for the other."""
    Path(name).write_text(text)
    Path("t.yaml").write_text("tree: {t: [a, b]}")
    done = run("check", "t.yaml", option, name)
    assert done.returncode == 1
    assert "T121" in done.stderr
    assert words in done.stderr


def test_in_processes_of_their_own(folder: Path) -> None:
    """The command, and then the line, as a person would run them; nothing else need be installed."""
    Path("it's.csv").write_text("\n".join(["img;label", *(f"x;{text}" for text in TEXTS)]), "utf-8")
    shown = run("check", "t.yaml", "--csv", "it's.csv:label")
    code = shown.stdout.partition("in Python: ")[2] + "print(t.classes)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{tuple(name for _, name in ordered('--csv'))!r}\n"


def test_inspect_prints_the_same_line(folder: Path) -> None:
    Path("c.txt").write_text("\n\n" + lines("\r\n"), encoding="utf-8")
    code = printed("inspect", "t.yaml", "--classes", "c.txt")
    assert code == printed("check", "t.yaml", "--classes", "c.txt")
    assert list(ran(code)["t"].paths()) == ORDER


def test_the_line_of_diff(folder: Path) -> None:
    """What `diff` prints makes the migration that it told of: renames and both orders too."""
    Path("old.yaml").write_text("tree: {cat: [Bengal, Sphynx], dog: [pug]}\n")
    Path("new.yaml").write_text("tree: {dog: [Mops], cat: [Bengal, Sphynx]}\n")
    Path("o.txt").write_text("pug\n\ncat/Sphynx\nBengal\n")
    Path("n.txt").write_text("Sphynx\nBengal\nMops\n")
    orders = "--old-classes", "o.txt", "--new-classes", "n.txt"
    done = run("diff", "old.yaml", "new.yaml", "--rename", "pug=Mops", *orders)
    assert done.returncode == 0, done.stderr
    scope = ran(done.stdout.partition("in Python: ")[2].splitlines()[0])
    assert scope["migration"].sources == ((1,), (2,), (0,))
    weight = np.arange(3.0)[:, None]
    assert scope["new"].migrate(weight, migration=scope["migration"])[0].ravel().tolist() == [1, 2, 0]
