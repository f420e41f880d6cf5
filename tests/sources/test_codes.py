"""Codes that hold their tree: by parts, first letters, zeros; ranges, holes, titles; or refused."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import CALM
from readings import leaf_paths, reader

from taxoloss import sources
from taxoloss.errors.faults import FormError, TaxonomyError

Shape = list["Shape"]


read = reader("a.csv")


def table(codes: str, delimiter: str = ",", header: str = "code,title\n") -> str:
    """A table of codes, each with a title of its own."""
    rows = (f"{code}{delimiter}Title of number {number}\n" for number, code in enumerate(codes.split()))
    return header.replace(",", delimiter) + "".join(rows)


# -- classifications -------------------------------------------------------------------------------

CODES: list[tuple[str, str, str, list[str]]] = [
    (
        "ISCO",
        "isco.csv",
        table("1 11 111 1111 1112 12 121 1211 2 21 211 2111"),
        ["1/11/111/1111", "1/11/111/1112", "1/12/121/1211", "2/21/211/2111"],
    ),
    (
        "NAICS with a range",
        "naics.csv",
        table("11 111 1111 11111 31-33 311 3111 31111 332 3321 33211"),
        ["11/111/1111/11111", "31-33/311/3111/31111", "31-33/332/3321/33211"],
    ),
    (
        "HS",
        "hs.tsv",
        table("01 0101 010121 010129 0102 010221 02 0201 020110", "\t"),
        ["01/0101/010121", "01/0101/010129", "01/0102/010221", "02/0201/020110"],
    ),
    (
        "CORINE",
        "clc.csv",
        table("1 11 111 112 12 121 2 21 211", ";"),
        ["1/11/111", "1/11/112", "1/12/121", "2/21/211"],
    ),
    (
        "CORINE in lines",
        "clc.txt",
        "1. Artificial surfaces\n1.1. Urban fabric\n1.1.1. Continuous, dense\n"
        "1.1.2. Discontinuous\n1.2. Industrial\n2. Fields\n2.1. Arable\n2.1.1. Dry\n",
        ["1/1.1/1.1.1", "1/1.1/1.1.2", "1/1.2", "2/2.1/2.1.1"],
    ),
    (
        "MeSH",
        "mtrees.bin",
        "Body Regions;A01\nAnatomic Landmarks;A01.111\nBreast;A01.236\nMammary Glands, Human;A01.236.249\n"
        "Nipples;A01.236.500\nMusculoskeletal System;A02\nCartilage;A02.165\n",
        ["A01/A01.111", "A01/A01.236/A01.236.249", "A01/A01.236/A01.236.500", "A02/A02.165"],
    ),
    (
        "CPV",
        "cpv.csv",
        table(
            "03000000-1 03100000-2 03110000-5 03111000-2 09000000-3 "
            "30000000-9 30100000-0 33000000-0 33100000-1"
        ),
        [
            "03000000-1/03100000-2/03110000-5/03111000-2",
            "09000000-3",
            "30000000-9/30100000-0",
            "33000000-0/33100000-1",
        ],
    ),
    (
        "HCAT",
        "hcat.csv",
        table("3301000000 3301010000 3301010100 3301010101 3301010102 3302000000 3302010000"),
        [
            "3301000000/3301010000/3301010100/3301010101",
            "3301000000/3301010000/3301010100/3301010102",
            "3302000000/3302010000",
        ],
    ),
    (
        "SOC",
        "soc.csv",
        table("11-0000 11-1000 11-1010 11-1011 11-2000 11-2010 11-2011 13-0000 13-1000 13-1010 13-1011"),
        [
            "11-0000/11-1000/11-1010/11-1011",
            "11-0000/11-2000/11-2010/11-2011",
            "13-0000/13-1000/13-1010/13-1011",
        ],
    ),
    (
        "ISIC",
        "isic.csv",
        table("A 01 011 0111 0112 B 05 051 0510 06"),
        ["A/01/011/0111", "A/01/011/0112", "B/05/051/0510", "B/06"],
    ),
    (
        "NACE",
        "nace.tsv",
        table("A 01 01.1 01.11 01.12 02 02.1 B 05 05.1 05.10", "\t"),
        ["A/01/01.1/01.11", "A/01/01.1/01.12", "A/02/02.1", "B/05/05.1/05.10"],
    ),
    (
        "ATC",
        "atc.csv",
        table("A A01 A01A A01AA A01AA01 A02 B B01"),
        ["A/A01/A01A/A01AA/A01AA01", "A/A02", "B/B01"],
    ),
    (
        "ICD",
        "icd.csv",
        table("A00-B99 A00-A09 A00 A00.0 A00.1 A01 A01.0 B00-B09 B00 C00-C97 C00 C00.0"),
        [
            "A00-B99/A00-A09/A00/A00.0",
            "A00-B99/A00-A09/A00/A00.1",
            "A00-B99/A00-A09/A01/A01.0",
            "A00-B99/B00-B09/B00",
            "C00-C97/C00/C00.0",
        ],
    ),
    (
        "an outline",
        "outline.txt",
        "A Animals\nA.1 Cats\nA.1.1 Bengal\nA.2 Dogs\nB Plants\nB.1 Oak\n",
        ["A/A.1/A.1.1", "A/A.2", "B/B.1"],
    ),
    (
        "more than nine",
        "many.csv",
        table("1 " + " ".join(f"1.{i}" for i in range(1, 13)) + " 1.2.1 2 2.1"),
        ["1/1.1", "1/1.2/1.2.1", *(f"1/1.{i}" for i in range(3, 13)), "2/2.1"],
    ),
    (
        "uneven",
        "bogus.csv",
        "code\nbogus1\nbogus2\nbogus2.1\nbogus2.2\nbogus10\n",
        ["bogus1", "bogus2/bogus2.1", "bogus2/bogus2.2", "bogus10"],
    ),
]


@pytest.mark.parametrize(("name", "file", "text", "right"), CODES, ids=[case[0] for case in CODES])
def test_official_codes(name: str, file: str, text: str, right: list[str], tmp_path: Path) -> None:
    """The codes are the names, the titles their descriptions."""
    found = read(tmp_path, text, file, kind="codes")
    assert (found.kind, leaf_paths(found)) == ("codes", right)
    if name not in ("uneven",):
        described = set(found.taxonomy.descriptions.values())
        assert len(described) == found.taxonomy.num_nodes - 1


@pytest.mark.parametrize(("name", "file", "text", "right"), CODES, ids=[case[0] for case in CODES])
def test_codes_are_seen_or_asked_for(
    name: str, file: str, text: str, right: list[str], tmp_path: Path
) -> None:
    """Without --kind: the same tree, or a refusal that names it; never a flat list."""
    try:
        found = leaf_paths(read(tmp_path, text, file))
    except FormError as error:
        found, said = right, str(error)
    else:
        said = "--kind codes, --kind names"
    assert found == right
    assert "--kind codes" in said
    assert "--kind names" in said or "ranks" in said


def test_ranges_sections_and_holes_are_told(tmp_path: Path) -> None:
    notes = read(tmp_path, CODES[1][2], kind="codes").notes
    assert notes == ("1 code is a range: `311` stands below `31-33`",)
    notes = read(tmp_path, CODES[9][2], kind="codes").notes
    assert notes == ("what follows a letter stands below it, by the order of the lines: `01` below `A`",)
    found = read(tmp_path, table("1 11 1111 2 21 211 2111 212 2121 22 221"), kind="codes")
    assert "1/11/1111" in leaf_paths(found)
    assert found.notes == (
        "1 code whose parent is not there stands below the nearest that is: `1111` below `11`",
    )
    found = read(tmp_path, table("1 1.1 1.1.1 2 2.1 2.1.1 3.1.1 3.1.2"), kind="codes")
    assert "3.1.1" in leaf_paths(found)
    assert found.notes == ("2 codes whose parents are not there stand at the top: `3.1.1`, `3.1.2`",)


def test_the_title_may_be_the_name(tmp_path: Path) -> None:
    """The code is then its description; siblings of one title have the code behind it."""
    text = "hs,text\n01,Live animals\n0101,Horses\n010121,Other\n010129,Other\n"
    text += "02,Meat\n0201,Bovine\n020110,Carcasses\n"
    found = read(tmp_path, text, kind="codes", node_name="title")
    assert leaf_paths(found)[0] == "Live animals/Horses/Other (010121)"
    assert leaf_paths(found)[2] == "Meat/Bovine/Carcasses"
    assert found.notes == (
        "2 titles that siblings share, or that are empty, have the code: "
        "`Other (010121)`, `Other (010129)`",
    )
    tree = found.taxonomy.tree
    assert found.taxonomy.descriptions[tree.names.index("Horses")] == "0101"
    codes = read(tmp_path, text, kind="codes", node_name="code").taxonomy
    assert codes.descriptions[codes.tree.names.index("0101")] == "Horses"


def test_columns_and_separator_choose(tmp_path: Path) -> None:
    text = "nr,group,key,words\n" + "".join(
        f"{7 * i},x,{code},Title {i} of all\n" for i, code in enumerate((1, 11, 111, 12, 2, 21))
    )
    found = read(tmp_path, text, kind="codes")
    assert (leaf_paths(found), found.unused) == (["1/11/111", "1/12", "2/21"], ("nr", "group"))
    assert leaf_paths(read(tmp_path, text, kind="codes", columns=["key", "words"])) == leaf_paths(found)
    assert leaf_paths(read(tmp_path, text, kind="codes", columns=["key"], node_name="title")) == leaf_paths(
        found
    )
    with pytest.raises(FormError, match="--columns CODE,TITLE"):
        read(tmp_path, text, kind="codes", columns=["key", "words", "nr"])
    doubtful = table("1 1.1 1.2 1.10 2 2.1")
    with pytest.raises(FormError, match="--separator prefix"):
        read(tmp_path, doubtful, kind="codes")
    assert "1/1.10" in leaf_paths(read(tmp_path, doubtful, kind="codes", separator="."))
    assert "1/1.1/1.10" in leaf_paths(read(tmp_path, doubtful, kind="codes", separator="prefix"))
    doubtful = table("3300000000 3301000000 3310000000 3311000000 4400000000")
    with pytest.raises(FormError, match="--separator zeros:2,4,6,8,10"):
        read(tmp_path, doubtful, kind="codes")
    found = read(tmp_path, doubtful, kind="codes", separator="zeros:2,4,6,8,10")
    assert "3300000000/3311000000" in leaf_paths(found)
    with pytest.raises(ValueError, match="zeros:2,4,6"):
        read(tmp_path, doubtful, kind="codes", separator="zeros:x")


@pytest.mark.parametrize("groups", [3, 13, 40, 100])
@pytest.mark.parametrize("mark", [".", "-", ""])
def test_numbers_of_the_rows_hide_no_codes(groups: int, mark: str, tmp_path: Path) -> None:
    """Rows that are numbered are those that are not: 1 and 10 are no code and one below it."""
    codes = [code for a in range(groups) for code in (f"A{a:03}", f"A{a:03}{mark}1", f"A{a:03}{mark}2")]
    rows = [(f"{number}", code, f"Title of number {number}") for number, code in enumerate(codes, 1)]
    text = "".join(f"{','.join(row)}\n" for row in [("nr", "code", "title"), *rows])
    right = [f"{code[:4]}/{code}" for code in codes if len(code) > 4]
    assert leaf_paths(read(tmp_path, text, kind="codes")) == right
    if mark == ".":
        with pytest.raises(FormError, match="--kind codes --columns code,title"):
            read(tmp_path, text)


# -- what are no codes -----------------------------------------------------------------------------

NO_CODES: list[tuple[str, str]] = [
    ("numbers of a list", table(" ".join(map(str, range(1, 13))))),
    ("numbers with gaps", table(" ".join(str(i) for i in range(1, 91) if i % 7))),
    ("years", table("1999 2000 2001 2002 2010")),
    ("shuffled sections", table("A B 05 01 011 051")),
    ("lost zeros", table("1 101 10121 2 201 20110 10 1001 100111")),
    ("names", table("cat dog bird")),
    ("lines", "1 cat\n2 dog\n3 owl\n10 pig\n11 cow\n"),
]


@pytest.mark.parametrize(("name", "text"), NO_CODES, ids=[case[0] for case in NO_CODES])
def test_what_are_no_codes_makes_no_tree(name: str, text: str, tmp_path: Path) -> None:
    """Unasked: a flat list, or a refusal."""
    try:
        found = read(tmp_path, text)
    except FormError:
        return
    assert {len(path) for path in found.taxonomy.paths()} == {1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (table("cat dog bird"), "codes of which some begin others"),
        (table("A B 05 01 011 051"), "letters stand among the codes of digits"),
        (
            "code,title\n1,Managers\n1,Armed forces\n11,Chiefs\n2,Clerks\n21,Typists\n",
            "the code `1` has two titles: `Managers` ",
        ),
        (table(" ".join(str(i) for i in range(1, 91) if i % 7)), "would stand side by side"),
    ],
)
def test_codes_that_make_no_tree_are_refused_in_words(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(FormError, match=words):
        read(tmp_path, text, kind="codes")


@pytest.mark.parametrize(
    "text",
    ["A01;Body\nA01.1;Head\nA02;Bones\n", "A,Agri\n01,Crop\nB,Mining\n05,Coal\n", "1\tA\n2\tB\n11\tC\n"],
)
def test_a_first_line_that_is_a_code_is_no_header(text: str, tmp_path: Path) -> None:
    assert len(read(tmp_path, text, kind="codes").taxonomy) == 2


def test_lost_zeros_are_mended_where_that_is_plain(tmp_path: Path) -> None:
    found = read(tmp_path, table("1 101 10121 10129 2 201 20110 10 1001 100111"), kind="codes")
    assert leaf_paths(found) == ["1/101/10121", "1/101/10129", "2/201/20110", "10/1001/100111"]
    assert found.notes == ("codes have lost the zero before them: `1` is read as `01`",)


def test_from_the_command(tmp_path: Path) -> None:
    (tmp_path / "isco.csv").write_text(CODES[0][2])
    done = run("init", str(tmp_path / "isco.csv"), "--kind", "codes")
    assert done.returncode == 0
    assert "was read as codes: by their first letters, 12 codes" in done.stderr


# -- any tree --------------------------------------------------------------------------------------

SHAPES: st.SearchStrategy[Shape] = st.recursive(
    st.just([]), lambda below: st.lists(below, min_size=1, max_size=4), max_leaves=14
).filter(lambda shape: sum(1 for _ in _leaves(shape)) > 1)


def _leaves(shape: Shape) -> Iterator[None]:
    for below in shape:
        if below:
            yield from _leaves(below)
        else:
            yield None


def coded(shape: Shape, form: str, start: int, above: tuple[int, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every node of a tree, as codes: numbers from 1 or 0 on, after those above them."""
    for number, below in enumerate(shape, start):
        path = (*above, number)
        yield tuple(written(path[: end + 1], form) for end in range(len(path)))
        yield from coded(below, form, start, path)


