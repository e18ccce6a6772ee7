"""Several candidates on a board behind a real ssh server, one after another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest
from bundled import bundle_of_a_standin

from tests.made_runs import made_candidate, on
from vaiopt import carry
from vaiopt.deploy import remote, ssh
from vaiopt.errors import BoardError
from vaiopt.runs.layout import Candidate
from vaiopt.summary import Summary

pytestmark = pytest.mark.host

KIT = on("zcu102", "board")


@pytest.fixture
def candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: Any) -> List[Candidate]:
    monkeypatch.setattr(ssh, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(carry, "ssh_config_of", lambda settings: str(board.config))
    found = [made_candidate(tmp_path / "run", number) for number in (0, 1, 2)]
    for candidate in found:
        bundle_of_a_standin(candidate, 0.9 - 0.1 * candidate.number)
    monkeypatch.setattr(carry, "choose_front", lambda *arguments: found)
    return found


def measured(candidates: List[Candidate], lines: List[str]) -> Summary:
    """Measure them all."""
    run = candidates[0].run
    convoy = carry.Convoy(run, KIT, len(candidates), lines.append)
    assert convoy.takes("measure")
    convoy.do("measure", lambda: None)
    return convoy.told(Summary(str(run.folder), "zcu102"))


def test_all_are_measured_over_one_connection(candidates: List[Candidate], board: Any) -> None:
    lines: List[str] = []
    summary = measured(candidates, lines)
    assert board.connections() == 1
    for candidate in candidates:
        record = json.loads(candidate.measured("zcu102").read_text())
        assert record["host"] == "board" and record["agreement"]["fraction"] == 1.0
        assert record["expected"]["accuracy"] == pytest.approx(0.9 - 0.1 * candidate.number)
    assert summary.unmeasured == ()
    assert {line.split(": ")[0] for line in lines} == {"trial 0", "trial 1", "trial 2"}


def test_what_bundles_have_in_common_is_copied_once(
    candidates: List[Candidate], board: Any
) -> None:
    lines: List[str] = []
    measured(candidates, lines)
    whole = len(list(candidates[0].bundle("zcu102").iterdir()))
    copied = [line.split("copying ")[1].split(" files")[0] for line in lines if "copying" in line]
    assert copied == [f"{whole} of {whole}", f"1 of {whole}", f"1 of {whole}"], "the manifests"
    places = list((board.home / ".vaiopt").iterdir())
    assert len(places) == 3 and all(len(list(place.iterdir())) == whole for place in places)


def test_what_was_damaged_on_the_board_meanwhile_is_sent(
    candidates: List[Candidate], board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: List[str] = []

    def damaging(*arguments: Any) -> str:
        text = run_on(*arguments)
        if not first:
            (place,) = (board.home / ".vaiopt").iterdir()
            (place / "samples.npz").write_bytes(b"cut off")
            first.append("samples.npz")
        return text

    run_on = remote.run_on
    monkeypatch.setattr(remote, "run_on", damaging)
    lines: List[str] = []
    assert measured(candidates, lines).unmeasured == ()
    assert sum("copying 2 of" in line for line in lines) >= 1


def test_a_board_that_goes_away_leaves_what_was_measured(
    candidates: List[Candidate], board: Any
) -> None:
    lines: List[str] = []

    def gone_after_the_first(line: str) -> None:
        lines.append(line)
        if line.startswith("trial 1: ") and not board.dropping():
            board.drop(*range(len(board.calls()) + 1, 500))

    run = candidates[0].run
    convoy = carry.Convoy(run, KIT, 3, gone_after_the_first)
    convoy.takes("measure")
    convoy.do("measure", lambda: None)
    summary = convoy.told(Summary(str(run.folder), "zcu102"))
    assert summary.unmeasured == (1, 2)
    assert candidates[0].measured("zcu102").is_file()
    assert not candidates[1].measured("zcu102").exists()
    assert "vaiopt run --front 3 --from measure" in summary.go_on
    assert any("no connection to 'board'" in line for line in lines)


def test_a_board_that_is_not_there_is_one_error(candidates: List[Candidate], board: Any) -> None:
    board.drop(*range(1, 500))
    lines: List[str] = []
    with pytest.raises(BoardError, match="no connection to 'board'"):
        measured(candidates, lines)
    assert "go on with" in lines[-1]
