"""A taxonomy that was stored beside a model, compared with the one that the model is now used with.

Of one tree with its classes in another order all shapes are right and all answers wrong, so what differs is
said by name: which class stands where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Protocol, TypeVar

import numpy as np

from taxoloss.errors.characters import counted, quoted
from taxoloss.taxonomy.tree.arrays import IntArray, Tree

__all__ = ["Bound", "difference", "same_but_for_order", "stored_in"]

_T = TypeVar("_T")
_Path = tuple[str, ...]
_MOST = 3
_KEY = "taxoloss"


class Bound(Protocol):
    """What is compared: a bound Taxonomy."""

    @property
    def tree(self) -> Tree: ...
    @property
    def order(self) -> IntArray | None: ...
    @property
    def binding_digest(self) -> str: ...
    def paths(self, level: str | None = None) -> tuple[_Path, ...]: ...
    def same_binding(self, digest: str) -> bool: ...


def stored_in(state: Any, read: Callable[[Any], _T]) -> _T:
    """What `read` makes of state["taxoloss"]; see `Taxonomy.check_state` for what it raises."""
    if not isinstance(state, Mapping):
        got = f"{type(state).__name__} {state!r:.60}"
        raise TypeError(f"expected a state that holds {_KEY!r}, as torch.load gives it; got {got}")
    if _KEY not in state:
        raise ValueError(
            f"the state has no {_KEY!r}, so nothing says which column is which class; store it beside "
            f'the weights: state["{_KEY}"] = t.to_dict(){_elsewhere(state)}'
        )
    if isinstance(state[_KEY], str) and "names" in state:
        raise ValueError(
            f"expected a state that holds the dict of Taxonomy.to_dict as {_KEY!r}, got that dict itself: "
            f"t.check_state({{{_KEY!r}: it}})"
        )
    try:
        return read(state[_KEY])
    except (TypeError, ValueError) as error:
        raise type(error)(f"state[{_KEY!r}]: {error}") from None


def _elsewhere(state: Mapping[Any, Any]) -> str:
    """Where else in the state a taxonomy stands."""
    for key, value in state.items():
        if not isinstance(value, Mapping):
            continue
        if isinstance(value.get(_KEY), str) and "names" in value:
            return f" (state[{key!r}] is one: t.check_state({{{_KEY!r}: state[{key!r}]}}))"
        if _KEY in value:
            return f" (state[{key!r}] has one: t.check_state(state[{key!r}]))"
    return ""


def difference(stored: Bound, here: Bound, what: str, order: str, tree: str) -> str:
    """The sentence that says how two taxonomies differ; "" where they are one binding.

    Args:
        stored: that of the state.
        here: that it is to be used with; bound.
        what: what was stored, the start of the sentence.
        order: what to do where only the order of the classes differs.
        tree: what to do where the trees differ.
    """
    if here.same_binding(stored.binding_digest):
        return ""
    if stored.order is None:
        return (
            f"{what} was stored with a taxonomy that was not bound, so nothing says which column is which "
            f"class: store that of the loss"
        )
    columns = _columns(stored.paths(), here.paths())
    if stored.tree.digest == here.tree.digest:
        return f"{what} is of another order of the classes: {columns}; {order}"
    if same_but_for_order(stored, here):
        listed = "the tree lists its nodes in another order"
        return f"{what} is of another order: {'; '.join(filter(None, (listed, columns)))}; {order}"
    differs = "; ".join(filter(None, (*_trees(stored, here), columns)))
    return f"{what} is of another tree: {differs}; {tree}"


def same_but_for_order(stored: Bound, here: Bound) -> bool:
    """Whether two trees have the same nodes, at the same levels, whatever the order of anything."""
    same = stored.tree.levels == here.tree.levels and len(stored.tree) == len(here.tree)
    return same and _nodes(stored.tree) == _nodes(here.tree)


def _nodes(tree: Tree) -> dict[_Path, tuple[int, bool, set[_Path]]]:
    """Of each path its level, whether it is a leaf of a node's own, and its further parents."""
    own = set(() if tree.own is None else tree.own.tolist())
    nodes = np.arange(1, len(tree))
    levels = tree.level[1:].tolist()
    rows = zip(tree.paths(nodes), levels, nodes.tolist(), strict=True)
    further: dict[int, set[_Path]] = {}
    for node, parent in [] if tree.also_under is None else tree.also_under.tolist():
        further.setdefault(node, set()).add(tree.path(parent))
    return {path: (level, node in own, further.get(node, set())) for path, level, node in rows}


def _columns(stored: Sequence[_Path], here: Sequence[_Path]) -> str:
    """How many columns differ, and what stands in the first of them; "" where none does."""
    differ = [i for i, (one, other) in enumerate(zip_longest(stored, here)) if one != other]
    if not differ:
        return ""
    first = differ[0]
    there, now = (paths[first] if first < len(paths) else None for paths in (stored, here))
    of = counted(max(len(stored), len(here)), "column")
    return (
        f"{len(differ):,} of {of} {_are(differ)} another class, the first is column {first}, "
        f"{_text(there, now)} there and {_text(now, there)} here"
    )


def _text(path: _Path | None, other: _Path | None) -> str:
    """A path as text; as a tuple where the other path would read alike."""
    if path is None:
        return "no class"
    alike = other is not None and "/".join(path) == "/".join(other)
    return quoted(repr(path) if alike else "/".join(path))


def _trees(stored: Bound, here: Bound) -> list[str]:
    """What two trees differ in, the plainest first."""
    said = []
    one, other = stored.tree, here.tree
    if one.levels != other.levels:
        said.append(f"its levels are {' > '.join(one.levels)}, here {' > '.join(other.levels)}")
    gone, new = _missing(stored.paths(), here.paths()), _missing(here.paths(), stored.paths())
    if gone:
        said.append(f"{counted(len(gone), 'class')} of it {_are(gone)} not in this tree ({_some(gone)})")
    if new:
        said.append(f"{counted(len(new), 'class')} here {_are(new)} not in it ({_some(new)})")
    if not said:
        there, now = _nodes(one), _nodes(other)
        moved = [path for path in now if there.get(path) != now[path]]
        moved += [path for path in there if path not in now]
        verb = "differs" if len(moved) == 1 else "differ"
        said.append(f"of the same classes, but {counted(len(moved), 'node')} {verb}: {_some(moved)}")
    return said


def _missing(paths: Sequence[_Path], other: Sequence[_Path]) -> list[_Path]:
    there = set(other)
    return [path for path in paths if path not in there]


def _are(items: Sequence[object]) -> str:
    return "is" if len(items) == 1 else "are"


def _some(paths: Sequence[_Path]) -> str:
    more = f" and {len(paths) - _MOST:,} more" if len(paths) > _MOST else ""
    return ", ".join(quoted("/".join(path)) for path in paths[:_MOST]) + more
