"""A checkpoint of another order of the classes: moved by names, or refused; never by shape alone."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_cases import HEADS, NEW, OLD, PETS, copied, filled, refused, same_state
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from torch import Tensor, nn
from torch.nn.utils import prune
from trees import Case, taxonomies

import taxoloss
from taxoloss import Taxonomy, decisions, heads
from taxoloss.functional import level_log_probs
from taxoloss.heads.head import Head

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors")
WIDTH = 4
X = torch.randn(16, WIDTH, generator=torch.Generator().manual_seed(1))


def by_name(logits: Tensor, t: Taxonomy) -> dict[tuple[str, ...], Tensor]:
    """Log-probabilities by the paths of the classes."""
    return dict(zip(t.paths(), logits.double().log_softmax(1).unbind(1), strict=True))


def agree(one: dict[Any, Tensor], other: dict[Any, Tensor]) -> bool:
    """The same names, and numbers to 1e-5."""
    return one.keys() == other.keys() and all(
        torch.allclose(one[name], other[name], atol=1e-5) for name in one
    )


@pytest.mark.parametrize("kind", HEADS)
@settings(CALM, max_examples=examples(15))
@given(case=taxonomies(), data=st.data(), bias=st.booleans())
def test_every_head_answers_the_same_by_name(
    kind: Any, case: Case, data: st.DataObject, bias: bool
) -> None:
    """For any tree and any two orders, with and without bias; the head is then one of the new order."""
    old = case.taxonomy
    new = old.bind(data.draw(st.permutations(old.paths())))
    model, other = filled(nn.Sequential(kind(WIDTH, old, bias))), nn.Sequential(kind(WIDTH, new, bias))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        taxoloss.save(path, model, old)
        if not new.same_binding(old.binding_digest):
            assert "of another order of the classes" in refused(path, other)
        kwargs: dict[str, Any] = {"reorder": True}
        found = taxoloss.load_checkpoint(path, other, new, **kwargs)
    assert found.taxonomy == new
    assert agree(by_name(model(X), old), by_name(other(X), new))
    again = kind(WIDTH, new, bias)
    again.load_state_dict(other[0].state_dict())  # its digest is that of the new order
    # Moved back, every number is the one it was.
    with tempfile.TemporaryDirectory() as folder:
        taxoloss.save(Path(folder) / "m.safetensors", other, new)
        back = nn.Sequential(kind(WIDTH, old, bias))
        taxoloss.load_checkpoint(Path(folder) / "m.safetensors", back, old, **kwargs)
    assert same_state(copied(back), copied(model))


@pytest.mark.parametrize("kind", HEADS)
def test_levels_are_answered_the_same_too(kind: Any, tmp_path: Path) -> None:
    """Probabilities of inner nodes by name, and each level of LevelHeads."""
    model, other = filled(kind(WIDTH, OLD)), kind(WIDTH, NEW)
    taxoloss.save(tmp_path / "m.safetensors", model, OLD)
    taxoloss.load_checkpoint(tmp_path / "m.safetensors", other, reorder=True)
    for level in OLD.levels:
        one, two = (
            dict(zip(t.nodes(level), level_log_probs(h(X), t)[level].unbind(1), strict=True))
            for h, t in ((model, OLD), (other, NEW))
        )
        assert agree(one, two)
    if isinstance(model, heads.LevelHeads) and isinstance(other, heads.LevelHeads):
        for level in OLD.levels:
            one, two = (
                dict(zip(t.nodes(level), h.level_logits(X)[level].unbind(1), strict=True))
                for h, t in ((model, OLD), (other, NEW))
            )
            assert agree(one, two)


class Conv(nn.Module):
    """A dense head: a 1x1 convolution."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.head = nn.Conv2d(WIDTH, 5, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width) -> (N, C)."""
        return self.head(x[:, :, None, None]).flatten(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_layers_that_are_named(kind: str, bias: bool, dtype: torch.dtype, tmp_path: Path) -> None:
    """nn.Linear and nn.Conv2d, with and without bias; the rows are the old ones to the bit."""

    def made() -> nn.Module:
        model = Conv(bias) if kind == "conv" else nn.Sequential()
        if kind == "linear":
            model.add_module("head", nn.Linear(WIDTH, 5, bias=bias))
        return model.to(dtype)

    model, other = made(), made()
    taxoloss.save(tmp_path / "m.safetensors", model, OLD)
    taxoloss.load_checkpoint(tmp_path / "m.safetensors", other, NEW, reorder=True, head="head")
    for name, tensor in copied(model).items():
        rows = dict(zip(OLD.classes, tensor, strict=True))
        moved = dict(zip(NEW.classes, copied(other)[name], strict=True))
        assert all(torch.equal(rows[c], moved[c]) for c in OLD.classes)


def test_layers_of_any_model(tmp_path: Path) -> None:
    """Several layers, deep inside; the model itself; hidden layers of the same width stay."""

    def made() -> nn.Module:
        return nn.Sequential(
            nn.Linear(WIDTH, 5), nn.Sequential(nn.ReLU(), nn.Linear(5, 5)), nn.Linear(5, 5)
        )

    model, other = filled(made()), filled(made(), 1)
    taxoloss.save(tmp_path / "m.safetensors", model, OLD)
    taxoloss.load_checkpoint(tmp_path / "m.safetensors", other, NEW, reorder=True, head=["2"])
    assert agree(by_name(model(X), OLD), by_name(other(X), NEW))
    alone, itself = filled(nn.Linear(WIDTH, 5)), nn.Linear(WIDTH, 5)
    taxoloss.save(tmp_path / "m.safetensors", alone, OLD)
    assert "say head=''" in refused(tmp_path / "m.safetensors", itself, NEW, reorder=True)
    taxoloss.load_checkpoint(tmp_path / "m.safetensors", itself, NEW, reorder=True, head="")
    assert agree(by_name(alone(X), OLD), by_name(itself(X), NEW))


# -- what is refused -------------------------------------------------------------------------------


class Net(nn.Module):
    """A body, a classifier, an auxiliary one, class weights in a loss."""

    def __init__(self, aux: bool = False, weight: bool = False) -> None:
        super().__init__()
        self.body = nn.Linear(WIDTH, 7)
        self.classifier = nn.Sequential(nn.ReLU(), nn.Linear(7, 5))
        if aux:
            self.aux = nn.Linear(7, 5)
        if weight:
            self.criterion = nn.CrossEntropyLoss(torch.arange(5.0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A checkpoint of a Net in the old order."""
    taxoloss.save(tmp_path / "m.safetensors", filled(Net()), OLD)
    return tmp_path / "m.safetensors"


def test_another_order_is_refused_by_name(path: Path) -> None:
    """The first class that stands elsewhere, how many do, and what to do."""
    said = refused(path, Net(), NEW)
    assert (
        "m.safetensors is of another order of the classes: 4 of 5 columns are another class, the first is"
        in said
    )
    assert "column 0, `dog/pug` there and `cat/Bengal` here; reorder=True moves the rows" in said


def test_another_tree_is_refused_also_with_reorder(path: Path) -> None:
    """What changed is told, and how a head is moved to another tree."""
    other = Taxonomy.from_paths([*PETS.paths()[:-1], ("dog", "dingo")], PETS.levels).bind()
    for reorder in (False, True):
        said = refused(path, Net(), other, reorder=reorder)
        assert "of another tree: 1 class of it is not in this tree (`dog/beagle`)" in said
        assert "diff(t), or taxoloss diff, says what changed, and t.migrate moves a head" in said


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (None, "never by shape alone: if it is the layer that gives the 5 logits, say head='class"),
        ((), "never by shape alone: if it is the layer that gives the 5 logits, say head='class"),
        ("classifier.2", "`classifier.2`, which is not in the model; did you mean `classifier.1`?"),
        ("clasifier.1", "`clasifier.1`, which is not in the model; did you mean `classifier.1`?"),
        ("classifier", "a Sequential; expected a layer (nn.Linear, nn.Conv1d to Conv3d), such as `class"),
        ("classifier.0", "a ReLU; expected a layer"),
        ("body", "to have a row for each of the 5 classes, got `body.weight` (7, 4)"),
        ("body.weight", "expected `body.weight`, which head= names, to have a row for each"),
        (["classifier.1", 3], "expected names of modules as head, got int 3"),
        (3, "expected names of modules as head, got int 3"),
    ],
)  # fmt: skip
def test_what_head_may_not_name(head: Any, words: str, path: Path) -> None:
    """Each with what was expected, or the layers that may be meant."""
    assert words in refused(path, Net(), NEW, reorder=True, head=head)


def test_head_without_reorder(path: Path) -> None:
    """It would do nothing."""
    words = "head='classifier.1' says what reorder=True moves: say reorder=True too"
    assert words in refused(path, Net(), OLD, head="classifier.1")


def test_names_are_checked_also_where_nothing_moves(path: Path) -> None:
    """A slip is told before the day that the orders differ."""
    assert "did you mean `classifier.1`?" in refused(path, Net(), OLD, reorder=True, head="clasifier.1")
    model = Net()
    taxoloss.load_checkpoint(path, model, OLD, reorder=True)
    assert same_state(copied(model), copied(filled(Net())))


def test_no_layer_of_that_width(tmp_path: Path) -> None:
    """There is nothing to offer."""
    taxoloss.save(tmp_path / "m.safetensors", nn.Linear(3, 2), OLD)
    words = "no layer of the model has 5 outputs"
    assert words in refused(tmp_path / "m.safetensors", nn.Linear(3, 2), NEW, reorder=True)


def test_class_weights_that_are_state_must_be_named(tmp_path: Path) -> None:
    """A loss of torch keeps them in the state_dict, in the old order."""
    file = tmp_path / "m.safetensors"
    taxoloss.save(file, Net(weight=True), OLD)
    said = refused(file, Net(weight=True), NEW, reorder=True, head="classifier.1")
    assert (
        "`criterion.weight`, of a loss, has a number for each class, in the old order: name it in head="
        in said
    )
    for name in ("criterion", "criterion.weight"):
        model = Net(weight=True)
        taxoloss.load_checkpoint(file, model, NEW, reorder=True, head=["classifier.1", name])
        weights = dict(zip(NEW.classes, copied(model)["criterion.weight"].tolist(), strict=True))
        assert weights == dict(zip(OLD.classes, range(5), strict=True))


def test_what_may_follow_the_classes_beside_a_head(tmp_path: Path) -> None:
    """Where a head of taxoloss stands beside a layer of C outputs, it is not plain which of them move."""

    def made(t: Taxonomy) -> nn.Module:
        return nn.ModuleDict({"main": heads.Flat(7, t), "aux": nn.Linear(7, 5)})

    file = tmp_path / "m.safetensors"
    model = filled(made(OLD))
    taxoloss.save(file, model, OLD)
    said = refused(file, made(NEW), reorder=True)
    assert (
        "a row or column for each of the 5 classes stands in `aux.weight`, `aux.bias` too: name in head="
        in said
    )
    moved, kept = made(NEW), made(NEW)
    taxoloss.load_checkpoint(file, moved, reorder=True, head=("aux", "main"))
    taxoloss.load_checkpoint(file, kept, reorder=True, head=())
    old, new = copied(model)["aux.bias"], copied(moved)["aux.bias"]
    assert dict(zip(OLD.classes, old, strict=True)) == dict(zip(NEW.classes, new, strict=True))
    assert torch.equal(copied(kept)["aux.bias"], old)


def test_grouped_convolutions_and_parametrizations(tmp_path: Path) -> None:
    """Outputs that read channels of their own cannot move; what is more than weight and bias is told."""
    grouped = nn.Sequential(nn.Conv2d(10, 5, 1, groups=5))
    taxoloss.save(tmp_path / "m.safetensors", grouped, OLD)
    assert "in 5 groups" in refused(tmp_path / "m.safetensors", grouped, NEW, reorder=True, head="0")
    normed = nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)))
    taxoloss.save(tmp_path / "m.safetensors", normed, OLD)
    said = refused(tmp_path / "m.safetensors", normed, NEW, reorder=True, head="0")
    assert "whose state is more than a weight and a bias (`0.parametrizations.weight.original0`" in said
    names = ["0.bias", *(f"0.parametrizations.weight.original{i}" for i in (0, 1))]
    other = nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)))
    taxoloss.load_checkpoint(tmp_path / "m.safetensors", other, NEW, reorder=True, head=names)
    assert agree(by_name(normed(X), OLD), by_name(other(X), NEW))


def test_a_head_that_does_not_know_its_rows(tmp_path: Path) -> None:
    """A head of one's own says it by row_nodes."""

    class Own(Head):
        def __init__(self, t: Taxonomy) -> None:
            super().__init__(WIDTH, t, len(t), True)

    taxoloss.save(tmp_path / "m.safetensors", Own(OLD), OLD)
    said = refused(tmp_path / "m.safetensors", Own(NEW), reorder=True)
    assert "the Own does not say which rows are which nodes: give it row_nodes" in said


def test_the_order_of_the_file_alone(tmp_path: Path) -> None:
    """The same nodes listed otherwise: numbers of inner nodes differ, and the rows follow them."""
    other = Taxonomy.from_paths([*reversed(PETS.paths())], PETS.levels).bind(OLD.classes)
    model, moved = filled(heads.PathSum(WIDTH, OLD)), heads.PathSum(WIDTH, other)
    taxoloss.save(tmp_path / "m.safetensors", model, OLD)
    assert "the tree lists its nodes in another order" in refused(tmp_path / "m.safetensors", moved)
    taxoloss.load_checkpoint(tmp_path / "m.safetensors", moved, reorder=True)
    assert agree(by_name(model(X), OLD), by_name(moved(X), other))


def test_classes_above_other_classes(tmp_path: Path) -> None:
    """Leaves of nodes' own are named by their paths as the others are."""
    old = PETS.bind(["pug", "cat", "Sphynx", "Bengal", "beagle", "Manx"], inner_classes=True)
    new = PETS.bind(["Manx", "pug", "Sphynx", "cat", "Bengal", "beagle"], inner_classes=True)
    model, moved = filled(heads.LevelHeads(WIDTH, old)), heads.LevelHeads(WIDTH, new)
    taxoloss.save(tmp_path / "m.safetensors", model, old)
    taxoloss.load_checkpoint(tmp_path / "m.safetensors", moved, reorder=True)
    assert agree(by_name(model(X), old), by_name(moved(X), new))


def test_tied_weights_move_together(tmp_path: Path) -> None:
    """A layer that shares its weight with an embedding of the classes."""

    def made() -> Any:
        model: Any = nn.ModuleDict({"embed": nn.Embedding(5, 4), "out": nn.Linear(4, 5, bias=False)})
        model["out"].weight = model["embed"].weight
        return model

    taxoloss.save(tmp_path / "m.safetensors", made(), OLD)
    model = made()
    taxoloss.load_checkpoint(tmp_path / "m.safetensors", model, NEW, reorder=True, head="out")
    assert torch.equal(model["out"].weight, model["embed"].weight)


# -- thresholds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("per", [None, "species", "breed"])
def test_a_threshold_follows_the_order(per: str | None, tmp_path: Path) -> None:
    """Its answers by name are the same for the moved head, also with a threshold a clade."""
    model, other = filled(heads.Flat(WIDTH, OLD)), heads.Flat(WIDTH, NEW)
    target = torch.randint(5, (400,), generator=torch.Generator().manual_seed(2))
    rows = torch.randn(400, WIDTH, generator=torch.Generator().manual_seed(3))
    logits = model(rows).detach()
    levels = decisions.calibrate_levels(logits[:100], target[:100], OLD)
    given: dict[str, Any] = {"levels": levels, "risk": 0.4} | ({"per": per} if per else {})
    threshold = decisions.calibrate_threshold(logits[100:], target[100:], OLD, **given)
    taxoloss.save(tmp_path / "m.safetensors", model, OLD, threshold)
    found = taxoloss.load_checkpoint(tmp_path / "m.safetensors", other, reorder=True)
    fresh = torch.randn(
        400, WIDTH, generator=torch.Generator().manual_seed(4)
    )  # none right at the threshold
    moved: Any = found.threshold
    one: Any = decisions.climb(model(fresh).detach(), OLD, threshold)
    two: Any = decisions.climb(other(fresh).detach(), NEW, moved)
    assert [OLD.path(node) for node in one.tolist()] == [NEW.path(node) for node in two.tolist()]
    assert len(set(one.tolist())) > 1
    with pytest.raises(ValueError, match="expected the class order that this threshold was calibrated on"):
        decisions.climb(logits, OLD, moved)


def test_levels_and_numbers_follow_too(tmp_path: Path) -> None:
    """Maps of levels have the digest of the new order; a probability is of none."""
    model = filled(heads.Flat(WIDTH, OLD))
    levels = decisions.calibrate_levels(model(X).detach(), torch.arange(16) % 5, OLD)
    for threshold in (levels, 0.75, None):
        taxoloss.save(tmp_path / "m.safetensors", model, OLD, threshold)
        found = taxoloss.load_checkpoint(tmp_path / "m.safetensors", heads.Flat(WIDTH, NEW), reorder=True)
        assert found.threshold == (
            replace(levels, digest=NEW.binding_digest) if threshold is levels else threshold
        )
        assert taxoloss.load_checkpoint(tmp_path / "m.safetensors", None).threshold == threshold


def _pruned(head: nn.Module) -> nn.Module:
    return prune.l1_unstructured(head, "weight", 1)


COMPUTED: dict[str, Any] = {
    "weight_norm": nn.utils.parametrizations.weight_norm,
    "spectral_norm": nn.utils.parametrizations.spectral_norm,
    "orthogonal": nn.utils.parametrizations.orthogonal,
    "older weight_norm": nn.utils.weight_norm,
    "pruning": _pruned,
}


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`")
@pytest.mark.parametrize("how", sorted(COMPUTED))
@pytest.mark.parametrize("kind", HEADS)
def test_a_weight_that_is_computed_is_not_moved(kind: Any, how: str, tmp_path: Path) -> None:
    """Its parts are no rows of the head, whatever their shapes: refused, in one order loaded."""
    path = tmp_path / "m.safetensors"
    model, same = (nn.Sequential(COMPUTED[how](filled(kind(WIDTH, OLD), seed))) for seed in (0, 1))
    taxoloss.save(path, model, OLD)
    for head in (None, ()):
        said = refused(path, nn.Sequential(COMPUTED[how](kind(WIDTH, NEW))), reorder=True, head=head)
        assert f"the weight of the {kind.__name__} `0` is not in its state" in said.replace(
            "Parametrized", ""
        )
    taxoloss.load_checkpoint(path, same, reorder=True)
    assert torch.equal(same.eval()(X), model.eval()(X))


class _Adapted(nn.Module):
    """A head with an adapter of low rank whose columns are the classes."""

    def __init__(self, t: Taxonomy) -> None:
        super().__init__()
        self.base = heads.Flat(WIDTH, t)
        self.down, self.up = nn.Parameter(torch.ones(WIDTH, 2)), nn.Parameter(torch.ones(2, 5))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.base(x) + x @ self.down @ self.up


def test_columns_that_may_follow_the_classes(tmp_path: Path) -> None:
    """Nobody said whether they do; and they cannot be moved."""
    path = tmp_path / "m.safetensors"
    taxoloss.save(path, filled(_Adapted(OLD)), OLD)
    assert "a row or column for each of the 5 classes stands in `up` too" in refused(
        path, _Adapted(NEW), reorder=True
    )
    assert "expected `up`, which head= names, to have a row for each" in refused(
        path, _Adapted(NEW), reorder=True, head="up"
    )
    square = nn.Sequential(nn.Linear(5, 5))
    taxoloss.save(path, square, OLD)
    assert "name the layer if it is the weight of one" in refused(
        path, square, NEW, reorder=True, head=["0.weight", "0.bias"]
    )
    taxoloss.load_checkpoint(path, nn.Sequential(nn.Linear(5, 5)), NEW, reorder=True, head="0")
