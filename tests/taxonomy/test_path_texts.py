"""Paths as text, a/b/c, wherever a name is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from trees import Case, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.faults import BindingError

PATHS = ["cat/long", "cat/short", "dog/long"]


@pytest.fixture
def t() -> Taxonomy:
    """A tree whose leaves' names repeat."""
    return Taxonomy.from_paths([path.split("/") for path in PATHS])


def test_bind_restrict_and_ids(t: Taxonomy) -> None:
    """The text says what the tuple says."""
    tuples = [tuple(path.split("/")) for path in PATHS]
    assert t.bind(PATHS[::-1]) == t.bind(tuples[::-1])
    assert t.bind({path: number for number, path in enumerate(PATHS)}).paths() == tuple(tuples)
    assert t.bind(dict(enumerate(PATHS))).paths() == tuple(tuples)
    assert t.restrict(["dog/long", "cat/short"]) == t.restrict([("dog", "long"), "short"])
    bound = t.bind(PATHS, node_targets=True)
    assert bound.node_ids([*PATHS, "cat"]).tolist() == [0, 1, 2, 3]
    assert bound.node_id("dog / long") == bound.node_id(("dog", "long")) == 2


@given(case=taxonomies())
@SETTINGS
def test_random_trees(case: Case) -> None:
    """Every node but the root; also bound by them."""
    t = case.taxonomy
    texts = ["/".join(case.path(node)) for node in case.by_id]
    names = [n for n in range(len(texts) - 1) if "/" in texts[n]]
    assert t.node_ids([texts[n] for n in names]).tolist() == names
    classes = [texts[n] if "/" in texts[n] else (texts[n],) for n in range(len(t))]
    assert t.bind(classes, node_targets=True) == t


@given(parts=st.lists(st.sampled_from(["a", "b", "a/b", "b/a"]), min_size=1, max_size=4), data=st.data())
@SETTINGS
def test_names_with_slashes(parts: list[str], data: st.DataObject) -> None:
    """A text finds exactly the nodes of its name, and where there is none those whose path it is."""
    rows = data.draw(
        st.lists(st.lists(st.sampled_from(["a", "b", "a/b", "b/a"]), min_size=1, max_size=4), min_size=2)
    )
    try:
        t = Taxonomy.from_paths([*rows, ["c"], ["d"], ["e", "c"]])
    except taxoloss.TaxonomyError:
        return
    text = "/".join(parts)
    nodes = range(1, len(t.tree))
    named = [n for n in nodes if t.tree.names[n] == text]
    spelt = [n for n in nodes if "/".join(t.tree.path(n)) == text]
    assert t.index.find(text) == (named or spelt)


def test_a_whole_name_goes_first() -> None:
    """A class called cat/long is that class, wherever it stands; the tuple names the other."""
    t = taxoloss.load({"tree": {"cat": ["long", "short"], "odd": ["cat/long"]}})
    bound = t.bind(["cat/long", "short", ("cat", "long")])
    assert bound.paths() == (("odd", "cat/long"), ("cat", "short"), ("cat", "long"))


def test_a_text_of_two_paths_is_ambiguous() -> None:
    t = taxoloss.load({"tree": {"a": ["b/c", "d"], "a/b": ["c", "e"]}})
    with pytest.raises(BindingError) as caught:
        t.bind(["a/b/c", "d", "e"])
    assert [fault.code for fault in caught.value.faults] == ["T304", "T301"] or [
        fault.code for fault in caught.value.faults
    ] == ["T304"]
    assert "('a', 'b/c')" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("cat/lon", "did you mean `long` under `cat`?"),
        ("cat/long/x", None),
        ("kat/long", None),
        ("cat/", None),
        ("/", None),
        ("/cat/long", None),
        ("x/y/z", None),
    ],
)
def test_an_unknown_path(t: Taxonomy, text: str, help: str | None) -> None:
    """The nearest of the part that is not there; nothing that contradicts what is missing."""
    with pytest.raises(BindingError) as caught:
        t.bind([text, *PATHS[1:]])
    unknown, missing = caught.value.faults
    assert (unknown.code, unknown.help, missing.code) == ("T302", help, "T301")
    with pytest.raises(BindingError) as caught:
        t.bind().node_ids([text])
    assert caught.value.faults[0].help == help


