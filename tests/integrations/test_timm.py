"""timm: its task, Mixup, EMA, readers of folders and names of ImageNet's classes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch

import taxoloss

timm: Any = pytest.importorskip("timm", reason="needs timm")
data: Any = pytest.importorskip("timm.data", reason="needs timm")
task_module: Any = pytest.importorskip("timm.task", reason="needs a timm with tasks")

TREE = {"levels": ["species", "breed"], "tree": {"cat": ["Bengal", "Siamese"], "dog": ["beagle", "pug"]}}
T = taxoloss.load(TREE).bind(["pug", "Siamese", "Bengal", "beagle"])
PICTURES = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
BREEDS = torch.arange(8) % 4


def small() -> torch.nn.Module:
    """A model of 4 classes, in evaluation: the same output at every call."""
    torch.manual_seed(0)
    model: torch.nn.Module = timm.create_model("test_convnext", num_classes=4)
    return model.eval()


def test_the_task() -> None:
    """Its loss is the loss of its output, and reaches every parameter; nothing of it is in a checkpoint."""
    loss = taxoloss.TaxonomyLoss(T, label_smoothing=0.1)
    model = small()
    task = task_module.ClassificationTask(model, criterion=loss, verbose=False)
    result = task(PICTURES, BREEDS)
    assert torch.equal(result["loss"], loss(model(PICTURES), BREEDS))
    result["loss"].backward()
    assert all(p.grad is not None for p in model.parameters())
    assert all(key.startswith("trainable_module.") for key in task.state_dict())


def test_mixup_and_cutmix() -> None:
    """Soft targets (N, C): the mean of the two labels' losses, for the loss is linear in the target."""
    task = task_module.ClassificationTask(small(), criterion=taxoloss.TaxonomyLoss(T), verbose=False)
    for options in ({"mixup_alpha": 1.0}, {"mixup_alpha": 0.0, "cutmix_alpha": 1.0}):
        mix = data.Mixup(label_smoothing=0.0, num_classes=4, **options)
        mixed, soft = mix(PICTURES.clone(), BREEDS)
        assert soft.shape == (8, 4)
        share = soft[0, 0]  # the first row is mixed with the last, of another class
        logits = task.trainable_module(mixed)
        loss = task.criterion
        wanted = share * loss(logits, BREEDS) + (1 - share) * loss(logits, BREEDS.flip(0))
        torch.testing.assert_close(task(mixed, soft)["loss"], wanted)


def test_mixup_of_labels_of_mixed_depth() -> None:
    """Probabilities over nodes cost the mixture of the losses; metrics refuse soft targets."""
    tree = taxoloss.load(TREE).bind(T.classes, node_targets=True)
    nodes = tree.node_ids(["cat", "pug"] * 4)
    mixed, soft = data.Mixup(label_smoothing=0.0, num_classes=tree.num_nodes)(PICTURES.clone(), nodes)
    logits = small()(mixed)
    loss = taxoloss.TaxonomyLoss(tree)
    part = soft.gather(1, nodes[:, None])[:, 0]  # of each sample itself; timm mixes it with its mirror
    rows = taxoloss.TaxonomyLoss(tree, reduction="none")
    both = torch.where(nodes == nodes.flip(0), 1.0, part)
    wanted = both * rows(logits, nodes) + (1 - both) * rows(logits, nodes.flip(0))
    torch.testing.assert_close(loss(logits, soft), wanted.mean(), atol=1e-6, rtol=1e-5)
    with pytest.raises(ValueError, match=r"pass target\.argmax\(1\)"):
        taxoloss.metrics.LevelAccuracy(T)(logits, torch.full((8, 4), 0.25))


def test_ema() -> None:
    """ModelEmaV3 copies the model alone, and its logits take the loss."""
    model = small()
    task = task_module.ClassificationTask(model, criterion=taxoloss.TaxonomyLoss(T), verbose=False)
    assert isinstance(task.setup_ema(decay=0.5), timm.utils.ModelEmaV3)
    before = model.state_dict()["head.fc.weight"].clone()
    adam = torch.optim.Adam(model.parameters())
    task(PICTURES, BREEDS)["loss"].backward()
    adam.step()
    task.update_ema()
    ema = task.get_eval_model(ema=True)
    after = model.state_dict()["head.fc.weight"]
    torch.testing.assert_close(ema.module.head.fc.weight, 0.5 * before + 0.5 * after)
    assert task.criterion(ema(PICTURES), BREEDS).isfinite()


def test_names_of_imagenet() -> None:
    """timm's label_names() are the leaves of the bundled tree, in the order of timm's models."""
    names = data.ImageNetInfo().label_names()
    tree = taxoloss.load("imagenet1k").bind(names)
    assert list(tree.classes) == list(names)


def test_folders_in_natural_order(tmp_path: Path) -> None:
    """timm numbers b2 before b10; bind takes what its reader says, and keeps that order."""
    for name in ("b10", "b2", "a1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes(_png())
    dataset = data.create_dataset("", str(tmp_path))
    tree = taxoloss.load({"tree": {"a": ["a1"], "b": ["b10", "b2"]}}).bind(dataset.reader.class_to_idx)
    assert tree.classes == ("a1", "b2", "b10")


def _png() -> bytes:
    """A grey pixel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
