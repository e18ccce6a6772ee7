"""Kinds of devices are rows; a kind without a row is an error."""

import pytest

from vaiopt.errors import TargetError
from vaiopt.hardware import list_targets, load_target
from vaiopt.hardware.devices import DEVICES, find_device
from vaiopt.hardware.estimate import ESTIMATES


def test_every_target_has_the_device_of_a_row_and_an_accelerator_has_an_architecture():
    for summary in list_targets():
        target = load_target(summary.name)
        assert find_device(target.kind) is target.device
        assert (target.architecture is not None) == target.device.accelerator
        assert (target.fit is not None) == target.device.accelerator
        assert bool(target.fingerprint) == target.device.accelerator
    assert {load_target(summary.name).kind for summary in list_targets()} == set(DEVICES)


def test_every_device_has_an_estimate():
    assert set(ESTIMATES) == set(DEVICES)


def test_a_kind_without_a_row_is_refused():
    with pytest.raises(TargetError, match="no device of kind 'npu'") as error:
        find_device("npu")
    assert "cpu" in error.value.hint and "dpu" in error.value.hint
