"""Findings: the dearest first, each code once for people, all for programs; and what --find finds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis_settings import CALM, examples
from trees import nested, ranked

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.explanations import explanations, register
from taxoloss.taxonomy.findings import find, summaries

#: One thing may be two nodes; a wrong level; a level that teaches little; a ragged tree.
ORDER = ["T409", "T410", "T408", "T411", "T406", "T407", "T402", "T401", "T403", "T404", "T405", "T412"]

#: Levels, rows: trees as people have them, with the codes that they are to show, in their order.
TREES: dict[str, tuple[list[str], Any, list[str]]] = {
    "a genus in two families": (
        ["order", "family", "genus", "species"],
        [("Carnivora", "Felidae", "Felis", "Felis catus"), ("Carnivora", "Canidae", "Canis", "Canis lupus"),
         ("Carnivora", "Felidae", "Canis", "Canis latrans"),
         ("Rodentia", "Muridae", "Mus", "Mus musculus"),
         ("Rodentia", "Muridae", "Mus", "Mus spretus")],
        ["T409", "T405"]),
    "a shop with Accessories everywhere": (
        ["department", "group", "product"],
        [(f"D{n}", "Accessories", f"p{n}{m}") for n in range(30) for m in range(2)],
        ["T409", "T402", "T405"]),
    "spelling": (
        ["species", "breed"],
        [("cat", "Maine Coon"), ("cat", "maine_coon"), ("cat", "MAINE COON"), ("dog", "a"), ("dog", "A")],
        ["T408"]),
    "twice, and spelling": (
        ["a", "b"], [("x", "one"), ("x", "One"), ("y", "one"), ("y", "ONE"), ("z", "two"), ("z", "three")],
        ["T409", "T408"]),
    "ragged": (
        ["a", "b", "c"],
        [("x", "", "p"), ("x", "q", "q1"), ("x", "q", "q2"), ("y", "", "r"), ("y", "", "s"), ("z", "", "")],
        ["T403", "T404"]),
    "columns in a wrong order": (
        ["order", "family", "species"],
        [("Felidae", "Carnivora", "cat"), ("Canidae", "Carnivora", "dog"), ("Muridae", "Rodentia", "rat")],
        ["T409", "T411", "T402", "T405"]),
    "one kingdom": (
        ["kingdom", "class", "species"],
        [*(("Animalia", "Aves", f"bird {n}") for n in range(20)), ("Animalia", "Mammalia", "cat")],
        ["T406", "T407", "T405"]),
    "nine ranks that are alike": (
        [f"rank {n}" for n in range(9)],
        [tuple(f"{n} {name}" for n in range(9)) for name in ("cat", "dog", "ant")],
        ["T402", "T405"]),
}  # fmt: skip


def made(name: str) -> Taxonomy:
    levels, rows, _ = TREES[name]
    return Taxonomy.from_paths(rows, levels)


@pytest.mark.parametrize("name", TREES)
def test_the_dearest_first(name: str) -> None:
    """The codes of a tree, each once, in the order that is documented."""
    codes = [finding.code for finding in summaries(find(made(name)))]
    assert codes == sorted(codes, key=ORDER.index)
    assert codes == TREES[name][2]


def test_the_order_is_that_of_the_register() -> None:
    """All codes of warnings have a place, and the register says the same order."""
    assert sorted(ORDER) == [code for code in explanations() if code.startswith("T4")]
    said = register().partition("\n## ")[0].partition("Warnings are shown")[2]
    assert re.findall(r"T4\d\d", said) == ORDER


@given(case=ranked() | nested())
@settings(CALM, max_examples=examples(100))
def test_each_code_once(case: Any) -> None:
    """In the order, no code lost, at most three examples, and the count that is told is the count."""
    try:
        t = taxoloss.load(case)
    except taxoloss.TaxonomyError:
        return
    found = list(find(t))
    shown = summaries(found)
    codes = [finding.code for finding in found]
    assert codes == sorted(codes, key=ORDER.index)
    assert [finding.code for finding in shown] == list(dict.fromkeys(codes))
    for finding in shown:
        count = codes.count(finding.code)
        if count > 1:
            assert finding.message.startswith(f"{count:,} ")
            assert finding.message.endswith(f" and {count - 3:,} more") == (count > 3)
        for path in finding.paths:
            assert t.index.by_path(path)


@pytest.mark.parametrize("several", [2, 3, 4, 40, 1_500])
def test_many_of_one_code(several: int) -> None:
    """A count, three examples, the rest counted; as one line."""
    rows = [(f"g{n}", name) for n in range(several) for name in (f"red fox {n}", f"Red_Fox_{n}")]
    (finding,) = (f for f in summaries(find(Taxonomy.from_paths(rows))) if f.code == "T408")
    assert finding.message.startswith(f"{several:,} pairs of siblings or classes differ only in case")
    assert finding.message.count(" and `g") + finding.message.count("`; `g") == 2 * min(several, 3) - 1
    assert (f" and {several - 3:,} more" in finding.message) == (several > 3)


def test_a_name_in_two_places_shows_both() -> None:
    """A group that stands in two places before a word that stands in 30, before a class."""
    rows = [(f"D{n}", "Accessories", f"p{n}{m}") for n in range(30) for m in range(2)]
    rows += [("D0", "Shoes", "boot"), ("D1", "Shoes", "clog"), ("D0", "Hats", "cap"), ("D1", "Caps", "cap")]
    message = next(find(Taxonomy.from_paths(rows))).message
    assert message == (
        "3 names in more than one place (the path tells them apart): `D0/Shoes` and `D1/Shoes`; "
        "`D0/Hats/cap` and `D1/Caps/cap`; `D0/Accessories` and `D1/Accessories` and 28 more places"
    )


def test_inspect_shows_every_code_and_json_has_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of pairs of one code hide no other."""
    monkeypatch.chdir(tmp_path)
    pairs = [("x", f"g{n}", name) for n in range(30) for name in (f"red fox {n}", f"Red_Fox_{n}")]
    rows = [*pairs, ("y", "g1", "dog"), ("y", "h", "")]
    Taxonomy.from_paths(rows, ["a", "b", "c"]).save("t.yaml")
    text = run("inspect", "t.yaml").stdout
    shown = re.findall(r"^(T4\d\d) ", text, re.MULTILINE)
    assert shown == ["T409", "T408", "T407", "T404", "T405"]
    assert "30 pairs of siblings or classes differ only in" in text
    assert "and 27 more" in text
    findings = json.loads(run("inspect", "t.yaml", "--json").stdout)["findings"]
    assert [finding["code"] for finding in findings].count("T408") == 30
    assert {finding["code"] for finding in findings} == set(shown)
    assert all(
        set(finding) == {"code", "message", "paths", "file", "line", "column"} for finding in findings
    )


