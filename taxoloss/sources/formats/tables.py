"""Tables of ranks, paths, edges and bins as taxonomies."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, listed
from taxoloss.sources.formats.codes import code_column, codes_without_parents
from taxoloss.sources.formats.format import Format
from taxoloss.sources.initials import without_initials
from taxoloss.sources.name_lists import columns_option
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.rows import Rows
from taxoloss.sources.separators import cut_at, cuts_of, split_path
from taxoloss.sources.species import full_names
from taxoloss.sources.tables import words
from taxoloss.sources.tables.chains import Chain, candidates_of
from taxoloss.sources.tables.columns import Column, same_groups
from taxoloss.sources.tables.edge_rows import edge_graph
from taxoloss.sources.tables.edges import Edges, edges_of_columns
from taxoloss.sources.tables.finest import numbers_classes
from taxoloss.sources.tables.judgement import Judgement, judged
from taxoloss.sources.tables.labels import labels_of, without_same_taxon
from taxoloss.sources.tables.outlines import outline_of, rank_column
from taxoloss.sources.tables.path_leaves import (
    are_texts,
    explained_by_paths,
    has_more,
    joined,
    leaf_below,
    marks_of,
    named_beside,
)
from taxoloss.sources.tables.table import Table

__all__ = ["FORMATS", "NEEDS"]


def _reading(
    kind: str, table: Table, used: Sequence[Column], how: str, grade: Grade, make: partial[Found]
) -> Reading:
    """A reading of these columns; the others are not used."""
    numbers = {column.number for column in used}
    rest = (name.strip() or f"column {i + 1}" for i, name in enumerate(table.header) if i not in numbers)
    names = [column.name or f"column_{column.number + 1}" for column in used]
    option = f"--kind {kind} {columns_option(names)}"
    covers = frozenset(str(number) for number in numbers)
    return Reading(kind, how, grade, make, option, covers, tuple(rest))


def _chosen(table: Table, columns: Sequence[Column], options: Options) -> list[Column]:
    return [columns[table.column(name)] for name in options.columns or ()]


# -- ranks and bins --------------------------------------------------------------------------------


def ranks_of(table: Table, options: Options) -> Iterator[Reading]:
    """The readings of a table as ranks, a column each."""
    judgement = judged(table)
    columns = judgement.columns
    chosen = _chosen(table, columns, options)
    if chosen:
        if options.kind == "ranks" or _are_ranks(chosen, columns):
            yield _ranks(table, Chain(tuple(chosen), Grade.PLAIN), options)
        return
    for chain in _chains(table):
        if not _are_bins(chain):
            yield _ranks(table, chain, options)


def _chains(table: Table) -> list[Chain]:
    """The chains of a table; less plain where its rows name parents that have rows, or are an outline."""
    judgement, outline = judged(table), outline_of(table)
    drawn = outline is not None and outline.drawn
    stepped = outline is not None and outline.guessed
    if _parents_win(judgement) or stepped or any(edges.guessed for edges in judgement.edges):
        return [_less_plain(chain) for chain in judgement.chains]
    counted_in = [drawn and len(c.columns) == 2 and c.columns[0].is_number for c in judgement.chains]
    pairs = zip(judgement.chains, counted_in, strict=True)
    return [_less_plain(chain) if counts else chain for chain, counts in pairs]


def _less_plain(chain: Chain) -> Chain:
    return replace(chain, grade=min(chain.grade, Grade.CELLS))


def _parents_win(judgement: Judgement) -> bool:
    return any(e.chained and e.has_ids and e.grade is Grade.PLAIN for e in judgement.edges)


def _are_ranks(chosen: Sequence[Column], columns: Sequence[Column]) -> bool:
    """Whether columns that were asked for are ranks: several, and no child with its parent."""
    if len(chosen) == 2:
        return not (words.is_parent(chosen[1].word) and edges_of_columns(chosen, columns).chained)
    return len(chosen) > 1


def _ranks(table: Table, chain: Chain, options: Options) -> Reading:
    how = " > ".join(column.name or f"column {column.number + 1}" for column in chain.columns)
    how = f"{how}, {counted(len(table.rows), 'row')}"
    make = partial(_by_columns, "ranks", how, table, chain.columns, options)
    reading = _reading("ranks", table, chain.columns, how, chain.grade, make)
    # A level that only numbers the rows explains nothing more.
    serial = {str(column.number) for column in chain.columns if column.is_serial}
    return replace(reading, covers=reading.covers - serial)


def _by_columns(kind: str, how: str, table: Table, columns: Sequence[Column], options: Options) -> Found:
    """The tree of columns from top to leaf."""
    rows = Rows(table.file, options, strict=kind == "bins")
    rows.levels = tuple(column.name for column in columns)
    if not all(rows.levels):
        rows.levels = ("bin", "class") if kind == "bins" else None
    rows.rows = list(zip(*(column.cells for column in columns), strict=True))
    rows.lines = list(table.lines)
    cells = (row[column.number] for column in columns for row in table.rows)
    if spaced := sum(bool(cell.strip()) and cell != cell.strip() for cell in cells):
        rows.notes.append(f"spaces around {counted(spaced, 'name')} are left out")
    if kind == "ranks":
        ranks = [words.rank_of(column.word) or "" for column in columns]
        rows.rows, told = full_names(rows.rows, ranks)
        rows.notes += told
        if len(ranks) > 2 and all(ranks[:-1]) and labels_of(columns[-1:]):
            rows.classes = True
            rows.rows, told = without_same_taxon(rows.rows)
            rows.notes += told
    return Found(rows.taxonomy(), kind, how, tuple(rows.notes))


def bins_of(table: Table, options: Options) -> Iterator[Reading]:
    """The readings of a table as classes, each with its group."""
    judgement = judged(table)
    columns = judgement.columns
    chosen = _chosen(table, columns, options)
    if chosen:
        if options.kind == "bins" and len(chosen) == 2:
            yield _bins(table, chosen[0], chosen[1], Grade.PLAIN, options)
        return
    for chain in _chains(table):
        if _are_bins(chain):
            yield _bins(table, chain.columns[1], chain.columns[0], chain.grade, options)
    for edges in judgement.edges:
        if not _are_edges(edges):
            yield _bins(table, edges.child, edges.parent, edges.grade, options)


def _are_bins(chain: Chain) -> bool:
    """Whether two columns are a class and its group, no ranks of an order that is known."""
    if len(chain.columns) != 2 or chain.repeats:
        return False
    known = (words.rank_number, words.number_of)
    return not any(all(says(column.word) is not None for column in chain.columns) for says in known)


def _bins(table: Table, fine: Column, coarse: Column, grade: Grade, options: Options) -> Reading:
    named = f"{fine.name} -> {coarse.name}"
    if not (fine.name and coarse.name):
        named = f"column {fine.number + 1} below column {coarse.number + 1}"
    how = f"{named}, {counted(len(table.rows), 'row')}"
    make = partial(_by_columns, "bins", how, table, (coarse, fine), options)
    return _reading("bins", table, (fine, coarse), how, grade, make)


# -- paths and names -------------------------------------------------------------------------------


def paths_of(table: Table, options: Options) -> Iterator[Reading]:
    """The readings of a table as one column of paths."""
    judgement = judged(table)
    columns = judgement.columns
    chosen = _chosen(table, columns, options)
    if len(chosen) == 2 and options.kind == "paths":
        yield from _joined_paths(table, chosen[0], chosen[1], options)
    if len(chosen) > 1 or (chosen and options.kind not in (None, "paths")):
        return
    ranks = not chosen and any(len(chain.columns) > 2 for chain in judgement.chains)
    for column in chosen or columns:
        named = words.is_path(column.word) or bool(chosen)
        leaf = leaf_below(column, columns, options.separator) if named and not chosen else None
        if leaf is not None:
            yield from _joined_paths(table, column, leaf, options)
            several = has_more(leaf, column, options.separator or marks_of(column)[0])
            if several and not are_texts(leaf):
                continue
        if named or _may_hold_paths(column):
            other = None if named else named_beside(column, columns, options.separator)
            grade = cuts_of(list(column.counts))[0] if other is not None else None
            if other is not None and grade is not None:
                ways = _joined_paths(table, column, other, options)
                yield from (replace(way, grade=grade) for way in ways)
            yield from _paths(table, column, options, named=named, beside_ranks=ranks)


def _may_hold_paths(column: Column) -> bool:
    """Whether cells are no files, links or dates, and the name says nothing else."""
    return column.kind in ("name", "mixed", "text") and not words.is_beside(column.word)


def _paths(
    table: Table, column: Column, options: Options, *, named: bool, beside_ranks: bool
) -> Iterator[Reading]:
    """The readings of one column, a separator each; three columns of ranks say more than it does."""
    texts = list(column.counts)
    if options.separator is not None:
        plain, cuts = True, [cut_at(texts, options.separator)]
    else:
        grade, cuts = cuts_of(texts)
        plain = grade is Grade.PLAIN or (named and len(cuts) == 1)
    for cut in cuts:
        how = f"{column.name or 'paths'}, split at `{cut.mark}`, {counted(len(table.rows), 'row')}"
        make = partial(_by_path, how, table, column, cut.mark, options)
        grade = Grade.PLAIN if plain and not beside_ranks else Grade.CELLS
        reading = _reading("paths", table, [column], how, grade, make)
        option = f"{reading.option} --separator {shlex.quote(cut.mark)}"
        # A path in a cell is another tree than the cell as a name, in whatever chain that stands.
        yield replace(reading, option=option, covers=frozenset())


def _joined_paths(table: Table, column: Column, leaf: Column, options: Options) -> Iterator[Reading]:
    """The readings of paths that end above the names of another column."""
    marks = [options.separator] if options.separator is not None else marks_of(column)
    for mark in marks:
        how = f"{leaf.name} below {column.name}, split at `{mark}`, {counted(len(table.rows), 'row')}"
        make = partial(_by_joined_path, how, table, column, leaf, mark, options)
        reading = _reading("paths", table, [column, leaf], how, Grade.PLAIN, make)
        yield replace(
            reading, option=f"{reading.option} --separator {shlex.quote(mark)}", covers=frozenset()
        )


def _by_joined_path(
    how: str, table: Table, column: Column, leaf: Column, mark: str, options: Options
) -> Found:
    rows = Rows(table.file, options)
    rows.rows = [joined(path, name, mark) for path, name in zip(column.cells, leaf.cells, strict=True)]
    rows.lines = list(table.lines)
    return Found(rows.taxonomy(), "paths", how, tuple(rows.notes))


def _by_path(how: str, table: Table, column: Column, mark: str, options: Options) -> Found:
    rows = Rows(table.file, options)
    split = [tuple(part.strip() for part in split_path(cell, mark)) for cell in column.cells]
    levels = [name.strip() for name in split_path(column.name, mark)]
    if len(levels) >= max(map(len, split), default=1) > 1:
        rows.levels = tuple(levels)
    elif options.kind is None:
        split, told = without_initials(split, "--kind paths")
        rows.notes += told
    rows.rows, rows.lines = split, list(table.lines)
    return Found(rows.taxonomy(), "paths", how, tuple(rows.notes))


def names_of(table: Table, options: Options) -> Iterator[Reading]:
    """The readings of a table as a flat list: the one column that holds names of classes."""
    judgement = judged(table)
    columns = judgement.columns
    chosen = _chosen(table, columns, options)
    if chosen:
        if options.kind == "names" and len(chosen) == 1:
            yield _names(table, chosen[0], Grade.PLAIN, options)
        return
    candidates = [column for column in candidates_of(columns) if not column.is_number]
    chains = judgement.chains
    outline = outline_of(table)
    told = outline.sure if outline is not None else rank_column(columns) is not None
    told = told and options.kind is None
    if (
        any(chain.grade is Grade.PLAIN for chain in chains)
        or any(not edges.guessed for edges in judgement.edges)
        or told
    ):
        return
    coded = code_column(table, options) is not None
    # Whoever reads the groups alone loses the classes: where columns nest, the finest may be a flat list.
    fine = {chain.columns[-1] for chain in chains}
    nested = {column for chain in chains for column in chain.columns}
    groups = {column for column in nested if not any(_is_name_of(column, chain) for chain in chains)}
    numbered = any(numbers_classes(chain.columns[-1]) for chain in chains)
    called = [column for column in candidates if words.is_name(column.word) or column.word in words.CLASS]
    named = any(not column.is_serial for column in fine)
    for column in candidates:
        if (column in groups and not numbered) or (named and column.is_serial):
            continue
        alone = len(candidates) == 1 and column in called and not (coded or numbered) and outline is None
        alone = alone and not cuts_of(list(column.counts))[1]  # names that are paths as well
        alone = alone and not judgement.edges  # which only the cells show
        alone = alone and not explained_by_paths(column, columns, options.separator)
        # Names beside paths that do not hold them are as likely as these.
        rival = _grade_of_paths_beside(column, columns, options)
        grade = rival or (Grade.PLAIN if alone else Grade.CELLS)
        yield _names(table, column, grade, options)


def _is_name_of(column: Column, chain: Chain) -> bool:
    """Whether a column is the finest of a chain, or another name of it."""
    return column is chain.columns[-1] or same_groups(column, chain.columns[-1])


def _grade_of_paths_beside(names: Column, columns: Sequence[Column], options: Options) -> Grade | None:
    """How plain the paths are of a column beside which names stand that are no part of them."""
    others = (c for c in columns if c is not names and _may_hold_paths(c) and not words.is_path(c.word))
    beside = (c for c in others if named_beside(c, columns, options.separator) is names)
    return max((grade for c in beside if (grade := cuts_of(list(c.counts))[0])), default=None)


def _names(table: Table, column: Column, grade: Grade, options: Options) -> Reading:
    how = f"{column.name or f'column {column.number + 1}'}, {counted(len(column.counts), 'name')}"
    reading = _reading("names", table, [column], how, grade, partial(_by_name, how, table, column, options))
    # A flat list is no part of a chain that holds its column: it is another tree.
    return replace(reading, covers=frozenset())


def _by_name(how: str, table: Table, column: Column, options: Options) -> Found:
    rows = Rows(table.file, options, (column.name,) if column.name else None)
    rows.rows, rows.lines = [(cell,) for cell in column.cells], list(table.lines)
    told = codes_without_parents(table) if options.columns is None else None
    return Found(rows.taxonomy(), "names", how, (*rows.notes, *([told] if told else [])))


# -- child and parent ------------------------------------------------------------------------------


def edges_readings(table: Table, options: Options) -> Iterator[Reading]:
    """The readings of a table as children with their parents."""
    judgement = judged(table)
    columns = judgement.columns
    chosen = _chosen(table, columns, options)
    found: Iterable[Edges] = judgement.edges
    if chosen:
        asked = options.kind == "edges" and len(chosen) in (2, 3)
        shown = options.kind is None and len(chosen) == 2 and not _are_ranks(chosen, columns)
        found = [edges_of_columns(chosen, columns)] if asked or shown else []
    for edges in found:
        if not (chosen or _are_edges(edges)):
            continue
        how = f"{edges.child.name} below {edges.parent.name}"
        how += f", called by {edges.title.name}" if edges.title is not None else ""
        how += f", {counted(len(table.rows), 'row')}"
        make = partial(_by_edges, how, table, columns, edges, options)
        yield _reading("edges", table, edges.columns, how, edges.grade, make)


def _are_edges(edges: Edges) -> bool:
    """Whether these are nodes with their parents, and not classes, each with its group."""
    return (
        edges.chained or edges.has_ids or edges.several or edges.child.word in ("child", "node", "target")
    )


def _by_edges(how: str, table: Table, columns: Sequence[Column], edges: Edges, options: Options) -> Found:
    nodes = edge_graph(table, columns, edges, options)
    ranks = [c for c in columns if c not in edges.columns and words.rank_of(c.word) and c.filled]
    if ranks:
        names = listed([column.name for column in ranks], most=8)
        nodes.notes.append(f"the parents make the tree, rank columns are not used: {names}")
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))


#: What would make a tree of a table.
NEEDS = (
    "ranks from top to leaf (--columns order,family,species), a child and its parent (--kind edges "
    "--columns CHILD,PARENT), a class and its group (--kind bins --columns CLASS,BIN), or paths "
    "(--kind paths --columns PATH)"
)


# -- the formats -----------------------------------------------------------------------------------

_RANKS = """\
order,family,species
Carnivora,Felidae,cat
Carnivora,Felidae,lynx
Rodentia,,mouse
"""
_PARENTS = "child,parent\ncat,pet\ndog,pet\npug,dog\nbeagle,dog\n"
_PATHS = "cat/Bengal\ncat/Siamese\ndog/pug\ndog/a\\/b\n"
_NAMES = "pug\nBengal\nbeagle\n"
_BINS = "class,bin\npug,dog\nbeagle,dog\nBengal,cat\n"

FORMATS = (
    Format(
        "ranks",
        of_table=ranks_of,
        form="a column for each rank (--columns order,family,species, from top to leaf)",
        example=("ranks.csv", _RANKS),
    ),
    Format(
        "edges",
        of_table=edges_readings,
        form="a column of children and one of their parents (--columns CHILD,PARENT or CHILD,PARENT,NAME)",
        example=("edges.csv", _PARENTS),
    ),
    Format(
        "bins",
        of_table=bins_of,
        form="a column of classes and one of their groups (--columns CLASS,BIN)",
        example=("bins.csv", _BINS),
    ),
    Format(
        "paths",
        of_table=paths_of,
        form="paths, one a line or in a column (--kind paths --separator '/' --columns PATH or PATH,NAME)",
        example=("paths.txt", _PATHS),
    ),
    Format(
        "names",
        title="a list of class names",
        of_table=names_of,
        form="names, one a line or in a column (--columns NAME)",
        example=("names.txt", _NAMES),
    ),
)
