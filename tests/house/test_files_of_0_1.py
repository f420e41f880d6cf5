"""Files that taxoloss 0.1 wrote (tests/data/0.1/make.py) are served, whatever node_targets was and is.

0.1 wrote another binding_digest with node_targets=True; it means the same order of the classes.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import run as command
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples
from trees import nested

import taxoloss
from taxoloss import Taxonomy, decisions, heads, metrics, sweep
from taxoloss.decisions.calibration.levels import LevelCalibration
from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.sweep.storages import storage_of
from taxoloss.taxonomy.plan import plan_of
from taxoloss.taxonomy.versions.migration import Migration

HERE = Path(__file__).parents[1] / "data/0.1"
NAMES = (HERE / "classes.txt").read_text().split("\n")[:-1]
TREE = taxoloss.load(HERE / "taxonomy.yaml")
FORMS = ("plain", "node_targets")
TODAY = {form: TREE.bind(NAMES, node_targets=form == "node_targets") for form in FORMS}
#: What 0.1 wrote as binding_digest with node_targets=False and True.
WRITTEN = {form: json.loads((HERE / form / "sweep/sweep.json").read_text())["taxonomy"] for form in FORMS}
#: The same classes in the file's order; and the same order of another tree.
OTHER_ORDER = TREE.bind()
OTHER_TREE = taxoloss.load({
    "levels": ["family", "genus", "species"],
    "tree": {
        "Felidae": {"Felis": ["catus", "silvestris"], "Lynx": ["lynx", "rufus"]},
        "Corvidae": {"Corvus": ["corax", "corone"], "Pica": ["pica", "monedula"]},
    },
}).bind(NAMES)  # fmt: skip

both = pytest.mark.parametrize("form", FORMS)
today = pytest.mark.parametrize("t", TODAY.values(), ids=TODAY)


def files(pattern: str) -> pytest.MarkDecorator:
    """The stored files of both forms, as parameters."""
    found = [path for form in FORMS for path in sorted((HERE / form).glob(pattern))]
    assert found
    return pytest.mark.parametrize("path", found, ids=lambda path: str(path.relative_to(HERE)))


def logits(rows: int = 50) -> torch.Tensor:
    """Any."""
    return torch.randn(rows, len(TREE), generator=torch.Generator().manual_seed(1))


@today
def test_the_digest_is_what_was_written_without_node_targets(t: Taxonomy) -> None:
    assert WRITTEN["plain"]["binding"] != WRITTEN["node_targets"]["binding"]
    assert t.binding_digest == WRITTEN["plain"]["binding"]
    for form in FORMS:
        assert t.same_binding(WRITTEN[form]["binding"])
        assert not OTHER_ORDER.same_binding(WRITTEN[form]["binding"])
        assert not OTHER_TREE.same_binding(WRITTEN[form]["binding"])
        assert not TREE.same_binding(WRITTEN[form]["binding"])


def test_one_order_but_not_one_taxonomy() -> None:
    """Equality, hash, plans and metrics look at node_targets; 0.1's names of metrics' states stay."""
    plain, inner = TODAY["plain"], TODAY["node_targets"]
    assert plain.binding_digest == inner.binding_digest
    assert plain != inner
    assert len({plain, inner, TREE.bind(NAMES)}) == 2
    assert (plan_of(plain).num_targets, plan_of(inner).num_targets) == (len(TREE), TREE.num_nodes)
    together = metrics.MistakeSeverity(plain), metrics.MistakeSeverity(inner)
    assert together[0]._state != together[1]._state


@given(nested(), st.randoms(), st.booleans(), st.booleans())
@settings(max_examples=examples(60), deadline=None)
def test_the_same_order_and_only_that(tree: dict[str, Any], random: Any, one: bool, two: bool) -> None:
    """same_binding is true of the digests of both values of node_targets, and of no other order."""
    file = taxoloss.load({"tree": tree})
    paths, shuffled = list(file.paths()), list(file.paths())
    random.shuffle(shuffled)
    t, u = file.bind(paths, node_targets=one), file.bind(shuffled, node_targets=two)
    assert (t == u) == (paths == shuffled and one == two)
    for stored in (u.binding_digest, u.identity):
        assert t.same_binding(stored) == (paths == shuffled)
        assert not file.same_binding(stored)


# -- each kind of file -----------------------------------------------------------------------------


@files("thresholds/*.json")
@today
def test_thresholds(path: Path, t: Taxonomy) -> None:
    """They answer as the stored numbers say; for another order or tree they are refused with the reason."""
    threshold = Threshold.load(path)
    answers = getattr(decisions, threshold.decision)(logits(), t, threshold)
    fresh = dataclasses.replace(threshold, binding_digest=t.binding_digest)
    assert torch.equal(answers, getattr(decisions, threshold.decision)(logits(), t, fresh))
    words = f"expected the class order .*{threshold.binding_digest[:12]}, got"
    with pytest.raises(ValueError, match=words):
        threshold.require(OTHER_ORDER)
    words = f"expected the tree .*{threshold.digest[:12]}, got {OTHER_TREE.digest[:12]}"
    with pytest.raises(ValueError, match=words):
        threshold.require(OTHER_TREE)


@files("levels/*.json")
@today
def test_calibrations_of_levels(path: Path, t: Taxonomy) -> None:
    levels = LevelCalibration.from_dict(json.loads(path.read_text()))
    rows = logits(), torch.arange(50) % len(TREE)
    threshold = decisions.calibrate_threshold(*rows, t, 0.5, levels=levels)
    assert threshold.levels == levels
    for other in (OTHER_ORDER, OTHER_TREE):
        with pytest.raises(ValueError, match=f"expected levels calibrated on.*{levels.digest[:12]}"):
            decisions.calibrate_threshold(*rows, other, 0.5, levels=levels)


@files("heads/*.npz")
@today
def test_heads(path: Path, t: Taxonomy) -> None:
    """The stored rows are there; another order or tree is refused, and both digests are named."""
    state = {name: torch.from_numpy(value) for name, value in np.load(path).items()}
    kind = getattr(heads, path.stem)
    head = kind(4, t)
    head.load_state_dict(state)
    assert torch.equal(head.weight, state["weight"])
    again = kind(4, TODAY["plain"])
    again.load_state_dict(head.state_dict())
    stored = bytes(state["binding"].tolist()).hex()[:12]
    for other in (OTHER_ORDER, OTHER_TREE):
        with pytest.raises(RuntimeError, match=f"(?s){stored}.*{other.binding_digest[:12]}"):
            kind(4, other).load_state_dict(state)


@both
def test_metrics(form: str) -> None:
    """States under the names that they had; the score of the stored sums is that of the stored batch."""
    state = {name: torch.from_numpy(value) for name, value in np.load(HERE / form / "metrics.npz").items()}
    batch = np.load(HERE / form / "batch.npz")
    again, fresh = metrics.collection(TODAY[form]), metrics.collection(TODAY[form])
    for metric in again.values():
        metric.persistent(True)
    again.load_state_dict(state)
    fresh.update(torch.from_numpy(batch["logits"]), torch.from_numpy(batch["target"]))
    for metric, other in zip(again.values(), fresh.values(), strict=True):
        torch.testing.assert_close(metric.sums, other.sums, rtol=1e-6, atol=0)


@files("migration.json")
@today
def test_maps(path: Path, t: Taxonomy) -> None:
    """migrate takes them; of another order or tree both digests are named."""
    migration = Migration.load(path)
    old = taxoloss.load(HERE / "old.yaml").bind()
    weight = torch.randn(len(old), 3)
    expected = t.migrate(weight, migration=old.diff(t).migration)[0]
    assert torch.equal(t.migrate(weight, migration=migration)[0], expected)
    for other in (OTHER_ORDER, OTHER_TREE):
        words = f"expected a map to .*{other.binding_digest[:12]}, got one to {migration.new_digest[:12]}"
        with pytest.raises(ValueError, match=words):
            other.migrate(weight, migration=migration)


@pytest.mark.slow
@files("migration.json")
def test_maps_of_predictions(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """evaluate takes them; not for another tree."""
    monkeypatch.chdir(tmp_path)
    old = taxoloss.load(HERE / "old.yaml")
    values = torch.randn(20, len(old)).numpy()
    np.savez("p.npz", logits=values, targets=np.arange(20) % len(old), classes=np.array(old.classes))
    done = command("evaluate", str(HERE / "taxonomy.yaml"), "p.npz", "--migration", str(path), "--csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("metric,value,low,high\n")
    Taxonomy.from_paths(TREE.paths(), levels=["a", "b", "c"]).save("other.yaml")
    done = command("evaluate", "other.yaml", "p.npz", "--migration", str(path), "--csv")
    assert done.returncode == 1
    assert "got one to another tree" in done.stderr


# -- sweeps ----------------------------------------------------------------------------------------


def train(cell: sweep.Cell) -> Iterator[dict[str, Any]]:
    """As the stored ones; a cell that is there already is not trained again."""
    assert cell.seed not in (0, 1), "it is done"
    yield from rows(cell)


def rows(cell: sweep.Cell) -> Iterator[dict[str, Any]]:
    """Two epochs."""
    names = ("train_loss", "valid_loss", "accuracy_family", "accuracy_genus", "accuracy_species")
    for epoch in range(2):
        yield dict.fromkeys(names, 0.5 + 0.1 * epoch + 0.01 * cell.seed)


def copied(form: str, name: str, to: Path) -> Path:
    """A stored folder, to be written to."""
    return Path(shutil.copytree(HERE / form / name, to / name))


def head_of(folder: Path) -> Any:
    """What the folder says that it is of."""
    return json.loads((folder / "sweep.json").read_text())


@pytest.mark.sample(4)
@both
@today
def test_a_sweep_goes_on(form: str, t: Taxonomy, tmp_path: Path) -> None:
    """Finished cells are found, a new one is added, and the head stays; both forms go on with it."""
    folder = copied(form, "sweep", tmp_path)
    before = head_of(folder)
    more: dict[str, Any] = {"config": {"lr": 0.1}, "split": "fixed", "progress": False}
    found = sweep.run(train, sweep.grid(seed=[0, 1, 2]), folder, taxonomy=t, **more)
    assert (len({row["id"] for row in found.rows}), found.failures) == (3, {})
    assert head_of(folder) == before
    for other in TODAY.values():
        again = sweep.run(train, sweep.grid(seed=[0, 1]), folder, taxonomy=other, **more)
        assert again.rows == found.rows


@pytest.mark.sample(4)
@both
@today
def test_what_differs_in_a_sweep_is_told(form: str, t: Taxonomy, tmp_path: Path) -> None:
    """Another learning rate is named and the binding is not; another order is."""
    folder = copied(form, "sweep", tmp_path)
    more: dict[str, Any] = {"split": "fixed", "progress": False}
    with pytest.raises(sweep.SweepError, match=re.escape("config.lr: 0.1 there, 0.2 here")) as caught:
        sweep.run(train, sweep.grid(seed=[0]), folder, taxonomy=t, config={"lr": 0.2}, **more)
    assert "binding" not in str(caught.value)
    for other in (OTHER_ORDER, OTHER_TREE):
        with pytest.raises(sweep.SweepError, match=r"taxonomy\.binding: ") as caught:
            sweep.run(train, sweep.grid(seed=[0]), folder, taxonomy=other, config={"lr": 0.1}, **more)
        assert "config" not in str(caught.value)


@pytest.mark.sample(4)
@pytest.mark.parametrize("head", ["[]", "null", '{"taxonomy": 3}', '{"taxonomy": {"binding": [1]}}'])
def test_a_head_of_any_shape_is_another_sweep(head: str, tmp_path: Path) -> None:
    folder = copied("node_targets", "sweep", tmp_path)
    (folder / "sweep.json").write_text(head)
    with pytest.raises(sweep.SweepError, match=r"was begun as another sweep|is damaged"):
        sweep.run(train, sweep.grid(seed=[0]), folder, taxonomy=TODAY["plain"], progress=False)


@pytest.mark.sample(4)
@both
@today
def test_a_search_goes_on(form: str, t: Taxonomy, tmp_path: Path) -> None:
    """The study of the stored name is found: its two trials count."""
    optuna = pytest.importorskip("optuna")
    folder = copied(form, "search", tmp_path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = f"journal:{folder / 'journal.log'}"
    found = sweep.search(
        rows, lambda trial: {"seed": trial.suggest_int("seed", 0, 9)}, folder, taxonomy=t, trials=3,
        config={"lr": 0.1}, split="fixed", storage=storage, sampler=optuna.samplers.RandomSampler(seed=3),
    )  # fmt: skip
    (study,) = optuna.get_all_study_summaries(storage_of(storage, folder))
    assert study.n_trials == 3
    assert 2 <= len({row["id"] for row in found.rows}) <= 3
