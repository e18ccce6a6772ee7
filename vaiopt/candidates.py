"""What a search does with its best candidates before one is chosen: quantize them, or measure them
on the kit. Part of :mod:`vaiopt.flow`.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import AbstractSet, Iterator, Sequence

from vaiopt.files import read_json
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings, override
from vaiopt.study.record import TrialRecord
from vaiopt.text import Progress

SAMPLES_IN_THE_LOOP = 100
"""Samples in a bundle that is measured during a search: enough for the median latency of one
sample.
"""


def measure_best(run: Run, settings: Settings, progress: Progress) -> None:
    """Quantize, compile and measure the best trials that were not measured yet, and let the
    measured latency count in the objective.
    """
    from vaiopt.compile import compile_run
    from vaiopt.deploy import bundle_run
    from vaiopt.deploy import measure as measure_bundle
    from vaiopt.hardware import load_target
    from vaiopt.quantize import quantize_run
    from vaiopt.search import best_trials, choose_trial, measured_score
    from vaiopt.study.storage import open_study
    from vaiopt.study.trials import load_trials, note_measurement

    target = settings.hardware.target
    name = load_target(target, settings.hardware.release).name
    few = override(settings, {"deploy.samples": SAMPLES_IN_THE_LOOP})
    trials = load_trials(run)
    unmeasured = [
        t for t in best_trials(run, settings, trials) if "predicted_latency_ms" not in t.costs
    ]
    left = {run.compiled(name), run.bundle(name)}
    with _trying_candidates(run, settings, trials, left):
        for candidate in unmeasured[: settings.objective.measure_best]:
            choose_trial(run, settings, candidate, trials)
            quantize_run(run, settings)
            compile_run(run, settings, target)
            left.add(bundle_run(run, target, few).archive)
            result = measure_bundle(
                run, target, host=settings.deploy.host, threads=settings.deploy.threads
            )
            left.add(result.path)
            latency = float(result.to_json()["latency_ms"]["p50"])
            value, reason = measured_score(run, settings, candidate, latency)
            note_measurement(open_study(run), candidate, latency, value, reason)
            predicted = candidate.costs.get("latency_ms", 0.0)
            progress(
                f"trial {candidate.number}: {latency:.4g} ms measured, {predicted:.4g} ms predicted"
            )


def rank_by_int8(run: Run, settings: Settings, progress: Progress) -> TrialRecord:
    """Quantize each of the best candidates, choose the one with the best int8 validation accuracy,
    and keep the table in its metrics.

    Among equals the float objective decides: candidates are tried in its order and the first
    maximum wins.
    """
    from vaiopt.quantize import quantize_run
    from vaiopt.search import best_trials, choose_trial
    from vaiopt.study.trials import load_trials

    trials = load_trials(run)
    table = []
    candidates = best_trials(run, settings, trials)[: settings.objective.rank_int8]
    with _trying_candidates(run, settings, trials):
        for candidate in candidates:
            choose_trial(run, settings, candidate, trials)
            result = quantize_run(run, settings)
            accuracy = result.to_json()["int8"]["accuracy"]
            progress(
                f"trial {candidate.number}: int8 validation accuracy {accuracy:.4f}, objective"
                f" {candidate.value or 0.0:.4f}"
            )
            table.append(
                {
                    "trial": candidate.number,
                    "objective": candidate.value,
                    "int8_val_accuracy": accuracy,
                }
            )
    chosen = candidates[max(range(len(table)), key=lambda i: (table[i]["int8_val_accuracy"], -i))]
    choose_trial(run, settings, chosen, trials, int8_ranking=table)
    return chosen


@contextlib.contextmanager
def _trying_candidates(
    run: Run,
    settings: Settings,
    trials: Sequence[TrialRecord],
    left: AbstractSet[Path] = frozenset(),
) -> Iterator[None]:
    """Let candidates be the chosen trial in turn. After an error or Ctrl-C the choice is as it was.

    What was made of them goes in any case, the int8 model and ``left``: the stages make it again
    for the chosen one.
    """
    from vaiopt.search import choose_trial

    number = read_json(run.float_metrics, f"vaiopt search --run {run.folder}")["trial"]
    try:
        yield
    except BaseException:
        choose_trial(run, settings, next(t for t in trials if t.number == number), trials)
        raise
    finally:
        for path in {run.quantized_folder, *left}:
            if path.is_dir():
                shutil.rmtree(str(path), ignore_errors=True)
            elif path.exists():
                path.unlink()
