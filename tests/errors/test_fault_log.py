"""The log of faults: all at once, so many at most, those of form first."""

from __future__ import annotations

import pytest

from taxoloss.errors.faults import FaultLog, FormError, MeaningError

MOST = 1_000


def test_nothing_is_raised_where_nothing_is_wrong() -> None:
    """Warnings alone do not stop."""
    log = FaultLog()
    log.note("T408", "looks like its sibling")
    log.raise_all()
    assert [fault.code for fault in log.warnings] == ["T408"]


def test_form_outranks_meaning() -> None:
    """Whatever was noted first; all of it and the warnings are in the error."""
    log = FaultLog("a.yaml")
    log.note("T201", "twice", line=9)
    log.note("T408", "alike", line=7)
    with pytest.raises(MeaningError):
        log.raise_all()
    log.note("T117", "a name is empty", line=4)
    with pytest.raises(FormError) as caught:
        log.raise_all()
    assert [(fault.code, fault.file) for fault in caught.value.faults] == [
        ("T201", "a.yaml"),
        ("T117", "a.yaml"),
    ]
    assert [fault.code for fault in caught.value.warnings] == ["T408"]


def test_the_order_is_that_of_noting_or_of_the_lines() -> None:
    """By place for a text; faults of one place keep the order in which they were noted."""
    places = [(3, 1), (2, 9), (2, 4), (3, 1), (None, None)]
    for by_place in (False, True):
        log = FaultLog(by_place=by_place)
        for number, (line, column) in enumerate(places):
            log.note("T201", str(number), line=line, column=column)
        with pytest.raises(MeaningError) as caught:
            log.raise_all()
        order = "".join(fault.message for fault in caught.value.faults)
        assert order == ("42103" if by_place else "01234")


def test_so_many_faults_are_raised_at_once() -> None:
    """The last of them stops the reading; warnings beyond as many are left out."""
    log = FaultLog()
    for _ in range(MOST + 1):
        log.note("T408", "alike")
    for _ in range(MOST - 1):
        log.note("T201", "twice")
    with pytest.raises(MeaningError) as caught:
        log.note("T201", "twice")
    assert (len(caught.value.faults), len(caught.value.warnings)) == (MOST, MOST)
