"""TaxonomyClassifier and scorer with scikit-learn: names never shift, whatever the order of the classes."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import taxoloss
from taxoloss import Taxonomy, decisions, metrics

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is an extra")

from scipy.sparse import csr_matrix  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_validate  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from taxoloss.integrations.sklearn import TaxonomyClassifier, scorer  # noqa: E402

#: dog stands first in the tree, cat in sorted names: neither order is that of the labels.
SPEC: dict[str, Any] = {
    "levels": ["species", "breed"],
    "tree": {"dog": ["pug", "beagle"], "cat": ["Sphynx", "Bengal"]},
}
TREE = taxoloss.load(SPEC)
NAMES = ["pug", "beagle", "Sphynx", "Bengal"]
SPECIES = {"pug": "dog", "beagle": "dog", "Sphynx": "cat", "Bengal": "cat"}


def animals(rows: int = 80, seed: int = 0) -> tuple[Any, Any]:
    """Features in which breeds of a species are near each other, and their names."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, rows)
    centre = np.array([[0, 0], [0, 1], [4, 0], [4, 1]])[y]
    return centre + rng.normal(size=(rows, 2)) * 0.8, np.array(NAMES)[y]


X, Y = animals()


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [TaxonomyClassifier(LogisticRegression()), TaxonomyClassifier(GaussianNB(), decision="climb:0.0")]
)
def test_the_checks_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    """Without a taxonomy a classifier is what scikit-learn calls one: no check is expected to fail."""
    check(estimator)


def kinds() -> Iterator[tuple[str, Any]]:
    """The same labels as whatever holds them."""
    yield "str", Y
    yield "object", Y.astype(object)
    yield "list", Y.tolist()
    yield "series", pd.Series(Y, index=np.arange(len(Y))[::-1])
    yield "string", pd.Series(Y, dtype="string")
    yield "category", pd.Series(pd.Categorical(Y, categories=NAMES))


@pytest.mark.parametrize(("kind", "y"), kinds(), ids=lambda one: one if isinstance(one, str) else "")
@pytest.mark.parametrize("taxonomy", [SPEC, TREE, TREE.bind(["Bengal", "pug", "Sphynx", "beagle"])])
def test_classes_are_found_by_their_names(kind: str, y: Any, taxonomy: Any) -> None:
    """The probability of a species is the sum of the columns of its breeds, whatever the order."""
    model = TaxonomyClassifier(LogisticRegression(), taxonomy).fit(X, y)
    plain = LogisticRegression().fit(X, np.asarray(y, dtype=object))
    assert model.classes_.tolist() == sorted(NAMES)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X))
    p = pd.DataFrame(plain.predict_proba(X), columns=plain.classes_)
    levels = model.predict_level_proba(X)
    species = model.taxonomy_.nodes("species")
    for name in ("cat", "dog"):
        breeds = [breed for breed in NAMES if SPECIES[breed] == name]
        np.testing.assert_allclose(
            levels["species"][:, species.index(name)], p[breeds].sum(axis=1), atol=1e-12
        )
    assert model.predict_levels(X)["species"].tolist() == [
        species[at] for at in levels["species"].argmax(1)
    ]


def test_answers_are_those_of_the_decision() -> None:
    """Text, a function, a partial, a threshold: the names of inner nodes, and nothing for the root."""
    t = TREE.bind(sorted(NAMES), node_targets=True)
    p = LogisticRegression(C=0.05).fit(X, Y).predict_proba(X)
    asked: dict[str, Any] = {
        "climb:0.8": decisions.climb(p, t, 0.8, probabilities=True),
        "at_level:species": decisions.at_level(p, t, "species", probabilities=True),
        "hedge:0.5": decisions.hedge(p, t, 0.5, probabilities=True),
        "minimum_cost": decisions.minimum_cost(p, t, probabilities=True),
        "top_down": decisions.top_down(p, t, probabilities=True),
        "most_specific": decisions.most_specific(p, t, probabilities=True),
    }
    for text, ids in asked.items():
        wanted = [info.name for info in t.describe(ids)]
        found = TaxonomyClassifier(LogisticRegression(C=0.05), TREE, text).fit(X, Y).predict(X)
        assert found.tolist() == wanted
    function = partial(decisions.climb, threshold=0.8)
    found = TaxonomyClassifier(LogisticRegression(C=0.05), TREE, function).fit(X, Y).predict(X)
    assert found.tolist() == [info.name for info in t.describe(asked["climb:0.8"])]
    assert {"", "cat", "dog"} & set(found)


