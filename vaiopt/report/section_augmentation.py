"""The section on augmentation: how training samples are changed, in figures and pictures."""

from __future__ import annotations

from typing import Any, List

from vaiopt.present import words
from vaiopt.present.html import heading
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData
from vaiopt.report.gallery import picture_gallery
from vaiopt.report.section import Block, Section
from vaiopt.search.training.options import augment_amounts
from vaiopt.settings.augment import AugmentSettings
from vaiopt.settings.schema import declarations


def augmentation(data: ReportData) -> Section:
    """Return the operations that the chosen model was trained with, and some training samples
    before and after them; nothing where there were none.
    """
    lead = "Training samples are changed anew each time they are seen; no others are."
    trial = data.chosen_trial
    amounts = augment_amounts(trial.hyperparameters) if trial is not None else {}
    if not amounts:
        return Section(lead)
    known = declarations(AugmentSettings)
    rows: List[List[Any]] = [[n, words.value(a), known[n].doc] for n, a in amounts.items()]
    table = Table(("augment", "amount", "meaning"), rows, numeric=(1,), name="augmentation")
    blocks: List[Block] = [table]
    if data.augmented:
        blocks += [heading("Before and after"), picture_gallery(data.augmented)]
    return Section(lead, blocks)
