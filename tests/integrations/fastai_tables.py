"""Trials of fastai: orders of classes that are refused, and metrics in a Learner's table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
import torchmetrics
from fastai import losses
from fastai.vision import all as fv
from fastai_trials import FLAT, FOLDER, NAMES, TREE, bound, label, learner, loaders, quiet, said, trial

import taxoloss
from taxoloss.functional.inputs import undressed
from taxoloss.integrations import fastai as ours

# -- orders ----------------------------------------------------------------------------------------


@trial
def orders() -> dict[str, Any]:
    """Another order of classes is refused by the callback, by the metrics and by the check."""
    dls, other = loaders(), TREE.bind()
    loss = taxoloss.TaxonomyLoss(other)
    right = taxoloss.TaxonomyLoss(bound(dls))
    changed = learner(right, dls, cbs=ours.TaxonomyCallback())
    changed.dls = loaders(block=fv.CategoryBlock(vocab=list(TREE.bind().classes), sort=False))
    text = fv.DataLoaders(*dls.loaders)
    text.vocab = fv.L(["xxunk", "xxpad"], dls.vocab)
    missing = loaders(block=fv.CategoryBlock(add_na=True))
    several = loaders(get_y=lambda n: [label(n)], block=fv.MultiCategoryBlock)
    bare = fv.DataLoaders.from_dsets([(1.0, 0)], [(1.0, 0)], bs=1, num_workers=0)
    return {
        "callback": said(lambda: learner(loss, dls, cbs=ours.TaxonomyCallback())),
        "given": said(
            lambda: learner(losses.CrossEntropyLossFlat(), dls, cbs=ours.TaxonomyCallback(other))
        ),
        "wrapped": said(
            lambda: learner(losses.BaseLoss(taxoloss.TaxonomyLoss, other), dls, cbs=ours.TaxonomyCallback())
        ),
        "metrics": said(lambda: learner(loss, dls, metrics=ours.level_metrics(other)).fit(1)),
        "collection": said(
            lambda: learner(loss, dls, metrics=ours.metric_columns(taxoloss.metrics.collection(other))).fit(
                1
            )
        ),
        "loss": said(lambda: learner(loss, dls, metrics=ours.level_metrics(bound(dls))).fit(1)),
        "loss without vocab": said(
            lambda: learner(
                loss, numbers(), torch.nn.Linear(3, 4), metrics=ours.level_metrics(bound(dls))
            ).fit(1)
        ),
        "changed": said(lambda: changed.fit(1)),
        "no taxonomy": said(
            lambda: learner(losses.CrossEntropyLossFlat(), dls, cbs=ours.TaxonomyCallback())
        ),
        "missing": said(lambda: ours.class_names(missing)),
        "several": said(lambda: ours.class_names(several)),
        "several learner": said(lambda: learner(right, several, cbs=ours.TaxonomyCallback())),
        "bare": said(lambda: ours.class_names(bare)),
        "fewer": said(lambda: ours.check_vocab(dls, TREE_AND_ONE.bind([*NAMES, "boxer"]))),
        "unknown": said(lambda: ours.check_vocab(missing_class(), bound(dls))),
        "text": ours.class_names(text),
        "numbers": said(lambda: ours.check_vocab(loaders(get_y=lambda n: n % 4), bound(dls))),
        "bound": list(bound(dls).classes),
        "right": said(lambda: learner(right, dls, cbs=ours.TaxonomyCallback()).fit(1)),
    }


TREE_AND_ONE = taxoloss.load({"tree": {"dog": ["pug", "beagle", "boxer"], "cat": ["Manx", "Bengal"]}})


def missing_class() -> Any:
    """DataLoaders with a class that the tree does not have."""
    return loaders(get_y=lambda n: "Pug" if label(n) == "pug" else label(n))


# -- metrics ---------------------------------------------------------------------------------------


def numbers() -> Any:
    """DataLoaders of features (N, 3) and class numbers, without names."""
    rows = [(torch.randn(3), number % 4) for number in range(10)]
    return fv.DataLoaders.from_dsets(rows, rows, bs=5, num_workers=0)


@trial
def by_batch() -> dict[str, Any]:
    """Metrics of torchmetrics in the list itself are refused by the callback; fastai's own are not."""
    dls = loaders()
    t = bound(dls)
    loss, metrics = taxoloss.TaxonomyLoss(t), taxoloss.metrics

    def made(given: Any) -> str:
        return said(lambda: learner(loss, dls, metrics=given, cbs=ours.TaxonomyCallback()))

    return {
        "one": made([fv.accuracy, metrics.MistakeSeverity(t)]),
        "collection": made(metrics.collection(t)),
        "fastai": made([fv.accuracy, *ours.level_metrics(t)]),
    }


