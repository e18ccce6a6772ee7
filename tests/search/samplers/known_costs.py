"""A space whose points have known costs and qualities, for tests of proposals."""

import math
from typing import Any, Dict, List, Optional, Sequence

from vaiopt.search.samplers import Prices, Problem, make_sampler, survey
from vaiopt.settings import ObjectiveSettings, SearchSettings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.price import Price
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.trace import trace_space

STRENGTH = {"none": 0.05, "pool": 0.2, "small": 0.6, "large": 0.8}
PRICE = {"none": 1, "pool": 2, "small": 9, "large": 25}


def build(hp: Any) -> None:
    for place in range(4):
        hp.Choice(f"operation_{place}", list(STRENGTH), default="small")
    hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3)


SPACE = trace_space(build, HyperParameters)


def costs(point: Dict[str, Any]) -> Dict[str, float]:
    """Latency from 4 to 100; the learning rate costs nothing."""
    latency = float(sum(PRICE[point[f"operation_{place}"]] for place in range(4)))
    return {"latency_ms": latency, "params": 1000 * latency, "fps": 1000 / latency}


def quality(point: Dict[str, Any]) -> float:
    strength = sum(STRENGTH[point[f"operation_{place}"]] for place in range(4))
    rate = math.log10(point["learning_rate"])
    return 0.98 - 0.4 * math.exp(-strength) - 0.01 * (rate + 1.8) ** 2


class Market:
    """Tells prices, and counts of how many points it was asked."""

    def __init__(self, refused: Any = lambda point: "") -> None:
        self.asked: List[Dict[str, Any]] = []
        self._refused = refused

    def __call__(self, points: Sequence[Any]) -> List[Price]:
        self.asked += [dict(point) for point in points]
        return [Price(costs(point), self._refused(point)) for point in points]


def searched(
    count: int,
    market: Optional[Market] = None,
    settings: Optional[SearchSettings] = None,
    history: Sequence[TrialRecord] = (),
    **objective: Any,
) -> List[TrialRecord]:
    """The trials of a search of this space, each complete, after those of a history."""
    sought, ask = Objective(ObjectiveSettings(**objective)), market or Market()
    seen = survey(SPACE, sought, ask, 0, lambda line: None)
    prices = Prices(SPACE, sought, ask, seen)
    sampler: Any = make_sampler(Problem(SPACE, settings or SearchSettings(), 0, sought, prices))
    found = list(history)
    while len(found) < count:
        found.append(complete(len(found), sampler.next_point(found)))
    return found


def complete(number: int, point: Dict[str, Any]) -> TrialRecord:
    value = quality(point)
    return TrialRecord(
        number,
        COMPLETE,
        value=value,
        hyperparameters=point,
        metrics={"val_accuracy": value},
        costs=costs(point),
    )
