"""How large the tensors are that a computation makes."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Largest(TorchDispatchMode):
    """Notes the largest memory that any operation gives, forward or backward, in elements of its dtype.

    Views are counted by the memory that they look at: some look at it more than once.
    """

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        sizes = [leaf.untyped_storage().nbytes() // leaf.element_size() for leaf in tensors]
        self.elements = max(self.elements, *sizes, 0)
        return result
