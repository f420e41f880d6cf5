"""Good but odd files: accepted, and every name read exactly as it was written."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

import taxoloss
from taxoloss import Taxonomy


def loaded(text: str | bytes, folder: Path, suffix: str = ".yaml") -> Taxonomy:
    """The taxonomy of a text, through a file."""
    path = folder / f"good{suffix}"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return taxoloss.load(path)


def in_all_forms(tree: Any, folder: Path, yaml_text: str) -> Taxonomy:
    """The taxonomy of one tree as YAML, JSON and mapping; their digests must be one."""
    from_yaml = loaded(yaml_text, folder)
    from_json = loaded(json.dumps({"tree": tree}), folder, ".json")
    from_raw_json = loaded(json.dumps({"tree": tree}, ensure_ascii=False), folder, ".json")
    from_mapping = taxoloss.load({"tree": tree})
    digests = {t.digest for t in (from_yaml, from_json, from_raw_json, from_mapping)}
    assert len(digests) == 1
    return from_yaml


# -- names are text --------------------------------------------------------------------------------

PLAIN = [
    "no", "on", "yes", "off", "y", "n", "True", "false", "null", "~", "Null", "010", "0o17", "0x1F",
    "1e3", "1.10", "1_000", "+1", "-1", ".5", ".inf", ".nan", "12:30", "190:20:30", "2024-01-01",
    "2001-12-14t21:59:43.10-05:00", "0", "00", "=", "a/b", "a b", "a  b", "it's", 'say "x"', "a#b",
    "a:b", "-a", "a-", "?a", ":a", "100%", "C++", "name", "level", "children", "tree", "<3", "a\\b",
    "\u732b", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\U0001f468\u200d\U0001f469",
    "Stra\u00dfe", "\U0001f431", "\u0130x", "\ufb01sh",
]  # fmt: skip
QUOTED = [
    "a: b", "#a", "- a", " a", "a ", "[a]", "{a}", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a`",
    "a, b", "<<", "---", "...", "'", '"', "\u00a0a", "a: ", "? a", "a #b", "null ", "/", "//", "a/",
]  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_plain_names_in_a_block_list(name: str, tmp_path: Path) -> None:
    """A list item without quotes is the text that stands there."""
    t = in_all_forms([name, "other"], tmp_path, f"tree:\n  - {name}\n  - other\n")
    assert t.classes == (name, "other")


@pytest.mark.parametrize("name", PLAIN)
def test_plain_names_as_keys(name: str, tmp_path: Path) -> None:
    """A key without quotes is the text that stands there, for inner nodes and leaves."""
    text = f"tree:\n  {name}:\n    {name}:\n    x: ~\n  other:\n"
    tree = {name: {name: None, "x": None}, "other": None}
    t = in_all_forms(tree, tmp_path, text)
    assert t.paths() == ((name, name), (name, "x"), ("other",))


@pytest.mark.parametrize("name", PLAIN + QUOTED)
def test_quoted_names(name: str, tmp_path: Path) -> None:
    """In quotes of either kind, as item and as key."""
    single = "'" + name.replace("'", "''") + "'"
    double = json.dumps(name, ensure_ascii=False)
    tree = {name: [name, "x"], "other": [name]}
    for quoted in (single, double):
        text = f"tree:\n  {quoted}: [{quoted}, x]\n  other:\n    - {quoted}\n"
        t = in_all_forms(tree, tmp_path, text)
        assert t.paths() == ((name, name), (name, "x"), ("other", name))


NULLS = ("null", "~", "Null")  # as the value of a key they are nothing; ":a", "?a": not in [...]


@pytest.mark.parametrize("name", [name for name in PLAIN if name not in (*NULLS, ":a", "?a")])
def test_plain_names_in_the_head(name: str, tmp_path: Path) -> None:
    """Levels, name, version, aliases and descriptions are text as well."""
    text = (
        f"version: {name}x\nlevels: [{name}, zz]\ntree:\n  - name: {name}\n    level: {name}\n"
        f"    aliases: [{name}, 1.10]\n    description: x{name}\n  - b\n"
    )
    t = loaded(text, tmp_path)
    assert t.levels == (name, "zz")
    assert t.version == f"{name}x"
    assert t.classes == (name, "b")
    assert t.aliases == {1: (name, "1.10")}
    assert t.descriptions == {1: f"x{name}"}


@pytest.mark.parametrize("null", ["null", "~", "Null", "NULL"])
def test_null_in_a_flow_list_is_a_name(null: str, tmp_path: Path) -> None:
    """As the item of a list `null` and `~` are names."""
    assert loaded(f"tree: [{null}, b]\n", tmp_path).classes == (null, "b")


def test_json_scalars_in_a_list_are_names(tmp_path: Path) -> None:
    """Numbers, truth values and null in a JSON list are the text that stands there."""
    t = loaded('{"tree": [1, 1.10, 1e3, -0, true, null, "x"]}', tmp_path, ".json")
    assert t.classes == ("1", "1.10", "1e3", "-0", "true", "null", "x")


def test_a_json_integer_of_five_thousand_digits(tmp_path: Path) -> None:
    """Python refuses to make a number of it; as a name it is text."""
    digits = "7" * 5_000
    t = loaded(f'{{"tree": [{digits}, "x"]}}', tmp_path, ".json")
    assert t.classes == (digits, "x")


# -- leaves in mappings ----------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", ["", " null", " ~", " Null", " NULL", " # a comment"])
def test_nothing_as_a_value_is_a_leaf(nothing: str, tmp_path: Path) -> None:
    """Nothing, null and ~ after the colon."""
    t = loaded(f"tree:\n  cat:{nothing}\n  dog:\n    pug:{nothing}\n    boxer:\n", tmp_path)
    assert t.paths() == (("cat",), ("dog", "pug"), ("dog", "boxer"))
    assert t.digest == taxoloss.load({"tree": {"cat": None, "dog": ["pug", "boxer"]}}).digest


def test_classes_called_as_keys_are(tmp_path: Path) -> None:
    """In mappings `name`, `level`, `children`, `tree` are names like any other."""
    tree = {
        "name": ["children", "level"],
        "level": {"name": None, "children": ["name"]},
        "tree": None,
        "aliases": {"description": {"name": ["name", "levels"]}},
    }
    text = (
        "tree:\n  name: [children, level]\n  level:\n    name:\n    children: [name]\n  tree:\n"
        "  aliases: {description: {name: [name, levels]}}\n"
    )
    t = in_all_forms(tree, tmp_path, text)
    assert t.paths() == (
        ("name", "children"), ("name", "level"), ("level", "name"), ("level", "children", "name"),
        ("tree",), ("aliases", "description", "name", "name"),
        ("aliases", "description", "name", "levels"),
    )  # fmt: skip


# -- long forms ------------------------------------------------------------------------------------

SHORT = {"tree": {"cat": ["Bengal", "Sphynx"], "dog": {"pug": None, "hound": ["beagle", "x"]}}}
LONG = """\
tree:
  - name: cat
    children:
      - Bengal
      - {name: Sphynx, aliases: [sphinx, "1.10"], description: no hair}
  - children:
      - name: pug
      - {children: {beagle: , x: }, name: hound}
    name: dog
