"""The power of a board is sampled while it works, where it has sensors, and never made up."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Dict

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import BOARD, make_bundle, run_bundle

sys.path.insert(0, str(BOARD))

import kit_power
from tests.made_runs import measured_record
from vaiopt.deploy.result import read_result
from vaiopt.errors import BoardError
from vaiopt.runs.records import KitResult
from vaiopt.sheets.measurement import measured_facts


def rail(folder: Path, number: int, microwatts: str, label: str = "") -> Path:
    """Make one sensor as hwmon has it."""
    place = folder / f"hwmon{number}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(f"ina226_u{number}\n")
    if label:
        (place / "power1_label").write_text(label)
    path = place / "power1_input"
    path.write_text(microwatts)
    return path


@pytest.fixture
def hwmon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sensors."""
    monkeypatch.setattr(kit_power, "SENSORS", str(tmp_path / "hwmon*/power*_input"))
    monkeypatch.setattr(kit_power, "PLATFORMSTATS", ("no-such-program",))
    monkeypatch.setattr(kit_power, "IDLE_SECONDS", 0.1)
    return tmp_path


def measured(meter: Any, frames_per_second: float = 100.0, seconds: float = 0.3) -> Any:
    with meter.running():
        time.sleep(seconds)
    return meter.result(frames_per_second)


def test_the_rails_are_summed_and_an_image_has_its_share(hwmon: Path) -> None:
    rail(hwmon, 0, "2000000\n", "VCCINT\n")
    path = rail(hwmon, 1, "500000\n")
    meter = kit_power.Meter()
    meter.rest()
    path.write_text("1500000\n")
    found = measured(meter)
    assert found["idle_w"] == pytest.approx(2.5) and found["mean_w"] == pytest.approx(3.5)
    assert found["mj_per_image"] == pytest.approx(35.0)
    assert found["mj_per_image_above_idle"] == pytest.approx(10.0)
    assert set(found["rails_w"]) == {"VCCINT (hwmon0/power1)", "ina226_u1 (hwmon1/power1)"}


@pytest.mark.parametrize("text", ["", "much", "-5", "nan", "99999999999999", "1e3", "\x00"])
def test_a_sensor_that_tells_nonsense_is_none(hwmon: Path, text: str) -> None:
    rail(hwmon, 0, text)
    meter = kit_power.Meter()
    meter.rest()
    assert measured(meter, seconds=0.0) is None and meter.idle is None


def test_a_sample_in_which_a_rail_was_silent_does_not_count(hwmon: Path) -> None:
    rail(hwmon, 0, "1000000")
    path = rail(hwmon, 1, "1000000")
    meter = kit_power.Meter()
    with meter.running():
        time.sleep(0.25)
        path.write_text("")
        time.sleep(0.2)
    assert meter.result(1.0)["mean_w"] == pytest.approx(2.0)


def test_a_run_that_is_over_at_once_says_nothing_of_power(hwmon: Path) -> None:
    rail(hwmon, 0, "1000000")
    assert measured(kit_power.Meter(), seconds=0.0) is None


@pytest.mark.parametrize(
    ("text", "watts"),
    [
        ("SOM total power    :     2712 mW\n", 2.712),
        ("total Power: 3.5 W", 3.5),
        ("SOM total power : x mW", None),
        ("SOM total power : 9..9 mW", None),
        ("", None),
    ],
)
def test_platformstats_tells_where_no_sensor_does(
    hwmon: Path, monkeypatch: pytest.MonkeyPatch, text: str, watts: Any
) -> None:
    tool = hwmon / "xmutil"
    tool.write_text(f"#!/bin/sh\necho '{text}'\n")
    tool.chmod(0o755)
    monkeypatch.setattr(kit_power, "PLATFORMSTATS", (str(tool), "platformstats"))
    source = kit_power.find_source()
    assert (source is None) == (watts is None)
    assert source is None or source.read() == {"module": pytest.approx(watts)}


def test_a_measurement_tells_the_energy_of_an_image(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    rail(tmp_path, 0, "4000000")
    text = (BOARD / "kit_power.py").read_text()
    (bundle / "kit_power.py").write_text(text.replace("/sys/class/hwmon", str(tmp_path)))
    outcome = run_bundle(bundle, "--batch-repeat", "20", STANDIN_LATENCY_MS="1")
    power, fps = outcome.result["power"], outcome.result["fps"]["value"]
    assert power["mj_per_image"] == pytest.approx(4000.0 / fps) and "mJ per image" in outcome.stderr
    assert outcome.result["dpu_latency_ms"] == outcome.result["latency_ms"]["p50"]
    (bundle / "kit_power.py").write_text(text.replace("/sys/class/hwmon", str(tmp_path / "none")))
    assert run_bundle(bundle).result["power"] is None


POWER: Dict[str, Any] = {"mean_w": 4.0, "mj_per_image": 10.0, "idle_w": 3.0, "samples": 9}


def test_energy_stands_in_the_sheet() -> None:
    record = measured_record("zcu102")
    power = KitResult.from_json({**record.to_json(), "power": POWER}).power
    facts = measured_facts(type(record)(**{**vars(record), "power": power}))
    assert facts["power of the board"] == "4 W (3 W idle)"
    assert facts["energy of an image"] == "10 mJ"
    assert "energy of an image" not in measured_facts(record)


@pytest.mark.parametrize(
    "bad", [{"mean_w": -1}, {"mean_w": float("nan")}, {"samples": 0}, {"rails_w": {"a": "b"}}]
)
def test_power_that_cannot_be_is_refused(bad: Any) -> None:
    import json

    content = {**measured_record("zcu102").to_json(), "power": {**POWER, **bad}, "version": 1}
    with pytest.raises(BoardError, match="power|valid JSON"):
        read_result(json.dumps(content))
