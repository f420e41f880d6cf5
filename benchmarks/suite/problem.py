"""A batch, a tree over its classes, and the competitors by name."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

import taxoloss
from benchmarks.suite import peers
from benchmarks.suite.cases import STEPS, Case, Competitor, LeftOutError
from benchmarks.suite.trees import SEED, irregular_rows, regular_rows

SMOOTHING = 0.1
#: Names of competitors that compute the same loss from the same logits.
SAME_LOSS = ("ours", "dense matrices", "gathered groups", "scatter")


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
            rows = irregular_rows(self.case.shape[1], self.case.levels)
            return peers.hierarchicalsoftmax(rows, self.logits, self.target)
        compiled = name.removesuffix(" compiled")
        loss = self._loss(compiled)
        kind = STEPS.get(self.case.option, Competitor)
        return kind(loss if compiled == name else _compiled(loss), self.logits, self.target)

    def _loss(self, name: str) -> Callable[[Tensor, Tensor], Tensor]:
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
