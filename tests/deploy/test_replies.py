"""Whatever a kit answers, a measurement ends right or with an error, and loses nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import board_replies
from tests.made_runs import on
from vaiopt.deploy import jobs, remote, ssh
from vaiopt.deploy.measure import measure_candidate
from vaiopt.runs.layout import Run


def test_malformed_answers_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        *((remote, "POLL_SECONDS"), (remote, "STALLED_SECONDS")),
        *((ssh, "PAUSE_SECONDS"), (jobs, "FOLLOWED_SECONDS")),
    ):
        monkeypatch.setattr(module, name, 0.0)
    candidate = Run(tmp_path / "run").trial(0)
    board_replies.bundle_of_a_standin(candidate)
    outcome = board_replies.run_bundle(candidate.bundle("zcu102"))
    good = json.dumps(outcome.result)
    measure_candidate(candidate, on("zcu102", "kit"), kit=lambda *given: good)
    rows = [board_replies.run_case(number, 7, candidate, good) for number in range(60)]
    assert not [row for row in rows if row[2] not in ("refused", "measured")]
    assert {row[2] for row in rows} == {"refused", "measured"}
