"""The search: ask for a point, have it trained, tell the study; again until all trials are done."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from vaiopt.environment import describe
from vaiopt.errors import ModelError, RunError, SettingsError, VaioptError
from vaiopt.network.loadable import models_are_trusted
from vaiopt.record import read_optional, write_record
from vaiopt.runs.layout import Run
from vaiopt.search import samplers
from vaiopt.search.checks import check_ranges, check_settings, effects
from vaiopt.search.execution.choose import make_executor
from vaiopt.search.execution.limits import (
    MOST_TAKEN,
    death_reason,
    memory_limit_mb,
    with_resident_mb,
)
from vaiopt.search.execution.lock import only_search
from vaiopt.search.history import History
from vaiopt.search.kept import KeptModels
from vaiopt.search.pricing import Pricing
from vaiopt.search.samplers.base import Sampler
from vaiopt.search.samplers.point import SpaceExhausted
from vaiopt.search.training.afterwards import NOTHING, Afterwards
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.reports import Reports
from vaiopt.search.training.shared import forget_shared
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import Settings, save_run_settings
from vaiopt.signals import raised
from vaiopt.study import storage
from vaiopt.study.budget import Budget
from vaiopt.study.database import check_still_there
from vaiopt.study.journal import mend_journal
from vaiopt.study.objective import Objective, with_metric
from vaiopt.study.observer import Observer
from vaiopt.study.question import bound_of_metric
from vaiopt.study.record import (
    COMPLETE,
    FAILED,
    INFEASIBLE,
    INTERRUPTED,
    NOT_OF_THE_SEARCH,
    OUTDATED,
    PRUNED,
    RUNNING,
    TrialRecord,
    trainings,
)
from vaiopt.study.space import Space
from vaiopt.study.space_file import SpaceFile, read_space
from vaiopt.study.start import Start, read_start
from vaiopt.study.trials import RECORD, distributions, note_data, record_attribute, records
from vaiopt.text import Progress, without_password

OWNER = "vaiopt:run"
"""User attribute of a study in a database: the folder of the run that it belongs to."""
MOST_FAILURES = 5
"""Failures with no trial complete after which the fault is not in the hyperparameters."""
MOST_BEGINNINGS = 5
"""How often a trial is begun anew whose process ended before it; then something is wrong."""
MOST_REFUSED = 100
"""Points in a row that may not be trained, after which no other is looked for."""


class Search:
    """One search over one run folder, as a context: its workers, what they loaded, the search space
    and the study live until it closes, over several calls of :meth:`run`.

    Args:
        run: its folder; ``run.toml`` is written.
        settings: of the run.
        progress: told one line at a time what happens.
        observer: told when the trials begin, as each starts and ends, and when they are over.
        anew: trace the search space again, though the run has one: the settings have changed.
        afterwards: what the steps after the search will say of its models.

    Raises:
        VaioptError: when it opens: the data, the model function or the settings are unusable, or
            another search is at work in the folder. Nothing was written then.
    """

    def __init__(
        self,
        run: Run,
        settings: Settings,
        progress: Progress,
        observer: Observer,
        *,
        anew: bool = False,
        afterwards: Afterwards = NOTHING,
    ) -> None:
        self._folder = run
        self._settings = settings
        self._progress = progress
        self._observer = observer
        self._anew = anew
        self._afterwards = afterwards
        self._objective = Objective(settings.objective)
        self._failed = False
        self._met: Set[str] = set()
        self._history = History()
        self._lost: Dict[int, int] = Counter()
        self._owner = str(run.folder.resolve())
        self.stopped = ""
        """Why no further trial was begun, though more were asked for; empty if nothing stopped it.
        """
        self._kept = max(settings.search.keep_models, settings.objective.rank_int8)

    def __enter__(self) -> "Search":
        check_settings(self._settings)
        self._executor = executor = make_executor(self._settings)
        self._pricing = Pricing(self._settings, self._afterwards, executor, self._progress)
        self._held = contextlib.ExitStack()  # until the workers have ended, too
        try:
            with self._storage_errors():
                self._open()
        except BaseException:
            self._close(failed=True)
            raise
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        self._close(failed=self._failed or kind is not None)

    def _close(self, failed: bool) -> None:
        with self._held:
            forget_shared()
            # After an error or Ctrl-C trials may still be running: end them rather than wait.
            self._executor.shutdown(wait=not failed)

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except storage.quiet_optuna().exceptions.StorageInternalError as error:
            url = without_password(self._settings.search.storage)
            raise RunError(
                f"the storage '{url}' was lost: {storage.last_cause(error)}",
                "See that it runs and repeat the command: only the trials that were running are run"
                " again.",
            ) from error

    def run(self, until: Optional[int] = None) -> List[TrialRecord]:
        """Run the trials that are missing and return all of them.

        Args:
            until: trials at which to stop for now, if fewer than the settings ask for.

        Raises:
            VaioptError: the storage was lost, or every trial fails.
        """
        wanted = self._sampler.total(self._settings.search.trials)
        wanted = wanted if until is None else min(wanted, until)
        try:
            with self._storage_errors(), raised() as check:
                done = self._loop(wanted, check)
                if until is None and self.stopped and done < wanted:
                    self._progress(f"{self.stopped}: the search ends here")
                return records(self._study)
        except BaseException:
            self._failed = True
            raise

    def trials(self) -> List[TrialRecord]:
        """Return all trials so far by number. Raises RunError: the storage was lost."""
        with self._storage_errors():
            return records(self._study)

    def _open(self) -> None:
        run = self._folder
        self._description = self._describe()
        settings = self._know(self._description.task)
        for warning in self._description.warned(models_are_trusted()):
            self._progress(f"WARNING: {warning}")
        space = self._description.space
        notes = self._description.notes
        for line in (*notes, *effects(settings, self._description.splits)):
            self._progress(f"note: {line}")
        if not space.searched() and settings.search.trials > 1:
            raise SettingsError(
                "the search space is empty: every hyperparameter has one value",
                "Give the model function something to search, or train this one model: --set"
                " search.trials=1",
            )
        start = self._start()
        self._known = start.records()
        self._pricing.look(run, space, anew=self._anew)
        self._sampler = self._make_sampler(space)
        database = self._open_database()
        # Only now is anything written: settings that cannot work leave no run behind.
        self._held.enter_context(only_search(run))
        mend_journal(run.journal, self._progress)
        check_ranges(run, space)
        if self._anew:
            # Killed in between, the run has no search space, rather than that of other settings.
            run.space.unlink()
        save_run_settings(run, settings, describe())
        if start.source:
            write_record(run.start, start)
        self._pricing.keep(run)
        write_record(run.space, self._description)
        self._study = self._open_study(database)
        self._distributions = distributions(space)

    def _know(self, task: str) -> Settings:
        """Take note of the task of the data, which decides the metric, and return the settings."""
        self._settings = settings = with_metric(self._settings, task)
        self._objective = Objective(settings.objective)
        bound_of_metric(self._objective, settings.objective.min_metric)
        self._observer.search_described(settings)
        return settings

    def _start(self) -> Start:
        """Return what is known before the first trial, read once per run and then kept."""
        run, source = self._folder, self._settings.search.start_from
        if not source:
            return Start()
        if run.space.exists() and not self._anew:
            kept = read_optional(run.start, Start, f"vaiopt search --run {run.folder}")
            if kept is not None:
                return kept
        description = self._description
        start = read_start(source, description.space, self._objective, description.costs)
        self._progress(start.said())
        return start

    def _make_sampler(self, space: Space) -> Sampler:
        settings, prices = self._settings, self._pricing.prices(space)
        sought, search = (self._objective, prices, self._known), settings.search
        return samplers.make_sampler(samplers.Problem(space, search, settings.seed, *sought))

    def _grow(self, record: TrialRecord) -> None:
        """Search what a trial met that the tracing had not, as KerasTuner does; a sampler with a
        plan keeps to it.
        """
        new = [d for d in record.met if d.name not in self._met]
        space = self._description.space.grown(new)
        names = ", ".join(d.name for d in space.dimensions[len(self._description.space) :])
        if not names:
            return
        self._met |= {d.name for d in new}
        told = f"note: trial {record.number} asked for what was not known before: {names}."
        try:
            sampler = self._sampler if self._sampler.has_plan else self._make_sampler(space)
        except SettingsError as error:
            self._progress(f"{told} It stays at its default: {error.message}")
            return
        if sampler.has_plan:
            self._progress(f"{told} It stays at its default, since the points are planned already")
            return
        self._progress(f"{told} It is searched from now on")
        self._description = replace(self._description, space=space)
        write_record(self._folder.space, self._description)
        self._sampler, self._distributions = sampler, distributions(space)
        self._study.sampler = samplers.as_optuna(sampler, self._history)

    def _describe(self) -> SpaceFile:
        """Return what is known before the first trial, traced once per run and then kept."""
        if self._folder.space.exists() and not self._anew:
            return read_space(self._folder)
        self._progress("loading the data and tracing the search space")
        future: "Future[Tuple[SpaceFile, float]]" = self._executor.submit(
            with_resident_mb, describe_search, self._settings, self._afterwards
        )
        try:
            found, taken_mb = future.result()
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
        most = memory_limit_mb(self._settings.search)
        if most is not None and taken_mb > MOST_TAKEN * most:
            self._executor.renew()
        return found

    def _open_study(self, database: Any) -> Any:
        """Open the study, in the database if there is one, and end what a killed search left."""
        optuna = storage.quiet_optuna()
        search = self._settings.search
        study = optuna.create_study(
            study_name=search.study if search.storage else storage.STUDY_NAME,
            storage=database or storage.journal_storage(self._folder),
            sampler=samplers.as_optuna(self._sampler, self._history),
            directions=self._objective.directions,
            load_if_exists=True,
        )
        if search.storage:
            study.set_user_attr(OWNER, self._owner)
        known = records(study)
        for trial in study.get_trials(deepcopy=False):
            if not trial.state.is_finished():
                self._end(study, trial, known[trial.number])
        if self._description.inputs is not None:
            note_data(study, self._description.inputs.data)
        return study

    def _end(self, study: Any, frozen: Any, record: TrialRecord) -> None:
        """End a trial that a killed search left: one whose record was written is as it says, any
        other is run again.
        """
        if record.status != RUNNING:
            self._close_trial(study, frozen.number, record)
            return
        self._interrupt(study, frozen, "the search was stopped")
        log = self._folder.tensorboard / f"{frozen.number:04d}"
        shutil.rmtree(str(log), ignore_errors=True)

    def _open_database(self) -> Any:
        """Open the database that the settings name, if they do, and check that the study there is
        this run's; another's is never touched.

        Raises:
            RunError: it cannot be reached, or the study belongs to another run.
        """
        search = self._settings.search
        if not search.storage:
            return None
        if self._folder.space.exists():
            check_still_there(search.storage)
        database = storage.database_storage(search.storage)
        try:
            study = storage.quiet_optuna().load_study(study_name=search.study, storage=database)
        except KeyError:
            return database
        owner = study.user_attrs.get(OWNER)
        if owner != self._owner:
            whose = f"the run '{owner}'" if owner else "something else"
            raise RunError(
                f"the study '{search.study}' in search.storage belongs to {whose}",
                "Give this run a study of its own: --set search.study=NAME",
            )
        return database

    def _loop(self, wanted: int, check: Callable[[], None]) -> int:
        """Run trials until there are as many as wanted; return how many have ended."""
        # Read once: what a trial costs must not depend on how many there were before it.
        ended = [r for r in records(self._study) if r.status not in (RUNNING, OUTDATED)]
        done = [r for r in ended if r.status not in NOT_OF_THE_SEARCH]
        search, objective = self._settings.search, self._objective
        self._history.begin(done)
        self._models = KeptModels(self._folder, self._kept, objective, ended)
        self._models.delete()  # what a kill left
        self._reports = Reports(search, objective, self._description.space, ended)
        self._budget = Budget(search, objective, done)
        self._observer.search_started(wanted, done)
        try:
            self._run_trials(wanted, done, check)
        finally:
            self._observer.search_ended()
        return trainings(done)

    def _run_trials(self, wanted: int, done: List[TrialRecord], check: Callable[[], None]) -> None:
        running: Dict["Future[TrialRecord]", Tuple[Any, Job]] = {}
        started, exhausted = time.monotonic(), ""
        missing = wanted - trainings(done)
        while True:
            # Asked again when a trial has ended: one that ran on may be better.
            spent = self._budget.spent(done, time.monotonic() - started)
            self.stopped = exhausted or spent
            while self._wants(missing, len(running)):
                try:
                    trial, job = self._ask()
                except SpaceExhausted as error:
                    self.stopped = exhausted = error.message
                    break
                check()
                active = {name: job.values[name] for name in job.space.active(job.values)}
                self._observer.trial_started(job.number, active)
                running[self._executor.submit(run_trial, job)] = (trial, job)
            if not running:
                break
            finished, _ = wait(list(running), return_when=FIRST_COMPLETED)
            check()
            for future in finished:
                trial, job = running.pop(future)
                if self._never_began(job, future):
                    running[self._executor.submit(run_trial, job)] = (trial, job)
                    continue
                record = self._finish(job, future, first=not done)
                self._grow(record)
                self._tell(self._study, trial, record)
                done.append(record)
                self._history.ended(record)
                missing -= trainings([record])
                self._observer.trial_ended(record)
                self._reports.add(record)
                self._models.ended(record)
            self._stop_if_hopeless(done)
            if len(done) >= MOST_REFUSED and not trainings(done[-MOST_REFUSED:]):
                exhausted = f"the last {MOST_REFUSED} points were all refused before training"

    def _never_began(self, job: Job, future: "Future[TrialRecord]") -> bool:
        """Return whether a trial is begun anew: a process was killed that was no trial's, and took
        those of the others with it.
        """
        if future.cancelled() or not isinstance(future.exception(), BrokenExecutor):
            return False
        self._lost[job.number] += 1
        return self._lost[job.number] <= MOST_BEGINNINGS

    def _wants(self, missing: int, running: int) -> bool:
        """Return whether another trial begins now."""
        return not self.stopped and running < min(self._executor.slots, missing)

    def _ask(self) -> Tuple[Any, Job]:
        study, space = self._study, self._description.space
        try:
            trial = study.ask(fixed_distributions=self._distributions)
        except SpaceExhausted:
            # Optuna has made the trial already; it holds nothing.
            empty = study.get_trials(deepcopy=False)[-1]
            self._interrupt(study, empty, "no point was left to try")
            raise
        job = Job(
            folder=str(self._folder.folder),
            settings=self._settings,
            number=trial.number,
            values=space.canonical(trial.params),
            memory_mb=memory_limit_mb(self._settings.search),
            references=self._description.costs,
            pruning=self._reports.pruning(trial.number),
            keep_above=self._models.least,
            afterwards=self._afterwards,
            space=space,
        )
        self._history.started(trial.number, trial.params)
        return trial, job

    def _finish(self, job: Job, future: "Future[TrialRecord]", first: bool) -> TrialRecord:
        """Return the record of a trial that has ended, with its objective.

        Raises:
            SettingsError: the first trial of a run reports no such metric. A later one has failed
                then: the others may have it.
        """
        try:
            record = future.result()
        except Exception as error:
            reason = death_reason(error, self._settings.search, job.memory_mb)
            if reason is None:
                raise
            return job.failed(reason)
        if record.status != COMPLETE:
            return record
        metric = self._objective.metric
        if metric not in record.metrics and not first:
            return replace(record, status=FAILED, reason=f"it reports no metric '{metric}'")
        value = self._objective.score(record.metrics, record.costs, job.references)
        if not math.isfinite(value):
            return replace(record, status=FAILED, reason=f"the objective became {value}")
        return replace(record, value=value)

    def _tell(self, study: Any, trial: Any, record: TrialRecord) -> None:
        if not self._objective.front:  # of several objectives Optuna takes no reports
            for step, value in record.pruning.get("reports", ()):
                trial.report(value, int(step))
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        self._close_trial(study, trial, record)

    def _close_trial(self, study: Any, trial: Any, record: TrialRecord) -> None:
        """Tell how a trial ended, one of Optuna's or its number."""
        states = storage.quiet_optuna().trial.TrialState
        as_state = {COMPLETE: states.COMPLETE, PRUNED: states.PRUNED, INFEASIBLE: states.PRUNED}
        values = self._objective.values(record.value, record.costs)
        values = values if record.status == COMPLETE else None
        study.tell(trial, values=values, state=as_state.get(record.status, states.FAIL))

    def _interrupt(self, study: Any, frozen: Any, reason: str) -> None:
        """Tell that a trial of the study will not end."""
        trial = storage.quiet_optuna().trial.Trial(study, frozen._trial_id)
        point = dict(frozen.params)
        record = TrialRecord(frozen.number, INTERRUPTED, reason, hyperparameters=point)
        self._tell(study, trial, record)

    def _stop_if_hopeless(self, done: Sequence[TrialRecord]) -> None:
        if len(done) >= MOST_FAILURES and all(r.status == FAILED for r in done):
            raise ModelError(
                f"the first {len(done)} trials all failed; the last: {done[-1].reason}",
                "Mend the model function; 'vaiopt trials' lists the reasons.",
            )
