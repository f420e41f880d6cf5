"""What each of several processes runs for `test_parallel.py`: torchrun starts it, rank 0 writes results.

Every value is a largest difference from one process, or a sentence that was raised.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    set_model_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

import taxoloss
from taxoloss import TaxonomyLoss, decisions, heads, metrics
from taxoloss.functional.log_probs import level_log_probs

HEADS = ("Flat", "PathSum", "ConditionalSoftmax", "LevelHeads")
TREE = taxoloss.load("pets").bind()
WEIGHTS = {"species": 0.3, "breed": 0.7}
#: Of the whole batch; two processes get 7 and 4 of its rows.
ROWS, FEATURES, CLASSES = 11, 6, len(TREE)
SPLIT = 7
#: As many classes, with half as many nodes above them.
PAIRS = taxoloss.Taxonomy.from_paths([(f"p{i // 2}", f"c{i}") for i in range(CLASSES)], list(WEIGHTS))
PAIRS = PAIRS.bind(node_targets=True)
CASES: dict[str, Callable[[DeviceMesh, Path], Any]] = {}


def case(function: Callable[[DeviceMesh, Path], Any]) -> Callable[[DeviceMesh, Path], Any]:
    """Registers what is run."""
    CASES[function.__name__] = function
    return function


def wave(*shape: int, start: int = 0) -> Tensor:
    """Numbers that are the same everywhere."""
    count = torch.Size(shape).numel()
    return 2 * torch.sin(1.7 * torch.arange(start, start + count, dtype=torch.float64)).float().view(shape)


def labels(rows: int = ROWS) -> Tensor:
    """(rows,), one of them ignored."""
    target = (5 * torch.arange(rows)) % CLASSES
    target[2] = -100
    return target


def mine(tensor: Tensor) -> Tensor:
    """The rows of this process, an uneven part."""
    if dist.get_world_size() == 1:
        return tensor
    return tensor[:SPLIT] if dist.get_rank() == 0 else tensor[SPLIT:]


def model(kind: str = "Flat") -> nn.Sequential:
    """Two layers and a head, the same everywhere."""
    made = nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), getattr(heads, kind)(8, TREE))
    with torch.no_grad():
        for number, parameter in enumerate(made.parameters()):
            parameter.copy_(wave(*parameter.shape, start=number) / 4)
    return made


def share(loss: Tensor, count: int) -> Tensor:
    """A sum of losses as part of the mean of all, where gradients are averaged over processes."""
    return loss * dist.get_world_size() / count


def gradients(module: nn.Module) -> list[Tensor]:
    """Of all parameters, whole."""
    grads = [p.grad for p in module.parameters() if p.grad is not None]
    return [g.full_tensor() if isinstance(g, DTensor) else g for g in grads]


def single(kind: str = "Flat", loss: Any = None) -> list[Tensor]:
    """The gradients of one process that has the whole batch."""
    whole = model(kind)
    (loss or TaxonomyLoss(TREE, WEIGHTS))(whole(wave(ROWS, FEATURES)), labels()).backward()
    return gradients(whole)


def apart(found: list[Tensor], wanted: list[Tensor]) -> float:
    """The largest difference."""
    return max((a.float() - b.float()).abs().max().item() for a, b in zip(found, wanted, strict=True))


def said(work: Callable[[], Any]) -> str:
    """What is raised."""
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"


def trained(parallel: nn.Module, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """The gradients of a model on uneven parts of a batch, averaged over processes."""
    loss = TaxonomyLoss(TREE, WEIGHTS, reduction="sum")
    total = loss(parallel(mine(wave(ROWS, FEATURES)).to(dtype)), mine(labels()))
    share(total, ROWS - 1).backward()
    return gradients(parallel)


class Step(nn.Module):
    """A model that holds its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.loss = model("PathSum"), TaxonomyLoss(TREE, WEIGHTS, reduction="sum")

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum of the losses."""
        loss: Tensor = self.loss(self.body(x), y)
        return loss


@case
def ddp(mesh: DeviceMesh, folder: Path) -> Any:
    """DistributedDataParallel, uneven parts: each head's gradients, the loss outside the model."""
    return {kind: apart(trained(DistributedDataParallel(model(kind))), single(kind)) for kind in HEADS}


@case
def fsdp2(mesh: DeviceMesh, folder: Path) -> Any:
    """fully_shard of layers and of the whole."""
    found = {}
    for kind in HEADS:
        made = model(kind)
        for layer in made:
            fully_shard(layer, mesh=mesh)
        fully_shard(made, mesh=mesh)
        found[kind] = apart(trained(made), single(kind))
    return found


@case
def fsdp2_bf16(mesh: DeviceMesh, folder: Path) -> Any:
    """With parameters and activations in bfloat16; the loss is computed in float32."""
    made = model()
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16)
    fully_shard(made[2], mesh=mesh, mp_policy=policy)
    fully_shard(made, mesh=mesh, mp_policy=policy)
    return apart(trained(made), single())


