import sys
import types

import pytest

from vaiopt import models
from vaiopt.errors import ModelError
from vaiopt.hardware import left_to_cpu, load_target
from vaiopt.models import FAMILIES, build, load_family
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import BuildFailed, trace_space

IMAGE, TABLE, SIGNAL = (12, 12, 1), (30,), (40, 3)
OF_IMAGES = ("unet", "autoencoder")
FOR_IMAGES = ("cnn", "cnn_blocks", "vgg_small", "resnet", "mobilenet", "efficientnet_lite")
NARROW = {
    "mobilenet": {"depth": 0.5, "width": 0.25, "form": "minimal", "dropout": 0.0},
    "efficientnet_lite": {"depth": 0.5, "dropout": 0.0},
}
"""Settings that leave less to build of the large ones."""


def make(shape, values=None, classes=3, overrides=None):
    return HyperParameters(values, overrides, shape, classes, 100)


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("shape", [IMAGE, TABLE])
def test_each_family_builds_over_its_whole_space(family, shape):
    if family in FOR_IMAGES and shape == TABLE:
        pytest.skip("a CNN needs images")
    if family in (*OF_IMAGES, "cnn_1d"):
        pytest.skip("gives images, or needs signals")
    function = load_family(family)
    narrow = NARROW.get(family)
    space = trace_space(
        lambda hp: build(function, hp), lambda values: make(shape, values, overrides=narrow)
    )
    assert len(space.searched()) >= 2
    model = build(function, make(shape))
    assert model.output_shape == (None, 3)
    assert model.optimizer is not None


@pytest.mark.parametrize("family, task", zip(OF_IMAGES, ("segmentation", "image_to_image")))
def test_each_family_of_images_builds_over_its_whole_space(family, task):
    def made(values):
        shapes = {"segmentation": (12, 8), "image_to_image": (12, 8, 3)}
        return HyperParameters(values, {}, (12, 8, 1), 3, 100, task, shapes[task])

    function = load_family(family)
    space = trace_space(lambda hp: build(function, hp), made)
    assert {"depth", "width", "upsampling"} <= {d.name for d in space.searched()}
    model = build(load_family("auto"), made({}))
    assert model.name == family and model.output_shape == (None, 12, 8, 3)


def test_the_family_of_signals_builds_over_its_whole_space_and_is_all_on_the_dpu():
    function = load_family("auto")
    space = trace_space(lambda hp: build(function, hp), lambda values: make(SIGNAL, values))
    assert {"blocks", "kernel", "filters4"} <= {d.name for d in space.searched()}
    for shape in (SIGNAL, (4, 1), (5000, 12)):
        model = build(function, make(shape))
        assert model.name == "cnn_1d" and model.input_shape[1:] == shape
        for target in ("zcu102", "kv260", "vck190"):
            assert left_to_cpu(model, load_target(target)) == []
    with pytest.raises(ModelError, match="is for signals") as refused:
        build(load_family("cnn_1d"), make(IMAGE))
    assert "data.kind=signal" in refused.value.hint


def test_a_family_that_cannot_do_the_task_is_refused_with_one_that_can():
    with pytest.raises(ModelError, match="this family gives values in a row"):
        build(load_family("mlp"), HyperParameters({}, {}, IMAGE, 2, 100, "segmentation", (12, 12)))
    with pytest.raises(ModelError, match="this family gives an image"):
        build(load_family("unet"), make(IMAGE))
    with pytest.raises(ModelError, match="even height and width"):
        build(load_family("unet"), HyperParameters({}, {}, (7, 8, 1), 2, 9, "segmentation", (7, 8)))


def test_auto_takes_a_cnn_for_images_and_an_mlp_for_tables():
    function = load_family("auto")
    assert build(function, make(IMAGE)).name == "cnn_blocks"
    assert build(function, make(TABLE)).name == "mlp_tabular"
    assert build(function, make((2, 2, 3))).name == "mlp_tabular"
    assert build(function, make((3, 9))).name == "mlp_tabular"


