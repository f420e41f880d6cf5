"""export_onnx and load_onnx: onnxruntime gives eager's numbers, and files know their classes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from export_cases import DECISIONS, check_equal, fresh, leaves, logits, threshold
from first_calls import CAN_FORK, children
from torch import nn

import taxoloss
from taxoloss import Taxonomy, decisions
from taxoloss.heads import PathSum, TaxonomyOutput
from taxoloss.integrations.onnx import export_onnx, load_onnx

for name in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(name, reason=f"{name} is not installed")

# The exporter warns of its own insides.
pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = Path(__file__).parents[2]


def in_bytes(program: Any) -> bytes:
    """The file."""
    text: bytes = program.model_proto.SerializeToString()
    return text


@pytest.fixture(scope="module")
def plain() -> bytes:
    """A file that takes logits and answers the best class."""
    return in_bytes(export_onnx(None, fresh(), decision=decisions.leaf))


@pytest.mark.slow
@pytest.mark.parametrize("decision", sorted(DECISIONS))
def test_every_decision_in_onnx(decision: str) -> None:
    """At its first call, with any number of rows."""
    t = fresh()
    found = load_onnx(in_bytes(export_onnx(None, t, decision=DECISIONS[decision](t))), t)
    eager = TaxonomyOutput(fresh(), DECISIONS[decision](fresh()))
    for rows in (1, 7, 64):
        check_equal(found(logits(rows)), eager(logits(rows)))
    check_equal(found(logits(3, scale=1e4)), eager(logits(3, scale=1e4)))


_FIRST = """
from export_cases import DECISIONS, check_equal, fresh, logits
t = fresh()
made, n = heads.TaxonomyOutput(t, DECISIONS[NAME](t)), torch.export.Dim("n")
if WAY == "compile":
    found = torch.compile(made, fullgraph=True, backend="aot_eager", dynamic=True)
else:
    shapes = ({0: n},)
    found = torch.export.export(made, (logits(),), dynamic_shapes=shapes, strict=WAY == "strict").module()
for rows in (7, 9, 64):
    check_equal(found(logits(rows)), made(logits(rows)))
