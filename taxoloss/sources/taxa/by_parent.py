"""Tables of taxa in which each row names its parent by an id."""

from __future__ import annotations

from collections.abc import Sequence

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, listed
from taxoloss.sources.taxa.columns import TaxonColumns
from taxoloss.sources.taxa.names import TaxonNames
from taxoloss.sources.taxa.taxon_tree import Taxon, TaxonTree
from taxoloss.sources.taxa.words import FINER, rank_of

__all__ = ["by_parent"]

#: Ranks whose columns may say what a species is called.
_IN_NAMES = frozenset(("genus", "species", *FINER))


def by_parent(columns: TaxonColumns, options: Options, kind: str) -> Found:
    """The taxonomy of a table whose rows name their parent, and maybe their accepted name, by ids.

    Raises:
        TaxonomyError: T212 where a parent has no row, and all that makes no tree.
    """
    return _ByParent(columns, options, kind).found()


class _ByParent:
    def __init__(self, columns: TaxonColumns, options: Options, kind: str) -> None:
        self.columns, self.kind = columns, kind
        self.names = TaxonNames(columns)
        self.tree = TaxonTree(columns.table.file, options)
        rows = columns.table.rows
        self.keys = {columns.ids(row, "key") for row in rows}
        genera = (row for row in rows if rank_of(columns.cell(row, "rank")) == "genus")
        self.genera = {self.names.of(row): columns.ids(row, "key") for row in genera}

    def found(self) -> Found:
        table, nameless, bare = self.columns.table, [], []
        for row, line in zip(table.rows, table.lines, strict=True):
            taxon = self._taxon(row, line)
            if not taxon.name and not self.columns.ids(row, "key"):
                nameless.append(line)
                continue
            bare += [taxon.name] if taxon.out else []
            self.tree.add(taxon)
            self._add_accepted(taxon, row)
        notes = self.tree.notes = self.names.notes()
        empty = nameless + [t.line for t in self.tree.taxa.values() if not t.name and t.accepted is None]
        if empty:
            shown = ", ".join(map(str, empty[:3]))
            notes.append(
                f"{counted(len(empty), 'row')} without a name, left out of the paths: line {shown}"
            )
        if bare:
            notes.append(f"{counted(len(bare), 'bare name')} left out, of no taxon: {listed(bare)}")
        if above := [table.header[at] for rank, at in self.columns.ranks.items() if rank not in _IN_NAMES]:
            told = listed(above, most=8)
            notes.append(f"the parents make the tree, rank columns are not used: {told}")
        taxonomy = self.tree.taxonomy()
        by = table.header[self.columns.roles["parent"]]
        return Found(taxonomy, self.kind, f"{counted(len(table.rows), 'taxon row')} by {by}", tuple(notes))

    def _taxon(self, row: Sequence[str], line: int) -> Taxon:
        columns = self.columns
        key = columns.ids(row, "key") or f"row in line {line}"
        parent, rank = columns.ids(row, "parent"), rank_of(columns.cell(row, "rank"))
        accepted = self.names.accepted_id(row)
        above = (parent,) if parent and parent != accepted else ()
        status = columns.cell(row, "status").casefold().replace("_", " ")
        name, *longer = self.names.all(row) or ("",)
        species = self.names.species(row) if rank in FINER else ""
        out = "bare name" if status == "bare name" else ""
        return Taxon(key, name, rank, line, above, tuple(longer), accepted, out, species)

    def _add_accepted(self, taxon: Taxon, row: Sequence[str]) -> None:
        """An accepted name that has no row, where the row of a synonym says what it is called."""
        name = self.names.other_accepted(row)
        if not taxon.accepted or not name or taxon.accepted in self.keys:
            return
        genus = self.genera.get(name.split(" ")[0])
        above = (genus,) if genus is not None and taxon.rank == "species" else taxon.above
        self.tree.add(Taxon(taxon.accepted, name, taxon.rank, taxon.line, above))
