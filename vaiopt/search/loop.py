"""The search: ask for a point, have it trained, tell the study; again until all trials are done."""

from __future__ import annotations

import concurrent.futures
import contextlib
import shutil
from concurrent.futures import FIRST_COMPLETED, Executor, Future
from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from vaiopt.environment import describe
from vaiopt.errors import ModelError, RunError, SettingsError, VaioptError
from vaiopt.files import read_json, write_json
from vaiopt.runs.layout import Run
from vaiopt.search.execution.interrupt import remembered_interrupt
from vaiopt.search.execution.lock import only_search
from vaiopt.search.execution.processes import death_reason, make_executor, memory_limit_mb, slots
from vaiopt.search.samplers.bayesian import SpaceExhausted
from vaiopt.search.samplers.points import given_points
from vaiopt.search.samplers.sampler import grid_points, make_sampler
from vaiopt.search.training.pruning import prepare
from vaiopt.search.training.trial import Description, Job, describe_search, run_trial
from vaiopt.settings import Settings, save_run_settings
from vaiopt.study.objective import Objective
from vaiopt.study.observer import Observer
from vaiopt.study.ranking import best_first, first_trial
from vaiopt.study.record import (
    COMPLETE,
    FAILED,
    INFEASIBLE,
    INTERRUPTED,
    PRUNED,
    RUNNING,
    TrialRecord,
)
from vaiopt.study.space import Space
from vaiopt.study.storage import (
    STUDY_NAME,
    database_storage,
    journal_storage,
    mend_journal,
    open_study,
    quiet_optuna,
)
from vaiopt.study.trials import RECORD, distributions, record_attribute, records
from vaiopt.text import Progress, without_password

OWNER = "vaiopt:run"
"""User attribute of a study in a database: the folder of the run that it belongs to."""
MOST_FAILURES = 5
"""Failures in a row, with no trial complete, after which the search stops: the fault is not in the
hyperparameters.
"""


