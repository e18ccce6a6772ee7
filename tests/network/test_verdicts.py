"""The table of verdicts is complete, and every row says where it comes from."""

import pytest

from vaiopt.network.layers import LAYERS
from vaiopt.network.verdicts import (
    KINDS,
    VERDICTS,
    fused_behind,
    quantized_layers,
    verdict_of,
    verdict_table,
)
from vaiopt.releases import DEFAULT, RELEASES


def test_every_row_is_of_a_known_kind_and_verdict_and_names_its_source():
    for row in verdict_table():
        assert row.kind in KINDS and row.verdict in VERDICTS and row.source and row.releases
        assert set(row.behind) <= set(LAYERS)
        if row.verdict in ("float", "input", "refused"):
            assert row.cure, row


@pytest.mark.parametrize("release", RELEASES)
def test_every_layer_class_has_a_row_of_its_own_in_every_release(release):
    for name, row in LAYERS.items():
        found = verdict_of("layer", name, release)
        assert found.name == name
        assert (found.verdict == "left out") == (row.removed), name
    for function in ("relu", "leaky_relu", "prelu", "tanh", "no_such_function"):
        assert verdict_of("function", function, release)


def test_a_row_counts_for_its_releases_only_and_behind_its_layers_only():
    assert verdict_of("layer", "Permute", "3.5").verdict == "moved"
    assert verdict_of("layer", "Permute", "3.0").verdict == "float"
    verdicts = {
        at: verdict_of("function", "relu", "3.0", at).verdict for at in ("Add", "", "MaxPooling2D")
    }
    assert verdicts == {"Add": "fused", "": "float", "MaxPooling2D": "int8"}
    assert verdict_of("function", "relu", "2.0").verdict == "int8"


def test_an_unknown_class_is_left_in_float_and_an_unknown_kind_is_an_error():
    assert verdict_of("layer", "Mine", DEFAULT).verdict == "float"
    with pytest.raises(LookupError, match="no row"):
        verdict_of("colour", "red", DEFAULT)


def test_sets_of_classes_come_from_the_rows():
    assert {"Conv2D", "Permute"} <= quantized_layers("3.5")
    assert "Permute" not in quantized_layers("3.0")
    assert "Multiply" in fused_behind("relu", "2.5") and "Multiply" not in fused_behind(
        "relu", "2.0"
    )
