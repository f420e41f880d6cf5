"""`taxoloss list`: the bundled trees."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from taxoloss.cli.shared import plain, stdout_console
from taxoloss.cli.streams import write_json
from taxoloss.taxonomy.bundled.catalog import bundled_names
from taxoloss.taxonomy.bundled.icd10cm import BUILT
from taxoloss.taxonomy.loading import load

__all__ = ["list_trees"]


def list_trees(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List the bundled trees with their classes, levels, source and licence.

    Exit code 0: good. 2: wrong usage.

    Example: taxoloss list --json
    """
    trees = [_built(name) if name in BUILT else _bundled(name) for name in bundled_names()]
    if as_json:
        write_json(trees)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("classes", justify="right", no_wrap=True)
    for column in ("levels", "source", "licence"):
        table.add_column(column)
    for tree in trees:
        source = tree["source"] if tree["available"] else f"{tree['source']} (not installed)"
        levels = tree["levels"]
        shown = (
            " > ".join(levels) if len(levels) < 8 else f"{levels[0]} > ... > {levels[-1]} ({len(levels)})"
        )
        cells = [shown, _short(source), _short(tree["licence"])]
        table.add_row(plain(tree["name"]), f"{tree['classes']:,}", *map(plain, cells))
    stdout_console().print(table)


def _short(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= 90 else text[:87] + "..."


def _bundled(name: str) -> dict[str, Any]:
    tree = load(name)
    return {
        "name": name,
        "classes": len(tree),
        "levels": list(tree.levels),
        "description": tree.description,
        "source": tree.source,
        "version": tree.version,
        "licence": tree.licence,
        "available": True,
    }


def _built(name: str) -> dict[str, Any]:
    """Its size is that of the pinned version: building it to count would take seconds."""
    built = BUILT[name]
    return {
        "name": name,
        "classes": built.classes,
        "levels": list(built.levels),
        "description": None,
        "source": built.source,
        "version": None,
        "licence": built.licence,
        "available": built.installed,
    }
