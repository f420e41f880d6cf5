"""A tree as HTML that unfolds at a click, for notebooks: no script, nothing from outside."""

from __future__ import annotations

from html import escape

from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["tree_html"]

_BELOW = 'style="margin-left:1.2em"'


def tree_html(tree: Tree, title: str, most: int = 2000) -> str:
    """Nested <details>, the outermost open; at most so many nodes, the others are counted.

    What is nearer to the root is written first.

    >>> import taxoloss
    >>> tree = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).tree
    >>> print(tree_html(tree, "pets", most=3))
    <details open><summary>pets</summary>
    <details style="margin-left:1.2em"><summary>cat <small>2 classes</small></summary>
    <div style="margin-left:1.2em">Bengal</div>
    <div style="margin-left:1.2em"><small>… 1 more</small></div>
    </details>
    <div style="margin-left:1.2em">dog <small>1 class</small></div>
    </details>
    """
    written = _written(tree, most)
    lines = [f"<details open><summary>{_text(title)}</summary>"]
    waiting: list[int | str] = ["</details>", *_below(tree, 0, written)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            lines.append(one)
        elif written.get(one):
            lines.append(f"<details {_BELOW}><summary>{_node(tree, one)}</summary>")
            waiting += ["</details>", *_below(tree, one, written)]
        else:
            lines.append(f"<div {_BELOW}>{_node(tree, one)}</div>")
    return "\n".join(lines)


def _written(tree: Tree, most: int) -> dict[int, int]:
    """How many children of each node are written, breadth first; 0 of those that are not there."""
    written: dict[int, int] = {}
    waiting = [0]
    for node in waiting:
        if most == 0:
            break
        children = tree.children_of(node)[:most].tolist()
        written[node] = len(children)
        most -= len(children)
        waiting += children
    return written


def _below(tree: Tree, node: int, written: dict[int, int]) -> list[int | str]:
    """What is written below a node, the last first."""
    children = tree.children_of(node).tolist()
    shown = written.get(node, 0)
    rest = f"<div {_BELOW}><small>… {len(children) - shown:,} more</small></div>"
    return [*([rest] if shown < len(children) else []), *reversed(children[:shown])]


def _node(tree: Tree, node: int) -> str:
    name = _text(tree.names[node])
    if tree.is_leaf[node]:
        return name
    return f"{name} <small>{counted(int(tree.num_leaves[node]), 'class')}</small>"


def _text(text: str) -> str:
    return escape(escape_invisible(text))
