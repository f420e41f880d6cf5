"""Records: a list of mappings that are alike, or a mapping of keys to such, as tables and as links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import FaultLog
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_levels import look_at_levels
from taxoloss.sources.formats.json_lists import names_reading, paths_reading, sure_mark
from taxoloss.sources.formats.json_named import facts_of
from taxoloss.sources.formats.json_titles import CALLED, titles_of
from taxoloss.sources.formats.json_values import (
    Place,
    first_key,
    is_empty,
    is_numbered,
    is_text,
    line_of,
    may_hold_names,
    said,
    scalars_in,
    text_of,
)
from taxoloss.sources.formats.json_words import (
    CHILD_IDS,
    CHILD_LISTS,
    GROUPS,
    IDS,
    MEMBERS,
    NEVER,
    PARENTS,
    PATHS,
    PLAIN,
    RANKS,
    SAMPLES,
    bare,
)
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.sources.rows import Rows
from taxoloss.sources.separators import cuts_of
from taxoloss.sources.tables.table import Table
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["NEEDS", "are_ranked", "look_at_keyed", "look_at_records"]

#: What records need to be a tree.
NEEDS = (
    "ranks (family, genus, species), a class and its group (supercategory), an id and that of its parent, "
    "or lists of the ids of children"
)


#: Keys that hold the nodes below a node where they hold a list, and the node itself in a table.
_ONE_EACH = frozenset({"subcategory", "subclass"})


def look_at_records(records: list[MappingValue], value: ListValue, place: Place) -> Look:
    """The look at a list of records; TaxonomyError where some items of the list are none."""
    _refuse_others(value, place)
    return _look(records, [None] * len(records), said(value) + place.said, place)


def look_at_keyed(value: MappingValue, place: Place) -> Look | None:
    """The look at a mapping of keys to records that are alike; None where it is no such mapping."""
    records = [below for _, below in value.pairs if isinstance(below, MappingValue)]
    if len(records) < len(value.pairs) or len(records) < 2 or all(map(is_numbered, records)):
        return None
    keys = [key.text for key, _ in value.pairs]
    what = said(ListValue(list(records))).removeprefix("a list of ")
    what = f"a mapping of keys to {what}{place.said}"
    if _share(records, lambda below: text_of(below) not in (None, "")):
        return _look(records, keys, what, place)
    if _share(records, lambda below: is_empty(below) or scalars_in(below) is not None):
        tree = _Records(records, keys, place).linked()  # lists that hold keys: else names below names
        return Look(what, tree, needs=NEEDS) if tree else None
    return None


def _share(records: list[MappingValue], fits: Callable[[Value], bool]) -> bool:
    """Whether all records have one of the keys whose values fit in most records."""
    counts = Counter(key.text for one in records for key, below in one.pairs if fits(below))
    shared = {key for key, count in counts.items() if 10 * count >= 6 * len(records)}
    return bool(shared) and all(any(key.text in shared for key, _ in one.pairs) for one in records)


def _refuse_others(value: ListValue, place: Place) -> None:
    log = FaultLog(place.file)
    for number, item in enumerate(value.items, 1):
        if not isinstance(item, MappingValue):
            message = f"item {number:,} of the list{place.said} is no record, as the others are"
            log.note("T116", message, line=line_of(item), expected="a mapping")
    log.raise_all()


def _look(records: list[MappingValue], keys: Sequence[str | None], what: str, place: Place) -> Look:
    rows = _Records(records, keys, place)
    tables = [rows.table()]
    tree = [*rows.linked(), *rows.chained(), *rows.paths()]
    asked = place.options.columns is not None
    names = [key for one in records for key, _ in one.pairs]
    if not tree and not asked and rows.may_hold_others() and not rows.are_told():
        if (texts := rows.listed_as_texts()) is not None:
            return Look(f"{what}, which hold texts in {quoted(texts)}, where lists would be", needs=NEEDS)
        if (levels := look_at_levels(records, keys, what, place)) is not None:
            return levels
    sampled = any(bare(key.text) in SAMPLES for key in names) and not are_ranked(records)
    if sampled and not asked and not tree:
        return Look(f"{what}: pictures or tasks, not classes", needs=NEEDS)
    if tree and not asked:
        return Look(what, tree, needs=NEEDS)
    flat = [] if asked else rows.flat()
    junk = bool(flat) and place.options.kind in (None, "json", "names")
    return Look(what, flat, [] if junk else tables, NEEDS)


def are_ranked(records: Sequence[MappingValue]) -> bool:
    """Whether most records, though they are pictures, hold names of two ranks or more, or a group."""
    counts = Counter(bare(key.text) for one in records for key, below in one.pairs if is_text(below))
    common = {word for word, count in counts.items() if 2 * count > len(records)}
    return len(common.intersection(RANKS)) > 1 or bool(common & GROUPS)


@dataclass
class _Records:
    """Records, each with the key that it stands below, if any."""

    records: list[MappingValue]
    keys: Sequence[str | None]
    place: Place

    def __post_init__(self) -> None:
        pairs = [(key.text, below) for one in self.records for key, below in one.pairs]
        self.columns = list(dict.fromkeys(key for key, _ in pairs))
        self.cells = [{key.text: below for key, below in reversed(one.pairs)} for one in self.records]
        self.lines = [line_of(one) or 1 for one in self.records]
        self._texts: dict[str, list[str]] = {}
        scalar = {key for key, below in pairs if text_of(below)}
        lists = {key for key, below in pairs if isinstance(below, ListValue)}
        self.listed = [column for column in self.columns if column in lists]
        self.mapped = {key for key, below in pairs if isinstance(below, MappingValue)}
        self.scalars = [column for column in self.columns if column in scalar]

    def texts(self, column: str) -> list[str]:
        """The cells of a column, kept: many ask for them."""
        if column not in self._texts:
            self._texts[column] = [text_of(cells.get(column)) or "" for cells in self.cells]
        return self._texts[column]

    # -- as a table --------------------------------------------------------------------------------

    def table(self) -> Table:
        """A column for each key; lists and mappings are empty cells, but for what names a thing in them."""
        columns: dict[str, list[str]] = {}
        if any(key is not None for key in self.keys):
            columns[self._key_column()] = [key or "" for key in self.keys]
        for column in self.columns:
            columns[column] = self.texts(column)
            for inner, texts in self._inside(column).items():
                columns.setdefault(inner if inner in RANKS else f"{column}.{inner}", texts)
        self._without_roots(columns)
        rows = list(zip(*columns.values(), strict=True))
        return Table(self.place.file, tuple(columns), rows, self.lines)

    def _inside(self, column: str) -> dict[str, list[str]]:
        """The ids, names and ranks in cells that are mappings: {"parent": {"id": 3}}."""
        if bare(column) in NEVER or column not in self.mapped:
            return {}
        inner = [below for cells in self.cells if isinstance(below := cells.get(column), MappingValue)]
        known = {*IDS, *PARENTS, *RANKS}
        keys: Sequence[str] = list(
            dict.fromkeys(key.text for one in inner for key, _ in one.pairs if bare(key.text) in known)
        )
        keys = self._surely_above(column, keys, inner)
        cells = [
            c if isinstance(c := one.get(column), MappingValue) else MappingValue() for one in self.cells
        ]
        return {key: [text_of(cell.get(key)) or "" for cell in cells] for key in keys}

    def _surely_above(
        self, column: str, keys: Sequence[str], inner: Sequence[MappingValue]
    ) -> Sequence[str]:
        """The keys of a parent without its id, where that is no record's: {"id": 7, "name": "animal"}."""
        name = first_key(keys, CALLED)
        ids = [key for key in keys if key != name and bare(key) in IDS and bare(key) not in CALLED]
        above = {text_of(one.get(key)) for one in inner for key in ids} - {None, ""}
        own = {text for key in self.scalars if bare(key) in IDS for text in self.texts(key)}
        foreign = bare(column) in PARENTS and name is not None and above.isdisjoint({*own, *self.keys})
        return [key for key in keys if key not in ids] if foreign else keys

    def _key_column(self) -> str:
        """What the column of the keys is called: the rank below those that are there, a name, an id."""
        present = {bare(column) for column in self.columns}
        ranks = [number for number, rank in enumerate(RANKS) if rank in present]
        if len(ranks) > 1 or "genus" in present:
            return RANKS[ranks[-1] + 1] if ranks[-1] + 1 < len(RANKS) else "key"
        free = [name for name in ("name", "id", "key") if name not in present]
        return free[0] if free else "key "

    def _without_roots(self, columns: dict[str, list[str]]) -> None:
        """jsTree writes # as the parent of what has none."""
        for column, texts in columns.items():
            others = (cells for other, cells in columns.items() if other != column)
            if bare(column) in PARENTS and not any("#" in cells for cells in others):
                columns[column] = ["" if text == "#" else text for text in texts]

    def may_hold_others(self) -> bool:
        """Whether a key of lists, of mappings or of children may lead down: told by the keys alone."""
        held = (column for column in self.columns if column in self.mapped or column in self.listed)
        return any(map(may_hold_names, held)) or any(bare(column) in CHILD_LISTS for column in self.scalars)

    def are_told(self) -> bool:
        """Whether a record says itself what stands above it: ranks, a group, a parent."""
        above = any(bare(column) in GROUPS or bare(column) in PARENTS for column in self.columns)
        return above or are_ranked(self.records)

    def listed_as_texts(self) -> str | None:
        """The key of children that are a text, {"children": "cat, dog"}: in a table no key is called so."""
        return next(
            (
                column
                for column in self.scalars
                if bare(column) in CHILD_LISTS - _ONE_EACH
                and any(is_text(below) for cells in self.cells if (below := cells.get(column)) is not None)
            ),
            None,
        )

    # -- as links ----------------------------------------------------------------------------------

    def linked(self) -> list[Reading]:
        """The readings of cells that list the ids, or names, of other records."""
        found = []
        for column in self.listed:
            word = bare(column)
            ids_in = _ids_in if word in CHILD_LISTS else scalars_in
            lists = [ids_in(cells.get(column)) or [] for cells in self.cells]
            texts = {item.text for items in lists for item in items}
            if not texts or word in NEVER:
                continue
            known = word in CHILD_LISTS | CHILD_IDS | MEMBERS or word in PARENTS
            ids = self._ids(texts, known)
            if ids is None or not (known or (texts <= set(ids) and not self._has_parents())):
                continue
            found.append(self._link_reading(column, lists, ids, known))
        return found

    def chained(self) -> list[Reading]:
        """The readings of groups that are records too: {"name": "cat", "supercategory": "animals"}."""
        groups = {column: self.texts(column) for column in self.scalars if bare(column) in GROUPS}
        names = self._own_names(next(iter(groups), None))
        if names is None:
            return []
        if len(set(names)) < len(names):
            return self._in_groups(names, groups)
        own = set(names)
        found = []
        for column, texts in {**groups, **self._foreign_parents()}.items():
            pairs = list(zip(texts, names, strict=True))
            if column in groups and not any(group in own and group != name for group, name in pairs):
                continue
            lists = [
                [ScalarValue(group, one.mark)] if self._is_group(group, name, own) else []
                for (group, name), one in zip(pairs, self.records, strict=True)
            ]
            how = (
                f"each record below its {quoted(column)}, {counted(len(lists), 'record')}{self.place.said}"
            )
            make = partial(self._linked, lists, names, True, how, by_name=True)
            found.append(Reading("edges", how, Grade.PLAIN, make, "--kind edges"))
        return found

    def _in_groups(self, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[Reading]:
        """The reading of names that stand in several groups: {"name": "bat", "supercategory": "sports"}.

        The key says which of the two is the group, whichever of them stands more often.
        """
        column, texts = next(iter(groups.items()), ("", []))
        pairs = list(zip(texts, names, strict=True)) if len(groups) == 1 else []
        known = {name for group, name in pairs if group != name}
        ranked = any(bare(other) in RANKS and bare(other) != "class" for other in self.scalars)
        if (
            not pairs
            or ranked
            or len(set(pairs)) < len(names)
            or not all(texts)
            or known.intersection(texts)
        ):
            return []
        how = f"names below their {quoted(column)}, {counted(len(names), 'record')}{self.place.said}"
        rows = [[group, name] for group, name in pairs]
        return [Reading("bins", how, Grade.PLAIN, partial(self._rows, rows, how, "bins"), "--kind bins")]

    def _foreign_parents(self) -> dict[str, list[str]]:
        """The names of parents that are mappings, and no records of these: {"id": 7, "name": "animal"}."""
        found = {}
        for column in self.mapped:
            inner = self._inside(column) if bare(column) in PARENTS else {}
            if len(inner) == 1 and bare(key := next(iter(inner))) in CALLED:
                found[f"{column}.{key}"] = inner[key]
        return found

    @staticmethod
    def _is_group(group: str, name: str, names: set[str]) -> bool:
        """Not where it is empty, the record itself, or a word for none."""
        return (
            bool(group) and group != name and (group in names or group.casefold() not in ("none", "null"))
        )

    def _has_parents(self) -> bool:
        return any(bare(column) in PARENTS for column in self.scalars)

    def _link_reading(
        self, column: str, lists: list[list[ScalarValue]], ids: list[str], known: bool
    ) -> Reading:
        up = bare(column) in PARENTS
        how = f"{quoted(column)} lists the {'parents' if up else 'children'} of each record"
        how += f", {counted(len(self.records), 'record')}{self.place.said}"
        make = partial(self._linked, lists, ids, up, how)
        return Reading("edges", how, Grade.PLAIN if known else Grade.CELLS, make, "--kind edges")

    def _ids(self, texts: set[str], known: bool) -> list[str] | None:
        """The column that holds most of some texts, of those that differ in every record.

        Where it is `known` that the texts are ids, of those too that differ in most; texts that are
        no record's id are told later.
        """
        ways = [[key or "" for key in self.keys]] if any(self.keys) else []
        order = sorted(self.scalars, key=lambda c: IDS.index(bare(c)) if bare(c) in IDS else len(IDS))
        ways += [self.texts(column) for column in order]
        most = [
            way for way in ways if len(set(way)) == len(way) or (known and 2 * len(set(way)) > len(way))
        ]
        best = max(most, key=lambda way: (len(texts & set(way)), len(set(way))), default=None)
        return best if best is not None and (known or texts & set(best)) else None

    def _own_names(self, group: str | None = None) -> list[str] | None:
        """What each record is called; None where only ids are known.

        Beside `supercategory`, the key of its group, that is `category`, where no key is called a name.
        """
        below = [bare(group).removeprefix("super")] if group is not None else []
        name = first_key(self.scalars, [*CALLED, *below])
        if name is not None:
            return self.texts(name)
        return [key or "" for key in self.keys] if any(self.keys) else None

    def _linked(
        self, lists: list[list[ScalarValue]], ids: list[str], up: bool, how: str, *, by_name: bool = False
    ) -> Found:
        nodes = SourceGraph(self.place.file, self.place.options)
        names = ids if by_name else titles_of(self.cells, ids, nodes)
        for key, name, one in zip(ids, names, self.records, strict=True):
            if not key:
                nodes.fault("T121", "a record has no id", line_of(one), expected="an id of its own")
            elif key in nodes.nodes:
                nodes.fault("T201", f"two records are called {quoted(key)}", line_of(one))
            nodes.add(key, name or key, line=line_of(one), **facts_of(one))  # type: ignore[arg-type]
        # Ids of no record are slips; names of none are leaves, or tops.
        ids_alone = any(names) and names != ids
        for key, items in zip(ids, lists, strict=True):
            for item in items:
                if self._is_known(item, ids_alone, nodes):
                    nodes.link(*((key, item.text) if up else (item.text, key)), line_of(item))
        return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))

    def _is_known(self, item: ScalarValue, ids_alone: bool, nodes: SourceGraph) -> bool:
        if item.text in nodes.nodes or not ids_alone:
            return True
        if self.place.options.missing_parent is None:
            help = "--missing-parent drop leaves such links out"
            message = f"{quoted(item.text)} is the id of no record"
            nodes.fault("T212", message, line_of(item), found=item.text, help=help)
        return False

    # -- as paths, as names ------------------------------------------------------------------------

    def paths(self) -> list[Reading]:
        """The readings of cells that are lists of names, from top to leaf."""
        found = []
        for column in self.listed:
            lists = [scalars_in(cells.get(column)) for cells in self.cells]
            if bare(column) not in PATHS or not any(lists) or any(items is None for items in lists):
                continue
            rows = [[item.text for item in items or ()] for items in lists]
            own = self._own_names() or [""] * len(rows)
            ends = sum(bool(row) and row[-1] == name for row, name in zip(rows, own, strict=True))
            if 2 * ends < len(rows) and all(own):
                rows = [[*row, name] for row, name in zip(rows, own, strict=True)]
            how = f"{quoted(column)} holds paths, {counted(len(rows), 'record')}{self.place.said}"
            found.append(Reading("paths", how, Grade.PLAIN, partial(self._rows, rows, how), "--kind paths"))
        return found

    def _rows(self, rows: list[list[str]], how: str, kind: str = "paths") -> Found:
        made = Rows(
            self.place.file, self.place.options, rows=[tuple(row) for row in rows], lines=self.lines
        )
        return Found(made.taxonomy(), kind, how, tuple(made.notes))

    def flat(self) -> list[Reading]:
        """As class names, where records hold a name that differs in each and nothing that groups them."""
        name = first_key(self.scalars, CALLED)
        if name is None:
            return []
        values = [cells.get(name) for cells in self.cells]
        texts = [value for value in values if isinstance(value, ScalarValue) and value.text]
        known = {text.text for text in texts}
        others = [column for column in self.columns if column != name and not self._is_plain(column, known)]
        if others or len(texts) < len(values) or len({text.text for text in texts}) < len(texts):
            return []
        how = f"{quoted(name)} of each record"
        cuts = cuts_of([text.text for text in texts])[1]
        paths = [paths_reading(texts, self.place, cut.mark, Grade.CELLS) for cut in cuts]
        return [*paths, names_reading(texts, self.place, how)]

    def _is_plain(self, column: str, names: set[str]) -> bool:
        """A column that groups nothing: a colour, a list, ids, what differs in each record."""
        word, texts = bare(column), self.texts(column)
        if word in PLAIN or word in NEVER or not (any(texts) or self._inside(column)):
            return True
        if word in (*PARENTS, "code") or names & set(texts):
            return False
        return bool(any(texts)) and len(set(texts)) == len(texts) and sure_mark(texts) is None


def _ids_in(value: Value | None) -> list[ScalarValue] | None:
    """The ids in a list, of records that are written elsewhere too: [{"id": 2, "name": "cat"}]."""
    items = value.items if isinstance(value, ListValue) else []
    if not items or not all(isinstance(item, MappingValue) and len(item.pairs) > 1 for item in items):
        return scalars_in(value)
    keys = [
        (item, first_key([key.text for key, _ in item.pairs], ("id", "key", "code", "uri")))
        for item in items
        if isinstance(item, MappingValue)
    ]
    found = [item.get(key) if key is not None else None for item, key in keys]
    return [id for id in found if isinstance(id, ScalarValue)] if all(found) else None
