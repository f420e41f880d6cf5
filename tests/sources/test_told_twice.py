"""Tables that say their tree in two columns: codes beside their depths, paths beside names below them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from readings import leaf_paths, paths_of, reader, refusal_of

read = reader("a.csv")

_SORTED = "level,code,description\n1,1,Managers\n1,2,Doctors\n2,11,Chiefs\n2,12,Heads\n2,21,Engineers\n"
_FROM_TWO = (
    "Level,Code,Description\n2,11,Farms\n3,111,Crops\n4,1111,Soy\n4,1112,Rye\n2,21,Mines\n3,211,Oil\n"
)
_NAMED = (
    "level,code,description\nsection,A,Farms\ndivision,A01,Crops\ngroup,A01.1,Rye\nsection,B,Mines\n"
    "division,B05,Coal\n"
)
_PARTS = "depth,title,code\n0,Food,1\n1,Fruit,1.1\n2,Apples,1.1.1\n1,Bread,1.2\n0,Drinks,2\n1,Tea,2.1\n"


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (_SORTED, "1/11 1/12 2/21"),
        (_FROM_TWO, "11/111/1111 11/111/1112 21/211"),
        (_NAMED, "A/A01/A01.1 B/B05"),
        (_PARTS, "1/1.1/1.1.1 1/1.2 2/2.1"),
    ],
)
def test_a_column_of_depths_bears_out_the_codes(text: str, paths: str, tmp_path: Path) -> None:
    """They are read as `--kind codes` reads them, and the column of depths is used."""
    found = read(tmp_path, text)
    asked = read(tmp_path, text, kind="codes", separator=None if "." in paths[2:4] else "prefix")
    assert (found.kind, paths_of(found)) == ("codes", paths)
    assert found.taxonomy.digest == asked.taxonomy.digest
    assert found.unused == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("level,code,description\n1,1,Food\n2,7,Fruit\n2,8,Bread\n1,9,Drinks\n2,4,Tea\n", "indented"),
        ("level,code,parent_code,title\n1,1,,Food\n2,11,1,Fruit\n2,12,1,Bread\n", "edges"),
    ],
)
def test_depths_that_say_nothing_of_codes(text: str, kind: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "level,name\n1,Managers\n1,Professionals\n2,Chiefs\n2,Engineers\n",
        "depth,title,n\n0,a,x1\n0,b,x2\n1,c,x3\n2,d,x4\n2,e,x5\n",
    ],
)
def test_rows_sorted_by_depth_are_no_outline_beyond_doubt(text: str, tmp_path: Path) -> None:
    """Below which of the rows above the last ones stand is not said."""
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert fault.code == "T122"
    assert "--kind indented" in (fault.help or "")
    assert read(tmp_path, text, kind="indented").kind == "indented"


# -- names below paths -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "columns", "paths"),
    [
        (
            "lineage,name\nAnimalia;Chordata,cat\nAnimalia;Chordata,dog\nPlantae;Tracheophyta,oak\nPlantae,moss\n",
            "lineage,name",
            "Animalia/Chordata/cat Animalia/Chordata/dog Plantae/Tracheophyta/oak Plantae/moss",
        ),
        (
            "taxon_id,scientific_name,classification\n9,Felis catus,Animalia > Mammalia >\n"
            "8,Canis lupus,Animalia > Mammalia\n7,Anas crecca,Animalia > Aves\n",
            "classification,scientific_name",
            "Animalia/Mammalia/Felis catus Animalia/Mammalia/Canis lupus Animalia/Aves/Anas crecca",
        ),
        (
            "label,n,category_path\napple,3,Food/Fruit\npear,4,Food/Fruit\ncar,1,Toys/Cars\nodd,1,\n",
            "category_path,label",
            "Food/Fruit/apple Food/Fruit/pear Toys/Cars/car odd",
        ),
    ],
)  # fmt: skip
def test_a_name_below_its_path(text: str, columns: str, paths: str, tmp_path: Path) -> None:
    """Several names share a path: the paths alone would lose them; the option reads the same."""
    found = read(tmp_path, text)
    assert " ".join(leaf_paths(found)) == paths
    assert set(columns.split(",")).isdisjoint(found.unused)
    asked = read(
        tmp_path, text, kind="paths", columns=columns.split(","), separator=found.how.split("`")[1]
    )
    assert asked.taxonomy.digest == found.taxonomy.digest


def test_a_name_at_the_end_of_its_path_is_no_second_level(tmp_path: Path) -> None:
    text = "lineage,name\nAnimalia;Chordata;cat,cat\nAnimalia;Chordata;dog,dog\nPlantae;oak,oak\n"
    found = read(tmp_path, text)
    assert paths_of(found) == "Animalia/Chordata/cat Animalia/Chordata/dog Plantae/oak"


def test_a_name_that_may_be_that_of_its_path_is_shown_both_ways(tmp_path: Path) -> None:
    text = "name,category_path\napple,Food/Fruit\nrye,Food/Bread\ncar,Toys/Cars\ndoll,Toys/Dolls\n"
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert fault.code == "T122"
    trees = []
    for line in (fault.help or "").splitlines()[1:]:
        options = shlex.split(line.rpartition(" (")[2].removesuffix(")"))
        columns, separator = options[3].split(","), options[5]
        trees.append(paths_of(read(tmp_path, text, kind="paths", columns=columns, separator=separator)))
    assert [tree.split()[0] for tree in trees] == ["Food/Bread/rye", "Food/Bread"]


# -- parents beside ranks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "ranks"),
    [
        (
            "id,parent_id,name,order,family\n1,,Animals,,\n2,1,Felidae,Carnivora,Felidae\n"
            "3,2,cat,Carnivora,Felidae\n4,2,lynx,Carnivora,Felidae\n5,,Plants,,\n6,5,oak,,\n",
            "edges",
            "`order`, `family`",
        ),
        (
            "id,parent_id,name,family\n1,,Felis,Fe\n2,1,cat,Fe\n3,1,lynx,Fe\n4,,dog,Ca\n",
            "edges",
            "`family`",
        ),
        (
            "taxonID,parentNameUsageID,scientificName,taxonRank,order,family\n1,,Carnivora,order,C,\n"
            "2,1,Felidae,family,C,F\n3,2,Felis catus,species,C,F\n4,2,Lynx lynx,species,C,F\n",
            "darwin-core",
            "`order`, `family`",
        ),
    ],
)
def test_parents_win_over_ranks(text: str, kind: str, ranks: str, tmp_path: Path) -> None:
    """The tree is that of the table without the columns of ranks, which are told."""
    found = read(tmp_path, text)
    kept = text.splitlines()[0].split(",").index(ranks.split("`")[1])
    plain = read(tmp_path, "".join(f"{','.join(line.split(',')[:kept])}\n" for line in text.splitlines()))
    assert (found.kind, found.taxonomy.digest) == (kind, plain.taxonomy.digest)
    assert f"the parents make the tree, rank columns are not used: {ranks}" in found.notes
    assert not any("rank columns" in note for note in plain.notes)


def test_ranks_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    text = "id,parent_id,name,order,family\n1,,a,A,Fa\n2,1,b,A,Fa\n3,1,c,B,Ga\n"
    assert paths_of(read(tmp_path, text, columns=["order", "family", "name"])) == "A/Fa/a A/Fa/b B/Ga/c"


# -- readings that are not offered -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (
            "id,habitat,kind,count\n11,wood,oak,3\n12,wood,fern,4\n13,sea,kelp,3\n14,sea,crab,9\n",
            ["bins --columns kind,habitat", "names --columns kind"],
        ),
        (
            "label_id,level1,name\n1,animal,cat\n2,animal,dog\n3,plant,oak\n",
            ["bins --columns name,level1", "names --columns name"],
        ),
        (
            "thing,colour,score\ncat,red,3\ndog,red,5\noak,green,5\nelm,green,7\n",
            ["bins --columns thing,colour", "names --columns thing"],
        ),
        (
            "accession,habitat,kind\nX1,wood,oak\nX2,wood,fern\nX3,sea,kelp\nX4,sea,crab\nX5,sea,crab\n",
            [
                "ranks --columns habitat,kind,accession",
                "bins --columns kind,habitat",
                "names --columns kind",
            ],
        ),
        (
            "ref,taxon,zone\nR-001,cat,1\nR-002,dog,1\nR-003,oak,2\n",
            ["ranks --columns zone,taxon,ref", "bins --columns taxon,zone", "names --columns taxon"],
        ),
    ],
)
def test_counts_are_no_groups_and_groups_no_classes(text: str, options: list[str], tmp_path: Path) -> None:
    """Of the readings that are shown none makes groups of counts, or a flat list of the groups alone."""
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    shown = [
        line.rpartition(" (--kind ")[2].removesuffix(")") for line in (fault.help or "").splitlines()[1:]
    ]
    assert shown == options


def test_numbers_are_no_taxa(tmp_path: Path) -> None:
    """Below species a column of numbers that nests by chance is no level."""
    text = "order,family,species,extent\nA,Fa,x,3\nA,Fa,x,3\nA,Fa,y,9\nB,Ga,z,12\nB,Ga,z,14\n"
    found = read(tmp_path, text)
    assert found.taxonomy.levels == ("order", "family", "species")
    assert found.unused == ("extent",)
