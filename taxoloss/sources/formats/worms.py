"""Tables of WoRMS: names with their AphiaID and that of the accepted name."""

from __future__ import annotations

from taxoloss.sources.formats.format import Format
from taxoloss.sources.taxa.readings import taxa_reading

__all__ = ["FORMAT"]

_NAMES = """\
AphiaID,ScientificName,Authority,AphiaID_accepted,ScientificName_accepted,Family,Genus,Species,taxonRank,Status
1,Calanus finmarchicus,"(Gunnerus, 1770)",1,Calanus finmarchicus,Calanidae,Calanus,finmarchicus,Species,accepted
2,Calanus glacialis,"Jaschnov, 1955",2,Calanus glacialis,Calanidae,Calanus,glacialis,Species,accepted
3,Monoculus finmarchicus,"Gunnerus, 1770",1,Calanus finmarchicus,Calanidae,Monoculus,finmarchicus,Species,unaccepted
"""
FORMAT = Format(
    "worms",
    title="WoRMS",
    of_table=lambda table, options: taxa_reading(table, options, "worms"),
    form="columns of WoRMS: AphiaID, ScientificName, taxonRank, with rank columns or parents",
    example=("worms.csv", _NAMES),
)
