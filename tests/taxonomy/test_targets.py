"""Taxonomy.targets and rows of ranks in node_ids: every way to hold a table, what a row means, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.faults import BindingError

LEVELS = ("order", "family", "genus", "species")
ROWS = (
    ("Carnivora", "Felidae", "Felis", "Felis catus"),
    ("Carnivora", "Felidae", "Felis", "Felis silvestris"),
    ("Carnivora", "Felidae", "Puma", "Puma concolor"),
    ("Carnivora", "Canidae", "Canis", "Canis lupus"),
    ("Diptera", "Muscidae", "Musca", "Musca domestica"),
    ("Diptera", None, None, "Phoridae indet"),
    ("Orthoptera", "Gryllidae", "Acheta", "Acheta domestica"),
)


@pytest.fixture(scope="module")
def t() -> Taxonomy:
    """Bound in another order than that of the rows."""
    made = Taxonomy.from_paths(ROWS, LEVELS)
    return made.bind(made.classes[::-1], node_targets=True)


def paths(t: Taxonomy, table: Any, columns: Any = None) -> list[tuple[str, ...]]:
    """Of the targets of a table."""
    target = t.targets(table, columns)
    assert (target.dtype, target.dim()) == (torch.int64, 1)
    return [info.path for info in t.describe(target)]


def words(call: Callable[[], Any], kind: type[Exception]) -> str:
    """Of the error that is raised."""
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


# -- whatever holds a table ------------------------------------------------------------------------

#: Labels of mixed depth, a rank missing in the middle, at the top, and where the tree has none.
LABELS = (
    ("Carnivora", "Felidae", "Felis", "Felis catus"),
    ("Carnivora", "Felidae", "Felis", None),
    ("Carnivora", None, "Canis", None),
    (None, None, None, "Puma concolor"),
    ("Diptera", None, None, "Phoridae indet"),
    ("Orthoptera", None, None, None),
)
MEANT = [
    ("Carnivora", "Felidae", "Felis", "Felis catus"),
    ("Carnivora", "Felidae", "Felis"),
    ("Carnivora", "Canidae", "Canis"),
    ("Carnivora", "Felidae", "Puma", "Puma concolor"),
    ("Diptera", "Phoridae indet"),
    ("Orthoptera",),
]


def columns_of(missing: Any = None) -> dict[str, list[Any]]:
    """LABELS by column."""
    return {
        level: [missing if row[place] is None else row[place] for row in LABELS]
        for place, level in enumerate(LEVELS)
    }


def frame(missing: Any = None, **more: Any) -> Any:
    """The labels as a pandas DataFrame of objects."""
    return pd.DataFrame({**columns_of(missing), **more}, dtype=object)


def texts() -> list[tuple[str, ...]]:
    """The labels, a missing rank as empty text."""
    return [tuple(cell or "" for cell in row) for row in LABELS]


TABLES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(columns_of()),
    "pandas of NaN": lambda: frame(math.nan),
    "pandas of empty text": lambda: frame(""),
    "pandas of spaces": lambda: frame("  "),
    "pandas of NA": lambda: frame(pd.NA),
    "pandas of NaT": lambda: frame(pd.NaT),
    "pandas with text for missing": lambda: frame("NA"),
    "pandas of strings": lambda: frame().astype("string"),
    "pandas of categories": lambda: frame().astype("category"),
    "pandas of best types": lambda: frame().convert_dtypes(),
    "pandas by file": lambda: frame(file=[f"{i}.jpg" for i in range(6)]).set_index("file"),
    "pandas, one index": lambda: frame().set_axis([7] * 6, axis=0),
    "pandas, other names": lambda: frame().rename(columns={"order": " Order", "species": "SPECIES"}),
    "pandas, other order": lambda: frame(x=1)[["species", "x", "genus", "order", "family"]],
    "pandas, more ranks": lambda: frame(kingdom="Animalia", subspecies="x"),
    "pandas, no names": lambda: frame().set_axis(range(4), axis=1),
    "polars": lambda: pl.DataFrame(columns_of()),
    "polars of categories": lambda: pl.DataFrame(columns_of()).cast(pl.Categorical),
    "polars, other order": lambda: pl.DataFrame({"id": range(6), **dict(reversed(columns_of("").items()))}),
    "columns": columns_of,
    "columns of arrays": lambda: {k: np.array(v, object) for k, v in columns_of().items()},
    "columns of series": lambda: {k: pl.Series(v) for k, v in columns_of().items()},
    "records": lambda: [
        {k: v for k, v in zip(LEVELS, row, strict=True) if v} | {"file": str(i)}
        for i, row in enumerate(LABELS)
    ],
    "tuples": lambda: list(LABELS),
    "lists": lambda: [list(row) for row in LABELS],
    "a generator": lambda: (row for row in LABELS),
    "short rows": lambda: [row[: max(i for i in range(4) if row[i]) + 1] for row in LABELS],
    "an array": lambda: np.array(LABELS, object),
    "an array of text": lambda: np.array(texts()),
    "a structured array": lambda: np.array(texts(), [(level, "U20") for level in LEVELS]),
    "a series of tuples": lambda: pd.Series(list(LABELS)),
    "a polars series of lists": lambda: pl.Series([list(row) for row in LABELS]),
    "an index": lambda: pd.MultiIndex.from_tuples(texts()),
    "paths": lambda: ["/".join(filter(None, row)) for row in LABELS],
    "paths of a series": lambda: pd.Series([" > ".join(filter(None, row)) for row in LABELS]),
    "paths of a frame": lambda: pl.DataFrame({"label": [*map(";".join, texts())]}),
    "paths with prefixes": lambda: ["; ".join(cell or "g__" for cell in row) for row in LABELS],
    "a column of names": lambda: [next(filter(None, row[::-1])) for row in LABELS],
    "an array of names": lambda: np.array([next(filter(None, row[::-1])) for row in LABELS]),
    "paths and names": lambda: [MEANT[0], "Felis", [*MEANT[2]], *map("/".join, MEANT[3:])],
}  # fmt: skip


@pytest.mark.parametrize("form", TABLES)
def test_tables(t: Taxonomy, form: str) -> None:
    """One meaning, whatever holds the rows."""
    assert paths(t, TABLES[form]()) == MEANT


def test_arrow(t: Taxonomy) -> None:
    """Tables, batches, arrays."""
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pa.table(columns_of())
    for held in (table, table.to_batches()[0]):
        assert paths(t, held) == MEANT
    assert paths(t, pa.array(["Felis", "Canis lupus"])) == [MEANT[1], (*MEANT[2], "Canis lupus")]


def test_a_lazy_frame_has_no_rows(t: Taxonomy) -> None:
    """Said with the way to them."""
    text = words(lambda: t.targets(pl.DataFrame(columns_of()).lazy()), TypeError)
    assert text == "expected a table, got a LazyFrame, which has no rows yet: give .collect()"


@pytest.mark.parametrize(
    "table", [[], pd.DataFrame(columns=["genus"]), pl.Series([], dtype=pl.String), {"species": []}]
)
def test_no_rows(t: Taxonomy, table: Any) -> None:
    """No targets."""
    assert t.targets(table).shape == (0,)


def test_a_training_loop() -> None:
    """What the table says, the loss takes; rows without a label cost nothing."""
    labels = pd.DataFrame([("cat", "Bengal"), ("cat", None), (None, None)], columns=["species", "breed"])
    t = Taxonomy.from_paths([("cat", "Bengal"), ("cat", "Korat"), ("dog", "pug")], ["species", "breed"])
    t = t.bind(["pug", "Korat", "Bengal"], node_targets=True)
    target = t.targets(labels, ignore_index=-100)
    assert target.tolist() == [2, 3, -100]
    logits = torch.zeros(3, 3)
    loss = taxoloss.TaxonomyLoss(t)
    assert loss(logits, target) == loss(logits[:2], target[:2])


# -- which columns ---------------------------------------------------------------------------------


def named(*labels: Any) -> Any:
    """The labels under other names."""
    return frame(file=[f"{i}.jpg" for i in range(6)]).set_axis([*labels, "file"], axis=1)


@pytest.mark.parametrize(
    "columns", [["o", "f", "g", "s"], ("O", "F ", "g", "s"), ["f", "g", "s"], pd.Index(list("ofgs"))]
)
def test_columns_of_ranks(t: Taxonomy, columns: Any) -> None:
    """Picked and put in order by their names; case and spaces count nothing."""
    table = named("o", "f", "g", "s")
    expected = [path[: len(columns)] if len(columns) == 1 else path for path in MEANT]
    kept = range(5) if len(columns) == 3 else range(6)  # the last row has nothing but its order
    assert paths(t, table.iloc[list(kept)], columns) == [expected[row] for row in kept]


def test_ranks_need_no_order(t: Taxonomy) -> None:
    """Columns called like levels have theirs."""
    assert paths(t, frame(), ["species", "order", "genus", "family"]) == MEANT


def test_one_column(t: Taxonomy) -> None:
    """By name; of rows by number."""
    table = frame().iloc[:2]
    for columns in ("genus", ["genus"], "Genus"):
        assert paths(t, table, columns) == [MEANT[1]] * 2
    assert paths(t, table.genus) == [MEANT[1]] * 2
    assert paths(t, list(LABELS[:2]), 2) == [MEANT[1]] * 2
    assert paths(t, [(1, *row) for row in LABELS], [1, 2, 3, 4]) == MEANT


def test_columns_without_the_names_of_levels(t: Taxonomy) -> None:
    """Never guessed: the error holds what was found, and the argument to paste."""
    text = words(lambda: t.targets(named("o", "f", "g", "s")), ValueError)
    assert "levels, order, family, genus, species, or a single column; got o, f, g, s, file" in text
    assert text.endswith("o, f, g, s hold names of the tree: give columns=['o', 'f', 'g', 's']")
    text = words(lambda: t.targets(pd.DataFrame({"x": ["a"], "y": ["b"]})), ValueError)
    assert text.endswith("got x, y: say by columns= which of them hold names or paths of the tree")
    one = pd.DataFrame({"file": ["1", "2"], "label": ["Felis", "Canidae/Canis lupus"]})
    assert words(lambda: t.targets(one), ValueError).endswith(
        "of which label holds names of the tree: give columns=['label']"
    )


def test_two_readings(t: Taxonomy) -> None:
    """A column beside the ranks that says more than they do: both are shown."""
    table = frame(file="x.jpg").rename(columns={"species": "label"})
    text = words(lambda: t.targets(table), ValueError)
    assert (
        "by order, family, genus (Carnivora/Felidae/Felis at position 0), or by label (Felis catus there)"
        in text
    )
    assert "give columns=['order', 'family', 'genus'] or columns=['label']" in text
    assert paths(t, table.iloc[:3], ["order", "family", "genus"])[0] == MEANT[1]
    assert paths(t, table.drop(columns="label").iloc[:3])[2] == MEANT[2]
    assert paths(t, frame(label="Felis catus")) == MEANT  # the ranks say all


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("genuss", "expected a column of the table, one of order, family, genus, species; got 'genuss'"),
        ("genuss", "did you mean `genus`?"),
        (["genus", 3.5], "got 3.5"),
        ([], "expected columns as names of columns, got none"),
    ],
)  # fmt: skip
def test_columns_that_are_none(t: Taxonomy, columns: Any, message: str) -> None:
    """ValueError with those there are."""
    assert message in words(lambda: t.targets(frame(), columns), ValueError)


def test_two_columns_of_one_name(t: Taxonomy) -> None:
    """Which of them?"""
    table = frame().set_axis(["Genus", "order", "genus ", "species"], axis=1)
    assert "level genus, got 'Genus' and 'genus ': say which" in words(lambda: t.targets(table), ValueError)
    table = frame().set_axis(["x", "x", "genus", "y"], axis=1)
    assert "expected one column called 'x', got 2" in words(
        lambda: t.targets(table, ["x", "y"]), ValueError
    )


# -- what a row means ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "meant"),
    [
        (("Diptera", "Muscidae", "Musca", "domestica"), ROWS[4]),  # epithets
        ((None, None, "Acheta", "domestica"), ROWS[6]),
        (("Carnivora", "Felidae", "Felis", "Felis"), ROWS[0][:3]),  # filled with the name above
        (("Carnivora ", " Felidae", "\tFelis", None), ROWS[0][:3]),
        (("Carnivora", "Felidae", "Felis", "sp."), ROWS[0][:3]),
        (("Carnivora", "unknown", "Canis", "?"), ROWS[3][:3]),
        (("Carnivora", "Felidae", "g__", "s__"), ROWS[0][:2]),
    ],
)
def test_rows(t: Taxonomy, row: tuple[Any, ...], meant: tuple[str, ...]) -> None:
    """By exact rules, no likeness."""
    assert paths(t, pd.DataFrame([row], columns=LEVELS)) == [meant]
    assert paths(t, [row]) == [meant]


def test_a_node_called_like_a_placeholder() -> None:
    """It is what the cell means."""
    t = Taxonomy.from_paths([("speech", "yes"), ("speech", "unknown"), ("noise", None)]).bind()
    assert t.targets([("speech", "unknown"), ("speech", "-")]).tolist() == [1, 3]
    assert t.targets(["unknown", "speech/unknown", "-"], ignore_index=-1).tolist() == [1, 1, -1]


def test_the_ranks_tell_names_apart() -> None:
    """A bare name of several nodes is found by the names above, or by its column."""
    t = Taxonomy.from_paths(
        [("Plantae", "Ficus", "carica"), ("Animalia", "Ficus", "ficus"), ("Animalia", None, "carica")],
        ["kingdom", "genus", "species"],
    ).bind()
    assert paths(t, [("Plantae", None, "carica"), ("Animalia", "Ficus", None)]) == [
        ("Plantae", "Ficus", "carica"), ("Animalia", "Ficus"),
    ]  # fmt: skip
    assert paths(t, [("Animalia", None, "carica"), "Animalia/carica"]) == [("Animalia", "carica")] * 2
    text = words(lambda: t.targets(["carica", "carica"]), BindingError)
    assert "T304: `carica` names 2 nodes: `Plantae/Ficus/carica`, `Animalia/carica`: 2 rows" in text
    text = words(lambda: t.targets({"genus": ["Ficus"], "species": [None]}), BindingError)
    assert "`Ficus` (genus) names 2 nodes: `Plantae/Ficus`, `Animalia/Ficus`: position 0" in text


def test_aliases() -> None:
    """Names like the others, above too."""
    tree = {
        "tree": [
            {
                "name": "cat",
                "aliases": ["Katze"],
                "children": [{"name": "Bengal", "aliases": ["B"]}, "Korat"],
            }
        ]
    }
    t = taxoloss.load(tree).bind()
    assert t.targets([("Katze", "B"), ("cat", "B"), "B", "Katze/Korat", "Katze"]).tolist() == [
        0,
        0,
        0,
        1,
        2,
    ]


# -- refusals --------------------------------------------------------------------------------------


def test_names_that_are_unknown(t: Taxonomy) -> None:
    """Each once, with its column, the number of its rows, the first of them, and the nearest name."""
    table = frame().set_axis([f"img_{i}" for i in range(6)], axis=0)
    table.loc[["img_1", "img_3", "img_4"], "species"] = "Felis cattus"
    table.loc["img_0", "species"] = "felis catus"
    text = words(lambda: t.targets(table), BindingError)
    assert "T302: `felis catus` (species) is no node of the tree: position 0 (index 'img_0')" in text
    assert (
        "T302: `Felis cattus` (species) is no node of the tree: 3 rows, the first at position 1 (" in text
    )
    assert text.count("did you mean `Felis catus`?") == 2
    assert text.endswith("2 errors")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("Carnivora", "Canidae", "Felis", None),
         "`Felis` (genus) is `Carnivora/Felidae/Felis` in the tree, not below `Canidae` (family)"),
        (("Diptera", None, "Felis", "Felis catus"),
         "is `Carnivora/Felidae/Felis/Felis catus` in the tree, not below `Diptera` (order)"),
        (("Carnivora", "Felidae", "Puma", "Felis catus"), "not below `Puma` (genus)"),
        (("Diptera", "Muscidae", "Acheta", "domestica"), "not below `Muscidae` (family)"),
        (("Felidae", "Carnivora", None, None), "is `Carnivora` in the tree, not below `Felidae` (order)"),
        (("Carnivora", "Feline", "Felis", None), "`Feline` (family) is no node of the tree"),
        (("Carnivora", None, "lupus", None), "`lupus` (genus) is no node of the tree"),
    ],
)  # fmt: skip
def test_rows_that_contradict_the_tree(t: Taxonomy, row: tuple[Any, ...], message: str) -> None:
    """The row, the column and both names."""
    table = pd.DataFrame([LABELS[0], row], columns=LEVELS)
    text = words(lambda: t.targets(table), BindingError)
    assert text.startswith("error T302: ")
    assert f"{message}: position 1" in text


def test_rows_deeper_than_the_tree(t: Taxonomy) -> None:
    """Said with the column to leave out; by default it is."""
    table = frame(subspecies=["Felis catus alba", *[None] * 5])
    assert paths(t, table) == MEANT
    text = words(lambda: t.targets(table, [*LEVELS, "subspecies"]), BindingError)
    assert "`Felis catus alba` (subspecies) is no node of the tree, which ends above it at" in text
    assert "help: leave the column `subspecies` out of columns=" in text


def test_rows_that_name_nothing(t: Taxonomy) -> None:
    """An error with their number and the first three, unless they are to be left out."""
    table = pd.DataFrame([LABELS[0], *[(None, "", "NA", math.nan)] * 5], columns=LEVELS)
    text = words(lambda: t.targets(table), BindingError)
    assert "T117: 5 rows name nothing: position 1, position 2, position 3 and 2 more" in text
    assert "targets(table, ignore_index=-100)" in text
    assert t.targets(table, ignore_index=-100).tolist()[1:] == [-100] * 5
    root = t.num_nodes - 1
    assert t.targets([None, ""], ignore_index=root).tolist() == [root, root]


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [(0, ValueError, "no node's id, such as -100, got 0"), (8, ValueError, "got 8"),
     ("x", TypeError, "expected ignore_index as a number, got str 'x'"), (1.5, TypeError, "got float 1.5")],
)  # fmt: skip
def test_ignore_index_is_no_node(t: Taxonomy, value: Any, kind: type[Exception], message: str) -> None:
    """But for the root: rows would get the target of others."""
    assert message in words(lambda: t.targets([], ignore_index=value), kind)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("Felis", "expected a table, a list of rows or a column of names, got str 'Felis'"),
        (3, "got int 3"),
        (None, "got NoneType None"),
        ({"Felis", "Canis"}, "expected rows in their order, got a set"),
        ([1, 2], "position 0 holds int 1; expected a name as text"),
        (["Felis", b"x"], "position 1 holds bytes b'x'"),
        (torch.tensor([0, 1]), "position 0 holds int 0"),
        (
            pd.DataFrame({"genus": ["Felis", 3]}, index=["a", "b"]),
            "position 1 (index 'b'), column genus, holds int 3",
        ),
        (pd.DataFrame({"genus": [True], "species": ["x"]}), "column genus, holds bool True"),
        ({"genus": ["Felis"], "species": [["x"]]}, "position 0, column species, holds list ['x']"),
        ({"genus": ["Felis"], "species": "x"}, "got str 'x'"),
        ([{"genus": "Felis"}, "Felis"], "expected every row as a dict, got str 'Felis' at position 1"),
        ([("Felis", ("x",))], "position 0 holds tuple ('x',)"),
    ],
)
def test_what_is_no_table(t: Taxonomy, table: Any, message: str) -> None:
    """TypeError with the place and what stands there."""
    assert message in words(lambda: t.targets(table), TypeError)


def test_what_has_no_columns(t: Taxonomy) -> None:
    """Or columns of several lengths; or a taxonomy that is not bound."""
    text = "expected a table with columns, got one without"
    assert words(lambda: t.targets({}), ValueError) == text
    assert words(lambda: t.targets(pd.DataFrame(index=[1, 2])), ValueError) == text
    text = words(lambda: t.targets({"genus": ["a"], "species": []}), ValueError)
    assert text == "expected columns of one length, got {'genus': 1, 'species': 0}"
    assert "targets needs a bound taxonomy" in words(
        lambda: Taxonomy.from_paths(ROWS).targets([]), ValueError
    )
