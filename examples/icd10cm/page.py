"""What two nets answer to the held-out texts of seed 0, as files, and the page that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from trial import Kept

from taxoloss import Taxonomy
from taxoloss.report import Versus, build

#: The net that the page is of, by the arms there are, and what the two are called.
_SHOWN = ("taxonomy", ".2/.3/.5")
_NAMES = ("taxonomy loss", "cross-entropy")

COMMAND = "taxoloss report {tree} {shown} --versus {other} --name-a {a!r} --name-b {b!r} -o {page}"


def write_page(kept: Sequence[Kept], tree: Taxonomy, out: Path) -> str:
    """Writes the tree, two files of predictions and their report; the command that makes the report again.

    Args:
        kept: what nets say of held-out texts; two of seed 0 are shown.
        tree: whose classes are in the order of their outputs.
        out: the folder.
    """
    first = {one.arm: one for one in kept if one.seed == 0}
    (shown,) = (first[name] for name in _SHOWN if name in first)
    files = {"tree": out / "tree.yaml", "shown": out / "taxonomy.npz", "other": out / "flat.npz"}
    tree.save(files["tree"])
    names = np.array(["/".join(path) for path in tree.paths()])
    for path, one in ((files["shown"], shown), (files["other"], first["flat"])):
        np.savez(path, logits=one.logits.numpy(), targets=names[one.truth.numpy()], classes=names)
    page = out / "report.html"
    title = "Categories of ICD-10-CM texts"
    build(tree, files["shown"], page, versus=Versus(files["other"], names=_NAMES), title=title)
    a, b = _NAMES
    return COMMAND.format(**files, page=page, a=a, b=b) + f" --title {title!r}"
