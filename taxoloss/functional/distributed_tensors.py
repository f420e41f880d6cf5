"""Tensors that are spread over processes (DTensor): rows are taken, what spreads the classes is refused."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

__all__ = ["Rows", "is_distributed", "refuse_distributed"]


def is_distributed(tensor: Any) -> bool:
    """Whether a tensor is a DTensor; none is where nobody has imported them."""
    if torch.compiler.is_compiling() or (module := sys.modules.get("torch.distributed.tensor")) is None:
        return False
    return isinstance(tensor, module.DTensor)


def refuse_distributed(tensor: Any, what: str) -> None:
    """TypeError for a DTensor: it says of which local tensor, or of which gathered one, to do the same."""
    if is_distributed(tensor):
        raise TypeError(
            f"expected {what} as a plain tensor, got a DTensor placed {_placed(tensor)}: give "
            ".to_local() where each process has rows of its own (Shard(0)), else .full_tensor()"
        )


class Rows:
    """Logits and targets of which each process has rows: what it has, and results of all of them.

    Raises:
        TypeError: one of the two is no DTensor.
        ValueError: they are spread otherwise than by rows, or over other processes.
    """

    def __init__(self, logits: Any, target: Any) -> None:
        for name, value in (("logits", logits), ("target", target)):
            if not is_distributed(value):
                kind = type(value).__name__
                raise TypeError(
                    f"expected logits and target as DTensors, or both as plain tensors, got {name} as "
                    f"{kind}: torch.distributed.tensor.distribute_tensor({name}, mesh, ..) makes one"
                )
        single = logits.dim() == 1
        if not all(one.is_replicate() or (one.is_shard(0) and not single) for one in logits.placements):
            raise ValueError(
                "expected logits whose rows are spread (Shard(0)) or that all processes have (Replicate), "
                f"got {_placed(logits)}: every class of a row is needed, so give logits.full_tensor() and "
                "target.full_tensor(), or let the last layer gather (output_layouts=Replicate())"
            )
        if target.device_mesh != logits.device_mesh:
            raise ValueError(
                f"expected logits and target on one mesh, got {logits.device_mesh} and {target.device_mesh}"
            )
        self.mesh, self.placements = logits.device_mesh, logits.placements
        #: What this process has.
        self.logits: Tensor = logits.to_local()
        self.target: Tensor = target.redistribute(placements=self.placements).to_local()

    def row_results(self, local: Tensor, shape: torch.Size) -> Tensor:
        """A number a row, spread as the rows are."""
        stride = torch.empty(shape, device="meta").stride()
        whole: Tensor = self._distributed(local, self.placements, shape=shape, stride=stride)
        return whole

    def total(self, local: Tensor) -> Tensor:
        """The sum of what all processes have, on all of them."""
        module = sys.modules["torch.distributed.tensor"]
        everywhere = [module.Replicate() for _ in self.placements]
        parts = [module.Partial() if one.is_shard() else module.Replicate() for one in self.placements]
        summed: Tensor = self._distributed(local, parts).redistribute(placements=everywhere)
        return summed

    def _distributed(self, local: Tensor, placements: Any, **given: Any) -> Any:
        module = sys.modules["torch.distributed.tensor"]
        made: Any = module.DTensor.from_local(local, self.mesh, placements, run_check=False, **given)
        return made


def _placed(tensor: Any) -> str:
    return f"({', '.join(map(str, tensor.placements))})"
