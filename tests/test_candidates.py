"""The best candidates of a search, quantized or measured before one is chosen."""

import pytest

from vaiopt import flow, quantize
from vaiopt.files import read_json
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings, override
from vaiopt.study.ranking import best_first
from vaiopt.study.trials import load_trials

SETTINGS = load_settings(
    None,
    [
        "search.workers=0",
        "search.trials=3",
        "train.epochs=1",
        "data.limit=300",
        "model.family=mlp",
        "search.initial_points=3",
        "search.pruner=none",
    ],
)


@pytest.mark.slow
def test_an_interrupted_ranking_leaves_the_choice_and_no_int8_model_of_a_candidate(
    tmp_path, monkeypatch
):
    run, calls, quantize_run = Run(tmp_path / "run"), [], quantize.quantize_run

    def interrupted(run, settings, **options):
        calls.append(read_json(run.float_metrics, "")["trial"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return quantize_run(run, settings, **options)

    monkeypatch.setattr(quantize, "quantize_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        flow.search(override(SETTINGS, ["objective.rank_int8=2"]), run.folder)
    best = best_first(load_trials(run), "maximize")[0].number
    assert calls[0] == best != calls[1]
    assert read_json(run.float_metrics, "")["trial"] == best
    assert not run.quantized_folder.exists()
