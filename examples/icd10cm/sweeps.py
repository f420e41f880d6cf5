"""The sweeps of icd10cm.py: level weights, rival arms, coarse, few and wrong labels.

Every cell trains the net of the demo: vectors of words and pieces, their mean, dropout, a head. Arms of
one seed have the same split, hidden labels, first weights, dropout and number of steps, and those that
learn from the same labels the same batches. A fifth of each category's groups validates (rates and weights
are chosen there), another fifth is the test, scored after the last step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from corpus import BUCKETS, Corpus, Split, fingerprint, load_corpus, split
from torch import Tensor, nn
from trial import BATCH, WIDTH

from taxoloss import controls, sweep
from taxoloss.controls import Arm

if TYPE_CHECKING:
    import optuna

LEVELS = ("chapter", "block", "category")
LOOKS = 3  # at the validation texts, the last after the last step
CONFIG = {"batch": BATCH, "buckets": BUCKETS, "width": WIDTH, "dropout": 0.4, "looks": LOOKS}
EVEN = dict.fromkeys(LEVELS, 1 / 3)
LEAFY = dict(zip(LEVELS, (0.2, 0.3, 0.5), strict=True))
RATES = {"adam": [0.05, 0.1, 0.2], "sgd": [20.0, 40.0, 80.0, 120.0]}
Cells = list[dict[str, Any]]


# -- what is swept ---------------------------------------------------------------------------------


def line(step: float = 0.1) -> list[dict[str, float]]:
    """Weights of the category from 0 to 1; the chapter and the block share the rest."""
    points = (round(n * step, 10) for n in range(round(1 / step) + 1))
    return [{"chapter": (1 - w) / 2, "block": (1 - w) / 2, "category": w} for w in points]


def weights(seeds: int) -> Cells:
    """Eleven weights of the category, every text labelled; and cross-entropy."""
    return sweep.grid(arm=["flat"], lr=[0.1], seed=range(seeds)) + sweep.grid(
        arm=["taxonomy"], weights=line(), lr=[0.1], seed=range(seeds)
    )


def triangle(seeds: int) -> Cells:
    """All weights of the three levels in steps of a fifth."""
    return sweep.grid(arm=["flat"], lr=[0.1], seed=range(seeds)) + sweep.grid(
        arm=["taxonomy"], weights=sweep.simplex(LEVELS, 0.2), lr=[0.1], seed=range(seeds)
    )


def arms(seeds: int, optimizer: str = "adam", labels: int = 100) -> Cells:
    """Every arm at three rates of Adam, or four of SGD, the highest of which some do not survive."""
    common: dict[str, Iterable[Any]] = {
        "labels": [labels],
        "optimizer": [optimizer],
        "lr": RATES[optimizer],
        "seed": range(seeds),
    }
    plain = ["flat", "smoothing", *(["pseudo"] if labels < 100 else [])]
    weighted = ["uniform", LEAFY, "hxe:0.3", *(["deepest", "label_balanced"] if labels < 100 else [])]
    return [
        *sweep.grid(arm=plain, **common),
        # Weighed like the other arms: SGD, unlike Adam, feels how large a loss is.
        *sweep.grid(arm=["level_heads"], weights=[EVEN], **common),
        *sweep.grid(arm=["flat_scaled"], weights=[LEAFY], **common),
        *sweep.grid(arm=["taxonomy"], weights=weighted, **common),
        *sweep.grid(arm=["path_sum", "conditional"], weights=["deepest", LEAFY], **common),
    ]


def few(seeds: int) -> Cells:
    """One to ten texts a category."""
    common = {"shots": [1, 2, 5, 10], "lr": [0.1], "seed": range(seeds)}
    return _rivals(common)


def noise(seeds: int) -> Cells:
    """A share of labels that are a sibling's."""
    return _rivals({"noise": [20, 40], "lr": [0.1], "seed": range(seeds)})


def _rivals(common: dict[str, Any]) -> Cells:
    return [
        *sweep.grid(arm=["flat", "smoothing", "level_heads"], **common),
        *sweep.grid(arm=["taxonomy"], weights=["uniform", LEAFY], **common),
    ]


STUDIES: dict[str, Callable[[int], Cells]] = {
    "weights": weights,
    "triangle": triangle,
    "arms": arms,
    "sgd": lambda seeds: arms(seeds, "sgd"),
    "partial": lambda seeds: arms(seeds, labels=10),
    "partial-sgd": lambda seeds: arms(seeds, "sgd", labels=10),
    "few": few,
    "noise": noise,
}


def run(
    cells: Cells,
    out: Path,
    steps: int,
    engine: Any,
    workers: int | None,
    address: str | None,
) -> sweep.Results:
    """Trains the cells that the folder does not have."""
    corpus = load()
    return sweep.run(
        partial(train, steps=steps),
        cells,
        out,
        taxonomy=corpus.tree,
        config={**CONFIG, "steps": steps},
        split=str(fingerprint(corpus.texts)["hash of the texts kept"]),
        engine=engine,
        workers=workers,
        address=address,
    )


def search(
    trials: int, out: Path, steps: int, labels: int, storage: str | None, name: str | None
) -> sweep.Results:
    """Weights and a rate that Optuna suggests, all on the first seed: for a final answer sweep the best."""
    corpus = load()

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "arm": "taxonomy",
            "weights": sweep.suggest_weights(trial, corpus.tree),
            "lr": trial.suggest_float("lr", 0.03, 0.3, log=True),
            "labels": labels,
            "seed": 0,
        }

    return sweep.search(
        partial(train, steps=steps),
        suggest,
        out,
        taxonomy=corpus.tree,
        trials=trials,
        config={**CONFIG, "steps": steps},
        split=str(fingerprint(corpus.texts)["hash of the texts kept"]),
        storage=storage,
        name=name,
    )


