"""Files of a run that are JSON of the right version but not what a stage wrote: each is read, or
refused with its name. They come to be by hand, by a merge, or from another tool.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from tests.report.synthetic import make_run
from vaiopt.errors import RunError, VaioptError
from vaiopt.report import build, gather
from vaiopt.report.page import page
from vaiopt.report.section import Section
from vaiopt.report.write import SECTIONS
from vaiopt.runs.layout import Run
from vaiopt.settings.reading import parse_toml
from vaiopt.tasks import TASKS

VALUES: Tuple[Any, ...] = (
    *("", "x", 0, -1, 1.5, 1e308, 5e-324, float("nan"), float("inf"), True, None, [], {}, [[]]),
    *([None], {"a": None}, "1e999", 2**63, 10**400, [1, 2], [[1], [2, 3]]),
)
KINDS = {
    "study.journal": "study.journal",
    "space": "space.json",
    "chosen": "chosen.json",
    "metrics": "{candidate}/metrics.json",
    "data": "{candidate}/data.json",
    "evaluation": "{candidate}/evaluation.json",
    "quantized": "{candidate}/quantized/metrics.json",
    "int8 evaluation": "{candidate}/quantized/evaluation.json",
    "positions": "{candidate}/quantized/fix_positions.json",
    "compiled": "{candidate}/compiled/zcu102/compile.json",
    "manifest": "{candidate}/bundle/zcu102/manifest.json",
    "measured": "{candidate}/measured/zcu102.json",
}
TURNS = 40


def places(item: Any, path: Tuple[Any, ...] = ()) -> List[Tuple[Any, ...]]:
    """Return every place in a JSON value that can be replaced, of lists the first four."""
    found = [path] if path else []
    keys = list(item) if isinstance(item, dict) else []
    keys = list(range(min(len(item), 4))) if isinstance(item, list) else keys
    for key in keys:
        found += places(item[key], (*path, key))
    return found


def mutate(item: Any, chance: random.Random, turn: int) -> None:
    """Change one place: first each entry at the top is left out or a text, then any one."""
    names = list(item) if isinstance(item, dict) else []
    if turn < min(20, 2 * len(names)):
        name = names[turn // 2]
        item.pop(name) if turn % 2 else item.update({name: "x"})
        return
    paths = places(item)
    depth = chance.choice([1, 2, 3, 9])  # or most changes would be deep inside
    path = chance.choice([p for p in paths if len(p) <= depth] or paths)
    for key in path[:-1]:
        item = item[key]
    if isinstance(item, dict) and chance.random() < 0.25:
        del item[path[-1]]
    else:
        item[path[-1]] = chance.choice(VALUES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("whole") / "run", trials=9, measured_ms=0.8)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the fit of the surrogate, which takes seconds, and with plotly.js left out."""
    monkeypatch.setattr("vaiopt.report.section_hyperparameters.MIN_TRIALS", 10**6)
    monkeypatch.setattr("vaiopt.report.page._packed_plotly", lambda: "")


def report(run: Run) -> List[Section]:
    """Make the whole page."""
    data = gather(run)
    sections = build(data)
    page(data, sections)
    return sections


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_file_that_was_changed_is_read_or_refused(
    kind: str, whole: Run, tmp_path: Path, quick: None
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(str(whole.folder), str(folder), symlinks=True)
    run, chance = Run(folder), random.Random(kind)
    path = folder / KINDS[kind].format(candidate=run.chosen.folder.relative_to(folder))
    good, refused = path.read_text(encoding="utf-8"), 0
    for turn in range(TURNS):
        is_journal = path.suffix == ".journal"
        lines = [json.loads(line) for line in good.splitlines()] if is_journal else []
        content = chance.choice(lines) if is_journal else json.loads(good)
        mutate(content, chance, 99 if is_journal else turn)
        text = "".join(json.dumps(line) + "\n" for line in lines or [content])
        path.write_text(text, encoding="utf-8")
        try:
            report(run)
        except VaioptError as error:
            refused += 1
            assert "\n" not in error.message and error.hint
            assert path.name in error.message or "study" in error.message, error.message
    assert refused > 5


def test_a_run_toml_that_was_changed_is_read_or_refused(
    whole: Run, tmp_path: Path, quick: None
) -> None:
    import tomli_w

    folder = tmp_path / "run"
    shutil.copytree(str(whole.folder), str(folder), symlinks=True)
    run, chance = Run(folder), random.Random("toml")
    good = run.settings.read_text(encoding="utf-8")
    for _ in range(TURNS):
        content = parse_toml(good)
        content["run"] = chance.choice([1.5, "x", [1], {"versions": 3}, {"command": [1]}])
        mutate(content, chance, 99)
        try:
            run.settings.write_text(tomli_w.dumps(content), encoding="utf-8")
        except (TypeError, AttributeError):  # TOML has no None
            continue
        try:
            report(run)
        except VaioptError as error:
            assert error.hint


def test_a_truncated_model_or_histogram_is_refused_by_name(whole: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(str(whole.folder), str(folder), symlinks=True)
    candidate = Run(folder).chosen
    for path in (candidate.model, candidate.quantized_model, candidate.initial_weights):
        good = path.read_bytes()
        for share in (0.0, 0.3, 0.7, 0.98):
            path.write_bytes(good[: int(share * len(good))])
            try:
                gather(candidate.run)
            except VaioptError as error:
                assert path.name in error.message
        path.write_bytes(good)


def test_the_field_that_is_wrong_is_named(whole: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(str(whole.folder), str(folder), symlinks=True)
    run = Run(folder)
    changes: Dict[Path, Tuple[str, Any]] = {
        run.chosen.quantized_metrics: ("calib_batch_size", 0),
        run.chosen.evaluation: ("confusion", []),
        run.chosen.measured("zcu102"): ("accuracy", 1.5),
    }
    for path, (name, value) in changes.items():
        good = path.read_text(encoding="utf-8")
        path.write_text(json.dumps({**json.loads(good), name: value}), encoding="utf-8")
        with pytest.raises(RunError, match=f"{path.name}.*{name}"):
            gather(run)
        path.write_text(good, encoding="utf-8")


def test_sections_have_names_of_their_own() -> None:
    for task in TASKS:
        rows = [row for row in SECTIONS if row.task in ("", task)]
        assert len({row.key for row in rows}) == len({row.title for row in rows}) == len(rows)
