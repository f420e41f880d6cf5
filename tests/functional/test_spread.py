"""Targets that are spread over nodes, in every form that runs on a CPU: smoothing, classes, nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import loss_oracle as oracle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis_settings import SETTINGS
from kernel_forms import FORMS, NATIVE, PYTHON, only
from loss_oracle import Options
from mpmath import mp, mpf
from torch import Tensor
from torch.testing import assert_close
from trees import Case, Wide, bound, seeds, taxonomies, wide_tree

import taxoloss
from taxoloss import TaxonomyLoss, weighting
from taxoloss.functional import cross_entropy
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy

pytestmark = pytest.mark.one_form("chooses it")

Rng = np.random.Generator
DEFINITION = "definition"
SMOOTHING = st.sampled_from([0.0, 0.1, 1.0])
REDUCTION = st.sampled_from(["none", "mean", "sum"])
#: Relative error of each row's loss, and of a gradient beside its row's largest entry.
BOUNDS = {torch.float32: (5e-7, 1e-6), torch.float64: (1e-13, 1e-13)}


@pytest.fixture(params=[*FORMS, DEFINITION], scope="module")
def form(request: pytest.FixtureRequest) -> Iterator[str]:
    """The compiled kernel, the closed form in torch, and the definition."""
    with pytest.MonkeyPatch.context() as patch, only(NATIVE if request.param == NATIVE else PYTHON):
        if request.param == DEFINITION:
            patch.setattr(cross_entropy, "in_closed_form", lambda *_: False)
        yield request.param


def both(logits: Tensor, target: Tensor, *arguments: Any, **options: Any) -> tuple[Tensor, Tensor]:
    """The loss and the gradient of its sum."""
    z = logits.detach().clone().requires_grad_()
    value = taxonomy_cross_entropy(z, target, *arguments, **options)
    return value.detach(), torch.autograd.grad(value.sum(), z)[0]


def node_target(rng: Rng, nodes: int, rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(rows, nodes): mixtures of up to three nodes, the root among them."""
    target = np.zeros((rows, nodes))
    for row in target:
        row[rng.integers(nodes, size=3)] = rng.dirichlet([1, 1, 1])
    return target


def node_costs(case: Case, target: Any, options: Options) -> oracle.Costs:
    """Each node costs as it would as a target."""
    costs: oracle.Costs = {}
    for label, share in enumerate(target):
        for node, cost in oracle.index_costs(case, label, options).items():
            costs[node] = costs.get(node, 0.0) + float(share) * cost
    return costs


# -- against the definition in plain Python --------------------------------------------------------


@SETTINGS
@given(
    case=taxonomies(),
    rng=seeds,
    smoothing=SMOOTHING,
    reduction=REDUCTION,
    weighted=st.booleans(),
    kind=st.sampled_from(["ids", "classes", "nodes"]),
    scale=st.sampled_from([1.0, 10.0]),
)
def test_random_trees(
    form: str,
    case: Case,
    rng: Rng,
    smoothing: float,
    reduction: str,
    weighted: bool,
    kind: str,
    scale: float,
) -> None:
    """Loss and gradient for any tree, order of classes, table of weights, class weights and reduction."""
    weight = rng.uniform(0.1, 2, case.num_classes) if weighted else None
    table = oracle.level_table(case, rng.uniform(0, 2, case.depth).tolist())
    if kind == "nodes":
        table = table * rng.uniform(0.5, 1, (len(table), 1))
    options = Options(table, None if weight is None else weight.tolist(), smoothing)
    z = oracle.random_logits(case, rng, 5, scale=scale)
    nodes = len(case.ids)
    extra: dict[str, Any] = {"label_smoothing": smoothing, "reduction": reduction}
    extra["weight"] = None if weight is None else torch.from_numpy(weight)
    if kind == "nodes":
        target: Any = node_target(rng, nodes, 5)
        rows = [
            oracle.row_loss(case, row, node_costs(case, q, options))
            for row, q in zip(z, target, strict=True)
        ]
        value, slope = (np.stack([row[part] for row in rows]) for part in (0, 1))
        share = 1 / 5 if reduction == "mean" else 1.0
        value, slope = (value if reduction == "none" else value.sum() * share), slope * share
    else:
        target = rng.choice([*range(nodes), -100], 5)
        if kind == "classes":
            target = rng.dirichlet(np.ones(case.num_classes), 5)
        if (target == -100).all():
            target[0] = 0
        value, slope = oracle.batch_loss(case, z, target, options, reduction=reduction)
        counted = (
            [options.node_weight(case, case.by_id[y]) for y in target if y >= 0] if kind == "ids" else [1]
        )
        if reduction == "mean" and not sum(counted):
            return
    found = both(torch.from_numpy(z), torch.from_numpy(target), case.taxonomy, table, **extra)
    if not table.any():
        return
    assert_close(found[0], torch.as_tensor(value), rtol=1e-9, atol=1e-11)
    assert_close(found[1], torch.as_tensor(slope), rtol=1e-8, atol=1e-11)


