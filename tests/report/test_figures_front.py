"""The figure of the metric against a cost."""

import math
from dataclasses import replace

import pytest

from tests.report.synthetic import make_records
from vaiopt.present.uncertainty import wilson
from vaiopt.report.data import ReportData
from vaiopt.report.figures_front import trade_off
from vaiopt.report.figures_space import parallel_coordinates
from vaiopt.report.section_search import trade_offs
from vaiopt.report.section_summary import why
from vaiopt.report.section_trials import trials as trials_section
from vaiopt.runs.records import Chosen
from vaiopt.settings import load_settings
from vaiopt.study.record import COMPLETE, TrialRecord


def trial(number, accuracy, latency, samples=360, params=1000.0):
    costs = {"latency_ms": latency, "params": params, "fps": 1000 / latency}
    return TrialRecord(
        number,
        COMPLETE,
        value=accuracy,
        metrics={"val_accuracy": accuracy},
        samples=samples,
        costs=costs,
    )


TRIALS = (
    trial(0, 0.10, 0.10, params=50.0),
    trial(1, 0.90, 0.15),
    trial(2, 0.97, 0.30, params=800.0),
    trial(3, 0.98, 0.60),
    trial(4, 0.15, 5.00),
    trial(5, 0.94, 0.50),
)


def data(*overrides, trials=TRIALS, **more):
    settings = load_settings(None, list(overrides))
    return ReportData(name="run", settings=settings, trials=trials, **more)


def trace(figure, name):
    found = [t for t in figure.traces if t["name"] == name]
    return found[0] if found else None


def view(figure, full=False):
    layout = figure.spec()["full" if full else "layout"]
    return tuple(layout["xaxis"]["range"]), tuple(layout["yaxis"]["range"])


def test_it_opens_on_the_front_and_all_trials_are_a_click_away():
    figure = trade_off(data(), "latency_ms")
    assert figure.layout["xaxis"]["type"] == "log"
    (left, right), (low, high) = view(figure)
    assert math.log10(0.10) < left < math.log10(0.15), "the point at chance level is left out"
    assert math.log10(0.60) < right < math.log10(1.0)
    assert 0.8 < low < wilson(0.90, 360)[0] and wilson(0.98, 360)[1] < high < 1.1
    (left, right), (low, _) = view(figure, full=True)
    assert left < math.log10(0.10) and right > math.log10(5.0) and low < 0.10
    assert "2 other trials" in figure.caption


def test_where_all_trials_are_near_the_front_there_is_nothing_to_click():
    figure = trade_off(data(trials=TRIALS[1:4]), "latency_ms")
    assert not figure.full and not figure.caption


def test_points_are_where_trials_are_and_the_line_goes_through_those_of_the_front():
    figure = trade_off(data(), "latency_ms")
    shown = trace(figure, "complete")
    assert list(zip(shown["x"], shown["y"])) == [
        (t.costs["latency_ms"], t.metrics["val_accuracy"]) for t in TRIALS
    ]
    front = trace(figure, "Pareto front")
    assert front["x"] == [0.10, 0.15, 0.30, 0.60] and front["y"] == [0.10, 0.90, 0.97, 0.98]
    assert front["mode"] == "lines+markers" and front["line"]["shape"] == "hv"
    assert trace(figure, "knee")["x"] == [0.15] and trace(figure, "chosen") is None


def test_each_point_of_the_front_has_its_interval():
    front = trace(trade_off(data(), "latency_ms"), "Pareto front")
    low, high = wilson(0.98, 360)
    assert front["error_y"]["array"][-1] == pytest.approx(high - 0.98)
    assert front["error_y"]["arrayminus"][-1] == pytest.approx(0.98 - low)
    assert "95 %: 96.0 to 99.0 %" in front["text"][-1]
    uncounted = [replace(t, samples=0) for t in TRIALS]
    front = trace(trade_off(data(trials=uncounted), "latency_ms"), "Pareto front")
    assert "error_y" not in front


def test_limits_are_lines_and_what_breaks_them_is_shaded():
    limited = data("objective.max_latency_ms=0.9", "objective.min_metric=0.95")
    figure = trade_off(limited, "latency_ms")
    shade, line, level = figure.layout["shapes"]
    assert (shade["type"], shade["x0"]) == ("rect", 0.9) and shade["x1"] > 5.0
    assert (line["x0"], line["x1"], line["yref"]) == (0.9, 0.9, "paper")
    assert (level["y0"], level["y1"], level["xref"]) == (0.95, 0.95, "paper")
    labels = {note["text"]: note for note in figure.layout["annotations"]}
    assert set(labels) == {"max_latency_ms = 0.9", "min_metric = 0.95"}
    assert labels["max_latency_ms = 0.9"]["x"] == pytest.approx(math.log10(0.9))
    (_, right), (low, _) = view(figure)
    assert right > math.log10(0.9) and low < 0.95
    assert trace(figure, "Pareto front")["x"][-1] == 0.60
    at_least = trade_off(data("objective.min_fps=1500"), "fps")
    shade = at_least.layout["shapes"][0]
    assert shade["x0"] == 1500 and shade["x1"] < 1000, "below the limit"


def test_of_frames_a_second_more_is_better():
    front = trace(trade_off(data(), "fps"), "Pareto front")
    assert front["y"] == [0.10, 0.90, 0.97, 0.98] and front["x"] == sorted(front["x"])[::-1]


def test_the_chosen_one_is_in_sight_wherever_it_is():
    figure = trade_off(data(choice=Chosen((4,))), "latency_ms")
    assert trace(figure, "chosen")["x"] == [5.0]
    (_, right), (low, _) = view(figure)
    assert right > math.log10(5.0) and low < 0.15


def test_a_front_of_several_costs_is_marked_beside_the_line():
    both = data('objective.front=["latency_ms", "params"]')
    assert trace(trade_off(both, "latency_ms"), "front of all costs") is None
    ring = trace(trade_off(both, "params"), "front of all costs")
    assert sorted(ring["y"]) == [0.90], "it is faster than the smaller ones"


def test_the_figures_are_those_of_the_front_and_of_the_limits():
    def costs(*overrides):
        return [figure.name for figure in trade_offs(data(*overrides)).figures()]

    assert costs() == ["tradeoff_latency_ms", "tradeoff_params"]
    assert costs('objective.front=["fps"]') == ["tradeoff_fps"]
    found = costs('objective.front=["latency_ms"]', "objective.min_fps=10")
    assert found == ["tradeoff_latency_ms", "tradeoff_fps"]


def test_frames_a_second_are_shown_only_where_they_are_asked_for():
    some = [
        replace(t, costs={**t.costs, "fps": 1 / t.costs["latency_ms"]}) for t in make_records(12)
    ]
    plain, asked = data(trials=some), data("objective.min_fps=0.1", trials=some)
    titles = [set(trials_section(found).blocks[0].columns) for found in (plain, asked)]
    assert titles[1] - titles[0] == {"predicted frames a second"}
    from vaiopt.report.dimensions import dimensions

    for found, expected in ((plain, False), (asked, True)):
        figure = parallel_coordinates(found, dimensions(found.complete, found.space))
        assert ("fps" in figure.columns) is expected


def test_the_summary_says_what_decided():
    reason = "trial 2 (97.00 %, 0.3 ms) is the cheapest of 2 trials that reach min_metric = 0.95"
    text = str(why(data("objective.min_fps=10", choice=Chosen((2,), reason=reason))))
    assert f"It was chosen because {reason}." in text
    assert "min_fps = 10" in text
