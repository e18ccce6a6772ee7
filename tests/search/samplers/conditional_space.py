"""A space with a hyperparameter that is asked for in one case only."""

from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import trace_space


def build(hp):
    hp.Choice("optimizer", ["adam", "sgd"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9)
    hp.Int("nodes", 8, 64, step=8)


SPACE = trace_space(build, HyperParameters)
