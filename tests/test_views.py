"""What results show: the same numbers as text and as HTML, nothing unescaped, and figures where a
notebook can show them.
"""

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.report.synthetic import make_run
from vaiopt import views
from vaiopt.deploy import BundleResult, MeasureResult
from vaiopt.evaluate import Evaluation
from vaiopt.files import read_json
from vaiopt.present.table import Table
from vaiopt.runs.layout import Run
from vaiopt.search import SearchResult
from vaiopt.study.trials import load_trials
from vaiopt.text import fitting


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with the output of every stage."""
    return make_run(tmp_path_factory.mktemp("views") / "run", trials=16)


@pytest.fixture(scope="module")
def search(run: Run) -> views.SearchView:
    trials = load_trials(run)
    chosen = trials[read_json(run.float_metrics, "")["trial"]]
    return views.SearchView(str(run.folder), chosen, trials[0], {"complete": 15, "pruned": 1}, 12.5)


def test_a_search_shows_the_chosen_trial_the_best_and_its_convergence(
    search: views.SearchView,
) -> None:
    text, page = repr(search), search._repr_html_()
    for shown in (text, page):
        assert f"trial {search.chosen.number}" in shown
        assert "{:.2f} %".format(100 * search.chosen.metrics["val_accuracy"]) in shown
        assert "15 complete, 1 pruned" in shown
        assert "The best 10 of 16 trials" in shown
    assert page.count('<tr class="mark">') == 1
    assert [figure.name for figure in search.plots()] == ["convergence"]


def test_a_view_is_the_result_itself(search: views.SearchView) -> None:
    assert isinstance(search, SearchResult)
    assert search.to_json()["seconds"] == 12.5


def test_a_search_shows_what_it_knows_when_its_folder_is_gone(
    search: views.SearchView, tmp_path: Path
) -> None:
    moved = views.SearchView(**{**vars(search), "folder": str(tmp_path / "gone")})
    assert f"trial {search.chosen.number}" in repr(moved)
    assert moved.plots() == []


def test_an_evaluation_shows_classes_mistakes_and_the_last_models_confusion(run: Run) -> None:
    found = [
        Evaluation.from_json(read_json(path, ""))
        for path in (run.float_evaluation, run.quantized_evaluation)
    ]
    view = views.EvaluationView(*found)
    for shown in (repr(view), view._repr_html_()):
        assert f"{100 * found[0].accuracy:.2f} %" in shown
        assert "F1, int8" in shown
        assert "The surest mistakes" in shown
    assert [figure.name for figure in view.plots()] == ["confusion_int8"]
    assert [figure.name for figure in views.EvaluationView(found[0]).plots()] == ["confusion_float"]


def test_a_quantization_shows_what_int8_cost_and_warns(run: Run) -> None:
    content = read_json(run.quantized_metrics, "")
    parts = {
        key: content[key]
        for key in (
            "backend",
            "method",
            "release",
            "calibration_size",
            "calib_batch_size",
            "seconds",
            "layers",
            "warnings",
        )
    }
    view = views.QuantizeView(
        run.quantized_folder,
        float_scores=content["float"],
        int8_scores=content["int8"],
        evaluated_on="validation",
        **parts,
    )
    for shown in (repr(view), view._repr_html_()):
        assert "97.22 %" in shown and "\u22120.28 points to float" in shown
        assert "quantization-aware training" in shown
        assert "the input uses 17 of 256 levels" in shown
    assert [figure.name for figure in view.plots()] == ["quantization_loss"]
    assert "accuracy   -" not in repr(
        views.QuantizeView(
            **{**vars(view), "float_scores": {}, "int8_scores": {}, "evaluated_on": ""}
        )
    )


def test_a_bundle_and_a_measurement_show_what_to_expect_and_what_came(run: Run) -> None:
    manifest = {
        "files": {"model.tflite": ""},
        "samples": {"count": 181},
        "expected": {"accuracy": 0.97, "of": "the int8 Keras model"},
    }
    bundle = views.BundleView("cpu", run.bundle("cpu"), run.folder / "cpu.tar.gz", manifest)
    assert isinstance(bundle, BundleResult)
    assert (
        "97.00 %" in repr(bundle)
        and "manifest.json" in repr(bundle)
        and "model.tflite" not in repr(bundle)
    )
    path = run.measured("zcu102")
    measured = views.MeasureView("zcu102", "local", path, read_json(path, ""))
    assert isinstance(measured, MeasureResult)
    for shown in (repr(measured), measured._repr_html_()):
        assert "96.69 %" in shown and "0.41 ms" in shown and "4,210" in shown and "0.62 ms" in shown


def test_names_of_the_users_are_escaped() -> None:
    counts = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
    rows = [{"class": "<b>cat</b>", **counts}, {"class": "dog", **counts}]
    found = Evaluation(
        "float",
        0,
        2,
        0.5,
        0.5,
        0.1,
        rows,
        [[1, 0], [1, 0]],
        [{"index": 1, "true": 0, "predicted": 1, "confidence": 0.9}],
    )
    page = views.EvaluationView(found)._repr_html_()
    assert "<b>cat" not in page and "&lt;b&gt;cat" in page
    assert "<b>cat</b>" in repr(views.EvaluationView(found))


def test_a_wide_table_names_the_columns_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = [f"column{i}" for i in range(9)]
    text = views.Sheet("Wide", tables=[("", Table(columns, [[1] * 9]))]).to_text()
    shown = fitting(columns, [["1"] * 9], 40)
    assert 0 < shown < 9
    assert "and: {}".format(", ".join(columns[shown:])) in text
    assert max(len(line) for line in text.splitlines()[:-1]) <= 40


def fake_ipython(monkeypatch: pytest.MonkeyPatch, in_kernel: bool) -> List[Any]:
    """Let the views meet an IPython that keeps what is displayed."""
    shown: List[Any] = []
    shell = types.SimpleNamespace(**({"kernel": object()} if in_kernel else {}))
    display = types.ModuleType("IPython.display")
    vars(display).update(display=lambda what, raw=False: shown.append(what), HTML=lambda text: text)
    package = types.ModuleType("IPython")
    vars(package).update(get_ipython=lambda: shell, display=display)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


@pytest.mark.parametrize("in_kernel", [True, False])
def test_figures_follow_the_tables_in_a_notebook_but_not_in_a_terminal(
    search: views.SearchView, monkeypatch: pytest.MonkeyPatch, in_kernel: bool
) -> None:
    shown = fake_ipython(monkeypatch, in_kernel)
    search._ipython_display_()
    assert set(shown[0]) == {"text/plain", "text/html"}
    assert len(shown) == (2 if in_kernel else 1)


def test_without_nbformat_a_figure_is_html_that_needs_no_network(
    search: views.SearchView, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = fake_ipython(monkeypatch, True)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "nbformat" else real(name, *more),
    )
    views.show(search.plots()[0].to_plotly())
    (page,) = shown
    assert "Convergence" in page
    assert len(page) > 1e6 and 'src="http' not in page


def test_a_report_under_the_notebooks_folder_is_linked_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parts: Dict[str, Any] = {
        "size": 2500000,
        "sections": ("a",),
        "figures": ("b",),
        "missing": {"measured": "vaiopt measure x"},
    }
    view = views.ReportView(Path("runs/x/report.html"), **parts)
    assert 'href="runs/x/report.html"' in view._repr_html_()
    assert "2.5 MB, 1 figures" in repr(view) and "vaiopt measure x" in repr(view)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert 'href="file:///' in views.ReportView(tmp_path / "report.html", **parts)._repr_html_()
