"""Tables whose finest column tells rows apart, and no classes: texts, names, addresses of each row."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import asked, paths_of, reader

read = reader("a.csv")

_PAIRS = (("music", "play"), ("music", "stop"), ("music", "play"), ("info", "weather"), ("info", "time"))
_PAIRS_TREE = "info/time info/weather music/play music/stop"


def table(header: str, finest: list[str], times: int = 1) -> str:
    """Rows of the pairs, `times` each, with a cell of their own at the end."""
    pairs = list(_PAIRS) * times
    own = [finest[i % len(finest)] + (f" {i}" if i >= len(finest) else "") for i in range(len(pairs))]
    rows = [(*pair, cell) for pair, cell in zip(pairs, own, strict=True)]
    return "\n".join([header, *map(",".join, rows), ""])


_TEXTS = [
    "please play the old song",
    "stop that song right now",
    "play something new for me",
    "is it cold out today",
    "how late is it there now",
]


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("word", ["text", "utterance", "query", "review", "abstract", "remark", "said"])
def test_texts_below_columns_of_unknown_names(word: str, times: int, tmp_path: Path) -> None:
    """The tree without them is offered, before or behind them; never each text as a class."""
    assert _PAIRS_TREE in asked(tmp_path, table(f"domain,intent,{word}", _TEXTS, times))
    turned = "\n".join(
        ",".join(line.split(",")[::-1])
        for line in table(f"domain,intent,{word}", _TEXTS, times).split("\n")
    )
    assert _PAIRS_TREE in asked(tmp_path, turned)


@pytest.mark.parametrize(
    ("word", "cells"),
    [
        ("color", ["#0a1b2c", "#ff00aa", "#c0ffee", "#123abc", "#00aa11"]),
        ("email", ["a@x.org", "bo@x.org", "cy@y.org", "di@z.org", "ed@x.org"]),
        ("address", ["1 Main Street", "9 Main Street", "3 Old Road", "4 Mill Lane", "7 High Street"]),
        ("smiles", ["CCO", "CCCO", "CCOO", "CO", "CCCCO"]),
        ("person", ["Ann", "Bob", "Cyd", "Dora", "Ed"]),
    ],
)
def test_a_unique_column_below_columns_of_unknown_names(
    word: str, cells: list[str], tmp_path: Path
) -> None:
    for header in ("macro,micro", "genre,style", "Obergruppe,Untergruppe"):
        assert _PAIRS_TREE in asked(tmp_path, table(f"{header},{word}", cells, 4)), header


@pytest.mark.parametrize(
    ("header", "finest"),
    [
        ("group,class,title", _TEXTS),
        ("coarse,fine,title", _TEXTS),
        ("coarse_label,fine_label,name", ["Tom", "Felix", "Rex", "Joe", "Ada"]),
        ("category,subcategory,name", ["Tom", "Felix", "Rex", "Joe", "Ada"]),
        ("domain,intent,name", ["Tom", "Felix", "Rex", "Joe", "Ada"]),
    ],
)
def test_names_and_titles_of_rows(header: str, finest: list[str], tmp_path: Path) -> None:
    """In `coarse_label,fine_label,name` the names may be those of pets."""
    assert _PAIRS_TREE in asked(tmp_path, table(header, finest))
    numbered = table(header, finest).replace(header, f"image,{header}", 1).split("\n")
    rows = [f"{i},{line}" if i else line for i, line in enumerate(numbered[:-1])]
    assert _PAIRS_TREE in asked(tmp_path, "\n".join(rows))


@pytest.mark.parametrize(
    "header",
    ["Ordnung,Familie,Gattung,Art", "Ordre,Famille,Genre,Espèce", "目,科,属,种", "Отряд,Семейство,Род,Вид"],
)
def test_species_in_other_languages_are_classes(header: str, tmp_path: Path) -> None:
    """Each species has a row of its own; a count beside them changes nothing."""
    rows = [(f"O{i // 16}", f"F{i // 8}", f"G{i // 3} of {i // 8}", f"s{i}") for i in range(48)]
    expected = " ".join(sorted("/".join(row).replace(" ", "_") for row in rows))
    for count, cells in (("", ""), (",Anzahl", ",{}")):
        lines = [",".join(row) + cells.format(i * 7 % 13) for i, row in enumerate(rows)]
        assert paths_of(read(tmp_path, "\n".join([header + count, *lines]))) == expected


@pytest.mark.parametrize(
    "header", ["dept,cat,type", "Sparte,Rubrik,item", "Top (level 1),Mid (level 2),Low (level 3)"]
)
def test_a_unique_column_that_is_called_a_level_is_one(header: str, tmp_path: Path) -> None:
    rows = [(f"A{i // 9}x", f"B{i // 3}x", f"C{i}x") for i in range(45)]
    text = "\n".join([header, *map(",".join, rows), ""])
    assert paths_of(read(tmp_path, text)) == " ".join(sorted(map("/".join, rows)))
