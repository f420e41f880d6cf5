"""Codes that hold their tree: official classifications, numbered lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found, Options, refuse
from taxoloss.sources.code_rules import CODE, Rule, by_parts, by_start, by_zeros, rules_of
from taxoloss.sources.formats.code_levels import code_levels
from taxoloss.sources.formats.code_trees import Codes, tree_of_codes
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.lines import Lines, all_match
from taxoloss.sources.name_lists import columns_option
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.tables.table import Table
from taxoloss.sources.tables.words import folded

__all__ = [
    "FORMAT",
    "check_rule",
    "code_column",
    "codes_without_parents",
    "readings_of_code_lines",
    "readings_of_code_table",
]

#: A number of an outline with no space behind it: 1.1.Cat, 2.Dogs.
_CLOSE = re.compile(r"\s*(?P<code>\d+(?:\.\d+)*)[.)]+(?P<title>[^\W\d].*)")
_LINE = re.compile(r"\s*(?P<code>\S+?)[.):]?(?:\s*[\t,;|]\s*|\s+[-–—:]?\s*)(?P<title>\S.*)")
_CODES = (
    "code",
    "id",
    "class_code",
    "notation",
    "cpv",
    "isco",
    "nace",
    "naics",
    "hs",
    "number",
    "tree_number",
)
_TITLES = ("title", "name", "label", "description", "text", "term", "heading")
_SAMPLE = 20_000
_FEW = 200  # rows that tell of most columns that they hold no codes


# -- where codes stand -----------------------------------------------------------------------------


def readings_of_code_lines(lines: Lines, options: Options) -> list[Reading]:
    """The readings of lines that start with a code: one for each rule that fits about as well."""
    lines = _without_header(lines, options)
    outline = _outline(lines)
    if not outline and all_match(CODE, [text.strip() for text in lines.texts]):
        codes = [text.strip().rstrip(".") for text in lines.texts]
        found = Codes(lines.file, tuple(codes), ("",) * len(codes), lines.numbers, lines.notes)
        return _readings(found, options, "names")
    matches = outline or all_match(_LINE, lines.texts) or []
    codes = [match["code"] for match in matches]
    if not codes or not all_match(CODE, codes):
        return []
    titles = tuple(match["title"].strip() for match in matches)
    return _readings(Codes(lines.file, tuple(codes), titles, lines.numbers, lines.notes), options, "names")


def _outline(lines: Lines) -> list[re.Match[str]]:
    """How the lines of an outline match whose numbers have no space behind them; none of other lines."""
    matches = all_match(_CLOSE, lines.texts) or []
    return matches if len({match["code"].count(".") for match in matches}) > 1 else []


def _without_header(lines: Lines, options: Options) -> Lines:
    """Without a first line that is no code where all the others are."""
    starts = [re.split(r"[\s,;|]", text.strip(), maxsplit=1)[0].rstrip(".):") for text in lines.texts]
    word = not CODE.fullmatch(starts[0]) or folded(starts[0]) in _CODES
    others = word and all_match(CODE, starts[1:]) and not re.search(r"\d", starts[0])
    if not (options.header if options.header is not None else others and len(starts) > 2):
        return lines
    note = f"the first line, {quoted(lines.texts[0])}, names the columns"
    told = () if options.header else (f"{note}: --no-header says that it is data",)
    return lines.kept([False, *[True] * (len(starts) - 1)], *told)


def readings_of_code_table(table: Table, options: Options) -> list[Reading]:
    """The readings of a table with a column of codes, and one of titles."""
    if options.columns is not None:
        if options.kind != "codes":
            return []
        columns = [table.column(name) for name in options.columns]
        if not 1 <= len(columns) <= 2:
            help = "--columns CODE,TITLE, or --columns CODE"
            raise refuse(table.file, f"codes stand in one column, not in {len(columns)}", help=help)
        return _readings(_of_columns(table, columns, options), options, "")
    code = code_column(table, options)
    if code is None:
        return []
    title = _title_column(table, code)
    columns = [code] if title is None else [code, title]
    level = None if options.kind == "codes" else code_levels(table, columns)
    name = table.header[columns[-1]]
    headed = options.header is None and _heads_data(table, columns[0])
    option = columns_option([f"column_{columns[-1] + 1}" if headed or not name else name])
    option += " --no-header" if headed else ""
    flat = f"names {option}" if len(table.header) == 2 else ""
    return _readings(replace(_of_columns(table, columns, options), level=level), options, flat)


def _of_columns(table: Table, columns: Sequence[int], options: Options) -> Codes:
    rows, lines = list(table.rows), list(table.lines)
    if options.header is None and _heads_data(table, columns[0]):
        rows.insert(0, table.header)
        lines.insert(0, 1)
    kept = [(row, line) for row, line in zip(rows, lines, strict=True) if row[columns[0]].strip()]
    titles = [" ".join(row[columns[1]].split()) if len(columns) > 1 else "" for row, _ in kept]
    notes = []
    if len(rows) > len(table.rows):
        notes.append("the first line holds a code as those below it: it is read as one of them")
    if len(kept) < len(rows):
        notes.append(f"{counted(len(rows) - len(kept), 'row')} without a code left out")
    names = [table.header[column] for column in columns]
    return Codes(
        table.file,
        tuple(row[columns[0]].strip().rstrip(".") for row, _ in kept),
        tuple(titles),
        tuple(line for _, line in kept),
        tuple(notes),
        "--kind codes" + (f" {columns_option(names)}" if all(names) else ""),
        tuple(name for i, name in enumerate(table.header) if i not in columns),
    )


def _heads_data(table: Table, column: int) -> bool:
    """Whether the line above the rows is no header but a code as those below it."""
    head = table.header[column].strip().rstrip(".")
    return (
        bool(CODE.fullmatch(head)) and not re.match(r"[A-Za-z]+_\d+$", head) and folded(head) not in _CODES
    )


def codes_without_parents(table: Table) -> str | None:
    """What to tell of a list whose codes would make a tree, were the rows of their parents there."""
    for column, name in enumerate(table.header):
        codes = {row[column].strip() for row in table.rows}
        if folded(name) not in _CODES or not all(map(CODE.fullmatch, codes)):
            continue
        for above in (_above_mark, *(() if folded(name) in ("id", "number") else (_above_digits,))):
            parents = Counter(parent for code in codes if (parent := above(code)))
            shared = {parent for parent, number in parents.items() if number > 1 and parent not in codes}
            if 2 * sum(parents[parent] for parent in shared) >= len(codes):
                pair = ", ".join(sorted(code for code in codes if above(code) == min(shared))[:2])
                return (
                    f"the codes in {quoted(name)} may make a tree ({pair} below {min(shared)}), but the "
                    "rows of their parents are not there: with them, --kind codes reads it"
                )
    return None


def _above_mark(code: str) -> str:
    """What stands before the last mark of a code."""
    return max((code.rpartition(mark)[0] for mark in ".-/"), key=len)


def _above_digits(code: str) -> str:
    """All but the last digit of a number of three or more."""
    return code[:-1] if code.isdecimal() and len(code) > 2 else ""


def code_column(table: Table, options: Options) -> int | None:
    """The column of codes, each once: of several the one that puts most codes below others."""
    if "codes" not in table.found:
        table.found["codes"] = _best_of_codes(table, options)
    found: int | None = table.found["codes"]
    return found


def _best_of_codes(table: Table, options: Options) -> int | None:
    most, best = 0.0, None
    for column, name in enumerate(table.header):
        if options.kind != "codes" and not _may_be_codes([row[column] for row in table.rows[:_FEW]]):
            continue
        head = [table.header[column]] if options.header is None and _heads_data(table, column) else []
        texts = [*head, *(row[column] for row in table.rows[:_SAMPLE])]
        cells = [text.strip().rstrip(".") for text in texts if text.strip()]
        distinct = list(dict.fromkeys(cells))
        enough = len(cells) >= 0.9 * min(len(table.rows), _SAMPLE) and len(distinct) > 1
        unique = len(distinct) == len(cells) or (
            options.kind == "codes" and len(distinct) > 0.5 * len(cells)
        )
        if not enough or not unique or not all(map(CODE.fullmatch, cells)) or "parent" in folded(name):
            continue
        count = _is_count(distinct)
        if count and options.kind != "codes":
            continue
        below = max((rule.below - len(rule.holes) for rule in rules_of(distinct)), default=0)
        worth = below / len(distinct) + (0.1 if folded(name) in _CODES and below else 0)
        worth *= 0.01 if count else 1  # numbers of rows only where no other column has codes
        if worth > most:
            most, best = worth, column
    return best


def _may_be_codes(cells: Sequence[str]) -> bool:
    """Whether the first cells of a column are codes, each once, and no numbers in their order."""
    codes = [cell.strip().rstrip(".") for cell in cells if cell.strip()]
    if len(set(codes)) < len(codes) or not all(map(CODE.fullmatch, codes)):
        return False
    return not _is_count(codes)


def _title_column(table: Table, code: int) -> int | None:
    """The column called a title; else the one of most different words."""
    others = [column for column in range(len(table.header)) if column != code]
    words = {column: _words(table, column) for column in others}
    for word in _TITLES:
        named = [c for c in others if word in folded(table.header[c]).split("_")]
        if named:
            return named[0]
    best = max(others, key=lambda column: words[column], default=None)
    return best if best is not None and words[best] else None


def _words(table: Table, column: int) -> int:
    cells = {row[column] for row in table.rows[:_SAMPLE]}
    letters = sum(bool(re.search(r"[^\W\d_]{2}", cell)) for cell in cells)
    return len(cells) if letters >= 0.5 * len(cells) else 0


# -- the readings ----------------------------------------------------------------------------------


def _readings(found: Codes, options: Options, flat: str) -> list[Reading]:
    """The readings by the rules; unasked, beside them the flat list where that explains about as much.

    Args:
        flat: the kind, and columns, that read the flat list.
    """
    asked = options.kind == "codes"
    distinct = list(dict.fromkeys(found.codes))
    if len(distinct) < 2 or (not asked and len(distinct) < 0.9 * len(found.codes)):
        return []
    if not asked and _is_count(distinct):
        return []
    rules = _asked_rules(distinct, options) if asked and options.separator else rules_of(distinct)
    if found.level is not None and (
        agreed := [rule for rule in rules if found.level.agrees(rule)]
        or [rule for rule in [by_start(distinct)] if found.level.agrees(rule)]
    ):
        return [_reading(found, rule, Grade.PLAIN, options, len(agreed) > 1) for rule in agreed]
    found = replace(found, level=None)
    if not asked:
        rules = [rule for rule in rules if _is_likely(rule, distinct)]
    elif not rules or all(rule.contradicted for rule in rules):
        rules = _mended(found, rules)
    plain = len(rules) == 1 and _is_plain(rules[0], distinct)
    if not asked and not plain and not flat:
        return []
    grade = Grade.PLAIN if asked or (plain and flat) else Grade.CELLS
    readings = [_reading(found, rule, grade, options, len(rules) > 1) for rule in rules]
    if readings and grade is Grade.CELLS and any(found.titles) and " " in flat:
        readings.append(_flat(found, flat, options))
    return readings


def _reading(found: Codes, rule: Rule, grade: Grade, options: Options, several: bool) -> Reading:
    level = found.level
    how = f"{rule.how}, {counted(len(rule.parent), 'code')}"
    how += f", as deep as {level.name} says" if level is not None else ""
    make = partial(tree_of_codes, found, rule, how, options)
    option = found.option + (f" --separator {rule.name}" if several else "")
    unused = tuple(name for name in found.unused if level is None or name != level.name)
    covers = level.covers if level is not None else frozenset[str]()
    return Reading("codes", how, grade, make, option, covers, unused)


def check_rule(separator: str | None) -> None:
    """ValueError where a separator of codes starts with `zeros`, and says no lengths."""
    if separator and not re.fullmatch(r"zeros(:\d+(,\d+)*)?|(?!zeros).*", separator):
        raise ValueError(f"expected zeros:2,4,6 with the lengths of the levels, got {separator!r:.40}")


def _asked_rules(codes: Sequence[str], options: Options) -> list[Rule]:
    """The rule that `separator` names: prefix, zeros, zeros:2,4,6, or a mark between parts."""
    name = options.separator or ""
    if name == "prefix":
        return [by_start(codes)]
    if name.startswith("zeros"):
        cuts = name.partition(":")[2]
        if cuts:
            return [by_zeros(codes, sorted(map(int, cuts.split(","))))]
        return [rule for rule in rules_of(codes) if rule.name.startswith("zeros")]
    return [by_parts(codes, name)]


def _is_likely(rule: Rule, codes: Sequence[str]) -> bool:
    """Whether nobody asked for codes, and the codes say nevertheless that they are a tree."""
    few = len(rule.holes) <= 0.1 * len(codes) and rule.contradicted <= 0.02
    return few and (rule.is_complete or rule.below >= 0.3 * len(codes))


def _is_count(codes: Sequence[str]) -> bool:
    """Whether codes are the numbers of a list."""
    if not codes or not all(code.isdecimal() for code in codes):
        return False
    numbers = set(map(int, codes))
    return len(numbers) >= 0.95 * (max(numbers) - min(numbers) + 1)


def _is_plain(rule: Rule, codes: Sequence[str]) -> bool:
    """Whether a tree is beyond doubt: every parent is there, and numbers do not fill their range."""
    if not rule.is_complete:
        return False
    if rule.name in (".", "/"):
        return rule.depth >= 3 or rule.below >= 0.5 * len(codes)
    numbers = [int(code) for code in codes if code.isdecimal()]
    dense = bool(numbers) and len(numbers) > 0.5 * (max(numbers) - min(numbers) + 1)
    return rule.depth >= 3 and len(codes) >= 5 and not dense


def _flat(found: Codes, flat: str, options: Options) -> Reading:
    how = f"a flat list of {counted(len(found.codes), 'title')}, the codes left out"
    return Reading("names", how, Grade.CELLS, partial(_titles, found, how, options), f"--kind {flat}")


def _titles(found: Codes, how: str, options: Options) -> Found:
    nodes = SourceGraph(found.file, options)
    for code, title, line in zip(found.codes, found.titles, found.lines, strict=True):
        nodes.add(title or code, description=code, line=line)
    return Found(nodes.taxonomy(), "names", how, found.notes)


# -- zeros that were lost --------------------------------------------------------------------------


def _mended(found: Codes, rules: Sequence[Rule]) -> list[Rule]:
    """The rule of codes with the zero before them that a spreadsheet took, where that is plain."""
    codes = list(dict.fromkeys(found.codes))
    lengths = {len(code) for code in codes}
    if not rules or not all(code.isdecimal() for code in codes) or len(lengths) < 2:
        return list(rules)
    padded = {code: "0" + code if len(code) % 2 else code for code in codes}
    if len(set(padded.values())) == len(codes) and any(padded[code] != code for code in codes):
        rule = by_start(list(padded.values()))
        if rule.is_complete:
            back = {value: code for code, value in padded.items()}
            parent = {back[code]: up and back[up] for code, up in rule.parent.items()}
            short = next(code for code in codes if padded[code] != code)
            note = f"codes have lost the zero before them: `{short}` is read as `{padded[short]}`"
            return [replace(rule, parent=parent, notes=(note,))]
    return list(rules)


_EXAMPLE = """\
code,title
1,Managers
11,Chief executives
111,Legislators
112,Directors
12,Other managers
121,Finance
2,Professionals
21,Science
211,Physics
"""

FORMAT = Format(
    "codes",
    title="a classification whose codes hold the tree",
    of_table=readings_of_code_table,
    form=(
        "codes of which some begin others (11 and 111), have fewer parts (1.1 and 1.1.2) "
        "or more zeros at their end (3300 and 3310), with or without titles (--columns CODE,TITLE)"
    ),
    example=("codes.csv", _EXAMPLE),
)
