"""Messages about what is not installed."""

from __future__ import annotations

import json
from typing import Any

from tests.docs.provoked.bench import Bench, Provocations, classifier, quick, samples
from tests.docs.provoked.compile import compiled_model, for_the_dpu
from vaiopt import keras
from vaiopt.compile import check_compile
from vaiopt.deploy import check_measure
from vaiopt.int8.model import load_quantized
from vaiopt.quantize import quantize_model
from vaiopt.runs.layout import Run
from vaiopt.search import samplers
from vaiopt.search.execution.dask import connect
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.trace import trace_space
from vaiopt.track import check_track


def no_tensorflow(bench: Bench) -> None:
    bench.hidden("tensorflow")
    keras.load_tensorflow()


def keras_3(bench: Bench) -> None:
    bench.patch.setattr(keras, "_keras_version", lambda tf: "3.4.1")
    keras.load_tensorflow()


def no_compiler(bench: Bench) -> None:
    bench.patch.setattr("vaiopt.environment.shutil.which", lambda name: None)
    for_the_dpu(bench, compiled_model())


def no_compiler_beforehand(bench: Bench) -> None:
    bench.patch.setattr("vaiopt.environment.shutil.which", lambda name: None)
    check_compile(quick("hardware.target=zcu102"))


def quantized(backend: str) -> Any:
    def provoke(bench: Bench) -> None:
        bench.hidden("tensorflow_model_optimization")
        quantize_model(classifier(), samples(), out=bench.folder / "q", backend=backend)

    return provoke


def of_the_vendor(bench: Bench) -> None:
    import h5py

    path = bench.folder / "quantized.h5"
    layers = [{"class_name": "Vitis>VitisQuantize", "config": {"name": "quant_image"}}]
    config = {"class_name": "Functional", "config": {"layers": layers}}
    with h5py.File(str(path), "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = b"2.10.0"
    load_quantized(path)


def no_package_of_a_sampler(bench: Bench) -> None:
    bench.patch.setattr(samplers, "has_module", lambda name: False)
    space = trace_space(lambda hp: hp.Int("units", 1, 4), HyperParameters)
    settings = quick("search.sampler=cmaes").search
    samplers.make_sampler(samplers.Problem(space, settings, 0, Objective()))


def no_dask(bench: Bench) -> None:
    bench.hidden("distributed")
    connect("tcp://host:1")


def no_tracker(bench: Bench) -> None:
    bench.hidden("mlflow")
    check_track(quick('track.to=["mlflow"]'), Run(bench.folder / "run"))


def no_ssh(bench: Bench) -> None:
    bench.patch.setenv("PATH", str(bench.folder))
    check_measure(quick("deploy.host=root@board"))


MESSAGES: Provocations = {
    "TensorFlow cannot be imported (…)": no_tensorflow,
    "tf.keras is Keras …, which no Vitis-AI tool reads": keras_3,
    "vai_c_tensorflow2, the compiler for '…', is not installed here": no_compiler,
    "nothing can be compiled for '…' here: …": no_compiler_beforehand,
    "the backend 'vitis' needs vai_q_tensorflow2, which is not installed here": quantized("vitis"),
    "the backend 'tfmot' needs tensorflow-model-optimization, which cannot be imported (…)": (
        quantized("tfmot")
    ),
    "'…' was written by the vendor's quantizer, which is not installed here": of_the_vendor,
    "the sampler '…' needs the package '…'": no_package_of_a_sampler,
    "Dask is not installed (…)": no_dask,
    "track.to names '…', and the package … is missing (…)": no_tracker,
    "'…' is not installed here": no_ssh,
}
