"""What a point costs, known before it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Sequence, Tuple

from vaiopt.record import Record, part
from vaiopt.runs.records import Value


@dataclass(frozen=True)
class Price(Record):
    """What is known of a point once its model was built.

    Attributes:
        costs: by name; empty where the model could not be built.
        refused: why such a point is not to be trained, whatever it costs; empty where it may be.
    """

    costs: Dict[str, float] = part({})
    refused: str = part("")


@dataclass(frozen=True)
class PricedPoint(Record):
    """A canonical point and its price."""

    point: Dict[str, Value] = part()
    price: Price = part()


@dataclass(frozen=True)
class Survey(Record):
    """``survey.json``: what points of the space cost, asked before the first trial; kept, so that
    a search goes on with the same.
    """

    points: Tuple[PricedPoint, ...] = part(())


Ask = Callable[[Sequence[Mapping[str, Value]]], List[Price]]
"""Builds the models of canonical points and returns their prices, in order."""
