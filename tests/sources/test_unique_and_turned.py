"""Tables whose columns say less than their names, or the contrary: unique columns, turned ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import asked, leaf_paths, paths_of, read_text, reader
from workbooks import Cell, write_workbook

from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError

read = reader("a.csv")

_FOODS = (
    "Fruit,Citrus,orange",
    "Fruit,Citrus,lemon",
    "Fruit,Berry,raspberry",
    "Meat,Red,beef",
    "Meat,Red,lamb",
)
_DEEP = "Fruit/Berry/raspberry Fruit/Citrus/lemon Fruit/Citrus/orange Meat/Red/beef Meat/Red/lamb"
_FLAT = "Fruit/Berry Fruit/Citrus Meat/Red"


def table(header: str, rows: tuple[str, ...] = _FOODS) -> str:
    return "\n".join([header, *rows, ""])


def test_a_unique_column_below_the_groups_may_hold_the_classes(tmp_path: Path) -> None:
    """Of whatever field, in whatever order of columns, with other columns beside it."""
    for header in (
        "group,subgroup,food",
        "class,subclass,supertype",
        "make,model,trim",
        "family,subfamily,branch",
        "sector,industry,company",
        "level1,level2,final",
        "order,family,morphospecies",
        "family,genus,common_name",
        "category,subcategory,thing",
        "family,subfamily,language",
        "domain,kingdom,habitat",
    ):
        assert set(asked(tmp_path, table(header))) == {_DEEP, _FLAT}, header
    turned = table("food,subgroup,group", tuple(",".join(row.split(",")[::-1]) for row in _FOODS))
    assert set(asked(tmp_path, turned)) == {_DEEP, _FLAT}
    numbered = tuple(f"{i},{row},2020-01-0{i}" for i, row in enumerate(_FOODS, 1))
    assert set(asked(tmp_path, table("id,group,subgroup,food,added", numbered))) == {_DEEP, _FLAT}


def test_a_level_of_an_unknown_name_below_others(tmp_path: Path) -> None:
    """What stands below it may hold the classes too: each chain is a reading."""
    rows = tuple(f"{row},{i % 2}{row[-1]}x" for i, row in enumerate((*_FOODS, *_FOODS)))
    trees = asked(tmp_path, table("group,subgroup,food,what", rows))
    assert {_DEEP, _FLAT} < set(trees)
    assert any("Meat/Red/beef/1fx" in tree or "Meat/Red/beef/0fx" in tree for tree in trees)


@pytest.mark.parametrize(
    "header",
    ["group,subgroup,name", "order,family,label", "department,aisle,product", "level_1,level_2,class"],
)
def test_names_below_groups_are_the_classes(header: str, tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, table(header))) == _DEEP


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("id", ["1", "2", "3", "4", "5"]),
        ("file", ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]),
        ("photo number", ["IMG_0001", "IMG_0002", "IMG_0003", "IMG_0107", "IMG_0009"]),
        ("seen", ["2020-01-01", "2020-01-02", "2020-02-01", "2021-01-01", "2021-01-02"]),
        ("page", ["https://a.b/1", "https://a.b/2", "https://a.b/3", "https://a.b/4", "https://a.b/5"]),
        ("remark", ["sweet", "sour", "red", "raw", "tender"]),
        ("station_name", ["north", "south", "east", "west", "top"]),
        ("story", [f"we ate it on the {i}th day" for i in range(5)]),
    ],
)
def test_what_tells_rows_apart_is_no_class(header: str, cells: list[str], tmp_path: Path) -> None:
    groups = (row.rpartition(",")[0] for row in _FOODS)
    rows = tuple(f"{row},{cell}" for row, cell in zip(groups, cells, strict=True))
    found = read(tmp_path, table(f"group,subgroup,{header}", rows))
    assert (paths_of(found), found.unused) == (_FLAT, (header,))


# -- texts of rows ---------------------------------------------------------------------------------

_IMAGES = ("animal,cat", "animal,cat", "animal,dog", "plant,oak")
_TEXTS = ("a small grey cat on a mat", "a cat that looks at you", "a brown dog", "an old tree")
_CLASSES = ["animal/cat", "animal/dog", "plant/oak"]


@pytest.mark.parametrize("word", ["description", "caption", "text", "image_caption"])
@pytest.mark.parametrize("header", ["superclass,class", "coarse,fine", "category,label", "genus,species"])
def test_sentences_beside_classes_are_no_classes(header: str, word: str, tmp_path: Path) -> None:
    rows = tuple(f"{image},{text}" for image, text in zip(_IMAGES, _TEXTS, strict=True))
    assert leaf_paths(read(tmp_path, table(f"{header},{word}", rows))) == _CLASSES
    first = tuple(
        f"{i}.jpg,{text},{image}" for i, (image, text) in enumerate(zip(_IMAGES, _TEXTS, strict=True))
    )
    assert leaf_paths(read(tmp_path, table(f"image,{word},{header}", first))) == _CLASSES


@pytest.mark.parametrize("word", ["description", "caption", "title", "name"])
@pytest.mark.parametrize("header", ["superclass,class", "genus,species", "country,city"])
def test_short_texts_beside_classes_are_asked_about(header: str, word: str, tmp_path: Path) -> None:
    if (header, word) in {("country,city", "name"), ("country,city", "title")}:
        return  # a list of names beside where they were seen
    rows = tuple(
        f"{image},{text}" for image, text in zip(_IMAGES, ("Tom", "Felix", "Rex", "Joe"), strict=True)
    )
    trees = asked(tmp_path, table(f"{header},{word}", rows))
    assert "animal/cat animal/dog plant/oak" in trees
    assert "animal/cat/Felix animal/cat/Tom animal/dog/Rex plant/oak/Joe" in trees


@pytest.mark.parametrize(
    "text",
    [
        "id,category,class,description\n1,animal,cat,grey fur\n2,animal,dog,brown fur\n3,plant,oak,tall\n",
        "superclass,class,description\nanimal,cat,feline\nanimal,dog,canine\nplant,oak,a tree\n",
        "description,class,supercategory\nfeline,cat,animal\ncanine,dog,animal\na tree,oak,plant\n",
        "country,city,description\nanimal,cat,big town\nanimal,dog,old town\nplant,oak,light town\n",
    ],
)
def test_a_text_for_each_class_is_no_level(text: str, tmp_path: Path) -> None:
    assert leaf_paths(read(tmp_path, text)) == _CLASSES


# -- columns that stand the other way in the cells than in their names -----------------------------

_BATS = ("animal,bat", "sport,bat", "plant,oak")


@pytest.mark.parametrize(
    "header",
    [
        "superclass,class",
        "supercategory,category",
        "coarse,fine",
        "coarse_label,fine_label",
        "level1,level2",
        "category,subcategory",
        "domain,label",
        "l1,l2",
        "super_class,class_name",
        "group,class",
    ],
)
def test_a_class_of_several_groups_is_asked_about(header: str, tmp_path: Path) -> None:
    """Fewer names than groups do not turn the table: neither silently, nor in another order of columns."""
    expected = {"animal/bat plant/oak sport/bat", "bat/animal bat/sport oak/plant"}
    assert set(asked(tmp_path, table(header, _BATS))) == expected
    high, low = header.split(",")
    turned = tuple(",".join(row.split(",")[::-1]) for row in _BATS)
    assert set(asked(tmp_path, table(f"{low},{high}", turned))) == expected
    images = tuple(f"{i}.jpg,{row}" for i, row in enumerate(_BATS * 2))
    assert set(asked(tmp_path, table(f"image,{header}", images))) == expected
    rows = ", ".join(f'{{"{high}": "{a}", "{low}": "{b}"}}' for a, b in (row.split(",") for row in _BATS))
    if "super" in high:  # of records the key says which is above
        assert paths_of(read_text(tmp_path, f"[{rows}]")) == "animal/bat plant/oak sport/bat"
    else:
        assert set(asked(tmp_path, f"[{rows}]", "a.json")) == expected


@pytest.mark.parametrize("count", [3, 10])
def test_healthy_below_every_crop(count: int, tmp_path: Path) -> None:
    rows = tuple(f"crop{i},{'healthy' if i else 'rust'}" for i in range(count))
    trees = asked(tmp_path, table("category,subcategory", rows))
    assert " ".join(sorted(row.replace(",", "/") for row in rows)) in trees


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "family,class\nTrojan,Zeus\nTrojan,Emotet\nWorm,Blaster\n",
            "Trojan/Emotet Trojan/Zeus Worm/Blaster",
        ),
        ("class,superclass\ncat,animal\ndog,animal\noak,plant\n", "animal/cat animal/dog plant/oak"),
        ("label,domain\ncat,animal\ndog,animal\noak,plant\n", "animal/cat animal/dog plant/oak"),
        ("genus,species\nFelis,catus\nCanis,lupus\nVulpes,lupus\n", None),
    ],
)
def test_what_the_names_say_is_no_question(text: str, expected: str | None, tmp_path: Path) -> None:
    """Families of classes in another field; columns from the leaf up; epithets of several genera."""
    found = read(tmp_path, text)
    if expected is None:
        assert [path[0] for path in found.taxonomy.paths()] == ["Felis", "Canis", "Vulpes"]
    else:
        assert paths_of(found) == expected


@pytest.mark.parametrize(
    "text",
    [
        "section,chapter,heading\nI,01,0101\nI,01,0102\nII,02,0201\n",
        "section,chapter,heading\nI,live,horse\nI,live,cow\nII,dead,beef\n",
        "item,brand,department\nx,b,d\ny,b,d\nz,c,e\n",
    ],
)
def test_two_columns_of_the_same_groups(text: str, tmp_path: Path) -> None:
    """Words of any field do not say which is above, where the file has them the other way."""
    one, other = ({tuple(path.split("/")) for path in tree.split()} for tree in asked(tmp_path, text))
    assert one == {(second, first, *rest) for first, second, *rest in other}


def test_names_that_say_their_order_settle_the_same_groups(tmp_path: Path) -> None:
    for header in ("subcategory,category,item", "sub_class,class,product", "level_2,level_1,level_3"):
        found = read(tmp_path, table(header, ("B,A,x", "B,A,y", "D,C,z")))
        assert paths_of(found) == "A/B/x A/B/y C/D/z"


# -- numbers, and names of groups, as classes --------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "numbers"),
    [
        ("superclass,class", ("1", "2", "3")),
        ("coarse,fine", ("0", "1", "2")),
        ("group,class_id", ("0", "1", "2")),
        ("section,code", ("101", "102", "201")),
        ("coarse_name,fine_label", ("1.0", "2.0", "3.0")),
    ],
)
def test_numbers_that_are_called_classes(header: str, numbers: tuple[str, ...], tmp_path: Path) -> None:
    """They number the classes or the rows; a workbook has them as numbers."""
    groups = ("animal", "animal", "plant")
    rows = tuple(f"{group},{number}" for group, number in zip(groups, numbers, strict=True))
    trees = asked(tmp_path, table(header, rows))
    assert "animal plant" in trees
    assert any(len(tree.split()) == 3 for tree in trees)
    high, low = header.split(",")
    cells = [(number, group) for group, number in zip(groups, numbers, strict=True)]
    swapped = table(f"{low},{high}", tuple(map(",".join, cells)))
    assert set(asked(tmp_path, swapped)) == set(trees)
    sheet: list[list[Cell]] = [[high, low]]
    sheet += [[group, float(number)] for group, number in zip(groups, numbers, strict=True)]
    book = write_workbook(tmp_path / "book.xlsx", {"Sheet1": sheet})
    with pytest.raises(TaxonomyError, match="T122"):
        sources.read(book)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,label\n1,cat\n2,cat\n3,dog\n", "cat dog"),
        ("class_id,class_name\n0,cat\n1,dog\n", "cat dog"),
        ("class,order,family\n0,A,x\n1,A,y\n2,B,z\n", "A/x A/y B/z"),
        ("id,label,group,name\n1,1,a,cat\n2,2,a,dog\n3,3,b,oak\n", "a/cat a/dog b/oak"),
    ],
)
def test_numbers_beside_names_are_no_classes(text: str, expected: str, tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "k,category,supercategory\n1,cat,animal\n2,dog,animal\n3,animal,thing\n4,oak,plant\n5,plant,thing\n6,car,x\n",
        "class,superclass\ncat,animal\ndog,animal\nanimal,thing\noak,plant\nplant,thing\ncar,x\n",
        "coarse,fine,n\nanimal,cat,1\nanimal,dog,1\nthing,animal,2\nplant,oak,1\nthing,plant,1\nx,car,9\n",
    ],
)
def test_a_group_that_is_a_class_of_another_group(text: str, tmp_path: Path) -> None:
    """It may be the same node, as a parent is, or another of that name."""
    assert set(asked(tmp_path, text)) == {
        "thing/animal/cat thing/animal/dog thing/plant/oak x/car",
        "animal/cat animal/dog plant/oak thing/animal thing/plant x/car",
    }


def test_a_class_called_as_its_group_is_a_class(tmp_path: Path) -> None:
    for header in ("class,group", "name,supercategory", "fine,coarse"):
        found = read(tmp_path, table(header, ("person,person", "car,vehicle", "bus,vehicle")))
        assert paths_of(found) == "person/person vehicle/bus vehicle/car"
