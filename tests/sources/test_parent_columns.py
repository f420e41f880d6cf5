"""Tables that say a parent twice, or several of a row: read as they are asked for, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import asked, leaf_paths, paths_of, reader, refusal_of

read = reader("a.csv")


@pytest.mark.parametrize(
    ("text", "line", "both"),
    [
        (
            "category_id,parent_category_id,category_name,lang\n1,,Animal,en\n1,,Tier,de\n2,1,Cat,en\n2,1,Katze,de\n",
            3,
            ("`Animal` (line 2)", "`Tier`"),
        ),
        ("id,parent,name\n1,,Animal\n2,1,Cat\n3,1,Cow\n2,1,Dog\n", 5, ("`Cat` (line 3)", "`Dog`")),
        ("name;id;parent_id\nAnimal;a;\nCat;b;a\nDog;c;a\nHund;c;a\n", 5, ("`Dog` (line 4)", "`Hund`")),
    ],
)
def test_rows_of_one_id_with_two_names(text: str, line: int, both: tuple[str, str], tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert (fault.code, fault.line) == ("T121", line)
    assert all(name in fault.message for name in both)


def test_a_row_twice_is_no_fault(tmp_path: Path) -> None:
    for rows in (
        "1,,Animal\n2,1,Cat\n3,1,Dog\n2,1,Cat\n4,,Oak\n",
        "1,,Animal\n2,1,Cat\n2,1,\n3,1,Dog\n4,,Oak\n",
    ):
        assert paths_of(read(tmp_path, f"id,parent_id,name\n{rows}")) == "Animal/Cat Animal/Dog Oak"


@pytest.mark.parametrize("mark", ["|", ";", ", "])
@pytest.mark.parametrize("header", ["class,parents", "name,parents", "label,all parents"])
def test_a_cell_with_several_parents(header: str, mark: str, tmp_path: Path) -> None:
    text = f'{header}\ncat,"animal{mark}pet"\ndog,"animal{mark}pet"\noak,plant\n'
    error = refusal_of(tmp_path, text, "a.csv")
    assert [(fault.code, fault.line) for fault in error.faults] == [("T203", 2), ("T203", 3)]
    assert "`animal`, `pet`" in error.faults[0].message
    first = leaf_paths(read(tmp_path, text, parent="first"))
    assert {"animal/cat", "animal/dog", "plant/oak"} <= set(first)


def test_parents_that_stand_alone_in_other_rows(tmp_path: Path) -> None:
    """Then a cell lists them, whatever its column is called; a name with a comma is a name."""
    text = 'name,parent\ncat,"animal|pet"\ncow,animal\nfish,pet\noak,plant\n'
    assert [fault.code for fault in refusal_of(tmp_path, text, "a.csv").faults] == ["T203"]
    text = 'name,parent\ncat,"mammals, small"\ncow,"mammals, large"\noak,plants\n'
    assert paths_of(read(tmp_path, text)) == "mammals,_large/cow mammals,_small/cat plants/oak"


def test_parents_in_several_columns(tmp_path: Path) -> None:
    """Levels, where they nest; else each row has several parents."""
    for text in (
        "name,parent,grandparent\ncat,felid,animal\ndog,canid,animal\noak,tree,plant\n",
        "grandparent,n,class,parent\nanimal,1,cat,felid\nanimal,2,dog,canid\nplant,3,oak,tree\n",
        "name,parent1,parent2\ncat,animal,felid\nlion,animal,felid\ndog,animal,canid\noak,plant,tree\n",
    ):
        trees = asked(tmp_path, text)
        assert any("animal/canid/dog animal/felid/cat" in tree for tree in trees), text
    for text in (
        "name,parent1,parent2\ncat,animal,pet\ndog,animal,wild\ncow,animal,pet\nwolf,beast,wild\n",
        "label,parent_1,parent_2\nx,a,p\ny,a,q\nz,b,p\n",
        "name;parent 1;parent 2;n\nx;a;p;1\ny;a;q;2\nz;b;p;3\n",
    ):
        (fault,) = refusal_of(tmp_path, text, "a.csv").faults
        assert (fault.code, "several parents" in fault.message) == ("T121", True)


@pytest.mark.parametrize(
    "levels",
    [("2", "4", "4", "2", "4"), ("1", "2", "2", "1", "2"), ("1", "3", "3", "1", "3")],
)
def test_levels_bear_out_codes_in_any_order_of_rows(levels: tuple[str, ...], tmp_path: Path) -> None:
    """By the number of digits too: the order of rows is no outline where codes say the tree."""
    codes = ("01", "0101", "0102", "02", "0201")
    rows = [f"{code},name {code},{level}" for code, level in zip(codes, levels, strict=True)]
    for order in (rows, [rows[0], rows[4], rows[3], rows[1], rows[2]]):
        found = read(tmp_path, "\n".join(["hscode,description,level", *order, ""]))
        assert (found.kind, sorted(leaf_paths(found))) == ("codes", ["01/0101", "01/0102", "02/0201"])
