"""The command line of a fuzzer of random cases: as many as are asked for; what is wrong is printed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["main"]

T = TypeVar("T")


def main(
    what: str,
    cases: Callable[[int, int], Iterable[T]],
    wrong: Callable[[T], str],
    count: int,
) -> None:
    """Ends the process, with 1 where a case is wrong.

    Args:
        what: the cases, in words.
        cases: so many of a seed.
        wrong: what is wrong with one, or "".
        count: how many, if nothing else is said.
    """
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    failed = 0
    for case in cases(given.count, given.seed):
        said = wrong(case)
        if said:
            failed += 1
            print(f"FAILED {case}: {said:.600}", flush=True)
    print(f"{given.count:,} {what}, {failed:,} failed")
    sys.exit(bool(failed))
