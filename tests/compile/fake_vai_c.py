"""Stands for ``vai_c_tensorflow2``: the same options, messages, files and ways to fail; see
:func:`install`.

What it writes as ``.xmodel`` is a stand-in file with the content that ``FAKE_XMODEL`` names (JSON).
``FAKE_VAI_C`` chooses how it ends: ``ok``, ``traceback`` (a model that its parser refuses),
``fatal`` (its compiler aborts), ``silent`` (exit code 0 and no file), ``empty``.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict

HERE = Path(__file__).resolve()


def architecture(kind: str) -> Dict[str, Any]:
    """Return that of an image rounded by one layer."""
    image = {"batch_input_shape": [None, 8, 8, 1], "name": "image"}
    layers = [
        {"class_name": "InputLayer", "name": "image", "config": image, "inbound_nodes": []},
        {
            "class_name": kind,
            "name": "quant_image",
            "config": {"name": "quant_image"},
            "inbound_nodes": [[["image", 0, 0, {}]]],
        },
    ]
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [["quant_image", 0, 0]]}
    return {"class_name": "Functional", "config": {"layers": layers, **ends}}


def install(folder: Path) -> str:
    """Write a program ``vai_c_tensorflow2`` into ``folder`` and return a PATH that finds it
    first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "vai_c_tensorflow2"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE}" "$@"\n')
    program.chmod(0o755)
    return "{}{}{}".format(folder, os.pathsep, os.environ["PATH"])


def main() -> int:
    options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    model, arch, out, name = (options[key] for key in ("-m", "-a", "-o", "-n"))
    how = os.environ.get("FAKE_VAI_C", "ok")
    print("*" * 50 + "\n* VITIS_AI Compilation - Xilinx Inc.\n" + "*" * 50)
    print(
        f"[INFO] Namespace(batchsize=1, inputs_shape=None, layout='NHWC', model_files=['{model}'],"
        " model_type='tensorflow2')"
    )
    print(f"[INFO] tensorflow2 model: {model}")
    print(
        "[INFO] parse raw model     :  0%|          | 0/9\r[INFO] parse raw model    "
        " :100%|##########| 9/9 [00:00<00:00, 21341.23it/s]"
    )
    if how == "traceback":
        print(
            'Traceback (most recent call last):\n  File "xnnc/__main__.py", line 49, in'
            " main\nNotImplementedError: Lambda is not supported",
            file=sys.stderr,
        )
        return 1
    json.loads(Path(arch).read_text())
    print("[UNILOG][INFO] Compile mode: dpu\n[UNILOG][INFO] Debug mode: null")
    print(
        "[UNILOG][INFO] Target architecture: DPUCZDX8G_ISA1_B4096\n[UNILOG][INFO] Graph name:"
        " model, with op num: 60"
    )
    print("[UNILOG][INFO] Begin to compile...", flush=True)
    if how == "fatal":
        print(
            "[UNILOG][FATAL][XCOM_ACGEN_ERROR][instuction generating fail, please contact us.]",
            flush=True,
        )
        os.abort()
    if how == "silent":
        return 0
    content = json.loads(Path(os.environ["FAKE_XMODEL"]).read_text())
    dpu = sum(child["attrs"]["device"] == "DPU" for child in content["children"])
    print(
        "[UNILOG][INFO] Total device subgraph number {}, DPU subgraph number {}".format(
            len(content["children"]), dpu
        )
    )
    path = Path(out) / (name + ".xmodel")
    sys.path.insert(0, str(HERE.parent.parent / "contract"))
    from standin_models import write_model

    write_model(path, content)
    if how == "empty":
        path.write_bytes(b"")
    print("[UNILOG][INFO] Compile done.")
    (Path(out) / "meta.json").write_text(
        json.dumps({"target": "DPUCZDX8G_ISA1_B4096", "filename": path.name})
    )
    (Path(out) / "md5sum.txt").write_text(
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.name}\n"
    )
    print(f'[UNILOG][INFO] The meta json is saved to "{out}/meta.json"')
    print(f'[UNILOG][INFO] The compiled xmodel is saved to "{path}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
