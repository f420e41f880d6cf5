"""What the commands share: where a tree comes from, how faults are shown, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.text import Text

from taxoloss.cli.streams import echo, write_data
from taxoloss.errors.characters import escape_invisible
from taxoloss.errors.faults import Fault, TaxonomyError
from taxoloss.errors.formats import as_format
from taxoloss.sources.class_lists import ClassList
from taxoloss.taxonomy.bundled.catalog import bundled_names
from taxoloss.taxonomy.file.document import Document
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.file.reader import read_text
from taxoloss.taxonomy.file.writer import as_mapping
from taxoloss.taxonomy.findings import Finding
from taxoloss.taxonomy.loading import load_document
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = [
    "Format",
    "FormatOption",
    "InnerClassesOption",
    "JsonOption",
    "LimitOption",
    "Read",
    "SourceArgument",
    "chosen_format",
    "complete_names",
    "limits_of",
    "one_line",
    "os_error_in_words",
    "plain",
    "read",
    "report",
    "stdout_console",
    "stop_on_faults",
]


_PIPE_WIDTH = 160


def stdout_console() -> Console:
    """Standard output; colours only on a terminal, names never read as markup."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(highlight=False, markup=False, emoji=False, width=width)


def plain(text: str) -> Text:
    """Text from a file, safe for a terminal."""
    return Text(escape_invisible(text))


class Format(str, Enum):
    """How faults are shown."""

    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"


def complete_names(start: str) -> list[str]:
    """The bundled names that start so, for the completion of a shell."""
    return [name for name in bundled_names() if name.startswith(start)]


SourceArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE|NAME|-",
        help="A taxonomy file, a bundled name such as pets, or - for standard input.",
        autocompletion=complete_names,
    ),
]
FormatOption: TypeAlias = Annotated[
    Format | None,
    typer.Option("--format", help="Faults for people, programs, code scanning or GitHub's annotations."),
]
InnerClassesOption: TypeAlias = Annotated[
    bool, typer.Option("--inner-classes", help="Some classes are inner nodes: a genus beside its species.")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
LimitOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=NUMBER",
        help="Allow more: levels=64, nodes=2000000, bytes=268435456, scalar=1048576 are what is allowed.",
    ),
]


def chosen_format(format: Format | None, as_json: bool) -> Format:
    """--format, or --json, which is short for one of them."""
    if as_json and format not in (None, Format.json):
        raise typer.BadParameter("--json and --format contradict each other", param_hint="--format")
    return Format.json if as_json else format or Format.text


def limits_of(given: Sequence[str] | None) -> Limits:
    """Limits with what --limit moves."""
    moved: dict[str, int] = {}
    for text in given or ():
        name, _, number = text.partition("=")
        if name not in vars(Limits()) or not number.isdecimal():
            expected = ", ".join(vars(Limits()))
            raise typer.BadParameter(
                f"expected NAME=NUMBER, NAME one of {expected}; got {text!r}", param_hint="--limit"
            )
        moved[name] = int(number)
    try:
        return Limits(**moved)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--limit") from None


@dataclass(frozen=True)
class Read:
    """A taxonomy, and where its nodes stand: None where it is bundled."""

    taxonomy: Taxonomy
    document: Document | None
    source: str

    @property
    def python(self) -> str:
        """The Python that loads it; of standard input, which cannot be read again, with the tree in it."""
        source = repr(as_mapping(self.taxonomy) if self.source == "-" else self.source)
        limits = Limits() if self.document is None else self.document.limits
        more = f", limits=taxoloss.{limits!r}" if limits != Limits() else ""
        return f"taxoloss.load({source}{more})"

    def python_bound(
        self, listed: ClassList | None, verb: str = "bind", called: str = "t", more: str = ""
    ) -> list[str]:
        """The statements that load the tree and bind it, as the command did, where the command ran.

        `more` are further arguments of the verb.
        With the verb node_ids: the tree in its file's order, and `ids`, the node id of each label.
        """
        loaded = f"{called} = {self.python}"
        if listed is None:
            return ["import taxoloss", f"{loaded}.bind()"]
        reader = listed.python.partition("(")[0]
        lines = ["import taxoloss", f"from taxoloss.sources.class_lists import {reader}"]
        names = f"{listed.python}.names"
        if verb == "node_ids":
            return [*lines, f"{loaded}.bind(node_targets=True)", f"ids = {called}.node_ids({names})"]
        return [*lines, loaded, f"{called} = {called}.{verb}({names}{more})"]

    def warning(self, finding: Finding) -> Fault:
        """A finding at the place of the first node that it is about."""
        document = self.document
        if document is None:
            return Fault(finding.code, finding.message, self.source)
        for noted in document.log.warnings:
            if (noted.code, noted.message) == (finding.code, finding.message):
                return noted
        nodes = self.taxonomy.index.by_path(finding.paths[0]) if finding.paths else []
        path = finding.paths[0] if finding.paths else ()
        place = document.place(document.node_marks[nodes[0]] if nodes else None)
        return Fault(finding.code, finding.message, document.file, path=path, **place)


def read(source: str, limits: Limits | None = None) -> Read:
    """The taxonomy of a file, a bundled name or standard input."""
    if source != "-":
        return Read(*load_document(source, limits), source)
    most = (limits or Limits()).bytes
    value, document = read_text(sys.stdin.buffer.read(most + 1), "<stdin>", limits)
    return Read(Taxonomy.from_values(value, document), document, source)


def one_line(statements: Iterable[str]) -> str:
    """Python that runs as it is printed, each import once."""
    return "; ".join(dict.fromkeys(statements))


@contextmanager
def stop_on_faults(format: str) -> Iterator[None]:
    """Tells the faults of what is inside, and stops with exit code 1."""
    try:
        yield
    except TaxonomyError as error:
        report((*error.faults, *error.warnings), format)
        raise typer.Exit(1) from None
    except BrokenPipeError:  # main ends quietly
        raise
    except ImportError as error:
        echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        echo(f"error: {os_error_in_words(error)}", err=True)
        raise typer.Exit(1) from None


def os_error_in_words(error: OSError) -> str:
    """The file, and what is wrong with it."""
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)


def report(faults: Sequence[Fault], format: str) -> None:
    """Text for people on standard error; for programs, on standard output (and the text beside it)."""
    if format != "text":
        write_data(as_format(faults, format) + "\n")
    text = as_format(faults, "text")
    if format == "text" and sys.stderr.isatty():
        Console(stderr=True, highlight=False, emoji=False, markup=False, soft_wrap=True).print(
            _coloured(text)
        )
    elif format in ("text", "json"):
        echo(text, err=True)


def _coloured(text: str) -> Text:
    """The same text, with colours (rich leaves them out where NO_COLOR is set)."""
    shown = Text(text)
    shown.highlight_regex(r"\berror T\d+", "bold red")
    shown.highlight_regex(r"\bwarning T\d+", "bold yellow")
    shown.highlight_regex(r"(?m)^ +\| +\^+$", "red")
    shown.highlight_regex(r"(?m)^ +\| +-+ .*$", "cyan")
    shown.highlight_regex(r"(?m)^  (help|expected):", "bold cyan")
    return shown
