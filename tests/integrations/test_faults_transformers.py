"""Heads and loss inside a transformers model: what from_pretrained leaves of them, and another order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="transformers is not installed")

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
import torch
import taxoloss
from taxoloss import TaxonomyLoss, heads
from transformers import PretrainedConfig, PreTrainedModel

KINDS = ("Flat", "PathSum", "ConditionalSoftmax", "LevelHeads")

class Config(PretrainedConfig):
    model_type = "tiny"

class Model(PreTrainedModel):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        t = taxoloss.load("pets").bind(config.id2label)
        self.body = torch.nn.Linear(6, 8)
        self.heads = torch.nn.ModuleDict({kind: getattr(heads, kind)(8, t) for kind in KINDS})
        weight = torch.arange(1.0, 38.0, device="cpu")
        self.loss = TaxonomyLoss(t, "hxe:0.5", weight=weight, label_smoothing=0.1)
        self.post_init()

    def forward(self, x, labels):
        logits = [head(self.body(x).tanh()) for head in self.heads.values()]
        levels = self.heads["LevelHeads"].loss(self.body(x), labels)
        return [*logits, *(self.loss(z, labels) for z in logits), levels]

def names(classes):
    return {"id2label": dict(enumerate(classes)), "label2id": {name: i for i, name in enumerate(classes)}}

classes = taxoloss.load("pets").classes
folder = sys.argv[1]
model = Model(Config(**names(classes)))
with torch.no_grad():
    for number, parameter in enumerate(model.parameters()):
        parameter.copy_(torch.sin(torch.arange(float(parameter.numel())) + number).view_as(parameter))
model.save_pretrained(folder)
x, y = torch.randn(5, 6), torch.tensor([0, 36, 5, -100, 7])
wanted = model(x, y)
for options in ({}, {"device_map": "cpu"}):
    again = Model.from_pretrained(folder, **options)
    torch.testing.assert_close(again(x, y), wanted, rtol=0, atol=0)
    again.loss.set_level_weights("uniform")
    again.heads.train()
    sum(value.sum() for value in again(x, y)).backward()
    assert all(torch.isfinite(p.grad).all() for p in again.parameters()), "gradients"

other = Model.from_pretrained(folder, **names([*classes[1:], classes[0]]))
for kind, head in other.heads.items():
    try:
        head(torch.randn(2, 8))
    except RuntimeError as error:
        assert f"the state of {kind} was stored for another taxonomy" in str(error)
    else:
        raise AssertionError(f"{kind} took the rows of another order")

try:
    Model(Config(num_labels=37))
except taxoloss.errors.BindingError as error:
    assert "\\n" not in str(error) and "only numbers, `LABEL_0` to `LABEL_36`" in str(error), error
else:
    raise AssertionError("LABEL_0 was bound")
print("good")
"""


@pytest.mark.slow
def test_from_pretrained(tmp_path: Path) -> None:
    """All heads and the loss equal to the last bit; another order of id2label, and none, are refused.

    Past load_state_dict the digest is compared at the first call: tests/heads/test_head_states.py.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.stdout.strip().endswith("good"), done.stdout[-500:] + done.stderr[-2500:]
