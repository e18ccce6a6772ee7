"""Writing ``.tflite`` files, one tensor and one operator at a time.

The file is written directly and not by TensorFlow's converter: scales are then exactly the powers
of two of the int8 model, biases are exactly its biases, operators have the lowest version that an
int8 model needs (so that the interpreters of old board images read them), and the file is the same
from every TensorFlow. The schema's classes alone are used, which TensorFlow brings from 2.4 on.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import MissingToolError
from vaiopt.keras import load_tensorflow

LARGEST_CODE_OF_OLD_FIELD = 127
"""Operator codes above it are only in the newer field ``builtin_code``; none is used here."""


class Builtin(NamedTuple):
    """An operator of TFLite: its name in the schema, the lowest version that reads what is written
    here, and the name of its options table without ``Options``.
    """

    name: str
    version: int
    options: str = ""


BUILTINS = {
    row.name: row
    for row in (
        Builtin("ADD", 2, "Add"),
        Builtin("CONCATENATION", 2, "Concatenation"),
        Builtin("CONV_2D", 3, "Conv2D"),
        Builtin("DEPTHWISE_CONV_2D", 3, "DepthwiseConv2D"),
        Builtin("FULLY_CONNECTED", 4, "FullyConnected"),
        Builtin("MAXIMUM", 2, "MaximumMinimum"),
        Builtin("MAX_POOL_2D", 2, "Pool2D"),
        Builtin("MUL", 2, "Mul"),
        Builtin("PAD", 2, "Pad"),
        Builtin("QUANTIZE", 2, "Quantize"),
        Builtin("RELU", 2),
        Builtin("RELU6", 2),
        Builtin("RESHAPE", 1, "Reshape"),
        Builtin("RESIZE_NEAREST_NEIGHBOR", 2, "ResizeNearestNeighbor"),
        Builtin("TRANSPOSE_CONV", 3, "TransposeConv"),
    )
}
"""The operators that are written, by name. Source of the versions, for int8 tensors:
tensorflow/lite/tools/versioning/op_version.cc.
"""


class FlatBuffer:
    """A ``.tflite`` model with one subgraph, batch 1.

    Args:
        description: kept in the file.

    Raises:
        MissingToolError: TensorFlow is older than 2.4, which is the first with the schema.
    """

    def __init__(self, description: str) -> None:
        self._schema = _schema()
        self._description = description
        # Buffer 0 is empty by convention: tensors without data name it.
        self._buffers = [self._schema.BufferT()]
        self._tensors: List[Any] = []
        self._operators: List[Any] = []
        self._codes: Dict[Tuple[int, int], int] = {}
        self._types = {
            np.dtype(np.int8): self._schema.TensorType.INT8,
            np.dtype(np.int32): self._schema.TensorType.INT32,
            np.dtype(np.float32): self._schema.TensorType.FLOAT32,
        }

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any = np.int8,
        scale: Optional[float] = None,
        data: Optional[np.ndarray] = None,
    ) -> int:
        """Add a tensor and return its number.

        Args:
            name: for people who look into the file.
            shape: with batch.
            dtype: numpy type.
            scale: ``real = integer * scale``, zero point 0; None: not quantized.
            data: contents of a constant.
        """
        tensor = self._schema.TensorT()
        tensor.name = name
        tensor.shape = [int(n) for n in shape]
        tensor.type = self._types[np.dtype(dtype)]
        tensor.buffer = 0
        if scale is not None:
            tensor.quantization = self._schema.QuantizationParametersT()
            tensor.quantization.scale = [float(scale)]
            tensor.quantization.zeroPoint = [0]
        if data is not None:
            buffer = self._schema.BufferT()
            # TFLite is little-endian everywhere.
            content = np.ascontiguousarray(data, dtype=np.dtype(dtype).newbyteorder("<"))
            buffer.data = np.frombuffer(content.tobytes(), dtype=np.uint8)
            tensor.buffer = len(self._buffers)
            self._buffers.append(buffer)
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def operator(
        self, name: str, inputs: Sequence[int], output: int, *, version: int = 0, **fields: Any
    ) -> int:
        """Add an operator and return ``output``.

        Args:
            name: of :data:`BUILTINS`.
            inputs: numbers of tensors; -1 for an optional one that is left out.
            output: number of the tensor that it makes.
            version: of the operator, where these fields need a newer one than usual.
            fields: set in its options table.
        """
        row, operator = BUILTINS[name], self._schema.OperatorT()
        builtin = getattr(self._schema.BuiltinOperator, name)
        operator.opcodeIndex = self._code(builtin, version or row.version)
        operator.inputs = [int(i) for i in inputs]
        operator.outputs = [int(output)]
        if row.options:
            table = getattr(self._schema, row.options + "OptionsT")()
            for key, value in fields.items():
                if not hasattr(table, key):
                    raise AttributeError(f"{row.options} has no field {key}")
                setattr(table, key, value)
            kind = getattr(self._schema.BuiltinOptions, row.options + "Options")
            operator.builtinOptionsType, operator.builtinOptions = kind, table
        self._operators.append(operator)
        return output

    def constant(self, table: str, name: str) -> int:
        """Return a constant of the schema, such as ``constant("Padding", "SAME")``."""
        return int(getattr(getattr(self._schema, table), name))

    def _code(self, builtin: int, version: int) -> int:
        return self._codes.setdefault((builtin, version), len(self._codes))

    def to_bytes(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """Return the file, with these tensors going in and coming out."""
        import flatbuffers

        schema = self._schema
        graph = schema.SubGraphT()
        graph.name = "main"
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = list(inputs), list(outputs)
        model = schema.ModelT()
        model.version = 3
        model.description = self._description
        model.buffers = self._buffers
        model.subgraphs = [graph]
        model.operatorCodes = []
        for builtin, version in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.version = builtin, version
            code.deprecatedBuiltinCode = min(builtin, LARGEST_CODE_OF_OLD_FIELD)
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def _schema() -> Any:
    version = str(load_tensorflow().__version__)
    try:
        from tensorflow.lite.python import schema_py_generated
    except ImportError as error:
        raise MissingToolError(
            f"TensorFlow {version} cannot write .tflite files by itself ({error})",
            "Compile for the target cpu where TensorFlow is 2.4 or newer.",
        ) from error
    return schema_py_generated
