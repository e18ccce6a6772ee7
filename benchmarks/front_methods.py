"""The searches that are compared on the tables of ``front_problems.py``: for a front of accuracy
against a cost, or for the best accuracy under a limit of the cost.

Each is ``run(table, name, seed, trials, limit)`` and returns the accuracy and the cost of every
trial, in order, and the CPU seconds that proposing took. ``limit`` is None where the front is
sought. Each starts as it does by itself: vaiopt with the default point, Optuna with ten random
ones, BoTorch with ten of Sobol's. ``+exact`` behind one of vaiopt's lets it know the exact costs of
all candidates, ``+default`` behind one of Optuna's lets it begin with vaiopt's
default point.
"""

import dataclasses
import time
import warnings

import numpy as np

START = 10
"""Points before BoTorch's model chooses, as many as Optuna's samplers take."""
POPULATION = 10
"""Of NSGA-II: the default of 50 would be random search nearly to the end."""
SAMPLES = 64
"""Of BoTorch's Monte Carlo acquisition."""


class Recorder:
    """Answers points, and keeps what it answered."""

    def __init__(self, table):
        self._table = table
        self.points, self.accuracies, self.costs = [], [], []

    def __call__(self, point):
        accuracy, cost = self._table(point)
        self.points.append(point)
        self.accuracies.append(accuracy)
        self.costs.append(cost)
        return accuracy, cost


def run_vaiopt(table, name, seed, trials, limit):
    """Run one of vaiopt's samplers, through Optuna, as a search does."""
    objective = {"metric": "val_accuracy"}
    if limit is None:
        objective["front"] = [table.cost_name]
    else:
        objective[f"max_{table.cost_name}"] = limit
    return _vaiopt(table, name, objective, seed, trials)


def run_scalar(table, name, seed, trials, limit):
    """Run vaiopt's search for one score, with a weight of the cost."""
    objective = {"metric": "val_accuracy", "weights": {table.cost_name: float(name)}}
    return _vaiopt(table, "gp", objective, seed, trials)


def _vaiopt(table, sampler, wanted, seed, trials):
    from vaiopt.search.samplers import SpaceExhausted, as_optuna, make_sampler
    from vaiopt.settings import ObjectiveSettings, SearchSettings
    from vaiopt.study.objective import Objective
    from vaiopt.study.record import COMPLETE, INFEASIBLE, TrialRecord
    from vaiopt.study.storage import quiet_optuna
    from vaiopt.study.trials import RECORD, distributions, record_attribute

    optuna, recorder, space = quiet_optuna(), Recorder(table), table.space()
    objective = Objective(ObjectiveSettings(**wanted))
    started = time.process_time()
    sampler, _, exact = sampler.partition("+")
    settings = SearchSettings(sampler=sampler)
    problem = _problem(table, space, settings, seed, objective, bool(exact))
    directions = getattr(objective, "directions", [objective.direction])
    study = optuna.create_study(sampler=as_optuna(make_sampler(problem)), directions=directions)
    seconds, references = time.process_time() - started, {}
    for number in range(trials):
        started = time.process_time()
        try:
            trial = study.ask(fixed_distributions=distributions(space))
        except SpaceExhausted:  # a few configurations keep the tightest limits
            break
        seconds += time.process_time() - started
        accuracy, cost = recorder(trial.params)
        costs, metrics = {table.cost_name: cost}, {"val_accuracy": accuracy / 100}
        broken, references = objective.infeasible(costs), references or costs
        score = None if broken else objective.score(metrics, costs, references)
        record = TrialRecord(
            number,
            INFEASIBLE if broken else COMPLETE,
            reason=broken or "",
            value=score,
            hyperparameters=trial.params,
            metrics={} if broken else metrics,
            costs=costs,
        )
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        if broken:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, [score, cost] if len(directions) > 1 else score)
    return recorder, seconds


