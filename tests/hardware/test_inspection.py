"""The inspection: complete, consistent, and with advice that helps."""

import json

import pytest

from tests.hardware.models import plain_cnn, with_layers
from vaiopt.errors import SettingsError
from vaiopt.hardware import costs, input_levels, inspect_model, load_target

TARGETS = ["zcu102", "kv260", "ultra96", "b1024", "vck190", "cpu"]


@pytest.mark.parametrize("target", TARGETS)
def test_the_json_has_every_field_and_adds_up(keras, target):
    inspection = inspect_model(plain_cnn(keras), load_target(target), threads=2)
    content = json.loads(json.dumps(inspection.to_json(), allow_nan=False))
    fields = (
        "target latency_ms dpu_latency_ms fps params macs dpu_subgraphs cpu_layers layers validated"
        " validation suggestions".split()
    )
    assert set(fields) <= set(content) and content["target"] == target
    for layer in content["layers"]:
        assert set("name type device reason cycles latency_ms share utilization".split()) <= set(
            layer
        )
        assert layer["device"] in ("DPU", "CPU") and 0 <= layer["share"] <= 1
        assert layer["utilization"] is None or 0 <= layer["utilization"] <= 1
    layers_ms = sum(layer["latency_ms"] for layer in content["layers"])
    assert layers_ms + content["fixed_ms"] == pytest.approx(content["latency_ms"], abs=1e-4)
    fit = load_target(target).fit
    if fit is None or fit.batched is None:
        rest = fit.single.constant_ms if fit else 0.0
        assert content["fixed_ms"] == pytest.approx(rest, abs=1e-4)
    assert content["params"] == plain_cnn(keras).count_params()


@pytest.mark.parametrize("target", TARGETS)
def test_costs_are_those_of_the_inspection(keras, target):
    model, found = plain_cnn(keras, activation="tanh"), load_target(target)
    inspection, cost = inspect_model(model, found), costs(model, found)
    for key in ("params", "macs", "latency_ms", "dpu_latency_ms", "dpu_subgraphs"):
        assert cost[key] == pytest.approx(getattr(inspection, key)), key
    assert cost["cpu_layers"] == len(inspection.fallback_layers) == (0 if target == "cpu" else 2)
    assert all(isinstance(value, float) for value in cost.values())


def test_layers_on_the_cpu_split_the_dpu_and_cost_time(keras):
    kl = keras.layers
    target = load_target("zcu102")
    plain = inspect_model(
        with_layers(keras, kl.ReLU(), kl.Conv2D(8, 3), kl.ReLU(), kl.Conv2D(8, 3)), target
    )
    split = inspect_model(
        with_layers(keras, kl.ELU(), kl.Conv2D(8, 3), kl.Activation("tanh"), kl.Conv2D(8, 3)),
        target,
    )
    assert plain.dpu_subgraphs == 1 and split.dpu_subgraphs == 3 and len(split.fallback_layers) == 2
    assert split.latency_ms > plain.latency_ms + 0.3
    assert any("3 DPU subgraphs" in warning for warning in split.warnings)
    subgraphs = [layer.subgraph for layer in split.layers if layer.device == "DPU"]
    assert subgraphs == sorted(subgraphs) and set(subgraphs) == {0, 1, 2}


def test_a_scaling_costs_nothing_where_it_goes_into_the_weights(keras):
    plain = plain_cnn(keras, size=64, channels=3)
    inputs = keras.Input((64, 64, 3))
    scaled = keras.Model(inputs, plain(keras.layers.Rescaling(1 / 255, name="scaling")(inputs)))
    target = load_target("zcu102")
    inspection = inspect_model(scaled, target)
    assert inspection.fallback_layers == () and inspection.params == scaled.count_params()
    assert inspection.latency_ms == pytest.approx(inspect_model(plain, target).latency_ms)
    assert any("'scaling': goes into the weights" in change for change in inspection.changes)
    inside = inspect_model(with_layers(keras, keras.layers.Rescaling(1 / 255)), target)
    assert inside.latency_ms == inspect_model(with_layers(keras), target).latency_ms


