"""The records of a run's files, on a real run: they hold all that the stages write, and a damaged
file is read or refused, never a bug.
"""

import json
import math
import random
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple, Type

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzz.damage import VALUES, changed, mutations, places
from vaiopt import flow
from vaiopt.data import DataRecipe, load_splits
from vaiopt.deploy.calibrate import calibrate_runs
from vaiopt.deploy.measure import check_bundle
from vaiopt.errors import RunError, VaioptError
from vaiopt.int8.golden import read_golden
from vaiopt.int8.positions import read_positions
from vaiopt.record import Record, Unfit, read_record
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.records import (
    CandidateMetrics,
    Chosen,
    CompileRecord,
    KitResult,
    Manifest,
    Measured,
    QuantizedMetrics,
)
from vaiopt.settings import load_settings
from vaiopt.study.initial_weights import read_initial_weights
from vaiopt.study.space_file import SpaceFile, read_space
from vaiopt.study.trials import load_trials
from vaiopt.tasks.classification import ClassEvaluation

SETTINGS = load_settings(
    None,
    [
        *("search.workers=0", "search.trials=2", "search.pruner=none", "search.sampler=random"),
        *("train.epochs=1", "data.limit=200", "model.family=mlp", "deploy.samples=20"),
        *("quantize.calibration_size=20", "objective.rank_int8=2"),
    ],
)


class Kind(NamedTuple):
    """A kind of file: its place in a candidate's folder or a run's, its record, and what reads
    it.
    """

    name: str
    record: Type[Record]
    read: Callable[[Candidate], Any]


KINDS = [
    Kind("../../chosen.json", Chosen, lambda c: c.run.read_chosen()),
    Kind("../../space.json", SpaceFile, lambda c: read_space(c.run).space.searched()),
    Kind("data.json", DataRecipe, load_splits),
    Kind("metrics.json", CandidateMetrics, lambda c: flow.summarise(c.run, SETTINGS)),
    Kind("evaluation.json", ClassEvaluation, lambda c: flow.evaluate(c.run, SETTINGS)),
    Kind("quantized/metrics.json", QuantizedMetrics, lambda c: flow.summarise(c.run, SETTINGS)),
    Kind("quantized/evaluation.json", ClassEvaluation, lambda c: flow.evaluate(c.run, SETTINGS)),
    Kind("compiled/cpu/compile.json", CompileRecord, lambda c: flow.summarise(c.run, SETTINGS)),
    Kind("bundle/cpu/manifest.json", Manifest, lambda c: check_bundle(c.bundle("cpu"), "make it")),
    Kind("measured/cpu.json", Measured, lambda c: flow.summarise(c.run, SETTINGS)),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("records") / "run")
    flow.run_flow(SETTINGS, run.folder, last="measure")
    return run


@pytest.fixture(scope="module")
def contents(made: Run) -> Dict[str, Any]:
    """The content of each kind of file."""
    return {kind.name: json.loads((made.chosen.folder / kind.name).read_text()) for kind in KINDS}


@pytest.fixture
def candidate(made: Run, tmp_path: Path) -> Candidate:
    """The chosen candidate of a copy of the run, which a test may damage."""
    shutil.copytree(str(made.folder), str(tmp_path / "run"), symlinks=True)
    return Run(tmp_path / "run").chosen


@each_kind
def test_a_record_holds_all_that_the_stage_wrote(made: Run, kind: Kind) -> None:
    path = made.chosen.folder / kind.name
    record = read_record(path, kind.record, "make it")
    content = json.loads(path.read_text())
    assert {"version": 1, **record.to_json()} == content
    assert kind.record.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_every_json_file_of_a_run_is_a_kind_that_is_tested(made: Run) -> None:
    links = [made.folder / name for name in ("chosen", "float", "quantized", "compiled")]
    top = [*links, made.folder / "bundle", made.folder / "measured"]
    found = [p for p in made.folder.rglob("*.json") if not any(t in p.parents for t in top)]
    known = {(made.chosen.folder / kind.name).resolve() for kind in KINDS}
    known.add(made.chosen.fix_positions.resolve())
    own = [p.resolve() for p in found if p.parent == made.folder or made.chosen.folder in p.parents]
    assert set(own) == known


