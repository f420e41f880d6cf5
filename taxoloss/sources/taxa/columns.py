"""What the columns of a table of taxa are for, by their names and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from taxoloss.sources.tables.table import Table
from taxoloss.sources.taxa.words import FINER, KNOWN_RANKS, bare, is_none, is_synonym, rank_of

__all__ = ["TaxonColumns"]

#: For each role the names that its column goes by, the best first.
_ROLES = {
    "parent": ("parentnameusageid", "parentid", "parentkey", "parenttaxonid", "parentaphiaid"),
    "accepted": (
        "acceptednameusageid", "aphiaidaccepted", "validaphiaid", "acceptedaphiaid", "acceptedtaxonkey",
        "acceptedkey", "acceptedid", "acceptedtaxonid",
    ),
    "accepted name": (
        "acceptednameusage", "scientificnameaccepted", "acceptedscientificname", "validname",
        "acceptedname", "accepted",
    ),
    "accepted author": ("authorityaccepted", "validauthority"),
    "name": ("scientificname",),
    "canonical": ("canonicalname",),
    "author": ("scientificnameauthorship", "authorship", "authority"),
    "rank": ("taxonrank", "rank"),
    "status": ("taxonomicstatus", "status"),
    "uninomial": ("uninomial",),
    "generic": ("genericname",),
    "epithet": ("specificepithet", "speciesepithet"),
    "infra": ("infraspecificepithet", "subspecificepithet"),
}  # fmt: skip
_KEYS = ("taxonid", "id", "aphiaid", "taxonkey", "key", "colid", "nameusageid")
_OF_INAT = re.compile(r"taxon(\w+?)name")
_WHOLE = re.compile(r"(-?\d+)\.0+")
_ORDER = (*KNOWN_RANKS, "subspecies", "variety", "form", *sorted(FINER - {"subspecies", "variety", "form"}))
_RANKS = frozenset(_ORDER)


@dataclass(frozen=True)
class TaxonColumns:
    """The columns of a table of taxa by their roles, and its rank columns by rank."""

    table: Table
    roles: dict[str, int] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table) -> TaxonColumns:
        """What the columns of a table are for."""
        at: dict[str, int] = {}
        for number, name in enumerate(table.header):
            known = at.get(bare(name))
            if known is None or not _filled(table, known):
                at[bare(name)] = number
        roles = {role: first for role, names in _ROLES.items() if (first := _first(names, at)) is not None}
        if "rank" in roles and not _says_ranks(row[roles["rank"]] for row in table.rows):
            del roles["rank"]
        ranks: dict[str, int] = {}
        for name, number in at.items():
            match = _OF_INAT.fullmatch(name)
            rank = match[1] if match and match[1] in _RANKS else name
            if rank in _RANKS and number not in roles.values() and _filled(table, number):
                ranks.setdefault(rank, number)
        columns = cls(table, roles, dict(sorted(ranks.items(), key=lambda item: _ORDER.index(item[0]))))
        keys = [at[name] for name in _KEYS if name in at]
        if keys:
            roles["key"] = max(keys, key=lambda key: (columns.known_parents(key), -keys.index(key)))
        return columns

    def has(self, *roles: str) -> bool:
        """Whether there is a column for each of these roles."""
        return all(role in self.roles for role in roles)

    def cell(self, row: Sequence[str], role: str) -> str:
        """What a row has for a role; "" where it has nothing, or there is no column."""
        at = self.roles.get(role)
        return "" if at is None or is_none(row[at]) else row[at].strip()

    def ids(self, row: Sequence[str], role: str) -> str:
        """The id that a row has for a role: 1.0 is 1 where an integer column has gaps."""
        text = self.cell(row, role)
        match = _WHOLE.fullmatch(text) if self._decimal else None
        return match[1] if match else text

    def rank_cells(self, row: Sequence[str]) -> dict[str, str]:
        """The names in the rank columns of a row, by rank."""
        return {rank: "" if is_none(row[at]) else row[at].strip() for rank, at in self.ranks.items()}

    def known_parents(self, key: int) -> int:
        """How many rows name a parent, or an accepted name, that is an id in this column."""
        keys = {_plain(row[key]) for row in self.table.rows}
        given = [self.roles[role] for role in ("parent", "accepted") if role in self.roles]
        return sum(
            _plain(row[at]) in keys and not is_none(row[at]) for row in self.table.rows for at in given
        )

    @property
    def of_inat(self) -> bool:
        """Whether ranks are called as in iNaturalist's exports of observations: taxon_family_name."""
        return any(_OF_INAT.fullmatch(bare(self.table.header[at])) for at in self.ranks.values())

    @property
    def names_taxa(self) -> bool:
        """Whether there is a column with the names of taxa, or two with the parts of one."""
        generic = "generic" in self.roles or "genus" in self.ranks
        return self.has("name") or self.has("canonical") or (generic and self.has("epithet"))

    @cached_property
    def has_parents(self) -> bool:
        """Whether there are parents, and one at least that is no accepted name is the id of a row."""
        if not self.has("key", "parent"):
            return False
        keys = {self.ids(row, "key") for row in self.table.rows} - {""}
        used = (row for row in self.table.rows if not is_synonym(self.cell(row, "status")))
        return any(self.ids(row, "parent") in keys for row in used)

    @property
    def names_parents(self) -> bool:
        """Whether a row names a parent at all, whoever that is."""
        return self.has("key", "parent") and any(self.ids(row, "parent") for row in self.table.rows)

    @property
    def unused(self) -> tuple[str, ...]:
        """The names of the columns that have no role, and no rank."""
        used = {*self.roles.values(), *self.ranks.values()}
        return tuple(name for at, name in enumerate(self.table.header) if at not in used)

    @cached_property
    def _decimal(self) -> bool:
        """Whether ids may be written 1.0: no two ids become one by that."""
        if "key" not in self.roles:
            return False
        keys = {row[self.roles["key"]].strip() for row in self.table.rows}
        return len({_plain(key) for key in keys}) == len(keys)


def _plain(text: str) -> str:
    match = _WHOLE.fullmatch(text.strip())
    return match[1] if match else text.strip()


def _first(names: Sequence[str], at: dict[str, int]) -> int | None:
    return next((at[name] for name in names if name in at), None)


def _filled(table: Table, column: int) -> bool:
    return any(not is_none(row[column]) for row in table.rows)


def _says_ranks(cells: Iterable[str]) -> bool:
    """Whether at least half of the cells that say something say a rank."""
    said = [rank_of(cell) for cell in cells if not is_none(cell)]
    return 2 * sum(rank in _RANKS for rank in said) >= len(said) > 0
