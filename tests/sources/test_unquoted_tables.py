"""Tables with tabs in which quotes are letters, as GBIF writes them: read as such, told, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import paths_of, reader, refusal_of

read = reader("a.tsv")

_GBIF = (
    "taxonKey\tscientificName\ttaxonRank\torder\tfamily\tgenus\tspecies\tlocality\n"
    "1\tFelis catus L.\tSPECIES\tCarnivora\tFelidae\tFelis\tFelis catus\t{}\n"
    "2\tCanis lupus L.\tSPECIES\tCarnivora\tCanidae\tCanis\tCanis lupus\t{}\n"
)
_RANKS = "order\tfamily\tspecies\tnote\nA\tFa\tx\t{}\nA\tFa\ty\t{}\nB\tGa\tz\tplain\n"
_EDGES = "id\tparent_id\tname\tremarks\n1\t\tAnimals\t{}\n2\t1\tCat\t{}\n3\t1\tDog\tplain\n"


@pytest.mark.parametrize("text", [_GBIF, _RANKS, _EDGES])
@pytest.mark.parametrize(
    "cells",
    [
        ('near "the bridge', "x"),
        ('"Wald" im Tal', "x"),
        ('"north', "x"),
        ('"north', 'south"'),  # CSV would read two rows as one
        ('12" tall', '6" tall'),
        ('"', "x"),
    ],
)
def test_stray_quotes_change_no_tree(text: str, cells: tuple[str, str], tmp_path: Path) -> None:
    """The tree is that of the table without quotes; a note tells how cells are read where that matters."""
    plain = read(tmp_path, text.format("x", "x"))
    found = read(tmp_path, text.format(*cells))
    assert (found.kind, paths_of(found)) == (plain.kind, paths_of(plain))
    assert found.unused == plain.unused


@pytest.mark.parametrize("cells", [('"Wald" im Tal', "x"), ('"north', 'south"'), ('"a"b', '"whole"')])
def test_the_note_counts_the_cells_with_quotes(cells: tuple[str, str], tmp_path: Path) -> None:
    (note,) = [n for n in read(tmp_path, _RANKS.format(*cells)).notes if "quotes" in n]
    held = sum('"' in cell for cell in cells)
    assert f"{held} cell" in note
    assert any(f"`{cell}`" in note for cell in cells)


def test_quotes_that_are_meant_are_taken_off(tmp_path: Path) -> None:
    """Also around cells with a tab or a line's end in them, and then nothing is said of quotes."""
    text = 'order\tspecies\tnote\n"A"\t"x"\t"5"" \tlong"\nA\tz\t"one\ntwo"\nB\tw\t\n'
    found = read(tmp_path, text)
    assert paths_of(found) == "A/x A/z B/w"
    assert not any("quotes" in note for note in found.notes)


@pytest.mark.parametrize(
    "text",
    [
        'order\tspecies\tnote\n"A"\tx\t"ne"ar\n"A"\ty\tfar\n"B"\tz\tback\n',  # a column in quotes
        '"order"\t"species"\t"note"\nA\tx\t"ne"ar\nA\ty\tfar\nB\tz\tback\n',
        'order\tspecies\tnote\nA\tx\t"ne"ar\nA\ty\nB\tz\tback\n',  # lines that are cut off
        'order,species,note\nA,x,"ne"ar\nA,y,far\nB,z,back\n',  # commas stand in names
    ],
)
def test_quotes_that_may_be_meant_are_refused(text: str, tmp_path: Path) -> None:
    file = "a.tsv" if "\t" in text else "a.csv"
    (fault,) = refusal_of(tmp_path, text, file).faults
    assert (fault.code, fault.line) == ("T121", 2)
    assert "quotes do not pair" in fault.message
