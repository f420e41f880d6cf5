"""Several processes, sharded models, distributed tensors: what one process gives, or a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

import taxoloss
from taxoloss import TaxonomyLoss, heads

ROOT = Path(__file__).parents[2]
RANKS = Path(__file__).with_name("parallel_ranks.py")
HEADS = ("Flat", "PathSum", "ConditionalSoftmax", "LevelHeads")
PETS = taxoloss.load("pets").bind()


def run(folder: Path, processes: int, *cases: str) -> dict[str, Any]:
    """What the processes found."""
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [sys.executable, *launch, str(RANKS), str(folder), *cases],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of two processes that talk by gloo, once for all tests."""
    return run(tmp_path_factory.mktemp("parallel"), 2)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["ddp", "fsdp2"])
def test_the_gradients_of_one_process(found: dict[str, Any], way: str) -> None:
    """Every head, with 7 rows here and 4 there: a sum over the rows of all, by how many are counted."""
    assert set(found[way]) == set(HEADS), found[way]
    assert max(found[way].values()) < 1e-6, found[way]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fsdp2_from_meta", "activation_checkpointing", "tensor_parallel"])
def test_other_ways_to_spread(found: dict[str, Any], way: str) -> None:
    """Deferred initialisation, activation checkpoints under FSDP2, a spread last layer."""
    assert found[way] < 1e-6, found[way]


@pytest.mark.slow
def test_bfloat16_parameters(found: dict[str, Any]) -> None:
    """What rounding to 8 bits leaves: the gradients are those of one process to a hundredth."""
    assert found["fsdp2_bf16"] < 1e-2, found["fsdp2_bf16"]


@pytest.mark.slow
def test_a_distributed_checkpoint_of_sharded_heads(found: dict[str, Any]) -> None:
    """The same answers to the last bit; another order of classes is refused."""
    assert found["distributed_checkpoint"]["same"] == 0, found["distributed_checkpoint"]
    assert (
        "the state of LevelHeads was stored for another taxonomy"
        in found["distributed_checkpoint"]["other"]
    )


@pytest.mark.slow
def test_logits_that_are_distributed_tensors(found: dict[str, Any]) -> None:
    """Loss and gradient of plain tensors: reductions, class weights, smoothing, soft targets, a text."""
    wrong = {name: off for name, off in found["dtensor_logits"].items() if off > 2e-5}
    assert len(found["dtensor_logits"]) == 37, found["dtensor_logits"]
    assert not wrong, wrong
    assert found["dtensor_edges"].pop("ignored") is True
    assert max(found["dtensor_edges"].values()) < 1e-6, found["dtensor_edges"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("classes", "ValueError: expected logits whose rows are spread (Shard(0)) or that"),
        ("plain target", "TypeError: expected logits and target as DTensors, or both as plain tensors"),
        ("plain logits", "got logits as Tensor"),
        *((name, "TypeError: expected logits as a plain tensor, got a DTensor placed (") for name in
          ("per_level", "log_probs", "decision")),
        ("metric", "expected preds as a plain tensor"),
        ("metric target", "expected target as a plain tensor"),
        ("head", "expected features as a plain tensor"),
    ],
)  # fmt: skip
def test_distributed_tensors_that_are_refused(found: dict[str, Any], what: str, words: str) -> None:
    """One sentence, which says what to give."""
    said = found["dtensor_refused"][what]
    assert words in said, said
    assert "\n" not in said, said
    assert any(help in said for help in ("full_tensor()", "distribute_tensor(")), said


@pytest.mark.slow
def test_metrics_of_uneven_parts(found: dict[str, Any]) -> None:
    """Scores of all samples to the last bit, of local parts of distributed tensors too."""
    assert found["metrics_of_uneven_parts"] == {"parts": 0, "to_local": 0}


@pytest.mark.slow
def test_a_world_of_one(tmp_path: Path) -> None:
    """The same program with one process."""
    found = run(tmp_path, 1, "fsdp2", "dtensor_logits", "tensor_parallel")
    assert max(found["fsdp2"].values()) < 1e-6, found
    assert max(found["dtensor_logits"].values()) < 2e-5, found
    assert found["tensor_parallel"] < 1e-6, found


# -- in one process --------------------------------------------------------------------------------


def step(kind: str, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, Tensor, Tensor]:
    """A model with a head, features and labels."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), getattr(heads, kind)(8, PETS))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    x = torch.randn(11, 6, generator=generator)
    return model.to(dtype), x.to(dtype), torch.randint(37, (11,), generator=generator)


def slopes(value: Tensor, model: nn.Module) -> tuple[Tensor, ...]:
    """The gradients of all parameters."""
    return torch.autograd.grad(value, list(model.parameters()))


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("kind", HEADS)
def test_activation_checkpoints(kind: str, reentrant: bool) -> None:
    """Head and loss recomputed in the backward pass: the same numbers to the last bit."""
    model, x, y = step(kind)
    loss = TaxonomyLoss(PETS, "hxe:0.5", label_smoothing=0.1)
    wanted = loss(model(x), y)
    value = checkpoint(lambda x: loss(model(x), y), x.requires_grad_(), use_reentrant=reentrant)
    grads = []
    for one in (value, wanted):
        model.zero_grad()
        one.backward()
        grads.append([parameter.grad for parameter in model.parameters()])
    assert_close(grads[0], grads[1], rtol=0, atol=0)
    assert_close(value, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("kind", HEADS)
def test_functional_call(kind: str) -> None:
    """Parameters from outside; and one gradient a sample by vmap, whose mean is that of the batch."""
    model, x, y = step(kind)
    loss = TaxonomyLoss(PETS, {"species": 0.3, "breed": 0.7})
    state = {name: value.detach() for name, value in model.named_parameters()}

    def of(state: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        value: Tensor = loss(torch.func.functional_call(model, state, (x,)), y)
        return value

    wanted = dict(zip(state, slopes(loss(model(x), y), model), strict=True))
    assert_close(torch.func.grad(of)(state, x, y), wanted)
    each = torch.func.vmap(torch.func.grad(of), (None, 0, 0))(state, x[:, None], y[:, None])
    assert_close({name: value.mean(0) for name, value in each.items()}, wanted)


@pytest.mark.parametrize("kind", HEADS)
def test_a_bfloat16_model(kind: str) -> None:
    """Parameters in bfloat16: logits no narrower, gradients in bfloat16, near those of float32."""
    model, x, y = step(kind, torch.bfloat16)
    loss = TaxonomyLoss(PETS)
    logits = model(x)
    wide = kind in ("ConditionalSoftmax", "LevelHeads")
    assert logits.dtype == (torch.float32 if wide else torch.bfloat16)
    grads = slopes(loss(logits, y), model)
    assert {grad.dtype for grad in grads} == {torch.bfloat16}
    exact = slopes(loss(model.float()(x.float()), y), model)
    for grad, wanted in zip(grads, exact, strict=True):
        assert (grad.float() - wanted).abs().max() <= 0.03 * wanted.abs().max()
