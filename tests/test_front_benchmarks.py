"""The tables and measures on which searches for a front are compared."""

from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from benchmarks import front_nasbench, front_problems
from benchmarks.front_problems import Axis, Table

pytestmark = pytest.mark.host


def made_table() -> Table:
    """Two layers at most, the second only where there are two; accuracy interpolated in rate."""
    axes = [
        Axis("layers", (1, 2), 1),
        Axis("units", (4, 8), 4, when=("layers", (2,))),
        Axis("rate", (0.01, 0.1, 1.0), 0.1, continuous=True),
    ]
    accuracy = np.full((2, 2, 3), np.nan)
    accuracy[0, 0], accuracy[1, 0], accuracy[1, 1] = [60, 80, 70], [86, 86, 86], [80, 90, 50]
    return Table(
        "made", axes, accuracy, np.array([[1.0, np.nan], [10.0, 100.0]])[..., None], "macs"
    )


def point(layers: int, units: int, rate: float) -> Dict[str, Any]:
    return {"layers": layers, "units": units, "rate": rate}


def test_a_point_is_read_from_its_table() -> None:
    table = made_table()
    assert table(point(2, 8, 0.1)) == pytest.approx((90, 100))
    assert table(point(1, 8, 0.1)) == pytest.approx((80, 1)), "inactive units do not matter"
    assert table(point(1, 4, 10**-0.5)) == pytest.approx((75, 1)), "half way, by the logarithm"
    assert table(point(1, 4, 1.0)) == pytest.approx((70, 1))


def test_the_share_of_a_front_is_that_of_its_hypervolume() -> None:
    table = made_table()
    # Above 80: 86 at a cost of 10 lasts for a decade, 90 at the highest cost for none.
    assert table.floors["narrow"] == 80
    assert table.share([86], [10], "narrow") == pytest.approx(100)
    assert table.share([83, 50], [10, 1], "narrow") == pytest.approx(50)
    assert table.share([86, 86], [31.6227766, 100], "narrow") == pytest.approx(50)
    assert table.share([90], [100], "narrow") == 0
    everything = table.accuracies, table.costs
    assert table.share(*everything, "wide") == pytest.approx(100)


def test_a_limit_is_kept_by_its_share_of_the_table() -> None:
    table = made_table()
    assert [table.limit(share) for share in (0.1, 0.34, 0.67)] == [1, 10, 100]
    assert [table.best_below(limit) for limit in (1, 10, 100)] == [80, 86, 90]


def test_edges_through_which_nothing_flows_are_no_part_of_a_network() -> None:
    skip, none = "skip_connect", "none"
    assert front_nasbench.used([none, none, none, skip, none, none]) == ((0, 3, skip),)
    assert front_nasbench.used([skip, none, none, none, none, skip]) == ()
    # Node 2 is fed by node 1 alone, and node 1 leads nowhere else.
    cell = ["nor_conv_3x3", none, skip, none, none, "avg_pool_3x3"]
    assert front_nasbench.used(cell) == (
        (0, 1, "nor_conv_3x3"),
        (1, 2, skip),
        (2, 3, "avg_pool_3x3"),
    )


def test_a_cell_costs_what_the_network_costs_that_keras_builds() -> None:
    from vaiopt.hardware import costs, load_target

    cell = ["nor_conv_1x1", "skip_connect", "avg_pool_3x3", "none", "skip_connect", "nor_conv_3x3"]
    built = front_nasbench.network(front_nasbench.Layers(), front_nasbench.used(cell))
    assert front_nasbench.Prices()(cell) == pytest.approx(costs(built, load_target("zcu102")))


@pytest.mark.parametrize("name", sorted(front_problems.TABLES))
def test_every_table_answers_the_points_of_its_space(name: str) -> None:
    table = front_problems.TABLES[name]()
    drawn = table.drawn(np.random.RandomState(0))
    for asked in (table.space().defaults(), drawn):
        accuracy, cost = table(asked)
        assert accuracy <= table.accuracies.max() and cost > 0
    assert table.share(table.accuracies, table.costs, "narrow") == pytest.approx(100)


def test_a_row_takes_the_place_of_its_like(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for value in (1, 2):
        front_problems.write_row(path, ["gp", 7, value], keys=2)
        front_problems.write_row(path, ["gp", 8, 0], keys=2)
    assert front_problems.read_rows(path) == [["gp", "7", "2"], ["gp", "8", "0"]]


@pytest.mark.parametrize("method", ["vaiopt:gp", "optuna:tpe", "optuna:nsga2", "random"])
@pytest.mark.parametrize("limited", [False, True])
def test_every_method_makes_its_trials(method: str, limited: bool) -> None:
    from benchmarks import front_methods

    table = front_problems.TABLES["mnist-params"]()
    limit = table.limit(0.1) if limited else None
    found, _ = front_methods.run(method, table, seed=0, trials=7, limit=limit)
    assert len(found.accuracies) == len(found.costs) == 7
    if limited and method == "vaiopt:gp":
        assert max(found.costs) <= limit
