"""The modes of torch that a call may meet, and all that keeps tables with a taxonomy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from taxoloss import Taxonomy, TaxonomyLoss, decisions, heads, metrics, weighting
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.heads.head import Head

ROWS = [("x", "a"), ("x", "b"), ("y", "c"), ("y", "d"), ("z", "e")]
ORDER = ["c", "a", "e", "d", "b"]


def fresh() -> Taxonomy:
    """A taxonomy that nothing was made for yet, in an order that is not the tree's."""
    return Taxonomy.from_paths(ROWS, ["top", "leaf"]).bind(ORDER)


def logits(rows: int = 6) -> Tensor:
    """(rows, 5), the same each time, on the default device."""
    return torch.sin(torch.arange(rows * 5, dtype=torch.float32).view(rows, 5) * 7)


def targets(rows: int = 6) -> Tensor:
    """(rows,)."""
    return torch.arange(rows) % 5


class Passing(TorchDispatchMode):
    """A mode of somebody's own that does nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The operation itself."""
        return func(*args, **(kwargs or {}))


@contextmanager
def default_device(name: str) -> Iterator[None]:
    """`torch.set_default_device`, and back."""
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """`torch.set_default_dtype`, and back."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


#: Modes that a block of code may stand in.
MODES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "none": nullcontext,
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "fake": FakeTensorMode,
    "meta": lambda: torch.device("meta"),
    "default_device": lambda: default_device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "dispatch": Passing,
    "dual": torch.autograd.forward_ad.dual_level,
    "hooks": lambda: torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x),
}

#: What calls a function of logits in a mode of its own.
CALLS: dict[str, Callable[[Callable[[Tensor], Tensor]], Any]] = {
    "grad": lambda f: torch.func.grad(f)(logits()),
    "vmap": lambda f: torch.vmap(f)(torch.stack([logits(), logits()])),
    "hessian": lambda f: torch.func.hessian(f)(logits()),
    "jacfwd": lambda f: torch.func.jacfwd(f)(logits()),
    "functionalize": lambda f: torch.func.functionalize(f)(logits()),
    "compile": lambda f: torch.compile(f, fullgraph=True, backend="aot_eager")(logits()),
    "export": lambda f: torch.export.export(_Of(f), (logits(),), strict=False),
    "strict_export": lambda f: torch.export.export(_Of(f), (logits(),), strict=True),
    "make_fx": lambda f: make_fx(f, tracing_mode="fake")(logits()),
    "jit": lambda f: _traced(f),
}


class _Of(torch.nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        return self.function(z)


def _traced(function: Callable[[Tensor], Tensor]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(_Of(function), logits(), check_trace=False)


def _soft(z: Tensor) -> Tensor:
    return torch.full_like(z, 0.2)


def _counted(metric: Any, z: Tensor) -> Tensor:
    metric.update(z, targets())
    return torch.stack([value.float() for value in metric.compute().values()]).nan_to_num().sum()


def _through(kind: Any, t: Taxonomy, z: Tensor) -> Tensor:
    made: Tensor = kind(5, t)(z).square().sum()
    return made


def _is_head(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Head)


def _deployed(t: Taxonomy, z: Tensor) -> Tensor:
    log_probs, answer = heads.TaxonomyOutput(t, decisions.leaf)(z)
    total: Tensor = log_probs["top"].sum() + answer.sum()
    return total


def _sum(answer: Any) -> Tensor:
    total: Tensor = answer.sum()
    return total


#: Of a taxonomy and logits a number, by each function and module that looks tables up.
USES: dict[str, Callable[[Taxonomy, Tensor], Tensor]] = {
    "functional": lambda t, z: taxonomy_cross_entropy(z, targets(), t),
    "weights": lambda t, z: taxonomy_cross_entropy(z, targets(), t, {"top": 0.3, "leaf": 0.7}),
    "schedule": lambda t, z: taxonomy_cross_entropy(z, targets(), t, weighting.geometric(0.5)),
    "smoothing": lambda t, z: taxonomy_cross_entropy(z, targets(), t, label_smoothing=0.1),
    "soft": lambda t, z: taxonomy_cross_entropy(z, _soft(z), t),
    "class_weights": lambda t, z: taxonomy_cross_entropy(z, targets(), t, weight=z.new_ones(5)),
    "module": lambda t, z: TaxonomyLoss(t)(z, targets()),
    "module_smoothing": lambda t, z: TaxonomyLoss(t, label_smoothing=0.1)(z, targets()),
    "level_log_probs": lambda t, z: level_log_probs(z, t)["top"].sum(),
    "per_level": lambda t, z: TaxonomyLoss(t).per_level(z, targets())["top"],
    "leaf": lambda t, z: _sum(decisions.leaf(z, t)),
    "climb": lambda t, z: _sum(decisions.climb(z, t, 0.5)),
    "top_down": lambda t, z: _sum(decisions.top_down(z, t, 0.5)),
    "most_specific": lambda t, z: _sum(decisions.most_specific(z, t, 0.5)),
    "minimum_cost": lambda t, z: _sum(decisions.minimum_cost(z, t)),
    "hedge": lambda t, z: _sum(decisions.hedge(z, t, 1.0)),
    "ranking": lambda t, z: _sum(decisions.ranking(z, t)),
    "collection": lambda t, z: _counted(metrics.collection(t, ranking=True, curves=True), z),
    "TaxonomyOutput": _deployed,
    **{name: partial(_through, kind) for name, kind in vars(heads).items() if _is_head(kind)},
}
