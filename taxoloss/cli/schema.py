"""`taxoloss schema`: the JSON Schema of a taxonomy file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from taxoloss.cli.streams import echo, write_data
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.file.schema import schema as make_schema

__all__ = ["schema"]


def schema(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The file to write; else standard output."),
    ] = None,
) -> None:
    """Write the JSON Schema that editors complete and check taxonomy files with.

    The first line of a file names it: # yaml-language-server: $schema=taxonomy.schema.json

    Exit code 0: good. 2: wrong usage.

    Example: taxoloss schema -o taxonomy.schema.json
    """
    text = json.dumps(make_schema(), indent=2, ensure_ascii=True) + "\n"
    if output is None:
        write_data(text)
        return
    try:
        write_whole(output, text)
    except OSError as error:
        echo(f"error: {output}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    echo(f"wrote {output}", err=True)
