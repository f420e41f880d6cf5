"""What changed between two trees, and what it means for a head that was trained on the old one.

Nodes are compared from the top: below a pair of nodes that are one, children of one name are one. What is
left over is moved if its name is found elsewhere, renamed if an alias or its spelling says so (case,
spaces, "_" and "-" between words; an inner node: if it has exactly the same classes, as a label it means
the same whatever it is called), merged if an alias says so, else removed or added. A name that stands in
several places says nothing of where it went, nor do aliases that name two classes. What only looks alike,
or has half of the children, is told, and never acted on: `renames` says it.

The map of a migration says for each new class which old columns it comes from. A class that several became
has the sum of their probabilities, so its log-probability is their logsumexp; the old class that became
several gives each an equal share, log 1/m. Then the probability of every node that both trees have is what
it was (exactly for predictions; a merged row of a linear head is their mean, exact where they are equal).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.file.atomic import write_whole

__all__ = ["Migration"]

Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Migration:
    """Which columns of an old head, and which old labels, become which new ones.

    `old.diff(new).migration` makes one; `save` and `load` keep it, as `taxoloss diff --map` does.
    `Taxonomy.migrate` moves a head by it, `taxoloss evaluate --migration` reads old predictions by it, and
    `nodes` moves hard labels:

    >>> import taxoloss
    >>> old = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug", "puggle"]}}).bind()
    >>> new = taxoloss.load({"tree": {"Cat": ["Bengal"], "dog": ["pug", "beagle"]}}).bind(node_targets=True)
    >>> migration = old.diff(new, renames={"puggle": "pug"}).migration
    >>> migration.nodes["dog", "puggle"], migration.nodes["cat", "Sphynx"]
    (('dog', 'pug'), ('Cat',))
    >>> labels = [("cat", "Bengal"), ("dog", "puggle"), ("cat", "Sphynx")]
    >>> new.node_ids([migration.nodes[path] for path in labels])
    tensor([0, 1, 3])

    Args:
        old_classes: paths of the old classes, in the order of the old columns.
        new_classes: paths of the new classes, in the order of the new columns.
        sources: for each new class the numbers of the old columns that it comes from.
        nodes: old path -> new path, for every old node, classes and inner nodes: of a node that is gone
            that of the nearest above it, () where that is the root.
        names: for each old class the texts that call it: its path, its name where unique, its aliases.
        old_digest: binding digest of the old taxonomy.
        new_digest: binding digest of the new one.
    """

    old_classes: tuple[Path_, ...]
    new_classes: tuple[Path_, ...]
    sources: tuple[tuple[int, ...], ...]
    nodes: Mapping[Path_, Path_]
    names: tuple[tuple[str, ...], ...]
    old_digest: str
    new_digest: str

    def shares(self) -> npt.NDArray[np.float64]:
        """For each old column how many new classes it feeds."""
        return np.bincount([s for of in self.sources for s in of], minlength=len(self.old_classes)).astype(
            float
        )

    def log_probs(self, values: npt.ArrayLike) -> npt.NDArray[Any]:
        """Old logits or log-probabilities (N, C_old) as those of the new classes (N, C_new).

        A class that is new gets -inf; the sum of probabilities falls by what removed classes had.

        Raises:
            TypeError: the values are no numbers.
            ValueError: the number of columns is not that of the old classes.

        >>> m = Migration((("a",), ("b",)), (("ab",),), ((0, 1),), {}, (), "", "")
        >>> m.log_probs(np.log([[0.25, 0.75]])).round(6) + 0.0
        array([[0.]])
        """
        values = np.asarray(values)
        if values.dtype.kind not in "fiu":
            raise TypeError(f"expected logits or log-probabilities, got {values.dtype} {values!r:.60}")
        values = values if values.dtype.kind == "f" else values.astype(np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.old_classes):
            raise ValueError(
                f"expected (N, {len(self.old_classes)}) values of the old classes, got {values.shape}"
            )
        shared = values - np.log(np.maximum(self.shares(), 1)).astype(values.dtype)
        result = np.full((len(values), len(self.new_classes)), -np.inf, values.dtype)
        for number, columns in enumerate(self.sources):
            if len(columns) == 1:
                result[:, number] = shared[:, columns[0]]
            elif columns:
                result[:, number] = np.logaddexp.reduce(shared[:, list(columns)], axis=1)
        return result

    def rows(self, weight: Any, bias: Any = None) -> tuple[Any, Any]:
        """Rows of an old linear head as those of the new one; torch tensors or numpy arrays.

        A merged class has the mean of its rows and log k on its bias; one of m that an old class became
        has its row and -log m; a new class has the mean of the classes below the nearest node above it
        that has any.

        Args:
            weight: (C_old, ...).
            bias: (C_old,), or None.

        Raises:
            TypeError: neither a tensor nor an array.
            ValueError: the number of rows is not that of the old classes; the trees share no class.
        """
        for what, given in (("weight", weight), ("bias", bias)):
            if not hasattr(given, "shape") and (given is not None or what == "weight"):
                kind = f"{type(given).__name__} {given!r:.40}"
                raise TypeError(f"expected a {what} as a torch tensor or numpy array, got {kind}")
            if given is not None and len(given) != len(self.old_classes):
                raise ValueError(
                    f"expected a {what} of {len(self.old_classes)} old classes, got {len(given)} rows"
                )
        if not any(self.sources):
            raise ValueError("no new class comes from an old one: there is no row to go on from")
        shares, columns = self.shares(), self._columns()
        rows = [weight[list(of)].mean(0) for of in columns]
        new = _stacked(rows, weight)
        if bias is None:
            return new, None
        offsets = [
            math.log(len(of)) - math.log(shares[of[0]]) if of else 0.0 for of in self.sources
        ]  # of a new class no mass is known
        return new, _stacked(
            [bias[list(of)].mean(0) + more for of, more in zip(columns, offsets, strict=True)], bias
        )

    def _columns(self) -> list[tuple[int, ...]]:
        """For each new class the old columns whose mean is its row."""
        below: dict[Path_, set[int]] = {}
        for path, of in zip(self.new_classes, self.sources, strict=True):
            for depth in range(len(path)):
                below.setdefault(path[:depth], set()).update(of)
        result = []
        for path, of in zip(self.new_classes, self.sources, strict=True):
            above = next((below[path[:d]] for d in reversed(range(len(path))) if below[path[:d]]), set())
            result.append(of or tuple(sorted(above)))
        return result

    # -- as a file ---------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Writes the map as JSON, whole or not at all.

        Args:
            path: of the file; what is there is written over.

        Raises:
            OSError: it cannot be written.

        >>> import tempfile
        >>> import taxoloss
        >>> t = taxoloss.load({"tree": ["a", "b"]}).bind()
        >>> m = t.diff(t).migration
        >>> file = Path(tempfile.mkdtemp()) / "migration.json"
        >>> m.save(file)
        >>> Migration.load(file) == m
        True
        """
        data = {
            "taxoloss": _KIND,
            "old_digest": self.old_digest,
            "new_digest": self.new_digest,
            "old_classes": self.old_classes,
            "new_classes": self.new_classes,
            "sources": self.sources,
            "names": self.names,
            "nodes": list(self.nodes.items()),
        }
        write_whole(path, json.dumps(data, ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Migration:
        """Reads what `save`, or `taxoloss diff --map`, wrote.

        Args:
            path: of the file.

        Raises:
            ValueError: the file is no migration.
            OSError: it cannot be read.
        """
        no_map = f"{path} is no map that taxoloss diff wrote"
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError):
            raise ValueError(f"{no_map}: it is not JSON") from None
        if not isinstance(data, dict) or data.get("taxoloss") != _KIND:
            raise ValueError(f'{no_map}: it does not say "taxoloss": "{_KIND}"')
        if missing := [key for key in _KEYS if key not in data]:
            raise ValueError(f"{no_map}: it has no {', '.join(missing)}")
        try:
            migration = cls(**{key: read(data[key]) for key, read in _KEYS.items()})
        except (ValueError, TypeError):
            raise ValueError(f"{no_map}: a part of it has another form") from None
        count = len(migration.old_classes)
        whole = len(migration.sources) == len(migration.new_classes) and len(migration.names) == count
        if not whole or any(not 0 <= s < count for of in migration.sources for s in of):
            raise ValueError(f"{path} is no whole map: its parts do not fit each other")
        return migration


_KIND = "migration 1"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r:.40}")
    return value


def _texts(values: Any) -> Path_:
    return tuple(map(_text, values))


def _paths(values: Any) -> tuple[Path_, ...]:
    return tuple(map(_texts, values))


#: The parts of the file, each with what reads it.
_KEYS: dict[str, Callable[[Any], Any]] = {
    "old_classes": _paths,
    "new_classes": _paths,
    "sources": lambda values: tuple(tuple(map(int, of)) for of in values),
    "nodes": lambda pairs: {_texts(old): _texts(new) for old, new in pairs},
    "names": _paths,
    "old_digest": _text,
    "new_digest": _text,
}


def _stacked(rows: list[Any], like: Any) -> Any:
    if isinstance(like, np.ndarray):
        return np.stack(rows).astype(like.dtype)
    import torch

    return torch.stack(rows).to(like.dtype)
