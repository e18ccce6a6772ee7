"""``vaiopt calibrate``: what a fit to measured runs must hold, on runs measured by a made-up kit
whose true constants are known.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np
import pytest
from measured_runs import (
    Shape,
    make_candidate,
    shapes,
    true_frames_per_second,
    true_latency,
    write_measurement,
)

from tests.made_runs import compile_record
from vaiopt.deploy.calibrate import CalibrateResult, calibrate_runs
from vaiopt.deploy.plausible import check_constants
from vaiopt.errors import RunError, SettingsError, TargetError, VaioptError
from vaiopt.files import read_json, write_json
from vaiopt.hardware import inspect_model, list_targets, load_target
from vaiopt.hardware.fits import Constants
from vaiopt.hardware.own_targets import own_targets
from vaiopt.record import write_record
from vaiopt.runs.layout import Candidate

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = load_target("zcu102", "3.0").fit.single
KITS = {
    "another runtime": PUBLISHED._replace(overhead=2200.0, constant_ms=0.02),
    "slower memory": PUBLISHED._replace(bandwidth=12.0, constant_ms=0.03),
    "all different": Constants(efficiency=1.3, bandwidth=18.0, overhead=2600.0, constant_ms=0.35),
    "a slow host": PUBLISHED._replace(constant_ms=0.9),
}
NOISE = 0.02


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of targets, empty."""
    monkeypatch.setenv("VAIOPT_TARGETS", str(tmp_path / "targets"))
    return tmp_path / "targets"


def measured_runs(
    folder: Path,
    constants: Constants,
    count: int,
    seed: int = 0,
    noise: float = NOISE,
    target: str = "zcu102",
) -> List[Candidate]:
    random = np.random.default_rng(1000 + seed)
    found = []
    for number, shape in enumerate(shapes(count, seed)):
        candidate = make_candidate(folder / f"run{number:02d}", shape, target)
        latency = true_latency(candidate, constants, target)
        write_measurement(candidate, latency * (1 + noise * random.standard_normal()), target)
        found.append(candidate)
    return found


def fit(candidates: List[Candidate], *arguments: Any, **options: Any) -> CalibrateResult:
    """Calibrate to these candidates, each the chosen one of its run."""
    return calibrate_runs([candidate.run for candidate in candidates], *arguments, **options)


def mean_error(target: str, runs: List[Candidate], constants: Constants) -> float:
    """Mean error of a target's predictions against the kit's true times."""
    known = load_target(target, "3.0")
    return float(
        np.mean(
            [
                abs(inspect_model(r.model, known).latency_ms / true_latency(r, constants) - 1)
                for r in runs
            ]
        )
    )


@pytest.mark.parametrize("kit", sorted(KITS))
@pytest.mark.parametrize("seed", range(3))
def test_five_measured_models_predict_the_others_better_than_the_published_tables(
    tmp_path: Path, kit: str, seed: int
) -> None:
    runs = measured_runs(tmp_path, KITS[kit], 20, seed)
    result = fit(runs[:5])
    others = runs[5:]
    before, after = (
        mean_error("zcu102", others, KITS[kit]),
        mean_error(result.target, others, KITS[kit]),
    )
    assert before > 0.05, "the made-up kit is too much like the published tables"
    assert after < before / 2
    assert result.better


def test_a_fit_to_many_exact_measurements_finds_the_true_constants(tmp_path: Path) -> None:
    true = KITS["all different"]
    result = fit(measured_runs(tmp_path, true, 25, noise=0.0))
    found = load_target(result.target).fit.single
    for name in Constants._fields:
        assert getattr(found, name) == pytest.approx(getattr(true, name), rel=0.1), name


def test_the_stated_error_is_of_models_that_the_fit_did_not_see(tmp_path: Path) -> None:
    true = KITS["all different"]
    runs = measured_runs(tmp_path, true, 60, seed=5)
    stated = fit(runs[:12], name="lab").to_json()["error"]["single"]["mean_percent"]
    actual = 100 * mean_error("lab", runs[12:], true)
    assert actual / 3 < stated < 3 * actual + 100 * NOISE


