"""The best candidates of a search, quantized or measured before one is chosen."""

import pytest

from vaiopt import candidates, flow
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
def test_an_interrupted_ranking_leaves_the_choice_as_it_was(tmp_path, monkeypatch):
    run, calls, quantize = Run(tmp_path / "run"), [], candidates.quantize_candidate

    def interrupted(candidate, settings, **options):
        calls.append(candidate.number)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return quantize(candidate, settings, **options)

    monkeypatch.setattr(candidates, "quantize_candidate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        flow.search(override(SETTINGS, ["objective.rank_int8=2"]), run.folder)
    best = best_first(load_trials(run), "maximize")[0].number
    assert calls[0] == best != calls[1]
    chosen = run.read_chosen()
    assert (chosen.trials, chosen.why, chosen.int8_ranking) == ((best,), "objective", ())
    assert run.trial(best).quantized_model.is_file(), "what was made of a candidate is its own"
    assert not run.trial(calls[1]).quantized_folder.exists()
