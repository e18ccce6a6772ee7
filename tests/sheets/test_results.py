"""What results show: the same numbers as text and as HTML, nothing unescaped, latencies that say
whether they were predicted or measured.
"""

import ast
import dataclasses
import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import pytest

import vaiopt as vo
from tests.report.synthetic import COMPILED, MANIFEST, MEASURED, QUANTIZED, make_run
from vaiopt import flow
from vaiopt.compile import CompileResult
from vaiopt.container import ContainerFolder
from vaiopt.deploy import BundleResult, MeasureResult
from vaiopt.deploy.calibrate import CalibrateResult
from vaiopt.deploy.kit_check import KitCheck, KitRow
from vaiopt.doctor import diagnose
from vaiopt.evaluate import Evaluations, evaluate_trials
from vaiopt.export import ExportResult
from vaiopt.hardware import list_targets, load_target
from vaiopt.hardware.target_files import KEY
from vaiopt.predictions import Prediction, Predictions
from vaiopt.present.shown import SHEETS, figures_of, row_name, sheet_of
from vaiopt.quantize import QuantizeResult
from vaiopt.report.write import ReportResult
from vaiopt.run_list import state_of
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Run
from vaiopt.search import SearchResult
from vaiopt.study.record import TrialRecord
from vaiopt.study.trials import load_trials
from vaiopt.summary import rank_trials
from vaiopt.tasks.classification import ClassEvaluation, ClassScores, Mistake

WIDTH = 80