# -- sixty digits ----------------------------------------------------------------------------------

TREES = {
    "small": wide_tree(7, 3, shuffled=True),
    "few": wide_tree(40, 4),
    "many": wide_tree(300, 5, shuffled=True),
}
TREE = pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
REGIMES = {
    "normal": lambda z, y: z,
    "wide": lambda z, y: z * 8,
    "shifted": lambda z, y: z + 1000,
    "right": lambda z, y: z + 30 * F.one_hot(y, z.shape[1]),
    "wrong": lambda z, y: z + 30 * F.one_hot((y + 1) % z.shape[1], z.shape[1]),
    "gap": lambda z, y: z + 200 * F.one_hot((y + 1) % z.shape[1], z.shape[1]),
}


def exact(tree: Wide, z: Tensor, said: list[dict[int, float]]) -> tuple[Tensor, Tensor]:
    """Losses and gradients of rows that say how much of each target they hold, without smoothing."""
    losses, slopes = [], []
    with mp.workdps(60):
        for row, targets in zip(z.tolist(), said, strict=True):
            terms = [mp.exp(mpf(x) - mpf(max(row))) for x in row]
            whole, loss, slope = mp.fsum(terms), mpf(0), [mpf(0)] * len(terms)
            for target, share in targets.items():
                for w, below in zip(tree.level_weights.values(), tree.lines[target], strict=False):
                    inside = set(below)
                    mass = mp.fsum(terms[j] for j in below)
                    rest = mp.fsum(term for j, term in enumerate(terms) if j not in inside)
                    loss += mpf(share) * mpf(w) * mp.log1p(rest / mass)
                    for j, term in enumerate(terms):
                        pull = term / whole if j not in inside else -term / whole * rest / mass
                        slope[j] += mpf(share) * mpf(w) * pull
            losses.append(float(loss))
            slopes.append([float(x) for x in slope])
    return torch.tensor(losses, dtype=torch.float64), torch.tensor(slopes, dtype=torch.float64)


@TREE
@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("kind", ["one class", "classes", "one node", "nodes"])
def test_sixty_digits(form: str, tree: Wide, dtype: torch.dtype, regime: str, kind: str) -> None:
    """Loss and gradient in every regime; the kernel keeps all digits where P is near 1."""
    generator = torch.Generator().manual_seed(3)
    rows, nodes = 4, tree.taxonomy.num_nodes
    size = tree.classes if "class" in kind else nodes
    y = torch.randint(tree.classes, (rows,), generator=generator)
    z = torch.randn(rows, tree.classes, generator=generator, dtype=torch.float64)
    z = REGIMES[regime](z, y).to(dtype)
    said = [{int(label): 1.0} for label in y]
    if kind == "one node":
        said = [{int(x): 1.0} for x in torch.randint(tree.classes, nodes - 1, (rows,), generator=generator)]
    elif "one" not in kind:
        others = torch.randint(size, (rows,), generator=generator)
        said = [
            {int(a): 0.75, int(b): 0.25} if a != b else {int(a): 1.0}
            for a, b in zip(y, others, strict=True)
        ]
    target = torch.zeros(rows, size, dtype=dtype)
    for row, shares in enumerate(said):
        for label, share in shares.items():
            target[row, label] = share
    value, slope = both(z, target, tree.taxonomy, tree.level_weights, reduction="none")
    truth = exact(tree, z, said)
    bounds = BOUNDS[dtype]
    # The forms in torch take 1 - P from a rounded P, of float32 where nodes are many, as log_probs.py does.
    rounding = torch.finfo(dtype).tiny
    if form != NATIVE:
        rounding = 1e-14 if tree is not TREES["many"] or dtype == torch.float64 else 1e-6
    assert ((value - truth[0]).abs() <= bounds[0] * truth[0] + rounding).all()
    largest = truth[1].abs().amax(1, keepdim=True)
    assert ((slope - truth[1]).abs() <= bounds[1] * largest + rounding).all()


