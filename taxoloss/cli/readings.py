"""How `taxoloss init` says what a source was read as, and what it could be read as."""

from __future__ import annotations

from pathlib import Path

from taxoloss.cli.streams import echo, write_json
from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.errors.faults import TaxonomyError
from taxoloss.sources import Found, Look, Reading
from taxoloss.sources.reading import choose, said

__all__ = ["read_as", "show_readings"]


def read_as(found: Found) -> str:
    """What was understood, with a path of the tree, and what nothing was made of."""
    return said(found.kind, found.how, found.example, found.unused)


def show_readings(look: Look, source: Path, format: str) -> None:
    """All readings of a source, the one that is taken first; TaxonomyError where none is taken."""
    readings = sorted(look.readings, key=lambda reading: -reading.grade)
    taken: Reading | None = None
    try:
        taken = choose(look, str(source))
    finally:
        if format == "json":
            write_json({"source": str(source), "readings": [_data(one, taken) for one in readings]})
        else:
            for line in _lines(look, readings, taken, source):
                echo(escape_invisible(line))


def _lines(look: Look, readings: list[Reading], taken: Reading | None, source: Path) -> list[str]:
    lines = [f"{source} is {look.saw}: {counted(len(readings), 'reading')}, nothing is written"]
    for reading in readings:
        mark = "*" if reading is taken else " "
        option = f"  ({reading.option})" if reading.option else ""
        lines.append(f"{mark} {reading.grade.name.lower():5}  {reading}{option}")
    return lines


def _data(reading: Reading, taken: Reading | None) -> dict[str, object]:
    return {
        "kind": reading.kind,
        "how": reading.how,
        "grade": reading.grade.name.lower(),
        "taken": reading is taken,
        "example": reading.example,
        "unused": reading.unused,
        "option": reading.option,
        "error": reading.made.faults[0].message if isinstance(reading.made, TaxonomyError) else None,
    }
