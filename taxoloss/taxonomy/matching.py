"""Whether a list of classes is that of a tree: what fits, what is missing, what is meant by the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from taxoloss.errors.faults import BindingError, Fault
from taxoloss.errors.suggestions import MOST_COMPARISONS, may_be_slip, nearest_of_each
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.spelling import explained_pairs, same_signs
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Guess", "Match", "match"]


@dataclass(frozen=True)
class Guess:
    """An unknown class, the leaf that it may mean, and whether only its spelling differs."""

    name: str
    node: int
    path: tuple[str, ...]
    sure: bool
    #: The rule that explains the difference: "spelling", "accents", "order of words"; None of a likeness.
    rule: str | None = None


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
    """Each unknown class with one free leaf: by a rule of spelling, then the nearest; no leaf twice.

    None where it is as near to a leaf that another class names.
    """
    tree = taxonomy.tree
    single = _single(tree.names, free)
    known = set(free)
    taken = [tree.names[node] for node in tree.leaves.tolist() if node not in known]
    others = [name for name in {tree.names[node] for node in free} if name not in single]
    pairs = explained_pairs(extra, single, [*taken, *others])
    met = {target for target, _ in pairs.values()}
    found: dict[str, tuple[str, str | None]] = dict(pairs)
    rest = [name for name in single if name not in met]
    near = _nearest([*rest, *taken, *others], [name for name in extra if name not in pairs])
    twice = Counter(near.values())
    for name, target in near.items():
        if target in single and target not in taken and twice[target] == 1 and same_signs(name, target):
            found[name] = target, None
    guesses = ((name, single[found[name][0]], found[name][1]) for name in extra if name in found)
    return [Guess(name, node, tree.path(node), rule == "spelling", rule) for name, node, rule in guesses]


def _single(names: Sequence[str], nodes: list[int]) -> dict[str, int]:
    """The names that one of the nodes has, and its number."""
    count = Counter(names[node] for node in nodes)
    return {names[node]: node for node in nodes if count[names[node]] == 1}


def _nearest(leaves: list[str], names: list[str]) -> dict[str, str | None]:
    """For each name the leaf nearest to it; none where not all can be compared."""
    if len(leaves) * len(names) > MOST_COMPARISONS:  # a leaf near to one name may be nearer to another
        return {}
    near = zip(names, nearest_of_each(names, leaves), strict=True)
    return {name: leaf if leaf and may_be_slip(name, leaf) else None for name, leaf in near}
