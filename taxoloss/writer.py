"""A taxonomy as the text of a file, short where short is enough."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from taxoloss.spec import HEAD
from taxoloss.tree import Tree

__all__ = ["as_mapping", "write_file"]


class Described(Protocol):
    """What a file says of a tree: a Taxonomy."""

    @property
    def name(self) -> str | None: ...
    @property
    def description(self) -> str | None: ...
    @property
    def source(self) -> str | None: ...
    @property
    def version(self) -> str | None: ...
    @property
    def licence(self) -> str | None: ...
    @property
    def tree(self) -> Tree: ...
    @property
    def levels(self) -> tuple[str, ...]: ...
    @property
    def level_weights(self) -> Mapping[str, float] | None: ...
    @property
    def level_descriptions(self) -> Mapping[str, str]: ...
    @property
    def aliases(self) -> Mapping[int, tuple[str, ...]]: ...
    @property
    def descriptions(self) -> Mapping[int, str]: ...


class _Dumper(yaml.SafeDumper):
    """Never writes anchors and aliases: the reader refuses them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # list items stand below their key, indented


def _nothing(dumper: yaml.SafeDumper, _: None) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:null", "")


_Dumper.add_representer(type(None), _nothing)


def write_file(taxonomy: Described, path: Path) -> None:
    """Writes the file under another name first, so that no reader ever sees a part of it."""
    data = as_mapping(taxonomy)
    if path.suffix.lower() == ".json":
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    else:
        text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def as_mapping(taxonomy: Described) -> dict[str, Any]:
    """What `load` makes an equal tree of: only dicts, lists, text, numbers and None."""
    data: dict[str, Any] = {
        key: getattr(taxonomy, key) for key in HEAD if getattr(taxonomy, key) is not None
    }
    data["levels"] = [_level(taxonomy, level) for level in taxonomy.levels]
    data["tree"] = _children(taxonomy)
    return data


def _level(taxonomy: Described, name: str) -> Any:
    written: dict[str, Any] = {"name": name}
    if taxonomy.level_weights is not None:
        written["weight"] = taxonomy.level_weights[name]
    if name in taxonomy.level_descriptions:
        written["description"] = taxonomy.level_descriptions[name]
    return written if len(written) > 1 else name


def _children(taxonomy: Described) -> Any:
    """The tree, written from the last node to the first: each is complete before its parent."""
    tree = taxonomy.tree
    below: list[list[int]] = [[] for _ in range(len(tree))]
    parents = tree.parent.tolist()
    for node in range(1, len(tree)):
        below[parents[node]].append(node)
    written: dict[int, Any] = {}
    details = {node: _details(taxonomy, node) for node in range(1, len(tree))}
    for node in reversed(range(len(tree))):
        children = below[node]
        if not children:
            written[node] = None
        elif any(details[child] for child in children):
            written[node] = [_item(taxonomy, c, details[c], written.pop(c)) for c in children]
        elif all(written[child] is None for child in children):
            written[node] = [tree.names[child] for child in children]
        else:
            written[node] = {tree.names[child]: written.pop(child) for child in children}
    return written[0]


def _details(taxonomy: Described, node: int) -> dict[str, Any]:
    """What a node says beyond its name."""
    tree = taxonomy.tree
    details: dict[str, Any] = {}
    if tree.level[node] != tree.level[tree.parent[node]] + 1:
        details["level"] = tree.levels[tree.level[node] - 1]
    if node in taxonomy.aliases:
        details["aliases"] = list(taxonomy.aliases[node])
    if node in taxonomy.descriptions:
        details["description"] = taxonomy.descriptions[node]
    return details


def _item(taxonomy: Described, node: int, details: dict[str, Any], children: Any) -> Any:
    """A list item: the bare name of a leaf, or the node written out."""
    name = taxonomy.tree.names[node]
    if not details and children is None:
        return name
    return {"name": name, **details, **({} if children is None else {"children": children})}
