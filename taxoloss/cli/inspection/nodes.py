"""The nodes of a level, and where a name stands, for people and programs."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from taxoloss.cli.shared import plain
from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.suggestions import did_you_mean, nearest
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.versions.nodes import nodes_called

__all__ = ["found_facts", "level_facts", "render_found", "render_level"]

_MOST = 60


def level_facts(taxonomy: Taxonomy, level: str) -> list[dict[str, Any]]:
    """The nodes of a level, the largest first."""
    nodes = taxonomy.level_nodes(taxonomy.level_number(level))
    sizes = taxonomy.tree.num_leaves[nodes]
    return [_node(taxonomy, node) for node in nodes[np.argsort(-sizes, kind="stable")].tolist()]


def found_facts(taxonomy: Taxonomy, text: str) -> list[dict[str, Any]]:
    """The nodes that a text finds, each with where it was found.

    Those whose name, alias or path is the text; else those whose name, alias, path or description holds it,
    whatever its case.
    """
    text = nfc(text)
    exact = taxonomy.index.by_name(text) or nodes_called(taxonomy, text)
    if exact:
        return [_node(taxonomy, node) | {"found_in": _exactly_in(taxonomy, node, text)} for node in exact]
    part = text.casefold().strip()
    places = ((node, _found_in(taxonomy, node, part)) for node in range(1, len(taxonomy.tree)))
    return [_node(taxonomy, node) | {"found_in": place} for node, place in places if place]


def _exactly_in(taxonomy: Taxonomy, node: int, text: str) -> str:
    if taxonomy.tree.names[node] == text:
        return "name"
    return "alias" if text in taxonomy.aliases.get(node, ()) else "path"


def _found_in(taxonomy: Taxonomy, node: int, part: str) -> str | None:
    """Where a node holds a part of a text: "name", "alias", "path" or "description"."""
    if part in taxonomy.tree.names[node].casefold():
        return "name"
    if any(part in alias.casefold() for alias in taxonomy.aliases.get(node, ())):
        return "alias"
    if "/" in part and part in "/".join(taxonomy.tree.path(node)).casefold():
        return "path"
    return "description" if part in taxonomy.descriptions.get(node, "").casefold() else None


def _node(taxonomy: Taxonomy, node: int) -> dict[str, Any]:
    tree = taxonomy.tree
    stands = int(tree.level[node])
    return {
        "path": list(tree.path(node)),
        "parents": [list(tree.path(parent)) for parent in tree.parents_of(node)],
        "level": taxonomy.levels[stands - 1],
        "classes": int(tree.num_leaves[node]),
        "is_class": bool(tree.is_leaf[node]),
        "children": int(tree.num_children[node]),
        "aliases": list(taxonomy.aliases.get(node, ())),
        "description": taxonomy.descriptions.get(node),
    }


def render_level(taxonomy: Taxonomy, level: str) -> RenderableType:
    """A table of the nodes of a level."""
    return _table(taxonomy, level_facts(taxonomy, level), f"level {level} ")


def render_found(taxonomy: Taxonomy, text: str) -> RenderableType:
    """A table of the nodes that a name finds, or the nearest name there is."""
    nodes = found_facts(taxonomy, text)
    if nodes:
        return _table(taxonomy, nodes, f"found {text} in", text)
    help = did_you_mean(text, taxonomy.tree.names[1:]) or ""
    guess = nearest(text, taxonomy.tree.names[1:])
    rest = f". {help}" if help else ", and no alias, path or description holds it"
    message: RenderableType = plain(f"no node is called {quoted(text)}{rest}")
    return Group(message, render_found(taxonomy, guess)) if guess and help else message


def _table(taxonomy: Taxonomy, nodes: list[dict[str, Any]], title: str, text: str = "") -> RenderableType:
    """A row for each node; of a text that was looked for, also where it was found, if not in the name."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    found = any(node.get("found_in", "name") != "name" for node in nodes)
    for column in ("node", "level"):
        table.add_column(column)
    for column in ("classes", "% of classes", "children"):
        table.add_column(column, justify="right")
    if found:
        table.add_column("found in")
    for node in nodes[:_MOST]:
        table.add_row(
            plain("/".join(node["path"])),
            plain(node["level"]),
            f"{node['classes']:,}",
            f"{100 * node['classes'] / len(taxonomy):.2f}",
            f"{node['children']:,}" if not node["is_class"] else "class",
            *([plain(_where(node, text))] if found else []),
        )
    rest = len(nodes) - _MOST
    more = [Text(f"... {rest:,} more (all with --json)", style="dim")] if rest > 0 else []
    return Group(Text.assemble(plain(title), f" {counted(len(nodes), 'node')}", style="bold"), table, *more)


_AROUND = 30


def _where(node: dict[str, Any], text: str) -> str:
    """Where a text was found: the alias, or the words of the description around it."""
    part = nfc(text).casefold().strip()
    if node["found_in"] == "alias":
        return f"the alias {next(alias for alias in node['aliases'] if part in alias.casefold())}"
    if node["found_in"] != "description":
        return str(node["found_in"])
    words = " ".join(node["description"].split())
    at = max(words.casefold().find(part), 0)
    start, stop = max(0, at - _AROUND), at + len(part) + _AROUND
    dots = "..." if start else "", "..." if stop < len(words) else ""
    return f"the description: {dots[0]}{words[start:stop]}{dots[1]}"
