"""Ways to read a source, each with what speaks for it, and which of them is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.errors.faults import Fault, FormError, TaxonomyError
from taxoloss.sources.base import Found
from taxoloss.sources.tables.table import Table

__all__ = ["Grade", "Look", "Reading", "choose", "said"]

_MOST_SHOWN = 6


class Grade(IntEnum):
    """How much of a source speaks for a reading."""

    #: Only a name does: the suffix of the file, the name of a column.
    NAME = 1
    #: What stands in it fits, and could by accident.
    CELLS = 2
    #: What stands in it, and how it is called, say so both; or the syntax is of this kind alone.
    PLAIN = 3
    #: It is a known export: names of columns, and what stands in them, that have no other meaning.
    KNOWN = 4


@dataclass(frozen=True)
class Reading:
    """One way to read a source, and what speaks for it.

    Args:
        kind: as `--kind` calls it.
        how: what was understood: "order > family > species, 5 rows".
        grade: how much speaks for it.
        make: makes the taxonomy; TaxonomyError with every fault.
        option: what chooses this reading: "--kind ranks --columns order,family,species".
        covers: the columns, or keys, that it makes names and edges of: a reading of another kind that
            covers these and more explains more.
        unused: those that it leaves out.
    """

    kind: str
    how: str
    grade: Grade
    make: Callable[[], Found]
    option: str = ""
    covers: frozenset[str] = frozenset()
    unused: tuple[str, ...] = ()

    @cached_property
    def made(self) -> Found | TaxonomyError:
        """The taxonomy, or why there is none."""
        try:
            return self.make()
        except TaxonomyError as error:
            return error

    @property
    def example(self) -> tuple[str, ...]:
        """A path of the tree: the first that is as deep as most levels allow; () where there is no tree."""
        return () if isinstance(self.made, TaxonomyError) else self.made.example

    def __str__(self) -> str:
        if isinstance(self.made, TaxonomyError):
            return f"{self.kind}: {self.how}, which makes no tree: {self.made.faults[0].message}"
        return said(self.kind, self.made.how or self.how, self.example, self.unused)


def said(kind: str, how: str, example: Sequence[str], unused: Sequence[str]) -> str:
    """A reading in words: its kind, what was understood, a path of the tree, what is not used."""
    path = " / ".join(example)
    words = f"{kind}: {how}" if how else kind
    return f"{words}, e.g. {path}" + (f"; not used: {_listed(unused)}" if unused else "")


@dataclass(frozen=True)
class Look:
    """What a look at a source shows: in words, the readings of it, what would make it readable.

    Args:
        saw: "a list of 80 records with the keys id, name, supercategory".
        readings: in no order.
        tables: that stand in it: each format that reads tables looks at them.
        needs: what it would need to be a tree.
    """

    saw: str
    readings: Sequence[Reading] = ()
    tables: Sequence[Table] = ()
    needs: str = ""


def _listed(names: Sequence[str], most: int = 8) -> str:
    """The first few names without quotes, and how many more there are."""
    shown = ", ".join(escape_invisible(name) for name in names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")


def choose(look: Look, file: str) -> Reading:
    """The reading that explains a source best.

    That is the one of the highest grade. Of several those stand back that cover only a part of what
    another covers, or make no tree, or the same tree as one before them.

    Raises:
        FormError: T121 where there is none, or no option tells several apart; T122 where several explain
            about as much.
        TaxonomyError: the faults of the only one.
    """
    best = max((reading.grade for reading in look.readings), default=None)
    rivals = [reading for reading in look.readings if reading.grade == best]
    if not rivals:
        message = f"this is {look.saw}: no tree of classes can be read from it"
        raise FormError([Fault("T121", message, file, expected=look.needs or None)])
    rivals = [one for one in rivals if not any(_is_part(one, other) for other in rivals)]
    trees = [reading for reading in rivals if isinstance(reading.made, Found)]
    rivals = _different(trees) or rivals[:1]
    if len(rivals) == 1:
        return rivals[0]
    if len({reading.option for reading in rivals}) < len(rivals):
        # No option tells them apart: to choose, the file has to be another.
        message = f"this is {look.saw}, which are {counted(len(rivals), 'tree')} that no option tells apart"
        help = "keep one of them in the file:\n" + "\n".join(map(str, rivals[:_MOST_SHOWN]))
        raise FormError([Fault("T121", message, file, expected="one tree", help=help)])
    shown = [f"{reading} ({reading.option})" for reading in rivals[:_MOST_SHOWN]]
    message = f"this is {look.saw}, and can be read in {counted(len(rivals), 'way')}"
    if len({one.option for one in rivals}) < len(rivals):
        message += f", which no option tells apart:\n{chr(10).join(map(str, rivals[:_MOST_SHOWN]))}"
        raise FormError([Fault("T121", message, file, expected="one of them in a file of its own")])
    help = "say which:\n" + "\n".join(shown)
    raise FormError([Fault("T122", message, file, expected="one reading", help=help)])


def _is_part(one: Reading, other: Reading) -> bool:
    """Whether a reading of another kind makes use of all that this one does, and of more.

    Of one kind that is no reason: two ranks or three is what the source leaves open.
    """
    same = one.kind == other.kind or {one.kind, other.kind} == {"ranks", "bins"}
    return bool(one.covers) and not same and one.covers < other.covers


def _different(readings: Sequence[Reading]) -> list[Reading]:
    """Of readings that make one tree the first."""
    kept: dict[frozenset[tuple[str, ...]], Reading] = {}
    for reading in readings:
        if isinstance(reading.made, Found):
            kept.setdefault(frozenset(reading.made.taxonomy.paths()), reading)
    return list(kept.values())
