"""What a taxon of a table is called, its longer name, and what is told of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.species import species_name, species_of, without_author
from taxoloss.sources.taxa.columns import TaxonColumns

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

    def notes(self) -> list[str]:
        """Which names are used, with a count and an example."""
        if not self.shortened:
            return []
        name, long = next(iter(self.shortened.items()))
        header, roles = self.columns.table.header, self.columns.roles
        by = header[roles["canonical" if "canonical" in roles else "author"]]
        said = f"{counted(len(self.shortened), 'name')} without the author, as {quoted(by)} says"
        return [f"{said}; the long form is an alias: {quoted(name)} for {quoted(long)}"]
