import os
import stat
from types import SimpleNamespace

import pytest

from vaiopt import doctor, gpus
from vaiopt.errors import SettingsError
from vaiopt.gpus import Gpu, visible_gpus
from vaiopt.search.execution import gpus as assignment
from vaiopt.search.execution.choose import make_executor
from vaiopt.search.execution.dask_worker import TrialRunner
from vaiopt.search.execution.gpus import GpuContext, check_gpu, sharing_note, wanted_gpus
from vaiopt.search.execution.processes import ProcessExecutor
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import SearchSettings, load_settings


def seen_by(variable):
    return os.environ.get(variable)


def machine(monkeypatch, tmp_path, *models, visible=None):
    """Let this machine have these GPUs, as the driver's tool lists them."""
    lines = "\n".join(f"{number}, {model}" for number, model in enumerate(models))
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
    tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    if visible is not None:
        monkeypatch.setenv(gpus.VISIBLE, visible)


@pytest.mark.parametrize(
    "visible, numbers",
    [
        (None, ["0", "1", "2"]),
        ("1", ["1"]),
        ("2, 0", ["2", "0"]),
        ("-1", []),
        ("", []),
        ("0,7,1", ["0"]),
        ("GPU-89", ["GPU-89"]),
    ],
)
def test_gpus_are_those_that_cuda_would_use(monkeypatch, tmp_path, visible, numbers):
    machine(monkeypatch, tmp_path, "A", "B", "C", visible=visible)
    assert [gpu.number for gpu in visible_gpus()] == numbers


def test_without_the_drivers_tool_its_devices_count(monkeypatch, tmp_path):
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    monkeypatch.setattr(gpus.shutil, "which", lambda name: None)
    monkeypatch.setattr(gpus, "DEVICES", tmp_path)
    assert visible_gpus() == ()
    for name in ("nvidia10", "nvidia0", "nvidiactl", "null"):
        (tmp_path / name).write_text("")
    assert visible_gpus() == (Gpu("0"), Gpu("10"))


def test_a_driver_that_does_not_answer_is_passed_over(monkeypatch, tmp_path):
    machine(monkeypatch, tmp_path)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    monkeypatch.setattr(gpus, "DEVICES", tmp_path)
    assert visible_gpus() == ()


def wants(gpus_wanted, **more):
    return SearchSettings(gpus=gpus_wanted, **more)


def test_a_search_takes_what_there_is_or_what_it_is_told(monkeypatch, tmp_path):
    machine(monkeypatch, tmp_path, "A", "B")
    assert wanted_gpus(wants("auto")) == ("0", "1")
    assert wanted_gpus(wants("1")) == ("0",)
    assert wanted_gpus(wants("none")) == ()
    machine(monkeypatch, tmp_path, "A", "B", visible="-1")
    assert wanted_gpus(wants("auto")) is None and wanted_gpus(wants("none")) == ()


@pytest.mark.parametrize("models, says", [((), "shows no GPU"), (("A",), r"shows 1 GPU\(s\)")])
def test_more_gpus_than_there_are_are_refused_before_anything_starts(
    monkeypatch, tmp_path, models, says
):
    machine(monkeypatch, tmp_path, *models)
    monkeypatch.setattr(gpus, "DEVICES", tmp_path / "none")
    for workers in (0, 1):
        settings = load_settings(None, ["search.gpus=2", f"search.workers={workers}"])
        with pytest.raises(SettingsError, match=says) as caught:
            make_executor(settings)
        assert "search.gpus=none" in caught.value.hint


def test_each_worker_gets_the_gpu_that_the_fewest_have():
    context = GpuContext(["0", "3"])
    workers = [context.Process(target=print) for _ in range(3)]
    assert [worker.variables[gpus.VISIBLE] for worker in workers] == ["0", "3", "0"]


