"""Labels above the classes: what a calibration does with rows that have one, and how it says so.

Nobody knows whether an answer below such a label ("Felis" for a row labelled Felidae) is right.

    "wrong": it counts as wrong. The promise is for all rows, and kept with room to spare: the more rows are
             labelled so, the fewer answers go below their labels, right ones too.
    "skip":  rows labelled so are left out, whatever their answers.

What "skip" promises: let c_i be 1 where the label of row i is a class. This is read off the label alone.
If the n rows and a new one are exchangeable, then so are, given all c_i, those of them with c_i = 1. So
(1) of `conformal` holds with n the number of rows with c_i = 1, and for a new row of this kind:

    P(wrong | the label would be a class) <= risk

Of rows whose label would be an inner node nothing is promised; they may be the harder ones. Where labels
stop at an inner node by chance (experts looked at a random tenth), the others are like all rows, and so is
the promise.

Only the answers that cannot be judged must not be left out: which these are depends on the threshold. The
rows that count would be others at each, R(t) no longer rise as t falls, and of the rows labelled so only
right ones and those on other branches would remain.
"""

from __future__ import annotations

from typing import Any

__all__ = ["check_coarse", "coarse_labels", "coarse_sentence"]

_RULES = ("wrong", "skip")


def check_coarse(coarse: Any) -> None:
    """ValueError where it is not one of the two."""
    if coarse not in _RULES:
        raise ValueError(f"expected coarse as one of {_RULES}, got {coarse!r}")


def coarse_labels(coarse: int, rows: int | None) -> str:
    """How many rows are labelled above the classes, of how many (None: that is not known).

    >>> coarse_labels(1, 1200)
    '1 of 1,200 rows is labelled above the classes'
    """
    of = "" if rows is None else f" of {rows:,}"
    unit = "row" if coarse == 1 and rows is None else "rows"
    return f"{coarse:,}{of} {unit} {'is' if coarse == 1 else 'are'} labelled above the classes"


def coarse_sentence(coarse: int, rows: int | None, rule: str) -> str:
    """The same with what was done, to be put behind a sentence; nothing where there are none."""
    if not coarse:
        return ""
    if rule == "skip":
        return f" {coarse_labels(coarse, rows)} and {'was' if coarse == 1 else 'were'} left out."
    whom = "it" if coarse == 1 else "them"
    return f" {coarse_labels(coarse, rows)}; a deeper answer to {whom} counts as wrong."
