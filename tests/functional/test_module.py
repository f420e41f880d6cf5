"""TaxonomyLoss in the place of nn.CrossEntropyLoss: checkpoints, copies, compilation, errors."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss, weighting
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.log_probs import level_log_probs

LEVELS = ["family", "genus", "species"]
ROWS = [("f", "g", "a"), ("f", "g", "b"), ("f", "h", "c"), ("k", None, "d"), ("m", "n", "e")]
UNBOUND = Taxonomy.from_paths(ROWS, LEVELS)
TREE = UNBOUND.bind(["d", "b", "e", "a", "c"], node_targets=True)
CLASSES_ONLY = UNBOUND.bind(["d", "b", "e", "a", "c"])
WEIGHTS = {"family": 0.2, "genus": 0.3, "species": 0.5}
CLASS_WEIGHT = torch.tensor([0.5, 1.0, 2.0, 1.5, 1.0])

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sum": {"level_weights": WEIGHTS, "reduction": "sum"},
    "deepest": {"level_weights": weighting.deepest(), "reduction": "none"},
    "all": {
        "level_weights": WEIGHTS,
        "weight": CLASS_WEIGHT,
        "ignore_index": 3,
        "label_smoothing": 0.1,
    },
}
VARIANT = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)


def batch(rows: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits and class targets."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, 5, generator=generator)
    return logits.requires_grad_(), torch.arange(rows) % 5


def both(loss: Any, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss and its gradient in the logits."""
    value = loss(logits, target)
    return value.detach(), torch.autograd.grad(value.sum(), logits)[0]


def assert_same(one: Any, other: Any) -> None:
    """Two losses agree on class targets and on probabilities."""
    logits, target = batch()
    for given in (target, logits.detach().softmax(1)):
        if given.is_floating_point() and getattr(one, "ignore_index", -100) >= 0:
            continue
        assert_close(both(one, logits, given), both(other, logits, given))


# -- a module --------------------------------------------------------------------------------------


@VARIANT
def test_it_is_torchs_loss(options: dict[str, Any]) -> None:
    """An nn.CrossEntropyLoss with its attributes and no parameters."""
    loss = TaxonomyLoss(TREE, **options)
    assert isinstance(loss, nn.CrossEntropyLoss)
    assert list(loss.parameters()) == []
    given = {key: value for key, value in options.items() if key != "level_weights"}
    flat = nn.CrossEntropyLoss(**given)
    for name in ("ignore_index", "reduction", "label_smoothing"):
        assert getattr(loss, name) == getattr(flat, name)
    assert (loss.weight is None) == (flat.weight is None)


@VARIANT
def test_the_state_dict_is_empty(options: dict[str, Any]) -> None:
    """A model's checkpoint loads strictly with and without the loss, class weights or not."""
    model = nn.ModuleDict({"head": nn.Linear(2, 5), "loss": TaxonomyLoss(TREE, **options)})
    assert TaxonomyLoss(TREE, **options).state_dict() == {}
    bare = nn.ModuleDict({"head": nn.Linear(2, 5)})
    bare.load_state_dict(model.state_dict(), strict=True)
    model.load_state_dict(bare.state_dict(), strict=True)


@VARIANT
def test_copies(options: dict[str, Any]) -> None:
    """Pickle, deepcopy and a state that was changed: equal losses, apart from the original."""
    loss = TaxonomyLoss(TREE, **options)
    for other in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        assert other.taxonomy == TREE
        assert_same(other, loss)
        before = both(loss, *batch())
        other.set_level_weights({"family": 9.0, "genus": 0.0, "species": 1.0})
        assert_close(both(loss, *batch()), before, rtol=0, atol=0)


@VARIANT
def test_module_is_function(options: dict[str, Any]) -> None:
    """The same arguments, the same result."""

    def function(logits: Tensor, target: Tensor) -> Tensor:
        return taxonomy_cross_entropy(logits, target, TREE, **options)

    loss = TaxonomyLoss(TREE, **options)
    function.ignore_index = loss.ignore_index  # type: ignore[attr-defined]
    assert_same(loss, function)


