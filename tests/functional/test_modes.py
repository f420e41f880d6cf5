"""What is kept with a taxonomy: made in any mode of torch it serves every later call; it does not grow."""

from __future__ import annotations

import copy
import io
import pickle
import random
import sys
import threading
import tracemalloc
from typing import Any

import modes
import pytest
import torch
from fuzz_modes import programs, wrong
from modes import CALLS, MODES, USES, fresh, logits, targets
from torch import Tensor
from torch.testing import assert_close

from taxoloss import Taxonomy, TaxonomyLoss, decisions, functional, heads, metrics, weighting
from taxoloss.functional import cross_entropy
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels import chunks as rings
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.functional.node_tensors import node_tensors

#: What may not be called in a mode for reasons of its own: what looks at numbers where there are none,
#: modules whose parameters have another dtype, or that are made inside of what is compiled.
DECISIONS = {"leaf", "climb", "top_down", "most_specific", "minimum_cost", "hedge", "ranking"}
HEADS = {name for name in USES if hasattr(heads, name)}
NOT_IN = {
    "fake": {"collection", *DECISIONS},
    "meta": {"collection"},
    "default_device": {"collection"},
    "float64": HEADS,
    "float16": HEADS,
    **{name: {"collection"} for name in ("grad", "vmap", "functionalize", "export")},
    **{name: {"collection", *DECISIONS} for name in ("hessian", "jacfwd", "make_fx")},
    **{
        name: {"collection", "schedule", "module", "module_smoothing", "per_level", *HEADS}
        for name in ("compile", "strict_export")
    },
}


def trained(use: str, taxonomy: Taxonomy) -> tuple[Tensor, Tensor | None]:
    """A number and its gradient, outside of all modes."""
    z = logits().requires_grad_()
    value = USES[use](taxonomy, z)
    return value.detach(), torch.autograd.grad(value, z)[0] if value.requires_grad else None


