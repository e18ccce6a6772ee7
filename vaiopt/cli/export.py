"""``vaiopt export``: the int8 model for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from vaiopt.cli.common import JSON, RUN, TRUST, emit, option, progress


def command(
    run: str = RUN,
    out: Optional[Path] = option("--out", help="The file to write. [default: RUN/model.onnx]"),
    trial: Optional[int] = option("--trial", "-n", help="Of this trial; by default the chosen."),
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Write the int8 model as ONNX (QDQ, power-of-two scales), for other tools."""
    from vaiopt.export import export_candidate
    from vaiopt.network.loadable import trusting_models
    from vaiopt.runs.layout import open_run

    with trusting_models(trust):
        opened = open_run(run)
        candidate = opened.chosen if trial is None else opened.trial(trial)
        emit(export_candidate(candidate, out, progress=progress), as_json)
