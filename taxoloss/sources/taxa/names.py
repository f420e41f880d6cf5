"""What a taxon of a table is called, its longer name, and what is told of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.species import species_name, species_of, without_author
from taxoloss.sources.taxa.columns import TaxonColumns
from taxoloss.sources.taxa.words import is_synonym, rank_of

__all__ = ["TaxonNames"]


@dataclass
class TaxonNames:
    """The names of the rows of a table: without the author where a column says which part that is."""

    columns: TaxonColumns
    shortened: dict[str, str] = field(default_factory=dict)

    def of(self, row: Sequence[str]) -> str:
        """What the taxon of a row is called; "" where it has no name."""
        columns = self.columns
        scientific = columns.cell(row, "name")
        canonical, author = columns.cell(row, "canonical"), columns.cell(row, "author")
        if not scientific and not canonical:
            return self.joined(row) or columns.cell(row, "uninomial")
        name = without_author(scientific, canonical, author)
        if scientific and name != scientific:
            self.shortened[name] = scientific
        return name

    def longer(self, row: Sequence[str]) -> tuple[str, ...]:
        """The scientific name as the row has it, where the taxon is called by less."""
        scientific = self.columns.cell(row, "name")
        return (scientific,) if scientific and scientific != self.of(row) else ()

    def joined(self, row: Sequence[str]) -> str:
        """The name that the parts of a row make: genus and epithet, maybe of a subspecies."""
        genus = self.columns.cell(row, "generic") or self.columns.rank_cells(row).get("genus", "")
        epithet, infra = self.columns.cell(row, "epithet"), self.columns.cell(row, "infra")
        if not genus or not epithet:
            return ""
        return species_name(genus, epithet, infra)

    def species(self, row: Sequence[str]) -> str:
        """The species that a row of a finer rank tells; "" where it tells none."""
        cells, columns = self.columns.rank_cells(row), self.columns
        if " " in cells.get("species", ""):
            return cells["species"]
        genus = columns.cell(row, "generic") or cells.get("genus", "")
        if genus and columns.cell(row, "epithet"):
            return species_name(genus, columns.cell(row, "epithet"))
        return species_of(self.of(row), genus) or ""

    def accepted(self, row: Sequence[str]) -> str:
        """What the accepted name of a row is called, where the row says it."""
        author = self.columns.cell(row, "accepted author")
        return without_author(self.columns.cell(row, "accepted name"), authorship=author)

    def accepted_id(self, row: Sequence[str]) -> str | None:
        """The id of the accepted name; None where the row has one; "" where it is not said."""
        columns = self.columns
        key, given = columns.ids(row, "key"), columns.ids(row, "accepted")
        by_name = self._ids_by_name
        if by_name and (name := columns.cell(row, "accepted name")):
            given = by_name.get(name) or by_name.get(self.accepted(row), "")
        if given and given != key:
            return given
        if not is_synonym(columns.cell(row, "status")):
            return None
        # The Catalogue of Life says the accepted name as the parent; so do others, of the same rank.
        only = "accepted" not in columns.roles and not by_name
        parent = columns.ids(row, "parent")
        same = self._ranks.get(parent) == rank_of(columns.cell(row, "rank"))
        return parent if parent != key and (only or same) else ""

    @cached_property
    def _ids_by_name(self) -> dict[str, str]:
        """The ids of rows by their names, where accepted names are given by their text alone."""
        columns, ids = self.columns, dict[str, str]()
        if columns.has("key", "accepted name") and not columns.has("accepted"):
            for row in columns.table.rows:
                for name in (columns.cell(row, "name"), self.of(row)):
                    ids.setdefault(name, columns.ids(row, "key"))
        return ids

    @cached_property
    def _ranks(self) -> dict[str, str]:
        columns = self.columns
        return {columns.ids(r, "key"): rank_of(columns.cell(r, "rank")) for r in columns.table.rows}

    def notes(self) -> list[str]:
        """Which names are used, with a count and an example."""
        if not self.shortened:
            return []
        name, long = next(iter(self.shortened.items()))
        header, roles = self.columns.table.header, self.columns.roles
        by = header[roles["canonical" if "canonical" in roles else "author"]]
        said = f"{counted(len(self.shortened), 'name')} without the author, as {quoted(by)} says"
        return [f"{said}; the long form is an alias: {quoted(name)} for {quoted(long)}"]
