"""Single figures, ticks, labels and pictures."""

from __future__ import annotations

import io
from typing import Any, List, Tuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.synthetic import MEASURED, inspection, layer, make_records
from vaiopt.present import words
from vaiopt.present.figure import clean, file_stem
from vaiopt.report import ReportData
from vaiopt.report.dimensions import dimensions
from vaiopt.report.examples import examples
from vaiopt.report.figures_front import trade_off
from vaiopt.report.figures_hyperparameter import distributions
from vaiopt.report.figures_model import confusion, layer_costs
from vaiopt.report.figures_search import convergence, learning_curves, time_line
from vaiopt.report.images import data_uri, png, to_pixels
from vaiopt.report.on_targets import OnTarget
from vaiopt.report.section_summary import latency_table, why
from vaiopt.report.ticks import linear_ticks, log_ticks, number
from vaiopt.runs.records import Chosen
from vaiopt.settings import Settings
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Space
from vaiopt.tasks.classification import Mistake, evaluate_outputs


def data(trials: List[TrialRecord], **more: Any) -> ReportData:
    return ReportData(name="run", settings=Settings(), trials=trials, **more)


@pytest.mark.parametrize(
    "minimise, expected", [(False, [0.2, 0.5, 0.5, 0.9]), (True, [0.2, 0.2, 0.2, 0.2])]
)
def test_best_so_far_never_gets_worse(minimise: bool, expected: List[float]) -> None:
    trials = [TrialRecord(i, "complete", value=v) for i, v in enumerate([0.2, 0.5, 0.3, 0.9])]
    figure = convergence(data(trials, minimise=minimise))
    assert figure is not None
    assert [row[3] for row in figure.rows] == expected


def test_trials_without_an_objective_are_marked_below_the_convergence() -> None:
    trials = [
        TrialRecord(0, "complete", value=0.5),
        TrialRecord(1, "failed", "NaN"),
        TrialRecord(2, "infeasible", "too slow"),
    ]
    figure = convergence(data(trials))
    assert figure is not None
    assert [(t["name"], t["x"]) for t in figure.traces if t.get("yaxis") == "y2"] == [
        ("infeasible", [2.0]),
        ("failed", [1.0]),
    ]


def test_without_a_completed_trial_there_is_no_convergence_and_no_trade_off() -> None:
    trials = [TrialRecord(0, "failed", "NaN")]
    assert convergence(data(trials)) is None
    assert trade_off(data(trials), "params") is None
    assert learning_curves(data(trials), "loss") is None
    assert time_line(data(trials)) is None


def test_curves_of_many_trials_are_one_line_with_gaps_and_the_chosen_stands_out() -> None:
    records = make_records(30)
    figure = learning_curves(data(records, choice=Chosen((3,))), "accuracy")
    assert figure is not None
    names = [trace["name"] for trace in figure.traces]
    assert names[-2:] == ["trial 3", "trial 3, training"]
    everyone = figure.traces[names.index("complete")]
    assert everyone["x"].count(None) == sum(
        1 for r in records if r.status == "complete" and r.number != 3
    )
    assert len(figure.rows) == sum(len(r.curve) for r in records)


def test_times_with_and_without_zone_share_one_line() -> None:
    trials = [
        TrialRecord(
            0,
            "complete",
            value=0.1,
            started="2026-01-05T10:00:00+01:00",
            finished="2026-01-05T10:01:00+01:00",
            worker="1@a",
        ),
        TrialRecord(
            1,
            "complete",
            value=0.1,
            started="2026-01-05T09:01:00Z",
            finished="2026-01-05T09:02:00Z",
            worker="1@a",
        ),
    ]
    figure = time_line(data(trials))
    assert figure is not None
    assert figure.traces[0]["base"] == [0.0, 60.0]
    assert figure.traces[0]["x"] == [60.0, 60.0]


def test_shares_of_a_distribution_add_up_to_one() -> None:
    records = [r for r in make_records(60) if r.status == "complete"]
    for figure in distributions(data(records), dimensions(records, Space())):
        for trace in figure.traces:
            assert sum(trace["y"]) == pytest.approx(1.0)


def test_many_classes_are_drawn_without_numbers_in_the_cells() -> None:
    for classes, numbered in ((10, True), (50, False)):
        names = [str(i) for i in range(classes)]
        found = evaluate_outputs(np.eye(classes), np.arange(classes), names, kind="float", trial=0)
        figure = confusion(found, "confusion", "Confusion")
        assert bool(figure.layout["annotations"]) is numbered


@given(st.floats(1e-9, 1e9), st.floats(1.0001, 1e9))
def test_logarithmic_ticks_are_few_and_inside(low: float, ratio: float) -> None:
    places = log_ticks(low, low * ratio)
    assert 1 <= len(places) <= 6
    assert all(low * 0.998 <= place <= low * ratio * 1.002 for place in places)
    assert places == sorted(places)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_linear_ticks_are_few_and_inside(low: float, span: float) -> None:
    places = linear_ticks(low, low + span)
    assert 1 <= len(places) <= 7
    assert all(low - 0.01 * span <= place <= low + 1.01 * span for place in places)


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"),
        (0.05, "0.05"),
        (256, "256"),
        (20000, "20k"),
        (1.5e6, "1.5M"),
        (1e-4, "10⁻⁴"),
        (2e-4, "2·10⁻⁴"),
        (3e12, "3·10¹²"),
    ],
)
def test_numbers_on_axes_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_figures_hold_nothing_that_json_lacks() -> None:
    assert clean(
        {"a": [float("nan"), np.float32(0.5), np.arange(2), (1, None)], 2: float("inf")}
    ) == {"a": [None, 0.5, [0, 1], [1, None]], "2": None}


