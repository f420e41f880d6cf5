"""A taxonomy as plain data, for configs and checkpoints; and its mappings, which cannot be changed.

Nodes are numbered depth first, from 1; 0 is the root, and has no row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, NoReturn, Protocol, TypeVar

import numpy as np
from pydantic import StrictBool, StrictInt, StrictStr, ValidationError

from taxoloss.errors.characters import quoted
from taxoloss.taxonomy.file.metadata import Described, as_head
from taxoloss.taxonomy.file.models import HEAD, LevelSpec, Name, TaxonomySpec, Text
from taxoloss.taxonomy.names import name_faults, text_of
from taxoloss.taxonomy.tree.arrays import IntArray, Tree, arrange
from taxoloss.taxonomy.tree.reach import redundant_edges

__all__ = ["ReadOnlyDict", "as_plain", "check_digests", "from_plain"]

_K = TypeVar("_K")
_V = TypeVar("_V")
_FORMAT = "taxonomy 1"
_MOST = 5
_PLAIN = {str, int, float, bool, type(None)}


class ReadOnlyDict(dict[_K, _V]):
    """A dict that cannot be changed, and that can be pickled and copied, as a mappingproxy cannot."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "the mappings of a taxonomy cannot be changed: t.replace(...) makes another taxonomy"
        )

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


class Plain(Described, Protocol):
    """What `as_plain` writes: a Taxonomy."""

    @property
    def tree(self) -> Tree: ...
    @property
    def order(self) -> IntArray | None: ...
    @property
    def node_targets(self) -> bool: ...
    @property
    def digest(self) -> str: ...
    @property
    def binding_digest(self) -> str: ...
    def same_binding(self, digest: str) -> bool: ...


class TaxonomyData(TaxonomySpec):
    """What `as_plain` made: the head as in a file, then a row a node."""

    taxoloss: Literal["taxonomy 1"]
    levels: tuple[LevelSpec, ...]
    names: tuple[StrictStr, ...]
    parents: tuple[StrictInt, ...]
    node_levels: tuple[StrictInt, ...]
    aliases: tuple[tuple[StrictInt, tuple[Name, ...]], ...]
    descriptions: tuple[tuple[StrictInt, Text], ...]
    own_leaves: tuple[StrictInt, ...] = ()
    also_under: tuple[tuple[StrictInt, StrictInt], ...] = ()
    order: tuple[StrictInt, ...] | None
    node_targets: StrictBool
    digest: str
    binding_digest: str


def as_plain(taxonomy: Plain) -> dict[str, Any]:
    """See `Taxonomy.to_dict`."""
    tree = taxonomy.tree
    head: dict[str, Any] = _copied(as_head(taxonomy))
    return {
        "taxoloss": _FORMAT,
        **head,
        "names": [text_of(name) for name in tree.names[1:]],
        "parents": tree.parent[1:].tolist(),
        "node_levels": tree.level[1:].tolist(),
        "aliases": [[node, [text_of(a) for a in names]] for node, names in taxonomy.aliases.items()],
        "descriptions": [[node, text_of(text)] for node, text in taxonomy.descriptions.items()],
        **({} if tree.own is None else {"own_leaves": tree.own.tolist()}),
        **({} if tree.also_under is None else {"also_under": tree.also_under.tolist()}),
        "order": None if taxonomy.order is None else taxonomy.order.tolist(),
        "node_targets": bool(taxonomy.node_targets),
        "digest": taxonomy.digest,
        "binding_digest": taxonomy.binding_digest,
    }


def from_plain(data: Any) -> dict[str, Any]:
    """The fields of the Taxonomy that `as_plain` wrote; see `Taxonomy.from_dict` for what it raises."""
    if not isinstance(data, Mapping):
        raise TypeError(f"expected the dict of Taxonomy.to_dict, got {type(data).__name__} {data!r:.60}")
    if data.get("taxoloss") != _FORMAT:
        raise ValueError(
            f"expected the dict of Taxonomy.to_dict, with taxoloss: {_FORMAT!r}, got "
            f"{data.get('taxoloss')!r:.40} there"
        )
    try:
        form = TaxonomyData.model_validate(_copied(data))
    except ValidationError as error:
        raise ValueError(_message(error)) from None
    tree = _tree(form)
    weights = {level.name: level.weight for level in form.levels if level.weight is not None}
    if weights and len(weights) < len(form.levels):
        raise ValueError(f"expected a weight for every level or for none, got {weights}")
    return {
        "tree": tree,
        **{key: getattr(form, key) for key in HEAD},
        "level_weights": weights or None,
        "level_descriptions": {lv.name: lv.description for lv in form.levels if lv.description is not None},
        "aliases": _by_node(form.aliases, "aliases", len(tree)),
        "descriptions": _by_node(form.descriptions, "descriptions", len(tree)),
        "order": None if form.order is None else _order(form.order, len(tree.leaves)),
        "node_targets": form.node_targets,
    }


def check_digests(taxonomy: Plain, data: Mapping[str, Any]) -> None:
    """ValueError where the data is not what its digests were made of."""
    same = {
        "digest": taxonomy.digest == data["digest"],
        "binding_digest": taxonomy.same_binding(data["binding_digest"]),
    }
    for key, fits in same.items():
        if not fits:
            what = "tree" if key == "digest" else "order of the classes"
            raise ValueError(
                f"expected the {what} whose {key} stands beside it, {data[key]:.12}, got "
                f"{getattr(taxonomy, key)[:12]}: it was changed after Taxonomy.to_dict wrote it"
            )


