"""A report from predictions: they are read and scored once, counted, and written as one page."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from taxoloss.errors.characters import counted
from taxoloss.errors.packages import package
from taxoloss.evaluation.data import comparison_data, evaluation_data
from taxoloss.evaluation.opening import open_samples
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.request import Request
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.evaluation.scores import Settings, evaluate
from taxoloss.evaluation.two_files import names_of_pair, open_pair
from taxoloss.functional.arrays import ids_of, refuse_two_row_orders, scores_of
from taxoloss.report.document import Compared, Head, document_of
from taxoloss.report.numbers.gathered import Collector
from taxoloss.report.rendering import render
from taxoloss.report.thumbnails import Thumbnails
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Predictions", "Versus", "build"]

#: A file; or scores and targets in memory.
Predictions: TypeAlias = "str | PathLike[str] | tuple[Any, Any]"
#: Rows of arrays in memory that are scored at once, and the target that is ignored.
_ROWS, _IGNORED = 4096, -100


@dataclass(frozen=True)
class Versus:
    """The predictions of a second model, of the same samples.

    Args:
        path: of the file.
        request: how it is read; None: as the first.
        names: of the first model and of this one; None: as their files, or columns, are called.
        common: whether samples that only one file has are left out of the comparison; else an error.
    """

    path: str | PathLike[str]
    request: Request | None = None
    names: tuple[str | None, str | None] = (None, None)
    common: bool = False


def build(
    taxonomy: Taxonomy,
    predictions: Predictions,
    out: str | PathLike[str],
    *,
    request: Request | None = None,
    settings: Settings | None = None,
    versus: Versus | None = None,
    images: str | PathLike[str] | None = None,
    thumbnails: int = 400,
    title: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Writes one page of what a model gets right, nearly right and wrong: `taxoloss report` in Python.

    Args:
        taxonomy: of a file in any order: the file, or the request, names its columns; of arrays bound, in
            their order.
        predictions: a file that `taxoloss evaluate` reads; or a pair of logits (N, C), or node ids (N,),
            and targets (N,).
        out: the page; it is whole or not there.
        request: how files are read.
        settings: the decision, and the intervals.
        versus: a second model; needs files.
        images: a folder with the pictures of the samples, which `request.sample_id` names.
        thumbnails: at most so many pictures stand in the page.
        title: of the page; None: made of the names of the file and the taxonomy.
        progress: called with numbers of rows as they are scored.

    Returns:
        All numbers of the page, as they stand in it as JSON.

    Raises:
        TypeError: no Taxonomy.
        PredictionError: the predictions cannot be read so, or compared.
        TaxonomyError: their classes are not those of the tree.
        ModuleNotFoundError: Jinja2, or for pictures Pillow, is not installed.
        OSError: the page cannot be written; what stood there stands there still.

    >>> import pathlib, tempfile, taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).bind()
    >>> page = pathlib.Path(tempfile.mkdtemp(), "report.html")
    >>> answers, truth = torch.tensor([0, 1, 1, 2]), torch.tensor([0, 0, 1, 2])
    >>> numbers = taxoloss.report.build(t, (answers, truth), page)
    >>> numbers["first"]["mistakes"]["wrong"], page.read_text()[:15]
    (1, '<!doctype html>')
    """
    if not isinstance(taxonomy, Taxonomy):
        raise TypeError(
            f"expected a Taxonomy, got {type(taxonomy).__name__} {taxonomy!r:.60}; taxoloss.load"
        )
    package("jinja2", "a report", "report")
    _check_output(Path(out))
    pictures = None if images is None else Thumbnails(Path(images))
    request, settings = request or Request(), settings or Settings()
    advance = progress or (lambda rows: None)
    bound, samples, name = _opened(taxonomy, predictions, request)
    head = Head(title or f"{name}, {bound.name or 'taxonomy'}", name, settings, group=request.group)
    gathered, groups = Collector(bound, head.path_decision), list[str]()

    def take(piece: Piece, answers: Tensor) -> None:
        gathered.take(piece, answers)
        groups.extend(piece.groups or ())

    found = evaluate(samples, bound, settings, advance, take)
    if found.rows == found.uncounted:
        raise PredictionError(f"{samples.path}: expected a truth or more below the root, got none")
    compared = None
    if versus is not None:
        compared = _compared(predictions, taxonomy, request, settings, versus, advance)
    document = document_of(
        dataclasses.replace(head, groups=groups or None),
        gathered.gathered(),
        found,
        evaluation_data(found, bound, settings.decision),
        compared,
        pictures,
        thumbnails,
    )
    write_whole(Path(out), render(document))
    return document


