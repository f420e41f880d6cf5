"""What logits, targets and options may be: torch's exception classes, our words, both values."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.distributed_tensors import refuse_distributed
from taxoloss.functional.rounding import ROUNDED, rounding
from taxoloss.functional.slips import SWAPPED, kind_of, logits_help, target_help
from taxoloss.taxonomy.plan import LossPlan
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = [
    "autocast_enabled",
    "below_0",
    "check_ignore_index",
    "check_logits",
    "check_options",
    "check_range",
    "check_reduction",
    "check_target",
    "check_weight",
    "check_width",
    "help_for_tracer",
    "host_may_read",
    "is_dressed",
    "refuse_named",
    "refuse_nan",
    "refuse_probabilities",
    "refuse_script",
    "refuse_softmax",
    "target_ids",
    "transformed",
    "undressed",
    "without_autocast",
]

_FIRST_ROWS = 8
#: Logits of the first row among which one below 0 says that it holds no probabilities.
_LOOKED_AT = 16
#: How far from 1 a softmax in float32 sums: small, for logits of every step of a training are looked at.
_SOFTMAX_OFF = 1e-4
_MODES = torch._C._TorchDispatchModeKey
_TRACERS = (_MODES.FAKE, _MODES.PROXY, _MODES.FUNCTIONAL)
#: What autograd makes of many upstream gradients at once.
_is_batched = getattr(torch._C._functorch, "is_legacy_batchedtensor", lambda _: False)
_REDUCTIONS = ("none", "mean", "sum")
#: Besides long; torch takes uint8 only.
_NARROW = (torch.uint8, torch.int8, torch.int16, torch.int32)
_AUTOCAST = frozenset(
    device
    for device in ("cpu", "cuda", "xpu", "mps", "hpu", "mtia", "xla")
    if torch.amp.is_autocast_available(device)
)


def autocast_enabled(device_type: str) -> bool:
    """Whether autocast is on for a device type."""
    return device_type in _AUTOCAST and torch.is_autocast_enabled(device_type)


def without_autocast(tensor: Any) -> AbstractContextManager[Any]:
    """A context in which a tensor's device computes in the dtypes that it is given."""
    device = tensor.device.type if isinstance(tensor, Tensor) else ""
    return torch.autocast(device, enabled=False) if autocast_enabled(device) else nullcontext()


def undressed(tensor: Any) -> Any:
    """A tensor without the subclass that it wears, as fastai's do; other things as they are.

    Two such classes do not mix: torch asks each for every function that meets both.
    """
    return tensor.as_subclass(Tensor) if is_dressed(tensor) else tensor


def is_dressed(tensor: Any) -> bool:
    """Whether a tensor is of a subclass that functions of torch are told about, and holds its numbers.

    A compiler follows such a class by itself, and may not be asked for it.
    """
    if torch.compiler.is_compiling():
        return False
    kind = type(tensor)
    if kind is Tensor or not isinstance(tensor, Tensor):
        return False
    told = kind.__torch_function__ is not torch._C._disabled_torch_function_impl
    return told and kind.__torch_dispatch__ is Tensor.__torch_dispatch__


def check_logits(logits: Any, plan: LossPlan, target: Any = None) -> None:
    """TypeError, RuntimeError or ValueError where logits are not (.., C, ..) floating-point numbers."""
    if not isinstance(logits, Tensor):
        raise TypeError(f"expected logits as a Tensor, got {kind_of(logits)}{help_for_tracer(logits)}")
    refuse_distributed(logits, "logits")
    if not logits.is_floating_point():
        help = logits_help(logits, target, plan.num_classes, may_read=True)
        raise NotImplementedError(f"expected floating-point logits, got {logits.dtype}{help}")
    if logits.dim() == 0:
        soft = isinstance(target, Tensor) and target.is_floating_point() and target.dim() == 0
        kind = IndexError if soft else RuntimeError  # as torch
        raise kind("expected logits of shape (C,), (N, C) or (N, C, d1..dk), got a scalar")
    classes = logits.shape[0] if logits.dim() == 1 else logits.shape[1]
    if classes != plan.num_classes:
        help = logits_help(logits, target, plan.num_classes, host_may_read(logits))
        raise ValueError(
            f"expected logits of {plan.num_classes} classes (dimension {min(logits.dim() - 1, 1)}), "
            f"as the taxonomy has, got {classes}: shape {tuple(logits.shape)}{help}"
        )


