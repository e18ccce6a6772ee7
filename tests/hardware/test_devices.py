"""Kinds of devices are rows; a kind without a row is an error."""

import pytest

from tests.hardware.models import plain_cnn
from vaiopt.deploy.measure import measured_name
from vaiopt.errors import TargetError
from vaiopt.hardware import list_targets, load_target
from vaiopt.hardware.cpu import cpu_target
from vaiopt.hardware.device import Device
from vaiopt.hardware.devices import DEVICES, DeviceRow, find_device
from vaiopt.hardware.estimate import one_after_the_other
from vaiopt.hardware.fusion import fuse
from vaiopt.hardware.inspection import inspect_model
from vaiopt.keras import load_keras


def test_every_target_has_the_device_of_a_row_and_an_accelerator_has_an_architecture():
    for summary in list_targets():
        target = load_target(summary.name)
        assert find_device(target.kind).device is target.device
        assert (target.architecture is not None) == target.device.accelerator
        assert (target.fit is not None) == target.device.accelerator
        assert bool(target.fingerprint) == target.device.accelerator
    assert {load_target(summary.name).kind for summary in list_targets()} == set(DEVICES)


def test_a_made_up_device_is_a_target_and_estimates_its_models(monkeypatch):
    paper = Device("made_up", "a person with a pen", accelerator=False)

    def target(release):
        return cpu_target(release)._replace(name="made_up", device=paper)

    def estimate(graph, target):
        layers = fuse(graph)
        return one_after_the_other(layers, [1000.0] * len(layers))

    with pytest.raises(TargetError, match="no target 'made_up'"):
        load_target("made_up")
    monkeypatch.setitem(DEVICES, "made_up", DeviceRow(paper, estimate, target))
    assert "made_up" in [summary.name for summary in list_targets()]
    found = inspect_model(plain_cnn(load_keras()), load_target("Made_up"))
    assert found.target.kind == "made_up" and found.latency_ms >= 1000.0 * len(found.layers)
    assert measured_name("made_up", "root@kit") == "made_up@kit"


def test_a_kind_without_a_row_is_refused():
    with pytest.raises(TargetError, match="no device of kind 'npu'") as error:
        find_device("npu")
    assert "cpu" in error.value.hint and "dpu" in error.value.hint
