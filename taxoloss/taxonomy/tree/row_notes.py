"""What a person should know of the rows that a tree was made of, though it is no fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from taxoloss.errors.characters import counted, quoted
from taxoloss.taxonomy.placeholders import is_placeholder
from taxoloss.taxonomy.tree.builder import TreeBuilder

__all__ = ["row_notes"]

_MOST_SHOWN = 3


def row_notes(builder: TreeBuilder, ends: Sequence[int], spaced: Sequence[str]) -> Iterator[str]:
    """Notes on rows of names.

    Args:
        builder: the nodes of the rows.
        ends: for each row its last node, 0 where it holds no name.
        spaced: the cells with spaces around their name.
    """
    if spaced:
        shown = _listed(map(repr, spaced))
        yield f"spaces around {counted(len(spaced), 'name')} are left out: {shown}"
    yield from _differ_by_spaces(list(dict.fromkeys(builder.names)))
    yield from _placeholders(list(dict.fromkeys(builder.names[1:])))
    empty = [f"{number:,}" for number, node in enumerate(ends, 1) if not node]
    if empty:
        name = "names" if len(empty) == 1 else "name"
        yield f"{counted(len(empty), 'row')} {name} nothing: row {_listed(empty)}"
    yield from _inner_ends(builder, ends)


def _differ_by_spaces(names: list[str]) -> Iterator[str]:
    """Names that are one but for the spaces between their words."""
    known = set(names)
    tight = {name: " ".join(name.split()) for name in names}
    pairs = [f"{name!r} and {other!r}" for name, other in tight.items() if name != other and other in known]
    if pairs:
        yield f"names that differ in spaces only are taken as two: {_listed(pairs)}"


def _placeholders(names: list[str]) -> Iterator[str]:
    """Names that are likely none."""
    likely = [name for name in names if is_placeholder(name)]
    if likely:
        taken = "is taken as a name" if len(likely) == 1 else "are taken as names"
        listing = ", ".join([*map(repr, likely[:_MOST_SHOWN]), *(["..."] if likely[_MOST_SHOWN:] else [])])
        yield (
            f"{_listed(map(quoted, likely))} {taken}; where it says that a rank is missing: "
            f"from_paths(rows, missing=[{listing}])"
        )


def _inner_ends(builder: TreeBuilder, ends: Sequence[int]) -> Iterator[str]:
    """Rows that end at a node that others go below: a class for whoever wrote them?"""
    inner = Counter(node for node in ends if node and builder.children.get(node))
    if inner:
        rows = sum(inner.values())
        one = "ends at an inner node, which may be a target but is no class"
        many = "end at inner nodes, which may be targets but are no classes"
        yield (
            f"{counted(rows, 'row')} {one if rows == 1 else many}: "
            f"{_listed(_path(builder, node) for node in inner)}; "
            f"bind(names, inner_classes=True) gives {'it' if rows == 1 else 'each'} a class of its own"
        )


def _path(builder: TreeBuilder, node: int) -> str:
    path: list[str] = []
    while node:
        path.insert(0, builder.names[node])
        node = builder.parent[node]
    return quoted("/".join(path))


def _listed(shown: Iterable[str]) -> str:
    """The first few of what is shown, and how many more there are."""
    every = list(dict.fromkeys(shown))
    more = f" and {len(every) - _MOST_SHOWN:,} more" if len(every) > _MOST_SHOWN else ""
    return ", ".join(every[:_MOST_SHOWN]) + more
