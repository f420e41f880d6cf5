"""ONNX files whose outputs are named by level and that know their classes."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from taxoloss import decisions
from taxoloss.errors.packages import package
from taxoloss.functional.inputs import refuse_probabilities
from taxoloss.heads.output import Decision, TaxonomyOutput, checked_decision
from taxoloss.integrations.export_metadata import described, output_names
from taxoloss.integrations.model_calls import Inputs, evaluating, inputs_of, logits_in
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["export_onnx"]

_EXTRA = "onnx"
#: Below it ONNX cannot say the largest of a group.
_FIRST_OPSET = 18
#: Bytes of weights in one file: protobuf takes 2 GiB, and tables come beside them.
_LARGEST = 1_800_000_000
_EXPORTED = "leaf, at_level, climb, top_down, most_specific, minimum_cost and hedge"


def export_onnx(
    model: nn.Module | None,
    taxonomy: Taxonomy,
    path: str | os.PathLike[str] | None = None,
    example: Any = None,
    *,
    decision: Decision | None = None,
    threshold: Any = None,
    dynamic_shapes: Any = "batch",
    opset: int | None = None,
    external_data: bool | None = None,
) -> Any:
    """A model as ONNX, with the log-probabilities of every level and the answer of a decision.

    The model is exported in evaluation mode, and is afterwards as it was. Outputs are called
    `log_probs_LEVEL` (what ONNX does not allow in a name becomes _), `answer`, and `probability` where the
    decision gives it; inputs as the arguments of the model's forward. The file's metadata says which class
    stands in which column: `load_onnx` reads it, and refuses another taxonomy.

    Args:
        model: gives logits (N, C, d1..dk), as a tensor or in `.logits`; None: the file takes logits.
        taxonomy: bound to the model's outputs (`Taxonomy.bind`).
        path: where to write it; None: nothing is written.
        example: an input, a tuple of arguments, or a dict of named ones; the numbers do not matter. None
            serves where the model says what it takes: logits, taxoloss heads and nn.Linear, a stack that
            begins with one, timm models, `example_input_array` (Lightning), `dummy_inputs` (transformers).
        decision: f(logits, taxonomy) -> node ids, as in `heads.TaxonomyOutput`; not a ranking.
        threshold: of the decision: a probability or a `Threshold`, which knows its decision.
        dynamic_shapes: "batch": the first dimension of every input that has the batch's size is free; or
            what torch.export.export takes, for the arguments in a tuple or a dict; None: none is free.
        opset: of ONNX, 18 or later; None: what torch prefers.
        external_data: whether the weights stand in a file of their own beside it; None: over 2 GB.

    Returns:
        The torch.onnx.ONNXProgram, with its metadata.

    Raises:
        TypeError, ValueError: the model gives probabilities, or not C columns; it does not say what it
            takes; the decision is none, or cannot be exported; the batch cannot be free.
        ModuleNotFoundError: a package of `taxoloss[onnx]` is missing.

    >>> import taxoloss, torch
    >>> t = taxoloss.load("pets").bind()
    >>> export_onnx(torch.nn.Linear(8, 37), t, "pets.onnx", torch.randn(2, 8))  # doctest: +SKIP
    """
    plan = loss_plan_of(taxonomy)
    for name in ("onnx", "onnxscript"):
        package(name, "export_onnx", _EXTRA)
    _check_model(model)
    _check_path(path)
    _check_opset(opset)
    decision = _with_threshold(decision, threshold, taxonomy)
    work = _Work(model, TaxonomyOutput(taxonomy, decision), plan.num_classes)
    if model is None:
        example = torch.zeros(2, plan.num_classes) if example is None else example
        inputs = inputs_of(example, _Logits())
    else:
        inputs = inputs_of(example, model)
    with evaluating(work), torch.no_grad():
        answers = _tried(work, inputs)
        program = _converted(work, inputs, dynamic_shapes, opset, [*work.output_names, *answers])
    program.model.metadata_props.update(described(taxonomy, decision, answers, model is None))
    if path is not None:
        _write(program, path, work, external_data)
    return program


def _write(program: Any, path: str | os.PathLike[str], work: nn.Module, external_data: bool | None) -> None:
    size = sum(tensor.nbytes for tensor in work.state_dict().values())
    if external_data or (external_data is None and size > _LARGEST):
        program.save(path, external_data=True)
    else:
        write_whole(Path(path), program.model_proto.SerializeToString())


class _Logits(nn.Module):
    """Logits as they are: what stands in for a model that is None."""

    def forward(self, logits: Tensor) -> Tensor:
        return logits


class _Work(nn.Module):
    """Arguments of a model -> what is exported, as one flat tuple."""

    def __init__(self, model: nn.Module | None, output: TaxonomyOutput, classes: int) -> None:
        super().__init__()
        self.model = model or _Logits()
        self.output = output
        self.classes = classes

    @property
    def output_names(self) -> list[str]:
        """Those of the levels."""
        return list(output_names(self.output.taxonomy.levels).values())

    def forward(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The output of TaxonomyOutput."""
        return self.output(logits_in(self.model(*args, **named), self.classes))


