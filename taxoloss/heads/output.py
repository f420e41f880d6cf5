"""The end of a model that is deployed: leaf logits -> every level's log-probabilities, and an answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from taxoloss.functional.inputs import check_logits
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.heads.bound import Bound
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Decision", "TaxonomyOutput", "checked_decision"]

#: f(logits, taxonomy) -> node ids, or a pair of node ids and their probabilities.
Decision: TypeAlias = Callable[[Tensor, Taxonomy], Any]
_EXAMPLES = "taxoloss.decisions.leaf or functools.partial(taxoloss.decisions.climb, threshold=0.9)"


class TaxonomyOutput(Bound):
    """Leaf logits -> the log-probabilities of every level, and the answer of a decision.

    It goes behind a model, as in `nn.Sequential(model, TaxonomyOutput(t))`, and with it through
    torch.export, torch.compile and torch.onnx.export; `taxoloss.export_onnx` does the last and names the
    outputs. It has no parameters. Its state is the digest of the class order, so that the state of another
    order is refused; a state without one, such as that of the model alone, is loaded.

    Args:
        taxonomy: bound to the order of the logits (`Taxonomy.bind`).
        decision: f(logits, taxonomy) -> node ids, such as `taxoloss.decisions.leaf`, or
            `functools.partial(taxoloss.decisions.climb, threshold=0.9)`; None: no answer.

    Shape:
        - input: logits (N, C, d1..dk), or (C,)
        - output: dict level -> (N, nodes, d1..dk), top level first, as `functional.level_log_probs` gives;
          with a decision a pair of this dict and the answer: node ids (N, d1..dk), or what else the
          decision gives, such as a pair of ids and probabilities

    Raises:
        TypeError: the taxonomy is no Taxonomy; the decision is not callable, needs more arguments or gives
            no node ids.
        ValueError: the taxonomy is not bound; a threshold of another tree or order; a decision of
            probabilities; another class count; probabilities instead of logits.
        RuntimeError: load_state_dict, of the state of another taxonomy or class order.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> log_probs, answer = TaxonomyOutput(t, taxoloss.decisions.leaf)(torch.tensor([[0.0, 2.0, 0.0]]))
    >>> log_probs["depth_1"].exp(), t.describe(answer)[0].name
    (tensor([[0.8935, 0.1065]]), 'Sphynx')
    """

    def __init__(self, taxonomy: Taxonomy, decision: Decision | None = None) -> None:
        loss_plan_of(taxonomy)  # raises where it is no bound taxonomy
        super().__init__(taxonomy)
        self.decision = checked_decision(decision, taxonomy)

    def forward(self, logits: Tensor) -> Any:
        """The log-probabilities by level; with a decision a pair of these and its answer."""
        self.compare_binding()
        check_logits(logits, loss_plan_of(self.taxonomy))
        log_probs = level_log_probs(logits, self.taxonomy)
        if self.decision is None:
            return log_probs
        return log_probs, _checked_answer(self.decision(logits, self.taxonomy))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)
        missing, key = rest[1], prefix + "binding"
        if key in missing:  # the state of a model that had no such end
            missing.remove(key)

    def extra_repr(self) -> str:
        """What the module was made of."""
        named = self.decision is not None and not isinstance(self.decision, torch.nn.Module)
        return f"{self.taxonomy!r}" + (f", decision={self.decision!r}" if named else "")


def checked_decision(decision: Any, taxonomy: Taxonomy) -> Decision | None:
    """The decision; TypeError or ValueError where it can answer no logits of this taxonomy."""
    if decision is None:
        return None
    if not callable(decision) or isinstance(decision, type):
        shown = f"{type(decision).__name__} {decision!r:.60}"
        raise TypeError(
            f"expected decision as a callable f(logits, taxonomy), such as {_EXAMPLES}; got {shown}"
        )
    try:
        bound = inspect.signature(decision).bind(None, taxonomy)
    except TypeError as error:
        raise TypeError(
            f"expected decision as a callable f(logits, taxonomy), such as {_EXAMPLES}; got one that fails "
            f"there: {error}"
        ) from None
    except ValueError:  # what is written in C may tell no signature
        return decision  # type: ignore[no-any-return]
    bound.apply_defaults()
    if bound.arguments.get("probabilities") is True:
        raise ValueError(
            "expected a decision of logits, got one with probabilities=True: what it is given here are "
            "logits; leave probabilities=True out"
        )
    for value in bound.arguments.values():
        for setting in value.values() if isinstance(value, dict) else (value,):
            if hasattr(setting, "require") and not isinstance(setting, Taxonomy):
                setting.require(taxonomy)  # a Threshold serves one tree and one order
    return decision  # type: ignore[no-any-return]


def _checked_answer(answer: Any) -> Any:
    """The answer; TypeError where it holds no node ids."""
    ids = answer[0] if isinstance(answer, tuple) and answer else answer
    if isinstance(ids, Tensor) and not (ids.is_floating_point() or ids.is_complex()):
        return answer
    kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
    raise TypeError(
        f"expected the decision to give integer node ids, or a pair of these and probabilities; got {kind}"
    )
