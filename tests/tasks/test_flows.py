"""Each task goes from its data to what a kit measures, and into the report."""

import numpy as np
import pytest

from tests.search.quick import QUICK
from vaiopt import flow
from vaiopt.record import read_record
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Measured
from vaiopt.settings import load_settings, settings_from_run
from vaiopt.tasks import TASKS

SAMPLES = 60
RANDOM = np.random.RandomState(0)


def images(size=8):
    return RANDOM.randint(0, 256, (SAMPLES, size, size, 1)).astype(np.uint8)


def regression():
    x = RANDOM.rand(SAMPLES, 24, 3).astype(np.float32)  # signals, which a DPU has as images
    y = np.stack([1e3 * x[:, 0, 0], x[:, :, 1].mean(axis=1) - 5], 1)
    return {"x": x, "y": y, "classes": ["price", "offset"]}


def multilabel():
    x = images()
    return {"x": x, "y": np.stack([x[:, 0, 0, 0] > 99, x[:, 1, 1, 0] > 150], 1).astype(np.uint8)}


def segmentation():
    x = images()
    y = (x[..., 0] > 127).astype(np.uint8)
    y[:, 0] = 2  # pixels of no class
    return {"x": x, "y": y, "classes": ["dark", "light", "void"]}


MADE = {
    "regression": (regression, ["model.hyperparameters.blocks=1"]),
    "multilabel": (multilabel, ["model.family=cnn"]),
    "segmentation": (
        segmentation,
        ["data.unscored=['void']", *(f"model.hyperparameters.{w}" for w in ("width=8", "depth=1"))],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("task", MADE)
def test_a_task_goes_from_its_data_to_the_report(tmp_path, task):
    made, own = MADE[task]
    np.savez(str(tmp_path / "data.npz"), **made())
    words = [*QUICK, f"data.source={tmp_path}/data.npz", "data.limit=0", "model.family=auto", *own]
    words += ["search.trials=1", "train.epochs=1", "deploy.samples=6", "objective.metric=auto"]
    run, lines = Run(tmp_path / "run"), []
    summary = flow.run_flow(load_settings(None, words), run.folder, progress=lines.append)
    known = TASKS[task]
    assert any(line.startswith(f"note: the task is {task}") for line in lines)
    assert settings_from_run(run).objective.metric == known.validated
    assert summary.headline == known.headline and summary.measured_score is not None
    kit = read_record(run.chosen.measured("cpu"), Measured, "")
    # The interpreter may be an int8 step off, TensorFlow 2.12's in a pooling: another quantity.
    least = 0.5 if task == "regression" else 0.9
    assert kit.agreement.fraction > least and set(kit.scores) <= {*known.validation.values()}
    assert "Test split" in run.report.read_text(encoding="utf-8")
