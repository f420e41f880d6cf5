"""The bundled graph of ImageNet's classes beside the tree that takes one parent of each node."""

from __future__ import annotations

import re
from pathlib import Path

import taxoloss


def test_imagenet1k_dag_has_every_parent_that_imagenet1k_left_out() -> None:
    """All that is above a node of the tree is above it in the graph, and so are the parents not taken."""
    tree, graph = (taxoloss.load(name).bind() for name in ("imagenet1k", "imagenet1k_dag"))
    names = graph.tree.names
    above = {names[node]: {names[up] for up in graph.tree.reach.above[node]} for node in range(len(names))}
    for name in set(tree.tree.names[1:]):
        (node,) = [n for n in tree.index.by_name(name) if tree.tree.names[n] == name]
        assert set(tree.tree.path(node)) <= above[name]
    text = (Path(__file__).parents[2] / "taxonomies" / "imagenet1k.yaml").read_text(encoding="utf-8")
    told = re.findall(r"# (n\d{8}) \(.*\) stands below .*, not (.*)", text)
    assert all(set(re.findall(r"n\d{8}", others)) <= above[name] for name, others in told)
    assert sum(len(graph.parents(node)) > 1 for node in range(graph.num_nodes)) == 73
