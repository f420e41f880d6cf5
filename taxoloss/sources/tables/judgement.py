"""What a table's columns can be, found once for all readings of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from taxoloss.sources.tables.chains import Chain, chains_of
from taxoloss.sources.tables.columns import Column, columns_of
from taxoloss.sources.tables.edges import Edges, edges_of
from taxoloss.sources.tables.stairs import stairs_of
from taxoloss.sources.tables.table import Table

__all__ = ["Judgement", "judged"]


@dataclass
class Judgement:
    """The columns of a table, the chains of ranks and the edges that they show."""

    columns: list[Column]

    @cached_property
    def chains(self) -> list[Chain]:
        """Columns that nest, top to leaf."""
        return [] if stairs_of(self.columns) else chains_of(self.columns)

    @cached_property
    def edges(self) -> list[Edges]:
        """Columns of children and their parents."""
        return edges_of(self.columns) or [edges for chain in self.chains for edges in _of_names(chain)]


def _of_names(chain: Chain) -> list[Edges]:
    """A class and its group as edges, where some group is a class of another group too."""
    if len(chain.columns) != 2:
        return []
    group, fine = chain.columns
    pairs = zip(group.cells, fine.cells, strict=True)
    above = {name: up for up, name in pairs if name and up and name != up}
    if group.is_number or group.counts.keys().isdisjoint(above):
        return []
    return [Edges(fine, group, None, chained=True, has_ids=False, grade=chain.grade)]


def judged(table: Table) -> Judgement:
    """The judgement of a table: its cells are looked at once."""
    if "judgement" not in table.found:
        table.found["judgement"] = Judgement(columns_of(table))
    judgement: Judgement = table.found["judgement"]
    return judgement
