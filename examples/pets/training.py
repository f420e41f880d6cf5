"""One net on breeds and species at once: what `pets.py train` does."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import torch
from data import find, label_names, split
from model import Backbone, build
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import DataLoader

import taxoloss
from taxoloss.metrics import LevelAccuracy
from taxoloss.taxonomy.file.atomic import write_whole

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
Batches: TypeAlias = "DataLoader[tuple[Tensor, int]]"
END = """\
Wrote {path}: the weights after epoch {best}, the classes, the tree with their order.
The held-out pictures chose that epoch, so its accuracies are a little too good.
Next: `taxoloss inspect pets` shows the tree. Write a file like taxonomies/pets.yaml of your own
classes, `taxoloss inspect` it, and load it here: taxoloss.load(FILE).bind(CLASS_NAMES)."""


class Lesson:
    """What taxoloss does here: a tree is loaded and bound, and gives the loss and the metric."""

    def __init__(
        self, model: nn.Module, breeds: list[str], breed_weight: float, lr: float, steps: int
    ) -> None:
        # By name: the data set numbers its breeds in another order than the tree does.
        tree = taxoloss.load("pets")
        self.tree = tree.bind(breeds) if len(breeds) == len(tree) else tree.restrict(breeds)
        self.weights = {"species": 1 - breed_weight, "breed": breed_weight}
        self.loss = taxoloss.TaxonomyLoss(self.tree, self.weights).to(DEVICE)
        self.accuracy = LevelAccuracy(self.tree).to(DEVICE)

        self.model = model.to(DEVICE)
        trained = [values for values in model.parameters() if values.requires_grad]
        self.adam = torch.optim.AdamW(trained, lr=lr)
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(self.adam, lr, total_steps=steps)

    def step(self, pictures: Tensor, breeds: Tensor) -> Tensor:
        """One step on one batch; its loss."""
        cost: Tensor = self.loss(self.model(pictures), breeds)
        self.adam.zero_grad()
        cost.backward()
        self.adam.step()
        self.cycle.step()
        return cost.detach()

    def epoch(self, batches: Batches) -> float:
        """One pass over the pictures; the mean loss of its batches."""
        self.model.train()
        return float(torch.stack([self.step(*batch) for batch in shown(batches, "train")]).mean())

    @torch.no_grad()
    def test(self, batches: Batches) -> dict[str, float]:
        """Level -> accuracy."""
        self.model.eval()
        self.accuracy.reset()
        for pictures, breeds in shown(batches, "test"):
            self.accuracy.update(self.model(pictures), breeds)
        return {level: float(share) for level, share in self.accuracy.compute().items()}


def shown(batches: Batches, title: str) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches on the device, with a bar on a terminal."""
    console = Console()
    hidden = not console.is_terminal
    for pictures, breeds in track(batches, title, console=console, transient=True, disable=hidden):
        yield pictures.to(DEVICE), breeds.to(DEVICE)


def save(path: Path, lesson: Lesson, facts: dict[str, Any]) -> None:
    """Weights and what they mean, as tensors and plain values; the file is whole or not there."""
    checkpoint = {
        "state_dict": {name: value.cpu() for name, value in lesson.model.state_dict().items()},
        "classes": list(lesson.tree.classes),  # in the order of the head's outputs
        "digest": lesson.tree.digest,
        "taxoloss": lesson.tree.to_dict(),  # with that order: tree.check_state(checkpoint)
        "level_weights": lesson.weights,
        **facts,
    }
    data = io.BytesIO()
    torch.save(checkpoint, data)
    write_whole(path, data.getvalue())


def teach(lesson: Lesson, train: Batches, held_out: Batches, path: Path, facts: dict[str, Any]) -> int:
    """Epoch by epoch; the number of the best one, by accuracies weighed as the loss is."""
    best, best_score = 0, -1.0
    for number in range(1, facts["epochs"] + 1):
        begin = time.perf_counter()
        loss, accuracy = lesson.epoch(train), lesson.test(held_out)
        shares = "  ".join(f"{level} {share:.4f}" for level, share in accuracy.items())
        line = f"epoch {number}  train loss {loss:.4f}  accuracy {shares}"
        print(f"{line}  {time.perf_counter() - begin:.1f} s", flush=True)
        score = sum(lesson.weights[level] * share for level, share in accuracy.items())
        if score > best_score:
            best, best_score = number, score
            save(path, lesson, {**facts, "epoch": number, "accuracy": accuracy})
    return best


def run(
    data: Path | None,
    breed_weight: float,
    epochs: int,
    size: int,
    batch_size: int,
    lr: float | None,
    seed: int,
    out: Path,
    backbone: Backbone,
    freeze: bool,
    readers: int,
) -> None:
    """Trains, and writes the best epoch to out."""
    torch.manual_seed(seed)
    folder = find(data)
    names = label_names(folder)
    model, normalisation = build(backbone, len(names), freeze)
    parts = split(folder, list(names), size, normalisation, seed)
    train = DataLoader(parts[0], batch_size, shuffle=True, num_workers=readers)
    held_out = DataLoader(parts[1], batch_size, num_workers=readers)
    rate = lr or (0.01 if freeze else 0.001)  # the highest of the cycle
    lesson = Lesson(model, list(names.values()), breed_weight, rate, epochs * len(train))
    print(f"{lesson.tree!r}\n{len(parts[0])} pictures to train on, {len(parts[1])} held out")

    out.mkdir(parents=True, exist_ok=True)
    facts = {"epochs": epochs, "backbone": backbone.value, "size": size}
    best = teach(lesson, train, held_out, out / "best.pt", facts)
    print(END.format(path=out / "best.pt", best=best))
