"""Files whose tree stands in the order of rows, in several cells or in words: read right, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import leaf_paths, reader

from taxoloss.errors.faults import TaxonomyError

read = reader("a.csv")
PETS = ["Animal/Cat/Bengal", "Animal/Dog", "Plant"]


def refused(folder: Path, text: str, name: str = "a.csv") -> TaxonomyError:
    with pytest.raises(TaxonomyError) as caught:
        read(folder, text, name)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "Order,Family,Species\nCarnivora,Felidae,Felis catus\n,,Felis silvestris\n,Canidae,Canis lupus\n"
        "Rodentia,Muridae,Mus musculus\n,,Rattus rattus\n",
        "Level 1,Level 2,Level 3\nFood,,\n,Dairy,Milk\n,,Cheese\nHome,,\n,Tools,Saw\n",
        "Section,Group,Class\nA,a,1\n,,2\nB,b,3\n,,4\n",
        "department;category;item\nFood;Fruit;Apple\n;;Pear\nToys;Cars;Red car\n;;Blue car\n",
        "id,family,species\n1,Felidae,Felis catus\n2,,Lynx lynx\n3,Canidae,Canis lupus\n4,,Vulpes vulpes\n",
    ],
)
def test_merged_cells_are_refused_and_may_be_missing_ranks(text: str, tmp_path: Path) -> None:
    error = refused(tmp_path, text)
    assert error.faults[0].code == "T121"
    assert "merged cells" in error.faults[0].message
    mark = ";" if ";" in text else ","
    header = text.splitlines()[0].split(mark)
    columns = [name for name in header if name != "id"]
    assert read(tmp_path, text, columns=columns, kind="ranks").taxonomy.levels == tuple(columns)


@pytest.mark.parametrize(
    "text",
    [
        "depth,name\n0,Animal\n1,Cat\n2,Bengal\n1,Dog\n0,Plant\n",
        "level,label\n1,Animal\n2,Cat\n3,Bengal\n2,Dog\n1,Plant\n",
        "id,Level,Title\n7,1,Animal\n8,2,Cat\n9,3,Bengal\n10,2,Dog\n11,1,Plant\n",
        "name;indent\nAnimal;0\nCat;1\nBengal;2\nDog;1\nPlant;0\n",
        "tree_depth,class_name,count\n0,Animal,5\n1,Cat,2\n2,Bengal,1\n1,Dog,2\n0,Plant,1\n",
    ],
)
def test_a_column_that_says_how_deep_a_row_stands(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert (found.kind, leaf_paths(found)) == ("indented", PETS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lft,rgt,name\n1,8,Animal\n2,5,Cat\n3,4,Bengal\n6,7,Dog\n", "nested set"),
        ("id,name,left,right\n1,Animal,1,6\n2,Cat,2,3\n3,Dog,4,5\n", "nested set"),
        ("child,parent,relation\nCat,Animal,is_a\nTail,Cat,part_of\nOak,Plant,is_a\n", "several kinds"),
        ("source,target,predicate\nCat,Animal,isA\nTail,Cat,partOf\nAnimal,Thing,isA\n", "several kinds"),
        ("id,parent_id,name,rel\n1,,A,is_a\n2,1,B,is_a\n3,1,C,part_of\n", "several kinds"),
    ],
)
def test_trees_that_stand_in_something_else_are_refused(text: str, words: str, tmp_path: Path) -> None:
    fault = refused(tmp_path, text).faults[0]
    assert fault.code == "T121"
    assert words in fault.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "label,coarse_label,fine_name,coarse_name\n0,4,apple,fruit\n1,4,pear,fruit\n2,6,bed,furniture\n",
            ["fruit/apple", "fruit/pear", "furniture/bed"],
        ),
        (
            "family_id,family_name,species_id,species_name\n1,F,1,a\n1,F,2,b\n2,G,3,c\n",
            ["F/a", "F/b", "G/c"],
        ),
        ("class,class_name,group,group_name\n0,a,7,A\n1,b,7,A\n2,c,8,B\n", ["A/a", "A/b", "B/c"]),
        (
            "category,category_name,subcategory,subcategory_name\n1,A,10,a\n1,A,11,b\n2,B,20,c\n",
            ["A/a", "A/b", "B/c"],
        ),
        (
            "section,division,group,class\nA,1,11,111\nA,1,11,112\nB,2,21,210\n",
            ["A/1/11/111", "A/1/11/112", "B/2/21/210"],
        ),
    ],
)
def test_numbers_beside_their_names_are_no_levels(text: str, expected: list[str], tmp_path: Path) -> None:
    assert leaf_paths(read(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "Animal -> Cat\nAnimal -> Dog\nCat -> Bengal\n"),
        ("a.txt", "Cat -> Animal\nDog -> Animal\nAnimal -> Thing\n"),
        ("a.txt", "Animal > Cat\nAnimal > Dog\nCat > Bengal\nPlant > Oak\n"),
        ("a.csv", "text,label\n" + "some words,Animal/Cat\nothers,Plant/Oak\n" * 5),
        (
            "a.jsonl",
            '{"text":"x","label":"Animal/Cat"}\n{"text":"y","label":"Animal/Dog"}\n{"text":"z","label":"P/Oak"}\n',
        ),
        ("a.csv", "name,ancestors\nCat,Animal > Mammal\nDog,Animal > Mammal\nTrout,Animal > Fish\n"),
        (
            "a.csv",
            "Order,Family,Common name,Scientific name\nA,F,Cat,Felis c\nA,G,Wolf,Canis l\nB,H,M,Mus m\n",
        ),
        (
            "a.csv",
            "department,category,subcategory,brand\nFood,Fruit,Apple,X\nFood,Fruit,Pear,Y\nFood,Veg,Leek,X\nToy,Car,C,Z\n",
        ),
    ],
)
def test_two_trees_in_one_file_are_both_shown(name: str, text: str, tmp_path: Path) -> None:
    fault = refused(tmp_path, text, name).faults[0]
    assert fault.code == "T122"
    assert (fault.help or "").count("e.g.") > 1


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "a.txt",
            "Cat is-a Animal\nDog is-a Animal\nOak is-a Plant\n",
            ["Animal/Cat", "Animal/Dog", "Plant/Oak"],
        ),
        ("a.txt", "cat isa animal\nanimal isa thing\noak isa thing\n", ["animal/cat", "oak"]),
        (
            "a.txt",
            "Animal: Cat, Dog\nPlant: Oak, Elm\n",
            ["Animal/Cat", "Animal/Dog", "Plant/Oak", "Plant/Elm"],
        ),
        ("a.txt", "person: 0\nbicycle: 1\ncar: 2\n", ["person", "bicycle", "car"]),
        (
            "a.csv",
            "source,target\nCat,Animal\nDog,Animal\nOak,Plant\nAnimal,Thing\nPlant,Thing\n",
            ["Animal/Cat", "Animal/Dog", "Plant/Oak"],
        ),
        (
            "a.json",
            '[{"group":"Animal","members":["Cat","Dog"]},{"group":"Plant","members":["Oak","Elm"]}]',
            ["Animal/Cat", "Animal/Dog", "Plant/Oak", "Plant/Elm"],
        ),
        (
            "a.yaml",
            "names: {0: cat, 1: dog, 2: oak}\nsuper: {animal: [cat, dog], plant: [oak]}\n",
            ["animal/cat", "animal/dog", "plant/oak"],
        ),
        (
            "a.csv",
            "genus,species\nQuercus,robur L.\nQuercus,alba L.\nAcer,rubrum L.\n",
            ["Quercus/Quercus robur L.", "Quercus/Quercus alba L.", "Acer/Acer rubrum L."],
        ),
        (
            "a.csv",
            "genus,species\nFelis,F. catus\nCanis,C. lupus\nCanis,C. latrans\n",
            ["Felis/Felis catus", "Canis/Canis lupus", "Canis/Canis latrans"],
        ),
    ],
)
def test_what_is_written_in_its_own_way(name: str, text: str, expected: list[str], tmp_path: Path) -> None:
    assert leaf_paths(read(tmp_path, text, name)) == expected


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.json", '{"0":["n01440764","tench"],"1":["n01443537","goldfish"]}', "T121"),
        ("a.csv", 'id,name,parents\n1,Animal,\n2,Cat,1\n3,Dog,1\n4,Catdog,"2,3"\n', "T203"),
        ("a.csv", "id;name;parents\n1;A;\n2;B;1\n3;C;1\n4;D;2|3\n", "T203"),
    ],
)
def test_what_is_no_tree_says_why(name: str, text: str, code: str, tmp_path: Path) -> None:
    assert [fault.code for fault in refused(tmp_path, text, name).faults] == [code]
