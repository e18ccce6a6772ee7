"""Fit the constants of DPUs that take a batch of images at once (Versal), to the published rates of
several boards together.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from latency_networks import NETWORKS, ULTRA96_NETWORKS
from latency_networks.published import Row
from vaiopt.hardware.architectures import architectures
from vaiopt.hardware.batch_constants import Batched
from vaiopt.hardware.batched import BatchWork, batch_works, values_of
from vaiopt.hardware.fitting import OUTLIER, error_summary, spread
from vaiopt.hardware.fusion import fuse
from vaiopt.network.graph import LayerGraph

BOARDS = {
    "vck190": ("3.0", "DPUCVDX8G_ISA3_C32B6"),
    "vek280": ("3.5", "DPUCV2DX8G_ISA1_C20B14"),
}
"""The boards of Versal with published rates, the release of those and the DPU."""

SMALLER = ("2.0", "DPUCVDX8G_ISA3_C32B3")
"""The DPU of an older table of the VCK190: half as many engines. No fit knows its rates."""

START = Batched(
    array_mhz=1250.0,
    array=1.5,
    alu=1.3,
    on_chip=1.25e6,
    weights=64.0,
    moved=128.0,
    copied=24.0,
    host_ms=0.12,
    host_ms_per_million_inputs=1.6,
    host_ms_per_million_outputs=0.5,
    host_cores=2.0,
)
"""Where a fit starts. The array's clock is that of the table of the VCK190. The limit of what stays
on the chip is one of 1.05, 1.15, 1.25, 1.35, 1.5 and 2 MB: the one that fits best, also without any
one family. ``host_ms`` is what the other boards' fits have; the Cortex-A72 of Versal has two cores.
"""

OWN = ("array", "alu", "weights", "copied")
SHARED = ("moved", "host_ms", "host_ms_per_million_inputs", "host_ms_per_million_outputs")
"""Which constants a board has for itself; which all boards share: their hosts are alike, and so is
the width of their way to the memory.
"""

NEARNESS = {"weights": 0.2, "host_ms": 0.3, "host_ms_per_million_inputs": 0.1}
"""Weight of staying near the start; 0.05 for constants that are not named. Only one family has
large dense layers, and without the smallest inputs nothing tells the host's constant from its rate.
"""

BEND = 3.0 * OUTLIER
"""Errors above this count linearly; larger than for the other boards, as the errors are."""


class Rates(NamedTuple):
    """The published rates of a network, and what it asks of DPU and host.

    Attributes:
        asked: one row for each field of :class:`BatchWork`, one column a layer.
        inputs, outputs: values.
        single_ms, busy_ms: milliseconds of a batch, at one thread and with many.
    """

    name: str
    family: str
    asked: np.ndarray
    inputs: int
    outputs: int
    single_ms: float
    busy_ms: float


class Known(NamedTuple):
    """A board's rates, the images of a batch and the clock."""

    items: Tuple[Rates, ...]
    batch: int
    clock_mhz: float

    def without(self, family: str) -> Known:
        """Return it without a family."""
        return self._replace(items=tuple(i for i in self.items if i.family != family))


Times = Dict[str, Tuple[float, float]]
"""By network: milliseconds of a batch at one thread and with many."""


def known(
    board: str,
    rows: Iterable[Row],
    graphs: Mapping[str, LayerGraph],
    table: Optional[Tuple[str, str]] = None,
) -> Known:
    """Return a board's published rates of networks that are measured end to end.

    Args:
        board: a name of :data:`BOARDS`.
        rows: the published ones.
        graphs: of the networks, by name.
        table: another release and its DPU than those of :data:`BOARDS`.
    """
    candidates = NETWORKS + ULTRA96_NETWORKS
    networks = {network.name: network for network in candidates if network.end_to_end}
    release, name = table or BOARDS[board]
    dpu = architectures()[name]
    own = [row for row in rows if (row.board, row.release) == (board, release)]
    items: List[Rates] = []
    for row in (row for row in own if row.name in networks):
        graph = graphs[row.name]
        asked = np.array(batch_works(fuse(graph), dpu), dtype=np.float64).T
        batch_ms = 1000.0 * dpu.batch
        family, values = networks[row.name].family, values_of(graph)
        times = batch_ms / row.fps_single, batch_ms / row.fps_busy
        items.append(Rates(row.name, family, asked, *values, *times))
    return Known(tuple(items), dpu.batch, own[0].clock_mhz)


