"""Cells of a table that name nothing: a missing value, or a text that stands for one."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["is_missing", "is_placeholder"]

#: A rank's prefix, as in Greengenes, SILVA, UNITE and GTDB: g__, sk__, D_5__.
_PREFIX = re.compile(r"^(?:[a-z]{1,2}|d_\d{1,2})__", re.IGNORECASE)
#: Not here: "empty" and "blank", which are classes of camera traps, and "other", a class like any other.
_WORDS = frozenset((
    "na", "n/a", "#n/a", "nan", "<na>", "<nan>", "none", "null", "<null>", "nil", "-", "--", ".", "..",
    "?", "??", "???", "unknown", "not known", "unassigned", "not assigned", "unidentified",
    "not identified", "unclassified", "undetermined", "unspecified", "not available", "indet", "indet.",
    "incertae sedis", "no rank", "sp", "sp.", "spp", "spp.",
))  # fmt: skip


def is_missing(cell: Any) -> bool:
    """None, "", NaN, NaT and pandas' NA: there is no value.

    >>> [is_missing(cell) for cell in (None, "", float("nan"), " ", "NA", 0)]
    [True, True, True, True, False, False]
    """
    if cell is None or isinstance(cell, str):
        return not cell or cell.isspace()
    try:
        return bool(cell != cell)
    except TypeError:  # NA compares as NA, which is neither true nor false
        return True
    except ValueError:  # an array compares cell by cell
        return False


def is_placeholder(text: str) -> bool:
    """Whether a text is what people write where a rank has no name: NA, ?, sp., unknown, g__.

    A name that holds such a word beside others is a name: `Rodent sp.` is a class of camera traps.

    >>> [is_placeholder(text) for text in ("Unassigned", "g__", "s__unidentified", "sp.", "Rodent sp.")]
    [True, True, True, True, False]
    """
    rest = _PREFIX.sub("", text.strip())
    return not rest or " ".join(rest.casefold().replace("_", " ").split()) in _WORDS
