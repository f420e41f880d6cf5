"""Bad files as data, third part: trees that make no sense, and files with many faults at once."""

from __future__ import annotations

from typing import Any

from bad_files import json, mapping, want, yaml


def _nested(depth: int) -> str:
    return "tree: " + "{a: " * (depth - 1) + "[x, y]" + "}" * (depth - 1) + "\n"


_SELF: dict[str, Any] = {"a": None}
_SELF["b"] = _SELF

MEANING = (
    yaml(
        "siblings twice",
        "tree:\n  cat: [a, b, a]\n  dog: [a]\n",
        want(
            "T201",
            2,
            15,
            "`a` stands twice under `cat`",
            "- first written here",
            under="a",
            path=("cat", "a"),
            found="a",
        ),
    ),
    yaml(
        "siblings twice at the top",
        "tree: [a, b, c, b]\n",
        want("T201", 1, 17, "`b` stands twice at the top", under="b", path=("b",)),
    ),
    yaml(
        "siblings equal after NFC",
        "tree:\n  caf\u00e9: [a]\n  cafe\u0301: [b]\n",
        want(
            "T201",
            3,
            3,
            "`caf\u00e9` stands twice at the top",
            "first written here",
            path=("caf\u00e9",),
            found="caf\u00e9",
        ),
    ),
    json(
        "JSON siblings equal after NFC",
        '{"tree": ["\\u00e9", "e\\u0301"]}',
        want("T201", 1, 21, "`\u00e9` stands twice at the top", under='"e\\u0301"'),
    ),
    mapping(
        "siblings of a mapping equal after NFC",
        {"tree": {"\u00e9": ["a"], "e\u0301": ["b"]}},
        want("T201", None, None, "`\u00e9` stands twice at the top", path=("\u00e9",)),
    ),
    yaml(
        "a written-out sibling twice",
        "tree:\n  - cat\n  - name: cat\n    children: [a, b]\n",
        want("T201", 3, 11, "`cat` stands twice at the top", under="cat"),
    ),
    yaml(
        "one leaf",
        "tree: [alone]\n",
        want(
            "T202",
            1,
            8,
            "the tree has 1 leaf, `alone`",
            under="alone",
            path=("tree",),
            expected="at least two leaves",
        ),
    ),
    yaml("one leaf in a chain", "tree: {a: {b: [c]}}\n", want("T202", 1, 16, "1 leaf, `c`")),
    json("one JSON leaf", '{"tree": ["a"]}', want("T202", 1, 11, "1 leaf, `a`", under='"a"')),
    yaml(
        "more depth than levels",
        "levels: [species]\ntree:\n  cat: [a, b]\n  dog:\n",
        want(
            "T204",
            3,
            9,
            "`a` is below the deepest level",
            under="a",
            path=("cat", "a"),
            found="depth 2",
            expected="at most 1 levels: species",
        ),
        want("T204", 3, 12, "`b` is below", "name one more level in `levels`", under="b"),
    ),
    yaml(
        "no levels at all",
        "levels: []\ntree: [a, b]\n",
        want("T204", 2, 8, "`a` is below the deepest level", expected="at most 0 levels: none"),
        want("T204", 2, 11, "`b` is below the deepest level"),
    ),
    yaml(
        "more depth than levels by a named level",
        "levels: [order, genus]\ntree:\n  - {name: x, level: genus, children: [a, b]}\n  - c\n",
        want("T204", 3, 40, "`a` is below the deepest level", under="a", path=("x", "a")),
        want("T204", 3, 43, "`b` is below the deepest level", under="b"),
    ),
    yaml(
        "unknown level",
        "levels: [order, genus]\ntree:\n  - {name: x, level: genis}\n  - y\n",
        want(
            "T205",
            3,
            22,
            "`x` names the level `genis`",
            "^^^^^",
            "did you mean `genus`?",
            path=("x",),
            found="genis",
            expected="one of order, genus",
        ),
    ),
    yaml(
        "level without levels",
        "tree:\n  - {name: x, level: genus}\n  - y\n",
        want("T205", 2, 22, "`genus`, which is not in `levels`", expected="a list `levels` at the top"),
    ),
    yaml(
        "levels not below the parent's",
        "levels: [o, g, s]\ntree:\n  - name: x\n    level: g\n    children:\n"
        "      - {name: y, level: g}\n      - {name: z, level: o}\n",
        want(
            "T206",
            6,
            16,
            "`y` is on level `g`, not below its parent's level",
            path=("x", "y"),
            found="g",
            expected="one of s",
        ),
        want("T206", 7, 16, "`z` is on level `o`", path=("x", "z"), found="o"),
    ),
    yaml(
        "levels named twice",
        "levels:\n  - a\n  - b\n  - a\ntree: [x, y]\n",
        want(
            "T209",
            4,
            5,
            "the level `a` is named twice",
            "- first written here",
            under="a",
            path=("levels", "a"),
            found="a",
        ),
    ),
    yaml(
        "levels equal after NFC",
        "levels:\n  - \u00e9\n  - e\u0301\ntree: [x, y]\n",
        want("T209", 3, 5, "the level `\u00e9` is named twice", found="\u00e9"),
    ),
    yaml(
        "alias of another leaf's name",
        "tree:\n  - {name: a, aliases: [b]}\n  - b\n",
        want(
            "T210",
            2,
            12,
            "the alias `b` of `a` also names another leaf",
            "- this one",
            found="b",
            path=("a",),
        ),
    ),
    yaml(
        "two equal aliases",
        "tree:\n  - {name: a, aliases: [x, k]}\n  - {name: b, aliases: [k]}\n",
        want("T210", 3, 12, "the alias `k` of `b` also names another leaf", found="k"),
    ),
)