def _copied(value: Any) -> Any:
    """Dicts, lists and values of Python's own types, also of what only behaves as these do."""
    if type(value) is list and set(map(type, value)) <= _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {text_of(key): _copied(item) for key, item in value.items()}
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        return int(value) if isinstance(value, Integral) else float(value)
    return [_copied(item) for item in value] if isinstance(value, Sequence) else value


def _message(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False)
    lines = []
    for fault in faults[:_MOST]:
        place = ".".join(map(str, fault["loc"]))
        lines.append(f"  {place}: {fault['msg']}, got {fault['input']!r:.40}")
    if len(faults) > _MOST:
        lines.append(f"  and {len(faults) - _MOST:,} more")
    return "\n".join(["this is not what Taxonomy.to_dict makes:", *lines])


# -- what was read ---------------------------------------------------------------------------------


def _tree(form: TaxonomyData) -> Tree:
    """The tree of the rows; ValueError where they are none."""
    levels = tuple(level.name for level in form.levels)
    if len(set(levels)) < len(levels):
        raise ValueError(f"expected levels of different names, got {', '.join(map(quoted, levels))}")
    _check_names(form)
    parent, level = _numbers((0, *form.parents), "parents"), _numbers((0, *form.node_levels), "node_levels")
    node = np.arange(len(parent))
    _check_all((parent >= 0) & (parent < np.maximum(node, 1)), "a parent's number, below its own", parent)
    below = (level > level[parent]) & (level <= len(levels))
    below[0] = True
    _check_all(below, f"a level below its parent's, at most {len(levels)}", level)
    if not np.array_equal(arrange(parent), node):
        raise ValueError(f"expected the parents of nodes in depth-first order, got {form.parents!r:.60}")
    own = _numbers(form.own_leaves, "own_leaves") if form.own_leaves else None
    also = _further_parents(form, parent, level)
    tree = Tree(("", *form.names), parent, level, levels, own, also)
    if len(tree.leaves) < 2:
        raise ValueError(f"expected at least two classes, got {len(tree.leaves)}")
    _check_own_leaves(tree)
    return tree


def _further_parents(form: TaxonomyData, parent: IntArray, level: IntArray) -> IntArray | None:
    """The further parents of the rows; ValueError where they are none, or an edge says nothing more."""
    if not form.also_under:
        return None
    parents = {node: [above] for node, above in enumerate(parent[1:].tolist(), 1)}
    for node, above in form.also_under:
        # A level is below another, so no edge makes a cycle.
        known = 0 < node < len(parent) and 0 < above < len(parent) and above not in parents[node]
        if not known or level[above] >= level[node]:
            expected = "a node and another parent of it, on a level above, in each pair of also_under"
            raise ValueError(f"expected {expected}, got {(node, above)}")
        parents[node].append(above)
    if list(form.also_under) != sorted(form.also_under) or redundant_edges(parents):
        raise ValueError(
            f"expected also_under in order, no edge that others say, got {form.also_under!r:.60}"
        )
    return np.array(form.also_under, np.int64)


def _check_own_leaves(tree: Tree) -> None:
    """ValueError where leaves of nodes' own are not in order, or do not stand first below their nodes."""
    own = [] if tree.own is None else tree.own.tolist()
    for before, leaf in zip([0, *own], own, strict=False):
        fits = before + 1 < leaf < len(tree) and tree.parent[leaf] == leaf - 1
        fits = fits and tree.names[leaf] == tree.names[leaf - 1] and bool(tree.is_leaf[leaf])
        if not fits or tree.num_children[leaf - 1] < 2:
            raise ValueError(
                "expected in own_leaves leaves in order, each the first of several below a node of its "
                f"name, got {leaf}"
            )


def _check_names(form: TaxonomyData) -> None:
    sizes = {"names": len(form.names), "parents": len(form.parents), "node_levels": len(form.node_levels)}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"expected as many names as parents and node_levels, got {sizes}")
    for node, name in enumerate(form.names, 1):
        for _, message in name_faults(name):
            raise ValueError(f"node {node}: {message}")
    first: dict[tuple[int, str], int] = {}
    for node, place in enumerate(zip(form.parents, form.names, strict=True), 1):
        if first.setdefault(place, node) != node:
            raise ValueError(
                f"expected names that differ among the children of a node, got {quoted(place[1])} as "
                f"nodes {first[place]} and {node}"
            )


def _numbers(values: Sequence[int], what: str) -> IntArray:
    try:
        return np.array(values, np.int64)
    except OverflowError:
        raise ValueError(f"expected numbers of nodes as {what}, got {max(values, key=abs)}") from None


def _check_all(right: Any, expected: str, found: IntArray) -> None:
    if not right.all():
        node = int(np.flatnonzero(~right)[0])
        raise ValueError(f"node {node}: expected {expected}, got {found[node]}")


def _order(order: Sequence[int], classes: int) -> IntArray:
    if sorted(order) != list(range(classes)):
        raise ValueError(f"expected in order the numbers 0 to {classes - 1}, each once, got {order!r:.60}")
    return np.array(order, np.int64)


def _by_node(pairs: Sequence[tuple[int, Any]], what: str, nodes: int) -> dict[int, Any]:
    found = dict(pairs)
    wrong = [node for node in found if not 0 < node < nodes]
    if wrong or len(found) < len(pairs):
        numbers = f"{what} of nodes 1 to {nodes - 1}, each once"
        raise ValueError(f"expected {numbers}, got {wrong or [node for node, _ in pairs]!r:.60}")
    return found