def test_a_target_may_name_the_fit_or_its_file(tmp_path: Path, own_folder: Path) -> None:
    result = fit(measured_runs(tmp_path, KITS["a slow host"], 5), name="lab-kit")
    assert result.path == own_folder / "lab-kit.json"
    by_name, by_path, board = (
        load_target("lab-kit"),
        load_target(str(result.path)),
        load_target("zcu102"),
    )
    assert by_name == by_path
    assert by_name.name == "lab-kit" and by_name.validated and by_name.release == "3.0"
    assert "calibrated on 5 measured models (root@kit)" in by_name.validation
    assert (by_name.board, by_name.architecture, by_name.cores, by_name.clock_mhz) == (
        "zcu102",
        board.architecture,
        3,
        281.0,
    )
    assert by_name.fit.single.constant_ms == pytest.approx(0.9, rel=0.1)
    assert "lab-kit" in [summary.name for summary in list_targets()]
    json.dumps(by_name.to_json(), allow_nan=False)


def test_the_file_of_a_fit_is_an_arch_json_with_the_fingerprint(tmp_path: Path) -> None:
    result = fit(measured_runs(tmp_path, KITS["a slow host"], 5), out=tmp_path / "mine.json")
    content = json.loads((tmp_path / "mine.json").read_text())
    assert content["fingerprint"] == load_target("zcu102").fingerprint
    assert (content["board"], content["cores"], content["clock_mhz"]) == ("zcu102", 3, 281.0)
    assert result.target == "mine" and own_targets() == []


def test_a_fit_of_an_arch_json_without_a_board_keeps_its_clock_and_cores(tmp_path: Path) -> None:
    arch = tmp_path / "lab.json"
    arch.write_text(json.dumps({"fingerprint": "0x101000056010404", "clock_mhz": 200, "cores": 2}))
    runs = []
    for number, shape in enumerate(shapes(5, 0)):
        runs.append(make_candidate(tmp_path / f"run{number}", shape, str(arch)))
        write_measurement(runs[-1], true_latency(runs[-1], KITS["a slow host"], str(arch)), "lab")
    found = load_target(fit(runs).target)
    assert (found.name, found.board, found.clock_mhz, found.cores) == ("lab-measured", "", 200.0, 2)
    assert found.architecture.name == "DPUCZDX8G_ISA1_B1600" and found.validated


def test_constants_of_another_release_are_called_extrapolated(tmp_path: Path) -> None:
    fit(measured_runs(tmp_path, KITS["a slow host"], 5), name="lab")
    other = load_target("lab", "2.5")
    assert not other.validated and other.release == "2.5"
    assert other.validation.startswith("extrapolated: no measurements with release 2.5")
    assert load_target("lab", "3.0").validated


def test_throughput_with_every_core_fed_gives_the_constants_of_a_busy_core(tmp_path: Path) -> None:
    single = KITS["a slow host"]
    busy = Constants(1.5, 9.0, 4000.0, contention=0.8)
    runs = measured_runs(tmp_path, single, 24, noise=0.0)
    for run in runs:
        write_measurement(
            run, true_latency(run, single), fps=true_frames_per_second(run, busy), threads=3
        )
    result = fit(runs[:12])
    assert result.to_json()["kept"] == ["dpu"]
    known = load_target(result.target)
    for run in runs[12:]:
        assert inspect_model(run.model, known).fps_all_cores == pytest.approx(
            true_frames_per_second(run, busy), rel=0.05
        )


def test_throughput_with_too_few_threads_changes_nothing_of_a_busy_core(tmp_path: Path) -> None:
    result = fit(measured_runs(tmp_path, KITS["a slow host"], 6))
    assert load_target(result.target).fit.busy == load_target("zcu102").fit.busy
    assert result.to_json()["kept"] == ["dpu", "busy"]


