"""save and load_checkpoint: what a model's state may be, and whose tree and order it has."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_cases import (
    HEADS,
    NEW,
    OLD,
    PETS,
    Net,
    copied,
    filled,
    module_of,
    refused,
    same_state,
    unsaved,
)
from torch import nn

import taxoloss
from taxoloss import Taxonomy, decisions, heads
from taxoloss.integrations.checkpoints import Checkpoint

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where no file is yet."""
    return tmp_path / "m.safetensors"


# -- what comes back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HEADS)
def test_all_comes_back(kind: Any, path: Path) -> None:
    """The state, the taxonomy, the threshold, the versions; of a model with a loss and metrics inside."""
    model, other = filled(Net(OLD, kind)).eval(), Net(OLD, kind).eval()
    logits, target = torch.randn(99, 5), torch.randint(5, (99,))
    threshold = decisions.calibrate_threshold(logits, target, OLD, risk=0.5)
    taxoloss.save(str(path), model, OLD, threshold)
    found = taxoloss.load_checkpoint(str(path), other, OLD)
    assert same_state(copied(model), copied(other))
    assert torch.equal(model(torch.ones(1, 4)), other(torch.ones(1, 4)))
    assert found == Checkpoint(OLD, threshold, found.versions)
    assert found.taxonomy is OLD
    assert found.versions["format"] == 1
    assert found.versions["torch"] == torch.__version__
    assert found.versions["taxoloss"] == taxoloss.__version__
    without = taxoloss.load_checkpoint(path, None)
    assert without == found
    assert without.taxonomy is not OLD


def test_the_file_is_plain_safetensors(path: Path) -> None:
    """Other tools read its tensors and its JSON; there is no pickle in it."""
    import json

    from safetensors import safe_open
    from safetensors.torch import load_file

    model = filled(Net(OLD))
    taxoloss.save(path, model, OLD)
    assert same_state(load_file(path), copied(model))
    with safe_open(path, framework="pt") as file:
        said = {key: json.loads(value) for key, value in file.metadata().items()}
    assert Taxonomy.from_dict(said["taxoloss"]) == OLD
    assert tuple(map(tuple, said["classes"])) == OLD.paths()
    assert tuple(said["levels"]) == OLD.levels
    assert said["threshold"] is None
    OLD.check_state(said)
    with pytest.raises(ValueError, match="of another order of the classes"):
        NEW.check_state(said)


def test_node_targets_change_no_column(path: Path) -> None:
    """Whoever trains with labels of inner nodes loads the same checkpoint."""
    taxoloss.save(path, nn.Linear(4, 5), PETS.bind(OLD.paths(), node_targets=True))
    assert taxoloss.load_checkpoint(path, nn.Linear(4, 5), OLD).taxonomy == OLD


@pytest.mark.parametrize(
    "dtype",
    [
        torch.bool,
        torch.uint8,
        torch.int64,
        torch.uint16,
        torch.float16,
        torch.bfloat16,
        torch.float64,
        torch.complex64,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
    ],
)
def test_kinds_of_numbers(dtype: torch.dtype, path: Path) -> None:
    """Every bit comes back, of every kind that the file has; also of none and of a scalar."""
    bits = torch.randint(0, 2, (6, 4)).to(dtype)
    given = {"a": bits, "none": bits[:0], "scalar": bits[0, 0], "turned": bits.T, "part": bits[1:3, 1:]}
    made = module_of({name: torch.zeros_like(value) for name, value in given.items()})
    taxoloss.save(path, module_of(given), OLD)
    taxoloss.load_checkpoint(path, made)
    for name, value in made.state_dict().items():
        assert value.dtype == dtype
        assert torch.equal(value.to(torch.complex128), given[name].to(torch.complex128))


def test_tied_and_overlapping_tensors(path: Path) -> None:
    """Tied weights are written once, and load into models that tie them or not; views are apart."""

    def made(tied: bool) -> Any:
        model: Any = nn.ModuleDict({"embed": nn.Embedding(500, 40), "out": nn.Linear(40, 500, bias=False)})
        if tied:
            model["out"].weight = model["embed"].weight
        return model

    model, other, apart = made(True), made(True), made(False)
    taxoloss.save(path, model, OLD)
    assert path.stat().st_size < 1.5 * 500 * 40 * 4
    for loaded in (other, apart):
        taxoloss.load_checkpoint(path, loaded)
        assert torch.equal(loaded["out"].weight, model["embed"].weight)
        assert torch.equal(loaded["embed"].weight, model["embed"].weight)
    whole = torch.randn(8, 3)
    taxoloss.save(path, module_of({"whole": whole, "part": whole[2:], "turned": whole.T}), OLD)
    loaded = module_of({"whole": torch.zeros(8, 3), "part": torch.zeros(6, 3), "turned": torch.zeros(3, 8)})
    taxoloss.load_checkpoint(path, loaded)
    assert torch.equal(loaded.part, whole[2:])
    assert torch.equal(loaded.turned, whole.T)


