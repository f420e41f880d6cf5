"""Random trees as tables of every layout, beside columns of another use: the same tree, or a refusal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS

from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError
from taxoloss.sources import Found
from taxoloss.taxonomy.placeholders import is_placeholder

Row = dict[str, Any]
Paths = list[tuple[str, ...]]

# -- random trees ----------------------------------------------------------------------------------

_ONSETS = ("b", "d", "f", "gr", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "z")
_VOWELS = ("a", "e", "i", "o", "u")


def word(random: Random) -> str:
    """A name of no meaning."""
    syllables = [random.choice(_ONSETS) + random.choice(_VOWELS) for _ in range(random.randint(2, 4))]
    return "".join(syllables).capitalize() + random.choice(("", "n", "s", "x"))


def tree(random: Random, depth: int) -> Paths:
    """The paths of the classes, all of one depth, at least two at the top, names unique."""
    seen: set[str] = set()

    def name() -> str:
        made = word(random) if random.random() < 0.7 else f"{word(random)} {word(random).lower()}"
        if made.casefold() in seen or is_placeholder(made):
            return name()
        seen.add(made.casefold())
        return made

    paths: Paths = [()]
    for level in range(depth):
        most = 4 if level else 5
        least = 2 if level == 0 else 1
        paths = [(*path, name()) for path in paths for _ in range(random.randint(least, most))]
    return paths if len(paths) > 3 else tree(random, depth)


def without_a_root(paths: Paths) -> set[tuple[str, ...]]:
    """The paths below what all of them share."""
    found = set(paths)
    while len({path[0] for path in found}) == 1 and all(len(path) > 1 for path in found):
        found = {path[1:] for path in found}
    return found


# -- layouts ---------------------------------------------------------------------------------------


def as_ranks(random: Random, paths: Paths) -> list[Row]:
    """A column a rank, in any order of the columns."""
    depth = len(paths[0])
    names = random.choice([
        ("kingdom", "order", "family", "genus")[-depth:],
        tuple(f"level_{n + 1}" for n in range(depth)),
        tuple(f"Category {n + 1}" for n in range(depth)),
        ("department", "category", "subcategory", "product")[:depth],
        ("domain", "phylum", "class", "order")[:depth],
    ])  # fmt: skip
    return [dict(zip(names, path, strict=True)) for path in paths]


def as_bins(random: Random, paths: Paths) -> list[Row]:
    """A class and its group."""
    names = random.choice([
        ("class", "superclass"), ("fine_label", "coarse_label"), ("name", "supercategory"),
        ("label", "group"), ("class", "bin"),
    ])  # fmt: skip
    return [dict(zip(names, path[::-1], strict=True)) for path in paths]


def nodes_of(paths: Paths) -> Paths:
    """Every node by its path."""
    return list(dict.fromkeys(path[:depth] for path in paths for depth in range(1, len(path) + 1)))


def as_edges(random: Random, paths: Paths) -> list[Row]:
    """Names of children and parents; the top ones have rows of their own, or none."""
    child, parent = random.choice([("child", "parent"), ("name", "parent"), ("name", "parent_name")])
    tops = random.choice((True, False))
    return [
        {child: path[-1], parent: path[-2] if len(path) > 1 else ""}
        for path in nodes_of(paths)
        if tops or len(path) > 1
    ]


def as_ids(random: Random, paths: Paths) -> list[Row]:
    """Ids, the ids of parents, and names; no parent is empty, 0, -1 or the node itself."""
    nodes = nodes_of(paths)
    numbers = random.sample(range(1, 10 * len(nodes)), len(nodes))
    number = dict(zip(nodes, numbers, strict=True))
    names = random.choice(
        [("id", "parent_id", "name"), ("node_id", "parent_id", "label"), ("id", "parent", "title")]
    )
    nothing = random.choice((None, 0, -1, "own"))
    return [
        dict(zip(names, (number[path], _above(number, path, nothing), path[-1]), strict=True))
        for path in nodes
    ]


def _above(number: dict[tuple[str, ...], int], path: tuple[str, ...], nothing: Any) -> Any:
    if len(path) > 1:
        return number[path[:-1]]
    return number[path] if nothing == "own" else nothing


def as_paths(random: Random, paths: Paths) -> list[Row]:
    """A column of paths."""
    name = random.choice(("path", "taxonomy", "category_path", "lineage"))
    mark = random.choice((" > ", "/", ";", "|", " / "))
    return [{name: mark.join(path)} for path in paths]


LAYOUTS: dict[str, tuple[Callable[[Random, Paths], list[Row]], tuple[int, ...]]] = {
    "ranks": (as_ranks, (2, 3, 4)),
    "bins": (as_bins, (2,)),
    "edges": (as_edges, (2, 3, 4)),
    "ids": (as_ids, (2, 3, 4)),
    "paths": (as_paths, (2, 3, 4)),
}

# -- columns of another use ------------------------------------------------------------------------

_COLOURS = ("red", "green", "blue", "grey")
_SENTENCE = "seen near the old bridge in the early morning after a night of rain"


def _by_row(values: Callable[[Random, int], Any]) -> Callable[[Random, list[Row]], list[Any]]:
    return lambda random, rows: [values(random, number) for number in range(len(rows))]


def _of_the_class(random: Random, rows: list[Row]) -> list[Any]:
    """One value a class, as a trait has it."""
    trait = {tuple(row.values()): random.choice(_COLOURS) for row in rows}
    return [trait[tuple(row.values())] for row in rows]


JUNK: dict[str, Callable[[Random, list[Row]], list[Any]]] = {
    "row_id": _by_row(lambda random, number: 1000 + number),
    "index": _by_row(lambda random, number: number),
    "uuid": _by_row(lambda random, number: f"{random.getrandbits(128):032x}"),
    "eventDate": _by_row(lambda random, number: f"2021-0{random.randint(1, 9)}-{random.randint(10, 28)}"),
    "source": _by_row(lambda random, number: "museum"),
    "count": _by_row(lambda random, number: random.randint(1, 9)),
    "score": _by_row(lambda random, number: round(random.random(), 3)),
    "remarks": _by_row(lambda random, number: f"{_SENTENCE} {number}"),
    "split": _by_row(lambda random, number: random.choice(("train", "val", "test"))),
    "colour": _by_row(lambda random, number: random.choice(_COLOURS)),
    "color": _of_the_class,
    "filename": _by_row(lambda random, number: f"images/{number:04}.jpg"),
    "url": _by_row(lambda random, number: f"https://example.org/{number}"),
    "verified": _by_row(lambda random, number: random.choice((True, False))),
    "site": _by_row(lambda random, number: f"Site {random.choice('ABC')}"),
    "notes": _by_row(lambda random, number: random.choice((None, None, "blurred"))),
    "lat": _by_row(lambda random, number: round(random.uniform(-60, 60), 4)),
}

# -- files -----------------------------------------------------------------------------------------


def renamed(random: Random, name: str) -> str:
    """A column's name as somebody else writes it."""
    ways = (
        str,
        str.upper,
        str.title,
        lambda n: f" {n}",
        lambda n: n.replace("_", " "),
        lambda n: n.replace(" ", "_"),
    )
    return str(random.choice(ways)(name))


