"""The published measurements, and the figures that the benchmark reaches on them."""

import csv
import functools
import importlib.machinery
import json
import sys
import types

import pytest

from vaiopt.hardware.architectures import DATA


def test_every_published_row_is_complete_and_unique():
    with (DATA / "published.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = [(row["release"], row["board"], row["name"]) for row in rows]
    assert len(rows) > 200 and len(set(keys)) == len(keys)
    for row in rows:
        assert (
            float(row["fps_1_thread"] or 1) > 0
            and float(row["clock_mhz"]) > 0
            and int(row["cores"]) > 0
            and row["source"]
        )


def script(path):
    """A script as a module, whatever its name ends in."""
    loader = importlib.machinery.SourceFileLoader(path.stem.replace("-", "_"), str(path))
    module = types.ModuleType(loader.name)
    module.__file__ = str(path)
    loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.host
def test_the_figures_are_reached_and_the_constants_are_what_the_fit_gives(
    root, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("tensorflow")
    monkeypatch.setattr(sys, "path", list(sys.path))
    model, fit = (script(root / p) for p in ("benchmarks/latency_model.py", "scripts/fit-latency"))
    # Building the networks is nearly all of it, and both build the same.
    monkeypatch.setattr(model, "build_graphs", functools.lru_cache()(fit.build_graphs))
    monkeypatch.setattr(fit, "build_graphs", model.build_graphs)
    result = tmp_path / "latency.json"
    monkeypatch.setattr(sys, "argv", ["latency_model.py", "--json", str(result)])
    assert model.main() == 0, capsys.readouterr().out
    content = json.loads(result.read_text(encoding="utf-8"))
    for name, counts in content["operations"].items():
        assert abs(counts["built_gops"] / counts["published_gops"] - 1) < 0.04, name
    monkeypatch.setattr(sys, "argv", ["fit-latency", "--check"])
    assert fit.main() == 0, capsys.readouterr().out
