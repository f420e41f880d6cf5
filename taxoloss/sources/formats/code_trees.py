"""The tree of codes with their titles, once it is known by which rule the codes hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import FormError
from taxoloss.sources.base import Found, Options, listed, refuse
from taxoloss.sources.code_rules import Rule, with_sections
from taxoloss.sources.formats.code_levels import CodeLevels
from taxoloss.sources.graph import SourceGraph

__all__ = ["Codes", "tree_of_codes"]

_MOST_SHOWN = 2


@dataclass(frozen=True)
class Codes:
    """Codes with their titles and lines, in the order of the file; where they come from."""

    file: str
    codes: tuple[str, ...]
    titles: tuple[str, ...]
    lines: tuple[int, ...]
    notes: tuple[str, ...] = ()
    option: str = "--kind codes"
    unused: tuple[str, ...] = ()
    level: CodeLevels | None = None


def tree_of_codes(found: Codes, rule: Rule, how: str, options: Options) -> Found:
    """The tree of codes by a rule; what is a range, what is missing, what stands twice is told."""
    if rule.contradicted > 0.02:
        raise _contradicted(found, rule)
    ordered = with_sections(rule, list(rule.parent))
    if ordered is None:
        help = "sort the lines as the classification does: A, 01, 011, B, ..."
        message = "letters stand among the codes of digits, and their order does not say what is in them"
        raise refuse(found.file, message, help=help)
    nodes = SourceGraph(found.file, options)
    nodes.notes += [*found.notes, *ordered.notes, *_told_holes(ordered)]
    titles = _title_of(found)
    names = _names(ordered, titles, options, nodes.notes)
    first = dict(zip(reversed(found.codes), reversed(found.lines), strict=True))
    for code, up in ordered.parent.items():
        other = titles[code] if options.node_name != "title" else code
        nodes.add(code, names[code], description=other or None, line=first[code])
        if up is not None:
            nodes.link(code, up, first[code])
    return Found(nodes.taxonomy(), "codes", how, tuple(nodes.notes))


def _contradicted(found: Codes, rule: Rule) -> FormError:
    """Codes of uneven length side by side: where a zero is lost, or a number is no code."""
    below: dict[str | None, list[str]] = {}
    for code, up in rule.parent.items():
        below.setdefault(up, []).append(code)
    group = next((g for g in below.values() if len(set(map(len, g))) > 1), list(rule.parent))
    short, long = min(group, key=len), max(group, key=len)
    message = f"the codes {quoted(short)} and {quoted(long)} would stand side by side"
    help = "zeros at the start may be lost, or these are numbers of a list and no codes"
    return refuse(found.file, message, expected="codes of one length on each level", help=help)


def _title_of(found: Codes) -> dict[str, str]:
    """The title of each code; FormError where a code has two."""
    titles: dict[str, str] = {}
    first: dict[str, int] = {}
    for code, title, line in zip(found.codes, found.titles, found.lines, strict=True):
        if titles.setdefault(code, title) != title:
            shown = f"{quoted(titles[code])} (line {first[code]}) and {quoted(title)}"
            help = "zeros at the start of codes may be lost"
            raise refuse(
                found.file, f"the code {quoted(code)} has two titles: {shown}", line=line, help=help
            )
        first.setdefault(code, line)
    return titles


def _names(rule: Rule, titles: dict[str, str], options: Options, notes: list[str]) -> dict[str, str]:
    """What each node is called: its code; or its title, with the code where siblings share that."""
    if options.node_name != "title":
        return {code: code for code in rule.parent}
    shared = Counter((up, titles[code]) for code, up in rule.parent.items())
    names = {}
    for code, up in rule.parent.items():
        title = titles[code]
        alone = title and shared[up, title] == 1
        names[code] = title if alone else f"{title} ({code})" if title else code
    changed = [names[code] for code in rule.parent if names[code] != titles[code]]
    if changed:
        what = (
            "title that siblings share, or that is empty, has"
            if len(changed) == 1
            else "titles that siblings share, or that are empty, have"
        )
        notes.append(f"{len(changed):,} {what} the code: {listed(changed)}")
    return names


def _told_holes(rule: Rule) -> Iterator[str]:
    """The codes whose parent is not there."""
    below = {code: up for code, up in rule.holes.items() if up is not None}
    tops = [code for code, up in rule.holes.items() if up is None and rule.parent[code] is None]
    if below:
        shown = ", ".join(f"`{code}` below `{up}`" for code, up in list(below.items())[:_MOST_SHOWN])
        what = (
            "code whose parent is not there stands"
            if len(below) == 1
            else "codes whose parents are not there stand"
        )
        yield f"{len(below):,} {what} below the nearest that is: {shown}"
    if tops:
        what = (
            "code whose parent is not there stands"
            if len(tops) == 1
            else "codes whose parents are not there stand"
        )
        yield f"{len(tops):,} {what} at the top: {listed(tops)}"
