"""The page of verdicts is made of the table that the code reads: ``python -m
tests.docs.test_verdict_page`` writes it again.
"""

from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from vaiopt.network.verdicts import Verdict, verdict_table
from vaiopt.releases import RELEASES

pytestmark = pytest.mark.host

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/reference/verdicts.md"

HEAD = """# Verdicts

What the quantizers of the releases do with each layer class, with an activation function behind a
layer, and with an operation on tensors. `inspect`, the search before its first trial, `quantize`,
`compile` and this page read the same table, `vaiopt/network/verdicts.csv`, which also names the
source of each row; the first row that fits counts. What a DPU takes of it depends on its sizes:
`vaiopt inspect` says so layer by layer.

| verdict | meaning |
| --- | --- |
| int8 | quantized, with a position of its own |
| fused | computed with the layer before it, rounded once |
| moved | only moves integers |
| folded | goes into the weights beside it |
| changed, left out | by vaiopt, exactly: the float outputs stay the same |
| input | its input is rounded, the CPU computes it in float |
| float | the CPU computes it on real numbers; `inspect`, the search and `quantize` say so |
| refused | before anything is trained or quantized |

"""

TITLES = {
    "layer": "## Layers",
    "function": "## Activation functions",
    "operation": "## Operations without a layer",
}


def _releases(names: Tuple[str, ...]) -> str:
    every = list(RELEASES)
    if list(names) == every:
        return "all"
    if len(names) == 1:
        return names[0]
    if names[0] == every[0]:
        return f"to {names[-1]}"
    return f"from {names[0]}" if names[-1] == every[-1] else f"{names[0]} to {names[-1]}"


def _lines(kind: str) -> List[str]:
    """Rows that say the same are one line."""
    groups: Dict[Tuple[str, ...], List[Verdict]] = {}
    for row in verdict_table():
        if row.kind == kind and row.verdict != "function":
            where = " ".join(row.behind) or "any other"
            same = (where, _releases(row.releases), row.verdict, row.cure)
            groups.setdefault(same, []).append(row)
    lines = []
    for (where, of, verdict, cure), rows in groups.items():
        names = ", ".join("all others" if r.name == "*" else f"`{r.name}`" for r in rows)
        place = f" {where} |" if kind == "function" else ""
        lines.append(f"| {names} |{place} {of} | {verdict} | {cure} |")
    return lines


def page() -> str:
    """Return the text of the page."""
    parts = [HEAD.rstrip("\n")]
    for kind, title in TITLES.items():
        columns = [
            "what",
            *(["behind"] if kind == "function" else []),
            "releases",
            "verdict",
            "instead",
        ]
        rule = "| " + " | ".join("---" for _ in columns) + " |"
        parts.append("\n".join([title, "", "| " + " | ".join(columns) + " |", rule, *_lines(kind)]))
    return "\n\n".join(parts) + "\n"


def test_the_page_is_that_of_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
