"""The table of readers: what makes a whole file, and what reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple

from benchmarks.fuzz import made
from benchmarks.fuzz.damage import DAMAGE
from vaiopt.record import plain
from vaiopt.runs.layout import Candidate, Run


class Reader(NamedTuple):
    """One kind of file and what reads it.

    Attributes:
        name: of the row.
        make: writes whole files into an empty folder and returns the one, or those, to damage.
        read: reads a file, and does with the content what the project does with it.
        share: how many inputs it gets beside the others: a quick one many, a slow one few.
        forked: whether a library in C reads it, so that each input has a process of its own.
        supervised: whether the program itself runs it in a second process, which it outlives.
    """

    name: str
    make: Callable[[Path], List[Path]]
    read: Callable[[Path], Any]
    share: float = 20.0
    forked: bool = False
    supervised: bool = False


def text_file(name: str, text: Callable[[], str]) -> Callable[[Path], List[Path]]:
    """Return what writes a file with this text."""

    def make(folder: Path) -> List[Path]:
        (folder / name).write_text(text(), encoding="utf-8")
        return [folder / name]

    return make


def json_file(name: str, content: Callable[[], Any]) -> Callable[[Path], List[Path]]:
    """Return what writes a JSON file with this content."""
    return text_file(name, lambda: json.dumps(content()))


def as_json(value: Any) -> str:
    """Return what ``--json`` prints of a value: it must be JSON, and text."""
    text = json.dumps(plain(value), allow_nan=False, ensure_ascii=False)
    text.encode("utf-8", "surrogateescape")  # names of files that are not UTF-8
    return text


# ---------------------------------------------------------------- settings and targets


def read_settings(path: Path) -> None:
    """Read a settings file, and write it again as ``run.toml``."""
    from vaiopt.settings import load_settings, read_run_settings, save_run_settings

    settings = load_settings(path)
    run = Run(path.parent / "again")
    save_run_settings(run, settings, {})
    again = read_run_settings(run)[0]
    told = [json.dumps(s.to_dict(), sort_keys=True) for s in (settings, again)]
    assert told[0] == told[1]


def read_run_toml(path: Path) -> None:
    """Read ``run.toml``."""
    from vaiopt.settings import read_run_settings

    read_run_settings(Run(path.parent))[0].to_dict()


def read_set(path: Path) -> None:
    """Apply a text behind ``--set``, as a command line gives it."""
    from vaiopt.settings import load_settings

    text = path.read_bytes().decode("utf-8", "surrogateescape")
    load_settings(None, [text]).to_dict()


def read_target(path: Path) -> None:
    """Read an ``arch.json`` and predict a model's latency with it."""
    from vaiopt.hardware import inspect_model, load_target

    target = load_target(str(path))
    as_json(target.summary())
    as_json(inspect_model(made.architecture(), target))


def read_target_name(path: Path) -> None:
    """Take a text for the name of a target."""
    from vaiopt.hardware import load_target

    text = path.read_bytes().decode("utf-8", "surrogateescape")
    as_json(load_target(text).summary())


def read_arch_of_container(path: Path) -> None:
    """Read an ``arch.json`` of a Vitis-AI container."""
    from vaiopt.compile.vitis.backend import arch_fingerprint

    arch_fingerprint(path)


SETTINGS = [
    Reader("settings.toml", text_file("settings.toml", made.settings_toml), read_settings, 6),
    Reader(
        "run.toml",
        text_file("run.toml", lambda: "version = 1\n" + made.settings_toml()),
        read_run_toml,
        8,
    ),
    Reader("--set", text_file("texts.set", made.set_lines), read_set, 40),
    Reader("arch.json", json_file("arch.json", made.target_file), read_target, 10),
    Reader(
        "name of a target",
        text_file("name.txt", lambda: "zcu104-b1600-300mhz-1core"),
        read_target_name,
        30,
    ),
    Reader(
        "container's arch.json",
        json_file("arch.json", lambda: {"fingerprint": "0x101000056010407"}),
        read_arch_of_container,
        80,
    ),
]


# ---------------------------------------------------------------- the run folder


def run_of(path: Path) -> Candidate:
    """Return the chosen candidate of the run that a file belongs to."""
    folder = next(parent for parent in path.parents if (parent / "trials").is_dir())
    return Run(folder).trial(0)


