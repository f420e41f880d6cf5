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
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from taxoloss.errors.packages import package
from taxoloss.taxonomy.loading import load
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule as _Module
else:
    _Module = object

__all__ = ["TaxonomyCheckpoint"]

_HOOKS = ("on_save_checkpoint", "on_load_checkpoint")


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
    [{'name': 'species'}, {'name': 'breed'}]
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
        kept = {name: value for name, value in self.hparams.items() if isinstance(value, Taxonomy)}
        if read := {name: _READ[value] for name, value in kept.items() if value in _READ}:
            super().save_hyperparameters(read, frame=frame, **kwargs)

    def on_fit_start(self) -> None:
        """Refuses to train what could not be saved."""
        _taxonomy_of(self)
        _above(self, "on_fit_start")()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Stores the tree and the order of the classes."""
        checkpoint["taxoloss"] = _taxonomy_of(self).to_dict()
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