@trial
def table_rows() -> dict[str, Any]:
    """A tabular Learner, whose targets are a column: trains and answers as fastai's own loss does."""
    from fastai.tabular import all as ft

    features = np.random.default_rng(0).normal(size=(60, 2))
    frame = pd.DataFrame(features, columns=["a", "b"]).assign(breed=[label(n) for n in range(60)])
    flat = FLAT.bind(NAMES)
    answers: dict[str, Any] = {}
    for name, loss in {
        "ours": taxoloss.TaxonomyLoss(flat),
        "theirs": losses.CrossEntropyLossFlat(),
    }.items():
        fv.set_seed(1, reproducible=True)
        dls = ft.TabularDataLoaders.from_df(
            frame, y_names="breed", cont_names=["a", "b"], y_block=fv.CategoryBlock(), bs=8, path=FOLDER
        )
        cbs = ours.TaxonomyCallback(flat)
        made = ft.tabular_learner(
            dls, layers=[4], loss_func=loss, cbs=cbs, metrics=ours.level_metrics(flat)
        )
        made.remove_cbs(fv.ProgressCallback)
        with quiet():
            made.fit(2, 0.05)
            probabilities, truth = made.get_preds()
            _, number, _ = made.predict(frame.iloc[0])
        columns = [float(value) for value in made.recorder.values[-1]]
        answers[name] = [*columns, *probabilities.flatten().tolist(), *truth.shape, int(number)]
    return answers


@trial
def tables() -> dict[str, Any]:
    """The table shows the scores of all samples, in every epoch anew, in training too."""
    dls = loaders()
    t = bound(dls)
    average = torchmetrics.AveragePrecision("multiclass", num_classes=4)
    columns = [*ours.level_metrics(t), *ours.metric_columns({"average_precision": average})]
    made = learner(taxoloss.TaxonomyLoss(t), dls, metrics=columns)
    seen = []

    class Watch(fv.Callback):  # type: ignore[misc]
        """The scores of each epoch's net, computed at once."""

        order = 70

        def after_epoch(self) -> None:
            """After the recorder has noted its own."""
            with torch.no_grad():
                batches = [(self.model(undressed(x)), undressed(y)) for x, y in self.dls.valid]
            logits, truth = (torch.cat(part) for part in zip(*batches, strict=True))
            whole = taxoloss.metrics.collection(t, calibration=False)(logits, truth)
            each = [taxoloss.metrics.MistakeSeverity(t)(x, y) for x, y in batches]
            again = torchmetrics.AveragePrecision("multiclass", num_classes=4)(logits, truth)
            scores = [*(whole[column.name] for column in columns[:3]), again, torch.stack(each).mean()]
            seen.append([float(score) for score in scores])

    with quiet() as printed:
        made.fit(3, 0.3, cbs=Watch())
    alone = learner(taxoloss.TaxonomyLoss(t), dls, metrics=ours.level_metrics(t)[1:2])
    with quiet():
        alone.fit(1)
    train = both(learner(taxoloss.TaxonomyLoss(t), dls, metrics=ours.level_metrics(t)))
    with quiet():
        train.fit(1)
        validated = train.validate()
        exported = train.export("with_metrics.pkl")
    loaded = fv.load_learner(FOLDER / "with_metrics.pkl")
    return {
        "names": list(made.recorder.metric_names),
        "values": [list(values[2:]) for values in made.recorder.values],
        "seen": seen,
        "printed": "accuracy/species" in printed.getvalue() or len(printed.getvalue()) > 0,
        "alone": [list(alone.recorder.metric_names), len(alone.recorder.values[0])],
        "train": list(train.recorder.metric_names),
        "validated": len(validated),
        "loaded": [column.name for column in loaded.metrics],
        "exported": exported is None,
        "empty": ours.level_metrics(t)[0].value is None,
    }


def both(made: Any) -> Any:
    """A Learner whose table has the scores of training too."""
    made.recorder.train_metrics = True
    return made


@trial
def trackers() -> dict[str, Any]:
    """A column can be watched; the wrong way round it is refused."""
    dls = loaders()
    t = bound(dls)

    def made(cbs: Any) -> Any:
        return learner(taxoloss.TaxonomyLoss(t), dls, metrics=ours.level_metrics(t), cbs=cbs)

    saver = fv.SaveModelCallback(monitor="accuracy/species", fname="best")
    stopper = fv.EarlyStoppingCallback(monitor="accuracy/breed", patience=1)
    watched = made([saver, stopper])
    with quiet():
        watched.fit(6, 1e-9)
    return {
        "saved": (FOLDER / "models" / "best.pth").is_file(),
        "best": saver.best == max(values[2] for values in watched.recorder.values),
        "epochs": len(watched.recorder.values),
        "in training": said(lambda: both(made(fv.SaveModelCallback("valid_severity", fname="x"))).fit(1)),
        "severity": said(lambda: made(fv.SaveModelCallback(monitor="severity", fname="x")).fit(1)),
        "accuracy": said(lambda: made(fv.EarlyStoppingCallback("accuracy/breed", comp=np.less)).fit(1)),
        "right": said(
            lambda: made(fv.SaveModelCallback(monitor="severity", comp=np.less, fname="x")).fit(1)
        ),
        "no number": said(
            lambda: learner(
                taxoloss.TaxonomyLoss(t),
                dls,
                metrics=ours.metric_columns(taxoloss.metrics.LevelAccuracy(t)),
            ).fit(1)
        ),
        "no metric": said(lambda: ours.metric_columns(fv.L(fv.accuracy))),
    }
