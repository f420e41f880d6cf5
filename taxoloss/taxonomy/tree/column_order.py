"""Columns of a table that run from the leaves to the top, where a tree is read from the top."""

from __future__ import annotations

from collections.abc import Sequence

from taxoloss.errors.characters import quoted
from taxoloss.taxonomy.tree.builder import TreeBuilder

__all__ = ["refuse_leaf_first"]


def refuse_leaf_first(builder: TreeBuilder, columns: Sequence[str]) -> None:
    """ValueError where each name of a column has one name in the next, and several share it.

    So stand a species and its genus. Read top to leaf each genus would be a class below its species, and
    the levels would tell nothing: both readings are shown.

    Args:
        builder: the nodes of the rows.
        columns: their names, as they stand in the table.
    """
    names = _names_by_level(builder, len(columns))
    for level in range(1, len(columns)):
        if not _is_shared(builder, level):
            continue
        upper, lower = columns[level - 1], columns[level]
        order = sorted(columns, key=lambda column: len(names[columns.index(column) + 1]))
        raise ValueError(
            f"expected the columns from the top of the tree to its leaves, got {', '.join(columns)}: each "
            f"{quoted(upper)} has one {quoted(lower)}, which several share; give levels={order}, or "
            f"levels={list(columns)} if {quoted(lower)} stands below {quoted(upper)}"
        )


def _names_by_level(builder: TreeBuilder, depth: int) -> list[set[str]]:
    names: list[set[str]] = [set() for _ in range(depth + 1)]
    for name, level in zip(builder.names, builder.level, strict=True):
        names[level].add(name)
    return names


def _is_shared(builder: TreeBuilder, level: int) -> bool:
    """Whether all nodes of a level have one child, on the next, and some of these have one name."""
    above = [node for node, at in enumerate(builder.level) if at == level]
    below = [builder.children[node] for node in above if builder.children.get(node)]
    if len({builder.names[node] for node in above}) < len(above) or any(len(one) > 1 for one in below):
        return False
    last = [(name, node) for children in below for name, node in children.items()]
    on_next = all(builder.level[node] == level + 1 for _, node in last)
    return on_next and len({name for name, _ in last}) < len(last)