@case
def fsdp2_from_meta(mesh: DeviceMesh, folder: Path) -> Any:
    """Made without memory, head and loss inside, sharded, given memory, then filled from a checkpoint."""
    stored = Step()
    with torch.device("meta"):
        made = Step()
    fully_shard(made.body, mesh=mesh)
    fully_shard(made, mesh=mesh)
    made.to_empty(device="cpu")
    options = StateDictOptions(full_state_dict=True)
    set_model_state_dict(made, stored.state_dict(), options=options)
    total = made(mine(wave(ROWS, FEATURES)), mine(labels()))
    share(total, ROWS - 1).backward()
    return apart(gradients(made), single("PathSum"))


@case
def distributed_checkpoint(mesh: DeviceMesh, folder: Path) -> Any:
    """A sharded head, saved and loaded by torch.distributed.checkpoint; and into another order."""
    made = model("LevelHeads")
    fully_shard(made, mesh=mesh)
    save(get_model_state_dict(made), checkpoint_id=folder / "dcp")
    again = model("LevelHeads")
    other = nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), heads.LevelHeads(8, other_order()))
    for fresh in (again, other):
        fully_shard(fresh, mesh=mesh)
        filled: dict[str, Any] = get_model_state_dict(fresh)
        state = {
            key: torch.zeros_like(value) if "binding" not in key else value for key, value in filled.items()
        }
        load(state, checkpoint_id=folder / "dcp")
        if fresh is again:
            set_model_state_dict(fresh, state)
            same = apart([again(wave(ROWS, FEATURES))], [made(wave(ROWS, FEATURES))])
    refused = said(lambda: (set_model_state_dict(other, state), other(wave(ROWS, FEATURES))))
    return {"same": same, "other": refused}


def other_order() -> taxoloss.Taxonomy:
    """The classes in another order."""
    return taxoloss.load("pets").bind([*TREE.classes[1:], TREE.classes[0]])


@case
def activation_checkpointing(mesh: DeviceMesh, folder: Path) -> Any:
    """Body, head and loss recomputed in the backward pass, under fully_shard."""
    made = model("ConditionalSoftmax")
    fully_shard(made, mesh=mesh)
    loss = TaxonomyLoss(TREE, WEIGHTS, reduction="sum")

    def step(x: Tensor, y: Tensor) -> Tensor:
        return loss(made(x), y)

    total = checkpoint(step, mine(wave(ROWS, FEATURES)), mine(labels()), use_reentrant=False)
    share(total, ROWS - 1).backward()
    return apart(gradients(made), single("ConditionalSoftmax"))


@case
def tensor_parallel(mesh: DeviceMesh, folder: Path) -> Any:
    """A last layer whose classes are spread, and which gathers them: plain logits."""
    wanted = nn.Linear(FEATURES, CLASSES)
    with torch.no_grad():
        wanted.weight.copy_(wave(CLASSES, FEATURES))
        wanted.bias.copy_(wave(CLASSES))
    parallel = nn.Linear(FEATURES, CLASSES)
    parallel.load_state_dict(wanted.state_dict())
    loss = TaxonomyLoss(TREE, WEIGHTS)
    loss(wanted(wave(ROWS, FEATURES)), labels()).backward()
    module = parallelize_module(parallel, mesh, ColwiseParallel(output_layouts=Replicate()))
    loss(module(wave(ROWS, FEATURES)), labels()).backward()
    return apart(gradients(module), gradients(wanted))


@case
def dtensor_logits(mesh: DeviceMesh, folder: Path) -> Any:
    """Rows spread or on all processes: loss and gradient of one process, by every reduction and option."""
    soft = {count: wave(ROWS, count).softmax(1) for count in (CLASSES, PAIRS.num_nodes)}
    weight = 1.5 + wave(CLASSES).abs()
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "weight": {"weight": weight},
        "smoothing": {"label_smoothing": 0.1},
        "soft": {"soft": CLASSES},
        "nodes": {"soft": PAIRS.num_nodes},
        "text": {"level_weights": "hxe:0.5"},
    }
    found = {}
    for name, given in options.items():
        chosen = {"level_weights": WEIGHTS} | given
        target = soft[chosen.pop("soft")] if "soft" in chosen else labels()
        for reduction in ("mean", "sum", "none"):
            loss = TaxonomyLoss(PAIRS if name == "nodes" else TREE, reduction=reduction, **chosen)
            for placement in (Shard(0), Replicate()):
                found[f"{name} {reduction} {placement}"] = compared(loss, target, mesh, placement)
    ce = nn.CrossEntropyLoss()
    flat = TaxonomyLoss(TREE, {"species": 0.0, "breed": 1.0})
    found["as torch's"] = abs(
        spread(ce, labels(), mesh, Shard(0))[0].item() - spread(flat, labels(), mesh, Shard(0))[0].item()
    )
    return found


