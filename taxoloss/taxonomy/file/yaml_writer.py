"""The text of a taxonomy file in YAML, as a person would write it, with the comments it is given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from taxoloss.taxonomy.file.metadata import Described, as_head, details

__all__ = ["Comments", "scalar", "yaml_text"]

_WIDTH = 100
_LONGEST_KEY = 500  # YAML takes a key on one line up to 1,024 characters
# Text that every YAML reader, of 1.1 or 1.2, takes as text when it stands there without quotes.
_PLAIN = re.compile(r"[^\W\d_](?:[\w./()'+&-]|[ ](?=[^\s#]))*")
_NOT_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})

#: For the path of a node: the comment lines above it, and the comment behind it ("" for none).
Comments = Mapping[tuple[str, ...], tuple[tuple[str, ...], str]]


def scalar(text: str) -> str:
    """The text without quotes where every YAML reader takes it as text, else in double quotes.

    >>> print(scalar("Felis catus"), scalar("no"), scalar("010"), scalar("a: b"))
    Felis catus "no" "010" "a: b"
    """
    if _PLAIN.fullmatch(text) and text.casefold() not in _NOT_TEXT:
        return text
    # JSON's escapes are YAML's too; what is written as it is must be what a YAML reader may see.
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff]", _escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def yaml_text(taxonomy: Described, head: tuple[str, ...] = (), comments: Comments | None = None) -> str:
    """The file: comment lines, the head, the levels, the tree."""
    lines = [f"# {line}".rstrip() for line in head]
    for key, value in as_head(taxonomy).items():
        lines += _folded(key, value) if isinstance(value, str) else _levels(value)
    lines.append("tree:")
    lines += _tree(taxonomy, comments or {})
    return "\n".join(lines) + "\n"


def _folded(key: str, text: str) -> Iterator[str]:
    """A text for people: on its line, or folded where it is long and folding loses nothing."""
    line = f"{key}: {scalar(text)}"
    words = text.split(" ")
    whole = all(words) and text.isprintable() and text.strip() == text
    if len(line) <= _WIDTH or not whole or "#" in text:
        yield line
        return
    yield f"{key}: >-"
    line = " "
    for word in words:
        if len(line) + len(word) + 1 > _WIDTH and line.strip():
            yield line
            line = " "
        line += f" {word}"
    yield line


def _levels(levels: list[Any]) -> Iterator[str]:
    if all(isinstance(level, str) for level in levels):
        line = f"levels: [{', '.join(map(scalar, levels))}]"
        if len(line) <= _WIDTH:
            yield line
            return
    yield "levels:"
    for level in levels:
        yield f"  - {scalar(level) if isinstance(level, str) else _flow(level)}"


def _flow(value: Any) -> str:
    """A mapping or a list on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)


# -- the tree --------------------------------------------------------------------------------------


def _tree(taxonomy: Described, comments: Comments) -> Iterator[str]:
    """The lines of the tree, depth first, with a stack of its own."""
    tree = taxonomy.tree
    below = tree.children()
    facts_of = {node: facts for node in range(1, len(tree.names)) if (facts := details(taxonomy, node))}
    stack: list[tuple[int, int, bool, tuple[str, ...]]] = []

    def push(parent: int, indent: int, path: tuple[str, ...]) -> None:
        children = below[parent]
        written_out = any(child in facts_of or len(tree.names[child]) > _LONGEST_KEY for child in children)
        listed = written_out or not any(below[child] for child in children)
        stack.extend((child, indent, listed, path) for child in reversed(children))

    push(0, 2, ())
    while stack:
        node, indent, listed, above = stack.pop()
        path = (*above, tree.names[node]) if comments else ()
        before, behind = comments.get(path, ((), ""))
        space = " " * indent
        yield from (f"{space}# {line}".rstrip() for line in before)
        first, *rest = _node(tree.names[node], facts_of.get(node, {}), listed, bool(below[node]))
        yield space + first + (f"  # {behind}" if behind else "")
        yield from (space + line for line in rest)
        push(node, indent + (4 if listed else 2), path)


def _node(name: str, facts: dict[str, Any], listed: bool, inner: bool) -> list[str]:
    """The lines of one node, its children not among them."""
    if not listed:
        return [f"{scalar(name)}:"]
    if not inner and not facts:
        return [f"- {scalar(name)}"]
    written = {"name": name, **facts}
    if not inner and len(line := f"- {_flow(written)}") <= _WIDTH:
        return [line]
    lines = [f"  {key}: {_flow(value)}" for key, value in written.items()]
    lines[0] = "- " + lines[0][2:]
    return lines + (["  children:"] if inner else [])
