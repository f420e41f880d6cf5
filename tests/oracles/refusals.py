"""Loading what is bad: its faults beside those that are expected, and the carets that they show."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bad_files import Bad, Want

import taxoloss
from taxoloss.errors.faults import Fault, TaxonomyError


def refused(case: Bad, folder: Path) -> TaxonomyError:
    """The error that loading the case raises; a file is written first."""
    if case.suffix is None:
        source: Any = case.source
    else:
        source = folder / f"bad{case.suffix}"
        data = case.source if isinstance(case.source, bytes) else case.source.encode()
        source.write_bytes(data)
    with pytest.raises(TaxonomyError) as caught:
        taxoloss.load(source)
    return caught.value


def matched(case: Bad, error: TaxonomyError) -> list[tuple[Want, Fault]]:
    """Each expected fault with the reported one at its place; fails unless they are the same."""
    wanted = [(want.code, want.line, want.column) for want in case.wants]
    reported = [(fault.code, fault.line, fault.column) for fault in error.faults]
    assert Counter(reported) == Counter(wanted), str(error)
    pairs = []
    rest = list(error.faults)
    for want in case.wants:
        place = (want.code, want.line, want.column)
        same = [fault for fault in rest if (fault.code, fault.line, fault.column) == place]
        words = [fault for fault in same if all(word in str(fault) for word in want.words)]
        assert words, f"{want.words} not in " + "\n".join(map(str, same))
        rest.remove(words[0])
        pairs.append((want, words[0]))
    return pairs


def carets(fault: Fault) -> tuple[str, int, int]:
    """The line of the text that a fault shows, and where its carets start and end."""
    shown, pointer = str(fault).splitlines()[1:3]
    assert shown.startswith(f"  {fault.line} | ") or shown.lstrip().startswith(f"{fault.line} | ")
    text, marks = shown.split(" | ", 1)[1], pointer.split(" | ", 1)[1]
    assert set(marks) == {"^"} or set(marks) == {" ", "^"}
    return text, marks.index("^"), len(marks)
