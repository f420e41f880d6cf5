"""How codes say what stands below what: by their parts, by their first letters, by zeros at their end.

    1.1.2 below 1.1        112 below 11        3310 below 3300

A rule gives each code its parent among the codes that are there. Where the one right above it is not,
that is a hole: the code goes below the nearest that is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

__all__ = ["CODE", "Rule", "by_parts", "by_start", "by_zeros", "rules_of", "with_sections"]

#: What is a code: it holds a digit, or is a few capital letters; no spaces.
CODE = re.compile(r"(?=\S*\d)[^\W_][\w./\-–*]*|[A-Z]{1,3}|[A-Z]\d*\s?[-–]\s?[A-Z]\d*|\d+\s?[-–]\s?\d+")
_RANGE = re.compile(r"(?P<low>[A-Za-z]*\d+)\s?[-–]\s?(?P<high>[A-Za-z]*\d+)")
_CHECK_DIGIT = re.compile(r"\d{8}-\d")
#: Classifications known by the shape of their codes: CPV, the occupations of SOC.
_SHAPES = ((_CHECK_DIGIT, (2, 3, 4, 5, 6, 7, 8)), (re.compile(r"\d\d-\d{4}"), (2, 3, 4, 5, 6)))
_LAST = "\U0010ffff"
#: The share of codes that may end between two levels, as 10, 20, 30 do; from how many codes it tells.
_FEW, _MANY = 0.2, 30
_MARKS = (".", "-", "/", "_")


@dataclass(frozen=True)
class Rule:
    """What a rule makes of codes.

    Args:
        name: as `--separator` calls it: ".", "prefix", "zeros".
        how: in words.
        parent: of each code; None at the top.
        holes: codes whose parent is not there, each with the code that it goes below.
        contradicted: the share of codes that do not fit the rule.
        notes: what people should know.
    """

    name: str
    how: str
    parent: dict[str, str | None]
    holes: dict[str, str | None] = field(default_factory=dict)
    contradicted: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def below(self) -> int:
        """How many codes stand below another."""
        return sum(up is not None for up in self.parent.values())

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return max(self.depths.values(), default=0)

    @cached_property
    def depths(self) -> dict[str, int]:
        """How deep each code stands, 1 at the top."""
        depths: dict[str, int] = {}
        for code in self.parent:
            path: list[str] = []
            up: str | None = code
            while up is not None and up not in depths:
                path.append(up)
                up = self.parent[up]
            start = depths[up] if up is not None else 0
            for number, key in enumerate(reversed(path), 1):
                depths[key] = start + number
        return depths

    @property
    def is_complete(self) -> bool:
        """Whether each code that has a parent finds it."""
        return self.below > 0 and not self.holes and not self.contradicted


def rules_of(codes: Sequence[str]) -> list[Rule]:
    """The rules that give some code a parent; of those that fit the best, and others that fit as well."""
    ranges = any(map(_is_range, codes))
    rules = [] if ranges else [by_parts(codes, mark) for mark in _part_marks(codes)]
    if ranges or len({len(code) for code in codes}) > 1:
        rule = by_start(codes)
        rules.append(with_sections(rule, codes) or rule)
    if _may_end_in_zeros(codes):
        rules += _zeros(codes)
    rules = [rule for rule in rules if rule.below]
    different = {tuple(rule.parent.items()): rule for rule in reversed(rules)}
    return _fitting(list(reversed(different.values())), codes)


def _fitting(rules: list[Rule], codes: Sequence[str]) -> list[Rule]:
    """Those with the fewest holes and contradictions; numbered parts tell between parts and letters."""
    if not rules:
        return []

    def misfit(rule: Rule) -> float:
        return len(rule.holes) / len(codes) + rule.contradicted

    least = min(map(misfit, rules))
    kept = [rule for rule in rules if misfit(rule) <= least + 0.02]
    parts = [rule for rule in kept if rule.name in _MARKS]
    if parts and len(kept) > 1:
        count = _numbered(parts[0])
        if count >= 0.8:
            return parts
        others = [rule for rule in kept if rule.name not in _MARKS]
        if count < 0.3 and all(_counts_on(rule, parts[0]) for rule in others):
            return others
    return kept


def _numbered(rule: Rule) -> float:
    """Of the groups of parts 1, 2, 3, ... the share that leave few numbers out."""
    groups: defaultdict[str | None, list[int]] = defaultdict(list)
    for code, up in rule.parent.items():
        last = code.rstrip(rule.name).rpartition(rule.name)[2]
        if up is not None and last.isdecimal():
            groups[up].append(int(last))
    told = [max(numbers) <= len(numbers) + 1 for numbers in groups.values() if len(numbers) > 1]
    return sum(told) / len(told) if told else 0.0


def _counts_on(rule: Rule, parts: Rule) -> bool:
    """Whether letters count 1, 2, 3, ... below each code where parts have another parent: 01.11, 01.12."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for code, up in rule.parent.items():
        if up is not None and up != parts.parent[code]:
            groups[up].append(code.removeprefix(up))
    several = [ends for ends in groups.values() if len(ends) > 1]
    counted = [all(end.isdecimal() and int(end) <= len(ends) for end in ends) for ends in several]
    return rule.is_complete and len(several) > 0 and all(counted)