def test_a_calibrated_threshold_serves_on_the_order_it_was_made_for() -> None:
    """The order of the bound taxonomy stays, so that its digest is the same."""
    t = TREE.bind(["Bengal", "pug", "Sphynx", "beagle"])
    model = TaxonomyClassifier(RandomForestClassifier(20, random_state=0), t).fit(X[:40], Y[:40])
    p = pd.DataFrame(model.predict_proba(X[40:]), columns=model.classes_)
    threshold = decisions.calibrate_threshold(p, t.node_ids(Y[40:]), t, 0.3, probabilities=True)
    model.set_params(decision=threshold).fit(X[:40], Y[:40])
    wanted = decisions.climb(p, t, threshold, probabilities=True)
    assert model.predict(X[40:]).tolist() == [info.name for info in t.describe(wanted)]
    other = TaxonomyClassifier(RandomForestClassifier(), TREE.bind(NAMES), threshold)
    with pytest.raises(ValueError, match="expected the class order that this threshold was calibrated on"):
        other.fit(X, Y)


def test_names_that_stand_twice_are_answered_by_their_paths() -> None:
    """An inner node called like another is told apart."""
    t = Taxonomy.from_paths(
        [("a", "x", "p"), ("a", "x", "q"), ("b", "x", "r"), ("b", "x", "s"), ("b", "y", "t")]
    )
    y = np.array(["p", "q", "r", "s", "t"])
    rows = np.eye(5).repeat(2, 0)
    model = TaxonomyClassifier(KNeighborsClassifier(1), t, "at_level:depth_2").fit(np.eye(5), y)
    assert model.predict(rows[::2]).tolist() == ["a/x", "a/x", "b/x", "b/x", "y"]


def test_integers_are_node_ids_of_a_bound_taxonomy() -> None:
    """Answers above are the ids of inner nodes there; without an order nobody knows what 0 is."""
    t = TREE.bind(["Bengal", "pug", "Sphynx", "beagle"], node_targets=True)
    y = t.node_ids(Y).numpy()
    model = TaxonomyClassifier(LogisticRegression(), t, "at_level:species").fit(X, y)
    by_name = TaxonomyClassifier(LogisticRegression(), t, "at_level:species").fit(X, Y)
    assert model.predict(X).dtype == y.dtype
    assert model.predict(X).tolist() == t.node_ids(by_name.predict(X)).tolist()
    with pytest.raises(ValueError, match=r"got 0, 1, 2, \.\. and a taxonomy that is not bound: t\.bind"):
        TaxonomyClassifier(LogisticRegression(), TREE).fit(X, y)
    with pytest.raises(ValueError, match=r"node ids in 0\.\.5, got 9"):
        TaxonomyClassifier(LogisticRegression(), t).fit(X, np.where(y == 3, 9, y))
    with pytest.raises(TypeError, match="expected y as names of nodes, or as node ids"):
        TaxonomyClassifier(LogisticRegression(), t).fit(X, y > 1)


@pytest.mark.parametrize("nothing", [None, math.nan, pd.NA])
@pytest.mark.parametrize("taxonomy", [TREE, None], ids=["tree", "flat"])
def test_rows_without_a_label_are_refused(taxonomy: Taxonomy | None, nothing: Any) -> None:
    """In fit, in scores and by a scorer: how many, and the first."""
    y = np.array(Y, object)
    y[[3, 5]] = nothing
    model = TaxonomyClassifier(GaussianNB(), taxonomy).fit(X, Y)
    said = rf"got 2 of {len(Y)} rows without one, the first is row 3 \("
    for use in (model.fit, model.scores, partial(scorer("distance"), model)):
        with pytest.raises(ValueError, match=said):
            use(X, y)