def predicted_ms(one: Known, constants: Batched) -> Tuple[np.ndarray, np.ndarray]:
    """Return the milliseconds of a batch at one thread and with many, of each network; the same
    formulas as :func:`vaiopt.hardware.batched.batch_cycles` and
    :func:`vaiopt.hardware.estimate.dpu_estimate`.
    """
    asked = BatchWork(*np.hstack([item.asked for item in one.items]))
    array = asked.array * one.clock_mhz / constants.array_mhz
    cycles = (
        constants.array * array
        + constants.alu * asked.alu
        + asked.weights * asked.waits / constants.weights
        + one.batch * asked.result * (asked.kept > constants.on_chip) / constants.moved
        + one.batch * asked.copied / constants.copied
    )
    sizes = [item.asked.shape[1] for item in one.items]
    starts = np.cumsum([0, *sizes[:-1]])
    dpu = np.add.reduceat(cycles, starts) / (one.clock_mhz * 1000.0)
    host = one.batch * np.array([constants.image_ms(i.inputs, i.outputs) for i in one.items])
    return dpu + host, np.maximum(dpu, host / constants.host_cores)


def fit_together(boards: Mapping[str, Known]) -> Dict[str, Batched]:
    """Return the constants of each board that predict the rates of all best: least squares of
    logarithms, outliers damped.
    """
    from scipy.optimize import least_squares

    names = [("", name) for name in SHARED] + [(b, name) for b in boards for name in OWN]
    first = np.log([getattr(START, name) for _, name in names])
    near = np.array([NEARNESS.get(name, 0.05) for _, name in names])
    measured = {
        board: np.log([(i.single_ms, i.busy_ms) for i in one.items]).T
        for board, one in boards.items()
    }

    def constants_at(logarithms: np.ndarray) -> Dict[str, Batched]:
        values = list(zip(names, np.exp(logarithms).tolist()))
        return {
            board: START._replace(**{name: v for (of, name), v in values if of in ("", board)})
            for board in boards
        }

    def residuals(logarithms: np.ndarray) -> np.ndarray:
        found = constants_at(logarithms)
        errors = [
            (np.log(predicted_ms(one, found[board])) - measured[board]).ravel()
            for board, one in boards.items()
        ]
        return np.concatenate([*errors, near * (logarithms - first)])

    found = least_squares(residuals, first, loss="soft_l1", f_scale=BEND, x_scale=0.1)
    return constants_at(found.x)


def times(one: Known, constants: Batched) -> Times:
    """Return the predicted times by network."""
    names = [item.name for item in one.items]
    return dict(zip(names, zip(*(part.tolist() for part in predicted_ms(one, constants)))))


def leave_families_out(boards: Mapping[str, Known]) -> Dict[str, Times]:
    """Return each board's predicted times, made with constants fitted to all other families, on
    every board.
    """
    result: Dict[str, Times] = {board: {} for board in boards}
    for family in sorted({item.family for one in boards.values() for item in one.items}):
        rest = fit_together({board: one.without(family) for board, one in boards.items()})
        for board, one in boards.items():
            own = tuple(item for item in one.items if item.family == family)
            if own:
                result[board].update(times(one._replace(items=own), rest[board]))
    return result


def errors(one: Known, predicted: Times) -> Dict[str, Dict[str, float]]:
    """Return the errors of the times at one thread and with many, as latency.json has them."""
    parts: Dict[str, Dict[str, float]] = {}
    for number, part in enumerate(("single", "busy")):
        measured = {item.name: (item.single_ms, item.busy_ms)[number] for item in one.items}
        ours = {name: both[number] for name, both in predicted.items()}
        parts[part] = {**error_summary(ours, measured), **spread(ours, measured)}
    return parts


def rate_errors(one: Known, predicted: Times) -> Dict[str, float]:
    """Return the mean absolute error of the rates, in per cent."""
    parts: Dict[str, float] = {}
    for number, part in enumerate(("single", "busy")):
        off: Sequence[float] = [
            abs((item.single_ms, item.busy_ms)[number] / predicted[item.name][number] - 1)
            for item in one.items
        ]
        parts[part] = round(100 * float(np.mean(off)), 2)
    return parts
