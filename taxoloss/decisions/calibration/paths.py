"""The nodes that labelled rows may be answered by, and by how much the loss rises along them.

On a tree the answer of `climb` or `top_down` at a threshold t is the deepest node of a row's path with
log-odds above t. A node is wrong where it is neither the target nor above it; with a node all below it on
the path is wrong. So the loss of row i, as t falls, is a staircase: it rises at the log-odds of its wrong
nodes.

    loss "wrong":  by 1 at s_i, the log-odds of the highest wrong node (none: never)
    loss "height": at each wrong node by the edges to the node before it: edges down from the LCA

Where nodes have several parents the answer of `climb` is the first node above t on the line of the best
class, the most informative first. As t falls, an answer that is wrong may be followed by one that is right:
the loss is no staircase. In its place stands the worst so far,

    worst_i(t) = the largest loss of the answers to row i at t and at all higher thresholds

which is one, and never below the loss. For the 0/1 loss s_i is then the smallest threshold from which on
every answer is right. A node is an answer at some threshold where it is surer than all before it on the
line. With "height" a wrong node costs the edges of the shortest way up to what it shares with the target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from taxoloss.decisions.cut import deepest_above, first_above
from taxoloss.decisions.inputs import Allowed, Nodes, Scores, prepared, tensor_of_scores
from taxoloss.decisions.on_path import ON_PATH, line_of, refuse_graph
from taxoloss.functional.arithmetic import flat_rows, row_blocks
from taxoloss.functional.arrays import ids_of, refuse_two_row_orders
from taxoloss.functional.graphs.log_odds import line_log_odds
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.inputs import check_logits, check_width, host_may_read, target_ids
from taxoloss.functional.log_odds import path_log_odds
from taxoloss.functional.slips import target_help
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Paths", "answered", "most_edges", "paths_of", "staircase"]

#: Comparisons of a block of rows.
_BLOCK = 1 << 24


@dataclass(frozen=True, eq=False)
class Paths:
    """The paths that n labelled rows are answered from; on the CPU, log-odds in float64."""

    tensors: Nodes
    classes: Tensor  # (n,)
    target: Tensor  # (n,)
    # L is K where nodes have several parents, and a line as `GraphNodes.lines` has it.
    log_odds: Tensor  # (n, L)
    line: Tensor  # (n, L): node ids
    wrong: Tensor  # (n, L)
    kept: Tensor  # (rows given,): which rows these are

    @property
    def coarse(self) -> Tensor:
        """(n,): which rows are labelled above the classes; a class above other classes is no such label."""
        return self.target >= self.tensors.num_classes

    def without_coarse(self) -> Paths:
        """Those of the rows that are labelled with a class."""
        return self.only(~self.coarse)

    def only(self, rows: Tensor) -> Paths:
        """Those of the rows that are chosen, (n,) bool."""
        kept = self.kept.clone()
        kept[self.kept] = rows
        some = {
            name: getattr(self, name)[rows] for name in ("classes", "target", "log_odds", "line", "wrong")
        }
        return replace(self, kept=kept, **some)


def paths_of(
    logits: Scores,
    target: Any,
    taxonomy: Taxonomy,
    decision: str,
    ignore_index: int = -100,
    allowed: Allowed = None,
    probabilities: bool = False,
) -> Paths:
    """The paths of rows (N, C), or (N, C, d1..dk), without those that are ignored or known as the root."""
    if decision not in ON_PATH:
        raise ValueError(
            f"expected decision as one of {tuple(ON_PATH)}, got {decision!r}: with the threshold its "
            "answer may change to another branch, and no promise can be made"
        )
    refuse_graph(decision, taxonomy)
    refuse_two_row_orders(logits, target)
    logits = tensor_of_scores(logits, taxonomy, probabilities)
    target = ids_of(target, device=logits.device)
    with torch.no_grad():
        plan = loss_plan_of(taxonomy)
        check_logits(logits, plan, target)
        expected = (logits.shape[0], *logits.shape[2:]) if logits.dim() > 1 else (1,)
        if target.shape != expected:
            raise ValueError(
                f"expected target of shape {expected} for logits of shape {tuple(logits.shape)}, "
                f"got {tuple(target.shape)}{target_help(logits, target, host_may_read(target))}"
            )
        check_width(target, plan.num_targets)
        ids, valid = target_ids(target, ignore_index, plan)
        kept = ids != plan.num_nodes - 1
        kept = kept if valid is None else kept & valid
        ready, tensors = prepared(logits, taxonomy, allowed, kept, probabilities)
        classes = ON_PATH[decision](ready, tensors)
        is_graph = isinstance(tensors, GraphNodes)
        odds = (line_log_odds if is_graph else path_log_odds)(ready, classes, taxonomy)
        odds = flat_rows(odds)  # (rows given, L)
        kept, ids, classes = kept.reshape(-1), ids.reshape(-1), classes.reshape(-1)
        line = _lines(classes, tensors)  # (rows given, L), as `wrong`
        blocks = row_blocks(len(line), line.shape[1] ** 2, _BLOCK)
        wrong = torch.cat([~tensors.at_or_above(line[rows], ids[rows].unsqueeze(1)) for rows in blocks])
        parts = [part[kept].cpu() for part in (classes, ids, odds, line, wrong)]
        return Paths(tensors, parts[0], parts[1], parts[2].double(), parts[3], parts[4], kept.cpu())


def _lines(classes: Tensor, tensors: Nodes) -> Tensor:
    """(n, L) of classes (n,): the nodes that may be answered, without the root of a tree."""
    return line_of(classes, tensors) if isinstance(tensors, GraphNodes) else tensors.lines[classes, 1:]


def answered(paths: Paths, taken: Tensor) -> tuple[Tensor, Tensor]:
    """(n,) and (n,): the nodes that are answered, and their levels, 0 for the root.

    Args:
        paths: of n rows.
        taken: (n, L): which nodes are above the threshold.
    """
    tensors = paths.tensors
    if isinstance(tensors, GraphNodes):
        answer = first_above(taken, paths.line, tensors.root)[0]
        stands = tensors.on_level.cpu()[answer]
        return answer, torch.where(answer == tensors.root, 0, stands.long().argmax(1) + 1)
    lines = tensors.lines.cpu()
    answer = deepest_above(taken, paths.classes, lines)[0]
    # A node that stands for missing ranks is answered on its own level.
    return answer, (lines[paths.classes] == answer.unsqueeze(1)).long().argmax(1)


def most_edges(tensors: Nodes) -> int:
    """By how many edges an answer may be too far down at most: from the root."""
    if isinstance(tensors, GraphNodes):
        return int(tensors.ways[tensors.lines == tensors.root].max())
    return int(tensors.depth.max())


def staircase(paths: Paths, odds: Tensor, loss: str) -> tuple[Tensor, Tensor]:
    """(n, L) and (n, L): by how much each row's loss rises, and below which threshold.

    Args:
        paths: of n rows.
        odds: (n, L): log-odds as thresholds compare them.
        loss: "wrong" or "height".
    """
    if isinstance(paths.tensors, GraphNodes):
        return _worst_so_far(paths, paths.tensors, odds, loss), odds
    # A wrong node is taken where it or a node below it is above the threshold: the deepest is answered.
    at = torch.where(paths.wrong, odds, -torch.inf).flip(1).cummax(1).values.flip(1)
    if loss == "wrong":
        return (paths.wrong & (paths.wrong.cumsum(1) == 1)).double(), at
    depth = paths.tensors.depth.cpu()
    before = torch.cat([torch.full_like(paths.line[:, :1], paths.tensors.root), paths.line[:, :-1]], 1)
    return ((depth[paths.line] - depth[before]) * paths.wrong).double(), at


def _worst_so_far(paths: Paths, tensors: GraphNodes, odds: Tensor, loss: str) -> Tensor:
    """(n, K): by how much the worst answer so far is worse below the log-odds (n, K) of each node."""
    none = torch.full_like(odds[:, :1], -torch.inf)
    surest_before = torch.cat([none, odds.cummax(1).values[:, :-1]], 1)
    row, place = (paths.wrong & (odds > surest_before)).nonzero(as_tuple=True)
    costs = torch.zeros_like(odds)
    if loss == "wrong":
        costs[row, place] = 1.0
    else:
        pairs = (paths.line[row, place], paths.target[row])
        costs[row, place] = tensors.edges_up(*(ids.to(tensors.device) for ids in pairs)).cpu().double()
    # As the threshold falls, the answer comes from the end of the line.
    worst = costs.flip(1).cummax(1).values.flip(1)
    return worst - torch.cat([worst[:, 1:], torch.zeros_like(none)], 1)
