"""Tables by kind: what the cells say decides, what is not used is told, no wrong tree is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from readings import leaf_paths, reader

from taxoloss.errors.faults import TaxonomyError

_RANKS = "Carnivora,Felidae,Felis catus", "Carnivora,Canidae,Canis lupus", "Rodentia,Muridae,Mus musculus"
_TREE = ["Carnivora/Felidae/Felis catus", "Carnivora/Canidae/Canis lupus", "Rodentia/Muridae/Mus musculus"]
_NODES = "1,,Animals\n2,1,Cat\n3,1,Dog\n4,2,Bengal\n5,2,Siamese\n6,3,Pug\n7,,Plants\n8,7,Oak\n"
_CLASSES = ["Animals/Cat/Bengal", "Animals/Cat/Siamese", "Animals/Dog/Pug", "Plants/Oak"]


read = reader("a.csv")


def beside(header: str, cells: Sequence[str], rows: Sequence[str] = _RANKS) -> str:
    """The table of the ranks with a column in front."""
    lines = [f"{cell},{row}" for cell, row in zip(cells, rows, strict=True)]
    return "\n".join([f"{header},order,family,species", *lines, ""])


# -- ranks beside other columns --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("id", ["1", "2", "3"]),
        ("id,source", ["1,inat", "2,gbif", "3,inat"]),
        ("filename,split", ["a/1.jpg,train", "a/2.jpg,train", "b/3.jpg,val"]),
        ("url,license", ["https://x.org/1,CC0", "https://x.org/2,CC0", "https://x.org/3,CC BY"]),
        ("eventDate,count,note", ["2021-02-03,1,seen", "2021-03-04,2,", "2022-01-01,1,seen"]),
        ("Taxon ID,common_name", ["12,cat", "13,wolf", "14,mouse"]),
        ("taxonomy_string,source", ["\"[(1, 'order')]\",web", "\"[(2, 'x')]\",web", ",camera"]),
        ("lat,lon", ["1.5,2.5", "1.25,3.5", "-7.5,0.5"]),
        ("uuid", ["990ae9dd-7a59-4344-afcb-1b7b21368000"] * 3),
    ],
)
def test_ranks_beside_columns_of_another_use(header: str, cells: list[str], tmp_path: Path) -> None:
    found = read(tmp_path, beside(header, cells))
    assert (found.kind, leaf_paths(found)) == ("ranks", _TREE)
    assert found.taxonomy.levels == ("order", "family", "species")
    assert found.unused == tuple(header.split(","))
    assert found.example == ("Carnivora", "Felidae", "Felis catus")


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("department,class,subclass\nD1,c1,s1\nD1,c1,s2\nD2,c2,s3\n", ("department", "class", "subclass")),
        ("subclass,class,department\ns1,c1,D1\ns2,c1,D1\ns3,c2,D2\n", ("department", "class", "subclass")),
        ("family,class\nTrojan,Zeus\nTrojan,Emotet\nWorm,Blaster\n", ("family", "class")),
        (
            "section,division,group,class\nA,1,11,111\nA,1,11,112\nA,1,12,120\nB,2,21,210\n",
            ("section", "division", "group", "class"),
        ),
        (
            "Sub Category,Main Category,sku\nPears,Fruit,1\nApples,Fruit,2\nCars,Toys,3\n",
            ("Main Category", "Sub Category"),
        ),
        ("tier3,tier1,tier2\nc,a,b\nd,a,b\nf,a,e\n", ("tier1", "tier2", "tier3")),
        ("category_2,category_1\nb,a\nc,a\ne,d\n", ("category_1", "category_2")),
        (
            "city,country,continent\nParis,France,Europe\nLyon,France,Europe\nTokyo,Japan,Asia\n",
            ("continent", "country", "city"),
        ),
        ("ORDER ,dwc:family,Species\nA,F,x\nA,F,y\nB,G,z\n", ("ORDER", "dwc:family", "Species")),
    ],
)
def test_the_cells_order_the_ranks(text: str, levels: tuple[str, ...], tmp_path: Path) -> None:
    """Each finer column determines the coarser one, in whatever order they stand."""
    found = read(tmp_path, text)
    assert found.taxonomy.levels == levels
    assert len(found.taxonomy) == len(text.splitlines()) - 1


@pytest.mark.parametrize(
    "text",
    [
        "thing,colour\ncat,red\ndog,red\noak,green\n",  # red is no kind of thing
        "habitat2,order,family,species\nw,A,F,x\nw,A,F,y\nd,B,G,z\n",  # above the orders, or beside them
        "what,status,kind\na,u,k\nb,u,k\nc,v,l\n",
        "word,country\nhouse,Ireland\nmaison,France\npomme,France\n",
        "x,y,z\na,p,m\nb,p,n\nc,q,n\n",
    ],
)
def test_columns_that_may_be_ranks_or_not_are_refused(text: str, tmp_path: Path) -> None:
    """With both trees, a path of each, and the option that chooses."""
    with pytest.raises(TaxonomyError) as caught:
        read(tmp_path, text)
    (fault,) = caught.value.faults
    assert fault.code == "T122"
    assert (fault.help or "").count("e.g.") > 1
    assert fault.help is not None
    options = [line.rpartition("--columns ")[2].rstrip(")") for line in fault.help.splitlines()[1:]]
    trees = [
        leaf_paths(read(tmp_path, text, columns=o.split(","), kind=line.split(":")[0].strip()))
        for o, line in zip(options, fault.help.splitlines()[1:], strict=True)
    ]
    assert all(tree != other for i, tree in enumerate(trees) for other in trees[:i])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1.5,2.5\n3.5,4.5\n", "a table of 2 rows with the columns `a`, `b`"),
        ("file,date\nx.jpg,2020-01-01\ny.jpg,2020-01-02\n", "the columns `file`, `date`"),
        ("lat,lon,when\n1.5,2.5,12:30\n2.5,3.5,13:30\n", "the columns `lat`, `lon`, `when`"),
        ("url,score\nhttps://a.b/c,0.5\nhttps://a.b/d,0.7\n", "the columns `url`, `score`"),
        (
            "note,ok\nit was a long day in the wood and we saw no cat,yes\nnothing at all,no\n",
            "`note`, `ok`",
        ),
    ],
)
def test_tables_without_a_tree_are_refused_as_what_they_are(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError) as caught:
        read(tmp_path, text)
    (fault,) = caught.value.faults
    assert fault.code == "T121"
    assert told in fault.message
    assert "--columns" in (fault.expected or "")


# -- child and parent ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "id,parent_id,name",
        "ID,Parent_ID,Name",
        "category_id,parent_id,category_name",
        "node_id,parent,label",
        "taxon_id,parent_taxon_id,scientific_name",
        "taxonID,parentNameUsageID,vernacular",
        "key,parent key,title",
        "col:ID,col:parentID,col:scientificName",
        "code,parent_code,description",
        "idx,index_of_parent,class_name",
        "uid,broader,preferred label",
        "Id,ParentId,ClassName",
    ],
)
@pytest.mark.parametrize("form", ["plain", "1.0", "spaces", "shuffled", "semicolons", "junk"])
def test_ids_with_parents(header: str, form: str, tmp_path: Path) -> None:
    rows = _NODES
    if form == "1.0":  # pandas, of a column of integers with gaps
        rows = (
            rows.replace(",1,", ",1.0,")
            .replace(",2,", ",2.0,")
            .replace(",3,", ",3.0,")
            .replace(",7,", ",7.0,")
        )
    text = f"{header}\n{rows}"
    if form == "spaces":
        text = text.replace(",", " , ")
    if form == "shuffled":
        text = "\n".join(",".join(line.split(",")[::-1]) for line in text.splitlines()) + "\n"
    if form == "semicolons":
        text = text.replace(",", ";")
    if form == "junk":
        lines = text.splitlines()
        text = "\n".join(
            [f"n,{lines[0]},created", *(f"{i},{x},2020-01-{i:02}" for i, x in enumerate(lines[1:], 1))]
        )
    found = read(tmp_path, text)
    assert sorted(leaf_paths(found)) == sorted(_CLASSES)


@pytest.mark.parametrize("none", ["0", "-1", "null", "None", "NaN", "#", ""])
def test_what_stands_for_no_parent(none: str, tmp_path: Path) -> None:
    """Where no row has that id; a note says so."""
    found = read(tmp_path, "id,parent_id,name\n" + _NODES.replace(",,", f",{none},"))
    assert leaf_paths(found) == _CLASSES
    assert bool(none) == any("means no parent: 2 rows" in note for note in found.notes)
    own = "id,parent_id,name\n1,1,Animals\n2,1,Cat\n3,1,Dog\n4,4,Plants\n"
    assert leaf_paths(read(tmp_path, own)) == ["Animals/Cat", "Animals/Dog", "Plants"]
    assert leaf_paths(read(tmp_path, "id,parent_id,name\n0,,Animals\n1,0,Cat\n2,0,Dog\n3,,Oak\n")) == [
        "Animals/Cat", "Animals/Dog", "Oak",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "id,parent_id,name\n1,,Animal\n2,1,Cat\n3,9,Dog\n4,,Plant\n",
        "id,parent_id,name\n2,1,Cat\n3,1,Dog\n4,99,Bengal\n5,2,Siamese\n6,3,Pug\n",
        "code,parent_code,label\nA,,Animals\nA1,A,Cat\nB1,B,Oak\n",
        "node_id,parent_id,name\n1,,a\n2,1,b\n3,1.5,c\n4,1,d\n",
        "id,parent,name\n10,5,Cat\n11,5,Dog\n12,6,Oak\n",
    ],
)
def test_a_parent_without_a_row(text: str, tmp_path: Path) -> None:
    """A fault for each such row with its line; at the top or left out where asked for, with a note."""
    with pytest.raises(TaxonomyError) as caught:
        read(tmp_path, text)
    known = {line.split(",")[0] for line in text.splitlines()[1:]}
    lines = [i for i, x in enumerate(text.splitlines(), 1) if i > 1 and x.split(",")[1] not in known | {""}]
    assert [(fault.code, fault.line) for fault in caught.value.faults] == [("T212", line) for line in lines]
    top = read(tmp_path, text, missing_parent="top")
    assert any("put at the top" in note for note in top.notes)
    rows = [line.split(",") for line in text.splitlines()[1:]]
    inner = {up for _, up, _ in rows}
    assert {path[-1] for path in top.taxonomy.paths()} == {
        name for key, _, name in rows if key not in inner
    }
    with_one = text + "".join(f"{i},{rows[0][0]},new{i}\n" for i in (100, 101))
    if rows[0][1] == "":
        dropped = read(tmp_path, with_one, missing_parent="drop")
        assert any("left out, for a parent has no row" in note for note in dropped.notes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "child,parent\ncat,animal\ndog,animal\nBengal,cat\noak,plant\n",
            ["animal/cat/Bengal", "animal/dog", "plant/oak"],
        ),
        (
            "name,parent_name\nCat,Animal\nDog,Animal\nBengal,Cat\nOak,Plant\n",
            ["Animal/Cat/Bengal", "Animal/Dog", "Plant/Oak"],
        ),
        (
            "class,parent\nspaniel,dog\ndog,animal\ncat,animal\noak,plant\n",
            ["animal/dog/spaniel", "animal/cat", "plant/oak"],
        ),
        (
            "source,target\nanimal,cat\nanimal,dog\ncat,Bengal\nplant,oak\n",
            ["animal/cat/Bengal", "animal/dog", "plant/oak"],
        ),
        (
            "concept,broader,id\ncat,animal,1\nBengal,cat,2\noak,plant,3\n",
            ["animal/cat/Bengal", "plant/oak"],
        ),
        ("id,name,parent\n1,Cat,Animal\n2,Bengal,Cat\n3,Oak,Plant\n", ["Animal/Cat/Bengal", "Plant/Oak"]),
    ],
)
def test_edges_of_names(text: str, expected: list[str], tmp_path: Path) -> None:
    """A parent that is nobody's child stands at the top."""
    assert leaf_paths(read(tmp_path, text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "id,name,supercategory\n1,cat,animal\n2,dog,animal\n3,oak,plant\n",
        "fine,coarse\ncat,animal\ndog,animal\noak,plant\n",
        "label;group\ncat;animal\ndog;animal\noak;plant\n",
        "supercategory,category,count\nanimal,cat,3\nanimal,dog,7\nplant,oak,9\n",
        "cat,animal\ndog,animal\noak,plant\n",
        "id,parent,name\n1,animal,cat\n2,animal,dog\n3,plant,oak\n",
        "image,class,superclass\n1.jpg,cat,animal\n2.jpg,dog,animal\n3.jpg,oak,plant\n4.jpg,cat,animal\n",
    ],
)
def test_classes_with_their_groups(text: str, tmp_path: Path) -> None:
    assert leaf_paths(read(tmp_path, text)) == ["animal/cat", "animal/dog", "plant/oak"]


