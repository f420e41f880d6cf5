"""Reading the ONNX files that `export_onnx` wrote: of the same tree and order, or refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss.errors.packages import package
from taxoloss.functional.inputs import refuse_probabilities
from taxoloss.integrations.export_metadata import Description, read
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.stored import difference
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["OnnxModel", "load_onnx"]

_EXTRA = "onnx"


class OnnxModel:
    """A file that `export_onnx` wrote, ready to be called; made by `load_onnx`."""

    def __init__(self, session: Any, said: Description) -> None:
        #: onnxruntime's InferenceSession.
        self.session = session
        #: The tree, bound to the file's order of classes.
        self.taxonomy = said.taxonomy
        #: What was answered, in words; None: nothing.
        self.decision = said.decision
        #: A `Threshold`, or a probability; None: the decision has none.
        self.threshold = said.threshold
        self._said = said

    @property
    def levels(self) -> tuple[str, ...]:
        """From the top."""
        return self.taxonomy.levels

    def __call__(self, *args: Any, **named: Any) -> Any:
        """What TaxonomyOutput gives, as numpy arrays: a dict level -> (N, nodes, d1..dk), and an answer.

        Args:
            args: the inputs in their order, arrays or tensors; or one dict of them by name.
            named: inputs by name.

        Raises:
            TypeError, ValueError: an input is missing or unknown; probabilities instead of logits.
        """
        feed = self._feed(args, named)
        if self._said.takes_logits:
            refuse_probabilities(torch.from_numpy(next(iter(feed.values()))))
        names = [*self._said.outputs.values(), *self._said.answers]
        found = dict(zip(names, self.session.run(names, feed), strict=True))
        log_probs = {level: found[name] for level, name in self._said.outputs.items()}
        answers = tuple(found[name] for name in self._said.answers)
        if not answers:
            return log_probs
        return log_probs, answers if len(answers) > 1 else answers[0]

    def _feed(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        inputs = {one.name: one for one in self.session.get_inputs()}
        given = dict(named)
        if len(args) == 1 and isinstance(args[0], Mapping):
            given |= args[0]
        else:
            given |= zip(inputs, args, strict=False)
            if len(args) > len(inputs):
                raise TypeError(f"expected {len(inputs)} inputs ({', '.join(inputs)}), got {len(args)}")
        if set(given) != set(inputs):
            shown = ", ".join(map(str, given)) or "none"
            raise TypeError(f"expected the inputs {', '.join(inputs)}; got {shown}")
        return {name: _as_array(value, inputs[name]) for name, value in given.items()}

    def __repr__(self) -> str:
        answer = "" if self.decision is None else f", {self.decision.partition(').')[0].rstrip(')')})"
        return f"OnnxModel({self.taxonomy!r}{answer})"


def load_onnx(
    path: str | os.PathLike[str] | bytes,
    taxonomy: Taxonomy | None = None,
    *,
    providers: Any = ("CPUExecutionProvider",),
) -> OnnxModel:
    """The model in a file that `export_onnx` wrote, if its classes are those of a taxonomy.

    Args:
        path: the file, or its bytes.
        taxonomy: bound; the tree and the order of classes that the file must have. None: the file's own,
            `OnnxModel.taxonomy`.
        providers: of onnxruntime.

    Raises:
        OSError: there is no such file.
        ValueError: it is not ONNX, it was not written by `export_onnx` or was changed, or it has another
            tree or order than the taxonomy.
        ModuleNotFoundError: onnxruntime is missing.
    """
    runtime = package("onnxruntime", "load_onnx", _EXTRA)
    shown = "these bytes" if isinstance(path, bytes) else os.fspath(path)
    if taxonomy is not None:
        loss_plan_of(taxonomy)  # raises where it is no bound taxonomy
    if not isinstance(path, bytes):
        with open(path, "rb"):  # onnxruntime has other errors for what is not there
            pass
        path = os.fspath(path)
    try:
        session = runtime.InferenceSession(path, providers=list(providers))
    except Exception as error:  # onnxruntime's own classes have no common one
        raise ValueError(
            f"expected an ONNX file that onnxruntime can run, got {shown}: "
            f"{str(error).splitlines()[0]:.200}"
        ) from None
    said = read(session.get_modelmeta().custom_metadata_map, shown)
    _check_outputs(session, said, shown)
    if taxonomy is not None:
        _refuse_another(said.taxonomy, taxonomy, shown)
    return OnnxModel(session, said)


def _check_outputs(session: Any, said: Description, file: str) -> None:
    """ValueError where the outputs are not those that the metadata tells."""
    widths = {one.name: one.shape for one in session.get_outputs()}
    wanted = {name: len(said.taxonomy.nodes(level)) for level, name in said.outputs.items()}
    for name in (*wanted, *said.answers):
        width = widths.get(name)
        if width is None:
            raise ValueError(f"expected the output {name} in {file}, got {', '.join(widths)}")
        if name in wanted and len(width) > 1 and isinstance(width[1], int) and width[1] != wanted[name]:
            raise ValueError(f"expected {wanted[name]} columns in {name} of {file}, got {width[1]}")


def _refuse_another(stored: Taxonomy, here: Taxonomy, file: str) -> None:
    """ValueError where a file's tree, or the order of its classes, is not the taxonomy's."""
    own = "load_onnx(path).taxonomy is its own"
    if said := difference(stored, here, file, own, own):
        raise ValueError(said)


_DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


def _as_array(value: Any, wanted: Any) -> Any:
    """An input as numpy; numbers with fractions in the dtype that the file takes."""
    array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    sizes = [size if isinstance(size, int) else None for size in wanted.shape]
    fits = array.ndim == len(sizes) and all(
        size in (None, here) for size, here in zip(sizes, array.shape, strict=True)
    )
    if not fits:
        shown = ", ".join("any" if size is None else str(size) for size in sizes)
        raise ValueError(f"expected {wanted.name} of shape ({shown}), got {array.shape}")
    if wanted.type == "tensor(bfloat16)":
        raise TypeError(f"{wanted.name} is bfloat16, which numpy has not: export the model in float32")
    if wanted.type in _DTYPES and array.dtype.kind == "f":
        return array.astype(_DTYPES[wanted.type], copy=False)
    return array
