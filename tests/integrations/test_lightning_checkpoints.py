"""Lightning's checkpoints: no buffers of taxoloss's, tree and order beside, another refused in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

pytest.importorskip("lightning.pytorch", reason="the extra lightning is not installed")

from lightning.fabric import Fabric
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning_lesson import BOUND, FREE, ORDER, TREE, Lesson, batches, samples, trainer

import taxoloss
from taxoloss.integrations.lightning import TaxonomyCheckpoint

SORTED = FREE.bind(sorted(FREE.classes))
LARGER = taxoloss.load(
    {"levels": TREE["levels"], "tree": {"cat": ["x", "y", "z"], "dog": ["beagle", "pug"]}}
)


class Plain(Lesson):
    """A head without a digest: nothing but the mixin can tell."""

    def __init__(self, taxonomy: taxoloss.Taxonomy, lr: float = 0.5) -> None:
        super().__init__(taxonomy, lr=lr)
        self.head = torch.nn.Linear(8, 5)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint that a Trainer wrote of `Plain`, after a step."""
    file = str(tmp_path_factory.mktemp("plain") / "plain.ckpt")
    run = trainer(epochs=1)
    run.fit(Plain(BOUND), batches(14), batches(7))
    run.save_checkpoint(file)
    return file


def test_what_a_checkpoint_holds(path: str) -> None:
    """No state of loss and metrics; the taxonomy beside it, as plain data."""
    checkpoint = torch.load(path, weights_only=True)
    assert list(checkpoint["state_dict"]) == ["head.weight", "head.bias"]
    assert taxoloss.Taxonomy.from_dict(checkpoint["taxoloss"]) == BOUND
    assert checkpoint["hyper_parameters"] == {"head": "Flat", "lr": 0.5}
    assert sorted(Lesson(BOUND).state_dict()) == ["head.bias", "head.binding", "head.weight"]


def test_it_loads_into_its_own_order(path: str) -> None:
    """From the file, and when training goes on or a test is run with it."""
    loaded = Plain.load_from_checkpoint(path, taxonomy=BOUND)
    run = trainer(epochs=2)
    run.fit(Plain(BOUND), batches(14), ckpt_path=path)
    assert run.current_epoch == 2
    lesson = Plain(BOUND)
    run.test(lesson, batches(14), ckpt_path=path, verbose=False)
    assert torch.equal(lesson.head.weight, loaded.head.weight)


@pytest.mark.parametrize(
    ("other", "words"),
    [(SORTED, "another order of the classes: .*`dog/pug` there"), (LARGER.bind(), "another tree")],
)
@pytest.mark.parametrize("way", ["fit", "validate", "test", "predict", "load_from_checkpoint"])
def test_another_order_is_refused_before_a_weight_is_written(
    path: str, way: str, other: taxoloss.Taxonomy, words: str
) -> None:
    """By every way that Lightning has to load it."""
    lesson = Plain(other)
    before = {name: value.clone() for name, value in lesson.state_dict().items()}
    ways = {"load_from_checkpoint": lambda: Plain.load_from_checkpoint(path, taxonomy=other)}
    with pytest.raises(ValueError, match=words):
        ways.get(way, lambda: getattr(trainer(epochs=2), way)(lesson, batches(14), ckpt_path=path))()
    assert all(torch.equal(lesson.state_dict()[name], value) for name, value in before.items())


@pytest.mark.parametrize("weights_only", [False, True])
def test_model_checkpoint_stores_it(tmp_path: Path, weights_only: bool) -> None:
    """Also where weights alone are saved, where Lightning calls no callback."""
    saving = ModelCheckpoint(tmp_path, save_weights_only=weights_only)
    trainer(epochs=1, enable_checkpointing=True, callbacks=[saving]).fit(Plain(BOUND), batches(14))
    assert taxoloss.Taxonomy.from_dict(torch.load(saving.best_model_path)["taxoloss"]) == BOUND


