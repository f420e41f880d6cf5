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
    plain, pure = forms.parts(name)
    first, _, levels = plain.partition(" ")
    words = f"{levels} levels" if first == "levels" else LABELS.get(plain, plain)
    return f"{words}, {PURE if pure else NATIVE}" if first in forms.BOTH else words
