"""Results of later stages that do not belong to a candidate's model any more."""

from pathlib import Path
from typing import List

import pytest

from tests.made_runs import (
    compile_record,
    made_candidate,
    manifest_record,
    measured_record,
    quantized_record,
)
from vaiopt.errors import RunError
from vaiopt.files import write_text
from vaiopt.record import write_record
from vaiopt.runs.layout import Candidate
from vaiopt.runs.lineage import describe_stale, file_sha256, measurements, stale_parts


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    """A candidate whose stages name what they were made from."""
    candidate = made_candidate(tmp_path / "run")
    write_text(candidate.model, "float")
    write_text(candidate.quantized_model, "int8")
    write_record(candidate.quantized_metrics, quantized_record(file_sha256(candidate.model)))
    for target in ("cpu", "zcu102"):
        write_compiled(candidate, target, target)
        write_bundle(candidate, target, target)
        write_record(candidate.measured(target), measured_record(target, target))
    write_record(candidate.measured("cpu@kit"), measured_record("cpu", "cpu"))
    return candidate


def write_compiled(candidate: Candidate, target: str, sha256: str) -> None:
    record = compile_record(target, sha256, file_sha256(candidate.quantized_model))
    write_record(candidate.compiled(target) / "compile.json", record)


def write_bundle(candidate: Candidate, target: str, sha256: str) -> None:
    write_record(candidate.bundle(target) / "manifest.json", manifest_record(target, sha256))


def later(*targets: str) -> List[str]:
    return [f"{part}/{target}" for part in ("compiled", "bundle", "measured") for target in targets]


def test_what_was_made_from_the_model_is_not_stale(candidate: Candidate) -> None:
    assert stale_parts(candidate) == []
    assert describe_stale(candidate, []) == ""


def test_another_model_makes_everything_that_was_made_from_the_earlier_one_stale(
    candidate: Candidate,
) -> None:
    write_text(candidate.model, "another")
    found = stale_parts(candidate)
    assert sorted(found) == sorted(["quantized", "measured/cpu@kit", *later("cpu", "zcu102")])
    again = f"vaiopt run --from quantize --run {candidate.run.folder}"
    assert again in describe_stale(candidate, found)
    write_text(candidate.model, "float")
    assert stale_parts(candidate) == []


def test_after_quantizing_again_what_was_compiled_before_is_stale(candidate: Candidate) -> None:
    write_text(candidate.quantized_model, "other int8")
    found = stale_parts(candidate)
    assert "quantized" not in found and set(later("cpu", "zcu102")) < set(found)
    assert "--from compile" in describe_stale(candidate, found)


def test_after_compiling_again_only_what_was_made_for_that_target_is_stale(
    candidate: Candidate,
) -> None:
    write_compiled(candidate, "cpu", "new")
    assert stale_parts(candidate) == ["bundle/cpu", "measured/cpu", "measured/cpu@kit"]
    write_bundle(candidate, "cpu", "new")
    write_record(candidate.measured("cpu@kit"), measured_record("cpu", "new"))
    assert stale_parts(candidate) == ["measured/cpu"]
    assert describe_stale(candidate, ["measured/cpu"]).startswith("measured/cpu was not made from")


def test_where_nothing_can_be_told_nothing_is_called_stale(candidate: Candidate) -> None:
    write_record(candidate.quantized_metrics, quantized_record(""))
    write_text(candidate.model, "another")
    candidate.quantized_model.unlink()
    assert stale_parts(candidate) == []
    assert stale_parts(candidate.run.trial(7)) == []


def test_what_is_still_being_written_is_not_read(candidate: Candidate) -> None:
    for name in (".cpu.x1.json", ".zcu102.x2.json"):
        (candidate.folder / "measured" / name).write_text("{")
    assert sorted(measurements(candidate)) == ["cpu", "cpu@kit", "zcu102"]


def test_a_damaged_record_is_named_with_the_command_that_makes_it_again(
    candidate: Candidate,
) -> None:
    (candidate.bundle("cpu") / "manifest.json").write_text("{")
    with pytest.raises(RunError) as caught:
        stale_parts(candidate)
    assert "manifest.json" in caught.value.message and "vaiopt bundle" in caught.value.hint
