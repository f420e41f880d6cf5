"""What the cells of a column hold, and how two columns stand to each other."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from taxoloss.sources.tables import words
from taxoloss.sources.tables.table import Table
from taxoloss.taxonomy.names import nfc

__all__ = [
    "Column",
    "bits_of_nesting",
    "columns_of",
    "determines",
    "nearly_nests",
    "nests",
    "same_groups",
    "whole_numbers",
]

_INTEGER = re.compile(r"[-+]?\d+")
_WHOLE = re.compile(r"([-+]?\d+)\.0*")
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?%?")
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([ T].*)?"
    r"|\d{1,2}:\d{2}(:\d{2})?.*"
)
_LINK = re.compile(r"(https?|ftp|s3|gs)://\S+|www\.\S+", re.IGNORECASE)
_UUID = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?|[0-9a-f]{24,}", re.IGNORECASE)
_FILE = re.compile(
    r".*\.(jpe?g|png|tiff?|webp|gif|bmp|npy|npz|wav|flac|mp3|ogg|mp4|avi|mov|csv|json|txt|xml|pdf|dcm|nii|gz|zip)",
    re.IGNORECASE,
)
_TRUTH = frozenset(("true", "false", "yes", "no", "t", "f", "y"))
#: Cells of these kinds are no names of nodes unless somebody says so.
_NO_NAMES = frozenset(("decimal", "date", "link", "uuid", "file", "truth", "text", "structure", "empty"))
_WORDS_OF_TEXT = 9
#: Names that stand in several groups are few: accessories, "Other".
_NEARLY = 0.9
_MOST = 2_000


def _kind_of_cell(cell: str) -> str:
    if _INTEGER.fullmatch(cell):
        return "integer"
    if _WHOLE.fullmatch(cell):
        return "whole"
    for kind, pattern in (
        ("decimal", _NUMBER), ("date", _DATE), ("link", _LINK), ("uuid", _UUID), ("file", _FILE)
    ):  # fmt: skip
        if pattern.fullmatch(cell):
            return kind
    if cell.casefold() in _TRUTH:
        return "truth"
    if cell[0] in "[{(" and cell[-1] in ")]}" and ("," in cell or ":" in cell):
        return "structure"
    return "text" if cell.count(" ") >= _WORDS_OF_TEXT else "name"


@dataclass(eq=False)
class Column:
    """One column of a table: its number, its name, its cells without spaces around them."""

    number: int
    name: str
    cells: Sequence[str]

    @cached_property
    def word(self) -> str:
        """The name as it is compared."""
        return words.folded(self.name)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each cell that is not empty stands there."""
        counts = Counter(self.cells)
        counts.pop("", None)
        return counts

    @cached_property
    def filled(self) -> int:
        """How many cells are not empty."""
        return sum(self.counts.values())

    @property
    def is_unique(self) -> bool:
        """Whether every row has its own cell."""
        return self.filled == len(self.cells) == len(self.counts)

    @cached_property
    def is_serial(self) -> bool:
        """Whether every row has a number of its own, maybe behind letters: X1, X2, or R-001, R-002."""
        shapes = {re.sub(r"[^\W\d_]+", "A", re.sub(r"\d+", "0", cell)) for cell in self.counts}
        return self.is_unique and len(shapes) == 1 and re.fullmatch(r"A?[-_.]?0", shapes.pop()) is not None

    @property
    def is_constant(self) -> bool:
        """Whether all rows have one cell."""
        return len(self.counts) <= 1

    @cached_property
    def kind(self) -> str:
        """What nine of ten different cells are: "name", "integer", "date", "link", ...; "mixed" of none."""
        distinct = list(self.counts)
        step = max(1, len(distinct) // _MOST)
        kinds = Counter(map(_kind_of_cell, distinct[::step]))
        if not kinds:
            return "empty"
        if kinds.keys() <= {"integer", "whole"}:
            return "integer"
        kind, count = kinds.most_common(1)[0]
        total = sum(kinds.values())
        if kinds["integer"] + kinds["whole"] + kinds["decimal"] == total:
            return "decimal"
        return kind if count >= 0.9 * total else "mixed"

    @property
    def names_nodes(self) -> bool:
        """Whether the cells can be names of nodes, for all that they look like."""
        return self.kind not in _NO_NAMES

    @cached_property
    def names_ranks(self) -> bool:
        """Whether the cells are words for ranks, as Family and Species are, several rows of some."""
        several = 1 < len(self.counts) < self.filled == len(self.cells)
        return several and all(words.is_rank_word(words.folded(cell)) for cell in self.counts)

    @property
    def is_number(self) -> bool:
        """Whether the cells are whole numbers."""
        return self.kind == "integer"


def columns_of(table: Table) -> list[Column]:
    """The columns of a table, their cells in NFC without spaces around them."""
    cells: Iterable[Sequence[str]] = (
        zip(*table.rows, strict=True) if table.rows else [()] * len(table.header)
    )
    cleaned = ([nfc(cell.strip()) if cell else "" for cell in column] for column in cells)
    return [
        Column(i, name, column) for i, (name, column) in enumerate(zip(table.header, cleaned, strict=True))
    ]


def whole_numbers(cells: Sequence[str]) -> Sequence[str]:
    """Cells in which `1.0` is written `1`, where all of them are whole numbers: a column with gaps.

    >>> whole_numbers(["1.0", "", "12.0"]), whole_numbers(["1.0", "1.5"])
    (['1', '', '12'], ['1.0', '1.5'])
    """
    if not any("." in cell for cell in cells):
        return cells
    if not all(_INTEGER.fullmatch(cell) or _WHOLE.fullmatch(cell) for cell in cells if cell):
        return cells
    return [cell.partition(".")[0] for cell in cells]


# -- two columns -----------------------------------------------------------------------------------


def _above(fine: Column, coarse: Column) -> dict[str, set[str]]:
    """For each fine name the coarse names that it stands beside, where both are there."""
    found: dict[str, set[str]] = {}
    for low, high in set(zip(fine.cells, coarse.cells, strict=True)):
        if low and high:
            found.setdefault(low, set()).add(high)
    return found


def determines(fine: Column, coarse: Column) -> float:
    """The share of fine names that stand below one coarse name only; 0 where none stands beside one."""
    above = _above(fine, coarse)
    return sum(len(names) == 1 for names in above.values()) / len(above) if above else 0.0


def nests(fine: Column, coarse: Column) -> bool:
    """Whether each fine name stands below one coarse name only, and some does."""
    if len(fine.counts) < len(coarse.counts) and fine.filled == coarse.filled:
        return False  # fewer names than groups, where both are always there
    if fine.is_unique:
        return coarse.filled > 0
    return _first_rows_nest(fine, coarse) and determines(fine, coarse) == 1.0


def nearly_nests(fine: Column, coarse: Column) -> bool:
    """Whether nine of ten fine names stand below one coarse name only, of which there are fewer."""
    fewer = len(coarse.counts) < len(fine.counts)
    return nests(fine, coarse) or (fewer and determines(fine, coarse) >= _NEARLY)


def _first_rows_nest(fine: Column, coarse: Column) -> bool:
    """Most columns that do not nest show it soon."""
    above: dict[str, str] = {}
    pairs = islice(zip(fine.cells, coarse.cells, strict=True), _MOST)
    return all(above.setdefault(low, high) == high for low, high in pairs if low and high)


def same_groups(one: Column, other: Column) -> bool:
    """Whether each name of one goes with one name of the other, both ways: a second name of the same."""
    return nests(one, other) and nests(other, one)


def bits_of_nesting(fine: Column, coarse: Column, leaf: Column) -> float:
    """How unlikely it is that the fine names stand below one coarse name each by chance, in bits.

    Each class of a fine name after the first agrees by chance with probability sum_i p_i^2, p_i the
    shares of the coarse names: fine names with several classes are the evidence, others are none.
    """
    rows = set(zip(leaf.cells, fine.cells, coarse.cells, strict=True))
    pairs = [(low, high) for _, low, high in rows if low and high]
    if not pairs:
        return 0.0
    shares = Counter(high for _, high in pairs)
    chance = sum((count / len(pairs)) ** 2 for count in shares.values())
    repeats = len(pairs) - len({low for low, _ in pairs})
    return -repeats * math.log2(chance) if chance < 1 else 0.0
