"""ONNX: what both exporters write is what torch computes, or nothing is written."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from taxoloss import decisions, heads, load
from taxoloss.functional.log_probs import level_log_probs

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxscript", reason="onnxscript is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
# The exporters warn of each other's end, of constants and of their own insides.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.one_form("exported: neither")]

TREE = load(
    {"tree": {"cat": ["a", "b", "e"], "dog": ["c", "d"], "pig": {"x": ["f", "g"], "y": ["h"]}, "cow": None}}
).bind(["g", "a", "d", "cow", "c", "b", "h", "e", "f"])
MIDDLE = TREE.levels[1]


class Work(nn.Module):
    """A function of logits."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Any:
        """Its result."""
        return self.function(z)


def head(kind: Any) -> Any:
    """With parameters that are not zero."""
    made = kind(9, TREE)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.sin(torch.arange(float(parameter.numel()))).view_as(parameter))
    return made


def promise() -> decisions.Threshold:
    """A threshold for each node of the middle, on probabilities mapped by level."""
    truth = torch.arange(9).repeat(40)
    z = 2 * torch.eye(9)[truth] + torch.randn(360, 9, generator=torch.Generator().manual_seed(5))
    maps = decisions.calibrate_levels(z, truth, TREE)
    return decisions.calibrate_threshold(z, truth, TREE, risk=0.3, per=TREE.levels[0], levels=maps)


PROMISE = promise()


def output(z: Tensor) -> Any:
    """TaxonomyOutput's as one tuple."""
    log_probs, answer = heads.TaxonomyOutput(TREE, decisions.top_down)(z)
    return (*log_probs.values(), answer)


WORKS: dict[str, Callable[[Tensor], Any]] = {
    "level_log_probs": lambda z: tuple(level_log_probs(z, TREE).values()),
    "leaf": lambda z: decisions.leaf(z, TREE),
    "at_level": lambda z: decisions.at_level(z, TREE, MIDDLE),
    "minimum_cost": lambda z: decisions.minimum_cost(z, TREE),
    "climb": lambda z: decisions.climb(z, TREE, 0.5, return_probability=True),
    "promise": lambda z: decisions.climb(z, TREE, PROMISE),
    "TaxonomyOutput": output,
    "top_down": lambda z: decisions.top_down(z, TREE, 0.5),
    "hedge": lambda z: decisions.hedge(z, TREE, 0.5),
    "most_specific": lambda z: decisions.most_specific(z, TREE, 0.5),
    "allowed": lambda z: decisions.at_level(z, TREE, MIDDLE, allowed=[0, 2, 4, 5, 7, 8]),
    "ranking": lambda z: decisions.ranking(z, TREE),
    "ranking_cost": lambda z: decisions.ranking(z, TREE, by="cost"),
    "Flat": head(heads.Flat),
    "PathSum": head(heads.PathSum),
    "ConditionalSoftmax": head(heads.ConditionalSoftmax),
    "LevelHeads": head(heads.LevelHeads),
}
#: What the exporters have no words for, and say so.
NOT_TRACED = {"most_specific", "promise", "ranking", "ranking_cost"}
NOT_EXPORTED = {"ranking", "ranking_cost"}
#: What adds nothing up.
NO_SUMS = {"leaf", "Flat", "PathSum", "LevelHeads"}


def logits(rows: int) -> Tensor:
    """(rows, 9)."""
    return 3 * torch.randn(rows, 9, generator=torch.Generator().manual_seed(rows))


def traced(work: str, opset: int) -> bytes:
    """By the exporter that traces (dynamo=False), for any number of rows."""
    file: Any = io.BytesIO()  # as the form takes it, though its hint says a path
    axes = {"z": {0: "n"}}
    torch.onnx.export(
        Work(WORKS[work]), (logits(3),), file, dynamo=False, opset_version=opset,
        input_names=["z"], dynamic_axes=axes,
    )  # fmt: skip
    return file.getvalue()


def exported(work: str) -> bytes:
    """By the exporter that stands on torch.export, for any number of rows."""
    shapes = ({0: torch.export.Dim("n")},)
    program = torch.onnx.export(
        Work(WORKS[work]), (logits(3),), dynamo=True, dynamic_shapes=shapes, verbose=False
    )
    assert program is not None
    text: bytes = program.model_proto.SerializeToString()
    return text


def check(model: bytes, work: str) -> None:
    """The model's results are those of torch, for the rows of the export and for others."""
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for rows in (3, 8):
        want = WORKS[work](logits(rows))
        for one, other in zip(
            session.run(None, {name: logits(rows).numpy()}),
            want if isinstance(want, tuple) else (want,),
            strict=True,
        ):
            torch.testing.assert_close(torch.from_numpy(one), other.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.sample(11)
@pytest.mark.parametrize("opset", [16, 17, 18])
@pytest.mark.parametrize("work", sorted(WORKS))
def test_the_exporter_that_traces(work: str, opset: int) -> None:
    """Right, or it raises."""
    if work in NOT_TRACED:
        with pytest.raises(torch.onnx.errors.OnnxExporterError):
            traced(work, opset)
    else:
        check(traced(work, opset), work)


@pytest.mark.sample(16)
@pytest.mark.parametrize("opset", [11, 13, 15])
@pytest.mark.parametrize("work", sorted(WORKS))
def test_opsets_that_cannot_add(work: str, opset: int) -> None:
    """Below 16 a sum over a group of columns would be one of them: refused."""
    if work in NO_SUMS:
        check(traced(work, opset), work)
    elif work in NOT_TRACED:
        with pytest.raises((RuntimeError, torch.onnx.errors.OnnxExporterError)):
            traced(work, opset)
    else:
        with pytest.raises(RuntimeError, match=f"opset_version 16 or later.*got {opset}"):
            traced(work, opset)


@pytest.mark.sample(8)
@pytest.mark.parametrize("work", sorted(WORKS))
def test_the_exporter_that_stands_on_export(work: str) -> None:
    """Right, or it raises."""
    if work in NOT_EXPORTED:
        with pytest.raises(Exception, match="Failed to convert"):
            exported(work)
    else:
        check(exported(work), work)


@pytest.mark.sample(5)
@pytest.mark.parametrize("work", sorted(set(WORKS) - {"ranking_cost"}))
def test_a_traced_program(work: str) -> None:
    """torch.jit.trace, the exporter's first half, sums the same."""
    program = torch.jit.trace(Work(WORKS[work]), logits(3))
    torch.testing.assert_close(program(logits(3)), WORKS[work](logits(3)))