def test_a_checkpoint_that_says_nothing(path: str, tmp_path: Path) -> None:
    """One sentence; who knows the order writes it down."""
    checkpoint = torch.load(path)
    del checkpoint["taxoloss"]
    old = str(tmp_path / "old.ckpt")
    torch.save(checkpoint, old)
    with pytest.raises(ValueError, match="taxoloss"):
        Plain.load_from_checkpoint(old, taxonomy=BOUND)
    torch.save(checkpoint | {"taxoloss": BOUND.to_dict()}, old)
    Plain.load_from_checkpoint(old, taxonomy=BOUND)


def test_a_module_that_cannot_be_changed(tmp_path: Path) -> None:
    """Gets the mixin in a line; its own hooks are called too."""

    class Theirs(LightningModule):
        """Somebody's module, with a hook of its own."""

        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(8, 5)

        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            """Stores something."""
            checkpoint["theirs"] = 1

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            """Cross-entropy."""
            return torch.nn.functional.cross_entropy(self.head(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            """Plain gradient descent."""
            return torch.optim.SGD(self.parameters(), 0.1)

    class Mine(TaxonomyCheckpoint, Theirs):
        """With the tree."""

    lesson, run = Mine(), trainer(epochs=1)
    lesson.taxonomy = BOUND
    run.fit(lesson, batches(14))
    run.save_checkpoint(tmp_path / "mine.ckpt")
    stored = torch.load(tmp_path / "mine.ckpt")
    assert stored["theirs"] == 1
    BOUND.check_state(stored)


# -- what is refused when a class or a module is made ----------------------------------------------


def test_the_mixin_stands_first() -> None:
    """Behind LightningModule its hooks would never be called."""
    with pytest.raises(TypeError, match="TaxonomyCheckpoint as the first base of Wrong, got it after"):
        type("Wrong", (LightningModule, TaxonomyCheckpoint), {})


@pytest.mark.parametrize("hook", ["on_save_checkpoint", "on_load_checkpoint"])
def test_a_hook_that_does_not_call_ours(hook: str) -> None:
    """It would neither store nor check; one that does is right."""
    with pytest.raises(TypeError, match=rf"expected super\(\)\.{hook}\(checkpoint\) in Wrong\.{hook}"):
        type("Wrong", (TaxonomyCheckpoint, LightningModule), {hook: lambda self, checkpoint: None})

    class Right(TaxonomyCheckpoint, LightningModule):
        """With hooks that call ours."""

        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            """Stores more."""
            super().on_save_checkpoint(checkpoint)

        def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            """Reads more."""
            super().on_load_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("taxonomy", "error", "words"),
    [
        (None, TypeError, "expected the bound Taxonomy of Lesson as self.taxonomy, got NoneType there"),
        (TREE, TypeError, "got dict there"),
        (FREE, ValueError, "TaxonomyCheckpoint needs a bound taxonomy"),
    ],
)
def test_a_module_without_its_tree_is_not_trained(taxonomy: Any, error: Any, words: str) -> None:
    """Before the first step, not at the first checkpoint."""
    lesson = Lesson(BOUND)
    lesson.taxonomy = taxonomy
    with pytest.raises(error, match=words):
        trainer(num_sanity_val_steps=0).fit(lesson, batches(14))
    with pytest.raises(error, match=words):
        lesson.on_save_checkpoint({})


@pytest.mark.parametrize("part", ["loss", "val", "head"])
def test_parts_of_two_orders_are_not_trained(part: str) -> None:
    """The checkpoint would store one of them; another tree over the same classes is no mistake."""
    lesson = Lesson(BOUND)
    other = Lesson(SORTED)
    setattr(lesson, part, getattr(other, part))
    with pytest.raises(ValueError, match=rf"expected self\.{part}.* got `cat/Bengal` as class 0"):
        trainer(num_sanity_val_steps=0).fit(lesson, batches(14))
    lesson = Lesson(BOUND)
    habits = taxoloss.load({"levels": ["habit", "breed"], "tree": {"lazy": ORDER[:2], "not": ORDER[2:]}})
    lesson.loss = taxoloss.TaxonomyLoss(habits.bind(ORDER))
    lesson.val = taxoloss.metrics.collection(FREE.bind(ORDER, node_targets=True))
    trainer(epochs=1).fit(lesson, batches(14))


# -- hyperparameters -------------------------------------------------------------------------------


class Kept(TaxonomyCheckpoint, LightningModule):
    """Keeps all of its arguments."""

    def __init__(self, taxonomy: Any, classes: Any = None) -> None:
        super().__init__()
        self.save_hyperparameters()
        if isinstance(taxonomy, str):
            self.taxonomy = taxoloss.load(taxonomy).bind(classes)
        else:
            whole = isinstance(taxonomy, taxoloss.Taxonomy)
            self.taxonomy = taxonomy if whole else taxoloss.Taxonomy.from_dict(taxonomy)


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        ({"pets": [taxoloss.TaxonomyLoss(BOUND)]}, "TaxonomyLoss"),
        (taxoloss.TaxonomyLoss(BOUND), "TaxonomyLoss"),
        (taxoloss.weighting.hxe(0.5), "Schedule"),
        (taxoloss.decisions.leaf, "function"),
        (taxoloss.heads.Flat, "type"),
    ],
)
def test_what_else_would_not_load(held: Any, kind: str) -> None:
    """Inside of lists and dicts too; plain data is kept."""

    class Given(TaxonomyCheckpoint, LightningModule):
        """Keeps its argument."""

        def __init__(self, argument: Any) -> None:
            super().__init__()
            self.save_hyperparameters()

    with pytest.raises(TypeError, match=f"got the {kind} 'argument'.*ignore='argument'"):
        Given(held)
    assert Given({"weights": ["hxe:0.5", 1]}).hparams["argument"] == {"weights": ["hxe:0.5", 1]}