@pytest.mark.parametrize("use", sorted(USES))
@pytest.mark.parametrize("mode", sorted(MODES))
def test_first_use_inside_a_mode(mode: str, use: str) -> None:
    """Then training, as if nothing had been."""
    taxonomy = fresh()
    if use not in NOT_IN.get(mode, ()):
        with MODES[mode]():
            USES[use](taxonomy, logits())
    assert_close(trained(use, taxonomy), trained(use, fresh()), rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use", sorted(USES))
@pytest.mark.parametrize("call", sorted(CALLS))
def test_first_use_inside_a_call(call: str, use: str) -> None:
    """Twice, since the second meets what the first has made; then training."""
    torch._dynamo.reset()
    taxonomy = fresh()
    if use not in NOT_IN.get(call, ()):
        CALLS[call](lambda z: USES[use](taxonomy, z))
        CALLS[call](lambda z: USES[use](taxonomy, z))
    assert_close(trained(use, taxonomy), trained(use, fresh()), rtol=0, atol=0)


@pytest.mark.parametrize("mode", sorted(set(MODES) - {"float16", "meta", "default_device"}))
def test_a_loss_made_inside_a_mode(mode: str) -> None:
    """And a head: their tables are those of a module made outside."""
    with MODES[mode]():
        loss = TaxonomyLoss(modes_tree := fresh(), label_smoothing=0.1)
    assert all(table.device.type == "cpu" and not table.is_inference() for table in tensors(loss.tensors))
    want = TaxonomyLoss(modes_tree, label_smoothing=0.1)(logits(), targets())
    assert_close(loss(logits().requires_grad_(), targets()).detach(), want)


def tensors(tables: Any) -> list[Tensor]:
    """Every tensor of an object of ours."""
    return [value for value in vars(tables).values() if isinstance(value, Tensor)]


@pytest.mark.parametrize("name", ["meta", "cpu"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_default_device(name: str, smoothing: float) -> None:
    """The result is where the logits are, whatever the default device: torch's loss does so too."""
    with modes.default_device(name):
        loss = TaxonomyLoss(fresh(), label_smoothing=smoothing)
        z, y = logits(), targets()
        assert loss(z, y).device.type == torch.nn.functional.cross_entropy(z, y).device.type == name
        z, y = torch.sin(torch.arange(30.0, device="cpu").view(6, 5) * 7), torch.arange(6, device="cpu") % 5
        inside = loss(z, y), loss.per_level(z, y), level_log_probs(z, fresh())
    loss = TaxonomyLoss(fresh(), label_smoothing=smoothing)
    assert_close(inside, (loss(z, y), loss.per_level(z, y), level_log_probs(z, fresh())), rtol=0, atol=0)


# -- buffers, devices, loaders ---------------------------------------------------------------------


def everything(taxonomy: Taxonomy) -> torch.nn.ModuleDict:
    """A model with every head and a loss with class weights."""
    made: dict[str, torch.nn.Module] = {name: getattr(heads, name)(5, taxonomy) for name in sorted(HEADS)}
    made["loss"] = TaxonomyLoss(taxonomy, weight=torch.arange(1.0, 6.0, device="cpu"))
    model = torch.nn.ModuleDict(made)
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.sin(torch.arange(parameter.numel()) + number).view_as(parameter))
    return model


def results(model: Any) -> list[Tensor]:
    """Of all parts of the model."""
    found = [model[name](logits()) for name in sorted(HEADS)]
    return [*found, model["loss"](logits(), targets())]


def test_every_buffer_is_in_the_state() -> None:
    """A loader that fills what a checkpoint holds leaves nothing else to chance."""
    model = everything(fresh())
    assert {name for name, _ in model.named_buffers()} <= set(model.state_dict())
    assert not list(model["loss"].state_dict()), "a loss has no state"


@pytest.mark.parametrize("how", ["to_empty", "meta_init", "to_meta", "empty_like"])
def test_a_checkpoint_into_a_model_without_memory(how: str) -> None:
    """Deferred initialisation, `to_empty`, and `from_pretrained`, which empties what is not persistent."""
    stored = everything(taxonomy := fresh())
    if how == "meta_init":
        with torch.device("meta"):
            model = everything(taxonomy)
    else:
        model = everything(taxonomy)
    if how == "to_meta":
        model.to("meta")
    if how == "empty_like":
        state = set(model.state_dict())
        for name, buffer in list(model.named_buffers()):
            if name not in state:
                module, _, last = name.rpartition(".")
                setattr(model.get_submodule(module), last, torch.empty_like(buffer).fill_(1 << 40))
    else:
        model.to_empty(device="cpu")
    model.load_state_dict(stored.state_dict())
    assert_close(results(model), results(stored), rtol=0, atol=0)


def test_on_the_meta_device_shapes_are_known() -> None:
    """A loss that was moved there, or not, takes meta logits; and comes back."""
    loss = TaxonomyLoss(fresh(), weight=torch.arange(1.0, 6.0))
    before = loss(logits(), targets())
    for module in (loss, loss.to("meta")):
        assert module(logits().to("meta"), targets().to("meta")).device.type == "meta"
    assert_close(loss(logits(), targets()), before)
    model = everything(fresh()).to("meta")
    for name in HEADS:
        assert model[name](logits().to("meta")).shape == (6, 5)


def test_class_weights_without_numbers_are_refused() -> None:
    """Weights that were made on the meta device have none."""
    with torch.device("meta"):
        loss = TaxonomyLoss(fresh(), weight=torch.ones(5))
    with pytest.raises(RuntimeError, match=r"class weights with numbers .* on the meta device"):
        loss(logits(), targets())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_class_weights_follow_the_dtype(dtype: torch.dtype) -> None:
    """As torch's buffer does; the level weights keep their digits."""
    weight = torch.arange(1.0, 6.0)
    loss = TaxonomyLoss(fresh(), {"top": 0.3, "leaf": 0.7}, weight=weight).to(dtype)
    flat = torch.nn.CrossEntropyLoss(weight=weight).to(dtype)
    assert loss.weight is not None
    assert flat.weight is not None
    assert_close(loss.weight, flat.weight)
    assert loss.tensors.weights.dtype == torch.float64


@pytest.mark.parametrize("way", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), copy.copy, None])
def test_copies_of_modules(way: Any) -> None:
    """Their tables are there, and weights that change in one do not change in the other."""
    model = everything(fresh())
    if way is None:
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        twin = torch.load(file, weights_only=False)
    else:
        twin = way(model)
    assert_close(results(twin), results(model), rtol=0, atol=0)
    if way is not copy.copy:
        twin["loss"].set_level_weights({"top": 0.0, "leaf": 1.0})
        twin["loss"].set_level_weights({"top": 0.0, "leaf": 2.0})
        original: Any = model["loss"]
        original.set_level_weights({"top": 2.0, "leaf": 1.0})
        assert_close(twin["loss"].per_level(logits(), targets())["leaf"].double() * 0 + 2,
                     twin["loss"].tensors.weights.max())  # fmt: skip