def test_the_dpu_alone_is_never_slower_than_end_to_end(tmp_path: Path) -> None:
    fast = Constants(efficiency=0.9, bandwidth=60.0, overhead=900.0, constant_ms=0.01)
    runs = measured_runs(tmp_path, fast, 12, noise=0.0)
    known = load_target(fit(runs).target)
    for run in runs:
        inspection = inspect_model(run.model, known)
        assert inspection.dpu_latency_ms <= inspection.latency_ms


def test_where_the_published_constants_are_right_the_fit_says_so(tmp_path: Path) -> None:
    lines: List[str] = []
    result = fit(measured_runs(tmp_path, PUBLISHED, 5, noise=0.0), progress=lines.append)
    assert not result.better
    assert load_target(result.target).fit.single == PUBLISHED
    assert any("constants used until now" in line for line in lines)


def test_a_second_calibration_replaces_the_first(tmp_path: Path) -> None:
    runs = measured_runs(tmp_path, KITS["a slow host"], 8)
    first = fit(runs[:4])
    second = fit(runs)
    assert first.path == second.path and own_targets() == ["zcu102-measured"]
    assert len(second.to_json()["measurements"]) == 8


def test_the_same_model_measured_often_counts_once(tmp_path: Path) -> None:
    runs = []
    for number in range(6):
        run = make_candidate(
            tmp_path / f"run{number}", Shape(32, [8, 16], 3, 32 + 16 * (number % 2))
        )
        write_measurement(run, 1.0 + 0.01 * number)
        runs.append(run)
    with pytest.raises(RunError) as caught:
        fit(runs)
    assert caught.value.message.startswith("2 different models")


def test_a_model_that_the_cpu_runs_in_part_is_left_out_by_name(tmp_path: Path) -> None:
    runs = measured_runs(tmp_path, KITS["a slow host"], 4)
    odd = make_candidate(tmp_path / "odd", Shape(32, [8], 3, 16), activation="elu")
    write_measurement(odd, 5.0)
    result = fit([*runs, odd])
    assert len(result.to_json()["measurements"]) == 4
    (warning,) = result.warnings
    assert "odd" in warning and "conv0" in warning


Change = Callable[[List[Candidate]], object]


def rewrite(**more: object) -> Change:
    def change(runs: List[Candidate]) -> None:
        path = runs[1].measured("zcu102")
        write_json(path, {**read_json(path, ""), **more})

    return change


def compiled_otherwise(runs: List[Candidate]) -> None:
    record = compile_record("zcu102", sha256="1" * 64)
    write_record(runs[1].compiled("zcu102") / "compile.json", record)


BAD: List[Tuple[str, Change, str]] = [
    ("no measurement", lambda runs: runs[1].measured("zcu102").unlink(), "is missing"),
    ("no latency", rewrite(latency_ms={}), "latency_ms.p50 is missing"),
    ("no time at all", rewrite(latency_ms={"p50": 0.0}), "latency_ms.p50 is 0"),
    ("a negative latency", rewrite(latency_ms={"p50": -1.0}), "latency_ms.p50 is -1.0"),
    ("a latency that is text", rewrite(latency_ms={"p50": "fast"}), "latency_ms.p50 is 'fast'"),
    ("no release", rewrite(release=""), "which release"),
    ("another release", rewrite(release="2.5"), "with release 2.5"),
    ("another model", compiled_otherwise, "another model"),
    ("not JSON", lambda runs: runs[1].measured("zcu102").write_text("{"), "not valid JSON"),
    ("no model", lambda runs: runs[1].model.unlink(), "is missing"),
]


