"""How a person reads the names of competitors."""

from __future__ import annotations

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
}


def label(name: str) -> str:
    """How a person reads the name of a competitor."""
    return LABELS.get(name, name)