def test_a_worker_that_takes_the_place_of_another_gets_its_gpu():
    context = GpuContext(["0", "1"])
    ended = SimpleNamespace(exitcode=-9)
    context._workers = [(ended, "1"), (SimpleNamespace(exitcode=None), "0")]
    assert context.Process(target=print).variables == {gpus.VISIBLE: "1"}


def test_workers_see_their_own_gpu_and_this_process_all(monkeypatch):
    monkeypatch.setenv(gpus.VISIBLE, "0,1")
    pool = ProcessExecutor(1, 1, 300.0, prepare=int, gpus=["1"])
    try:
        calls = [pool.submit(seen_by, gpus.VISIBLE) for _ in range(2)]  # each by a fresh process
        assert [call.result(300) for call in calls] == ["1", "1"]
    finally:
        pool.shutdown(wait=False)
    assert os.environ[gpus.VISIBLE] == "0,1"


def test_no_gpu_is_hidden_by_the_value_that_cuda_knows():
    assert GpuContext([]).Process(target=print).variables == {gpus.VISIBLE: "-1"}


def test_memory_of_a_gpu_is_taken_as_it_is_needed(monkeypatch):
    from vaiopt.keras import prepare_environment

    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    prepare_environment()
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


def test_shared_gpus_are_said(monkeypatch, tmp_path):
    machine(monkeypatch, tmp_path, "A", "B")
    assert "workers share them" in sharing_note(wants("auto", workers=3))
    assert sharing_note(wants("auto", workers=2)) == sharing_note(wants("none", workers=9)) == ""
    assert sharing_note(wants("auto", workers=9, scheduler="tcp://host:1")) == ""


def devices(monkeypatch, *found):
    config = SimpleNamespace(list_physical_devices=lambda kind: list(found))
    monkeypatch.setattr(assignment, "load_tensorflow", lambda: SimpleNamespace(config=config))


def test_a_worker_without_the_gpu_that_was_asked_for_says_so_before_it_trains(
    monkeypatch, tmp_path
):
    devices(monkeypatch)
    check_gpu(wants("auto"))
    check_gpu(wants("none"))
    settings = load_settings(None, ["search.gpus=1"])
    with pytest.raises(SettingsError, match="TensorFlow sees no GPU in a worker"):
        describe_search(settings)
    assert "sees no GPU" in run_trial(Job(str(tmp_path), settings, 0, {})).reason
    devices(monkeypatch, "GPU:0")
    check_gpu(wants("1"))


def test_a_worker_of_a_cluster_keeps_its_gpus_unless_there_are_to_be_none():
    worker = SimpleNamespace(nthreads=1, memory_limit=None)
    for sets, held in (([], None), (["search.gpus=none"], ())):
        runner = TrialRunner(load_settings(None, sets), None, ("", b""))
        runner.setup(worker)
        assert runner._pool._gpus == held
        runner.teardown(worker)


def test_a_worker_of_a_cluster_gets_the_file_of_weights_too():
    runner = TrialRunner(load_settings(), None, ("m.py", b"1"), ("w.h5", b"2"))
    runner.setup(SimpleNamespace(nthreads=1, memory_limit=None))
    with open(runner._local.model.weights, "rb") as file:
        assert file.read() == b"2"
    runner.teardown(None)


def test_doctor_names_the_gpus_and_what_they_need(monkeypatch, tmp_path):
    machine(monkeypatch, tmp_path, "NVIDIA A", "NVIDIA B")
    monkeypatch.setattr(doctor, "has_module", lambda name: False)
    monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: None)
    found = doctor._gpus()
    assert found.uses == "0: NVIDIA A, 1: NVIDIA B" and "and-cuda" in found.hint
    machine(monkeypatch, tmp_path, visible="-1")
    assert doctor._gpus().uses == "none: trainings use the CPU"


@pytest.mark.parametrize("value", ["some", "0", "-1", "1.5"])
def test_what_is_no_number_of_gpus_is_refused(value):
    with pytest.raises(SettingsError, match=r"search\.gpus"):
        load_settings(None, [f"search.gpus={value}"])
