#!/usr/bin/env python3
"""Check the latency model against the vendor's published measurements: networks built in code,
constants fitted without their family.

Usage: benchmarks/latency_model.py [--json FILE]

Prints Markdown tables (those of docs/results.md) and, with --json, writes the same as data. Exits
with 1 if a bar is missed. Takes about two minutes and needs TensorFlow.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from latency_networks import NETWORKS, ULTRA96_NETWORKS, batches  # noqa: E402
from latency_networks.published import (  # noqa: E402
    build_graphs,
    busy,
    load_rows,
    single,
    slowed_by_host,
)

from vaiopt.files import write_json  # noqa: E402
from vaiopt.hardware import costs, load_target  # noqa: E402
from vaiopt.hardware.architectures import architectures  # noqa: E402
from vaiopt.hardware.fitting import (  # noqa: E402
    START,
    Measurement,
    error_summary,
    leave_family_out,
    line_through_operations,
)
from vaiopt.keras import load_keras  # noqa: E402

ALONE = ("efficiency", "bandwidth", "overhead")
SHARED = ("overhead", "contention")

Bar = Tuple[str, float, float, bool]
"""What, value, limit, whether it is met."""


def cross_validation(board: str, release: str, graphs: Dict[str, Any]) -> Dict[str, Any]:
    """Predict each network of the B4096 tables with constants fitted to other families; end to end
    and, per core, with all cores busy.
    """
    rows = [row for row in load_rows() if row.board == board and row.release == release]
    clock, dpu = rows[0].clock_mhz, architectures()["DPUCZDX8G_ISA1_B4096"]
    alone, together = single(rows, graphs, dpu), busy(rows, graphs, dpu)
    cores, fit = rows[0].cores, load_target(board, release).fit
    assert fit is not None
    start, free = START._replace(constant_ms=0.0), ALONE
    if cores > 1:  # the cores' own constants are the KV260's, of the same networks
        start, free = fit.dpu._replace(constant_ms=0.0, contention=0.3), SHARED
    predicted = leave_family_out(together, clock, start=start, free=free)
    return {
        "single": _compare(alone, leave_family_out(alone, clock)),
        "busy": _compare(together, slowed_by_host(predicted, graphs, cores)),
        "line": _compare(
            alone,
            line_through_operations(
                [(i.name, i.family, _gops(graphs, i.name), i.milliseconds) for i in alone]
            ),
        ),
    }


def ultra96(graphs: Dict[str, Any]) -> Dict[str, Any]:
    """Predict the Ultra96's B1600 with the KV260's constants of release 3.0, the bandwidth fitted
    to other families.
    """
    rows = [row for row in load_rows() if row.board == "ultra96"]
    clock, dpu = rows[0].clock_mhz, architectures()["DPUCZDX8G_ISA1_B1600"]
    items = single(rows, graphs, dpu)
    fit = load_target("kv260", "3.0").fit
    assert fit is not None
    return _compare(items, leave_family_out(items, clock, start=fit.single, free=("bandwidth",)))


def versal(graphs: Dict[str, Any]) -> Dict[str, Any]:
    """Predict the rates of the boards that take several images at once, with constants fitted to
    other families on all of them.
    """
    rows = load_rows()
    known = {board: batches.known(board, rows, graphs) for board in batches.BOARDS}
    left_out = batches.leave_families_out(known)
    found = {
        board: {
            "errors": batches.errors(one, left_out[board]),
            "rates": batches.rate_errors(one, left_out[board]),
            "rows": _rate_rows(one, left_out[board]),
        }
        for board, one in known.items()
    }
    smaller = batches.known("vck190", rows, graphs, batches.SMALLER)
    constants = batches.fit_together(known)["vck190"]
    predicted = batches.times(smaller, constants)
    found["vck190"]["never shown"] = batches.rate_errors(smaller, predicted)
    return found


def _rate_rows(one: batches.Known, predicted: batches.Times) -> List[Dict[str, Any]]:
    """Return one row a network: frames per second at one thread and with many, and the errors."""
    frames, rows = 1000.0 * one.batch, []
    for item in one.items:
        row: Dict[str, Any] = {"name": item.name, "family": item.family}
        measured = (item.single_ms, item.busy_ms)
        for part, theirs, ours in zip(("single", "busy"), measured, predicted[item.name]):
            row[f"{part}_fps"] = round(frames / theirs, 2)
            row[f"{part}_predicted_fps"] = round(frames / ours, 2)
            row[f"{part}_error_percent"] = round(100 * (theirs / ours - 1), 1)
        rows.append(row)
    return rows


def estimate_ms(repeats: int = 9) -> float:
    """Return the median processor time of one estimate for ResNet50, in milliseconds, once the
    model exists.
    """
    keras = load_keras()
    model, target = keras.applications.ResNet50(weights=None), load_target("zcu102", "3.0")
    costs(model, target)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        costs(model, target)
        times.append(1000.0 * (time.process_time() - start))
    return statistics.median(times)


def _gops(graphs: Dict[str, Any], name: str) -> float:
    return 2e-9 * float(graphs[name].macs)


def _compare(items: Sequence[Measurement], predicted: Dict[str, float]) -> Dict[str, Any]:
    measured = {item.name: item.milliseconds for item in items}
    networks = [
        {
            "name": item.name,
            "family": item.family,
            "measured_ms": round(item.milliseconds, 4),
            "predicted_ms": round(predicted[item.name], 4),
            "error_percent": round(100 * (predicted[item.name] / item.milliseconds - 1), 2),
        }
        for item in items
    ]
    return dict(error_summary(predicted, measured), rows=networks)


def bars(results: Dict[str, Any]) -> List[Bar]:
    """Return every figure that must be reached, with its limit."""
    main = results["zcu102"]["single"]
    names = {row["name"] for row in main["rows"]}
    others = sum(1 for network in NETWORKS if network.name in names and not network.classifier)
    ratio = results["zcu102"]["line"]["mean_percent"] / main["mean_percent"]
    return [
        ("networks", main["networks"], 20, main["networks"] >= 20),
        ("networks that are no classifiers", others, 3, others >= 3),
        ("ZCU102 end to end, mean error %", main["mean_percent"], 4, main["mean_percent"] <= 4),
        ("ZCU102 end to end, largest error %", main["max_percent"], 12, main["max_percent"] <= 12),
        ("ZCU102 end to end, Spearman", main["spearman"], 0.99, main["spearman"] >= 0.99),
        ("times better than a line through operations", round(ratio, 1), 5, ratio >= 5),
        (
            "KV260 DPU alone, mean error %",
            results["kv260"]["busy"]["mean_percent"],
            6,
            results["kv260"]["busy"]["mean_percent"] <= 6,
        ),
        (
            "ZCU102 all cores, mean error %",
            results["zcu102"]["busy"]["mean_percent"],
            8,
            results["zcu102"]["busy"]["mean_percent"] <= 8,
        ),
        (
            "ZCU102 all cores, largest error %",
            results["zcu102"]["busy"]["max_percent"],
            20,
            results["zcu102"]["busy"]["max_percent"] <= 20,
        ),
        (
            "Ultra96 B1600, mean error %",
            results["ultra96"]["mean_percent"],
            12,
            results["ultra96"]["mean_percent"] <= 12,
        ),
        (
            "estimate for ResNet50, processor time in ms",
            round(results["estimate_ms"], 1),
            50,
            results["estimate_ms"] <= 50,
        ),
        *(
            (f"{board.upper()} rate {when}, mean error %", mean, 12, mean <= 12)
            for board, found in results["versal"].items()
            for when, mean in zip(("at one thread", "with many"), found["rates"].values())
        ),
        *(
            (f"VCK190 with half the engines, rate {when}, mean error %", mean, 12, mean <= 12)
            for when, mean in zip(
                ("at one thread", "with many"),
                results["versal"]["vck190"]["never shown"].values(),
            )
        ),
    ]


def markdown(results: Dict[str, Any]) -> str:
    """Return the tables of docs/results.md."""
    lines = ["| figure | reached | required | |", "| --- | ---: | ---: | --- |"]
    lines += [
        "| {} | {} | {} | {} |".format(what, value, limit, "yes" if met else "**no**")
        for what, value, limit, met in bars(results)
    ]
    for title, part in (
        ("ZCU102, release 3.0, end to end at one thread", results["zcu102"]["single"]),
        ("ZCU102, release 3.0, per core with all three at work", results["zcu102"]["busy"]),
        ("KV260, release 3.0, the DPU alone", results["kv260"]["busy"]),
        (
            "Ultra96 (B1600), end to end at one thread, only the bandwidth fitted",
            results["ultra96"],
        ),
    ):
        lines += [
            "",
            f"**{title}**",
            "",
            "| network | measured ms | predicted ms | error |",
            "| --- | ---: | ---: | ---: |",
        ]
        lines += [
            "| {name} | {measured_ms:.2f} | {predicted_ms:.2f} | {error_percent:+.1f} % |".format(
                **row
            )
            for row in sorted(part["rows"], key=lambda row: row["family"])
        ]
    for board, part in results["versal"].items():
        title = f"{board.upper()}, frames per second at one thread and with many"
        lines += ["", f"**{title}**", "", "| network | measured | error | measured | error |"]
        lines += ["| --- | ---: | ---: | ---: | ---: |"]
        lines += [
            "| {name} | {single_fps:.0f} | {single_error_percent:+.1f} % | {busy_fps:.0f} |"
            " {busy_error_percent:+.1f} % |".format(**row)
            for row in sorted(part["rows"], key=lambda row: row["family"])
        ]
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", metavar="FILE", help="write the results to this file, too")
    arguments = parser.parse_args()
    graphs = build_graphs(NETWORKS + ULTRA96_NETWORKS)
    results: Dict[str, Any] = {
        board: cross_validation(board, "3.0", graphs) for board in ("zcu102", "zcu104", "kv260")
    }
    results["ultra96"] = ultra96(graphs)
    results["versal"] = versal(graphs)
    results["estimate_ms"] = estimate_ms()
    results["operations"] = {
        network.name: {
            "published_gops": network.gops,
            "built_gops": round(_gops(graphs, network.name), 4),
        }
        for network in NETWORKS + ULTRA96_NETWORKS
    }
    print(markdown(results))
    if arguments.json:
        write_json(arguments.json, json.loads(json.dumps(results)))
    return 0 if all(met for _, _, _, met in bars(results)) else 1


if __name__ == "__main__":
    sys.exit(main())
