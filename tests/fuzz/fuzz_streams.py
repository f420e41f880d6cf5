"""Random good files, however their lines end, and what the commands make of them on any stream."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from in_process import command

ENCODINGS = ("utf-8", "ascii", "cp1252")
_NAMES = (
    "a", "b", "null", "~", "no", "1.10", "é", "Ünder", "猫", "\U0001f431", "a b", "it's", 'say "x"', "a: b",
    "#x", "[a]", "a/b", "- a", "Maine Coon", "\u0645\u06cc\u200c\u062e", "x" * 70,
)  # fmt: skip
_TAILS = ("", "\n", "\n\n", "  ", "\n# the end", "  # the end", "\n...", "\n...\n")
MARK = b"\xef\xbb\xbf"


def files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Suffixes and bytes: YAML in block and flow style and JSON; every line break, mark and tail."""
    draw = random.Random(seed)
    for _ in range(count):
        tree = _tree(draw, draw.randint(1, 3))
        style = draw.choice(("block", "flow", "json"))
        text = json.dumps({"tree": tree}, indent=draw.choice((None, 1)), ensure_ascii=draw.random() < 0.5)
        if style == "block":
            text = "\n".join(["tree:", *_block(tree, 1)])
        tail = draw.choice(_TAILS[:2] if style == "json" else _TAILS)
        ends = draw.choice((("\n",), ("\r\n",), ("\r",), ("\n", "\r\n")))
        lines = (text + tail).split("\n")
        text = "".join(line + draw.choice(ends) for line in lines[:-1]) + lines[-1]
        yield ".json" if style == "json" else ".yaml", MARK * draw.randint(0, 1) + text.encode()


def _tree(draw: random.Random, depth: int) -> dict[str, object]:
    names = draw.sample(_NAMES, draw.randint(2, 5))
    deep = depth > 1
    return {name: _tree(draw, depth - 1) if deep and draw.random() < 0.4 else None for name in names}


def _block(tree: dict[str, object], depth: int) -> Iterator[str]:
    for name, below in tree.items():
        yield f"{'  ' * depth}{json.dumps(name, ensure_ascii=False)}:"
        if isinstance(below, dict):
            yield from _block(below, depth + 1)


def end(path: Path) -> str:
    """How a file ended: "taxonomy", "error", or what went wrong, and where."""
    import taxoloss

    try:
        digest = taxoloss.load(path).digest
    except taxoloss.TaxonomyError:
        digest = None
    for encoding in ENCODINGS:
        wrong = _told(path, digest, encoding) or _files(path, digest, encoding)
        if wrong:
            return f"{encoding}: {wrong}"
    return "error" if digest is None else _written(path, digest)


def _told(path: Path, digest: str | None, encoding: str) -> str:
    for call in (("inspect",), ("inspect", "--json"), ("diff", "pets"), ("check", "--classes", str(path))):
        name, *more = call
        done = command(name, str(path), *more, encoding=encoding)
        done.out.decode(encoding)
        done.err.decode(encoding)
        wanted = (1,) if digest is None else (0, 1) if name == "check" else (0,)
        if done.code not in wanted:
            return f"{call} ended with {done.code}: {done.err[-200:]!r}"
    return ""


def _files(path: Path, digest: str | None, encoding: str) -> str:
    """What is redirected to a file is the tree."""
    import taxoloss

    again = path.with_name("again" + path.suffix)
    to = path.suffix[1:]
    for call in (("init", str(path), "--kind", "taxonomy"), ("convert", str(path), "-", "--to", to)):
        file = again.with_suffix(".yaml") if call[0] == "init" else again
        done = command(*call, encoding=encoding)
        if done.code != (digest is None):
            return f"{call} ended with {done.code}: {done.err[-200:]!r}"
        file.write_bytes(done.out)
        if digest is not None and taxoloss.load(file).digest != digest:
            return f"{call} wrote another tree"
    return ""


def _written(path: Path, digest: str) -> str:
    """`check --write` adds aliases, and changes nothing else."""
    import taxoloss

    before = path.read_bytes()
    classes = path.with_name("classes.txt")
    names = (name.swapcase() for name in taxoloss.load(path).classes)
    classes.write_text("\n".join(names), encoding="utf-8")
    done = command("check", str(path), "--classes", str(classes), "--write", "--yes")
    if done.code not in (0, 1):
        return f"check --write ended with {done.code}"
    if taxoloss.load(path).digest != digest:
        return "check --write changed the tree"
    if path.read_bytes().startswith(MARK) != before.startswith(MARK):
        return "check --write lost the mark"
    return "taxonomy"
