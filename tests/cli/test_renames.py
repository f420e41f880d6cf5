"""Renames that are said: by tuples, a table, OLD=NEW in a shell; merges; the Python that holds them."""

from __future__ import annotations

import json
import math
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples

import taxoloss
from taxoloss import Migration, TaxonomyError
from taxoloss.taxonomy.versions.nodes import nodes_called, text_of_node
from taxoloss.taxonomy.versions.renames import as_option, pairs_of, read_renames

OLD = {
    "Clothing": ["Basics S/M", "Basics L", 'say "x"', "it's", "$HOME `id`"],
    "a": ["b/c", "k=v"],
    "a/b": ["c", "d"],
}
NEW = {"Clothing": ["Basics Small/Medium", "quoted", "its"], "x": ["b/c", "key=value"], "a/b": ["c", "e"]}


@pytest.fixture
def old() -> Any:
    return taxoloss.load({"tree": OLD}).bind()


@pytest.fixture
def new() -> Any:
    return taxoloss.load({"tree": NEW}).bind()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("old.json").write_text(json.dumps({"tree": OLD}))
    Path("new.json").write_text(json.dumps({"tree": NEW}))
    return tmp_path


def sources(found: Any, new: Any, path: tuple[str, ...]) -> list[str]:
    """The old classes that a new one is said to come from."""
    migration = found.migration
    of = migration.sources[new.paths().index(path)]
    return ["/".join(migration.old_classes[number]) for number in of]


# -- in Python -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("renames", "there", "comes_from"),
    [
        ({("Clothing", "Basics S/M"): ("Clothing", "Basics Small/Medium")}, ("Clothing",
        "Basics Small/Medium"),
         ["Clothing/Basics S/M"]),
        ({"Basics S/M": "Basics Small/Medium", "Basics L": "Clothing/Basics Small/Medium"},
         ("Clothing", "Basics Small/Medium"), ["Clothing/Basics S/M", "Clothing/Basics L"]),
        ({("Clothing", "Basics S/M"): "Basics Small/Medium", "Basics L": ("Clothing",
        "Basics Small/Medium")},
         ("Clothing", "Basics Small/Medium"), ["Clothing/Basics S/M", "Clothing/Basics L"]),
        ({("a", "k=v"): ("x", "key=value")}, ("x", "key=value"), ["a/k=v"]),
        ({("a/b", "d"): ("a/b", "c")}, ("a/b", "c"), ["a/b/c", "a/b/d"]),
        ({"d": "c", "k=v": ("a/b", "c")}, ("a/b", "c"), ["a/k=v", "a/b/c", "a/b/d"]),
        ({("a", "b/c"): ("x", "b/c")}, ("x", "b/c"), ["a/b/c"]),
    ],
)  # fmt: skip
def test_tuples_and_texts(
    renames: Any, there: tuple[str, ...], comes_from: list[str], old: Any, new: Any
) -> None:
    """As keys and values, beside each other; several old ones, and one that keeps its name, become one."""
    found = old.diff(new, renames=renames)
    assert sources(found, new, there) == comes_from
    merged = [change for change in found.merged if change.new == (there,)]
    assert len(merged) == (len(comes_from) > 1)
    told = {path for change in (*found.removed, *found.added) for path in (*change.old, *change.new)}
    assert told.isdisjoint({there})
    for said in renames:
        (node,) = nodes_called(old, said)
        assert found.migration.nodes[old.tree.path(node)] == there


@pytest.mark.parametrize(
    ("renames", "kind", "words"),
    [
        ({("a", "b", "c"): "c"}, ValueError, "no node of the old tree is called `a/b/c`"),
        ({"a/b/c": "c"}, ValueError, """2 nodes of the old tree are called `a/b/c`: `["a", "b/c"]`"""),
        ({(): "c"}, ValueError, "no node of the old tree is called ``"),
        ({"d": "f"}, ValueError, "no node of the new tree is called `f`"),
        ({"d": "c", ("a/b", "d"): "e"}, ValueError, "`a/b/d` is said to be"),
        ({1: "c"}, TypeError, "expected a name, or a path as a tuple of names, in renames, got int 1"),
        ({"d": None}, TypeError, "in renames, got NoneType None"), ({("a", 1): "c"}, TypeError,
        "got tuple ('a', 1)"),
        ([("d", "c")], TypeError, "expected renames as a mapping, old -> new, got list"),
    ],
)  # fmt: skip
def test_renames_that_are_none(renames: Any, kind: type[Exception], words: str, old: Any, new: Any) -> None:
    with pytest.raises(kind) as caught:
        old.diff(new, renames)
    assert words in str(caught.value)


