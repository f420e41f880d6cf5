"""What a file says of a tree beside the tree, and of a node beside its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.file.models import HEAD

__all__ = ["Described", "Nodes", "as_head", "details"]


class Nodes(Protocol):
    """The nodes of a tree, depth-first, the root first: a Tree."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def parent(self) -> npt.NDArray[np.int64]: ...
    @property
    def level(self) -> npt.NDArray[np.int64]: ...
    @property
    def levels(self) -> tuple[str, ...]: ...
    @property
    def level_above(self) -> npt.NDArray[np.int64]: ...
    def path(self, node: int) -> tuple[str, ...]: ...
    def children(self) -> list[tuple[int, ...]]: ...


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
    def tree(self) -> Nodes: ...
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
    def named_parents(self, node: int) -> Sequence[str | list[str]]: ...


def as_head(taxonomy: Described) -> dict[str, Any]:
    """The keys of the file above `tree`."""
    data: dict[str, Any] = {
        key: getattr(taxonomy, key) for key in HEAD if getattr(taxonomy, key) is not None
    }
    data["levels"] = [_level(taxonomy, level) for level in taxonomy.levels]
    return data


def _level(taxonomy: Described, name: str) -> Any:
    written: dict[str, Any] = {"name": name}
    if taxonomy.level_weights is not None:
        written["weight"] = taxonomy.level_weights[name]
    if name in taxonomy.level_descriptions:
        written["description"] = taxonomy.level_descriptions[name]
    return written if len(written) > 1 else name


def details(taxonomy: Described, node: int) -> dict[str, Any]:
    """What a node says beyond its name, of the keys that a node has in a file."""
    tree = taxonomy.tree
    details: dict[str, Any] = {}
    if tree.level[node] != tree.level_above[node] + 1:
        details["level"] = tree.levels[tree.level[node] - 1]
    if node in taxonomy.aliases:
        details["aliases"] = list(taxonomy.aliases[node])
    if also_under := taxonomy.named_parents(node):
        details["also_under"] = list(also_under)
    if node in taxonomy.descriptions:
        details["description"] = taxonomy.descriptions[node]
    return details