# -- keys are values -------------------------------------------------------------------------------


def test_a_weight_that_is_changed_in_place() -> None:
    """A tensor as a level's weight is its number at the call, not its identity."""
    taxonomy = fresh()
    weights = {"top": torch.tensor(1.0), "leaf": torch.tensor(0.0)}
    first = taxonomy_cross_entropy(logits(), targets(), taxonomy, weights)  # type: ignore[arg-type]
    weights["top"].fill_(0.0)
    weights["leaf"].fill_(1.0)
    second = taxonomy_cross_entropy(logits(), targets(), taxonomy, weights)  # type: ignore[arg-type]
    assert first != second
    assert_close(second, torch.nn.functional.cross_entropy(logits(), targets()))


@pytest.mark.parametrize("wrong", [{"top": True, "leaf": 0.0}, {"top": "1", "leaf": 0.0}, {"top": 1.0}])
def test_what_is_kept_does_not_let_wrong_weights_pass(wrong: Any) -> None:
    """True equals 1.0, but is refused, also where tables for 1.0 are kept."""
    taxonomy = fresh()
    taxonomy_cross_entropy(logits(), targets(), taxonomy, {"top": 1.0, "leaf": 0.0})
    with pytest.raises((TypeError, ValueError)):
        taxonomy_cross_entropy(logits(), targets(), taxonomy, wrong)


