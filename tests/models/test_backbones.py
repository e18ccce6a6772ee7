import pytest

from vaiopt.errors import ModelError
from vaiopt.hardware import inspect_model, load_target
from vaiopt.models import build, load_family
from vaiopt.models.blocks import divisible, halvings, some_of, strides
from vaiopt.models.mobilenet import V3_LARGE, _kept
from vaiopt.study.hyperparameters import HyperParameters

BACKBONES = ("vgg_small", "resnet", "mobilenet", "efficientnet_lite")
PHOTO = (32, 32, 3)


def hp_of(shape, overrides=None, task="classification", y_shape=()):
    return HyperParameters({}, overrides, shape, 4, 100, task, y_shape)


def built(family, overrides=None, shape=PHOTO, **options):
    return build(load_family(family), hp_of(shape, overrides, **options))


def shapes(model):
    return {
        layer.name: [tuple(weight.shape) for weight in layer.weights]
        for layer in model.layers
        if layer.weights
    }


def pooled(model):
    return tuple(model.get_layer("pool").input.shape[1:])


@pytest.mark.parametrize("family", BACKBONES)
def test_every_layer_of_the_default_point_runs_on_the_dpu(family):
    found = inspect_model(built(family), load_target("zcu102", "3.0"))
    assert found.fallback_layers == () and found.dpu_subgraphs == 1


@pytest.mark.parametrize("version", ["v1", "v3_small", "v3_large"])
def test_every_layer_of_each_mobilenet_runs_on_the_dpu(version):
    form = {} if version == "v1" else {"form": "full"}
    overrides = {"version": version, "width": 0.25, **form}
    found = inspect_model(built("mobilenet", overrides), load_target("zcu102", "3.0"))
    assert found.fallback_layers == () and found.dpu_subgraphs == 1


@pytest.mark.parametrize(
    "version, width, name, options",
    [
        ("v1", 0.25, "MobileNet", {"alpha": 0.25}),
        ("v2", 0.35, "MobileNetV2", {"alpha": 0.35}),
        ("v3_small", 1.0, "MobileNetV3Small", {}),
        ("v3_large", 0.75, "MobileNetV3Large", {"alpha": 0.75, "minimalistic": True}),
    ],
)
def test_a_mobilenet_has_the_names_and_shapes_of_kerass_own(version, width, name, options):
    from vaiopt.keras import load_keras

    overrides = {"version": version, "width": width, "depth": 1.0}
    if version.startswith("v3"):
        overrides["form"] = "minimal" if "minimalistic" in options else "full"
    ours = shapes(built("mobilenet", overrides))
    make = getattr(load_keras().applications, name)
    theirs = shapes(make(weights=None, include_top=False, input_shape=PHOTO, **options))
    assert ours.pop("predictions")
    assert ours == theirs


def test_a_shallower_mobilenet_has_a_part_of_the_layers_of_the_whole_one():
    whole = shapes(built("mobilenet", {"depth": 1.0}))
    part = shapes(built("mobilenet", {"depth": 0.5}))
    assert set(part) < set(whole)
    assert all(whole[name] == part[name] for name in part)


def test_the_first_block_of_a_stage_is_never_left_out():
    assert some_of("abcd", 0.5) == "ab" and some_of("abc", 0.01) == "a" and some_of("a", 1) == "a"
    kept = _kept(V3_LARGE, 0.5)
    starts = [n for n, b in enumerate(V3_LARGE) if n == 0 or b.filters != V3_LARGE[n - 1].filters]
    assert set(starts) <= set(kept) and len(kept) < len(V3_LARGE)


def test_channels_are_multiples_of_eight_and_lose_a_tenth_at_most():
    assert [divisible(n) for n in (1, 11.2, 24 * 0.35, 100)] == [8, 16, 8, 104]
    assert all(divisible(n) >= 0.9 * n and divisible(n) % 8 == 0 for n in range(8, 400))


@pytest.mark.parametrize("side, times", [(224, 5), (64, 4), (32, 3), (28, 3), (12, 1), (4, 0)])
def test_images_are_halved_down_to_four_pixels(side, times):
    assert halvings(hp_of((side, side, 1))) == times


def test_of_small_images_the_last_strides_stay():
    assert strides(hp_of(PHOTO), [2, 1, 2, 2, 1, 2, 2]) == (1, 1, 1, 2, 1, 2, 2)
    assert strides(hp_of((224, 224, 3)), [2, 1, 2, 2, 1, 2, 2]) == (2, 1, 2, 2, 1, 2, 2)
    assert pooled(built("mobilenet"))[:2] == (4, 4)
    assert pooled(built("resnet", shape=(224, 224, 3)))[:2] == (7, 7)


def test_a_larger_image_size_of_a_search_gives_larger_maps_of_the_same_network():
    hp = hp_of((64, 64, 3))
    hp.smallest_shape = PHOTO
    assert pooled(build(load_family("resnet"), hp))[:2] == (8, 8)


@pytest.mark.parametrize("family", BACKBONES)
def test_what_is_no_image_is_refused(family):
    with pytest.raises(ModelError, match="is for images"):
        built(family, shape=(30,))


def test_the_head_is_the_tasks():
    assert built("resnet", task="regression").output_shape == (None, 4)
    with pytest.raises(ModelError, match="gives values in a row"):
        built("resnet", task="segmentation", y_shape=(32, 32))
