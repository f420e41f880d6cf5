"""Which node of a tree a person means, by a name, a path as text, or a path as a tuple."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol, TypeAlias

from taxoloss.errors.characters import quoted
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["Compared", "Path", "Said", "node_called", "nodes_called", "said_of", "text_of_node"]

Path: TypeAlias = tuple[str, ...]
#: A name, or a path a/b/c, as text; or a path as a tuple, which is always one node.
Said: TypeAlias = str | Path


class _Names(Protocol):
    def find(self, name: str) -> list[int]: ...
    def by_name(self, name: str) -> list[int]: ...
    def by_path(self, path: Path) -> list[int]: ...


class Compared(Protocol):
    """What is compared: a Taxonomy."""

    @property
    def tree(self) -> Tree: ...
    @property
    def levels(self) -> tuple[str, ...]: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def aliases(self) -> Mapping[int, tuple[str, ...]]: ...
    @property
    def index(self) -> _Names: ...
    @property
    def binding_digest(self) -> str: ...
    def paths(self, level: str | None = None) -> tuple[Path, ...]: ...


def nodes_called(taxonomy: Compared, said: Said) -> list[int]:
    """The nodes of a name, or of a path a/b/c; where several have the name, the one whose path it is."""
    if not isinstance(said, str):
        path = tuple(map(nfc, said))
        return taxonomy.index.by_path(path) if path else []
    tree, text = taxonomy.tree, nfc(said)
    named = taxonomy.index.by_name(text)
    ends = (n for n, name in enumerate(tree.names) if n and text.endswith(name))
    there = [n for n in ends if "/".join(tree.path(n)) == text]
    found = there if len(named) > 1 and len(there) == 1 else sorted({*named, *there})
    # A class above other classes goes with its node.
    return [node for node in found if tree.own is None or tree.own_leaf.get(int(tree.parent[node])) != node]


def node_called(taxonomy: Compared, said: object, which: str) -> int:
    """The one node that is meant.

    Raises:
        TypeError: neither a name nor a path.
        ValueError: no node is called so, with the nearest name; or several are, with their paths.
    """
    if not isinstance(said, str) and not (isinstance(said, (tuple, list)) and all(map(_is_text, said))):
        what = f"{type(said).__name__} {said!r:.60}"
        raise TypeError(f"expected a name, or a path as a tuple of names, in renames, got {what}")
    found = nodes_called(taxonomy, said if isinstance(said, str) else tuple(said))
    shown = quoted(said if isinstance(said, str) else "/".join(said))
    if not found:
        help = did_you_mean(
            said if isinstance(said, str) else said[-1] if said else "", taxonomy.tree.names[1:]
        )
        raise ValueError(f"no node of the {which} tree is called {shown}" + (f"; {help}" if help else ""))
    if len(found) > 1:
        ways = ", ".join(quoted(text_of_node(taxonomy, node)) for node in found[:4])
        raise ValueError(f"{len(found)} nodes of the {which} tree are called {shown}: {ways}")
    return found[0]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


# -- as text ---------------------------------------------------------------------------------------


def said_of(text: str, taxonomy: Compared) -> Said:
    """What a text of a command or a table says: a path where it is a list of names in JSON.

    Where a node is called by that very text, it is the name.
    """
    if not text.startswith("[") or nodes_called(taxonomy, text):
        return text
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    whole = isinstance(data, list) and data and all(map(_is_text, data))
    return tuple(data) if whole else text


def text_of_node(taxonomy: Compared, node: int) -> str:
    """A text that means this node and no other: its path a/b/c, or that as a list in JSON."""
    path = taxonomy.tree.path(node)
    text = "/".join(path)
    one = nodes_called(taxonomy, text) == [node]
    return text if one else json.dumps(path, ensure_ascii=False)