# -- inspect --find --------------------------------------------------------------------------------

FOUND = {"tree": [
    {"name": "541511", "description": "Custom Computer Programming\nServices", "aliases": ["NAICS 541511"]},
    {"name": "541512", "description": "Computer Systems Design Services"},
    {"name": "a/b", "children": ["x", {"name": "y", "aliases": ["why"]}]},
    {"name": "Caf\u00e9", "children": ["bar", "STRASSE"]},
]}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "nodes", "where"),
    [
        ("custom computer", ["541511"], "the description: Custom Computer Programming Services"),
        ("SERVICES", ["541511", "541512"], "the description: "), ("54151", ["541511", "541512"], None),
        ("541511", ["541511"], None), ("NAICS 541511", ["541511"], "the alias NAICS 541511"),
        ("naics", ["541511"], "the alias NAICS 541511"), ("WH", ["a/b/y"], "the alias why"),
        ("a/b", ["a/b"], None), ("a/b/x", ["a/b/x"], "path"), ("B/X", ["a/b/x"], "path"),
        ("cafe\u0301", ["Caf\u00e9"], None), ("stra\u00dfe", ["Caf\u00e9/STRASSE"], None),
        ("no such thing", [], None),
    ],
)  # fmt: skip
def test_what_is_found_and_where(
    text: str, nodes: list[str], where: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In names, aliases, paths and descriptions; where not in the name, it is said."""
    monkeypatch.chdir(tmp_path)
    Path("t.json").write_text(json.dumps(FOUND))
    found = json.loads(run("inspect", "t.json", "--find", text, "--json").stdout)["found"]
    assert ["/".join(node["path"]) for node in found] == nodes
    told = run("inspect", "t.json", "--find", text).stdout
    if nodes:
        assert f"found {text} in {len(nodes)} node{'s' if len(nodes) > 1 else ''}\n" in told
        assert ("found in" in told) == (where is not None)
        assert where is None or where in told
        assert {node["found_in"] for node in found} == {
            (where or "name").removeprefix("the ").split()[0].rstrip(":")
        }
    else:
        assert "no node is called `no such thing`, and no alias, path or description holds it" in told


def test_bundled_codes_by_their_titles() -> None:
    """The industry that nobody finds by its number."""
    (node,) = json.loads(run("inspect", "naics2022", "--find", "custom computer", "--json").stdout)["found"]
    assert (node["path"][-1], node["found_in"]) == ("541511", "description")
