"""Taxonomy.from_paths and Taxonomy.from_graph: rows of names, DataFrames, networkx graphs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
import pytest

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.faults import FormError, MeaningError, TaxonomyError

LEVELS = ["order", "genus", "species"]


def faults(error: TaxonomyError) -> list[tuple[str, str | None]]:
    """Code and found of every fault."""
    return [(fault.code, fault.found) for fault in error.faults]


class PandasLike:
    """What from_paths needs of a pandas DataFrame; iterating it gives its columns."""

    def __init__(self, columns: list[Any], rows: list[tuple[Any, ...]]) -> None:
        self.columns = np.array(columns, object)
        self._rows = rows

    def itertuples(self, index: bool = True, name: str | None = "Pandas") -> Iterator[Any]:
        assert (index, name) == (False, None)
        return iter(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.columns)


class PolarsLike:
    """What from_paths needs of a polars DataFrame; iterating it gives its series."""

    def __init__(self, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        self.columns = columns
        self._rows = rows

    def iter_rows(self) -> Iterator[Any]:
        return iter(self._rows)

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("a polars frame was iterated by columns")


# -- rows ------------------------------------------------------------------------------------------


def test_siblings_stand_in_order_of_first_appearance() -> None:
    """Rows of one branch need not stand together, and may repeat."""
    rows = [("b", "x"), ("a", "y"), ("b", "z"), ("a", "y"), ("c", "x"), ("a", "w"), ("b", "x")]
    t = Taxonomy.from_paths(rows, ["top", "leaf"], name="odd")
    assert t.paths() == (("b", "x"), ("b", "z"), ("a", "y"), ("a", "w"), ("c", "x"))
    assert (t.name, t.levels) == ("odd", ("top", "leaf"))
    assert (
        t.digest
        == taxoloss.load(
            {"levels": ["top", "leaf"], "tree": {"b": ["x", "z"], "a": ["y", "w"], "c": ["x"]}}
        ).digest
    )
    assert not t.is_bound


@pytest.mark.parametrize("nothing", ["", None, math.nan, np.float64("nan"), np.nan])
def test_missing_ranks(nothing: Any) -> None:
    """\"\", None and NaN: the rank is missing, at the top, between and at the end."""
    rows = [("o", nothing, "s1"), ("o", "g", "s2"), (nothing, nothing, "s3"), ("p", "h", nothing)]
    t = Taxonomy.from_paths(rows, LEVELS)
    assert t.paths() == (("o", "s1"), ("o", "g", "s2"), ("s3",), ("p", "h"))
    assert t.nodes("order") == ("o", "s3", "p")
    assert t.nodes("genus") == ("s1", "g", "s3", "h")
    source = {
        "levels": LEVELS,
        "tree": [
            {"name": "o", "children": [{"name": "s1", "level": "species"},
                                       {"name": "g", "children": ["s2"]}]},
            {"name": "s3", "level": "species"},
            {"name": "p", "children": ["h"]},
        ],
    }  # fmt: skip
    assert t.digest == taxoloss.load(source).digest


def test_short_rows_are_padded() -> None:
    """A row may end early: its leaf stands for itself below."""
    t = Taxonomy.from_paths([("a", "b", "c"), ("d",), ["e", "f"]])
    assert t.levels == ("depth_1", "depth_2", "depth_3")
    assert t.nodes("depth_2") == ("b", "d", "f")
    assert t.paths() == (("a", "b", "c"), ("d",), ("e", "f"))
    assert t.digest == taxoloss.load({"tree": {"a": {"b": ["c"]}, "d": None, "e": ["f"]}}).digest


def test_too_long_rows() -> None:
    """Every one is named, and what was expected."""
    rows = [("a", "b"), ("a", "c", "d"), ("e", "f", "g", "h"), ("e", "f", "", None)]
    with pytest.raises(MeaningError) as caught:
        Taxonomy.from_paths(rows, ["top", "leaf"])
    assert faults(caught.value) == [("T204", "d"), ("T204", "g")]
    assert "row 2: `d` stands in column 3" in str(caught.value)
    assert "row 3: `g` stands in column 3" in str(caught.value)
    assert "expected: at most 2 columns, one a level" in str(caught.value)