def _check_model(model: Any) -> None:
    if isinstance(model, TaxonomyOutput) or (
        isinstance(model, nn.Sequential) and len(model) and isinstance(model[-1], TaxonomyOutput)
    ):
        raise TypeError(
            "expected the model without its TaxonomyOutput, which export_onnx adds: pass the part before "
            "it, or None for a file that takes logits, and decision=..."
        )
    if model is not None and not isinstance(model, nn.Module):
        raise TypeError(f"expected model as an nn.Module or None, got {type(model).__name__} {model!r:.60}")


def _check_path(path: Any) -> None:
    if path is not None and not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"expected path as the name of a file, got {type(path).__name__}; the order is "
            "export_onnx(model, taxonomy, path, example)"
        )


def _check_opset(opset: Any) -> None:
    if opset is None:
        return
    if isinstance(opset, bool) or not isinstance(opset, int):
        raise TypeError(f"expected opset as an integer, got {type(opset).__name__} {opset!r:.60}")
    latest = package("onnx.defs", "export_onnx", _EXTRA).onnx_opset_version()
    if not _FIRST_OPSET <= opset <= latest:
        raise ValueError(
            f"expected opset {_FIRST_OPSET} to {latest}, got {opset}: below {_FIRST_OPSET} ONNX cannot say "
            "what sums up a tree"
        )


def _with_threshold(decision: Any, threshold: Any, taxonomy: Taxonomy) -> Decision | None:
    """The decision with the threshold in it."""
    if threshold is None:
        return checked_decision(decision, taxonomy)
    if decision is None:
        name = getattr(threshold, "decision", None)
        if name is None:
            raise ValueError(
                f"expected the decision that the threshold {threshold!r:.60} is for, such as "
                "decision=taxoloss.decisions.climb; got None"
            )
        decision = getattr(decisions, name)
    if callable(decision):
        if "threshold" in getattr(decision, "keywords", {}):
            raise ValueError(
                f"expected one threshold, got {decision.keywords['threshold']!r:.60} in the decision "
                f"and {threshold!r:.60} beside it"
            )
        try:
            inspect.signature(decision).bind(None, taxonomy, threshold=threshold)
        except TypeError:
            name = getattr(decision, "__name__", repr(decision))
            raise TypeError(
                "expected a decision that takes a threshold (climb, top_down, most_specific), got "
                f"{name:.60}"
            ) from None
        decision = functools.partial(decision, threshold=threshold)
    return checked_decision(decision, taxonomy)


def _tried(work: _Work, inputs: Inputs) -> list[str]:
    """The names of the answer's outputs. What is wrong with a model shows in a call without a tracer."""
    logits = logits_in(work.model(*inputs.args, **inputs.named), work.classes)
    if logits.dim() < 2:
        raise ValueError(
            f"expected a model that gives logits (N, {work.classes}, d1..dk), got shape "
            f"{tuple(logits.shape)}"
        )
    if logits.is_floating_point() and logits.shape[1] == work.classes:
        _refuse_softmax(logits.cpu())
    found = work.output(logits)
    if work.output.decision is None:
        return []
    answer = found[1]
    parts = answer if isinstance(answer, tuple) else (answer,)
    rows = (*logits.shape[:1], *logits.shape[2:])
    if any(tuple(part.shape) != rows for part in parts):
        raise ValueError(
            f"expected a decision that answers one node a row, {rows}, got {tuple(parts[0].shape)}: a "
            f"ranking needs a stable sort, which ONNX has not; {_EXPORTED} can be exported"
        )
    return ["answer", "probability", *(f"answer_{at}" for at in range(2, len(parts)))][: len(parts)]