def test_values_that_differ_do_not_load_into_tied_weights(path: Path) -> None:
    """One of the two would be lost without a word."""
    apart: Any = nn.ModuleDict({"embed": nn.Embedding(5, 4), "out": nn.Linear(4, 5, bias=False)})
    taxoloss.save(path, apart, OLD)
    tied = copy.deepcopy(apart)
    tied["out"].weight = tied["embed"].weight
    assert "that the model ties to another, with other values (`out.weight`)" in refused(path, tied)


def test_buffers_that_are_not_persistent_and_channels_last(path: Path) -> None:
    """The former are no part of the state; the layout of the model stays."""
    model: Any = nn.Sequential(nn.Conv2d(3, 8, 3)).to(memory_format=torch.channels_last)
    model.register_buffer("cache", torch.zeros(3), persistent=False)
    taxoloss.save(path, model, OLD)
    other = copy.deepcopy(filled(model, 3))
    other.cache += 1
    held = taxoloss.load_checkpoint(path, other)
    assert held.taxonomy == OLD
    assert other[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(other.cache, torch.ones(3))


def test_forms_of_states_that_torch_numbers(path: Path) -> None:
    """A module that reads older forms of its state is told the form that was saved."""
    seen = []

    class Versioned(nn.Linear):
        _version = 3

        def _load_from_state_dict(self, state: Any, prefix: str, metadata: Any, *rest: Any) -> None:
            seen.append(metadata.get("version"))
            super()._load_from_state_dict(state, prefix, metadata, *rest)

    taxoloss.save(path, nn.Sequential(Versioned(4, 5), nn.BatchNorm1d(5)), OLD)
    taxoloss.load_checkpoint(path, nn.Sequential(Versioned(4, 5), nn.BatchNorm1d(5)))
    assert seen == [3]


# -- wrappers --------------------------------------------------------------------------------------


def test_compiled_models_load_either_way(path: Path) -> None:
    """Whole and in part: the names in the file are those of the model alone."""
    model = filled(Net(OLD))
    compiled: Any = torch.compile(model)
    inner: Any = filled(Net(OLD), 1)
    inner.body = torch.compile(inner.body)
    for saved in (model, compiled, inner):
        taxoloss.save(path, saved, OLD)
        plain: Any = Net(OLD)
        other: Any = torch.compile(Net(OLD))
        part: Any = Net(OLD)
        part.body = torch.compile(part.body)
        for loaded in (plain, other, part):
            taxoloss.load_checkpoint(path, loaded, OLD)
        expected = copied(model if saved is compiled else saved)
        expected = {name.replace("_orig_mod.", ""): value for name, value in expected.items()}
        assert same_state(expected, copied(plain))
        for loaded in (other, part):
            found = {name.replace("_orig_mod.", ""): value for name, value in loaded.state_dict().items()}
            assert same_state(expected, found)


DDP = """
import os, sys, torch, torch.distributed as dist
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
store = dist.HashStore()
dist.init_process_group("gloo", store=store, rank=0, world_size=1)
from torch.nn.parallel import DistributedDataParallel as DDP
import taxoloss
from taxoloss import heads
t = taxoloss.load("pets").bind()
u = t.bind(list(reversed(t.classes)))
def made(t): return torch.nn.Sequential(torch.nn.Linear(4, 7), heads.Flat(7, t))
path = sys.argv[1]
model = DDP(made(t))
torch.nn.init.normal_(model.module[1].weight)
taxoloss.save(path, model, t)
plain, wrapped, both = made(t), DDP(made(t)), DDP(torch.compile(made(t)))
for other in (plain, wrapped, both): taxoloss.load_checkpoint(path, other, t)
assert torch.equal(plain[1].weight, model.module[1].weight)
assert torch.equal(wrapped.module[1].weight, model.module[1].weight)
assert torch.equal(both.module._orig_mod[1].weight, model.module[1].weight)
moved = DDP(made(u))
taxoloss.load_checkpoint(path, moved, reorder=True, head="module.1")
assert torch.equal(moved.module[1].weight.flip(0), model.module[1].weight)
taxoloss.save(path, plain, t)
taxoloss.load_checkpoint(path, wrapped, t)

# Sharded: refused in words, both ways; what is gathered is taken.
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
sharded = made(t)
fully_shard(sharded, mesh=init_device_mesh("cpu", (1,)))
for use in (lambda: taxoloss.save(path, sharded, t), lambda: taxoloss.load_checkpoint(path, sharded, t)):
    try: use()
    except ValueError as error: print(error)
options = StateDictOptions(full_state_dict=True, cpu_offload=True)
taxoloss.save(path, get_model_state_dict(sharded, options=options), t)
taxoloss.load_checkpoint(path, plain, t)
class Old(FullyShardedDataParallel):
    def __init__(self): torch.nn.Module.__init__(self)
outer = torch.nn.Sequential(Old())
try: taxoloss.save(path, outer, t)
except ValueError as error: print(error)
print("done")
"""


@pytest.mark.slow
def test_distributed_models(path: Path) -> None:
    """DistributedDataParallel, also over torch.compile, loads either way; what is sharded is refused."""
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", DDP, str(path)],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    saved, loaded, old, last = done.stdout.strip().splitlines()
    assert "cannot be saved, being spread over processes (DTensor): torch.distributed.checkpoint" in saved
    assert "cannot be loaded, being spread over processes (DTensor): load it before it is sharded" in loaded
    assert old.startswith("a model in FullyShardedDataParallel cannot be saved here")
    assert last == "done"


def test_a_state_dict_alone(path: Path) -> None:
    """What was gathered, or averaged, is saved as the model would be; a head's digest in it is read."""
    model, other = filled(Net(OLD)), Net(OLD)
    taxoloss.save(path, model.state_dict(), OLD)
    taxoloss.load_checkpoint(path, other, OLD)
    assert same_state(copied(model), copied(other))
    path.unlink()
    words = "the state of `head.binding` was stored for another taxonomy or another order of classes"
    assert words in unsaved(path, model.state_dict(), NEW)


# -- whose tree, whose order -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*HEADS, taxoloss.TaxonomyLoss, taxoloss.metrics.LevelAccuracy])
def test_parts_of_the_model_must_be_of_the_taxonomy(kind: Any, path: Path) -> None:
    """Heads, losses and metrics: when it is saved, and when it is loaded."""

    def made(t: Taxonomy) -> nn.Module:
        part = kind(4, t) if kind in HEADS else kind(t)
        return nn.ModuleDict({"part": part, "out": nn.Linear(4, 5)})

    words = f"the {kind.__name__} `part` of the model is of another order of the classes: "
    assert words in unsaved(path, made(OLD), NEW)
    taxoloss.save(path, made(NEW), NEW)
    assert words in refused(path, made(OLD), NEW)
    assert f"{path} is of another order of the classes: " in refused(path, made(OLD))
    assert taxoloss.load_checkpoint(path, made(NEW)).taxonomy == NEW


def test_two_trees_in_one_model(path: Path) -> None:
    """One file is of one tree."""
    model = nn.ModuleList([heads.Flat(4, OLD), heads.Flat(4, OLD.restrict(["pug", "Manx"]))])
    assert "the Flat `1` of the model is of another tree: " in unsaved(path, model, OLD)
    assert "one for the whole model" in unsaved(path, model, OLD)


def test_a_head_that_something_wrote_over(path: Path) -> None:
    """What writes into buffers past load_state_dict is found when it is saved."""
    model = heads.Flat(4, OLD)
    model.binding.copy_(heads.Flat(4, NEW).binding)
    words = "the state of the Flat was stored for another taxonomy or another order of classes"
    assert words in unsaved(path, model, OLD)


def test_an_order_that_nobody_names_is_returned(path: Path) -> None:
    """A plain model says nothing of its order: the caller gets that of the file."""
    taxoloss.save(path, nn.Linear(4, 5), OLD)
    assert taxoloss.load_checkpoint(path, nn.Linear(4, 5)).taxonomy == OLD


def test_thresholds_of_another_tree_or_order(path: Path) -> None:
    """They are refused when they are saved; what is no threshold too."""
    logits, target = torch.randn(99, 5), torch.randint(5, (99,))
    levels = decisions.calibrate_levels(logits, target, OLD)
    threshold = decisions.calibrate_threshold(logits, target, OLD, risk=0.5, levels=levels)
    for kept in (threshold, levels, 0.9):
        taxoloss.save(path, nn.Linear(4, 5), OLD, kept)
        assert taxoloss.load_checkpoint(path, None).threshold == kept
    path.unlink()
    model = nn.Linear(4, 5)
    assert "expected the class order that this threshold was calibrated on" in unsaved(
        path, model, NEW, threshold
    )
    assert "expected levels calibrated on this tree and class order" in unsaved(path, model, NEW, levels)
    assert "probability" in unsaved(path, model, NEW, 1.5)
    assert "expected threshold as a probability or a Threshold, got str" in unsaved(path, model, NEW, "0.9")
    never = decisions.calibrate_threshold(logits[:3], target[:3], OLD, risk=0.01)
    taxoloss.save(path, model, OLD, never)  # log-odds of inf, which JSON has not
    assert taxoloss.load_checkpoint(path, None).threshold == never