def test_a_swap_and_a_chain() -> None:
    """Each goes where it is said to; nothing is merged by that."""
    old = taxoloss.load({"tree": ["a", "b", "c"]}).bind()
    assert old.diff(old, {"a": "b", "b": "a"}).migration.sources == ((1,), (0,), (2,))
    assert old.diff(old, {"a": "b", "b": "c", "c": "a"}).migration.sources == ((2,), (0,), (1,))
    assert old.diff(old, {"a": "b"}).migration.sources == ((), (0, 1), (2,))


def test_an_inner_node_that_is_said_to_be_one_that_stays() -> None:
    """Its classes are looked for below it, and those of the one that stays are not lost."""
    old = taxoloss.load(
        {"tree": {"small cats": ["lynx", "puma"], "cats": ["lion"], "dogs": ["fox"]}}
    ).bind()
    new = taxoloss.load({"tree": {"cats": ["lion", "lynx", "puma"], "dogs": ["fox"]}}).bind()
    found = old.diff(new, {"small cats": "cats"})
    assert found.migration.sources == ((2,), (0,), (1,), (3,))
    assert found.migration.nodes["small cats",] == found.migration.nodes["cats",] == ("cats",)


# -- a table ---------------------------------------------------------------------------------------

TABLE = """\
Clothing/Basics S/M,Clothing/Basics Small/Medium
Basics L,Basics Small/Medium
a/k=v,x/key=value
"""


@pytest.mark.parametrize(
    ("name", "text", "headed"),
    [
        ("r.csv", TABLE, False), ("r.csv", "old,new\n" + TABLE, True), ("r.csv",
        "Old , NEW\r\n" + TABLE, True),
        ("r.csv", "\ufeffold,new\n\n" + TABLE, True), ("r.tsv", TABLE.replace(",", "\t"), False),
        ("r.csv", TABLE + TABLE, False), ("r.csv", TABLE.replace(",", " , "), False),
        ("r.csv", '"[""Clothing"", ""Basics S/M""]","[""Clothing"",""Basics Small/Medium""]"\n'
                  + TABLE.partition("\n")[2], False),
    ],
)  # fmt: skip
def test_a_table_of_renames(name: str, text: str, headed: bool, folder: Path, old: Any, new: Any) -> None:
    """Names, paths, paths as lists; with a header and without; what it says is what a mapping says."""
    Path(name).write_text(text, encoding="utf-8", newline="")
    said, first = read_renames(name, old, new)
    assert first == headed
    found = old.diff(new, said)
    assert sources(found, new, ("Clothing", "Basics Small/Medium")) == [
        "Clothing/Basics S/M",
        "Clothing/Basics L",
    ]
    assert sources(found, new, ("x", "key=value")) == ["a/k=v"]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("a,b,c\n", [("T121", 1)]), ("d,c\nd\n", [("T121", 2)]), ("d,\n", [("T121", 1)]),
        ("before,after\nd,c\n", [("T302", 1), ("T302", 1)]), ("d,c\nnobody,c\nd,nobody\n", [("T302", 2),
        ("T302", 3)]),
        ("d,c\n\nd,e\n", [("T303", 3)]), ("a/b/c,c\n", [("T304", 1)]), ('d,c\n"d,e\n', [("T121", 2)]),
        ('d,c\n"d"x,e\n', [("T121", 2)]),
    ],
)  # fmt: skip
def test_faults_of_a_table(
    text: str, faults: list[tuple[str, int]], folder: Path, old: Any, new: Any
) -> None:
    """Every one with its file and line, none in the words of a parser."""
    Path("r.csv").write_text(text)
    with pytest.raises(TaxonomyError) as caught:
        read_renames("r.csv", old, new)
    assert [(fault.code, fault.line) for fault in caught.value.faults] == faults
    assert all(fault.file == "r.csv" for fault in caught.value.faults)
    assert "Error" not in str(caught.value)
    assert "delimiter expected" not in str(caught.value)