def help_for_tracer(value: Any) -> str:
    """What to do where torch.fx follows a module that looks at what it is given."""
    if not type(value).__module__.startswith("torch.fx"):
        return ""
    return (
        ": torch.fx.symbolic_trace has no shapes to check; trace the model without it, or use torch.export"
    )


def refuse_script(module: Any) -> NoReturn:
    """TypeError: what torch.jit.script asks of a module that it is to read."""
    raise TypeError(
        f"{type(module).__name__} cannot be read by torch.jit.script, which knows no tables by tree: "
        "script the model without it, or use torch.jit.trace, torch.export or torch.compile"
    )


def refuse_named(named: Mapping[str, object]) -> NoReturn:
    """TypeError for arguments that a loss has not; in words where a framework passes them."""
    name = next(iter(named))
    help = "it takes input and target"
    if name == "num_items_in_batch":
        help = (
            "transformers' Trainer passes it: give Trainer not the loss but "
            "compute_loss_func=taxoloss.integrations.transformers.compute_loss_func(loss)"
        )
    raise TypeError(f"TaxonomyLoss got an unexpected keyword argument {name!r}; {help}")


def check_ignore_index(taxonomy: Taxonomy, ignore_index: int) -> None:
    """TypeError for no int, ValueError for one that no target has, or that would ignore an inner node."""
    if not isinstance(ignore_index, int):
        found = f"{type(ignore_index).__name__} {ignore_index!r}"
        raise TypeError(f"expected ignore_index as an int, got {found}")
    if not -(1 << 63) <= ignore_index < 1 << 63:
        raise ValueError(f"expected an ignore_index of 64 bits, as targets have, got {ignore_index}")
    if taxonomy.node_targets and len(taxonomy) <= ignore_index < taxonomy.num_nodes:
        name = "/".join(taxonomy.path(ignore_index)) or "the root"
        raise ValueError(
            f"expected an ignore_index that is no inner node, got {ignore_index}, the node id of "
            f"{name!r}; -100 is never one"
        )


def target_ids(target: Tensor, ignore_index: int, plan: LossPlan) -> tuple[Tensor, Tensor | None]:
    """Long node ids (N, d1..dk), 0 where ignored, and which are not ignored; () becomes (1,).

    None in the place of the mask: none is ignored. ValueError for floats, whose fractions would be lost
    without a word, IndexError for a target that is no node. Where that
    would synchronise or break a graph (another device, a compiler, torch.func) the id stays out of range,
    and so the look-up raises or asserts, as torch's does.
    """
    if target.is_floating_point():
        raise ValueError(f"expected target as integer node ids, got {target.dtype}; pass target.long()")
    ids = target.long().reshape(1) if target.dim() == 0 else target.long()
    if host_may_read(ids) and ids.numel() > 0:
        ends = torch.aminmax(ids)
        low, high = ends.min.item(), ends.max.item()
        inside = low >= 0 and high < plan.num_targets
        if inside and not low <= ignore_index <= high:
            return ids, None
        valid = ids != ignore_index
        if not inside:
            check_range(ids[valid], plan)
        return torch.where(valid, ids, 0), valid
    valid = ids != ignore_index
    # A compiled look-up may take -1 as the last row, but no number that is too large: for the tables of
    # targets, and for those of all nodes too.
    ids = torch.where((ids < 0) | (ids >= plan.num_targets), plan.num_nodes, ids)
    return torch.where(valid, ids, 0), valid


