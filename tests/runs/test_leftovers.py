"""What a killed command left in a run is deleted by the next one, whatever that is."""

import os
import signal
import subprocess
import sys

import pytest

from tests.killing import copied, hidden, steps_killed
from tests.made_runs import made_candidate, metrics_of
from vaiopt.files import TEMPORARY, atomic_folder, atomic_path, write_text
from vaiopt.record import write_record
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Run, open_run
from vaiopt.runs.records import Chosen
from vaiopt.search.execution.lock import only_search

PLACES = (
    "run.toml",
    "chosen.json",
    "running/0001.json",
    "trials/0000/metrics.json",
    "trials/0000/quantized",
    "trials/0000/quantized/evaluation.json",
    "trials/0000/compiled/cpu",
    "trials/0000/bundle/cpu.tar.gz",
    "trials/0000/measured/cpu.json",
)
"""Where stages write."""


@pytest.fixture
def run(tmp_path):
    """Two candidates, of which the first was made int8."""
    run = made_candidate(tmp_path / "run").run
    for number in (0, 1):
        write_record(run.trial(number).metrics, metrics_of(number))
        write_text(run.trial(number).model, f"model {number}")
    write_text(run.trial(0).quantized_model, "int8")
    write_chosen(run, Chosen((0,)))
    return run


def killed(act):
    """Call a function in a process that is killed when it comes to wait."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def begin(path):
    """Begin to write a file or folder, and be killed."""
    with (atomic_path if path.suffix else atomic_folder)(path) as temporary:
        if not path.suffix:
            write_text(temporary / "half", "1")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("place", PLACES)
def test_what_was_begun_anywhere_is_deleted_when_the_run_is_opened(run, place):
    killed(lambda: begin(run.folder / place))
    assert any(TEMPORARY in path for path in hidden(run.folder))
    open_run(run.folder)
    assert hidden(run.folder) == []


def test_what_a_search_told_of_its_running_trials_is_deleted_once_it_is_dead(run):
    def search():
        with only_search(run):
            write_text(run.progress(3), "{}")
            os.kill(os.getpid(), signal.SIGKILL)

    killed(search)
    assert run.progress(3).exists()
    open_run(run.folder)
    assert not run.running.exists()
    run.running.mkdir()  # killed before it had its lock
    open_run(run.folder)
    assert not run.running.exists()


def test_of_a_search_that_is_at_work_nothing_is_deleted(run, root):
    code = (
        "import sys\nfrom vaiopt.runs.layout import open_run\nopen_run(sys.argv[1])\n"
        "print('opened')"
    )
    with only_search(run), atomic_path(run.progress(3)) as path:
        write_text(run.progress(2), "{}")
        subprocess.run([sys.executable, "-c", code, str(run.folder)], cwd=str(root), check=True)
        assert run.progress(2).exists() and path.exists()
    assert not run.running.exists()


def test_killed_at_any_step_of_a_choice_the_run_shows_one_of_the_two(run, tmp_path):
    before = tmp_path / "before"
    copied(run.folder, before)
    copied(run.folder, tmp_path / "other")
    write_chosen(Run(tmp_path / "other"), Chosen((1,)))

    def shown(folder):
        links = {p.name: os.readlink(str(p)) for p in folder.iterdir() if p.is_symlink()}
        return links, sorted(os.listdir(str(folder / "float")))

    def check(number):
        chosen = run.read_chosen().trials[0]
        assert chosen in (0, 1)
        float_model = (run.folder / "float" / "model.h5").read_text()
        assert float_model in ("model 0", "model 1"), "it is there and leads to one"
        assert (run.folder / "chosen" / "metrics.json").is_file()
        assert run.trial(0).quantized_model.read_text() == "int8"
        write_chosen(open_run(run.folder), Chosen((1,)))
        assert hidden(run.folder) == []
        assert shown(run.folder) == shown(tmp_path / "other")

    killed_at = steps_killed(
        lambda: write_chosen(run, Chosen((1,))), lambda: copied(before, run.folder), check
    )
    assert killed_at > 10
