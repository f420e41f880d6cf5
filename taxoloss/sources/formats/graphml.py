"""GraphML, read by networkx; the file is looked at by defusedxml before."""

from __future__ import annotations

import io
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, foreign, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.refusals import rdf_text

__all__ = ["FORMAT", "is_graphml", "read_graphml"]


def read_graphml(path: Path, options: Options) -> Found:
    """A graph with edges from parent to child; nodes are called by their label or name."""
    text = rdf_text(path, options)
    with foreign("GraphML", str(path)):
        import defusedxml.ElementTree
        import networkx as nx

        defusedxml.ElementTree.fromstring(text.encode(), forbid_dtd=True)
        graph = nx.read_graphml(io.BytesIO(text.encode()))
    if not graph.is_directed():
        raise refuse(str(path), "the graph is undirected: which end of an edge is the parent?")
    nodes = SourceGraph(str(path), options)
    for node, data in graph.nodes(data=True):
        title = next((str(data[key]) for key in ("name", "label", "title") if data.get(key)), None)
        nodes.add(str(node), title, rank=str(data["rank"]) if data.get("rank") else None)
    for up, down in graph.edges():
        nodes.link(str(down), str(up))
    how = f"{counted(graph.number_of_nodes(), 'node')}, edges from parent to child"
    return Found(nodes.taxonomy(), "graphml", how, tuple(nodes.notes))


_GRAPHML = """\
<?xml version="1.0"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">
<node id="r"/><node id="a"/><node id="b"/>
<edge source="r" target="a"/><edge source="r" target="b"/>
</graph></graphml>
"""


def is_graphml(sample: Sample) -> bool:
    """Whether a text is XML with a graphml in it."""
    return sample.start.startswith("<") and "<graphml" in sample.text


FORMAT = Format(
    "graphml",
    read_graphml,
    "GraphML",
    suffixes=(".graphml",),
    sniff=is_graphml,
    needs="defusedxml",
    example=("graph.graphml", _GRAPHML),
)
