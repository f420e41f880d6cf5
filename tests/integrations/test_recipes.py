"""Keras, Ignite and accelerate: the lines of the page of recipes, and what goes wrong without them."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

import taxoloss
from taxoloss import metrics

ROOT = Path(__file__).parents[2]
T = taxoloss.load(
    {"levels": ["species", "breed"], "tree": {"cat": ["Bengal", "Siamese"], "dog": ["beagle", "pug"]}}
).bind(["pug", "Siamese", "Bengal", "beagle"])


def problem(rows: int = 70) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (rows, 8) and classes (rows,)."""
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(4, (rows,), generator=generator)
    features = torch.randn(4, 8, generator=generator)[target]
    return features + torch.randn(rows, 8, generator=generator), target


# -- Ignite ----------------------------------------------------------------------------------------


def test_ignite_trains_and_scores_all_samples() -> None:
    """A trainer's loss is ours; a collection on events has the scores of all rows, not of batches."""
    engines = pytest.importorskip("ignite.engine", reason="needs pytorch-ignite")
    features, target = problem()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(features, target), batch_size=16)
    torch.manual_seed(0)
    model, loss = torch.nn.Linear(8, 4), taxoloss.TaxonomyLoss(T)
    before = float(loss(model(features), target))
    adam = torch.optim.Adam(model.parameters(), 0.05)
    engines.create_supervised_trainer(model, adam, loss).run(loader, max_epochs=3)
    assert float(loss(model(features), target)) < before

    scores, events = metrics.collection(T), engines.Events
    evaluator = engines.create_supervised_evaluator(model)
    evaluator.add_event_handler(events.STARTED, lambda engine: scores.reset())
    evaluator.add_event_handler(
        events.ITERATION_COMPLETED, lambda engine: scores.update(*engine.state.output)
    )
    evaluator.add_event_handler(
        events.COMPLETED, lambda engine: engine.state.metrics.update(scores.compute())
    )
    wanted = metrics.collection(T)(model(features), target)
    for _ in range(2):  # an epoch does not count the one before
        assert evaluator.run(loader).metrics == pytest.approx(
            {k: v.item() for k, v in wanted.items()}, nan_ok=True
        )


def test_ignite_attaches_only_its_own_metrics() -> None:
    """As docs say: its `metrics=` takes no torchmetrics metric, so that nothing is silently left out."""
    engines = pytest.importorskip("ignite.engine", reason="needs pytorch-ignite")
    with pytest.raises(AttributeError, match="attach"):
        engines.create_supervised_evaluator(
            torch.nn.Linear(8, 4), metrics={"severity": metrics.MistakeSeverity(T)}
        )


# -- in processes of their own ---------------------------------------------------------------------

ACCELERATE = """
import torch, taxoloss
from accelerate import Accelerator
from taxoloss import metrics

t = taxoloss.load("pets").bind()
torch.manual_seed(0)
x, y = torch.randn(70, 8), torch.randint(37, (70,))
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16)
accelerator = Accelerator(cpu=True)
model = torch.nn.Linear(8, 37)
model, sgd, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1), loader)
loss, scores = taxoloss.TaxonomyLoss(t), metrics.collection(t)
for a, b in loader:
    sgd.zero_grad()
    accelerator.backward(loss(model(a), b))
    sgd.step()
with torch.no_grad():
    for a, b in loader:
        scores.update(*accelerator.gather_for_metrics((model(a), b)))
    whole = metrics.collection(t)(model(x), y)
found = scores.compute()
print(all(torch.allclose(found[name], value, equal_nan=True) for name, value in whole.items()))
"""

KERAS = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np, taxoloss, torch

t = taxoloss.load("pets").bind()
loss, rows = taxoloss.TaxonomyLoss(t), taxoloss.TaxonomyLoss(t, reduction="none")
rng = np.random.default_rng(0)
x, y = rng.normal(size=(51, 8)).astype("float32"), rng.integers(37, size=51)
w = rng.random(51).astype("float32")
one_hot = np.eye(37, dtype="float32")[y]

def model(loss, activation=None):
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.Input((8,)), keras.layers.Dense(37, activation=activation)])
    made.compile(optimizer="adam", loss=loss)
    return made

right = lambda a, z: rows(z, a.long().reshape(-1))
z, target = torch.from_numpy(model(right).predict(x, verbose=0)), torch.from_numpy(y)
close = lambda a, b: abs(float(a) - float(b)) < 1e-5
for given in (y, y[:, None]):  # the last batch of 50 has one row
    print(close(model(right).evaluate(x, given, batch_size=50, verbose=0), loss(z, target)))
weighted = model(right).evaluate(x, y, sample_weight=w, batch_size=51, verbose=0)
print(close(weighted, (rows(z, target) * torch.from_numpy(w)).mean()))
soft = model(lambda a, z: rows(z, a)).evaluate(x, one_hot, batch_size=51, verbose=0)
print(close(soft, loss(z, target)))
fitted = model(right).fit(x, y, epochs=3, verbose=0).history["loss"]
print(fitted[-1] < fitted[0])
for wrong, labels, activation in [
    (loss, y, None), (loss, y[:, None], None), (loss, one_hot, None), (lambda a, z: rows(z, a), y, None),
    (right, y, "softmax"),
]:
    try:
        model(wrong, activation).fit(x, labels, verbose=0)
        print("no error")
    except (ValueError, RuntimeError) as error:
        print(error)
"""


@pytest.mark.slow
def test_accelerate_in_one_process() -> None:
    """gather_for_metrics and update: the scores of all rows."""
    pytest.importorskip("accelerate", reason="needs accelerate")
    assert _lines(ACCELERATE) == ["True"]


@pytest.mark.slow
def test_keras() -> None:
    """The lambda gives our numbers, weighted ones too; without it each mistake is one sentence."""
    if find_spec("keras") is None:  # its import would choose a backend
        pytest.skip("needs keras")
    *numbers, swapped, column, one_hot, floats, softmax = _lines(KERAS)
    assert numbers == ["True"] * 5
    for words in (swapped, column, one_hot):
        assert words.endswith("the arguments are swapped: logits come first, loss(logits, target), "
                              "metric(preds, target)")  # fmt: skip
    assert floats.endswith("pass target.long()")
    assert softmax.endswith("leave the softmax out of the model, or pass p.log()")


def _lines(code: str) -> list[str]:
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()
