"""The pages and the help say what is registered: source and output formats, schedules, commands."""

from __future__ import annotations

from in_process import command
from registers import undocumented

from taxoloss import sources, weighting
from taxoloss.cli import COMMANDS
from taxoloss.sources.formats import FORMATS
from taxoloss.taxonomy.exports import FORMATS as OUTPUTS


def shown(*arguments: str) -> str:
    """What a command prints, its frames and line ends left out."""
    done = command(*arguments)
    assert done.code == 0, done.err
    return " ".join(done.out.decode().replace("│", " ").split())


def told(*arguments: str) -> str:
    """What a command that is called wrongly says, without spaces."""
    done = command(*arguments)
    assert done.code == 2
    return "".join(done.err.decode().replace("│", "").split())


def test_the_pages_lack_nothing() -> None:
    """Each stands in its table or its sentence, as the package calls it."""
    assert undocumented() == []


def test_the_help_lists_the_commands() -> None:
    """In their order, each with the first line of its own help."""
    text = shown("--help")
    places = [
        text.index(f" {name} {(command.__doc__ or '').partition('.')[0]}")
        for name, command in COMMANDS.items()
    ]
    assert places == sorted(places)


def test_the_help_of_init_names_the_formats() -> None:
    text = shown("init", "--help")
    for format in FORMATS.values():
        assert format.title.casefold() in text.casefold()
    assert ",".join(map(repr, sources.KINDS)) in told("init", "x", "--kind", "none")


def test_the_help_of_convert_names_the_formats() -> None:
    assert ",".join(map(repr, OUTPUTS)) in told("convert", "pets", "-", "--to", "none")
    text = shown("convert", "--help")
    assert all(suffix in text for format in OUTPUTS.values() for suffix in format.suffixes)


def test_every_schedule_is_public() -> None:
    """Under its own name in taxoloss.weighting."""
    for name, maker in weighting.SCHEDULES.items():
        assert name in weighting.__all__
        assert getattr(weighting, name) is maker
