"""A small LightningModule and its data, for the tests of Lightning and of trackers."""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import taxoloss
from taxoloss.integrations.lightning import TaxonomyCheckpoint

TREE = {
    "levels": ["species", "breed"],
    "tree": {"cat": ["Bengal", "Sphynx", "Siamese"], "dog": ["beagle", "pug"]},
}
ORDER = ["pug", "Bengal", "beagle", "Sphynx", "Siamese"]
FREE = taxoloss.load(TREE)
BOUND = FREE.bind(ORDER)


def samples(number: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Features (number, 8) that tell something of the class, and classes (number,)."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(len(ORDER), (number,), generator=generator)
    noise = torch.randn(number, 8, generator=generator)
    return 0.7 * torch.nn.functional.one_hot(target, 8) + noise, target


def batches(number: int, size: int = 7, seed: int = 0) -> DataLoader[Any]:
    """The samples in their order."""
    return DataLoader(TensorDataset(*samples(number, seed)), batch_size=size)


class Lesson(TaxonomyCheckpoint, LightningModule):
    """A head, the loss, and all scores of it in validation and tests."""

    def __init__(self, taxonomy: taxoloss.Taxonomy, head: str = "Flat", lr: float = 0.5) -> None:
        super().__init__()
        self.save_hyperparameters(ignore="taxonomy")
        self.taxonomy, self.lr = taxonomy, lr
        self.head = getattr(taxoloss.heads, head)(8, taxonomy)
        self.loss = taxoloss.TaxonomyLoss(taxonomy)
        self.val = taxoloss.metrics.collection(taxonomy, prefix="val/", ranking=True, curves=True)
        self.test = self.val.clone(prefix="test/")

    def forward(self, x: Tensor) -> Tensor:
        """Leaf logits."""
        return self.head(x)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The mean loss of a batch."""
        return self.loss(self(batch[0]), batch[1])

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Counts a batch."""
        self.val.update(self(batch[0]), batch[1])
        self.log_dict(self.val)

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Counts a batch."""
        self.test.update(self(batch[0]), batch[1])
        self.log_dict(self.test)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Plain gradient descent."""
        return torch.optim.SGD(self.parameters(), self.lr)


def trainer(epochs: int = 2, **options: Any) -> Trainer:
    """A Trainer on the CPU that says and writes nothing that is not asked for."""
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "default_root_dir": tempfile.mkdtemp()}
    return Trainer(max_epochs=epochs, accelerator="cpu", **{"devices": 1} | quiet | options)


def all_scores(lesson: Any, number: int, prefix: str, seed: int = 0) -> dict[str, float]:
    """The scores of all samples in one call."""
    fresh = taxoloss.metrics.collection(lesson.taxonomy, prefix=prefix, ranking=True, curves=True)
    x, target = samples(number, seed)
    with torch.no_grad():
        found = fresh(lesson(x), target)
    return {name: float(value) for name, value in found.items()}
