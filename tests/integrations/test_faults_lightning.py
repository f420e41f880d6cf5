"""Validate, then fit, with Lightning: metrics, tables, logged numbers, hyperparameters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lightning", reason="lightning is not installed")

ROOT = Path(__file__).parents[2]

HEAD = """
import math, sys, tempfile
import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset
import taxoloss
from taxoloss import TaxonomyLoss, functional, metrics

t = taxoloss.load("pets").bind()
generator = torch.Generator().manual_seed(0)
X, Y = torch.randn(46, 6, generator=generator), torch.arange(46) % 37
X[:, 0] += 3 * (Y < 12).float()
data = DataLoader(TensorDataset(X, Y), batch_size=7)

def trainer(**given):
    plain = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False)
    return L.Trainer(max_epochs=1, accelerator="cpu", default_root_dir=sys.argv[1], **plain | given)

class Model(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Linear(6, 37)
        with torch.no_grad():
            self.net.weight.copy_(torch.sin(torch.arange(222.0)).view(37, 6))
            self.net.bias.zero_()
        self.loss = TaxonomyLoss(t)
        self.val = metrics.collection(t, prefix="val/")

    def training_step(self, batch, _):
        return self.loss(self.net(batch[0]), batch[1])

    def validation_step(self, batch, _):
        self.val.update(self.net(batch[0]), batch[1])
        self.log_dict(self.val)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)
"""

METRICS = """
model, other = Model(), Model()
for order in ("validate, then fit", "fit alone"):
    work = trainer() if order == "fit alone" else trainer(num_sanity_val_steps=0)
    chosen = other if order == "fit alone" else model
    if chosen is model:
        work.validate(chosen, data, verbose=False)
    work.fit(chosen, data, data)
torch.testing.assert_close(model.net.weight, other.net.weight, rtol=0, atol=0)
wanted = metrics.collection(t, prefix="val/")
wanted.update(model.net(X), Y)
logged = work.callback_metrics
for name, value in wanted.compute().items():
    torch.testing.assert_close(logged[name].float(), value.float(), equal_nan=True)
"""

TABLES = """
class Mixed(Model):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def validation_step(self, batch, _):
        z, y = self.net(batch[0]), batch[1]
        if self.kind == "function":
            functional.taxonomy_cross_entropy(z, y, T)
        elif self.kind == "climb":
            taxoloss.decisions.climb(z, T, 0.5)
        else:
            TaxonomyLoss(T).per_level(z, y)

    def training_step(self, batch, _):
        z, y = self.net(batch[0]), batch[1]
        if self.kind == "function":
            soft = 0.9 * torch.nn.functional.one_hot(y, 37).float() + 0.1 / 37
            hard = functional.taxonomy_cross_entropy(z, y, T, label_smoothing=0.1)
            return functional.taxonomy_cross_entropy(z, soft, T) + hard
        logs = functional.level_log_probs(z, T)["species"]
        return -logs.gather(1, T.ancestor_index("species")[y, None]).mean()

for kind in ("function", "climb", "per_level"):
    results = []
    for validate in (True, False):
        T = taxoloss.load("pets").bind()  # which has made nothing yet
        model = Mixed(kind)
        work = trainer(num_sanity_val_steps=0)
        if validate:
            work.validate(model, data, verbose=False)
        work.fit(model, data)
        results.append(model.net.weight.detach())
    torch.testing.assert_close(*results, rtol=0, atol=0)
"""

BATCHES = """
class Batches(Model):
    def validation_step(self, batch, _):
        scores = self.val(self.net(batch[0]), batch[1])
        self.log_dict({"batches/" + name: value for name, value in scores.items()})
        self.log_dict(self.val)

model = Batches()
found = trainer().validate(model, data, verbose=False)[0]
whole = metrics.collection(t, prefix="val/")
whole.update(model.net(X), Y)
for name, value in whole.compute().items():
    assert abs(found[name] - value.item()) < 1e-6 or math.isnan(value), name
names = ["val/calibration_error/" + level for level in t.levels]
errors = [(found["batches/" + name], found[name]) for name in names]
assert any(batches > 1.1 * epoch for batches, epoch in errors), errors
Y = model.net(X).argmax(1)
Y[0] = (Y[0] + 1) % 37
found = trainer().validate(model, DataLoader(TensorDataset(X, Y), batch_size=7), verbose=False)[0]
assert math.isnan(found["batches/val/severity"]) and found["val/severity"] >= 1, found
"""

HYPERPARAMETERS = """
from lightning.pytorch.loggers import CSVLogger

class Kept(Model):
    def __init__(self, taxonomy, weights="hxe:0.5"):
        super().__init__()
        self.save_hyperparameters()
        self.tree = taxoloss.Taxonomy.from_dict(taxonomy)
        self.loss = TaxonomyLoss(self.tree, weights)

bound = taxoloss.load("pets").bind(sorted(t.classes, reverse=True))
model = Kept(bound.to_dict())
work = trainer(logger=CSVLogger(sys.argv[1]))
work.fit(model, data)
work.save_checkpoint(sys.argv[1] + "/a.ckpt")
text = open(work.logger.log_dir + "/hparams.yaml").read()
assert "!!python" not in text, text[:300]
again = Kept.load_from_checkpoint(sys.argv[1] + "/a.ckpt", weights_only=True)
assert again.tree == bound and again.tree.classes == bound.classes
state = torch.load(sys.argv[1] + "/a.ckpt", weights_only=True)["state_dict"]
assert list(state) == ["net.weight", "net.bias"], list(state)
torch.testing.assert_close(again.loss(model.net(X), Y), model.loss(model.net(X), Y), rtol=0, atol=0)
with trainer().init_module(empty_init=True):
    empty = Kept(bound.to_dict())
empty.load_state_dict(state)
torch.testing.assert_close(empty.loss(empty.net(X), Y), model.loss(model.net(X), Y), rtol=0, atol=0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [METRICS, TABLES, BATCHES, HYPERPARAMETERS],
    ids=["metrics", "tables", "batches", "hyperparameters"],
)
def test_a_loop(tmp_path: Path, program: str) -> None:
    """What stands in the programs above.

    Metrics and tables that inference mode made first train as if it had not been; the scores that the
    collection logs are those of all samples, and means of batch scores are not, or NaN; a taxonomy goes
    through hyperparameters as plain data. Without Lightning: tests/metrics/test_metrics_modes.py,
    tests/functional/test_modes.py, tests/taxonomy/test_plain_data.py.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HEAD + program + "\nprint('good')", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.stdout.strip().endswith("good"), done.stdout[-500:] + done.stderr[-2500:]
