"""iNaturalist's open table of taxa."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.tables.table import Table, open_table

__all__ = ["FORMAT", "MAIN_RANKS", "is_inat", "read_inat", "taxa_of_inat"]

#: Ranks that become levels where none are asked for.
MAIN_RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")


def is_inat(header: Sequence[str]) -> bool:
    """Whether these are the columns of iNaturalist's table."""
    return {"taxon_id", "ancestry", "rank", "name"} <= {name.casefold() for name in header}


def read_inat(path: Path, options: Options) -> Found:
    """iNaturalist's open table of taxa: taxon_id, ancestry (ids joined by /), rank, name, active."""
    return taxa_of_inat(open_table(path, options), options)


def taxa_of_inat(table: Table, options: Options) -> Found:
    """The taxonomy of such a table that was opened."""
    options = replace(options, ranks=options.ranks or MAIN_RANKS)
    nodes = SourceGraph(table.file, options)
    at = {name: table.column(name) for name in ("taxon_id", "ancestry", "rank", "name")}
    inactive = 0
    for row, line in zip(table.rows, table.lines, strict=True):
        if "active" in table.header and row[table.column("active")].casefold() in ("f", "false", "0"):
            inactive += 1
            continue
        key, above = row[at["taxon_id"]], row[at["ancestry"]].rpartition("/")[2]
        nodes.add(key, row[at["name"]], rank=row[at["rank"]], line=line)
        if above:
            nodes.link(key, above, line)
    if inactive:
        nodes.notes.append(f"{counted(inactive, 'inactive taxon row')} left out")
    how = f"{counted(len(table.rows), 'taxon row')} by ancestry"
    return Found(nodes.taxonomy(), "inat", how, tuple(nodes.notes))


_INAT = """\
taxon_id\tancestry\trank_level\trank\tname\tactive
1\t\t70\tkingdom\tAnimalia\ttrue
3\t1\t50\tclass\tAves\ttrue
4\t1/3\t10\tspecies\tAnas a\ttrue
6\t1/3\t10\tspecies\tAnas c\ttrue
"""


def _readings(table: Table, options: Options) -> list[Reading]:
    if not is_inat(table.header):
        return []
    make = partial(taxa_of_inat, table, options)
    return [Reading("inat", "its columns", Grade.STANDARD, make, "--kind inat")]


FORMAT = Format("inat", read_inat, "iNaturalist", of_table=_readings, example=("taxa.tsv", _INAT))
