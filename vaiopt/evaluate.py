"""A candidate's models, once, on the test split: before and after quantization."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from vaiopt.data import Splits, load_splits, read_recipe
from vaiopt.data.batches import evaluation_batch
from vaiopt.data.splits import Part
from vaiopt.errors import ModelError, RunError
from vaiopt.int8.feed import fed
from vaiopt.int8.model import load_quantized
from vaiopt.keras import load_model
from vaiopt.models.probabilities import activation_of_file, missing_of, names_of_outputs, said
from vaiopt.present.shown import Shown
from vaiopt.record import read_record, write_record
from vaiopt.runs.choice import refresh_links
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.lineage import describe_stale, stale_parts
from vaiopt.runs.work import alone
from vaiopt.settings.reading import read_run_settings
from vaiopt.study.own_metrics import OwnMetrics, metrics_at_hand
from vaiopt.tasks import Evaluation, task_of
from vaiopt.tasks.joined import is_finite
from vaiopt.text import Progress, silent

Predict = Callable[[np.ndarray], np.ndarray]

LOADERS: Dict[str, Callable[[Path], Any]] = {"float": load_model, "int8": load_quantized}
"""How each kind of model is loaded."""


@dataclass(frozen=True)
class Evaluations(Shown):
    """A candidate on the test split, before and after quantization.

    Attributes:
        float_test: the float model.
        int8_test: the int8 model; None if there is none yet.
    """

    float_test: Evaluation
    int8_test: Optional[Evaluation] = None

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        int8 = self.int8_test.to_json() if self.int8_test is not None else None
        return {"float": self.float_test.to_json(), "int8": int8}


@alone
def evaluate_candidate(candidate: Candidate, progress: Progress = silent) -> Evaluations:
    """Evaluate a candidate, and its int8 form if there is one, on the test split.

    The test split is read once for each model: what is on file is returned as it is.

    Returns:
        Both; the int8 one is None without a quantized model, and for that of another float model.

    Raises:
        RunError: the candidate's model is not there, or a file is damaged.
        DataError: its data are not here.
    """
    model = candidate.kept_model()
    float_test = _evaluated(candidate, "float", model, candidate.evaluation, progress)
    stale = stale_parts(candidate)
    int8_test = None
    if "quantized" in stale:
        progress(describe_stale(candidate, stale))
    elif candidate.quantized_model.exists():
        path = candidate.quantized_evaluation
        int8_test = _evaluated(candidate, "int8", candidate.quantized_model, path, progress)
    refresh_links(candidate)
    return Evaluations(float_test, int8_test)


def evaluate_trials(
    run: Run, numbers: Sequence[int], progress: Progress = silent
) -> List[Evaluation]:
    """Evaluate trials on the test split, to compare variants. Nothing is chosen by it, and the
    search never looks at it.

    Args:
        run: a run of which a trial is chosen: the search is done.
        numbers: of the trials; none stands for all that have ``data.json`` or are kept.
        progress: told one line at a time.

    Returns:
        That of each trial, by number; they are kept in ``trials/<number>/evaluation.json``.

    Raises:
        RunError: no model was chosen yet, or the model of a trial is not kept.
    """
    chosen = run.chosen
    kept = [candidate.number for candidate in run.candidates()]
    missing = [number for number in numbers if number not in kept]
    if missing:
        raise RunError(
            f"the model of trial {missing[0]} was not kept",
            f"Kept: {', '.join(map(str, kept)) or 'none'}; search.keep_models is their number.",
        )
    # The test samples are the same for all trials of a run, whatever split ratio a trial had.
    return [
        _evaluated(c, "float", c.model, c.evaluation, progress, c if c.data.is_file() else chosen)
        for c in (run.trial(number) for number in sorted(set(numbers)) or kept)
    ]


@alone
def _evaluated(
    candidate: Candidate,
    kind: str,
    model_path: Path,
    path: Path,
    progress: Progress,
    data_of: Optional[Candidate] = None,
) -> Evaluation:
    """Return a model's figures on the test split: those on file, or made now and written there."""
    if path.exists():
        # It is read as long as it is there.
        command = f"rm '{path}' && vaiopt evaluate {candidate.run.folder}"
        task = task_of(read_recipe(data_of or candidate).task)
        return read_record(path, task.evaluation, command)
    splits = load_splits(data_of or candidate)
    progress(
        f"evaluating the {kind} model of trial {candidate.number} on"
        f" {len(splits.test)} test samples"
    )
    model = LOADERS[kind](model_path)
    activation = missing_of(kind, activation_of_file(model, candidate.model))
    names = names_of_outputs(model, candidate.model)
    found = evaluate_model(
        lambda x: said(
            model.predict(fed(model, x), batch_size=len(x), verbose=0), names, activation
        ),
        splits,
        kind=kind,
        trial=candidate.number,
        own=metrics_at_hand(read_run_settings(candidate.run)[0].objective.metrics, progress),
    )
    write_record(path, found)
    return found


def evaluate_model(
    predict: Predict,
    splits: Splits,
    *,
    kind: str,
    trial: int,
    own: Optional[OwnMetrics] = None,
) -> Evaluation:
    """Evaluate a model on the test split.

    Args:
        predict: maps preprocessed samples ``(n, *shape)`` float32 to real outputs ``(n, ...)``, of
            a classifier probabilities ``(n, classes)``, or ``(n, 1)`` for class 1 of two.
        splits: of the run.
        kind: what the model is, ``float`` or ``int8``.
        trial: number of the trial it came from.
        own: metrics of a person's own, whose task's record has a place for them.

    Raises:
        ModelError: an output is NaN or infinite.
    """
    part, size = splits.test, evaluation_batch(splits.input_shape)
    kept, whole = [], []
    for start in range(0, len(part), size):
        outputs = predict(part.take(slice(start, start + size)).x)
        if not is_finite(outputs):
            raise ModelError(
                f"the {kind} model of trial {trial} gives values that are not numbers",
                "Choose another trial: vaiopt choose RUN --trial N",
            )
        decoded = splits.targets.decode(outputs)
        kept.append(splits.task.judged(decoded))
        whole += [decoded] * (own is not None)
    found = splits.task.evaluate(
        np.concatenate(kept), part.y, splits.classes, kind=kind, trial=trial
    )
    return found if own is None else found.with_own(own(part.y, np.concatenate(whole)))


def predicted(candidate: Candidate, splits: Splits, part: Part) -> np.ndarray:
    """Return what a candidate's float model says of samples, (n, ...), in the form of the labels.

    Args:
        candidate: with a model.
        splits: of its data. part: the samples.

    Raises:
        VaioptError: its model cannot be loaded.
    """
    model = load_model(candidate.kept_model())
    x = fed(model, part.x)
    outputs = model.predict(x, batch_size=evaluation_batch(splits.input_shape), verbose=0)
    activation = activation_of_file(model, candidate.model)
    outputs = said(outputs, names_of_outputs(model, candidate.model), activation)
    return splits.task.predict(splits.targets.decode(outputs))
