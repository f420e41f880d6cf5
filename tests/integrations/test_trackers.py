"""What a tracker keeps: scalars by level, the confusion as a picture, the digest; by TensorBoard."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
pytest.importorskip("matplotlib", reason="the extra plot is not installed")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

import taxoloss

TREE = {
    "levels": ["species", "breed"],
    "tree": {"cat": ["Bengal", "Sphynx", "Siamese"], "dog": ["beagle", "pug"]},
}
BOUND = taxoloss.load(TREE).bind(["pug", "Bengal", "beagle", "Sphynx", "Siamese"])


def read(folder: Path) -> Any:
    """The events of a folder."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def words(events: Any, tag: str) -> str:
    """A text that was stored."""
    return str(events.Tensors(tag)[0].tensor_proto.string_val[0].decode())


def test_tensorboard(tmp_path: Path) -> None:
    """Every score under its name, a figure of both levels, and a taxonomy that comes back equal."""
    scores, confusion = taxoloss.metrics.collection(BOUND), taxoloss.metrics.LevelConfusionMatrix(BOUND)
    target = torch.arange(20) % 5
    logits = torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
    scores.update(logits, target)
    confusion.update(logits, target)
    writer = SummaryWriter(str(tmp_path))
    for name, value in scores.compute().items():
        writer.add_scalar(name, value, 3)
    writer.add_figure("confusion", confusion.plot()[0], 3)
    writer.add_text("taxonomy", json.dumps(BOUND.to_dict()))
    writer.add_text("binding_digest", BOUND.binding_digest)
    writer.close()

    events = read(tmp_path)
    found = {name: events.Scalars(name)[0] for name in events.Tags()["scalars"]}
    assert {name: event.value for name, event in found.items()} == pytest.approx(
        {name: float(value) for name, value in scores.compute().items()}
    )
    assert {event.step for event in found.values()} == {3}
    assert {"accuracy/species", "accuracy/breed", "calibration_error/breed"} <= set(found)
    (image,) = events.Images("confusion")
    assert image.width > 300
    assert image.encoded_image_string.startswith(b"\x89PNG")
    assert BOUND.same_binding(words(events, "binding_digest/text_summary"))
    assert taxoloss.Taxonomy.from_dict(json.loads(words(events, "taxonomy/text_summary"))) == BOUND


@pytest.mark.slow
def test_tensorboard_through_lightning(tmp_path: Path) -> None:
    """log_dict writes a scalar a level and epoch, the experiment takes the figure."""
    pytest.importorskip("lightning.pytorch", reason="the extra lightning is not installed")
    code = """
import sys
from lightning.pytorch.loggers import TensorBoardLogger
from lightning_lesson import *
class Tracked(Lesson):
    def __init__(self):
        super().__init__(BOUND)
        self.confusion = taxoloss.metrics.LevelConfusionMatrix(BOUND)
    def on_fit_start(self):
        super().on_fit_start()
        self.logger.log_hyperparams({"binding_digest": BOUND.binding_digest})
    def validation_step(self, batch, batch_idx):
        super().validation_step(batch, batch_idx)
        self.confusion.update(self(batch[0]), batch[1])
    def on_validation_epoch_end(self):
        self.logger.experiment.add_figure("confusion", self.confusion.plot()[0], self.current_epoch)
        self.confusion.reset()
trainer(logger=TensorBoardLogger(sys.argv[1], version="one")).fit(Tracked(), batches(50), batches(40))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    folder = tmp_path / "lightning_logs" / "one"
    events = read(folder)
    for level in BOUND.levels:
        assert len(events.Scalars(f"val/accuracy/{level}")) == 2
    assert len(events.Images("confusion")) >= 2
    assert BOUND.binding_digest in (folder / "hparams.yaml").read_text(encoding="utf-8")