def test_a_table_in_the_place_of_a_taxonomy() -> None:
    """from_paths makes one."""
    table = pd.DataFrame(TREE.paths())
    with pytest.raises(TypeError, match=r"Taxonomy\.from_paths\(table\) makes one"):
        TaxonomyClassifier(GaussianNB(), table).fit(X, Y)


def test_a_label_above_others_is_a_class_of_its_own() -> None:
    """Rows known to the species alone train an output; its name comes back, as name or as number."""
    y = np.where(np.arange(len(Y)) % 4 == 0, [SPECIES[name] for name in Y], Y)
    model = TaxonomyClassifier(KNeighborsClassifier(1), TREE).fit(X, y)
    assert set(model.classes_) == {*NAMES, "cat", "dog"}
    assert model.predict(X).tolist() == y.tolist()
    higher = TaxonomyClassifier(KNeighborsClassifier(1), TREE, "at_level:species").fit(X, y)
    assert higher.predict(X).tolist() == [SPECIES.get(name, name) for name in y]
    np.testing.assert_allclose(sum(model.predict_level_proba(X)["species"].T), 1.0)
    t = TREE.bind(NAMES, node_targets=True)
    numbers = t.node_ids(y).numpy()
    numbered = TaxonomyClassifier(KNeighborsClassifier(1), t, "at_level:species").fit(X, numbers)
    assert numbered.predict(X).tolist() == t.node_ids(higher.predict(X)).tolist()
    assert model.scores(X, y)["accuracy/breed"] == 1.0


def test_a_fold_that_lacks_a_class_answers_on_the_same_tree() -> None:
    """The class has probability 0: information and heights stay; its rows are scored as mistakes."""
    some = Y != "pug"
    model = TaxonomyClassifier(GaussianNB(), TREE, "hedge:0.1").fit(X[some], Y[some])
    assert "pug" not in model.classes_
    assert len(model.taxonomy_) == 4
    scores = model.scores(X, Y)
    assert 0 < scores["accuracy/breed"] < 1
    assert scores["accuracy/species"] > scores["accuracy/breed"]
    p = pd.DataFrame(model.predict_proba(X), columns=model.classes_).assign(pug=0.0)
    wanted = decisions.hedge(p, TREE.bind(NAMES), 0.1, probabilities=True)
    names = [info.name for info in TREE.bind(NAMES).describe(wanted)]
    assert model.predict(X).tolist() == names


def test_scores_are_those_of_the_answers() -> None:
    """Against the metrics on node ids; calibration on probabilities; score is the share of right labels."""
    t = TREE.bind(NAMES, node_targets=True)
    model = TaxonomyClassifier(DecisionTreeClassifier(max_depth=2), t, "climb:0.7").fit(X, Y)
    found = model.scores(X, Y)
    answers = [name or () for name in model.predict(X)]
    collection = metrics.collection(t, calibration=False)
    collection.update(t.node_ids(answers), t.node_ids(Y))
    wanted = {name: float(value) for name, value in collection.compute().items()}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, nan_ok=True)
    p = pd.DataFrame(model.predict_proba(X), columns=model.classes_)
    errors = metrics.functional.level_calibration_error(p, t.node_ids(Y), t, probabilities=True)
    assert found["calibration_error/species"] == pytest.approx(float(errors["species"]))
    assert model.score(X, Y) == pytest.approx(np.mean(model.predict(X) == Y))


def test_scorers_of_any_classifier() -> None:
    """Of a plain classifier by names, against the metric itself; negative where smaller is better."""
    t = TREE.bind(NAMES)
    plain = RandomForestClassifier(10, max_depth=1, random_state=0).fit(X, Y)
    answers, target = t.node_ids(plain.predict(X)), t.node_ids(Y)
    right = metrics.functional.level_accuracy(answers, target, t)
    assert scorer("accuracy/species", SPEC)(plain, X, Y) == pytest.approx(float(right["species"]))
    far = float(metrics.functional.hierarchical_distance(answers, target, t))
    assert scorer("distance", TREE)(plain, X, Y) == pytest.approx(-far)
    p = pd.DataFrame(plain.predict_proba(X), columns=plain.classes_)
    area = metrics.functional.risk_coverage(p, target, t, exact=False, probabilities=True)["aurc"]
    assert scorer("aurc", t)(plain, X, Y) == pytest.approx(-float(area))
    assert math.isnan(scorer("severity", t)(KNeighborsClassifier(1).fit(X, Y), X, Y))
    numbers = t.node_ids(Y).numpy()
    by_number = RandomForestClassifier(10, max_depth=1, random_state=0).fit(X, numbers)
    assert scorer("accuracy/species", t)(by_number, X, numbers) > 0.5


