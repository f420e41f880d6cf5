"""Graphs from edges and of networkx; what diff, inspect, convert and pictures say of several parents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from command_line import run
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis_settings import SETTINGS

import taxoloss
from taxoloss import Taxonomy, sources
from taxoloss.errors.faults import MeaningError
from taxoloss.taxonomy.exports import export
from taxoloss.taxonomy.file.schema import schema
from taxoloss.taxonomy.findings import find, summaries
from taxoloss.taxonomy.stored import difference
from taxoloss.taxonomy.summary import summarize

FILE = """\
levels: [kind, group, animal]
tree:
  - name: cat
    children:
      - lynx
      - name: lion
        children:
          - {name: liger, also_under: [tiger], aliases: [Panthera]}
  - name: wild
    children:
      - {name: tiger, children: [sher, {name: tigon, also_under: [wild, lion]}]}
      - wolf
  - eel
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a graph with one edge too many."""
    path = tmp_path / "graph.yaml"
    path.write_text(FILE)
    return path


def with_all(case: GraphCase) -> list[tuple[str, str]]:
    """The edges of a graph by name, those that say nothing too; a class alone gets a node above it."""
    edges = [(f"n{parent}", f"n{node}") for node in case.nodes for parent in case.parents[node] if parent]
    said = [(f"n{parent}", f"n{node}") for node in case.nodes for parent in case.redundant[node]]
    alone = {f"n{node}" for node in case.nodes} - {name for edge in edges for name in edge}
    return [*edges, *said, *((f"over {name}", name) for name in sorted(alone))]


def by_name(t: Taxonomy) -> set[tuple[str, str]]:
    """The edges of a taxonomy by name, those of the root left out."""
    graph = t.bind().graph
    name = {node: str(data["name"]) for node, data in graph.nodes(data=True)}
    return {(name[parent], name[node]) for parent, node in graph.edges if name[parent]}


@given(graphs())
@SETTINGS
def test_edges_in_any_order(case: GraphCase) -> None:
    """All but those that others say; as networkx reduces them. Trees upside down are refused."""
    edges = with_all(case)
    above = [parent for parent, _ in edges]
    if len({*above}) == len(above) > len({node for _, node in edges}):
        with pytest.raises(MeaningError, match="the edges point upwards"):
            Taxonomy.from_edges(edges, parents="all")
        return
    tops = {parent for parent, _ in edges} - {node for _, node in edges}
    t = Taxonomy.from_edges(edges, parents="all")
    kept = set(nx.transitive_reduction(nx.DiGraph(edges)).edges)
    rooted = len(tops) == 1
    assert by_name(t) == {edge for edge in kept if not (rooted and edge[0] in tops)}
    assert Taxonomy.from_dict(t.to_dict()) == t
    graph = nx.DiGraph([*reversed(edges), *(("top", node) for node in tops)])
    assert by_name(Taxonomy.from_graph(graph, parents="all")) == (by_name(t) if not rooted else kept)


def test_levels_and_names_of_a_graph() -> None:
    """Attributes of nodes say both; a level that is not below every parent's is a fault."""
    graph = nx.DiGraph([("r", 1), ("r", 2), (1, 3), (2, 3), (2, 4)])
    graph.nodes[3].update(name="both", level="low")
    t = Taxonomy.from_graph(graph, ["high", "middle", "low"], parents="all").bind()
    assert t.describe(t.node_id("both"))[0].level == "low"
    assert t.nodes("middle") == ("both", "4")
    graph.add_edge(4, 3)
    graph.nodes[4]["level"] = "low"
    with pytest.raises(MeaningError, match="node 3: level 3 is not below its parent's level 3"):
        Taxonomy.from_graph(graph, ["high", "middle", "low"], parents="all")


@pytest.mark.parametrize(
    ("edges", "parents", "error", "words"),
    [
        ([("a", "b"), ("b", "c"), ("c", "b"), ("a", "d")], "all", MeaningError, "a cycle: `b` > `c` > `b`"),
        ([("a", "c"), ("b", "c"), ("b", "d")], None, MeaningError, 'help: parents="all" keeps them'),
        ([("a", "c"), ("b", "c")], "most", ValueError, 'expected parents "all", or None'),
        (["ab", "cd"], "all", TypeError, "expected edges as pairs"),
        ("ab", "all", TypeError, "expected edges as pairs"),
        ([("a", "c", 1)], "all", TypeError, "expected edges as pairs"),
        ([("a", "c")], "all", MeaningError, "the graph holds 1 class"),
    ],
)
def test_edges_that_make_no_graph(
    edges: Any, parents: str | None, error: type[Exception], words: str
) -> None:
    """Cycles, several parents that nobody asked for, what is no edge."""
    with pytest.raises(error, match=re.escape(words)):
        Taxonomy.from_edges(edges, parents=parents)


