"""A taxonomy as a file: YAML, or JSON by its suffix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.file.metadata import Described, as_head, details
from taxoloss.taxonomy.file.yaml_writer import yaml_text

__all__ = ["as_json", "as_mapping", "write_file"]


def write_file(taxonomy: Described, path: Path) -> None:
    """Writes the file: JSON where it is called so, else YAML."""
    is_json = path.suffix.lower() == ".json"
    write_whole(path, as_json(taxonomy) if is_json else yaml_text(taxonomy))


def as_json(taxonomy: Described) -> str:
    """The text of a taxonomy file in JSON."""
    return json.dumps(as_mapping(taxonomy), indent=2, ensure_ascii=False) + "\n"


def as_mapping(taxonomy: Described) -> dict[str, Any]:
    """What `load` makes an equal tree of: only dicts, lists, text, numbers and None."""
    return {**as_head(taxonomy), "tree": _children(taxonomy)}


def _children(taxonomy: Described) -> Any:
    """The tree, written from the last node to the first: each is complete before its parent."""
    tree = taxonomy.tree
    below = tree.children()
    written: dict[int, Any] = {}
    facts_of = {node: details(taxonomy, node) for node in range(1, len(tree.names))}
    for node in reversed(range(len(tree.names))):
        children = below[node]
        if not children:
            written[node] = None
        elif any(facts_of[child] for child in children):
            written[node] = [_item(taxonomy, c, facts_of[c], written.pop(c)) for c in children]
        elif all(written[child] is None for child in children):
            written[node] = [tree.names[child] for child in children]
        else:
            written[node] = {tree.names[child]: written.pop(child) for child in children}
    return written[0]


def _item(taxonomy: Described, node: int, details: dict[str, Any], children: Any) -> Any:
    """A list item: the bare name of a leaf, or the node written out."""
    name = taxonomy.tree.names[node]
    if not details and children is None:
        return name
    return {"name": name, **details, **({} if children is None else {"children": children})}
