"""convert and back by init: nothing is lost that the format can say, and what it cannot is told."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from trees import nested, ranked

import taxoloss
from taxoloss import Taxonomy, sources
from taxoloss.taxonomy.exports import FORMATS, export, format_of
from taxoloss.taxonomy.exports.output_format import PARTS
from taxoloss.taxonomy.names import name_faults, nfc
from taxoloss.taxonomy.placeholders import is_placeholder

calm = settings(CALM, max_examples=examples(60))
ROUND = ["yaml", "json", "node-link", "newick", "ranks", "paths", "edges"]
HARD = ["more", "a/b", "a\\b", "x;y", "(z)", "it's", "[b]", "a|b", "50 %", "_u_"]
SUFFIX = {"yaml": ".yaml", "json": ".json", "node-link": ".json", "newick": ".nwk", "nested": ".json"}


def back(t: Taxonomy, format: str, folder: Path, **more: Any) -> Taxonomy:
    """Written in a format, and read again by what reads any source."""
    path = folder / f"tree{SUFFIX.get(format, '.csv')}"
    path.write_bytes(export(t, format).data)
    if format in ("ranks", "paths"):
        more |= {"header": True, "kind": format}
    if format == "ranks" and len(t.levels) == 1:
        more["kind"] = "paths"
    if format == "ranks" and len(t.levels) > 1:
        more["columns"] = t.levels
    return sources.read(path, **more).taxonomy


@pytest.mark.parametrize("format", ROUND)
@pytest.mark.parametrize("name", ["pets", "cifar100", "isic4"])
def test_a_bundled_tree_comes_back(name: str, format: str, tmp_path: Path) -> None:
    t = taxoloss.load(name)
    again = back(t, format, tmp_path)
    assert again.digest == t.digest
    if format in ("edges", "node-link", "yaml", "json"):
        assert (again.aliases, again.descriptions) == (t.aliases, t.descriptions)


@pytest.mark.parametrize("format", ROUND)
@given(case=ranked() | nested())
@calm
def test_a_random_tree_comes_back(format: str, case: Any) -> None:
    """Ragged, ranks missing: what comes back has the same digest."""
    try:
        t = taxoloss.load(case)
    except taxoloss.TaxonomyError:
        return  # the strategies draw bad files too
    if any(name != name.strip() for name in (*t.tree.names, *t.levels)):
        return  # tables take spaces off, and say so
    if format in ("ranks", "paths") and any(is_placeholder(name) for name in t.tree.names[1:]):
        return  # `null` is a missing rank there, and that is told
    if format in ("edges", "node-link") and len(set(t.tree.level.tolist())) <= len(t.levels):
        return  # a level on which no node stands is told to be left out
    with tempfile.TemporaryDirectory() as folder:
        assert back(t, format, Path(folder)).digest == t.digest


@pytest.mark.slow
@given(st.lists(st.text(min_size=1, max_size=9), min_size=2, max_size=5), st.sampled_from(ROUND))
@calm
def test_any_name_comes_back(names: list[str], format: str) -> None:
    """Every text that may be a name, as a class, as a level and above classes."""
    good = list(dict.fromkeys(nfc(n).strip() for n in names if not list(name_faults(n.strip()))))
    if format in ("ranks", "paths"):
        good = [name for name in good if not is_placeholder(name)]  # `.` is a missing rank there
    rows = [(top, name) for top in (*good, "other") for name in (*good, *HARD)]
    t = Taxonomy.from_paths(rows, [f"top {''.join(good)}"[:50].strip(), "leaf"])
    with tempfile.TemporaryDirectory() as folder:
        assert back(t, format, Path(folder)).digest == t.digest


@pytest.mark.parametrize("format", ROUND)
def test_one_level_comes_back(format: str, tmp_path: Path) -> None:
    t = taxoloss.load({"levels": ["breed"], "tree": ["pug", "a/b", "beagle"]})
    assert back(t, format, tmp_path).digest == t.digest


def test_nested_keeps_the_names(tmp_path: Path) -> None:
    tree = {"cat": ["Bengal"], "dog": {"pug": None, "x": None}}
    t = taxoloss.load({"levels": ["species", "breed"], "tree": tree})
    again = back(t, "nested", tmp_path)
    assert again.paths() == t.paths()
    assert export(t, "nested").left_out == ("the names of the levels",)


def test_what_a_format_cannot_say_is_told() -> None:
    """And nothing is told where nothing is lost."""
    weights = {"species": 1.0, "breed": 2.0}
    full = taxoloss.load("pets").replace(level_weights=weights, level_descriptions={"breed": "b"})
    assert export(full, "json").left_out == export(full, "yaml").left_out == ()
    words = "; ".join(export(full, "newick").left_out)
    for part in ("name, description", "weights", "descriptions of the levels", "aliases of 29 nodes"):
        assert part in words
    assert "names of the levels" not in words
    assert export(taxoloss.load({"tree": ["a", "b"]}), "dot").left_out == ()


def test_node_link_is_what_networkx_reads() -> None:
    t = taxoloss.load("pets")
    data = json.loads(export(t, "node-link").data)
    # "links" was the default before the argument had its name.
    named: Any = {"edges": "links"} if "edges" in inspect.signature(nx.node_link_graph).parameters else {}
    graph = nx.node_link_graph(data, **named)
    assert graph.number_of_nodes() == len(t.tree) - 1
    assert {graph.nodes[u]["name"] for u, _ in graph.edges} == {"cat", "dog"}


EVIL_NAMES = [
    '<script>alert("x")</script>', '"]; n1 --> n0; click n1 "javascript:x', '\\N"', "$x_1$", "a`b`",
    "#quot;", "&lt;",
]  # fmt: skip


@pytest.mark.parametrize("format", ["dot", "mermaid", "svg"])
def test_names_in_pictures_are_text(format: str) -> None:
    """Nothing in a name ends its place, and nothing of HTML comes through."""
    text = export(taxoloss.load({"tree": {"x": EVIL_NAMES, "y": ["z"]}}), format).data.decode()
    if format == "svg":
        root = ElementTree.fromstring(text)  # it is XML; its texts are the names, cut
        shown = "".join(root.itertext())
        assert "<script>" not in text
        assert "alert" in shown
        assert "$x_1$" in shown
        return
    assert "<script>" not in text or format == "dot"
    arrows = [line for line in text.splitlines() if (" -> " if format == "dot" else " --> ") in line]
    labels = [line for line in text.splitlines() if "[" in line and line.lstrip().startswith("n")]
    if format == "mermaid":
        assert len(arrows) == len(EVIL_NAMES) + 3
        assert len(labels) == len(EVIL_NAMES) + 4
        assert all(line.count('"') == 2 for line in labels)
    else:
        outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)  # a string ends at a quote without a backslash
        assert outside.count("->") == len(EVIL_NAMES) + 3
        assert set(re.findall(r"[^\s\w]", outside)) <= set("{}=[],;->")


@pytest.mark.sample(3)
@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_pictures_of_large_trees_are_cut(format: str) -> None:
    """The kind of file that was asked for; a tree of 419 classes says how many more there are."""
    data = export(taxoloss.load("isic4"), format).data
    assert data.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[format])
    assert len(data) < 2_000_000
    if format == "svg":
        shallow = export(taxoloss.load("isic4"), "svg", depth=1).data
        assert b"A (38 classes)" in shallow


def test_a_picture_names_the_levels_and_leaves_the_backend() -> None:
    """Columns have the names of their levels; a notebook that draws goes on drawing as it did."""
    plt = pytest.importorskip("matplotlib.pyplot")
    before = plt.get_backend()
    try:
        plt.switch_backend("svg")
        made = export(taxoloss.load("pets"), "svg")
        assert plt.get_backend() == "svg"
    finally:
        plt.switch_backend(before)
    shown = [text.strip() for text in ElementTree.fromstring(made.data.decode()).itertext() if text.strip()]
    assert {"species (2)", "breed (37)"} < set(shown)
    assert not [part for part in made.left_out if "levels" in part]


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_letters_that_no_font_has(format: str) -> None:
    """Are kept as text, or drawn as boxes, and nothing is said of a font."""
    made = export(taxoloss.load({"tree": {"\u732b": ["\u77ed\u6bdb", "\U00013000"], "y": ["z"]}}), format)
    assert format != "svg" or "\u732b" in made.data.decode()


def test_the_package_that_draws_is_named() -> None:
    """In words, where it is not installed."""
    code = (
        "import sys; sys.modules |= {'matplotlib': None, 'matplotlib.figure': None}\n"
        "sys.argv = ['taxoloss', 'convert', 'pets', '-', '--to', 'svg']\n"
        "from taxoloss.cli import main; main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = 'error: svg needs matplotlib: pip install "taxoloss[plot]"\n'
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_the_suffix_says_the_format() -> None:
    for suffix in (".yaml", ".json", ".csv", ".nwk", ".dot", ".mmd", ".svg"):
        assert format_of(Path(f"x{suffix}")) in FORMATS
    with pytest.raises(ValueError, match="expected a suffix among"):
        format_of(Path("x.doc"))
    with pytest.raises(ValueError, match="did you mean `newick`"):
        export(taxoloss.load("pets"), "newik")


def test_the_records_fit_together() -> None:
    """A suffix is said once; what is kept are parts of a taxonomy; an extra installs what is needed."""
    suffixes = [suffix for format in FORMATS.values() for suffix in format.suffixes]
    assert len(suffixes) == len(set(suffixes))
    pyproject = (Path(taxoloss.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    extra = pyproject[pyproject.index("\nplot = [") :].partition("]")[0]
    for name, format in FORMATS.items():
        assert format.name == name
        assert set(format.keeps) <= set(PARTS)
        assert set(format.takes) <= {"delimiter", "depth"}
        assert format.needs is None or f'"{format.needs}>=' in extra
