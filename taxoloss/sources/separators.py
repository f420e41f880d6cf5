r"""What stands between the names of a path, found by the lines that share their first names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from taxoloss.sources.reading import Grade

__all__ = ["MARKS", "Cut", "cut_at", "cuts_of", "split_path", "upward_mark"]

#: Marks that stand in few names, then those that stand in some, then those that stand in many.
_STRONG = ("->", "=>", "→", "»", "›", ">>", ">", "::", "|", ";", "\t", "\\")
_FAIR = ("/", "--", "~", "^")
_WEAK = (":", ".", "-", "–", "—", "_")
#: Every mark that may stand between the names of a path.
MARKS = (*_STRONG, *_FAIR, *_WEAK)
#: What stands behind a mark that compares.
_SIZE = r"=?\s*\d+([.,]\d+)?\s*(%|[^\W\d]{0,6}|\w{1,3}/\w{1,3})"
#: Marks that separate only where spaces stand around them.
_APART = ("-", "–", "—")
#: Marks that say something else where another mark stands beside them.
_NOT_PART = {
    ">": r"(?<![-=>])>(?!>)",
    ":": r"(?<!:):(?!:)(?!\s)",
    "/": r"/",
    "--": r"(?<!-)--(?![->])",
    ".": r"(?<=[^\W\d])\.(?=[^\W\d])",
    "_": r"_",
    "\\": r"\\(?![\\/;|>])",
}
#: The share of lines that has to stand below a name of other lines.
_ENOUGH = {**dict.fromkeys(_STRONG, 0.5), **dict.fromkeys(_FAIR, 0.7), **dict.fromkeys(_WEAK, 0.9)}
#: The share of lines in which a mark tells something.
_LEAST = 0.1
_SAMPLE = 20_000


def split_path(text: str, separator: str) -> list[str]:
    r"""The names of a path; a backslash before a separator, or another backslash, keeps it.

    >>> split_path(r"cat/long\/short", "/"), split_path(r"a\b/c", "/")
    (['cat', 'long/short'], ['a\\b', 'c'])
    """
    if "\\" not in text or separator == "\\":
        return text.split(separator)
    names, name, at = [], "", 0
    while at < len(text):
        kept = next((k for k in ("\\", separator) if text.startswith("\\" + k, at)), None)
        if kept is not None:
            name, at = name + kept, at + 1 + len(kept)
        elif text.startswith(separator, at):
            names.append(name)
            name, at = "", at + len(separator)
        else:
            name, at = name + text[at], at + 1
    return [*names, name]


@dataclass(frozen=True)
class Cut:
    """A separator, the texts cut at it, and what speaks for it.

    Args:
        mark: between the names, with the spaces around it where all have them.
        core: the mark alone.
        rows: the names of each text.
    """

    mark: str
    core: str
    rows: tuple[tuple[str, ...], ...]

    @cached_property
    def share(self) -> float:
        """The share of texts that hold it."""
        return self._split / max(len(self.rows), 1)

    @cached_property
    def _split(self) -> int:
        """How many texts hold it between two names: one at the end separates nothing."""
        return sum(len(row) > 1 and any(row[1:]) for row in self.rows)

    @cached_property
    def explained(self) -> float:
        """The share of texts that stand below a name which other texts have too, or are such a name."""
        distinct = {tuple(filter(None, row)) for row in self.rows}
        starts: Counter[tuple[str, ...]] = Counter()
        for row in distinct:
            starts.update({row[:end] for end in range(1, len(row) + 1)})
        # A name that all texts start with tells nothing.
        shared = {start for start, count in starts.items() if 1 < count < len(distinct)}
        found = sum(any(row[:end] in shared for end in range(1, len(row) + 1)) for row in distinct)
        return found / max(len(distinct), 1)

    @cached_property
    def lists(self) -> bool:
        """Whether names that stand in several texts stand at several places: those of a list, no path."""
        places: defaultdict[str, set[int]] = defaultdict(set)
        counts: Counter[str] = Counter()
        for row in {tuple(filter(None, row)) for row in self.rows}:
            counts.update(set(row))
            for place, name in enumerate(row):
                places[name].add(place)
        again = [name for name, count in counts.items() if count > 1]
        moved = sum(len(places[name]) > 1 for name in again)
        return moved > 0.2 * len(again)

    def _compares(self) -> bool:
        """Whether most texts are no paths but say how large something is: size > 10 cm."""
        sizes = (
            re.fullmatch(_SIZE, row[-1]) and not row[0].isdecimal() for row in self.rows if len(row) > 1
        )
        return self.core == ">" and sum(map(bool, sizes)) > 0.5 * self._split

    @cached_property
    def grade(self) -> Grade | None:
        """How plain it is that this mark cuts paths; None where nothing says so."""
        if self.share < _LEAST:
            return None
        if self.core in _WEAK and not self._has_words():
            return None
        enough = 0.5 if self.core in _FAIR and self.share >= 0.95 else _ENOUGH[self.core]
        many = self.explained >= enough and self.share >= 0.3
        arrows = self.core in _STRONG[:8] and self.share >= 0.8
        if (many or arrows) and self.core != "_" and not self.lists and not self._compares():
            return Grade.PLAIN
        if self.core in _STRONG:
            return Grade.CELLS
        some = self.share >= 0.2 if self.core in (*_FAIR, ":") else self.explained >= 0.5
        return Grade.CELLS if some else None

    def _has_words(self) -> bool:
        """Whether the names are words, below several first names: no times, versions, sentences."""
        words = sum(all(re.search(r"[^\W\d_]", name) for name in row[1:]) for row in self.rows)
        tops = {row[0] for row in self.rows if len(row) > 1}
        deep = Counter(map(len, self.rows)).most_common(1)[0][0]
        return words >= 0.95 * len(self.rows) and len(tops) > 1 and (self.core != "_" or deep >= 4)


def cut_at(texts: Sequence[str], mark: str) -> Cut:
    """The texts cut at one separator, spaces around names left out; an empty name before all is none."""
    rows = [split_path(text, mark) for text in texts]
    if mark.strip() or mark == "\t":
        rows = [[name.strip() for name in row] for row in rows]
    if len(rows) > 1 and all(len(row) > 1 and not row[0] for row in rows):
        rows = [row[1:] for row in rows]
    return Cut(mark, mark.strip() or mark, tuple(map(tuple, rows)))


def _spaced(texts: Sequence[str], core: str) -> str | None:
    """The mark as the texts write it, with a space on both sides or as it is; None where none holds it."""
    apart = f" {core} "
    pattern = re.compile(re.escape(apart) if core in _APART else _NOT_PART.get(core, re.escape(core)))
    held = [text for text in texts if pattern.search(text)]
    if not held:
        return None
    spaced = sum(apart in text for text in held)
    return apart if core.strip() == core and core != "\t" and spaced >= 0.95 * len(held) else core


def cuts_of(texts: Sequence[str]) -> tuple[Grade | None, list[Cut]]:
    """The separators that may cut the texts into paths, the likeliest first, and how plain that is.

    A mark that stands in many names is not plain beside one that stands in few.
    """
    sample = texts[:_SAMPLE]
    links = sum("://" in text for text in sample) >= 0.5 * len(sample)
    cores = [core for core in (*_STRONG, *_FAIR, *_WEAK) if not (links and core in "/:.")]
    marks = ((core, _spaced(sample, core)) for core in cores)
    found = [cut_at(sample, mark) for core, mark in marks if mark is not None]
    plain = [cut for cut in found if cut.grade is Grade.PLAIN and not _is_doubted(cut, found)]
    if plain:
        return Grade.PLAIN, _best(plain)
    cuts = [cut for cut in found if cut.grade is not None]
    return (Grade.CELLS if cuts else None), _best(cuts)


def upward_mark(texts: Sequence[str]) -> str | None:
    """The first text of those that (nearly) all hold `<` between words: paths from the leaf up."""
    held = [text for text in texts if re.search(r"[^\W\d_]\)?\s*<\s*[^\W\d_]", text) and ">" not in text]
    return held[0] if len(held) > 1 and len(held) >= 0.8 * len(texts) else None


def _order(cut: Cut) -> int:
    return (cut.core in _FAIR) + 2 * (cut.core in _WEAK)


def _is_doubted(cut: Cut, others: Sequence[Cut]) -> bool:
    """Whether a mark that stands in fewer names cuts as many of the texts."""
    return any(_order(other) < _order(cut) and other.share >= 0.5 * cut.share for other in others)


def _best(cuts: Sequence[Cut]) -> list[Cut]:
    """Those that explain about as much as the best, and stronger ones that stand in most texts."""
    if not cuts:
        return []
    best = max(cuts, key=_worth)
    kept = [
        cut
        for cut in cuts
        if _worth(cut) >= 0.5 * _worth(best) or (_order(cut) < _order(best) and cut.share >= 0.8)
    ]
    return sorted(kept, key=lambda cut: (_order(cut), -_worth(cut)))


def _worth(cut: Cut) -> float:
    return cut.explained * cut.share
