"""The mass of what nodes reach and of what they do not, for pairs of a row and a node.

S_a, the sum over the classes that node a reaches, is one of positive numbers. T_a, that over the others, is
S - S_a as long as that keeps its digits, T_a > e S: e is 1e-8 for gradients in float32, 1e-3 for those in
float64, whose digits are 1e-13 there. Else all classes above 2 e S are reached by a: without them both sums
are of smaller numbers, and the difference is taken again, as often as is needed. Where many small classes
leave a sum large, T_a is summed over the classes themselves.

Nothing is kept of the size rows x nodes x classes: a node that reaches few classes is summed over its list,
one that reaches many by a column of a matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import row_blocks
from taxoloss.functional.graphs.reach import ReachTensors

__all__ = ["SMALL", "SMALLEST", "Pairs", "complements", "entries_of"]

#: Up to which share of a whole the difference to it has lost too many digits.
SMALL = {torch.float32: 1e-8, torch.float64: 1e-3}
#: Masses in float64 below this may have lost digits to underflow.
SMALLEST = 1e-290
#: Numbers of a block of pairs that are summed class by class.
_BLOCK = 1 << 18


def entries_of(starts: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Of some rows of a CSR table, one after the other: which of them, the place of each item; int32."""
    first = starts.index_select(0, chosen)
    counts = starts.index_select(0, chosen + 1).sub_(first)
    ends = counts.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    number = torch.repeat_interleave(counts.int(), output_size=total)
    shift = first.sub_(ends).add_(counts).int()
    places = torch.arange(total, dtype=torch.int32, device=starts.device)
    return number, places.add_(shift.index_select(0, number))


class Pairs:
    """Pairs of a row of (n, C) and a node: those of few classes, whose entries are listed, then others."""

    def __init__(self, reach: ReachTensors, rows: int, row: Tensor, node: Tensor, weight: Tensor) -> None:
        column = reach.column.index_select(0, node)
        many = column >= 0
        order = torch.cat([(~many).nonzero().squeeze(1), many.nonzero().squeeze(1)])
        self.reach, self.rows = reach, rows
        #: (pairs,): where each stood among those that were given.
        self.order = order
        #: (pairs,)
        self.row, self.node = row[order], node[order]
        self.weight = weight[order]
        self.few = len(order) - int(many.sum())
        #: (entries,): the pair of each, and its place among the n * C numbers; int32, a block is small.
        self.pair, place = entries_of(reach.starts, self.node[: self.few])
        self.place = reach.items.index_select(0, place)
        self.place.add_((self.row[: self.few] * reach.num_classes).int().index_select(0, self.pair))
        #: Places of pairs of many classes among the n * M numbers of `columns`.
        self.cell = self.row[self.few :] * reach.columns.shape[1] + column[order[self.few :]]

    def sums(self, values: Tensor) -> Tensor:
        """(pairs,): of values (n, C) the sum over what each node reaches."""
        out = values.new_zeros(len(self.row))
        out[: self.few].index_add_(0, self.pair, values.view(-1).index_select(0, self.place))
        if self.few < len(out):
            out[self.few :] = (values @ self.reach.columns).view(-1).index_select(0, self.cell)
        return out

    def spread(self, values: Tensor) -> Tensor:
        """(n, C): for each class the sum of the values (pairs,) of the nodes that reach it."""
        reach = self.reach
        if self.few < len(values):
            cells = values.new_zeros(self.rows * reach.columns.shape[1])
            cells.index_add_(0, self.cell, values[self.few :])
            out = cells.view(self.rows, -1) @ reach.columns.T
        else:
            out = values.new_zeros(self.rows, reach.num_classes)
        out.view(-1).index_add_(0, self.place, values[: self.few].index_select(0, self.pair))
        return out

    def by_row(self, values: Tensor) -> Tensor:
        """(n,): the sums of values (pairs,)."""
        return values.new_zeros(self.rows).index_add_(0, self.row, values)

    def of(self, chosen: Tensor, rows: Tensor) -> Pairs:
        """Some of the pairs, as pairs of some of the rows."""
        number = rows.new_full((self.rows,), -1)
        number[rows] = torch.arange(len(rows), device=rows.device)
        row = number[self.row[chosen]]
        # Both kinds stay in their order, so that the new pairs stand as the chosen ones do.
        return Pairs(self.reach, len(rows), row, self.node[chosen], self.weight[chosen])


def complements(values: Tensor, pairs: Pairs, sums: Tensor, small: float) -> Tensor:
    """(pairs,): of values (n, C), 0 or larger, the sum over what each node does not reach.

    sums: what `pairs.sums(values)` gives; small: of `SMALL`.
    """
    total = values.sum(1)
    whole = total.index_select(0, pairs.row)
    rest = whole - sums
    lost = ((rest <= small * whole) & (whole > 0)).nonzero().squeeze(1)
    if len(lost) == 0:
        return rest.clamp_(min=0.0)
    rows = torch.unique(pairs.row[lost])
    again, place = pairs, lost  # late in a training all rows have lost some: the lists serve again
    if len(rows) < pairs.rows:
        again, place = pairs.of(lost, rows), torch.arange(len(lost), device=lost.device)
        values, total = values[rows], total[rows]
    # Not masked_fill, which looks at one number after the other.
    smaller = values.clone().le_(2 * small * total.unsqueeze(1)).mul_(values)
    if bool((smaller.sum(1) > total / 2).any()):
        rest[lost] = _class_by_class(smaller, again)[place]
    else:
        rest[lost] = complements(smaller, again, again.sums(smaller), small)[place]
    return rest


def _class_by_class(values: Tensor, pairs: Pairs) -> Tensor:
    sums = [values.new_zeros(0)]
    for block in row_blocks(len(pairs.row), values.shape[1], _BLOCK):
        inside = pairs.reach.inside(pairs.node[block])
        sums.append(values[pairs.row[block]].masked_fill_(inside, 0.0).sum(1))
    return torch.cat(sums)
