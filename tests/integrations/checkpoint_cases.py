"""Trees, models and files that the tests of checkpoints share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import taxoloss
from taxoloss import Taxonomy, heads

PETS = Taxonomy.from_paths(
    [("cat", "Bengal"), ("cat", "Sphynx"), ("cat", "Manx"), ("dog", "pug"), ("dog", "beagle")],
    ["species", "breed"],
)
OLD = PETS.bind(["pug", "Sphynx", "Bengal", "beagle", "Manx"])
NEW = PETS.bind(["Bengal", "Manx", "Sphynx", "beagle", "pug"])
HEADS: list[Any] = [heads.Flat, heads.PathSum, heads.ConditionalSoftmax, heads.LevelHeads]


def filled(model: nn.Module, seed: int = 0) -> Any:
    """The model with random numbers in all that floats."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                values = torch.randn(tensor.shape, generator=generator)
                tensor.copy_(values.abs() if name.endswith("running_var") else values)
    return model


def copied(model: nn.Module) -> dict[str, Tensor]:
    """The state as it is now."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same_state(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """The same names and numbers."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def refused(path: Path, model: nn.Module, *args: Any, **kwargs: Any) -> str:
    """The words of the refusal, in one line; the model is as it was."""
    before = copied(model)
    with pytest.raises((ValueError, TypeError, OSError)) as caught:
        taxoloss.load_checkpoint(path, model, *args, **kwargs)
    assert same_state(before, copied(model))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def unsaved(path: Path, model: Any, taxonomy: Any, *args: Any) -> str:
    """The words of the refusal to save; no file is there."""
    with pytest.raises((ValueError, TypeError, OSError)) as caught:
        taxoloss.save(path, model, taxonomy, *args)
    assert not path.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def module_of(tensors: dict[str, Tensor]) -> Any:
    """A module with these as buffers."""
    model = nn.Module()
    for name, tensor in tensors.items():
        model.register_buffer(name, tensor)
    return model


class Net(nn.Module):
    """A body, a head of taxoloss, a loss and metrics, as in a module that trains itself."""

    def __init__(self, t: Taxonomy, kind: Any = heads.Flat) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 7), nn.BatchNorm1d(7))
        self.head = kind(7, t)
        self.loss = taxoloss.TaxonomyLoss(t, weight=torch.arange(1.0, 6))
        self.scores = taxoloss.metrics.LevelAccuracy(t)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4) -> (N, C)."""
        return self.head(self.body(x))
