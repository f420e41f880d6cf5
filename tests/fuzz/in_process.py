"""The command in this process, on streams of any encoding: what a redirection on another system does."""

from __future__ import annotations

import io
import sys
from typing import NamedTuple
from unittest.mock import patch


class Done(NamedTuple):
    """The exit code, and what was written to the two streams."""

    code: int
    out: bytes
    err: bytes


def command(*arguments: str, encoding: str = "utf-8", stdin: bytes = b"") -> Done:
    """Runs `taxoloss`; what it raises beside SystemExit is raised here."""
    from taxoloss.cli import main

    given = io.TextIOWrapper(io.BytesIO(stdin), encoding=encoding)
    written, said = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(to, encoding=encoding) for to in (written, said))
    with (
        patch.multiple(sys, stdin=given, stdout=out, stderr=err, argv=["taxoloss", *arguments]),
        patch.dict("os.environ", {"NO_COLOR": "1", "COLUMNS": "120"}),
    ):
        try:
            main()
            code: object = 0
        except SystemExit as stop:
            code = stop.code or 0
        out.flush()
        err.flush()
    assert isinstance(code, int), code
    return Done(code, written.getvalue(), said.getvalue())