def test_an_inner_node_as_text_is_refused_as_one(t: Taxonomy) -> None:
    deep = Taxonomy.from_paths([("pet", "cat", "long"), ("pet", "dog", "long")])
    with pytest.raises(BindingError) as caught:
        deep.bind(["pet/cat", "pet/dog/long"])
    assert [fault.code for fault in caught.value.faults] == ["T305", "T301"]


def test_many_slashes_take_no_time(t: Taxonomy) -> None:
    with pytest.raises(BindingError):
        t.bind(["cat/" + "x/" * 5000, *PATHS[1:]])


WRITERS: list[Callable[[Path], tuple[str, ...]]] = [
    lambda folder: ("--classes", "classes.txt"),
    lambda folder: ("--classes", "classes.json"),
    lambda folder: ("--csv", "table.csv:label"),
    lambda folder: ("--image-folder", "images"),
    lambda folder: ("--hf", "config.json"),
]


@pytest.mark.parametrize("way", range(len(WRITERS)))
def test_check_prints_a_line_that_runs(
    t: Taxonomy, way: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the classes come from, as paths: the printed Python binds them."""
    monkeypatch.chdir(tmp_path)
    t.save("t.yaml")
    Path("classes.txt").write_text("\n".join(PATHS))
    Path("classes.json").write_text('{"cat/long": 0, "cat/short": 1, "dog/long": 2}')
    Path("table.csv").write_text("file,label\n" + "".join(f"{i}.jpg,{p}\n" for i, p in enumerate(PATHS)))
    Path("config.json").write_text('{"id2label": {"0": "cat/long", "1": "cat/short", "2": "dog/long"}}')
    for path in PATHS:
        Path("images", path).mkdir(parents=True)
    done = run("check", "t.yaml", *WRITERS[way](tmp_path))
    assert done.returncode == 0, done.stderr
    scope: dict[str, Any] = {}
    exec(done.stdout.partition("in Python: ")[2], scope)
    assert scope["t"] == t.bind(PATHS)


def test_arrows_between_names() -> None:
    """As product categories are written; a name that holds one stays a name."""
    t = taxoloss.load({"tree": {"cat": ["Bengal", "a > b"], "dog": ["pug"], "a": ["b"]}})
    bound = t.bind(["a/b", "dog > pug", "cat > Bengal", "a > b"])
    assert list(bound.paths()) == [("a", "b"), ("dog", "pug"), ("cat", "Bengal"), ("cat", "a > b")]
    with pytest.raises(taxoloss.TaxonomyError, match="T302"):
        t.bind(["a/b", "dog > pugg", "cat > Bengal", "a > b"])


def test_levels_choose_the_columns_of_a_frame() -> None:
    """Whatever stands beside them, in the order of the levels."""
    pandas = pytest.importorskip("pandas")
    rows = {"image": ["1", "2"], "breed": ["pug", "Bengal"], "site": ["x", "y"], "species": ["dog", "cat"]}
    for frame in (pandas.DataFrame(rows), pytest.importorskip("polars").DataFrame(rows)):
        t = taxoloss.Taxonomy.from_paths(frame, levels=["species", "breed"])
        assert list(t.bind().paths()) == [("dog", "pug"), ("cat", "Bengal")]


def test_columns_that_hold_other_answers_are_no_ranks() -> None:
    """Of several columns of classes one is to be chosen."""
    t = taxoloss.load({"levels": ["g", "s"], "tree": {"cat": ["Bengal"], "dog": ["pug"]}}).bind()
    table = {"y_true": ["pug", "Bengal"], "y_pred": ["pug", "pug"]}
    with pytest.raises(ValueError, match=r"give columns=\['y_true'\] or columns=\['y_pred'\]"):
        t.targets(table)
