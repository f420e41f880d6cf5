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
from benchmarks.suite import forms, peers
from benchmarks.suite.cases import STEPS, Case, Competitor, LeftOutError
from benchmarks.suite.trees import SEED, irregular_rows, regular_rows

Loss = Callable[[Tensor, Tensor], Tensor]
SMOOTHING = 0.1
#: Names of competitors that compute the same loss from the same logits.
SAME_LOSS = ("ours", "ours pure", "dense matrices", "gathered groups", "scatter")


class Problem:
    """The batch of a case, and its competitors by name."""

    def __init__(self, case: Case) -> None:
        torch.manual_seed(SEED)
        self.case = case
        logits = torch.randn(case.shape)
        if case.layout == "channels_last":
            logits = logits.contiguous(memory_format=torch.channels_last)
        self.logits = logits.requires_grad_(case.mode == "train")
        self.target = self._target()
        self.smoothing = SMOOTHING if case.option == "smoothing" else 0.0
        self._losses: dict[str, Loss] = {}

    def _target(self) -> Tensor:
        """Classes, or probabilities of them."""
        shape = self.case.shape
        if self.case.option in ("probabilities", "node probabilities"):
            return torch.randn(shape).softmax(1)
        return torch.randint(shape[1], (shape[0], *shape[2:]))

    @cached_property
    def tree(self) -> taxoloss.Taxonomy:
        """Not bound."""
        return taxoloss.Taxonomy.from_paths(irregular_rows(self.case.shape[1], self.case.levels))

    @cached_property
    def bound(self) -> taxoloss.Taxonomy:
        """In the order of the tree."""
        return self.tree.bind(node_targets=self.case.option == "node probabilities")

    def competitor(self, name: str) -> Competitor:
        """Raises LeftOutError where it cannot run here."""
        if name == "hierarchicalsoftmax":
            rows = irregular_rows(self.case.shape[1], self.case.levels)
            return peers.hierarchicalsoftmax(rows, self.logits, self.target)
        forms.check(name)
        plain, pure = forms.parts(name)
        loss = self._loss(plain.removesuffix(" compiled"))
        kind = STEPS.get(self.case.option, Competitor)
        chosen = _compiled(loss) if plain.endswith(" compiled") else loss
        return kind(chosen, self.logits, self._target_of(plain), pure)

    def _target_of(self, plain: str) -> Tensor:
        """Probabilities of all nodes are a target for the taxonomy loss alone."""
        if self.case.option != "node probabilities" or plain == "flat":
            return self.target
        return self._node_probabilities

    @cached_property
    def _node_probabilities(self) -> Tensor:
        return torch.randn(len(self.logits), self.bound.num_nodes).softmax(1)

    def _loss(self, plain: str) -> Loss:
        """One for both forms."""
        if plain not in self._losses:
            first, _, levels = plain.partition(" ")
            made = self._of_levels(int(levels)) if first == "levels" else self._made(plain)
            self._losses[plain] = made
        return self._losses[plain]

    def _of_levels(self, levels: int) -> Loss:
        rows = irregular_rows(self.case.shape[1], levels)
        return taxoloss.TaxonomyLoss(taxoloss.Taxonomy.from_paths(rows).bind())

    def _made(self, plain: str) -> Loss:
        made: dict[str, Callable[[], Loss]] = {
            "flat": lambda: self._flat,
            "ours": lambda: taxoloss.TaxonomyLoss(self.bound, label_smoothing=self.smoothing),
            "ours regular": lambda: taxoloss.TaxonomyLoss(self._regular()),
            "ours permuted": lambda: taxoloss.TaxonomyLoss(self._permuted()),
            "dense matrices": lambda: peers.DenseMatrices(self.bound),
            "gathered groups": lambda: peers.GatheredGroups(self.bound, len(self.logits)),
            "scatter": lambda: peers.Scatter(self.bound),
            "empty function": lambda: peers.empty_function,
            "softmax": lambda: _softmax,
            "collection": self._update,
        }
        return made[plain]()

    def _flat(self, logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target, label_smoothing=self.smoothing)

    def _update(self) -> Loss:
        """An update of all metrics of the collection; it gives back what it was given."""
        scores = taxoloss.metrics.collection(self.bound)

        def updated(logits: Tensor, target: Tensor) -> Tensor:
            scores.update(logits, target)
            return logits

        return updated

    def _regular(self) -> taxoloss.Taxonomy:
        rows = regular_rows(self.case.shape[1], self.case.levels)
        return taxoloss.Taxonomy.from_paths(rows).bind()

    def _permuted(self) -> taxoloss.Taxonomy:
        """Bound to its classes in a random order."""
        names = list(self.tree.classes)
        random.Random(SEED).shuffle(names)
        return self.tree.bind(names)


def _softmax(logits: Tensor, target: Tensor) -> Tensor:
    return torch.softmax(logits, 1)


def _compiled(loss: Loss) -> Loss:
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise LeftOutError("torch.compile found no C++ compiler")
    return torch.compile(loss, fullgraph=True)


def check_same_loss(competitors: dict[str, Competitor]) -> None:
    """Raises where two competitors that should compute the same loss do not."""
    values = [_value(competitors[name]) for name in SAME_LOSS if name in competitors]
    for value in values[1:]:
        torch.testing.assert_close(value, values[0], rtol=1e-4, atol=1e-5)


def _value(one: Competitor) -> Tensor:
    forms.take(one.pure)
    with torch.no_grad():
        return one.loss(one.logits, one.target)
