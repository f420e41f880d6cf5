"""Tables of taxa in which each row has the names of the higher ranks in columns of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, listed
from taxoloss.sources.graph import RANKS, clear_aliases
from taxoloss.sources.rows import Rows
from taxoloss.sources.species import full_names, is_epithet, is_name_with_author, species_of
from taxoloss.sources.taxa.columns import TaxonColumns
from taxoloss.sources.taxa.names import TaxonNames
from taxoloss.sources.taxa.words import FINER, rank_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["by_rank"]


def by_rank(columns: TaxonColumns, options: Options, kind: str) -> Found:
    """The taxonomy of a table with rank columns; the name of a row's own rank may stand in its name alone.

    A row of a finer rank than the species tells its species; one that is a synonym, the accepted name.

    Raises:
        TaxonomyError: with all that makes no tree.
    """
    return _ByRank(columns, options, kind).found()


@dataclass
class _Row:
    """What a row tells: names by rank, other names of the last, and whether that is its own taxon."""

    cells: dict[str, str]
    line: int
    aliases: tuple[str, ...] = ()
    exact: bool = True


class _ByRank:
    def __init__(self, columns: TaxonColumns, options: Options, kind: str) -> None:
        self.columns, self.options, self.kind = columns, options, kind
        self.names = TaxonNames(columns)
        wanted = [rank_of(rank) for rank in options.ranks or RANKS]
        self.used = [rank for rank in wanted if rank in columns.ranks or rank in ("species", *FINER)]
        self.left: defaultdict[str, list[str]] = defaultdict(list)
        self.joined: list[tuple[str, tuple[str, ...]]] = []
        self.row_of = self._rows_by_id()

    def _rows_by_id(self) -> dict[str, Sequence[str]]:
        """The rows of accepted names by their ids, to which synonyms point."""
        if not self.columns.has("key"):
            return {}
        return {self.columns.ids(row, "key"): row for row in self.columns.table.rows}

    def found(self) -> Found:
        table = self.columns.table
        cells, notes = self._cells()
        rows = Rows(table.file, self.options, tuple(self.used))
        aliases: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        place: dict[str, tuple[str, str]] = {}
        for row, line, ranks in zip(table.rows, table.lines, cells, strict=True):
            told = self._told(row, ranks, line)
            if told is None:
                continue
            names = [told.cells.get(rank, "") for rank in self.used]
            rows.add(names, line)
            last = max((i for i, name in enumerate(names) if name), default=0)
            aliases[self.used[last], names[last]].update(dict.fromkeys(told.aliases))
            if told.exact:
                place[self.columns.ids(row, "key")] = (self.used[last], names[last])
        for key, others in self.joined:
            if key in place:
                aliases[place[key]].update(dict.fromkeys(others))
        rows.notes += [*self.names.notes(), *notes, *self._left_out()]
        taxonomy = _with_aliases(rows.taxonomy(), aliases, rows.notes)
        how = f"{' > '.join(taxonomy.levels)}, {counted(len(table.rows), 'taxon row')}"
        return Found(taxonomy, self.kind, how, tuple(rows.notes))

    def _cells(self) -> tuple[list[dict[str, str]], tuple[str, ...]]:
        """The names in the rank columns, a species by its whole name; notes."""
        ranks = tuple(self.columns.ranks)
        rows = [tuple(self.columns.rank_cells(row).values()) for row in self.columns.table.rows]
        whole, notes = full_names(rows, ranks)
        return [dict(zip(ranks, row, strict=True)) for row in whole], notes

    # -- what a row tells --------------------------------------------------------------------------

    def _told(self, row: Sequence[str], cells: dict[str, str], line: int) -> _Row | None:
        """Names by rank; None where the row is left out, which is counted."""
        own, rank = self.names.of(row), rank_of(self.columns.cell(row, "rank"))
        if not own and not any(cells.values()):
            return self._leave("that name nothing", f"line {line}")
        rank = rank or _rank_told(own, cells)
        accepted = self.names.accepted_id(row)
        key = self._row_in_use(accepted)
        if key is not None:
            self.joined.append((key, self.names.all(row)))
            return None
        if name := self.names.other_accepted(row):
            return self._synonym(row, cells, line, rank, name)
        if accepted is not None:
            return self._leave("of synonyms whose accepted name has no row", own)
        if rank in FINER:
            return self._finer(row, cells, line, rank, own)
        if rank == "species":
            return self._species(row, cells, line, own)
        if rank in self.used:
            here = cells.get(rank, "") or own
            return _Row({**_above(cells, rank, self.used), rank: here}, line, self._others(row, here))
        if rank and not cells.get("species"):
            return self._leave(f"of the rank {rank}", own)
        if own and not cells.get("species"):
            self.left["without a rank count for their higher ranks alone, their names"].append(own)
        return _Row(cells, line, exact=False)

    def _species(self, row: Sequence[str], cells: dict[str, str], line: int, own: str) -> _Row:
        """The species as its column calls it, where that is its whole name."""
        here = cells.get("species", "")
        if not here or (is_epithet(here) and own.split(" ")[1:2] == [here]):
            here = own
        return _Row({**_above(cells, "species", self.used), "species": here}, line, self._others(row, here))

    def _finer(
        self, row: Sequence[str], cells: dict[str, str], line: int, rank: str, own: str
    ) -> _Row | None:
        species = cells.get("species", "")
        if not species or is_epithet(species):
            species = self.names.species(row)
        if not species:
            return self._leave(f"of the rank {rank}", own)
        told = {**_above(cells, "species", self.used), "species": species}
        if rank in self.used:
            return _Row({**told, rank: own}, line, self._others(row, own))
        return _Row(told, line, exact=False)

    def _others(self, row: Sequence[str], here: str) -> tuple[str, ...]:
        """The other names that a row has for what it is."""
        return tuple(name for name in self.names.all(row) if name != here)

    # -- synonyms ----------------------------------------------------------------------------------

    def _row_in_use(self, key: str | None) -> str | None:
        """The id of the accepted name, through other synonyms, where it has a row."""
        seen = set[str]()
        while key and key in self.row_of and key not in seen:
            seen.add(key)
            further = self.names.accepted_id(self.row_of[key])
            if further is None:
                return key
            key = further
        return None

    def _synonym(
        self, row: Sequence[str], cells: dict[str, str], line: int, rank: str, accepted: str
    ) -> _Row | None:
        """The accepted name, which has no row, in the place of the synonym's."""
        if rank in self.used and rank != "species" and rank not in FINER:
            here = cells.get(rank, "")
            here = here if here and accepted.startswith(here) else accepted
            return _Row(
                {**_above(cells, rank, self.used), rank: here}, line, self.names.all(row), exact=False
            )
        species = cells.get("species", "")
        here = species if accepted.startswith(species) and " " in species else species_of(accepted) or ""
        if not here:
            return self._leave("of synonyms whose accepted name is no species", self.names.of(row))
        told = {**_above(cells, "species", self.used), "species": here}
        genus = here.split(" ")[0]
        if told.get("genus") and told["genus"] != genus:
            told["genus"] = genus  # the row has the genus of the synonym
        if rank != "species" or not is_name_with_author(accepted, here):
            return _Row(told, line, exact=False)
        others = (*self.names.all(row), self.columns.cell(row, "accepted name"))
        return _Row(told, line, others, exact=False)

    # -- what is told ------------------------------------------------------------------------------

    def _leave(self, why: str, name: str) -> _Row | None:
        """No row, which is counted."""
        self.left[why].append(name)
        return None

    def _left_out(self) -> list[str]:
        """The rows that are left out, by reason; the species that only a finer rank tells."""
        return [
            f"{counted(len(names), 'row')} {why} left out: {listed(names)}"
            for why, names in self.left.items()
        ]


