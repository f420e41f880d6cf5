"""Bad files as data, second half: keys and values out of place, and trees that make no sense."""

from __future__ import annotations

from bad_files import NOT_TREE, json, mapping, want, yaml

CHILDREN = "a list or a mapping of children, or nothing for a leaf"
NUMBER = "a number, 0 or larger"
HEAD = "one of name, description, source, version, licence, levels, tree"
NODE = "one of name, level, aliases, also_under, description, children"

# -- keys ------------------------------------------------------------------------------------------

KEYS = (
    yaml(
        "unknown key in the head",
        "nmae: pets\ntree: [a, b]\n",
        want(
            "T114",
            1,
            1,
            "there is no key `nmae`",
            "did you mean `name`?",
            under="nmae",
            found="nmae",
            expected=HEAD,
            path=("nmae",),
        ),
    ),
    yaml(
        "unknown key like no other",
        "tree: [a, b]\nzzzzz: 1\n",
        want("T114", 2, 1, "there is no key `zzzzz`", under="zzzzz", expected=HEAD),
    ),
    yaml(
        "unknown key in a level",
        "levels:\n  - name: species\n    wieght: 1\ntree: [a, b]\n",
        want(
            "T114",
            3,
            5,
            "no key `wieght`",
            "did you mean `weight`?",
            under="wieght",
            expected="one of name, weight, description",
            path=("levels", "0", "wieght"),
        ),
    ),
    yaml(
        "unknown keys in nodes",
        "tree:\n  - name: cat\n    childern: [a, b]\n  - {name: d, alias: [x]}\n",
        want(
            "T114",
            3,
            5,
            "no key `childern`",
            "did you mean `children`?",
            under="childern",
            expected=NODE,
            path=("cat", "childern"),
        ),
        want("T114", 4, 15, "no key `alias`", "did you mean `aliases`?", under="alias"),
    ),
    yaml(
        "no tree",
        "name: pets\nlevels: [species]\n",
        want("T115", 1, 1, "the key `tree` is missing", path=("tree",)),
    ),
    yaml(
        "misspelt tree",
        "name: pets\nTreee: [a, b]\n",
        want("T114", 2, 1, "no key `Treee`", "did you mean `tree`?", under="Treee"),
        want("T115", 1, 1, "the key `tree` is missing", "did you mean `tree` by `Treee`?"),
    ),
    yaml(
        "level without a name",
        "levels: [{weight: 1}]\ntree: [a, b]\n",
        want("T115", 1, 10, "the key `name` is missing", path=("levels", "0", "name")),
    ),
    yaml(
        "level's name as a key",
        "levels:\n  - species: 0.3\ntree: [a, b]\n",
        want("T114", 2, 5, "no key `species`", under="species"),
        want("T115", 2, 5, "the key `name` is missing"),
    ),
    yaml(
        "dashes",
        "tree:\n  - cat: [a, b]\n  - dog: [c]\n",
        want(
            "T120",
            2,
            5,
            "`cat` is a mapping inside a list",
            "help: remove the dash",
            under="cat",
            path=("cat",),
            found="cat",
        ),
        want(
            "T120",
            3,
            5,
            "`dog` is a mapping inside a list",
            "help: remove the dash",
            under="dog",
            path=("dog",),
            found="dog",
        ),
    ),
    yaml(
        "dash below a node",
        "tree:\n  cat:\n    - big: {lion: , tiger: }\n",
        want("T120", 3, 7, "remove the dash", under="big", path=("cat", "big")),
    ),
    yaml(
        "misspelt name of a node",
        "tree:\n  - nmae: cat\n  - b\n",
        want("T120", 2, 5, "did you mean `name` by `nmae`?", under="nmae"),
    ),
    json(
        "a mapping inside a JSON list",
        '{"tree": [{"cat": ["a", "b"]}, "c"]}',
        want("T120", 1, 12, "`cat` is a mapping inside a list", under='"cat"', path=("cat",)),
    ),
)

# -- values out of place ---------------------------------------------------------------------------

