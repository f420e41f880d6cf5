"""scikit-learn: hierarchical answers and scores from the `predict_proba` of any classifier.

`TaxonomyClassifier` wraps a classifier: what it learns is as before, what it answers are nodes of a tree.
`scorer` scores any classifier by a tree, for `cross_val_score` and the `scoring=` of a search; it serves
skorch's `EpochScoring` too. Classes are found by their names, never by their order.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from taxoloss import metrics
from taxoloss.errors.packages import package
from taxoloss.errors.suggestions import with_suggestion
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.functional.probabilities import logits_of
from taxoloss.integrations.labels import Labels, labels_of, refuse_missing
from taxoloss.integrations.named_decisions import Decision, decision_of
from taxoloss.metrics.families import FAMILIES
from taxoloss.taxonomy.loading import load
from taxoloss.taxonomy.taxonomy import Taxonomy

package("sklearn", "taxoloss.integrations.sklearn", "sklearn", "1.6")

from sklearn import get_config  # noqa: E402
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.metadata_routing import (  # noqa: E402
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.multiclass import check_classification_targets  # noqa: E402
from sklearn.utils.validation import check_is_fitted, column_or_1d  # noqa: E402

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TaxonomyClassifier", "scorer"]

_Array = npt.NDArray[Any]


class TaxonomyClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose answers are nodes of a tree, chosen from the probabilities of another classifier.

    The labels of y are names (or paths, or aliases) of nodes, in any order; or node ids of a bound
    taxonomy. A label above others (a genus, where its species are labels too) is a class of its own.
    Classes of the tree that y does not have (a fold of a cross-validation that lacks one) have probability
    0: so all folds answer on one tree.

    Args:
        estimator: a classifier with `predict_proba`; a clone of it is fitted.
        taxonomy: a `Taxonomy`, or what `taxoloss.load` takes: a bundled name, a path, a mapping. None: the
            classes of y side by side.
        decision: how a row is answered: text ("leaf", "climb:0.9", "top_down:0.8", "most_specific:0.5",
            "hedge:0.2", "minimum_cost", "at_level:genus"), a calibrated `Threshold`, or a function
            f(logits, taxonomy), such as partial(decisions.climb, threshold=0.9).

    Attributes:
        classes_: the labels of y, sorted; the columns of `predict_proba`.
        estimator_: the fitted clone.
        taxonomy_: the tree, bound: with the order of `taxonomy` where that was bound and has all labels as
            classes, so that a threshold which was calibrated on it serves.
        decision_: the function that answers.

    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> X = [[0.0], [0.1], [0.3], [0.4], [5.0], [5.1]]
    >>> y = ["Sphynx", "Sphynx", "Bengal", "Bengal", "beagle", "beagle"]
    >>> tree = {"tree": {"dog": ["beagle"], "cat": ["Bengal", "Sphynx"]}}
    >>> model = TaxonomyClassifier(KNeighborsClassifier(4), tree, "climb:0.8").fit(X, y)
    >>> model.predict([[0.2], [5.0]]).tolist()
    ['cat', '']
    """

    def __init__(self, estimator: Any, taxonomy: Any = None, decision: Any = "leaf") -> None:
        self.estimator = estimator
        self.taxonomy = taxonomy
        self.decision = decision

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Self:  # noqa: N803
        """Fits a clone of the estimator, and finds the nodes of its classes.

        Args:
            X: whatever the estimator takes.
            y: (N,) labels: names, or node ids of a bound taxonomy.
            sample_weight: (N,), for the estimator; None: it is not given.
            fit_params: for the estimator's `fit`.

        Raises:
            TypeError: an estimator without `predict_proba`.
            BindingError: labels that are no nodes, each with the nearest name.
            ValueError: one class; integers with a taxonomy that is not bound; a decision that is none.
        """
        _require_probabilities(self.estimator)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        y = column_or_1d(y, warn=True)
        refuse_missing(y)
        check_classification_targets(y)
        # Before the training: what is wrong with the settings needs no hour of it.
        _try_decision(self.decision, labels_of(np.unique(y), _taxonomy(self.taxonomy)).taxonomy)
        params = fit_params if sample_weight is None else {**fit_params, "sample_weight": sample_weight}
        routed = process_routing(self, "fit", **params) if _is_routed(params) else None
        estimator = clone(self.estimator)
        self.estimator_ = estimator.fit(X, y, **(params if routed is None else routed.estimator.fit))
        taxonomy = _taxonomy(self.taxonomy)
        self.classes_ = _classes(self.estimator_, taxonomy)
        self._labels = labels_of(self.classes_, taxonomy)
        self.taxonomy_ = self._labels.taxonomy
        self.decision_: Decision = decision_of(self.decision, self.taxonomy_)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict(self, X: Any) -> _Array:  # noqa: N803
        """(N,) labels: those of y; a node that y has not by its name, or its path a/b/c; the root is "".

        With integer labels these are node ids of the taxonomy that was given.
        """
        return self._labels_of_fit().named(self.predict_nodes(X))

    def predict_nodes(self, X: Any) -> _Array:  # noqa: N803
        """(N,) node ids of `taxonomy_`."""
        labels = self._labels_of_fit()
        answers = self.decision_(_logits(labels, self.predict_proba(X)), labels.taxonomy)
        if not isinstance(answers, torch.Tensor) or answers.is_floating_point() or answers.dim() != 1:
            found = getattr(answers, "shape", ""), getattr(answers, "dtype", type(answers).__name__)
            raise ValueError(
                f"expected of a decision a node id a row, (N,) integers, got {found[1]} {tuple(found[0])}"
            )
        found_ids: _Array = answers.numpy()
        return found_ids

    def predict_proba(self, X: Any) -> _Array:  # noqa: N803
        """(N, K) probabilities of `classes_`, as the estimator gives them."""
        check_is_fitted(self)
        found: _Array = np.asarray(self.estimator_.predict_proba(X))
        return found

    def predict_level_proba(self, X: Any) -> dict[str, _Array]:  # noqa: N803
        """level -> (N, nodes) probabilities of `taxonomy_.nodes(level)`, top level first."""
        labels = self._labels_of_fit()
        logs = level_log_probs(_logits(labels, self.predict_proba(X)), labels.taxonomy)
        return {level: value.exp().numpy() for level, value in logs.items()}

    def predict_levels(self, X: Any) -> dict[str, _Array]:  # noqa: N803
        """level -> (N,) the name of its most probable node, each level by itself."""
        found = {}
        for level, p in self.predict_level_proba(X).items():
            names = np.array(self.taxonomy_.nodes(level), dtype=object)
            found[level] = names[p.argmax(1)]
        return found

    def scores(self, X: Any, y: Any) -> dict[str, float]:  # noqa: N803
        """The scores of `metrics.collection` of the answers, and the calibration of the probabilities.

        Accuracy and distances are of what `predict` answers; calibration_error/LEVEL of the probabilities.
        `score` is scikit-learn's: the share of answers that are the very label.

        Args:
            X: as in `predict`.
            y: (N,) labels of any depth, also such that were not in fit.
        """
        labels = self._labels_of_fit()
        target = labels.ids(column_or_1d(y))
        made = metrics.collection(labels.taxonomy, calibration=False)
        made.update(self.predict_nodes(X), target)
        calibration = metrics.LevelCalibrationError(labels.taxonomy, probabilities=True)
        calibration.update(labels.columns(self.predict_proba(X)), target)
        found = {name: float(value) for name, value in made.compute().items()}
        errors = calibration.compute().items()
        return found | {f"calibration_error/{level}": float(value) for level, value in errors}

    def get_metadata_routing(self) -> Any:
        """Where metadata goes: that of `fit` to the estimator's."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(estimator=self.estimator, method_mapping=mapping)
        )

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        if inner.classifier_tags is not None:
            tags.classifier_tags = inner.classifier_tags
        tags.non_deterministic = inner.non_deterministic
        return tags

    def _labels_of_fit(self) -> Labels:
        check_is_fitted(self)
        return self._labels


def scorer(metric: str = "distance", taxonomy: Any = None, *, ignore_index: int | None = None) -> _Scorer:
    """A scorer f(estimator, X, y) for `cross_val_score`, `GridSearchCV(scoring=)` and `EpochScoring`.

    Of what `predict` answers; calibration, hops and curves of `predict_proba`. Where smaller is better
    (distance, severity, calibration_error, ...) the score is negative, as scikit-learn has it.

    Args:
        metric: a key of `metrics.collection`, with ranking and curves: "accuracy/genus", "distance".
        taxonomy: as in `TaxonomyClassifier`; None: that of the classifier, which must be one.
        ignore_index: labels of y with this number are not counted, such as -100.

    Raises:
        ValueError: a metric that is none, as far as that can be said without a taxonomy; when it scores: a
            level that is none, labels that are no nodes.

    >>> from sklearn.dummy import DummyClassifier
    >>> tree = {"levels": ["species", "breed"], "tree": {"dog": ["beagle"], "cat": ["Bengal", "Sphynx"]}}
    >>> model = DummyClassifier().fit([[0], [0], [0]], ["Bengal", "Bengal", "beagle"])
    >>> scorer("accuracy/species", tree)(model, [[0], [0]], ["Sphynx", "beagle"])
    0.5
    """
    if not isinstance(metric, str):
        raise TypeError(f"expected metric as a key of metrics.collection, got {type(metric).__name__}")
    found, loaded = _Scorer(metric, taxonomy, ignore_index), _taxonomy(taxonomy)
    if loaded is not None:
        family = found.family(loaded)
        if not loaded.is_tree:  # a metric that needs a tree says so now
            family.made(loaded.bind() if loaded.order is None else loaded, -100)
    return found


class _Scorer:
    """What `scorer` makes; it can be pickled."""

    def __init__(self, metric: str, taxonomy: Any, ignore_index: int | None) -> None:
        self.metric, self.taxonomy, self.ignore_index = metric, taxonomy, ignore_index

    def __repr__(self) -> str:
        return f"scorer({self.metric!r}, {self.taxonomy!r})"

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:  # noqa: N803
        """The score, larger is better."""
        labels = self._labels(estimator)
        family = self.family(labels.taxonomy)
        asked = {"probabilities": True} if family.option else {}
        (metric,) = (
            made
            for name, made in family.made(labels.taxonomy, -100, **asked).items()
            if name == self.metric
        )
        if family.option:
            _require_probabilities(estimator)
            preds: Any = labels.columns(np.asarray(estimator.predict_proba(X)))
        else:
            preds = labels.ids(estimator.predict(X))
        metric.update(preds, labels.ids(y, self.ignore_index))
        return float(metric.compute()) * (1 if metric.higher_is_better else -1)

    def family(self, taxonomy: Taxonomy) -> Any:
        """The record of the metric; ValueError where there is none."""
        keys = {key: family for family in FAMILIES for key in family.keys(taxonomy)}
        if self.metric not in keys:
            expected = f"there is no metric {self.metric!r}; expected one of {', '.join(keys)}"
            raise ValueError(with_suggestion(expected, self.metric, list(keys)))
        return keys[self.metric]

    def _labels(self, estimator: Any) -> Labels:
        if self.taxonomy is not None:
            taxonomy = _taxonomy(self.taxonomy)
            return labels_of(_classes(estimator, taxonomy), taxonomy)
        inner = _innermost(estimator)
        if not isinstance(inner, TaxonomyClassifier):
            raise ValueError(
                f"expected scorer({self.metric!r}, taxonomy) for a {type(inner).__name__}: only a "
                "TaxonomyClassifier has a taxonomy of its own"
            )
        return inner._labels_of_fit()


# -- estimators -------------------------------------------------------------------------------------


def _taxonomy(source: Any) -> Taxonomy | None:
    """A taxonomy as it is; what `taxoloss.load` takes, loaded."""
    if isinstance(source, (str, os.PathLike, Mapping)):
        source = load(source)
    if source is None or isinstance(source, Taxonomy):
        return source
    help = ": Taxonomy.from_paths(table) makes one" if hasattr(source, "columns") else ""
    raise TypeError(
        "expected taxonomy as a Taxonomy, a bundled name, a path or a mapping, got "
        f"{type(source).__name__} {source!r:.60}{help}"
    )


def _try_decision(decision: Any, taxonomy: Taxonomy) -> None:
    """Raises where a setting is no decision; or needs a tree, and nodes have several parents."""
    found = decision_of(decision, taxonomy)
    if not taxonomy.is_tree:
        found(torch.zeros(1, len(taxonomy)), taxonomy)


def _classes(estimator: Any, taxonomy: Taxonomy | None) -> _Array:
    """(K,) the labels of the columns of a classifier's probabilities."""
    inner = _innermost(estimator)
    if taxonomy is not None and taxonomy.order is not None and _is_net(inner):
        # A net has an output a class, whichever of them its y held, or inner nodes beside them.
        return np.arange(len(taxonomy))
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise TypeError(
            f"expected a fitted classifier with classes_, the labels of its columns, got "
            f"{type(estimator).__name__}, which has none"
        )
    found: _Array = np.asarray(classes)
    return found


