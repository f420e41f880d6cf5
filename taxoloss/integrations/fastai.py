"""taxoloss in fastai: level metrics for a Learner's table, and a check of its order of classes.

The loss needs nothing of this: `Learner(dls, model, loss_func=taxoloss.TaxonomyLoss(t))`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor
from torchmetrics import Metric, MetricCollection

from taxoloss.errors.characters import quoted
from taxoloss.errors.packages import package
from taxoloss.functional.inputs import undressed
from taxoloss.integrations.orders import check_one_order
from taxoloss.metrics.base.sum_metric import SumMetric
from taxoloss.metrics.collection import TaxonomyCollection, collection
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

_core = package("fastai.callback.core", "taxoloss.integrations.fastai", "fastai", "2.8")
_learner = package("fastai.learner", "taxoloss.integrations.fastai", "fastai", "2.8")
_losses = package("fastai.losses", "taxoloss.integrations.fastai", "fastai", "2.8")
_tracker = package("fastai.callback.tracker", "taxoloss.integrations.fastai", "fastai", "2.8")

__all__ = [
    "MetricColumn",
    "TaxonomyCallback",
    "check_vocab",
    "class_names",
    "level_metrics",
    "metric_columns",
]

#: fastai's class 0 of CategoryBlock(add_na=True): what is missing, and what no class is known of.
_MISSING = "#na#"


# -- the order of the classes ----------------------------------------------------------------------


def class_names(dls: Any) -> list[str]:
    """The classes of DataLoaders in the order of their numbers, to bind a taxonomy to.

    Of a text classifier, whose vocab is [tokens, classes], the classes.

    Args:
        dls: fastai's DataLoaders, or a Learner.

    Raises:
        ValueError: there is no vocab; class 0 is "#na#", for what is missing; a sample may have several
            labels (MultiCategoryBlock).

    >>> from fastai.data.all import *
    >>> breed = lambda number: ["beagle", "Bengal", "pug"][number % 3]
    >>> numbers = DataBlock((TransformBlock, CategoryBlock), get_y=breed)
    >>> class_names(numbers.dataloaders(range(12), bs=2))
    ['Bengal', 'beagle', 'pug']
    """
    dls = getattr(dls, "dls", dls)
    usual = getattr(getattr(dls, "train_ds", None), "loss_func", None)
    if isinstance(usual, _losses.BCEWithLogitsLossFlat):
        raise ValueError(
            "expected one label a sample (CategoryBlock), got several (MultiCategoryBlock): their zeros "
            "and ones would be read as probabilities"
        )
    vocab = _vocab(dls)
    if vocab is None:
        raise ValueError(
            "expected DataLoaders with a vocab, got none: their targets are numbers that no name stands "
            "behind; bind the taxonomy to the names in the order of these numbers"
        )
    names = list(vocab)
    if _MISSING in names:
        raise ValueError(
            f"expected a vocab of classes, got {_MISSING!r} as class {names.index(_MISSING)}, for labels "
            "that are missing, which has no node: CategoryBlock(add_na=False), and leave such samples out"
        )
    return names


def _vocab(dls: Any) -> Any:
    """The vocab of the targets, a list of names; None where there is none."""
    found = getattr(dls, "vocab", None)
    if found is None:  # the codes of masks stand here
        found = getattr(getattr(getattr(dls, "train", None), "after_item", None), "vocab", None)
    if isinstance(found, (list, tuple, _core.L)):
        last = found[-1] if len(found) else ""
        return found if isinstance(last, (str, tuple)) else last  # as fastai's own interpretation takes it
    return found


def check_vocab(dls: Any, taxonomy: Taxonomy) -> None:
    """ValueError where class numbers of DataLoaders are not the node ids of the taxonomy.

    The vocab's names are compared, one by one: the classes in the order to which the taxonomy is bound,
    and after them, where it was bound with node_targets=True, inner nodes in the order of their ids.

    Args:
        dls: fastai's DataLoaders, or a Learner.
        taxonomy: bound; as a rule `t.bind(dls.vocab)`.

    Raises:
        ValueError: another order, shown by class, or less than all classes; or as `class_names`.
        TaxonomyError: a name of the vocab is no node.

    >>> import taxoloss
    >>> from types import SimpleNamespace
    >>> dls = SimpleNamespace(vocab=["Bengal", "Sphynx", "beagle"])
    >>> t = taxoloss.load({"tree": {"dog": ["beagle"], "cat": ["Bengal", "Sphynx"]}})
    >>> check_vocab(dls, t.bind(dls.vocab))
    >>> check_vocab(dls, t.bind(["beagle", "Bengal", "Sphynx"]))
    Traceback (most recent call last):
    ValueError: expected the vocab in the taxonomy's order, got another: class 0 is `Bengal` in the vocab...
    """
    plan = loss_plan_of(taxonomy)
    names = class_names(dls)
    ids = taxonomy.node_ids(names).tolist()
    wrong = [number for number, node in enumerate(ids) if node != number]
    if wrong:
        number = wrong[0]
        there = quoted("/".join(taxonomy.path(number))) if number < plan.num_nodes else "nothing"
        raise ValueError(
            f"expected the vocab in the taxonomy's order, got another: class {number} is "
            f"{quoted(str(names[number]))} in the vocab and {there} in the taxonomy, {len(wrong)} of "
            f"{len(names)} differ; bind it to the vocab: t.bind(class_names(dls))"
        )
    if len(names) < plan.num_classes:
        raise ValueError(
            f"expected the {plan.num_classes} classes of the taxonomy in the vocab, got {len(names)}: "
            "t.restrict(class_names(dls))"
        )


class TaxonomyCallback(_core.Callback):  # type: ignore[misc,name-defined]
    """Refuses a Learner whose class numbers mean other classes than its loss's taxonomy says.

    At its making, and again before each fit (its DataLoaders may have been changed): see `check_vocab`.
    Metrics of torchmetrics that fastai would call by batch are refused then too. Targets (N, 1), as
    tabular DataLoaders give them, reach loss and metrics as (N,).

    Args:
        taxonomy: None: that of the Learner's loss.

    Raises:
        ValueError: as `check_vocab`; the loss has no taxonomy, and none is given; a metric of torchmetrics
            stands in `Learner(metrics=...)` itself.

    >>> import taxoloss
    >>> TaxonomyCallback(taxoloss.load("pets").bind())
    TaxonomyCallback
    """

    order = -100
    name = "taxonomy_check"

    def __init__(self, taxonomy: Taxonomy | None = None) -> None:
        super().__init__()
        if taxonomy is not None:
            loss_plan_of(taxonomy)  # raises where it is not bound
        self.taxonomy = taxonomy

    def after_create(self) -> None:
        """Checks the Learner that was made."""
        self._check()

    def before_fit(self) -> None:
        """Checks the Learner as it is now."""
        self._check()

    def after_pred(self) -> None:
        """Takes the column of targets that tabular DataLoaders give."""
        if len(self.learn.yb) == 1 and _is_column(self.learn.yb[0], self.learn.pred):
            self.learn.yb = (self.learn.yb[0].squeeze(1),)

    def _check(self) -> None:
        for metric in self.learn.metrics:
            _refuse_by_batch(metric)
        check_vocab(self.learn.dls, self.taxonomy or _taxonomy_of(self.learn.loss_func))


def _is_column(target: Any, logits: Any) -> bool:
    """Whether targets are (N, 1) for logits (N, C)."""
    if not isinstance(target, Tensor) or not isinstance(logits, Tensor) or target.is_floating_point():
        return False
    return target.dim() == logits.dim() == 2 and target.shape[1] == 1


def _refuse_by_batch(metric: Any) -> None:
    """ValueError where fastai would average a metric of torchmetrics over batches."""
    found = getattr(metric, "func", None)
    if isinstance(found, (Metric, str)):  # the keys of a MetricCollection come as texts
        shown = repr(found) if isinstance(found, str) else type(found).__name__
        raise ValueError(
            f"expected metrics=metric_columns(...), got {shown} of torchmetrics itself: fastai would call "
            "it and average the batches, which of most scores is another number"
        )


def _taxonomy_of(loss: Any) -> Taxonomy:
    """The taxonomy of a loss, or of what BaseLoss wraps; ValueError where there is none."""
    found = _found_in(loss)
    if found is None:
        raise ValueError(
            f"expected a loss with a taxonomy, got {type(loss).__name__}: give TaxonomyLoss(t) as "
            "loss_func, or the taxonomy, TaxonomyCallback(t)"
        )
    return found


def _found_in(loss: Any) -> Taxonomy | None:
    """The taxonomy of a loss, of what BaseLoss wraps, or of what MixUp has put another in the place of."""
    for holder in (loss, getattr(loss, "func", None)):
        found = getattr(holder, "taxonomy", None)
        if isinstance(found, Taxonomy):
            return found
    return None


# -- metrics ---------------------------------------------------------------------------------------


class _Counted:
    """Metrics that several columns of a table show: each batch is counted once."""

    def __init__(self, metrics: MetricCollection) -> None:
        self.metrics = metrics
        for metric in metrics.values():
            metric.sync_on_compute = False  # fastai gathers the batches themselves
        self.batches = 0

    def reset(self) -> None:
        self.metrics.reset()
        self.batches = 0

    def add(self, learn: Any) -> None:
        """Counts the batch of a Learner, from all processes."""
        if self.batches == 0:
            self._check(learn)
        seen = [undressed(learn.to_detach(tensor, cpu=False)) for tensor in (learn.pred, learn.y)]
        if isinstance(seen[0], Tensor):
            self.metrics.to(seen[0].device)
        self.metrics.update(*seen)
        self.batches += 1

    def _check(self, learn: Any) -> None:
        """ValueError where the numbers would mean something else than their names, or the loss, say."""
        trained = _found_in(learn.loss_func)
        for taxonomy in {id(t): t for t in _taxonomies(self.metrics)}.values():
            if _vocab(learn.dls) is not None:
                check_vocab(learn.dls, taxonomy)
            if trained is not None:
                check_one_order("the loss", trained, taxonomy)


def _taxonomies(metrics: MetricCollection) -> Iterator[Taxonomy]:
    yield from (metric.taxonomy for metric in metrics.values() if isinstance(metric, SumMetric))


class MetricColumn(_learner.Metric):  # type: ignore[misc,name-defined]
    """One score in the table of a Learner, of all samples of an epoch; made by `level_metrics`.

    A table that is watched the wrong way round is refused: fastai's trackers keep the largest value of
    whatever has neither "loss" nor "error" in its name, and of a severity the smallest is the best.
    """

    def __init__(self, counted: _Counted, name: str) -> None:
        self._counted, self._name, self._batches = counted, name, 0

    def reset(self) -> None:
        """Forgets what was counted."""
        self._counted.reset()
        self._batches = 0

    def accumulate(self, learn: Any) -> None:
        """Counts a batch, where no other column has."""
        if self._batches == 0:
            self._check_trackers(learn)
        self._batches += 1
        if self._batches > self._counted.batches:
            self._counted.add(learn)

    @property
    def value(self) -> Tensor | None:
        """The score; None where nothing was counted."""
        if self._counted.batches == 0:
            return None
        scores = self._counted.metrics.compute()
        found = scores.get(self._name)
        if not isinstance(found, Tensor) or found.numel() != 1:
            got = f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else f"{list(scores)}"
            raise ValueError(f"expected one number as {self._name!r}, got {got:.120}: it fits no column")
        return found

    @property
    def name(self) -> str:
        """What stands above the column, and what SaveModelCallback(monitor=) takes."""
        return self._name

    def _check_trackers(self, learn: Any) -> None:
        larger = self._counted.metrics[self._name].higher_is_better
        watched = {self._name, f"train_{self._name}", f"valid_{self._name}"}
        for tracker in learn.cbs:
            if not isinstance(tracker, _tracker.TrackerCallback) or tracker.monitor not in watched:
                continue
            if larger is not None and tracker.comp(1, 0) != larger:
                best, comp = ("larger", "np.greater") if larger else ("smaller", "np.less")
                raise ValueError(
                    f"expected {type(tracker).__name__}(monitor={tracker.monitor!r}, comp={comp}), since "
                    f"the {best} is the better, got comp={tracker.comp.__name__}: it would keep the worst"
                )


def metric_columns(metrics: Metric | MetricCollection | Mapping[str, Metric]) -> list[MetricColumn]:
    """Metrics of torchmetrics as metrics of fastai, one for each score: over all samples, not by batch.

    fastai would call a metric of torchmetrics as a function and average the batches: of most scores
    (severity, F1, calibration) that is another number.

    Args:
        metrics: that give a number each: of torchmetrics, or `taxoloss.metrics.collection(t)`; a mapping
            says what they are called, a metric alone is called by its class.

    Raises:
        TypeError: it is none of these.
        ValueError: a score is no number (in the first table).

    >>> import taxoloss
    >>> pets = taxoloss.load("pets").bind()
    >>> [column.name for column in metric_columns(taxoloss.metrics.collection(pets, calibration=False))][:4]
    ['accuracy/species', 'accuracy/breed', 'full_path_accuracy', 'severity']
    """
    if isinstance(metrics, Metric):
        metrics = {type(metrics).__name__: metrics}
    if not isinstance(metrics, MetricCollection):
        if not isinstance(metrics, Mapping):
            raise TypeError(
                f"expected metrics of torchmetrics, got {type(metrics).__name__} {metrics!r:.60}"
            )
        metrics = TaxonomyCollection(dict(metrics))
    counted = _Counted(metrics)
    return [MetricColumn(counted, str(name)) for name in metrics]


def level_metrics(taxonomy: Taxonomy, *, ignore_index: int = -100) -> list[MetricColumn]:
    """Accuracy at every level, and the severity of mistakes, for `Learner(metrics=...)`.

    The columns are called accuracy/LEVEL and severity, are counted over all samples of an epoch, and can
    be watched: `SaveModelCallback(monitor="accuracy/species")`. At the first batch of each table the
    vocab is checked as `check_vocab` does, where there is one.

    Args:
        taxonomy: bound (`Taxonomy.bind`); as a rule `t.bind(dls.vocab)`.
        ignore_index: targets of this number are not counted.

    Raises:
        ValueError, TypeError: as `taxoloss.metrics.collection`; while it counts as `check_vocab`, and where
            a tracker watches a column the wrong way round.

    >>> import taxoloss
    >>> [column.name for column in level_metrics(taxoloss.load("pets").bind())]
    ['accuracy/species', 'accuracy/breed', 'severity']
    """
    made = collection(taxonomy, calibration=False, ignore_index=ignore_index)
    names = [str(name) for name in made]
    return metric_columns(
        {name: made[name] for name in names if name.startswith(("accuracy/", "severity"))}
    )
