"""The report as a whole: what is in the file, for runs at every stage."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest

from tests.report.synthetic import (
    SPACE,
    STAGES,
    make_records,
    make_run,
    write_h5,
    write_journal,
)
from vaiopt.data.recipe import read_recipe
from vaiopt.errors import RunError
from vaiopt.present.html import escape, paragraph
from vaiopt.present.table import Table
from vaiopt.record import write_record
from vaiopt.report import ReportData, ReportResult, build, gather, write, write_report
from vaiopt.report.examples import Example
from vaiopt.report.page import page as page_of
from vaiopt.report.places import without_absolute, without_places
from vaiopt.report.section import Section, SectionRow
from vaiopt.report.section_classification import gallery
from vaiopt.report.section_hyperparameters import ENOUGH
from vaiopt.report.section_summary import next_steps
from vaiopt.report.write import SECTIONS
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Chosen
from vaiopt.settings import SearchSettings, Settings
from vaiopt.study.space import Dimension, Space
from vaiopt.tasks.classification import evaluate_outputs
from vaiopt.text import printable

UNASKED = ("augmentation",)
"""Sections of what a person has to ask for."""
EVERY_SECTION = [
    row.key for row in SECTIONS if row.task in ("", "classification") and row.key not in UNASKED
]


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with the output of every stage."""
    return make_run(tmp_path_factory.mktemp("complete") / "run", trials=40, points=3)


@pytest.fixture(scope="module")
def written(complete: Run) -> ReportResult:
    return write_report(complete)


@pytest.fixture(scope="module")
def page(written: ReportResult) -> str:
    return written.path.read_text(encoding="utf-8")


def specs(page: str) -> List[Dict[str, Any]]:
    return [
        json.loads(text)
        for text in re.findall(
            r'<script type="application/json" id="spec-\d+">(.*?)</script>', page, re.S
        )
    ]


def test_figures_into_a_file_are_refused_before_the_page_is_written(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4, stages=())
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file' is a file"):
        write_report(run, export=tmp_path / "file")
    assert not run.report.exists()


def test_a_complete_run_has_every_section_and_waits_for_nothing(written: ReportResult) -> None:
    assert list(written.sections) == EVERY_SECTION
    assert written.missing == {}
    assert written.remarks == ()


