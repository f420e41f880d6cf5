"""Results of iNaturalist's API: taxa, or observations and counts of taxa, with what is above each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.formats.json_values import Place, line_of, scalars_in, text_of
from taxoloss.sources.reading import Look
from taxoloss.sources.tables.table import Table
from taxoloss.taxonomy.file.document import ListValue, MappingValue, Value

__all__ = ["look_at_observations"]

_HEADER = ("id", "name", "rank", "rank_level", "is_active", "ancestry")
_USED = frozenset((*_HEADER, "ancestors", "ancestor_ids", "children", "parent_id", "taxon"))
_NEEDS = (
    "the name and rank of every taxon above: `ancestors`, as the API gives them for a taxon at "
    "/v1/taxa/ID, or results that hold these taxa too"
)


@dataclass(frozen=True)
class _Entry:
    """A taxon: its cells but for the last, the ids above it from the top down, its line."""

    cells: tuple[str, ...]
    above: tuple[str, ...]
    line: int


def look_at_observations(value: Value, place: Place) -> Look | None:
    """The look at results that are taxa, or hold one each; None of others."""
    results = value.get("results") if isinstance(value, MappingValue) else value
    if _is_list(results) and results is not value and not results.items:
        return Look(f"a page without results{place.said}", needs="results")
    items = [one for one in results.items if isinstance(one, MappingValue)] if _is_list(results) else []
    taxa = [_taxon_of(item) for item in items]
    known = [taxon for taxon in taxa if taxon is not None]
    # A list of taxa with `ancestry` alone is a table, as in iNaturalist's open data.
    told = ("ancestors", "ancestor_ids", *(["ancestry"] if results is not value else []))
    if not _are_taxa(known, told) or place.options.columns is not None:
        return None
    entries = [entry for taxon in known for entry in _entries(taxon)]
    saw = f"{counted(len(items), 'result')} of iNaturalist's API"
    if unnamed := _unnamed(entries):
        shown = ", ".join(map(quoted, unnamed[:5]))
        saw += f"{place.said}, whose ancestors are told by id alone: {shown}"
        return Look(saw, needs=_NEEDS)
    without = len(items) - len(known)
    notes = (f"{counted(without, 'result')} without a taxon left out",) if without else ()
    keys = [
        *_keys(value),
        *(key for item in items for key in _keys(item)),
        *(k for t in known for k in _keys(t)),
    ]
    beside = tuple(key for key in dict.fromkeys(keys) if key not in _USED and key != "results")
    return Look(saw + place.said, tables=[_table(entries, place, notes, beside)], needs=_NEEDS)


def _is_list(value: Value | None) -> TypeGuard[ListValue]:
    return isinstance(value, ListValue)


def _keys(value: Value) -> list[str]:
    return [key.text for key, _ in value.pairs] if isinstance(value, MappingValue) else []


def _taxon_of(item: MappingValue) -> MappingValue | None:
    """The taxon of a result: its own, itself; None where an observation has none."""
    if "taxon" not in _keys(item):
        return item
    taxon = item.get("taxon")
    return taxon if isinstance(taxon, MappingValue) else None


def _are_taxa(taxa: Sequence[MappingValue], told: Sequence[str]) -> bool:
    """Whether all have an id, a name and a rank, and some what is above them as the API writes that."""
    named = all(text_of(one.get(key)) for one in taxa for key in ("id", "name", "rank"))
    above = {
        "ancestors": lambda one: any(text_of(up.get("id")) for up in _mappings(one)),
        "ancestor_ids": scalars_in,
        "ancestry": text_of,
    }
    return named and any(above[key](taxon.get(key)) for taxon in taxa for key in told)


def _mappings(value: Value | None) -> list[MappingValue]:
    return [one for one in value.items if isinstance(one, MappingValue)] if _is_list(value) else []


def _entries(taxon: MappingValue) -> Iterator[_Entry]:
    """The taxa above it, itself, and those below it."""
    above: tuple[str, ...] = ()
    for one in _mappings(taxon.get("ancestors")):
        yield _Entry(_cells(one), above, line_of(one) or 1)
        above = (*above, text_of(one.get("id")) or "")
    above = above or _above(taxon)
    yield _Entry(_cells(taxon), above, line_of(taxon) or 1)
    for child in _mappings(taxon.get("children")):
        yield _Entry(_cells(child), (*above, text_of(taxon.get("id")) or ""), line_of(child) or 1)


def _cells(taxon: MappingValue) -> tuple[str, ...]:
    return tuple(text_of(taxon.get(key)) or "" for key in _HEADER[:-1])


def _above(taxon: MappingValue) -> tuple[str, ...]:
    """The ids above a taxon, from the top down: `ancestor_ids` end with its own."""
    ids = [one.text for one in scalars_in(taxon.get("ancestor_ids")) or ()]
    ids = ids or (text_of(taxon.get("ancestry")) or "").split("/")
    return tuple(one for one in ids if one and one != text_of(taxon.get("id")))


def _unnamed(entries: Sequence[_Entry]) -> list[str]:
    """The ids above that no taxon has, but for one that is above all: the API does not list Life itself."""
    named = {entry.cells[0] for entry in entries}
    unnamed = dict.fromkeys(one for entry in entries for one in entry.above if one not in named)
    tops = {entry.above[0] for entry in entries if entry.above}
    one_top = len(unnamed) == 1 and tops <= {*unnamed, *(e.cells[0] for e in entries if not e.above)}
    return [] if one_top else list(unnamed)


def _table(
    entries: Sequence[_Entry], place: Place, notes: tuple[str, ...], beside: tuple[str, ...]
) -> Table:
    """A row for each taxon; two, which is a fault, where it is told with two names or two parents."""
    named = {entry.cells[0] for entry in entries}
    rows: dict[tuple[str, ...], int] = {}
    for entry in entries:
        ancestry = "/".join(one for one in entry.above if one in named)
        rows.setdefault((*entry.cells, ancestry), entry.line)
    return Table(place.file, _HEADER, list(rows), list(rows.values()), notes=notes, beside=beside)
