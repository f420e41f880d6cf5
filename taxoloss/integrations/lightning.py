"""Lightning: checkpoints that know their tree and its order, and trees by name or path in LightningCLI.

Loss, metrics and heads need nothing from here; neither does Fabric (docs/integrations/lightning.md).
Modules of `lightning` and of `pytorch_lightning` both serve: the mixin takes from neither.

A mixin and no callback: Lightning calls callbacks when the weights are in the model already, not at all in
`load_from_checkpoint`, and not where `ModelCheckpoint(save_weights_only=True)` saves.

Where jsonargparse is installed, importing this lets it read an argument `taxonomy: Taxonomy`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from torchmetrics import Metric, MetricCollection

from taxoloss.errors.packages import package
from taxoloss.integrations.orders import check_one_order
from taxoloss.taxonomy.loading import load
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule as _Module
else:
    _Module = object

__all__ = ["TaxonomyCheckpoint"]

_HOOKS = ("on_save_checkpoint", "on_load_checkpoint")
#: Where Lightning keeps the hyperparameters of a module, and of a LightningDataModule.
_HYPERPARAMETERS = ("hyper_parameters", "datamodule_hyper_parameters")

#: Of a module the metrics, by id, that were logged: step -> dataloader.
_LOOPS: WeakKeyDictionary[Any, dict[int, dict[str, int | None]]] = WeakKeyDictionary()


class TaxonomyCheckpoint(_Module):
    """A mixin of a LightningModule: its checkpoints keep the tree and its class order, and are checked.

    The module holds its bound taxonomy as `self.taxonomy`. What `to_dict` makes of it is stored as
    `checkpoint["taxoloss"]`, plain data that `weights_only=True` reads. Before any weight is written, by
    `load_from_checkpoint` or by a Trainer's `ckpt_path`, it is compared: another tree or order raises.
    A module that you cannot change gets it in a line: `class Mine(TaxonomyCheckpoint, Theirs): ...`, with
    `mine.taxonomy = t`.

    Raises:
        TypeError: it is not the first base; a hook of the class does not call `super()`; `self.taxonomy`
            is no Taxonomy.
        ValueError: the taxonomy is not bound; a checkpoint is of another tree or order, or says nothing of
            either (`Taxonomy.check_state`).

    >>> import taxoloss
    >>> class Lesson(TaxonomyCheckpoint):  # class Lesson(TaxonomyCheckpoint, LightningModule)
    ...     def __init__(self, taxonomy):
    ...         super().__init__()
    ...         self.taxonomy = taxonomy
    >>> checkpoint = {}
    >>> Lesson(taxoloss.load("pets").bind()).on_save_checkpoint(checkpoint)
    >>> checkpoint["taxoloss"]["levels"]
    ['species', 'breed']
    """

    taxonomy: Taxonomy

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for hook in _HOOKS:
            _refuse_a_hook_that_hides_ours(cls, hook)

    def save_hyperparameters(self, *args: Any, frame: Any = None, **kwargs: Any) -> None:
        """That of LightningModule; of a Taxonomy that LightningCLI has read it keeps what was given."""
        frame = frame or sys._getframe(1)
        super().save_hyperparameters(*args, frame=frame, **kwargs)
        plain = _in_plain_data(self.hparams)
        changed = {name: value for name, value in plain.items() if value is not self.hparams[name]}
        if changed:
            super().save_hyperparameters(changed, frame=frame, **kwargs)

    def log(self, name: str, value: Any, *args: Any, **kwargs: Any) -> None:
        """That of LightningModule, which refuses a metric that two loops count in."""
        if isinstance(value, Metric):
            _check_one_loop(self, name, value)
        super().log(name, value, *args, **kwargs)

    def on_fit_start(self) -> None:
        """Refuses to train what could not be saved, or of which the worst would be kept."""
        _check_orders(self, _taxonomy_of(self))
        for holder in (self, self.trainer.datamodule):  # type: ignore[attr-defined]
            _in_plain_data(getattr(holder, "hparams", {}))
        for who, name, mode in _watched(self.trainer):
            _check_mode(self, who, name, mode)
        _above(self, "on_fit_start")()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Stores the tree and the order of the classes."""
        checkpoint["taxoloss"] = _taxonomy_of(self).to_dict()
        for key in _HYPERPARAMETERS:
            if key in checkpoint:
                checkpoint[key] = _in_plain_data(checkpoint[key])
        _above(self, "on_save_checkpoint")(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Compares them, before the weights are loaded."""
        _taxonomy_of(self).check_state(checkpoint)
        _above(self, "on_load_checkpoint")(checkpoint)


def _above(module: TaxonomyCheckpoint, hook: str) -> Any:
    """The hook of the bases that stand after the mixin; does nothing where they have none."""
    return getattr(super(TaxonomyCheckpoint, module), hook, lambda *_: None)


def _taxonomy_of(module: TaxonomyCheckpoint) -> Taxonomy:
    taxonomy = getattr(module, "taxonomy", None)
    name = type(module).__name__
    if not isinstance(taxonomy, Taxonomy):
        got = type(taxonomy).__name__
        raise TypeError(f"expected the bound Taxonomy of {name} as self.taxonomy, got {got} there")
    taxonomy.require_bound("TaxonomyCheckpoint")
    return taxonomy


def _check_orders(module: TaxonomyCheckpoint, taxonomy: Taxonomy) -> None:
    """ValueError where a part of a module has the classes of `self.taxonomy` in another order."""
    for name, part in module.named_modules():
        other = getattr(part, "taxonomy", None)
        if part is not module and isinstance(other, Taxonomy):
            check_one_order(f"self.{name}", other, taxonomy)


def _check_one_loop(module: TaxonomyCheckpoint, name: str, metric: Metric) -> None:
    """ValueError where the samples of another loop are in a metric too: it is reset at their end only."""
    step = str(getattr(module, "_current_fx_name", None))
    results = getattr(getattr(module, "_trainer", None), "_results", None)
    loader = getattr(results, "dataloader_idx", None)
    loops = _LOOPS.setdefault(module, {}).setdefault(id(metric), {})
    others = [f"{step} of dataloader {loops[step]}"] if loops.setdefault(step, loader) != loader else []
    if {"training_step", "validation_step"} <= set(loops):
        others += {"training_step", "validation_step"} - {step}
    if others:
        here = step if loader is None else f"{step} of dataloader {loader}"
        raise ValueError(
            f"expected metrics of one loop, got {name!r} in {here}, and the same in {others[0]}, whose "
            "samples it would count too: give each a copy, collection.clone(prefix=...), and for several "
            "dataloaders a ModuleList of them"
        )


def _watched(trainer: Any) -> Iterator[tuple[str, str, str]]:
    """What monitors a logged value, its name, and "min" or "max"."""
    schedulers = [(config.scheduler, config.monitor) for config in trainer.lr_scheduler_configs]
    callbacks = [(callback, getattr(callback, "monitor", None)) for callback in trainer.callbacks]
    for watcher, name in (*callbacks, *schedulers):
        mode = getattr(watcher, "mode", None)
        if isinstance(name, str) and mode in ("min", "max"):
            yield type(watcher).__name__, name, mode


def _check_mode(module: TaxonomyCheckpoint, who: str, name: str, mode: str) -> None:
    """ValueError where the worst value of a score would be taken for the best."""
    for scores in module.modules():
        if not isinstance(scores, MetricCollection):
            continue
        for key, metric in scores.items():
            larger = metric.higher_is_better
            logged = name in (key, f"{key}_epoch", f"{key}_step") or name.startswith(
                f"{key}/dataloader_idx_"
            )
            if not logged or larger is None or mode == ("max" if larger else "min"):
                continue
            best, right = ("larger", "max") if larger else ("smaller", "min")
            raise ValueError(
                f"expected {who} of {name!r} with mode={right!r}, since the {best} is the better, got "
                f"mode={mode!r} (the default is 'min'): it would take the worst for the best"
            )


def _refuse_a_hook_that_hides_ours(cls: type, hook: str) -> None:
    """TypeError where a class that is asked before the mixin has the hook and does not call the next."""
    for base in cls.__mro__[: cls.__mro__.index(TaxonomyCheckpoint)]:
        code = getattr(inspect.unwrap(base.__dict__.get(hook, len)), "__code__", None)
        if code is None or hook in code.co_names:
            continue
        if issubclass(base, TaxonomyCheckpoint):
            said = f"super().{hook}(checkpoint) in {base.__name__}.{hook}, which does not call it"
        else:
            said = f"TaxonomyCheckpoint as the first base of {cls.__name__}, got it after {base.__name__}"
        raise TypeError(f"expected {said}: tree and class order would not be stored and checked")


# -- hyperparameters ------------------------------------------------------------------------------


def _in_plain_data(hparams: Any) -> Any:
    """Hyperparameters as a checkpoint keeps them; TypeError where a load would not make them again."""
    given = {name: _READ[value] for name, value in hparams.items() if _was_read(value)}
    for name, value in hparams.items():
        found = None if name in given else next(_ours(value), None)
        if found is not None:
            raise TypeError(
                f"expected hyperparameters as plain data, got the {type(found).__name__} {str(name)!r}, "
                "which load_from_checkpoint could not read: "
                f"self.save_hyperparameters(ignore={str(name)!r}), and load_from_checkpoint(path, "
                f"{name}=...); or keep the text or the numbers that make it"
            )
    return {**hparams, **given} if given else hparams


def _was_read(value: Any) -> bool:
    return isinstance(value, Taxonomy) and value in _READ


def _ours(value: Any) -> Iterator[Any]:
    """What of taxoloss a value is or holds, less a Taxonomy, which torch.load(weights_only=True) reads."""
    if isinstance(value, Taxonomy):
        return
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        for held in value:
            yield from _ours(held)
        return
    named = [value] if inspect.isroutine(value) or inspect.isclass(value) else type(value).__mro__
    if any(str(one.__module__).partition(".")[0] == "taxoloss" for one in named):
        yield value


# -- LightningCLI ----------------------------------------------------------------------------------

#: How a taxonomy is written in the command line or config that it came from: a name, a path, a dict.
_READ: WeakKeyDictionary[Taxonomy, Any] = WeakKeyDictionary()


def _read(value: Any) -> Taxonomy:
    """The taxonomy of a name, a path, a mapping with the keys of a file, or of what `to_dict` made."""
    made = isinstance(value, Mapping) and "taxoloss" in value
    taxonomy = Taxonomy.from_dict(value) if made else load(value)
    _READ.pop(taxonomy, None)  # an equal one may be gone soon
    _READ[taxonomy] = value if isinstance(value, str) else taxonomy.to_dict()
    return taxonomy


def _written(taxonomy: Taxonomy) -> Any:
    return _READ.get(taxonomy) or taxonomy.to_dict()


def _register() -> None:
    """Tells jsonargparse how a Taxonomy is read and written."""
    if find_spec("jsonargparse") is not None:
        from jsonargparse.typing import register_type

        register_type(Taxonomy, _written, _read, (ValueError, TypeError, OSError, ImportError))


def _need_lightning() -> None:
    """ImportError where neither distribution is there, or where the one in use is too old."""
    names = ("lightning", "pytorch_lightning")
    used = [name for name in names if sys.modules.get(name)] or [name for name in names if find_spec(name)]
    for name in used or names[:1]:
        package(name, "taxoloss.integrations.lightning", "lightning", "2.5")


_need_lightning()
_register()
