"""The arms of the comparison: one small net, the loss of each arm, and how its answers are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from corpus import BUCKETS, Corpus, split
from torch import Tensor, nn
from torch.nn import functional as F

import taxoloss
from taxoloss import controls
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.metrics import LevelAccuracy

WIDTH = 64  # of a text's vector
BATCH = 512
Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # of the net's outputs and the batch's row numbers


@dataclass(frozen=True)
class Arm:
    """One net to train; without weights and heads: cross-entropy on the texts that have a class."""

    name: str
    title: str
    weights: tuple[float, ...] | None = None  # of the taxonomy loss, top to bottom
    heads: bool = False  # one head a level, masked cross-entropy each
    rate: float = 0.1  # of Adam, falling linearly to 0


# Rates were chosen among .05, .1 and .2 for each arm on the unused part of a split that no run here
# uses; .1 was best for all but cross-entropy on the labelled tenth (.05, by a thousandth).
PARTIAL = (
    Arm("flat", "cross-entropy,\nthe labelled tenth", rate=0.05),
    Arm("heads", "three heads, every\nlabel, one by one", heads=True),
    Arm("taxonomy", "taxonomy loss\n.2/.3/.5, every label", weights=(0.2, 0.3, 0.5)),
)
FULL = (
    Arm("flat", "cross-entropy"),
    Arm("uniform", "taxonomy loss\n1/3 each level", weights=(1 / 3, 1 / 3, 1 / 3)),
    Arm(".2/.3/.5", "taxonomy loss\n.2/.3/.5", weights=(0.2, 0.3, 0.5)),
    Arm(".6/.3/.1", "taxonomy loss\n.6/.3/.1", weights=(0.6, 0.3, 0.1)),
)
TOP_DOWN = "heads_top_down"  # the net of "heads", read another way


class Score(NamedTuple):
    """One row of results.csv."""

    arm: str
    seed: int
    accuracy_chapter: float
    accuracy_block: float
    accuracy_category: float
    lca_height: float  # mean over all texts; the class answered is compared
    one_path: float  # share of texts whose three answers lie on one path
    seconds: float  # of training


class Kept(NamedTuple):
    """What a net with one head says of the held-out texts."""

    arm: str
    seed: int
    logits: Tensor
    truth: Tensor


class Net(nn.Module):
    """Mean of the features' vectors, dropout, and a linear layer that starts at zero."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(BUCKETS, WIDTH, mode="mean")
        nn.init.normal_(self.bag.weight, std=0.1)
        self.dropout = nn.Dropout(0.4)
        self.head = nn.Linear(WIDTH, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Logits (texts, outputs)."""
        logits: Tensor = self.head(self.dropout(self.bag(features, offsets)))
        return logits


def fresh(outputs: int, seed: int) -> Net:
    """A net whose first weights and dropout are the seed's, however many outputs it has."""
    torch.manual_seed(seed)
    net = Net(outputs)
    # The linear layer drew as many numbers as it has weights: dropout starts from the seed again.
    torch.manual_seed(seed)
    return net


class Trial:
    """One seed: its split, hidden labels, first weights and batches, the same for every arm."""

    def __init__(self, corpus: Corpus, percent: int, seed: int, steps: int) -> None:
        self.corpus, self.tree, self.seed, self.steps = corpus, corpus.tree, seed, steps
        self.rows = split(corpus.texts, seed)
        self.target = controls.coarsen(corpus.classes, self.tree, percent / 100, seed)
        self.widths = [len(self.tree.nodes(level)) for level in self.tree.levels]
        # (classes, levels): the nodes above each class, as places in nodes(level) and as target ids
        self.path = torch.stack([self.tree.ancestor_index(x) for x in self.tree.levels], 1)
        paths = self.tree.paths()
        above = [self.tree.node_ids(p[:n] for p in paths) for n in range(1, len(self.widths) + 1)]
        self.ids = torch.stack(above, 1)
        # How much is known of each text: 0 its chapter, 1 its block too, 2 its category too.
        known = self.ids[corpus.classes] == self.target[:, None]
        self.depth = known.long().argmax(1)
        self.kept: list[Kept] = []

    def run(self, arm: Arm, advance: Callable[[], None]) -> Iterator[Score]:
        """Train an arm, and score it in each way that it is read."""
        begin = time.perf_counter()
        net = self.train(arm, advance).eval()
        seconds = time.perf_counter() - begin
        with torch.no_grad():
            logits = net(*self.corpus.bags(self.rows.test))
        if not arm.heads:
            self.kept.append(Kept(arm.name, self.seed, logits, self.truth))
            levels = best(level_log_probs(logits, self.tree).values())
            yield self.score(arm.name, levels, self.accuracy(logits), seconds)
            return
        heads = torch.split(logits, self.widths, 1)
        levels, truth = best(heads), self.path[self.truth]
        yield self.score(arm.name, levels, (levels == truth).double().mean(0).tolist(), seconds)
        levels = self.top_down(heads)
        yield self.score(TOP_DOWN, levels, self.accuracy(levels[:, -1]), seconds)

    # Training

    def train(self, arm: Arm, advance: Callable[[], None]) -> Net:
        """The net of an arm after the last step; nothing is chosen by looking at held-out texts."""
        outputs = sum(self.widths) if arm.heads else self.widths[-1]
        net, loss = fresh(outputs, self.seed), self.loss(arm)
        adam = torch.optim.Adam(net.parameters(), lr=arm.rate, fused=True)
        fall = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / self.steps)
        for rows in self.batches(arm):
            adam.zero_grad()
            cost = loss(net(*self.corpus.bags(rows)), rows)
            cost.backward()
            adam.step()
            fall.step()
            advance()
        return net

    def batches(self, arm: Arm) -> Iterator[Tensor]:
        """Shuffled passes end to end, as many steps for every arm; equal rows, equal batches."""
        rows = self.rows.train
        if arm.weights is None and not arm.heads:
            rows = rows[self.depth[rows] == len(self.widths) - 1]
        order = torch.Generator().manual_seed(self.seed)
        passes = -(-self.steps * BATCH // len(rows))
        line = torch.cat([rows[torch.randperm(len(rows), generator=order)] for _ in range(passes)])
        yield from torch.split(line[: self.steps * BATCH], BATCH)

    def loss(self, arm: Arm) -> Loss:
        """What the arm minimises."""
        classes, target = self.corpus.classes, self.target
        if arm.heads:
            return self.loss_of_heads
        if arm.weights is None:
            return lambda logits, rows: F.cross_entropy(logits, classes[rows])
        weights = dict(zip(self.tree.levels, arm.weights, strict=True))
        loss = taxoloss.TaxonomyLoss(self.tree, weights)
        # The target is the deepest node that is known of a text: a chapter, a block or a category.
        return lambda logits, rows: loss(logits, target[rows])

    def loss_of_heads(self, logits: Tensor, rows: Tensor) -> Tensor:
        """Cross-entropy of each head over the texts whose label reaches its level, summed."""
        path, depth = self.path[self.corpus.classes[rows]], self.depth[rows]
        targets = [path[:, n].masked_fill(depth < n, -100) for n in range(len(self.widths))]
        heads = torch.split(logits, self.widths, 1)
        return torch.stack([F.cross_entropy(*pair) for pair in zip(heads, targets, strict=True)]).sum()

    # Reading and scoring

    @property
    def truth(self) -> Tensor:
        """The classes of the test texts."""
        return self.corpus.classes[self.rows.test]

    def top_down(self, heads: Sequence[Tensor]) -> Tensor:
        """The best chapter, the best block in it, the best category in that, (texts, levels)."""
        levels = [heads[0].argmax(1)]
        for number, head in enumerate(heads[1:], 1):
            parent = torch.empty(self.widths[number], dtype=torch.long)
            parent[self.path[:, number]] = self.path[:, number - 1]
            elsewhere = parent != levels[-1][:, None]
            levels.append(head.masked_fill(elsewhere, float("-inf")).argmax(1))
        return torch.stack(levels, 1)

    def accuracy(self, answers: Tensor) -> list[float]:
        """At each level: of logits by the best node there, of classes by the nodes above them."""
        metric = LevelAccuracy(self.tree)
        metric.update(answers, self.truth)
        return [float(share) for share in metric.compute().values()]

    def score(self, arm: str, levels: Tensor, accuracy: list[float], seconds: float) -> Score:
        """The answers (texts, levels), the last of which is the class, against the truth."""
        path = self.path[levels[:, -1]]
        # Two paths agree down to their lowest common ancestor: its height is the levels left.
        height = (path != self.path[self.truth]).sum(1).double().mean().item()
        one_path = (path == levels).all(1).double().mean().item()
        return Score(arm, self.seed, *(round(x, 6) for x in (*accuracy, height, one_path, seconds)))


def best(scores: Iterable[Tensor]) -> Tensor:
    """The best node of each level, whatever the other levels say, (texts, levels)."""
    return torch.stack([level.argmax(1) for level in scores], 1)
