"""Lists below headings: `Animals:`, `[Animals]`, `# Animals`, bullets below a name, numbers in styles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import accumulate, groupby, pairwise

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Options, listed, refuse
from taxoloss.sources.formats.indented import Indents, reading_of
from taxoloss.sources.lines import BULLET, Lines
from taxoloss.sources.reading import Grade, Reading

__all__ = ["readings_of_headings", "without_rules"]

_MARKDOWN = re.compile(r"(?P<run>#+)[ \t]*(?P<name>\S.*?)[ \t#]*")
_BULLET = re.compile(rf"{BULLET.pattern}|\d+[.)][ \t]+(?=\S)")
_RULE = re.compile(r"\s*([-=~_*#])\1{2,}\s*")
#: What a heading looks like, how it is called, and whether nothing else looks so.
_HEADINGS = (
    (re.compile(r"(?P<name>[^:]*[^:\s]):"), "a colon behind headings", Grade.PLAIN),
    (re.compile(r"\[(?P<name>[^\[\]]+)\]"), "brackets around headings", Grade.PLAIN),
    (re.compile(r"(?P<run>\*\*|__)(?P<name>\S.*?)(?P=run):?"), "headings in bold", Grade.PLAIN),
    (re.compile(r"[%>@&§]+[ \t]*(?P<name>\w.*)"), "a mark before headings", Grade.CELLS),
    (re.compile(r"(?P<name>(?=.*[^\W\d_]{4})[^a-zß-öø-ÿ]+)"), "headings in capitals", Grade.CELLS),
)
#: Styles of numbers before names, and the first number of each.
_STYLES = (
    (re.compile(r"[IVXLC]+[.)][ \t]+(?=\S)"), "I"),
    (re.compile(r"[A-Z][.)][ \t]+(?=\S)"), "A"),
    (re.compile(r"\d+[.)][ \t]+(?=\S)"), "1"),
    (re.compile(r"[ivx]+[.)][ \t]+(?=\S)"), "i"),
    (re.compile(r"[a-z][.)][ \t]+(?=\S)"), "a"),
)


def readings_of_headings(whole: Lines, lines: Lines, options: Options) -> list[Reading]:
    """The readings of lines as lists below headings: of the first way of writing them that fits.

    Args:
        whole: with the comments, which may be headings.
        lines: without them.
    """
    looks: tuple[Callable[[Lines], Indents | None], ...]
    looks = (_underlined, *(_matched(*one) for one in _HEADINGS), _bulleted, _numbered, _blocks)
    found = _markdown(whole) or next((one for look in looks if (one := look(lines)) is not None), None)
    return [] if found is None else [reading_of(found, options)]


def _below(lines: Lines, heads: Sequence[bool], names: Sequence[str], how: str, grade: Grade) -> Indents:
    """Names, each but the headings below the last of these, without bullets."""
    members = [name for name, head in zip(names, heads, strict=True) if not head]
    if all(_BULLET.match(name) for name in members):
        names = [
            name if head else _BULLET.sub("", name, count=1)
            for name, head in zip(names, heads, strict=True)
        ]
    widths = tuple(int(not head) for head in heads)
    return Indents(lines, widths, tuple(names), f"{how}, {counted(len(names), 'line')}", grade)


def _are_headings(heads: Sequence[bool]) -> bool:
    """Whether lines start with a heading, and each has something below it."""
    return bool(heads) and heads[0] and not heads[-1] and not any(a and b for a, b in pairwise(heads))


def _matched(pattern: re.Pattern[str], how: str, grade: Grade) -> Callable[[Lines], Indents | None]:
    """The look for headings that a pattern shows."""

    def look(lines: Lines) -> Indents | None:
        texts = [text.strip() for text in lines.texts]
        matches = [pattern.fullmatch(text) for text in texts]
        heads = [match is not None for match in matches]
        if not _are_headings(heads) or (grade is Grade.CELLS and sum(heads) < 2):
            return None
        names = [match["name"] if match else text for match, text in zip(matches, texts, strict=True)]
        return _below(lines, heads, names, how, grade)

    return look


def _markdown(lines: Lines) -> Indents | None:
    """# and ##: comments look so too, where no bullets stand below them."""
    level, widths, names, leaves = 0, [], [], []
    for text in lines.texts:
        match = _MARKDOWN.fullmatch(text)
        level = len(match["run"]) if match else level
        widths.append(level if match else level + 1)
        names.append(match["name"] if match else text.strip())
        leaves += [] if match else [text.strip()]
    if not leaves or len(leaves) == len(names) or not any(t.startswith("#") for t in lines.texts[2:]):
        return None
    plain = all(_BULLET.match(leaf) for leaf in leaves)
    if plain:
        pairs = zip(names, lines.texts, strict=True)
        names = [name if text.startswith("#") else _BULLET.sub("", name, count=1) for name, text in pairs]
    how = f"# as headings, {counted(len(names), 'line')}"
    return Indents(lines, tuple(widths), tuple(names), how, Grade.PLAIN if plain else Grade.CELLS)


