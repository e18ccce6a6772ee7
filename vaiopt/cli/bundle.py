"""``vaiopt bundle``: the folder that is copied to a kit."""

from __future__ import annotations

from typing import List, Optional

from vaiopt.cli.common import JSON, RUN, SET, TARGET, TRUST, emit_for, load_of_run, progress


def command(
    run: str = RUN,
    target: Optional[str] = TARGET,
    overrides: List[str] = SET,
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Put model, samples, golden outputs and the runner into one folder, and into a .tar.gz."""
    from vaiopt.flow import bundle
    from vaiopt.network.loadable import trusting_models

    opened, settings = load_of_run(run, overrides, target, "bundle")
    with trusting_models(trust):
        emit_for(bundle(opened, settings, progress), as_json, run, settings)