"""


@pytest.fixture(scope="module")
def failure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """What a program in a new process fails with."""
    with children(tmp_path_factory.mktemp("programs") / "errors", ROOT, Path(__file__).parent) as found:
        yield found


@pytest.mark.slow
@pytest.mark.skipif(not CAN_FORK, reason="this system has no fork")
@pytest.mark.parametrize(
    ("decision", "way"),
    [
        *product(sorted(DECISIONS), ["compile", "export"]),
        *product(["none", "calibrated", "allowed"], ["strict"]),
    ],
)
def test_the_first_call_of_a_process(failure: Callable[[str], str], decision: str, way: str) -> None:
    """Nothing was called before."""
    assert failure(f"NAME, WAY = {decision!r}, {way!r}\n{_FIRST}") == ""


def test_a_file_knows_its_classes(plain: bytes) -> None:
    """Levels, names, digests and the decision in words."""
    t, found = fresh(), load_onnx(plain, fresh())
    said = found.session.get_modelmeta().custom_metadata_map
    assert said["taxoloss.digest"] == t.digest
    assert said["taxoloss.binding_digest"] == t.binding_digest
    assert json.loads(said["taxoloss.nodes"])["sub family"] == list(t.nodes("sub family"))
    paths = json.loads(said["taxoloss.node_paths"])
    everything = range(t.num_nodes)
    assert [tuple(path) for path in paths] == [info.path for info in t.describe(list(everything))]
    assert paths[-1] == []
    assert said["taxoloss.decision"] == found.decision == "leaf()"
    assert found.taxonomy == t
    inputs = [(one.name, one.shape) for one in found.session.get_inputs()]
    outputs = [one.name for one in found.session.get_outputs()]
    assert inputs == [("logits", ["batch", 10])]
    assert outputs == [
        "log_probs_order", "log_probs_sub_family", "log_probs_kind_form", "log_probs_Gr_e", "answer",
    ]  # fmt: skip
    check_equal(found(logits()), TaxonomyOutput(t, decisions.leaf)(logits()))


def test_another_order_or_tree_is_refused(plain: bytes) -> None:
    """By the class that stands elsewhere."""
    t = fresh()
    with pytest.raises(ValueError, match="another order of the classes: 10 of 10 columns"):
        load_onnx(plain, t.bind(t.paths()[::-1]))
    with pytest.raises(ValueError, match="another tree"):
        load_onnx(plain, taxoloss.load("pets").bind())


def test_files_that_are_none(plain: bytes, tmp_path: Path) -> None:
    """One sentence each."""
    with pytest.raises(ValueError, match="expected an ONNX file that onnxruntime can run, got these bytes"):
        load_onnx(plain[: len(plain) // 2])
    (tmp_path / "a.onnx").write_text("no")
    with pytest.raises(ValueError, match=r"got .*a\.onnx"):
        load_onnx(tmp_path / "a.onnx")
    with pytest.raises(FileNotFoundError):
        load_onnx(tmp_path / "b.onnx")
    import onnx

    model = onnx.load_from_string(plain)
    del model.metadata_props[:]
    with pytest.raises(ValueError, match="it says nothing of its classes"):
        load_onnx(model.SerializeToString())


def test_a_model_is_as_it_was(tmp_path: Path) -> None:
    """Exported in evaluation mode, and afterwards in training with its parts as they were."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), PathSum(8, fresh()))
    model[1].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    file = tmp_path / "model.onnx"
    limit = threshold(fresh())
    export_onnx(model, fresh(), file, threshold=limit, external_data=True)
    assert [part.training for part in model] == [True, False, True, True]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    found = load_onnx(file, fresh())
    assert found.threshold == limit
    eager = TaxonomyOutput(fresh(), DECISIONS["calibrated"](fresh()))
    x = torch.randn(5, 4)
    check_equal(found(x), eager(model.eval()(x)))


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (nn.Sequential(nn.Linear(4, 10), nn.Softmax(1)), {}, "ends in a softmax"),
        (nn.Linear(4, 9), {}, "expected logits of 10 classes .*got 9"),
        (nn.Conv2d(4, 10, 1), {}, "expected an example of what Conv2d takes"),
        (None, {"decision": "climb"}, "got str 'climb'"),
        (None, {"decision": decisions.ranking}, "stable sort.*leaf, at_level, climb"),
        (None, {"decision": partial(decisions.leaf, probabilities=True)}, "leave probabilities=True out"),
        (None, {"opset": 17}, "expected opset 18 to"),
        (None, {"threshold": 0.9}, "expected the decision that the threshold 0.9 is for"),
        (None, {"decision": decisions.leaf, "threshold": 0.9}, "takes a threshold .* got leaf"),
        (None, {"path": torch.zeros(2, 10)}, r"the order is export_onnx\(model, taxonomy, path, example\)"),
        (nn.Sequential(nn.Linear(4, 10), TaxonomyOutput(fresh())), {}, "without its TaxonomyOutput"),
    ],
)
def test_what_is_refused(model: Any, options: dict[str, Any], words: str) -> None:
    """Before anything is written."""
    with pytest.raises((TypeError, ValueError), match=words):
        export_onnx(model, fresh(), **options)


def test_probabilities_in_are_refused(plain: bytes) -> None:
    """Also by the file."""
    with pytest.raises(ValueError, match="look like probabilities"):
        load_onnx(plain)(logits().softmax(1))


class Segmenter(nn.Module):
    """Logits of pixels in a dict, as torchvision's."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 10, 1)

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits (N, 10, H, W)."""
        return {"out": self.layer(pixels)}


