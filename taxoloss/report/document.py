"""All numbers of a report as one document: plain data, which stands in the page as JSON.

Nodes are numbered as in `Taxonomy.tree`: depth-first, the root 0; so the nodes below one are a range.
"""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from taxoloss.errors.formats import installed_version
from taxoloss.evaluation.branches import Branch, Branches
from taxoloss.evaluation.data import branch_data
from taxoloss.evaluation.rules import RULES
from taxoloss.evaluation.scores import Evaluation, Settings
from taxoloss.evaluation.sentences import FEW_GROUPS, of_few_groups
from taxoloss.report.numbers.advice import advice
from taxoloss.report.numbers.calibration import calibration
from taxoloss.report.numbers.chosen import chosen_rows, samples
from taxoloss.report.numbers.doubts import warning
from taxoloss.report.numbers.first import first
from taxoloss.report.numbers.gathered import Gathered
from taxoloss.report.numbers.mistakes import LABELS, cross_pairs, label_errors, mistakes
from taxoloss.report.numbers.nodes import nodes
from taxoloss.report.numbers.pairs import pairs as confused
from taxoloss.report.numbers.unsure import unsure
from taxoloss.report.thumbnails import Thumbnails
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Compared", "Head", "document_of"]

_FORMAT = "taxoloss report 1"
#: Characters of a node's description.
_TOLD = 120
#: Nodes of two models: more would make the page of a large tree too large.
_NODES = 2000


@dataclass(frozen=True)
class Head:
    """What the page is of.

    Args:
        title: of the page.
        file: of the predictions.
        settings: by which answers were made of them.
        groups: of all rows that were scored; None: they have none.
        group: what the file calls them.
    """

    title: str
    file: str
    settings: Settings
    groups: Sequence[str] | None = None
    group: str | None = None

    @property
    def count(self) -> int | None:
        """How many groups there are."""
        return None if self.groups is None else len(set(self.groups))

    @property
    def path_decision(self) -> str:
        """The decision that a threshold is offered for: the one that was used, or else `climb`."""
        used = self.settings.decision
        return used if used is not None and RULES[used].calibrated else "climb"


@dataclass(frozen=True, eq=False)
class Compared:
    """A second model beside the first.

    Args:
        names: of the first and the second.
        file: of the second.
        data: as `taxoloss compare --format json` prints it.
        branches: the nodes that were looked at.
        gathered: what the second model answered to the samples that both have.
    """

    names: tuple[str, str]
    file: str
    data: dict[str, Any]
    branches: Branches
    gathered: Gathered


def document_of(
    head: Head,
    gathered: Gathered,
    found: Evaluation,
    evaluate: dict[str, Any],
    compared: Compared | None,
    pictures: Thumbnails | None,
    most_pictures: int,
) -> dict[str, Any]:
    """The document of a report.

    Args:
        head: its title and file.
        gathered: what was answered.
        found: the scores of it.
        evaluate: these as `taxoloss evaluate --format json` prints them.
        compared: a second model.
        pictures: of the samples.
        most_pictures: how many of them stand in the page at most.
    """
    pairs = [(pair["truth"], pair["answer"]) for pair in cross_pairs(gathered)]
    rows = chosen_rows(gathered, pairs, label_errors(gathered)[:LABELS])
    wrong = mistakes(gathered, rows, None if compared is None else compared.gathered)
    shown = samples(gathered, rows)
    words = first(gathered, found)
    images: list[str] = []
    if pictures is not None and shown["id"] is not None:
        shown["image"] = _pictures(shown, wrong["labels"]["rows"], pictures, most_pictures)
        images = pictures.images
        words["warnings"] += [warning("pictures", text, 0) for text in pictures.told()]
    if head.count is not None and head.count < FEW_GROUPS:
        words["warnings"].append(warning("few_groups", of_few_groups(head.count), head.count))
    return {
        "format": _FORMAT,
        "title": head.title,
        "made": _made(),
        "taxonomy": _about(gathered.taxonomy),
        "file": {
            "name": head.file,
            "versus": None if compared is None else compared.file,
            "names": None if compared is None else list(compared.names),
            "group": None if head.count is None else head.group,
            "groups": head.count,
        },
        "evaluate": evaluate,
        "first": words,
        "tree": {**nodes(gathered), "description": _descriptions(gathered.taxonomy)},
        "pairs": confused(gathered),
        "mistakes": wrong,
        "samples": shown,
        "images": images,
        "unsure": unsure(
            gathered,
            decision=head.path_decision,
            coarse=head.settings.coarse,
            groups=head.groups,
            threshold=found.threshold,
            delivered=found.delivered,
        ),
        "advice": advice(gathered),
        "calibration": calibration(gathered, found.scores),
        "compare": None if compared is None else compared.data,
        "versus": None
        if compared is None
        else {
            "nodes": _differences(compared),
            "total": compared.branches.looked_at,
        },
    }


def _made() -> dict[str, str]:
    return {
        "at": datetime.date.today().isoformat(),
        "taxoloss": installed_version(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _about(taxonomy: Taxonomy) -> dict[str, Any]:
    return {
        "name": taxonomy.name,
        "digest": taxonomy.digest,
        "binding_digest": taxonomy.binding_digest,
        "classes": len(taxonomy),
        "nodes": taxonomy.num_nodes,
        "levels": list(taxonomy.levels),
        "is_tree": taxonomy.is_tree,
    }


def _descriptions(taxonomy: Taxonomy) -> dict[str, str]:
    """What the file says of nodes, whose names are often codes; long texts are cut."""
    return {
        str(node): text if len(text) <= _TOLD else f"{text[: _TOLD - 1]}…"
        for node, text in taxonomy.descriptions.items()
    }


def _pictures(
    shown: dict[str, Any], labels: list[int], pictures: Thumbnails, most: int
) -> list[int | None]:
    """For each row that is shown its picture: first those of likely label errors, then of the worst."""
    probability = shown["probability"] or [None] * len(shown["row"])
    first = set(labels)

    def order(at: int) -> tuple[bool, int, float]:
        return at not in first, -shown["height"][at], -(probability[at] or 0.0)

    rows = sorted(range(len(shown["row"])), key=order)
    places = pictures.take([shown["id"][at] for at in rows], most)
    found = dict(zip(rows, places, strict=True))
    return [found[at] for at in range(len(rows))]


def _differences(compared: Compared) -> dict[str, list[Any]]:
    """The nodes that were looked at, those that surely differ first, as columns."""
    names = ("node", "rows", "may_be_chance", "a", "b", "difference", "low", "high")
    rows = [{"node": one.node, **branch_data(one)} for one in sorted(compared.branches.each, key=_sureness)]
    return {
        name: [round(row[name], 5) if isinstance(row[name], float) else row[name] for row in rows[:_NODES]]
        for name in names
    }


def _sureness(branch: Branch) -> float:
    """The less, the surer it is that the two models differ at a node."""
    return -max(branch.difference.low, -branch.difference.high)
