"""How a person reads the names of competitors, and the options of cases."""

from __future__ import annotations

from benchmarks.suite import forms

LABELS = {
    "flat": "flat cross-entropy",
    "ours": "taxonomy loss",
    "ours permuted": "taxonomy loss, permuted classes",
    "ours regular": "taxonomy loss, regular tree",
    "flat compiled": "flat cross-entropy, compiled",
    "ours compiled": "taxonomy loss, compiled",
    "dense matrices": "log(softmax @ A), a dense A for each level",
    "gathered groups": "logsumexp of gathered groups, log_softmax on each level",
    "scatter": "logsumexp of each level by scattering",
    "hierarchicalsoftmax": "hierarchicalsoftmax (another loss)",
    "others": "the fastest other way",
    "empty function": "an empty autograd.Function",
    "logits": "the logits' bytes",
    "softmax": "a softmax of the logits",
    "collection": "an update of metrics.collection",
}
OPTIONS = {
    "none": "",
    "smoothing": "label_smoothing=0.1",
    "probabilities": "class probabilities as targets",
    "node probabilities": "probabilities of all nodes as targets",
    "torch.func": "gradient by torch.func.grad",
    "double backward": "gradient of the gradient's square norm",
}
NATIVE, PURE = "native", "Python"


def label(name: str) -> str:
    """How a person reads the name of a competitor, with its form where it has two."""
    words = without_form(name)
    return (
        f"{words}, {PURE if forms.parts(name)[1] else NATIVE}" if name.split()[0] in forms.BOTH else words
    )


def without_form(name: str) -> str:
    """The same, whichever the form."""
    plain, _ = forms.parts(name)
    first, _, levels = plain.partition(" ")
    return f"{levels} levels" if first == "levels" else LABELS.get(plain, plain)