def host_may_read(tensor: Tensor) -> bool:
    """Whether Python may look at numbers: on the CPU, outside compilers, tracers and transforms."""
    if torch.compiler.is_compiling() or tensor.device.type != "cpu":
        return False
    return not _followed(tensor)


def _readable(tensor: Tensor) -> bool:
    """Whether a tensor of any device holds numbers that Python may wait for, outside compilers."""
    return not (_followed(tensor) or _must_not_wait(tensor))


def _followed(tensor: Tensor) -> bool:
    """Whether a tracer or a transform follows what is made of a tensor, or it holds no numbers."""
    return torch._C._is_tracing() or transformed() or _pretended(tensor)


def _must_not_wait(tensor: Tensor) -> bool:
    """Whether reading would break what a CUDA device does: a graph that is captured, a ban on waiting."""
    if not tensor.is_cuda:
        return False
    return torch.cuda.is_current_stream_capturing() or torch.cuda.get_sync_debug_mode() != 0


def _pretended(tensor: Tensor) -> bool:
    """Whether a tensor holds no numbers, or what is made of it will not: fake, or of a tracer."""
    if type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__ or _is_batched(tensor):
        return True
    modes = torch._C._len_torch_dispatch_stack() > 0
    return modes and any(torch._C._get_dispatch_mode(mode) is not None for mode in _TRACERS)


def transformed() -> bool:
    """Whether torch.func's transforms or forward-mode gradients are at work."""
    return torch._C._are_functorch_transforms_active() or torch.autograd.forward_ad._current_level >= 0


def check_range(ids: Tensor, plan: LossPlan) -> None:
    """IndexError for the first of some ids that is no target."""
    wrong = ids[(ids < 0) | (ids >= plan.num_targets)]
    if wrong.numel() > 0:
        value = int(wrong[0])
        inner = f"{plan.num_classes}..{plan.num_nodes - 1}"
        help = "; are the labels numbered from 1?" if value == plan.num_classes else ""
        if plan.num_classes <= value < plan.num_nodes:
            help += f"; inner nodes ({inner}) are targets after bind(..., node_targets=True)"
        raise IndexError(
            f"expected targets in 0..{plan.num_targets - 1} or the ignore_index, got {value}{help}"
        )


def check_target(logits: Tensor, target: Any, plan: LossPlan | None = None) -> None:
    """TypeError, RuntimeError or ValueError where a target fits the logits in no way.

    With a plan, probabilities of all of its nodes are a target too, where nodes may be targets.
    """
    if not isinstance(target, Tensor):
        raise TypeError(f"expected target as a Tensor, got {kind_of(target)}")
    if target.device != logits.device:
        raise RuntimeError(
            f"expected logits and target on one device, got {logits.device} and {target.device}"
        )
    if target.is_floating_point() and target.shape == logits.shape:
        return
    of_nodes = plan is not None and target.is_floating_point() and _is_of_nodes(logits, target, plan)
    if of_nodes and plan is not None and plan.num_targets == plan.num_nodes:
        return
    expected = (logits.shape[0], *logits.shape[2:]) if logits.dim() > 1 else ()
    # torch looks at the number of samples first, and calls a difference there a ValueError.
    if logits.dim() > 1:
        other_batch = target.dim() == 0 or target.shape[0] != logits.shape[0]
    else:
        other_batch = target.dim() == 1 and target.shape[0] != 1
    fits = target.shape == expected or (logits.dim() == 1 and target.shape == (1,))
    wrong_dtype = target.dtype != torch.long and target.dtype not in _NARROW
    if wrong_dtype and not other_batch:
        raise RuntimeError(
            "expected target as integer node ids (int8 to int64, uint8), or class probabilities of the "
            f"logits' shape {tuple(logits.shape)}; got {target.dtype} of shape {tuple(target.shape)}"
            + (
                "; nodes have probabilities after bind(..., node_targets=True)"
                if of_nodes
                else target_help(logits, target, host_may_read(target))
            )
        )
    if not fits:
        shown = tuple(logits.shape) if target.is_floating_point() else expected
        raise (ValueError if other_batch else RuntimeError)(
            f"expected target of shape {shown} for logits of shape {tuple(logits.shape)}, got "
            f"{tuple(target.shape)}{target_help(logits, target, host_may_read(target))}"
        )


