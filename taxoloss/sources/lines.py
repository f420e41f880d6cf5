"""The lines of a text that say something, and the steps before they are read: `sep=;`, comments, quotes."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Options, listed, source_text
from taxoloss.sources.tables.words import folded, is_known

__all__ = [
    "BULLET",
    "Lines",
    "all_match",
    "cells_at",
    "cells_of",
    "delimiter_of",
    "in_names",
    "open_lines",
    "without_bullets",
]

#: Marks that close what they open.
_CLOSED = {"(": ")", "[": "]"}
_ID = re.compile(r"\S*\d\S*")
#: A bullet before a name.
BULLET = re.compile(r"\s*[-*+•‣▪◦○●·–]\s+(?=\S)")
_EXCEL = re.compile(r'\s*"?sep=(.)"?[\s,;]*$', re.IGNORECASE)
_IN_CODE = re.compile(r"\s*(?P<quote>[\"'])(?P<name>(?:(?!(?P=quote)).)+)(?P=quote)\s*(?P<comma>,?)\s*")
_NUMBERED = re.compile(
    r"\s*(?P<id>\d+\s*:\s*)(?P<quote>[\"'])(?P<name>(?:(?!(?P=quote)).)+)(?P=quote)\s*(?P<comma>,?)\s*"
)
_ENDED = re.compile(r"(?P<quote>)(?P<name>[^,;\t\"]*[^,;\s\"])\s*(?P<comma>,?)\s*")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
#: How many lines are cut on trial.
_SAMPLE = 20_000
_DELIMITERS = ("\t", ",", ";", "|")


@dataclass(frozen=True)
class Lines:
    """The lines that are not blank, without their ends, each with its number; what people should know.

    Args:
        delimiter: that the first line names, as Excel writes it: `sep=;`.
        header: the last of the comments at the top, which in some tables names the columns.
    """

    file: str
    texts: tuple[str, ...]
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()
    delimiter: str | None = None
    header: str | None = None

    def kept(self, keep: Sequence[bool], *notes: str) -> Lines:
        """Some of the lines, and notes on the others."""
        texts = tuple(text for text, one in zip(self.texts, keep, strict=True) if one)
        numbers = tuple(number for number, one in zip(self.numbers, keep, strict=True) if one)
        return replace(self, texts=texts, numbers=numbers, notes=(*self.notes, *notes))

    def having(self, texts: Sequence[str], *notes: str) -> Lines:
        """The same lines with other texts, and notes on what was changed."""
        return replace(self, texts=tuple(texts), notes=(*self.notes, *notes))

    @property
    def text(self) -> str:
        """The text again: lines that were left out are blank, so that the others keep their numbers."""
        whole = [""] * (self.numbers[-1] if self.numbers else 0)
        for text, number in zip(self.texts, self.numbers, strict=True):
            whole[number - 1] = text
        return "\n".join(whole) + "\n"

    def prepared(self) -> Lines:
        """Without Excel's first line and without comments; what was left out is told."""
        return self._without_excel()._without_comments()._of_code()

    def _of_code(self) -> Lines:
        """Without the quotes around each line, and the commas behind, that a list in code has."""
        numbered = all_match(_NUMBERED, self.texts)
        matches = numbered or all_match(_IN_CODE, self.texts) or self._ended_by_commas()
        if not matches or not (
            numbered or any(match["comma"] or match["quote"] == "'" for match in matches)
        ):
            return self
        note = f"quotes and commas around {counted(len(matches), 'line')} are left out"
        ids = [match["id"] for match in matches] if numbered else [""] * len(matches)
        return self.having([i + match["name"] for i, match in zip(ids, matches, strict=True)], note)

    def _without_excel(self) -> Lines:
        match = _EXCEL.match(self.texts[0]) if self.texts else None
        if match is None or len(self.texts) == 1:
            return self
        note = f"the first line, {quoted(self.texts[0])}, says how cells are separated: it is left out"
        return replace(self.kept([False] + [True] * (len(self.texts) - 1), note), delimiter=match[1])

    def _without_comments(self) -> Lines:
        """Where the first line is a comment, and not every line starts as it does."""
        comments = [text.lstrip().startswith("#") for text in self.texts]
        if not comments or not comments[0] or all(comments):
            return self
        top = comments.index(False)
        shown = listed([t for t, one in zip(self.texts, comments, strict=True) if one], 2)
        what = "line that starts with # is" if sum(comments) == 1 else "lines that start with # are"
        note = f"{sum(comments):,} {what} left out: {shown}"
        header = self.texts[top - 1].lstrip().lstrip("#").strip()
        return replace(self.kept([not one for one in comments], note), header=header)

    def _ended_by_commas(self) -> list[re.Match[str]]:
        """How names match that have a comma behind all of them, or all but the last, and no other."""
        ended = len(self.texts) > 2 and all(text.rstrip().endswith(",") for text in self.texts[:-1])
        return (all_match(_ENDED, self.texts) or []) if ended else []

    def unquoted(self) -> Lines:
        """Without the quotes of a table of one column: around each line, or around those with commas."""
        whole = [bool(_QUOTED.fullmatch(text.strip())) for text in self.texts]
        if not any(whole) or not (all(whole) or self._needs_quotes(whole)):
            return self
        pairs = zip(self.texts, whole, strict=True)
        texts = [text.strip()[1:-1].replace('""', '"') if one else text for text, one in pairs]
        told = () if self._is_csv else (f"quotes around {counted(sum(whole), 'line')} are left out",)
        return self.having(texts, *told)

    @property
    def _is_csv(self) -> bool:
        return self.file.lower().endswith((".csv", ".tsv", ".tab"))

    def _needs_quotes(self, whole: Sequence[bool]) -> bool:
        """Whether quotes stand around those lines which a table must quote, and around no others."""
        pairs = list(zip(self.texts, whole, strict=True))
        mark = "\t" if self.file.lower().endswith((".tsv", ".tab")) else ","
        others = any('"' in text or mark in text for text, one in pairs if not one)
        held = all(re.search(r'[,;\t]|""', text) for text, one in pairs if one)
        return not others and (held or self._is_csv)