def test_what_is_found_in_it(file: Path) -> None:
    """The edge that is left out is told by load, find and inspect, with its place."""
    t = taxoloss.load(file)
    assert t.notes == (
        "an edge that says nothing more: `tigon` is under `tiger`, which is below `wild` already",
    )
    assert "1 note" in repr(t)
    (found,) = (finding for finding in summaries(find(t)) if finding.code == "T412")
    assert found.message == t.notes[0]
    assert "T405" not in {finding.code for finding in find(t)}  # two nodes are below the lion
    facts = summarize(t)
    assert facts.several_parents == {
        "cat/lion/liger": ("cat/lion", "wild/tiger"), "wild/tiger/tigon": ("wild/tiger", "cat/lion"),
    }  # fmt: skip
    assert [level.stand_ins for level in facts.levels] == [0, 1, 3]
    shown = run("inspect", str(file), "--format", "github").stdout
    assert re.search(r"graph\.yaml,line=11,col=67,title=T412::", shown)
    shown = run("inspect", str(file)).stdout
    assert "several parents  2 nodes: cat/lion/liger (under cat/lion, wild/tiger)" in shown
    data = json.loads(run("inspect", str(file), "--json", "--find", "liger").stdout)
    assert data["several_parents"]["cat/lion/liger"] == ["cat/lion", "wild/tiger"]
    assert data["found"][0]["parents"] == [["cat", "lion"], ["wild", "tiger"]]


def test_inspect_needs_no_torch(file: Path) -> None:
    """The facts of a graph come from numpy and networkx."""
    import subprocess
    import sys

    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom taxoloss.cli import app\n"
        "assert CliRunner().invoke(app, ['inspect', sys.argv[1]]).exit_code == 0\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_groups_that_are_the_same() -> None:
    """Of a graph two levels of as many nodes may make other groups."""
    nodes: Any = {"tree": [
        {"name": "a", "children": [{"name": "c", "children": ["x", "y"]}]},
        {"name": "b", "children": [{"name": "d", "children": ["z", {"name": "w", "also_under": ["a"]}]}]},
    ]}  # fmt: skip
    codes = [finding.code for finding in find(taxoloss.load(nodes))]
    assert "T402" not in codes
    nodes["tree"][1]["children"][0]["children"][1]["also_under"] = ["c"]
    assert "T402" in [finding.code for finding in find(taxoloss.load(nodes))]


def test_what_changed(file: Path, tmp_path: Path) -> None:
    """A node that has other parents is moved, wherever it is written; the columns go with their names."""
    old = taxoloss.load(file)
    text = FILE.replace("also_under: [tiger], ", "")
    new_file = tmp_path / "new.yaml"
    new_file.write_text(text)
    found = old.diff(taxoloss.load(new_file))
    assert [change.new for change in found.moved] == [(("cat", "lion", "liger"),)]
    assert not found.same
    assert old.diff(taxoloss.load(file)).same
    assert found.migration.sources == tuple((place,) for place in range(len(old)))
    told = run("diff", str(file), str(new_file)).stdout
    assert "cat/lion/liger (also under tiger) -> cat/lion/liger\n" in told
    said = difference(old.bind(), taxoloss.load(new_file).bind(), "the state", "", "")
    assert "1 node differs: `cat/lion/liger`" in said


@pytest.mark.parametrize("format", ["edges", "node-link"])
def test_formats_that_say_all_parents(file: Path, format: str, tmp_path: Path) -> None:
    """`sources.read` makes the same graph of them, where it is asked for all parents."""
    t = taxoloss.load(file)
    made = export(t, format)
    path = tmp_path / ("graph.csv" if format == "edges" else "graph.json")
    path.write_bytes(made.data)
    assert made.left_out == ()
    again = sources.read(path, parent="all").taxonomy
    assert again == t
    assert again.aliases == t.aliases


@pytest.mark.parametrize(
    ("format", "edge"),
    [("dot", "n6 -> n4;"), ("mermaid", "n6 --> n4"), ("newick", None), ("ranks", None), ("paths", None)],
)
def test_pictures_in_text_and_tables(file: Path, format: str, edge: str | None) -> None:
    """DOT and Mermaid draw each edge; Newick and tables of ranks say what they leave out."""
    made = export(taxoloss.load(file), format)
    left_out = "further parents of 2 nodes" in made.left_out
    assert left_out == (edge is None)
    assert edge is None or edge in made.data.decode()


def test_the_tree_of_the_homes_is_shown(file: Path) -> None:
    """In notebooks a node stands where it is written; its classes are counted along all edges."""
    html = taxoloss.load(file)._repr_html_()
    assert html.count("liger") == 1
    assert "wild <small>4 classes</small>" in html
    assert "lion <small>2 classes</small>" in html


def test_the_schema_knows_the_key() -> None:
    """A list of names, or of paths as lists."""
    item = schema()["definitions"]["item"]["anyOf"][1]["properties"]
    assert item["also_under"]["type"] == "array"


def test_names_with_slashes_are_kept(tmp_path: Path) -> None:
    """A parent that no text means is named by the list of its names."""
    tree = [
        {
            "name": "a",
            "children": [{"name": "b/c", "children": [{"name": "x", "also_under": [["a/b", "c"]]}]}],
        },
        {"name": "a/b", "children": [{"name": "c", "children": ["y"]}]},
        {"name": "d", "children": [{"name": "c", "children": ["z"]}]},
    ]
    t = taxoloss.load({"tree": tree})
    t.save(tmp_path / "a.yaml")
    assert "also_under: [[a/b, c]]" in (tmp_path / "a.yaml").read_text()
    assert taxoloss.load(tmp_path / "a.yaml") == t
