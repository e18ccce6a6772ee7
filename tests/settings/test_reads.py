"""A change that a command cannot use is refused, with the command that can."""

import pytest

from vaiopt.errors import SettingsError
from vaiopt.flow import FLOW, describe_data
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings, save_run_settings
from vaiopt.settings.compare import values_of
from vaiopt.settings.of_run import open_with
from vaiopt.settings.reads import READS


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Run("run")
    made.folder.mkdir()
    save_run_settings(made, load_settings(None, ["train.epochs=5"]), {})
    made.journal.write_text("")
    return made


def test_every_step_has_a_row_of_known_settings():
    assert [step.name for step in FLOW] == list(READS)[: len(FLOW)]
    known = {key for key, _, _ in values_of(load_settings())}
    sections = {key.partition(".")[0] for key in known}
    assert {row for rows in READS.values() for row in rows} <= known | sections


@pytest.mark.parametrize(
    "step, change, leads",
    [
        ("compile", "train.epochs=3", "vaiopt search run/run.toml --run NEW_FOLDER --set"),
        ("compile", "quantize.method=qat", "vaiopt quantize run --set quantize.method=qat"),
        ("quantize", "search.trials=30", "vaiopt search --set search.trials=30 --run run"),
        ("measure", "deploy.samples=9", "vaiopt bundle run --set deploy.samples=9"),
        ("bundle", 'objective.front=["params"]', "--set 'objective.front=[\"params\"]'"),
    ],
)
def test_what_a_step_does_not_read_is_refused_with_the_command_that_does(run, step, change, leads):
    with pytest.raises(SettingsError) as caught:
        open_with(run.folder, [change], step)
    assert f"'{change.partition('=')[0]}'" in caught.value.message and step in caught.value.message
    assert leads in caught.value.hint


@pytest.mark.parametrize(
    "step, change",
    [
        ("compile", "hardware.target=zcu102"),
        ("compile", "train.epochs=5"),  # as it is already
        ("compile", "deploy.host=root@kit"),  # the next command has it
        ("quantize", "quantize.method=qat"),
        ("search", "train.epochs=3"),
    ],
)
def test_what_is_read_or_changes_nothing_is_taken(run, step, change):
    open_with(run.folder, [change], step)


def test_data_are_described_by_what_is_said_of_data_alone():
    with pytest.raises(SettingsError, match="'train.epochs'"):
        describe_data("digits", ["train.epochs=3"])