def open_lines(path: Path, options: Options) -> Lines:
    """The lines of a text in UTF-8 that are not blank; FormError where it is none."""
    text = source_text(path, options.limits)
    texts, numbers, most = [], [], 2 * options.limits.nodes
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if line.strip():
            texts.append(line)
            numbers.append(number)
            if len(texts) > most + 1:
                raise_all([Fault("T112", f"more than {most:,} rows", str(path), number)])
    return Lines(str(path), tuple(texts), tuple(numbers))


def without_bullets(lines: Lines, what: str = "name") -> Lines:
    """The lines without the bullets that all of them have, which is told."""
    if not all(map(BULLET.match, lines.texts)):
        return lines
    texts = [BULLET.sub("", text, count=1) for text in lines.texts]
    return lines.having(texts, f"the bullets before {counted(len(texts), what)} are left out")


def all_match(pattern: re.Pattern[str], texts: Sequence[str]) -> list[re.Match[str]] | None:
    """How a pattern matches each whole text; None at the first that it does not match."""
    found = []
    for text in texts:
        match = pattern.fullmatch(text)
        if match is None:
            return None
        found.append(match)
    return found


def cells_at(texts: Sequence[str], mark: str) -> list[list[str]] | None:
    """The cells of lines cut at a mark, as many each; None where it does not cut them so.

    A name may hold the mark where ids stand before all names, or behind all.
    """
    cut = [_cut(text.strip(), mark) for text in texts]
    if len({len(cells) for cells in cut}) > 1 and mark not in _CLOSED:
        cut = _beside_numbers(texts, mark)
    alike = len({len(cells) for cells in cut}) == 1 and len(cut[0]) > 1
    return cut if alike and all(cell for cells in cut for cell in cells) else None


def _cut(text: str, mark: str) -> list[str]:
    if mark in _CLOSED:
        text = text.removesuffix(_CLOSED[mark]) if text.endswith(_CLOSED[mark]) else ""
    parts = text.split() if mark == " " else text.split(mark)
    return [part.strip() for part in parts]


def _beside_numbers(texts: Sequence[str], mark: str) -> list[list[str]]:
    """The id before, or behind, each text, and the rest of it."""
    for cut in (str.split, str.rsplit):
        rows = [[part.strip() for part in cut(text.strip(), mark, 1)] for text in texts]
        at = 0 if cut is str.split else -1
        numbered = all(len(row) == 2 and _ID.fullmatch(row[at]) for row in rows)
        if numbered and len({row[at] for row in rows}) > 0.5 * len(rows):
            return rows
    return []


# -- whether it is a table -------------------------------------------------------------------------


def cells_of(texts: Sequence[str], delimiter: str) -> list[list[str]]:
    """The cells of lines; none where they are no CSV."""
    try:
        return [row for row in csv.reader([text + "\n" for text in texts], delimiter=delimiter) if row]
    except csv.Error:
        return []


def delimiter_of(lines: Lines) -> str | None:
    """What cuts the lines into as many cells each, more than one: None where it is no table.

    A tab comes first, since it stands in no name, whatever the quotes say; of the others the one that
    makes most cells.
    """
    texts = lines.texts[:_SAMPLE]
    if lines.delimiter is not None:
        return lines.delimiter
    widths = {mark: _width(cells_of(texts, mark), mark) for mark in _DELIMITERS}
    tabs = {text.count("\t") for text in texts}
    if widths["\t"] or (len(tabs) == 1 and tabs != {0} and len(texts) > 1):
        return "\t"
    best = max(_DELIMITERS, key=lambda mark: (widths[mark] > 1, not in_names(texts, mark), widths[mark]))
    if best == ";" and widths[","] and _is_lineage(texts):
        best = ","
    return best if widths[best] else None


def _width(rows: Sequence[Sequence[str]], mark: str) -> int:
    """The number of cells in (nearly) all rows, the first among them; 0 where there is none."""
    counts = Counter(map(len, rows))
    if not counts:
        return 0
    width, first = counts.most_common(1)[0][0], len(rows[0])
    if width > 1 and first == width and counts[width] >= 0.9 * len(rows):
        return width
    # Rows whose last cells are left out stand below a header that has all.
    spaced = sum(cell.startswith(" ") for row in rows for cell in row[1:])
    ragged = first == max(counts) > 1 and counts[first] >= 0.5 * len(rows) and len(rows) > 2
    named = mark == "\t" and all(is_known(folded(cell)) for cell in rows[0])
    headed = (named or mark == ",") and not any(cell.strip() == "" for cell in rows[0]) and spaced == 0
    return first if ragged and headed else 0


def in_names(texts: Sequence[str], mark: str) -> bool:
    """Whether a space follows (nearly) every mark, as it does in names."""
    count = sum(text.count(mark) for text in texts)
    return sum(text.count(mark + " ") for text in texts) >= 0.9 * count > 0


def _is_lineage(texts: Sequence[str]) -> bool:
    """Whether lines hold d__Bacteria;p__Firmicutes."""
    return sum(bool(re.search(r"\b[a-z]__[^;]*;\s*[a-z]__", text)) for text in texts) > 0.8 * len(texts)
