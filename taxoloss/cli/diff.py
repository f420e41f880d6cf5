"""`taxoloss diff`: what changed between two taxonomies, and what it means for a trained head."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from taxoloss.cli.shared import (
    FormatOption,
    InnerClassesOption,
    JsonOption,
    LimitOption,
    chosen_format,
    complete_names,
    limits_of,
    one_line,
    plain,
    read,
    stdout_console,
    stop_on_faults,
)
from taxoloss.cli.streams import echo, write_json
from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.sources.class_lists import ClassList, from_file
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.versions.diff import Change, TreeDiff
from taxoloss.taxonomy.versions.renames import as_option, pairs_of, read_renames

__all__ = ["diff"]

_KINDS = ("added", "removed", "moved", "renamed", "merged", "split")
_MOST = 20


def diff(
    old: Annotated[
        str, typer.Argument(metavar="A", help="The older taxonomy.", autocompletion=complete_names)
    ],
    new: Annotated[str, typer.Argument(metavar="B", help="The newer one.", autocompletion=complete_names)],
    rename: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="A node of A that is called otherwise in B.")
    ] = None,
    renames: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A CSV, old and new: names, or paths a/b/c; several old ones may become one.",
        ),
    ] = None,
    old_classes: Annotated[
        Path | None,
        typer.Option("--old-classes", metavar="FILE", help="The order of the old head's columns."),
    ] = None,
    new_classes: Annotated[
        Path | None,
        typer.Option("--new-classes", metavar="FILE", help="The order of the new head's columns."),
    ] = None,
    inner_classes: InnerClassesOption = False,
    map_: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="Write the map that migrate() and evaluate take."),
    ] = None,
    as_json: JsonOption = False,
    format: FormatOption = None,
    limit: LimitOption = None,
) -> None:
    """Compare two taxonomies: nodes added, removed, moved, renamed, merged, split; which columns move.

    Without --old-classes and --new-classes columns stand in the order of the files; --inner-classes
    is said of the lists that are given.

    Exit code 0: compared, whether or not they differ. 1: a bad taxonomy. 2: wrong usage.

    Example: taxoloss diff pets-2024.yaml pets.yaml --map migration.json
    """
    format = chosen_format(format, as_json)
    limits = limits_of(limit)
    if inner_classes and old_classes is None and new_classes is None:
        needed = "needs --old-classes or --new-classes: which inner nodes are classes?"
        raise typer.BadParameter(needed, param_hint="--inner-classes")
    with stop_on_faults(format):
        first, second = read(old, limits), read(new, limits)
        old_list, new_list = (
            None if file is None else from_file(file, limits) for file in (old_classes, new_classes)
        )
        before = _bound(first.taxonomy, old_list, inner_classes)
        after = _bound(second.taxonomy, new_list, inner_classes)
        said = _all_renames(renames, rename or (), before, after, limits)
        try:
            found = before.diff(after, said)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--rename") from None
        if map_ is not None:
            found.migration.save(map_)
            echo(f"wrote {map_}", err=True)
    if format == "json":
        write_json(_data(found))
        return
    console = stdout_console()
    for line in _lines(found, before, after):
        console.print(plain(line), soft_wrap=True)  # a line that is pasted into a shell stays one
    made = f"migration = old.diff(new{f', {said!r}' if said else ''}).migration"
    more = ", inner_classes=True" if inner_classes else ""
    loaded = [
        *first.python_bound(old_list, called="old", more=more),
        *second.python_bound(new_list, called="new", more=more),
    ]
    echo(f"in Python: {one_line((*loaded, made))}")
    echo("a head's rows: weight, bias = new.migrate(weight, bias, migration=migration)")


def _all_renames(
    file: Path | None, texts: Iterable[str], before: Taxonomy, after: Taxonomy, limits: Limits
) -> dict[Name, Name]:
    """What the table and the options say; what was taken for its header is told."""
    found: dict[Name, Name] = {}
    if file is not None:
        found, headed = read_renames(file, before, after, limits)
        if headed:
            echo(f"the first line of {escape_invisible(str(file))} is a header: old,new", err=True)
    for text in texts:
        old, new = _pair(text, before, after)
        if found.setdefault(old, new) != new:
            said = f"{old!r} is said to be {found[old]!r} and {new!r}"
            raise typer.BadParameter(said, param_hint="--rename")
    return found


def _pair(text: str, before: Taxonomy, after: Taxonomy) -> tuple[Name, Name]:
    """OLD and NEW of OLD=NEW; where names hold "=", at the sign that has a node on both sides."""
    pairs = pairs_of(text, before, after)
    if not pairs:
        raise typer.BadParameter(f"expected OLD=NEW, got {text!r}", param_hint="--rename")
    if len(pairs) > 1:
        ways = " or ".join(f"{old!r} is {new!r}" for old, new in pairs)
        raise typer.BadParameter(
            f"{text!r} can be read in {len(pairs)} ways: {ways}", param_hint="--rename"
        )
    return pairs[0]


def _bound(taxonomy: Taxonomy, classes: ClassList | None, inner_classes: bool) -> Taxonomy:
    if classes is None:
        return taxonomy.bind()
    return taxonomy.bind(classes.names, inner_classes=inner_classes)


def _data(found: TreeDiff) -> dict[str, Any]:
    data: dict[str, Any] = {"same": found.same}
    for kind in (*_KINDS, "likely"):
        data[kind] = [asdict(change) for change in getattr(found, kind)]
    data |= {"old_levels": found.old_levels, "new_levels": found.new_levels}
    data["columns"] = {
        "old": len(found.migration.old_classes),
        "new": len(found.migration.new_classes),
        "moved": found.reordered,
        "sources": found.migration.sources,
    }
    return data


def _lines(found: TreeDiff, before: Taxonomy, after: Taxonomy) -> list[str]:
    if found.same:
        lines = ["the trees are the same"]
    else:
        lines = [line for kind in _KINDS for line in _changes(kind, getattr(found, kind), before, after)]
    if found.old_levels != found.new_levels:
        lines.append(f"levels: {' > '.join(found.old_levels)} became {' > '.join(found.new_levels)}")
    for change in found.likely[:_MOST]:
        old, new = "/".join(change.old[0]), "/".join(change.new[0])
        nodes = (t.index.by_path(paths[0])[0] for t, paths in ((before, change.old), (after, change.new)))
        option = as_option(before, next(nodes), after, next(nodes))
        lines.append(f"perhaps renamed: {old} -> {new} (--rename {_in_shell(option)} says so)")
    if len(found.likely) > _MOST:
        lines.append(f"... {len(found.likely) - _MOST:,} more perhaps renamed (all with --json)")
    sources = found.migration.sources
    kept = sum(len(of) == 1 for of in sources)
    dropped = len(before) - len({column for of in sources for column in of})
    merged, fresh = sum(len(of) > 1 for of in sources), sum(not of for of in sources)
    head = f"a head of {len(before):,} columns becomes one of {len(after):,}"
    elsewhere = f"{kept:,} kept, {found.reordered:,} of them elsewhere"
    lines.append(f"{head}: {elsewhere}; {merged:,} merged; {fresh:,} new; {dropped:,} dropped")
    return lines


def _in_shell(text: str) -> str:
    """Quoted as a shell takes it: nothing in it is expanded."""
    return shlex.quote(text) if "'" in text else f"'{text}'"


def _side(taxonomy: Taxonomy, path: tuple[str, ...]) -> str:
    """A path; of a node with several parents also those beside the one that is in its path."""
    text, nodes = "/".join(path), taxonomy.index.by_path(path)
    further = taxonomy.named_parents(nodes[0]) if nodes else []
    named = (one if isinstance(one, str) else "/".join(one) for one in further)
    return f"{text} (also under {', '.join(named)})" if further else text


def _changes(kind: str, changes: tuple[Change, ...], before: Taxonomy, after: Taxonomy) -> list[str]:
    """The changes of one kind: classes first, at most 20."""
    if not changes:
        return []
    classes = sum(change.is_class for change in changes)
    counts = counted(classes, "class"), counted(len(changes) - classes, "inner node")
    lines = [f"{kind}: {', '.join(text for text in counts if text[0] != '0')}"]
    for change in sorted(changes, key=lambda change: not change.is_class)[:_MOST]:
        sides = [
            " + ".join(_side(taxonomy, path) for path in side[:5])
            for taxonomy, side in ((before, change.old), (after, change.new))
        ]
        more = [
            f" and {len(side) - 5:,} more" if len(side) > 5 else "" for side in (change.old, change.new)
        ]
        lines.append(
            "  " + " -> ".join(side + extra for side, extra in zip(sides, more, strict=True) if side)
        )
    if len(changes) > _MOST:
        lines.append(f"  ... {len(changes) - _MOST:,} more (all with --json)")
    return lines
