"""ColDP, the exchange format of the Catalogue of Life: tables of names (NameUsage), zipped or not."""

from __future__ import annotations

from taxoloss.sources.formats.format import Format
from taxoloss.sources.taxa.readings import taxa_reading

__all__ = ["FORMAT"]

_USAGES = """\
ID\tparentID\tstatus\tscientificName\tauthorship\trank
N\t\taccepted\tFelidae\t\tfamily
G\tN\taccepted\tFelis\tLinnaeus, 1758\tgenus
A\tG\taccepted\tFelis catus\tLinnaeus, 1758\tspecies
B\tG\tprovisionally accepted\tFelis silvestris\tSchreber, 1777\tspecies
C\tA\tsynonym\tFelis domesticus\t\tspecies
"""
FORMAT = Format(
    "coldp",
    title="ColDP",
    of_table=lambda table, options: taxa_reading(table, options, "coldp"),
    form="columns of ColDP: ID, parentID, status, scientificName, rank",
    example=("NameUsage.tsv", _USAGES),
)