@pytest.mark.parametrize("where", ["hparams", "datamodule"])
def test_hyperparameters_that_came_another_way(where: str) -> None:
    """Written by hand, or by a LightningDataModule: before the first step."""

    class Samples(LightningDataModule):
        """Keeps its argument."""

        def __init__(self, tree: Any) -> None:
            super().__init__()
            self.save_hyperparameters()

        def train_dataloader(self) -> Any:
            """Two batches."""
            return batches(14)

    lesson = Lesson(BOUND)
    loss = taxoloss.TaxonomyLoss(BOUND)
    samples = Samples(loss if where == "datamodule" else None)
    if where == "hparams":
        lesson.hparams["tree"] = loss
    with pytest.raises(TypeError, match="got the TaxonomyLoss 'tree'"):
        trainer(num_sanity_val_steps=0).fit(lesson, datamodule=samples)


@pytest.mark.parametrize("which", ["name", "dict", "taxonomy"])
def test_hyperparameters_as_plain_data(tmp_path: Path, which: str) -> None:
    """A name and classes, to_dict, the object: readable files; the checkpoint makes the module again."""
    pets = taxoloss.load("pets")
    order = sorted(pets.classes, reverse=True)
    bound = pets.bind(order)
    given = {"name": ("pets", order), "dict": (bound.to_dict(),), "taxonomy": (bound,)}
    lesson = Kept(*given[which])
    logger = CSVLogger(tmp_path)
    run = trainer(logger=logger)
    run.strategy.connect(lesson)
    run.save_checkpoint(tmp_path / "kept.ckpt")
    for trust in (None, True):
        again = Kept.load_from_checkpoint(tmp_path / "kept.ckpt", weights_only=trust)
        assert again.taxonomy.same_binding(lesson.taxonomy.binding_digest)
    with pytest.raises(ValueError, match="the state is of another order"):
        Kept.load_from_checkpoint(tmp_path / "kept.ckpt", taxonomy=pets.bind())
    logger.log_hyperparams(dict(lesson.hparams))
    logger.save()
    text = (Path(logger.log_dir) / "hparams.yaml").read_text(encoding="utf-8")
    assert "python/object" not in text
    assert ("taxonomy: pets" in text) is (which == "name")
    if which == "taxonomy":
        assert taxoloss.Taxonomy.from_dict(yaml.safe_load(text)["taxonomy"]) == bound


class Unaware(LightningModule):
    """Somebody's module that knows nothing of checkpoints of taxoloss."""

    def __init__(self, taxonomy: taxoloss.Taxonomy) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.loss = taxoloss.TaxonomyLoss(taxonomy)


