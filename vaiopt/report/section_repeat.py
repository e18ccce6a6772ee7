"""The section on how to make the run again."""

from __future__ import annotations

import json
from typing import Any, List

from vaiopt.present.html import details, heading, paragraph, table, tag
from vaiopt.present.table import Table, flatten
from vaiopt.report.data import ReportData
from vaiopt.report.section import Block, Section
from vaiopt.settings import Settings, section_classes
from vaiopt.settings.schema import declarations, plain_values


def repeat(data: ReportData) -> Section:
    """Return the environment, the data, and the commands that make the run again."""
    facts = {key: value for key, value in flatten(data.environment) if value != ""}
    started = facts.pop("command", None)
    blocks: List[Block] = []
    if started is not None:
        blocks += [paragraph("The search was last called with:"), tag("pre", tag("code", started))]
    again = f"vaiopt run {data.folder}/run.toml --run NEW_FOLDER"
    blocks += [
        paragraph("The settings below, filled in as they ran, make the run again from nothing:"),
        tag("pre", tag("code", again)),
    ]
    if facts:
        environment = Table(("", ""), [list(item) for item in facts.items()], name="environment")
        blocks += [heading("Environment of the search"), environment]
    if data.data is not None:
        blocks += [heading("Data"), Table(("", ""), flatten(data.data.to_json()), name="data")]
    blocks += [heading("Settings"), details("run.toml", tag("pre", tag("code", data.toml)))]
    meant = tag("div", table(settings_table(data.settings)), data_kind="setting")
    blocks.append(details("every setting, its default and its meaning", meant))
    lead = "With the same versions, seed and data, one worker proposes the same trials."
    return Section(lead, blocks)


def settings_table(settings: Settings) -> Table:
    """Return every setting: its value in the run, its default, and what it means."""
    rows: List[List[Any]] = []
    for section, cls in {"": Settings, **section_classes()}.items():
        values = getattr(settings, section) if section else settings
        for key, declared in declarations(cls).items():
            value = getattr(values, key)
            value = value if declared.shown is None or value is None else declared.shown(value)
            name = f"{section}.{key}" if section else key
            rows.append([name, *map(_written, (value, declared.default)), declared.doc])
    return Table(("setting", "in this run", "default", "meaning"), rows)


def _written(value: Any) -> str:
    """Return a value as it is written in the settings file."""
    return "unset" if value is None else json.dumps(plain_values(value), ensure_ascii=False)
