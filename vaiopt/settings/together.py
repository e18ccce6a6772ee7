"""Settings beside each other: what cannot work together is refused, and what has no effect beside
the others is said. Both are tables: a new case is a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator, List, Mapping, Sequence, Tuple

from vaiopt.errors import SettingsError
from vaiopt.settings.augment import augmentations
from vaiopt.settings.choices import (
    BACKBONE,
    METHODS,
    NOTHING_FROZEN,
    PRUNERS,
    SAMPLERS,
    Choice,
)
from vaiopt.settings.ranges import is_range, parse_range
from vaiopt.settings.schema import checked, declarations
from vaiopt.settings.sections import Settings, section_classes

TRAINED_WITH = (
    *("epochs", "batch_size", "optimizer", "learning_rate"),
    *("freeze", "unfreeze_epoch", "fine_tune_rate"),
)
"""Settings of ``[train]`` that fix or change the hyperparameter of their name."""


def _not_twice(settings: Settings) -> None:
    """Check that nothing is set as a hyperparameter and as a setting of its own, too."""
    given, train = settings.model.hyperparameters, settings.train
    unset = ("auto", NOTHING_FROZEN)
    twice = [f"train.{n}" for n in TRAINED_WITH if n in given and getattr(train, n) not in unset]
    twice += ["data.split"] if "split" in given else []
    twice += [f"augment.{n}" for n in augmentations() if f"augment_{n}" in given]
    if twice:
        names = ", ".join(key.partition(".")[2] for key in twice)
        raise SettingsError(
            f"model.hyperparameters sets {names}, as {', '.join(twice)} does",
            "Give it once: leave one of them out.",
        )


def _never_ends(settings: Settings) -> str:
    """Return why ``train.patience`` can end no training, "" if it can."""
    longest = most_of(settings.train.epochs)
    if longest is None or settings.train.patience < longest:
        return ""
    return f"a trial has no more than {longest:g} epoch(s)"


def _never_unfrozen(settings: Settings) -> str:
    """Return why ``train.unfreeze_epoch`` never comes, "" if it does."""
    longest, train = most_of(settings.train.epochs), settings.train
    first = None if is_range(train.unfreeze_epoch) else most_of(train.unfreeze_epoch)
    if train.freeze == NOTHING_FROZEN or longest is None or not first or first < longest:
        return ""
    return f"a trial has no more than {longest:g} epoch(s)"


def _longest_ends_before(settings: Settings) -> str:
    """Return why ``search.max_hours`` can end no search, "" if it can."""
    search = settings.search
    ended = search.workers > 0 and not search.scheduler  # elsewhere nothing may end a trial
    hours = search.trials * search.trial_timeout / 3600
    if not ended or search.sampler == "grid" or hours > search.max_hours:
        return ""
    return f"{search.trials} trials of at most search.trial_timeout each end before"


def _not_for_a_front(settings: Settings) -> None:
    """Check that sampler and pruner serve the front that is searched, if one is."""
    costs = len(settings.objective.front)
    for name, rows in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        chosen = getattr(settings.search, name)
        row = next((row for row in rows if row.name == chosen), None)
        if row is None or costs <= row.front:
            continue
        others = ", ".join(row.name for row in rows if row.front >= costs)
        told = f"a front against {costs} costs" if row.front else "a front, but one score"
        raise SettingsError(
            f"search.{name} = '{chosen}' does not serve {told} (objective.front)",
            f"Leave it out, or choose: {others}.",
        )
    if settings.search.pruner == "front" and not costs:
        raise SettingsError(
            "search.pruner is 'front', and no front is searched",
            "Name its costs: --set 'objective.front=[\"latency_ms\"]', or choose another pruner.",
        )


def _without_backbone(settings: Settings) -> None:
    """Check that the layers of a backbone are known: those that took their weights from a file."""
    freeze = settings.train.freeze
    named = parse_range("train.freeze", freeze).values if is_range(freeze) else (freeze,)
    if BACKBONE in named and not settings.model.weights:
        raise SettingsError(
            "train.freeze is 'backbone', and no weights are taken from a file (model.weights)",
            "Give them: --set model.weights=FILE.h5, or name the layers to freeze.",
        )


def _judged_by_samples(settings: Settings) -> None:
    """Check that a pruner is there which can judge trainings on few samples, if it shall."""
    search = settings.search
    by_front = search.pruner == "front" or (search.pruner == "auto" and settings.objective.front)
    if search.fidelity == "samples" and (by_front or search.pruner == "none"):
        why = "stops no trial" if search.pruner == "none" else "judges by epochs alone"
        name = "none" if search.pruner == "none" else "front"
        raise SettingsError(
            f"search.fidelity is 'samples', and search.pruner '{name}' {why}",
            "Choose a pruner: --set search.pruner=hyperband",
        )


def _task_and_tasks(settings: Settings) -> None:
    """Check that what is learned is said once."""
    if settings.tasks and settings.task != "auto":
        raise SettingsError(
            f"task is '{settings.task}', and tasks gives one to each of {len(settings.tasks)}"
            " outputs",
            "Leave one of them out: tasks is for models with several outputs.",
        )


REFUSED: Tuple[Callable[[Settings], None], ...] = (
    _task_and_tasks,
    _without_backbone,
    _not_twice,
    _not_for_a_front,
    _judged_by_samples,
)
"""Each raises SettingsError for settings that cannot work together."""


def check_together(settings: Settings) -> None:
    """Check that settings can work beside each other, and each by itself: objects made in Python
    were not read from a text. Raises SettingsError.
    """
    sections = {f"{name}.": getattr(settings, name) for name in section_classes()}
    for prefix, section in {"": settings, **sections}.items():
        for name in declarations(type(section)):
            checked(type(section), name, prefix + name, getattr(section, name), by_name=False)
    for check in REFUSED:
        check(settings)


def most_of(value: Any) -> Any:
    """Return the largest number of a setting, or of its range; None for a text such as "auto"."""
    if is_range(value):
        found = parse_range("", value)
        return max(found.values) if found.kind == "choice" else found.high
    return None if isinstance(value, str) else value


@dataclass(frozen=True)
class Unused:
    """A setting that has no effect beside others.

    Attributes:
        keys: of the settings.
        why: returns why they have none beside the others; empty if they do.
        said: what is said of them.
    """

    keys: Sequence[str]
    why: Callable[[Settings], str]
    said: str = "has no effect"


def _in_process(settings: Settings) -> str:
    search = settings.search
    inside = search.workers == 0 and not search.scheduler
    return "search.workers is 0: trials run in this process, which nothing ends" if inside else ""


def _by_choice(section: str, name: str, rows: Sequence[Choice]) -> Iterator[Unused]:
    """Yield what counts only with some choices of a setting (``Choice.uses``)."""
    for used in sorted({used for row in rows for used in row.uses}):
        takers = [row.name for row in rows if used in row.uses]

        def why(settings: Settings, takers: Sequence[str] = takers) -> str:
            chosen = getattr(getattr(settings, section), name)
            return "" if chosen in takers else f"{section}.{name} is {chosen}"

        yield Unused([f"{section}.{used}"], why)


UNUSED: Tuple[Unused, ...] = (
    *_by_choice("search", "sampler", SAMPLERS),
    *_by_choice("quantize", "method", METHODS),
    Unused(["search.trial_timeout", "search.trial_memory_mb", "search.recycle_after"], _in_process),
    Unused(["search.resources"], lambda s: "" if s.search.scheduler else "there is no scheduler"),
    Unused(["search.study"], lambda s: "" if s.search.storage else "there is no search.storage"),
    Unused(
        ["objective.measure_best"],
        lambda s: "" if s.objective.measure_every else "objective.measure_every is 0",
    ),
    Unused(
        ["objective.rank_int8"],
        lambda s: "one candidate is no ranking" if s.objective.rank_int8 == 1 else "",
    ),
    Unused(
        ["search.keep_models"],
        lambda s: (
            "objective.rank_int8 keeps more" if s.objective.rank_int8 > s.search.keep_models else ""
        ),
    ),
    Unused(
        ["search.acquisition"],
        lambda s: (
            "a front is searched by its expected gain of hypervolume" if s.objective.front else ""
        ),
    ),
    Unused(["search.max_hours"], _longest_ends_before),
    Unused(
        ["search.stop_after"],
        lambda s: (
            f"there are {s.search.trials} trials, the first of which is better than none"
            if s.search.stop_after >= s.search.trials - 1 and s.search.sampler != "grid"
            else ""
        ),
    ),
    Unused(["train.patience"], _never_ends),
    Unused(
        ["train.unfreeze_epoch", "train.fine_tune_rate"],
        lambda s: "train.freeze is none" if s.train.freeze == NOTHING_FROZEN else "",
    ),
    Unused(["train.unfreeze_epoch"], _never_unfrozen),
    Unused(
        ["train.fine_tune_rate"],
        lambda s: (
            "train.unfreeze_epoch is 0: frozen layers are never trained"
            if s.train.freeze != NOTHING_FROZEN and s.train.unfreeze_epoch in (0, "auto")
            else ""
        ),
    ),
    Unused(
        ["train.folds"],
        lambda s: "one fold is the validation split" if s.train.folds == 1 else "",
    ),
    Unused(
        ["search.initial_points"],
        lambda s: (
            f"there are {s.search.trials} trials, and none is chosen by a model"
            if s.search.initial_points > s.search.trials
            else ""
        ),
        "is more than is tried",
    ),
    Unused(
        ["search.points"],
        lambda s: (
            f"there are {s.search.trials} trials, the default point's among them"
            if len(s.search.points) >= s.search.trials
            else ""
        ),
        "has more than is tried",
    ),
    Unused(
        ["quantize.calib_batch_size"],
        lambda s: (
            f"quantize.calibration_size is {s.quantize.calibration_size}"
            if s.quantize.calib_batch_size > s.quantize.calibration_size
            else ""
        ),
        "is more than there is",
    ),
    Unused(["data.resize"], lambda s: "" if s.data.image_size else "there is no data.image_size"),
    Unused(
        ["data.split"], lambda s: "" if s.data.pool else _test_share(s), "has one share too many"
    ),
    Unused(
        ["objective.references"],
        lambda s: (
            "no weight of objective.weights goes with " + ", ".join(_without_weight(s))
            if _without_weight(s)
            else ""
        ),
    ),
)


def _test_share(settings: Settings) -> str:
    """Return why the third share of a split does not count where a given test set is kept."""
    split = settings.data.split
    texts = parse_range("", split).values if is_range(split) else (split,)
    shares = {float(text.split(":")[2]) for text in texts}
    return "data.pool is false, and the given test set is the test part" if any(shares) else ""


def _without_weight(settings: Settings) -> List[str]:
    objective = settings.objective
    return [name for name in objective.references if not objective.weights.get(name)]


def unused(settings: Settings, *sections: str) -> List[str]:
    """Return a line for each setting that was changed from its default and has no effect, or not
    all of it, beside the others.

    Args:
        settings: of a run.
        sections: that count; none stands for all.
    """
    lines = []
    for row in UNUSED:
        why = row.why(settings)
        for key in row.keys:
            section = key.partition(".")[0]
            if why and is_changed(settings, key) and section in (sections or section_classes()):
                lines.append(f"{key} {row.said}: {why}")
    return lines


def is_changed(settings: Settings, key: str) -> bool:
    """Return whether a setting is other than its default."""
    section, _, name = key.partition(".")
    found = getattr(settings, section)
    return bool(getattr(found, name) != declarations(type(found))[name].default)


SIZES = (
    ("train.batch_size", "train", "training samples: an epoch is one batch"),
    ("quantize.calibration_size", "train", "training samples: all of them calibrate"),
    ("deploy.samples", "test", "test samples: all of them are in the bundle"),
)
"""Counts of samples: the part of the split that they are taken from, and what follows where they
are more than it has.
"""


def beyond(settings: Settings, sizes: Mapping[str, int], *sections: str) -> List[str]:
    """Return a line for each count of samples that is more than there are.

    Args:
        settings: of a run.
        sizes: samples of each part of the split.
        sections: that count; none stands for all.
    """
    lines = []
    for key, part, then in SIZES:
        section, _, name = key.partition(".")
        asked = most_of(getattr(getattr(settings, section), name))
        if section in (sections or section_classes()) and is_changed(settings, key):
            if asked is not None and asked > sizes[part]:
                lines.append(f"{key} is {asked}, and there are {sizes[part]} {then}")
    return lines