@pytest.mark.parametrize("change,words", [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_an_unusable_run_is_named_and_nothing_is_written(
    tmp_path: Path, own_folder: Path, change: Change, words: str
) -> None:
    runs = measured_runs(tmp_path, KITS["a slow host"], 4)
    change(runs)
    with pytest.raises(VaioptError) as caught:
        fit(runs)
    assert words in caught.value.message and "run01" in caught.value.message
    assert caught.value.hint
    assert not own_folder.exists()


def rewritten(candidate: Candidate, **more: Any) -> None:
    path = candidate.measured("zcu102")
    write_json(path, {**read_json(path, ""), **more})


@pytest.mark.parametrize(
    ("factor", "words"), [(1000.0, "microseconds"), (0.001, "seconds"), (0.2, "faster than the")]
)
@pytest.mark.parametrize("all_of_them", [True, False])
def test_times_that_cannot_be_are_refused_with_the_run(
    tmp_path: Path, own_folder: Path, factor: float, words: str, all_of_them: bool
) -> None:
    runs = measured_runs(tmp_path, KITS["another runtime"], 8, seed=2)
    heavy = max(runs, key=lambda run: true_latency(run, PUBLISHED))
    for run in runs if all_of_them else [heavy]:
        rewritten(run, latency_ms={"p50": factor * true_latency(run, PUBLISHED)})
    with pytest.raises(RunError) as caught:
        fit(runs)
    assert words in caught.value.message and caught.value.hint and not own_folder.exists()
    assert all_of_them or str(heavy.run.folder) in caught.value.message


def test_a_rate_that_contradicts_the_latency_is_another_unit(tmp_path: Path) -> None:
    runs = measured_runs(tmp_path, KITS["another runtime"], 4)
    latency = 100 * true_latency(runs[2], PUBLISHED)
    rewritten(runs[2], latency_ms={"p50": latency}, fps={"value": 1e5 / latency, "threads": 1})
    with pytest.raises(RunError, match="contradict"):
        fit(runs)


@pytest.mark.parametrize(
    ("kit", "words"),
    [
        (PUBLISHED._replace(efficiency=0.4, bandwidth=20.0), "times the operations of the peak"),
        (PUBLISHED._replace(bandwidth=200.0, overhead=2000.0), "GB/s, the memory of zcu102"),
    ],
)
def test_a_kit_that_cannot_be_is_refused(
    tmp_path: Path, own_folder: Path, kit: Constants, words: str
) -> None:
    runs = measured_runs(tmp_path, kit, 12, noise=0.0)
    with pytest.raises((TargetError, RunError)) as caught:
        fit(runs)
    assert words in caught.value.message or "faster than the peak" in caught.value.message
    assert not own_folder.exists()


def test_the_peak_of_an_array_with_a_clock_of_its_own_is_not_judged() -> None:
    quick = Constants(0.3, 60.0, 1000.0)
    check_constants(quick, "one core", load_target("vck190", "3.0"))
    with pytest.raises(TargetError, match="times the operations of the peak"):
        check_constants(quick, "one core", load_target("zcu104", "3.0"))


def test_a_measurement_that_lies_apart_is_named(tmp_path: Path) -> None:
    runs = measured_runs(tmp_path, KITS["a slow host"], 8)
    rewritten(runs[3], latency_ms={"p50": 1.8 * true_latency(runs[3], KITS["a slow host"])})
    result = fit(runs)
    (warning,) = [line for line in result.warnings if "lies apart" in line]
    assert "run03" in warning
    apart = [m["run"] for m in result.to_json()["measurements"] if m["outlier"]]
    assert apart == [str(runs[3].run.folder)]


def test_few_measurements_are_less_sure_than_many(tmp_path: Path) -> None:
    runs = measured_runs(tmp_path, KITS["a slow host"], 16)
    few, many = (fit(runs[:count]).to_json()["uncertainty"] for count in (3, 16))
    assert (few["models"], many["models"]) == (3, 16)
    assert few["new_model_percent"] > many["new_model_percent"] > 0
    assert set(many["constants_percent"]) and all(v > 0 for v in many["constants_percent"].values())


def test_the_best_rate_of_all_cores_counts(tmp_path: Path) -> None:
    single, busy = KITS["a slow host"], Constants(1.5, 9.0, 4000.0, contention=0.8)
    runs = measured_runs(tmp_path, single, 12, noise=0.0)
    for run in runs:
        rate = true_frames_per_second(run, busy)
        tried = [{"threads": 2, "value": 9.0 * rate}, {"threads": 3, "value": rate}]
        rewritten(run, fps={"value": rate / 3, "threads": 4, "by_threads": [*tried, "x", {}]})
    known = load_target(fit(runs).target)
    for run in runs[:3]:
        rate = inspect_model(run.model, known).fps_all_cores
        assert rate == pytest.approx(true_frames_per_second(run, busy), rel=0.05)


def test_the_time_of_the_dpu_alone_is_used_where_results_tell_it(tmp_path: Path) -> None:
    single = KITS["a slow host"]
    alone = PUBLISHED._replace(overhead=1500.0, constant_ms=0.06)
    runs = measured_runs(tmp_path, single, 12, noise=0.0)
    for run in runs:
        rewritten(run, dpu_latency_ms=true_latency(run, alone))
    result = fit(runs[:9])
    assert result.to_json()["kept"] == ["busy"] and "dpu" in result.to_json()["error"]
    known = load_target(result.target)
    for run in runs[9:]:
        found = inspect_model(run.model, known).dpu_latency_ms
        assert found == pytest.approx(true_latency(run, alone), rel=0.05)


def test_target_cpu_has_nothing_to_calibrate(tmp_path: Path) -> None:
    runs = measured_runs(tmp_path, KITS["a slow host"], 3)
    for run in runs:
        write_measurement(run, 1.0, target="cpu")
    with pytest.raises(TargetError) as caught:
        fit(runs, "cpu")
    assert "no latency constants" in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "zcu104",
        "cpu",
        "b1600",
        "zcu102-1core",
        "DPUCZDX8G_ISA1_B4096",
        "../x",
        "a b",
        "",
        "-x",
        "x.json",
    ],
)
def test_a_name_that_is_taken_or_no_file_name_is_refused(
    tmp_path: Path, own_folder: Path, name: str
) -> None:
    with pytest.raises((SettingsError, TargetError)):
        fit(measured_runs(tmp_path, KITS["a slow host"], 3), name=name)
    assert not own_folder.exists()


DAMAGE = [
    (["latency"], "text"),
    (["latency", "single"], None),
    (["latency", "single", "efficiency"], 0),
    (["latency", "single", "bandwidth"], -1),
    (["latency", "single", "overhead"], "3000"),
    (["latency", "busy", "bandwidth"], True),
    (["latency", "release"], None),
    (["latency", "release"], "9.9"),
    (["latency", "dpu", "overhead"], 10**400),
    (["latency", "error"], []),
]


@pytest.mark.parametrize("keys,value", DAMAGE, ids=[".".join(keys) for keys, _ in DAMAGE])
def test_a_damaged_fit_is_refused_with_the_key(
    tmp_path: Path, keys: List[str], value: object
) -> None:
    result = fit(measured_runs(tmp_path, KITS["a slow host"], 3))
    content = json.loads(result.path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    result.path.write_text(json.dumps(content))
    with pytest.raises(TargetError) as caught:
        load_target(result.target)
    assert ".".join(keys) in caught.value.message
    assert "vaiopt calibrate" in caught.value.hint


def test_the_command_prints_a_table_and_as_json_the_result_alone(tmp_path: Path) -> None:
    runs = measured_runs(tmp_path, KITS["a slow host"], 5)
    code = (
        "import sys, typer; from vaiopt.cli.calibrate import command; app = typer.Typer();"
        " app.command()(command); app(sys.argv[1:])"
    )
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    called = [sys.executable, "-c", code, *[str(candidate.run.folder) for candidate in runs]]
    table = subprocess.run(
        called, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert b"use it with --target zcu102-measured" in table.stdout and b"run04" in table.stdout
    printed = subprocess.run(
        [*called, "--json"],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    content = json.loads(printed.stdout)
    assert content["target"] == "zcu102-measured" and len(content["measurements"]) == 5
    assert content["error"]["single"]["mean_percent"] < content["error"]["before"]["mean_percent"]