def test_a_plain_module_keeps_its_taxonomy(tmp_path: Path) -> None:
    """Without the mixin too; the file that a logger writes is plain data, for which the module says so."""
    logger = CSVLogger(tmp_path)
    run = trainer(logger=logger)
    run.strategy.connect(Unaware(BOUND))
    path = tmp_path / "plain.ckpt"
    run.save_checkpoint(path)
    for trust in (None, True):
        assert Unaware.load_from_checkpoint(path, weights_only=trust).loss.taxonomy == BOUND
    logger.log_hyperparams({"taxonomy": BOUND})
    logger.save()
    with pytest.raises(TypeError, match=r"got dict .*; Taxonomy\.from_dict\(\.\.\.\) makes one"):
        Unaware.load_from_checkpoint(path, hparams_file=Path(logger.log_dir) / "hparams.yaml")


# -- Fabric, and the other distribution ------------------------------------------------------------


def test_fabric(tmp_path: Path) -> None:
    """What is saved is asked for the tree before it is loaded."""
    fabric = Fabric(accelerator="cpu", devices=1)
    model = fabric.setup(torch.nn.Linear(8, 5))
    fabric.save(tmp_path / "fabric.ckpt", {"model": model, "taxoloss": BOUND.to_dict()})
    state = fabric.load(tmp_path / "fabric.ckpt")
    BOUND.check_state(state)
    with pytest.raises(ValueError, match="another order"):
        SORTED.check_state(state)
    model.load_state_dict(state["model"])
    assert torch.isfinite(model(samples(3)[0])).all()


@pytest.mark.slow
def test_pytorch_lightning_alone(tmp_path: Path) -> None:
    """The distribution of the older name: the mixin serves its modules, and `lightning` is not imported."""
    pytest.importorskip("pytorch_lightning", reason="the distribution of the older name is not installed")
    code = """
import sys, torch, pytorch_lightning as pl, taxoloss
sys.modules["lightning"] = None  # not installed
from taxoloss.integrations.lightning import TaxonomyCheckpoint
from torch.utils.data import DataLoader, TensorDataset
t = taxoloss.load({"tree": {"a": ["b", "c"], "d": ["e"]}})
class Lesson(TaxonomyCheckpoint, pl.LightningModule):
    def __init__(self, taxonomy):
        super().__init__()
        self.save_hyperparameters(ignore="taxonomy")
        self.taxonomy, self.head = taxonomy, torch.nn.Linear(4, 3)
        self.loss, self.val = taxoloss.TaxonomyLoss(taxonomy), taxoloss.metrics.collection(taxonomy)
    def training_step(self, batch, i):
        return self.loss(self.head(batch[0]), batch[1])
    def validation_step(self, batch, i):
        self.val.update(self.head(batch[0]), batch[1])
        self.log_dict(self.val)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
data = DataLoader(TensorDataset(torch.randn(10, 4), torch.arange(10) % 3), batch_size=4)
run = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False)
run.fit(Lesson(t.bind()), data, data)
run.save_checkpoint("x.ckpt")
Lesson.load_from_checkpoint("x.ckpt", taxonomy=t.bind())
try:
    Lesson.load_from_checkpoint("x.ckpt", taxonomy=t.bind(["e", "b", "c"]))
except ValueError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "another order of the classes" in done.stdout


@pytest.mark.parametrize(
    ("hide", "version", "words"),
    [
        (("lightning", "pytorch_lightning"), "", 'needs lightning: pip install "taxoloss[lightning]"'),
        ((), "2.1.0", "needs lightning 2.5 or newer, found 2.1.0"),
    ],
)
def test_a_missing_or_old_lightning(hide: tuple[str, ...], version: str, words: str) -> None:
    """One sentence that names the extra."""
    code = (
        "import sys, importlib.metadata as m, importlib.util as u\n"
        f"hide, old, real, find = {hide!r}, {version!r}, m.version, u.find_spec\n"
        "sys.modules.update(dict.fromkeys(hide))\n"
        "u.find_spec = lambda name, *a: None if name in hide else find(name, *a)\n"
        "m.version = lambda name: old if old and name == 'lightning' else real(name)\n"
        "try: import taxoloss.integrations.lightning\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert words in done.stdout, done.stdout + done.stderr[-2000:]