@pytest.mark.parametrize(
    "text",
    [
        "id,label,source\n1,cat,web\n2,dog,camera\n3,pug,camera\n",
        "image,label\n1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n4.jpg,pug\n",
        "class_id,class_name\n0,cat\n1,dog\n2,pug\n",
        "name,synset_count,license\ncat,3,CC0\ndog,7,CC0\npug,1,MIT\n",
        "label,split,date\ncat,train,2020-01-01\ndog,val,2020-01-02\npug,train,2020-01-03\n",
    ],
)
def test_a_flat_list_beside_other_columns(text: str, tmp_path: Path) -> None:
    """Metadata of a data set makes no groups."""
    found = read(tmp_path, text)
    assert (found.kind, found.taxonomy.classes) == ("names", ("cat", "dog", "pug"))


# -- paths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "id,category_path,n\n1,Food > Fruit > Apple,1.5\n2,Food > Fruit > Pear,2.5\n3,Toys > Cars,3.5\n",
        "path,n\nFood/Fruit/Apple,3\nFood/Fruit/Pear,2\nToys/Cars,1\n",
        "accession\tlineage\nx1\tFood;Fruit;Apple\nx2\tFood;Fruit;Pear\nx3\tToys;Cars\n",
        "sku;breadcrumbs\n1;Food | Fruit | Apple\n2;Food | Fruit | Pear\n3;Toys | Cars\n",
        "file,what\na.jpg,Food::Fruit::Apple\nb.jpg,Food::Fruit::Pear\nc.jpg,Toys::Cars\n",
    ],
)
def test_a_column_of_paths(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text, "a.tsv" if "\t" in text else "a.csv")
    assert (found.kind, leaf_paths(found)) == (
        "paths",
        ["Food/Fruit/Apple", "Food/Fruit/Pear", "Toys/Cars"],
    )


