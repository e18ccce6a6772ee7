"""Several outputs with a task each: a task that is made of tasks, by the names of outputs.

It is written ``digit=classification,size=regression``. Labels and outputs of all of them are one
structured array (:mod:`vaiopt.tasks.joined`); names of classes begin with that of their output.
"""

from __future__ import annotations

from collections import abc
from typing import (
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
)

import numpy as np

from vaiopt.errors import DataError, ModelError, did_you_mean
from vaiopt.tasks.class_weights import weights_by_output
from vaiopt.tasks.guess import AUTO, guess_task
from vaiopt.tasks.joined import joined, outputs_in, parts_of
from vaiopt.tasks.one_output import OneOutput
from vaiopt.tasks.rows import TASKS
from vaiopt.tasks.several_record import (
    AFTER_OUTPUT,
    MEAN,
    OutputEvaluation,
    SeveralEvaluation,
    named_by,
    split_names,
)
from vaiopt.tasks.targets import PLAIN, Targets
from vaiopt.tasks.task import Evaluation, Form, Labels, Piece, Task
from vaiopt.tasks.task_text import BETWEEN, IS, tasks_in


class Several(Task):
    """Several outputs: ``y`` holds the labels of each (n,), structured.

    Args:
        tasks: by the names of the outputs.
        counts: how many names each output has, where that is known.
    """

    headline = MEAN
    evaluation: Type[Evaluation] = SeveralEvaluation
    outputs = "outputs"
    section = "several"

    def __init__(self, tasks: Mapping[str, Task], counts: Optional[Mapping[str, int]] = None):
        self.tasks = dict(tasks)
        self._counts = dict(counts or {})
        self.name = BETWEEN.join(f"{name}{IS}{task.name}" for name, task in tasks.items())
        of_each = ", ".join(f"'{name}' ({task.doc})" for name, task in tasks.items())
        self.doc = f"{len(tasks)} outputs: {of_each}"
        self.beside_samples = tuple(n for n, t in tasks.items() if t.like_samples)
        self.validation = {f"val_{MEAN}": MEAN}
        for name, task in tasks.items():
            for metric, score in task.validation.items():
                self.validation[f"val_{name}_{metric[len('val_') :]}"] = f"{name}_{score}"

    @property
    def plain_metrics(self) -> Dict[str, str]:
        """What each metric on validation data is called where its output is the only one."""
        return {
            f"val_{name}_{metric[len('val_') :]}": metric
            for name, task in self.tasks.items()
            for metric in task.validation
        }

    def told_of(self, metric: str) -> str:
        """Return what the mean is made of."""
        if metric != self.validated:
            return ""
        parts = ", ".join(f"{name}_{_share(task)}" for name, task in self.tasks.items())
        others = ", ".join(name for name in self.validation if name != metric)
        return (
            f"objective.metric is {metric}, the mean of {parts}: more is better; others: {others}"
        )

    def of(self, classes: Sequence[str]) -> "Several":
        """Return the same, knowing how many classes each output has."""
        found = split_names(list(self.tasks), classes)
        return Several(self.tasks, {name: len(names) for name, names in found.items()})

    def ordered(self, names: Sequence[str]) -> "Several":
        """Return the same with its outputs in another order, of all their names."""
        return Several({name: self.tasks[name] for name in names}, self._counts)

    def pieces(self, y: np.ndarray, classes: Sequence[str]) -> List[Piece]:
        """Return each output with its labels, and its classes under their whole names."""
        found = parts_of(y)
        return [
            Piece(name, task, found[name], tuple(c for c in classes if c.startswith(f"{name}: ")))
            for name, task in self.tasks.items()
        ]

    def forms(self, y: np.ndarray, classes: Sequence[str]) -> Dict[str, Form]:
        """Return what each output must give."""
        names = split_names(list(self.tasks), classes)
        return {
            name: Form(task.name, len(names[name]), tuple(y.dtype[name].shape))
            for name, task in self.tasks.items()
        }

    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return the labels of all outputs joined, and the names of their classes behind those of
        the outputs.

        Args:
            arrays: of each set a mapping from output to labels, or these joined.
            labels: what each is called in messages.
            classes: by output; names as this returns them; or None.
        """
        sets = [self._of_set(array, label) for array, label in zip(arrays, labels)]
        given = _classes_by_output(classes, list(self.tasks), labels[0])
        found: List[Dict[str, np.ndarray]] = [{} for _ in sets]
        names: List[str] = []
        for output, task in self.tasks.items():
            called = [f"output '{output}' of {label}" for label in labels]
            values, of_it = task.check_labels(
                [one[output] for one in sets], called, given.get(output)
            )
            names += [f"{output}{AFTER_OUTPUT}{name}" for name in of_it]
            for place, array in enumerate(values):
                if array.shape[1:] != values[0].shape[1:] or array.dtype != values[0].dtype:
                    raise DataError(
                        f"{called[0]} has labels of shape {values[0].shape[1:]} ({values[0].dtype})"
                        f", {called[place]} of {array.shape[1:]} ({array.dtype})",
                        "Give all sets labels of the same shape and type.",
                    )
                found[place][output] = array
        for parts, label in zip(found, labels):
            _check_lengths(parts, label)
        return [joined(parts) for parts in found], tuple(names)

    def _of_set(self, given: Any, label: str) -> Mapping[str, Any]:
        """Return the labels of one set by output. Raises DataError: of other outputs."""
        known = ", ".join(f"'{name}'" for name in self.tasks)
        if not isinstance(given, abc.Mapping):
            given = parts_of(given) if outputs_in(given) else None
        if given is None:
            raise DataError(
                f"{label} is one array, and there are tasks for the outputs {known}",
                "Give a dictionary with an array for each; in an .npz file: y_<output>.",
            )
        for name in self.tasks:
            if name not in given:
                raise DataError(
                    f"{label} has nothing for the output '{name}', only for"
                    f" {', '.join(map(repr, given)) or 'none'}",
                    f"Give an array for each of {known}, or leave its task out.",
                )
        for name in given:
            if name not in self.tasks:
                raise DataError(
                    f"{label} has labels of '{name}', for which there is no task",
                    f"{did_you_mean(str(name), self.tasks)} Or add it: --set tasks.{name}=TASK",
                )
        return given

    def labels_of(self, values: Any, label: str) -> np.ndarray:
        """Return the labels of one set, joined."""
        given = self._of_set(values, label)
        parts = {
            name: task.labels_of(given[name], f"output '{name}' of {label}")
            for name, task in self.tasks.items()
        }
        _check_lengths(parts, label)
        return joined(parts)

    def calibration_labels(self, y: Any, samples: int, name: str) -> np.ndarray:
        """Return the labels in a calibration file, joined."""
        given = self._of_set(y, f"array '{name}'")
        return joined(
            {
                output: task.calibration_labels(given[output], samples, f"{name}_{output}")
                for output, task in self.tasks.items()
            }
        )

    def check_samples(self, x: np.ndarray, y: np.ndarray, labels: Sequence[str]) -> None:
        """Check that samples go together with the labels of each output."""
        for name, task in self.tasks.items():
            task.check_samples(x, y[name], (labels[0], f"output '{name}' of {labels[1]}"))

    def strata(self, y: np.ndarray) -> np.ndarray:
        """Return the strata of the first output that has classes, else of the first."""
        first = next((n for n, t in self.tasks.items() if t.has_classes), next(iter(self.tasks)))
        return self.tasks[first].strata(np.ascontiguousarray(y[first]))

    def fit_targets(
        self, y: np.ndarray, raw: np.ndarray, standardise: bool, value_range: Any = None
    ) -> Targets:
        """Return what each output is of its labels."""
        of_each = {
            name: task.fit_targets(np.ascontiguousarray(y[name]), raw, standardise, value_range)
            for name, task in self.tasks.items()
        }
        return Targets(outputs=of_each) if any(not t.plain for t in of_each.values()) else PLAIN

    def ends(self, model: Any) -> Iterator[Tuple[str, Task, Any]]:
        """Yield each output of a model, in the model's order; by place where a model that was made
        of another has other names.
        """
        names = list(model.output_names)
        if set(names) != set(self.tasks):
            names = list(self.tasks)
        for place, name in enumerate(names):
            yield name, self.tasks[name], OneOutput(model, place, name)

    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Raise ModelError: the built-in families have one output."""
        raise ModelError(
            f"the families of vaiopt have one output, and there are tasks for {len(self.tasks)}",
            "Give a model function of your own: --set model.family=FILE.py:FUNCTION",
        )

    def compile(self, model: Any, optimizer: Any, *, losses: Any = None) -> None:
        """Compile each output as its task does; ``losses`` may be those by output."""
        ends = list(self.ends(model))
        for name, task, end in ends:
            own = losses.get(name) if isinstance(losses, abc.Mapping) else losses
            task.compile(end, optimizer, losses=own)
        model.compile(
            optimizer=optimizer,
            loss=[end.given["loss"] for _, _, end in ends],
            metrics=[end.given.get("metrics", []) for _, _, end in ends],
        )

    def loss_form(self, model: Any, classes: int) -> str:
        """Return the form of each output, as the name of this task is written."""
        return BETWEEN.join(
            f"{name}{IS}{task.loss_form(end, self._count(name, end.output_shape[-1]))}"
            for name, task, end in self.ends(model)
        )

    def loss_labels(self, y: np.ndarray, form: str, classes: int) -> np.ndarray:
        """Return the labels of each output in its form, joined."""
        forms, found = tasks_in(form), parts_of(y)
        return joined(
            {
                name: task.loss_labels(
                    found[name], forms.get(name, ""), self._count(name, _classes_in(found[name]))
                )
                for name, task in self.tasks.items()
            }
        )

    def _count(self, name: str, otherwise: int) -> int:
        return self._counts.get(name, max(2, int(otherwise)))

    def label_weights(self, y: np.ndarray, classes: Sequence[str], wanted: Any) -> np.ndarray:
        """Return how much the label of each output counts for its class, joined."""
        weighable = [name for name, task in self.tasks.items() if task.has_classes]
        of_each = weights_by_output(wanted, list(self.tasks), weighable)
        found = {name: np.ones(len(y), np.float32) for name in self.tasks}
        names = split_names(list(self.tasks), classes)
        for name, own in of_each.items():
            labels = np.ascontiguousarray(y[name])
            found[name] = self.tasks[name].label_weights(labels, names[name], own)
        return joined(found)

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return what each output says, joined."""
        found = parts_of(outputs)
        return joined({name: task.predict(found[name]) for name, task in self.tasks.items()})

    def judged(self, outputs: np.ndarray) -> np.ndarray:
        """Return what scores need of each output, joined."""
        found = parts_of(outputs)
        return joined({name: task.judged(found[name]) for name, task in self.tasks.items()})

    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return the mean and the scores of each output."""
        said, true = parts_of(outputs), parts_of(y)
        found = {
            name: (
                task.scores(said[name], true[name], self._counts[name])
                if name in self._counts
                else task.scores_without_names(said[name], true[name])
            )
            for name, task in self.tasks.items()
        }
        scores = {MEAN: self._mean(found)}
        for name, of_it in found.items():
            scores.update(named_by(name, of_it))
        return scores

    def scores_without_names(self, outputs: np.ndarray, y: np.ndarray) -> Dict[str, float]:
        """Return the same."""
        return self.scores(outputs, y, 0)

    def _mean(self, scores: Mapping[str, Mapping[str, float]]) -> float:
        return float(np.mean([scores[name][_share(task)] for name, task in self.tasks.items()]))

    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> SeveralEvaluation:
        """Return the record of each output, and the mean."""
        said, true = parts_of(outputs), parts_of(y)
        names = split_names(list(self.tasks), classes)
        found = {
            name: task.evaluate(said[name], true[name], names[name], kind=kind, trial=trial)
            for name, task in self.tasks.items()
        }
        rows = tuple(
            OutputEvaluation(name, self.tasks[name].name, record.to_json())
            for name, record in found.items()
        )
        mean = self._mean({name: record.scores for name, record in found.items()})
        return SeveralEvaluation(kind, trial, len(y), mean, rows)


