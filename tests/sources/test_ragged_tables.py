"""Tables below a title, lists of members, rows of uneven length: never whole lines as names."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from readings import paths_of, reader, refusal_of

from taxoloss.errors.faults import TaxonomyError

read = reader("a.csv")

ROWS = ["superclass,class", "animal,cat", "animal,dog", "plant,oak"]
PETS = "animal/cat animal/dog plant/oak"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "title", ["My table", "My table{mark}", "Source: own data\nof 2020", "Table 1\n\n"]
)
def test_a_table_below_a_title(title: str, mark: str, tmp_path: Path) -> None:
    text = "\n".join([title.replace("{mark}", mark), *(row.replace(",", mark) for row in ROWS)])
    found = read(tmp_path, text + "\n")
    assert paths_of(found) == PETS
    assert found.taxonomy.levels == ("superclass", "class")
    assert any("above the table" in note and title[:7] in note for note in found.notes)


@pytest.mark.parametrize(
    "text",
    [
        "animal,cat,dog,cow\nplant,oak,fir\n",
        "animal,cat,dog\nplant,oak,fir\nvehicle,car,bus\n",
        "animal,cat,dog\nplant,oak\nfungus,mold,yeast,rust\n",
        "pets,cat,dog\nwild,fox\nfarm,cow,hen,pig\nsea,cod,eel\n",
    ],
)
def test_a_group_with_its_members_is_shown_both_ways(text: str, tmp_path: Path) -> None:
    """As groups, and as paths; each option reads what is shown."""
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert fault.code == "T122"
    shown = fault.help or ""
    assert "(--kind edges)" in shown
    assert "(--kind paths --separator ',')" in shown
    rows = [line.split(",") for line in text.splitlines()]
    groups = sorted(f"{row[0]}/{name}" for row in rows for name in row[1:])
    assert paths_of(read(tmp_path, text, kind="edges")) == " ".join(groups)
    found = read(tmp_path, text, kind="paths", separator=",")
    assert paths_of(found) == " ".join(sorted("/".join(row) for row in rows))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b\n"x,y\nz,w\n', 2),
        ('superclass,class\nanimal,cat\n"animal,dog\nplant,oak\n', 3),
        ("a,b\nc,d,e,f\nc,g\na,h\n", 2),
        ("group,a,b\nx,a,b\nx,a,c,d,e\ny,a\n", 3),
    ],
)
def test_what_is_no_table_names_its_line(text: str, line: int, tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert (fault.code, fault.line) == ("T121", line)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("group;class;share\nA;cat;33,3\nA;dog;33,3\nB;oak;33,4\n", "A/cat"),
        ("class,\ncat,1\ndog,2\noak,3\n", "cat"),
        ("superclass,class\nanimal,cat\nanimal,dog\nplant,oak\n", "animal/cat"),
    ],
)
def test_a_header_is_no_title(text: str, paths: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert paths in paths_of(found).split()
    assert not any("above the table" in note for note in found.notes)


@pytest.mark.parametrize(
    "text",
    ['a,b,"c\nd,e,f\nx",y,z\ng,h,i\n', '"\n,\n,\n', 'id,"name\nof it",n\n1,"a\nb",2\n3,c,4\n'],
)
def test_a_cell_in_quotes_may_go_on_in_the_next_line(text: str, tmp_path: Path) -> None:
    """Right or refused in words: lines are no rows there."""
    with contextlib.suppress(TaxonomyError):
        assert len(list(read(tmp_path, text).taxonomy.paths())) > 1