ERRORS = {"mean_percent": 2.5, "max_percent": 9.25}
CALIBRATED = CalibrateResult(
    target="zcu102-measured",
    path=Path("zcu102-measured.json"),
    base="zcu102",
    release="3.0",
    validation="calibrated on 3 models",
    better=True,
    warnings=(),
    record={
        KEY: {
            "error": {"single": ERRORS, "before": {"mean_percent": 30.0, "max_percent": 60.0}},
            "measurements": [
                {
                    "run": "runs/a",
                    "measured_ms": 0.5,
                    "before_ms": 0.75,
                    "left_out_ms": 0.625,
                    "predicted_ms": 0.53125,
                }
            ],
        }
    },
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with the output of every stage, whose chosen trial was measured in the search."""
    return make_run(tmp_path_factory.mktemp("sheets") / "run", trials=16, measured_ms=0.57)


@pytest.fixture(scope="module")
def search(run: Run) -> SearchResult:
    trials = load_trials(run)
    counts = {"complete": 15, "pruned": 1}
    return SearchResult(str(run.folder), trials[run.chosen.number], trials[0], counts, 12.5)


@pytest.fixture(scope="module")
def results(run: Run, search: SearchResult) -> List[Any]:
    """One of each result that a function of the public door, or a command, gives."""
    made = CompileResult(run.folder, COMPILED)
    evaluations = vo.evaluate_run(run, progress=None)
    return [
        search,
        search.chosen,
        vo.data_sheet("digits"),
        rank_trials(run),
        evaluations,
        [evaluations.float_test],
        QuantizeResult(run.chosen.quantized_folder, QUANTIZED),
        made,
        [made, made],
        BundleResult("zcu102", run.chosen.bundle("zcu102"), run.folder / "zcu102.gz", MANIFEST),
        MeasureResult(run.chosen.measured("zcu102"), MEASURED),
        vo.inspect_model(run),
        flow.summarise(run),
        list_targets(),
        vo.targets(),
        load_target("zcu102"),
        diagnose(),
        ReportResult(Path("report.html"), 10, ("a",), ("b",), {"measured": "vaiopt measure x"}),
        CALIBRATED,
        ExportResult(Path("model.onnx"), 1000, 13),
        vo.compare(run, run),
        state_of(run),
        [state_of(run)],
        Predictions(
            "runs/a", 3, "int8", "Keras", (Prediction("a.png", "<b>", 0.9, "c", 0.1),), 2.0
        ),
        KitCheck("root@kit", ("dpu",), (KitRow("python", False, "3.6", "use <another>"),)),
        ContainerFolder(Path("docker"), "docker/build", "docker/run", ("notes.txt",)),
        vo.figures(run),
    ]


def test_every_row_is_of_a_result_and_every_result_has_one(results: List[Any]) -> None:
    assert {row_name(result, SHEETS) for result in [*results, []]} == set(SHEETS)


def test_every_result_has_a_sheet_that_fits_a_terminal(results: List[Any]) -> None:
    for result in results:
        sheet = sheet_of(result)
        text = sheet.to_text(WIDTH)
        assert sheet.title in text.splitlines()[0], row_name(result, SHEETS)
        lines = [line for line in text.splitlines()[1:] if "│" not in line]
        assert max(map(len, lines), default=0) <= WIDTH, row_name(result, SHEETS)
        assert "None" not in text, row_name(result, SHEETS)
        for value in (value for _, value, _ in sheet.facts if value is not None):
            assert str(value) in sheet.to_html()


def test_every_class_that_a_public_function_returns_shows_itself() -> None:
    returned = [
        inspect.signature(getattr(vo, name)).return_annotation
        for name in vo.__all__
        if inspect.isfunction(getattr(vo, name))
    ]
    plain = ("Settings", "Run", "Any", "Iterator[None]")  # the last: a context
    names = {re.sub(r"^ShownList\[", "List[", str(name)) for name in returned} - set(plain)
    assert len(names) > 8
    assert names <= set(SHEETS)


def test_what_nobody_gave_a_sheet_is_an_error() -> None:
    with pytest.raises(TypeError, match="no sheet is known for dict"):
        sheet_of({})


@pytest.mark.parametrize("module", ["results", "trial_list"])
def test_sheets_load_no_stage(module: str, root: Path) -> None:
    tree = ast.parse((root / "vaiopt" / "sheets" / f"{module}.py").read_text(encoding="utf-8"))
    loaded = {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    stages = ("search", "evaluate", "quantize", "compile", "deploy")
    assert not [name for name in loaded if name.split(".")[1:2] and name.split(".")[1] in stages]


def test_a_search_shows_the_chosen_trial_the_best_and_its_convergence(
    search: SearchResult,
) -> None:
    text, page = repr(search), search._repr_html_()
    for shown in (text, page):
        assert f"trial {search.chosen.number}" in shown
        assert f"{100 * search.chosen.metrics['val_accuracy']:.2f} %" in shown
        assert "15 complete, 1 pruned" in shown
        assert "The best 10 of 16 trials" in shown
    assert page.count('<tr class="mark">') == 1
    assert [figure.name for figure in figures_of(search)] == ["convergence"]


def test_a_latency_is_called_predicted_or_measured_and_is_that(
    search: SearchResult, run: Run
) -> None:
    predicted = f"{search.chosen.costs['latency_ms']:.3g} ms"
    for result in (search, search.chosen, flow.summarise(run)):
        facts = {label: value for label, value, _ in sheet_of(result).facts}
        assert facts["predicted latency"] == predicted
        assert not [label for label in facts if label == "latency"]
    assert {label: value for label, value, _ in sheet_of(search.chosen).facts}[
        "measured latency"
    ] == "0.57 ms"
    assert {label: value for label, value, _ in sheet_of(flow.summarise(run)).facts}[
        "measured latency"
    ] == "0.41 ms"
    (_, table), *_ = sheet_of(rank_trials(run)).tables
    row = next(row for row in table.rows if row[0] == search.chosen.number)
    cells = dict(zip(table.columns, row))
    assert (cells["predicted latency"], cells["measured latency"]) == (predicted, "0.57 ms")


def test_a_search_shows_what_it_knows_when_its_folder_is_gone(
    search: SearchResult, tmp_path: Path
) -> None:
    moved = replace(search, folder=str(tmp_path / "gone"))
    assert f"trial {search.chosen.number}" in repr(moved)
    assert figures_of(moved) == []


def test_a_trial_that_is_not_complete_is_listed_with_its_state_and_reason(run: Run) -> None:
    ranked = rank_trials(run)
    broken = TrialRecord(99, "infeasible", "2 ms is above max_latency_ms = 1")
    text = sheet_of(replace(ranked, trials=[*ranked.trials, broken])).to_text(WIDTH)
    assert re.search(r"99 +infeasible", text)
    assert "max_latency_ms" in text


def test_ranked_trials_as_json_have_the_fronts(run: Run) -> None:
    content = rank_trials(run, pareto=True).to_json()
    assert list(content) == ["metric", "direction", "pareto", "trials"]
    assert content["metric"] == "val_accuracy"
    on_a_front = {number for numbers in content["pareto"].values() for number in numbers}
    assert {trial["number"] for trial in content["trials"]} == on_a_front


def test_the_front_of_several_costs_is_named_by_all_of_them(run: Run) -> None:
    ranked = rank_trials(run)
    joint = {"latency_ms, macs": [3, 1]}
    shown = sheet_of(replace(ranked, pareto=joint, costs=("params", "latency_ms", "macs")))
    against = "against predicted latency (ms) and multiply-accumulates"
    assert shown.facts == [("front", "3, 1", against)]
    (_, table), *_ = shown.tables
    assert "multiply-accumulates" in table.columns
    assert "multiply-accumulates" not in sheet_of(ranked).tables[0][1].columns


def test_a_search_says_what_decided_for_the_chosen_trial(search: SearchResult, run: Run) -> None:
    before, reason = run.read_chosen(), "trial 3 is the knee of the front"
    write_chosen(run, replace(before, reason=reason))
    try:
        assert reason in sheet_of(search).notes
        other = replace(search, chosen=replace(search.chosen, number=98))
        assert reason not in sheet_of(other).notes
    finally:
        write_chosen(run, before)


def test_an_evaluation_shows_classes_mistakes_and_the_last_models_confusion(run: Run) -> None:
    found = vo.evaluate_run(run, progress=None)
    for shown in (repr(found), found._repr_html_()):
        assert f"{100 * found.float_test.accuracy:.2f} %" in shown
        assert "F1, int8" in shown
        assert "The surest mistakes" in shown
    assert [figure.name for figure in figures_of(found)] == ["confusion_int8"]
    alone = Evaluations(found.float_test)
    assert [figure.name for figure in figures_of(alone)] == ["confusion_float"]


def test_several_trials_on_the_test_split_are_one_table(run: Run) -> None:
    text = sheet_of(evaluate_trials(run, [])).to_text(WIDTH)
    assert "test accuracy" in text and str(run.chosen.number) in text


def test_a_quantization_shows_what_int8_cost_and_warns(run: Run) -> None:
    result = QuantizeResult(run.chosen.quantized_folder, QUANTIZED)
    for shown in (repr(result), result._repr_html_()):
        assert "97.22 %" in shown and "\u22120.28 points to float" in shown
        assert "quantization-aware training" in shown
        assert "the input uses 17 of 256 levels" in shown
    assert [figure.name for figure in figures_of(result)] == ["quantization_loss"]
    unlabelled = replace(QUANTIZED, float_scores={}, int8_scores={}, evaluated_on="")
    assert "accuracy" not in repr(replace(result, record=unlabelled))


def test_a_compilation_shows_the_file_its_size_and_warnings(run: Run) -> None:
    result = CompileResult(run.folder, replace(COMPILED, warnings=("a warning",)))
    assert "Compiled for zcu102" in repr(result)
    for shown in (repr(result), sheet_of([result, result]).to_text()):
        assert "model.xmodel" in shown and "4.3 kB" in shown and "a warning" in shown


def test_a_bundle_and_a_measurement_show_what_to_expect_and_what_came(run: Run) -> None:
    bundle = BundleResult(
        "zcu102", run.chosen.bundle("zcu102"), run.folder / "zcu102.tar.gz", MANIFEST
    )
    assert "96.69 %" in repr(bundle) and "manifest.json" in repr(bundle)
    assert "model.xmodel" not in repr(bundle), "a file that is not there"
    measured = MeasureResult(run.chosen.measured("zcu102"), MEASURED)
    for shown in (repr(measured), measured._repr_html_()):
        assert "94.97 %" in shown and "0.41 ms" in shown and "4,210" in shown and "0.62 ms" in shown


def test_a_calibration_shows_the_errors_before_and_after() -> None:
    text = sheet_of(CALIBRATED).to_text(WIDTH)
    for shown in ("2.5 %", "before: 30.0 %", "0.531 ms", "runs/a", "zcu102-measured.json"):
        assert shown in text


def test_an_inspection_shows_layers_and_advice(run: Run) -> None:
    found = vo.inspect_model(run, "zcu102")
    for shown in (repr(found), found._repr_html_()):
        assert "predicted latency" in shown and "conv" in shown
        assert "What would make it faster" in shown
    assert [figure.name for figure in figures_of(found)] == ["layer_costs"]


def test_names_of_the_users_are_escaped() -> None:
    rows = tuple(ClassScores(name, 1.0, 1.0, 1.0, 1) for name in ("<b>cat</b>", "dog"))
    wrong = (Mistake(1, 0, 1, 0.9),)
    found = ClassEvaluation("float", 0, 2, 0.5, 0.5, 0.1, rows, ((1, 0), (1, 0)), wrong)
    page = Evaluations(found)._repr_html_()
    assert "<b>cat" not in page and "&lt;b&gt;cat" in page
    assert "<b>cat</b>" in repr(Evaluations(found))


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
    result = ReportResult(Path("runs/x/report.html"), **parts)
    assert 'href="runs/x/report.html"' in result._repr_html_()
    assert "2.5 MB, 1 figures" in repr(result) and "vaiopt measure x" in repr(result)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert 'href="file:///' in ReportResult(tmp_path / "report.html", **parts)._repr_html_()


def test_a_result_is_its_own_data_class(search: SearchResult) -> None:
    assert dataclasses.is_dataclass(search) and type(search) is SearchResult
    assert replace(search, seconds=1.0).to_json()["seconds"] == 1.0