# -- rows and placeholders -------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [(), ("unknown",), ("NA", "-")])
@pytest.mark.parametrize("empty", [",,", " , ,", "NA,NA,NA", "nan,nan,", "?,?,?"])
def test_a_row_that_names_nothing_is_a_note(missing: tuple[str, ...], empty: str, tmp_path: Path) -> None:
    text = f"image,order,family,species\n1.jpg,{_RANKS[0]}\n2.jpg,{empty}\n3.jpg,{_RANKS[1]}\n"
    found = read(tmp_path, text, missing=missing)
    assert leaf_paths(found) == _TREE[:2]
    assert "1 row names nothing: line 3" in found.notes


@pytest.mark.parametrize(
    "word", ["g__", "f__", "NA", "n/a", "-", "?", "Unassigned", "unknown", "sp.", "None", "null"]
)
def test_a_placeholder_is_an_empty_rank(word: str, tmp_path: Path) -> None:
    """Where other cells of the column are names; it is counted."""
    text = f"order,family,species\nA,F,x\nA,{word},y\nB,{word},z\nB,G,w\n"
    found = read(tmp_path, text)
    assert leaf_paths(found) == ["A/F/x", "A/y", "B/z", "B/G/w"]
    assert f"2 cells taken as a missing rank: `{word}` (2)" in found.notes


def test_names_that_look_like_placeholders(tmp_path: Path) -> None:
    """A prefix before every name may stay; a class of a list is a class; `Rodent sp.` is a name."""
    found = read(tmp_path, "Family,Genus\nf__Lachno,g__\nf__Lachno,g__Rumino\nf__Rumino,g__\n")
    assert leaf_paths(found) == ["f__Lachno/g__Rumino", "f__Rumino"]
    assert read(tmp_path, "class_id,label\n0,cat\n1,unknown\n").taxonomy.classes == ("cat", "unknown")
    found = read(tmp_path, "class,group\ncat,animal\nnone,background\n?,background\n")
    assert leaf_paths(found) == ["animal/cat", "background/none", "background/?"]
    assert any("taken as a name" in note for note in found.notes)
    assert "B/Rodent sp." in leaf_paths(read(tmp_path, "order,species\nA,x\nA,y\nB,Rodent sp.\n"))
