"""Tables without names of columns: cells alone say whether a column is a group, or another name."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import asked, leaf_paths, paths_of, reader

read = reader("a.csv")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "0,Accordion,/m/0mkg\n1,Guitar,/m/0342h\n2,Acoustic guitar,/m/042v_gx\n",
            "Accordion Acoustic_guitar Guitar",
        ),
        ("0,cat,Felis catus\n1,dog,Canis lupus\n2,oak,Quercus robur\n", "cat dog oak"),
        ("7,n02123045,tabby\n8,n02123159,tiger\n9,n02123394,Persian\n", "Persian tabby tiger"),
        ("column_1,column_2\ncat,Katze\ndog,Hund\noak,Eiche\n", "cat dog oak"),
        ("1;cat;Katze;chat\n2;dog;Hund;chien\n3;oak;Eiche;chêne\n", "cat dog oak"),
    ],
)
def test_a_second_name_in_each_row_is_no_level(text: str, names: str, tmp_path: Path) -> None:
    """It may be: then each tree is shown, and the lists of names beside them."""
    trees = asked(tmp_path, text)
    assert names in trees
    assert any("/" in tree for tree in trees)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,animal,cat\n1,animal,dog\n2,plant,oak\n", "animal/cat animal/dog plant/oak"),
        ("animal,cat\nanimal,dog\nplant,oak\n", "animal/cat animal/dog plant/oak"),
        ("0,A,F,p\n1,A,F,q\n2,A,G,r\n3,B,H,s\n4,B,H,t\n", "A/F/p A/F/q A/G/r B/H/s B/H/t"),
        (
            "column_1,column_2,n\nanimal,cat,1\nanimal,dog,2\nplant,oak,2\n",
            "animal/cat animal/dog plant/oak",
        ),
    ],
)
def test_groups_that_repeat_are_levels(text: str, expected: str, tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, text)) == expected


def test_a_second_name_of_each_class_below_its_group(tmp_path: Path) -> None:
    """The groups are sure, and of the two names each may be the class."""
    for text in (
        "0,animal,cat,Felis catus\n1,animal,dog,Canis lupus\n2,plant,oak,Quercus robur\n",
        "animal;cat;Katze;1\nanimal;dog;Hund;2\nplant;oak;Eiche;3\n",
        "1.5,plant,oak,Quercus robur\n2.5,animal,cat,Felis catus\n3.5,animal,dog,Canis lupus\n",
    ):
        trees = asked(tmp_path, text)
        assert "animal/cat animal/dog plant/oak" in trees


def test_one_name_in_all_rows_may_be_the_top(tmp_path: Path) -> None:
    """In lists of JSON, in a table: beside columns that leave it open it is shown with and without."""
    trees = asked(tmp_path, '[["A", "F", "F c"], ["A", "G", "G l"], ["A", "H", "H m"]]', "a.json")
    assert {"A/F/F_c A/G/G_l A/H/H_m", "F/F_c G/G_l H/H_m"} <= set(trees)
    trees = asked(tmp_path, "0,A,F,F c\n1,A,G,G l\n2,A,H,H m\n")
    assert {"A/F/F_c A/G/G_l A/H/H_m", "F/F_c G/G_l H/H_m"} <= set(trees)
    sure = read(tmp_path, "0,all,animal,cat\n1,all,animal,dog\n2,all,plant,oak\n")
    assert paths_of(sure) == "animal/cat animal/dog plant/oak"


def test_a_first_line_that_may_be_data_is_told(tmp_path: Path) -> None:
    """Where columns are asked for by it too."""
    text = "Fruit,Citrus,orange\nFruit,Citrus,lemon\nMeat,Red,beef\n"
    with_names = read(tmp_path, text, header=True, columns=["Fruit", "Citrus", "orange"], kind="ranks")
    assert leaf_paths(with_names) == ["Fruit/Citrus/lemon", "Meat/Red/beef"]
    for text in (
        "ga,gb,gc\na,b,c\na,d,e\n",
        "animal;cat\npet;dog\nplant;oak\n",
        "Obst,Apfel\nFleisch,Rind\nFisch,Hai\n",
    ):
        header = text.splitlines()[0].replace(";", ",").split(",")
        found = read(tmp_path, text, columns=header, kind="ranks")
        assert any("--no-header" in note for note in found.notes)
