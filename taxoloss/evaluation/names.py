"""A column of names: which nodes its cells call, whether they are numbers, and what no node is called.

Everything here looks at the whole column: cells are ids only where all are integers and no node's name is
one, and lists of answers only where that, and nothing else, explains them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from taxoloss.errors.characters import counted, escape_invisible, quoted
from taxoloss.errors.suggestions import as_question, nearest_of_each
from taxoloss.evaluation.nodes import Nodes, UnknownNameError
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.targets import INTEGER, no_id

__all__ = ["NameReading", "as_rankings", "read_names", "unknown_names"]

_MOST_SHOWN = 10
_BAR = "|"


@dataclass(frozen=True)
class NameReading:
    """What the cells of a column call.

    Args:
        ids: of each different cell its target id; those that call nothing are not there.
        unknown: how many rows hold each cell that calls nothing; "" of empty cells.
        numbers: whether the cells are ids.
        filled: how many rows are not empty.
    """

    ids: Mapping[str, int]
    unknown: Mapping[str, int]
    numbers: bool
    filled: int


def read_names(cells: Iterable[str], nodes: Nodes, where: str, *, ordered: bool) -> NameReading:
    """The nodes that the cells of a column call.

    Args:
        cells: without spaces around them.
        nodes: what they may call.
        where: the file and the column, for messages.
        ordered: whether the order of the classes was said, so that a number has a meaning.

    Raises:
        PredictionError: a cell calls several nodes; numbers without an order of the classes.
    """
    rows = Counter(cells)
    filled = [cell for cell in rows if cell]
    if filled and all(map(INTEGER.fullmatch, filled)) and not nodes.integers:
        if not ordered:
            raise PredictionError(
                f"{where}: all cells are integers, and no node is called so: for node ids say the order of "
                "the classes, --classes FILE or --file-order"
            )
        ids = {cell: nodes.by_number(int(cell)) for cell in filled if 0 <= int(cell) < nodes.count}
    else:
        ids = _found(filled, nodes, where)
    unknown = {cell: number for cell, number in rows.items() if cell not in ids}
    numbers = bool(ids) and all(map(INTEGER.fullmatch, ids)) and not nodes.integers
    return NameReading(ids, unknown, numbers, sum(rows[cell] for cell in filled))


def _found(cells: Sequence[str], nodes: Nodes, where: str) -> dict[str, int]:
    """The nodes of the cells; where all are whole paths, a name that stands twice is the top node's.

    Names alone are no paths: one of several names says so, or the separator that was asked for.
    """
    found: dict[str, int] = {}
    for cell in cells:
        try:
            found[cell] = nodes.find(cell)
        except UnknownNameError:
            continue
        except ValueError as error:
            paths = [path for cell in cells if (path := nodes.path_in(cell)) is not None]
            if len(paths) == len(cells) and (nodes.paths or any(len(path) > 1 for path in paths)):
                return dict(zip(cells, map(nodes.find, paths), strict=True))
            words = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
            raise PredictionError(f"{where}: {words}") from None
    return found


# -- several answers in a cell ---------------------------------------------------------------------


def as_rankings(
    cells: Sequence[str], nodes: Nodes, mark: str | None, where: str
) -> list[tuple[str, ...]] | None:
    """The answers of each cell, the best first; None where each cell is one answer.

    A bar may stand between the names of a path, and between answers: what all cells say counts. Nodes
    of which each stands below the one before are a path.

    Args:
        cells: of the column.
        nodes: what they may call.
        mark: between answers; None: a bar, where it is not that of paths.
        where: the file and the column, for messages.

    Raises:
        PredictionError: cells with a bar are paths and lists of answers.
    """
    if mark is not None:
        return [_parts(cell, mark) for cell in cells]
    barred = [cell for cell in dict.fromkeys(cells) if _BAR in cell]
    if not barred or nodes.paths:
        return None
    paths = [cell for cell in barred if _is_node(cell, nodes)]
    others = [cell for cell in barred if cell not in set(paths)]
    lists = [cell for cell in others if any(_is_node(part, nodes) for part in _parts(cell, _BAR))]
    if paths and lists:
        raise PredictionError(
            f"{where}: {quoted(paths[0])} is the path of a node, {quoted(lists[0])} may be several "
            "answers: say --ranking '|' or --separator '|'"
        )
    return None if not lists else [_parts(cell, _BAR) for cell in cells]


def _parts(cell: str, mark: str) -> tuple[str, ...]:
    parts = [part.strip() for part in cell.split(mark)]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts) or ("",)


def _is_node(cell: str, nodes: Nodes) -> bool:
    try:
        nodes.find(cell)
    except UnknownNameError:
        return False
    except ValueError:
        return True
    return True


# -- what no node is called ------------------------------------------------------------------------


def unknown_names(
    reading: NameReading, nodes: Nodes, where: str, first: Mapping[str, str], *, wrong: bool = True
) -> PredictionError:
    """The error that names what is no node, each with its rows and the nearest name.

    Args:
        reading: of the column.
        nodes: what it may call.
        where: the file and the column.
        first: of each cell the place of its first row.
        wrong: whether what is unknown could be counted as wrong.
    """
    named = {cell: rows for cell, rows in reading.unknown.items() if cell}
    if 2 * sum(named.values()) > reading.filled:
        shown = ", ".join(map(quoted, list(named)[:4])) + (", .." if len(named) > 4 else "")
        fit = reading.filled - sum(named.values())
        return PredictionError(
            f"{where}: expected {nodes.expected}, such as {quoted(nodes.names[-1])}, in each row, got "
            f"{shown}; {fit:,} of {reading.filled:,} fit{_advice(list(named), nodes)}"
        )
    rows = sum(reading.unknown.values())
    what = f"{counted(len(named), 'name')} {'is' if len(named) == 1 else 'are'} no node of the tree" * bool(
        named
    )
    empty = reading.unknown.get("", 0)
    blank = f"{counted(empty, 'row')} {'has' if empty == 1 else 'have'} none" * bool(empty)
    head = f"{where}: {' and '.join(filter(None, (what, blank)))} ({counted(rows, 'row')} in all)"
    help = "  --unknown drop leaves their rows out" + ", --unknown wrong counts them as wrong" * wrong
    help += ", --unknown root takes an empty answer for one that says nothing" * (wrong and empty > 0)
    return PredictionError("\n".join([head, *_lines(reading.unknown, nodes, first), help]))


def _advice(unknown: Sequence[str], nodes: Nodes) -> str:
    """What may be meant where most names are unknown: numbers, or names in another spelling."""
    names = unknown[:_MOST_SHOWN]
    guesses = zip(names, nearest_of_each(names, nodes.names), strict=True)
    questions = [
        f"`{escape_invisible(name)}`: {question}"
        for name, g in guesses
        if (question := as_question(name, g))
    ]
    if not questions:
        return no_id(unknown[0], nodes)
    return (
        f"; {questions[0]} (`taxoloss check TAXONOMY --csv FILE:COLUMN --node-targets --write` makes "
        "aliases of names that differ in spelling)"
    )


def _lines(unknown: Mapping[str, int], nodes: Nodes, first: Mapping[str, str]) -> list[str]:
    """The most frequent first."""
    shown = sorted(unknown, key=lambda cell: -unknown[cell])
    names = shown[:_MOST_SHOWN]
    guesses = nearest_of_each(names, nodes.names)
    lines = []
    for name, guess in zip(names, guesses, strict=True):
        called = quoted(name) if name else "no name"
        question = as_question(name, guess) if name else None
        help = question or no_id(name, nodes).lstrip("; ")
        rows = counted(unknown[name], "row")
        lines.append(f"  {called}: {rows}, first {first[name]}" + (f"; {help}" if help else ""))
    more = len(shown) - len(names)
    return [*lines, f"  and {more:,} more"] if more else lines
