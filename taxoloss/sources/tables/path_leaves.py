"""A column of names beside one of paths that end above them: lineage and name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taxoloss.sources.reading import Grade
from taxoloss.sources.separators import cuts_of, split_path
from taxoloss.sources.tables import words
from taxoloss.sources.tables.columns import Column, determines

__all__ = [
    "are_texts",
    "explained_by_paths",
    "has_more",
    "joined",
    "leaf_below",
    "marks_of",
    "named_beside",
]


def marks_of(paths: Column) -> list[str]:
    """The separators that may cut the paths, the likeliest first."""
    return [cut.mark for cut in cuts_of(list(paths.counts))[1]]


def leaf_below(paths: Column, columns: Sequence[Column], separator: str | None) -> Column | None:
    """The column of what stands below the paths: its names are not in them, and have one path each."""
    marks = [separator] if separator is not None else marks_of(paths)
    called = (c for c in columns if c is not paths and (words.is_name(c.word) or c.word in words.CLASS))
    named = [c for c in called if c.names_nodes and not c.is_number and c.filled == len(c.cells)]
    named = [c for c in named if not words.is_path(c.word) and not words.is_beside(c.word)]
    named.sort(key=lambda column: words.is_name(column.word) or 99)
    below = (c for c in named if marks and determines(c, paths) == 1.0 and not _is_in(c, paths, marks[0]))
    return next(below, None)


def named_beside(paths: Column, columns: Sequence[Column], separator: str | None) -> Column | None:
    """The column of names, each once, that stands beside paths and is no part of them.

    These may say something else of what is called so: its parts, where it lives.
    """
    if words.is_id(paths.word):
        return None
    marks = [separator] if separator is not None else marks_of(paths)
    called = (c for c in columns if c is not paths and (words.is_name(c.word) or c.word in words.CLASS))
    named = (
        c
        for c in called
        if c.names_nodes and not c.is_number and c.is_unique and not words.is_beside(c.word)
    )
    named = (c for c in named if cuts_of(list(c.counts))[0] is not Grade.PLAIN)
    return next((c for c in named if marks and not _ends(c, paths, marks[0])), None)


def _is_in(names: Column, paths: Column, mark: str) -> bool:
    """Whether some name stands in its path already."""
    pairs = zip(names.cells, paths.cells, strict=True)
    return any(name in [part.strip() for part in split_path(path, mark)] for name, path in pairs)


def explained_by_paths(names: Column, columns: Sequence[Column], separator: str | None) -> bool:
    """Whether a column of paths says where each name stands: below its path, or at its end."""
    for paths in (c for c in columns if c is not names and words.is_path(c.word)):
        marks = [separator] if separator is not None else marks_of(paths)
        if marks and (leaf_below(paths, columns, separator) is names or _ends(names, paths, marks[0])):
            return True
    return False


def _ends(names: Column, paths: Column, mark: str) -> bool:
    """Whether each name is the last of its path."""
    pairs = zip(names.cells, paths.cells, strict=True)
    return all(joined(path, "", mark)[-2:-1] == (name,) for name, path in pairs)


def has_more(leaf: Column, paths: Column, mark: str) -> bool:
    """Whether several names share a path: the paths alone would lose classes."""
    return len(leaf.counts) > len({joined(path, "", mark) for path in paths.cells})


def are_texts(leaf: Column) -> bool:
    """Whether names, each once, may be the titles of single things: of several words, or with numbers."""
    texts = list(leaf.counts)
    long = sum(len(text.split()) > 2 or bool(re.search(r"\d", text)) for text in texts)
    return leaf.is_unique and 2 * long > len(texts)


def joined(path: str, name: str, mark: str) -> tuple[str, ...]:
    """A path with a name below it; a separator at its end separates nothing.

    >>> joined("Animalia; Chordata;", "cat", ";"), joined("Food > Fruit >", "apple", " > ")
    (('Animalia', 'Chordata', 'cat'), ('Food', 'Fruit', 'apple'))
    """
    path = path.strip().removesuffix(mark.strip() or mark)
    parts = [part.strip() for part in split_path(path, mark)] if path.strip() else []
    return (*parts, name)
