"""How results show themselves: as aligned text in a terminal, as tables and figures in a notebook.

A view is the result of a stage, of its own class and with all its fields, that can show itself as
well. What it shows (a :class:`Sheet`) is made from the report's own tables and figures, so that
notebook and report say the same.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from vaiopt.compile import CompileResult
from vaiopt.deploy import BundleResult, MeasureResult
from vaiopt.errors import VaioptError
from vaiopt.evaluate import Evaluations
from vaiopt.flow import Summary
from vaiopt.hardware import Inspection, TargetSummary
from vaiopt.present import words as labels
from vaiopt.present.sheet import Sheet, View, _bytes, _link
from vaiopt.present.table import Table
from vaiopt.quantize import QuantizeResult
from vaiopt.report import Figure, ReportData, ReportResult, gather_search
from vaiopt.report.figures_model import confusion, layer_costs, quantization_loss
from vaiopt.report.figures_search import convergence
from vaiopt.report.layers import layer_rows
from vaiopt.report.sections_model import (
    class_table,
    layer_table,
    mistake_table,
    quantization_advice,
    quantization_facts,
    speed_advice,
)
from vaiopt.report.sections_run import flatten, measured_facts, trial_table
from vaiopt.report.summary import hyperparameter_table
from vaiopt.runs.layout import Run
from vaiopt.search import SearchResult
from vaiopt.settings import Settings
from vaiopt.study.ranking import best_first
from vaiopt.study.record import TrialRecord

MOST_ROWS = 10
"""Rows of a table of trials or mistakes; the rest is in :func:`vaiopt.trials` and in the report."""


class SearchView(View, SearchResult):
    """The outcome of a search: the chosen trial, the best trials, and how the search converged."""

    def _data(self) -> Optional[ReportData]:
        try:
            return gather_search(Run(self.folder))
        except VaioptError:  # the folder is gone: what the result itself knows is shown
            return None

    def sheet(self) -> Sheet:
        """Return the chosen trial beside the default point, and the best trials."""
        data, counts = (
            self._data(),
            ", ".join(f"{n} {status}" for status, n in sorted(self.trials.items())),
        )
        facts: List[Tuple[str, Optional[str], str]] = [
            ("chosen", f"trial {self.chosen.number}", "")
        ]
        tables: List[Tuple[str, Table]] = []
        if data is not None:
            score = labels.metric(data.metric, self.chosen.metrics.get(data.metric))
            before = (
                None
                if self.default is None
                else labels.metric(data.metric, self.default.metrics.get(data.metric))
            )
            facts.append(
                (
                    labels.name(data.metric),
                    score,
                    "" if before is None else f"default point: {before}",
                )
            )
            best = best_first(data.trials, data.direction)[:MOST_ROWS]
            title = (
                "Trials"
                if len(best) == len(data.trials)
                else f"The best {len(best)} of {len(data.trials)} trials"
            )
            tables = [
                ("Hyperparameters", hyperparameter_table(data)),
                (title, trial_table(data, best)),
            ]
        facts += [
            *_costs(self.chosen),
            ("trials", str(sum(self.trials.values())), counts),
            ("time", labels.seconds(self.seconds), ""),
        ]
        return Sheet(f"Search · {self.folder}", facts, tables)

    def plots(self) -> List[Figure]:
        """Return the convergence of the search."""
        data = self._data()
        return _known([None if data is None else convergence(data)])


class TrialView(View, TrialRecord):
    """One trial."""

    def sheet(self) -> Sheet:
        """Return its metrics, costs and hyperparameters."""
        facts: List[Tuple[str, Optional[str], str]] = [("status", self.status, self.reason)]
        facts += [
            (labels.name(key), labels.metric(key, self.metrics.get(key)), "")
            for key in ("val_accuracy", "val_f1", "val_loss")
        ]
        rows = [[name, labels.value(value)] for name, value in self.hyperparameters.items()]
        tables = [("Hyperparameters", Table(("hyperparameter", "value"), rows, numeric=(1,)))]
        return Sheet(
            f"Trial {self.number}",
            [*facts, *_costs(self), ("time", labels.seconds(self.seconds), "")],
            tables,
        )


def _costs(record: TrialRecord) -> List[Tuple[str, Optional[str], str]]:
    costs = record.costs
    return [
        ("parameters", labels.count(costs.get("params")), ""),
        ("predicted latency", labels.milliseconds(costs.get("latency_ms")), ""),
    ]


class EvaluationView(View, Evaluations):
    """The chosen model on the test split."""

    def _data(self) -> ReportData:
        content = self.to_json()
        classes = [str(row["class"]) for row in self.float_test.per_class]
        return ReportData(
            "",
            Settings(),
            data={"classes": classes},
            float_test=content["float"],
            int8_test=content["int8"],
        )

    def sheet(self) -> Sheet:
        """Return accuracies, the table by class and the surest mistakes."""
        found, int8 = self.float_test, self.int8_test
        facts = [
            ("float accuracy", labels.percent(found.accuracy), f"macro F1 {found.macro_f1:.4f}"),
            (
                "test samples",
                labels.count(found.samples),
                f"{labels.count(len(found.misclassified))} misclassified",
            ),
        ]
        if int8 is not None:
            change = f"{labels.points(int8.accuracy - found.accuracy)} to float"
            facts.insert(1, ("int8 accuracy", labels.percent(int8.accuracy), change))
        data = self._data()
        mistakes = mistake_table(data, found.misclassified[:MOST_ROWS])
        return Sheet(
            f"Test split · trial {found.trial}",
            facts,
            [("By class", class_table(data)), ("The surest mistakes", mistakes)],
        )

    def plots(self) -> List[Figure]:
        """Return the confusion matrix of the int8 model, or of the float model before there is
        one.
        """
        last = self.int8_test if self.int8_test is not None else self.float_test
        return _known(
            [confusion(last.to_json(), f"confusion_{last.kind}", f"Confusion, {last.kind} model")]
        )


class QuantizeView(View, QuantizeResult):
    """The int8 model beside the float model."""

    def sheet(self) -> Sheet:
        """Return accuracies, how it was quantized, and the layers that int8 hurts most."""
        before, after, content = self.float_scores, self.int8_scores, self.to_json()
        loss = (
            "" if self.loss_points is None else f"{labels.points(-self.loss_points / 100)} to float"
        )
        facts = [
            (
                "float accuracy",
                labels.percent(before.get("accuracy")),
                f"on {self.evaluated_on} samples",
            ),
            ("int8 accuracy", labels.percent(after.get("accuracy")), loss),
        ]
        how = Table(
            ("", ""), [row for row in quantization_facts(content) if "accuracy" not in row[0]]
        )
        tables = [("How", how), ("Where it hurts most", quantization_advice(content))]
        return Sheet(f"Int8 · {self.folder}", facts, tables, self.warnings)

    def plots(self) -> List[Figure]:
        """Return the signal-to-noise ratio of each layer."""
        return _known([quantization_loss(self.to_json())])


class CompileView(View, CompileResult):
    """The compiled model."""

    def sheet(self) -> Sheet:
        """Return the file, and all that its record says."""
        record = self.record
        facts = [
            ("file", str(self.file), _bytes(record.get("bytes"))),
            ("backend", self.backend, ""),
            ("time", labels.seconds(record.get("seconds")), ""),
        ]
        left_out = (
            "target",
            "backend",
            "file",
            "bytes",
            "seconds",
            "versions",
            "operations",
            "warnings",
            "version",
        )
        rows = flatten({key: value for key, value in record.items() if key not in left_out})
        operations = [
            [o.get("layer"), o.get("kind")]
            for o in record.get("operations") or []
            if isinstance(o, dict)
        ]
        tables = [
            ("Operations", Table(("layer", "operation"), operations)),
            ("Record", Table(("", ""), rows)),
        ]
        return Sheet(
            f"Compiled for {self.target}",
            facts,
            tables,
            [str(line) for line in record.get("warnings") or []],
        )


class BundleView(View, BundleResult):
    """The folder for the kit."""

    def sheet(self) -> Sheet:
        """Return where it is and what is in it."""
        manifest = self.manifest
        expected = manifest.get("expected") or {}
        facts = [
            ("samples", labels.count((manifest.get("samples") or {}).get("count")), ""),
            (
                "accuracy to expect",
                labels.percent(expected.get("accuracy")),
                str(expected.get("of", "")),
            ),
            ("archive", str(self.archive), "the folder, packed"),
        ]
        paths = [
            self.folder / name for name in sorted([*manifest.get("files", {}), "manifest.json"])
        ]
        files = [[path.name, _bytes(path.stat().st_size)] for path in paths if path.is_file()]
        return Sheet(
            f"Bundle · {self.folder}", facts, [("", Table(("file", "size"), files, numeric=(1,)))]
        )


class MeasureView(View, MeasureResult):
    """What the kit, or this computer, measured."""

    def sheet(self) -> Sheet:
        """Return accuracy and latency, and the rest as a table."""
        content = self.record
        latency, fps = content.get("latency_ms") or {}, content.get("fps") or {}
        expected = (content.get("expected") or {}).get("accuracy")
        facts = [
            (
                "accuracy",
                labels.percent(content.get("accuracy")),
                "" if expected is None else "int8 in Keras: " + str(labels.percent(expected)),
            ),
            ("latency, median", labels.milliseconds(latency.get("p50")), "one sample, one thread"),
            (
                "frames per second",
                labels.count(fps.get("value")),
                "{} threads".format(fps.get("threads")),
            ),
        ]
        shown = {"accuracy", "latency, median", "frames per second", "threads"}
        rows = [
            [word, value] for word, value in measured_facts(content).items() if word not in shown
        ]
        return Sheet(
            f"Measured on {self.target} ({self.host})", facts, [("", Table(("", ""), rows))]
        )


class InspectionView(View, Inspection):
    """What a model costs on a target."""

    def sheet(self) -> Sheet:
        """Return the totals, the table of layers, and what would make it faster."""
        content = self.to_json()
        facts: List[Tuple[str, Optional[str], str]] = [
            ("latency", labels.milliseconds(self.latency_ms), "end to end, one thread"),
            ("frames per second", labels.count(self.fps_all_cores), "all cores"),
            (
                "parameters",
                labels.count(self.params),
                f"{labels.count(self.macs)} multiply-accumulates",
            ),
        ]
        if self.target.kind == "dpu":
            facts.insert(
                1,
                (
                    "on the DPU",
                    labels.milliseconds(self.dpu_latency_ms),
                    f"{self.dpu_subgraphs} subgraph(s)",
                ),
            )
            facts.append(
                (
                    "layers left to the CPU",
                    str(len(self.fallback_layers)),
                    ", ".join(self.fallback_layers[:3]),
                )
            )
        tables = [
            ("Layers", layer_table(layer_rows(content))),
            ("What would make it faster", speed_advice(content)),
        ]
        title = f"{self.model} on {self.target.name}, release {self.target.release}"
        return Sheet(title, facts, tables, [f"the latency is {self.validation}", *self.warnings])

    def plots(self) -> List[Figure]:
        """Return the cost of each layer."""
        return _known([layer_costs(layer_rows(self.to_json()), self.target.name)])


class ReportView(View, ReportResult):
    """The report."""

    def sheet(self) -> Sheet:
        """Return a link to it, and what it waits for."""
        facts = [("report", _link(self.path), f"{_bytes(self.size)}, {len(self.figures)} figures")]
        missing = Table(
            ("missing", "made by"),
            [[section, command] for section, command in self.missing.items()],
        )
        exported = [("exported", str(len(self.exported)), "files")] if self.exported else []
        return Sheet("Report", [*facts, *exported], [("", missing)], self.remarks)


class SummaryView(View, Summary):
    """What a run came to."""

    def sheet(self) -> Sheet:
        """Return its accuracies, costs and times."""
        chosen = "" if self.trial is None else f"trial {self.trial}"
        change = ""
        if self.int8_accuracy is not None and self.float_accuracy is not None:
            change = f"{labels.points(self.int8_accuracy - self.float_accuracy)} to float"
        facts = [
            ("float accuracy", labels.percent(self.float_accuracy), chosen),
            ("int8 accuracy", labels.percent(self.int8_accuracy), change),
            ("measured accuracy", labels.percent(self.measured_accuracy), f"on {self.target}"),
            ("parameters", labels.count(self.params), ""),
            ("predicted latency", labels.milliseconds(self.predicted_latency_ms), ""),
            (
                "measured latency",
                labels.milliseconds(self.measured_latency_ms),
                "median, one thread",
            ),
            ("report", None if self.report is None else _link(Path(self.report)), ""),
        ]
        rows = [[step, labels.seconds(seconds)] for step, seconds in self.seconds.items()]
        return Sheet(
            f"Run · {self.run}", facts, [("", Table(("step", "time"), rows, numeric=(1,)))]
        )


class TargetsView(View, List[TargetSummary]):
    """The known targets."""

    def sheet(self) -> Sheet:
        """Return one row a target."""
        rows = [
            [
                t.name,
                t.title,
                t.architecture,
                t.cores,
                f"{t.clock_mhz:g}" if t.clock_mhz else None,
                "validated" if t.validated else "extrapolated",
            ]
            for t in self
        ]
        columns = ("target", "board", "architecture", "cores", "MHz", "latency")
        return Sheet("Targets", tables=[("", Table(columns, rows, numeric=(3, 4)))])


class FiguresView(View, Dict[str, Any]):
    """Plotly figures by name."""

    def sheet(self) -> Sheet:
        """Return the names and titles; a figure shows itself."""
        rows = [
            [name, html.unescape(figure.layout.title.text or "")] for name, figure in self.items()
        ]
        return Sheet(f"{len(self)} figures", tables=[("", Table(("name", "shows"), rows))])


def _known(figures: Sequence[Optional[Figure]]) -> List[Figure]:
    return [figure for figure in figures if figure is not None]