def test_a_shift_in_front_of_a_padded_convolution_is_a_depthwise_convolution(keras):
    inputs = keras.Input((64, 64, 3))
    moved = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(inputs)
    target = load_target("zcu102")
    outputs = keras.layers.Conv2D(8, 3, padding="same")(moved)
    inspection = inspect_model(keras.Model(inputs, outputs), target)
    layer = next(layer for layer in inspection.layers if layer.name == "scaling")
    assert (layer.device, layer.type) == ("DPU", "DepthwiseConv2D")


@pytest.mark.parametrize("target", ["cpu", "zcu102"])
def test_what_quantize_refuses_is_named_by_inspect_with_the_cure(keras, target):
    grouped = with_layers(keras, keras.layers.Conv2D(8, 3, groups=2, name="grouped"))
    warnings = inspect_model(grouped, load_target(target)).warnings
    assert any("'grouped' has groups=2" in w and "DepthwiseConv2D" in w for w in warnings)


def test_for_the_cpu_what_compile_refuses_is_named_and_nothing_else(keras):
    kl = keras.layers
    model = with_layers(keras, kl.Conv2D(8, 3, activation="tanh", name="bent"), kl.PReLU(name="p"))
    warnings = inspect_model(model, load_target("cpu")).warnings
    assert len(warnings) == 2 and "'bent/tanh'" in warnings[0] and "'p'" in warnings[1]
    assert inspect_model(with_layers(keras, kl.ReLU()), load_target("cpu")).warnings == ()


def test_the_dpu_alone_never_takes_longer_than_end_to_end(keras):
    wide = keras.Sequential([keras.Input((4096,))] + [keras.layers.Dense(4096) for _ in range(4)])
    for name in ("zcu102", "kv260", "ultra96"):
        inspection = inspect_model(wide, load_target(name))
        assert inspection.dpu_latency_ms <= inspection.latency_ms


def test_branches_around_a_cpu_layer_are_counted_once(keras):
    kl = keras.layers
    inputs = keras.Input((8, 8, 16))
    x = kl.Conv2D(16, 3, padding="same")(inputs)
    y = kl.Conv2D(16, 3, padding="same")(kl.Activation("tanh")(x))
    z = kl.Conv2D(16, 3, padding="same")(x)
    model = keras.Model(inputs, kl.Add()([y, z]))
    assert inspect_model(model, load_target("zcu102")).dpu_subgraphs == 2


def test_frames_per_second_grow_with_threads_up_to_all_cores(keras):
    model, target = plain_cnn(keras, size=112, filters=64), load_target("zcu102")
    rates = [inspect_model(model, target, threads=threads) for threads in (1, 2, 3, 16)]
    assert rates[0].fps == pytest.approx(1000 / rates[0].latency_ms)
    assert (
        rates[0].fps
        < rates[1].fps
        <= rates[2].fps
        <= rates[3].fps
        == pytest.approx(rates[3].fps_all_cores)
    )


def test_no_threads_are_refused(keras):
    with pytest.raises(SettingsError):
        inspect_model(plain_cnn(keras), load_target("zcu102"), threads=0)


def test_suggestions_name_the_three_most_costly_layers_and_what_to_change(keras):
    kl = keras.layers
    inputs = keras.Input((64, 64, 16))
    x = kl.Conv2D(129, 3, padding="same", activation="relu", name="just_above")(inputs)
    x = kl.Conv2D(64, 3, padding="same", activation="relu", name="after")(x)
    model = keras.Model(inputs, kl.Dense(10, name="classes")(kl.GlobalAveragePooling2D()(x)))
    inspection = inspect_model(model, load_target("zcu102"))
    named = {suggestion.layer: suggestion.text for suggestion in inspection.suggestions}
    most = sorted(inspection.layers, key=lambda layer: -layer.latency_ms)[:3]
    assert list(named) == [layer.name for layer in most]
    assert (
        "129 filters take 9 groups of 16: use 128, or 144 at the same cost" in named["just_above"]
        and "saves" in named["just_above"]
    )
    assert "129 input channels" in named["after"]


