"""Bad files as data: each text, and every fault that must be reported for it (form of the text)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Want:
    """One fault that must be reported; `under` is the text that its carets stand under."""

    code: str
    line: int | None
    column: int | None
    words: tuple[str, ...]
    under: str | None = None
    path: tuple[str, ...] = ()
    found: str | None = None
    expected: str | None = None


@dataclass(frozen=True)
class Bad:
    """A bad file (`suffix` .yaml or .json) or a bad mapping (no suffix), with all of its faults."""

    name: str
    suffix: str | None
    source: Any
    wants: tuple[Want, ...]


def want(code: str, line: int | None, column: int | None, *words: str, **more: Any) -> Want:
    """One expected fault; the words may stand anywhere in its text."""
    return Want(code, line, column, words, **more)


def yaml(name: str, text: str | bytes, *wants: Want) -> Bad:
    """A bad YAML file."""
    return Bad(name, ".yaml", text, wants)


def json(name: str, text: str | bytes, *wants: Want) -> Bad:
    """A bad JSON file."""
    return Bad(name, ".json", text, wants)


def mapping(name: str, source: Any, *wants: Want) -> Bad:
    """A bad mapping that a program holds: no line, no column."""
    return Bad(name, None, source, wants)


NOT_TREE = "a mapping with the keys `name`, `levels` and `tree`"

# -- what is no text of a file at all --------------------------------------------------------------

UNREADABLE = (
    yaml("empty", "", want("T104", None, None, "the file is empty", "the key `tree`")),
    yaml("blank", "\n  \n", want("T104", None, None, "the file is empty")),
    yaml("comments only", "# pets\n# more\n", want("T104", None, None, "the file is empty")),
    yaml(
        "latin-1",
        b"name: x\ntree: [caf\xe9, tea]\n",
        want("T102", 2, 11, "not UTF-8: byte 0xe9 at offset 18", "save it as UTF-8"),
    ),
    yaml(
        "UTF-16 with its mark",
        "tree: [a, b]\n".encode("utf-16"),
        want("T102", 1, 1, "not UTF-8: byte 0xff", "save it as UTF-8"),
    ),
    json("latin-1 JSON", b'{"tree": ["\xe9", "b"]}', want("T102", 1, 12, "byte 0xe9")),
    json("empty JSON", "", want("T103", 1, 1, "this is not JSON: expecting value")),
    yaml(
        "tab",
        "tree:\n\tcat: [a, b]\n",
        want("T103", 2, 1, "this is not YAML", "indent with spaces, not with a tab"),
    ),
    yaml("unclosed bracket", "tree: [a, b\n", want("T103", 2, 1, "expected ',' or ']'")),
    yaml("unclosed brace", "tree: {a: , b: \n", want("T103", 2, 1, "this is not YAML")),
    yaml("unclosed quote", 'tree: ["a, b]\n', want("T103", 2, 1, "unexpected end of stream")),
    yaml("closed twice", "tree: [a, b]]\n", want("T103", 1, 13, "this is not YAML", under="]")),
    yaml(
        "colon in a name",
        "tree:\n  - cat: a: b\n",
        want("T103", 2, 11, "mapping values are not allowed", 'a name that holds ": "', under=":"),
    ),
    yaml(
        "name that starts with @",
        "tree: [@home, b]\n",
        want("T103", 1, 8, "cannot start any token", "in quotes", under="@"),
    ),
    yaml("unknown tag handle", "tree: [!x!a b, c]\n", want("T103", 1, 8, "undefined tag handle")),
    json(
        "JSON without a comma",
        '{\n  "tree": ["a" "b"]\n}\n',
        want("T103", 2, 16, "this is not JSON: expecting ',' delimiter", under='"'),
    ),
    json(
        "JSON with a comment",
        '{"tree": ["a", "b"]} // x\n',
        want("T103", 1, 22, "this is not JSON: extra data", under="/"),
    ),
    json("JSON, unclosed text", '{"tree": ["a]}', want("T103", 1, 11, "unterminated string")),
    json("JSON, raw tab", '{"tree": ["a\tb", "c"]}', want("T103", 1, 13, "invalid control char")),
)

# -- what YAML can say and the eye does not see ----------------------------------------------------

HIDDEN = (
    yaml(
        "anchor",
        "tree:\n  cat: &x [a, b]\n  dog: [c]\n",
        want("T106", 2, 8, "the anchor `&x` is not allowed", "put it in quotes"),
    ),
    yaml(
        "anchor and aliases",
        "tree:\n  cat: &x [a, b]\n  dog: *x\n  eel: [*x, d]\n",
        want("T106", 2, 8, "`&x`"),
        want("T107", 3, 8, "the alias `*x` is not allowed", "write the nodes out", under="*x"),
        want("T107", 4, 9, "`*x`", under="*x"),
    ),
    yaml(
        "alias without an anchor",
        "tree: [*wild, b]\n",
        want("T107", 1, 8, "the alias `*wild` is not allowed", under="*wild"),
    ),
    yaml(
        "alias bomb",
        "a: &a [x, x]\nb: &b [*a, *a]\ntree: [*b, *b]\n",
        want("T106", 1, 4, "`&a`"),
        want("T106", 2, 4, "`&b`"),
        want("T107", 2, 8, "`*a`", under="*a"),
        want("T107", 2, 12, "`*a`", under="*a"),
        want("T107", 3, 8, "`*b`", under="*b"),
        want("T107", 3, 12, "`*b`", under="*b"),
    ),
    yaml(
        "merge key",
        "tree:\n  cat: [a, b]\n  <<: {dog: [c]}\n",
        want("T108", 3, 3, "merge keys (<<) are not allowed", "write the pairs out", under="<<"),
    ),
    yaml(
        "tags",
        "tree: !!map\n  cat: [!!str a, !b c]\n",
        want("T109", 1, 7, "the tag `tag:yaml.org,2002:map` is not allowed"),
        want("T109", 2, 9, "`tag:yaml.org,2002:str`", "every name is text already"),
        want("T109", 2, 18, "the tag `!b` is not allowed"),
    ),
    yaml(
        "a tag that runs code",
        "tree: !!python/object/apply:os.system ['true']\n",
        want("T109", 1, 7, "the tag `tag:yaml.org,2002:python/object/apply:os.system`"),
    ),
    yaml(
        "two documents",
        "tree: [a, b]\n---\ntree: [c, d]\n",
        want("T105", 2, 1, "a second document starts here", under="---", expected="one document"),
    ),
    yaml(
        "key twice",
        "tree:\n  cat: [a, b]\n  dog: [c]\n  cat: [d]\n",
        want(
            "T110", 4, 3, "the key `cat` stands twice", "--- first written here", found="cat", under="cat"
        ),
    ),
    yaml(
        "keys twice, in the head and in the tree",
        "name: x\nname: y\ntree:\n  cat: {a: , a: }\n",
        want("T110", 2, 1, "the key `name` stands twice", found="name", under="name"),
        want("T110", 4, 14, "the key `a` stands twice", found="a", under="a"),
    ),
    json(
        "JSON key twice",
        '{"tree": {\n  "cat": ["a"],\n  "cat": ["b"]}}',
        want("T110", 3, 3, "the key `cat` stands twice", "first written here", found="cat", under='"cat"'),
    ),
    json(
        "JSON key twice by an escape",
        '{"tree": {"cat": ["a"], "c\\u0061t": ["b"]}}',
        want("T110", 1, 25, "the key `cat` stands twice", found="cat"),
    ),
    yaml(
        "list as a key",
        "tree:\n  ? [a, b]\n  : [c]\n",
        want("T116", 2, 5, "a list is used as a key", expected="a name"),
    ),
    yaml(
        "mapping as a key",
        "tree:\n  {a: b}: [c]\n",
        want("T116", 2, 3, "a mapping is used as a key", expected="a name"),
    ),
)

# -- characters ------------------------------------------------------------------------------------


def _raw(character: str, what: str) -> Bad:
    text = f"name: x\ntree: [ab{character}c, d]\n"
    return yaml(f"raw {what}", text, want("T113", 2, 10, f"the character {what}", found=what))


def _escaped(character: str, what: str) -> Bad:
    escape = f"\\u{ord(character):04x}"
    name = "ab" + character
    words = (f"the name `ab{_shown(character)}` holds the character {what}",)
    wanted = want("T113", 1, 11, *words, under=f'"ab{escape}"', path=(name,), found=name)
    return json(f"escaped {what}", f'{{"tree": ["ab{escape}", "d"]}}', wanted)


def _shown(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


_CHARACTERS = {
    "\x00": "U+0000 (control character)",
    "\x1b": "U+001B (control character)",
    "\x7f": "U+007F (control character)",
    "\x85": "U+0085 (control character)",
    "\u200b": "U+200B (zero width space)",
    "\u200f": "U+200F (right-to-left mark)",
    "\u2028": "U+2028 (line separator)",
    "\u202e": "U+202E (right-to-left override)",
    "\u2066": "U+2066 (left-to-right isolate)",
    "\ufeff": "U+FEFF (zero width no-break space)",
}
_LF = "U+000A (control character)"
_OVERRIDE = "U+202E (right-to-left override)"

CHARACTERS = (
    *(_raw(character, what) for character, what in _CHARACTERS.items()),
    *(_escaped(character, what) for character, what in _CHARACTERS.items()),
    json(
        "lone surrogate",
        '{"tree": ["a\\ud800", "b"]}',
        want(
            "T113",
            1,
            11,
            "the name `a\\ud800` holds the character U+D800",
            found="a\ud800",
            path=("a\ud800",),
        ),
    ),
    yaml(
        "YAML escapes of several kinds",
        'name: "p\\u202e"\nlevels: ["s\\u200b"]\ntree: ["a\\n", "\\eb", "c\\N"]\n',
        want("T113", 1, 7, f"the name `p\\u202e` holds the character {_OVERRIDE}", path=("name",)),
        want("T113", 2, 10, "`s\\u200b` holds", path=("levels", "0", "name")),
        want("T113", 3, 8, f"`a\\x0a` holds the character {_LF}", under='"a\\n"', path=("a\n",)),
        want("T113", 3, 15, "`\\x1bb` holds", under='"\\eb"', path=("\x1bb",)),
        want("T113", 3, 22, "`c\\x85` holds", under='"c\\N"', path=("c\x85",)),
    ),
    yaml(
        "characters of a written-out node",
        'tree:\n  - {name: "a\\u200b", aliases: ["x\\u202e"]}\n  - b\n',
        want("T113", 2, 12, "`a\\u200b` holds", path=("a\u200b", "name")),
        want("T113", 2, 33, "`x\\u202e` holds", path=("a\u200b", "aliases", "0")),
    ),
    mapping(
        "a character in a mapping",
        {"tree": {"cat\u200b": ["a"], "dog": ["b\x07"]}},
        want("T113", None, None, "`cat\\u200b` holds the character", path=("cat\u200b",)),
        want("T113", None, None, "`b\\x07` holds", "at: dog > b\\x07", path=("dog", "b\x07")),
    ),
)

CASES = (*UNREADABLE, *HIDDEN, *CHARACTERS)
