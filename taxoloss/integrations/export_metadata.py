"""What an exported model says of its classes: texts by name, as ONNX files and torch.export's take them."""

from __future__ import annotations

import functools
import inspect
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.decisions.cut import log_odds_of
from taxoloss.errors.formats import installed_version
from taxoloss.heads.output import Decision
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FORMAT", "Description", "described", "output_names", "read"]

FORMAT = "taxoloss export 1"
_PREFIX = "taxoloss."
#: What every file says.
_REQUIRED = ("format", "levels", "outputs", "tree", "digest", "binding_digest")


@dataclass(frozen=True)
class Description:
    """What a file says of itself."""

    taxonomy: Taxonomy
    #: level -> the name of its output.
    outputs: Mapping[str, str]
    #: The outputs that hold the answer: none, ids, or ids and probabilities.
    answers: tuple[str, ...]
    #: The decision in words; None: no answer.
    decision: str | None
    #: What the decision compares with.
    threshold: Threshold | float | None
    #: Whether the input is logits.
    takes_logits: bool


def output_names(levels: Sequence[str]) -> dict[str, str]:
    """level -> a name that ONNX allows (letters, digits, _), each another.

    >>> output_names(["species", "sub species", "sub-species", "Art ü"])
    {'species': 'log_probs_species', 'sub species': 'log_probs_sub_species',
     'sub-species': 'log_probs_sub_species_2', 'Art ü': 'log_probs_Art'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for number, level in enumerate(levels, 1):
        stem = re.sub(r"[^A-Za-z0-9]+", "_", level).strip("_") or f"level_{number}"
        name, again = f"log_probs_{stem}", 2
        while name in taken:
            name, again = f"log_probs_{stem}_{again}", again + 1
        taken.add(name)
        found[level] = name
    return found


def described(
    taxonomy: Taxonomy, decision: Decision | None, answers: Sequence[str], takes_logits: bool
) -> dict[str, str]:
    """The texts of a model that ends in TaxonomyOutput(taxonomy, decision)."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "version": installed_version(),
        "levels": list(taxonomy.levels),
        "outputs": output_names(taxonomy.levels),
        "nodes": {level: taxonomy.nodes(level) for level in taxonomy.levels},
        "classes": taxonomy.paths(),
        # What an answer means to whoever has onnxruntime only; the root is [].
        "node_paths": [taxonomy.path(node) for node in range(taxonomy.num_nodes)],
        "tree": taxonomy.to_dict(),
        "digest": taxonomy.digest,
        "binding_digest": taxonomy.binding_digest,
        "input": "logits" if takes_logits else "model",
    }
    if decision is not None:
        said |= {"answers": list(answers), "decision": _in_words(decision)}
        threshold = _setting(decision, "threshold")
        if threshold is not None:
            said["threshold"] = _as_json(threshold)
    texts = {key: value if isinstance(value, str) else _text(value) for key, value in said.items()}
    return {_PREFIX + key: text for key, text in texts.items()}


def read(texts: Mapping[str, str], file: str) -> Description:
    """What `described` wrote.

    Raises:
        ValueError: it did not write it, a later version did, or it was changed.
    """
    said = {key.removeprefix(_PREFIX): text for key, text in texts.items() if key.startswith(_PREFIX)}
    if not said:
        raise ValueError(
            f"expected a file that taxoloss.export_onnx wrote, got {file}: it says nothing of its classes"
        )
    if said.get("format", FORMAT) != FORMAT:
        raise ValueError(
            f"expected the format {FORMAT!r}, got {said['format']!r} in {file}: a newer taxoloss wrote it"
        )
    try:
        missing = [key for key in _REQUIRED if key not in said]
        if missing:
            raise ValueError(f"{_PREFIX}{missing[0]} is missing")
        return _description(said)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"what {file} says of its classes was changed or cut off: {error}") from None


def _description(said: Mapping[str, str]) -> Description:
    taxonomy = Taxonomy.from_dict(json.loads(said["tree"]))
    if taxonomy.digest != said["digest"] or not taxonomy.same_binding(said["binding_digest"]):
        raise ValueError("its tree is not the one whose digest stands beside it")
    outputs = json.loads(said["outputs"])
    if json.loads(said["levels"]) != list(taxonomy.levels) or list(outputs) != list(taxonomy.levels):
        raise ValueError("its levels are not those of its tree")
    _refuse_other_names(said, taxonomy)
    threshold = json.loads(said["threshold"]) if "threshold" in said else None
    return Description(
        taxonomy=taxonomy,
        outputs=outputs,
        answers=tuple(json.loads(said.get("answers", "[]"))),
        decision=said.get("decision"),
        threshold=None if threshold is None else _threshold(threshold, taxonomy),
        takes_logits=said.get("input") == "logits",
    )


def _refuse_other_names(said: Mapping[str, str], taxonomy: Taxonomy) -> None:
    """ValueError where the names that others read are not those of the tree beside them."""
    nodes = {level: list(taxonomy.nodes(level)) for level in taxonomy.levels}
    classes = [list(path) for path in taxonomy.paths()]
    for key, there in (("nodes", nodes), ("classes", classes)):
        if key in said and json.loads(said[key]) != there:
            raise ValueError(f"its {key} are not those of its tree")


# -- decisions and thresholds ----------------------------------------------------------------------


def _setting(decision: Decision, name: str) -> Any:
    """What a decision takes for an argument, also by default; None where it has none such."""
    try:
        parameter = inspect.signature(decision).parameters.get(name)
    except (TypeError, ValueError):
        return None
    unset = parameter is None or parameter.default is inspect.Parameter.empty
    return None if unset or parameter is None else parameter.default


def _in_words(decision: Decision) -> str:
    """climb(threshold=0.9), and the promise of a Threshold."""
    function: Any = decision
    settings: dict[str, Any] = {}
    while isinstance(function, functools.partial):
        settings = {**function.keywords, **settings}
        function = function.func
    name = getattr(function, "__qualname__", type(function).__qualname__)
    shown = [f"{key}={_shown(value)}" for key, value in settings.items()]
    promises = [str(value) for value in settings.values() if isinstance(value, Threshold)]
    return ". ".join([f"{name.rpartition('.')[2]}({', '.join(shown)})", *promises])


def _shown(value: Any) -> str:
    if isinstance(value, Threshold):
        return f"{value.probability:.6g}"
    return f"{value!r:.60}"


def _as_json(threshold: Any) -> dict[str, Any]:
    """A Threshold with all it promises, or a probability."""
    if isinstance(threshold, Threshold):
        return {"probability": threshold.probability, **threshold.to_dict()}
    log_odds = log_odds_of(threshold)
    shown: float | str = log_odds if math.isfinite(log_odds) else str(log_odds)
    return {"probability": float(threshold), "log_odds": shown}


def _threshold(data: Mapping[str, Any], taxonomy: Taxonomy) -> Threshold | float:
    """What `_as_json` wrote; ValueError where it is of another tree, or no probability."""
    if "risk" in data:
        found = Threshold.from_dict(data)
        found.require(taxonomy)
        return found
    log_odds_of(data["probability"])
    return float(data["probability"])


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
