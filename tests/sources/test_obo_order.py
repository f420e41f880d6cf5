"""The terms of a large OBO file keep its order, whatever the package that reads it makes of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from taxoloss import sources

pytest.importorskip("pronto")


def test_terms_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """3,000 terms in no order of their ids, parents first: children stand as the file has them."""
    draw, count = random.Random(0), 3000
    ids = [f"X:{number:04}" for number in draw.sample(range(count), count)]
    above = {place: draw.randrange(place) for place in range(1, count)}
    terms = [f"[Term]\nid: {ids[n]}\nname: t{n}\nis_a: {ids[above[n]]}\n" for n in above]
    file = tmp_path / "large.obo"
    file.write_text("\n".join(["format-version: 1.4\n", f"[Term]\nid: {ids[0]}\nname: t0\n", *terms]))
    tree = sources.read(file).taxonomy.tree
    found: dict[str, list[str]] = {}
    for node in range(1, len(tree)):
        found.setdefault(tree.names[int(tree.parent[node])], []).append(tree.names[node])
    expected: dict[str, list[str]] = {}
    for place, up in above.items():
        expected.setdefault(f"t{up}" if up else "", []).append(f"t{place}")  # the one root is left out
    assert found == expected
