"""The fuzzer, bounded: corpus, mutations, what hypothesis draws; nightly: python tests/fuzz/fuzz.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from fuzz import Child, Input, Outcome, mutations, run_all, streams, torture
from fuzz_seeds import SEEDS, TOKENS
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the limits of the child are POSIX's")


def bad(outcomes: list[Outcome]) -> list[tuple[str, bytes, str]]:
    return [(o.input.target, o.input.data[:200], o.end) for o in outcomes if not o.good]


@pytest.mark.slow
def test_the_corpus_of_torture() -> None:
    """Nesting and alias bombs, gigantic scalars, directives, encodings: no crash, no hang."""
    outcomes = run_all(torture())
    assert len(outcomes) > 250
    assert not bad(outcomes)
    assert sum(o.end == "error" for o in outcomes) > 240


@pytest.mark.slow
def test_mutations_of_every_kind() -> None:
    """Files of this package and a seed of each kind, a few bytes changed."""
    outcomes = run_all(mutations(2_500, seed=2026))
    assert not bad(outcomes)
    assert {o.input.target for o in outcomes} >= {"load", *SEEDS}
    for kind in ("load", "ranks", "paths", "nested", "speciesnet", "inat", "edges"):
        assert {"taxonomy", "error"} <= {o.end for o in outcomes if o.input.target == kind}


@pytest.mark.slow
def test_every_end_of_a_file_on_every_stream() -> None:
    """Line breaks, marks and tails; UTF-8, ASCII and cp1252: no traceback, no other tree."""
    outcomes = run_all(streams(40, seed=2026))
    assert not bad(outcomes)
    assert {o.end for o in outcomes} == {"taxonomy", "error"}


def test_the_seeds_are_good() -> None:
    """A mutation of what is bad already would show little."""
    outcomes = run_all(Input(kind, suffix, text.encode()) for kind, (suffix, text) in SEEDS.items())
    ends = {o.input.target: o.end for o in outcomes}
    assert {kind for kind, end in ends.items() if end == "error"} <= {"excel", "image-folder", "table"}
    assert not bad(outcomes)


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as process:
        yield process


PIECES = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=6), max_size=25).map(b"".join)
TEXTS = st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))


SUFFIXES = st.sampled_from([".yaml", ".json", ".txt", ".csv"])


@given(data=PIECES | TEXTS | st.binary(max_size=60), suffix=SUFFIXES)
@settings(CALM, max_examples=examples(250))
def test_anything(child: Child, data: bytes, suffix: str) -> None:
    """Bytes, texts and pieces of YAML that hypothesis draws, as a tree and for `init`."""
    for target, text in (("load", b"tree: " + data), ("load", data), ("", data)):
        assert child.run(Input(target, suffix, text)).good


def test_a_child_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness itself: what kills the process is the outcome, and the next input is run."""
    with Child() as process:
        process.start().kill()
        dead = process.run(Input("load", ".yaml", b"tree: [a, b]"))
        assert (dead.good, dead.end) == (False, "the process died: SIGKILL")
        assert process.run(Input("load", ".yaml", b"tree: [a, b]")).end == "taxonomy"
