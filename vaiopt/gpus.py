"""The GPUs of this machine, known without TensorFlow: a process is told which is its own before
TensorFlow first looks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from vaiopt.text import printable

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable by which CUDA knows the GPUs of a process."""

HIDDEN = "-1"
"""Its value for none."""

SECONDS = 10.0
"""How long the driver's own tool may take."""

DEVICES = Path("/dev")


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        number: as ``CUDA_VISIBLE_DEVICES`` takes it: a number, or a name such as ``GPU-8932f937``
            or ``MIG-...``.
        model: as the driver calls it; "" where that is not known.
    """

    number: str
    model: str = ""


def visible_gpus() -> Tuple[Gpu, ...]:
    """Return the GPUs that this process may use, in CUDA's order."""
    known = {gpu.number: gpu for gpu in _of_machine()}
    wanted = os.environ.get(VISIBLE)
    if wanted is None:
        return tuple(known.values())
    return tuple(_named(wanted, known))


def _named(text: str, known: Dict[str, Gpu]) -> Iterator[Gpu]:
    """Yield the GPUs of a list, as CUDA reads it: the first that is none ends it."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        if part.isdigit() and part not in known:
            return
        if not part.isdigit() and not part.startswith(("GPU-", "MIG-")):
            return
        if not known:  # a name, and no driver that says more
            return
        yield known.get(part, Gpu(part))


def _of_machine() -> List[Gpu]:
    """Return what the driver's tool lists; without it, what the driver has made devices for."""
    tool = shutil.which("nvidia-smi")
    if tool is not None:
        try:
            return _listed(_run(tool))
        except (OSError, subprocess.SubprocessError):
            pass  # the driver does not answer it: it may have made devices all the same
    numbers = (path.name[len("nvidia") :] for path in DEVICES.glob("nvidia[0-9]*"))
    return [Gpu(number) for number in sorted(filter(str.isdigit, numbers), key=int)]


def _run(tool: str) -> str:
    words = [tool, "--query-gpu=index,name", "--format=csv,noheader"]
    done = subprocess.run(
        words,
        timeout=SECONDS,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return done.stdout.decode("utf-8", "replace")


def _listed(text: str) -> List[Gpu]:
    rows = (line.partition(",") for line in text.splitlines())
    return [
        Gpu(number.strip(), printable(model.strip()))
        for number, _, model in rows
        if number.strip().isdigit()
    ]