VALUES = (
    yaml(
        "a list as file",
        "[a, b]\n",
        want("T116", 1, 1, "the file holds a list", found="a list", expected=NOT_TREE),
    ),
    yaml(
        "a text as file",
        "pets\n",
        want("T116", 1, 1, "the file holds the text `pets`", under="pets", expected=NOT_TREE),
    ),
    json("a JSON list as file", '["a"]', want("T116", 1, 1, "holds a list", expected=NOT_TREE)),
    json("a JSON text as file", '"a"', want("T116", 1, 1, "the text `a`", expected=NOT_TREE)),
    yaml(
        "text instead of children",
        "tree:\n  cat: Bengal\n  dog: [a, b]\n",
        want(
            "T116",
            2,
            8,
            "`cat` holds the text `Bengal`",
            "written as a list: [Bengal]",
            under="Bengal",
            path=("cat",),
            found="the text `Bengal`",
            expected=CHILDREN,
        ),
    ),
    yaml("text as tree", "tree: pets\n", want("T116", 1, 7, "`tree` holds", expected=CHILDREN)),
    yaml("nothing as tree", "tree:\n", want("T116", 1, 6, "`tree` holds nothing")),
    yaml(
        "list in a list",
        "tree:\n  - [a, b]\n  - c\n",
        want(
            "T116",
            2,
            5,
            "a list of nodes holds a list",
            found="a list",
            expected="a name, or a node written out with `name` and `children`",
        ),
    ),
    yaml(
        "empty tree",
        "tree: []\n",
        want("T118", 1, 7, "the tree has no children: an empty list", expected="at least one child"),
    ),
    yaml(
        "inner nodes without children",
        "tree:\n  cat: []\n  dog: {}\n  eel: [a, b]\n",
        want(
            "T118",
            2,
            8,
            "`cat` has no children: an empty list",
            path=("cat",),
            expected="at least one child",
        ),
        want(
            "T118",
            3,
            8,
            "`dog` has no children: an empty mapping",
            "nothing after the colon",
            path=("dog",),
        ),
    ),
    yaml(
        "written-out nodes without children",
        "tree:\n  - {name: cat, children: []}\n  - name: dog\n    children:\n  - b\n",
        want("T118", 2, 27, "`cat` has no children: an empty list", path=("cat",)),
        want("T118", 4, 14, "`children` of `dog` is empty", "leave the key out", path=("dog",)),
    ),
    yaml(
        "empty names",
        'tree:\n  "": [a]\n  cat: ["  ", b]\n',
        want("T117", 2, 3, "a name is empty", under='""', path=("",)),
        want("T117", 3, 9, "a name is empty", under='"  "', path=("cat", "  "), found="  "),
    ),
    yaml(
        "empty item",
        "tree:\n  -\n  - b\n",
        want("T117", 2, 4, "a name is empty"),
    ),
    yaml(
        "empty names in the head and in a node",
        'name: ""\nlevels: [""]\ntree:\n  - {name: "", aliases: [""]}\n  - b\n',
        want("T117", 1, 7, "a name is empty", path=("name",)),
        want("T117", 2, 10, "a name is empty"),
        want("T117", 4, 12, "a name is empty"),
        want("T117", 4, 26, "a name is empty"),
    ),
    yaml(
        "levels as a mapping",
        "levels: {species: 0.3, breed: 0.7}\ntree: [a, b]\n",
        want(
            "T116",
            1,
            9,
            "`levels` holds a mapping",
            path=("levels",),
            found="a mapping",
            expected="a list of names, one a level, top to bottom",
        ),
    ),
    yaml(
        "levels as a text",
        "levels: species\ntree: [a, b]\n",
        want("T116", 1, 9, "`levels` holds the text `species`", under="species"),
    ),
    yaml(
        "aliases as a text, a list as a level",
        "tree:\n  - {name: a, aliases: x}\n  - {name: b, level: [y]}\n",
        want("T116", 2, 24, "`aliases` holds the text `x`", expected="a list of names", under="x"),
        want("T116", 3, 22, "`level` holds a list", expected="text"),
    ),
    yaml(
        "a list as description",
        "description: [x]\ntree: [a, b]\n",
        want("T116", 1, 14, "`description` holds a list", expected="text"),
    ),
    mapping(
        "numbers in a mapping",
        {"tree": {1: ["a"], "cat": [2, None], "dog": 3.5}},
        want("T116", None, None, "the key 1 is int", "write it as text: '1'", expected="text"),
        want("T116", None, None, "a list of nodes holds int 2", found="int 2", path=("cat",)),
        want("T117", None, None, "a name is empty"),
        want("T116", None, None, "`dog` holds float 3.5", expected=CHILDREN, path=("dog",)),
    ),
    mapping("an empty mapping", {}, want("T115", None, None, "the key `tree` is missing")),
    mapping(
        "an unknown key in a mapping",
        {"tree": ["a", "b"], "level": ["x"]},
        want("T114", None, None, "no key `level`", "did you mean `levels`?", path=("level",)),
    ),
)


def _weight(text: str, said: str) -> tuple[str, str, object]:
    source = f"levels:\n  - {{name: s, weight: {text}}}\ntree: [a, b]\n"
    return (
        f"weight {text}",
        source,
        want(
            "T119",
            2,
            23,
            f"the weight is {said}",
            expected=NUMBER,
            path=("levels", "0", "weight"),
            found=said,
        ),
    )


WEIGHTS = (
    *(
        yaml(*_weight(text, f"the text `{text}`"))  # type: ignore[arg-type]
        for text in ("-0.5", ".nan", "nan", "NaN", ".inf", "inf", "-inf", "heavy", "true", "1;5")
    ),
    yaml(*_weight("[1]", "a list")),  # type: ignore[arg-type]
    json(
        "JSON weights",
        '{"levels": [{"name": "s", "weight": NaN}, {"name": "t", "weight": true},\n'
        '{"name": "u", "weight": -1}], "tree": ["a", "b"]}',
        want("T119", 1, 37, "the weight is the text `NaN`", under="NaN"),
        want("T119", 1, 67, "the weight is the text `true`", under="true"),
        want("T119", 2, 25, "the weight is the text `-1`", under="-1"),
    ),
    *(
        mapping(
            f"weight {value!r} of a mapping",
            {"levels": [{"name": "s", "weight": value}], "tree": ["a", "b"]},
            want(
                "T119",
                None,
                None,
                f"the weight is {type(value).__name__} {value!r}",
                path=("levels", "0", "weight"),
                expected=NUMBER,
            ),
        )
        for value in (True, float("nan"), float("inf"), -1)
    ),
    yaml(
        "weights on some levels only",
        "levels: [{name: s, weight: 1}, breed]\ntree: {x: [a, b]}\n",
        want(
            "T207",
            1,
            32,
            "only some levels have a weight; none for `breed`",
            under="breed",
            path=("levels", "breed"),
            expected="a weight for every level (0 leaves a level out), or for none",
        ),
    ),
    yaml(
        "all weights 0",
        "levels: [{name: s, weight: 0}, {name: t, weight: 0.0}]\ntree: {x: [a, b]}\n",
        want("T208", 1, 10, "all level weights are 0", path=("levels",), expected="one weight above 0"),
    ),
)

CASES = (*KEYS, *VALUES, *WEIGHTS)