def test_one_node_on_two_levels() -> None:
    """A name below one parent in two columns: which level is it on?"""
    rows = [("o", "x", "s"), ("o", None, "x"), ("o", "x", "t"), ("p", None, "x")]
    with pytest.raises(MeaningError) as caught:
        Taxonomy.from_paths(rows, LEVELS)
    assert faults(caught.value) == [("T206", "x")]
    assert "row 2: `x` stands on level 3, and on level 2 in a row above" in str(caught.value)


def test_odd_characters() -> None:
    """All of them at once, with the numbers of the rows, the empty ones counted."""
    rows = [("a", "b"), ("", None), (), ("a", "c\u200b"), ("d\x00", "e")]
    with pytest.raises(FormError) as caught:
        Taxonomy.from_paths(rows)
    assert [code for code, _ in faults(caught.value)] == ["T113", "T113"]
    for words in ("row 4: the name `c\\u200b` holds", "U+200B (zero width space)",
                  "row 5: the name `d\\x00`"):  # fmt: skip
        assert words in str(caught.value)


def test_a_cell_of_spaces_is_a_missing_rank() -> None:
    """As the empty cell is."""
    rows = [("a", "  "), ("b", "c"), ("a\t", "\u00a0")]
    assert Taxonomy.from_paths(rows).paths() == (("a",), ("b", "c"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["cat", "dog"], "row 1 is str 'cat'; expected a tuple or list of names, top to leaf"),
        ([("a", "b"), "cat"], "row 2 is str 'cat'"),
        ([("a", "b"), 3], "row 2 is int 3"),
        ([("a", "b"), None], "row 2 is NoneType None"),
        ([("a", 1)], "row 1, column 2 holds int 1; expected text, or None or ''"),
        ([("a", "b"), (1.5, "c")], "row 2, column 1 holds float 1.5"),
        ([("a", b"b")], "row 1, column 2 holds bytes b'b'"),
        ([("a", ("b",))], "row 1, column 2 holds tuple"),
        ("cat", "expected rows of names, got str 'cat'"),
        (b"cat", "expected rows of names, got bytes"),
        (3, "expected rows of names, got int 3"),
        (None, "expected rows of names, got NoneType"),
    ],
)
def test_rows_that_are_none(rows: Any, words: str) -> None:
    """TypeError with the row, the column and what stands there."""
    with pytest.raises(TypeError) as caught:
        Taxonomy.from_paths(rows)
    assert words in str(caught.value)


@pytest.mark.parametrize("rows", [[], [("a",)], [("a", "b"), ("a", "b")], [("a",), ("a", "b")]])
def test_fewer_than_two_classes(rows: Any) -> None:
    """T202, as in a file."""
    with pytest.raises(MeaningError) as caught:
        Taxonomy.from_paths(rows)
    assert faults(caught.value) == [("T202", None)]


@pytest.mark.parametrize("levels", ["top", ["top", 2], ["top", ""]])
def test_levels_that_are_no_names(levels: Any) -> None:
    """TypeError with what came."""
    with pytest.raises(TypeError, match="expected levels as a list of names, got"):
        Taxonomy.from_paths([("a", "b"), ("c", "d")], levels)


def test_levels_of_one_name() -> None:
    """ValueError: a level could not be told from the other, after NFC too."""
    for levels in (["x", "x"], ["\u00e9", "e\u0301"]):
        with pytest.raises(ValueError, match="expected levels with different names"):
            Taxonomy.from_paths([("a", "b"), ("c", "d")], levels)


def test_names_in_nfd_are_one_node() -> None:
    """Rows are normalised before they are compared."""
    t = Taxonomy.from_paths([("caf\u00e9", "a"), ("cafe\u0301", "b")])
    assert t.nodes("depth_1") == ("caf\u00e9",)


def test_rows_of_other_kinds() -> None:
    """Generators, lists, arrays, subclasses of str."""
    rows = [("a", "b"), ("c", "d")]
    expected = Taxonomy.from_paths(rows).digest
    kinds = ((list(row) for row in rows), np.array(rows), np.array(rows, object), map(iter, rows))
    for other in kinds:
        assert Taxonomy.from_paths(other).digest == expected
    assert {type(n) for n in Taxonomy.from_paths(np.array(rows)).classes} == {str}


