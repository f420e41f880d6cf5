"""A graph's plan and its weights as the tensors that a loss looks up."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import wide_on
from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.graphs.reach import ReachTensors, SparseMatrix
from taxoloss.functional.inputs import host_may_read
from taxoloss.taxonomy.plan import GraphPlan
from taxoloss.weighting.checks import WeightTable
from taxoloss.weighting.graphs import level_totals, shared_by_level

__all__ = ["GraphLossTensors"]


class GraphLossTensors(DeviceTensors):
    """T target ids, P pairs of a target and an ancestor that it weighs, at most K of one target, L levels.

    Tables by target have T rows, so that a look-up by a number that is no target is out of range.
    """

    def __init__(self, plan: GraphPlan, table: WeightTable, reach: ReachTensors | None = None) -> None:
        self.plan = plan
        self.reach = ReachTensors(plan) if reach is None else reach
        #: (L, V): 1 / n of a level's n nodes, 0 elsewhere.
        self.per_node = torch.zeros(len(plan.levels), plan.num_nodes, dtype=torch.float64, device="cpu")
        for level, nodes in enumerate(plan.nodes):
            self.per_node[level, torch.tensor(nodes)] = 1 / len(nodes)
        self._weigh(table)

    def _weigh(self, table: WeightTable) -> None:
        plan, targets = self.plan, self.plan.num_targets
        pairs = shared_by_level(plan, table) if table.ndim == 2 else table
        levels = table if table.ndim == 2 else level_totals(plan, table)
        #: (T, L): what a target weighs each level; for each level whether all classes share that.
        self.levels = torch.tensor(levels[:targets])
        self.shared = torch.tensor((levels[: plan.num_classes] == levels[:1]).all(0))
        # What weighs nothing is left out, and so is a node that reaches all classes: P = 1 costs nothing.
        few = plan.classes.sizes[plan.ancestors.items] < plan.num_classes
        used = np.flatnonzero((pairs > 0) & few & (plan.ancestors.numbers < targets))
        of_target = plan.ancestors.numbers[used]
        starts = np.searchsorted(of_target, np.arange(targets + 1))
        #: (T + 1,), (P,), (P,): target t weighs nodes[starts[t] : starts[t + 1]] by as many weights.
        self.starts = torch.tensor(starts)
        self.nodes = torch.tensor(plan.ancestors.items[used])
        self.weights = torch.tensor(pairs[used])
        #: How many pairs are of classes, which come first; (P,): the target of each.
        self.of_classes = int(starts[plan.num_classes])
        self.of_target = torch.tensor(of_target)
        #: (T,): the node of a target that reaches the fewest classes; 0 where it weighs none.
        order = np.lexsort((plan.classes.sizes[plan.ancestors.items[used]], of_target))
        fewest = np.zeros(targets, np.int64)
        some = starts[:-1] < starts[1:]
        fewest[some] = plan.ancestors.items[used][order][starts[:-1][some]]
        self.fewest = torch.tensor(fewest)
        #: (V, T): the same as a sparse matrix.
        self.up = SparseMatrix(
            plan.ancestors.items[used], of_target, pairs[used], (plan.num_nodes, targets)
        )
        #: (T, K): the same, filled up with node 0 that weighs nothing.
        width = max(1, int(np.diff(starts).max()))
        place = of_target, np.arange(len(used)) - starts[of_target]
        nodes, weights = np.zeros((targets, width), np.int64), np.zeros((targets, width))
        nodes[place], weights[place] = plan.ancestors.items[used], pairs[used]
        self.padded_nodes, self.padded_weights = torch.tensor(nodes), torch.tensor(weights)

    @property
    def handle(self) -> str:
        """The name under which an operation finds these tables."""
        return self._handle

    def fits(self, table: WeightTable) -> bool:
        """Whether another table weighs the same pairs."""
        new = self._reweighted(table)
        return torch.equal(new.starts, self.starts) and torch.equal(new.nodes, self.nodes)

    def fill(self, table: WeightTable) -> None:
        """Puts other weights on the same pairs, in place: nothing that was compiled is lost."""
        new = self._reweighted(table)
        for tensors in self.everywhere():
            for name in ("weights", "padded_weights", "levels", "shared"):
                getattr(tensors, name).copy_(getattr(new, name))
            tensors.up.values.copy_(new.up.values)

    def _reweighted(self, table: WeightTable) -> GraphLossTensors:
        return GraphLossTensors(self.plan, table, self.reach)

    def pushed(self, mass: Tensor) -> Tensor:
        """(R, V): by what masses (R, S) of classes or of all targets weigh the nodes above them."""
        sources = mass.shape[1]
        if host_may_read(mass) and not mass.requires_grad:
            if sources < self.plan.num_targets:
                mass = torch.nn.functional.pad(mass, (0, self.plan.num_targets - sources))
            return (self.up @ mass.T).T
        pairs = self.of_classes if sources < self.plan.num_targets else len(self.nodes)
        brought = mass.index_select(1, self.of_target[:pairs]) * self.weights[:pairs]
        none = brought.new_zeros(brought.shape[0], self.plan.num_nodes)
        return none.index_add(1, self.nodes[:pairs], brought)

    def node_weights(self, weight: Tensor) -> Tensor:
        """Class weights (C,) as weights of all nodes (V,), float64.

        A node weighs the mean of its classes.
        """
        wide = weight.to(wide_on(weight.device))
        reach = self.reach
        node = torch.repeat_interleave(reach.sizes, output_size=len(reach.items))
        total = wide.new_zeros(self.plan.num_nodes).index_add(0, node, wide.index_select(0, reach.items))
        inner = (total / reach.sizes)[self.plan.num_classes :]
        return torch.cat([wide, inner])
