"""Shapes that were read as groups: outlines in unknown words, a second table, parents without a name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from readings import asked, paths_of, reader, refusal_of
from workbooks import write_workbook

from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError

read = reader("a.csv")
PETS = "Animals/Cat Animals/Dog Plants/Oak"


def lines(text: str) -> str:
    """The text with a line for each part between bars."""
    return text.replace("|", "\n") + "\n"


@pytest.mark.parametrize(
    "below",
    [
        "year,site,n|2020,Harz,9|2021,Eifel,4",
        "site,year,count|Harz,2020,3",
        "Notes|all from 2020|see paper",
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_what_stands_below_a_blank_line_is_no_more_of_the_table(
    below: str, name: str, tmp_path: Path
) -> None:
    table = "order,family,species|Carnivora,Felidae,Felis catus|Rodentia,Muridae,Mus musculus"
    (fault,) = refusal_of(tmp_path, lines(f"{table}||{below}"), name).faults
    assert (fault.code, fault.line) == ("T121", 5)
    assert below.partition("|")[0].replace(",", ", ") in fault.message
    assert len(list(read(tmp_path, lines(f"{table}||Carnivora,Felidae,Lynx lynx")).taxonomy.paths())) == 3


@pytest.mark.parametrize(
    "text",
    [
        "name,parent|Cat,Animals|Dog,Animals|Oak,Plants||Animals,|Plants,",
        "superclass,class|Animals,Cat|Animals,Dog||Plants,Oak||Source: own data",
        "superclass,class,n|Animals,Cat,3|Animals,Dog,4|Plants,Oak,9||Total,,16",
    ],
)
def test_roots_sources_and_sums_may_stand_below_a_blank_line(text: str, tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, lines(text))) == PETS


def test_records_on_several_lines_are_one_table(tmp_path: Path) -> None:
    rows = [{"name": "Cat", "parent": "Animals"}, {"name": "Dog", "parent": "Animals"}, {"name": "Animals"}]
    for indent in (None, 2):
        found = read(tmp_path, json.dumps(rows, indent=indent), "a.json")
        assert paths_of(found) == "Cat Dog"


def test_a_second_table_in_a_sheet_is_refused(tmp_path: Path) -> None:
    head, blank = ["superclass", "class"], ["", ""]
    rows = [head, ["animal", "cat"], ["animal", "dog"], ["plant", "oak"]]
    write_workbook(tmp_path / "b.xlsx", {"S": [*rows, blank, ["plant", "elm"]]})
    assert paths_of(sources.read(tmp_path / "b.xlsx")) == "animal/cat animal/dog plant/elm plant/oak"
    write_workbook(tmp_path / "a.xlsx", {"S": [*rows, blank, ["class", "n"], ["cat", "3"]]})
    with pytest.raises(TaxonomyError, match="below a blank line `class, n` starts something else"):
        sources.read(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    "text",
    [
        "level,name|Dept,Animals|Cat.,Cat|Cat.,Dog|Dept,Plants|Cat.,Oak",
        "Ebene;Name|1;Animals|2;Cat|2;Dog|1;Plants|2;Oak",
        "tiefe,titel|0,Animals|1,Cat|1,Dog|0,Plants|1,Oak",
    ],
)
def test_groups_that_step_as_an_outline_are_asked_about(text: str, tmp_path: Path) -> None:
    assert PETS in asked(tmp_path, lines(text))


@pytest.mark.parametrize("pairs", ["fruit,apple|fruit,pear|veg,leek", "fruit,apple|veg,leek|fruit,pear"])
def test_groups_that_are_no_levels_are_not_asked_about(pairs: str, tmp_path: Path) -> None:
    found = read(tmp_path, lines(f"kind,name|{pairs}"))
    assert paths_of(found) == "fruit/apple fruit/pear veg/leek"


@pytest.mark.parametrize(
    "text",
    [
        "Animals,30|  Cat,10|  Dog,20|Plants,10|  Oak,10",
        "Animals;30|\tCat;10|\tDog;20|Plants;11|\tOak;11",
        "Animals,30|-Cat,10|-Dog,20|Plants,10|-Oak,10",
        "name,count|Animals,30|- Cat,10|- Dog,20|Plants,10|- Oak,10",
    ],
)
def test_names_further_right_beside_a_count_are_a_tree(text: str, tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, lines(text))) == PETS


@pytest.mark.parametrize(
    "text",
    [
        "node,label,up,n|4,Oak,2,7|1,Animals,,3|3,Cat,1,9|2,Plants,,1|5,Dog,1,4",
        "key,title,belongs|a1,Animals,|a2,Cat,a1|a3,Dog,a1|b1,Plants,|b2,Oak,b1",
        "id;title;haut|7;Animals;|9;Cat;7|11;Dog;7|8;Plants;|10;Oak;8",
    ],
)
def test_ids_that_stand_in_another_column_may_be_parents(text: str, tmp_path: Path) -> None:
    assert PETS in asked(tmp_path, lines(text))


@pytest.mark.parametrize("mark", ["~", "^"])
@pytest.mark.parametrize("above", ["", "path|", "id,path|"])
def test_paths_with_rare_separators(mark: str, above: str, tmp_path: Path) -> None:
    paths = [path.replace("/", mark) for path in PETS.split()]
    body = "|".join(f"{i},{path}" if "," in above else path for i, path in enumerate(paths))
    assert paths_of(read(tmp_path, lines(above + body))) == PETS


@pytest.mark.parametrize(
    "text", ["Cat < Animals|Dog < Animals|Oak < Plants", "id,name|1,Cat<Pet<Animal|2,Oak<Plant"]
)
def test_paths_that_go_up_are_refused(text: str, tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, lines(text), "a.csv" if "," in text else "a.txt").faults
    assert fault.code == "T121"
    assert "from the leaf up" in fault.message


@pytest.mark.parametrize(
    "text",
    [
        "id,product,breadcrumb|1,Sony A7 camera 2023,Home > Cameras|2,Nikon Z5 camera,Home > Cameras|"
        "3,Oak table 120cm,Home > Tables",
        "title,category path|blue jeans for men,Clothing/Jeans|grey jeans for men,Clothing/Jeans|"
        "red shirt for men,Clothing/Shirts",
        "path;name|A > B;Model 1|A > B;Model 2|A > C;Model 3",
    ],
)
def test_texts_below_paths_are_asked_about(text: str, tmp_path: Path) -> None:
    assert len(asked(tmp_path, lines(text))) == 2


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize(
    "text", ["0: {}cat{},|1: {}dog{},", "0: {}cat{}|1: {}dog{}", "0 : {}cat{},|1 : {}dog{}"]
)
def test_quotes_behind_numbers_are_left_out(text: str, quote: str, tmp_path: Path) -> None:
    shown = lines(text.format(*[quote] * 4))
    assert not any(
        quote in name for path in read(tmp_path, shown, "a.txt").taxonomy.paths() for name in path
    )
