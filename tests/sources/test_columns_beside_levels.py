"""Tables of levels that are plain, with one more column beside them: it opens no question."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import asked, paths_of, reader

read = reader("a.csv")

_SPECIES = (
    ("Carnivora", "Felidae", "Felis catus"),
    ("Carnivora", "Felidae", "Lynx lynx"),
    ("Carnivora", "Canidae", "Canis lupus"),
    ("Rodentia", "Muridae", "Mus musculus"),
    ("Passeriformes", "Corvidae", "Pica pica"),
)
_TREE = " ".join(sorted("/".join(row).replace(" ", "_") for row in _SPECIES))


def table(header: str, cells: list[str], rows: tuple[tuple[str, ...], ...] = _SPECIES) -> str:
    lines = ('{},"{}"'.format(",".join(row), cell) for row, cell in zip(rows, cells, strict=True))
    return "\n".join([header, *lines, ""])


@pytest.mark.parametrize(
    ("word", "cells"),
    [
        ("authority", ["Linnaeus, 1758", "Linnaeus, 1758", "Pallas, 1758", "Gray, 1821", "Gray, 1821"]),
        ("address", ["1 Main Street", "2 Main Street", "3 Old Road", "4 Mill Lane", "7 High Street"]),
        ("email", ["a@x.org", "b@x.org", "c@y.org", "d@z.org", "e@x.org"]),
        ("german", ["Katze", "Luchs", "Wolf", "Maus", "Elster"]),
        ("Common", ["cat", "lynx", "wolf", "mouse", "magpie"]),
        ("description", ["grey", "brown", "dark", "small", "black"]),
        ("clade", ["mammals", "mammals", "mammals", "mammals", "birds"]),
    ],
)
def test_ranks_down_to_species_are_read(word: str, cells: list[str], tmp_path: Path) -> None:
    header = f"order,family,species,{word}"
    assert paths_of(read(tmp_path, table(header, cells))) == _TREE
    twice = table(header, [*cells, *(f"{cell}b" for cell in cells)], _SPECIES * 2)
    if word != "clade":  # that is none which splits a species
        assert paths_of(read(tmp_path, twice)) == _TREE
    first = f"{word},order,family,species"
    lines = ('"{}",{}'.format(cell, ",".join(row)) for row, cell in zip(_SPECIES, cells, strict=True))
    assert paths_of(read(tmp_path, "\n".join([first, *lines, ""]))) == _TREE


@pytest.mark.parametrize("word", ["breed", "morphospecies", "variety_group"])
def test_what_stands_below_species_is_a_level_still(word: str, tmp_path: Path) -> None:
    rows = [f"{a},{b},{c},{c} {d}" for a, b, c in _SPECIES for d in ("x", "y")]
    text = "\n".join([f"order,family,species,{word}", *rows, ""])
    deep = " ".join(sorted(row.replace(",", "/").replace(" ", "_") for row in rows))
    if word == "breed":
        assert paths_of(read(tmp_path, text)) == deep
    else:
        assert deep in asked(tmp_path, text)


@pytest.mark.parametrize("stem", ["LABEL", "level_", "Category "])
@pytest.mark.parametrize("word", ["RGB", "shade", "code name"])
def test_numbered_levels_stand_next_to_each_other(stem: str, word: str, tmp_path: Path) -> None:
    header = f"{stem}1,{stem}2,{word},{stem}3"
    rows = [(f"a{i // 8}", f"b{i // 4}", f"x{i // 2}", f"c{i}") for i in range(16)]
    text = "\n".join([header, *map(",".join, rows), ""])
    expected = " ".join(sorted(f"{a}/{b}/{c}" for a, b, _, c in rows))
    assert paths_of(read(tmp_path, text)) == expected


@pytest.mark.parametrize("header", ["Department,Category,Type", "section,group,type", "Type,Group,Area"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_type_below_a_category_is_a_level(header: str, times: int, tmp_path: Path) -> None:
    rows = [(f"A{i // 9}x", f"B{i // 3}x", f"C{i}x") for i in range(45)]
    ordered = [row[::-1] if header.startswith("Type") else row for row in rows]
    text = "\n".join([header, *map(",".join, ordered * times), ""])
    assert paths_of(read(tmp_path, text)) == " ".join(sorted(map("/".join, rows)))