def written(path: tuple[int, ...], form: str) -> str:
    """A node as the codes of a form write it."""
    if form == "parts":
        return ".".join(map(str, path))
    if form == "letter":
        return "ABCDEFG"[path[0]] + "".join(map(str, path[1:]))
    if form == "zeros":
        return "".join(map(str, path)).ljust(7, "0")
    if form == "pairs of zeros":
        return "".join(f"{number:02}" for number in path).ljust(14, "0")
    return "".join(f"{number:02}" if form == "pairs" else str(number) for number in path)


@CALM
@given(
    SHAPES,
    st.sampled_from(["parts", "prefix", "pairs", "letter", "zeros", "pairs of zeros"]),
    st.sampled_from([",", "\t", ";", " "]),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_any_tree_as_codes(
    shape: Shape, form: str, delimiter: str, headed: bool, order: random.Random
) -> None:
    nodes = list(coded(shape, form, 1))
    inner = {path[:-1] for path in nodes}
    right = {path for path in nodes if path not in inner}
    codes = [path[-1] for path in nodes]
    order.shuffle(codes)
    rows = [f"{code}{delimiter}{order.choice(WORDS)} {number}" for number, code in enumerate(codes)]
    head = [f"code{delimiter}title"] if headed and delimiter != " " else []
    for kind in ("codes", None) if any(inner - {()}) else ():
        same_or_refused("\n".join([*head, *rows]) + "\n", right, kind=kind)


WORDS = ("Manufacture of", "Other", "Growing", "Services", "Retail sale of")


def same_or_refused(text: str, right: set[tuple[str, ...]], **options: Any) -> None:
    """The tree that was written, or that tree without its one root, or a refusal; never another tree."""
    try:
        found = read(FOLDER[0], text, "a.txt", **options)
    except TaxonomyError:
        return
    rootless = {path[1:] for path in right} if len({path[0] for path in right}) == 1 else right
    assert set(found.taxonomy.paths()) in (right, rootless), (
        text,
        found.kind,
        found.how,
        found.taxonomy.paths(),
    )


FOLDER: list[Path] = []


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    FOLDER[:] = [tmp_path_factory.mktemp("codes")]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            "code,description\n01.11,Wheat\n01.12,Rice\n02.10,Forestry\n03.11,Fishing\n03.12,Crabs\n",
            "01.11, 01.12",
        ),
        ("nace,title\n0111,Wheat\n0112,Rice\n0210,Forestry\n0211,Wood\n", "0111, 0112"),
        ("description,code\nWheat,A-1\nRice,A-2\nForestry,B-1\nWood,B-2\n", "A-1, A-2"),
        ("code,title\nx17,Wheat\ny4,Rice\nz9,Forestry\n", None),
        ("id,name\n1011,Wheat\n1012,Rice\n1013,Forestry\n", None),
    ],
)
def test_codes_whose_parents_have_no_row_are_told(rows: str, told: str | None, tmp_path: Path) -> None:
    """The list is flat, and the note says what would make it a tree."""
    path = tmp_path / "a.csv"
    path.write_text(rows)
    found = sources.read(path)
    notes = [note for note in found.notes if "may make a tree" in note]
    assert found.kind == "names"
    assert len(notes) == (told is not None)
    assert told is None or told in notes[0]
