"""Tables of WoRMS: names with their AphiaID and that of the accepted name."""

from __future__ import annotations

from taxoloss.sources.formats.format import Format
from taxoloss.sources.taxa.readings import taxa_reading

__all__ = ["FORMAT"]

_NAMES = """\
AphiaID,ScientificName,AphiaID_accepted,ScientificName_accepted,Family,Genus,Species,taxonRank
1,Calanus finmarchicus,1,Calanus finmarchicus,Calanidae,Calanus,finmarchicus,Species
2,Calanus glacialis,2,Calanus glacialis,Calanidae,Calanus,glacialis,Species
3,Monoculus finmarchicus,1,Calanus finmarchicus,Calanidae,Monoculus,finmarchicus,Species
"""
FORMAT = Format(
    "worms",
    title="WoRMS",
    of_table=lambda table, options: taxa_reading(table, options, "worms"),
    form="columns of WoRMS: AphiaID, ScientificName, taxonRank, with rank columns or parents",
    example=("worms.csv", _NAMES),
)
