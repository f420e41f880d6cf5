"""save and load_checkpoint: models, states and arguments that are refused, and what is as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_cases import OLD, PETS, Net, copied, filled, module_of, refused, same_state, unsaved
from torch import Tensor, nn

import taxoloss

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where no file is yet."""
    return tmp_path / "m.safetensors"


# -- what is refused -------------------------------------------------------------------------------


class Extra(nn.Linear):
    """A module with a state of its own beside its tensors."""

    def __init__(self, extra: Any) -> None:
        super().__init__(4, 5)
        self.extra = extra

    def get_extra_state(self) -> Any:
        """What is stored."""
        return self.extra

    def set_extra_state(self, state: Any) -> None:
        """What was stored."""
        self.extra = state


def test_extra_state(path: Path) -> None:
    """Objects are refused in words; a tensor comes back."""
    model = nn.Sequential(Extra({"steps": 3}))
    words = "expected tensors alone in the state of the model, got dict as `0._extra_state`: a file"
    assert words in unsaved(path, model, OLD)
    assert "let get_extra_state give a tensor" in unsaved(path, model, OLD)
    taxoloss.save(path, nn.Sequential(Extra(torch.tensor([3.0]))), OLD)
    inner = Extra(torch.zeros(1))
    taxoloss.load_checkpoint(path, nn.Sequential(inner))
    assert inner.extra.tolist() == [3.0]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: nn.Linear(4, 5, device="meta"), "`bias` cannot be saved, being on the device meta"),
        (lambda: nn.LazyLinear(5), "`weight`, `bias` cannot be saved, being made at the first call"),
        (lambda: module_of({"a": torch.eye(3).to_sparse()}), "`a` cannot be saved, being sparse"),
        (lambda: module_of({"a": torch.zeros(3, dtype=torch.cdouble)}), "has no torch.complex128"),
        (lambda: {"a": 3}, "expected tensors alone in the state of the model, got int"),
        (lambda: {1: torch.zeros(1)}, "expected a model, a torch.nn.Module, got dict"),
        (lambda: torch.zeros(3), "expected a model, a torch.nn.Module, got Tensor"),
        (lambda: None, "expected a model, a torch.nn.Module, got NoneType"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_models_that_cannot_be_saved(model: Any, words: str, path: Path) -> None:
    """What has no numbers, or none that the file can hold."""
    assert words in unsaved(path, model(), OLD)


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_models_that_cannot_be_loaded_into(path: Path) -> None:
    """Those without memory; and what is no model."""
    taxoloss.save(path, nn.Linear(4, 5), OLD)
    for model, words in (
        (
            nn.Linear(4, 5, device="meta"),
            "cannot be loaded, being on the device meta, without numbers: give it",
        ),
        (
            nn.LazyLinear(5),
            "cannot be loaded, being made at the first call, which was not yet (lazy modules): call",
        ),
    ):
        with pytest.raises(ValueError) as caught:
            taxoloss.load_checkpoint(path, model)
        assert words in str(caught.value)
    with pytest.raises(TypeError, match=r"expected a model, a torch\.nn\.Module, got dict"):
        taxoloss.load_checkpoint(path, {})  # type: ignore[arg-type]


def test_a_tensor_of_a_subclass(path: Path) -> None:
    """One that keeps its numbers elsewhere is refused; one that only has another name is not."""

    class Named(Tensor):
        pass

    model = nn.Linear(4, 5)
    model.weight = nn.Parameter(torch.ones(5, 4).as_subclass(Named))
    taxoloss.save(path, model, OLD)
    taxoloss.load_checkpoint(path, model)
    path.unlink()
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        fake = nn.Linear(4, 5)
    assert "of a subclass that keeps its numbers elsewhere" in unsaved(path, fake, OLD)


def test_another_model(path: Path) -> None:
    """All that is missing, unexpected, or of another shape or kind is told at once; nothing is changed."""
    taxoloss.save(
        path, nn.ModuleDict({"a": nn.Linear(4, 5), "b": nn.Linear(4, 5), "c": nn.Linear(2, 2)}), OLD
    )
    other = nn.ModuleDict({"a": nn.Linear(4, 6), "d": nn.Linear(4, 5), "c": nn.Linear(2, 2)})
    other["c"].weight = nn.Parameter(torch.zeros(2, 2, dtype=torch.int32), requires_grad=False)
    said = refused(path, other)
    assert "2 tensors missing in the file (`d.weight`, `d.bias`)" in said
    assert "2 tensors not in the model (`b.bias`, `b.weight`)" in said or "(`b.weight`, `b.bias`)" in said
    assert "2 tensors of another shape (`a.weight` (5, 4), here (6, 4), `a.bias` (5,), here (6,))" in said
    assert "1 tensor of another kind (`c.weight` torch.float32, here torch.int32)" in said


def test_a_model_that_refuses_half_way_is_as_it_was(path: Path) -> None:
    """Also where a module of the user's own finds a fault, after others were loaded."""

    class Strict(Extra):
        def _load_from_state_dict(self, *args: Any) -> None:
            raise OverflowError("too\nmuch")

    taxoloss.save(path, nn.Sequential(filled(Extra(torch.ones(2))), Extra(torch.ones(2))), OLD)
    first = Extra(torch.zeros(2))
    model = nn.Sequential(first, Strict(torch.zeros(2)))
    words = f"{path} was refused by the model, which is as it was: too much"
    assert refused(path, model) == words
    assert first.extra.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((nn.Linear(4, 5), PETS), "save needs a bound taxonomy: which output of the model is which class?"),
        ((nn.Linear(4, 5), PETS.classes), "expected a Taxonomy, got tuple"),
        ((OLD, nn.Linear(4, 5)), "expected a Taxonomy, got Linear"),
    ],
)
def test_wrong_arguments(args: Any, words: str, path: Path) -> None:
    """Each in a sentence."""
    assert words in unsaved(path, *args)
    with pytest.raises(TypeError, match="expected a path, got Linear"):
        taxoloss.save(nn.Linear(4, 5), path, OLD)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a path, got Linear"):
        taxoloss.load_checkpoint(nn.Linear(4, 5), path)  # type: ignore[arg-type]


