"""Log-odds of nodes that may have several parents: of the line of a class, and of all nodes.

With S_a the mass of what node a reaches and T_a that of the other classes,

    o(a) = log S_a - log T_a

and both are sums of positive terms (masses.py), so that a row whose P(a) is 1.0 still has the odds that its
logits tell. Where one of the two underflows, the pair is done in log space, by the two masks of classes.
As long as P(a) <= 1/2 the mass of the others is 1 - P(a), without a loss: so of all nodes of a row only
those above 1/2 are summed a second time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows, row_blocks, wide_dtype, wide_on, with_places
from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.graphs.log_probs import node_log_probs
from taxoloss.functional.graphs.masses import SMALL, SMALLEST, Pairs, complements
from taxoloss.functional.graphs.nodes import GraphNodes, graph_nodes
from taxoloss.functional.graphs.reach import ReachTensors
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.kernels.definition import log_sum
from taxoloss.taxonomy.cache import cached
from taxoloss.taxonomy.plan import graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["graph_level_log_odds", "line_log_odds"]

#: Numbers of a block of rows, and of one of pairs that are done class by class.
_BLOCK = 1 << 18
#: Rows of a narrower span of logits have no mass that may have lost digits to underflow.
_SPAN = 600.0
#: Numbers of the matrix of what nodes do not reach, which a compiled call makes.
_MOST_CELLS = 1 << 26


class _Above(DeviceTensors):
    """Which nodes are at least as sure as a node: those above it, and those that reach the same classes."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        plan, lines = graph_plan_of(taxonomy), graph_nodes(taxonomy).lines
        first: dict[bytes, int] = {}
        same = [first.setdefault(plan.classes[node].tobytes(), node) for node in range(plan.num_nodes)]
        #: (V,): the first node that reaches the same classes.
        self.same = torch.tensor(same)
        #: (V, K): that of each node of a line, filled up with that of the root.
        self.lines = self.same[lines]  # what is none is -1, the last: the root


