"""Rows of the table of readers: what comes from a compiler or a kit, what runs on a kit, and model
files.
"""

from __future__ import annotations

import io
import json
import types
import zipfile
from pathlib import Path
from typing import Any, List
from unittest import mock

from benchmarks.fuzz import made
from benchmarks.fuzz.instrument import on_kit
from benchmarks.fuzz.readers import Reader, as_json, json_file, text_file
from vaiopt.network.sizes import elements

# ---------------------------------------------------------------- compilers


def read_dump(path: Path) -> None:
    """Read what ``xir`` tells of a compiled model, and examine it."""
    from vaiopt.compile.vitis import xmodel

    dump = xmodel.parse_dump(path.read_bytes(), "model.xmodel")
    count = sum(child.device == "DPU" for child in dump.subgraphs)
    found = xmodel.XmodelContent(count, "", dump.subgraphs, dump.tensors, dump.libraries)
    folder = path.parent
    request: Any = types.SimpleNamespace(
        golden=folder / "none", float_model=folder / "none", quantize_command="vaiopt quantize"
    )
    request.fix_positions = folder / "fix_positions.json"
    request.fix_positions.write_text(
        '[{"layer": "c1", "tensor": "kernel", "bits": 8, "position": 7}]'
    )
    ends, facts = xmodel.examine(found, request, "0x101000056010407")
    as_json([*ends.inputs, *ends.outputs, facts.to_json(), xmodel.threshold(found)])


def read_lines(path: Path) -> None:
    """Read what a compiler or a kit says line by line."""
    from vaiopt.compile.vitis.backend import reason
    from vaiopt.compile.vitis.xmodel import read_xmodel
    from vaiopt.deploy.result import failure, is_progress

    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    with mock.patch("vaiopt.compile.vitis.xmodel.has_module", lambda name: False):  # lines alone
        read_xmodel(path, lines)
    [line for line in lines if is_progress(line)], reason(lines, 1)
    error = failure(1, lines, "here")
    assert error.message and error.hint


LINES = """[UNILOG][INFO] Target architecture: DPUCZDX8G_ISA1_B4096
[UNILOG][INFO] Total device subgraph number 3, DPU subgraph number 1
checking the bundle
error: the model is not there
hint: copy it
[UNILOG][FATAL] something
"""

# ---------------------------------------------------------------- on the kit


def kit_manifest(path: Path) -> Any:
    """Read a manifest as the kit does, and make the preprocessing that it says."""
    import numpy as np

    manifest = on_kit("kit_bundle").Manifest(str(path))
    quantize = on_kit("kit_numbers").Quantizer(manifest, manifest.input_position)
    size = int(np.prod(manifest.shape, dtype=np.float64))
    if size < 1 << 20:
        quantize(np.zeros((1, *manifest.shape), np.uint8))
    return manifest


def kit_samples(path: Path) -> None:
    """Read a bundle's samples as the kit does."""
    manifest = on_kit("kit_bundle").Manifest(str(path.parent / "manifest.json"))
    on_kit("kit_bundle").Samples(str(path), manifest)


def kit_golden(path: Path) -> None:
    """Read a bundle's golden outputs as the kit does, and compare them."""
    found = on_kit("kit_bundle").Golden(str(path), inputs=2 if "two" in path.name else 1)
    on_kit("kit_numbers").compare(found, found.outputs)


def kit_xmodel(path: Path) -> None:
    """Look at a compiled model before the runtime does."""
    on_kit("kit_dpu").check_looks_like_xmodel(str(path))


def kit_query(path: Path) -> None:
    """Read what the kit's own tools say of it."""
    board = on_kit("kit_board")
    text = path.read_bytes().decode("utf-8", "replace")
    as_json([board._parse_xdputil(text), board._parse_show_dpu(text)])


def kit_tflite(path: Path) -> None:
    """Load and run a ``.tflite``."""
    import numpy as np

    model = on_kit("kit_tflite").TfliteModel(str(path))
    if np.prod(model.input_shape, dtype=np.float64) < 1 << 20:
        model.make_runner().execute()


def make_samples(folder: Path) -> List[Path]:
    """Write a bundle's manifest and samples."""
    import numpy as np

    candidate = made.make_run(folder)
    bundle = candidate.bundle(made.TARGET)
    x, y = np.zeros((20, 8, 8, 1), np.uint8), np.arange(20) % 10
    np.savez(str(bundle / "samples.npz"), x=x, y=y, expected=y)
    return [bundle / "samples.npz"]


def make_manifest(folder: Path) -> List[Path]:
    """Write a bundle's manifest, and one of a model of two inputs."""
    one = made.make_run(folder).bundle(made.TARGET) / "manifest.json"
    content = json.loads(one.read_text(encoding="utf-8"))
    way, tensor = content["preprocessing"], content["input"]
    plain = {k: v for k, v in way.items() if k not in ("offset", "scale")}
    size = 2 * elements(way["shape"])
    content["preprocessing"] = {
        **plain,
        "shape": [size],
        "layout": "NF",
        "inputs": [{"name": name, **way} for name in "ab"],
    }
    content["inputs"] = [{**tensor, "name": name} for name in "ab"]
    two = folder / "two_inputs.json"
    two.write_text(json.dumps(content), encoding="utf-8")
    return [one, two]


def make_golden(folder: Path) -> List[Path]:
    """Write golden outputs."""
    import numpy as np

    arrays = made.golden_arrays()
    more = {"inputs_1": arrays["inputs"], "input_position_1": arrays["input_position"]}
    paths = [folder / "golden.npz", folder / "golden_of_two.npz"]
    for path, held in zip(paths, (arrays, {**arrays, **more})):
        np.savez(str(path), **held)
    return paths


