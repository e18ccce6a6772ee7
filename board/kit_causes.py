"""Why the runtime ended the process, and what cures it.

The runtime says so in its fatal line, among many others; words such as "fingerprint" stand in lines
about quite other things. So rows here are held against the fatal lines alone. What no row knows is
told in the runtime's own words, as unknown.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Pattern, Tuple

OVERLAY = (
    "No DPU is loaded, or the runtime does not find its driver: load it (KV260: xmutil loadapp;"
    " PYNQ: DpuOverlay), see /etc/vart.conf and the library path; 'xdputil query' must show a DPU."
)
RIGHTS = "The DPU's device may not be used by this user: run as root (sudo), or give it the right."
MEMORY = "The board has too little memory: use fewer --threads, or fewer samples (deploy.samples)."
MIXED = "Libraries of several releases are mixed: install all packages of one Vitis-AI release."
UNKNOWN = (
    "This message is not known here, and so no cure: look for it with your board image; 'xdputil"
    " query' tells whether the DPU answers."
)


class Cause(NamedTuple):
    """What the runtime says, and what to do."""

    pattern: Pattern[str]
    cure: str


def _cause(pattern: str, cure: str) -> Cause:
    return Cause(re.compile(pattern, re.IGNORECASE), cure)


CAUSES = (
    _cause(r"permission denied|operation not permitted|device_memory_edge|\bfd\s*>=?\s*0", RIGHTS),
    _cause(
        r"device (or resource )?busy|DEVICE_BUSY|EBUSY|cannot open context",
        "Another process holds the DPU: end it ('ps', 'fuser -v /dev/dri/*'), then start again.",
    ),
    _cause(
        r"factory_methods(\(\))?\.empty|no (such )?(dpu )?device( is)?( available| found|\b)"
        r"|/dev/(dri|dpu)\S*.*no such file|could not open device|XRT_NULL_HANDLE",
        OVERLAY,
    ),
    _cause(
        r"no space left|disk quota",
        "The board's disk is full: free space there ('df'), such as earlier bundles: vaiopt kit"
        " HOST --clean",
    ),
    _cause(
        r"read-only file ?system",
        "The board's disk cannot be written: mount it writable (mount -o remount,rw /).",
    ),
    _cause(
        r"input/output error",
        "The board's memory card or its disk fails ('dmesg' says more): use another one.",
    ),
    _cause(
        r"\b(cu|dpu|kernel|run)[ _]*time[ -]?out|timed out.*\bdpu\b|DPU_TIMEOUT",
        "The DPU hangs: switch the board off and on; if it stays, it lacks power or its clock is"
        " too high (ZCU102 and ZCU104: raise the current limit of the rail).",
    ),
    _cause(
        r"(xclbin|vart\.conf|firmware).*(open|exist|find|found|read|load|such file)"
        r"|\b(open|exist|find|load).*xclbin",
        "The overlay's file is not where /etc/vart.conf says: mend the path there ('firmware:').",
    ),
    _cause(
        r"mc_code|Cannot find runner|may not be compiled",
        "The model is not compiled for a DPU: compile it (vaiopt compile RUN), and bundle again.",
    ),
    _cause(
        r"fingerprint (check )?fail|actual dpu_fingerprint",
        "Compile with the release of the board image ('xdputil query' shows the board's"
        " fingerprint).",
    ),
    _cause(
        r"librt-engine",
        "The model is for the DPU of a card in a computer: compile it for the DPU of this board"
        " (vaiopt compile RUN --target TARGET).",
    ),
    _cause(
        r"bad_any_cast|bad any cast|VART_XMODEL_ERROR|XIR_INVALID_(DATA_TYPE|ATTR)"
        r"|XIR_UN(DEFINED|REGISTERED)_(OP|ATTR)|XIR_UNSUPPORTED_TYPE",
        "Model and board image are of different Vitis-AI releases: compile with the release of the"
        " board image.",
    ),
    _cause(r"bad_alloc|out of memory|MemoryError|\bCMA\b|cannot allocate|alloc\w* fail", MEMORY),
    _cause(
        r"undefined symbol|symbol lookup|GLIBCXX|cannot open (library|shared object)|version `",
        MIXED,
    ),
    _cause(
        r"serializ|protobuf|READ_PB_FAILURE|parse.*(pb|xmodel)|(pb|xmodel).*parse",
        "The model file is damaged or not an .xmodel: copy the bundle again.",
    ),
)
"""Of the runtime's fatal lines, the first that fits."""

SIGNALS = {
    4: "The runtime was built for another processor: use the board's own image.",
    7: MEMORY,
    9: MEMORY + " (Signal 9: the system ended the process.)",
    11: MIXED + " (A wild pointer within the runtime.)",
    15: "Another program ended it; start again.",
}
"""Where the runtime ends without a word, by the number of the signal."""

FATAL = re.compile(
    r"^F\d|.*\[FATAL\]|.*Check fail|.*CHECK fingerprint fail|^[\w.]*(Error|Exception)\b"
    r"|^terminate called|^\s*what\(\):|.*\btime[ -]?out\b|.*symbol lookup error|.*Device busy"
)
TRACE = re.compile(r"stack trace|^\s*@\s+0x|^\s*File \"")
LONGEST = 500


def explain(code: int, lines: List[str]) -> Tuple[str, str]:
    """Return why the process ended, in the runtime's words, and what cures it.

    Args:
        code: of ``subprocess``: negative for a signal.
        lines: the last that it wrote.
    """
    fatal = [line for line in lines if FATAL.match(line) and not TRACE.search(line)]
    ended = f"signal {-code}" if code < 0 else f"exit code {code}"
    said = [line.strip() for line in lines if line.strip() and not TRACE.search(line)]
    for cause in CAUSES:
        found = [line for line in fatal if cause.pattern.search(line)]
        if found:
            told = max(found, key=len)  # several lines may say it; the longest has the figures
            return f"the runtime ended the process ({ended}): {told[:LONGEST]}", cause.cure
    told = fatal[-1] if fatal else (said[-1] if said else "it said nothing")
    cure = UNKNOWN if fatal else SIGNALS.get(-code, UNKNOWN)
    return f"the runtime ended the process ({ended}): {told[:LONGEST]}", cure
