"""What runs in a worker process before a trial is spent: models are built, and not trained."""

from __future__ import annotations

from typing import List, Mapping, Sequence

from vaiopt.errors import VaioptError
from vaiopt.hardware import costs as hardware_costs
from vaiopt.hardware import load_target
from vaiopt.keras import load_tensorflow
from vaiopt.models import build, load_family
from vaiopt.models.input_scaling import without_scaling
from vaiopt.models.pretrained import take_weights
from vaiopt.search.training.afterwards import Afterwards
from vaiopt.search.training.leftovers import given_back
from vaiopt.search.training.options import model_overrides
from vaiopt.search.training.shared import shared_of
from vaiopt.settings import Settings
from vaiopt.study.price import Price
from vaiopt.study.space import Space, Value


def price_points(
    settings: Settings,
    afterwards: Afterwards,
    space: Space,
    points: Sequence[Mapping[str, Value]],
) -> List[Price]:
    """Return what points cost, in order.

    Args:
        settings: of the run.
        afterwards: what the steps after the search will say of their models.
        space: all dimensions that are known.
        points: canonical ones.
    """
    tf = load_tensorflow()
    shared, overrides = shared_of(settings), model_overrides(settings)
    function = load_family(settings.model.family)
    target = load_target(settings.hardware.target, settings.hardware.release)

    def priced(point: Mapping[str, Value]) -> Price:
        hp = shared.hyperparameters(point, overrides)
        hp.know(space)
        try:
            model, _, _ = without_scaling(build(function, hp))
            costs = hardware_costs(model, target, settings.hardware.threads)
        except VaioptError as error:
            return Price(refused=error.message)
        try:
            afterwards.check(model)
            if settings.model.weights:
                take_weights(model, settings.model.weights)
        except VaioptError as error:
            return Price(costs, error.message)
        return Price(costs)

    found = []
    with given_back():
        for point in points:
            found.append(priced(point))
            # Each model's graph stays alive else.
            tf.keras.backend.clear_session()
    return found
