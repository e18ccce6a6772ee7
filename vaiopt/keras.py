"""The one place that decides what Keras is: Keras 2 semantics, from TensorFlow 2.3 to today's.

TensorFlow up to 2.15 brings Keras 2 as ``tf.keras``. From 2.16 on ``tf.keras`` is Keras 3 unless
``TF_USE_LEGACY_KERAS=1`` is set before it is first looked at, which makes it ``tf_keras``. The
vendor's tools read Keras 2 files only, so nothing else is used anywhere.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import sys
import warnings
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterator, Optional, Tuple

import numpy as np

from vaiopt.errors import MissingToolError, ModelError
from vaiopt.files import PathLike, atomic_path
from vaiopt.network.file import attribute_text, read_model_config
from vaiopt.network.hdf5 import open_hdf5
from vaiopt.network.loadable import check_loadable

_GLOBAL_POOLING = "GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D".split()
LATER_FIELDS: Dict[str, Tuple[Tuple[str, Any], ...]] = {
    "InputLayer": tuple(("optional", value) for value in (False, None, True)),
    **dict.fromkeys([*_GLOBAL_POOLING, "GlobalMaxPooling2D"], (("keepdims", False),)),
    **dict.fromkeys(["GaussianNoise", "GaussianDropout", "AlphaDropout"], (("seed", None),)),
}
"""Fields of layers' configurations that Keras of TensorFlow 2.3 refuses, with the values at which
they say nothing, by class. Found by comparing 2.3, 2.6, 2.8 and tf_keras 2.21.
"""

OLDER = ("2.3.", "2.4.", "2.5.", "2.6.", "2.7.")
"""Versions of TensorFlow that lack at least one of those fields."""


def prepare_environment() -> None:
    """Set what TensorFlow reads when it is imported: Keras 2, no log of its own, and that it takes
    the memory of a GPU as it needs it, not all at once.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    # Not by setdefault: what TensorFlow traces comes here, too, and of a method that it cannot
    # translate it prints into a notebook what that belongs to: the whole environment.
    for name, value in (("TF_FORCE_GPU_ALLOW_GROWTH", "true"), ("TF_CPP_MIN_LOG_LEVEL", "3")):
        if name not in os.environ:
            os.environ[name] = value


