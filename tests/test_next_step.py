"""Every command ends with the next one, ready to paste, and no next one leads into a wall."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.synthetic import STAGES, make_run
from vaiopt import flow, next_step
from vaiopt.next_step import interrupted_lines, next_commands, next_lines
from vaiopt.record import read_record, write_record
from vaiopt.runs.commands import command_line, in_container
from vaiopt.runs.layout import Run
from vaiopt.runs.records import QuantizedMetrics
from vaiopt.settings import override, settings_from_run


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(next_step, "vitis_compiler", lambda: None)
    monkeypatch.chdir(tmp_path)


def inside(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(next_step, "vitis_compiler", lambda: "/opt/vai_c_tensorflow2")


def run_until(stage: str, target: str = "zcu102") -> Run:
    """A run whose stages were done up to one; an empty text: the search only."""
    stages = STAGES[: STAGES.index(stage) + 1] if stage else ()
    return make_run(Path("my run"), trials=6, stages=stages, target=target)


def quantized_by(run: Run, backend: str) -> None:
    path = run.chosen.quantized_metrics
    record = read_record(path, QuantizedMetrics, "")
    write_record(path, replace(record, backend=backend))


def commands(run: Run, *overrides: str) -> str:
    return "\n".join(next_commands(run, override(settings_from_run(run), list(overrides))))


MAKE = "docker/run vaiopt run --from quantize --to compile --run 'my run'"
DELIVER = "vaiopt run --from bundle --set deploy.host=root@BOARD --run 'my run'"


@pytest.mark.parametrize("stage", ["", "evaluate", "quantize"])
def test_for_a_dpu_the_next_step_is_in_the_container_and_then_on_the_kit(stage: str) -> None:
    """Also where the model was quantized off-board, which the vendor's compiler does not read."""
    assert commands(run_until(stage)) == f"{MAKE}\n{DELIVER}"


def test_in_the_container_docker_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    inside(monkeypatch)
    assert commands(run_until("")) == f"{MAKE.replace('docker/run ', '')}\n{DELIVER}"


def test_what_the_vendor_quantized_is_compiled_as_it_is() -> None:
    run = run_until("quantize")
    quantized_by(run, "vitis")
    assert commands(run).startswith(MAKE.replace("--from quantize", "--from compile"))


def test_for_a_cpu_everything_is_done_here() -> None:
    assert commands(run_until("", "cpu")) == "vaiopt run --from quantize --run 'my run'"


def test_what_the_last_command_changed_stands_in_the_next() -> None:
    run = run_until("", "cpu")
    found = commands(
        run, "hardware.target=zcu104", "quantize.backend=tfmot", 'hardware.release="2.5"'
    )
    assert found.startswith("docker/run --release 2.5 vaiopt run --from quantize --to compile")
    assert "--target zcu104" in found and "--set quantize.backend=vitis" in found


def test_a_compiled_model_goes_to_the_kit_and_a_bundle_is_measured() -> None:
    run = run_until("compile")
    quantized_by(run, "vitis")
    assert commands(run) == DELIVER
    host = commands(run, "deploy.host=root@192.168.1.2")
    assert host == DELIVER.replace("root@BOARD", "root@192.168.1.2")


def test_where_all_is_measured_the_report_is_next_and_then_nothing() -> None:
    run = run_until("measure")
    quantized_by(run, "vitis")
    assert commands(run) == "vaiopt report 'my run'"
    run.report.write_text("x")
    assert next_lines(run) == []


def test_where_docker_run_is_not_here_it_is_said_where_it_comes_from() -> None:
    run = run_until("")
    lines = next_lines(run)
    assert lines[:2] == [f"next: {MAKE}", f"then: {DELIVER}"] and "vaiopt container" in lines[2]
    Path("docker").mkdir()
    Path("docker/run").write_text("")
    assert len(next_lines(run)) == 2


def test_of_a_run_that_cannot_be_read_nothing_is_said() -> None:
    run = run_until("")
    run.chosen_file.write_text("{")
    assert next_lines(run) == []


def test_after_ctrl_c_the_search_goes_on_or_the_best_so_far_is_taken() -> None:
    run = run_until("")
    run.chosen_file.unlink()
    again = command_line("search", run.folder)
    lines = interrupted_lines(run, again)
    assert lines[0].endswith("vaiopt search --run 'my run'")
    assert lines[1].endswith("vaiopt choose 'my run'")
    assert commands(run) == "vaiopt choose 'my run'"


def test_before_anything_was_written_nothing_can_go_on() -> None:
    assert interrupted_lines(Run("none"), "vaiopt search --run none") == []


def test_quantizing_off_board_says_so_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaiopt.quantize.quantize_candidate", lambda *a, **k: None)
    run, lines = run_until(""), []
    flow.quantize(run, settings_from_run(run), lines.append)
    assert len(lines) == 1 and MAKE in lines[0]
    inside(monkeypatch)
    flow.quantize(run, settings_from_run(run), lines.append)
    assert len(lines) == 1


def test_a_command_can_be_pasted_whatever_the_folder_is_called() -> None:
    for folder in ("a b", "it's", "$HOME", "x;y"):
        words = shlex.split(command_line("quantize", folder, "--target", "cpu"))
        assert words == ["vaiopt", "quantize", folder, "--target", "cpu"]
    assert in_container("vaiopt doctor") == "docker/run vaiopt doctor"
