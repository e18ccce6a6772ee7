import os
import subprocess

import pytest

from vaiopt import environment


def test_versions_are_found_without_importing_anything():
    found = environment.installed_versions()
    assert found["vaiopt"]
    assert found["numpy"].count(".") >= 1


def test_the_commit_is_that_of_the_callers_checkout(tmp_path):
    assert environment.git_commit(tmp_path) == ""

    def run(*words):
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *author, *words], cwd=str(tmp_path), check=True)

    run("init", "-q")
    (tmp_path / "a").write_text("1")
    run("add", "a")
    run("commit", "-qm", "first")
    clean = environment.git_commit(tmp_path)
    (tmp_path / "a").write_text("2")
    assert environment.git_commit(tmp_path) == clean + "+"


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores"
)
def test_only_the_cores_that_this_process_may_use_count():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert environment.cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert environment.cores() == len(before)
