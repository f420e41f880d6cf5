"""What a fastai Learner does with the loss: `python fastai_loops.py FOLDER` runs every trial of fastai."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from fastai import losses
from fastai.vision import all as fv
from fastai_trials import (
    FLAT,
    FOLDER,
    NAMES,
    TREE,
    WEIGHTS,
    Net,
    bound,
    fitted,
    knowing,
    label,
    learner,
    loaders,
    picture,
    pictures,
    quiet,
    run,
    said,
    trial,
)
from torch import Tensor

import taxoloss
from taxoloss.integrations import fastai as ours

# -- as CrossEntropyLossFlat -----------------------------------------------------------------------


@trial
def same_training() -> dict[str, bool]:
    """With a flat tree, whatever the callback, the net learns what fastai's own loss teaches it."""
    flat = FLAT.bind(NAMES)
    smooth: dict[str, Any] = {"label_smoothing": 0.1}
    pairs: dict[str, tuple[Any, Any, Any]] = {
        "plain": (taxoloss.TaxonomyLoss(flat), losses.CrossEntropyLossFlat(), lambda: None),
        "mixup": (taxoloss.TaxonomyLoss(flat), losses.CrossEntropyLossFlat(), lambda: fv.MixUp(0.4)),
        "cutmix": (taxoloss.TaxonomyLoss(flat), losses.CrossEntropyLossFlat(), lambda: fv.CutMix(1.0)),
        "smoothing": (
            taxoloss.TaxonomyLoss(flat, **smooth), losses.LabelSmoothingCrossEntropyFlat(0.1), lambda: None,
        ),
        "smoothing_mixup": (
            taxoloss.TaxonomyLoss(flat, **smooth), losses.LabelSmoothingCrossEntropyFlat(0.1), fv.MixUp,
        ),
    }  # fmt: skip
    return {
        name: np.allclose(fitted(one, cbs()), fitted(other, cbs()), atol=2e-5)
        for name, (one, other, cbs) in pairs.items()
    }


@trial
def same_answers() -> dict[str, Any]:
    """get_preds, top losses, confusion, tta and lr_find of a flat tree are those of fastai's own loss."""
    found = {}
    for name, loss in (
        ("ours", taxoloss.TaxonomyLoss(FLAT.bind(NAMES))),
        ("theirs", losses.CrossEntropyLossFlat()),
    ):
        fv.set_seed(3, reproducible=True)
        made = learner(loss)
        preds, truth, decoded, costs = made.get_preds(with_loss=True, with_decoded=True)
        with quiet():
            explained = fv.ClassificationInterpretation.from_learner(made)
            worst, where = explained.top_losses(3)
            confusion = explained.confusion_matrix().tolist()
            explained.print_classification_report()
            explained.plot_confusion_matrix()
            explained.plot_top_losses(2)
            tta = made.tta(n=2)[0]
            rate = made.lr_find(num_it=12, show_plot=False).valley
        tensors = [preds, truth, decoded, costs, worst, where, tta]
        found[name] = [*(np.round(np.asarray(x), 5).tolist() for x in tensors), confusion, rate]
    return found


# -- names -----------------------------------------------------------------------------------------


@trial
def names() -> dict[str, Any]:
    """predict and show_results give the right names, and what is exported and loaded does."""
    dls = loaders()
    made = learner(taxoloss.TaxonomyLoss(bound(dls), WEIGHTS), dls, knowing(dls), metrics=fv.accuracy)
    answers = [made.predict(picture(number)) for number in range(4)]
    with quiet():
        made.show_results(max_n=4, shuffle=False)
        titles = [axes.get_title() for axes in mpl.pyplot.gcf().axes if axes.get_title()]
        made.show_results(ds_idx=0, max_n=2)
        summary = made.summary()
        made.export("exported.pkl")
    loaded = fv.load_learner(FOLDER / "exported.pkl")
    again = [loaded.predict(picture(number))[0] for number in range(4)]
    loss = loaded.loss_func
    return {
        "predict": [answer[0] for answer in answers],
        "sums": [float(answer[2].sum()) for answer in answers],
        "own": [float(answer[2][int(answer[1])]) == float(answer[2].max()) for answer in answers],
        "titles": titles,
        "summary": [line for line in summary.splitlines() if line.startswith("Loss function")],
        "loaded": again,
        "tree": loss.taxonomy.binding_digest == made.loss_func.taxonomy.binding_digest,
        "weights": repr(loss) == repr(made.loss_func),
        "levels": [
            _species_of(made, loss.taxonomy, 2),
            loss.taxonomy.node_ids(["dog"]).tolist(),
        ],
    }


