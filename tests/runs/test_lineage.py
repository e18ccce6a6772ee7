"""Results of later stages that do not belong to the chosen model any more."""

from pathlib import Path
from typing import Any, List

import pytest

from vaiopt.files import write_json, write_text
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import describe_stale, file_sha256, stale_parts


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run whose stages name what they were made from."""
    run = Run(tmp_path / "run")
    write_text(run.float_model, "float")
    write_text(run.quantized_model, "int8")
    write_json(run.quantized_metrics, {"source_sha256": file_sha256(run.float_model)})
    record = {"source_sha256": file_sha256(run.quantized_model)}
    for target in ("cpu", "zcu102"):
        write_json(run.compiled(target) / "compile.json", {**record, "sha256": target})
        write_json(run.bundle(target) / "manifest.json", {"model": {"sha256": target}})
        write_json(run.measured(target), {"model": {"sha256": target}})
    write_json(run.measured("cpu@kit"), {"model": {"sha256": "cpu"}})
    return run


def later(*targets: str) -> List[str]:
    return [f"{part}/{target}" for part in ("compiled", "bundle", "measured") for target in targets]


def test_what_was_made_from_the_chosen_model_is_not_stale(run: Run) -> None:
    assert stale_parts(run) == []
    assert describe_stale(run, []) == ""


def test_after_another_choice_everything_made_from_the_earlier_one_is_stale(run: Run) -> None:
    write_text(run.float_model, "another")
    found = stale_parts(run)
    assert sorted(found) == sorted(["quantized", "measured/cpu@kit", *later("cpu", "zcu102")])
    assert f"vaiopt run --from quantize --run {run.folder}" in describe_stale(run, found)
    write_text(run.float_model, "float")
    assert stale_parts(run) == []


def test_after_quantizing_again_what_was_compiled_before_is_stale(run: Run) -> None:
    write_text(run.quantized_model, "other int8")
    found = stale_parts(run)
    assert "quantized" not in found and set(later("cpu", "zcu102")) < set(found)
    assert "--from compile" in describe_stale(run, found)


def test_after_compiling_again_only_what_was_made_for_that_target_is_stale(run: Run) -> None:
    source = {"source_sha256": file_sha256(run.quantized_model)}
    write_json(run.compiled("cpu") / "compile.json", {**source, "sha256": "new"})
    assert stale_parts(run) == ["bundle/cpu", "measured/cpu", "measured/cpu@kit"]
    write_json(run.bundle("cpu") / "manifest.json", {"model": {"sha256": "new"}})
    write_json(run.measured("cpu@kit"), {"model": {"sha256": "new"}})
    assert stale_parts(run) == ["measured/cpu"]
    assert describe_stale(run, ["measured/cpu"]).startswith("measured/cpu was not made from")


@pytest.mark.parametrize("content", [{}, {"source_sha256": ""}])
def test_where_nothing_can_be_told_nothing_is_called_stale(run: Run, content: Any) -> None:
    write_json(run.quantized_metrics, content)
    write_text(run.float_model, "another")
    run.quantized_model.unlink()
    assert stale_parts(run) == []
    assert stale_parts(Run(run.folder / "nothing")) == []