def give_memory_back() -> None:
    """Let TensorFlow return to the system what it no longer needs, if it is not loaded yet: on CPUs
    with oneDNN it keeps all that it ever had for tensors (read once, at the first of them).
    """
    if "TF_ONEDNN_USE_SYSTEM_ALLOCATOR" not in os.environ:
        os.environ["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] = "1"


def load_tensorflow() -> Any:
    """Import TensorFlow, with ``tf.keras`` being Keras 2, and return it.

    Raises:
        MissingToolError: TensorFlow (or, on TensorFlow 2.16 and later, ``tf_keras``) is not
            installed, or Keras 3 was loaded first.
    """
    prepare_environment()
    install = "Install it with: pip install 'vaiopt[host]'"
    with _quiet():
        try:
            import tensorflow as tf
        except ImportError as error:
            raise MissingToolError(f"TensorFlow cannot be imported ({error})", install) from error
        try:
            version = _keras_version(tf)
        except (ImportError, AttributeError) as error:
            raise MissingToolError(f"Keras 2 cannot be imported ({error})", install) from error
    if not version.startswith("2."):
        raise MissingToolError(
            f"tf.keras is Keras {version}, which no Vitis-AI tool reads",
            "Set TF_USE_LEGACY_KERAS=1 before TensorFlow is imported, and install tf_keras: pip"
            " install 'vaiopt[host]'",
        )
    # Its warnings are about how we call it, not about what a user could change; errors are raised.
    tf.get_logger().setLevel("ERROR")
    return tf


def _keras_version(tf: Any) -> str:
    # tf_keras leaves its version out of its public module; "from tensorflow.keras import ..."
    # renames that module, but not its file.
    if "tf_keras" in (getattr(tf.keras, "__file__", "") or getattr(tf.keras, "__name__", "")):
        import tf_keras

        return str(tf_keras.__version__)
    return str(tf.keras.__version__)


def _quiet() -> ContextManager[None]:
    """Drop what TensorFlow's C++ prints on stderr before its logging is set up;
    ``TF_CPP_MIN_LOG_LEVEL`` does not reach that.

    Nothing is dropped when TensorFlow is loaded already, or when ``TF_CPP_MIN_LOG_LEVEL`` is 0.
    """
    if "tensorflow" in sys.modules or os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0":
        return contextlib.nullcontext()
    return without_stderr()


@contextlib.contextmanager
def without_stderr() -> Iterator[None]:
    """Send what C++ code writes to stderr nowhere."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def load_keras() -> Any:
    """Return the Keras 2 module (``tf.keras``). Raises as :func:`load_tensorflow`."""
    return load_tensorflow().keras


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and TensorFlow's random numbers, which Keras does itself from 2.7
    on.
    """
    tf = load_tensorflow()
    if hasattr(tf.keras.utils, "set_random_seed"):
        tf.keras.utils.set_random_seed(seed)
        return
    random.seed(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)


def forget_models() -> None:
    """Let go of what Keras keeps of the models made so far, and count names from the start again: a
    metric is called ``auc``, not ``auc_3``, however many models were made before. Models that are
    held go on working.
    """
    load_keras().backend.clear_session()


def save_model(model: Any, path: PathLike, attributes: Optional[Dict[str, str]] = None) -> None:
    """Write a Keras 2 ``.h5`` file, whole, without optimizer, that TensorFlow 2.3 and later load;
    ``attributes`` are further ones of the file.

    Fields of layers that came after 2.3 are left out where they say nothing (``LATER_FIELDS``).
    """
    import h5py

    # In memory: HDF5's library does not survive a disk that is full, it crashes when the file is
    # closed.
    content = io.BytesIO()
    with h5py.File(content, "w") as file, warnings.catch_warnings():
        # The newest format is what no Vitis-AI tool reads.
        warnings.filterwarnings("ignore", message=".*HDF5 file.*")
        model.save(file, include_optimizer=False, save_format="h5")
        config = _without_later_fields(json.loads(attribute_text(file.attrs["model_config"])))
        file.attrs["model_config"] = json.dumps(config).encode("utf-8")
        for name, text in (attributes or {}).items():
            file.attrs[name] = text.encode("utf-8")
    with atomic_path(Path(path).with_suffix(".h5")) as temporary:
        temporary.write_bytes(content.getvalue())


def _without_later_fields(config: Any) -> Any:
    """Return a configuration without what older Keras does not read, nested models included."""
    if isinstance(config, list):
        return [_without_later_fields(item) for item in config]
    if not isinstance(config, dict):
        return config
    result = {key: _without_later_fields(value) for key, value in config.items()}
    inner = result.get("config")
    for field, value in LATER_FIELDS.get(str(result.get("class_name")), ()):
        if isinstance(inner, dict) and field in inner and inner[field] == value:
            del inner[field]
    return result


@contextlib.contextmanager
def _readable(file: Any) -> Iterator[Any]:
    """Give an open ``.h5`` file in a form that this Keras reads: a copy in memory, without later
    fields, where it is old and the file has any.
    """
    import h5py

    config = json.loads(attribute_text(file.attrs["model_config"]))
    older = _without_later_fields(config)
    if older == config or not str(load_tensorflow().__version__).startswith(OLDER):
        yield file
        return
    with h5py.File("copy", "w", driver="core", backing_store=False) as copy:
        for name in file:
            file.copy(name, copy)
        for name, value in file.attrs.items():
            copy.attrs[name] = value
        copy.attrs["model_config"] = json.dumps(older).encode("utf-8")
        yield copy


def load_model(path: PathLike, custom_objects: Optional[Dict[str, Any]] = None) -> Any:
    """Load a Keras 2 ``.h5`` model, not compiled, once it is known that nothing in it is code.

    Code in a file is only run within :func:`vaiopt.network.loadable.trusting_models`.

    Raises:
        ModelError: as :func:`vaiopt.network.file.read_model_config` and
            :func:`vaiopt.network.loadable.check_loadable`, or Keras cannot build it.
    """
    read_model_config(path)
    with open_hdf5(path) as file:
        check_loadable(file, Path(path))
        keras = load_keras()
        try:
            # the file that was checked, not what its name stands for by now
            with _readable(file) as content:
                return keras.models.load_model(content, custom_objects, compile=False)
        except Exception as error:  # the boundary to Keras, which raises any kind
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(
                f"'{path}' cannot be loaded: {reason[:200]}",
                "Save the model again from Keras 2, of Keras's own layers.",
            ) from error
