"""Searching level weights with Optuna instead of listing them; a finished trial is a cell like others."""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxoloss.sweep.cell import Cell, plain
from taxoloss.sweep.columns import mean_accuracy
from taxoloss.sweep.errors import SweepError
from taxoloss.sweep.files import is_there
from taxoloss.sweep.folder import Folder
from taxoloss.sweep.grid import cells_of
from taxoloss.sweep.results import Results
from taxoloss.sweep.run import open_folder, results_of
from taxoloss.sweep.storages import storage_errors, storage_of
from taxoloss.sweep.work import Done, Row, Train, number_of, perform
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    import optuna

__all__ = ["search", "suggest_weights"]

_LOG = logging.getLogger(__name__)
#: The user attribute of a trial that names its cell.
CELL = "cell"


def suggest_weights(trial: optuna.Trial, taxonomy: Taxonomy) -> dict[str, float]:
    """A point of the simplex over the levels: weights of 0 or more that sum to 1.

    Level by level, from the top, a share of what is left is taken. With u uniform and k levels below,

        share = 1 - (1 - u)^(1 / k)

    makes every point of the simplex equally probable (each share is Beta(1, k)); with two levels the share
    of the upper one is u itself. Parameters are called "weight_<level>", one a level but the deepest.

    Args:
        trial: of Optuna.
        taxonomy: whose levels are weighed.

    >>> import optuna, taxoloss
    >>> trial = optuna.trial.FixedTrial({"weight_species": 0.3})
    >>> suggest_weights(trial, taxoloss.load("pets"))
    {'species': 0.3, 'breed': 0.7}

    Source: stick-breaking; L. Devroye, "Non-Uniform Random Variate Generation", 1986, chapter XI.4.
    """
    left, weights = 1.0, {}
    for place, level in enumerate(taxonomy.levels[:-1]):
        below = len(taxonomy.levels) - 1 - place
        u = trial.suggest_float(f"weight_{level}", 0.0, 1.0)
        share = -math.expm1(math.log1p(-u) / below) if u < 1 else 1.0
        weights[level] = round(left * share, 12)
        left *= 1 - share
    return {**weights, taxonomy.levels[-1]: round(left, 12)}


def search(
    train: Train,
    suggest: Callable[[optuna.Trial], Mapping[str, Any]],
    folder: str | Path,
    *,
    taxonomy: Taxonomy,
    trials: int,
    config: Mapping[str, Any] | None = None,
    split: str = "",
    score: Callable[[Row], float] = mean_accuracy,
    storage: str | None = None,
    name: str | None = None,
    sampler: optuna.samplers.BaseSampler | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
) -> Results:
    """Trains cells that Optuna suggests, in a folder that `run` would make, until there are enough.

    The score of an epoch is reported to the pruner; a pruned trial leaves no cell. What counts as complete
    is what the folder has: a trial that was killed runs again as another, and a cell whose trial the
    storage has lost is told to it, if its rows have a score. The same call, after a kill or in several
    processes at once, goes on.

    Args:
        train: as `run` takes it; its cells are trained in this process.
        suggest: the settings of a trial, such as lambda trial: {"arm": "taxonomy", "seed": 0, "weights":
            suggest_weights(trial, taxonomy)}.
        folder: of the cells.
        taxonomy: bound.
        trials: finished and pruned ones together.
        config: as for `run`.
        split: as for `run`.
        score: of a row of reading "marginal", larger is better: a finite number.
        storage: a URL of SQLAlchemy, or journal:PATH; None: SQLite in the folder. Several processes want a
            journal or a database server.
        name: of the study; None: made of the digest of configuration, taxonomy and split.
        sampler: of Optuna; None: TPE, seeded where the storage is SQLite in the folder.
        pruner: of Optuna; None: the median of the trials before.

    Returns:
        The table of the folder; `optuna.load_study` has the study. A cell that raises is kept with its
        traceback and the others go on.

    Raises:
        SweepError: as `run`; rows that are not read as "marginal", or a score that is no finite number; the
            storage cannot be used, by its name.
        ModuleNotFoundError: Optuna is not installed.
    """
    _require_optuna()
    home = open_folder(folder, taxonomy, config, split)
    home.plan({"trials": trials})
    _set_aside(home)
    with storage_errors(storage, home.path):
        study = _study(home, storage, name, sampler, pruner)
        search = _Search(study, home, taxonomy, train, suggest, score)
        search.agree()
        for _ in range(trials - search.finished()):
            if search.finished() < trials:  # others may work on the same study
                study.optimize(search.trial, n_trials=1, catch=(_CellError,))
    _set_aside(home)
    return results_of(home, taxonomy.levels)


