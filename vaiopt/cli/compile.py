"""``vaiopt compile``: the int8 model for a target."""

from __future__ import annotations

from typing import List, Optional

from vaiopt.cli.common import (
    JSON,
    RUN,
    SET,
    TRUST,
    complete_target,
    emit_for,
    load_of_run,
    option,
    progress,
)


def command(
    run: str = RUN,
    targets: Optional[List[str]] = option(
        "--target",
        "-t",
        help="cpu, zcu102, ... or an arch.json; may be given again. [default: the run's]",
        autocompletion=complete_target,
    ),
    overrides: List[str] = SET,
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Compile the int8 model: an int8 .tflite for cpu, an .xmodel for a DPU (in the Vitis-AI
    container).
    """
    from vaiopt.flow import compile_model
    from vaiopt.network.loadable import trusting_models

    results = []
    for target in targets or [None]:  # type: ignore[list-item]
        opened, settings = load_of_run(run, overrides, target, "compile")
        with trusting_models(trust):
            results.append(compile_model(opened, settings, progress))
    emit_for(results if len(results) > 1 else results[0], as_json, run, settings)
