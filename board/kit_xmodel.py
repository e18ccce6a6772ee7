"""How an ``.xmodel`` is run: its one DPU subgraph, or all of it where it has several parts."""

from __future__ import annotations

from typing import Any

import kit_dpu
import kit_graph


def load(options: Any, manifest: Any) -> Any:
    """Return the model that the options name, checked. Raises KitError: it is of no use, or has
    several parts and nothing here runs them.
    """
    try:
        return kit_dpu.load(options, manifest)
    except kit_dpu.SeveralParts as error:
        return kit_graph.load(options, manifest, error)