def _problem(table, space, settings, seed, objective, exact):
    """Return what a sampler is made for. Before revision f31e215, which may be measured too, it
    knew a direction alone.
    """
    from vaiopt.search.samplers import Problem

    if "objective" not in {field.name for field in dataclasses.fields(Problem)}:
        return Problem(space, settings, seed, objective.direction)
    from vaiopt.search.samplers.prices import Prices
    from vaiopt.search.samplers.survey import survey
    from vaiopt.study.price import Price

    if not objective.front and not objective.limited:
        return Problem(space, settings, seed, objective)

    def ask(points):
        return [Price({table.cost_name: table(point)[1]}) for point in points]

    seen = survey(space, objective, ask, seed, lambda text: None)
    kind = _exact(Prices) if exact else Prices
    return Problem(space, settings, seed, objective, kind(space, objective, ask, seen))


def _exact(prices):
    """Return prices that guess nothing: each candidate is asked for, as no real search could."""
    from vaiopt.search.samplers.prices import Guess

    class Exact(prices):
        def guess(self, points, trials):
            known = self.of(points)
            front = [self._objective.prices(price.costs) for price in known]
            return Guess(np.array(front), np.array([self.excess(price) for price in known]))

    return Exact


def run_optuna(table, name, seed, trials, limit):
    """Run a sampler of Optuna's on a function that defines the space by running."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name, _, default = name.partition("+")
    recorder = Recorder(table)

    def excess(trial):
        return [float(np.log(trial.user_attrs["cost"] / limit))]

    bound = {} if limit is None else {"constraints_func": excess}
    sampler = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed, **bound),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed, **bound),
        "nsga2": lambda: optuna.samplers.NSGAIISampler(
            seed=seed, population_size=POPULATION, **bound
        ),
    }[name]()
    directions = ["maximize", "minimize"] if limit is None else ["maximize"]
    study = optuna.create_study(sampler=sampler, directions=directions)
    if default:
        study.enqueue_trial(_as_optuna(table, {axis.name: axis.default for axis in table.axes}))

    def objective(trial):
        point = {axis.name: axis.default for axis in table.axes}
        for axis in table.active(point):
            point[axis.name] = _suggested(trial, axis)
        accuracy, cost = recorder(point)
        trial.set_user_attr("cost", cost)
        return (accuracy, float(np.log(cost))) if limit is None else accuracy

    started = time.process_time()
    study.optimize(objective, n_trials=trials)
    return recorder, time.process_time() - started


def run_optuna_4(table, name, seed, trials, limit):
    """Run a sampler of Optuna 4, whose rows stand beside those of the version since."""
    import optuna

    if not optuna.__version__.startswith("4."):
        raise SystemExit(f"this is Optuna {optuna.__version__}: run it where Optuna 4 is installed")
    return run_optuna(table, name, seed, trials, limit)


def _suggested(trial, axis):
    """Return a value as a person asks Optuna for it: an ordered one by its place."""
    if axis.continuous:
        return trial.suggest_float(axis.name, axis.values[0], axis.values[-1], log=True)
    if axis.ordered:
        return axis.values[trial.suggest_int(axis.name, 0, len(axis.values) - 1)]
    return trial.suggest_categorical(axis.name, axis.values)


def _as_optuna(table, point):
    """Return a point in the terms of :func:`_suggested`."""
    return {
        axis.name: axis.values.index(point[axis.name])
        if axis.ordered and not axis.continuous
        else point[axis.name]
        for axis in table.active(point)
    }


def run_random(table, name, seed, trials, limit):
    """Draw points, evenly; an infeasible one is a trial too."""
    random, recorder = np.random.RandomState(seed), Recorder(table)
    for _ in range(trials):
        recorder(table.drawn(random))
    return recorder, 0.0


def run_botorch(table, name, seed, trials, limit):
    """Run an acquisition of BoTorch over 2,000 random points and 400 neighbours of the best: for
    the front ``qlognehvi``, under a limit the constrained ``logei``; the logarithm of the cost has
    a model too.
    """
    import torch

    from vaiopt.search.samplers.candidates import distinct, neighbours, new_points
    from vaiopt.search.samplers.encoding import key
    from vaiopt.study.surrogate import encode_points

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    space, recorder, random = table.space(), Recorder(table), np.random.RandomState(seed)
    acquire = {"qlognehvi": _hypervolume, "logei": _limited}[name]
    started = time.process_time()
    while len(recorder.points) < trials:
        tried = {key(point) for point in recorder.points}
        pool = new_points(space, tried, random)
        if len(recorder.points) < START:
            recorder(pool[0])
            continue
        y = np.column_stack([np.array(recorder.accuracies) / 100, -np.log(recorder.costs)])
        order = _best(y, limit)[:8]
        near = neighbours(space, [recorder.points[i] for i in order], random, tried)
        pool = distinct([*pool, *near], tried)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = torch.tensor(encode_points(space, recorder.points), dtype=torch.double)
            acquired = acquire(x, torch.tensor(y, dtype=torch.double), limit, seed)
            shown = torch.tensor(encode_points(space, pool), dtype=torch.double)
            with torch.no_grad():
                values = torch.cat([acquired(part.unsqueeze(1)) for part in shown.split(400)])
        recorder(pool[int(values.argmax())])
    return recorder, time.process_time() - started


def _best(y, limit):
    """Return the places of the front, or of the best that keep the limit, best accuracy first."""
    order = np.lexsort((-y[:, 1], -y[:, 0]))
    if limit is not None:
        return sorted(order, key=lambda i: max(0.0, -y[i, 1] - np.log(limit)))
    front, cheapest = [], -np.inf
    for place in order:
        if y[place, 1] > cheapest:
            front.append(place)
            cheapest = y[place, 1]
    return front


def _models(x, y):
    """Return a Gaussian process of each column, as BoTorch makes them."""
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms.outcome import Standardize
    from gpytorch.mlls import SumMarginalLogLikelihood

    models = [SingleTaskGP(x, y[:, i : i + 1], outcome_transform=Standardize(1)) for i in (0, 1)]
    whole = ModelListGP(*models)
    fit_gpytorch_mll(SumMarginalLogLikelihood(whole.likelihood, whole))
    return whole


def _hypervolume(x, y, limit, seed):
    """Return qLogNEHVI with the reference point that BoTorch infers."""
    import torch
    from botorch.acquisition.multi_objective.logei import (
        qLogNoisyExpectedHypervolumeImprovement,
    )
    from botorch.sampling import SobolQMCNormalSampler
    from botorch.utils.multi_objective.hypervolume import infer_reference_point
    from botorch.utils.multi_objective.pareto import is_non_dominated

    reference = infer_reference_point(y[is_non_dominated(y)])
    return qLogNoisyExpectedHypervolumeImprovement(
        model=_models(x, y),
        ref_point=reference,
        X_baseline=x,
        sampler=SobolQMCNormalSampler(torch.Size([SAMPLES]), seed=seed),
        prune_baseline=True,
    )


def _limited(x, y, limit, seed):
    """Return the logarithm of the constrained expected improvement; before any point keeps the
    limit, the probability of keeping it.
    """
    from botorch.acquisition.analytic import (
        LogConstrainedExpectedImprovement,
        LogProbabilityOfFeasibility,
    )

    bound = -float(np.log(limit))
    kept, constraints = y[:, 1] >= bound, {1: (bound, None)}
    if not kept.any():
        return LogProbabilityOfFeasibility(_models(x, y), constraints)
    best = float(y[kept, 0].max())
    return LogConstrainedExpectedImprovement(_models(x, y), best, 0, constraints)


METHODS = {
    "vaiopt": run_vaiopt,
    "before": run_vaiopt,
    "scalar": run_scalar,
    "optuna": run_optuna,
    "optuna4": run_optuna_4,
    "random": run_random,
    "botorch": run_botorch,
}
"""What runs each method; ``before`` is vaiopt of an earlier checkout."""


def run(method, table, seed, trials, limit=None):
    """Run a method and return its recorder and its CPU seconds."""
    kind, _, name = method.partition(":")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return METHODS[kind](table, name, seed, trials, limit)