def check_width(ids: Tensor, count: int, what: str = "targets") -> None:
    """RuntimeError where a dtype that torch would refuse cannot hold all ids: some have wrapped around.

    In int8 class 156 is -100, the ignore_index.
    """
    if ids.dtype in (torch.int8, torch.int16) and count - 1 > torch.iinfo(ids.dtype).max:
        raise RuntimeError(
            f"expected {what} of a dtype that holds 0..{count - 1}, got {ids.dtype}, which "
            f"ends at {torch.iinfo(ids.dtype).max}: larger ones have wrapped around; make them long"
        )


def _is_of_nodes(logits: Tensor, target: Tensor, plan: LossPlan) -> bool:
    """Whether a target holds a number for each node of a plan, where the logits hold one for each class."""
    at = min(logits.dim() - 1, 1)
    return target.shape == (*logits.shape[:at], plan.num_nodes, *logits.shape[at + 1 :])


def check_options(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    plan: LossPlan,
) -> None:
    """RuntimeError, ValueError or TypeError where an option is not one that torch takes."""
    check_reduction(reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"expected label_smoothing in [0, 1], got {label_smoothing}")
    if target.is_floating_point() and ignore_index >= 0:
        raise RuntimeError(f"expected no ignore_index with probabilities as target, got {ignore_index}")
    if weight is None:
        return
    check_weight(weight, plan)
    same = weight.dtype == logits.dtype or autocast_enabled(logits.device.type)
    if not same and not target.is_floating_point():
        raise RuntimeError(f"expected weight in the logits' dtype {logits.dtype}, got {weight.dtype}")


def check_reduction(reduction: Any) -> None:
    """ValueError where the reduction is none of the three."""
    if reduction not in _REDUCTIONS:
        raise ValueError(f"expected reduction as one of {_REDUCTIONS}, got {reduction!r}")


def check_weight(weight: Any, plan: LossPlan) -> None:
    """TypeError or RuntimeError where class weights are not (C,)."""
    if not isinstance(weight, Tensor):
        raise TypeError(f"expected weight as a Tensor, got {type(weight).__name__}")
    if weight.shape != (plan.num_classes,):
        raise RuntimeError(
            f"expected weight of shape ({plan.num_classes},), one a class, got {tuple(weight.shape)}"
        )


def refuse_nan(logits: Tensor, counted: Tensor | None = None) -> None:
    """ValueError where a row has a NaN: it is the largest to torch, and so would be an answer.

    Of logits (C,) or (N, C, d1..dk); counted (R,): which of the R = N * d1 * .. * dk rows are looked at.
    """
    best = logits.amax(min(logits.dim() - 1, 1)) if logits.numel() else logits
    wrong = best.isnan()
    if counted is not None:
        wrong = wrong & counted.view(best.shape)
    if bool(wrong.any()):
        row = int(wrong.reshape(len(wrong) if wrong.dim() else 1, -1).any(1).nonzero()[0])
        raise ValueError(f"expected logits without NaN, got NaN in row {row}")


