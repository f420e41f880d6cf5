"""Tables of levels in which a few names stand in several groups: accessories, "Other", a slip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from readings import asked, paths_of, reader, refusal_of

from taxoloss.sources.tables.words import stands_above

read = reader("a.csv")

_HEADERS = (
    "category,subcategory,item",
    "department,category,product_type",
    "group,subgroup,class",
    "chapter,section,topic",
    "coarse,middle,fine",
    "main_category,sub_category,product",
    "superclass,class,subclass",
)
#: Five groups of three groups of three classes each.
_ROWS = [(f"north {i // 9}", f"hill {i // 3}", f"oak {i}") for i in range(45)]


def table(header: str, rows: Sequence[tuple[str, ...]]) -> str:
    lines = (f"{i},{','.join(row)}" for i, row in enumerate(rows))
    return "\n".join([f"id,{header}", *lines, ""])


def tree(rows: Sequence[tuple[str, ...]]) -> str:
    return " ".join(sorted({"/".join(row).replace(" ", "_") for row in rows}))


@pytest.mark.parametrize("header", _HEADERS)
@pytest.mark.parametrize(
    "more",
    [
        [("north 4", "hill 14", "oak 0")],
        [(f"north {i // 3}", f"hill {i}", "Other") for i in range(15)],
        [("north 0", "hill 14", "oak 45")],
        [("north 0", "Accessories", "belt"), ("north 4", "Accessories", "cable")],
    ],
)
def test_levels_whose_names_repeat_are_read(
    header: str, more: list[tuple[str, ...]], tmp_path: Path
) -> None:
    """The names of the columns say their order, and nearly all cells do: no level is lost."""
    rows = [*_ROWS, *more]
    assert paths_of(read(tmp_path, table(header, rows))) == tree(rows)
    turned = ",".join(header.split(",")[::-1])
    assert paths_of(read(tmp_path, table(turned, [row[::-1] for row in rows]))) == tree(rows)


@pytest.mark.parametrize("header", _HEADERS)
@pytest.mark.parametrize(
    "rows",
    [
        [("A", "a1", "p"), ("A", "a1", "q"), ("B", "b1", "r"), ("B", "b1", "p")],
        [("A", "a1", "p"), ("A", "a1", "q"), ("A", "a2", "s"), ("B", "b1", "r"), ("B", "a1", "t")],
    ],
)
def test_in_small_tables_the_tree_of_all_levels_is_offered(
    header: str, rows: list[tuple[str, ...]], tmp_path: Path
) -> None:
    text = table(header, rows)
    if header.startswith("superclass"):
        assert paths_of(read(tmp_path, text)) == tree(rows) or tree(rows) in asked(tmp_path, text)
    else:
        assert tree(rows) in asked(tmp_path, text)


@pytest.mark.parametrize(
    "header",
    ["region,country,city", "sector,industry,company", "Kategorie,Unterkategorie,Produkt", "x,y,z"],
)
def test_columns_that_nearly_nest_are_offered(header: str, tmp_path: Path) -> None:
    """Where no name says that they are levels, one repeated name does not hide one."""
    rows = [*_ROWS, ("north 4", "hill 14", "oak 0")]
    assert tree(rows) in asked(tmp_path, table(header, rows))


def test_a_class_of_several_groups_names_the_option_that_keeps_both(tmp_path: Path) -> None:
    for header in ("category,subcategory", "group,class", "coarse,fine"):
        rows = [("Clothing", "Tops"), ("Clothing", "Other"), ("Home", "Kitchen"), ("Home", "Other")]
        text = "\n".join([header, *map(",".join, rows), ""])
        (fault,) = refusal_of(tmp_path, text, "a.csv").faults
        assert fault.code == "T203"
        assert f"--kind ranks --columns {header}" in (fault.help or "")
        assert paths_of(read(tmp_path, text, kind="ranks", columns=header.split(","))) == tree(rows)


def test_topics_stand_below_chapters() -> None:
    assert stands_above("section", "topic")
    assert stands_above("chapter", "topic")
    assert stands_above("top_category", "category")
    assert stands_above("category", "sub_category")
