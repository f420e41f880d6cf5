"""Which node the ranks of a row name, where some of them are missing; and what to say where none fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import Fault
from taxoloss.errors.suggestions import as_question, nearest_of_each
from taxoloss.taxonomy.binding import NameIndex
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.placeholders import is_placeholder

__all__ = ["Cell", "Finder", "Misfit", "misfit_faults"]

#: Between the names of a path that is written as text. Not the point: it stands inside names.
_SEPARATORS = (">", "/", ";", "|", "::", ":", "->", "\\", ",")


@dataclass(frozen=True)
class Cell:
    """A name of a row, the level it stands on where that is known, and how to call its column."""

    name: str
    level: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        return f"{quoted(self.name)} ({self.column})" if self.column else quoted(self.name)


@dataclass(frozen=True)
class Misfit:
    """Why the names of a row are no node: a fault, its place aside."""

    code: str
    message: str
    found: str
    help: str | None = None
    #: Whether the nearest name of the tree is likely meant.
    unknown: bool = False


class Finder:
    """Finds the node that a row means: the deepest name that is there, below all names above it.

    Ranks may be missing in the row or in the tree. A name fits where the tree has it, as a name or an
    alias; else as an epithet: domestica below Musca is `Musca domestica`, where that is a node. A node that
    is a class itself is that class.
    """

    def __init__(self, index: NameIndex) -> None:
        self.index, self.tree = index, index.tree
        self._parent = index.tree.parent.tolist()
        self._known: dict[str, str] = {}
        self._class_of = index.tree.own_leaf
        self._own = frozenset(self._class_of.values())

    def known(self, text: str) -> str:
        """The name that a text holds: without spaces around it, "" where it says that there is none."""
        name = self._known.get(text)
        if name is None:
            name = self._known[text] = self._cleaned(nfc(text))
        return name

    def _cleaned(self, name: str) -> str:
        if self.index.by_name(name) or self.index.by_name(name := name.strip()):
            return name
        return "" if is_placeholder(name) else name

    # -- finding it --------------------------------------------------------------------------------

    def text(self, cell: Cell) -> int | list[Misfit] | None:
        """The node of a name, or of a path written as text; None where it names nothing.

        A path is cut at whatever separator makes a node of it.
        """
        nodes = self._at_level(cell, self._called(cell.name))
        if len(nodes) > 1:
            return [self._ambiguous([cell], nodes)]
        if nodes:
            return self._class(nodes[0])
        ways = [self._cut(cell.name, mark) for mark in _SEPARATORS if mark in cell.name]
        if not all(parts for parts, _ in ways):
            return None  # each part says that there is no name
        found = {self._class(node): None for node in self.index.by_text(cell.name)}
        found |= {node: None for parts, gaps in ways if isinstance(node := self.row(parts, gaps), int)}
        if len(found) > 1:
            return [self._ambiguous([cell], list(found))]
        return next(iter(found)) if found else self._no_path(cell, [parts for parts, _ in ways])

    def _cut(self, text: str, mark: str) -> tuple[list[Cell], bool]:
        """The parts of a path, and whether ranks are missing among them."""
        names = [self.known(part) for part in text.split(mark)]
        return [Cell(name) for name in names if name], not all(names)

    def row(self, cells: Sequence[Cell], gaps: bool = True) -> int | list[Misfit]:
        """The node of the names of a row from top to bottom, or every reason why there is none.

        Args:
            cells: at least one.
            gaps: whether ranks are missing among them: without, a path of the tree is that node; with
                them it is where the tree lacks the same ranks.
        """
        exact = self.index.by_path(tuple(cell.name for cell in cells))
        if exact and (not gaps or self._levels(exact[0]) == [cell.level for cell in cells]):
            return self._class(exact[0])
        nodes = self._at_level(cells[-1], self._fitting(cells))
        if len(nodes) == 1:
            return self._class(nodes[0])
        return [self._ambiguous(cells, nodes)] if nodes else self._misfits(cells)

    def _class(self, node: int) -> int:
        return self._class_of.get(node, node)

    def _called(self, name: str) -> list[int]:
        """The nodes of a name; not the leaves that are classes of nodes."""
        nodes = self.index.by_name(name)
        return [node for node in nodes if node not in self._own] if self._own else nodes

    def _levels(self, node: int) -> list[int]:
        """The levels of a node and its ancestors, top to bottom."""
        levels: list[int] = []
        while node:
            levels.insert(0, int(self.tree.level[node]))
            node = self._parent[node]
        return levels

    def _at_level(self, cell: Cell, nodes: list[int]) -> list[int]:
        """Of several nodes those on the level of the cell, if any are."""
        return [node for node in nodes if self.tree.level[node] == (cell.level or 0)] or nodes

    def _fitting(self, cells: Sequence[Cell]) -> list[int]:
        """The nodes called as the deepest cell whose ancestors are called as the others."""
        spelled = _spellings(cells)
        above = [self._nodes(spellings) for spellings in spelled[:-1]]
        for spelling in spelled[-1]:
            nodes = [node for node in self._called(spelling) if self._is_below(node, above)]
            if nodes:
                return nodes
        # A rank that is filled with the name above it says nothing more.
        return self._fitting(cells[:-1]) if len(cells) > 1 and cells[-1].name == cells[-2].name else []

    def _nodes(self, spellings: Iterable[str]) -> set[int]:
        return {node for spelling in spellings for node in self._called(spelling)}

    def _is_below(self, node: int, above: Sequence[set[int]]) -> bool:
        """Whether ancestors of a node are among these, top first, in this order."""
        if not self.tree.is_tree:
            return self._is_below_one_way(node, above)
        waiting = len(above)
        while node and waiting:
            node = self._parent[node]
            waiting -= node in above[waiting - 1]
        return not waiting

    def _is_below_one_way(self, node: int, above: Sequence[set[int]]) -> bool:
        """The same along any of the edges."""
        nodes = {node}
        for wanted in reversed(above):
            higher = {up for one in nodes for up in self.tree.reach.above[one].tolist() if up != one}
            nodes = higher & wanted
        return bool(nodes)

    # -- what to say -------------------------------------------------------------------------------

    def _misfits(self, cells: Sequence[Cell]) -> list[Misfit]:
        unknown = [place for place, names in enumerate(_spellings(cells)) if not self._nodes(names)]
        if not unknown:
            return [self._contradiction(cells)]
        first = unknown[0]
        if first and unknown == list(range(first, len(cells))):
            above = self.row(cells[:first])
            if isinstance(above, int) and self.tree.is_leaf[above]:
                return [self._too_deep(cells[first], above)]
        return [self._unknown(cells[place]) for place in unknown]

    def _unknown(self, cell: Cell) -> Misfit:
        return Misfit("T302", f"{cell} is no node of the tree", cell.name, unknown=True)

    def _too_deep(self, cell: Cell, leaf: int) -> Misfit:
        message = f"{cell} is no node of the tree, which ends above it at {self._shown(leaf)}"
        what = f"leave the column {quoted(cell.column)} out of columns=" if cell.column else "leave it out"
        return Misfit("T302", message, cell.name, what)

    def _contradiction(self, cells: Sequence[Cell]) -> Misfit:
        """The deepest name, and the nearest one above it that no node of this name is below."""
        ends = range(len(cells) - 1, 0, -1)
        below = next(place for place in ends if not self._fitting(cells[place - 1 :]))
        nodes = self._fitting(cells[below:]) or sorted(self._nodes(_spellings(cells)[-1]))
        message = f"{cells[-1]} is {self._listed(nodes)} in the tree, not below {cells[below - 1]}"
        return Misfit("T302", message, cells[-1].name)

    def _ambiguous(self, cells: Sequence[Cell], nodes: Sequence[int]) -> Misfit:
        below = f" below {cells[-2]}" if len(cells) > 1 else ""
        message = f"{cells[-1]}{below} names {len(nodes)} nodes: {self._listed(nodes)}"
        help = "give the columns of the ranks above it too, or its path"
        return Misfit("T304", message, cells[-1].name, help)

    def _no_path(self, cell: Cell, ways: Sequence[Sequence[Cell]]) -> list[Misfit]:
        """Why a text is neither a name nor a path: by the separator that leaves the most names."""

        def known(parts: Sequence[Cell]) -> int:
            return sum(bool(self.index.by_name(part.name)) for part in parts)

        parts = max(ways, key=known, default=())
        found = self.row(parts) if known(parts) else None
        if not isinstance(found, list):
            return [self._unknown(cell)]
        return [replace(one, message=f"{cell}: {one.message}") for one in found]

    def _listed(self, nodes: Sequence[int]) -> str:
        more = f" and {len(nodes) - 4} more" if len(nodes) > 4 else ""
        return ", ".join(map(self._shown, nodes[:4])) + more

    def _shown(self, node: int) -> str:
        return quoted("/".join(self.tree.path(node)))


def _spellings(cells: Sequence[Cell]) -> list[list[str]]:
    """For each cell its name, and as an epithet: behind the names that the cell above it may have."""
    spelled: list[list[str]] = []
    for cell in cells:
        above = spelled[-1] if spelled else []
        spelled.append([cell.name, *(f"{name} {cell.name}" for name in above)])
    return spelled


def misfit_faults(
    misfits: Mapping[Misfit, tuple[int, int]], index: NameIndex, place: Callable[[int], str]
) -> list[Fault]:
    """Each misfit once, with the number of its rows and where the first of them stands.

    Args:
        misfits: each with the number of rows that have it, and the first of them.
        place: how to call a row.
    """
    unknown = [misfit.found for misfit in misfits if misfit.unknown]
    near = iter(nearest_of_each(unknown, list(dict.fromkeys(index.tree.names[1:]))))
    faults = []
    for misfit, (count, first) in misfits.items():
        where = place(first) if count == 1 else f"{counted(count, 'row')}, the first at {place(first)}"
        message = f"{misfit.message}: {where}"
        help = as_question(misfit.found, next(near)) if misfit.unknown else misfit.help
        faults.append(Fault(misfit.code, message, path=(misfit.found,), found=misfit.found, help=help))
    return faults
