"""A tree and the logits of a model on it, for what is calibrated."""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss import Taxonomy

PATHS = [(f"g{i}", f"s{i}{j}", f"c{i}{j}{k}") for i in range(3) for j in range(3) for k in range(3)]
TREE = Taxonomy.from_paths(PATHS, ["group", "subgroup", "class"]).bind(node_targets=True)
SIBLINGS = (TREE.ancestor_index("group")[:, None] == TREE.ancestor_index("group")).float()


def rows(count: int, seed: int, sureness: float = 1.0) -> tuple[Tensor, Tensor]:
    """A model that is right about half of the time, and errs inside the group more often."""
    g = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 27, (count,), generator=g)
    noise = 1.5 * torch.randn(count, 27, generator=g)
    return sureness * (2.5 * torch.eye(27)[target] + 1.5 * SIBLINGS[target] + noise), target