def _share(task: Task) -> str:
    return task.share or task.headline


def _classes_in(y: np.ndarray) -> int:
    return int(y.max(initial=0)) + 1 if y.dtype.kind in "iu" else 0


def _check_lengths(parts: Mapping[str, np.ndarray], label: str) -> None:
    counts = {name: len(array) for name, array in parts.items()}
    first = next(iter(counts))
    for name, count in counts.items():
        if count != counts[first]:
            raise DataError(
                f"{label} has {counts[first]} labels of '{first}' and {count} of '{name}'",
                "Give one label per sample to each output.",
            )


def _classes_by_output(
    classes: Optional[Any], outputs: Sequence[str], label: str
) -> Dict[str, Optional[Sequence[Any]]]:
    """Return the names of classes that a person gave, or that were made here, by output."""
    if classes is None:
        return {}
    if isinstance(classes, abc.Mapping):
        unknown = [name for name in classes if name not in outputs]
        if unknown:
            raise DataError(
                f"classes of {label} names '{unknown[0]}', which is no output",
                did_you_mean(str(unknown[0]), outputs),
            )
        return dict(classes)
    names = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in classes]
    found = split_names(outputs, names)
    if sum(map(len, found.values())) != len(names):
        raise DataError(
            f"classes of {label} are {names[:5]}, and there are several outputs",
            f"Give them by output: classes={{'{outputs[0]}': [...]}}, or none.",
        )
    return {name: own or None for name, own in found.items()}


def several_of(text: str) -> Several:
    """Return the task of a text such as ``digit=classification,size=regression``.

    Raises:
        DataError: it names a task that there is not.
    """
    found = {}
    for output, name in tasks_in(text).items():
        if name not in TASKS:
            raise DataError(f"there is no task '{name}'", did_you_mean(name, TASKS))
        found[output] = TASKS[name]
    return Several(found)


def settled_task(text: str, x_shape: Sequence[int], y: Any, classes: Any) -> str:
    """Return the text of a task with what ``auto`` stands for in it, told by the labels.

    Args:
        text: of the task; ``auto`` for all outputs that ``y`` has.
        x_shape: of the samples. y: labels by output, as a person gave them, or joined.
        classes: names by output, or None.
    """
    given = y if isinstance(y, abc.Mapping) else parts_of(y)
    wanted = tasks_in(text) if text != AUTO else {str(name): AUTO for name in given}
    names = classes if isinstance(classes, abc.Mapping) else {}
    found = {
        output: (
            guess_task(x_shape, given[output], names.get(output)).task
            if name == AUTO and output in given
            else "classification"
            if name == AUTO
            else name
        )
        for output, name in wanted.items()
    }
    return BETWEEN.join(f"{output}{IS}{name}" for output, name in found.items())