# -- shapes, dtypes, what is left out --------------------------------------------------------------


def targets_of(tree: Wide, shape: tuple[int, ...], dtype: torch.dtype) -> dict[str, Tensor]:
    """For logits (n, C, d1..dk) of a shape (n, d1..dk): ids, probabilities of classes and of nodes."""
    generator = torch.Generator().manual_seed(len(shape))
    nodes = tree.taxonomy.num_nodes
    ids = torch.randint(nodes, shape, generator=generator)
    soft = [
        torch.rand(shape[0], size, *shape[1:], generator=generator, dtype=torch.float64).to(dtype)
        for size in (tree.classes, nodes)
    ]
    ids.view(-1)[0] = -100
    return dict(zip(("ids", "classes", "nodes"), (ids, *soft), strict=True))


@TREE
@pytest.mark.parametrize("kind", ["ids", "classes", "nodes"])
@pytest.mark.parametrize("weighted", [False, True])
def test_dense_logits_are_rows(form: str, tree: Wide, kind: str, weighted: bool) -> None:
    """(N, C, d1, d2) of any strides, and rows: the same losses and gradients."""
    weight = torch.rand(tree.classes, dtype=torch.float64) if weighted else None
    z = torch.randn(3, tree.classes, 5, 7, dtype=torch.float64)
    target = targets_of(tree, (3, 5, 7), torch.float64)[kind]
    options: dict[str, Any] = {"weight": weight, "label_smoothing": 0.1, "reduction": "none"}

    def rows(x: Tensor) -> Tensor:
        return x.movedim(1, -1).flatten(0, -2) if x.is_floating_point() else x.flatten()

    expected = both(rows(z), rows(target), tree.taxonomy, tree.level_weights, **options)
    last = z.movedim(1, -1).contiguous().movedim(-1, 1)
    wide = torch.randn(3, tree.classes * 2, 5, 14, dtype=torch.float64)[:, ::2, :, ::2]
    wide.copy_(z)
    for strided in (z, last, wide):
        value, slope = both(strided, target, tree.taxonomy, tree.level_weights, **options)
        assert_close(value.flatten(), expected[0])
        assert_close(rows(slope), expected[1])


