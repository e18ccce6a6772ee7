"""The published measurements, and the figures that the benchmark reaches on them."""

import csv
import json
import subprocess
import sys

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


@pytest.mark.slow
def test_the_figures_are_reached_and_the_constants_are_what_the_fit_gives(root, tmp_path):
    pytest.importorskip("tensorflow")
    if sys.version_info < (3, 9):
        pytest.skip("scripts run on a host")
    result = tmp_path / "latency.json"
    subprocess.run(
        [sys.executable, str(root / "benchmarks" / "latency_model.py"), "--json", str(result)],
        check=True,
        timeout=900,
    )
    content = json.loads(result.read_text(encoding="utf-8"))
    for name, counts in content["operations"].items():
        assert abs(counts["built_gops"] / counts["published_gops"] - 1) < 0.04, name
    subprocess.run(
        [sys.executable, str(root / "scripts" / "fit-latency"), "--check"], check=True, timeout=900
    )