def test_loading_with_a_taxonomy_that_is_not_bound(path: Path) -> None:
    """It says nothing of the order."""
    taxoloss.save(path, nn.Linear(4, 5), OLD)
    assert "load_checkpoint needs a bound taxonomy" in refused(path, nn.Linear(4, 5), PETS)
    assert "expected a Taxonomy, got tuple" in refused(path, nn.Linear(4, 5), PETS.classes)


def test_precision_may_differ(path: Path) -> None:
    """A model in bfloat16 loads what was trained in float32, as torch does."""
    model = filled(nn.Linear(4, 5))
    taxoloss.save(path, model, OLD)
    half = nn.Linear(4, 5, dtype=torch.bfloat16)
    taxoloss.load_checkpoint(path, half)
    assert torch.equal(half.weight, model.weight.bfloat16())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_model_on_a_gpu_loads_without_one(path: Path) -> None:
    """The tensors in the file are of no device; a model stays where it is."""
    model = filled(Net(OLD)).cuda()
    taxoloss.save(path, model, OLD)
    plain, there = Net(OLD), Net(OLD).cuda()
    for other in (plain, there):
        taxoloss.load_checkpoint(path, other)
    assert same_state({n: v.cpu() for n, v in copied(model).items()}, copied(plain))
    assert all(value.is_cuda for value in there.state_dict().values())


def test_the_example(tmp_path: Path) -> None:
    """The answers by name are the same, saved, loaded and moved; both refusals name the first class."""
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / "integrations" / "checkpoints.py")],
        env={**os.environ, "PYTHONPATH": search},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    said = [rest for start, rest in rows if start in ("saved", "loaded", "moved")]
    assert len(said) == 3
    assert len(set(said)) == 1
    words = "the first is column 0, `dog/pug` there and `cat/Bengal` here"
    assert sum(start == "refused:" and words in rest for start, rest in rows) == 2
