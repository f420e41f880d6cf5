"""Streams and files as other systems have them: encodings, links, marks, line ends, modes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from in_process import command
from trees import nested, ranked

import taxoloss
from taxoloss.taxonomy.alias_edits import with_aliases
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.loading import load_document

TREE = "name: n猫\ndescription: é\ntree: {Ä: ['猫', b], '\U0001f431': [é, ñ]}\n"
NEXT = "tree: {Ä: ['猫x', b], '\U0001f431': [é, ü]}\n"
RAW = os.fsdecode(b"raw\xff.csv")
#: Calls for people and programs, and the exit code.
TOLD: list[tuple[int, tuple[str, ...]]] = [
    (0, ("inspect", "u.yaml")), (0, ("inspect", "u.yaml", "--json")),
    (0, ("inspect", "u.yaml", "--depth", "1")), (0, ("inspect", "u.yaml", "--find", "é")),
    (2, ("inspect", "u.yaml", "--level", "ö")),
    (0, ("inspect", "u.yaml", "--weighting", "hxe:0.5")), (1, ("inspect", "bad.yaml")),
    (1, ("inspect", "bad.yaml", "--format", "json")), (1, ("inspect", "nöt.yaml")),
    (0, ("check", "u.yaml", "--classes", "good.txt")), (1, ("check", "u.yaml", "--classes", "bad.txt")),
    (1, ("check", "u.yaml", "--classes", "u.yaml")), (1, ("check", "u.yaml", "--image-folder", "bild")),
    (0, ("diff", "u.yaml", "v.yaml")), (2, ("diff", "u.yaml", "v.yaml", "--rename", "ö=x")),
    (0, ("init", "é.csv", "-o", "ö.yaml", "--force")), (0, ("init", RAW, "-o", "r.yaml", "--force")),
    (1, ("init", "bad.yaml")), (1, ("init", "猫")), (0, ("convert", "u.yaml", "é.nwk", "--force")),
    (0, ("list",)), (0, ("explain", "T203")), (2, ("explain", "é")), (0, ("--help",)),
    (0, ("check", "--help")),
]  # fmt: skip
#: What is a file on standard output.
FILES: list[tuple[str, ...]] = [
    ("init", "é.csv"), ("init", "u.yaml"), ("init", RAW), ("init", "bild"), ("schema",),
    *[("convert", "u.yaml", "-", "--to", to) for to in ("yaml", "json", "edges", "newick", "dot")],
    ("evaluate", "u.yaml", "p.csv", "--draws", "2", "--csv"), ("inspect", "bad.yaml", "--format", "github"),
]  # fmt: skip
C_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
ENCODINGS = ("utf-8", "ascii", "cp1252", "utf-16-le")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with trees, lists, tables and folders of many alphabets."""
    monkeypatch.chdir(tmp_path)
    texts = {
        "u.yaml": TREE, "v.yaml": NEXT, "bad.yaml": "tree: {Ä: ['猫', '猫'], é: 1}\n",
        "bad.txt": "ü\n猫\nb\né\n",
        "good.txt": "ñ\n猫\nb\né\n", "é.csv": "Ä,猫\na,ö\na,b\n", RAW: "a,b\nx,y\nx,z\nw,q\n",
        "p.csv": "target,猫,b,é,ñ\n猫,3,0,0,0\nb,0,3,0,0\nñ,0,0,1,2\n",
    }  # fmt: skip
    for name, text in texts.items():
        Path(name).write_text(text, encoding="utf-8")
    for name in ("é", "猫"):
        Path("bild", name).mkdir(parents=True)
    return tmp_path


@pytest.mark.sample(3)
@pytest.mark.parametrize(("code", "call"), TOLD, ids=[ascii(" ".join(call)) for _, call in TOLD])
def test_text_on_any_stream(code: int, call: tuple[str, ...], folder: Path) -> None:
    """No traceback, the same exit code, and only what the encoding has: the rest as escapes."""
    shown = {encoding: command(*call, encoding=encoding) for encoding in ENCODINGS}
    for encoding, done in shown.items():
        assert done.code == code, (encoding, done.err)
        if {"--json", "json"} & {*call}:
            assert json.loads(done.out) == json.loads(shown["utf-8"].out)
        else:
            assert done.out.decode(encoding) + done.err.decode(encoding)


@pytest.mark.sample(5)
@pytest.mark.parametrize("call", FILES, ids=lambda call: ascii(" ".join(call)))
def test_files_on_any_stream(call: tuple[str, ...], folder: Path) -> None:
    """The same bytes, in UTF-8, whatever the stream is."""
    first, *others = (command(*call, encoding=encoding).out for encoding in ENCODINGS)
    assert first
    assert first.decode("utf-8")
    assert all(other == first for other in others)


