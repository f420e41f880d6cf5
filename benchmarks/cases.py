"""What is measured: a batch, a tree over its classes, and the competitors, each a loss with its logits."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import taxoloss

SEED = 0
SMOOTHING = 0.1
#: Names of competitors that compute the same loss from the same logits.
SAME_LOSS = ("ours", "dense matrices", "gathered groups", "scatter")


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
    """One process: what it runs and for how long. Ratios are taken over each of `references`."""

    shape: tuple[int, ...]
    levels: int
    competitors: tuple[str, ...]
    references: tuple[str, ...] = ("flat",)
    kind: str = "time"  # or "memory" or "calls"
    mode: str = "train"  # forward and backward, or "forward" without gradients
    threads: int | None = None  # all
    seconds: float = 2.5
    layout: str = "contiguous"  # or "channels_last"
    option: str = "none"  # or "smoothing", "probabilities", "torch.func", "double backward"
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


def widths(classes: int, levels: int) -> list[int]:
    """Nodes of each level, top to bottom: a geometric row, with at least one more on each level."""
    found = [max(2, round(classes ** (1 / levels)))]
    for level in range(2, levels):
        found.append(max(round(classes ** (level / levels)), found[-1] + 1))
    return [*found[: levels - 1], classes]


def irregular_rows(classes: int, levels: int, seed: int = SEED) -> list[tuple[str, ...]]:
    """Names from the top to the class, one row a class: each level cuts the one above at random places."""
    cuts = np.random.default_rng(seed).permutation(classes - 1) + 1
    return _rows([np.isin(np.arange(classes), cuts[: width - 1]) for width in widths(classes, levels)])


def regular_rows(classes: int, levels: int) -> list[tuple[str, ...]]:
    """As `irregular_rows`, with groups of a level of about equal size."""
    rows = []
    for width in widths(classes, levels):
        group = np.arange(classes) * width // classes
        rows.append(np.diff(group, prepend=0) > 0)
    return _rows(rows)


def _rows(first: list[np.ndarray[Any, Any]]) -> list[tuple[str, ...]]:
    """Of whether each class begins another group, level by level."""
    columns = []
    for level, begins in enumerate(first):
        group = np.cumsum(begins).tolist()
        names = [f"{level}_{number}" for number in range(group[-1] + 1)]
        columns.append([names[number] for number in group])
    return list(zip(*columns, strict=True))


class Problem:
    """The batch of a case, and its competitors by name."""

    def __init__(self, case: Case) -> None:
        torch.manual_seed(SEED)
        self.case = case
        logits = torch.randn(case.shape)
        if case.layout == "channels_last":
            logits = logits.contiguous(memory_format=torch.channels_last)
        self.logits = logits.requires_grad_(case.mode == "train")
        self.target = torch.randint(case.shape[1], (case.shape[0], *case.shape[2:]))
        if case.option == "probabilities":
            self.target = torch.randn(case.shape).softmax(1)
        self.smoothing = SMOOTHING if case.option == "smoothing" else 0.0

    @cached_property
    def tree(self) -> taxoloss.Taxonomy:
        """Not bound."""
        return taxoloss.Taxonomy.from_paths(irregular_rows(self.case.shape[1], self.case.levels))

    def competitor(self, name: str) -> Competitor:
        """Raises LeftOutError where it cannot run here."""
        if name == "hierarchicalsoftmax":
            from benchmarks.peers import hierarchicalsoftmax

            return hierarchicalsoftmax(self)
        compiled = name.removesuffix(" compiled")
        loss = self._loss(compiled)
        kind = STEPS.get(self.case.option, Competitor)
        return kind(loss if compiled == name else _compiled(loss), self.logits, self.target)

    def _loss(self, name: str) -> Callable[[Tensor, Tensor], Tensor]:
        from benchmarks import peers

        if name.startswith("levels "):
            rows = irregular_rows(self.case.shape[1], int(name.split()[1]))
            return taxoloss.TaxonomyLoss(taxoloss.Taxonomy.from_paths(rows).bind())
        made: dict[str, Callable[[], Callable[[Tensor, Tensor], Tensor]]] = {
            "flat": lambda: self._flat,
            "ours": lambda: taxoloss.TaxonomyLoss(self.tree.bind(), label_smoothing=self.smoothing),
            "ours regular": lambda: taxoloss.TaxonomyLoss(self._regular()),
            "ours permuted": lambda: taxoloss.TaxonomyLoss(self._permuted()),
            "dense matrices": lambda: peers.DenseMatrices(self.tree.bind()),
            "gathered groups": lambda: peers.GatheredGroups(self.tree.bind()),
            "scatter": lambda: peers.Scatter(self.tree.bind()),
            "empty function": lambda: peers.empty_function,
        }
        return made[name]()

    def _flat(self, logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target, label_smoothing=self.smoothing)

    def _regular(self) -> taxoloss.Taxonomy:
        rows = regular_rows(self.case.shape[1], self.case.levels)
        return taxoloss.Taxonomy.from_paths(rows).bind()

    def _permuted(self) -> taxoloss.Taxonomy:
        """Bound to its classes in a random order."""
        names = list(self.tree.classes)
        random.Random(SEED).shuffle(names)
        return self.tree.bind(names)


def _compiled(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise LeftOutError("torch.compile found no C++ compiler")
    return torch.compile(loss, fullgraph=True)


def check_same_loss(competitors: dict[str, Competitor]) -> None:
    """Raises where two competitors that should compute the same loss do not."""
    same = [competitors[name] for name in SAME_LOSS if name in competitors]
    with torch.no_grad():
        values = [one.loss(one.logits, one.target) for one in same]
    for value in values[1:]:
        torch.testing.assert_close(value, values[0], rtol=1e-4, atol=1e-5)
