"""Rows and cells of a table that are no names of classes: notes, rules, units, marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import leaf_paths, reader, refusal_of
from workbooks import Cell, write_workbook

from taxoloss import sources

read = reader("a.csv")

_CLASSES = ["animal/cat", "animal/dog", "plant/oak"]
_HEADER = "superclass,class,n"
_ROWS = ("animal,cat,30", "animal,dog,12", "plant,oak,7")


@pytest.mark.parametrize(
    "remark",
    [
        "Note: n is the number of images,,",
        "* Source: own data; see text,,",
        "Source: the web,,",
        "(3 rows),,",
        "3 rows in set,,",
        "† seen in 2020,,",
        "Data were collected by hand in 2020,,",
        "superclass,class,n",
        "Superclass,Class,N",
        "-----,----,---",
        "==========,=====,==",
        "...,...,...",
        ":---,:---,---:",
    ],
)
@pytest.mark.parametrize("at", [1, 3])
def test_a_row_that_is_no_data_is_left_out(remark: str, at: int, tmp_path: Path) -> None:
    """Below the rows, or between them, in a workbook too; a note tells its line."""
    if at == 1 and remark.startswith("Data"):
        return  # a sentence between rows may be a class
    rows = [*_ROWS[:at], remark, *_ROWS[at:]]
    found = read(tmp_path, "\n".join([_HEADER, *rows, ""]))
    assert leaf_paths(found) == _CLASSES
    assert any(f"line {at + 2}" in note and "left out" in note for note in found.notes)
    tabs = read(tmp_path, "\n".join([_HEADER, *rows, ""]).replace(",", "\t"), "a.tsv")
    assert leaf_paths(tabs) == _CLASSES
    cells = [[cell or None for cell in row.split(",")] for row in (_HEADER, *rows)]
    found = sources.read(write_workbook(tmp_path / "book.xlsx", {"Sheet1": cells}))
    assert leaf_paths(found) == _CLASSES


@pytest.mark.parametrize(
    "units", ["text,text,count", "(text),(text),(count)", "string,string,integer", "chr,chr,int"]
)
def test_a_row_of_types_below_the_names_of_columns(units: str, tmp_path: Path) -> None:
    found = read(tmp_path, "\n".join([_HEADER, units, *_ROWS, ""]))
    assert leaf_paths(found) == _CLASSES
    assert any("line 2" in note and "types" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "superclass,class\nthing,text\nthing,number\nplant,oak\n",
            ["thing/text", "thing/number", "plant/oak"],
        ),
        ("order,family\nA,F\nA,G\nB,H\nbird,\n", ["A/F", "A/G", "B/H", "bird"]),
        ("class,group\nnote,paper\nsource code,paper\n(none),paper\noak,plant\n", None),
        ("order,family,species\nA,F,x\n-,G,y\nB,H,z\n", ["A/F/x", "G/y", "B/H/z"]),
    ],
)
def test_rows_that_look_so_and_are_data(text: str, expected: list[str] | None, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert not any("left out" in note for note in found.notes)
    assert leaf_paths(found) == expected if expected else len(found.taxonomy) == 4


@pytest.mark.parametrize("title", ["My table", "Source: own data", "Species in the study"])
def test_a_title_above_the_names_of_columns(title: str, tmp_path: Path) -> None:
    """With a blank line below it, with empty cells beside it, in a workbook."""
    body = "\n".join([_HEADER, *_ROWS, ""])
    for text in (f"{title}\n\n{body}", f"{title}\n{body}", f"{title},,\n{body}"):
        found = read(tmp_path, text)
        assert (leaf_paths(found), found.taxonomy.levels) == (_CLASSES, ("superclass", "class"))
        assert any("title" in note for note in found.notes)
    cells: list[list[Cell]] = [[title, None, None]]
    cells += [list[Cell](row.split(",")) for row in (_HEADER, *_ROWS)]
    found = sources.read(write_workbook(tmp_path / "book.xlsx", {"Sheet1": cells}))
    assert leaf_paths(found) == _CLASSES


def test_rows_with_a_cell_more_than_the_columns(tmp_path: Path) -> None:
    """As R writes the numbers of rows, without a name for their column: no list of lines."""
    for header in ("group,subgroup,food", "superclass,class", "order,family,species,n"):
        width = header.count(",") + 2
        rows = [",".join(f"{i}{column}" for column in "abcdef"[:width]) for i in range(3)]
        (fault,) = refusal_of(tmp_path, "\n".join([header, *rows, ""]), "a.csv").faults
        assert (fault.code, fault.line) == ("T121", 2)
        assert f"{width - 1} columns" in fault.message


# -- marks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ['""""', "〃", "idem", "ditto", '","'])
def test_marks_for_what_stands_above_are_refused(mark: str, tmp_path: Path) -> None:
    for text in (
        f"order,family,species\nA,F,x\n{mark},{mark},y\nB,G,z\n",
        f"superclass,class\nanimal,cat\n{mark},dog\nplant,oak\n",
        f"n,class,group\n1,cat,animal\n2,dog,{mark}\n3,oak,plant\n",
    ):
        (fault,) = refusal_of(tmp_path, text, "a.csv").faults
        assert (fault.code, fault.line) == ("T121", 3)
        assert "above" in fault.message


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("True", "False"), ("x", ""), ("yes", "no")])
def test_groups_in_a_column_each_are_refused(yes: str, no: str, tmp_path: Path) -> None:
    """One mark in each row says the group of a class; the flat list would lose it."""
    marks = ((yes, no), (yes, no), (no, yes))
    classes = ("cat", "dog", "oak")
    for header, form in (
        ("label,animal,plant", "{name},{a},{b}"),
        ("is_animal,is_plant,class,n", "{a},{b},{name},3.5"),
        ("id,species,animal,plant", "{at},{name},{a},{b}"),
    ):
        pairs = enumerate(zip(classes, marks, strict=True))
        rows = [form.format(at=at, name=name, a=a, b=b) for at, (name, (a, b)) in pairs]
        text = "\n".join([header, *rows, ""])
        (fault,) = refusal_of(tmp_path, text, "a.csv").faults
        assert (fault.code, "mark" in fault.message) == ("T121", True)
        name = next(word for word in header.split(",") if word in ("label", "class", "species"))
        assert leaf_paths(read(tmp_path, text, kind="names", columns=[name])) == list(classes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class,train,test\ncat,1,0\ndog,1,0\noak,0,1\n", ["cat", "dog", "oak"]),
        ("class,edible,wild\ncat,1,1\ndog,0,0\noak,1,0\n", ["cat", "dog", "oak"]),
        ("superclass,class,tame,wild\nanimal,cat,1,0\nanimal,dog,1,0\nplant,oak,0,1\n", _CLASSES),
    ],
)
def test_marks_that_say_no_group(text: str, expected: list[str], tmp_path: Path) -> None:
    """Splits, attributes of which a class may have several, marks beside groups."""
    assert leaf_paths(read(tmp_path, text)) == expected


@pytest.mark.parametrize("status", ["Synonym", "synonym", "Misapplied"])
@pytest.mark.parametrize("mark", ["|", ",", "\t"])
def test_names_that_are_not_in_use_are_left_out(status: str, mark: str, tmp_path: Path) -> None:
    text = (
        "plant_name_id|taxon_rank|taxon_status|taxon_name|parent_plant_name_id\n"
        "1|Genus|Accepted|Rosa|\n2|Species|Accepted|Rosa canina|1\n"
        f"3|Species|{status}|Rosa vulgaris|\n4|Species|Accepted|Rosa alba|1\n"
        "5|Genus|Accepted|Rubus|\n6|Species|Accepted|Rubus idaeus|5\n"
    ).replace("|", mark)
    (tmp_path / "a.txt").write_text(text)
    found = sources.read(tmp_path / "a.txt")
    assert ["/".join(path) for path in found.taxonomy.paths()] == [
        "Rosa/Rosa canina",
        "Rosa/Rosa alba",
        "Rubus/Rubus idaeus",
    ]
    assert any("is no name in use: 1 row left out" in note for note in found.notes)