@pytest.mark.slow
def test_what_is_redirected_is_read_again(folder: Path) -> None:
    """`init FILE > out.yaml` and `convert FILE - > out.yaml`, in processes of their own."""
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    wanted = taxoloss.load("u.yaml").digest
    for call in (["init", "u.yaml"], ["convert", "u.yaml", "-", "--to", "yaml"]):
        for more in ({}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "", **C_LOCALE}):
            run = [sys.executable, "-m", "taxoloss", *call]
            done = subprocess.run(run, capture_output=True, env=environment | more, check=True)
            Path("out.yaml").write_bytes(done.stdout)
            assert taxoloss.load("out.yaml").digest == wanted


def test_names_of_levels_in_csv(folder: Path) -> None:
    """A table of metrics is a file too."""
    Path("w.yaml").write_text(TREE.replace("tree:", "levels: [属, 種]\ntree:"), encoding="utf-8")
    done = command("evaluate", "w.yaml", "p.csv", "--draws", "2", "--csv", encoding="cp1252")
    names = [row[0] for row in csv.reader(io.StringIO(done.out.decode("utf-8")))]
    assert any("種" in name for name in names)


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """`convert FILE - | head`: bytes are written, and the reader goes away."""
    file = tmp_path / "many.yaml"
    file.write_text("tree: [" + ", ".join(f"class_{i}" for i in range(60_000)) + "]")
    call = f'"{sys.executable}" -m taxoloss convert "{file}" - --to edges | head -c 20'
    call += '; echo "${PIPESTATUS[0]}" >&2'
    done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, check=True)
    assert len(done.stdout) == 20
    assert done.stderr.strip() in ("0", "1")


# -- files -----------------------------------------------------------------------------------------

BREAKS = ("\n", "\r\n", "\r")
TAILS = ("", "\n", "\n\n", "  ", "\n# the end", "  # the end", "\n  # the end\n", "\n...\n", "\n...")


