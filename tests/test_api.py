"""``import vaiopt as vo``: light to import, complete, and the same as the command line
underneath.
"""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

import vaiopt as vo
from tests.report.synthetic import make_run
from vaiopt.errors import MissingToolError, RunError, SettingsError
from vaiopt.files import read_json
from vaiopt.runs.layout import Run
from vaiopt.study.trials import load_trials


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with the output of every stage."""
    return make_run(tmp_path_factory.mktemp("api") / "run", trials=16)


def test_importing_the_package_loads_nothing_heavy(root: Path) -> None:
    code = (
        "import sys, vaiopt; print(' '.join(name for name in sys.modules if '.' not in name or"
        " name.startswith('vaiopt')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=str(root), stdout=subprocess.PIPE, check=True
    )
    loaded = set(result.stdout.decode().split())
    assert {name for name in loaded if name.startswith("vaiopt")} == {
        "vaiopt",
        "vaiopt._version",
    }
    assert loaded & {"numpy", "tensorflow", "optuna", "pandas", "plotly", "rich"} == set()


def test_loading_the_api_loads_no_tensorflow_optuna_pandas_or_plotly(root: Path) -> None:
    code = "import sys, vaiopt.api; print(' '.join({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=str(root), stdout=subprocess.PIPE, check=True
    )
    assert (
        set(result.stdout.decode().split())
        & {"tensorflow", "tf_keras", "keras", "optuna", "pandas", "plotly", "skopt", "IPython"}
        == set()
    )


def test_every_name_resolves_and_is_documented() -> None:
    assert sorted(vo.__all__) == vo.__all__
    api = importlib.import_module("vaiopt.api")
    functions = {
        name
        for name, value in vars(api).items()
        if inspect.isfunction(value) and value.__module__ == api.__name__
    }
    public = {name for name in functions if not name.startswith("_")}
    others = {"Run", "Settings", "VaioptError", "__version__", "load_settings", "open_run"}
    others |= {"trusting_models"}
    assert set(vo.__all__) == public | others | {"override"}
    assert set(vo.__all__) <= set(dir(vo))
    for name in vo.__all__:
        assert inspect.getdoc(getattr(vo, name)), name
    assert not hasattr(vo, "no_such_name")


def test_calls_are_as_the_documents_write_them(root: Path) -> None:
    page = (root / "docs" / "how-to" / "notebook.md").read_text(encoding="utf-8")
    table = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    calls = re.findall(r"`vo\.(\w+)\(([^`]*)\)`", table)
    assert {name for name, _ in calls} >= {name for name in vo.__all__ if name[0].islower()}
    for name, arguments in calls:
        words = [word.strip() for word in arguments.split(",") if word.strip()]
        signature = inspect.signature(getattr(vo, name))
        signature.bind(*words)
        signature.bind(**dict.fromkeys(words))


def test_no_name_can_be_overwritten_by_the_import_of_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(vo.__path__)}
    assert modules & set(vo.__all__) == set()


def test_a_stage_on_a_run_that_is_not_there_is_a_users_error(tmp_path: Path) -> None:
    for stage in (
        vo.evaluate_run,
        vo.quantize_run,
        vo.compile_run,
        vo.bundle_run,
        vo.measure_run,
        vo.report_run,
        vo.trials,
    ):
        with pytest.raises(vo.VaioptError, match="no run folder"):
            stage(tmp_path / "none")


def test_a_users_error_shows_its_hint_instead_of_a_traceback_in_a_notebook() -> None:
    assert SettingsError("it is wrong", "mend it")._render_traceback_() == [
        "error: it is wrong",
        "hint: mend it",
    ]


def test_a_run_may_be_given_wherever_its_folder_may(run: Run) -> None:
    opened = vo.open_run(run)
    assert opened.folder == run.folder
    by_run, by_path, by_text = (
        vo.evaluate_run(given, progress=None).to_json()
        for given in (run, run.folder, str(run.folder))
    )
    assert by_run == by_path == by_text
    assert by_run["float"]["accuracy"] == read_json(run.chosen.evaluation, "")["accuracy"]


def test_a_damaged_evaluation_is_a_users_error(tmp_path: Path) -> None:
    broken = make_run(tmp_path / "run", trials=6)
    content = json.loads(broken.chosen.evaluation.read_text())
    del content["confusion"]
    broken.chosen.evaluation.write_text(json.dumps(content))
    with pytest.raises(RunError, match="confusion"):
        vo.evaluate_run(broken)


def test_trials_are_a_frame_with_one_row_each(run: Run) -> None:
    pandas = pytest.importorskip("pandas")
    frame, records = vo.trials(run), load_trials(run)
    assert list(frame.index) == [record.number for record in records]
    assert frame.index.name == "number"
    for record in records:
        row = frame.loc[record.number]
        assert row["status"] == record.status
        assert row["seconds"] == record.seconds
        assert pandas.isna(row["value"]) if record.value is None else row["value"] == record.value
        for name, value in record.hyperparameters.items():
            assert row["hp." + name] == value
        for name, value in {**record.metrics, **record.costs}.items():
            assert row[name] == value
    assert frame["started"].notna().all()
    assert (frame["finished"] > frame["started"]).all()
    assert str(frame["started"].dt.tz) == "UTC"


def test_a_run_without_trials_is_an_empty_frame(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.setattr("vaiopt.api.load_trials", lambda run: [])
    frame = vo.trials(run)
    assert len(frame) == 0
    assert {"status", "value", "seconds", "started"} <= set(frame.columns)


def test_without_pandas_the_hint_says_how_to_get_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingToolError) as caught:
        vo.trials(run)
    assert "pip install pandas" in caught.value.hint


def test_a_figure_is_the_reports_own(run: Run) -> None:
    found = vo.figures(run)
    assert len(found) > 20
    assert (
        "quantization_loss" in repr(found) and "Quantization loss by layer" in found._repr_html_()
    )
    for name in ("convergence", "quantization_loss", "parallel_coordinates"):
        assert vo.figure(run, name) == found[name]
    assert vo.figure(run, "convergence", theme="dark") != found["convergence"]
    with pytest.raises(RunError) as caught:
        vo.figure(run, "convergance")
    assert "convergence" in caught.value.hint


def test_a_model_is_inspected_by_run_by_file_and_live(run: Run) -> None:
    by_run, by_file = vo.inspect_model(run, "zcu102"), vo.inspect_model(run.chosen.model, "zcu102")
    assert by_run.latency_ms == by_file.latency_ms > 0
    for shown in (repr(by_run), by_run._repr_html_()):
        assert "zcu102" in shown and "conv" in shown and "What would make it faster" in shown
    configuration = {"class_name": "Sequential", "config": {"name": "m", "layers": []}}
    with pytest.raises(vo.VaioptError):
        vo.inspect_model(configuration, "zcu102")


def test_targets_are_a_list_that_shows_itself() -> None:
    found = vo.targets()
    assert "cpu" in [target.name for target in found]
    assert "zcu102" in repr(found) and "zcu102" in found._repr_html_()
    assert len(vo.targets("2.5")) > 0


def test_the_report_is_written_and_linked(run: Run) -> None:
    assert vo.report_run(run).path.is_file()


def test_a_flow_that_only_reports_shows_its_summary(run: Run) -> None:
    lines = []
    summary = vo.run_flow(
        vo.load_settings(run.settings), run, first="report", progress=lines.append
    )
    assert summary.seconds.keys() == {"report"}
    assert lines == ["[7/7] report"]
    accuracy = vo.evaluate_run(run, progress=None).float_test.accuracy
    for shown in (repr(summary), summary._repr_html_()):
        assert f"{100 * accuracy:.2f} %" in shown
        assert "report.html" in "".join(shown.split())  # a long path is broken into lines


def test_settings_are_changed_by_plain_values() -> None:
    settings = vo.load_settings(
        None, {"search.trials": 4, "objective.max_latency_ms": 1.5, "train.epochs": {"int": [1, 3]}}
    )
    assert (settings.search.trials, settings.objective.max_latency_ms) == (4, 1.5)
    assert (
        vo.override(
            settings, {"objective.max_latency_ms": None, "seed": 7}
        ).objective.max_latency_ms
        is None
    )
    assert (
        vo.override(settings, "seed=7")
        == vo.override(settings, ["seed=7"])
        == vo.override(settings, {"seed": 7})
    )
    with pytest.raises(SettingsError, match="trails"):
        vo.load_settings(None, {"search.trails": 4})
    with pytest.raises(SettingsError, match="not a section"):
        vo.load_settings(None, {"seed.x": 4, "seed": 1, "seed.y": 2})


def test_the_example_in_the_documents_runs(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas")
    text = (root / "docs" / "how-to" / "notebook.md").read_text(encoding="utf-8")
    (code,) = [
        block
        for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
        if "open_run" in block
    ]
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "first").symlink_to(run.folder)
    monkeypatch.chdir(tmp_path)
    names: Dict[str, Any] = {}
    exec(code, names)
    assert names["within"]["latency_ms"].max() <= 0.8
    assert (tmp_path / "runs" / "first" / "front.html").stat().st_size > 1000


def test_the_reference_describes_every_name(root: Path) -> None:
    page = (root / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    found = re.search(r"::: vaiopt\n    options:\n(?:      \w.*\n)*((?:        - \w+\n)+)", page)
    assert found is not None
    assert sorted([*re.findall(r"- (\w+)", found.group(1)), "__version__"]) == vo.__all__


def test_the_documents_name_every_function(root: Path) -> None:
    text = (root / "docs" / "how-to" / "notebook.md").read_text(encoding="utf-8")
    assert [
        name for name in vo.__all__ if name not in ("Run", "Settings") and "vo." + name not in text
    ] == []