@TREE
@pytest.mark.parametrize("kind", ["ids", "classes", "nodes"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half(form: str, tree: Wide, kind: str, dtype: torch.dtype) -> None:
    """Computed in float32, rounded once."""
    z = torch.randn(5, tree.classes).to(dtype)
    target = targets_of(tree, (5,), dtype)[kind]
    options: Any = {"label_smoothing": 0.1, "reduction": "sum"}
    value, slope = both(z, target, tree.taxonomy, tree.level_weights, **options)
    expected = both(
        z.double(),
        target if kind == "ids" else target.double(),
        tree.taxonomy,
        tree.level_weights,
        **options,
    )
    assert value.dtype == slope.dtype == dtype
    assert_close(value, expected[0].to(dtype))
    assert_close(slope, expected[1].to(dtype))


@TREE
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_has_no_weight(form: str, tree: Wide, bad: float) -> None:
    """Ignored rows and rows of nothing may hold anything; a row that counts and holds NaN is NaN."""
    z = torch.randn(20, tree.classes)
    targets = targets_of(tree, (20,), torch.float32)
    for kind, target in targets.items():
        smoothing = 0.2 if kind == "ids" else 0.0
        target[4] = -100 if kind == "ids" else 0.0
        arguments = (target, tree.taxonomy, tree.level_weights)
        expected = both(z, *arguments, label_smoothing=smoothing)
        poisoned = z.clone()
        poisoned[4] = bad
        value, slope = both(poisoned, *arguments, label_smoothing=smoothing)
        assert_close(value, expected[0])
        assert_close(slope, expected[1])
        assert (slope[4] == 0).all()
        poisoned[5, 0] = math.nan
        value, slope = both(poisoned, *arguments, label_smoothing=smoothing, reduction="none")
        assert value.isnan().nonzero().tolist() == [[5]]
        assert slope.isnan().any(1).nonzero().tolist() == [[5]]


@pytest.mark.parametrize("kind", ["ids", "classes", "nodes"])
def test_derivatives(form: str, kind: str) -> None:
    """By finite differences, once and twice."""
    tree = TREES["small"]
    target = targets_of(tree, (3,), torch.float64)[kind]
    z = torch.randn(3, tree.classes, dtype=torch.float64, requires_grad=True)

    def loss(x: Tensor) -> Tensor:
        return taxonomy_cross_entropy(x, target, tree.taxonomy, tree.level_weights, label_smoothing=0.2)

    assert torch.autograd.gradcheck(loss, z)
    assert torch.autograd.gradgradcheck(loss, z)


def test_other_weights_in_place(form: str) -> None:
    """What is kept of the weights is made again."""
    tree = TREES["few"]
    names = tree.taxonomy.levels
    z = torch.randn(6, tree.classes, dtype=torch.float64)
    changed = TaxonomyLoss(tree.taxonomy, dict.fromkeys(names, 1.0), label_smoothing=0.1)
    for schedule in (dict.fromkeys(names, 1.0), dict.fromkeys(names, 0.5), weighting.geometric(0.3)):
        changed.set_level_weights(schedule)
        fresh = TaxonomyLoss(tree.taxonomy, schedule, label_smoothing=0.1)
        for target in targets_of(tree, (6,), torch.float64).values():
            assert_close(changed(z, target), fresh(z, target))


def test_threads_say_the_same(form: str) -> None:
    """Bit by bit, for any number of threads."""
    tree = TREES["many"]
    z = torch.randn(1000, tree.classes)
    target = targets_of(tree, (1000,), torch.float32)["ids"]
    loss = TaxonomyLoss(tree.taxonomy, tree.level_weights, label_smoothing=0.1)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            given = z.clone().requires_grad_()
            value = loss(given, target)
            found.append((value.detach(), torch.autograd.grad(value, given)[0]))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0][1], found[1][1])
    if form == NATIVE:
        assert torch.equal(found[0][0], found[1][0])


# -- probabilities of nodes ------------------------------------------------------------------------


@pytest.mark.usefixtures("_threads")
@SETTINGS
@given(case=taxonomies(), rng=seeds, smoothing=SMOOTHING, reduction=REDUCTION)
def test_a_node_alone_is_its_id(form: str, case: Case, rng: Rng, smoothing: float, reduction: str) -> None:
    """One-hot over nodes: the loss and the gradient of the ids, for any table of weights."""
    table = oracle.random_table(case, rng)
    if not table.any():
        return
    z = torch.from_numpy(oracle.random_logits(case, rng, 4))
    ids = torch.from_numpy(rng.integers(len(case.ids), size=4))
    options: Any = {"label_smoothing": smoothing, "reduction": reduction}
    expected = both(z, ids, case.taxonomy, table, **options)
    found = both(z, F.one_hot(ids, len(case.ids)).double(), case.taxonomy, table, **options)
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other)