def test_the_function_keeps_no_stale_weights() -> None:
    """A dict that the caller changes between calls is read anew; so is a table."""
    logits, target = batch()
    table = np.array(weighting.uniform()(TREE))
    levels = dict(WEIGHTS)
    places: list[tuple[Any, Any]] = [(levels, "family"), (table, 0)]
    for given, place in places:
        first = taxonomy_cross_entropy(logits, target, TREE, given)
        given[place] = 3.0 if given is levels else table[0] * 4
        second = taxonomy_cross_entropy(logits, target, TREE, given)
        assert_close(second, TaxonomyLoss(TREE, given)(logits, target))
        assert not torch.equal(first, second)


@pytest.mark.parametrize("first", [None, WEIGHTS, {"family": 0.0, "genus": 0.0, "species": 1.0}])
def test_set_level_weights(first: Any) -> None:
    """As if constructed so, also where other levels than before have a weight."""
    loss = TaxonomyLoss(TREE, first)
    wanted: list[Any] = [WEIGHTS, {"family": 1.0, "genus": 0.0, "species": 0.0}, weighting.deepest(), None,
              weighting.uniform()(TREE) * 2]  # fmt: skip
    for weights in wanted:
        loss.set_level_weights(weights)
        assert_same(loss, TaxonomyLoss(TREE, weights))
    with pytest.raises(ValueError, match="0 or larger"):
        loss.set_level_weights(WEIGHTS | {"genus": -1.0})
    assert_same(loss, TaxonomyLoss(TREE, wanted[-1]))


def test_per_level() -> None:
    """Each level's unweighted mean over the samples counted there, whatever the loss weighs."""
    logits = batch(6)[0]
    group = TREE.node_id(("f", "g"))
    target = torch.tensor([0, group, 1, TREE.node_id("f"), -100, TREE.node_id(())])
    loss = TaxonomyLoss(TREE, {"family": 0.0, "genus": 7.0, "species": 1.0}, weight=CLASS_WEIGHT,
                        label_smoothing=0.3, reduction="sum")  # fmt: skip
    found = loss.per_level(logits, target)
    summed = level_log_probs(logits, TREE)
    index = {level: TREE.ancestor_index(level) for level in LEVELS}
    below = {0: 0, 1: 3, 2: 1, 3: 3}  # row -> a class below its target
    counted = {"family": [0, 1, 2, 3], "genus": [0, 1, 2], "species": [0, 2]}
    assert list(found) == LEVELS
    for level, rows in counted.items():
        costs = [-summed[level][row, index[level][below[row]]] for row in rows]
        assert_close(found[level], torch.stack(costs).mean().detach())
    assert not any(value.requires_grad for value in found.values())


def test_per_level_where_nothing_is_counted() -> None:
    """NaN, for one sample and for dense logits too."""
    loss = TaxonomyLoss(TREE)
    found = loss.per_level(torch.zeros(5), torch.tensor(TREE.node_id("f")))
    assert torch.isfinite(found["family"])
    assert torch.isnan(found["genus"])
    assert torch.isnan(found["species"])
    dense = loss.per_level(torch.zeros(2, 5, 3), torch.full((2, 3), -100))
    assert all(torch.isnan(value) for value in dense.values())


@pytest.mark.parametrize("shape", [(3,), (5,), (4, 1), ()])
def test_per_level_of_another_batch(shape: tuple[int, ...]) -> None:
    """Targets that do not fit the logits fail, as in the loss, and are not cut to fit."""
    loss, target = TaxonomyLoss(TREE), torch.zeros(shape, dtype=torch.long)
    for call in (loss, loss.per_level):
        with pytest.raises((ValueError, RuntimeError), match=re.escape(str(shape))):
            call(torch.zeros(4, 5), target)


# -- what fails ------------------------------------------------------------------------------------

