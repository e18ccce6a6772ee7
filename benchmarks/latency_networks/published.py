"""The published measurements (``vaiopt/hardware/data/published.csv``) and the layer graphs of the
networks they are of.
"""

from __future__ import annotations

import csv
from typing import Dict, Iterable, List, NamedTuple

from latency_networks import NETWORKS, ULTRA96_NETWORKS, Network
from vaiopt.hardware.architectures import DATA, Architecture
from vaiopt.hardware.estimate import values_fed
from vaiopt.hardware.fits import host_rate
from vaiopt.hardware.fitting import Measurement, measurement
from vaiopt.keras import load_keras
from vaiopt.network.graph import LayerGraph
from vaiopt.network.read import read_graph

PUBLISHED = DATA / "published.csv"


class Row(NamedTuple):
    """One network on one board: frames per second at one thread, end to end, and with all cores
    busy.
    """

    release: str
    board: str
    name: str
    cores: int
    clock_mhz: float
    fps_single: float
    fps_busy: float
    source: str


def load_rows() -> List[Row]:
    """Return every row of the published tables that the fits use."""
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                release=row["release"],
                board=row["board"],
                name=row["name"],
                cores=int(row["cores"]),
                clock_mhz=float(row["clock_mhz"]),
                fps_single=float(row["fps_1_thread"] or 0),
                fps_busy=float(row["fps_all_threads"] or 0),
                source=row["source"],
            )
            for row in csv.DictReader(file)
        ]


def build_graphs(networks: Iterable[Network]) -> Dict[str, LayerGraph]:
    """Return the layer graph of each network; each model is built, read, and dropped."""
    keras = load_keras()
    graphs = {}
    for network in networks:
        keras.backend.clear_session()
        graphs[network.name] = read_graph(network.build(keras))
    return graphs


def single(
    rows: Iterable[Row], graphs: Dict[str, LayerGraph], dpu: Architecture
) -> List[Measurement]:
    """Return the end-to-end measurements at one thread, without networks whose time is mostly
    postprocessing.
    """
    networks = {
        network.name: network for network in NETWORKS + ULTRA96_NETWORKS if network.end_to_end
    }
    return [
        measurement(
            row.name, networks[row.name].family, graphs[row.name], dpu, 1000.0 / row.fps_single
        )
        for row in rows
        if row.name in networks and row.fps_single
    ]


def slowed_by_host(
    milliseconds: Dict[str, float], graphs: Dict[str, LayerGraph], cores: int
) -> Dict[str, float]:
    """Return the times of one core while all are busy, where the host cannot feed so many."""
    rate = host_rate("DPUCZDX8G")  # of all boards of the tables that are fitted
    return {
        name: max(ms, 1000.0 * cores / rate.frames_per_second(values_fed(graphs[name])))
        for name, ms in milliseconds.items()
    }


def busy(
    rows: Iterable[Row], graphs: Dict[str, LayerGraph], dpu: Architecture
) -> List[Measurement]:
    """Return the time of one inference on one core while all cores are busy; with one core, that is
    the DPU's own time.
    """
    networks = {network.name: network for network in NETWORKS + ULTRA96_NETWORKS}
    return [
        measurement(
            row.name,
            networks[row.name].family,
            graphs[row.name],
            dpu,
            1000.0 * row.cores / row.fps_busy,
        )
        for row in rows
        if row.name in networks and row.fps_busy
    ]