def test_a_first_line_that_may_be_either(folder: Path) -> None:
    """A header, or the rename of a node called `old`: asked, not guessed."""
    t = taxoloss.load({"tree": ["old", "new", "x"]}).bind()
    Path("r.csv").write_text("old,new\n")
    with pytest.raises(TaxonomyError, match="may be a header, or a rename of the node `old`"):
        read_renames("r.csv", t, t)
    Path("r.csv").write_text('"[""old""]","[""new""]"\n')
    assert read_renames("r.csv", t, t) == ({("old",): ("new",)}, False)


# -- the command -----------------------------------------------------------------------------------


def test_the_command_with_a_table(folder: Path) -> None:
    """A merge into a name with "/"; the header is told; the line of Python has the renames, and runs."""
    Path("r.csv").write_text("old,new\n" + TABLE)
    done = run(
        "diff", "old.json", "new.json", "--renames", "r.csv", "--rename", "it's=its", "--map", "m.json"
    )
    assert done.returncode == 0, done.stderr
    assert "the first line of r.csv is a header: old,new\n" in done.stderr
    assert "  Clothing/Basics S/M + Clothing/Basics L -> Clothing/Basics Small/Medium\n" in done.stdout
    scope: dict[str, Any] = {}
    exec(done.stdout.partition("in Python: ")[2].partition("\n")[0], scope)
    assert scope["migration"] == Migration.load("m.json")
    Path("r.csv").write_text("d,c\nnobody,c\n")
    done = run("diff", "old.json", "new.json", "--renames", "r.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("r.csv:2: error T302: no node of the old tree is called `nobody`")


NAMES = [
    "<65",
    "it's",
    'say "hi"',
    "a b  c",
    "$HOME",
    "`id`",
    "x;y",
    "k=v",
    "a/b",
    "-v",
    "*",
    "caf\u00e9 \\ n",
    "!x",
    "[1]",
]


@pytest.mark.slow
def test_hints_are_pasted_into_a_shell(folder: Path) -> None:
    """Every hint that `diff` prints, run by sh as it stands, makes the rename that it speaks of."""
    Path("old.json").write_text(json.dumps({"tree": {"x": [f"{name} one" for name in NAMES], "y": ["z"]}}))
    Path("new.json").write_text(json.dumps({"tree": {"x": [f"{name} onee" for name in NAMES], "y": ["z"]}}))
    shown = run("diff", "old.json", "new.json").stdout
    told = [line for line in shown.splitlines() if line.startswith("perhaps renamed")]
    assert len(told) == len(NAMES)
    hints = [line.rpartition(" (--rename ")[2].removesuffix(" says so)") for line in told]
    options = " ".join(f"--rename {hint}" for hint in hints)
    command = f"{shlex.quote(sys.executable)} -m taxoloss diff old.json new.json --json {options}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["columns"]["sources"] == [[n] for n in range(len(NAMES) + 1)]


def test_the_printed_lines_are_not_wrapped(folder: Path) -> None:
    """A long name stays on one line, as a shell needs it."""
    long = " ".join(["word"] * 60)
    Path("old.json").write_text(json.dumps({"tree": [f"{long} it's one", "b"]}))
    Path("new.json").write_text(json.dumps({"tree": [f"{long} it's onee", "b"]}))
    (line,) = (
        x for x in run("diff", "old.json", "new.json").stdout.splitlines() if x.startswith("perhaps")
    )
    hint = line.rpartition(" (--rename ")[2].removesuffix(" says so)")
    assert shlex.split(hint) == [f"{long} it's one={long} it's onee"]


PARTS = st.sampled_from(["a", "b", "a/b", "a=b", "=", "/", "[a]", '["a"]', "it's", "b/c", "c"])


@given(st.lists(st.tuples(PARTS, PARTS), min_size=2, max_size=8, unique=True), st.data())
@settings(max_examples=examples(200), deadline=None)
def test_any_node_has_a_text(rows: list[tuple[str, str]], data: st.DataObject) -> None:
    """That means it alone; and any two have an OLD=NEW."""
    t = taxoloss.Taxonomy.from_paths(rows)
    one, other = data.draw(st.integers(1, len(t.tree) - 1)), data.draw(st.integers(1, len(t.tree) - 1))
    text = text_of_node(t, one)
    said = text if nodes_called(t, text) else tuple(json.loads(text))
    assert nodes_called(t, said) == [one]
    pairs = pairs_of(as_option(t, one, t, other), t, t)
    meant = [(nodes_called(t, a), nodes_called(t, b)) for a, b in pairs]
    assert meant == [([one], [other])]


# -- Migration is public ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is not JSON"), ("[1]", 'it does not say "taxoloss": "migration 1"'),
        ('{"taxoloss": "migration 2"}', "say"),
        ('{"taxoloss": "migration 1"}',
        "it has no old_classes, new_classes, sources, nodes, names, old_digest, new_digest"),
        ("[" * 100_000, "it is not JSON"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_map(text: str, words: str, tmp_path: Path) -> None:
    """In its own words."""
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is no map that taxoloss diff wrote") as caught:
        taxoloss.Migration.load(path)
    assert words in str(caught.value)
    assert "Error" not in str(caught.value)


@pytest.mark.parametrize("key", ["old_classes", "sources", "nodes", "names", "old_digest"])
@pytest.mark.parametrize("value", [1, None, [1], [[["x"]]], "x"])
def test_a_map_whose_part_is_another(key: str, value: Any, tmp_path: Path, old: Any, new: Any) -> None:
    path = tmp_path / "m.json"
    old.diff(new).migration.save(path)
    data = json.loads(path.read_text())
    if key == "old_digest" and value == "x":
        return
    path.write_text(json.dumps({**data, key: value}))
    with pytest.raises(ValueError, match=r"m\.json is no (whole )?map") as caught:
        Migration.load(path)
    assert "Error" not in str(caught.value)


@pytest.mark.parametrize("value", [None, 5, "m.json", ["a"], Path("m.json"), True])
def test_what_is_no_map_no_tree_and_no_head(value: Any, old: Any, new: Any) -> None:
    """Each in words of its own."""
    migration, weight = old.diff(new).migration, "expected a weight as a torch tensor or numpy array"
    calls: list[tuple[Any, str]] = [
        (lambda: old.diff(value), "expected the later Taxonomy, got "),
        (lambda: new.migrate([1.0], migration=value), "expected migration as old.diff(new).migration, or "),
        (
            lambda: new.migrate(value, migration=migration),
            "expected a weight as a torch tensor or numpy array",
        ),
        (lambda: migration.rows(value), weight),
        (lambda: migration.log_probs([[value]]), "expected "),
    ]
    for call, words in calls:
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert str(caught.value).startswith(words)


def test_log_probs_of_lists_and_tensors() -> None:
    """As of the array of the same numbers; whole numbers too."""
    t = taxoloss.load({"tree": ["a", "b", "c"]}).bind()
    migration = t.diff(taxoloss.load({"tree": ["x", "c"]}).bind(), {"a": "x", "b": "x"}).migration
    wanted = migration.log_probs(np.array([[1.0, 1.0, 3.0]]))
    assert wanted.tolist() == [[1 + math.log(2), 3.0]]
    for values in (
        [[1, 1, 3]],
        np.array([[1, 1, 3]]),
        torch.tensor([[1.0, 1.0, 3.0]], dtype=torch.float64),
    ):
        np.testing.assert_allclose(migration.log_probs(values), wanted)


@pytest.mark.parametrize("kept", [False, True])
def test_branches_that_become_one_bring_their_classes_along(kept: bool) -> None:
    """What has one name below several of them is merged, at any depth, whichever rename comes first."""
    one, other = {"covers": ["small", "large"], "parts": None}, {"covers": ["small"], "dice": None}
    name = "Games" if kept else "Games & Puzzles"
    old = taxoloss.load({"tree": {"Toys": {"Puzzles": one, "Games": other}, "Books": None}}).bind()
    both = {"covers": ["small", "large"], "parts": None, "dice": None}
    new = taxoloss.load({"tree": {"Toys": {name: both}, "Books": None}}).bind()
    said = [("Toys/Puzzles", f"Toys/{name}")] + [("Toys/Games", f"Toys/{name}")] * (not kept)
    for renames in (dict(said), dict(reversed(said))):
        found = old.diff(new, renames)
        (merged,) = found.merged
        assert set(merged.old) == {
            (*("Toys", branch), "covers", "small") for branch in ("Puzzles", "Games")
        }
        assert merged.new == (("Toys", name, "covers", "small"),)
        assert found.removed == found.added == ()
        weight = torch.arange(1.0, 7.0)[:, None].expand(6, 2)
        moved, _ = new.migrate(weight, torch.zeros(6), migration=found.migration)
        rows = [old.node_id(f"Toys/{branch}/covers/small") for branch in ("Puzzles", "Games")]
        assert moved[new.node_id(f"Toys/{name}/covers/small")].tolist() == weight[rows].mean(0).tolist()