class Search:
    """One search over one run folder.

    Args:
        run: its folder; ``run.toml`` is written.
        settings: of the run.
        progress: told one line at a time what happens.
        observer: told when the trials begin, as each starts and ends, and when they are over.
        anew: trace the search space again, though the run has one: the settings have changed.
        until: trials at which to stop for now, if fewer than the settings ask for.
    """

    def __init__(
        self,
        run: Run,
        settings: Settings,
        progress: Progress,
        observer: Observer,
        *,
        anew: bool = False,
        until: Optional[int] = None,
    ) -> None:
        self._run = run
        self._settings = settings
        self._progress = progress
        self._observer = observer
        self._anew = anew
        self._until = until
        self._objective = Objective(settings.objective)
        self._database: Any = None

    def execute(self) -> List[TrialRecord]:
        """Run the trials that are missing and return all of them.

        Raises:
            VaioptError: the data, the model function or the settings are unusable, the storage was
                lost, or every trial fails.
        """
        with contextlib.ExitStack() as held:  # until the workers have ended, too
            return self._execute(held)

    def _execute(self, held: contextlib.ExitStack) -> List[TrialRecord]:
        executor = make_executor(self._settings)
        finished = False
        try:
            description = self._describe(executor)
            space = Space.from_json(description["space"])
            self._check(space)
            wanted = self._wanted(space)
            self._open_database()
            # Only now is anything written: settings that cannot work leave no run behind.
            held.enter_context(only_search(self._run))
            mend_journal(self._run)
            self._check_ranges(space)
            if (
                self._anew
            ):  # killed in between, the run has no search space, rather than that of other settings
                self._run.space.unlink()
            save_run_settings(self._run, self._settings, describe())
            write_json(
                self._run.space, {name: description[name] for name in ("space", "splits", "costs")}
            )
            study = self._open_study(space)
            try:
                with remembered_interrupt() as check:
                    self._loop(study, space, executor, wanted, description["costs"], check)
            finally:
                self._observer.search_ended()
            finished = True
            return records(study)
        except quiet_optuna().exceptions.StorageInternalError as error:
            raise RunError(
                f"the storage '{without_password(self._settings.search.storage)}' was lost:"
                f" {_last_cause(error)}",
                "See that it runs and repeat the command: only the trials that were running are run"
                " again.",
            ) from error
        finally:
            # After an error or Ctrl-C trials may still be running: end them rather than wait.
            executor.shutdown(wait=finished)

    def _describe(self, executor: Executor) -> Dict[str, Any]:
        """Return what is known before the first trial, traced once per run and then kept."""
        if self._run.space.exists() and not self._anew:
            return read_json(self._run.space, "vaiopt search SETTINGS.toml --run NEW_FOLDER")
        self._progress("loading the data and tracing the search space")
        try:
            found: Description = executor.submit(describe_search, self._settings.to_dict()).result()
        except VaioptError:
            raise
        except Exception as error:
            reason = death_reason(error, self._settings.search)
            if reason is None:
                raise
            raise ModelError(
                f"building the model failed: {reason}",
                "Check the model function with its default hyperparameters.",
            ) from error
        return {"space": found.space, "splits": found.splits, "costs": found.costs}

    def _check(self, space: Space) -> None:
        if not space.searched() and self._settings.search.trials > 1:
            raise SettingsError(
                "the search space is empty: every hyperparameter has one value",
                "Give the model function something to search, or train this one model: --set"
                " search.trials=1",
            )
        given_points(space, self._settings.search)

    def _open_study(self, space: Space) -> Any:
        optuna = quiet_optuna()
        search = self._settings.search
        study = optuna.create_study(
            study_name=search.study if search.storage else STUDY_NAME,
            storage=self._storage(),
            sampler=make_sampler(
                space, search, seed=self._settings.seed, direction=self._objective.direction
            ),
            direction=self._objective.direction,
            load_if_exists=True,
        )
        if search.storage:
            study.set_user_attr(OWNER, self._owner)
        for trial in study.get_trials(deepcopy=False):
            if not trial.state.is_finished():  # left by a search that was killed; it is run again
                stale = optuna.trial.Trial(study, trial._trial_id)
                self._tell(
                    study,
                    stale,
                    TrialRecord(
                        trial.number,
                        INTERRUPTED,
                        "the search was stopped",
                        hyperparameters=dict(trial.params),
                    ),
                )
        return study

    def _storage(self) -> Any:
        """Return the study's storage. One that was opened already, to see that it answers, is not
        opened again.
        """
        if self._database is not None:
            return self._database
        return journal_storage(self._run)

    def _open_database(self) -> None:
        """Open the database that the settings name, if they do, and check that the study there is
        this run's; another's is never touched.

        Raises:
            RunError: it cannot be reached, or the study belongs to another run.
        """
        search = self._settings.search
        if not search.storage:
            return
        self._database = database_storage(search.storage)
        try:
            study = quiet_optuna().load_study(study_name=search.study, storage=self._database)
        except KeyError:
            return
        owner = study.user_attrs.get(OWNER)
        if owner != self._owner:
            raise RunError(
                "the study '{}' in search.storage belongs to {}".format(
                    search.study, f"the run '{owner}'" if owner else "something else"
                ),
                "Give this run a study of its own: --set search.study=NAME",
            )

    @property
    def _owner(self) -> str:
        return str(self._run.folder.resolve())

    def _check_ranges(self, space: Space) -> None:
        """Check that the study, if there is one, can hold points of the space; it cannot once the
        values of a choice have changed.
        """
        try:
            study = open_study(self._run)
        # there is none yet; if something else is wrong with it, that is told when it is opened to
        # write
        except RunError:
            return
        check = quiet_optuna().distributions.check_distribution_compatibility
        wanted = distributions(space)
        for trial in study.get_trials(deepcopy=False):
            for name, had in trial.distributions.items():
                try:
                    check(had, wanted.get(name, had))
                except ValueError as error:
                    raise RunError(
                        f"the values of '{name}' have changed, which the study cannot follow",
                        "Search into a new folder: --run runs/NAME, or restore the setting.",
                    ) from error

    def _wanted(self, space: Space) -> int:
        """Return how many trials there are to be when this ends."""
        search = self._settings.search
        total = (
            len(grid_points(space, search, self._settings.seed))
            if search.sampler == "grid"
            else search.trials
        )
        return total if self._until is None else min(total, self._until)

    def _loop(
        self,
        study: Any,
        space: Space,
        executor: Executor,
        wanted: int,
        default_costs: Dict[str, float],
        check: Callable[[], None],
    ) -> None:
        running: Dict["Future[Any]", Tuple[Any, Job]] = {}
        done = [r for r in records(study) if r.status not in (INTERRUPTED, RUNNING)]
        exhausted = False
        self._observer.search_started(wanted, done)
        while running or (len(done) < wanted and not exhausted):
            while (
                len(running) < slots(executor, self._settings.search)
                and len(done) + len(running) < wanted
                and not exhausted
            ):
                try:
                    trial, job = self._ask(study, space, default_costs)
                except SpaceExhausted as error:
                    self._progress(f"{error.message}: the search ends here")
                    exhausted = True
                    break
                check()
                self._observer.trial_started(
                    job.number, {name: job.values[name] for name in space.active(job.values)}
                )
                running[executor.submit(run_trial, job)] = (trial, job)
            finished, _ = concurrent.futures.wait(list(running), return_when=FIRST_COMPLETED)
            check()
            for future in finished:
                trial, job = running.pop(future)
                record = self._finish(job, future, default_costs)
                self._tell(study, trial, record)
                done.append(record)
                self._observer.trial_ended(record)
                self._prune_models(records(study))
            self._stop_if_hopeless(done)

    def _ask(self, study: Any, space: Space, references: Dict[str, float]) -> Tuple[Any, Job]:
        try:
            trial = study.ask(fixed_distributions=distributions(space))
        except SpaceExhausted:
            # Optuna has made the trial already; it holds nothing.
            empty = study.get_trials(deepcopy=False)[-1]
            stale = quiet_optuna().trial.Trial(study, empty._trial_id)
            self._tell(
                study, stale, TrialRecord(empty.number, INTERRUPTED, "no point was left to try")
            )
            raise
        values = space.canonical(trial.params)
        before = [r for r in records(study) if r.number < trial.number]
        direction = self._objective.direction
        job = Job(
            folder=str(self._run.folder),
            settings=self._settings.to_dict(),
            number=trial.number,
            values=values,
            memory_mb=memory_limit_mb(self._settings.search),
            references=references,
            pruning=prepare(self._settings.search, direction, space, trial.number, before),
            keep_above=self._worst_kept(before),
        )
        return trial, job

    def _kept(self) -> int:
        return max(self._settings.search.keep_models, self._settings.objective.rank_int8)

    def _worst_kept(self, trials: Sequence[TrialRecord]) -> Optional[float]:
        """Return the score below which a model would not be kept, or None while there is room."""
        complete = [t for t in best_first(trials, self._objective.direction) if t.value is not None]
        return complete[self._kept() - 1].value if len(complete) >= self._kept() else None

    def _finish(
        self, job: Job, future: "Future[Any]", default_costs: Dict[str, float]
    ) -> TrialRecord:
        try:
            record = TrialRecord(**{**future.result(), "number": job.number})
        except Exception as error:
            reason = death_reason(error, self._settings.search, job.memory_mb)
            if reason is None:
                raise
            return TrialRecord(job.number, FAILED, reason, hyperparameters=dict(job.values))
        if record.status != COMPLETE:
            return record
        return replace(
            record, value=self._objective.score(record.metrics, record.costs, default_costs)
        )

    def _tell(self, study: Any, trial: Any, record: TrialRecord) -> None:
        optuna = quiet_optuna()
        pruned = optuna.trial.TrialState.PRUNED
        states = {COMPLETE: optuna.trial.TrialState.COMPLETE, PRUNED: pruned, INFEASIBLE: pruned}
        state = states.get(record.status, optuna.trial.TrialState.FAIL)
        for step, value in record.pruning.get("reports", ()):
            trial.report(value, int(step))
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(trial, values=record.value if record.status == COMPLETE else None, state=state)

    def _prune_models(self, trials: Sequence[TrialRecord]) -> None:
        """Delete the models of trials that can no longer be chosen."""
        complete = [t for t in best_first(trials, self._objective.direction) if t.value is not None]
        keep = {t.number for t in complete[: self._kept()]}
        keep |= {t.number for t in [first_trial(trials)] if t is not None}
        for trial in complete:
            if trial.number not in keep:
                shutil.rmtree(str(self._run.trial(trial.number)), ignore_errors=True)

    def _stop_if_hopeless(self, done: Sequence[TrialRecord]) -> None:
        if len(done) >= MOST_FAILURES and all(r.status == FAILED for r in done):
            raise ModelError(
                f"the first {len(done)} trials all failed; the last: {done[-1].reason}",
                "Mend the model function; 'vaiopt trials' lists the reasons.",
            )


def _last_cause(error: BaseException) -> str:
    """Return in one line what is at the bottom of an error of Optuna's: the driver's own words,
    without the statement that failed.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().splitlines()[0]