def line_log_odds(logits: Tensor, classes: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Log-odds (N, K, d1..dk) of the line of a class for each row, as `GraphNodes.lines` has it.

    The root, which is always sure, and what is no node have -inf: no threshold takes them. inf where all
    other classes are impossible (-inf logits). A node is never less sure than one below it, and as sure as
    one with the same classes.

    Args:
        logits: (N, C, d1..dk), any floating dtype.
        classes: (N, d1..dk): for each row a class.
        taxonomy: bound, tree or graph.
    """
    nodes = graph_nodes(taxonomy, logits.device)
    above = cached(taxonomy, _Above).on(logits.device)
    rows, line = flat_rows(logits), nodes.lines[classes.reshape(-1)]
    if host_may_read(logits):
        width = max(nodes.num_classes, line.shape[1] ** 2)
        blocks = row_blocks(len(rows), width, _BLOCK)
        odds = torch.cat([_line_odds(rows[block], line[block], nodes, above) for block in blocks])
    else:
        masked = [_by_masks(_wide(rows), node, nodes.reach) for node in line.unbind(1)]
        odds = _at_least_as_sure(torch.stack(masked, 1), line, nodes, above)
    return with_places(odds.to(wide_dtype(logits)), classes.shape)


def _line_odds(rows: Tensor, line: Tensor, nodes: GraphNodes, above: _Above) -> Tensor:
    """(n, K) of logits (n, C) and lines (n, K)."""
    row, place = ((line >= 0) & (nodes.classes_below[line] < nodes.num_classes)).nonzero(as_tuple=True)
    odds = torch.full(line.shape, torch.inf, dtype=torch.float64, device="cpu")
    odds[row, place] = _pair_odds(rows, row, line[row, place], nodes.reach)
    return _at_least_as_sure(odds, line, nodes, above)


def _at_least_as_sure(odds: Tensor, line: Tensor, nodes: GraphNodes, above: _Above) -> Tensor:
    """Log-odds (n, K) without the rounding by which a node could be less sure than one below it.

    The largest of a node and those below it on the line; nodes with the same classes count as one.
    """
    gone = (line < 0) | (line == nodes.root)
    odds = odds.masked_fill(gone, -torch.inf)
    sure = odds.new_full((odds.shape[0], nodes.root + 1), -torch.inf)
    from_below = odds.unsqueeze(2).expand(-1, -1, line.shape[1]).flatten(1)
    sure = sure.scatter_reduce(1, above.lines[line].flatten(1), from_below, "amax")
    return sure.gather(1, above.same[line]).masked_fill(gone, -torch.inf)


def _pair_odds(rows: Tensor, row: Tensor, node: Tensor, reach: ReachTensors) -> Tensor:
    """(pairs,) float64, of logits (n, C) on the CPU and nodes that do not reach all classes."""
    p = torch.softmax(rows, 1, dtype=torch.float64)
    pairs = Pairs(reach, len(p), row, node, p.new_ones(len(row)))
    inside = pairs.sums(p)
    outside = complements(p, pairs, inside, SMALL[torch.float64])
    odds = inside.log() - outside.log()
    lost = (torch.minimum(inside, outside) < SMALLEST).nonzero().squeeze(1)
    for block in row_blocks(len(lost), rows.shape[1], _BLOCK):
        some = lost[block]
        odds[some] = _by_masks(rows[pairs.row[some]].double(), pairs.node[some], reach)
    return torch.empty_like(odds).index_copy_(0, pairs.order, odds)


def _by_masks(z: Tensor, node: Tensor, reach: ReachTensors) -> Tensor:
    """(R,) in log space, of logits (R, C) and a node for each row; -1 is the root."""
    inside = reach.inside(torch.where(node < 0, reach.num_nodes - 1, node))
    (peak_in, rest_in), (peak_out, rest_out) = log_sum(z, inside), log_sum(z, ~inside)
    return (peak_in - peak_out) + (rest_in - rest_out)


def graph_level_log_odds(logits: Tensor, nodes: GraphNodes) -> list[Tensor]:
    """For each level, top to bottom, the log-odds (N, W_l, d1..dk) of its nodes.

    Raises:
        ValueError: inside a compiled or exported call, or on another device than the CPU, a graph whose
            nodes times classes are too many.
    """
    rows = flat_rows(logits)
    if host_may_read(logits):
        blocks = row_blocks(len(rows), nodes.root + 1, _BLOCK)
        odds = torch.cat([_all_odds(rows[block], nodes) for block in blocks])
    else:
        odds = _all_odds_apart(_wide(rows), nodes)
    places = logits.shape[:1] + logits.shape[2:]
    found = (odds.index_select(1, ids).to(wide_dtype(logits)) for ids in nodes.nodes)
    return [with_places(level, places) for level in found]


def _all_odds(rows: Tensor, nodes: GraphNodes) -> Tensor:
    """(n, V) of logits (n, C) on the CPU."""
    reach = nodes.reach
    p = torch.softmax(rows, 1, dtype=torch.float64)
    sums = nodes.masses(p)
    logs = sums.log()
    top = rows.amax(1, keepdim=True)
    span = top - torch.where(rows == -torch.inf, top, rows).amin(1, keepdim=True)
    wide = (span.squeeze(1) > _SPAN).nonzero().squeeze(1)
    for block in row_blocks(len(wide), len(reach.inner_entries[0]), _BLOCK):
        some = wide[block]
        logs[some] = node_log_probs(rows[some].double(), reach)
    every = nodes.classes_below == nodes.num_classes
    row, node = ((sums > 0.5) & ~every).nonzero(as_tuple=True)
    odds = (logs - torch.log1p(-sums.clamp(max=0.5))).masked_fill(every, torch.inf)
    odds[row, node] = _pair_odds(rows, row, node, reach)
    return odds


def _all_odds_apart(z: Tensor, nodes: GraphNodes) -> Tensor:
    """The same (R, V) where Python may not look at the numbers: what is outside by a matrix.

    Terms of less than e^-700 of the largest are lost: log-odds beyond that are inf.
    """
    reach = nodes.reach
    inner = nodes.root + 1 - nodes.num_classes
    if inner * nodes.num_classes > _MOST_CELLS:
        raise ValueError(
            f"expected at most {_MOST_CELLS:,} nodes above classes times classes in a compiled or exported "
            f"call, or on another device, got {inner:,} x {nodes.num_classes:,}: decide outside, on the CPU"
        )
    node, classes = reach.inner_entries
    others = z.new_ones(inner * nodes.num_classes).index_fill(0, node * nodes.num_classes + classes, 0.0)
    terms = torch.exp(z - z.amax(1, keepdim=True))
    total, best = terms.sum(1, keepdim=True), z.argmax(1, keepdim=True)
    # Beside a class that is not the best one stands the best: the difference keeps its digits.
    own = (total - terms).scatter(1, best, terms.scatter(1, best, 0.0).sum(1, keepdim=True))
    outside = torch.cat([own, terms @ others.view(inner, -1).T], 1)
    return node_log_probs(z, reach) - (outside / total).log()


def _wide(rows: Tensor) -> Tensor:
    return rows.to(wide_on(rows.device))
