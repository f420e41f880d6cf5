"""The last row of a table of counts: left out where it sums up the others, a class where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import paths_of, reader

_PAIRS = "animal/cat animal/dog plant/oak"

read = reader("a.csv")


@pytest.mark.parametrize("word", ["Total", "TOTAL", "total:", "Sum", "Grand total", "Summe", "合計"])
@pytest.mark.parametrize(
    ("above", "last", "paths"),
    [
        ("class,count\ncat,1\ndog,4\n", "{},5", "cat dog"),
        ("name,train,val\ncat,3,1\ndog,40,2\n", "{},43,3", "cat dog"),
        ("group,class,count\nanimal,cat,3\nanimal,dog,4\nplant,oak,5\n", "{},,12", _PAIRS),
        ("count,class,group\n3,cat,animal\n4,dog,animal\n5,oak,plant\n", "12,{},", _PAIRS),
        ("order,species,n,acc\nA,x,1000,0.5\nA,y,2000,0.75\nB,z,1,1\n", ',{},"3,001",0.6', "A/x A/y B/z"),
        ("id,class,n\n1,cat,3\n2,dog,3\n", ",{},6", "cat dog"),
        ("class;n\ncat;3\ndog;3\n", "{};", "cat dog"),
    ],
)
def test_a_row_that_sums_up_the_others_is_left_out(
    above: str, last: str, paths: str, word: str, tmp_path: Path
) -> None:
    """The tree is that of the table without it, and a note counts it."""
    found = read(tmp_path, f"{above}{last.format(word)}\n")
    assert paths_of(found) == paths == paths_of(read(tmp_path, above))
    assert [note for note in found.notes if f"the last row, `{word}`" in note and "1 row left out" in note]


@pytest.mark.parametrize(
    "text",
    [
        "class,group\ncat,animal\ndog,animal\nTotal,cereal\n",
        "class,n\ncat,3\nTotal,5\ndog,2\n",  # not the last
        "id,name\n1,cat\n2,dog\n3,Total\n",  # 1 + 2 = 3
        "idx,name\n3,cat\n4,dog\n7,Total\n",
        "class,n\ncat,3\ndog,3\nTotal,7\n",
        "class,n\ncat,3\ndog,3\nTotal recall,6\n",
    ],
)
def test_a_class_of_that_name_stays(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert "Total" in paths_of(found)
    assert not any("left out" in note for note in found.notes)


def test_a_total_that_does_not_add_up_is_told(tmp_path: Path) -> None:
    """Whoever meant a sum learns that it is none."""
    found = read(tmp_path, "class,n\ncat,3\ndog,3\nTotal,7\n")
    assert any("does not hold the sum" in note for note in found.notes)


@pytest.mark.parametrize("last", ["Total,3", "TOTAL,1 204", "Summe:,12"])
def test_a_number_of_the_sum_below_names(last: str, tmp_path: Path) -> None:
    """Of a table without counts; a class that is called by a number stays where others are."""
    found = read(tmp_path, f"superclass,class\nanimal,cat\nanimal,dog\nplant,oak\n{last}\n")
    assert paths_of(found) == _PAIRS
    assert any("left out" in note for note in found.notes)
    kept = read(tmp_path, "superclass,class\nanimal,cat\nanimal,dog\nplant,oak\ntotal,7up\n")
    assert "total/7up" in paths_of(kept)