def _species_of(made: Any, t: taxoloss.Taxonomy, number: int) -> Any:
    """The node that a picture is answered with on the level above the classes."""
    logits = made.get_preds(dl=made.dls.test_dl([picture(number)]), act=fv.noop)[0]
    return torch.as_tensor(taxoloss.decisions.at_level(logits, t, "species")).tolist()


@trial
def losses_of_samples() -> dict[str, Any]:
    """with_loss is the formula, sample by sample; the reduction is the loss's own again afterwards."""
    dls = loaders()
    loss = taxoloss.TaxonomyLoss(bound(dls), WEIGHTS)
    made = learner(loss, dls)
    preds, truth, costs = made.get_preds(with_loss=True)
    species = torch.tensor([0, 0, 1, 1])  # of NAMES
    of_species = torch.stack([preds[:, species == s].sum(1) for s in (0, 1)], 1)
    own = species[truth.long()]
    rows = torch.arange(len(truth))
    expected = -0.6 * preds[rows, truth.long()].log() - 0.4 * of_species[rows, own].log()
    loss.reduction = "avg"
    return {
        "close": bool(torch.allclose(torch.as_tensor(costs), expected, atol=1e-5)),
        "count": len(costs),
        "reduction": taxoloss.TaxonomyLoss(bound(dls)).reduction,
        "refused": said(lambda: loss(torch.zeros(1, 4), torch.zeros(1, dtype=torch.long))),
    }


@trial
def tensors() -> dict[str, Any]:
    """fastai's tensors go in, in any pair, with the numbers and gradients of plain ones; one comes out."""
    loss = taxoloss.TaxonomyLoss(TREE.bind(NAMES), WEIGHTS)
    found = []
    for shape, target_shape in (((6, 4), (6,)), ((2, 4, 3, 3), (2, 3, 3))):
        x, y = torch.randn(shape), torch.randint(4, target_shape)
        for logits in (torch.Tensor, fv.TensorBase, fv.TensorImage):
            for target in (fv.TensorBase, fv.TensorCategory, fv.TensorMask):
                for reduction in ("mean", "none"):
                    loss.reduction = reduction
                    plain, worn = x.clone().requires_grad_(), logits(x.clone()).requires_grad_()
                    one, other = loss(plain, y), loss(worn, target(y))
                    one.sum().backward()
                    other.sum().backward()
                    found.append(
                        isinstance(other, fv.TensorBase)
                        and torch.equal(one, torch.as_tensor(other))
                        and torch.equal(torch.as_tensor(plain.grad), torch.as_tensor(worn.grad))
                    )
    severity = taxoloss.metrics.MistakeSeverity(loss.taxonomy)
    severity.update(fv.TensorImage(x), fv.TensorMask(y))
    per_level = loss.per_level(fv.TensorImage(x), fv.TensorMask(y))
    return {
        "equal": found,
        "severity": float(severity.compute()) > 0,
        "per_level": per_level == loss.per_level(x, y),
    }