def test_searches_over_decisions_and_settings() -> None:
    """Several scores at once, in a pipeline, with workers' copies of everything."""
    pipeline = make_pipeline(StandardScaler(), TaxonomyClassifier(LogisticRegression(), TREE))
    grid = {
        "taxonomyclassifier__decision": ["leaf", "climb:0.9", partial(decisions.hedge, tradeoff=0.1)],
        "taxonomyclassifier__estimator__C": [0.01, 1.0],
    }
    scoring = {"species": scorer("accuracy/species"), "distance": scorer("distance", TREE)}
    search = GridSearchCV(pipeline, grid, scoring=scoring, refit="distance", cv=3).fit(X, Y)
    found = search.cv_results_
    assert not np.isnan(found["mean_test_species"]).any()
    assert (found["mean_test_distance"] <= 0).all()
    assert scorer("accuracy/species")(search, X, Y) == scorer("accuracy/species", TREE)(search, X, Y)
    again = pickle.loads(pickle.dumps(scoring["species"]))
    assert repr(again) == "scorer('accuracy/species', None)"


def test_folds_that_lack_classes_can_be_cross_validated() -> None:
    """Sorted labels and unshuffled folds: each fold lacks some."""
    order = np.argsort(Y, kind="stable")
    from sklearn.model_selection import KFold

    model = TaxonomyClassifier(GaussianNB(), TREE)
    found = cross_validate(model, X[order], Y[order], cv=KFold(4), scoring=scorer("distance"))
    assert (found["test_score"] < 0).all()


def test_clone_pickle_and_inputs_of_the_estimator() -> None:
    """Names of features, sparse rows and texts are the estimator's matter; a copy answers the same."""
    frame = pd.DataFrame(X, columns=["length", "weight"])
    model = TaxonomyClassifier(LogisticRegression(), TREE, "climb:0.9").fit(frame, Y)
    assert model.feature_names_in_.tolist() == ["length", "weight"]
    assert model.n_features_in_ == 2
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["weight", "length"]])
    copy = pickle.loads(pickle.dumps(model))
    assert copy.predict(frame).tolist() == model.predict(frame).tolist()
    fresh = clone(model)
    assert fresh.taxonomy is TREE
    assert not hasattr(fresh, "estimator_")
    thin = TaxonomyClassifier(LogisticRegression(), TREE, "climb:0.9").fit(csr_matrix(X), Y)
    assert thin.predict(csr_matrix(X)).tolist() == model.predict(frame).tolist()


