"""The int8 program: only known operations, and each of them can be written by the compiler."""

import pytest

from vaiopt.compile.tflite import lower
from vaiopt.int8 import read_program
from vaiopt.int8.program import ACTIVATIONS, KINDS, Operation, Tensor


def make(kind, activation="linear"):
    return Operation(kind, "layer", ["in"], Tensor("out", (4,), 3), activation)


def test_every_kind_and_every_activation_makes_an_operation():
    assert all(make(kind).kind == kind for kind in KINDS)
    assert all(make("conv", name).activation == name for name in ACTIVATIONS)


@pytest.mark.parametrize("kind, activation", [("fft", "linear"), ("conv", "tanh"), ("", "linear")])
def test_an_unknown_kind_or_activation_is_an_error(kind, activation):
    with pytest.raises(ValueError, match="layer"):
        make(kind, activation)


def test_the_reader_only_names_known_kinds():
    named = {kind for kind, _ in read_program.LINEAR.values()}
    named |= set(read_program.LONE_ACTIVATIONS.values()) | set(read_program.MERGES.values())
    assert named <= KINDS and set(read_program.LONE_ACTIVATIONS) <= ACTIVATIONS


def test_the_tflite_writer_has_a_method_for_every_kind():
    assert set(lower.WRITERS) == set(KINDS)