def test_a_made_up_section_stands_in_its_place_where_its_task_is(
    complete: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hello(data: ReportData) -> Section:
        return Section("A greeting.", [paragraph(f"Hello from {data.name}.")])

    rows = (SectionRow("hello", "Hello", hello), SectionRow("other", "Other", hello, "made_up"))
    monkeypatch.setattr(write, "SECTIONS", (*SECTIONS[:1], *rows, *SECTIONS[1:]))
    data = gather(complete)
    sections = build(data)
    assert [s.key for s in sections] == [EVERY_SECTION[0], "hello", *EVERY_SECTION[1:]]
    page = page_of(data, sections)
    assert "<h2>Hello</h2>" in page and "Hello from run." in page and "Other</h2>" not in page


def test_the_report_stays_below_six_megabytes(written: ReportResult) -> None:
    assert written.size == written.path.stat().st_size < 6e6


def test_no_address_outside_the_file_is_loaded(page: str) -> None:
    without_library = re.sub(
        r'<script type="text/plain" id="plotly">.*?</script>', "", page, flags=re.S
    )
    for address in re.findall(r'(?:src|href|action)="([^"]*)"', without_library):
        assert address.startswith(("#", "data:"))
    assert not re.search(r"@import|url\(", without_library)
    assert "default-src 'none'" in page


def test_plotly_js_is_stored_whole(page: str) -> None:
    from plotly.offline import get_plotlyjs

    packed = re.search(r'<script type="text/plain" id="plotly">(.*?)</script>', page, re.S)
    assert packed is not None
    assert gzip.decompress(base64.b64decode(packed.group(1))).decode("utf-8") == get_plotlyjs()


def test_the_same_run_gives_the_same_bytes(complete: Run, written: ReportResult) -> None:
    before = written.path.read_bytes()
    write_report(complete)
    assert complete.report.read_bytes() == before


def test_every_figure_of_the_page_has_its_data(page: str, written: ReportResult) -> None:
    found = specs(page)
    assert len(found) == len(written.figures) == len(set(written.figures)) > 30
    assert re.findall(r'data-spec="spec-(\d+)"', page) == [str(i) for i in range(len(found))]
    assert all(spec["data"] for spec in found)


def test_every_figure_is_valid_for_plotly_in_both_palettes(complete: Run) -> None:
    for section in build(gather(complete)):
        for figure in section.figures():
            for theme in ("light", "dark"):
                assert len(figure.to_plotly(theme).data) == len(figure.traces)


def test_every_figure_has_rows_as_wide_as_its_columns(complete: Run) -> None:
    for section in build(gather(complete)):
        for figure in section.figures():
            assert figure.rows, figure.name
            assert {len(row) for row in figure.rows} == {len(figure.columns)}, figure.name


def test_every_table_has_rows_as_wide_as_its_columns(complete: Run) -> None:
    tables = [
        table
        for section in build(gather(complete))
        for table in section.blocks
        if hasattr(table, "rows") and hasattr(table, "numeric")
    ]
    assert len(tables) >= 10
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.columns


def test_the_summary_tells_figures_of_every_stage(complete: Run, page: str) -> None:
    summary = page[page.index('<section id="summary">') : page.index('<section id="cost">')]
    data = gather(complete)
    assert f"trial {data.chosen_number}" in summary
    for result in (data.float_test, data.int8_test, data.measured["zcu102"]):
        assert result is not None
        assert f"{100 * result.accuracy:.2f} %" in summary
    assert "highest validation accuracy of" in summary
    assert "Against the default point (trial 0" in summary


def test_misclassified_samples_are_shown_as_pictures(page: str, complete: Run) -> None:
    found = gather(complete).float_test
    assert found is not None
    picture = r'<img src="data:image/png;base64,[^"]+" alt="Test sample \d+: true \d, predicted \d"'
    assert len(re.findall(picture, page)) == min(24, len(found.misclassified)) > 0


IN_CONTAINER = "docker/run vaiopt run --from quantize --to compile"


def test_an_off_board_model_for_a_dpu_leads_to_the_container_not_to_the_compiler(
    tmp_path: Path,
) -> None:
    steps = next_steps(gather(make_run(tmp_path / "run", 6, stages=("evaluate", "quantize"))))
    assert len(steps) == 1 and steps[0][1].startswith(IN_CONTAINER)
    assert "off-board" in steps[0][0]


def test_a_stopped_search_names_both_ways_on(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 6, chosen=False)
    commands = [command for _, command in next_steps(gather(run))]
    assert commands == [f"vaiopt search --run {run.folder}", f"vaiopt choose {run.folder}"]


@pytest.mark.parametrize(
    "stages, missing",
    [
        ((), {"test": "vaiopt evaluate", "quantization": IN_CONTAINER}),
        (("evaluate",), {"quantization": IN_CONTAINER}),
        (("evaluate", "quantize", "compile", "bundle"), {"measured": "vaiopt measure"}),
    ],
)
def test_a_stage_that_has_not_run_is_named_with_its_command(
    tmp_path: Path, stages: Any, missing: Dict[str, str]
) -> None:
    run = make_run(tmp_path / "run", trials=12, stages=stages)
    result = write_report(run)
    text = result.path.read_text(encoding="utf-8")
    assert list(result.missing) == list(missing)
    for key, command in result.missing.items():
        assert command.startswith(missing[key])
        assert str(run.folder) in command
        assert escape(command.replace(str(run.folder), run.folder.name)) in text


def test_a_run_that_kept_no_initial_weights_shows_what_the_initializer_draws(
    page: str, tmp_path: Path
) -> None:
    assert "The weights after training (bars) and before it (orange outline)." in page
    run = make_run(tmp_path / "run", trials=4, stages=())
    run.chosen.initial_weights.unlink()
    assert "the run kept no initial weights" in write_report(run).path.read_text(encoding="utf-8")


def test_what_belongs_to_an_earlier_choice_is_left_out_and_said_to_be(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=6)
    assert write_report(run).remarks == ()
    write_h5(run.chosen.model, seed=7)
    result = write_report(run)
    text = result.path.read_text(encoding="utf-8")
    assert any(
        "not made from the candidate's files as they are now" in remark
        and escape(remark.replace(str(run.folder), run.folder.name)) in text
        for remark in result.remarks
    )
    assert result.missing["quantization"] == f"{IN_CONTAINER} --run {run.folder}"
    assert "confusion_int8" not in result.figures
    assert "int8 levels" not in text
    assert gather(run).measured == {}


def test_a_search_without_a_chosen_model_shows_its_trials(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=5, stages=(), chosen=False)
    result = write_report(run)
    assert {"summary", "cost", "search", "hyperparameters", "curves"} < set(result.sections)
    assert not {"test", "weights", "quantization", "layers", "measured"} & set(result.sections)
    assert "No model was chosen yet" in result.path.read_text(encoding="utf-8")


def test_a_run_of_one_trial_has_a_report(tmp_path: Path) -> None:
    result = write_report(make_run(tmp_path / "run", trials=1, stages=("evaluate",)))
    assert "convergence" in result.figures


def test_a_run_whose_trials_all_failed_has_a_report(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=1, stages=(), chosen=False)
    run.journal.unlink()
    failed = [
        type(r)(r.number, "failed", "out of memory", hyperparameters=r.hyperparameters)
        for r in make_records(3)
    ]
    write_journal(run, failed)
    text = write_report(run).path.read_text(encoding="utf-8")
    assert "out of memory" in text
    assert "No trial has completed yet." in text


def test_a_run_without_trials_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=1, stages=(), chosen=False)
    run.journal.unlink()
    with pytest.raises(RunError):
        write_report(run)
    assert not run.report.exists()