def test_dense_outputs() -> None:
    """Height and width are free where that is asked for."""
    free = {at: torch.export.Dim(name) for at, name in ((0, "batch"), (2, "height"), (3, "width"))}
    model = Segmenter()
    example = {"pixels": torch.randn(1, 3, 4, 5)}
    program = export_onnx(
        model, fresh(), None, example, decision=decisions.leaf, dynamic_shapes={"pixels": free}
    )
    found, x = load_onnx(in_bytes(program)), torch.randn(2, 3, 6, 7)
    assert found.session.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    check_equal(found(pixels=x), TaxonomyOutput(fresh(), decisions.leaf)(model(x)["out"]))


def test_torch_export_files_keep_the_tree() -> None:
    """The recipe of the page: to_dict beside the program."""
    t, file = fresh(), io.BytesIO()
    program = torch.export.export(TaxonomyOutput(t, decisions.leaf), (logits(),))
    torch.export.save(program, file, extra_files={"taxoloss.json": json.dumps(t.to_dict())})
    file.seek(0)
    extra = {"taxoloss.json": ""}
    loaded = torch.export.load(file, extra_files=extra).module()
    assert Taxonomy.from_dict(json.loads(extra["taxoloss.json"])) == t
    assert all(
        map(torch.equal, leaves(loaded(logits())), leaves(TaxonomyOutput(t, decisions.leaf)(logits())))
    )


@pytest.mark.slow
def test_the_example() -> None:
    """Runs as it stands."""
    command = [sys.executable, str(ROOT / "examples/integrations/export.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "equal to torch: True" in done.stdout


def _other(t: Taxonomy) -> Taxonomy:
    return t.bind(t.paths()[::-1])


#: What is changed in the file -> what is read instead.
CHANGED: dict[str, Any] = {
    "nodes": lambda t: {level: t.nodes(level)[::-1] for level in t.levels},
    "classes": lambda t: t.paths()[::-1],
    "outputs": lambda t: dict.fromkeys(t.levels, "log_probs_order"),
    "levels": lambda t: t.levels[::-1],
    "tree": lambda t: _other(t).to_dict(),
    "threshold": lambda t: {"probability": 1.5},
}


@pytest.fixture(scope="module")
def promised() -> bytes:
    """A file with a threshold."""
    t = fresh()
    return in_bytes(export_onnx(None, t, threshold=threshold(t)))


@pytest.mark.parametrize("key", [*CHANGED, "threshold of another order"])
def test_a_file_that_was_changed(promised: bytes, key: str) -> None:
    """What others read of it (names of the nodes and classes) too."""
    import onnx

    t, model = fresh(), onnx.load_from_string(promised)
    if key in CHANGED:
        text = json.dumps(CHANGED[key](t))
    else:
        key, text = "threshold", json.dumps(threshold(_other(t)).to_dict())
    next(one for one in model.metadata_props if one.key == f"taxoloss.{key}").value = text
    with pytest.raises(ValueError, match=r"was changed or cut off|expected .* columns in log_probs"):
        load_onnx(model.SerializeToString(), t)


@pytest.mark.parametrize(("per", "levels"), [(None, True), ("order", False), ("sub family", True)])
def test_thresholds_by_clade_and_of_mapped_levels(per: str | None, levels: bool) -> None:
    """A threshold for each clade, on probabilities that were calibrated by level, is that of torch."""
    t = fresh()
    truth = torch.arange(10).repeat(40)
    z = 2 * torch.eye(10)[truth] + torch.randn(400, 10, generator=torch.Generator().manual_seed(99))
    maps = decisions.calibrate_levels(z, truth, t) if levels else None
    made = decisions.calibrate_threshold(z, truth, t, risk=0.2, per=per, levels=maps)
    found = load_onnx(in_bytes(export_onnx(None, t, threshold=made)), t)
    assert found.threshold == made
    eager = TaxonomyOutput(t, partial(decisions.climb, threshold=made))
    for scale in (0.1, 3.0, 1e4, 1e30):
        check_equal(found(logits(64, scale=scale)), eager(logits(64, scale=scale)))