def test_following_a_suggestion_saves_what_it_says(keras):
    kl = keras.layers

    def model(filters):
        inputs = keras.Input((64, 64, 16))
        return keras.Model(inputs, kl.Conv2D(filters, 3, padding="same", name="layer")(inputs))

    target = load_target("zcu102")
    text = inspect_model(model(129), target).suggestions[0].text
    saved = (
        inspect_model(model(129), target).latency_ms - inspect_model(model(128), target).latency_ms
    )
    assert f"saves {saved:.3f} ms" in text
    assert (
        inspect_model(model(144), target).layers[0].cycles
        <= 1.1 * inspect_model(model(129), target).layers[0].cycles
    )


@pytest.mark.parametrize("target", TARGETS)
def test_every_suggestion_says_something(keras, target):
    for model in (
        plain_cnn(keras),
        keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3)),
    ):
        suggestions = inspect_model(model, load_target(target)).suggestions
        assert len(suggestions) == 3 and all(
            len(suggestion.text) > 20 for suggestion in suggestions
        )


@pytest.mark.parametrize(
    "low, high, position, levels",
    [
        (0, 1, 6, 65),
        (-1, 127 / 128, 7, 256),
        (-1, 1, 6, 129),
        (0, 255, -2, 65),
        (-128, 127, 0, 256),
    ],
)
def test_levels_of_an_int8_input_are_those_of_the_quantizer(low, high, position, levels):
    assert input_levels(low, high) == (position, levels)


def test_an_input_scaling_that_wastes_levels_is_named(keras):
    model, target = plain_cnn(keras), load_target("zcu102")
    assert any(
        "65 of 256" in warning
        for warning in inspect_model(model, target, input_range=(0.0, 1.0)).warnings
    )
    assert not inspect_model(model, target, input_range=(-1.0, 127 / 128)).warnings
    inside = with_layers(keras, shape=(8, 8, 3))
    inputs = keras.Input((8, 8, 3))
    scaled = keras.Model(inputs, inside(keras.layers.Rescaling(1 / 255.0, name="scaling")(inputs)))
    warnings = inspect_model(scaled, target).warnings
    assert any("scaling" in warning and "65 of 256" in warning for warning in warnings)
    assert not any("nested" in warning for warning in warnings)


def test_an_activation_that_runs_alone_is_reported_by_its_function(keras):
    layers = {
        layer.name: layer
        for layer in inspect_model(
            plain_cnn(keras, activation="tanh"), load_target("zcu102")
        ).layers
    }
    assert (
        layers["classes"].type == "Dense"
        and layers["classes/softmax"].type == "softmax"
        and layers["act0"].type == "tanh"
    )
    assert (
        layers["conv0"].fused == ("norm0",)
        and layers["conv0"].device == "DPU"
        and layers["act0"].device == "CPU"
    )


def test_a_prediction_with_layers_on_the_cpu_is_not_called_validated(keras):
    target = load_target("zcu102")
    whole, split = (
        inspect_model(plain_cnn(keras), target),
        inspect_model(plain_cnn(keras, activation="tanh"), target),
    )
    assert whole.validated and whole.validation == target.validation
    assert (
        not split.validated
        and "assumption" in split.validation
        and split.to_json()["validated"] is False
    )


@pytest.mark.parametrize("target", ["cpu", "zcu102"])
def test_a_model_that_computes_nothing_takes_no_time(keras, target):
    inputs = keras.Input((8, 8, 1))
    inspection = inspect_model(keras.Model(inputs, inputs), load_target(target))
    json.dumps(inspection.to_json(), allow_nan=False)
    assert inspection.macs == 0 and inspection.fps > 0
