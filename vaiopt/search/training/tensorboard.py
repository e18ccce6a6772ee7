"""TensorBoard logs of a trial: scalars per epoch, hyperparameters for the HParams plugin."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Dict, List, Mapping

from vaiopt.keras import load_tensorflow


def write_logs(
    folder: Path,
    hyperparameters: Mapping[str, Any],
    curve: List[Dict[str, float]],
    metrics: Mapping[str, float],
) -> None:
    """Write one trial's event file.

    Args:
        folder: the trial's own, under the run's ``tensorboard/``; each folder is a session of the
            HParams plugin.
        hyperparameters: the active ones.
        curve: entries per epoch; each number but the epoch becomes a scalar of that step.
        metrics: the final ones, shown in the plugin's table.

    Raises:
        OSError: the disk is full.
    """
    exhausted = load_tensorflow().errors.ResourceExhaustedError
    try:
        _write(folder, hyperparameters, curve, metrics)
    except exhausted as error:  # which is also what TensorFlow raises for a lack of memory
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error


def _write(
    folder: Path,
    hyperparameters: Mapping[str, Any],
    curve: List[Dict[str, float]],
    metrics: Mapping[str, float],
) -> None:
    tf = load_tensorflow()
    from tensorboard.plugins.hparams import api

    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        api.hparams(
            {name: value for name, value in hyperparameters.items() if value is not None},
            trial_id=folder.name,
        )
        for entry in curve:
            for name, value in entry.items():
                if name != "epoch":
                    tf.summary.scalar("epoch/" + name, value, step=int(entry["epoch"]))
        for name, value in metrics.items():
            tf.summary.scalar(name, value, step=0)
    writer.close()
