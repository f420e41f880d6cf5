"""Bad files as data, fourth part: further parents of a node (`also_under`) that are none."""

from __future__ import annotations

from bad_files import json, mapping, want, yaml

_TWO = "levels: [a, b, c]\ntree:\n  - name: cat\n    children:\n"
_EXPECTED = "the path of another node, or its name where that is unique"

CASES = (
    yaml(
        "a further parent that is not there",
        "tree:\n  cat:\n    - {name: lynx, also_under: [wil]}\n  wild: [wolf]\n",
        want(
            "T213", 3, 33, "`lynx` is also under `wil`, which is no node of the tree", "mean `wild`?",
            under="wil", path=("cat", "lynx"), found="wil", expected=_EXPECTED,
        ),
    ),
    yaml(
        "a further parent by a path that is not there",
        "tree:\n  cat:\n    - {name: lynx, also_under: [wild/wof]}\n  wild: {wolf: [x]}\n",
        want("T213", 3, 33, "`wild/wof`", "did you mean `wolf` under `wild`?", under="wild/wof"),
    ),
    yaml(
        "the root as a further parent",
        "tree:\n  cat:\n    - {name: lynx, also_under: [[]]}\n  dog: [pug]\n",
        want("T213", 3, 33, "`[]`, which is no node", under="["),
    ),
    yaml(
        "a further parent whose name is not unique",
        "tree:\n  cat:\n    - {name: lynx, also_under: [big]}\n    - big\n  dog: [big]\n",
        want(
            "T213", 3, 33, "`big`, which names 2 nodes: `cat/big`, `dog/big`", "such as `cat/big`",
            under="big", found="big", expected=_EXPECTED,
        ),
    ),
    yaml(
        "a further parent that has a child of the name",
        "tree:\n  cat:\n    - {name: lynx, also_under: [wild]}\n    - pug\n  wild: [wolf, lynx]\n",
        want(
            "T201", 3, 33, "`lynx` stands twice under `wild`", "rename one", "first written here",
            under="wild", path=("cat", "lynx"), found="lynx",
        ),
    ),
    yaml(
        "two nodes of one name that are also under a third",
        "tree:\n  cat: [{name: lynx, also_under: [wild]}, pug]\n"
        "  dog: [{name: lynx, also_under: [wild]}]\n  wild: [wolf]\n",
        want("T201", 3, 35, "`lynx` stands twice under `wild`", under="wild", path=("dog", "lynx")),
    ),
    yaml(
        "a node below itself",
        "tree:\n  - {name: cat, also_under: [cat], children: [a]}\n  - dog\n",
        want("T211", 2, 30, "`cat` is also under itself", under="cat", expected="another node"),
    ),
    yaml(
        "a cycle of two homes",
        "tree:\n  - {name: cat, also_under: [pug], children: [a]}\n"
        "  - {name: dog, children: [{name: pug, also_under: [cat]}]}\n",
        want(
            "T211", 3, 53, "a cycle: `cat` > `pug` > `cat`", "`cat` is also under `pug`",
            "take `cat` out of `also_under` of `pug`",
            under="cat", path=("dog", "pug"), found="cat", expected="no cycle",
        ),
    ),
    yaml(
        "a cycle through what is written below",
        "tree:\n  - {name: cat, also_under: [a], children: [a]}\n  - dog\n",
        want("T211", 2, 30, "a cycle: `cat` > `a` > `cat`", "`a` is written under `cat`", under="a"),
    ),
    json(
        "a cycle in JSON",
        '{"tree": [{"name": "cat", "also_under": ["a"], "children": ["a"]}, "dog"]}',
        want("T211", 1, 42, "a cycle: `cat` > `a` > `cat`", under='"a"'),
    ),
    mapping(
        "a cycle in a mapping",
        {"tree": [{"name": "cat", "also_under": ["a"], "children": ["a"]}, "dog"]},
        want("T211", None, None, "a cycle: `cat` > `a` > `cat`", path=("cat",)),
    ),
    yaml(
        "written above a further parent",
        "tree:\n  - name: cat\n    children:\n      - {name: big, children: [lion]}\n"
        "      - {name: lynx, also_under: [big]}\n  - dog\n",
        want(
            "T214", 5, 35, "`lynx` is written under `cat`, and also under `big`, which is below it",
            "write it under `big`", under="big", path=("cat", "lynx"), found="big",
        ),
    ),
    yaml(
        "written at the top, above all further parents",
        "tree:\n  - {name: cat, children: [lion]}\n  - {name: lynx, also_under: [cat]}\n",
        want("T214", 3, 31, "`lynx` is written at the top, and also under `cat`", under="cat"),
    ),
    yaml(
        "a further parent on the node's own level",
        _TWO + "      - {name: lynx, level: b, also_under: [wolf]}\n  - {name: dog, children: [wolf]}\n",
        want(
            "T206", 5, 45, "`lynx` is on level `b`, not below the level of its further parent `wolf`",
            under="wolf", path=("cat", "lynx"), found="b", expected="one of c",
        ),
    ),
    yaml(
        "too deep by its longest path",
        "levels: [a, b]\ntree:\n  - {name: cat, children: [{name: lynx, also_under: [wolf]}]}\n"
        "  - {name: dog, children: [wolf]}\n",
        want("T204", 3, 35, "`lynx` is below the deepest level", under="lynx"),
    ),
    yaml(
        "one text where further parents are expected",
        "tree:\n  cat:\n    - {name: lynx, also_under: wild}\n  wild: [wolf]\n",
        want("T116", 3, 32, "`also_under` holds the text `wild`", under="wild"),
    ),
)  # fmt: skip
