"""A column of labels beside ranks: the classes of a data set, of which some are no species.

In `label,order,family,species` the row `bird,,,` says nothing by its ranks: the label is the class, and
the ranks are its path.
"""

from __future__ import annotations

from collections.abc import Sequence

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.tables import words
from taxoloss.sources.tables.columns import Column

__all__ = ["is_label", "is_needed", "labels_of", "without_same_taxon"]

_LABELS = (
    "label", "label_name", "class_label", "class_name", "category", "category_name", "target", "class",
)  # fmt: skip


def labels_of(columns: Sequence[Column]) -> list[Column]:
    """The columns that are called as labels are, the likeliest first."""
    found = [c for c in columns if c.word in _LABELS and c.names_nodes and not c.is_number]
    return sorted(found, key=lambda column: _LABELS.index(column.word))


def is_label(label: Column, ranks: Sequence[Column]) -> bool:
    """Whether every row has a label, each label has one path of ranks, and some path ends early.

    A column called class is one of labels where some order, or family, holds several of them.
    """
    if len(ranks) < 2 or label.filled < len(label.cells) or ranks[-1].filled == len(label.cells):
        return False
    paths = set(_paths(ranks))
    pairs = set(zip(label.cells, _paths(ranks), strict=True))
    several = any(len(_beside(rank, label)) > len(rank.counts) for rank in ranks)
    one = len(pairs) == len(label.counts) >= len(paths)
    return one and (several or words.rank_of(label.word) is None)


def _paths(ranks: Sequence[Column]) -> list[tuple[str, ...]]:
    return list(zip(*(rank.cells for rank in ranks), strict=True))


def _beside(rank: Column, label: Column) -> set[tuple[str, str]]:
    """The pairs of a name of the rank and a label."""
    return {pair for pair in zip(rank.cells, label.cells, strict=True) if pair[0]}


def is_needed(label: Column, ranks: Sequence[Column]) -> bool:
    """Whether the ranks alone lose classes: two share a path, one is empty, or above another."""
    paths = {tuple(filter(None, path)) for path in _paths(ranks)}
    above = {path[:end] for path in paths for end in range(len(path))}
    return len(paths) < len(label.counts) or not paths.isdisjoint(above | {()})


def without_same_taxon(
    rows: Sequence[tuple[str, ...]],
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Rows whose last cell is empty where it is the name of the taxon before it; a note that counts them.

    >>> without_same_taxon([("Felidae", "Felis catus", "felis_catus"), ("Felidae", "", "cat")])[0]
    [('Felidae', 'Felis catus', ''), ('Felidae', '', 'cat')]
    """
    done, same = [], dict[str, str]()
    for *above, label in rows:
        taxon = next((name for name in reversed(above) if name.strip()), "")
        if label and _plain(label) == _plain(taxon):
            same[label], label = taxon, ""
        done.append((*above, label))
    if not same:
        return done, ()
    label, taxon = next(iter(same.items()))
    shown = f"{quoted(label)} is {quoted(taxon)}"
    return done, (f"{counted(len(same), 'label')} called as the taxon is no level of its own: {shown}",)


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