def _is_net(estimator: Any) -> bool:
    """Whether this is a net of skorch, that was not told what its columns are called."""
    of_skorch = any(kind.__module__.partition(".")[0] == "skorch" for kind in type(estimator).__mro__)
    return of_skorch and getattr(estimator, "classes", None) is None


def _require_probabilities(estimator: Any) -> None:
    """TypeError where a classifier gives no probabilities."""
    if hasattr(estimator, "predict_proba"):
        return
    other = (
        ", but decision_function, whose numbers are no probabilities:"
        if hasattr(estimator, "decision_function")
        else ":"
    )
    raise TypeError(
        f"expected an estimator with predict_proba, got {type(estimator).__name__}, which has none{other} "
        "wrap it in sklearn.calibration.CalibratedClassifierCV"
    )


def _innermost(estimator: Any) -> Any:
    """The classifier in a fitted pipeline or search."""
    while not isinstance(estimator, TaxonomyClassifier):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(getattr(estimator, "steps", None), list):
            estimator = estimator.steps[-1][1]
        else:
            break
    return estimator


def _is_routed(params: Mapping[str, Any]) -> bool:
    return bool(get_config()["enable_metadata_routing"]) and bool(params)


def _logits(labels: Labels, probabilities: _Array) -> torch.Tensor:
    """(N, C) of (N, K) probabilities."""
    return logits_of(torch.from_numpy(labels.columns(probabilities)))
