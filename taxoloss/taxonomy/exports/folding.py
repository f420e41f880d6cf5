"""Which nodes of a tree a picture shows, and where: columns of levels, a row for each leaf that is left.

A tree has more leaves than a page has rows. So what is near the root comes first: depth by depth, all
groups of siblings show their first k, k as large as the rows allow, and a row that counts the others. Where
too few of each group would be left, the picture ends above them, in nodes that say how many classes they
hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from taxoloss.errors.characters import counted
from taxoloss.taxonomy.exports.lettering import shortened
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["Place", "fold"]

#: Of each group of siblings so many are shown at least, or none of that depth.
_FEWEST = 2


@dataclass
class Place:
    """A node in a picture; or the row that counts siblings that are left out, whose `node` is None."""

    node: int | None
    text: str
    #: The column: the level that the node stands on, 0 for the root.
    level: int
    children: list[Place] = field(default_factory=list)
    #: From 0 at the top; that of an inner node lies in the middle of its children's.
    row: float = 0.0

    def all(self) -> Iterator[Place]:
        """This one and all below it, in the order of the tree."""
        waiting = [self]
        while waiting:
            place = waiting.pop()
            yield place
            waiting += reversed(place.children)


def fold(tree: Tree, title: str, rows: int, depth: int | None = None) -> Place:
    """The root with all that is shown below it, in at most so many rows.

    >>> import taxoloss
    >>> dogs = ["beagle", "boxer", "pug", "Saluki"]
    >>> tree = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": dogs}}).tree
    >>> [place.text for place in fold(tree, "pets", rows=5).all()]
    ['pets', 'cat', 'Bengal', 'Sphynx', 'dog', 'beagle', 'boxer', '… 2 more']
    >>> [place.text for place in fold(tree, "pets", rows=2).all()]
    ['pets', 'cat (2 classes)', 'dog (4 classes)']
    """
    deepest = int(tree.depth.max())
    limits: list[int] = []
    for _ in range(deepest if depth is None else min(depth, deepest)):
        most = _most_children(tree, limits, rows)
        if most < _FEWEST and limits:
            break
        limits.append(max(1, most))
    return _places(tree, title, limits)


def _shown(children: int, most: int) -> int:
    """How many of a group are shown; the row that counts others never stands for one alone."""
    return children if children <= most + 1 else most


def _most_children(tree: Tree, above: Sequence[int], rows: int) -> int:
    """The largest k for the next depth that leaves no more than so many rows; 0: none does."""
    low, high = 0, max(1, int(tree.num_at_home.max()))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(tree, [*above, middle], rows) else (low, middle - 1)
    return low


def _fits(tree: Tree, limits: Sequence[int], rows: int) -> bool:
    """Whether the picture has no more than so many rows; looks at no more nodes than it needs to."""
    count, waiting = 1, [(0, 0)]
    for node, depth in waiting:
        children = int(tree.num_at_home[node])
        if not children or depth == len(limits):
            continue
        shown = _shown(children, limits[depth])
        count += shown + (shown < children) - 1
        if count > rows:
            return False
        waiting += [(child, depth + 1) for child in tree.children_of(node)[:shown].tolist()]
    return True


def _places(tree: Tree, title: str, limits: Sequence[int]) -> Place:
    root = Place(0, title, 0)
    waiting = [(root, 0, 0)]
    for place, node, depth in waiting:
        children = tree.children_of(node)
        if not len(children):
            continue
        if depth == len(limits):
            place.text += f" ({counted(int(tree.num_leaves[node]), 'class')})"
            continue
        shown = _shown(len(children), limits[depth])
        for child in children[:shown].tolist():
            place.children.append(Place(child, shortened(tree.names[child]), int(tree.level[child])))
            waiting.append((place.children[-1], child, depth + 1))
        if shown < len(children):
            level = int(tree.level[children[shown]])
            place.children.append(Place(None, f"… {len(children) - shown:,} more", level))
    _number_rows(root)
    return root


def _number_rows(root: Place) -> None:
    """Gives each place its row, the lowest ones one below the other."""
    places = list(root.all())
    rows = 0
    for place in places:
        if not place.children:
            place.row = rows
            rows += 1
    for place in reversed(places):  # children before parents
        if place.children:
            place.row = (place.children[0].row + place.children[-1].row) / 2
