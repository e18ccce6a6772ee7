"""How scripts are started on a kit: another Python, a line before, as root, on another port."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, List, Tuple

import pytest
from bundled import bundle_of_a_standin
from made_bundles import BOARD, STANDIN, make_bundle, run_bundle

from tests.made_runs import on
from vaiopt.deploy import remote, ssh
from vaiopt.deploy.launch import Launch, split_port
from vaiopt.deploy.measure import measure_candidate
from vaiopt.deploy.ssh_failures import FAILURES, hint_of
from vaiopt.errors import BoardError, SettingsError
from vaiopt.runs.layout import Candidate, Run
from vaiopt.settings import Settings, override

SUDO = """#!/bin/sh
[ "$1" = -n ] || exit 1
shift
echo "$@" >> {log}
exec "$@"
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.05)


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    candidate = Run(tmp_path / "run").trial(0)
    bundle_of_a_standin(candidate)
    return candidate


def measured(candidate: Candidate, board: Any, **settings: Any) -> Any:
    given = override(on("zcu102", "board"), {f"deploy.{k}": v for k, v in settings.items()})
    return measure_candidate(candidate, given, ssh_config=board.config, repeat=1).record


def test_a_line_is_run_before_the_script(candidate: Candidate, board: Any) -> None:
    setup = "echo 'to the log'; export STANDIN_BATCH=3 # it's mine;"
    assert measured(candidate, board, setup=setup).latency_ms.more["batch"] == 3


def test_the_script_and_what_ends_it_are_run_by_sudo(
    candidate: Candidate, board: Any, tmp_path: Path
) -> None:
    log, tool = tmp_path / "sudo.log", board.home.parent / "bin" / "sudo"
    tool.write_text(SUDO.format(log=log))
    tool.chmod(0o755)
    try:
        assert measured(candidate, board, sudo=True).samples == 40
    finally:
        tool.unlink()
    assert f"PYTHONPATH={STANDIN}" in log.read_text() and "kit_job.py" in log.read_text()


def test_sudo_that_wants_a_password_is_told(candidate: Candidate, board: Any) -> None:
    tool = board.home.parent / "bin" / "sudo"
    tool.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    tool.chmod(0o755)
    try:
        with pytest.raises(BoardError, match="a password is required") as caught:
            measured(candidate, board, sudo=True)
    finally:
        tool.unlink()
    assert "NOPASSWD" in caught.value.hint


def test_another_python_runs_the_script(candidate: Candidate, board: Any) -> None:
    assert measured(candidate, board, python=sys.executable).samples == 40
    with pytest.raises(BoardError, match="python9"):
        measured(candidate, board, python="python9")
    for bad in ("python3; reboot", "-c", "a b", "$(x)"):
        with pytest.raises(SettingsError, match="no program"):
            override(Settings(), {"deploy.python": bad})


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("root@kit:2222", ("root@kit", "2222")),
        ("kit", ("kit", "")),
        ("root@[fe80::1]", ("root@[fe80::1]", "")),
        ("root@[fe80::1]:22", ("root@[fe80::1]", "22")),
    ],
)
def test_a_host_may_have_a_port(
    host: str, parts: Tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    override(Settings(), {"deploy.host": host})
    assert split_port(host) == parts
    calls: List[Any] = []
    monkeypatch.setattr(ssh, "check_tools", lambda: None)
    monkeypatch.setattr(ssh, "_call", lambda c: calls.append(c) or ssh.Answer(0, b"", ""))
    board = ssh.Connection(host, None, lambda line: None)
    board.shell("true")
    board.copy([Path("x")], "place")
    assert calls[0][-2] == parts[0].replace("[", "").replace("]", "")
    assert calls[1][-1] == f"{parts[0]}:place/"
    assert (f"Port={parts[1]}" in calls[0]) is bool(parts[1])


def test_hints_name_the_port_as_ssh_takes_it() -> None:
    changed = FAILURES[0]
    assert "ssh-keygen -R '[kit]:2222', then ssh -p 2222 root@kit" in hint_of(
        changed, "root@kit:2222"
    )


def test_login_scripts_of_pynq_are_read_by_bash_only(tmp_path: Path) -> None:
    text = Launch().shell("-c 'print(7)'")
    done = subprocess.run(["sh", "-c", f"exec {text}"], stdout=subprocess.PIPE)
    assert done.stdout == b"7\n"


def test_the_runtime_is_found_where_images_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    places = (BOARD / "kit_places.py").read_text().replace("PLACES = (", f'PLACES = ("{STANDIN}",')
    (bundle / "kit_places.py").write_text(places)
    outcome = run_bundle(bundle, bare=True)
    assert outcome.code == 0 and outcome.result["agreement"]["equal"] == 40, outcome
