"""Run named cases against whichever ``xir`` and ``vart`` are on the path, each in a process of its
own: python vart_cases.py MODEL CASE...

Writes one JSON object: case -> exit code, what it returned or raised, and what it wrote to stderr.
Cases are named as in the recordings.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import threading
from typing import Any, Callable, Dict

import numpy as np


class Session:
    """One loaded model with a runner on its first DPU subgraph, an input of random bytes and a
    place for the output.
    """

    def __init__(self, path: str) -> None:
        import vart
        import xir

        self.xir, self.vart, self.path = xir, vart, path
        self.graph = xir.Graph.deserialize(path)
        self.root = self.graph.get_root_subgraph()
        self.children = self.root.toposort_child_subgraph()
        self.sub = next(
            c for c in self.children if c.has_attr("device") and c.get_attr("device") == "DPU"
        )

    def start(self) -> None:
        self.runner = self.vart.Runner.create_runner(self.sub, "run")
        self.source, self.target = (
            self.runner.get_input_tensors()[0],
            self.runner.get_output_tensors()[0],
        )
        self.fix_in, self.fix_out = (
            self.source.get_attr("fix_point"),
            self.target.get_attr("fix_point"),
        )
        self.x = np.random.RandomState(1).randint(-128, 128, self.source.dims).astype(np.int8)
        self.y = np.zeros(self.target.dims, dtype=np.int8)
        self.answer = np.zeros(self.target.dims, dtype=np.int8)
        self.runner.wait(self.runner.execute_async([self.x], [self.answer]))

    def run(self, inputs: Any, outputs: Any) -> int:
        return self.runner.wait(self.runner.execute_async(inputs, outputs))

    def try_input(self, x: Any) -> Dict[str, Any]:
        return {
            "wait": self.run([x], [self.y]),
            "output_equals_answer_for_x": bool((self.y == self.answer).all()),
        }

    def try_output(self, y: Any) -> Dict[str, Any]:
        status = self.run([self.x], [y])
        flat, answer = np.asarray(y).reshape(-1), self.answer.reshape(-1)
        scaled = answer * 2.0**-self.fix_out
        return {
            "wait": status,
            "output_equals_answer_for_x": bool(flat.size == answer.size and (flat == answer).all()),
            "output_equals_answer_for_x_times_2_to_minus_fix_point": bool(
                flat.size == answer.size and (flat == scaled).all()
            ),
            "first_elements_equal_answer_for_x": bool(
                (flat[: answer.size] == answer[: flat.size]).all()
            ),
        }


def _view(array: np.ndarray) -> np.ndarray:
    wide = np.full(array.shape[:-1] + (2 * array.shape[-1],), 17, dtype=array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


def _inputs(s: Session) -> Dict[str, Callable[[], Any]]:
    real = (s.x * 2.0**-s.fix_in).astype(np.float32)
    types = "uint8 int16 int32 float32 float64 bool uint16 int64 uint32 float16"
    cases = {"in_dtype_" + name: (lambda name=name: s.x.astype(name)) for name in types.split()}
    cases.update({
        "good": lambda: s.x,
        "float32_in_real_units": lambda: real,
        "in_flat": lambda: s.x.reshape(-1),
        "in_no_batch_axis": lambda: s.x[0] if len(s.x) == 1 else s.x.reshape(-1),
        "in_extra_axis": lambda: s.x[None],
        "in_noncontiguous_view_same_values": lambda: _view(s.x),
        "in_too_small": lambda: s.x.reshape(-1)[:100].copy(),
        "in_too_big": lambda: np.concatenate([s.x, s.x]),
        "in_two_rows": lambda: np.concatenate([s.x, s.x]),
        "in_readonly": lambda: _read_only(s.x),
        "in_bytes": lambda: s.x.tobytes(),
        "in_bytearray": lambda: bytearray(s.x.tobytes()),
        "in_one_row": lambda: s.x[:1].copy(),
    })  # fmt: skip
    return cases


def _outputs(s: Session) -> Dict[str, Callable[[], Any]]:
    count = s.y.size
    cases = {"out_dtype_" + name: (lambda name=name: np.zeros(s.y.shape, dtype=name)) for name in
             "uint8 int32 float32 float64".split()}  # fmt: skip
    cases.update({
        "out_too_small": lambda: np.zeros(100, dtype=np.int8),
        "out_one_short": lambda: np.zeros(count - 1, dtype=np.int8),
        "out_too_big": lambda: np.zeros(2 * count, dtype=np.int8),
        "out_flat": lambda: np.zeros(count, dtype=np.int8),
        "out_readonly": lambda: _read_only(s.y),
    })  # fmt: skip
    return cases


def _buffers(s: Session, name: str) -> Any:
    s.start()
    if name in _inputs(s):
        return s.try_input(_inputs(s)[name]())
    if name in _outputs(s):
        return s.try_output(_outputs(s)[name]())
    lists = {
        "no_inputs": ([], [s.y]),
        "no_outputs": ([s.x], []),
        "two_inputs_for_one": ([s.x, s.x], [s.y]),
        "two_outputs_for_one": ([s.x], [s.y, s.y.copy()]),
        "in_list": ([s.x.tolist()], [s.y]),
    }
    return {"wait": s.run(*lists[name])}


def _create(s: Session, what: str) -> Any:
    device, _, mode = what.partition(":")
    chosen: Dict[str, Any] = {"none": None, "root": s.root, "dpu": s.sub}
    for child in s.children:
        chosen.setdefault(child.get_attr("device"), child)
    runner = (
        s.vart.Runner.create_runner(chosen[device], mode)
        if ":" in what
        else s.vart.Runner.create_runner(chosen[device])
    )
    inputs, outputs = runner.get_input_tensors(), runner.get_output_tensors()
    return {
        "inputs": [[t.name, t.dims, t.dtype] for t in inputs],
        "positions": [t.get_attr("fix_point") for t in (*inputs, *outputs)],
        "outputs": len(outputs),
    }


def _lifetime(s: Session, what: str) -> Any:
    s.start()
    runner, x, y, tensor = s.runner, s.x, s.y, s.source
    keep = {
        "graph": None,
        "keep_sub_only": s.sub,
        "keep_graph_only": s.graph,
        "tensor_after_runner": (s.sub, s.graph),
    }[what]
    s.__dict__.clear()
    if what == "tensor_after_runner":
        del runner
        gc.collect()
        return {"name": tensor.name}
    gc.collect()
    status = runner.wait(runner.execute_async([x], [y]))
    return {"wait": status, "written": bool(y.any()), "kept": keep is not None}


def _threads(s: Session, what: str) -> Any:
    s.start()
    runners = (
        [s.runner] * 4
        if what == "one_runner"
        else [s.vart.Runner.create_runner(s.sub, "run") for _ in range(4)]
    )
    wrong = []

    def work(runner: Any) -> None:
        y = np.zeros(s.y.shape, dtype=np.int8)
        for _ in range(25):
            runner.wait(runner.execute_async([s.x], [y]))
            wrong.append(not (y == s.answer).all())

    threads = [threading.Thread(target=work, args=(runner,)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"runs": len(wrong), "wrong": sum(wrong)}


def _wait(s: Session, what: str) -> Any:
    s.start()
    j = s.runner.execute_async([s.x], [s.y])
    jobs = {
        "(999,0)": (999, 0),
        "(-1,0)": (-1, 0),
        "(j[0],7)": (j[0], 7),
        "(j[0],)": (j[0],),
        "j[0]": j[0],
        "None": None,
        "'a'": "a",
    }
    return {"repr": repr(s.runner.wait(jobs[what]))}


def _file(path: str, what: str) -> Any:
    import xir

    data = b""
    if path:
        with open(path, "rb") as file:
            data = file.read()
    contents = {
        "empty": b"",
        "first100": data[:100],
        "half": data[: len(data) // 2],
        "one_byte_short": data[:-1],
        "text": b"hello\n" * 50,
        "zeros": b"\0" * 5000,
        "trailing_junk": data + b"\xff" * 200,
        "trailing_fields": data + b"x" * 200,  # unknown fields, as protobuf reads them
        "gitlfs": b"version https://git-lfs.github.com/spec/v1\n",
        "html": b"<!DOCTYPE html><html></html>",
        "good": data,
        "bytespath": data,
        "random": np.random.RandomState(0).bytes(5000),
    }
    with tempfile.TemporaryDirectory() as folder:
        name: Any = {
            "missing": folder + "/nope.xmodel",
            "emptypath": "",
            "directory": folder,
            "none": None,
        }.get(what, folder + "/m.xmodel")
        if what in contents:
            with open(name, "wb") as file:
                file.write(contents[what])
        graph = xir.Graph.deserialize(name.encode() if what == "bytespath" else name)
        root = graph.get_root_subgraph()
        return {
            "ops": graph.get_op_num(),
            "root_is_leaf": root.is_leaf,
            "graph_name": graph.get_name(),
        }


def _attribute(s: Session, what: str) -> Any:
    owner, _, name = what.partition(":")
    if "tensor" in owner:
        s.start()
    owners = {
        "root": s.root,
        "sub": s.sub,
        "graph": s.graph,
        "tensor": getattr(s, "source", None),
        "runner_tensor": getattr(s, "source", None),
    }
    return {"value": repr(owners[owner].get_attr(name))}


class Whole:
    """One graph with a runner of all its parts and their buffers."""

    def __init__(self, path: str) -> None:
        import vitis_ai_library
        import xir

        self.graph = xir.Graph.deserialize(path)
        self.runner = vitis_ai_library.GraphRunner.create_graph_runner(self.graph)
        self.inputs, self.outputs = self.runner.get_inputs(), self.runner.get_outputs()
        self.x, self.y = np.asarray(self.inputs[0]), np.asarray(self.outputs[0])
        self.x[...] = np.random.RandomState(1).randint(-128, 128, self.x.shape)
        self.first = self.run(self.inputs, self.outputs)
        self.answer = self.y.copy()

    def run(self, inputs: Any, outputs: Any) -> int:
        return self.runner.wait(self.runner.execute_async(inputs, outputs))

    def try_buffers(self, x: Any, y: Any) -> Dict[str, Any]:
        np.asarray(x)[...] = self.x
        status = self.run([x, *self.inputs[1:]], [y, *self.outputs[1:]])
        return {
            "wait": status,
            "output_equals_answer_for_x": bool((np.asarray(y) == self.answer).all()),
        }


def _whole(path: str, what: str) -> Any:
    import vitis_ai_library

    if what in ("none", "text"):
        vitis_ai_library.GraphRunner.create_graph_runner(None if what == "none" else "x")
    w = Whole(path)
    if what == "good":
        return {**w.try_buffers(w.inputs[0], w.outputs[0]), "written": bool(w.answer.any())}
    if what == "buffers_of_another_call":
        x, y = w.runner.get_inputs()[0], w.runner.get_outputs()[0]
        return {**w.try_buffers(x, y), "shared": bool(np.shares_memory(np.asarray(x), w.x))}
    if what == "arrays":
        return w.try_buffers(np.zeros(w.x.shape, np.int8), np.zeros(w.y.shape, w.y.dtype))
    if what == "no_buffers":
        return {"wait": w.run([], [])}
    if what == "one_output_too_many":
        return {"wait": w.run(w.inputs, w.outputs + w.outputs[:1])}
    if what == "made_up_job":
        return {"repr": repr(w.runner.wait((999, 0)))}
    tensor, runner, inputs, outputs = w.inputs[0].get_tensor(), w.runner, w.inputs, w.outputs
    w.__dict__.clear()
    if what == "tensor_after_runner":
        del runner
    gc.collect()
    if what == "graph_dropped":
        return {"wait": runner.wait(runner.execute_async(inputs, outputs))}
    return {"name": tensor.name}


def run_case(path: str, case: str) -> Any:
    """Run one case and return what it found."""
    group, _, rest = case.partition(":")
    if group in ("file", "whole"):
        return {"file": _file, "whole": _whole}[group](path, rest)
    handlers = {
        "buf": _buffers,
        "create": _create,
        "lifetime": _lifetime,
        "threads": _threads,
        "wait": _wait,
        "attr": _attribute,
    }
    return handlers[group](Session(path), rest)


def isolated(path: str, case: str) -> Dict[str, Any]:
    """Run one case in a child process and report how it ended."""
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as results:
        child = os.fork()
        if child == 0:
            os.dup2(errors.fileno(), 2)
            try:
                report = {"result": run_case(path, case)}
            except (TypeError, ValueError, BufferError, AttributeError) as error:
                report = {"raises": type(error).__name__, "message": str(error)}
            results.write(json.dumps(report).encode("utf-8"))
            results.flush()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        errors.seek(0)
        results.seek(0)
        report = json.loads(results.read().decode("utf-8") or "{}")
        report.update(
            {"exit_code": code, "stderr": errors.read().decode("utf-8", "replace")[-2000:]}
        )
        return report


if __name__ == "__main__":
    print(json.dumps({case: isolated(sys.argv[1], case) for case in sys.argv[2:]}))