def _underlined(lines: Lines) -> Indents | None:
    """Headings with a rule below each."""
    rules = [_RULE.fullmatch(text) is not None for text in lines.texts]
    heads = [*rules[1:], False]
    kept = lines.kept([not rule for rule in rules])
    heads = [head for head, rule in zip(heads, rules, strict=True) if not rule]
    if sum(heads) < 2 or not _are_headings(heads):
        return None
    return _below(kept, heads, [text.strip() for text in kept.texts], "rules below headings", Grade.PLAIN)


def _bulleted(lines: Lines) -> Indents | None:
    """Names without bullets above names that have one: numbers that start anew, or go on."""
    texts = [text.strip() for text in lines.texts]
    matches = [_BULLET.match(text) for text in texts]
    heads = [match is None for match in matches]
    marks = {match[0].strip() for match in matches if match}
    numbers = all(mark[0].isdecimal() for mark in marks)
    if not marks or not _are_headings(heads) or (len(marks) > 1 and not numbers):
        return None
    return _below(lines, heads, texts, "bullets below headings", Grade.PLAIN)


def _numbered(lines: Lines) -> Indents | None:
    """Numbers in styles, I. and a), that start anew below each of the style above."""
    order: list[int] = []
    widths, names, last = [], [], -1
    for text in (text.strip() for text in lines.texts):
        fits = [number for number, (pattern, _) in enumerate(_STYLES) if pattern.match(text)]
        style = next((number for number in fits if number in order), fits[0] if fits else None)
        if style is None:
            return None
        order += [style] if style not in order else []
        pattern, start = _STYLES[style]
        depth = order.index(style)
        if depth > last and re.match(r"\w+", text)[0] != start:  # type: ignore[index]
            return None
        widths.append(depth)
        names.append(pattern.sub("", text, count=1))
        last = depth
    how = f"numbers in {len(order)} styles, {counted(len(names), 'line')}"
    return Indents(lines, tuple(widths), tuple(names), how, Grade.CELLS) if len(order) > 1 else None


def _blocks(lines: Lines) -> Indents | None:
    """Blocks with blank lines between them: the first line of each may be a heading."""
    starts = [True, *(after - before > 1 for before, after in pairwise(lines.numbers))]
    sizes = [len(list(block)) for _, block in groupby(accumulate(starts))]
    texts = [text.strip() for text in lines.texts]
    how = "blocks with the heading first"
    if len(sizes) > 1 and min(sizes) > 1:
        return _below(lines, starts, texts, how, Grade.CELLS)
    alone = sizes[::2]
    if len(sizes) > 3 and len(sizes) % 2 == 0 and set(alone) == {1} and max(sizes[1::2]) > 1:
        ends = {sum(sizes[:at]) for at in range(0, len(sizes), 2)}
        return _below(lines, [at in ends for at in range(len(texts))], texts, how, Grade.CELLS)
    return None


def without_rules(lines: Lines) -> Lines:
    """The lines without a title that a rule stands below, and told so; FormError at another rule."""
    at = [number for number, text in enumerate(lines.texts) if _RULE.fullmatch(text)]
    if not at or len(at) == len(lines.texts) or _underlined(lines) is not None:
        return lines
    if at in ([1], [0, 2]) and len(lines.texts) > 3:
        title = lines.texts[: at[-1] + 1]
        note = f"the title above the lines is left out: {listed([title[at[-1] - 1].strip()])}"
        return lines.kept([number > at[-1] for number in range(len(lines.texts))], note)
    rule = lines.texts[at[0]].strip()
    message = f"{quoted(rule)} is a rule between lines, and no name"
    raise refuse(
        lines.file, message, line=lines.numbers[at[0]], help="leave it out; --kind names takes it as a name"
    )
