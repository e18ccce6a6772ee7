"""Why the runtime ended is read from its fatal line, and each cause has its own cure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import BOARD, make_bundle, run_bundle

sys.path.insert(0, str(BOARD))

import kit_causes

STAMP = "F0103 04:57:10.123456  1700 "
TRACE = "*** Check failure stack trace: ***"
BUSY = (
    "xrt_device_handle_imp.cpp:227] Check failed: r == 0 cannot open context! cu_index 0"
    " fingerprint 0x1000020f6014407 : Device or resource busy [16]"
)
NEVER = ("compile", "copy the bundle")


@pytest.mark.parametrize(
    ("said", "cure", "not_told"),
    [
        ("dpu.cpp:44] Check failed: !get_factory_methods().empty() ", "xmutil", NEVER),
        ("dpu.cpp:44] Check failed: !the_factory_methods.empty() ", "vart.conf", NEVER),
        (BUSY, "Another process", NEVER),
        ("x.cpp:227] Device busy", "Another process", NEVER),
        ("x.cpp:1] cannot open context! : Permission denied [13]", "root", NEVER),
        ("device_memory_edge.cpp:3] Check failed: fd > 0", "root", NEVER),
        ("dpu_control.cpp:9] cu timeout! device_core_idx 0", "hangs", NEVER),
        ("dpu_control.cpp:9] dpu timeout", "hangs", NEVER),
        ("x.cpp:1] Check failed: xclbin /a/dpu.xclbin: cannot open file", "vart.conf says", NEVER),
        ("x.cpp:1] Check failed: subgraph->has_attr(mc_code)", "not compiled", ()),
        ("dpu.cpp:198] Cannot find runner attr, may not be compiled!", "not compiled", ()),
        ("dpu_runner_base_imp.cpp:695] fingerprint check failure.", "release of the board", ()),
        ("x.cpp:33] Check failed: fd_ > 0 , open(/usr/lib/dpu.xclbin) failed.", "vart.conf", NEVER),
        ("x.cpp:155] Check failed: handle XRT_NULL_HANDLE cannot open device", "xmutil", NEVER),
        ("serialize_v2.cpp:705] [XIR_READ_PB_FAILURE][failed to read pb file]", "damaged", ()),
        (
            "tensor_imp.cpp:32] [UNILOG][FATAL][XIR_INVALID_DATA_TYPE][The data type is invalid.]"
            " xir::Tensor{name = conv1_1_weights_fixneuron(float2fix)(fix), type = INT0}",
            "different Vitis-AI releases",
            ("copy the bundle",),
        ),
        (
            "op_imp.cpp:303] [UNILOG][FATAL][XIR_INVALID_ATTR_OCCUR][Invalid attr occurence!]"
            " xir::Op{name = conv4_3_bias(fix)} : Attr shape has type REQUIRED, but not set.",
            "different Vitis-AI releases",
            ("copy the bundle",),
        ),
        (
            "dpu_runner.cpp:211] [UNILOG][FATAL][VART_RUNNER_CONSTRUCTION_FAIL][Cannot create"
            " runner] cannot open library! lib=librt-engine.so, error=ERROR CODE",
            "DPU of this board",
            ("packages",),
        ),
    ],
)
def test_each_fatal_line_has_its_own_cure(said: str, cure: str, not_told: List[str]) -> None:
    lines = ["W0103 fingerprint 0x1 of the xclbin", STAMP + said, TRACE, "    @ 0x7f dpu timeout"]
    why, hint = kit_causes.explain(-6, lines)
    assert said.strip()[:40] in why and cure in hint
    assert not [word for word in not_told if word in hint.lower()]


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        (
            "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 1.2 GiB",
            "too little memory",
        ),
        ("numpy.core._exceptions.MemoryError: Unable to allocate 1.2 GiB", "too little memory"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("OSError: [Errno 30] Read-only file system: '.result.x'", "remount"),
        ("OSError: [Errno 5] Input/output error", "memory card"),
        ("  what():  Could not open device with index '0'", "xmutil"),
    ],
)
def test_what_python_and_the_system_say_has_its_cure_too(said: str, cure: str) -> None:
    assert cure in kit_causes.explain(1, ["Traceback (most recent call last):", said])[1]


def test_other_lines_than_the_fatal_one_decide_nothing() -> None:
    lines = ["I0103 fingerprint check fail is off", "loading xclbin: cannot open"]
    lines += [STAMP + "new.cpp:3] Check failed: moon == full"]
    why, hint = kit_causes.explain(-6, lines)
    assert "moon == full" in why and hint == kit_causes.UNKNOWN


def test_a_runtime_that_ends_without_a_word_is_explained_by_the_signal() -> None:
    assert "memory" in kit_causes.explain(-9, ["running"])[1]
    assert "one Vitis-AI release" in kit_causes.explain(-11, ["running"])[1]
    assert kit_causes.explain(3, []) == (
        "the runtime ended the process (exit code 3): it said nothing",
        kit_causes.UNKNOWN,
    )


def test_nothing_that_the_runtime_writes_is_obeyed_by_a_terminal(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    text = "\\x1b]0;title\\x07 \\x1b[2J Check failed: \\x9b31m"
    (bundle / "kit_measure.py").write_text(
        f"import os, sys\nprint('{text}', flush=True)\nsys.stderr.write('{text}\\n')\nos.abort()\n"
    )
    outcome = run_bundle(bundle)
    assert outcome.code == 2 and "Check failed" in outcome.error
    assert outcome.stderr.replace("\n", "").isprintable()
