"""Whether a table is one of taxa, of which kind, and its reading as that."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from taxoloss.sources.base import Found, Options, refuse
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.tables.table import Table
from taxoloss.sources.taxa.by_parent import by_parent
from taxoloss.sources.taxa.by_rank import by_rank
from taxoloss.sources.taxa.columns import TaxonColumns, may_be_taxa, of_inat
from taxoloss.sources.taxa.words import bare, is_none, rank_of

__all__ = ["all_columns", "backbone_table", "taxa_found", "taxa_reading"]

#: Columns that show who made a table.
_WORMS = frozenset(("aphiaidaccepted", "validaphiaid", "acceptedaphiaid"))
_DARWIN = frozenset(
    (
        "taxonrank", "parentnameusageid", "acceptednameusageid", "canonicalname", "taxonkey", "parentkey",
        "gbifid", "scientificnameauthorship", "taxonomicstatus",
    )
)  # fmt: skip
#: GBIF's backbone as its database writes it, without a header.
_BACKBONE = (
    "taxonID", "parentNameUsageID", "basionym", "synonym", "taxonomicStatus", "taxonRank", "nomenclatural",
    "constituent", "origin", "source", "kingdom key", "phylum key", "class key", "order key", "family key",
    "genus key", "species key", "name id", "scientificName", "canonicalName", "genus or above",
    "specificEpithet", "infraspecificEpithet", "notho", "scientificNameAuthorship", "year",
    "bracket authorship", "bracket year", "published in", "issues",
)  # fmt: skip


def taxa_reading(table: Table, options: Options, kind: str) -> list[Reading]:
    """The reading of a table as one of taxa, where it is one of that kind, or was asked for as such."""
    if options.columns is not None and options.kind is None:
        return []  # whoever names columns says what they are
    if not may_be_taxa(table.header) or (options.kind != kind and _kind_of(table.header) != kind):
        return []
    columns = TaxonColumns.of(table, options.missing)
    if not _is_taxa(columns):
        return []
    make = partial(_found, columns, options, kind)
    how = _how(columns)
    grade = Grade.KNOWN if columns.has("rank") else Grade.PLAIN
    return [Reading(kind, how, grade, make, f"--kind {kind}", all_columns(table), columns.unused)]


def all_columns(table: Table) -> frozenset[str]:
    """What a known export covers: what reads two of its columns as something else stands back."""
    return frozenset(map(str, range(len(table.header))))


def taxa_found(table: Table, options: Options, kind: str) -> Found:
    """The taxonomy of a table of taxa.

    Raises:
        TaxonomyError: T121 where it is none; and all that makes no tree.
    """
    columns = TaxonColumns.of(table, options.missing)
    if not _is_taxa(columns):
        expected = "scientificName and taxonRank, with parentNameUsageID or rank columns"
        raise refuse(table.file, "there are no columns of taxa in it", expected=expected)
    return _found(columns, options, kind)


def _kind_of(header: Sequence[str]) -> str:
    """Whose table it is: of iNaturalist, WoRMS, the Catalogue of Life, else of Darwin Core."""
    names = {bare(name) for name in header}
    if of_inat(header):
        return "inat"
    if _WORMS & names:
        return "worms"
    plain = "id" in names and {"parentid", "status", "rank"} & names
    return "coldp" if plain and not names & _DARWIN else "darwin-core"


def backbone_table(table: Table) -> Table | None:
    """GBIF's backbone (simple.txt) with names of its columns; None where the table is another."""
    if len(table.header) != len(_BACKBONE) or not table.rows:
        return None
    rank, flag = _BACKBONE.index("taxonRank"), _BACKBONE.index("synonym")
    whole = [row for row in table.rows[:200] if row[flag] in ("t", "f") and rank_of(row[rank]) != row[rank]]
    if len(whole) < min(len(table.rows), 200):
        return None
    rows, lines = list(table.rows), list(table.lines)
    if table.header[flag] in ("t", "f"):  # the first row was taken for names of columns
        rows, lines = [table.header, *rows], [1, *lines]
    return Table(table.file, _BACKBONE, rows, lines)


def _is_taxa(columns: TaxonColumns) -> bool:
    """Whether taxa have names, and ranks or a status, and something above them."""
    by_parts = columns.has("epithet") and "genus" in columns.ranks
    said = (
        columns.has("rank")
        or columns.has("status")
        or columns.has("accepted")
        or by_parts
        or of_inat(columns.table.header)
    )
    above = columns.names_parents or len(columns.ranks) >= 2 or bool({"family", "genus"} & {*columns.ranks})
    return columns.names_taxa and said and above


def _by_parent(columns: TaxonColumns) -> bool:
    """Whether rows name their parents: one of them has a row, or there is nothing else."""
    return columns.has_parents or (columns.names_parents and len(columns.ranks) < 2)


def _found(columns: TaxonColumns, options: Options, kind: str) -> Found:
    return (by_parent if _by_parent(columns) else by_rank)(columns, options, kind)


def _how(columns: TaxonColumns) -> str:
    header, roles = columns.table.header, columns.roles
    if _by_parent(columns):
        return f"{header[roles['key']]} below {header[roles['parent']]}"
    ranks = [
        rank
        for rank in columns.ranks
        if any(not is_none(r[columns.ranks[rank]]) for r in columns.table.rows)
    ]
    return " > ".join(ranks)