@pytest.mark.parametrize("frame", [PandasLike, PolarsLike])
def test_a_data_frame(frame: Any) -> None:
    """Its rows and its column names; `levels` goes before them."""
    rows = [("o", "g", "s"), ("o", None, "t"), ("p", "h", None)]
    t = Taxonomy.from_paths(frame(LEVELS, rows))
    assert t.levels == tuple(LEVELS)
    assert t == Taxonomy.from_paths(rows, LEVELS)
    assert Taxonomy.from_paths(frame(LEVELS, rows), ["x", "y", "z"]).levels == ("x", "y", "z")
    with pytest.raises(TypeError, match=r"row 1, column 1 \(`i`\) holds int 0"):  # an index column
        Taxonomy.from_paths(frame(["i", *LEVELS], [(0, *rows[0])]))


@pytest.mark.slow
def test_a_hundred_thousand_rows() -> None:
    """Arrays inside: each row is found at its place."""
    rows = [(f"o{i % 10}", f"g{i % 1_000}", f"s{i}") for i in range(100_000)]
    t = Taxonomy.from_paths(rows, LEVELS)
    assert [len(t.nodes(level)) for level in LEVELS] == [10, 1_000, 100_000]
    b = t.bind([row[-1] for row in rows])
    assert b.paths() == tuple(rows)
    assert b.num_nodes == 101_011
    genus = b.nodes("genus")
    index = b.ancestor_index("genus").tolist()
    assert all(genus[node] == row[1] for node, row in zip(index, rows, strict=True))
    assert b.aggregation_matrix("order", sparse=True).sum(0).to_dense().tolist() == [10_000.0] * 10


# -- graphs ----------------------------------------------------------------------------------------


def test_a_graph_of_names() -> None:
    """The root is no class; nodes are called by `name`, else by str(node)."""
    graph = nx.DiGraph([("pet", 1), ("pet", 2), (1, "Bengal"), (1, "Sphynx"), (2, "pug")])
    graph.nodes[1]["name"] = "cat"
    t = Taxonomy.from_graph(graph, ["species", "breed"], name="pets")
    assert t.paths() == (("cat", "Bengal"), ("cat", "Sphynx"), ("2", "pug"))
    assert (t.name, t.levels) == ("pets", ("species", "breed"))
    rows = [("cat", "Bengal"), ("cat", "Sphynx"), ("2", "pug")]
    assert t.digest == Taxonomy.from_paths(rows, ["species", "breed"]).digest


def test_a_graph_with_named_levels() -> None:
    """The attribute `level` may skip ranks, and may not climb."""
    graph = nx.DiGraph([("r", "x"), ("x", "a"), ("r", "b"), ("r", "c")])
    graph.nodes["x"]["level"] = "genus"
    graph.nodes["b"]["level"] = "species"
    t = Taxonomy.from_graph(graph, LEVELS)
    assert t.nodes("order") == ("x", "b", "c")
    assert t.describe(t.bind().node_id("c"))[0].level == "order"
    assert t.describe(t.bind().node_id("b"))[0].level == "species"
    graph.nodes["a"]["level"] = "genus"
    with pytest.raises(MeaningError, match=r"node 'a': level 2 is not below its parent's level 2"):
        Taxonomy.from_graph(graph, LEVELS)


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ([("r", "a"), ("r", "b"), ("a", "c"), ("b", "c")], ["`c` has 2 parents: `a`, `b`"]),
        ([("r", "a"), ("s", "b")], ["2 nodes have no parent: `r`, `s`"]),
        ([("a", "b"), ("b", "a")], ["0 nodes have no parent", "a cycle: `a` > `b` > `a`"]),
        ([("r", "a"), ("r", "b"), ("c", "d"), ("d", "c")], ["a cycle: `c` > `d` > `c`"]),
        ([], ["0 nodes have no parent"]),
        (
            [("r", "a"), ("s", "a"), ("a", "b"), ("b", "c"), ("c", "b")],
            ["`a` has 2 parents", "`b` has 2 parents", "2 nodes have no parent", "a cycle: `b`"],
        ),
    ],
)
def test_a_graph_that_is_no_tree(edges: list[tuple[str, str]], words: list[str]) -> None:
    """T203 for several parents, T211 for several roots and a cycle."""
    with pytest.raises(MeaningError) as caught:
        Taxonomy.from_graph(nx.DiGraph(edges))
    codes = ["T203" if "parents" in fault.message else "T211" for fault in caught.value.faults]
    assert [fault.code for fault in caught.value.faults] == codes
    assert len(caught.value.faults) == len(words)
    for piece in words:
        assert piece in str(caught.value)


