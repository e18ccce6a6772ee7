"""Putting the report together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, TypeVar

from vaiopt.errors import RunError, did_you_mean
from vaiopt.files import check_folder, write_text
from vaiopt.present.figure import Figure
from vaiopt.present.shown import Shown
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData, gather
from vaiopt.report.export import export as export_files
from vaiopt.report.page import page
from vaiopt.report.section import Block, Group, Section, SectionRow
from vaiopt.report.section_augmentation import augmentation
from vaiopt.report.section_classification import confusion_figure, mistakes
from vaiopt.report.section_data import data_section
from vaiopt.report.section_front import front_on_target
from vaiopt.report.section_hyperparameters import hyperparameters
from vaiopt.report.section_layers import layers
from vaiopt.report.section_measured import measured
from vaiopt.report.section_quantization import quantization
from vaiopt.report.section_repeat import repeat
from vaiopt.report.section_search import curves, search, trade_offs
from vaiopt.report.section_several import outputs
from vaiopt.report.section_summary import summary
from vaiopt.report.section_targets import candidates_on_targets
from vaiopt.report.section_tasks import test_split
from vaiopt.report.section_trials import trials
from vaiopt.report.section_weights import weights
from vaiopt.report.section_words import words
from vaiopt.runs.layout import Run

Named = TypeVar("Named", Figure, Table)


@dataclass(frozen=True)
class ReportResult(Shown):
    """What :func:`write_report` wrote.

    Attributes:
        path: the report. size: its bytes.
        sections: the anchors of its sections. figures: the names of its figures.
        missing: sections that wait for a stage, with the command that makes it.
        exported: files written besides. remarks: what could not be shown or exported, and the cure.
    """

    path: Path
    size: int
    sections: Tuple[str, ...]
    figures: Tuple[str, ...]
    missing: Dict[str, str] = field(default_factory=dict)
    exported: Tuple[Path, ...] = ()
    remarks: Tuple[str, ...] = ()

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object."""
        return {
            "path": str(self.path),
            "size": self.size,
            "sections": list(self.sections),
            "figures": list(self.figures),
            "missing": dict(self.missing),
            "exported": [str(path) for path in self.exported],
            "remarks": list(self.remarks),
        }


SECTIONS = (
    SectionRow("summary", "Summary", summary),
    SectionRow("data", "The data", data_section),
    SectionRow("cost", "Accuracy and cost", trade_offs),
    SectionRow("search", "The search", search),
    SectionRow("hyperparameters", "Hyperparameters", hyperparameters, slow=True),
    SectionRow("curves", "Learning curves", curves),
    SectionRow("augmentation", "Augmentation", augmentation),
    SectionRow(
        "test", "Test split and mistakes", mistakes, "classification", figure=confusion_figure
    ),
    SectionRow("test", "Test split and mistakes", mistakes, "binary"),
    SectionRow("test", "Test split, label by label", test_split, "multilabel"),
    SectionRow("test", "Test split and errors", test_split, "regression"),
    SectionRow("test", "Test split, pixel by pixel", test_split, "segmentation"),
    SectionRow("test", "Test split, image by image", test_split, "image_to_image"),
    SectionRow("test", "Test split, output by output", outputs, "several"),
    SectionRow("weights", "Weights", weights),
    SectionRow("quantization", "Quantization", quantization),
    SectionRow("layers", "Layers on the target", layers),
    SectionRow("measured", "Measured", measured),
    SectionRow("front", "The front on the target", front_on_target),
    SectionRow("targets", "Candidates and targets", candidates_on_targets),
    SectionRow("trials", "Trials", trials),
    SectionRow("repeat", "Repeat it", repeat),
    SectionRow("words", "Words", words),
)
"""The sections that a report can have, in its order."""


def build(data: ReportData) -> List[Section]:
    """Return the report's sections; those that have nothing to show are left out."""
    made = [row.section(data) for row in _rows(data)]
    return _unique_names([section for section in made if section.blocks])


def figure(data: ReportData, name: str) -> Figure:
    """Return one figure of the report by its name.

    Raises:
        RunError: the run has no such figure.
    """
    names: List[str] = []
    for row in sorted(_rows(data), key=lambda row: row.slow):
        for found in _unique_names([row.section(data)])[0].figures():
            if found.name == name:
                return found
            names.append(found.name)
    raise RunError(f"'{data.folder}' has no figure '{name}'", did_you_mean(name, names))


def _rows(data: ReportData) -> List[SectionRow]:
    return [row for row in SECTIONS if row.task in ("", data.learned.section or data.task)]


def _unique_names(sections: Sequence[Section]) -> List[Section]:
    """Number figures and tables of the same name, which is that of their files: two hyperparameters
    may differ in characters only that no file name can have, and several outputs have the same
    figures and tables.
    """
    seen: Dict[str, int] = {}

    def unique(block: Block) -> Block:
        if isinstance(block, Group):
            return replace(block, figures=[_numbered(figure) for figure in block.figures])
        if isinstance(block, Figure):
            return _numbered(block)
        return _numbered(block) if isinstance(block, Table) and block.name else block

    def _numbered(named: Named) -> Named:
        count = seen[named.name] = seen.get(named.name, 0) + 1
        return named if count == 1 else replace(named, name=f"{named.name}_{count}")

    return [
        replace(section, blocks=[unique(block) for block in section.blocks]) for section in sections
    ]


def write_report(run: Run, *, export: Optional[Path] = None) -> ReportResult:
    """Write ``report.html`` into the run folder: one file that opens offline.

    Args:
        run: the run; what it does not have yet is left out, or shown with the command that makes
            it.
        export: a folder for every figure as PNG and its data as CSV.

    Raises:
        RunError: the run has no trials yet, or a file of it is corrupt or of another version, or
            ``export`` is no folder.
        MissingToolError: plotly is not installed.
    """
    if export is not None:
        check_folder(export, "Give a folder for the figures: --export DIR")
    data = gather(run)
    sections = build(data)
    text = page(data, sections)
    write_text(run.report, text)
    exported, remarks = export_files(sections, Path(export)) if export is not None else ([], [])
    return ReportResult(
        path=run.report,
        size=len(text.encode("utf-8")),
        sections=tuple(section.key for section in sections),
        figures=tuple(figure.name for section in sections for figure in section.figures()),
        missing={section.key: section.missing for section in sections if section.missing},
        exported=tuple(exported),
        remarks=(*data.notes, *remarks),
    )