BAD: dict[str, tuple[type[Exception], tuple[Any, ...], dict[str, Any], str]] = {
    "unbound": (ValueError, (UNBOUND,), {}, "bind"),
    "string": (TypeError, ("pets",), {}, "Taxonomy.*str 'pets'"),
    "unknown": (ValueError, (TREE, WEIGHTS | {"genuss": 1}), {}, "genuss.*did you mean .genus"),
    "missing": (ValueError, (TREE, {"family": 1.0, "species": 1.0}), {}, "'genus'"),
    "negative": (ValueError, (TREE, WEIGHTS | {"genus": -0.5}), {}, "genus.*-0.5"),
    "nan": (ValueError, (TREE, WEIGHTS | {"genus": float("nan")}), {}, "genus.*nan"),
    "infinite": (ValueError, (TREE, WEIGHTS | {"genus": float("inf")}), {}, "genus.*inf"),
    "zeros": (ValueError, (TREE, dict.fromkeys(LEVELS, 0)), {}, "above 0"),
    "text": (TypeError, (TREE, WEIGHTS | {"genus": "1"}), {}, "genus.*'1'"),
    "list": (ValueError, (TREE, [0.2, 0.3, 0.5]), {}, r"shape \(12, 3\).*\(3,\)"),
    "tuple": (ValueError, (TREE, (0.2, 0.3, 0.5)), {}, r"shape \(12, 3\).*\(3,\)"),
    "float": (TypeError, (TREE, 0.5), {}, "family.*float 0.5"),
    "shape": (ValueError, (TREE, np.ones((5, 3))), {}, r"\(12, 3\).*\(5, 3\)"),
    "below": (ValueError, (TREE, np.ones((12, 3))), {}, "species|genus|family"),
    "table_nan": (ValueError, (TREE, np.full((12, 3), np.nan)), {}, "finite.*nan"),
    "table_zeros": (ValueError, (TREE, np.zeros((12, 3))), {}, "zeros"),
    "inner": (ValueError, (TREE,), {"ignore_index": 6}, "ignore_index.*6"),
    "root": (ValueError, (TREE,), {"ignore_index": 11}, "ignore_index.*11"),
    "reduction": (ValueError, (TREE,), {"reduction": "avg"}, "mean.*avg"),
    "smoothing": (ValueError, (TREE,), {"label_smoothing": 1.2}, r"\[0, 1\].*1.2"),
    "weight": (RuntimeError, (TREE,), {"weight": torch.ones(4)}, r"\(5,\).*\(4,\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_construction(name: str) -> None:
    """What is wrong fails when the loss is made, with both values."""
    kind, arguments, options, words = BAD[name]
    assert TREE.num_nodes == 12
    with pytest.raises(kind) as found:
        TaxonomyLoss(*arguments, **options)
    assert re.search(words, str(found.value), re.DOTALL), str(found.value)


def test_another_class_count() -> None:
    """Logits of another width fail at the call, with both numbers."""
    for shape in ((2, 6), (6,), (2, 6, 5)):
        target = torch.zeros(() if len(shape) == 1 else (2, *shape[2:]), dtype=torch.long)
        with pytest.raises(ValueError, match=r"5.*6"):
            TaxonomyLoss(TREE)(torch.zeros(shape), target)


@pytest.mark.parametrize("number", range(5, 12))
def test_an_inner_node_needs_node_targets(number: int) -> None:
    """A label that is off by one never passes as a node, unless nodes may be targets."""
    target = torch.tensor([0, number])
    with pytest.raises(IndexError, match=f"{number}.*node_targets"):
        TaxonomyLoss(CLASSES_ONLY)(torch.zeros(2, 5), target)
    assert torch.isfinite(TaxonomyLoss(TREE)(torch.zeros(2, 5), target))
    ignored = TaxonomyLoss(CLASSES_ONLY, ignore_index=number)(torch.zeros(2, 5), target)
    assert_close(ignored, TaxonomyLoss(TREE)(torch.zeros(1, 5), target[:1]))


# -- autograd and the compiler ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "variant"), [*(("eager", name) for name in VARIANTS), ("aot_eager", "all")]
)
def test_compiled(backend: str, variant: str) -> None:
    """One graph, for two batch sizes and for probabilities: eager's loss and gradient."""
    torch._dynamo.reset()
    loss = TaxonomyLoss(TREE, **VARIANTS[variant])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's compiler warns of its own parts
        compiled = torch.compile(loss, fullgraph=True, backend=backend)
        for rows in (4, 7):
            logits, target = batch(rows, seed=rows)
            assert_close(both(compiled, logits, target), both(loss, logits, target))
        if loss.ignore_index < 0:
            soft = logits.detach().softmax(1)
            assert_close(both(compiled, logits, soft), both(loss, logits, soft))
        loss.set_level_weights({"family": 3.0, "genus": 2.0, "species": 1.0})
        assert_close(both(compiled, logits, target), both(loss, logits, target))


@VARIANT
def test_a_graph_that_is_kept(options: dict[str, Any]) -> None:
    """Two backward passes give one gradient twice, and the inputs stay as they were."""
    logits, target = batch()
    before = logits.detach().clone(), target.clone()
    value = TaxonomyLoss(TREE, **options)(logits, target).sum()
    first = torch.autograd.grad(value, logits, retain_graph=True)[0].clone()
    assert torch.equal(first, torch.autograd.grad(value, logits)[0])
    assert torch.equal(logits.detach(), before[0])
    assert torch.equal(target, before[1])


@VARIANT
def test_logits_that_are_not_contiguous(options: dict[str, Any]) -> None:
    """Transposed, strided and expanded logits and targets: as their contiguous copies."""
    loss = TaxonomyLoss(TREE, **options)
    wide = torch.randn(5, 12, generator=torch.Generator().manual_seed(3))
    for given in (wide.T, wide.T[::2], wide[:, :1].T.expand(4, 5)):
        target = torch.arange(2 * len(given))[::2] % 5
        logits = given.detach().requires_grad_()
        plain = given.detach().contiguous().requires_grad_()
        assert_close(both(loss, logits, target), both(loss, plain, target.contiguous()))
    dense = wide.reshape(5, 3, 4).permute(1, 0, 2).requires_grad_()  # (3, C, 4)
    target = torch.arange(12).reshape(4, 3).T % 5
    copied = dense.detach().contiguous().requires_grad_()
    assert_close(both(loss, dense, target), both(loss, copied, target))


def test_no_gradient_is_asked_for() -> None:
    """Under no_grad and inference_mode the loss is a plain number."""
    logits, target = batch()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            value = TaxonomyLoss(TREE)(logits, target)
        assert not value.requires_grad
        assert_close(value, TaxonomyLoss(TREE)(logits, target).detach())


def test_descent() -> None:
    """Plain gradient descent on the logits lowers the loss at every step, towards 0."""
    logits, target = batch(20)
    loss = TaxonomyLoss(TREE, WEIGHTS)
    steps = torch.optim.SGD([logits], lr=1.0)
    values = []
    for _ in range(200):
        steps.zero_grad()
        value = loss(logits, target)
        value.backward()
        steps.step()
        values.append(value.item())
    assert all(after < before for before, after in pairwise(values))
    assert values[-1] < 0.2 * values[0]
    assert (logits.argmax(1) == target).all()


def test_bundled_tree_in_the_place_of_cross_entropy() -> None:
    """All weight on the breeds: nn.CrossEntropyLoss's value in a training step."""
    pets = taxoloss.load("pets").bind()
    logits, target = torch.randn(8, len(pets)), torch.arange(8)
    loss = TaxonomyLoss(pets, {"species": 0.0, "breed": 1.0})
    assert_close(loss(logits, target), nn.CrossEntropyLoss()(logits, target))


def test_a_schedule_that_was_not_called_is_named() -> None:
    """weighting.uniform in the place of weighting.uniform()."""
    with pytest.raises(TypeError, match=r"weighting\.uniform\(\.\.\.\), with parentheses"):
        TaxonomyLoss(TREE, taxoloss.weighting.uniform)  # type: ignore[arg-type]


def test_repr_shows_the_level_weights_in_force() -> None:
    """By level where classes share them, else the schedule; after a change the new ones."""
    t = taxoloss.load({"tree": {"a": ["b", "c"], "d": None}}).bind()
    loss = TaxonomyLoss(t, {"depth_1": 0.25, "depth_2": 1.0})
    assert "level_weights={'depth_1': 0.25, 'depth_2': 1.0}" in repr(loss)
    loss.set_level_weights(taxoloss.weighting.geometric(0.5))
    assert "level_weights=geometric(0.5)" in repr(loss)
    loss.set_level_weights(taxoloss.weighting.geometric(0.5)(t))
    assert "level_weights=a table" in repr(loss)
    assert repr(loss) == f"TaxonomyLoss({loss.extra_repr()})"
    assert "\n" not in repr(loss)


def test_a_target_one_too_large_asks_for_the_first_number() -> None:
    """Before it speaks of inner nodes."""
    t = taxoloss.load("pets").bind()
    with pytest.raises(IndexError, match=r"got 37; are the labels numbered from 1\?; inner nodes"):
        TaxonomyLoss(t)(torch.zeros(1, 37), torch.tensor([37]))