@trial
def narrow_targets() -> dict[str, bool]:
    """Targets of int8 to int32, as tables and masks come, train as long ones do."""
    x = torch.randn(20, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    y = torch.arange(20) % 4

    def trained(dtype: torch.dtype) -> Tensor:
        rows = list(zip(x, y.to(dtype), strict=True))
        dls = fv.DataLoaders.from_dsets(rows, rows, bs=5, shuffle=False, num_workers=0, device="cpu")
        made = learner(
            taxoloss.TaxonomyLoss(TREE.bind(NAMES)),
            dls,
            Net(),
            metrics=ours.level_metrics(TREE.bind(NAMES)),
        )
        fv.set_seed(0)
        with quiet():
            made.fit(1)
        return torch.cat(
            [made.model.last.weight.detach().reshape(-1), torch.tensor(made.recorder.values[0])]
        )

    expected = trained(torch.long)
    kinds = (torch.int8, torch.int16, torch.int32, torch.uint8)
    return {str(kind): torch.equal(trained(kind), expected) for kind in kinds}


@trial
def compiled() -> dict[str, bool]:
    """A compiled loss answers a Learner as the plain one; with MixUp fastai's tensors stop any compiler."""
    plain = taxoloss.TaxonomyLoss(TREE.bind(NAMES), WEIGHTS)
    loss = torch.compile(plain, backend="eager")
    made, other = learner(loss), learner(plain)
    one, two = made.get_preds(with_loss=True), other.get_preds(with_loss=True)
    return {
        "same": all(torch.allclose(a, b) for a, b in zip(one, two, strict=True)),
        "trained": np.allclose(fitted(loss), fitted(plain), atol=1e-5),
        "reduction": plain.reduction == "mean",
    }


@trial
def half() -> list[str]:
    """to_fp16, which on a CPU computes in float32."""
    made = learner(taxoloss.TaxonomyLoss(TREE.bind(NAMES))).to_fp16()
    with quiet():
        made.fit(1)
    return [str(made.recorder.losses[-1].dtype), str(bool(torch.isfinite(made.recorder.losses[-1])))]


# -- mixed depth, masks ----------------------------------------------------------------------------


@trial
def mixed_depth() -> dict[str, Any]:
    """Labels of breeds and of species, and MixUp: the losses of two nodes are mixed."""
    t = TREE.bind(NAMES, node_targets=True)
    nodes = [t.path(number)[-1] for number in range(t.num_nodes - 1)]  # all but the root

    def node(number: int) -> str:
        return t.paths()[NAMES.index(label(number))][0 if number % 3 == 0 else 1]

    dls = loaders(get_y=node, block=fv.CategoryBlock(vocab=nodes, sort=False))
    ours.check_vocab(dls, t)
    mixed: list[bool] = []

    class Watch(fv.Callback):  # type: ignore[misc]
        """Compares the mixed loss with the mean of both losses by lam."""

        def after_loss(self) -> None:
            """In training only: validation is not mixed."""
            if self.training:
                mix, each = self.mix_up, taxoloss.TaxonomyLoss(t, WEIGHTS, reduction="none")
                one, other = each(self.pred, *mix.yb1), each(self.pred, *self.yb)
                expected = (one * (1 - mix.lam) + other * mix.lam).mean()
                mixed.append(self.yb[0].dtype == torch.long and torch.allclose(self.loss, expected))

    columns = ours.level_metrics(t)
    made = learner(
        taxoloss.TaxonomyLoss(t, WEIGHTS), dls, Net(4), cbs=[fv.MixUp(), Watch(), ours.TaxonomyCallback()],
        metrics=columns,
    )  # fmt: skip
    with quiet():
        made.fit(1, 0.1)
    shown = dict(zip([column.name for column in columns], made.recorder.values[-1][2:], strict=True))
    logits, truth = made.get_preds(act=fv.noop)
    expected = taxoloss.metrics.collection(t, calibration=False)(logits, truth)
    return {
        "mixed": mixed,
        "shown": all(np.isclose(shown[name], float(expected[name]), equal_nan=True) for name in shown),
        "inner": int((truth >= 4).sum()),
    }


@trial
def masks() -> dict[str, Any]:
    """A DynamicUnet on masks: classes are dimension 1, as CrossEntropyLossFlat(axis=1) has them."""

    def mask(number: int) -> Any:
        return fv.PILMask.create(np.full((32, 32), number % 4, np.uint8))

    def seen(number: int) -> Any:
        return picture(number).resize((32, 32))

    dls = fv.DataBlock(
        (fv.ImageBlock, fv.MaskBlock(codes=np.array(NAMES))), get_x=seen, get_y=mask,
        splitter=fv.RandomSplitter(0.5, seed=0),
    ).dataloaders(pictures(8), bs=2, num_workers=0)  # fmt: skip
    codes = ours.class_names(dls)
    other = TREE.bind()
    found: dict[str, Any] = {
        "other order": said(
            lambda: fv.unet_learner(
                dls, fv.resnet18, pretrained=False, n_out=4, cbs=ours.TaxonomyCallback(other)
            )
        )
    }
    for name, loss in (
        ("ours", taxoloss.TaxonomyLoss(FLAT.bind(codes))),
        ("theirs", losses.CrossEntropyLossFlat(axis=1)),
        ("tree", taxoloss.TaxonomyLoss(TREE.bind(codes), WEIGHTS)),
    ):
        fv.set_seed(0, reproducible=True)
        options: dict[str, Any] = {"pretrained": False, "loss_func": loss, "n_out": 4}
        if name == "tree":
            columns = ours.level_metrics(TREE.bind(codes), ignore_index=255)
            options |= {"metrics": columns, "cbs": ours.TaxonomyCallback()}
        made = fv.unet_learner(dls, fv.resnet18, **options)
        made.remove_cbs(fv.ProgressCallback)
        preds, truth, decoded, costs = made.get_preds(with_loss=True, with_decoded=True)
        found[name] = [list(preds.shape), list(decoded.shape), list(truth.shape), float(costs.mean())]
        with quiet():
            made.show_results(max_n=2)
            if name == "tree":
                made.fit(1)
                found["table"] = list(made.recorder.metric_names[3:-1])
    return found


if __name__ == "__main__":
    import fastai_tables  # noqa: F401  # its trials too

    run()
