"""``measure`` on a board behind a real ssh server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest
from bundled import bundle_of_a_standin
from made_bundles import make_classifier, run_bundle
from standin_models import changed, write_model

from tests.made_runs import on
from vaiopt.deploy import remote, ssh
from vaiopt.deploy.measure import check_measure, measure_candidate
from vaiopt.errors import BoardError, SettingsError
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.lineage import file_sha256
from vaiopt.settings import override


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    """A model whose bundle for zcu102 is a stand-in ``.xmodel``."""
    candidate = Run(tmp_path / "a run with spaces; and 'quotes'").trial(0)
    bundle_of_a_standin(candidate)
    return candidate


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.05)


def on_board(candidate: Candidate, board: Any, lines: List[str]) -> Any:
    settings, say = on("zcu102", "board"), lines.append
    return measure_candidate(candidate, settings, repeat=1, ssh_config=board.config, progress=say)


def test_a_board_measures_and_the_result_comes_back(candidate: Candidate, board: Any) -> None:
    lines: List[str] = []
    result = on_board(candidate, board, lines)
    record = json.loads(candidate.measured("zcu102").read_text())
    assert record["host"] == "board" and record["target"] == "zcu102" and record["version"] == 1
    assert record["agreement"]["fraction"] == 1.0 and record["golden"]["bit_exact"]
    assert record["expected"] == {"accuracy": 0.9, "of": ""}
    assert result.to_json()["accuracy"] == record["accuracy"]
    assert any("copying" in line for line in lines) and any(
        "running 40 samples" in line for line in lines
    )
    left = sorted(path.name for path in next((board.home / ".vaiopt").iterdir()).iterdir())
    assert left == sorted(path.name for path in candidate.bundle("zcu102").iterdir()), (
        "the job's own files are removed, the bundle stays"
    )


def test_what_is_already_on_the_board_is_not_copied_again(candidate: Candidate, board: Any) -> None:
    on_board(candidate, board, [])
    place = next((board.home / ".vaiopt").iterdir())
    (place / "samples.npz").write_bytes(b"cut off")
    lines: List[str] = []
    on_board(candidate, board, lines)
    assert [line.split(" files")[0] for line in lines if "copying" in line] == [
        f"copying 1 of {len(list(place.iterdir()))}"
    ]
    lines.clear()
    on_board(candidate, board, lines)
    assert not any("copying" in line for line in lines)


def test_the_result_is_that_of_a_run_in_place(candidate: Candidate, board: Any) -> None:
    here = run_bundle(candidate.bundle("zcu102")).result
    (candidate.bundle("zcu102") / "result.json").unlink()
    there = on_board(candidate, board, []).record.to_json()
    for key in ("accuracy", "per_class", "golden", "agreement", "samples"):
        assert there[key] == here[key]


@pytest.mark.parametrize("call", [1, 3, 4, 5, 6, 8])
def test_a_connection_that_drops_anywhere_is_made_again(
    candidate: Candidate, board: Any, call: int
) -> None:
    board.drop(call)
    lines: List[str] = []
    assert on_board(candidate, board, lines).record.agreement.fraction == 1.0
    if call < 7:  # the last calls may be fewer: how often the board is asked depends on its speed
        assert any("connection to board lost" in line for line in lines), lines


def test_a_job_is_started_once_however_often_the_connection_drops(
    candidate: Candidate, board: Any
) -> None:
    board.drop(5, 6, 7)
    on_board(candidate, board, [])
    started = [call for call in board.calls() if "nohup" in call]
    logs = {call.split("[ -e ")[1].split(" ]")[0] for call in started}
    assert len(logs) == 1


def test_a_connection_that_never_comes_back_leaves_no_result(
    candidate: Candidate, board: Any
) -> None:
    board.drop(*range(3, 100))
    with pytest.raises(BoardError) as caught:
        on_board(candidate, board, [])
    assert "no connection to 'board'" in caught.value.message and "ssh board" in caught.value.hint
    assert (
        not candidate.measured("zcu102").exists()
        and not candidate.measured("zcu102").parent.exists()
    )


def test_an_error_on_the_board_is_told_as_it_is(candidate: Candidate, board: Any) -> None:
    folder = candidate.bundle("zcu102")
    write_model(
        folder / "model.xmodel", changed(make_classifier()["content"], dpu_fingerprint=None)
    )
    content = json.loads((folder / "manifest.json").read_text())
    digest = file_sha256(folder / "model.xmodel")
    content["files"]["model.xmodel"] = content["model"]["sha256"] = digest
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(BoardError) as caught:
        on_board(candidate, board, [])
    assert "dpu_fingerprint" in caught.value.message and "vaiopt compile" in caught.value.hint
    assert not candidate.measured("zcu102").exists()
    assert not [
        path
        for path in next((board.home / ".vaiopt").iterdir()).iterdir()
        if path.name.startswith("job-")
    ]


def test_no_text_of_the_user_reaches_the_boards_shell(candidate: Candidate, board: Any) -> None:
    on_board(candidate, board, [])
    assert board.calls()
    assert not [
        call for call in board.calls() if "spaces" in call or str(candidate.run.folder) in call
    ]


@pytest.mark.parametrize(
    "host",
    [
        "-oProxyCommand=touch /tmp/x",
        "root@board; reboot",
        "a b",
        "$(reboot)",
        "root@",
        "",
        "root@-x",
        "`x`",
        "x\ny",
    ],
)
def test_what_is_not_a_host_is_refused(host: str, candidate: Candidate) -> None:
    with pytest.raises(BoardError, match="not a host"):
        measure_candidate(candidate, on("zcu102", host))


def test_a_host_that_cannot_be_found_is_not_tried_again(candidate: Candidate) -> None:
    lines: List[str] = []
    with pytest.raises(BoardError, match="no connection"):
        measure_candidate(
            candidate, on("zcu102", "root@no-such-board.invalid"), progress=lines.append
        )
    assert not lines


def test_the_settings_name_the_configuration_of_ssh(candidate: Candidate, board: Any) -> None:
    settings = override(on("zcu102", "board"), [f"deploy.ssh_config='{board.config}'"])
    check_measure(settings)
    assert measure_candidate(candidate, settings, repeat=1).record.host == "board"
    with pytest.raises(SettingsError, match="there is no such file") as caught:
        check_measure(override(settings, ["deploy.ssh_config=nowhere"]))
    assert "ssh -F" in caught.value.hint
