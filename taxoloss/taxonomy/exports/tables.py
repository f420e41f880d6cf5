"""A tree as a table: rank columns, a column of paths, or a row a node with its parent."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from taxoloss.taxonomy.exports.output_format import OutputFormat
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["EDGES", "FORMATS", "edges", "escaped", "paths", "ranks"]

#: Columns of the table of edges.
EDGES = ("id", "parent", "name", "level", "level_number", "aliases", "description")


def _text(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def escaped(name: str, separator: str) -> str:
    r"""The name with a backslash before each separator in it: `split_path` takes it back.

    >>> print(escaped("a/b", "/"))
    a\/b
    """
    return name.replace("\\", "\\\\").replace(separator, "\\" + separator)


def _cells(taxonomy: Taxonomy) -> Iterator[list[str]]:
    """For each leaf its names by level, "" where a rank is missing; as long as the leaf is deep."""
    tree = taxonomy.tree
    for leaf in tree.leaves.tolist():
        cells = [""] * int(tree.level[leaf])
        node = leaf
        while node > 0:
            cells[int(tree.level[node]) - 1] = tree.names[node]
            node = int(tree.parent[node])
        yield cells


def ranks(taxonomy: Taxonomy, delimiter: str) -> str:
    """One column a level, one row a class."""
    levels = taxonomy.levels
    header = list(levels) if len(levels) > 1 else [f"{escaped(levels[0], '/')}/"]
    rows = ([*cells, *[""] * (len(levels) - len(cells))] for cells in _cells(taxonomy))
    if len(levels) == 1:
        rows = ([escaped(cell, "/") for cell in row] for row in rows)
    return _text([header, *rows], delimiter)


def paths(taxonomy: Taxonomy, delimiter: str) -> str:
    """One column: order/family/species/ above a path a class, a//c where the rank between is missing.

    The slash at its end says that the first line is no class.
    """
    header = "".join(f"{escaped(level, '/')}/" for level in taxonomy.levels)
    rows = (["/".join(escaped(name, "/") for name in cells)] for cells in _cells(taxonomy))
    return _text([[header], *rows], delimiter)


def edges(taxonomy: Taxonomy, delimiter: str) -> str:
    """One row a node: its number and its parents' (1|2), its name, level, aliases (a|b) and description."""
    tree = taxonomy.tree
    rows = (
        [
            str(node),
            "|".join(str(parent) for parent in tree.parents_of(node) if parent),
            tree.names[node],
            taxonomy.levels[tree.level[node] - 1],
            str(tree.level[node]),
            "|".join(escaped(alias, "|") for alias in taxonomy.aliases.get(node, ())),
            taxonomy.descriptions.get(node, ""),
        ]
        for node in range(1, len(tree))
    )
    return _text([EDGES, *rows], delimiter)


FORMATS = (
    OutputFormat("ranks", ranks, (".csv", ".tsv"), keeps=("levels",), takes=("delimiter",)),
    OutputFormat("paths", paths, keeps=("levels",), takes=("delimiter",)),
    OutputFormat(
        "edges", edges, keeps=("levels", "aliases", "descriptions", "parents"), takes=("delimiter",)
    ),
)