# -- by parts --------------------------------------------------------------------------------------


def _part_marks(codes: Sequence[str]) -> list[str]:
    """The marks between the parts of codes: those that stand in some, but for ranges."""
    single = [code for code in codes if not _RANGE.fullmatch(code) and not _CHECK_DIGIT.fullmatch(code)]
    return [mark for mark in _MARKS if any(mark in code.strip(mark) for code in single)]


def by_parts(codes: Sequence[str], mark: str) -> Rule:
    """Each code below the one with the fewer parts: A01.236.500 below A01.236."""
    parts = {code: tuple(part for part in code.split(mark) if part) for code in codes}
    there = {value: code for code, value in parts.items()}
    parent: dict[str, str | None] = {}
    holes: dict[str, str | None] = {}
    for code, value in parts.items():
        ends = range(len(value) - 1, 0, -1)
        parent[code] = next((there[value[:end]] for end in ends if value[:end] in there), None)
        if len(value) > 1 and value[:-1] not in there:
            holes[code] = parent[code]
    same = (len(parts) - len(there)) / max(len(codes), 1)
    return Rule(mark, f"by parts, at `{mark}`", parent, holes, same)


# -- by their first letters ------------------------------------------------------------------------


def by_start(codes: Sequence[str]) -> Rule:
    """Each code below the longest other one that it starts with, or the smallest range that it is in."""
    plain = {code: "".join(ch for ch in code if ch not in _MARKS) for code in codes}
    spans = {code: _span(code, plain[code]) for code in codes}
    order = sorted(codes, key=lambda code: (spans[code][0], _reversed(spans[code][1])))
    parent: dict[str, str | None] = {}
    open_: list[str] = []
    crossing = 0
    for code in order:
        low, high = spans[code]
        while open_ and spans[open_[-1]][1] < low:
            open_.pop()
        crossing += bool(open_) and high > spans[open_[-1]][1]
        parent[code] = open_[-1] if open_ else None
        open_.append(code)
    ordered = {code: parent[code] for code in codes}
    uneven = _uneven(ordered, plain)
    return Rule(
        "prefix",
        "by their first letters",
        ordered,
        _holes(ordered, plain),
        (crossing + uneven) / max(len(codes), 1),
        _told_ranges(ordered),
    )


def _reversed(text: str) -> tuple[int, ...]:
    """A key by which the later text comes first."""
    return tuple(-ord(ch) for ch in text)


def _span(code: str, plain: str) -> tuple[str, str]:
    match = _RANGE.fullmatch(code)
    if match is not None and len(match["low"]) == len(match["high"]) and match["low"] <= match["high"]:
        return match["low"], match["high"] + _LAST
    return plain, plain + _LAST


def _is_range(code: str) -> bool:
    return _span(code, "")[0] != ""


def _holes(parent: dict[str, str | None], plain: dict[str, str]) -> dict[str, str | None]:
    """Codes between which and their parent a code is missing, by their lengths."""
    lengths = sorted({len(plain[code]) for code in parent if not _is_range(code)})
    above = dict(pairwise([0, *lengths]))
    usual = {length: before for before, length in above.items()}
    holes: dict[str, str | None] = {}
    for code, up in parent.items():
        if _is_range(code) or (up is not None and _is_range(up)):
            continue
        if len(plain[code]) in usual and usual[len(plain[code])] != (
            len(plain[up]) if up is not None else 0
        ):
            holes[code] = up
    return _without_usual(holes, parent, plain)


def _without_usual(
    holes: dict[str, str | None], parent: dict[str, str | None], plain: dict[str, str]
) -> dict[str, str | None]:
    """Steps that most codes of that length take are no holes: chapters of one digit, headings of four."""
    steps = Counter((len(plain[code]), len(plain[up]) if up else 0) for code, up in parent.items())
    totals = Counter(len(plain[code]) for code in parent)
    return {
        code: up
        for code, up in holes.items()
        if steps[len(plain[code]), len(plain[up]) if up else 0] <= 0.5 * totals[len(plain[code])]
    }


def _uneven(parent: dict[str, str | None], plain: dict[str, str]) -> int:
    """How many codes of digits stand beside longer ones: where zeros at their start may be lost."""
    if any(plain[code].startswith("0") for code in parent if not _is_range(code)):
        return 0
    groups: defaultdict[str | None, Counter[int]] = defaultdict(Counter)
    for code, up in parent.items():
        if plain[code].isdecimal() and not _is_range(code):
            groups[up][len(plain[code])] += 1
    return sum(counts.total() - max(counts.values()) for counts in groups.values())


