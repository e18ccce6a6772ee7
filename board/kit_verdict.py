"""Whether a measurement can be trusted: one row for each thing that speaks against it.

A kit that computes garbage, or another kit than the one that was meant, still gives numbers. Each
row here looks at what was found and says in words what is wrong, or nothing.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Tuple

Result = Dict[str, Any]
"""What ``kit_measure`` found."""

Content = Dict[str, Any]
"""The manifest of the bundle."""


class Exactness(NamedTuple):
    """How closely a kind of model follows the int8 model on the host.

    Attributes:
        steps: largest difference of a golden output.
        share: of the samples that must be told as there; one sample may always differ.
    """

    steps: int
    share: float


EXACT = Exactness(0, 1.0)
"""A DPU computes the same integers, bit by bit."""

EXACTNESS = {
    "xmodel": EXACT,
    # An interpreter rounds ties in another direction, layer after layer.
    "tflite": Exactness(8, 0.98),
}
"""By the kind of model; any other is held to be exact."""

OF_VALUES = ("regression", "image_to_image")
"""Tasks whose results are the values themselves: where ties are rounded otherwise they all differ
a little, and the golden outputs tell by how much.
"""

CLOCK_SHARE = 0.02
"""Clocks that lie nearer together are the same; boards round them."""


class Row(NamedTuple):
    """One thing that may speak against a measurement.

    Attributes:
        name: by which a person can accept it all the same.
        found: says what is wrong, in words; empty: nothing.
        cure: what to do about it.
    """

    name: str
    found: Callable[[Result, Content], str]
    cure: str


def judge(result: Result, content: Content) -> List[Dict[str, str]]:
    """Return what speaks against a measurement: ``name``, ``told`` and ``cure`` of each row that
    found something.

    Args:
        result: as it will be written, with ``machine`` and ``runtime``.
        content: of the manifest.
    """
    told = [(row, row.found(result, content)) for row in ROWS]
    return [{"name": row.name, "told": text, "cure": row.cure} for row, text in told if text]


def _exactness(result: Result) -> Exactness:
    return EXACTNESS.get(str(result["model"]["kind"]), EXACT)


def _golden(result: Result, content: Content) -> str:
    found = result["golden"]
    if not found["compared"] or found["max_difference"] <= _exactness(result).steps:
        return ""
    return (
        f"{found['different']} of {found['elements']} golden outputs are not what this model gives"
        f" (by up to {found['max_difference']}): it computes something else here"
    )


def _agreement(result: Result, content: Content) -> str:
    share = _exactness(result).share
    told = [_differ(name, found, share) for name, found in _agreements(result, content)]
    return "; ".join(text for text in told if text)


def _agreements(result: Result, content: Content) -> List[Tuple[str, Dict[str, Any]]]:
    """Return the agreements that count, each with the name of its output: few samples of one output
    would be lost among the many pixels of another.
    """
    outputs = result.get("outputs")
    if isinstance(outputs, dict):
        tasks = {output["name"]: output["task"] for output in content.get("outputs", [])}
        parts = [(f" of '{name}'", part, tasks.get(name)) for name, part in outputs.items()]
    else:
        parts = [("", result, content.get("task"))]
    exact = _exactness(result) == EXACT
    found = [(name, part.get("agreement"), task) for name, part, task in parts]
    return [(name, part) for name, part, task in found if part and (exact or task not in OF_VALUES)]


def _differ(name: str, found: Dict[str, Any], share: float) -> str:
    allowed = (1.0 - share) * found["samples"]
    different = found["samples"] - found["equal"]
    if different <= (max(1.0, allowed) if allowed else 0.0):
        return ""
    return (
        f"{different} of {found['samples']} results{name} are not those of the int8 Keras model"
        f" (agreement {100.0 * found['fraction']:.2f} %)"
    )


def _board(result: Result) -> Dict[str, Any]:
    found = result["runtime"].get("board")
    return found if isinstance(found, dict) else {}


def _fingerprint(result: Result, content: Content) -> str:
    own, meant = _hex(result["runtime"].get("fingerprint")), _hex(content.get("fingerprint"))
    if own and meant and own != meant:
        return f"the model was compiled for fingerprint {hex(own)}, the target's is {hex(meant)}"
    known = [value for value in map(_hex, _board(result).get("fingerprints", [])) if value]
    if own and known and own not in known:
        return (
            f"the model was compiled for fingerprint {hex(own)}, this board's DPU has"
            f" {', '.join(map(hex, known))}"
        )
    return ""


def _unchecked(result: Result, content: Content) -> str:
    if _board(result).get("fingerprint_check", True):
        return ""
    return "the check of the DPU's fingerprint is switched off"


def _release(result: Result, content: Content) -> str:
    compiled, found = str(content.get("release") or ""), str(result["runtime"].get("release") or "")
    if not compiled or not found or compiled == found:
        return ""
    return f"compiled with release {compiled}, but the runtime of this board is {found}"


def _clock(result: Result, content: Content) -> str:
    found, meant = (
        _clock_of(value)
        for value in (_board(result).get("frequency_mhz"), content.get("clock_mhz"))
    )
    if not found or not meant or abs(found - meant) <= CLOCK_SHARE * meant:
        return ""
    return f"the DPU runs at {found:g} MHz, the target's at {meant:g} MHz"


def _cores(result: Result, content: Content) -> str:
    found, meant = len(_board(result).get("fingerprints", [])), content.get("cores")
    if not found or not isinstance(meant, int) or found == meant:
        return ""
    return f"this board's DPU has {found} core(s), the target's {meant}"


def _busy(result: Result, content: Content) -> str:
    share = result["machine"].get("waiting")
    if not isinstance(share, float) or share < WAITING_SHARE:
        return ""
    return (
        f"this machine is busy: for {100.0 * share:.0f} % of the time there was no processor free"
        " for the measurement"
    )


WAITING_SHARE = 0.25
"""Of a second in which a program wants a processor and has none, from which on times say little."""


def _hex(value: Any) -> int:
    """Return a fingerprint as a number; 0: not known."""
    try:
        return int(value, 16) if isinstance(value, str) else 0
    except ValueError:
        return 0


def _clock_of(value: Any) -> float:
    """Return a clock in MHz; 0: not known."""
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_one and 0 < value < 1e5 else 0.0


ROWS = (
    Row("golden", _golden, "Copy the bundle again; is the board image of the compiler's release?"),
    Row("agreement", _agreement, "Compare the golden outputs; quantize, compile and bundle again."),
    Row(
        "fingerprint",
        _fingerprint,
        "Compile with the release of the board image, or with its fingerprint as arch.json.",
    ),
    Row("unchecked", _unchecked, "Unset XLNX_ENABLE_FINGERPRINT_CHECK on the board."),
    Row("release", _release, "Use a board image of the compiler's release, or compile with its."),
    Row("clock", _clock, "Name the clock in the target, such as zcu104-250mhz, and measure again."),
    Row("cores", _cores, "Name the cores in the target, such as zcu104-1core, and measure again."),
    Row("busy", _busy, "End what else runs here ('top'), then measure again."),
)
