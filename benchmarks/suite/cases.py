"""What is measured, as a file of results tells it, and a competitor: a loss with its logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

#: Names of competitors that go other ways to such a loss, and what stands for all of them in a goal.
PEERS = ("dense matrices", "gathered groups", "scatter", "hierarchicalsoftmax")
OTHERS = "others"


class LeftOutError(RuntimeError):
    """A competitor that cannot run here; the message says why."""


@dataclass(frozen=True)
class Goal:
    """A bound on the ratio of one competitor to another."""

    of: str
    over: str
    at_most: float | None = None
    at_least: float | None = None


@dataclass(frozen=True)
class Case:
    """What a process runs and for how long. Ratios are taken over each of `references`."""

    shape: tuple[int, ...]
    levels: int
    competitors: tuple[str, ...]
    references: tuple[str, ...] = ("flat",)
    kind: str = "time"  # or "memory" or "calls"
    mode: str = "train"  # forward and backward, or "forward" without gradients
    threads: int | None = None  # all
    seconds: float = 2.5
    layout: str = "contiguous"  # or "channels_last"
    option: str = "none"  # or a key of report.OPTIONS
    goals: tuple[Goal, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Case:
        """The case of a JSON object."""
        lists = {key: tuple(fields[key]) for key in ("shape", "competitors", "references")}
        goals = tuple(Goal(**goal) for goal in fields["goals"])
        return cls(**{**fields, **lists, "goals": goals})


@dataclass
class Competitor:
    """(logits, target) -> a scalar loss, and what it is called with."""

    loss: Callable[[Tensor, Tensor], Tensor]
    logits: Tensor
    target: Tensor
    #: Whether its steps take the Python forms (forms.take).
    pure: bool = False

    def step(self) -> None:
        """Forward and backward."""
        self.loss(self.logits, self.target).backward()

    def forward(self) -> None:
        """Forward alone; the caller turns gradients off."""
        self.loss(self.logits, self.target)


class OfFunc(Competitor):
    """Its gradient by torch.func."""

    def step(self) -> None:
        """Forward and backward in one."""
        torch.func.grad(self.loss)(self.logits, self.target)


class Twice(Competitor):
    """The gradient of its gradient's square norm."""

    def step(self) -> None:
        """Forward, backward, and backward through both."""
        loss = self.loss(self.logits, self.target)
        (gradient,) = torch.autograd.grad(loss, self.logits, create_graph=True)
        gradient.square().sum().backward()


STEPS = {"torch.func": OfFunc, "double backward": Twice}
