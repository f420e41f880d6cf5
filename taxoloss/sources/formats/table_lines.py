"""Lines that are a table in their own way: columns that stand apart by spaces, Markdown, below a title."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import listed, refuse
from taxoloss.sources.lines import Lines, cells_of, in_names
from taxoloss.sources.tables.words import folded, is_known

__all__ = ["is_ragged", "laid_out", "without_title"]

_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
#: How many lines may stand above a table.
_MOST_ABOVE = 3


def laid_out(lines: Lines) -> Lines | None:
    """The lines of a table in Markdown, or of columns that stand apart, with tabs between cells."""
    return _of_markdown(lines) or _aligned(lines)


# -- Markdown --------------------------------------------------------------------------------------


def _of_markdown(lines: Lines) -> Lines | None:
    """The rows of a table in Markdown; FormError where other text stands beside it."""
    at = [i for i, text in enumerate(lines.texts) if "|" in text and _RULE.fullmatch(text)]
    if len(at) != 1 or at[0] == 0 or "|" not in lines.texts[at[0] - 1]:
        return None
    others = [i for i, text in enumerate(lines.texts) if "|" not in text]
    if others:
        line, text = lines.numbers[others[0]], quoted(lines.texts[others[0]].strip())
        message = f"beside a table in Markdown stands other text, {text}"
        raise refuse(lines.file, message, line=line, expected="the table alone")
    rows = lines.kept([i != at[0] for i in range(len(lines.texts))])
    inner = [text.strip().removeprefix("|").removesuffix("|") for text in rows.texts]
    return rows.having(["\t".join(cell.strip() for cell in text.split("|")) for text in inner])


# -- columns that stand apart ----------------------------------------------------------------------


def _aligned(lines: Lines) -> Lines | None:
    """The rows of columns that start at one place each, two spaces or more before most of their cells."""
    texts = [text.rstrip() for text in lines.texts]
    if len(texts) < 3 or any("\t" in text or text.startswith(" ") for text in texts):
        return None
    places = _gutters(texts)
    ends = [*places[1:], None]
    wide = [sum(text[at - 2 : at] == "  " for text in texts) for at in places]
    if not places or max(wide) < 0.5 * len(texts):
        return None
    rows = [[text[: places[0]], *(text[a:b] for a, b in zip(places, ends, strict=True))] for text in texts]
    if not all(row[-1].strip() and row[0].strip() for row in rows):
        return None
    if len(places) == 1 and all(row[1].strip().isdecimal() for row in rows):
        return None  # names, or paths, and a number behind each
    note = f"columns that stand apart by spaces are read as {counted(len(rows[0]), 'column')}"
    return lines.having(["\t".join(cell.strip() for cell in row) for row in rows], note)


def _gutters(texts: Sequence[str]) -> list[int]:
    """Where a column starts: a letter in each line, a space before it in each line."""
    width = min(map(len, texts))
    return [at for at in range(2, width) if all(text[at - 1] == " " and text[at] != " " for text in texts)]


# -- a title above ---------------------------------------------------------------------------------


def without_title(lines: Lines, delimiter: str | None) -> tuple[Lines, str | None]:
    """The lines of a table below the titles above it, and its delimiter; what is left out is told.

    Args:
        delimiter: that cuts all lines, a title with empty cells among them.
    """
    if delimiter is not None and sum(bool(cell.strip()) for cell in lines.texts[0].split(delimiter)) > 1:
        return lines, delimiter
    for mark in "\t,;|":
        for count in range(1, min(_MOST_ABOVE, len(lines.texts) - 3) + 1):
            above, below = lines.texts[:count], lines.texts[count:]
            rows = cells_of(below, mark)
            if len(rows) != len(below) or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
                continue
            if in_names(below, mark) or not all(_is_title(text, mark, rows) for text in above):
                continue
            named = any(is_known(folded(cell)) for cell in rows[0])
            if not (named or (mark == "," and all(mark not in text for text in above))):
                continue
            what = (
                "line above the table, its title, is"
                if count == 1
                else "lines above the table, titles, are"
            )
            note = f"{count} {what} left out: {listed(above)}"
            return lines.kept([i >= count for i in range(len(lines.texts))], note), mark
    return lines, delimiter


def _is_title(text: str, mark: str, rows: Sequence[Sequence[str]]) -> bool:
    """Whether a line above rows has no cell but the first, which stands in none of them.

    A name of a column is no title: the rest of the header may be empty.
    """
    first, *others = text.split(mark)
    known = is_known(folded(first))
    again = any(first.strip() == cell.strip() for row in rows for cell in row)
    full = all(cell.strip() for cell in rows[0])
    return bool(first.strip()) and not known and not again and full and not any(o.strip() for o in others)


def is_ragged(lines: Lines) -> bool:
    """Whether most lines hold commas between cells, and not as many each."""
    held = sum("," in text for text in lines.texts)
    return held >= 0.6 * len(lines.texts) and held > 1 and not in_names(lines.texts, ",")