def _above(cells: dict[str, str], rank: str, used: Sequence[str]) -> dict[str, str]:
    """The cells of the ranks above one."""
    return {one: cells.get(one, "") for one in used[: used.index(rank)]} if rank in used else {}


def _rank_told(own: str, cells: dict[str, str]) -> str:
    """The rank of a row that says none: that of the deepest cell with its name, else by its genus."""
    for rank, name in reversed(cells.items()):
        if name and name == own:
            return rank
    words, genus = own.split(" "), cells.get("genus", "")
    if cells.get("species") and own.startswith(cells["species"]):
        return "species"
    if len(words) == 2 and words[0] == genus and is_epithet(words[1]):
        return "species"
    return ""


def _with_aliases(
    taxonomy: Taxonomy, aliases: dict[tuple[str, str], dict[str, None]], notes: list[str]
) -> Taxonomy:
    """The taxonomy with the other names of its nodes, where one node is meant."""
    tree = taxonomy.tree
    places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for node in range(1, len(tree.parent)):
        places[taxonomy.levels[tree.level[node] - 1], tree.names[node]].append(node)
    given = {
        places[place][0]: tuple(names)
        for place, names in aliases.items()
        if names and len(places[place]) == 1
    }
    taken, dropped = clear_aliases(tree, given)
    if dropped:
        notes.append(f"aliases of more than one class are left out: {listed(dropped)}")
    return taxonomy.replace(aliases=taken)