def spread(loss: Any, target: Tensor, mesh: DeviceMesh, placement: Any) -> tuple[Tensor, Tensor]:
    """Loss and gradient of DTensors, whole."""
    z = distribute_tensor(wave(ROWS, CLASSES), mesh, [placement]).requires_grad_()
    value = loss(z, distribute_tensor(target, mesh, [placement]))
    (value if value.dim() == 0 else value.sum()).backward()
    assert z.grad is not None
    assert isinstance(value, DTensor)
    assert isinstance(z.grad, DTensor)
    return value.full_tensor().detach(), z.grad.full_tensor()


def compared(loss: Any, target: Tensor, mesh: DeviceMesh, placement: Any) -> float:
    """How far DTensors are from plain tensors."""
    z = wave(ROWS, CLASSES).requires_grad_()
    value = loss(z, target)
    value.sum().backward()
    assert z.grad is not None
    return apart(list(spread(loss, target, mesh, placement)), [value.detach(), z.grad])


@case
def dtensor_edges(mesh: DeviceMesh, folder: Path) -> Any:
    """Fewer rows than processes; float16 whose sum is none; nothing that is counted."""
    loss = TaxonomyLoss(TREE, WEIGHTS)

    def value(z: Tensor, y: Tensor) -> Tensor:
        result = loss(distribute_tensor(z, mesh, [Shard(0)]), distribute_tensor(y, mesh, [Shard(0)]))
        whole: Tensor = result.full_tensor()
        return whole

    one, many = wave(1, CLASSES), (100 * wave(2000, CLASSES)).half()
    dense, places = wave(4, CLASSES, 3, 2), labels(24).view(4, 3, 2)
    grid = init_device_mesh("cpu", (dist.get_world_size(), 1))
    z, y = (distribute_tensor(value, grid, [Shard(0), Replicate()]) for value in (dense, places))
    return {
        "dense, of a mesh of two dimensions": apart([loss(z, y).full_tensor()], [loss(dense, places)]),
        "one row": apart([value(one, labels(3)[:1])], [loss(one, labels(3)[:1])]),
        "half": apart([value(many, labels(2000))], [loss(many, labels(2000))]),
        "ignored": bool(value(wave(4, CLASSES), torch.full((4,), -100)).isnan()),
    }


@case
def dtensor_refused(mesh: DeviceMesh, folder: Path) -> Any:
    """What is said where classes are spread, where one is plain, and by all that is no loss."""
    z, y = wave(ROWS, CLASSES), labels()
    rows, classes = (distribute_tensor(z, mesh, [Shard(dim)]) for dim in (0, 1))
    spread_y = distribute_tensor(y, mesh, [Replicate()])
    loss = TaxonomyLoss(TREE)
    return {
        "classes": said(lambda: loss(classes, spread_y)),
        "plain target": said(lambda: loss(rows, y)),
        "plain logits": said(lambda: loss(z, spread_y)),
        "per_level": said(lambda: loss.per_level(rows, spread_y)),
        "log_probs": said(lambda: level_log_probs(rows, TREE)),
        "decision": said(lambda: decisions.climb(rows, TREE, 0.5)),
        "metric": said(lambda: metrics.LevelAccuracy(TREE).update(rows, spread_y)),
        "metric target": said(lambda: metrics.LevelAccuracy(TREE).update(z, spread_y)),
        "head": said(lambda: heads.PathSum(CLASSES, TREE)(rows)),
    }


@case
def metrics_of_uneven_parts(mesh: DeviceMesh, folder: Path) -> Any:
    """Sums over processes, of 7 and 4 rows, also of what is left of DTensors."""
    whole, parts, local = (metrics.collection(TREE) for _ in range(3))
    z, y = wave(ROWS, CLASSES), labels()
    for one in whole.values():
        one.sync_on_compute = False
    whole.update(z, y)
    parts.update(mine(z), mine(y))
    spread_z, spread_y = (distribute_tensor(value, mesh, [Shard(0)]) for value in (z, y))
    local.update(spread_z.to_local(), spread_y.to_local())
    wanted = {key: value.item() for key, value in whole.compute().items()}
    return {
        name: max(abs(value.item() - wanted[key]) for key, value in one.compute().items())
        for name, one in {"parts": parts, "to_local": local}.items()
    }


def main(folder: Path) -> None:
    """All cases, or those that are named, in order; rank 0 writes them."""
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    found = {}
    for name in sys.argv[2:] or CASES:
        try:
            found[name] = CASES[name](mesh, folder)
        except Exception:
            found[name] = traceback.format_exc()
    if dist.get_rank() == 0:
        (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")
    dist.barrier()
    # In one of 36 runs on a busy machine torch aborted a process that shut down ("terminate called without
    # an active exception") after all was written: so nothing is shut down.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