"""


def test_the_long_form_is_the_same_tree(tmp_path: Path) -> None:
    """Written-out nodes and short ones give one digest; keys may stand in any order."""
    t = loaded(LONG, tmp_path)
    assert t.digest == taxoloss.load(SHORT).digest
    assert t.aliases == {3: ("sphinx", "1.10")}
    assert t.descriptions == {3: "no hair"}


def test_the_head_and_levels(tmp_path: Path) -> None:
    """Every key of the head, and levels with weights and descriptions."""
    t = loaded(
        "description: two\n  lines\nsource: https://x.org/a#b\nlicence: CC0\nversion: 1.10\n"
        "levels:\n  - {name: species, weight: 0}\n"
        "  - {name: breed, weight: 1e-1, description: the class}\n"
        "name: no\ntree: {cat: [a, b], dog: [c]}\n",
        tmp_path,
    )
    assert (t.name, t.version, t.licence, t.source) == ("no", "1.10", "CC0", "https://x.org/a#b")
    assert t.description == "two lines"
    assert t.levels == ("species", "breed")
    assert t.level_weights == {"species": 0.0, "breed": 0.1}
    assert t.level_descriptions == {"breed": "the class"}


def test_named_levels_with_missing_ranks(tmp_path: Path) -> None:
    """A node that names its level may skip ranks; the nearest node below stands for it."""
    t = loaded(
        "levels: [order, family, genus, species]\ntree:\n  - name: o1\n    children:\n"
        "      - {name: g1, level: genus, children: [s1, s2]}\n      - {name: f1, children: [g2]}\n"
        "  - {name: s3, level: species}\n  - o2\n",
        tmp_path,
    )
    assert t.nodes("order") == ("o1", "s3", "o2")
    assert t.nodes("family") == ("g1", "f1", "s3", "o2")
    assert t.nodes("genus") == ("g1", "g2", "s3", "o2")
    assert t.nodes("species") == ("s1", "s2", "g2", "s3", "o2")
    assert t.classes == t.nodes("species")


def test_more_levels_than_depth(tmp_path: Path) -> None:
    """A level that no node occupies is a finding, not a fault: leaves stand for themselves."""
    t = loaded("levels: [a, b, c]\ntree: {x: [p, q], y: }\n", tmp_path)
    assert t.levels == ("a", "b", "c")
    assert t.nodes("b") == t.nodes("c") == ("p", "q", "y")


def test_one_level(tmp_path: Path) -> None:
    """A one-level tree is a list; a mapping of nothing says the same."""
    t = in_all_forms(["b", "a", "c"], tmp_path, "tree:\n- b\n- a\n- c\n")
    assert (t.levels, t.classes) == (("depth_1",), ("b", "a", "c"))
    assert t.digest == taxoloss.load({"tree": {"b": None, "a": None, "c": None}}).digest


@pytest.mark.parametrize("depth", [2, 20, 64])
def test_a_chain_of_single_children(depth: int, tmp_path: Path) -> None:
    """Up to 64 levels, flow or block, short or written out."""
    names = [f"n{i}" for i in range(depth - 1)]
    tree: Any = ["x", "y"]
    long: Any = ["x", "y"]
    for name in reversed(names):
        tree = {name: tree}
        long = [{"name": name, "children": long}]
    flow = "tree: " + "".join(f"{{{name}: " for name in names) + "[x, y]" + "}" * (depth - 1)
    t = in_all_forms(tree, tmp_path, flow)
    assert t.paths() == ((*names, "x"), (*names, "y"))
    assert len(t.levels) == depth
    assert taxoloss.load({"tree": long}).digest == t.digest
    assert loaded(json.dumps({"tree": long}), tmp_path, ".json").digest == t.digest
    block = "tree:\n" + "".join(" " * i + f"{n}:\n" for i, n in enumerate(names, 1))
    block += "".join(" " * depth + f"- {leaf}\n" for leaf in "xy")
    assert loaded(block, tmp_path).digest == t.digest


# -- bytes -----------------------------------------------------------------------------------------

BLOCK = "name: x\n# a comment\ntree:\n  cat:\n    - a\n    - 'b c'\n  dog: [d]  # another\n"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark(mark: bytes, end: str, tmp_path: Path) -> None:
    """LF, CRLF and CR, with and without a UTF-8 mark, YAML and JSON."""
    t = loaded(mark + BLOCK.replace("\n", end).encode(), tmp_path)
    assert t.paths() == (("cat", "a"), ("cat", "b c"), ("dog", "d"))
    tree = {"cat": ["a", "b c"], "dog": ["d"]}
    text = json.dumps({"name": "x", "tree": tree}, indent=1).replace("\n", end)
    assert loaded(mark + text.encode(), tmp_path, ".json").digest == t.digest


def test_nfd_input_is_nfc(tmp_path: Path) -> None:
    """Names written in either normal form are one tree, and are read in NFC."""
    names = ["caf\u00e9", "\u00c5ngstr\u00f6m", "\uac00", "\u0928\u093c"]
    trees = []
    for form in ("NFC", "NFD"):
        tree = {unicodedata.normalize(form, n): [unicodedata.normalize(form, n)] for n in names}
        text = "tree:\n" + "".join(f"  {key}: [{leaf}]\n" for key, (leaf,) in tree.items())
        trees.append(in_all_forms(tree, tmp_path, text))
    assert trees[0].digest == trees[1].digest
    assert trees[1].classes == tuple(unicodedata.normalize("NFC", name) for name in names)


def test_json_escapes(tmp_path: Path) -> None:
    """Surrogate pairs are one character; \\/ and \\u002e are what they stand for."""
    names = '["a\\/b", "\\u0061\\u002e", "\\"q\\"", "\\\\"]'
    text = f'{{"tr\\u0065e": {{"\\ud83d\\udc31": {names}, "z": null}}}}'
    t = loaded(text, tmp_path, ".json")
    assert t.paths() == (
        ("\U0001f431", "a/b"), ("\U0001f431", "a."), ("\U0001f431", '"q"'), ("\U0001f431", "\\"),
        ("z",),
    )  # fmt: skip


def test_tabs_where_json_allows_them(tmp_path: Path) -> None:
    """Between the tokens raw, and in a description by its escape."""
    text = '{\t"description":\t"a\\tb",\r\n\t"tree":\t["x",\t"y"]\t}'
    t = loaded(text, tmp_path, ".json")
    assert t.classes == ("x", "y")
    assert t.description == "a\tb"


def test_yaml_escapes_block_and_folded_texts(tmp_path: Path) -> None:
    """Double quotes know escapes; | and > are texts for descriptions."""
    t = loaded(
        'tree: ["\\x41", "\\u00e9", "\\U0001F431", "\\x41/\\"B\\""]\ndescription: |\n  a\n  b\n'
        "source: >\n  c\n  d\n",
        tmp_path,
    )
    assert t.classes == ("A", "\u00e9", "\U0001f431", 'A/"B"')
    assert t.description == "a\nb\n"
    assert t.source == "c d\n"


@pytest.mark.parametrize(
    "text",
    [
        "---\ntree: {cat: [a, b], dog: [c]}\n",
        "--- # start\ntree: {cat: [a, b], dog: [c]}\n...\n",
        "%YAML 1.1\n---\ntree: {cat: [a, b], dog: [c]}\n",
        "{tree: {cat: [a, b,], dog: [c],}}",
        '{"tree": {"cat": ["a", "b"], "dog": ["c"]}}',
        "tree:\n  ? cat\n  : - a\n    - b\n  ? dog\n  : [c]\n",
        "tree:\n    cat:\n    - a\n    -   b\n    dog:\n     - c",
        "tree: {\n  cat: [\na, b\n],\n\n  dog: [c]\n}\n",
        "levels:\ntree:\n  cat: [a, b]\n  dog: [c]\nname:\ndescription: ~\n",
    ],
)
def test_ways_to_write_one_tree(text: str, tmp_path: Path) -> None:
    """Flow and block, a directive, markers of a document, trailing commas, empty head keys."""
    tree = {"cat": ["a", "b"], "dog": ["c"]}
    expected = taxoloss.load({"tree": tree})
    assert loaded(text, tmp_path).digest == expected.digest
    assert loaded(text, tmp_path, ".taxonomy").digest == expected.digest
    assert loaded(text, tmp_path, "").digest == expected.digest


def test_equal_names_in_different_branches(tmp_path: Path) -> None:
    """Identity is the path: a name may stand anywhere once under each parent."""
    tree = {"a": {"a": ["a", "b"], "b": ["a", "b"]}, "b": None}
    t = in_all_forms(tree, tmp_path, "tree: {a: {a: [a, b], b: [a, b]}, b: }\n")
    assert t.classes == ("a", "b", "a", "b", "b")
    assert len(set(t.paths())) == 5


def test_names_that_differ_in_case_only(tmp_path: Path) -> None:
    """Equal after casefold is a warning of `inspect`, not an error."""
    assert loaded("tree: [Cat, cat, CAT]\n", tmp_path).classes == ("Cat", "cat", "CAT")


def test_mappings_and_sequences_of_other_classes() -> None:
    """A program may hold tuples, and mappings that are no dicts."""
    from collections import OrderedDict
    from types import MappingProxyType

    dog = MappingProxyType({"c": None})
    source = MappingProxyType({"tree": OrderedDict(cat=("a", "b"), dog=dog)})
    assert taxoloss.load(source).paths() == (("cat", "a"), ("cat", "b"), ("dog", "c"))


def test_a_long_name(tmp_path: Path) -> None:
    """10,000 characters are allowed."""
    name = "x" * 10_000
    t = in_all_forms([name, "y"], tmp_path, f"tree:\n  - {name}\n  - y\n")
    assert t.classes == (name, "y")