@each_kind
def test_a_mutated_file_is_read_or_refused_by_its_name(candidate: Candidate, kind: Kind) -> None:
    path = candidate.folder / kind.name
    good = json.loads(path.read_text())
    refused = 0
    for content in mutations(good, kind.name):
        path.write_text(json.dumps(content))
        try:
            kind.read(candidate)
        except VaioptError as error:
            refused += 1
            assert error.hint, error.message
            if isinstance(error, RunError):
                assert path.name in error.message
            else:
                assert kind.record is DataRecipe, "data not there are no fault of a file"
    assert refused >= 10
    path.write_text(json.dumps(good))
    kind.read(candidate)


def test_mutated_fix_positions_are_read_or_refused_by_their_name(candidate: Candidate) -> None:
    path = candidate.fix_positions
    refused = 0
    for content in mutations(json.loads(path.read_text()), "fix_positions"):
        path.write_text(json.dumps(content))
        try:
            read_positions(path, "make it")
        except RunError as error:
            refused += 1
            assert path.name in error.message
    assert refused >= 10


def test_a_mutated_study_is_read_or_refused(candidate: Candidate) -> None:
    path = candidate.run.journal
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    chance = random.Random(0)
    refused = 0
    for turn in range(40):
        number = chance.randrange(len(lines))
        worse = list(lines)
        worse[number] = next(mutations(lines[number], f"{turn}", 1))
        path.write_text("".join(json.dumps(line) + "\n" for line in worse))
        try:
            json.dumps([trial.to_json() for trial in load_trials(candidate.run)], allow_nan=False)
        except VaioptError as error:
            refused += 1
            assert error.hint
    assert refused


@pytest.mark.parametrize("name", ["golden.npz", "initial_weights.npz"])
def test_mutated_arrays_are_read_or_refused_by_their_name(candidate: Candidate, name: str) -> None:
    readers = {
        "golden.npz": (candidate.golden, lambda: read_golden(candidate.golden, "make it")),
        "initial_weights.npz": (
            candidate.initial_weights,
            lambda: read_initial_weights(candidate.initial_weights, "make it"),
        ),
    }
    path, read = readers[name]
    read()
    with np.load(str(path)) as file:
        good = dict(file)
    chance = random.Random(name)
    others = [np.zeros(()), np.zeros((0,)), np.array(["x"]), np.full((3, 2), np.nan), np.int64(9)]
    whole = path.read_bytes()
    for turn in range(40):
        if turn % 2:
            path.write_bytes(whole[: chance.randrange(len(whole))])
        else:
            arrays = dict(good)
            key = chance.choice(list(arrays))
            arrays[key] = chance.choice(others)
            if turn % 4:
                del arrays[key]
            np.savez(str(path), **arrays)
        try:
            read()
        except RunError as error:
            assert name in error.message and error.hint


@given(st.data())
def test_whatever_is_changed_in_a_file_is_refused_or_comes_back_the_same(
    contents: Dict[str, Any], data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    path = data.draw(st.sampled_from(places(contents[kind.name])))
    content = changed(contents[kind.name], path, data.draw(st.sampled_from([..., *VALUES])))
    try:
        record = kind.record.from_json(content)
    except Unfit as error:
        assert error.where.startswith(str(path[0])) or error.problem
    else:
        text = json.dumps(record.to_json(), allow_nan=False)
        assert kind.record.from_json(json.loads(text)) == record


def test_what_a_kit_adds_must_be_numbers_too(contents: Dict[str, Any]) -> None:
    """It is written to ``measured/``, and JSON has no NaN."""
    content = {**contents["measured/cpu.json"], "runtime": {"clock": [281.0, math.nan]}}
    with pytest.raises(Unfit, match="runtime"):
        KitResult.from_json(content)


def test_a_file_that_is_nested_too_deep_is_refused(candidate: Candidate) -> None:
    path = candidate.compiled("cpu") / "compile.json"
    content = json.loads(path.read_text())
    text = json.dumps({**content, "deep": "HERE"}).replace('"HERE"', "[" * 600 + "]" * 600)
    path.write_text(text)
    try:
        json.dumps(read_record(path, CompileRecord, "make it").to_json())
    except RunError as error:
        assert path.name in error.message


def test_calibrating_with_a_mutated_measurement_is_no_bug(candidate: Candidate) -> None:
    path = candidate.measured("cpu")
    for content in mutations(json.loads(path.read_text()), "calibrate"):
        path.write_text(json.dumps(content))
        with pytest.raises(VaioptError) as caught:  # target cpu has nothing to calibrate
            calibrate_runs([candidate.run], "cpu")
        assert caught.value.hint