def test_weights_of_samples_reach_the_estimator() -> None:
    """By position of the argument, and by routing."""
    weight = np.where(Y == "pug", 10.0, 0.1)
    wanted = GaussianNB().fit(X, Y, sample_weight=weight).predict_proba(X)
    model = TaxonomyClassifier(GaussianNB(), TREE).fit(X, Y, sample_weight=weight)
    np.testing.assert_allclose(model.predict_proba(X), wanted)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = GaussianNB().set_fit_request(sample_weight=True)
        routed = TaxonomyClassifier(inner, TREE).fit(X, Y, sample_weight=weight)
        np.testing.assert_allclose(routed.predict_proba(X), wanted)
        found = cross_validate(
            TaxonomyClassifier(inner, TREE).set_fit_request(sample_weight=True),
            X,
            Y,
            params={"sample_weight": weight},
            scoring=scorer("accuracy/species"),
        )
        assert not np.isnan(found["test_score"]).any()


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (
            lambda: TaxonomyClassifier(LinearSVC(), TREE),
            TypeError,
            r"LinearSVC.*decision_function.*Calibrated",
        ),
        (lambda: TaxonomyClassifier(GaussianNB(), 7), TypeError, r"expected taxonomy as .* got int 7"),
        (lambda: TaxonomyClassifier(GaussianNB(), TREE, "clim:0.9"), ValueError, r"did you mean `climb`"),
        (
            lambda: TaxonomyClassifier(GaussianNB(), TREE, "climb"),
            ValueError,
            r"climb:THRESHOLD, got 'climb'",
        ),
        (lambda: TaxonomyClassifier(GaussianNB(), TREE, "climb:high"), ValueError, r"got 'climb:high'"),
        (
            lambda: TaxonomyClassifier(GaussianNB(), TREE, "leaf:1"),
            ValueError,
            r"expected decision as leaf, got",
        ),
        (lambda: TaxonomyClassifier(GaussianNB(), TREE, "at_level:genus"), ValueError, r"genus"),
        (
            lambda: TaxonomyClassifier(GaussianNB(), TREE, 0.9),
            TypeError,
            r"decision as text .* got float 0\.9",
        ),
    ],
)
def test_what_cannot_be_fitted(make: Callable[[], Any], kind: type[Exception], words: str) -> None:
    """One sentence, when it is fitted."""
    with pytest.raises(kind, match=words):
        make().fit(X, Y)


def test_labels_that_are_no_nodes() -> None:
    """The nearest name is offered; nothing is trained."""
    with pytest.raises(taxoloss.TaxonomyError, match="Sphinx"):
        TaxonomyClassifier(LogisticRegression(), TREE).fit(X, np.where(Y == "Sphynx", "Sphinx", Y))
    with pytest.raises(ValueError, match="two classes or more in y, got 1 class, 'pug'"):
        TaxonomyClassifier(LogisticRegression(), TREE).fit(X[Y == "pug"], Y[Y == "pug"])


def test_answers_without_a_label() -> None:
    """Numbers without a taxonomy have none for the root; a decision must answer a node a row."""
    y = np.unique(Y, return_inverse=True)[1]
    model = TaxonomyClassifier(LogisticRegression(C=0.001), decision="climb:0.99").fit(X, y)
    with pytest.raises(ValueError, match="'the root' has no label among 0, 1, 2"):
        model.predict(X)
    named = TaxonomyClassifier(LogisticRegression(C=0.001), decision="climb:0.99").fit(X, Y)
    assert set(named.predict(X)) == {""}
    whole = TaxonomyClassifier(LogisticRegression(), TREE, decisions.ranking).fit(X, Y)
    with pytest.raises(ValueError, match=r"a node id a row, \(N,\) integers, got torch.int64 \(80, 4\)"):
        whole.predict(X)


def test_scorers_that_cannot_score() -> None:
    """A metric that is none, when it is made; a classifier without a tree, or without probabilities."""
    with pytest.raises(
        ValueError, match=r"there is no metric 'accuracy/genus'; expected one of accuracy/sp"
    ):
        scorer("accuracy/genus", TREE)
    with pytest.raises(TypeError, match="expected metric as a key"):
        scorer(metrics.HOPS)  # type: ignore[arg-type]
    plain = LinearSVC().fit(X, Y)
    with pytest.raises(ValueError, match=r"scorer\('distance', taxonomy\) for a LinearSVC"):
        scorer("distance")(plain, X, Y)
    assert scorer("accuracy/species", TREE)(plain, X, Y) > 0.9
    with pytest.raises(TypeError, match="LinearSVC, which has none, but decision_function"):
        scorer("aurc", TREE)(plain, X, Y)


def test_zeros_of_trees_and_neighbours_make_no_nan() -> None:
    """Exact zeros in nearly every row."""
    model = TaxonomyClassifier(KNeighborsClassifier(3), TREE, "climb:0.5").fit(X, Y)
    assert (model.predict_proba(X) == 0).any()
    assert all(np.isfinite(value).all() for value in model.predict_level_proba(X).values())
    assert torch.tensor(list(model.scores(X, Y).values())).isfinite().all()
