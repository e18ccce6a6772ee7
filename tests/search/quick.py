"""A search of seconds, for the tests of anything but its result."""

from vaiopt.settings import load_settings

QUICK = [
    "search.workers=0",
    "search.trials=3",
    "train.epochs=1",
    "data.limit=300",
    "model.family=mlp_tabular",
    "search.initial_points=2",
    "search.pruner=none",
]
SETTINGS = load_settings(None, QUICK)
