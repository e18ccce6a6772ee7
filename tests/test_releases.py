"""Releases are one table: what names a release has a row, and what a row promises is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import List

import pytest

from vaiopt import releases
from vaiopt.environment import container_release
from vaiopt.errors import QuantizeError, SettingsError, TargetError
from vaiopt.hardware import list_targets, load_target
from vaiopt.hardware.boards import boards
from vaiopt.hardware.fits import fits
from vaiopt.quantize.tfmot.rules import RULES, rules_of
from vaiopt.releases import RELEASES, RUNNABLE
from vaiopt.settings import load_settings
from vaiopt.settings.choices import names
from vaiopt.settings.schema import declarations
from vaiopt.settings.sections import HardwareSettings

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(
    r"\b(?:release|Vitis[- ]AI|vai-q-tensorflow2)s?[ =:'\"]+(?:of )?"
    r"(\d\.\d(?:(?:, | and | or |, and )\d\.\d)*)(?![\d.]*\d)",
    re.IGNORECASE,
)
"""Words of releases: ``release 2.5, 3.0 or 3.5``."""


@pytest.mark.parametrize("row", RELEASES.values(), ids=list(RELEASES))
def test_a_row_is_complete_for_what_it_promises(row: releases.Release) -> None:
    assert row.source and all("," not in str(value) for value in vars(row).values())
    if row.quantizer:
        for name in ("PReLU", *row.left_in_float.split()):
            assert (name in RULES[row.quantizer].quantized_kinds) == (
                name not in row.left_in_float.split()
            )
        assert row.quantizer in RULES and row.python and row.tensorflow
    if row.lock:
        assert row.image and not row.latency_only
        lock = (ROOT / "requirements" / f"{row.lock}.txt").read_text(encoding="utf-8")
        assert f"Python {row.python}." in lock.splitlines()[0]
        assert (ROOT / "docker" / f"constraints-{row.name}.txt").exists()


def test_one_release_is_the_default_and_no_two_have_the_same_tensorflow() -> None:
    assert [row.name for row in RELEASES.values() if row.default] == [releases.DEFAULT]
    known = [row.tensorflow for row in RELEASES.values() if row.tensorflow]
    assert len(known) == len(set(known))
    assert {row.quantizer for row in RELEASES.values() if row.quantizer} == set(RULES)


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_can_be_run_or_its_refusal_names_those_that_can(release: str) -> None:
    """Settings, quantizer and the list of targets take the same verdict from the same row."""
    if release in RUNNABLE:
        assert load_settings(None, [f"hardware.release='{release}'"]).hardware.release == release
        assert rules_of(release).release == RELEASES[release].quantizer
        return
    with pytest.raises(SettingsError) as refused:
        load_settings(None, [f"hardware.release='{release}'"])
    assert any(name in refused.value.hint for name in RUNNABLE)
    with pytest.raises(QuantizeError):
        rules_of(release)


def test_the_settings_and_the_targets_know_no_other_release() -> None:
    declared = declarations(HardwareSettings)["release"]
    assert names(declared.choices) == RUNNABLE and declared.default == releases.DEFAULT
    assert {board.release for board in boards().values()} <= set(RELEASES)
    assert {fit.release for fit in fits()} <= set(RELEASES)
    for release in RELEASES:
        assert list_targets(release) and load_target("zcu102", "v" + release).release == release
    with pytest.raises(TargetError, match="no release '4.0'"):
        load_target("zcu102", "4.0")


@pytest.mark.parametrize("version, release", [("2.3.0", "1.4"), ("2.10.1", "3.0"), ("2.1", None)])
def test_a_container_is_known_by_its_tensorflow(monkeypatch, version, release) -> None:
    monkeypatch.setenv("CONDA_DEFAULT_ENV", "vitis-ai-tensorflow2")
    monkeypatch.setattr("vaiopt.environment.installed_versions", lambda: {"tensorflow": version})
    assert container_release() == release


def test_an_environment_without_tensorflow_is_of_no_release() -> None:
    assert releases.release_of_tensorflow("") is None


def tracked() -> List[Path]:
    """The texts in which a person reads or a shell uses the name of a release."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for folder, pattern in (("docs", "**/*.md"), ("docker", "*"), ("scripts", "*")):
        found += [path for path in sorted((ROOT / folder).glob(pattern)) if path.is_file()]
    found += sorted((ROOT / "vaiopt").glob("**/*.py"))
    return found


def test_every_release_that_is_named_has_a_row() -> None:
    named = {}
    for path in tracked():
        for words in NAMED.findall(path.read_text(encoding="utf-8", errors="replace")):
            for name in re.findall(r"\d\.\d", words):
                named.setdefault(name, path)
    assert set(RUNNABLE) <= set(named), "the search finds what it must"
    assert {name: path for name, path in named.items() if name not in RELEASES} == {}


def test_the_container_page_has_a_line_for_each_image() -> None:
    page = (ROOT / "docs" / "how-to" / "container.md").read_text(encoding="utf-8")
    for row in RELEASES.values():
        if row.lock:
            assert f"| {row.name} | `{row.image}` | {row.python}, {row.tensorflow} |" in page


def shell(command: str) -> "subprocess.CompletedProcess[str]":
    words = ["bash", "-c", f". scripts/setup-lib; {command}"]
    pipe = subprocess.PIPE
    return subprocess.run(words, cwd=str(ROOT), stdout=pipe, stderr=pipe, encoding="utf-8")


def test_the_shell_reads_the_same_table() -> None:
    for column in ("python", "tensorflow", "quantizer", "image", "lock", "board_python"):
        having = [row.name for row in RELEASES.values() if getattr(row, column)]
        assert shell(f"releases {column}").stdout.split() == having
        for row in RELEASES.values():
            value = shell(f"releases {column} {row.name}").stdout.strip()
            assert value == getattr(row, column)
    assert shell("releases default").stdout.split() == [releases.DEFAULT]


def test_a_replica_is_the_release_that_its_lock_file_is_named_after() -> None:
    replicas = shell("replicas").stdout.split()
    assert replicas and all((ROOT / f"requirements/container-{r}.in").exists() for r in replicas)
    assert {f"container-{r}" for r in replicas} == {r.lock for r in RELEASES.values() if r.lock}
    for release in replicas:
        python = shell(f"replica_python {release}").stdout.strip()
        assert python == RELEASES[release].python
    wrong = shell("replica_python 9.9")
    assert wrong.returncode == 2 and wrong.stderr.startswith("error: there is no replica")


def test_a_made_up_release_is_a_row(tmp_path: Path) -> None:
    table = tmp_path / "releases.csv"
    row = "4.0,3.9,2.15,3.5,PReLU ELU,yes,made/up:4.0.0.1,container-4.0,,3.10,,made up"
    table.write_text(releases.TABLE.read_text("utf-8") + row + "\n", "utf-8")
    made = releases.read_releases(table)["4.0"]
    assert made.fingerprints and not made.default and not made.latency_only
    assert made.left_in_float == "PReLU ELU" and not RELEASES["3.0"].left_in_float
    assert made.quantizer == "3.5" and made.source == "made up"


def test_names_are_said_as_words() -> None:
    assert releases.one_of(("2.5", "3.0", "3.5")) == "2.5, 3.0 or 3.5"
    assert releases.one_of(("2.5",)) == "2.5"