def test_a_graph_too_deep_or_with_siblings_of_one_name() -> None:
    """The same faults as a file's, all at once."""
    graph = nx.DiGraph([("r", 1), ("r", 2), (1, "a"), (2, "b"), ("b", "c")])
    graph.nodes[1]["name"] = graph.nodes[2]["name"] = "x"
    with pytest.raises(MeaningError) as caught:
        Taxonomy.from_graph(graph, ["top", "leaf"])
    assert faults(caught.value) == [("T201", "x"), ("T204", "c")]


def test_rows_that_are_mappings() -> None:
    """The rows of csv.DictReader are refused: their keys would be read as names."""
    with pytest.raises(TypeError, match="row 1 is dict"):
        Taxonomy.from_paths([{"genus": "Felis", "species": "Felis catus"}])


# -- tables as people have them --------------------------------------------------------------------

SPECIES = [
    ("Felis catus", "Felis", "Felidae"),
    ("Felis silvestris", "Felis", "Felidae"),
    ("Lynx lynx", "Lynx", "Felidae"),
    ("Vulpes vulpes", "Vulpes", "Canidae"),
]


@pytest.mark.parametrize("columns", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (0, 1)])
@pytest.mark.parametrize("like", [PandasLike, PolarsLike])
def test_a_table_whose_columns_run_upwards(like: Any, columns: tuple[int, ...]) -> None:
    """The species first: refused with an order that goes down, which then makes the tree."""
    names = ["species", "genus", "family"]
    called = [names[at] for at in columns]
    rows = [tuple(row[at] for at in columns) for row in SPECIES]
    down = [name for name in reversed(names) if name in called]
    with pytest.raises(ValueError, match="expected the columns from the top") as caught:
        Taxonomy.from_paths(like(called, rows))
    assert f"got {', '.join(called)}:" in str(caught.value)
    assert f"levels={down}, or levels={called}" in str(caught.value)
    assert Taxonomy.from_paths(like(called, rows), called).levels == tuple(called)


def test_a_table_whose_columns_run_upwards_in_pandas() -> None:
    """The order that the error gives makes the tree."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pandas.DataFrame(SPECIES, columns=["species", "genus", "family"])
    t = Taxonomy.from_paths(table, levels=["family", "genus", "species"])
    assert t.classes == tuple(table.species)
    assert t.nodes("family") == ("Felidae", "Canidae")
    polars = pytest.importorskip("polars", reason="polars is not installed")
    same = Taxonomy.from_paths(polars.DataFrame(table.to_dict("list")), ["family", "genus", "species"])
    assert same == t


@pytest.mark.parametrize(
    "rows",
    [
        [("cat", "other"), ("dog", "other"), ("dog", "pug")],
        [("cat", "Bengal"), ("dog", "pug")],
        [("cat", "Bengal", "x"), ("cat", "Sphynx", "x"), ("dog", "pug", "x"), ("dog", "pug", "y")],
    ],
)
def test_a_table_that_goes_down(rows: list[tuple[str, ...]]) -> None:
    """One name in several branches is no sign as long as some node has several children."""
    columns = ["a", "b", "c"][: len(rows[0])]
    assert Taxonomy.from_paths(PandasLike(columns, rows)).levels == tuple(columns)


def test_a_table_with_other_columns() -> None:
    """The column is named, and how to leave it out."""
    table = PandasLike(["genus", "species", "count"], [("Felis", "Felis catus", 3)])
    with pytest.raises(TypeError, match=r"column 3 \(`count`\) holds int 3; .*levels=\[\.\.\.\] says"):
        Taxonomy.from_paths(table)


def test_a_file_in_the_place_of_rows_and_a_table_in_that_of_a_file(tmp_path: Any) -> None:
    """Each says where it belongs."""
    with pytest.raises(TypeError, match=r"pandas\.read_csv\(path\), or .* `taxoloss init`"):
        Taxonomy.from_paths("species.csv")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    with pytest.raises(TypeError, match=r"got DataFrame: Taxonomy\.from_paths\(table"):
        taxoloss.load(pandas.DataFrame(SPECIES))
    (tmp_path / "species.csv").write_text("genus,species\nFelis,Felis catus\n", encoding="utf-8")
    with pytest.raises(FormError, match=r"`taxoloss init FILE -o taxonomy\.yaml` makes"):
        taxoloss.load(tmp_path / "species.csv")
