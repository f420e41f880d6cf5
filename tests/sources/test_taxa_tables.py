"""Tables of taxa of GBIF, the Catalogue of Life, WoRMS and iNaturalist: the right tree, or a refusal."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis_settings import SETTINGS
from readings import leaf_paths, reader
from taxa_tables import TABLES, disguised, random_taxa
from trees import seeds

import taxoloss
from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError
from taxoloss.sources.base import Options

read = reader("a.csv")


def aliases(found: sources.Found) -> dict[str, tuple[str, ...]]:
    tree = found.taxonomy.tree
    return {tree.names[node]: other for node, other in found.taxonomy.aliases.items()}


def table(*rows: str) -> str:
    """Cells are split at spaces; "_" is a space in a cell, "-" an empty one."""
    cells = [["" if cell == "-" else cell.replace("_", " ") for cell in row.split()] for row in rows]
    return "".join("\t".join(row) + "\n" for row in cells)


CATS = ["Felidae/Felis/Felis catus", "Felidae/Felis/Felis chaus"]

# Tables that make the tree of CATS, and that "Felis dom" is another name of Felis catus.
COLDP = [
    table("ID parentID status scientificName rank", "N - accepted Felidae family",
          "G N accepted Felis genus", "A G accepted Felis_catus species",
          "B G provisionally_accepted Felis_chaus species", "C A synonym Felis_dom species"),
    table("col:ID col:parentID col:status col:scientificName col:rank", "N - accepted Felidae family",
          "G N accepted Felis genus", "C D ambiguous_synonym Felis_dom species",
          "D A misapplied Felis_old species", "A G accepted Felis_catus species",
          "B G accepted Felis_chaus species"),
    table("rank Scientific_Name Status Parent_ID ID", "family Felidae accepted - 1",
          "genus Felis accepted 1 2",
          "species Felis_catus accepted 2 3", "species Felis_chaus accepted 2 4",
          "species Felis_dom synonym 3 5"),
    table("ID status scientificName authorship rank family genus parentID",
          "1 accepted Felis_catus L. species Felidae Felis -",
          "2 accepted Felis_chaus L. species Felidae Felis -",
          "3 synonym Felis_dom L. species - - 1"),
    table("ID parentID status rank uninomial genericName specificEpithet",
          "N - accepted family Felidae - -",
          "G N accepted genus Felis - -", "A G accepted species - Felis catus",
          "B G accepted species - Felis chaus", "C A heterotypic_synonym species - Felis dom",
          "D - bare_name species - Felis bare"),
]  # fmt: skip
GBIF = [
    table("taxonID parentNameUsageID acceptedNameUsageID scientificName canonicalName taxonRank "
          "taxonomicStatus",
          "1 - - Felidae Felidae family accepted", "2 1 - Felis_L. Felis genus accepted",
          "3 2 - Felis_catus_L. Felis_catus species accepted",
          "4 2 - Felis_chaus_S. Felis_chaus species doubtful",
          "5 2 3 Felis_dom_E. Felis_dom species synonym"),
    table("key parentKey acceptedKey scientificName canonicalName rank taxonomicStatus numDescendants",
          "1 - - Felidae Felidae FAMILY ACCEPTED 0", "2 1 - Felis_L. Felis GENUS ACCEPTED 0",
          "3 2 - Felis_catus_L. Felis_catus SPECIES ACCEPTED 1",
          "4 2 - Felis_chaus_S. Felis_chaus SPECIES ACCEPTED 1",
          "5 2 3 Felis_dom_E. Felis_dom SPECIES SYNONYM 0"),
    table("dwc:taxonID dwc:parentNameUsageID dwc:acceptedNameUsageID dwc:taxonomicStatus dwc:taxonRank "
          "dwc:scientificName dwc:scientificNameAuthorship", "6W - - accepted family Felidae -",
          "3D 6W - accepted genus Felis_L. L.", "3X 3D - accepted species Felis_catus_L. L.",
          "3Y 3D - provisionally_accepted species Felis_chaus_S. S.",
          "9 - 3X ambiguous_synonym species Felis_dom_E. E."),
    table("taxonID scientificName taxonRank taxonomicStatus acceptedNameUsage parentNameUsageID",
          "1 Felidae family accepted - 0", "2 Felis genus accepted - 1",
          "3 Felis_catus species accepted Felis_catus 2", "4 Felis_chaus species accepted - 2",
          "5 Felis_dom species synonym Felis_catus 2"),
    table("taxonID parentNameUsageID acceptedNameUsageID scientificName taxonRank",
          "1 -1 1 Felidae fam.", "2 1.0 2 Felis gen.", "3 2.0 3 Felis_catus sp.", "4 2.0 4 Felis_chaus sp.",
          "5 2.0 3.0 Felis_dom sp."),
]  # fmt: skip
WORMS = [
    table("AphiaID ScientificName AphiaID_accepted ScientificName_accepted Family Genus Species taxonRank "
          "Status",
          "1 Felis_catus 1 Felis_catus Felidae Felis catus Species accepted",
          "2 Felis_chaus 2 Felis_chaus Felidae Felis chaus Species accepted",
          "3 Felis_dom 1 Felis_catus Felidae Felis dom Species unaccepted"),
    table("AphiaID scientificname authority status rank valid_AphiaID valid_name family genus",
          "3 Felis_dom E. unaccepted Species 1 Felis_catus Felidae Felis",
          "2 Felis_chaus S. accepted Species 2 Felis_chaus Felidae Felis"),
    table("taxonID scientificName acceptedNameUsageID acceptedNameUsage parentNameUsageID taxonRank",
          "urn:1 Felidae urn:1 Felidae - Family", "urn:2 Felis urn:2 Felis urn:1 Genus",
          "urn:4 Felis_dom urn:3 Felis_catus urn:2 Species",
          "urn:5 Felis_chaus urn:5 Felis_chaus urn:2 Species"),
    table("aphiaID scientificName acceptedNameUsage taxonRank family genus species subspecies originalName",
          "1 Felis_catus_minor - Subspecies Felidae Felis Felis_catus Felis_catus_minor x",
          "4 Felis - Genus Felidae Felis - - y", "5 Felis_chaus - Species Felidae Felis Felis_chaus - z",
          "6 Felis_dom Felis_catus Species Felidae Felis Felis_catus - z"),
    table("gbifID family genus species taxonRank scientificName acceptedScientificName taxonKey",
          "1 Felidae Felis Felis_catus SPECIES Felis_catus_L. Felis_catus_L. 3",
          "2 Felidae Felis Felis_catus SPECIES Felis_dom Felis_catus_L. 4",
          "3 Felidae Felis Felis_chaus SUBSPECIES Felis_chaus_affinis_G. Felis_chaus_affinis_G. 5",
          "4 Felidae - - FAMILY Felidae Felidae 6", "5 - - - UNRANKED BOLD:AAA1234 BOLD:AAA1234 7",
          "6 Felidae Felis Felis_chaus SPECIES Felis_chaus_S. Felis_chaus_S. 5"),
]  # fmt: skip


@pytest.mark.parametrize("text", [*COLDP, *GBIF, *WORMS], ids=lambda text: "+".join(text.split()[:4]))
def test_a_table_of_taxa(text: str, tmp_path: Path) -> None:
    """Accepted names make the tree, the others are aliases: no id is a name, no synonym a class."""
    found = read(tmp_path, text)
    assert sorted(leaf_paths(found)) == CATS
    assert found.taxonomy.levels == ("family", "genus", "species")
    assert "Felis dom" in aliases(found)["Felis catus"]
    assert found.taxonomy.bind(["Felis dom", "Felis chaus"]).classes == ("Felis catus", "Felis chaus")


@pytest.mark.parametrize(
    ("texts", "kind"), [(COLDP, "coldp"), (GBIF[:3], "darwin-core"), (WORMS[:2], "worms")]
)
def test_the_kind_of_a_table_of_taxa(texts: Sequence[str], kind: str, tmp_path: Path) -> None:
    """Shown and asked for: the same tree."""
    for text in texts:
        shown, said = read(tmp_path, text), read(tmp_path, text, kind=kind)
        assert shown.kind == said.kind == kind
        assert shown.taxonomy.digest == said.taxonomy.digest


@given(rng=seeds)
@SETTINGS
@pytest.mark.parametrize("kind", TABLES)
def test_random_taxa_come_back(
    kind: str, tmp_path_factory: pytest.TempPathFactory, rng: np.random.Generator
) -> None:
    """Columns shuffled and called otherwise, others beside them: the same tree, synonyms as aliases."""
    taxa = random_taxa(rng)
    rows = TABLES[kind](taxa, rng)
    text = disguised(rows, rng, {"coldp": "col", "inat": "inat"}.get(kind, "dwc"))
    found = read(tmp_path_factory.mktemp("taxa"), text)
    assert set(found.taxonomy.paths()) == taxa.paths()
    assert found.kind == kind.replace("occurrences", "darwin-core")
    if kind in ("coldp", "darwin-core", "worms"):
        given = [name for others in aliases(found).values() for name in others]
        assert {name for name, _ in taxa.synonyms} <= set(given)


# -- parents ----------------------------------------------------------------------------------------

DANGLING = table(
    "taxonID parentNameUsageID scientificName taxonRank", "1 - Felidae family", "2 1 Felis genus",
    "3 2 Felis_catus species", "4 77 Lynx genus", "5 4 Lynx_lynx species", "6 2 Felis_chaus species",
)  # fmt: skip


def test_a_parent_without_a_row(tmp_path: Path) -> None:
    """A fault with the row; with an option a note, and what is below goes with it."""
    with pytest.raises(TaxonomyError) as caught:
        read(tmp_path, DANGLING)
    (fault,) = caught.value.faults
    assert (fault.code, fault.line, fault.found) == ("T212", 5, "77")
    assert "the parent `77` of `Lynx` has no row" in str(fault)
    top = read(tmp_path, DANGLING, missing_parent="top")
    assert leaf_paths(top) == [*CATS, "Lynx/Lynx lynx"]
    assert "1 taxon row whose parent has no row, put at the top: `Lynx (below 77)`" in top.notes
    drop = read(tmp_path, DANGLING, missing_parent="drop")
    assert leaf_paths(drop) == CATS
    assert any("left out, with what is below: `Lynx (below 77)`" in note for note in drop.notes)


def test_each_parent_without_a_row_is_told(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError) as caught:
        read(tmp_path, DANGLING.replace("3\t2\t", "3\t88\t"))
    assert [(fault.line, fault.found) for fault in caught.value.faults] == [(4, "88"), (5, "77")]


def test_the_top_of_a_part(tmp_path: Path) -> None:
    """Where every taxon has a parent, those of the highest rank were cut from a larger tree."""
    text = DANGLING.replace("1\t\tFelidae", "1\t732\tFelidae").replace("4\t77\t", "4\t1\t")
    found = read(tmp_path, text)
    assert leaf_paths(found) == [*CATS, "Felidae/Lynx/Lynx lynx"]
    assert "at the top, what is above has no row: `Felidae`" in found.notes
    with pytest.raises(TaxonomyError, match="T212"):
        read(tmp_path, DANGLING.replace("1\t\tFelidae", "1\t732\tFelidae"))


def test_ids_that_stand_twice(tmp_path: Path) -> None:
    text = DANGLING.replace("4\t77\t", "4\t1\t")
    assert len(read(tmp_path, text + "4\t1\tLynx\tgenus\n").taxonomy) == 3
    with pytest.raises(TaxonomyError, match=r"a\.csv:8: error T121: the id `4` stands in line 5 too"):
        read(tmp_path, text + "4\t1\tPuma\tgenus\n")


def test_synonyms_that_lead_nowhere(tmp_path: Path) -> None:
    """To each other: a fault. To no row: left out and told. No class is made of one."""
    head = "taxonID parentNameUsageID acceptedNameUsageID scientificName taxonRank taxonomicStatus"
    rows = ["1 - - Felidae family accepted", "3 1 - Felis_catus species accepted",
            "4 1 - Felis_chaus species accepted"]  # fmt: skip
    found = read(tmp_path, table(head, *rows, "5 1 99 Felis_dom species synonym"))
    assert leaf_paths(found) == ["Felidae/Felis catus", "Felidae/Felis chaus"]
    assert "1 synonym left out, whose accepted name has no row: `Felis dom`" in found.notes
    with pytest.raises(
        TaxonomyError, match="these synonyms point to each other only: `Felis a`, `Felis b`"
    ):
        read(tmp_path, table(head, *rows, "5 1 6 Felis_a species synonym", "6 1 5 Felis_b species synonym"))


def test_a_taxon_without_a_name_does_not_cut_the_branch(tmp_path: Path) -> None:
    found = read(tmp_path, DANGLING.replace("4\t77\tLynx", "4\t1\t"))
    assert leaf_paths(found) == [*CATS, "Felidae/Lynx lynx"]
    assert any("1 row without a name" in note and "line 5" in note for note in found.notes)


def test_a_finer_rank_tells_its_species(tmp_path: Path) -> None:
    """By parents too, where the species has no row."""
    rows = ["taxonID parentNameUsageID scientificName taxonRank", "1 - Canidae family", "2 1 Canis genus",
            "3 2 Canis_lupus_familiaris SUBSPECIES", "4 2 Canis_lupus_dingo SUBSPECIES",
            "5 2 Canis_aureus SPECIES", "6 5 Canis_aureus_moreotica subsp."]  # fmt: skip
    found = read(tmp_path, table(*rows))
    assert sorted(leaf_paths(found)) == ["Canidae/Canis/Canis aureus", "Canidae/Canis/Canis lupus"]
    assert any(
        "1 species name told by a finer rank alone, e.g. `Canis lupus`" in note for note in found.notes
    )
    deep = read(tmp_path, table(*rows), ranks=["genus", "species", "subspecies"])
    assert leaf_paths(deep)[0] == "Canis/Canis lupus/Canis lupus familiaris"


# -- archives and the backbone ----------------------------------------------------------------------

NAME = table("ID scientificName rank", "n1 Felidae family", "n2 Felis genus", "n3 Felis_catus species",
             "n4 Felis_chaus species", "n5 Felis_dom species")  # fmt: skip
TAXON = table("col:ID col:nameID col:parentID", "1 n1 -", "2 n2 1", "3 n3 2", "4 n4 2")
SYNONYM = table("taxonID nameID status", "3 n5 synonym")


def test_archives_of_coldp(tmp_path: Path) -> None:
    """NameUsage, or Name with Taxon and Synonym; zipped or in a folder. Taxon alone is refused."""
    files = {"Name.tsv": NAME, "Taxon.tsv": TAXON, "Synonym.tsv": SYNONYM, "metadata.yaml": "title: x\n"}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as parts, zipfile.ZipFile(tmp_path / "b.zip", "w") as one:
        one.writestr("NameUsage.tsv", COLDP[0])
        for name, text in files.items():
            parts.writestr(f"data/{name}", text)
    (tmp_path / "folder").mkdir()
    for name, text in files.items():
        (tmp_path / "folder" / name).write_text(text)
    for source in ("a.zip", "b.zip", "folder"):
        found = sources.read(tmp_path / source)
        assert (found.kind, leaf_paths(found)) == ("coldp", CATS)
        assert aliases(found)["Felis catus"] == ("Felis dom",)
    bare = table(
        "taxonID parentNameUsageID taxonRank", "1 - family", "2 1 genus", "3 2 species", "4 2 species"
    )
    for text in (TAXON, bare, COLDP[0].replace("scientificName", "x").replace("Felis", "1")):
        with pytest.raises(TaxonomyError, match="these are taxa without their names, and ids are no names"):
            read(tmp_path, text, "Taxon.tsv")
    with pytest.raises(TaxonomyError, match="T111"):
        sources.read(tmp_path / "a.zip", limits=taxoloss.Limits(bytes=50))


def test_the_backbone_without_a_header(tmp_path: Path) -> None:
    def row(key: str, parent: str, synonym: str, status: str, rank: str, name: str) -> str:
        cells = ["\\N"] * 30
        cells[0], cells[1], cells[3], cells[4], cells[5], cells[18] = (
            key,
            parent,
            synonym,
            status,
            rank,
            f"{name} L.",
        )
        cells[19] = name
        return "\t".join(cells) + "\n"

    text = row("1", "\\N", "f", "ACCEPTED", "FAMILY", "Felidae") + row(
        "2", "1", "f", "ACCEPTED", "GENUS", "Felis"
    )
    text += row("3", "2", "f", "ACCEPTED", "SPECIES", "Felis catus")
    text += row("4", "2", "f", "DOUBTFUL", "SPECIES", "Felis chaus")
    text += row("5", "3", "t", "SYNONYM", "SPECIES", "Felis dom")
    found = read(tmp_path, text, "simple.txt")
    assert (found.kind, leaf_paths(found)) == ("darwin-core", CATS)
    assert aliases(found)["Felis catus"] == ("Felis catus L.", "Felis dom", "Felis dom L.")


# -- iNaturalist ------------------------------------------------------------------------------------

INAT = [
    "taxon_id,ancestry,rank,name\n1,,kingdom,Animalia\n10,1,family,Felidae\n"
    "12,1/10/11,species,Felis catus\n20,1,family,Canidae\n21,1/20/22,species,Canis lupus\n",
    "taxon_id,ancestry,rank,name,active\n1,48460,kingdom,Animalia,true\n10,48460/1,family,Felidae,true\n"
    "11,48460/1/10,genus,Felis,false\n12,48460/1/10/11,species,Felis catus,true\n"
    "48460,,stateofmatter,Life,true\n20,48460/1,family,Canidae,true\n"
    "21,48460/1/20,species,Canis lupus,true\n22,48460/1/20,species,x y,f\n",
    "id,rank,name,parent_id,is_active,rank_level\n1,kingdom,Animalia,48460,true,70\n10,family,Felidae,1,true,30\n"
    "11,genus,Felis,10,false,20\n12,species,Felis catus,11,true,10\n20,family,Canidae,1,true,30\n"
    "21,species,Canis lupus,20,true,10\n",
    "taxon_id,ancestry,rank_level,name\n1,,70,Animalia\n10,1,30.0,Felidae\n12,1/10,10,Felis catus\n"
    "20,1,30,Canidae\n21,1/20,10,Canis lupus\n23,1/20/21,5,Canis lupus dingo\n",
    "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,name\n,1,70,,,Animalia\n1.0,10,30,,,Felidae\n"
    "10.0,12,10,1,3,Felis catus\n1.0,20,30,,,Canidae\n20.0,21,10,0,3,Canis lupus\n",
]  # fmt: skip


@pytest.mark.parametrize("text", INAT)
def test_what_is_above_in_inaturalist(text: str, tmp_path: Path) -> None:
    """The nearest that has a row and is active: a rank without one does not cut the branch."""
    found = read(tmp_path, text)
    assert found.kind == "inat"
    assert leaf_paths(found) == ["Animalia/Felidae/Felis catus", "Animalia/Canidae/Canis lupus"]


def test_the_outputs_of_a_vision_model(tmp_path: Path) -> None:
    """Each leaf_class_id is a class, of whatever rank and above others; their order is told."""
    found = read(tmp_path, INAT[-1])
    told = (
        "in the order of `leaf_class_id`, which is not that of the file: `0 Canis lupus`, `1 Felis catus`"
    )
    assert any(told in note for note in found.notes)
    more = INAT[-1] + "1,30,33,,,Feliformia\n30,31,20,2,3,Genetta\n31,32,5,3,3,Genetta genetta minor\n"
    deep = read(tmp_path, more)
    assert "Feliformia/Genetta/Genetta" in leaf_paths(deep)
    assert "Feliformia/Genetta/Genetta genetta minor" in leaf_paths(deep)
    assert len(deep.taxonomy) == 4


def test_species_whose_ancestors_have_no_row(tmp_path: Path) -> None:
    text = "taxon_id,ancestry,rank,name\n1,,kingdom,Animalia\n12,7/10/11,species,Felis catus\n"
    text += "21,1,species,Canis lupus\n"
    with pytest.raises(
        TaxonomyError, match=r"a\.csv:3: error T212: the parent `11` of `Felis catus` has no row"
    ):
        read(tmp_path, text)


def test_observations_of_inaturalist(tmp_path: Path) -> None:
    text = (
        "id,scientific_name,taxon_id,taxon_family_name,taxon_genus_name,taxon_species_name,quality_grade\n"
    )
    text += "1,Felis catus,5,Felidae,Felis,Felis catus,research\n"
    text += "2,Felis chaus,6,Felidae,Felis,Felis chaus,casual\n"
    text += "3,Felis catus,5,Felidae,Felis,Felis catus,research\n4,Felidae,7,Felidae,,,casual\n"
    found = read(tmp_path, text)
    assert (found.kind, leaf_paths(found)) == ("inat", CATS)


# -- what speaks for a reading ----------------------------------------------------------------------


def test_ids_of_records_are_no_ids_of_taxa(tmp_path: Path) -> None:
    """`id` is that of an observation; accepted ids that no row has say nothing without a status."""
    text = table(
        "id acceptedNameUsageID scientificName taxonRank family genus",
        "a1 urn:9 Felis_catus species Felidae Felis",
        "a2 urn:8 Felis_chaus species Felidae Felis",
        "a3 urn:9 Felis_catus species Felidae Felis",
    )
    assert leaf_paths(read(tmp_path, text)) == CATS


def test_the_same_name_with_its_author_is_no_synonym(tmp_path: Path) -> None:
    text = table(
        "scientificName acceptedNameUsage taxonRank family genus",
        "Felis Felis_Linnaeus,_1758 genus Felidae Felis",
        "Felis_catus Felis_catus_Linnaeus,_1758 species Felidae Felis",
        "Felis_chaus Felis_chaus_(Schreber_&_de_Vries,_1777) species Felidae Felis",
        "Felis_dom Felis_catus_Linnaeus,_1758 species Felidae Felis",
    )
    found = read(tmp_path, text)
    assert leaf_paths(found) == CATS
    assert "Felis dom" in aliases(found)["Felis catus"]


def test_what_is_no_table_of_taxa(tmp_path: Path) -> None:
    """Where `rank` holds numbers, or who asks names the columns, no reading as taxa is offered."""
    text = table("scientificName rank family", "x 1 Felidae", "y 2 Felidae", "z 3 Canidae")
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "b.csv").write_text(WORMS[-1])
    named = Options(columns=("family", "genus"))
    for look in (sources.look(tmp_path / "a.csv"), sources.look(tmp_path / "b.csv", named)):
        assert not {"darwin-core", "coldp", "worms", "inat"} & {reading.kind for reading in look.readings}


def test_missing_cells(tmp_path: Path) -> None:
    """What databases write for nothing, and what `missing` says, is no parent and no name."""
    text = GBIF[0].replace("\t\t", "\t\\N\t").replace("1\t\t", "1\t\\N\t")
    assert leaf_paths(read(tmp_path, text)) == CATS
    text = GBIF[4].replace("1\t-1\t", "1\tnix\t")
    assert leaf_paths(read(tmp_path, text, missing=["nix"])) == CATS


def test_a_folder_is_read_as_what_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    for kind, words in (
        ("coldp", "there is no table Name"),
        ("inat", "this is a folder"),
        ("ranks", "this is a folder"),
    ):
        with pytest.raises(TaxonomyError, match=words):
            sources.read(tmp_path, kind=kind)


def test_rows_that_are_left_out_are_told(tmp_path: Path) -> None:
    """Counted by reason, with examples."""
    head = "taxonRank scientificName taxonomicStatus acceptedScientificName family genus species"
    rows = ["SPECIES Felis_catus_L. ACCEPTED Felis_catus_L. Felidae Felis Felis_catus",
            "SPECIES Felis_chaus_S. ACCEPTED Felis_chaus_S. Felidae Felis Felis_chaus",
            "UNRANKED BOLD:AAA1 ACCEPTED BOLD:AAA1 Felidae - -",
            "UNRANKED BOLD:AAA2 ACCEPTED - Felidae - -",
            "TRIBE Felini ACCEPTED Felini Felidae - -", "SPECIES Felis_old SYNONYM - - - -",
            "- - - - - - -", "SPECIES Felis_x SYNONYM Felis_L. Felidae Felis -"]  # fmt: skip
    found = read(tmp_path, table(head, *rows))
    assert leaf_paths(found) == CATS
    for note in (
        "2 rows of the rank unranked left out: `BOLD:AAA1`, `BOLD:AAA2`",
        "1 row of the rank tribe left out: `Felini`",
        "1 row of synonyms whose accepted name has no row left out: `Felis old`",
        "1 row of synonyms whose accepted name is no species left out: `Felis x`",
    ):
        assert note in found.notes
