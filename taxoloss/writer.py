"""A taxonomy as a file: YAML, or JSON by its suffix."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from taxoloss.described import Described, as_head, details
from taxoloss.yaml_text import yaml_text

__all__ = ["as_json", "as_mapping", "write_file", "write_text"]


def write_file(taxonomy: Described, path: Path) -> None:
    """Writes the file: JSON where it is called so, else YAML."""
    if path.suffix.lower() == ".json":
        write_text(as_json(taxonomy), path)
    else:
        write_text(yaml_text(taxonomy), path)


def as_json(taxonomy: Described) -> str:
    """The text of a taxonomy file in JSON."""
    return json.dumps(as_mapping(taxonomy), indent=2, ensure_ascii=False) + "\n"


def write_text(text: str | bytes, path: Path) -> None:
    """Writes under another name first, so that no reader ever sees a part of a file.

    Through links, also to a file that is not there yet; the file keeps its mode and, where that is
    allowed, its owner. A hard link becomes a file of its own: its other names keep the old text. What is
    no file (a pipe, /dev/stdout) is written to.
    """
    data = text.encode("utf-8") if isinstance(text, str) else text
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # what realpath leaves of a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    handle, temporary = _beside(target)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        _copy_owner_and_mode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _beside(target: Path) -> tuple[int, str]:
    """A new file in the folder of another, as tempfile.mkstemp gives it; an error names the other."""
    try:
        return tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}", suffix=".tmp")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None


def _copy_owner_and_mode(source: Path, target: str) -> None:
    """Those of a file, as far as its owner may be given; a new file is for all to read."""
    if not source.exists():
        os.chmod(target, 0o644)
        return
    status = source.stat()
    if hasattr(os, "chown"):
        for owner, group in ((status.st_uid, -1), (-1, status.st_gid)):
            with contextlib.suppress(OSError):
                os.chown(target, owner, group)
    os.chmod(target, status.st_mode & 0o777)


def as_mapping(taxonomy: Described) -> dict[str, Any]:
    """What `load` makes an equal tree of: only dicts, lists, text, numbers and None."""
    return {**as_head(taxonomy), "tree": _children(taxonomy)}


def _children(taxonomy: Described) -> Any:
    """The tree, written from the last node to the first: each is complete before its parent."""
    tree = taxonomy.tree
    below: list[list[int]] = [[] for _ in range(len(tree))]
    parents = tree.parent.tolist()
    for node in range(1, len(tree)):
        below[parents[node]].append(node)
    written: dict[int, Any] = {}
    told = {node: details(taxonomy, node) for node in range(1, len(tree))}
    for node in reversed(range(len(tree))):
        children = below[node]
        if not children:
            written[node] = None
        elif any(told[child] for child in children):
            written[node] = [_item(taxonomy, c, told[c], written.pop(c)) for c in children]
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