def test_ten_thousand_weightings_take_bounded_memory() -> None:
    """A curriculum through the functional form; and each value is that of its weights."""
    taxonomy, z, y = fresh(), logits(), targets()
    top, leaf = TaxonomyLoss(taxonomy, {"top": 1.0, "leaf": 0.0}), torch.nn.CrossEntropyLoss()

    def run(first: int, last: int) -> None:
        for step in range(first, last):
            share = step / 10_000
            functional.taxonomy_cross_entropy(z, y, taxonomy, {"top": share, "leaf": 1 - share + 1e-9})

    run(1, 100)
    tracemalloc.start()
    run(100, 200)
    before, _ = tracemalloc.get_traced_memory()
    run(200, 10_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(taxonomy._kept_tables) <= 24  # type: ignore[attr-defined]
    assert after - before < 200_000
    got = functional.taxonomy_cross_entropy(z, y, taxonomy, {"top": 0.25, "leaf": 0.75})
    assert_close(got, 0.25 * top(z, y) + 0.75 * leaf(z, y))


def test_weightings_share_their_integers() -> None:
    """Only the weights are made anew, with zeros and without."""
    taxonomy = fresh()
    one = cross_entropy._tensors(taxonomy, {"top": 0.5, "leaf": 0.5})
    other = cross_entropy._tensors(taxonomy, {"top": 0.1, "leaf": 0.9})
    assert one.start is other.start
    assert one.weights is not other.weights
    assert cross_entropy._tensors(taxonomy, {"leaf": 0.5, "top": 0.5}) is one


@pytest.mark.parametrize("use", ["weights", "smoothing", "level_log_probs", "climb", "collection"])
def test_threads_on_a_fresh_taxonomy(use: str) -> None:
    """Many at once, at the first use and while weightings come and go."""
    taxonomy, found, wrong = fresh(), [], []

    def work(number: int) -> None:
        try:
            for step in range(20):
                weights = {"top": 1.0 + step, "leaf": 1.0 + number}
                functional.taxonomy_cross_entropy(logits(), targets(), taxonomy, weights)
                found.append(trained(use, taxonomy)[0])
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    want = trained(use, fresh())[0]
    assert len(found) == 160
    assert all(torch.equal(value, want) for value in found)


# -- metrics ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["update", "forward", "reset", "made", "copied"])
def test_metrics_after_inference_mode(first: str) -> None:
    """Validated under inference mode, as Lightning does before it trains, a collection counts on."""
    taxonomy = fresh()
    batch = logits(), targets()
    scores: Any = metrics.collection(taxonomy, ranking=True, curves=True)
    drawn: Any = metrics.bootstrap(metrics.collection(taxonomy), draws=5)
    with torch.inference_mode():
        if first == "made":
            scores = metrics.collection(taxonomy, ranking=True, curves=True)
            drawn = metrics.bootstrap(metrics.collection(taxonomy), draws=5)
        for metric in (scores, drawn):
            metric.reset()
        if first == "forward":
            scores(*batch)
        elif first != "reset":
            scores.update(*batch)
        drawn.update(*batch)
        if first == "copied":
            scores, drawn = scores.clone(), drawn.clone()
            scores.reset()
            scores.update(*batch)
    scores.update(*batch)
    drawn.update(*batch)
    want = metrics.collection(taxonomy, ranking=True, curves=True)
    for _ in range(1 if first == "reset" else 2):
        want.update(*batch)
    assert_close(scores.compute(), want.compute(), rtol=0, atol=0, equal_nan=True)
    assert drawn.compute()["distance"].value == pytest.approx(float(want.compute()["distance"]))


# -- what else is looked up ------------------------------------------------------------------------


def test_tables_by_device_are_one_object() -> None:
    """Asked for twice they are the same; a copy knows the original."""
    taxonomy = fresh()
    here, there = node_tensors(taxonomy), node_tensors(taxonomy, "meta")
    assert node_tensors(taxonomy, "meta") is there
    assert there.on(torch.device("cpu")) is here
    assert there.lines.device.type == "meta"
    assert pickle.loads(pickle.dumps(there)).lines.device.type == "cpu"


def test_schedules_under_torch_compile() -> None:
    """A schedule may say something else each time: the functional form refuses it, the module takes it."""
    torch._dynamo.reset()
    taxonomy, schedule = fresh(), weighting.geometric(0.5)

    def work(z: Tensor) -> Tensor:
        return taxonomy_cross_entropy(z, targets(), taxonomy, schedule)

    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"compile a taxoloss\.TaxonomyLoss"):
        torch.compile(work, fullgraph=True, backend="eager")(logits())
    torch._dynamo.reset()
    loss = torch.compile(TaxonomyLoss(taxonomy, schedule), fullgraph=True, backend="eager")
    assert_close(loss(logits(), targets()), work(logits()))


@pytest.mark.parametrize("number", range(60))
def test_random_programs_of_modes(number: int) -> None:
    """First uses in nested modes and in threads, one after the other, then training."""
    assert wrong(programs(60, seed=2026)[number]) == ""