@given(case=ranked() | nested(), data=st.data())
@settings(CALM, max_examples=examples(150))
def test_aliases_in_files_as_they_end(
    case: Any, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With and without a last line break, a mark, comments and spaces behind: the tree, and nothing else.

    Whatever the line breaks are, also of several kinds: lines that are added have that of their neighbour.
    """
    try:
        t = taxoloss.load(case)
    except taxoloss.TaxonomyError:
        return
    base = tmp_path_factory.mktemp("t")
    path = base / data.draw(st.sampled_from(["t.yaml", "t.json", "flow.yaml"]))
    t.save(base / ("t.json" if path.name == "flow.yaml" else path.name))
    text = (base / ("t.json" if path.name == "flow.yaml" else path.name)).read_text(encoding="utf-8")
    tail = data.draw(st.sampled_from(TAILS[:3] if path.suffix == ".json" else TAILS))
    ends = data.draw(st.lists(st.sampled_from(BREAKS), min_size=1, max_size=3, unique=True))
    lines = (text.removesuffix("\n") + tail).split("\n")
    text = "".join(line + ends[i % len(ends)] for i, line in enumerate(lines[:-1])) + lines[-1]
    mark = "\ufeff" * data.draw(st.booleans())
    path.write_bytes((mark + text).encode("utf-8"))
    node = data.draw(st.sampled_from(t.tree.leaves.tolist()))
    read, document = load_document(path)
    assert document is not None
    assert read.digest == t.digest
    write_whole(path, with_aliases(read, document, {node: ("new: #x",)}))
    again = path.read_bytes().decode("utf-8")
    assert again.startswith("\ufeff") == bool(mark)
    assert taxoloss.load(path).digest == t.digest
    assert taxoloss.load(path).aliases[node] == (*t.aliases.get(node, ()), "new: #x")
    assert set(re.findall(r"\r\n|\r|\n", again)) <= set(ends) | ({"\n"} if len(lines) == 1 else set())
    if path.suffix == ".yaml":
        assert again.endswith(("\n", "\r")) == text.endswith(("\n", "\r"))
        assert again.count("#") >= text.count("#")


@pytest.mark.sample(5)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", "  ", " # x", "\n# x", "\n..."])
@pytest.mark.parametrize(
    "tree",
    ["tree: [Bengal, Siamese, pug]", "tree:\n  cat: [Bengal]\n  dog:\n    pug:",
     "tree: {cat: [Bengal], dog: [pug]}",
     "tree:\n  cat:\n    - Bengal\n  dog:\n    - {name: pug, aliases: [x]}",
     "tree:\n- name: Bengal\n- name: pug\n  description: |\n    a dog",
     "tree:\n- name: Bengal\n- name: pug\n  aliases:\n  - Mops"],
)  # fmt: skip
def test_check_writes_to_the_last_line(
    tree: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check --write`, and `check` again: the names that were missing are aliases."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_bytes((tree + end).encode())
    Path("c.txt").write_text("bengal\nPug\n" + ("Siamese\n" if "Siamese" in tree else ""))
    done = command("check", "t.yaml", "--classes", "c.txt", "--write", "--yes")
    assert done.code == 0, done.err
    t = taxoloss.load("t.yaml").bind(Path("c.txt").read_text().split())
    assert t.classes[:2] == ("Bengal", "pug")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", BREAKS)
def test_lines_that_are_added_end_as_their_neighbours(
    end: str, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a node written out, of its list of aliases, and where a mapping becomes a list."""
    monkeypatch.chdir(tmp_path)
    lines = [
        "tree:", "  cat:", "    - name: Bengal", "      description: x", "    - name: Siamese",
        "      aliases:", "        - s", "  dog:", "    pug: [small, large]", "    beagle:", "",
    ]  # fmt: skip
    Path("t.yaml").write_bytes((mark + end.join(lines)).encode())
    Path("c.txt").write_text("bengal\nsiamese\nSmall\nlarge\nBeagle\n")
    done = command("check", "t.yaml", "--classes", "c.txt", "--write", "--yes")
    assert done.code == 0, done.err
    written = Path("t.yaml").read_bytes().decode()
    assert set(re.findall(r"\r\n|\r|\n", written)) == {end}
    assert len(written.split(end)) > len(lines) + 1
    assert written.startswith("\ufeff") == bool(mark)


WRITERS: dict[str, tuple[str, ...]] = {
    "check": ("check", "link", "--classes", "c.txt", "--write", "--yes"),
    "init": ("init", "s.csv", "-o", "link", "--force"),
    "convert": ("convert", "t.yaml", "link", "--to", "yaml", "--force"),
    "diff": ("diff", "t.yaml", "t.yaml", "--map", "link"),
    "schema": ("schema", "-o", "link"),
}


@pytest.mark.sample(4)
@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("how", ["file", "link", "chain", "relative", "dangling"])
def test_written_through_links(
    writer: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that writes a file: the link stays one, what it leads to is new, its mode the old."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text("tree: [Bengal, Siamese, pug]\n")
    Path("c.txt").write_text("bengal\nSiamese\npug\n")
    Path("s.csv").write_text("genus,species\na,b\na,c\n")
    Path("far").mkdir()
    real = Path("far/real.yaml")
    if how != "dangling" or writer == "check":
        real.write_text("tree: [Bengal, Siamese, pug]\n")
        real.chmod(0o640)
    if how == "file":
        Path("link").hardlink_to(real)
        real.unlink()
        real = Path("link")
    elif how == "chain":
        Path("second").symlink_to(real)
        Path("link").symlink_to(tmp_path / "second")
    elif how == "relative":
        Path("far/second").symlink_to("real.yaml")
        Path("link").symlink_to("far/second")
    else:
        Path("link").symlink_to(real)
    old = real.read_bytes() if real.exists() else b""
    done = command(*WRITERS[writer])
    assert done.code == 0, done.err
    assert Path("link").is_symlink() == (how != "file")
    assert real.read_bytes() not in (old, b"")
    assert not real.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == (0o640 if old else 0o644)
    assert not list(tmp_path.rglob("*.tmp"))


def test_what_cannot_be_written_through(tmp_path: Path) -> None:
    """A circle of links, a folder, a folder that is not there: the error names what was asked for."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for path in (tmp_path / "a", tmp_path, tmp_path / "none" / "x.yaml"):
        with pytest.raises(OSError, match=re.escape(str(path))):
            write_whole(path, "x")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX's pipes")
def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """A link to the standard output, as /dev/stdout is, and a named pipe are no files to be replaced."""
    link = tmp_path / "stdout"
    link.symlink_to("/proc/self/fd/1")
    call = [sys.executable, "-m", "taxoloss", "schema", "-o", str(link)]
    done = subprocess.run(call, capture_output=True, check=True)
    assert json.loads(done.stdout)["$schema"]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "told")
    assert os.read(reader, 9) == b"told"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may give a file away")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    write_whole(path, "new")
    assert (path.read_text(), path.stat().st_uid, path.stat().st_gid) == ("new", 12345, 23456)


def test_names_as_long_as_a_folder_takes(tmp_path: Path) -> None:
    """The name that is written under first is no longer than that of the file."""
    path = tmp_path / ("é" * 120 + ".yaml")
    write_whole(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_no_text_after_a_mark(mark: bytes, tmp_path: Path) -> None:
    """The offset is that of the file, the column that of the line as it is shown."""
    path = tmp_path / "x.yaml"
    path.write_bytes(mark + b"tree: [caf\xe9, b]\n")
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        taxoloss.load(path)
    (fault,) = caught.value.faults
    assert (fault.code, fault.line, fault.column) == ("T102", 1, 11)
    assert f"offset {10 + len(mark)}" in fault.message