def _check_output(out: Path) -> None:
    """OSError where no page can be written there, before anything is scored."""
    if not out.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "expected a folder, to write the page in", str(out.parent))
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, "expected a file for the page, got a folder", str(out))


def _opened(
    taxonomy: Taxonomy, predictions: Predictions, request: Request
) -> tuple[Taxonomy, Samples, str]:
    """The taxonomy in the order of the predictions, their samples, and what they are called."""
    if isinstance(predictions, tuple):
        bound = taxonomy.replace(node_targets=True)
        return bound, _held(predictions, bound), "arrays"
    path = Path(predictions)
    return *open_samples(path, taxonomy, request), path.name


def _held(predictions: tuple[Any, Any], taxonomy: Taxonomy) -> Samples:
    """Samples of arrays in memory, without those that are ignored."""
    scores, target = predictions
    refuse_two_row_orders(scores, target)
    preds, truth = scores_of(scores, taxonomy, "predictions").cpu(), ids_of(target).cpu()
    if preds.dim() not in (1, 2) or truth.dim() != 1 or len(preds) != len(truth):
        raise ValueError(
            "expected logits (N, C) or node ids (N,) and targets (N,), got shapes "
            f"{tuple(preds.shape)} and {tuple(truth.shape)}"
        )
    kept = torch.nonzero(truth != _IGNORED).squeeze(1)
    if not len(kept):
        raise PredictionError(f"expected a target or more that is not ignored, got {len(truth):,} rows")
    numbers = preds.is_floating_point()

    def pieces() -> Iterator[Piece]:
        for rows in torch.split(kept, _ROWS):
            yield Piece(1, preds[rows], truth[rows], (rows + 1).tolist())

    how = "logits in the order of the taxonomy" if numbers else "node ids"
    left_out = len(truth) - len(kept)
    notes = (f"{counted(left_out, 'row')} left out: the target is {_IGNORED}",) if left_out else ()
    return Samples(Path("arrays"), how, pieces, notes, len(kept), left_out, None if numbers else 1)


def _compared(
    predictions: Predictions,
    taxonomy: Taxonomy,
    request: Request,
    settings: Settings,
    versus: Versus,
    advance: Callable[[int], None],
) -> Compared:
    """The comparison with a second model, and what that model answered."""
    if isinstance(predictions, tuple):
        raise ValueError(f"expected a file of predictions beside the file {versus.path}, got arrays")
    path = Path(predictions)
    other = versus.request or request
    other = dataclasses.replace(other, sample_id=request.sample_id)
    own = names_of_pair((path, Path(versus.path)), (request, other))
    names = (versus.names[0] or own[0], versus.names[1] or own[1])
    if names[0] == names[1]:
        raise PredictionError(f"expected two names of models, got {names[0]!r} twice")
    pair = open_pair(path, Path(versus.path), taxonomy, request, other, versus.common)
    gathered = Collector(pair.taxonomy)

    def take(a: Piece, b: Piece, judged: Any) -> None:
        gathered.take(b, b.preds)

    found = pair.compared(request.group is not None, settings.draws, advance, take)
    data = comparison_data(found, pair.pairing, names, pair.taxonomy)
    return Compared(names, Path(versus.path).name, data, found.branches, gathered.gathered())