def test_rings_that_are_made_for_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for trees whose tables of rings would be too big; the default device does not matter."""
    monkeypatch.setattr(rings, "_TABLE_BYTES", 0)
    rows = [(f"o{i // 60}", f"f{i // 6}", f"c{i}") for i in range(300)]
    loss = TaxonomyLoss(Taxonomy.from_paths(rows).bind())
    assert loss.tensors.chunks.rings is None
    z, y = torch.sin(torch.arange(1200.0).view(4, 300)), torch.tensor([0, 7, 150, 299])
    want = loss(z, y)
    with modes.default_device("meta"):
        assert_close(loss(z, y), want, rtol=0, atol=0)


@pytest.mark.parametrize("rows", [0, 6])
def test_a_default_device_changes_no_score(rows: int) -> None:
    """Metrics and matrices under another default device, of tensors that are told where they are."""

    def made() -> list[Any]:
        parts = [metrics.OperatingCurve(fresh()), metrics.RiskCoverage(fresh(), exact=False)]
        drawn = metrics.bootstrap(metrics.collection(fresh()), draws=3)
        return [metrics.collection(fresh(), ranking=True, curves=True), *parts, drawn]

    def found(scores: list[Any]) -> list[Any]:
        matrix, sparse = (fresh().aggregation_matrix("top", sparse=sparse) for sparse in (False, True))
        for metric in scores:
            metric.update(z, y)
        values = [metric.compute() for metric in scores]
        values.append(list(scores[2].curve()))  # in bins
        return [*values, matrix, sparse.to_dense(), fresh().node_ids(["a"]), fresh().ancestor_index("top")]

    z, y = logits()[:rows], targets()[:rows]
    want, scores = found(made()), made()
    with modes.default_device("meta"):
        got = found(scores)
    assert_close(got, want, rtol=0, atol=0, equal_nan=True)


def test_threads_that_let_tables_go() -> None:
    """More weightings than are kept, asked for by many threads: none is taken away from another."""
    taxonomy, wrong = fresh(), []

    def work(seed: int) -> None:
        draw = random.Random(seed)
        try:
            for _ in range(150):
                share = draw.randrange(40) / 41
                functional.taxonomy_cross_entropy(
                    logits(), targets(), taxonomy, {"top": 1 - share, "leaf": share}
                )
        except Exception as error:
            wrong.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_metrics_of_another_dtype(dtype: torch.dtype) -> None:
    """Their sums stay integers."""
    made: list[Any] = [metrics.collection(fresh(), ranking=True, curves=True)]
    made += [metrics.LevelConfusionMatrix(fresh())]
    for metric in made:
        want = copy.deepcopy(metric)
        metric.set_dtype(dtype)
        for one in (metric, want):
            one.update(logits(), targets())
        assert_close(metric.compute(), want.compute(), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_ignored_rows_of_calibration(value: float) -> None:
    """They may hold anything."""
    g = torch.Generator().manual_seed(0)
    z, y = torch.randn(200, 5, generator=g), torch.randint(0, 5, (200,), generator=g)
    y[::7] = -100
    kept, spoilt = y >= 0, z.clone()
    spoilt[::7] = value
    tree = fresh()
    threshold = decisions.calibrate_threshold(z[kept], y[kept], tree, risk=0.6)
    assert decisions.calibrate_threshold(spoilt, y, tree, risk=0.6).log_odds == threshold.log_odds
    assert str(decisions.report(threshold, spoilt, y, tree)) == str(
        decisions.report(threshold, z[kept], y[kept], tree)
    )
    assert str(decisions.risk_curve(spoilt, y, tree)) == str(decisions.risk_curve(z[kept], y[kept], tree))
    levels = decisions.calibrate_levels
    assert_close(levels(spoilt, y, tree)(z), levels(z[kept], y[kept], tree)(z), rtol=0, atol=0)
    spoilt[1] = torch.nan
    with pytest.raises(ValueError, match="NaN in row 1"):
        decisions.calibrate_threshold(spoilt, y, tree, risk=0.6)
