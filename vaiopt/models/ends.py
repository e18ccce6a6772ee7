"""The inputs and outputs that a model must have for what is learned."""

from __future__ import annotations

from typing import Any

from vaiopt.errors import did_you_mean
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import BuildFailed
from vaiopt.tasks import task_of


def check_ends(model: Any, hp: HyperParameters) -> None:
    """Raise :class:`BuildFailed` unless a model has known inputs, one or those of the data, and the
    outputs that there are tasks for.
    """
    if not getattr(model, "inputs", None):
        raise BuildFailed(
            "the model has no known input",
            "Return a functional or Sequential model; where there are no data to tell, its first"
            " layer needs an input_shape.",
        )
    inputs, outputs = list(model.input_names), list(model.output_names)
    if not hp.inputs and (len(inputs) > 1 or not isinstance(model.input_shape, tuple)):
        arrays = ", ".join(f"x_{name}" for name in inputs)
        raise BuildFailed(
            f"the model has more than one input: {', '.join(inputs)}",
            f"Give an array for each: {arrays} in an .npz file; a function returns"
            " {'x': {'INPUT': array, ...}, 'y': y}.",
        )
    wanted = list(hp.outputs)
    several = len(outputs) > 1 or not isinstance(model.output_shape, tuple)
    if several and not wanted:
        raise BuildFailed(
            f"the model has more than one output: {', '.join(outputs)}",
            "Say what each learns, and give labels for each: --set"
            f" tasks.{outputs[0]}=classification (or another task)",
        )
    if wanted and not several:
        raise BuildFailed(
            f"the model has one output, '{outputs[0]}', and there are tasks for"
            f" {', '.join(map(repr, wanted))}",
            "Return a model with these outputs, or leave tasks out and set task.",
        )
    for name in outputs if wanted else ():
        if name not in wanted:
            raise BuildFailed(
                f"the model's output '{name}' has no task",
                f"There are tasks for {', '.join(wanted)}: name the layer that gives the output"
                f" so, or add one: --set tasks.{name}=TASK",
            )
    for name in wanted:
        if name not in outputs:
            raise BuildFailed(f"the model has no output '{name}'", did_you_mean(name, outputs))


def check_outputs(model: Any, hp: HyperParameters) -> None:
    """Raise :class:`BuildFailed` unless each output has the shape that its task wants."""
    if not hp.outputs:
        shape, task = model.output_shape[1:], task_of(hp.task)
        problem, cure = task.output_problem(shape, hp.classes, hp.y_shape)
        if problem:
            raise BuildFailed(problem, cure)
        return
    for name, learned, end in task_of(hp.task).ends(model):
        form = hp.outputs[name]
        problem, cure = learned.output_problem(end.output_shape[1:], form.classes, form.y_shape)
        if problem:
            cure = cure.replace("hp.classes", f"hp.outputs['{name}'].classes")
            raise BuildFailed(f"output '{name}': {problem}", cure)
