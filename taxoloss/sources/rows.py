"""Rows of names, top to leaf, and the tree that they make."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import Fault, TaxonomyError, raise_all
from taxoloss.sources.base import Options, listed
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.name_lists import columns_option
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.placeholders import is_placeholder
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Rows"]

_ROW = re.compile(r"row (\d+)(, column \d+)?")


@dataclass
class Rows:
    """Names of each row from top to leaf, "" where a rank is missing; the lines that they stand on."""

    file: str
    options: Options
    levels: tuple[str, ...] | None = None
    rows: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Whether one name with several parents is a fault: where rows give a class and its bin.
    strict: bool = False
    #: Whether the last column holds the classes of the rows: then its cells say no missing rank.
    classes: bool = False

    def add(self, row: Sequence[str], line: int) -> None:
        """One row."""
        self.rows.append(tuple(row))
        self.lines.append(line)

    def taxonomy(self, name: str | None = None) -> Taxonomy:
        """The taxonomy; TaxonomyError with every fault, each with its line."""
        self._strip()
        if self.options.parent == "all" and self._any_several():
            return self._of_all_parents(name)
        self._one_parent()
        rows = self._under()
        try:
            limits = self.options.limits
            if sum(map(len, rows)) > 4 * limits.nodes + 1_000:
                raise_all([Fault("T112", f"more than {4 * limits.nodes + 1_000:,} cells", self.file)])
            taxonomy = Taxonomy.from_paths(rows, self._levels(rows), name=name)
        except TaxonomyError as error:
            raise type(error)([self._placed(fault) for fault in error.faults]) from None
        except (TypeError, ValueError) as error:
            raise_all([Fault("T121", str(error), self.file)])
            raise
        self._note_inner(taxonomy, rows)
        return taxonomy

    def _placed(self, fault: Fault) -> Fault:
        """A fault that speaks of a row, at that row's line."""
        match = _ROW.match(fault.message)
        line = self.lines[int(match[1]) - 1] if match else None
        message = _ROW.sub("", fault.message, count=1).lstrip(": ") if match else fault.message
        return replace(fault, file=self.file, line=line, message=message)

    def _strip(self) -> None:
        """Cells without spaces around them, "" for a missing rank; rows that name nothing are left out."""
        spaced = 0
        clean = []
        for row in self.rows:
            cells = [nfc(cell.strip()) if cell else "" for cell in row]
            spaced += sum(bool(new) and new != nfc(old) for new, old in zip(cells, row, strict=True))
            clean.append(cells)
        if spaced:
            self.notes.append(f"spaces around {counted(spaced, 'name')} are left out")
        self._empty_placeholders(clean)
        named = [number for number, cells in enumerate(clean) if any(cells)]
        if len(named) < len(clean):
            self._note_unnamed(clean)
        self.rows = [tuple(clean[number]) for number in named]
        self.lines = [self.lines[number] for number in named]

    def _empty_placeholders(self, rows: list[list[str]]) -> None:
        """Empties what says that a rank is missing: as asked for, and what never is a name among names.

        In a list of classes, and for a class beside its group, there is no rank that could be missing.
        """
        missing = set(self.options.missing)
        emptied: Counter[str] = Counter()
        kept: Counter[str] = Counter()
        width = max(map(len, rows), default=0)
        for column in range(width):
            counts = Counter(row[column] for row in rows if column < len(row) and row[column])
            asked = counts.keys() & missing
            likely = {text for text in counts.keys() - asked if is_placeholder(text)}
            names = len(counts) - len(likely) - len(asked)
            is_class = column == width - 1 and (self.strict or self.classes or width == 1)
            gone = asked | (likely if names and not is_class else set())
            kept.update({text: counts[text] for text in likely - gone})
            emptied.update({text: counts[text] for text in gone - missing})
            for row in rows if gone else ():
                if column < len(row) and row[column] in gone:
                    row[column] = ""
        if emptied:
            shown = ", ".join(f"{quoted(text)} ({count:,})" for text, count in emptied.most_common(6))
            self.notes.append(f"{counted(emptied.total(), 'cell')} taken as a missing rank: {shown}")
        for text, count in kept.items():
            shown = f"{quoted(text)} stands in {counted(count, 'cell')}, taken as a name"
            self.notes.append(f"{shown}: --missing {text} says that it means a missing rank")

    def _note_unnamed(self, rows: Sequence[Sequence[str]]) -> None:
        lines = [line for cells, line in zip(rows, self.lines, strict=True) if not any(cells)]
        where = ", ".join(f"{line:,}" for line in lines[:3]) + (", .." if len(lines) > 3 else "")
        verb = "names" if len(lines) == 1 else "name"
        word = "line" if len(lines) == 1 else "lines"
        self.notes.append(f"{counted(len(lines), 'row')} {verb} nothing: {word} {where}")

    def _levels(self, rows: list[tuple[str, ...]]) -> tuple[str, ...] | None:
        """Names of the columns; columns in which nothing stands are no levels."""
        if self.levels is None:
            return None
        names = Counter(self.levels)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise_all([Fault("T209", f"the column {quoted(twice[0])} is named twice", self.file)])
        return self.levels

    # -- several parents ---------------------------------------------------------------------------

    def _any_several(self) -> bool:
        """Whether a name stands on one level below several others."""
        above = {(at, name): row[:at] for row in self.rows for at, name in enumerate(row) if name}
        return any(name and above[at, name] != row[:at] for row in self.rows for at, name in enumerate(row))

    def _of_all_parents(self, name: str | None) -> Taxonomy:
        """A name of a level is one node, below each name that stands above it in a row."""
        levels = self._levels(self.rows) or tuple(
            f"depth_{at + 1}" for at in range(max(map(len, self.rows), default=0))
        )
        nodes = SourceGraph(self.file, self.options, levels)
        for row, line in zip(self.rows, self.lines, strict=True):
            above = None
            for rank, cell in zip(levels, row, strict=False):
                if not cell:
                    continue
                nodes.add(key := f"{rank} {cell}", cell, rank=rank, line=line)
                if above is not None:
                    nodes.link(key, above, line)
                above = key
        taxonomy = nodes.taxonomy(name)
        self.notes += nodes.notes
        return taxonomy

    def _one_parent(self) -> None:
        """Where asked for, or where a class stands in several bins: one parent for each name of a level."""
        how = None if self.options.parent == "all" else self.options.parent
        if how is None and not self.strict:
            return
        faults = []
        width = max(map(len, self.rows), default=0)
        for level in range(1, width):
            above: defaultdict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
            first: dict[tuple[str, tuple[str, ...]], int] = {}
            for row, line in zip(self.rows, self.lines, strict=True):
                if level < len(row) and row[level]:
                    above[row[level]][row[:level]] += 1
                    first.setdefault((row[level], row[:level]), line)
            several = {name: paths for name, paths in above.items() if len(paths) > 1}
            if how is None:
                faults += [self._several(name, list(paths), first) for name, paths in several.items()]
                continue
            chosen = {name: self._choose(name, paths) for name, paths in several.items()}
            if chosen:
                shown = [f"{name} (under {'/'.join(filter(None, path))})" for name, path in chosen.items()]
                rule = how if isinstance(how, str) else "asked"
                self.notes.append(
                    f"{counted(len(chosen), 'name')} with several parents, {rule}: {listed(shown)}"
                )
            self.rows = [
                (*chosen[row[level]], *row[level:]) if level < len(row) and row[level] in chosen else row
                for row in self.rows
            ]
        raise_all(faults)

    def _several(
        self, name: str, paths: list[tuple[str, ...]], first: dict[tuple[str, tuple[str, ...]], int]
    ) -> Fault:
        shown = ", ".join(quoted("/".join(filter(None, path)) or "the root") for path in paths[:5])
        message = f"{quoted(name)} has {len(paths)} parents: {shown}"
        help = "--parent all keeps them; --parent first, most-common or ask keeps one"
        if self.strict and self.levels not in (None, ("bin", "class")):
            help += f"; --kind ranks {columns_option(self.levels or ())} makes a class of each"
        line = first[name, paths[1]]
        return Fault("T203", message, self.file, line, found=name, expected="one parent", help=help)

    def _choose(self, name: str, paths: Counter[tuple[str, ...]]) -> tuple[str, ...]:
        how, ways = self.options.parent, list(paths)
        if callable(how):
            return ways[how(name, ["/".join(filter(None, path)) for path in ways])]
        return ways[0] if how == "first" else max(ways, key=lambda path: paths[path])

    # -- parts of it -------------------------------------------------------------------------------

    def _under(self) -> list[tuple[str, ...]]:
        wanted = self.options.under
        if wanted is None:
            return self.rows
        wanted = nfc(wanted)
        kept = [(row, line) for row, line in zip(self.rows, self.lines, strict=True) if wanted in row]
        if not kept:
            raise_all([Fault("T302", f"{quoted(wanted)} stands in no row", self.file, found=wanted)])
        places = {row.index(wanted) for row, _ in kept}
        at = min(places) + 1
        self.lines = [line for row, line in kept if any(row[at:])]
        self.levels = self.levels[at:] if self.levels else None
        return [row[at:] for row, _ in kept if any(row[at:])]

    def _note_inner(self, taxonomy: Taxonomy, rows: list[tuple[str, ...]]) -> None:
        """Rows that end at a node that others go below: a class for whoever wrote them?"""
        inner = {path[:i] for path in taxonomy.paths() for i in range(1, len(path))}
        ending = dict.fromkeys(path for row in rows if (path := tuple(filter(None, row))) in inner)
        if ending:
            shown = listed(["/".join(path) for path in ending])
            self.notes.append(
                f"rows that end at an inner node name no class, but a possible target, or with "
                f"bind(names, inner_classes=True) a class above other classes: {shown}"
            )