def _set_aside(folder: Folder) -> None:
    """Moves what is damaged out of the way, and says so."""
    for words in folder.set_damaged_aside().values():
        _LOG.warning("%s", words)


def _require_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('search needs Optuna: pip install "taxoloss[sweep]"') from error


def _study(
    home: Folder,
    storage: str | None,
    name: str | None,
    sampler: optuna.samplers.BaseSampler | None,
    pruner: optuna.pruners.BasePruner | None,
) -> optuna.Study:
    import optuna

    study = optuna.create_study(
        storage=storage_of(storage, home.path),
        study_name=name or f"taxoloss-{home.digest[:16]}",
        load_if_exists=True,
        direction="maximize",
        sampler=sampler,
        pruner=pruner,
    )
    if sampler is None:
        # Seeded where one process works alone; the same seed twice would suggest the same cells again.
        cells = sum("trial" in body for body in home.read()[0].values())
        seed = max(len(study.get_trials(deepcopy=False)), cells) if storage is None else None
        study.sampler = optuna.samplers.TPESampler(seed=seed)
    return study


class _Search:
    """A study, and the folder that decides what of it is complete."""

    def __init__(
        self,
        study: optuna.Study,
        folder: Folder,
        taxonomy: Taxonomy,
        train: Train,
        suggest: Callable[[optuna.Trial], Mapping[str, Any]],
        score: Callable[[Row], float],
    ) -> None:
        self.study, self.folder, self.taxonomy = study, folder, taxonomy
        self.train, self.suggest, self.score = train, suggest, score

    def finished(self) -> int:
        """Trials that were pruned, and those whose cell the folder has, whatever the storage says."""
        from optuna.trial import TrialState

        states = (TrialState.COMPLETE, TrialState.PRUNED)
        trials = self.study.get_trials(deepcopy=False, states=states)
        return sum(trial.state == TrialState.PRUNED or self._has_cell(trial) for trial in trials)

    def _has_cell(self, trial: optuna.trial.FrozenTrial) -> bool:
        cell_id = trial.user_attrs.get(CELL, "")
        return bool(cell_id) and is_there(self.folder.file_of(cell_id))

    def agree(self) -> None:
        """Tells the study what the folder has and it has not; trials that nobody runs have failed."""
        from optuna.trial import TrialState

        known = set()
        for trial in self.study.get_trials(deepcopy=False):
            cell_id = trial.user_attrs.get(CELL, "")
            if trial.state == TrialState.COMPLETE:
                known.add(cell_id)
            elif trial.state == TrialState.RUNNING and self._is_dead(cell_id):
                self.study.tell(trial.number, state=TrialState.FAIL)
        bodies, _ = self.folder.read()
        for cell_id, body in bodies.items():
            if "trial" in body and cell_id not in known:
                try:
                    self.study.add_trial(self._as_trial(cell_id, body))
                except ValueError as error:
                    _LOG.warning("cell %s is passed over: %s", cell_id, error)

    def _is_dead(self, cell_id: str) -> bool:
        # It may yet come as far as a cell in another process, or tell of the one that is there.
        if not cell_id or is_there(self.folder.file_of(cell_id)):
            return False
        if (claim := self.folder.claim(cell_id)) is None:
            return False
        self.folder.release(claim)
        return True

    def _as_trial(self, cell_id: str, body: Mapping[str, Any]) -> optuna.trial.FrozenTrial:
        from optuna.distributions import json_to_distribution
        from optuna.trial import create_trial

        kinds = {name: json_to_distribution(text) for name, text in body["trial"]["distributions"].items()}
        return create_trial(
            params=body["trial"]["params"],
            distributions=kinds,
            value=self.value(cell_id, body["rows"]),
            user_attrs={CELL: cell_id},
        )

    def value(self, cell_id: str, rows: list[Row]) -> float:
        """The score of the last epoch."""
        return self.score_of(cell_id, _scored_rows(cell_id, rows)[-1])

    def score_of(self, cell_id: str, row: Row) -> float:
        """What the score says of a row, if it is a finite number."""
        here = f"the score of epoch {row['epochs']} of cell {cell_id}"
        try:
            found = self.score(row)
        except Exception as error:
            raise SweepError(f"{here} raised {type(error).__name__}: {error}") from error
        number = _as_number(found)
        if not math.isfinite(number):
            raise SweepError(f"{here} is {type(found).__name__} {found!r:.60}: expected a finite number")
        return number

    def trial(self, trial: optuna.Trial) -> float:
        """One trial: a cell of the folder, trained where it is not there yet."""
        (cell,) = cells_of([self._suggested(trial)], self.taxonomy, self.folder.digest)
        more = {"trial": _parameters(trial)}  # refused before the training, if JSON cannot hold them
        # Claimed before others see whose cell it is: a running trial without a claim is taken for dead.
        claim = self.folder.claim(cell.id, wait=True)
        try:
            trial.set_user_attr(CELL, cell.id)
            _set_aside(self.folder)
            bodies, _ = self.folder.read()
            if cell.id in bodies:
                return self.value(cell.id, bodies[cell.id]["rows"])
            return self._trained(trial, cell, more)
        finally:
            if claim is not None:
                self.folder.release(claim)

    def _suggested(self, trial: optuna.Trial) -> Mapping[str, Any]:
        """The settings of a trial; SweepError where a parameter had another distribution before."""
        try:
            return self.suggest(trial)
        except ValueError as error:
            if "distribution" not in str(error).lower():
                raise
            names = [
                frame.f_locals.get("name")
                for frame, _ in traceback.walk_tb(error.__traceback__)
                if frame.f_code.co_name.startswith("suggest_")
            ]  # Optuna does not say which
            raise SweepError(
                f"the parameter {names[-1] if names else '?'} has another distribution than in the trials "
                f"of {self.folder.path}: {error} Name a new folder, or give the parameter another name"
            ) from error

    def _trained(self, trial: optuna.Trial, cell: Cell, more: Mapping[str, Any]) -> float:
        rows: list[Row] = []

        def seen(row: Row) -> None:
            rows.append(row)
            try:
                self._report(trial, cell.id, rows)
            except Exception as error:
                raise _Ended(error) from error

        try:
            outcome = perform(self.train, cell, self.taxonomy.levels, seen)
        except _Ended as ended:
            raise ended.reason from None
        if not isinstance(outcome, Done):
            self.folder.write_failure(cell, outcome)
            raise _CellError(
                f"cell {cell.id} failed, its traceback is in {self.folder.failed}: {outcome.error}"
            )
        value = self.value(cell.id, outcome.rows)
        self.folder.write(cell, outcome, more)
        return value

    def _report(self, trial: optuna.Trial, cell_id: str, rows: list[Row]) -> None:
        """Tells the pruner the score of the last row; it may raise TrialPruned."""
        from optuna import TrialPruned

        row = rows[-1]
        if row["epochs"] > 1:  # an epoch is over: it has been read as marginal, or never will be
            _scored_rows(cell_id, rows)
        if row["reading"] == "marginal":
            trial.report(self.score_of(cell_id, row), row["epochs"])
            if trial.should_prune():
                raise TrialPruned


def _scored_rows(cell_id: str, rows: list[Row]) -> list[Row]:
    """The rows that a search scores; SweepError where there is none."""
    found = [row for row in rows if row["reading"] == "marginal"]
    if not found:
        readings = ", ".join(dict.fromkeys(row["reading"] for row in rows))
        raise SweepError(
            f"the rows of cell {cell_id} have the reading {readings}: a search scores rows of reading "
            "marginal, expected one an epoch"
        )
    return found


def _as_number(score: Any) -> float:
    """A score as a float, NaN where it is none: float() takes text for numbers too."""
    score = number_of(score)
    try:
        return math.nan if isinstance(score, (str, bytes)) else float(score)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _parameters(trial: optuna.Trial) -> dict[str, Any]:
    """What Optuna chose, and from what."""
    from optuna.distributions import distribution_to_json

    kinds = {name: distribution_to_json(kind) for name, kind in trial.distributions.items()}
    return {"params": plain(trial.params, "trial.params"), "distributions": kinds}


class _CellError(SweepError):
    """A cell that raised: it is kept, and the others go on."""


class _Ended(BaseException):
    """Ends a cell from inside; no Exception, so that a cell does not take it for its own."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason
