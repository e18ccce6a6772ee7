"""The command line as a person meets it: what it prints, and how it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vaiopt.cli import main
from vaiopt.cli.groups import COMMANDS as GROUPED
from vaiopt.cli.groups import GROUPS
from vaiopt.cli.main import app
from vaiopt.errors import VaioptError
from vaiopt.next_step import CONTAINER_NOTE
from vaiopt.record import write_record
from vaiopt.runs.records import Chosen

COMMANDS = (
    "init",
    "run",
    "search",
    "runs",
    "compare",
    "trials",
    "data",
    "choose",
    "refit",
    "quantize",
    "evaluate",
    "predict",
    "compile",
    "bundle",
    "measure",
    "kit",
    "calibrate",
    "report",
    "export",
    "dashboard",
    "inspect",
    "targets",
    "container",
    "doctor",
)


def call(capfd, *arguments):
    """Return exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    out, err = capfd.readouterr()
    return caught.value.code, out, err


def refused(capfd, *arguments):
    """Return message and hint of a command that must be refused."""
    code, out, err = call(capfd, *arguments)
    lines = err.strip().splitlines()
    assert code == 2, err
    assert out == ""
    assert [line.split(":")[0] for line in lines[-2:]] == ["error", "hint"], err
    assert "Traceback" not in err
    return lines[-2], lines[-1]


def test_help_names_every_command(capfd):
    code, out, _ = call(capfd, "--help")
    assert code == 0
    for name in COMMANDS:
        assert name in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(capfd, name):
    code, out, _ = call(capfd, name, "--help")
    assert code == 0
    assert f"Usage: vaiopt {name}" in out


def test_help_is_grouped_and_no_text_is_cut(capfd):
    _, out, _ = call(capfd, "--help")
    assert "..." not in out.split("Commands")[-1].replace("[ARGS]...", "")
    places = [out.index(title) for title, _ in GROUPS]
    assert places == sorted(places)
    assert sorted(GROUPED) == sorted(COMMANDS)
    for name in ("choose", "evaluate"):
        sentence = " ".join(app_commands()[name].help.split()).partition(". ")[0].rstrip(".")
        assert sentence in " ".join(out.split())


def app_commands():
    import typer

    return typer.main.get_command(app).commands


@pytest.mark.parametrize(
    "words, expected",
    [
        ("vaiopt comp", "compare"),
        ("vaiopt evaluate ru", "runs/first"),
        ("vaiopt compile runs/first --target zcu10", "zcu102"),
    ],
)
def test_the_shell_completes_commands_runs_and_targets(tmp_path, root, words, expected):
    (tmp_path / "runs/first").mkdir(parents=True)
    (tmp_path / "runs/first/run.toml").write_text("version = 1\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "_VAIOPT_COMPLETE": "complete_zsh",
        "_TYPER_COMPLETE_ARGS": words,
    }
    done = subprocess.run(
        [sys.executable, "-c", "from vaiopt.cli import main; main()"],
        cwd=str(tmp_path),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert expected in done.stdout.decode(), done.stderr.decode()[-500:]


def test_a_folder_without_runs_says_how_to_make_one(capfd, tmp_path):
    code, out, _ = call(capfd, "runs", tmp_path)
    assert code == 0 and "vaiopt run" in out
    assert call(capfd, "runs", tmp_path, "--json")[1].strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["targets"], ["doctor"], ["targets", "zcu102"], ["search", "--help"]]
)
def test_nothing_heavy_is_loaded_without_need(arguments, root):
    program = (
        f"import sys\nfrom vaiopt.cli import main\ntry:\n    main({arguments!r})\nexcept SystemExit"
        " as e:\n    code = e.code\nheavy = [m for m in ('tensorflow', 'skopt', 'optuna',"
        " 'plotly', 'pandas', 'scipy') if m in sys.modules]\nprint('LOADED', code, heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=str(root), check=True
    )
    assert done.stdout.decode().strip().splitlines()[-1] == "LOADED 0 []"


def test_init_writes_a_file_that_search_reads_and_does_not_overwrite_it(capfd, tmp_path):
    path = tmp_path / "s.toml"
    assert call(capfd, "init", path, "--set", "search.trials=4")[0] == 0
    assert "trials = 4" in path.read_text()
    _, hint = refused(capfd, "init", path)
    assert "--force" in hint
    assert call(capfd, "init", path, "--force")[0] == 0


def test_without_a_settings_file_a_run_goes_on_with_its_own(tmp_path):
    from vaiopt.cli.common import load

    (tmp_path / "run.toml").write_text("version = 1\n[train]\nepochs = 7\n")
    (tmp_path / "other.toml").write_text("[train]\nepochs = 5\n")
    found = load(None, ["search.trials=40"], run=str(tmp_path))
    assert (found.train.epochs, found.search.trials) == (7, 40)
    assert load(str(tmp_path / "other.toml"), [], run=str(tmp_path)).train.epochs == 5
    assert load(None, [], run=str(tmp_path / "none")).train.epochs == "auto"


@pytest.mark.parametrize(
    "command",
    [
        "trials",
        "quantize",
        "evaluate",
        "compile",
        "bundle",
        "measure",
        "report",
        "choose",
        "refit",
        "dashboard",
    ],
)
def test_a_missing_run_folder_names_the_command_that_makes_one(capfd, tmp_path, command):
    error, hint = refused(capfd, command, tmp_path / "none")
    assert "none" in error
    assert "vaiopt search" in hint


@pytest.mark.parametrize(
    "command, makes",
    [
        ("quantize", "search"),
        ("evaluate", "search"),
        ("compile", "quantize"),
        ("bundle", "compile"),
        ("measure", "bundle"),
    ],
)
def test_a_stage_out_of_order_names_the_command_that_comes_first(capfd, tmp_path, command, makes):
    (tmp_path / "run.toml").write_text("version = 1\n")
    if makes != "search":
        write_record(tmp_path / "chosen.json", Chosen((0,)))
    before = sorted(p.name for p in tmp_path.iterdir())
    _, hint = refused(capfd, command, tmp_path)
    assert f"vaiopt {makes}" in hint
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_two_forms_of_one_output_are_refused(capfd, tmp_path):
    message, _ = refused(capfd, "trials", tmp_path, "--csv", "--json")
    assert "--csv and --json" in message


@pytest.mark.parametrize("command", ["quantize", "report", "trials"])
def test_a_run_of_another_version_is_refused(capfd, tmp_path, command):
    (tmp_path / "run.toml").write_text("version = 99\n")
    error, _ = refused(capfd, command, tmp_path)
    assert "version 99" in error


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["serach"], "serach"),
        (["search", "--sett", "x"], "--sett"),
        (["search", "none.toml"], "none.toml"),
        (["search", "--set", "search.trials=x"], "search.trials"),
        (["compile", "none", "--set"], "--set"),
        (["search", "--set", "data.source=mnits"], "mnits"),
        (["search", "--set", "model.family=cnnn"], "cnnn"),
        (["search", "--set", "data.split=1:2"], "split"),
        (["search", "--set", "objective.weights.latency=1"], "latency"),
        (["search", "--target", "zcu103"], "zcu103"),
        (["run", "--from", "quantise"], "quantise"),
        (["run", "--from", "report", "--to", "search"], "comes before"),
        (["run", "--from", "quantize", "--run", "none"], "none"),
        (["targets", "zcu103"], "zcu103"),
        (["data", "mnits"], "mnits"),
        (["data", "none.toml"], "none.toml"),
        (["data", "digits", "--set", "data.splt=1"], "splt"),
        (["inspect", "none.h5"], "none.h5"),
        (["quantize", "none.h5", "--calib", "c.npz", "--out", "o"], "none.h5"),
        (["quantize", "none.h5"], "--calib"),
        (["choose", "none", "--trial", "best"], "'best'"),
        (["choose", "none", "--min-fps", "fast"], "'fast'"),
    ],
)
def test_bad_input_gets_an_error_a_hint_and_leaves_nothing(
    capfd, tmp_path, monkeypatch, arguments, says
):
    monkeypatch.chdir(tmp_path)
    extra = ["--set", "search.workers=0"] if arguments[0] == "search" else []
    error, hint = refused(capfd, *arguments, *extra)
    assert says in error
    assert len(hint) > len("hint: ")
    assert [p for p in Path(tmp_path).rglob("*") if p.is_file()] == []


def test_quantize_lets_tensorflow_give_memory_back_unless_told_otherwise(capfd, monkeypatch):
    name = "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"
    monkeypatch.delenv(name, raising=False)
    refused(capfd, "quantize", "none.h5", "--calib", "c.npz", "--out", "o")
    assert os.environ[name] == "1"
    monkeypatch.setenv(name, "0")
    refused(capfd, "quantize", "none.h5", "--calib", "c.npz", "--out", "o")
    assert os.environ[name] == "0"


@pytest.mark.parametrize(
    "arguments, leads",
    [
        ("run model.py", "--set model.family=model.py:build_model"),
        ("run photos", "--set data.source=photos"),
        ("run table.csv", "--set data.source=table.csv"),
        ("search arrays.npz", "--set data.source=arrays.npz"),
        ("search runs/one", "vaiopt run --run runs/one"),
        ("run setting.toml", "Did you mean 'settings.toml'?"),
        ("data photo", "Did you mean 'photos'?"),
        ("data phots/", "Did you mean 'photos'?"),
        ("init photos --force", "vaiopt init photos/settings.toml"),
        ("report settings.toml", "Give the folder that 'vaiopt search' made"),
        ("report runs", "Did you mean 'runs/one'?"),
        ("report runs/one/trials/0001", "Did you mean 'runs/one'?"),
        ("run --trials 5", "--set search.trials=VALUE"),
        ("data digits --limit 5", "--set data.limit=VALUE"),
    ],
)
def test_what_is_given_in_the_wrong_place_or_misspelt_is_led_on(
    capfd, tmp_path, monkeypatch, arguments, leads
):
    for folder in ("photos/cat", "runs/one/trials/0001"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("model.py", "table.csv", "settings.toml", "runs/one/run.toml"):
        (tmp_path / name).write_text("a, b\n")
    (tmp_path / "arrays.npz").write_bytes(b"PK\x03\x04\xff")
    monkeypatch.chdir(tmp_path)
    _, hint = refused(capfd, *arguments.split())
    assert leads in hint and "'settings.toml'? Make" not in hint


def test_a_hint_that_names_docker_run_says_where_it_comes_from(capfd, tmp_path, monkeypatch):
    def in_container(*_):
        raise VaioptError("the compiler is not here", "Run: docker/run vaiopt compile runs/one")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["vaiopt.cli.main"], "app", lambda **_: in_container())
    code, _, err = call(capfd, "doctor")
    assert code == 2 and err.splitlines()[-1] == CONTAINER_NOTE
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "run").write_text("")
    assert "note:" not in call(capfd, "doctor")[2]


def test_json_is_all_that_stands_on_stdout(capfd):
    for arguments in (["targets"], ["targets", "zcu102"], ["data", "digits"], ["doctor"]):
        code, out, _ = call(capfd, *arguments, "--json")
        assert code == 0
        json.loads(out)


def test_what_stands_on_stdout_without_json_is_the_sheet(capfd):
    from vaiopt.hardware import list_targets
    from vaiopt.present.shown import sheet_of

    code, out, _ = call(capfd, "targets")
    assert code == 0
    assert out.startswith(sheet_of(list_targets()).to_text(1000))


def test_ctrl_c_says_so_with_the_command_that_goes_on_and_is_no_bug(capfd, monkeypatch):
    import vaiopt.doctor

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(vaiopt.doctor, "diagnose", interrupted)
    code, out, err = call(capfd, "doctor", "--json")
    assert (code, out, err) == (130, "", "interrupted; go on with: vaiopt doctor --json\n")


def test_a_bug_keeps_its_traceback_in_a_named_file(capfd, monkeypatch):
    import vaiopt.doctor

    monkeypatch.setattr(vaiopt.doctor, "diagnose", lambda: 1 / 0)
    code, _, err = call(capfd, "doctor")
    assert code == 1
    named = err.split("The traceback is in ")[1].split(";")[0]
    assert "ZeroDivisionError" in Path(named).read_text()
    Path(named).unlink()


def test_code_in_a_model_file_is_run_only_with_trust_model(capfd, tmp_path):
    import numpy as np

    from vaiopt.keras import load_keras, save_model

    keras = load_keras()
    image = keras.Input((8, 8, 1))
    x = keras.layers.Lambda(lambda t: t * 2)(keras.layers.Conv2D(4, 3)(image))
    x = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x))
    save_model(keras.Model(image, x), tmp_path / "mine.h5")
    x = np.random.RandomState(0).uniform(-1, 1, (20, 8, 8, 1)).astype("float32")
    np.savez(str(tmp_path / "calib.npz"), x=x)
    words = ["quantize", tmp_path / "mine.h5", "--calib", tmp_path / "calib.npz"]
    words += ["--out", tmp_path / "int8"]
    error, hint = refused(capfd, *words)
    assert "is a Lambda: code that comes with the file is not run" in error
    assert "--trust-model" in hint and not (tmp_path / "int8").exists()
    code, _, err = call(capfd, *words, "--trust-model")
    assert code == 0, err
    assert (tmp_path / "int8" / "quantized.h5").is_file()