def test_a_corrupt_file_is_refused_by_name_and_the_old_report_stays(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4)
    write_report(run)
    before = run.report.read_bytes()
    run.chosen.quantized_metrics.write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="metrics.json"):
        write_report(run)
    assert run.report.read_bytes() == before


def test_names_and_reasons_cannot_become_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaiopt.report.export.has_module", lambda name: False)
    evil = '<script>alert("x")</script>&%{y}'
    run = make_run(tmp_path / evil.replace("/", "_"), trials=1, stages=())
    space = Space((*SPACE.dimensions, Dimension(evil, "choice", evil, values=(evil, "@blue"))))
    records = [
        type(r)(
            **{
                **r.__dict__,
                "reason": evil,
                "hyperparameters": {**r.hyperparameters, evil: evil if r.number % 2 else "@blue"},
            }
        )
        for r in make_records(12)
    ]
    run.journal.unlink()
    write_journal(run, records, space)
    _evaluation_with_classes(run, (evil, "b"))
    text = write_report(run, export=tmp_path / "export").path.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert text.count("</script>") == text.count("<script")
    for spec in specs(text):
        drawn = [trace for trace in spec["data"] if trace["type"] != "parcoords"]
        assert "<script" not in json.dumps(drawn)
        assert "alert" not in "".join(str(trace.get("hovertemplate")) for trace in drawn)