def _refuse_softmax(logits: Tensor) -> None:
    try:
        refuse_probabilities(logits)
    except ValueError:
        raise ValueError(
            "expected a model that gives logits or log-probabilities, got rows in [0, 1] that sum to 1: it "
            "ends in a softmax; export it without, or end it in log_softmax"
        ) from None


def _converted(work: _Work, inputs: Inputs, dynamic: Any, opset: int | None, names: list[str]) -> Any:
    shapes = _shapes(dynamic, inputs)
    call = inputs.args, inputs.named
    try:
        exported = torch.export.export(work, call, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # of many classes, from all parts of torch
        raise ValueError(_unexportable(work, dynamic, error)) from error
    try:
        return torch.onnx.export(
            exported, (), dynamo=True, dynamic_shapes=_axis_names(shapes, inputs), input_names=inputs.names,
            output_names=names, opset_version=opset, verbose=False,
        )  # fmt: skip
    except torch.onnx.errors.OnnxExporterError as error:
        raise ValueError(_unexportable(work, None, error)) from error


def _axis_names(shapes: Any, inputs: Inputs) -> list[Any] | None:
    """For each input the names of its free dimensions, each name once, as the exporter renames them."""
    seen: set[str] = set()

    def names(axes: Any) -> dict[int, str] | None:
        pairs = axes.items() if isinstance(axes, dict) else enumerate(axes or ())
        new = {at: dim.__name__ for at, dim in pairs if isinstance(dim, torch.export.Dim)}
        new = {at: name for at, name in new.items() if name not in seen}
        seen.update(new.values())
        return new or None

    leaves = pytree.tree_leaves(shapes, is_leaf=_is_axes)
    values = pytree.tree_leaves((inputs.args, inputs.named))
    pairs = zip(leaves, values, strict=False)
    found = [names(axes) for axes, value in pairs if isinstance(value, Tensor)]
    return found if any(found) else None


def _is_axes(value: Any) -> bool:
    """Whether it says of one tensor which dimensions are free."""
    if isinstance(value, dict):
        return bool(value) and all(isinstance(key, int) for key in value)
    dims = value if isinstance(value, (tuple, list)) else ()
    return any(isinstance(dim, torch.export.Dim) for dim in dims)


def _shapes(dynamic: Any, inputs: Inputs) -> Any:
    """What torch.export.export takes for the arguments (args, named)."""
    if dynamic is None:
        return None
    if isinstance(dynamic, Mapping):
        return tuple({} for _ in inputs.args), dict(dynamic)
    if isinstance(dynamic, (tuple, list)):
        return tuple(dynamic), dict.fromkeys(inputs.named)
    if dynamic != "batch":
        raise TypeError(
            'expected dynamic_shapes as "batch", a tuple or a dict for the arguments, or None; got '
            f"{dynamic!r:.60}"
        )
    batch = torch.export.Dim("batch")
    size = next(leaf.shape[0] for leaf in inputs.tensors if leaf.dim())

    def free(leaf: Any) -> Any:
        if isinstance(leaf, Tensor) and leaf.dim() and leaf.shape[0] == size:
            return {0: batch}
        return None

    return pytree.tree_map(free, (inputs.args, inputs.named))


def _unexportable(work: _Work, dynamic: Any, error: Exception) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    first = next((line for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    decision = work.output.decision
    parts = [] if isinstance(work.model, _Logits) else [f"the model {type(work.model).__name__}"]
    if decision is not None:
        parts.append(f"the decision (of taxoloss.decisions {_EXPORTED} can be exported)")
    free = "; or its batch cannot be free: dynamic_shapes=None fixes it" if dynamic else ""
    return f"torch cannot export {' or '.join(parts)}{free}: {first:.300}"