@pytest.mark.parametrize(
    "name, stem",
    [
        ("units_1", "units_1"),
        ("../a b", "_a_b"),
        ("", "unnamed"),
        ("...", "unnamed"),
        ("x" * 99, "x" * 80),
    ],
)
def test_file_names_are_safe(name: str, stem: str) -> None:
    assert file_stem(name) == stem


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_pictures_are_png_that_others_read(shape: Tuple[int, ...]) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    read = np.asarray(image.open(io.BytesIO(png(pixels))))
    assert np.array_equal(read, pixels[:, :, 0] if shape[-1] == 1 else pixels)
    assert data_uri(pixels).startswith("data:image/png;base64,")


def test_pictures_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError):
        png(np.zeros((4, 4, 2), np.uint8))


def test_samples_of_any_range_and_size_become_pixels() -> None:
    assert to_pixels(np.array([[-1.0, 1.0]]), -1.0, 1.0).tolist() == [[0, 255]]
    assert to_pixels(np.ones((4, 4)), 1.0, 1.0).max() == 0
    assert max(to_pixels(np.zeros((500, 300, 3)), 0, 1).shape[:2]) <= 96
    assert to_pixels(np.zeros((4, 4, 5)), 0, 1).shape == (4, 4)


def test_examples_name_their_classes() -> None:
    found = examples([Mistake(4, 0, 1, 0.75)], np.zeros((1, 3)), ["cat", "dog"])
    assert (found[0].true, found[0].predicted, found[0].values) == ("cat", "dog", (0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    "seconds, text",
    [(0.52, "0.5 s"), (42, "42 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (59.7, "1 min 0 s")],
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert words.seconds(seconds) == text


def test_of_many_trials_the_best_are_always_drawn() -> None:
    trials = [TrialRecord(i, "complete", value=(i * 7919 % 5000) / 5000) for i in range(5000)]
    for minimise in (False, True):
        drawn = data(trials, minimise=minimise).drawn(400)
        assert len(drawn) == len(set(drawn)) == 400
        assert drawn == sorted(drawn)
        ranked = sorted(range(5000), key=lambda i: trials[i].value, reverse=not minimise)
        assert set(ranked[:100]) <= set(drawn)
    assert data(trials[:50]).drawn(400) == list(range(50))


def test_where_the_chosen_trial_stands_is_told_with_its_equals() -> None:
    trials = [TrialRecord(i, "complete", value=v) for i, v in enumerate([0.9, 0.95, 0.95, 0.5])]
    assert (
        "Trial 1 has the highest validation accuracy of 4 completed trials, as has trial 2."
        in why(data(trials, choice=Chosen((1,))))
    )
    assert "Trial 0 is number 3 of 4" in why(data(trials, choice=Chosen((0,))))
    assert "lowest" in why(data(trials, choice=Chosen((3,)), minimise=True))


def test_layers_on_the_dpu_and_on_the_cpu_are_told_apart() -> None:
    layers = [
        layer("conv", "Conv2D", "DPU", 0.5, ("conv/relu",)),
        layer("odd", "ELU", "CPU", 0.2),
        layer("flatten", "Flatten", "DPU", 0.0),
    ]
    figure = layer_costs(inspection(layers))
    assert figure is not None
    assert {trace["name"]: trace["y"] for trace in figure.traces} == {
        "on the DPU": ["conv"],
        "on the CPU": ["odd"],
    }
    assert [row[1] for row in figure.rows] == ["Conv2D + relu", "ELU", "Flatten"]
    assert layer_costs(inspection([])) is None


def test_a_prediction_stands_beside_every_kit_of_the_target_and_no_other() -> None:
    kits = dict.fromkeys(("cpu", "zcu102@lab"), MEASURED)
    table = latency_table(data([], measured=kits, inspection=inspection([], 0.82)))
    assert [row[:3] for row in table.rows] == [
        ["zcu102@lab", "0.82 ms", "0.41 ms"],
        ["cpu", None, "0.41 ms"],
    ]
    assert table.rows[0][5] == "0.50"


def test_what_is_predicted_for_another_target_stands_beside_it() -> None:
    rows = tuple(OnTarget(trial, "zcu102", predicted_ms=ms) for trial, ms in ((1, 9.0), (0, 0.82)))
    trials, kits = [TrialRecord(0, "complete", value=0.9)], {"zcu102@lab": MEASURED}
    found = data(trials, choice=Chosen((0,)), measured=kits, on_targets=rows)
    assert [row[:3] for row in latency_table(found).rows][-1] == [
        "zcu102@lab",
        "0.82 ms",
        "0.41 ms",
    ]