def in_run(*names: str) -> Callable[[Path], List[Path]]:
    """Return what makes a run of which files are damaged: those named, else all that are read."""

    def make(folder: Path) -> List[Path]:
        candidate = made.make_run(folder)
        files = [path for path in candidate.run.folder.rglob("*") if not path.is_symlink()]
        named = [p for p in files if p.suffix in DAMAGE and p.suffix != ".h5" and not names]
        links = [candidate.run.folder / name for name in ("chosen", "float", *LINKS)]
        own = [p for p in named if not any(link in p.parents for link in links)]
        return [candidate.folder / name for name in names] or sorted(own)

    return make


LINKS = ("quantized", "compiled", "bundle", "measured")


def read_chosen(path: Path) -> None:
    """Read which candidates are chosen."""
    as_json(run_of(path).run.read_chosen())


def read_space_file(path: Path) -> None:
    """Read the search space and do with it what a search does before its first trial."""
    from vaiopt.study.space_file import read_space
    from vaiopt.study.trials import distributions

    found = read_space(run_of(path).run)
    as_json(found)
    space = found.space
    space.searched(), space.canonical(space.defaults()), distributions(space)
    for dimension in space:
        dimension.probes(), dimension.contains(dimension.default)


def make_survey(folder: Path) -> List[Path]:
    """Write what three points cost, as a search does."""
    from vaiopt.record import write_record
    from vaiopt.study.price import Price, PricedPoint, Survey

    priced = [
        PricedPoint(
            {**made.SPACE.defaults(), "units": units},
            Price({"params": 50.0 * units, "latency_ms": 0.1}),
        )
        for units in (8, 16, 32)
    ]
    write_record(folder / "survey.json", Survey(tuple(priced)))
    return [folder / "survey.json"]


def read_survey(path: Path) -> None:
    """Read what points cost, and propose points for a front that starts from it."""
    from vaiopt.record import read_record
    from vaiopt.search.samplers import Prices, Problem, make_sampler
    from vaiopt.settings import ObjectiveSettings, SearchSettings
    from vaiopt.study.objective import Objective
    from vaiopt.study.price import Price, Survey
    from vaiopt.study.record import COMPLETE, TrialRecord

    def ask(points: Any) -> List[Price]:
        return [Price({"params": 100.0, "latency_ms": 0.2}) for _ in points]

    objective = Objective(ObjectiveSettings(front=["params", "latency_ms"], max_params=1e6))
    survey = read_record(path, Survey, made.COMMAND)
    prices = Prices(made.SPACE, objective, ask, survey.points)
    if not any(prices.is_feasible(seen.price) for seen in prices.survey):
        return  # it is made anew
    settings = SearchSettings(initial_points=2)
    sampler: Any = make_sampler(Problem(made.SPACE, settings, 0, objective, prices))
    trials: List[TrialRecord] = []
    for number in range(4):
        point = sampler.next_point(trials)
        costs = {"params": 100.0, "latency_ms": 0.2}
        trials.append(TrialRecord(number, COMPLETE, "", 0.9 - 0.1 * number, point, costs=costs))


def read_study(path: Path) -> None:
    """Read the trials from Optuna's journal, and rank them."""
    from vaiopt.study.trials import load_trials
    from vaiopt.summary import rank_trials

    run = run_of(path).run
    as_json(load_trials(run))
    as_json(rank_trials(run))


def make_database(folder: Path) -> List[Path]:
    """Write a run whose study is in a database."""
    candidate = made.make_run(folder)
    run, path = candidate.run, folder / "study.sqlite"
    text = f'{made.run_toml()}[search]\nstorage = "sqlite:///{path}"\n'
    run.settings.write_text(text, encoding="utf-8")
    made.write_study(run, made.SPACE)
    return [path]


def read_database(path: Path) -> None:
    """Read the trials from a database."""
    read_study(path.parent / "run" / "study.journal")


def read_running(path: Path) -> None:
    """Read how far a running trial is."""
    from vaiopt.search.training.progress import read_progress

    found = read_progress(path)
    assert found is None or found.epoch <= found.epochs


def read_data_recipe(path: Path) -> None:
    """Read a recipe and load its data again."""
    from vaiopt.data import load_splits

    load_splits(run_of(path))


def read_summary(path: Path) -> None:
    """Print what a run came to."""
    import vaiopt.sheets.results  # noqa: F401  what the results show
    from vaiopt.present.shown import sheet_of
    from vaiopt.summary import summarise

    found = summarise(run_of(path).run)
    as_json(found)
    sheet_of(found).to_text(100).encode("utf-8")


