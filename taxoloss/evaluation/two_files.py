"""Two files of predictions of the same samples, opened and compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from taxoloss.evaluation.comparison import Comparison, Form, Watch, compare, form_of
from taxoloss.evaluation.opening import open_samples
from taxoloss.evaluation.pairing import Pairing
from taxoloss.evaluation.pieces import in_order_of
from taxoloss.evaluation.request import Request
from taxoloss.evaluation.samples import Piece
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Pair", "names_of_pair", "open_pair"]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two files whose samples are the same.

    Args:
        taxonomy: in the order of the first file's classes.
        pairing: the samples of both, in that order.
        form: what of them is compared.
    """

    taxonomy: Taxonomy
    pairing: Pairing
    form: Form

    def compared(
        self, grouped: bool, draws: int, progress: Callable[[int], None], watch: Watch | None = None
    ) -> Comparison:
        """The two models compared; samples are drawn by their groups where `grouped`.

        Raises:
            PredictionError: samples without a counterpart; other truths, or groups.
        """
        groups = self.pairing.groups() if grouped else None
        wanted = self.form.scores(self.taxonomy)
        return compare(self._pieces(progress), self.taxonomy, wanted, groups, draws=draws, watch=watch)

    def _pieces(self, progress: Callable[[int], None]) -> Iterator[tuple[Piece, Piece]]:
        for one, other in self.pairing.pieces():
            yield self.form.of(one), self.form.of(other)
            progress(len(one.target))


def open_pair(
    a: Path, b: Path, taxonomy: Taxonomy, of_a: Request, of_b: Request, common: bool = False
) -> Pair:
    """Two files and a taxonomy, in the order of the first file.

    Args:
        a, b: the files.
        taxonomy: in any order.
        of_a, of_b: how they are read; paired by `of_a.sample_id`, else row by row.
        common: whether samples that only one file has are left out; else they are an error.

    Raises:
        PredictionError, TaxonomyError: a file cannot be read so, or has other classes.
    """
    of_a, of_b = _of_columns(a, b, of_a), _of_columns(b, a, of_b)
    bound, first = open_samples(a, taxonomy, of_a)
    own, second = open_samples(b, taxonomy, of_b)
    second = in_order_of(bound, second, own)
    return Pair(bound, Pairing(first, second, bound, of_a.sample_id, common), form_of(first, second))


def _of_columns(path: Path, other: Path, request: Request) -> Request:
    """An .npz has no columns: beside a table it is read as it is, options on columns are the table's."""
    arrays = [p.suffix.lower() == ".npz" for p in (path, other)]
    if arrays != [True, False]:
        return request
    own = Request()
    return dataclasses.replace(request, target=own.target, prediction=own.prediction, unknown=own.unknown)


def names_of_pair(paths: tuple[Path, Path], requests: tuple[Request, Request]) -> tuple[str, str]:
    """What two models are called: their files' names, or of one file their columns.

    Raises:
        ValueError: they are the same columns of one file.
    """
    same = paths[0] == paths[1] or (paths[0].exists() and paths[1].exists() and paths[0].samefile(paths[1]))
    if same and requests[0] == requests[1]:
        raise ValueError(f"expected another file, or another column of it; got {paths[1]} again")
    own = [", ".join(r.prediction) or "prediction" for r in requests] if same else [p.stem for p in paths]
    if own[0] == own[1]:
        own = ["A", "B"] if same else [str(path) for path in paths]
    return own[0], own[1]
