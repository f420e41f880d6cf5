"""A section of a model card: which tree, which class is which output, how good, how to load it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.errors.characters import counted
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["model_card"]

#: Classes up to which the whole tree stands in a card.
_MOST = 1000


def model_card(
    taxonomy: Taxonomy, scores: Mapping[str, Any] | None = None, threshold: Threshold | float | None = None
) -> str:
    """A section of Markdown about a model's classes, for its README.md.

    It has the tree as a file that `taxoloss.load` reads and the order of the outputs (up to 1,000
    classes; of more it names two files that are yours to write), digests, scores, and the code that loads
    and checks.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        scores: key -> number, such as `Trainer.evaluate()` or `taxoloss.metrics.collection` gives.
        threshold: for `decisions.climb`: a probability, or one that was calibrated.

    Raises:
        TypeError: a score is no number.
        ValueError: the taxonomy is not bound; the threshold is of another tree or order.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal"], "dog": ["pug"]}}).bind(["pug", "Bengal"])
    >>> print(model_card(t, {"eval_accuracy/depth_1": 0.9})[:70])
    ## Classes
    <BLANKLINE>
    2 classes in a tree of 2 levels: depth_1 (2), depth_2 (2).
    """
    loss_plan_of(taxonomy)  # raises where it is no bound taxonomy
    if isinstance(threshold, Threshold):
        threshold.require(taxonomy)
    sections = [_classes(taxonomy), _loading(taxonomy), _scores(scores or {}), _threshold(threshold)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _classes(taxonomy: Taxonomy) -> str:
    widths = ", ".join(f"{level} ({len(taxonomy.nodes(level)):,})" for level in taxonomy.levels)
    levels = counted(len(taxonomy.levels), "level")
    kind, several = "tree", ""
    if not taxonomy.is_tree:
        kind = "graph"
        several = f" Several parents: {counted(len(taxonomy.tree.several_parents), 'node')}."
    parts = ["## Classes", f"{len(taxonomy):,} classes in a {kind} of {levels}: {widths}.{several}"]
    order = f"with the order of the outputs `{taxonomy.binding_digest}`"
    parts.append(f"{kind.capitalize()} `{taxonomy.digest}`, {order}.")
    if len(taxonomy) > _MOST:
        return "\n\n".join(
            [
                *parts,
                f"{kind.capitalize()} and order stand beside this card: `taxonomy.yaml`, `classes.json`.",
            ]
        )
    return "\n\n".join([
        *parts,
        f"The {kind} (`taxonomy.yaml`):",
        _fenced("yaml", _file(taxonomy)),
        "The class of each output, first to last (`classes.json`):",
        _fenced("json", json.dumps(_order(taxonomy), ensure_ascii=False)),
    ])  # fmt: skip


def _file(taxonomy: Taxonomy) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "taxonomy.yaml"
        taxonomy.save(path)
        return path.read_text(encoding="utf-8")


def _order(taxonomy: Taxonomy) -> list[list[str]]:
    """The path of each class; of one above other classes the path of its node, as `bind` takes it."""
    own = taxonomy.tree.own
    above = set() if own is None else set(taxonomy.ids_of_nodes[own].tolist())
    return [list(path[:-1] if number in above else path) for number, path in enumerate(taxonomy.paths())]


def _loading(taxonomy: Taxonomy) -> str:
    inner = "" if taxonomy.tree.own is None else ", inner_classes=True"
    targets = ", node_targets=True" if taxonomy.node_targets else ""
    code = (
        "import json, taxoloss\n\n"
        'classes = json.load(open("classes.json", encoding="utf-8"))\n'
        f't = taxoloss.load("taxonomy.yaml").bind(classes{targets}{inner})\n'
        f'assert t.same_binding("{taxonomy.binding_digest}")'
    )
    return f"### Loading\n\n{_fenced('python', code)}"


def _scores(scores: Mapping[str, Any]) -> str:
    if not scores:
        return ""
    rows = [f"| {_cell(name)} | {_number(value)} |" for name, value in scores.items()]
    return "\n".join(["### Scores", "", "| score | value |", "|---|---|", *rows])


def _cell(text: object) -> str:
    return re.sub(r"([|`*_<>\[\]\\])", r"\\\1", str(text))


def _number(value: Any) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"expected scores as numbers, got {type(value).__name__} {value!r:.40}: leave out what "
            "is no score"
        ) from None
    return "none counted" if math.isnan(number) else f"{number:.4g}"


def _threshold(threshold: Threshold | float | None) -> str:
    if threshold is None:
        return ""
    if isinstance(threshold, Threshold):
        said = f"`decisions.{threshold.decision}` with log-odds above {threshold.log_odds:.6g}. {threshold}"
    else:
        said = (
            f"A node is answered where its probability is above {float(threshold):g} (`decisions.climb`)."
        )
    return f"### Unspecific answers\n\n{said}"


def _fenced(language: str, text: str) -> str:
    """A block of code, whatever backticks stand in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
