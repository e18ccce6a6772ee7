"""CPU and wall seconds of one proposal after 50, 100 and 200 trials, on the space of the regret
benchmark.

    python benchmarks/search_overhead.py
"""

import statistics
import time

from search_regret import build

from vaiopt.search.samplers import Problem
from vaiopt.search.samplers.bayesian import BayesianSampler
from vaiopt.settings import SearchSettings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.trace import trace_space


def main():
    """Measure and print."""
    space = trace_space(build, HyperParameters)
    at_random = SearchSettings(initial_points=10**9)
    random = BayesianSampler(Problem(space, at_random, 0, "maximize"), "gp")
    history = []
    while len(history) < 200:
        point = random.next_point(history)
        value = -abs(point["learning_rate"] - 0.003) - 0.01 * point["layers"]
        history.append(TrialRecord(len(history), COMPLETE, value=value, hyperparameters=point))
    for model in ("gp", "forest"):
        sampler = BayesianSampler(Problem(space, SearchSettings(), 0, "maximize"), model)
        for count in (50, 100, 200):
            cpu, wall = [], []
            for _ in range(3):
                before = time.process_time(), time.perf_counter()
                sampler.next_point(history[:count])
                cpu.append(time.process_time() - before[0])
                wall.append(time.perf_counter() - before[1])
            print(
                f"{model:8}{count:5} trials: {statistics.median(cpu):.2f} s of CPU,"
                f" {statistics.median(wall):.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