def refuse_probabilities(logits: Tensor, counted: Tensor | None = None, option: bool = False) -> None:
    """ValueError where the first rows look like probabilities: read as logits, P = .93 would become .35.

    Of logits (C,) or (N, C, d1..dk); counted (R,): which of the R = N * d1 * .. * dk rows are looked at.
    option: whether the caller takes probabilities=True.
    """
    first = (logits[None] if logits.dim() == 1 else logits[:_FIRST_ROWS]).detach()
    if counted is None and first.numel() and (below_0(first) or not first.amin().item() >= 0):
        return  # most often
    rows = first.movedim(1, -1)
    if counted is not None:
        shape = logits.shape[:1] + logits.shape[2:] if logits.dim() > 1 else (1,)
        rows = rows[counted.view(shape)[: len(rows)]]
    if _sum_to_one(rows.reshape(-1, rows.shape[-1])):
        advice = "say probabilities=True, or pass p.log()" if option else "pass p.log()"
        raise ValueError(
            "expected logits or log-probabilities, got rows in [0, 1] that sum to 1: these look like "
            f"probabilities; {advice}"
        )


def refuse_softmax(logits: Tensor, target: Any = None, wait: bool = False) -> None:
    """ValueError where the first rows of logits are what a softmax gives, or targets in their place.

    Fewer than 8 numbers may be such logits by chance, uniform and one-hot rows are made by hand: they pass,
    as does what Python may not look at. wait: also for a device other than the CPU.
    """
    if torch.compiler.is_compiling() or logits.is_meta or logits.numel() < _FIRST_ROWS:
        return
    if not (_readable(logits) if wait else host_may_read(logits)):
        return
    plain = logits.detach()
    if below_0(plain):  # most often, and cheaper than all rows
        return
    rows = _first_rows(plain)
    if float(rows.min()) < 0 or not _sum_to_one(rows, _SOFTMAX_OFF):
        return
    soft = isinstance(target, Tensor) and target.is_floating_point() and target.shape == logits.shape
    if soft and float(_first_rows(target).min()) < 0:
        raise ValueError(f"expected logits, got rows in [0, 1] that sum to 1{SWAPPED}")
    if bool((rows == rows[:, :1]).all()) or bool(((rows == 0) | (rows == 1)).all()):
        return
    raise ValueError(
        "expected logits, got rows in [0, 1] that sum to 1: these look like probabilities; leave the "
        "softmax out of the model, or pass p.log()"
    )


def below_0(logits: Tensor) -> bool:
    """Whether one of the first numbers of some logits (N, C) is; False for other shapes."""
    if logits.dim() != 2 or len(logits) == 0:
        return False
    first: list[float] = logits.select(0, 0).narrow(0, 0, min(_LOOKED_AT, logits.shape[1])).tolist()
    return min(first) < 0


def _first_rows(logits: Tensor) -> Tensor:
    """(R, C): at most 8 rows of logits (C,) or (N, C, d1..dk), however large a dimension is."""
    corner = batched(logits.detach())[:_FIRST_ROWS]
    rows = len(corner)
    for dim in range(2, corner.dim()):
        corner = corner.narrow(dim, 0, min(_FIRST_ROWS // rows, corner.shape[dim]))
        rows *= corner.shape[dim]
    return corner.movedim(1, -1).reshape(-1, corner.shape[1])


def _sum_to_one(rows: Tensor, within: float = ROUNDED) -> bool:
    """Whether rows (R, C), one or more, lie in [0, 1] and sum to 1, but for rounding."""
    if rows.numel() == 0 or not bool(((rows >= 0) & (rows <= 1)).all()):
        return False
    values = at_least_float32(rows.cpu()).numpy()
    off = np.abs(values.sum(1, dtype=np.float64) - 1)
    return bool((off <= within + rounding(values, "probs")).all())


def batched(tensor: Tensor) -> Tensor:
    """(C,) as (1, C); other shapes as they are."""
    return tensor.unsqueeze(0) if tensor.dim() == 1 else tensor


# -- what is kept from call to call ----------------------------------------------------------------


def device_of(logits: Any) -> torch.device:
    """The device of logits; the CPU for what is no Tensor."""
    return logits.device if isinstance(logits, Tensor) else torch.device("cpu")