# -- one cell --------------------------------------------------------------------------------------


@cache
def load() -> Corpus:
    """The texts, read once a process."""
    return load_corpus()


@cache
def parts(seed: int) -> Split:
    """The split of a seed."""
    return split(load().texts, seed)


def train(cell: sweep.Cell, steps: int = 240) -> Iterator[dict[str, Any]]:
    """A row for each look at the validation texts and reading; the last rows hold the test's scores."""
    corpus = load()
    rows, target = known(cell, corpus)
    if cell["arm"] == "pseudo":
        first = Lesson(cell, "flat", rows, target, steps)
        for _ in first.teach():
            pass
        target[rows] = controls.pseudo_labels(first.logits(rows), target[rows], corpus.tree)
    lesson = Lesson(cell, cell["arm"], rows, target, steps)
    where = parts(cell.seed)
    for look, train_loss in enumerate(lesson.teach(), 1):
        valid = lesson.score(where.valid)
        test = lesson.score(where.test, "test_") if look == LOOKS else itertools.repeat({})
        for row, more in zip(valid, test, strict=False):
            yield {
                "epochs": look,
                "train_loss": train_loss,
                "valid_loss": lesson.cost(where.valid),
                **row,
                **more,
            }


def known(cell: sweep.Cell, corpus: Corpus) -> tuple[Tensor, Tensor]:
    """The rows to learn from, and the label (texts,) of every text: a class or a node above it."""
    rows, target = parts(cell.seed).train, corpus.classes.clone()
    if (noise := cell.get("noise", 0)) > 0:
        target = controls.swap_siblings(target, corpus.tree, noise / 100, cell.seed)
    if (shots := cell.get("shots", 0)) > 0:
        rows = rows[controls.few(target[rows], shots, cell.seed)]
    if (labels := cell.get("labels", 100)) < 100:
        target = controls.coarsen(target, corpus.tree, labels / 100, cell.seed)
    return rows, target


class Lesson:
    """A net, the rows that teach it, and how it is scored."""

    def __init__(self, cell: sweep.Cell, name: str, rows: Tensor, target: Tensor, steps: int) -> None:
        self.corpus, self.cell, self.steps = load(), cell, steps
        self.target = target
        torch.manual_seed(cell.seed)
        self.body = nn.EmbeddingBag(BUCKETS, WIDTH, mode="mean")
        nn.init.normal_(self.body.weight, std=0.1)
        counts = torch.bincount(target[rows], minlength=self.corpus.tree.num_nodes)
        weights = cell.level_weights(counts.numpy())
        self.arm: Arm = controls.arm(name, WIDTH, self.corpus.tree, weights)
        self.rows = rows[self.arm.usable(target[rows])]

    def teach(self) -> Iterator[float]:
        """Trains to the next look; the mean loss on the way."""
        optimizer = self.optimizer()
        fall = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / self.steps)
        dropout = nn.Dropout(CONFIG["dropout"])
        costs = []
        ends = {self.steps * look // LOOKS for look in range(1, LOOKS + 1)}
        for step, rows in enumerate(self.batches(), 1):
            optimizer.zero_grad()
            cost = self.arm.loss(dropout(self.body(*self.corpus.bags(rows))), self.target[rows])
            cost.backward()
            optimizer.step()
            fall.step()
            costs.append(cost.detach())
            if step in ends:
                yield float(torch.stack(costs).mean())
                costs = []

    def optimizer(self) -> torch.optim.Optimizer:
        """Adam, or SGD with momentum, at the cell's rate as the arm scales it."""
        rate = self.cell["lr"] * self.arm.rate
        values = [*self.body.parameters(), *self.arm.head.parameters()]
        if self.cell.get("optimizer", "adam") == "sgd":
            return torch.optim.SGD(values, rate, momentum=0.9)
        return torch.optim.Adam(values, rate, fused=True)

    def batches(self) -> Iterator[Tensor]:
        """Shuffled passes end to end, as many steps for every arm; equal rows, equal batches."""
        order = torch.Generator().manual_seed(self.cell.seed)
        passes = -(-self.steps * BATCH // len(self.rows))
        places = (torch.randperm(len(self.rows), generator=order) for _ in range(passes))
        line = torch.cat([self.rows[place] for place in places])
        yield from torch.split(line[: self.steps * BATCH], BATCH)

    @torch.no_grad()
    def features(self, rows: Tensor) -> Tensor:
        """What the head sees of texts that are not trained on."""
        found: Tensor = self.body(*self.corpus.bags(rows))
        return found

    @torch.no_grad()
    def logits(self, rows: Tensor) -> Tensor:
        """Leaf logits."""
        found: Tensor = self.arm.head(self.features(rows))
        return found

    @torch.no_grad()
    def cost(self, rows: Tensor) -> float:
        """The arm's own loss on classes that are known."""
        return float(self.arm.loss(self.features(rows), self.corpus.classes[rows]))

    def score(self, rows: Tensor, prefix: str = "") -> Sequence[dict[str, float | str]]:
        """A dict for each way to read the head."""
        truth = self.corpus.classes[rows]
        return controls.readings(self.arm.head, self.features(rows), truth, self.corpus.tree, prefix)
