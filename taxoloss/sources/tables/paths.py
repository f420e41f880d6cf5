"""Columns of paths: what separates their names, and how many rows say so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from taxoloss.sources.tables.columns import Column

__all__ = ["SEPARATORS", "is_column_of_paths", "separator_of", "split_path"]

#: Separators of paths; of two that split as well the one before, and ` > ` is not `>`.
SEPARATORS = (
    " > ",
    " / ",
    " -> ",
    " | ",
    " :: ",
    " >> ",
    "/",
    ";",
    "|",
    ">",
    "::",
    "\t",
    "->",
    "--",
    "\\",
    " - ",
    ":",
    ",",
    ".",
)
#: Those that stand inside of names so often that they must split every path.
_COMMON = (" - ", ":", ",", ".", "--")
_NO_PATH = re.compile(r"(https?|ftp|s3)://|^\s*[\[{(]")
_MOST = 10_000


def split_path(text: str, separator: str) -> list[str]:
    r"""The names of a path; a backslash keeps what follows it.

    >>> split_path(r"cat/long\/short", "/")
    ['cat', 'long/short']
    """
    if "\\" not in text or separator == "\\":
        return text.split(separator)
    names, name, kept = [], "", False
    rest = text
    while rest:
        if kept or not (rest.startswith(separator) or rest[0] == "\\"):
            name, rest, kept = name + rest[0], rest[1:], False
        elif rest[0] == "\\":
            rest, kept = rest[1:], True
        else:
            names.append(name)
            name, rest = "", rest[len(separator) :]
    return [*names, name]


def separator_of(cells: Sequence[str]) -> str | None:
    """The separator of a column of paths; None where no separator makes paths of them.

    It stands in most cells, and what it splits off repeats: paths share their tops.
    """
    texts = [text for text in dict.fromkeys(cells) if text][:_MOST]
    if not texts or any(_NO_PATH.search(text) for text in texts[:100]):
        return None
    scored = [(_score(texts, mark), -place) for place, mark in enumerate(SEPARATORS)]
    best, place = max(scored)
    return SEPARATORS[-place] if best > 0 else None


def _score(texts: Sequence[str], mark: str) -> float:
    """The share of texts that a separator splits, where their tops repeat; else 0."""
    split = [split_path(text, mark) for text in texts if mark in text]
    share = len(split) / len(texts)
    if share < (1.0 if mark in _COMMON else 0.5) or any(
        not part.strip() for path in split for part in path[:-1][1:]
    ):
        return 0.0
    tops = Counter(path[0] for path in split)
    whole = {text for text in texts if mark not in text}
    repeats = sum(count for top, count in tops.items() if count > 1 or top in whole)
    return share if repeats >= 0.5 * len(split) else 0.0


def is_column_of_paths(column: Column) -> bool:
    """Whether cells are no files, links, dates or free text."""
    return column.kind in ("name", "mixed", "text")