def test_no_name_is_a_formula_or_obeyed_by_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaiopt.report.export.has_module", lambda name: False)
    name = "=1\x1b[2J\u202e\udcff"
    run = make_run(tmp_path / "run", trials=4, stages=())
    space = Space((*SPACE.dimensions, Dimension("@hp", "choice", "-a", values=("-a", "+b"))))
    records = [
        replace(
            record,
            reason=name,
            hyperparameters={**record.hyperparameters, "@hp": "-a" if record.number % 2 else "+b"},
        )
        for record in make_records(12)
    ]
    run.journal.unlink()
    write_journal(run, records, space)
    _evaluation_with_classes(run, (name, "@b"))
    result = write_report(run, export=tmp_path / "export")
    page = result.path.read_text(encoding="utf-8")
    assert printable(page, keep="\n\t") == page and "=1\\x1b[2J" in page
    cells = []
    for path in (tmp_path / "export").glob("*.csv"):
        text = path.read_text(encoding="utf-8")
        assert printable(text, keep="\n") == text
        cells += [(path.name, cell) for row in csv.reader(text.splitlines()) for cell in row]
    assert any(cell == "'@b" for _, cell in cells)
    for where, cell in cells:
        assert cell[:1] not in tuple("=+-@") or np.isfinite(float(cell)), where


def _evaluation_with_classes(run: Run, classes: Tuple[str, str]) -> None:
    candidate, outputs = run.chosen, np.array([[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]])
    found = evaluate_outputs(outputs, np.array([0, 0, 1]), classes, kind="float", trial=0)
    write_record(candidate.evaluation, found)
    write_record(candidate.data, replace(read_recipe(candidate), classes=classes))


def test_data_that_changed_leaves_the_pictures_out_and_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4, stages=("evaluate",))
    recipe = read_recipe(run.chosen)
    write_record(run.chosen.data, replace(recipe, sha256="0" * 64))
    result = write_report(run)
    assert any("shown without their content" in remark for remark in result.remarks)
    assert "data:image/png" not in result.path.read_text(encoding="utf-8")


def test_an_evaluation_of_other_classes_than_the_data_is_refused_by_name(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4, stages=("evaluate",))
    names = tuple("abcdefghij")
    write_record(run.chosen.data, replace(read_recipe(run.chosen), classes=names))
    with pytest.raises(RunError, match="evaluation.json.*per_class"):
        write_report(run)


def test_what_was_predicted_is_not_what_was_measured_during_the_search(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=8, stages=(), measured_ms=0.75)
    data = gather(run)
    assert data.chosen is not None
    predicted = data.chosen.costs["latency_ms"]
    assert predicted != 0.75
    text = write_report(run).path.read_text(encoding="utf-8")
    said = f"{predicted:.3g} ms"
    assert f"predicted as {said}; the search measured 0.75 ms" in text
    assert f">{0.75 / predicted:.2f}</td>" in text
    assert "measured latency (ms)</th>" in text
    assert f'Predicted latency</dt><dd class="value">{said}' in text


def test_tabular_mistakes_are_shown_by_their_values(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4, stages=("evaluate",), source="breast_cancer")
    text = write_report(run).path.read_text(encoding="utf-8")
    assert ">mean radius</th>" in text
    assert "data:image/png" not in text


