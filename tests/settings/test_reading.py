import pytest

from vaiopt.errors import RunError, SettingsError
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings
from vaiopt.settings.reading import (
    commented_toml,
    load_settings,
    override,
    parse_toml,
    read_run_settings,
    save_run_settings,
    settings_from_dict,
)


def test_the_commented_file_means_the_defaults():
    assert settings_from_dict(parse_toml(commented_toml())) == Settings()


def test_a_run_keeps_its_settings_filled_in(tmp_path):
    settings = load_settings(
        None,
        [
            "search.trials=3",
            "train.batch_size={choice=[32, 64]}",
            "objective.max_latency_ms=2",
            "data.split=[8, 1, 1]",
        ],
    )
    save_run_settings(Run(tmp_path), settings, {"versions": {"python": "3"}})
    read, environment = read_run_settings(Run(tmp_path))
    assert read == settings
    assert read.objective.max_latency_ms == 2.0
    assert read.data.split == "8:1:1"
    assert environment == {"versions": {"python": "3"}}


def test_a_run_of_another_version_is_refused(tmp_path):
    run = Run(tmp_path)
    run.settings.write_text("version = 2\n")
    with pytest.raises(RunError, match="format version 2"):
        read_run_settings(run)


@pytest.mark.parametrize(
    "text, message, hint",
    [
        ("serch.trials=3", "unknown setting 'serch'", "'search'"),
        ("search.trails=3", "unknown setting 'search.trails'", "search.trials"),
        ("trials=3", "unknown setting 'trials'", "search.trials"),
        ("search.epochs=3", "unknown setting 'search.epochs'", "Did you mean 'train.epochs'?"),
        ("search.trials=many", "a whole number, not the text 'many'", "whole number"),
        ("search.trials=0", "search.trials is 0", "at least 1"),
        ("search.trials=true", "must be a whole number", ""),
        ("search.trials", "not of the form", "search.trials=15"),
        ("search.sampler=gpp", "'gpp'", "'gp'"),
        ("search=3", "must be a section", "[search]"),
        ("data.pool=1", "true or false", ""),
        ("data.image_size=[28, 'x']", "data.image_size", ""),
        ("train.epochs=1.5", "train.epochs must be a whole number", ""),
        ("train.epochs={int=[5, 1]}", "is empty", ""),
        ("train.epochs={int=[1, 5], default=9}", "outside its range", ""),
        ("train.batch_size={choice=[]}", "not empty", ""),
        ("train.batch_size={choice=[32, 32]}", "twice", ""),
        ("train.batch_size={chioce=[32]}", "chioce", "choice"),
        ("train.learning_rate={float=[0, 1], log=true}", "logarithmic", ""),
        ("train.learning_rate={int=[1, 2], float=[0, 1]}", "one of int, float, choice", ""),
        ("train.optimizer=3", "must be a text", ""),
        ("objective.max_params=-1", "objective.max_params is -1", "above 0"),
        ("search.resources={GPU=-1}", "search.resources.GPU is -1.0", "above 0"),
        (
            "search.resources={GPU='one'}",
            "search.resources.GPU must be a number, not the text 'one'",
            "",
        ),
        ("search.resources=GPU", "search.resources must be a table", ""),
        ("seed=-1", "seed is -1", "at least 0"),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(text, message, hint):
    with pytest.raises(SettingsError) as caught:
        load_settings(None, [text])
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("content", [b"[search\n", b"\xff\xfe", b"search = [1,"])
def test_a_file_that_is_not_toml_is_refused(tmp_path, content):
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="s.toml"):
        load_settings(path)


def test_a_missing_file_is_named_and_init_suggested(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "none.toml")
    assert "vaiopt init" in caught.value.hint


def test_paths_in_a_file_are_looked_up_beside_it(tmp_path):
    (tmp_path / "mine.py").write_text("")
    (tmp_path / "s.toml").write_text(
        '[model]\nfamily = "mine.py:build"\n[data]\nsource = "digits"\n'
    )
    settings = load_settings(tmp_path / "s.toml")
    assert settings.model.family == str(tmp_path / "mine.py") + ":build"
    assert settings.data.source == "digits"


def test_override_changes_a_copy():
    settings = Settings()
    assert override(settings, ["search.trials=7"]).search.trials == 7
    assert settings.search.trials == 15
