"""One builder for files, rows, graphs and sources: what is no tree is found by each, in linear time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import taxoloss
from taxoloss import sources
from taxoloss.errors.faults import FaultLog, TaxonomyError
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.builder import TreeBuilder

LEVELS = ["order", "genus", "species"]


def codes(error: TaxonomyError) -> list[str]:
    """The codes of its faults."""
    return [fault.code for fault in error.faults]


def as_file(nodes: list[dict[str, Any]], folder: Path) -> Taxonomy:
    """The taxonomy of a file that writes the nodes out."""
    of = {node["id"]: {key: node[key] for key in ("name", "level")} for node in nodes}
    for node in nodes:
        if node["parent"] is not None:
            of[node["parent"]].setdefault("children", []).append(of[node["id"]])
    tree = [of[node["id"]] for node in nodes if node["parent"] is None]
    return taxoloss.load({"levels": LEVELS, "tree": tree})


def as_graph(nodes: list[dict[str, Any]], folder: Path) -> Taxonomy:
    """The taxonomy of a networkx graph, below a root of its own."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for node in nodes:
        graph.add_node(node["id"], name=node["name"], level=node["level"])
    graph.add_edges_from(
        ("root" if node["parent"] is None else node["parent"], node["id"]) for node in nodes
    )
    return Taxonomy.from_graph(graph, LEVELS)


def as_source(nodes: list[dict[str, Any]], folder: Path) -> Taxonomy:
    """The taxonomy of a file of nodes and links."""
    named = [{"id": node["id"], "name": node["name"], "rank": node["level"]} for node in nodes]
    links = [{"source": n["parent"], "target": n["id"]} for n in nodes if n["parent"] is not None]
    file = folder / "nodes.json"
    file.write_text(json.dumps({"nodes": named, "links": links}))
    return sources.read(file, kind="node-link", ranks=LEVELS).taxonomy


FORMS = (as_file, as_graph, as_source)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({3: {"name": "b"}}, ["T201"]),
        ({2: {"level": "order"}}, ["T206"]),
        ({2: {"level": "order"}, 5: {"name": "x"}}, ["T206", "T201"]),
    ],
)
def test_each_form_finds_the_same(
    form: Any, changes: dict[int, dict[str, str]], expected: list[str], tmp_path: Path
) -> None:
    """Two siblings of one name, a level that is not below its parent's; all at once."""
    nodes: list[dict[str, Any]] = [
        {"id": 0, "name": "a", "level": "order", "parent": None},
        {"id": 1, "name": "z", "level": "order", "parent": None},
        {"id": 2, "name": "b", "level": "genus", "parent": 0},
        {"id": 3, "name": "c", "level": "genus", "parent": 0},
        {"id": 4, "name": "x", "level": "species", "parent": 3},
        {"id": 5, "name": "y", "level": "species", "parent": 3},
    ]
    for number, change in changes.items():
        nodes[number] |= change
    if not expected:
        paths = (("a", "b"), ("a", "c", "x"), ("a", "c", "y"), ("z",))
        assert form(nodes, tmp_path).paths() == paths
        return
    with pytest.raises(TaxonomyError) as caught:
        form(nodes, tmp_path)
    assert sorted(codes(caught.value)) == sorted(expected)


@pytest.mark.parametrize("seed", range(200))
def test_cycles_are_those_of_networkx(seed: int) -> None:
    """One is found where there is one; it is a closed walk from parent to child; no node is in two."""
    rng = random.Random(seed)
    count = rng.randint(1, 9)
    edges = [(rng.randrange(count), rng.randrange(count)) for _ in range(rng.randint(0, 12))]
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(range(count))
    builder = TreeBuilder(FaultLog())
    cycles: list[list[int]] = []
    builder.cycle = lambda keys: cycles.append(list(keys)) or {"message": ""}  # type: ignore[method-assign,func-returns-value]
    builder.check_cycles({node: list(graph.predecessors(node)) for node in graph})
    assert bool(cycles) == (not nx.is_directed_acyclic_graph(graph))
    assert len(builder.log.faults) == len(cycles)
    for first, *rest in cycles:
        assert rest[-1] == first
        assert nx.is_path(graph, [first, *rest])
        assert len(set(rest)) == len(rest)
    if max(dict(graph.in_degree()).values()) < 2:
        found = {frozenset(cycle) for cycle in cycles}
        assert found == {frozenset(cycle) for cycle in nx.simple_cycles(graph)}


@pytest.mark.slow
def test_a_long_chain_is_no_recursion(tmp_path: Path) -> None:
    """A chain of 100,000 nodes, closed or too deep: said, and no stack is used up."""
    chain = [(number, number + 1) for number in range(100_000)]
    with pytest.raises(taxoloss.TaxonomyError, match="T204: node 65: level 65 is too deep"):
        Taxonomy.from_graph(nx.DiGraph(chain))
    with pytest.raises(taxoloss.TaxonomyError, match="T211: a cycle: `0` > `1`"):
        Taxonomy.from_graph(nx.DiGraph([*chain, (100_000, 0)]))
    file = tmp_path / "edges.csv"
    file.write_text("child,parent\n" + "".join(f"n{child},n{parent}\n" for parent, child in chain))
    with pytest.raises(taxoloss.TaxonomyError, match="T111: `n65` is deeper than 64 levels"):
        sources.read(file, kind="edges")


def test_too_deep_is_said_once_for_a_branch() -> None:
    """As in a file: what is below it is too deep as well."""
    graph = nx.DiGraph([("r", "a"), ("a", "b"), ("b", "c"), ("r", "d"), ("d", "e")])
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        Taxonomy.from_graph(graph, ["top"])
    assert [(fault.code, fault.found) for fault in caught.value.faults] == [("T204", "b"), ("T204", "e")]


def test_a_graph_without_direction_is_refused() -> None:
    """Which end of an edge is the parent?"""
    with pytest.raises(
        TypeError, match="expected a directed graph, parent -> child, got Graph with 3 nodes"
    ):
        Taxonomy.from_graph(nx.Graph([("r", "a"), ("r", "b")]))  # type: ignore[arg-type]
