"""Rows of names, top to leaf, and the tree that they make."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import Fault, TaxonomyError, raise_all
from taxoloss.sources.base import Options, listed
from taxoloss.taxonomy.names import nfc
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

    def add(self, row: Sequence[str], line: int) -> None:
        """One row."""
        self.rows.append(tuple(row))
        self.lines.append(line)

    def taxonomy(self, name: str | None = None) -> Taxonomy:
        """The taxonomy; TaxonomyError with every fault, each with its line."""
        self._strip()
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
        missing = {"", *self.options.missing}
        spaced = unwritten = 0
        likely: Counter[str] = Counter()
        clean = []
        for row in self.rows:
            cells = []
            for cell in row:
                text = nfc(cell.strip())
                spaced += text != nfc(cell) and bool(text)
                if text in missing:
                    unwritten += bool(text)
                    text = ""
                elif text.casefold() in _MISSING:
                    likely[text] += 1
                cells.append(text)
            clean.append(tuple(cells))
        self.rows = clean
        if spaced:
            self.notes.append(f"spaces around {counted(spaced, 'name')} are left out")
        for text, count in likely.items():
            shown = f"{quoted(text)} stands in {counted(count, 'cell')}, taken as a name"
            self.notes.append(f"{shown}: --missing {text} says that it means a missing rank")

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

    def _one_parent(self) -> None:
        """Where asked for, or where a class stands in several bins: one parent for each name of a level."""
        how = self.options.parent
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
        help = "keep one of them; or --parent first, --parent most-common, --parent ask"
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


_MISSING = frozenset({"na", "n/a", "nan", "none", "null", "-", "?", "unknown"})
