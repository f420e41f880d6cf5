"""Inputs that nobody meant: each ends in a Taxonomy or a TaxonomyError, in a child process with limits.

    python tests/fuzz/fuzz.py --count 50000 --seed 1     the nightly form: exit 1 if anything failed

The child says which input it starts and how it ended. Where it dies (a signal, no memory, no answer within
the time that a hang takes) the input is the failure, and another child goes on behind it.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fuzz_streams
from fuzz_seeds import NOUNS, SEEDS, SHORT, TOKENS

ROOT = Path(__file__).resolve().parents[2]
#: Address space of the child, and the seconds that no input takes (machines are shared: a hang is meant).
MEMORY, SECONDS = 4 << 30, 30
GOOD_ENDS = ("taxonomy", "error", "missing")


@dataclass(frozen=True)
class Input:
    """A file for a reader: "load", a kind of `taxoloss init` ("" for the one that it shows), "streams"."""

    target: str
    suffix: str
    data: bytes


@dataclass(frozen=True)
class Outcome:
    """How an input ended: "taxonomy", "error", "missing" (a package is not there), or what went wrong."""

    input: Input
    end: str
    seconds: float

    @property
    def good(self) -> bool:
        return self.end in GOOD_ENDS


# -- the child -------------------------------------------------------------------------------------


def child() -> None:
    """Reads inputs as lines of JSON, answers each with a line; what works or sleeps too long is killed."""
    import resource
    import warnings

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    sys.path.insert(0, str(ROOT))
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not an answer
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data.noun").write_text(NOUNS)
        os.environ["WNSEARCHDIR"] = folder
        for line in sys.stdin:
            given = json.loads(line)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(20 * SECONDS)
            path = Path(folder) / f"input{given['suffix']}"
            path.write_bytes(base64.b64decode(given["data"]))
            end = _end(given["target"], path)
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
            out.write(json.dumps(end) + "\n")
            out.flush()


def _end(target: str, path: Path) -> str:
    import taxoloss
    from taxoloss import sources
    from taxoloss.errors.formats import FORMATS as TOLD
    from taxoloss.errors.formats import as_format
    from taxoloss.taxonomy.exports import FORMATS, export
    from taxoloss.taxonomy.summary import summarize

    if target == "predictions":
        return _predictions(path)
    if target in ("answers", "rankings"):
        return _answers(path)
    try:
        if target == "streams":
            return fuzz_streams.end(path)
        if target == "load":
            taxonomy = taxoloss.load(path)
        else:
            if target == "ncbi":
                (path.parent / "nodes.dmp").write_bytes(path.read_bytes())
                names = (f"{i}\t|\tn{i}\t|\t\t|\tscientific name\t|\n" for i in range(1, 5))
                (path.parent / "names.dmp").write_text("".join(names))
                path = path.parent
            taxonomy = sources.read(path, kind=target or None, parent="first").taxonomy
        summarize(taxonomy)
        for format in FORMATS.values():
            if format.needs is None:  # all but pictures
                export(taxonomy, format.name)
    except taxoloss.TaxonomyError as error:
        for told in TOLD:
            as_format((*error.faults, *error.warnings), told)
        return "error" if error.faults and str(error) else "an error without faults"
    except ImportError:
        return "missing"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "taxonomy"


def _predictions(path: Path) -> str:
    """The end of a file of predictions; numbers that were read are as many as its rows and columns."""
    from taxoloss.evaluation.predictions import PredictionError
    from taxoloss.evaluation.readers import open_predictions

    try:
        file = open_predictions(path)
        for block in file.blocks():
            if block.values.shape != (len(block.targets), file.width):
                return f"{block.values.shape} numbers, {len(block.targets)} targets, {file.width} columns"
    except PredictionError as error:
        return "error" if str(error).startswith(str(path)) else f"an error without its place: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "taxonomy"


def _make_room_for_torch() -> None:
    """Loads torch, whose libraries take more address space than any input; the limit stays beside them."""
    import resource

    if "torch" in sys.modules:
        return
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    import torch

    torch.set_num_threads(1)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))


def _answers(path: Path) -> str:
    """The end of a file of answers; each that is scored has a target in the tree."""
    _make_room_for_torch()
    import taxoloss
    from taxoloss.evaluation.opening import open_samples
    from taxoloss.evaluation.predictions import PredictionError
    from taxoloss.evaluation.request import Request

    tree = taxoloss.load({"tree": {"cat": ["Bengal", "Siamese"], "dog": ["pug"]}})
    try:
        for unknown in ("error", "drop", "wrong"):
            for score in (None, "score"):
                request = Request(prediction=("answer",), sample_id="id", score=score, unknown=unknown)
                try:
                    bound, samples = open_samples(path, tree, request)
                    pieces = list(samples.pieces())
                except PredictionError as error:
                    if not str(error).startswith(str(path)):
                        return f"an error without its place: {error}"[:300]
                    continue
                for piece in pieces:
                    if len(piece.preds) != len(piece.target) or int(piece.target.max()) >= bound.num_nodes:
                        return f"{len(piece.preds)} answers, {len(piece.target)} targets"
    except taxoloss.TaxonomyError as error:
        return "error" if error.faults else "an error without faults"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "taxonomy"


# -- the parent ------------------------------------------------------------------------------------


class Child:
    """A child process that is started again where an input killed it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            with suppress(BrokenPipeError):  # what it did not read is not wanted any more
                self.process.stdin.close()
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def start(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
            self.process = subprocess.Popen(
                [sys.executable, __file__, "--child"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={**os.environ, **threads},
            )  # fmt: skip
        return self.process

    def run(self, one: Input) -> Outcome:
        """The outcome of one input."""
        process, started = self.start(), time.monotonic()
        assert process.stdin is not None
        assert process.stdout is not None
        data = {"target": one.target, "suffix": one.suffix, "data": base64.b64encode(one.data).decode()}
        answer = b""
        try:
            process.stdin.write(json.dumps(data).encode() + b"\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 2 * SECONDS)
            answer = process.stdout.readline() if ready else b""
        except BrokenPipeError:
            pass
        took = time.monotonic() - started
        if answer:
            return Outcome(one, json.loads(answer), took)
        process.kill()
        code = process.wait()
        self.stop()
        return Outcome(one, f"the process died: {signal.Signals(-code).name if code < 0 else code}", took)


# -- inputs ----------------------------------------------------------------------------------------


def torture() -> Iterator[Input]:
    """What is known to kill or to stop readers of YAML and JSON."""
    for depth in (100, 300, 30_000, 200_000):
        for opening in ("[", "{a: ", "- ", "? ", "[{a: ", "!!seq [", "'", "&a [", "[\n"):
            yield Input("load", ".yaml", b"tree: " + opening.encode() * depth)
            yield Input("load", ".yaml", b"tree:\n  " + opening.encode() * depth + b"x" + b"]" * depth)
        yield Input("load", ".yaml", b"".join(b" " * i + b"a:\n" for i in range(min(depth, 3_000))))
        yield Input("load", ".json", b'{"tree": ' + b"[" * depth + b"]" * depth + b"}")
        yield Input("load", ".json", b'{"tree": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}")
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for i in range(9):
        bomb += f"b{i}: &b{i} [{', '.join([f'*{chr(98) if i else chr(97)}{i - 1 if i else str()}'] * 9)}]\n"
    yield Input("load", ".yaml", (bomb + "tree: *b8\n").encode())
    yield Input("load", ".yaml", b"tree: &a [*a, *a]\n")
    yield Input("load", ".yaml", b"tree: {<<: *x, a: [b]}\n")
    yield Input("load", ".yaml", b"%TAG !a! x\n" * 100_000 + b"---\ntree: [a, b]\n")
    yield Input("load", ".yaml", b"".join(b"%%TAG !a%d! x\n" % i for i in range(50_000)))
    for size in (2_000_000, 20_000_000):
        yield Input("load", ".yaml", b"tree: [" + b"x" * size + b", b]\n")
        yield Input("load", ".yaml", b'tree: ["' + b"x\\n" * (size // 3))
        yield Input("load", ".json", b'{"tree": ["' + b"x" * size + b'", "b"]}')
        yield Input("load", ".yaml", b"tree: [a, b] # " + b"x" * size)
        yield Input("load", ".yaml", b"\n" * size)
        yield Input("load", ".yaml", b"# x\n" * (size // 4))
    yield Input("load", ".yaml", b"tree:\n" + b"".join(b"  - n%d\n" % i for i in range(200_000)))
    yield Input("load", ".yaml", b"tree:\n" + b"  - [a]\n" * 200_000)
    yield Input("load", ".yaml", b"tree: {" + b"a, " * 200_000 + b"}")
    yield Input("load", ".yaml", b"tree: [" + b"a: b, " * 100_000 + b"]")
    yield Input("load", ".json", b'{"tree": [' + b"1" * 100_000 + b"]}")
    yield Input("load", ".json", b'{"tree": [' + b"1e" + b"9" * 5_000 + b", NaN, Infinity]}")
    yield Input("load", ".json", b'{"a": 1, ' * 20_000)
    for text in SHORT:
        for encoding in ("utf-8", "utf-16", "utf-32", "latin-1"):
            yield Input(
                "load",
                ".yaml",
                text.encode(encoding, "surrogatepass" if encoding != "latin-1" else "replace"),
            )
        yield Input("load", ".json", text.encode("utf-8", "surrogatepass"))


def bases() -> list[Input]:
    """Files that are good, whole or in part, in YAML and JSON."""
    found = []
    for path in sorted((ROOT / "taxonomies").glob("*.yaml")):
        data = path.read_bytes()
        found.append(Input("load", ".yaml", data if len(data) < 12_000 else data[:6_000]))
    tree: dict[str, Any] = {
        "levels": ["a", {"name": "b", "weight": 1}],
        "tree": [{"name": "x", "children": {"y": None, "z": None}}],
    }
    found.append(Input("load", ".json", json.dumps(tree, indent=1).encode()))
    found.append(Input("load", ".yaml", SEEDS["taxonomy"][1].encode()))
    return found


def mutated(one: Input, draw: random.Random) -> Input:
    """A few changes of bytes: tokens put in, pieces taken out, doubled, moved, flipped."""
    data = bytearray(one.data)
    for _ in range(draw.choice((1, 1, 2, 3, 8))):
        at, size = draw.randrange(len(data) + 1), draw.choice((1, 1, 2, 8, 64))
        how = draw.randrange(5)
        if how == 0:
            data[at:at] = draw.choice(TOKENS) * draw.choice((1, 1, 2, 40))
        elif how == 1:
            del data[at : at + size]
        elif how == 2:
            data[at:at] = data[at : at + size * 4]
        elif how == 3:
            other = draw.randrange(len(data) + 1)
            data[at:at] = data[other : other + size]
        elif data:
            data[at % len(data)] ^= 1 << draw.randrange(8)
    return Input(one.target, one.suffix, bytes(data))


def mutations(count: int, seed: int) -> Iterator[Input]:
    """Half of them for `load`, the others for each reader of `init` in turn."""
    draw = random.Random(seed)
    good = bases()
    kinds = [Input(kind, suffix, text.encode()) for kind, (suffix, text) in SEEDS.items()]
    for number in range(count):
        one = draw.choice(good) if number % 2 else kinds[number // 2 % len(kinds)]
        if draw.random() < 0.05:  # taken for another kind
            one = Input(draw.choice(["", *SEEDS]), one.suffix, one.data)
        yield mutated(one, draw)


def streams(count: int, seed: int) -> Iterator[Input]:
    """Files with every end, for every command on streams of three encodings; each fifth is changed."""
    draw = random.Random(seed)
    for number, (suffix, data) in enumerate(fuzz_streams.files(count, seed)):
        one = Input("streams", suffix, data)
        yield one if number % 5 else mutated(one, draw)


def run_all(inputs: Iterable[Input]) -> list[Outcome]:
    """The outcomes of inputs, one after the other."""
    with Child() as process:
        return [process.run(one) for one in inputs]


def main() -> None:
    """The nightly form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", action="store_true")
    given = parser.parse_args()
    if given.child:
        child()
        return
    outcomes = [*run_all(torture()), *run_all(mutations(given.count, given.seed))]
    outcomes += run_all(streams(given.count // 200, given.seed))
    ends = Counter((o.input.target or "shown", o.end if o.good else "FAILED") for o in outcomes)
    for (target, end), number in sorted(ends.items()):
        print(f"{target:14} {end:10} {number:,}")
    print(f"{len(outcomes):,} inputs; the slowest:")
    for outcome in sorted(outcomes, key=lambda o: -o.seconds)[:8]:
        size, start = len(outcome.input.data), outcome.input.data[:40]
        print(f"  {outcome.seconds:.2f} s  {outcome.end}  {size:,} bytes {start!r}...")
    failures = [outcome for outcome in outcomes if not outcome.good]
    for outcome in failures[:20]:
        what = f"{outcome.input.target} {outcome.input.suffix} {outcome.input.data[:200]!r}"
        print(f"FAILED {what}: {outcome.end}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
