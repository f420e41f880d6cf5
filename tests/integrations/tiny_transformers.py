"""Small models of transformers, with random weights, and what trains them: no downloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate.state import AcceleratorState, GradientState, PartialState
from torch.utils.data import SequentialSampler

import taxoloss
from taxoloss.integrations.transformers import label_maps

#: In another order than the tree's; two genera below cat, one class that ends early.
TREE = {
    "levels": ["species", "breed"],
    "tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle", "pug"], "fish": None},
}
CLASSES = ["pug", "Bengal", "fish", "beagle", "Sphynx"]
WEIGHTS = {"species": 0.3, "breed": 0.7}


def tree(**options: Any) -> taxoloss.Taxonomy:
    """The bound taxonomy of these tests."""
    return taxoloss.load(TREE).bind(CLASSES, **options)


def images(count: int = 26, nodes: int = 5, ignored: bool = True) -> list[dict[str, Any]]:
    """Samples of noise: labels of nodes 0 .. nodes - 1, most of the first batches' ignored."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(count, 3, 8, 8, generator=generator)
    labels = torch.randint(nodes, (count,), generator=generator)
    for number in range(count):
        pixels[number] += labels[number] / 2
    if ignored:
        labels[[0, 1, 2, 3, 4, 6, 9, 17, 23]] = -100
    return [{"pixel_values": p, "labels": int(y)} for p, y in zip(pixels, labels, strict=True)]


def vit(taxonomy: taxoloss.Taxonomy, **settings: Any) -> Any:
    """A vision transformer of one layer with the classes of a taxonomy."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    config = transformers.ViTConfig(
        **sizes, image_size=8, patch_size=4, **(label_maps(taxonomy) | settings)
    )
    return transformers.ViTForImageClassification(config)


class Sequential(transformers.Trainer):
    """A Trainer that takes the samples as they stand: pieces of a batch are then known."""

    def _get_train_sampler(self, *args: Any) -> Any:
        return SequentialSampler(self.train_dataset)  # type: ignore[arg-type]


def arguments(folder: Path | str, **settings: Any) -> transformers.TrainingArguments:
    """One epoch of SGD on the CPU, each step logged, nothing written."""
    defaults: dict[str, Any] = {
        "output_dir": str(folder), "use_cpu": True, "report_to": "none", "save_strategy": "no",
        "num_train_epochs": 1, "learning_rate": 0.5, "optim": "sgd", "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0, "logging_steps": 1, "disable_tqdm": True, "seed": 0,
    }  # fmt: skip
    return transformers.TrainingArguments(**(defaults | settings))


@contextmanager
def restored() -> Iterator[None]:
    """Leaves accelerate's process-wide states, and torch's random numbers, as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            yield
        finally:
            for state in (AcceleratorState, GradientState, PartialState):
                state._reset_state()
