"""A summary as a person reads it in a terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as RichTree

from taxoloss.cli.inspection.weights import WeightingFacts
from taxoloss.cli.shared import plain
from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.taxonomy.findings import summaries
from taxoloss.taxonomy.summary import Summary
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["render_summary", "render_weighting"]

_MOST_CHILDREN = 8
_MOST_ROWS = 60
_MOST_SHOWN = 5


#: Columns of a tree's line for each level, and the least that is left for a name.
_GUIDE, _NAME = 4, 40


def render_summary(taxonomy: Taxonomy, summary: Summary, depth: int | None = None) -> RenderableType:
    """Facts, a table of the levels, the findings and the tree, to a depth or cut to the top of it."""
    parts: list[RenderableType] = [_facts(taxonomy, summary), Text(), _levels(summary), Text()]
    parts += [Text("findings", style="bold"), *_findings(summary), Text()]
    parts += [Text("tree", style="bold"), _tree(taxonomy, depth)]
    return Group(*parts)


def _several(taxonomy: Taxonomy, summary: Summary) -> str | None:
    """How many nodes have several parents, and the first of them; None where none has."""
    if taxonomy.is_tree:
        return None
    shown = []
    for path, parents in list(summary.several_parents.items())[:_MOST_SHOWN]:
        shown.append(f"{path} (under {', '.join(parents)})")
    more = len(summary.several_parents) - len(shown)
    rest = f" and {more:,} more (all with --json)" if more else ""
    return f"{counted(len(summary.several_parents), 'node')}: {'; '.join(shown)}{rest}"


def _facts(taxonomy: Taxonomy, summary: Summary) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    depth = str(summary.smallest_depth)
    if summary.smallest_depth < summary.largest_depth:
        depth += f" to {summary.largest_depth}"
    facts = {
        "name": summary.name,
        "description": summary.description,
        "source": summary.source,
        "version": summary.version,
        "licence": summary.licence,
        "classes": f"{summary.classes:,}",
        "inner nodes": f"{summary.inner_nodes:,}",
        "several parents": _several(taxonomy, summary),
        "depth": depth,
        "branching": f"at most {summary.largest_branching:,} children",
        "weights": f"from {summary.weights_from}"
        if "file" in summary.weights_from
        else summary.weights_from,
        "initial loss": f"{summary.chance_loss:.3f}: the sum of weight x chance loss, for equal logits",
        "digest": summary.digest[:16],
    }
    for key, value in facts.items():
        if value is not None:
            table.add_row(Text(key, style="bold"), plain(value))
    return table


def _levels(summary: Summary) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("level")
    for column in ("nodes", "smallest", "largest", "entropy", "end above", "stand-ins", "weight"):
        table.add_column(column, justify="right")
    for column in ("chance loss", "chance acc."):
        table.add_column(column, justify="right")
    for level in summary.levels:
        table.add_row(
            plain(level.name),
            f"{level.nodes:,}",
            f"{level.smallest_group:,}",
            f"{level.largest_group:,}",
            f"{level.entropy_bits:.2f}",
            f"{100 * level.ended_above / summary.classes:.3g} %",
            f"{level.stand_ins:,}",
            f"{level.weight:.4g}",
            f"{level.chance_loss:.3f}",
            f"{level.chance_accuracy:.3f}",
        )
    note = Text(
        "smallest, largest: classes of a node; entropy: of its groups, in bits; end above: classes that "
        "end above the level; stand-ins: these and others shown there by a node of another level; chance: "
        "equal logits, one sample a class",
        style="dim",
    )
    return Group(table, note)


def _findings(summary: Summary) -> Iterator[RenderableType]:
    if not summary.findings:
        yield Text("none")
    for finding in summaries(summary.findings):
        yield Text.assemble((finding.code, "yellow"), " ", plain(finding.message))


def _tree(taxonomy: Taxonomy, depth: int | None) -> _Wide:
    """The top of the tree: the first children of each node, row by row until there are enough.

    With a depth: all children, down to it. What is left out is counted at its place.
    """
    tree = taxonomy.tree
    children = tree.children()
    picture = RichTree(plain(taxonomy.name or "root"))
    waiting = deque([(0, picture)])
    rows = deepest = 0
    while waiting:
        node, branch = waiting.popleft()
        deepest = int(tree.depth[node]) + 1  # of what is added: nodes come row by row
        below = children[node]
        if depth is not None:
            shown = below if tree.depth[node] < depth else ()
        else:
            shown = below[:_MOST_CHILDREN] if rows < _MOST_ROWS else ()
        for child in shown:
            waiting.append((child, branch.add(_label(taxonomy, child))))
        rows += len(shown)
        if len(shown) < len(below):
            branch.add(_more(taxonomy, list(below[len(shown) :])))
    return _Wide(picture, deepest)


def _more(taxonomy: Taxonomy, nodes: list[int]) -> Text:
    """How many nodes are left out; and how many classes, where that is another number."""
    tree = taxonomy.tree
    classes = len({leaf for node in nodes for leaf in tree.leaves_below(node).tolist()})
    more = "" if tree.is_leaf[nodes].all() else f", {classes:,} {'class' if classes == 1 else 'classes'}"
    return Text(f"... {len(nodes):,} more{more}", style="dim", no_wrap=True)


@dataclass(frozen=True)
class _Wide:
    """A tree that has room for the names of its deepest nodes, however narrow the terminal is."""

    tree: RichTree
    depth: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(options.max_width, _GUIDE * self.depth + _NAME)
        yield from console.render(self.tree, options.update(width=width))


def _label(taxonomy: Taxonomy, node: int) -> Text:
    tree = taxonomy.tree
    label = plain(tree.names[node])
    label.no_wrap, label.overflow = True, "ellipsis"
    if not tree.is_leaf[node]:
        label.append(f"  {int(tree.num_leaves[node]):,}", style="dim")
    if (description := taxonomy.descriptions.get(node)) is not None:
        label.append(f"  {escape_invisible(description)}", style="dim")
    return label


def render_weighting(facts: WeightingFacts) -> RenderableType:
    """What some targets pay under a schedule: a row for each level, then the sum."""
    alike = "all classes have these weights" if facts.classes_alike else "classes differ in their weights"
    title = Text.assemble("\n", ("weighting", "bold"), f"  {escape_invisible(facts.schedule)}; {alike}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("target", "level", "node"):
        table.add_column(column)
    for column in ("weight", "chance loss"):
        table.add_column(column, justify="right")
    for target in facts.targets:
        kind = target.kind
        for share in target.levels:
            numbers = f"{share.weight:.4g}", f"{share.chance_loss:.3f}"
            table.add_row(kind, plain(share.level), plain(share.node[-1]), *numbers)
            kind = ""
        table.add_row("", "", Text("sum", "bold"), f"{target.weight:.4g}", f"{target.chance_loss:.3f}")
    note = (
        "a target pays the sum of weight x -log P(node); chance: equal logits, for the target shown; "
        "inner nodes are targets where bound with node_targets=True"
    )
    return Group(title, table, Text(note, style="dim"))