LIMITS = (
    yaml("65 levels", _nested(65), want("T111", 1, 263, "the tree is deeper than 64 levels")),
    mapping(
        "a mapping in itself",
        {"tree": _SELF},
        want("T111", None, None, "the mapping nests deeper than 200"),
    ),
    yaml(
        "201 brackets",
        "tree: " + "[" * 200 + "]" * 200,
        want("T111", 1, 206, "brackets nest deeper than 200", under="["),
    ),
    yaml(
        "65 names in levels",
        "levels:" + "".join(f"\n  - level {i}" for i in range(1, 66)) + "\ntree: [a, b]\n",
        want("T111", 66, 5, "at most 64"),
    ),
    yaml(
        "huge scalars",
        f"tree:\n  - {'x' * 10_001}\n  - '{'y' * 20_000}'\n  - ok\n",
        want("T112", 2, 5, "a name of 10,001 characters; at most 10,000 are allowed"),
        want("T112", 3, 5, "a name of 20,000 characters"),
    ),
    yaml(
        "a huge text for people",
        f"description: {'z' * (2**20 + 1)}\ntree: [a, b]\n",
        want("T112", 1, 14, "a text of 1,048,577 characters; at most 1,048,576 are allowed"),
    ),
)

# -- several at once, of form and of meaning -------------------------------------------------------