def test_a_made_up_row_is_a_family_by_its_module(monkeypatch):
    module = types.ModuleType("vaiopt.models.made_up")
    module.build_model = lambda hp: "made up"
    with pytest.raises(ModelError, match="unknown model family 'made_up'"):
        load_family("made_up")
    monkeypatch.setattr(models, "FAMILIES", (*FAMILIES, "made_up"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert load_family("made_up")(None) == "made up"


def test_a_name_that_is_no_family_gets_the_nearest():
    with pytest.raises(ModelError) as caught:
        load_family("cnn_block")
    assert "cnn_blocks" in caught.value.hint


def write(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return str(path)


def test_what_a_function_prints_leaves_stdout_to_the_result(tmp_path, capfd):
    function = load_family(
        write(tmp_path, "print('at import')\ndef build_model(hp):\n    print('in the function')\n")
    )
    with pytest.raises(BuildFailed):
        build(function, make(TABLE))
    out, err = capfd.readouterr()
    assert not out and "at import" in err and "in the function" in err


def test_a_function_of_the_users_own_is_loaded_from_its_file(tmp_path):
    path = write(
        tmp_path,
        "from tensorflow import keras\ndef build_model(hp):\n    model ="
        " keras.Sequential([keras.Input(hp.input_shape), keras.layers.Dense(hp.Int('units', 4, 8)),"
        " keras.layers.Dense(hp.classes)])\n    return model\n",
    )
    assert build(load_family(path), make(TABLE)).count_params() == 31 * 4 + 5 * 3
    assert build(load_family(path + ":build_model"), make(TABLE, {"units": 5})).layers[0].units == 5


@pytest.mark.parametrize(
    "text, says",
    [
        (
            "def build_model(hp):\n    raise RuntimeError('no luck')\n",
            "RuntimeError: no luck (mine.py, line 2)",
        ),
        ("import sys\ndef build_model(hp):\n    sys.exit(3)\n", "SystemExit: 3 (mine.py, line 3)"),
        ("def build_model(hp):\n    pass\n", "returned None"),
        ("def build_model(hp):\n    return 'model'\n", "builtins.str"),
        (
            (
                "from tensorflow import keras\ndef build_model(hp):\n    x = keras.Input((30,))\n"
                "    return keras.Model(x, [keras.layers.Dense(3)(x), keras.layers.Dense(3)(x)])\n"
            ),
            "more than one output: ",
        ),
        (
            (
                "from tensorflow import keras\ndef build_model(hp):\n    a, b = (keras.Input((30,),"
                " name=n) for n in ('here', 'there'))\n    x = keras.layers.Add()([a, b])\n"
                "    return keras.Model([a, b], keras.layers.Dense(3)(x))\n"
            ),
            "more than one input: here, there",
        ),
        (
            (
                "from tensorflow import keras\ndef build_model(hp):\n    return"
                " keras.Sequential([keras.Input((7,)), keras.layers.Dense(3)])\n"
            ),
            "inputs of shape (7,)",
        ),
        (
            (
                "from tensorflow import keras\ndef build_model(hp):\n    return"
                " keras.Sequential([keras.Input((30,)), keras.layers.Dense(9)])\n"
            ),
            "outputs of shape (9,)",
        ),
    ],
)
def test_a_function_that_gives_no_fitting_model_is_refused_in_words(tmp_path, text, says):
    with pytest.raises(BuildFailed) as caught:
        build(load_family(write(tmp_path, text)), make(TABLE))
    assert says in caught.value.message


@pytest.mark.parametrize(
    "text, says",
    [
        ("x = 1\n", "has no 'build_model'"),
        ("build_model = 3\n", "not a function"),
        ("1/0\n", "ZeroDivisionError"),
    ],
)
def test_a_file_without_a_usable_function_is_refused(tmp_path, text, says):
    with pytest.raises(ModelError) as caught:
        load_family(write(tmp_path, text))
    assert says in caught.value.message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match="none.py"):
        load_family(str(tmp_path / "none.py"))