def shuffled(random: Random, rows: list[Row]) -> list[Row]:
    """The columns in another order and under other names, rows in another order, some of them twice."""
    names = list(rows[0])
    called = {name: renamed(random, name) for name in random.sample(names, len(names))}
    rows = [{new: row[old] for old, new in called.items()} for row in rows]
    rows += random.choices(rows, k=random.randint(0, 3))
    return random.sample(rows, len(rows))


def _separated(delimiter: str) -> Callable[[Path, list[Row]], None]:
    def write(path: Path, rows: list[Row]) -> None:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(out.getvalue(), encoding="utf-8")

    return write


def _json(path: Path, rows: list[Row]) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def _parquet(path: Path, rows: list[Row]) -> None:
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)


FILES: dict[str, tuple[str, Callable[[Path, list[Row]], None]]] = {
    "csv": ("t.csv", _separated(",")),
    "semicolons": ("t.csv", _separated(";")),
    "tsv": ("t.tsv", _separated("\t")),
    "json": ("t.json", _json),
    "parquet": ("t.parquet", _parquet),
}

# -- the property ----------------------------------------------------------------------------------


def table(random: Random, layout: str, junk: Sequence[str]) -> tuple[Paths, list[Row]]:
    """A tree, and its table in a layout with these columns beside."""
    write, depths = LAYOUTS[layout]
    paths = tree(random, random.choice(depths))
    rows = write(random, paths)
    if layout not in ("edges", "ids"):  # a row an image, not a node
        rows += random.choices(rows, k=random.randint(0, 2 * len(rows)))
    beside = {name: JUNK[name](random, rows) for name in junk if name not in rows[0]}
    rows = [
        {**row, **{name: cells[number] for name, cells in beside.items()}}
        for number, row in enumerate(rows)
    ]
    return paths, rows


def read(folder: Path, form: str, rows: list[Row]) -> Found:
    """What is read from a file of these rows."""
    name, write = FILES[form]
    write(folder / name, rows)
    return sources.read(folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For one file after another."""
    return tmp_path_factory.mktemp("tables")


@pytest.mark.parametrize("layout", LAYOUTS)
@SETTINGS
@given(
    seed=st.integers(0, 2**32 - 1),
    junk=st.lists(st.sampled_from(sorted(JUNK)), unique=True, max_size=5),
    form=st.sampled_from(sorted(FILES)),
)
def test_the_same_tree_or_a_refusal(
    folder: Path, layout: str, seed: int, junk: list[str], form: str
) -> None:
    """Whatever the columns are called, in whatever order, beside whatever: never another tree."""
    random = Random(seed)
    paths, rows = table(random, layout, junk)
    try:
        found = read(folder, form, shuffled(random, rows))
    except TaxonomyError:
        return
    assert without_a_root(list(found.taxonomy.paths())) == without_a_root(paths), (found.how, found.notes)


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("layout", LAYOUTS)
@SETTINGS
@given(seed=st.integers(0, 2**32 - 1))
def test_a_plain_table_is_read(folder: Path, layout: str, form: str, seed: int) -> None:
    """Under the usual names, with ids and parts of the data beside: no refusal."""
    random = Random(seed)
    paths, rows = table(random, layout, [] if layout in ("edges", "ids") else ["row_id", "split"])
    found = read(folder, form, rows)
    assert without_a_root(list(found.taxonomy.paths())) == without_a_root(paths), (found.how, found.notes)
