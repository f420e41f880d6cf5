"""A look at a source: every reading of it, by what stands in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from taxoloss.errors.faults import Fault, raise_all
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.sources.base import Found, Options, refuse
from taxoloss.sources.formats import FORMATS
from taxoloss.sources.formats.format import HEAD, Format, Sample
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.sources.refusals import binary_refusal, text_refusal
from taxoloss.sources.tables.cell_marks import without_cell_marks
from taxoloss.sources.tables.remarks import without_remarks
from taxoloss.sources.tables.shapes import refused_shape
from taxoloss.sources.tables.summary_row import without_summary
from taxoloss.sources.tables.table import Table

__all__ = ["KINDS", "check_kind", "format_of", "found_by", "look_at"]

#: What `kind` may be.
KINDS = tuple(FORMATS)
#: What a folder and a text are that show nothing else.
_FOLDER, _TEXT = "image-folder", "table"


def look_at(path: Path, options: Options) -> Look:
    """All readings of a source; of the kind that was asked for alone, where one was."""
    asked = FORMATS[options.kind] if options.kind is not None else None
    own = asked is not None and asked.read is not None and _reads(asked, path)
    format, grade = (asked, Grade.PLAIN) if asked and own else format_of(path, asked)
    if format.read is not None:
        make = partial(format.read, path, options)
        reading = Reading(format.name, format.title, grade, make, f"--kind {format.name}")
        return Look(format.title or format.name, [reading])
    assert format.look is not None
    if asked is not None and asked.name == _TEXT:
        asked = format  # a table in whatever carries it
    return _with_tables(format.look(path, options), format, asked, options)


def _reads(format: Format, path: Path) -> bool:
    """Whether a format reads the source itself, and not the tables that another carries."""
    if format.of_table is None or format.sniff is None or path.is_dir():
        return True
    return format.sniff(Sample(path, None if path.is_dir() else _head(path)))


def _with_tables(look: Look, carrier: Format, asked: Format | None, options: Options) -> Look:
    """The look at a file, with the readings of the tables in it; only those that were asked for."""
    layouts = [f for f in FORMATS.values() if f.of_table and asked in (None, carrier, f)]
    readings = [r for r in look.readings if asked in (None, carrier) or (asked and r.kind == asked.name)]
    for whole in look.tables:
        table = without_cell_marks(without_summary(without_remarks(whole)))
        if options.kind is None and options.columns is None and (refused := refused_shape(table)):
            raise refused
        found = (one for layout in layouts for one in layout.of_table(table, options))  # type: ignore[misc]
        readings += [
            replace(one, make=partial(_noted, one.make, table), unused=(*one.unused, *table.beside))
            for one in found
        ]
    needs = asked.form if asked is not None and asked.form else look.needs
    return replace(look, readings=readings, needs=needs)


def _noted(make: Callable[[], Found], table: Table) -> Found:
    """What a reading of a table makes, with what was noted when the table was opened."""
    found = make()
    return replace(found, notes=(*table.notes, *found.notes))


def format_of(path: Path, asked: Format | None = None) -> tuple[Format, Grade]:
    """The format of a source by what it shows, and how plain that is; FormError where it is empty.

    Where a layout of tables was asked for, only what carries tables is looked for.
    """
    if asked is not None and asked.look is not None:
        return (_packed(path, asked) if asked.name == _TEXT else None) or asked, Grade.PLAIN
    if path.is_dir():
        if asked is not None:
            message = f"this is a folder, and cannot be read as {asked.name}"
            raise refuse(str(path), message, expected=asked.form or "a file")
        return _sniffed(Sample(path), asked) or FORMATS[_FOLDER], Grade.PLAIN
    head = _head(path)
    sample = Sample(path, head)
    if not sample.start:
        raise refuse(str(path), "the source is empty")
    if found := _sniffed(sample, asked):
        return found, Grade.PLAIN
    if refused := binary_refusal(path, head, sample.packed) or text_refusal(path, sample.text):
        raise refused
    by_suffix = (f for f in FORMATS.values() if path.suffix.lower() in f.suffixes and _may_carry(f, asked))
    return next(by_suffix, FORMATS[_TEXT]), Grade.NAME


def _packed(path: Path, asked: Format) -> Format | None:
    """The format of a zip that holds a table, as a workbook does; None of other files."""
    sample = Sample(path, None if path.is_dir() else _head(path))
    return _sniffed(sample, asked) if sample.packed else None


def _may_carry(format: Format, asked: Format | None) -> bool:
    return asked is None or format.look is not None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise_all([Fault("T101", f"the source cannot be read: {error.strerror}", str(path))])
        raise


def _sniffed(sample: Sample, asked: Format | None) -> Format | None:
    formats = (f for f in FORMATS.values() if f.sniff is not None and _may_carry(f, asked))
    return next((f for f in formats if f.sniff is not None and f.sniff(sample)), None)


def check_kind(kind: str) -> None:
    """ValueError with the nearest name where there is no such kind."""
    if kind not in FORMATS:
        help = did_you_mean(kind, KINDS) or "one of " + ", ".join(KINDS)
        raise ValueError(f"expected a kind of source, got {kind!r}; {help}")


def found_by(reading: Reading, look: Look) -> Found:
    """What a reading makes, with all readings beside it."""
    made = reading.made
    if not isinstance(made, Found):
        raise made
    return replace(made, unused=reading.unused or made.unused, readings=tuple(look.readings))
