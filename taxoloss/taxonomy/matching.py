"""Whether a list of classes is that of a tree: what fits, what is missing, what is meant by the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from taxoloss.errors.faults import BindingError, Fault
from taxoloss.errors.suggestions import MOST_COMPARISONS, nearest_of_each
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.spelling import pair_by_spelling, same_signs
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Guess", "Match", "match"]


@dataclass(frozen=True)
class Guess:
    """An unknown class, the leaf that it may mean, and whether only its spelling differs."""

    name: str
    node: int
    path: tuple[str, ...]
    sure: bool


@dataclass(frozen=True)
class Match:
    """A list of classes against a tree."""

    classes: int
    #: Classes that are leaves, and how many of these by an alias.
    fitting: int
    by_alias: int
    #: Leaves that no class names.
    missing: tuple[tuple[str, ...], ...]
    #: Classes that are no leaf.
    extra: tuple[str, ...]
    #: Classes that are inner nodes; with inner_classes they fit.
    inner: tuple[str, ...]
    guesses: tuple[Guess, ...]
    #: How many of the classes stand elsewhere than in the file; None where they do not fit.
    moved: int | None
    #: Every reason why they do not bind, in the words of `Taxonomy.bind`.
    faults: tuple[Fault, ...]


def match(
    taxonomy: Taxonomy,
    lines: Sequence[str],
    *,
    subset: bool = False,
    node_targets: bool = False,
    inner_classes: bool = False,
) -> Match:
    """Compares a list of class names, or paths a/b/c, with the leaves of a tree.

    Args:
        lines: in the order of the dataset.
        subset: whether leaves may be missing.
        node_targets: whether names may be inner nodes, as labels, and leaves may be missing.
        inner_classes: whether classes may be inner nodes, each with an output of the model.

    >>> import taxoloss
    >>> found = match(taxoloss.load({"tree": ["Bengal", "Maine Coon"]}), ["maine_coon", "Bengal"])
    >>> found.fitting, [(guess.name, guess.path, guess.sure) for guess in found.guesses]
    (1, [('maine_coon', ('Maine Coon',), True)])
    """
    index, tree = taxonomy.index, taxonomy.tree
    faults: tuple[Fault, ...] = ()
    moved = None
    try:
        if node_targets:
            index.nodes(lines)
        else:
            bind = taxonomy.restrict if subset else taxonomy.bind
            bound = bind(lines, inner_classes=inner_classes)
            moved = int((bound.order != range(len(bound))).sum()) if bound.order is not None else 0
    except BindingError as error:
        faults = error.faults
    meant = [index.find(nfc(line)) for line in lines]
    leaves = [[n for n in nodes if tree.is_leaf[n]] for nodes in meant]
    extra = [line for line, nodes in zip(lines, meant, strict=True) if not nodes]
    inner = [line for line, all, some in zip(lines, meant, leaves, strict=True) if all and not some]
    fitting = meant if inner_classes else leaves
    found = Counter(nodes[0] for nodes in fitting if len(nodes) == 1)
    by_alias = sum(
        len(nodes) == 1 and tree.names[nodes[0]] != nfc(line) and bool(index.by_name(nfc(line)))
        for line, nodes in zip(lines, fitting, strict=True)
    )
    free = [node for node in tree.leaves.tolist() if node not in found]
    return Match(
        classes=len(lines),
        fitting=len(found),
        by_alias=by_alias,
        missing=tuple(tree.path(node) for node in free),
        extra=tuple(extra),
        inner=tuple(inner),
        guesses=tuple(_guesses(taxonomy, list(dict.fromkeys(extra)), free)),
        moved=moved,
        faults=faults,
    )


def _guesses(taxonomy: Taxonomy, extra: list[str], free: list[int]) -> list[Guess]:
    """Each unknown class with one free leaf: by spelling, then the nearest; no leaf twice."""
    names = taxonomy.tree.names
    by_name: dict[str, list[int]] = {}
    for node in free:
        by_name.setdefault(names[node], []).append(node)
    single = {name: nodes[0] for name, nodes in by_name.items() if len(nodes) == 1}
    pairs, _, _ = pair_by_spelling(extra, single)
    taken = Counter(pairs.values())
    guesses = {name: (target, True) for name, target in pairs.items() if taken[target] == 1}
    rest = [name for name in single if name not in taken]
    near = _nearest(extra, rest, [name for name in extra if name not in pairs])
    twice = Counter(near.values())
    guesses |= {
        name: (target, False)
        for name, target in near.items()
        if target and twice[target] == 1 and same_signs(name, target)
    }
    return [
        Guess(
            name, single[guesses[name][0]], taxonomy.tree.path(single[guesses[name][0]]), guesses[name][1]
        )
        for name in extra
        if name in guesses
    ]


def _nearest(extra: list[str], free: list[str], names: list[str]) -> dict[str, str | None]:
    """For each name the free leaf nearest to it; none where not all can be compared."""
    if len(extra) * len(free) > MOST_COMPARISONS:  # a leaf near to one name may be nearer to another
        return {}
    return dict(zip(names, nearest_of_each(names, free), strict=True))