def test_export_writes_the_data_of_every_figure(
    complete: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vaiopt.report.export as export

    monkeypatch.setattr(export, "has_module", lambda name: False)
    result = write_report(complete, export=tmp_path / "out")
    names = {path.name for path in result.exported}
    assert {name + ".csv" for name in result.figures} < names
    assert any("kaleido is not installed" in remark for remark in result.remarks)
    with (tmp_path / "out" / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 41
    assert rows[0][:3] == ["trial", "status", "value"]
    assert {len(row) for row in rows} == {len(rows[0])}


def test_every_exported_figure_and_table_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaiopt.report import write

    monkeypatch.setattr("vaiopt.report.export.has_module", lambda name: False)
    result = write_report(make_run(tmp_path / "run", points=3), export=tmp_path / "out")
    assert len(result.exported) == len(list((tmp_path / "out").iterdir()))
    # As several outputs have the same tables.
    table = Table(("class",), [["a"]], name="by_class")
    numbered = write._unique_names([Section("", [table, table]), Section("", [table])])
    names = [table.name for section in numbered for table in section.tables()]
    assert names == ["by_class", "by_class_2", "by_class_3"]


def test_export_without_a_browser_says_what_is_missing(
    complete: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vaiopt.report.export as export

    def no_browser(*_: Any) -> None:
        raise RuntimeError("Kaleido requires Google Chrome to be installed.")

    monkeypatch.setattr(export, "has_module", lambda name: True)
    monkeypatch.setattr(export, "_draw", no_browser)
    result = write_report(complete, export=tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.png"))
    assert not list((tmp_path / "out").glob(".png*"))
    assert "requires Google Chrome" in result.remarks[0]


def test_reporting_loads_no_tensorflow(complete: Run, root: Path) -> None:
    code = (
        "import sys; from vaiopt.run import Run; from vaiopt.report import write_report;"
        " write_report(Run(sys.argv[1]));"
    )
    code += "print('tensorflow' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code, str(complete.folder)],
        cwd=str(root),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "False"


def test_importing_the_report_loads_neither_plotly_nor_sklearn(root: Path) -> None:
    code = (
        "import sys, vaiopt.report; print(sorted({'plotly', 'sklearn', 'optuna', 'pandas', 'h5py'}"
        " & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=str(root), stdout=subprocess.PIPE, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_result_is_plain_json(written: ReportResult) -> None:
    content = json.loads(json.dumps(written.to_json()))
    assert content["path"].endswith("report.html")
    assert content["figures"] == list(written.figures)


def test_sections_without_content_are_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=3, stages=STAGES[:1])
    sections: List[Section] = build(gather(run))
    assert "measured" not in [section.key for section in sections]
    assert all(section.blocks for section in sections)


def trials_text(sampler: str, records: List[Any], space: Space = SPACE) -> str:
    """Return the section on hyperparameters as text."""
    settings = Settings(search=SearchSettings(sampler=sampler))
    sections = build(ReportData(name="run", settings=settings, trials=records, space=space))
    section = next(section for section in sections if section.key == "hyperparameters")
    return " ".join(str(getattr(block, "caption", block)) for block in section.blocks)


@pytest.mark.parametrize(
    "sampler, words",
    [
        ("gp", "the Gaussian process that the search proposed its points with"),
        ("forest", "the forest of random trees that the search proposed"),
        ("tpe", "as the sampler gp fits it (this search proposed its points with tpe)"),
    ],
)
def test_the_report_says_which_model_partial_dependence_comes_from(
    sampler: str, words: str
) -> None:
    assert words in trials_text(sampler, make_records(20))


def test_few_trials_equal_trials_and_a_single_hyperparameter_are_told_in_words() -> None:
    assert "need at least 4 completed trials" in trials_text("gp", make_records(3))
    equal = [
        type(r)(**{**r.__dict__, "value": 0.5}) for r in make_records(8) if r.value is not None
    ]
    assert "have the same objective" in trials_text("gp", equal)
    one = [
        type(r)(i, "complete", value=float(i), hyperparameters={"filters": 8 + 8 * i})
        for i, r in enumerate(make_records(6))
    ]
    text = trials_text("gp", one)
    assert "varied: there is nothing to compare" in text
    assert "expects on average" in text


def test_trials_without_a_search_space_have_a_report() -> None:
    assert "no search space on file" in trials_text("gp", make_records(8), Space())


@pytest.mark.slow
def test_thousands_of_trials_stay_below_six_megabytes() -> None:
    records = make_records(6000)
    best = max((r for r in records if r.value is not None), key=lambda r: float(r.value or 0.0))
    choice = Chosen((best.number,))
    data = ReportData(name="large", settings=Settings(), trials=records, choice=choice, space=SPACE)
    sections = build(data)
    assert len(page_of(data, sections).encode("utf-8")) < 6e6
    convergence = next(
        figure
        for section in sections
        for figure in section.figures()
        if figure.name == "convergence"
    )
    assert len(convergence.rows) == 6000


def test_names_that_make_the_same_file_name_are_told_apart() -> None:
    trials = [
        type(r)(
            r.number,
            "complete",
            value=float(r.number),
            hyperparameters={"a b": r.number, "a_b": r.number % 3},
        )
        for r in make_records(6)
    ]
    names = [
        figure.name
        for section in build(ReportData(name="run", settings=Settings(), trials=trials))
        for figure in section.figures()
    ]
    assert "slice_a_b" in names
    assert "slice_a_b_2" in names
    assert len(names) == len(set(names))


def test_no_path_of_this_computer_stands_in_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "mine" / "first", trials=6)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    recipe = read_recipe(run.chosen)
    write_record(run.chosen.data, replace(recipe, base=str(tmp_path / "mine" / "data")))
    data = gather(run)
    environment = {**data.environment, "command": f"vaiopt search {tmp_path}/home/s.toml"}
    data = replace(data, environment=environment)
    text = page_of(data, build(data))
    plain = text.split('id="plotly"')[0]
    assert str(tmp_path) not in plain
    assert "vaiopt search ~/s.toml" in plain and "first/run.toml" in plain


def test_what_an_error_or_a_setting_names_by_its_whole_path_is_cut_to_its_last_part(
    tmp_path: Path,
) -> None:
    data = gather(make_run(tmp_path / "run", trials=6, stages=()))
    reason = "ValueError in /opt/venv/lib/python3.11/site-packages/keras/layers.py: no"
    trials = [*data.trials[:-1], replace(data.trials[-1], status="failed", reason=reason)]
    search = replace(data.settings.search, storage="sqlite:////srv/studies/mine.db")
    model = replace(data.settings.model, family="/home/me/nets/net.py:build_model")
    settings = replace(data.settings, search=search, model=model)
    toml = data.toml + "\nkey = '/home/me/.ssh/id_rsa'\n"
    data = replace(data, trials=trials, settings=settings, toml=toml)
    plain = page_of(data, build(data)).split('id="plotly"')[0]
    for part in ("/opt/venv", "/srv/", "/home/me"):
        assert part not in plain
    assert "…/layers.py: no" in plain and "…/mine.db" in plain and "…/net.py:build_model" in plain


def test_images_and_ends_of_elements_are_no_paths() -> None:
    text = '<b>a</b><img src="data:image/jpeg;base64,/9j/4AAQ/Sk=">1/2/3 https://a.b/c/d conv/relu'
    assert without_absolute(text) == text


def test_a_path_that_only_begins_alike_stays_and_what_is_put_in_is_escaped() -> None:
    places = (("/data/run", "<b>"),)
    text = without_places("'/data/run/x' '/data/run2' '/my/data/run'", places, escape)
    assert text == "'&lt;b&gt;/x' '/data/run2' '/my/data/run'"


@pytest.mark.parametrize("trials, folded", [(8, True), (40, False)])
def test_statistics_of_few_trials_are_folded_away(
    tmp_path: Path, trials: int, folded: bool
) -> None:
    data = gather(make_run(tmp_path / "run", trials=trials, stages=()))
    page = page_of(data, build(data))
    for name in ("Correlations", "Slices", "Distributions"):
        found = re.search(rf"<summary>{name} of \d+ completed trials; [^<]* {ENOUGH} on", page)
        assert (found is not None) == folded, name


def test_on_paper_the_page_is_light_and_nothing_is_cut(page: str) -> None:
    light = re.search(
        r"@media print\{:root,:root\[data-theme=dark\][^{]*\{color-scheme:(\w+)", page
    )
    assert light is not None and light.group(1) == "light"
    printed = page.split("@media print {")[1].split("</style>")[0]
    assert "overflow: visible" in printed and "max-height: none" in printed
    assert 'addEventListener("beforeprint"' in page and "part.open = true" in page


def test_the_first_column_of_a_table_stays_in_sight(page: str) -> None:
    assert re.search(r"td:first-child[^{]*\{ position: sticky; left: 0", page)


def test_a_mistake_is_called_by_its_file_where_it_has_one() -> None:
    example = Example(3, "cat", "dog", 0.9, "cats/7.png", "data:,")
    shown = str(gallery([example, replace(example, name="")]))
    assert "cats/7.png" in shown and "sample 3" in shown