def test_mixed_labels_of_mixed_depth(form: str) -> None:
    """Mixup of a class and a node is the mixture of their losses, with class weights, of one sample too."""
    tree = TREES["few"]
    t, nodes = tree.taxonomy, tree.taxonomy.num_nodes
    z, weight = torch.randn(4, tree.classes), torch.rand(tree.classes)
    one, other = torch.tensor([0, 1, 2, 3]), torch.tensor([tree.classes, 5, nodes - 1, 4])
    mixed = 0.7 * F.one_hot(one, nodes).float() + 0.3 * F.one_hot(other, nodes).float()
    losses = [
        taxonomy_cross_entropy(z, y, t, tree.level_weights, weight=weight, reduction="none")
        for y in (one, other)
    ]
    expected = 0.7 * losses[0] + 0.3 * losses[1]
    loss = TaxonomyLoss(t, tree.level_weights, weight=weight)
    assert_close(loss(z, mixed), expected.mean())
    assert_close(loss(z[0], mixed[0]), expected[0])


def test_the_root_costs_nothing(form: str) -> None:
    """Also in a tree of one level, where it is the only node that is no class."""
    t = taxoloss.load({"tree": {"a": None, "b": None, "c": None}}).bind(node_targets=True)
    assert t.num_nodes == 4
    z = torch.randn(2, 3)
    target = torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.5, 0.0, 0.0, 0.5]])
    found = taxonomy_cross_entropy(z, target, t, reduction="none")
    assert_close(found, torch.stack([torch.tensor(0.0), -0.5 * z[1].log_softmax(0)[0]]))


def test_nodes_are_refused_where_they_are_no_targets() -> None:
    """The message says how to bind."""
    case = bound([0, 0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 2, 2], 2, [3, 4, 5, 6], node_targets=False)
    z, target = torch.zeros(2, 4), torch.zeros(2, 7)
    with pytest.raises(RuntimeError, match="node_targets=True"):
        taxonomy_cross_entropy(z, target, case.taxonomy)
    with pytest.raises(RuntimeError, match="ignore_index"):
        taxonomy_cross_entropy(z, target[:, :4], case.taxonomy, ignore_index=0)


def test_a_target_may_ask_for_its_gradient(form: str) -> None:
    """Then each node's is its loss as a target."""
    tree = TREES["small"]
    z, nodes = torch.randn(1, tree.classes, dtype=torch.float64), tree.taxonomy.num_nodes
    target = torch.full((1, nodes), 1 / nodes, dtype=torch.float64, requires_grad=True)
    value = taxonomy_cross_entropy(z, target, tree.taxonomy, tree.level_weights)
    (slope,) = torch.autograd.grad(value, target)
    ids = torch.arange(nodes)
    each = taxonomy_cross_entropy(
        z.expand(nodes, -1), ids, tree.taxonomy, tree.level_weights, reduction="none"
    )
    assert_close(slope[0], each)


@pytest.mark.parametrize("kind", ["ids", "classes", "nodes"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_plain_calls_are_as_those_with_class_weights(form: str, kind: str, reduction: str) -> None:
    """Without weights a call goes a shorter way: to the numbers and refusals of weights of 1."""
    tree = TREES["many"]
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": 0.1}
    z = torch.randn(20, tree.classes, generator=torch.Generator().manual_seed(0))
    target = targets_of(tree, (20,), torch.float32)[kind]
    ones = torch.ones(tree.classes)
    arguments = (target, tree.taxonomy, tree.level_weights)
    found, expected = both(z, *arguments, **options), both(z, *arguments, weight=ones, **options)
    assert_close(found[0], expected[0], rtol=2e-6, atol=0)
    assert_close(found[1], expected[1], rtol=2e-5, atol=2e-7 * float(expected[1].abs().max()))
    for weight in (None, ones):
        with pytest.raises(ValueError, match="leave the softmax out of the model"):
            taxonomy_cross_entropy((3 * z).softmax(1), *arguments, weight=weight, **options)
        if kind == "ids":
            wrong = (target + tree.taxonomy.num_nodes, *arguments[1:])
            with pytest.raises(IndexError, match=r"expected targets in 0\.\."):
                taxonomy_cross_entropy(z, *wrong, weight=weight, **options)