MANY = (
    yaml(
        "head, tree and siblings",
        "nmae: x\nlevels: [s, b]\ntree:\n  cat: [a, a]\n  dog: Bengal\n  eel: []\n",
        want("T114", 1, 1, "`nmae`"),
        want("T201", 4, 12, "`a` stands twice under `cat`"),
        want("T116", 5, 8, "`dog` holds the text `Bengal`"),
        want("T118", 6, 8, "`eel` has no children"),
    ),
    yaml(
        "form and meaning below the head",
        "levels: [s, s]\ntree:\n  cat:\n    big: {lion: , tiger: }\n  dog: ['', b, b]\n  - x: 1\n".replace(
            "  - x: 1\n", "  eel: x\n"
        ),
        want("T209", 1, 13, "the level `s` is named twice"),
        want("T204", 4, 11, "`lion` is below the deepest level"),
        want("T204", 4, 19, "`tiger` is below the deepest level"),
        want("T117", 5, 9, "a name is empty"),
        want("T201", 5, 16, "`b` stands twice under `dog`"),
        want("T116", 6, 8, "`eel` holds the text `x`"),
    ),
    yaml(
        "meaning only",
        "levels: [{name: o, weight: 1}, genus]\ntree:\n  - {name: x, level: genes, aliases: [y]}\n"
        "  - y\n  - {name: z, children: [p, p]}\n",
        want("T207", 1, 32, "none for `genus`"),
        want("T210", 3, 12, "the alias `y` of `x`"),
        want("T205", 3, 22, "`x` names the level `genes`", "did you mean `genus`?"),
        want("T201", 5, 29, "`p` stands twice under `z`"),
    ),
    yaml(
        "an unknown key in the head hides no depth",
        "nmae: x\nlevels: [species]\ntree:\n  cat: [a, b]\n",
        want("T114", 1, 1, "did you mean `name`?"),
        want("T204", 4, 9, "`a` is below the deepest level"),
        want("T204", 4, 12, "`b` is below the deepest level"),
    ),
    yaml(
        "an unknown key in the head hides no level",
        "sourse: x\nlevels: [{name: s, weight: 0}, {name: s, weight: 0}]\ntree: [a, b]\n",
        want("T114", 1, 1, "did you mean `source`?"),
        want("T208", 2, 10, "all level weights are 0"),
        want("T209", 2, 32, "the level `s` is named twice"),
    ),
    yaml(
        "an unknown key in a node hides nothing below it",
        "tree:\n  - name: cat\n    aliass: [x]\n    children: [a, a]\n  - b\n",
        want("T114", 3, 5, "did you mean `aliases`?", path=("cat", "aliass")),
        want("T201", 4, 19, "`a` stands twice under `cat`", path=("cat", "a")),
    ),
    yaml(
        "an unknown key in a node hides not its name",
        "tree:\n  - cat\n  - {name: cat, aliass: [x]}\n",
        want("T114", 3, 17, "did you mean `aliases`?"),
        want("T201", 3, 12, "`cat` stands twice at the top"),
    ),
    yaml(
        "a key twice hides no other fault",
        "name: x\nname: y\nlevles: [s]\ntree:\n  cat: [a, a]\n",
        want("T110", 2, 1, "the key `name` stands twice"),
        want("T114", 3, 1, "did you mean `levels`?"),
        want("T201", 5, 12, "`a` stands twice under `cat`"),
    ),
    json(
        "JSON, several",
        '{"nme": "x",\n "levels": ["s", {"name": "t", "weight": "x"}],\n'
        ' "tree": {"a": [], "b": "c", "d": ["e", "e"]}}',
        want("T114", 1, 2, "did you mean `name`?", under='"nme"'),
        want("T119", 2, 42, "the weight is the text `x`", under='"x"'),
        want("T118", 3, 16, "`a` has no children"),
        want("T116", 3, 25, "`b` holds the text `c`", under='"c"'),
        want("T201", 3, 41, "`e` stands twice under `d`", under='"e"'),
    ),
    mapping(
        "a mapping, several",
        {"levls": ["s"], "tree": {"a": [], "b": "c", "d": ["e", "e"], "": ["f"]}},
        want("T114", None, None, "did you mean `levels`?", path=("levls",)),
        want("T118", None, None, "`a` has no children", "at: a", path=("a",)),
        want("T116", None, None, "`b` holds the text `c`", "at: b", path=("b",)),
        want("T201", None, None, "`e` stands twice under `d`", "at: d > e", path=("d", "e")),
        want("T117", None, None, "a name is empty", path=("",)),
    ),
)

CASES = (*MEANING, *LIMITS, *MANY)
