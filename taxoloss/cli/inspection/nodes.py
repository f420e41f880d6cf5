"""The nodes of a level, and where a name stands, for people and programs."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from taxoloss.cli.shared import plain
from taxoloss.errors.characters import quoted
from taxoloss.errors.suggestions import did_you_mean, nearest
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["found_facts", "level_facts", "render_found", "render_level"]

_MOST = 60


def level_facts(taxonomy: Taxonomy, level: str) -> list[dict[str, Any]]:
    """The nodes of a level, the largest first."""
    nodes = taxonomy.level_nodes(taxonomy.level_number(level))
    sizes = taxonomy.tree.stop[nodes] - taxonomy.tree.start[nodes]
    return [_node(taxonomy, node) for node in nodes[np.argsort(-sizes, kind="stable")].tolist()]


def found_facts(taxonomy: Taxonomy, text: str) -> list[dict[str, Any]]:
    """The nodes whose name or alias is the text; else those that hold it, whatever its case."""
    text = nfc(text)
    names = taxonomy.tree.names
    found = taxonomy.index.by_name(text) or taxonomy.index.by_path(tuple(text.split("/")))
    if not found:
        part = text.casefold()
        aliased = {n for n, names in taxonomy.aliases.items() if any(part in a.casefold() for a in names)}
        found = [n for n in range(1, len(names)) if part in names[n].casefold() or n in aliased]
    return [_node(taxonomy, node) for node in found]


def _node(taxonomy: Taxonomy, node: int) -> dict[str, Any]:
    tree = taxonomy.tree
    stands = int(tree.level[node])
    return {
        "path": list(tree.path(node)),
        "level": taxonomy.levels[stands - 1],
        "classes": int(tree.stop[node] - tree.start[node]),
        "is_class": bool(tree.is_leaf[node]),
        "children": int(tree.num_children[node]),
        "aliases": list(taxonomy.aliases.get(node, ())),
        "description": taxonomy.descriptions.get(node),
    }


def render_level(taxonomy: Taxonomy, level: str) -> RenderableType:
    """A table of the nodes of a level."""
    return _table(taxonomy, level_facts(taxonomy, level), f"level {level}")


def render_found(taxonomy: Taxonomy, text: str) -> RenderableType:
    """A table of the nodes that a name finds, or the nearest name there is."""
    nodes = found_facts(taxonomy, text)
    if nodes:
        return _table(taxonomy, nodes, f"found {text}")
    help = did_you_mean(text, taxonomy.tree.names[1:]) or ""
    guess = nearest(text, taxonomy.tree.names[1:])
    message: RenderableType = plain(f"no node is called {quoted(text)}. {help}".rstrip())
    return Group(message, render_found(taxonomy, guess)) if guess else message


def _table(taxonomy: Taxonomy, nodes: list[dict[str, Any]], title: str) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("node", "level"):
        table.add_column(column)
    for column in ("classes", "% of classes", "children"):
        table.add_column(column, justify="right")
    for node in nodes[:_MOST]:
        table.add_row(
            plain("/".join(node["path"])),
            plain(node["level"]),
            f"{node['classes']:,}",
            f"{100 * node['classes'] / len(taxonomy):.2f}",
            f"{node['children']:,}" if not node["is_class"] else "class",
        )
    rest = len(nodes) - _MOST
    more = [Text(f"... {rest:,} more (all with --json)", style="dim")] if rest > 0 else []
    return Group(Text.assemble(plain(title), f"  {len(nodes):,} nodes", style="bold"), table, *more)