def read_report(path: Path) -> None:
    """Make a run's report, but for the file that is the same for all."""
    from vaiopt.report.data import gather
    from vaiopt.report.page import _block
    from vaiopt.report.write import build

    sections = build(gather(run_of(path).run))
    figures = [figure for section in sections for figure in section.figures()]
    as_json([figure.spec() for figure in figures])
    numbers = {id(figure): number for number, figure in enumerate(figures)}
    for section in sections:
        for block in section.blocks:
            _block(block, numbers).encode("utf-8")


def read_result_file(path: Path) -> None:
    """Read what a kit reported; it comes as text."""
    from vaiopt.deploy.result import read_result

    as_json(read_result(path.read_bytes().decode("utf-8", "replace")))


def read_fix_positions(path: Path) -> None:
    """Read fix positions."""
    from vaiopt.int8.positions import read_positions

    as_json(read_positions(path, made.COMMAND))


def read_golden_file(path: Path) -> None:
    """Read golden inputs and outputs."""
    from vaiopt.int8.golden import read_golden

    read_golden(path, made.COMMAND).arrays()


def read_first_weights(path: Path) -> None:
    """Read histograms and draw them."""
    from vaiopt.study.initial_weights import read_initial_weights

    for found in read_initial_weights(path, made.COMMAND).values():
        found.density()


def make_tracked(folder: Path) -> List[Path]:
    """Write what two trackers keep of a run."""
    from vaiopt.track.kept import Kept, write_kept

    run = Run(folder)
    write_kept(run, Kept("mlflow", "http://tracking:5000", "digits", "17", (0, 1, 4)))
    write_kept(run, Kept("wandb", "", "digits", "a1b2c3", (0,)))
    return [run.tracked]


def read_tracked(path: Path) -> None:
    """Read what a tracker keeps, and take note of one trial more."""
    from vaiopt.track.kept import Kept, read_kept, write_kept

    run = Run(path.parent)
    found = read_kept(run, Kept("wandb", "", "digits"))
    as_json(found)
    write_kept(run, replace(found, trials=(*found.trials, 7)))


def read_record_as(name: str) -> Callable[[Path], None]:
    """Return what reads a file as the record of this name."""

    def read(path: Path) -> None:
        from vaiopt.record import read_record
        from vaiopt.runs import records
        from vaiopt.tasks.classification import ClassEvaluation

        kind: Any = {"ClassEvaluation": ClassEvaluation, **vars(records)}[name]
        record = read_record(path, kind, made.COMMAND)
        assert kind.from_json(json.loads(as_json(record))) == record

    return read


RECORDS: Dict[str, str] = {
    "metrics.json": "CandidateMetrics",
    "evaluation.json": "ClassEvaluation",
    "quantized/metrics.json": "QuantizedMetrics",
    f"compiled/{made.TARGET}/compile.json": "CompileRecord",
    f"bundle/{made.TARGET}/manifest.json": "Manifest",
    f"measured/{made.TARGET}.json": "Measured",
    "../../chosen.json": "Chosen",
}
"""Records that are read for themselves, and their files in a candidate's folder."""

RUNS = [
    *(
        Reader(f"record {kind}", in_run(name), read_record_as(kind), 20)
        for name, kind in RECORDS.items()
    ),
    Reader("chosen.json", in_run("../../chosen.json"), read_chosen, 40),
    Reader("space.json", in_run("../../space.json"), read_space_file, 20),
    Reader("survey.json", make_survey, read_survey, 2),
    Reader("study.journal", in_run("../../study.journal"), read_study, 2),
    Reader("study in a database", make_database, read_database, 0.15),
    Reader("running/4.json", in_run("../../running/0004.json"), read_running, 80),
    Reader("data.json", in_run("data.json"), read_data_recipe, 0.4),
    Reader("fix_positions.json", in_run("quantized/fix_positions.json"), read_fix_positions, 60),
    Reader("golden.npz", in_run("quantized/golden.npz"), read_golden_file, 20),
    Reader("initial_weights.npz", in_run("initial_weights.npz"), read_first_weights, 10),
    Reader("tracked.json", make_tracked, read_tracked, 40),
    Reader("result.json", json_file("result.json", made.kit_result), read_result_file, 20),
    Reader("any file, summary", in_run(), read_summary, 2),
    Reader("any file, report", in_run(), read_report, 0.5),
]
