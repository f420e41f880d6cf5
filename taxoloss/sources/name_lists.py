"""Names of columns in one option, as a line of CSV: a name with a comma stands in quotes."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence

__all__ = ["columns_option", "names_of_option"]


def names_of_option(text: str) -> list[str]:
    """The names that an option lists; ValueError where its quotes do not pair.

    >>> names_of_option("order, family"), names_of_option('"a, b",c')
    (['order', 'family'], ['a, b', 'c'])
    """
    lines = io.StringIO(text, newline="")
    try:
        rows = list(csv.reader(lines, skipinitialspace=True, strict=True))
    except csv.Error:
        help = "a name with a comma stands in quotes: '\"a, b\",c'"
        raise ValueError(f"expected names with commas between them, got {text!r:.80}; {help}") from None
    return [name.strip() for row in rows for name in row if name.strip()]


def columns_option(names: Sequence[str]) -> str:
    r"""The option that says these columns, as a shell takes it.

    >>> columns_option(["order", "family"]), columns_option(["a, b", "c"])
    ('--columns order,family', '--columns \'"a, b",c\'')
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return f"--columns {shlex.quote(line.getvalue())}"
