"""The study: Optuna's, in the run folder's journal; and what a trial of ours records in it.

Optuna keeps the states and the points. All else that a trial gave (metrics, costs, learning curve,
reason, seconds, memory) stands in one user attribute of the trial, written once, when it ends.
Reading it needs neither TensorFlow nor scikit-optimize.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import MissingToolError, RunError
from vaiopt.run import Run, require
from vaiopt.settings import settings_from_run
from vaiopt.space import Dimension, Space, Value

STUDY_NAME = "vaiopt"
RECORD = "vaiopt"
"""User attribute of a trial that holds its record."""

CONNECT_SECONDS = 10
"""How long a database server may take to answer."""

MEASURED = "measured"
"""User attribute of the study that holds, by trial number, what a kit measured during the search.
"""

COMPLETE, PRUNED, INFEASIBLE, FAILED, RUNNING, INTERRUPTED = (
    "complete",
    "pruned",
    "infeasible",
    "failed",
    "running",
    "interrupted",
)


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: Optuna's number, from 0; 0 is the family's default point.
        status: ``complete``, ``pruned``, ``infeasible`` (broke a hard limit, never trained),
            ``failed``, ``running``, or ``interrupted`` (the search was stopped while it ran; it is
            run again).
        reason: why it is not complete, in one line.
        value: the objective; None unless complete.
        hyperparameters: the active ones.
        metrics: ``val_accuracy``, ``val_f1`` (macro), ``val_loss`` and whatever else the model
            reports, of the kept (last) epoch.
        costs: ``params``, ``macs``, ``latency_ms``, as far as known before training.
        curve: per epoch ``epoch``, ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``,
            ``val_f1``, ``seconds``.
        seconds: wall time of the trial.
        peak_memory_mb: highest resident memory of its process.
        started, finished: ISO 8601, UTC.
        worker: process and host.
        traceback: of a failed trial, where there is one.
        pruning: what early stopping saw: ``reports``, pairs of a step and the objective so far, and
            ``rungs``, the pruner's own notes.
    """

    number: int
    status: str
    reason: str = ""
    value: Optional[float] = None
    hyperparameters: Dict[str, Value] = field(default_factory=dict)
    metrics: Dict[str, float] = field(default_factory=dict)
    costs: Dict[str, float] = field(default_factory=dict)
    curve: List[Dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    started: str = ""
    finished: str = ""
    worker: str = ""
    traceback: str = ""
    pruning: Dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object; NaN and infinity, which JSON lacks, become null."""
        cleaned: Dict[str, Any] = _finite(asdict(self))
        return cleaned

    def row(self) -> Dict[str, Any]:
        """Return it flat, as one row of a table: hyperparameters as ``hp.<name>``; the learning
        curve and the traceback stay out.
        """
        row: Dict[str, Any] = {
            "number": self.number,
            "status": self.status,
            "value": self.value,
            "reason": self.reason,
        }
        row.update({"hp." + name: value for name, value in self.hyperparameters.items()})
        row.update(self.metrics)
        row.update(self.costs)
        row.update(
            {
                "seconds": self.seconds,
                "peak_memory_mb": self.peak_memory_mb,
                "started": self.started,
                "finished": self.finished,
            }
        )
        return row


def columns(rows: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return the names of all columns that any of the rows of trials has, in order; without rows
    those that every trial has.
    """
    return list(dict.fromkeys(name for row in rows or [TrialRecord(0, "").row()] for name in row))


class Observer:
    """Is told what happens in a search, in the search's own thread. What a subclass does not want
    to know, it leaves out.

    It can be called with a record, and so stands wherever a function that is told each trial may
    stand.

    Args:
        on_trial: called with each record as its trial ends.
    """

    def __init__(self, on_trial: Optional[Callable[[TrialRecord], None]] = None) -> None:
        self._on_trial = on_trial

    def __call__(self, record: TrialRecord) -> None:
        """Tell that a trial has ended."""
        self.trial_ended(record)

    def search_started(self, wanted: int, trials: Sequence[TrialRecord]) -> None:
        """Tell that the trials begin: how many there are to be in all, and those that ended in
        earlier searches of this run.
        """

    def trial_started(self, number: int, hyperparameters: Mapping[str, Value]) -> None:
        """Tell that a trial is about to run at this point (active hyperparameters only)."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Tell that a trial has ended."""
        if self._on_trial is not None:
            self._on_trial(record)

    def search_ended(self) -> None:
        """Tell that the trials are over; after an error or Ctrl-C too, when some that started will
        not end.
        """


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def last_report(record: TrialRecord) -> Optional[Tuple[int, float]]:
    """Return the step and the objective that a trial reported last while it trained, None if it
    reported none.
    """
    reports = record.pruning.get("reports") or []
    return (int(reports[-1][0]), float(reports[-1][1])) if reports else None


def quiet_optuna() -> Any:
    """Import Optuna with its own log off (the search prints its own lines), and return it.

    Raises:
        MissingToolError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # Its progress bar asks for widgets in every notebook; ours does not use it.
            warnings.filterwarnings("ignore", message="IProgress not found")
            import optuna
    except ImportError as error:
        raise MissingToolError(
            f"Optuna cannot be imported ({error})", "Install it with: pip install vaiopt"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def journal_storage(run: Run) -> Any:
    """Return Optuna's storage of the run: its journal file, or the database that its settings name.

    Raises:
        RunError: the journal is corrupt, or the database cannot be reached.
    """
    url = _database(run)[0]
    return database_storage(url) if url else _journal(run)


def _database(run: Run) -> Tuple[str, str]:
    """Return the URL of the run's database (empty for the journal) and the study's name."""
    if not run.settings.exists():
        return "", STUDY_NAME
    search = settings_from_run(run).search
    return (search.storage, search.study) if search.storage else ("", STUDY_NAME)


def _journal(run: Run) -> Any:
    optuna = quiet_optuna()
    from optuna.storages.journal import JournalFileBackend

    lock: Any = _JournalLock(str(run.journal) + ".flock")
    try:
        return optuna.storages.JournalStorage(JournalFileBackend(str(run.journal), lock_obj=lock))
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise RunError(
            f"'{run.journal}' is corrupt ({error})",
            "Restore it from a copy, or search again into a new folder.",
        ) from error


class _JournalLock:
    """A lock that the system releases when its process dies. Optuna's own outlive a kill: for 30 s,
    or for ever (before 4.3).
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: Any = None

    def acquire(self) -> bool:
        import fcntl

        self._file = open(self._path, "a")  # noqa: SIM115  open for as long as the lock is held
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        self._file.close()


def mend_journal(run: Run) -> None:
    """Cut off a last line that a killed search did not finish writing; Optuna would take it for the
    start of the next.
    """
    if not run.journal.exists():
        return
    content = run.journal.read_bytes()
    if content and not content.endswith(b"\n"):
        with open(str(run.journal), "rb+") as file:
            file.truncate(content.rfind(b"\n") + 1)


def database_storage(url: str) -> Any:
    """Return Optuna's storage at a URL.

    Raises:
        RunError: it cannot be reached, or the URL is not one.
        MissingToolError: its driver is not installed.
    """
    optuna = quiet_optuna()
    import sqlalchemy

    hint = (
        "Check search.storage; for instance postgresql://USER:PASSWORD@HOST/NAME or"
        " sqlite:///FILE.db"
    )
    shown = without_password(url)
    # Which driver a plain URL means has changed in SQLAlchemy; the one that both know is the one
    # that the extra installs.
    url = re.sub("^postgres(ql)?://", "postgresql+psycopg2://", url)
    storages = optuna.storages
    try:
        if not url.startswith(("postgresql", "mysql")):
            return storages.get_storage(url)
        # A trial may take longer than a server or firewall keeps an idle connection.
        options = {"pool_pre_ping": True, "connect_args": {"connect_timeout": CONNECT_SECONDS}}
        return storages.get_storage(storages.RDBStorage(url, engine_kwargs=options))
    except ImportError as error:
        what = (
            "'vaiopt[postgres]'" if "psycopg2" in url else "the driver that SQLAlchemy names for it"
        )
        raise MissingToolError(
            f"the driver of '{shown}' is not installed", f"Install it with: pip install {what}"
        ) from error
    except (sqlalchemy.exc.SQLAlchemyError, ValueError, OSError) as error:
        said = str(error.__cause__ or error).replace(url, shown).splitlines()[0]
        raise RunError(f"the storage '{shown}' cannot be used: {said}", hint) from error


def without_password(url: str) -> str:
    """Return a database URL as it may be shown."""
    url = re.sub(r"(//[^:@/]*|^[^:@/]*):(?!//).*@", r"\1:***@", url)
    return re.sub(r"([?&](?:password|passwd)=)[^&]*", r"\1***", url)


def open_study(run: Run) -> Any:
    """Return the run's study for reading.

    Raises:
        RunError: the run has no study yet, its journal is corrupt, or its database cannot be
            reached.
    """
    url, name = _database(run)
    if not url:
        require(run.journal, f"vaiopt search SETTINGS.toml --run {run.folder}")
    optuna = quiet_optuna()
    try:
        return optuna.load_study(study_name=name, storage=journal_storage(run))
    except KeyError as error:
        raise RunError(
            f"'{without_password(url) or run.journal}' holds no study",
            "Search again into a new folder.",
        ) from error


def load_trials(run: Run) -> List[TrialRecord]:
    """Return all trials of a run by number. Raises as :func:`open_study`."""
    return records(open_study(run))


def records(study: Any) -> List[TrialRecord]:
    """Return the records of an Optuna study's trials by number."""
    measured = study.user_attrs.get(MEASURED, {})
    return [
        _with_measurement(_record(trial), measured.get(str(trial.number)))
        for trial in study.get_trials(deepcopy=False)
    ]


def note_measurement(
    study: Any, record: TrialRecord, latency_ms: float, value: Optional[float], reason: str = ""
) -> None:
    """Keep what a kit measured of a finished trial; from now on it stands in place of the
    prediction wherever the trial is read.

    Optuna lets nobody change a finished trial, so this is kept beside the trials, with the study.

    Args:
        study: Optuna's.
        record: the trial.
        latency_ms: measured, of one sample.
        value: the objective with it; None if the trial is infeasible with it.
        reason: which limit it breaks then.
    """
    entry = {
        "latency_ms": latency_ms,
        "predicted_latency_ms": record.costs.get("latency_ms"),
        "value": value,
        "reason": reason,
    }
    study.set_user_attr(MEASURED, {**study.user_attrs.get(MEASURED, {}), str(record.number): entry})


def _with_measurement(record: TrialRecord, measured: Optional[Mapping[str, Any]]) -> TrialRecord:
    if measured is None:
        return record
    latencies = {
        name: measured[name]
        for name in ("latency_ms", "predicted_latency_ms")
        if measured[name] is not None
    }
    status = record.status if measured["value"] is not None else INFEASIBLE
    return replace(
        record,
        costs={**record.costs, **latencies},
        value=measured["value"],
        status=status,
        reason=measured["reason"] or record.reason,
    )


def _record(trial: Any) -> TrialRecord:
    content = trial.user_attrs.get(RECORD)
    if content is None:
        status = RUNNING if not trial.state.is_finished() else FAILED
        return TrialRecord(trial.number, status, hyperparameters=dict(trial.params))
    known = {f.name for f in fields(TrialRecord)}
    return TrialRecord(
        **{**{key: value for key, value in content.items() if key in known}, "number": trial.number}
    )


def best_first(trials: Sequence[TrialRecord], direction: str) -> List[TrialRecord]:
    """Return the complete trials from best to worst, the cheaper first among equals, then the
    others by number.
    """
    sign = -1.0 if direction == "maximize" else 1.0

    def rank(trial: TrialRecord) -> Tuple[float, float, float, int]:
        cost = trial.costs
        return (
            sign * float(trial.value or 0.0),
            cost.get("latency_ms", math.inf),
            cost.get("params", math.inf),
            trial.number,
        )

    complete = sorted((t for t in trials if t.value is not None), key=rank)
    return complete + [t for t in trials if t.value is None]


def pareto_front(points: Sequence[Tuple[float, float]], direction: str) -> List[int]:
    """Return positions of the points that no other beats in both cost (first, lower is better) and
    score (second), by rising cost.

    Of equal points the first counts.
    """
    sign = -1.0 if direction == "maximize" else 1.0
    front: List[int] = []
    best = math.inf
    for position in sorted(
        range(len(points)), key=lambda i: (points[i][0], sign * points[i][1], i)
    ):
        if sign * points[position][1] < best:
            best = sign * points[position][1]
            front.append(position)
    return front


def distribution(dimension: Dimension) -> Any:
    """Return Optuna's distribution for a dimension."""
    optuna = quiet_optuna()
    grid = dimension.grid()
    if dimension.kind == "choice" or (
        grid is not None and (len(grid) == 1 or (dimension.log and dimension.step != 1))
    ):
        return optuna.distributions.CategoricalDistribution(list(grid or ()))
    if dimension.kind == "int":
        high = int(dimension.high) if dimension.log or grid is None else int(grid[-1])  # type: ignore[arg-type]
        return optuna.distributions.IntDistribution(
            int(dimension.low), high, log=dimension.log, step=int(dimension.step or 1)
        )
    high_float = float(dimension.high) if grid is None else float(grid[-1])  # type: ignore[arg-type]
    return optuna.distributions.FloatDistribution(
        dimension.low, high_float, log=dimension.log, step=dimension.step
    )


def distributions(space: Space) -> Dict[str, Any]:
    """Return Optuna's distribution of every dimension, by name."""
    return {dimension.name: distribution(dimension) for dimension in space}


def record_attribute(record: TrialRecord) -> Mapping[str, Any]:
    """Return what is stored of a record in the trial's user attribute (its number is Optuna's
    own).
    """
    content = record.to_json()
    content.pop("number")
    return content
