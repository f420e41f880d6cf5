"""A taxonomy in a notebook: nested, folded, escaped, and no longer than it may be."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from trees import Case, taxonomies, wide_tree

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.tree.html import tree_html


class Reader(HTMLParser):
    """Reads the tree back: (depth, name, what stands beside it in small letters) of each line."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.lines: list[list[str]] = []
        self.depths: list[int] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)
        self.open.append(tag)
        if tag in ("summary", "div"):
            self.lines.append(["", ""])
            self.depths.append(self.open.count("details") - (tag == "summary"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "summary" in self.open or "div" in self.open:
            self.lines[-1]["small" in self.open] += data


@SETTINGS
@given(taxonomies(), st.integers(1, 40))
def test_what_is_written_and_what_is_counted(case: Case, most: int) -> None:
    """Names in the order of the tree, at their depths; all siblings are there, or counted."""
    t = case.taxonomy
    read = Reader(tree_html(t.tree, "title", most))
    assert read.open == []
    assert read.lines[0] == ["title", ""]
    shown: list[list[int]] = [[0]]  # the nodes of the line that is being read, from the root
    written = [0]
    tree, below = t.tree, t.tree.children()
    for depth, (name, small) in zip(read.depths[1:], read.lines[1:], strict=True):
        line = shown[-1][:depth]
        siblings = below[line[-1]]
        seen = [node for node in written if node in siblings]
        if small.startswith("…"):
            assert small == f"… {len(siblings) - len(seen):,} more"
            continue
        node = siblings[len(seen)]
        assert name.strip() == tree.names[node]
        classes = int(tree.stop[node] - tree.start[node])
        assert small == ("" if not below[node] else f"{classes:,} class{'es' * (classes != 1)}")
        written.append(node)
        shown.append([*line, node])
    assert len(written) - 1 == min(most, len(tree) - 1)


@SETTINGS
@given(taxonomies(), st.integers(1, 40))
def test_what_is_near_the_root_comes_first(case: Case, most: int) -> None:
    """No node is left out for one that is deeper."""
    t = case.taxonomy
    read = Reader(tree_html(t.tree, "title", most))
    depths = [d for d, (name, _) in zip(read.depths[1:], read.lines[1:], strict=True) if name]
    everything = sorted(t.tree.depth[1:].tolist())
    assert sorted(depths) == everything[: len(depths)]


def test_a_notebook_shows_it() -> None:
    """What `repr` says, then all nodes of a small tree; no script, and nothing from outside."""
    t = taxoloss.load("pets").bind()
    read = Reader(t._repr_html_())
    assert read.lines[0][0] == repr(t)
    assert [name.strip() for name, _ in read.lines[1:]] == list(t.tree.names[1:])
    assert read.tags == {"details", "summary", "div", "small"}
    assert {name for name, _ in read.attributes} == {"open", "style"}


def test_a_large_tree_is_cut() -> None:
    """Of 5,000 classes some thousand nodes are written."""
    t = wide_tree(5000, 6).taxonomy
    text = t._repr_html_()
    read = Reader(text)
    assert sum(bool(name) for name, _ in read.lines[1:]) == 2000
    assert len(text) < 300_000


def test_names_are_escaped() -> None:
    """Neither a tag nor what a terminal acts on comes through."""
    names = ["<script>alert(1)</script>", "</details>", '" onclick="x', "&lt;b&gt;", "a & b"]
    t = taxoloss.load({"tree": {"<b>": names, "y": ["z"]}})
    named = Taxonomy(t.tree, name="<img src=x onerror=alert(1)>")
    read = Reader(named._repr_html_())
    assert "<script" not in named._repr_html_()
    assert read.tags == {"details", "summary", "div", "small"}
    assert [name.strip() for name, _ in read.lines[1:]] == ["<b>", *names, "y", "z"]
    assert read.lines[0][0] == repr(named)