def _told_ranges(parent: dict[str, str | None]) -> tuple[str, ...]:
    ranges = [code for code in parent if _is_range(code)]
    if not ranges:
        return ()
    below = next((code for code, up in parent.items() if up == ranges[0]), None)
    shown = f"`{below}` stands below `{ranges[0]}`" if below else f"`{ranges[0]}`"
    return (f"{len(ranges):,} {'code is a range' if len(ranges) == 1 else 'codes are ranges'}: {shown}",)


# -- by zeros at their end -------------------------------------------------------------------------


def _digits(code: str) -> str:
    """The digits and letters of a code; of a CPV code without its check digit."""
    return re.sub(r"\W", "", code[:-2] if _CHECK_DIGIT.fullmatch(code) else code)


def _may_end_in_zeros(codes: Sequence[str]) -> bool:
    """Whether all codes have one length and one shape, and some end in zeros."""
    shapes = {re.sub(r"\w", "0", code) for code in codes}
    zeros = sum(_digits(code).endswith("0") for code in codes)
    return len(shapes) == 1 and 0.1 * len(codes) <= zeros


def _cuts(codes: Sequence[str]) -> list[tuple[int, ...]]:
    """Where a code of zeros may be cut into levels: the first, and steps of one, two or three."""
    length = len(_digits(codes[0]))
    for shape, cuts in _SHAPES:
        if all(shape.fullmatch(code) for code in codes):
            return [cuts]
    ways = [(first, step) for first in (1, 2) for step in (1, 2, 3)] + [(3, 3)]
    found = [tuple(range(first, length, step)) for first, step in ways]
    return list(dict.fromkeys((*cuts, length) for cuts in found if cuts))


def _zeros(codes: Sequence[str]) -> list[Rule]:
    """The rules by zeros: the coarsest levels that few codes end between, and beside it finer ones."""
    stems = Counter(len(_digits(code).rstrip("0")) or 1 for code in codes)
    found = []
    for cuts in sorted(_cuts(codes), key=len):
        between = sum(count for stem, count in stems.items() if stem not in cuts) / len(codes)
        if between <= _FEW:
            found.append(by_zeros(codes, cuts))
            if len(codes) >= _MANY or not between:
                break
    return found


def by_zeros(codes: Sequence[str], cuts: Sequence[int]) -> Rule:
    """Each code below the one that has zeros in place of its last digits: 3310 below 3300.

    Args:
        cuts: the lengths of the levels, the whole code the last.
    """
    digits = {code: _digits(code) for code in codes}
    there = {value: code for code, value in digits.items()}
    parent: dict[str, str | None] = {}
    holes: dict[str, str | None] = {}
    stems = {code: len(value.rstrip("0")) or 1 for code, value in digits.items()}
    own = {
        code: next((cut for cut in cuts if cut >= stem), len(digits[code])) for code, stem in stems.items()
    }
    least = min(own.values())  # levels above it are in no code of the list
    for code, value in digits.items():
        between = [cut for cut in reversed(cuts) if least <= cut < own[code]]
        above = [value[:cut].ljust(len(value), "0") for cut in between]
        above = [one for one in dict.fromkeys(above) if one != value and one.strip("0")]
        parent[code] = next((there[one] for one in above if one in there), None)
        if above and above[0] not in there:
            holes[code] = parent[code]
    name = "zeros:" + ",".join(map(str, cuts))
    same = (len(codes) - len(there)) / max(len(codes), 1)
    return Rule(name, "by the zeros at their end", parent, holes, same)


# -- sections of one letter ------------------------------------------------------------------------


def with_sections(rule: Rule, codes: Sequence[str]) -> Rule | None:
    """The rule, and the codes of digits below the letter that they follow: A, 01, 011, B, 05.

    None where letters stand among codes of digits in another order, so that nothing tells what is in them.
    """
    letters = [code for code in codes if len(code) == 1 and code.isalpha()]
    lone = letters and not any(up in letters for up in rule.parent.values())
    tops = [code for code in codes if rule.parent[code] is None and code[0].isdecimal()]
    if len(letters) < 2 or not lone or not tops:
        return rule
    parent, section = dict(rule.parent), ""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for code in codes:
        if code in letters:
            section = code
        elif rule.parent[code] is None:
            found[section].append(code)
            parent[code] = section
    ordered = letters == sorted(letters) and tops == sorted(tops)
    if "" in found or not ordered or len(found) < len(letters):
        return None
    first = found[letters[0]][0]
    note = (
        f"what follows a letter stands below it, by the order of the lines: `{first}` below `{letters[0]}`"
    )
    return replace(rule, parent=parent, notes=(*rule.notes, note))
