"""A tree as JSON of several forms, Newick, DOT and Mermaid."""

from __future__ import annotations

import json
import re
from typing import Any

from taxoloss.taxonomy.exports.output_format import OutputFormat
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FORMATS", "dot", "mermaid", "nested", "newick", "node_link"]


def _dumped(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def nested(taxonomy: Taxonomy) -> str:
    """{"cat": {"Bengal": {}, ...}}: names alone."""
    written: list[dict[str, Any]] = [{} for _ in range(len(taxonomy.tree))]
    for parent, node in taxonomy.tree.edges():
        written[parent][taxonomy.tree.names[node]] = written[node]
    return _dumped(written[0])


def node_link(taxonomy: Taxonomy) -> str:
    """networkx's node-link form; d3 reads it too. Nodes have their level as `rank`."""
    tree = taxonomy.tree
    nodes: list[dict[str, Any]] = []
    for node in range(1, len(tree)):
        facts: dict[str, Any] = {"id": str(node), "name": tree.names[node]}
        facts["rank"] = taxonomy.levels[tree.level[node] - 1]
        if node in taxonomy.aliases:
            facts["aliases"] = list(taxonomy.aliases[node])
        if node in taxonomy.descriptions:
            facts["description"] = taxonomy.descriptions[node]
        nodes.append(facts)
    links = [{"source": str(parent), "target": str(node)} for parent, node in tree.all_edges() if parent]
    graph = {"name": taxonomy.name, "levels": list(taxonomy.levels)}
    return _dumped({"directed": True, "multigraph": False, "graph": graph, "nodes": nodes, "links": links})


# -- Newick ----------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9.-]*")


def _quoted(name: str) -> str:
    """Between quotes, but for plain letters and digits: spaces, brackets and "_" mean something there."""
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def _comment(text: str) -> str:
    """Text for a comment: brackets and quotes, which would end it, by their numbers."""
    return re.sub(r"[\\\[\]'%/():;,\s]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), text)


def newick(taxonomy: Taxonomy) -> str:
    """One line; comments [level=NAME] where a rank is missing, [levels=A/B] at the root."""
    below = taxonomy.tree.children()
    pieces: list[str] = []
    # A node stands twice on the stack: before its children, and after them (as its complement).
    stack = [0]
    while stack:
        node = stack.pop()
        if node >= 0 and pieces and pieces[-1] != "(":
            pieces.append(",")
        if node >= 0 and below[node]:
            pieces.append("(")
            stack += [~node, *reversed(below[node])]
        else:
            pieces += [")"] if node < 0 else []
            pieces.append(_label(taxonomy, max(node, ~node)))
    return "".join(pieces) + ";\n"


def _label(taxonomy: Taxonomy, node: int) -> str:
    tree = taxonomy.tree
    if node == 0:
        return f"root[levels={'/'.join(map(_comment, taxonomy.levels))}]"
    label = _quoted(tree.names[node])
    if tree.level[node] != tree.level[tree.parent[node]] + 1:
        label += f"[level={_comment(taxonomy.levels[tree.level[node] - 1])}]"
    return label


# -- pictures in text ------------------------------------------------------------------------------


def dot(taxonomy: Taxonomy) -> str:
    """Graphviz's language; names in double quotes, nothing in them is acted on."""
    lines = ["digraph taxonomy {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    title = taxonomy.name or "root"
    for node, name in enumerate((title, *taxonomy.tree.names[1:])):
        text = name.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  n{node} [label="{text}"];')
    lines += [f"  n{parent} -> n{node};" for parent, node in taxonomy.tree.all_edges()]
    return "\n".join([*lines, "}", ""])


def mermaid(taxonomy: Taxonomy) -> str:
    """A flowchart for Markdown; what Mermaid or HTML would act on is written by its number."""
    lines = ["flowchart LR"]
    for node, name in enumerate((taxonomy.name or "root", *taxonomy.tree.names[1:])):
        text = re.sub(r"[^\w .,/()+-]", lambda m: f"#{ord(m[0])};", name)
        lines.append(f'  n{node}["{text}"]')
    lines += [f"  n{parent} --> n{node}" for parent, node in taxonomy.tree.all_edges()]
    return "\n".join([*lines, ""])


FORMATS = (
    OutputFormat("nested", nested),
    OutputFormat("node-link", node_link, keeps=("levels", "aliases", "descriptions", "parents")),
    OutputFormat("newick", newick, (".nwk", ".newick"), keeps=("levels",)),
    OutputFormat("dot", dot, (".dot", ".gv"), keeps=("parents",)),
    OutputFormat("mermaid", mermaid, (".mmd", ".mermaid"), keeps=("parents",)),
)