def make_xmodel(folder: Path) -> List[Path]:
    """Write the fields of a protobuf message."""
    fields = b"".join(bytes([10, len(text)]) + text for text in (b"small", b"x" * 40, b"graph"))
    (folder / "model.xmodel").write_bytes(fields + bytes([16, 200, 1, 29, 1, 2, 3, 4]))
    return [folder / "model.xmodel"]


def make_tflite(folder: Path) -> List[Path]:
    """Write a small int8 model."""
    from vaiopt.compile.tflite.lower import to_tflite
    from vaiopt.int8.program import Operation, Program, Tensor

    ends = Tensor("image", (4, 4, 2), 4), Tensor("out", (2, 2, 2), 4)
    pool = Operation("max_pool", "p", ["image"], ends[1])
    pool.options.update(kernel=(2, 2), strides=(2, 2), padding="valid")
    program = Program(ends[0], ends[1], [pool])
    (folder / "model.tflite").write_bytes(to_tflite(program, "fuzz"))
    return [folder / "model.tflite"]


QUERY = """{"DPU IP Spec": {"x": 1}, "VAI Version": {"libvart-runner.so": "v3.0.0"},
"kernels": [{"DPU Arch": "DPUCZDX8G_ISA1_B4096", "DPU Frequency (MHz)": 300,
"fingerprint": "0x101000056010407"}]}
device_core_id=0 device= 0 core = 0 fingerprint = 0x1000020f6014407 batch = 1
"""

KITS = [
    Reader("what xir tells", json_file("dump.json", made.xmodel_dump), read_dump, 10),
    Reader("lines of a compiler or kit", text_file("lines.txt", lambda: LINES), read_lines, 60),
    Reader("kit: manifest.json", make_manifest, kit_manifest, 25),
    Reader("kit: samples.npz", make_samples, kit_samples, 10),
    Reader("kit: golden.npz", make_golden, kit_golden, 12),
    Reader("kit: model.xmodel", make_xmodel, kit_xmodel, 80),
    Reader("kit: its own tools", text_file("query.txt", lambda: QUERY), kit_query, 80),
    Reader("kit: model.tflite", make_tflite, kit_tflite, 0.2, forked=True, supervised=True),
]

# ---------------------------------------------------------------- model files


def inspect_file(path: Path) -> None:
    """Inspect a model file for a DPU and for a CPU."""
    from vaiopt.hardware import inspect_model, load_target

    for name in ("zcu102", "cpu"):
        as_json(inspect_model(path, load_target(name)))


def read_config_of(path: Path) -> None:
    """Read the architecture in a model file."""
    from vaiopt.network.read import read_architecture

    read_architecture(path)


def read_weights_of(path: Path) -> None:
    """Read the weights in a model file."""
    from vaiopt.report.weights import read_weights

    for weight in read_weights(path):
        if weight.initial is not None:
            weight.initial.density(weight.values)


def make_model(folder: Path) -> List[Path]:
    """Write a Keras 2 model file."""
    made.write_model(folder / "model.h5")
    return [folder / "model.h5"]


def make_keras_model(folder: Path) -> List[Path]:
    """Write a model file as Keras does."""
    from vaiopt.keras import load_keras, save_model

    keras = load_keras()
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="c1")(image)
    x = layers.BatchNormalization(name="b1")(x)
    x = layers.Add(name="a1")([x, layers.DepthwiseConv2D(3, padding="same", name="d1")(x)])
    x = layers.Dense(3, activation="softmax", name="e1")(layers.Flatten(name="f1")(x))
    save_model(keras.Model(image, x), folder / "model.h5")
    return [folder / "model.h5"]


def make_archive(folder: Path) -> List[Path]:
    """Write a ``.keras`` archive, as Keras names the weights in it."""
    import h5py
    import numpy as np

    kinds = {"c1": "conv2d", "c2": "conv2d_1", "n1": "batch_normalization", "d1": "dense"}
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, kind in kinds.items():
            for number, shape in enumerate(made.WEIGHTS.get(name, {}).values()):
                file[f"layers/{kind}/vars/{number}"] = np.ones(shape, np.float32)
    with zipfile.ZipFile(str(folder / "model.keras"), "w") as archive:
        archive.writestr("config.json", json.dumps(made.architecture()))
        archive.writestr("model.weights.h5", content.getvalue())
    return [folder / "model.keras"]


def read_start_weights(path: Path) -> None:
    """Read weights that a model may start from."""
    from vaiopt.network.weights import read_weights

    read_weights(str(path))


def load_with_keras(path: Path) -> None:
    """Let Keras build the model in a file."""
    from vaiopt.keras import load_keras, load_model

    load_model(path)
    load_keras().backend.clear_session()


MODELS = [
    Reader("architecture .json", json_file("model.json", made.architecture), inspect_file, 3),
    Reader("model .h5, inspect", make_model, inspect_file, 0.3, forked=True),
    Reader("model .h5, architecture", make_model, read_config_of, 0.3, forked=True),
    Reader("model .h5, weights", make_model, read_weights_of, 0.3, forked=True),
    Reader("weights to start from, .h5", make_model, read_start_weights, 0.3, forked=True),
    Reader("weights to start from, .keras", make_archive, read_start_weights, 0.3, forked=True),
    # not in a process of its own: TensorFlow does not survive a fork
    Reader("model .h5, loaded", make_keras_model, load_with_keras, 0.1),
]
