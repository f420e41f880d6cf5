"""Rows of random trees and graphs, with what is answered to them, and a walk up the tree by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from graphs import bound, graphs
from hypothesis import strategies as st
from inner_cases import inner_cases
from torch import Tensor
from trees import seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.evaluation.scores import Evaluation, Settings, answered, evaluate
from taxoloss.report.numbers.gathered import Collector, Gathered

__all__ = ["KINDS", "Rows", "flat", "rows_of", "some_rows", "species"]

#: What may be answered: numbers of all classes, decisions of them, nodes, rankings, some nodes unknown.
KINDS = ("logits", "climb", "minimum_cost", "nodes", "ranking", "unknown")
#: Rows of a piece at least.
_PIECE = 7


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as a file has them, scored and gathered; and the oracle, row by row.

    Args:
        taxonomy: bound with node_targets=True.
        preds: logits, node ids or rankings.
        target: node ids.
        unknown: which answers are no node.
        settings: the decision.
    """

    taxonomy: Taxonomy
    preds: Tensor
    target: Tensor
    unknown: Tensor
    settings: Settings

    @property
    def is_logits(self) -> bool:
        """Whether the predictions are numbers of all classes."""
        return self.preds.is_floating_point()

    def pieces(self) -> list[Piece]:
        """The rows in pieces, numbered by thousands, and named."""
        found = []
        size = max(_PIECE, len(self.target) // 4)
        for start in range(0, len(self.target), size):
            rows = range(start, min(start + size, len(self.target)))
            at = slice(rows.start, rows.stop)
            stated = torch.tensor([0.5 if row % 3 else torch.nan for row in rows])
            found.append(
                Piece(
                    start + 1,
                    self.preds[at],
                    self.target[at],
                    [1000 * row + 1 for row in rows],
                    [f"sample {row}" for row in rows],
                    probability=None if self.is_logits else stated,
                    unknown=self.unknown[at],
                    said=[f"text {row}" for row in rows],
                )
            )
        return found

    @cached_property
    def scored(self) -> tuple[Gathered, Evaluation]:
        """The rows, gathered while they are scored, and the scores."""
        pieces, places = self.pieces(), 1 if self.preds.dim() == 1 else self.preds.shape[1]
        samples = Samples(
            Path("rows"), "rows", lambda: iter(pieces), places=None if self.is_logits else places
        )
        collector = Collector(self.taxonomy)
        found = evaluate(samples, self.taxonomy, self.settings, lambda rows: None, collector.take)
        return collector.gathered(), found

    @cached_property
    def gathered(self) -> Gathered:
        """The rows, gathered without being scored."""
        collector = Collector(self.taxonomy)
        for piece in self.pieces():
            collector.take(piece, answered(piece.preds, self.taxonomy, self.settings))
        return collector.gathered()

    @cached_property
    def parents(self) -> list[list[int]]:
        """For each tree number its parents; of the leaf of a class above classes those of its node."""
        return [self.taxonomy.tree.parents_of(node) for node in range(self.taxonomy.num_nodes)]

    def above(self, node: int) -> set[int]:
        """The node and all above it, along all edges, by tree numbers."""
        found = {node}
        for parent in self.parents[node]:
            found |= self.above(parent)
        return found

    def home_line(self, node: int) -> list[int]:
        """The node and the nodes above it along the homes, up to the root."""
        return [node] if node == 0 else [node, *self.home_line(int(self.taxonomy.tree.parent[node]))]

    def shared_home(self, one: int, other: int) -> int:
        """The lowest common ancestor along the homes."""
        return next(node for node in self.home_line(one) if node in self.home_line(other))


def rows_of(
    t: Taxonomy, preds: Any, target: Any, unknown: Sequence[bool] | None = None, **settings: Any
) -> Rows:
    """Rows of lists or tensors; the intervals are of few draws."""
    preds, target = torch.as_tensor(preds), torch.as_tensor(target)
    none = torch.zeros(len(target), dtype=torch.bool)
    lost = none if unknown is None else torch.tensor(unknown)
    return Rows(t, preds, target, lost, Settings(**{"draws": 20, **settings}))


@st.composite
def _trees(draw: st.DrawFn, kind: str) -> Taxonomy:
    """A random tree, one with inner classes, or a graph; bound in a random order."""
    if kind == "graph":
        return bound(draw(graphs()), draw(seeds))[0]
    return (draw(inner_cases()) if kind == "inner" else draw(taxonomies())).taxonomy


@st.composite
def some_rows(draw: st.DrawFn, kinds: Sequence[str] = KINDS, least: int = 2) -> Rows:
    """Rows of a random tree: truths of all depths, some of them the root, at least one below it."""
    t = draw(_trees(draw(st.sampled_from(("tree", "tree", "inner", "graph")))))
    kind, r = draw(st.sampled_from(kinds)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(least, 25))
    target = r.integers(0, t.num_nodes, n)
    target[0] = r.integers(len(t))
    preds: Any = r.integers(0, t.num_nodes - 1, n)
    preds = np.where(r.random(n) < 0.3, target, preds)
    unknown = r.random(n) < (0.3 if kind == "unknown" else 0)
    preds[unknown] = t.num_nodes - 1
    if kind == "ranking":
        places = min(3, len(t))
        preds = np.stack([r.permutation(len(t))[:places] for _ in range(n)])
    if kind in ("logits", "climb", "minimum_cost"):
        preds = r.normal(0, 3, (n, len(t))).astype(np.float32)
    decision = {"climb": "climb", "minimum_cost": "minimum_cost"}.get(kind)
    return rows_of(t, preds, target, unknown.tolist(), decision=decision)


def flat(classes: int) -> Taxonomy:
    """A tree of one level, bound."""
    return Taxonomy.from_paths([(f"c{number}",) for number in range(classes)], ["class"]).bind(
        node_targets=True
    )


def species(families: int = 3, genera: int = 3, each: int = 4) -> Taxonomy:
    """Three levels, as many nodes below each, names in no order; bound in the file's order."""
    rows = [
        (f"F{f}", f"G{f}{g}", f"{'zaqwsxcd'[s]}{7 * f + 3 * g} s")
        for f in range(families)
        for g in range(genera)
        for s in range(each)
    ]
    return taxoloss.Taxonomy.from_paths(rows, ["family", "genus", "species"]).bind(node_targets=True)
