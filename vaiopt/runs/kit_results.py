"""What a kit reports, and what a bundle expects of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Union

from vaiopt.record import Record, Unfit, part

Value = Union[bool, int, float, str, None]
"""Of a hyperparameter, or of what a machine tells of itself."""

MOST = 10**9
"""No kit has as many samples, threads or frames per second, or needs as many milliseconds."""

ROUNDED = 0.01
"""A share may be rounded, but not further."""

_TIMES = ("preparation_ms", "decoding_ms", "dpu_latency_ms", "seconds")
"""Times that scripts may tell besides."""


def _near(value: float, other: float) -> bool:
    return abs(value - other) <= ROUNDED * max(abs(value), abs(other))


def _check_figures(told: Mapping[str, Any], names: Sequence[str], where: str = "") -> None:
    """Raise unless what a kit told by these names, if it did, are numbers that can be."""
    for name in names:
        value = told.get(name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and 0 <= value <= MOST):
            raise Unfit(where + name, f"is {value!r}"[:80])


class Scored(Record):
    """A record with scores by name; the accuracy of a classifier is a field of its own."""

    accuracy: Optional[float]
    scores: Dict[str, float]

    @property
    def all_scores(self) -> Dict[str, float]:
        """The scores by name, the headline first; empty if they are not known."""
        known = {} if self.accuracy is None else {"accuracy": self.accuracy}
        return {**known, **self.scores}

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object, without ``scores`` where there are none."""
        return {k: v for k, v in super().to_json().items() if k != "scores" or v}


@dataclass(frozen=True)
class Expected(Scored):
    """The score to expect of a bundle's samples, and from what it is known.

    Attributes:
        accuracy: of a classifier. scores: of any other task, the headline first.
        of: whose scores these are.
    """

    accuracy: Optional[float] = part(None, low=0, high=1)
    of: str = part("")
    scores: Dict[str, float] = part({})

    @classmethod
    def of_score(cls, name: str, value: Optional[float], of: str) -> Expected:
        """Return what to expect of one score; None: it is not known."""
        if name == "accuracy" or value is None:
            return cls(value, of)
        return cls(None, of, {name: value})


@dataclass(frozen=True)
class Latency(Record):
    """Milliseconds of one sample on one thread: median, mean, percentiles and extremes."""

    p50: float = part(low=0, high=MOST)
    mean: Optional[float] = part(None, low=0, high=MOST)
    p95: Optional[float] = part(None, low=0, high=MOST)
    p99: Optional[float] = part(None, low=0, high=MOST)
    min: Optional[float] = part(None, low=0, high=MOST)
    max: Optional[float] = part(None, low=0, high=MOST)
    more: Dict[str, Any] = part(rest=True)

    def check(self) -> None:
        """Raise unless the percentiles rise and lie between the extremes."""
        known = [
            (name, getattr(self, name))
            for name in ("min", "p50", "p95", "p99", "max")
            if getattr(self, name) is not None
        ]
        for (lower, low), (upper, high) in zip(known, known[1:]):
            if low > high:
                raise Unfit(lower, f"is {low}, above {upper}, which is {high}")
        least, most = self.min or 0.0, MOST if self.max is None else self.max
        if self.mean is not None and not least <= self.mean * (1 + 1e-9) <= most * (1 + 2e-9):
            raise Unfit("mean", f"is {self.mean}, outside of min and max")
        _check_figures(self.more, ("executions", "batch", "per_image"))
        batch, per_image = (self.more.get(name) for name in ("batch", "per_image"))
        if batch is not None and per_image is not None:
            if not _near(per_image * batch, self.p50):
                raise Unfit("per_image", f"is {per_image}, of {self.p50} for {batch} images")


@dataclass(frozen=True)
class FrameRate(Record):
    """Frames per second with several threads, without and with preprocessing."""

    value: float = part(low=0, high=MOST)
    threads: int = part(low=1, high=MOST)
    value_with_preprocessing: Optional[float] = part(None, low=0, high=MOST)
    more: Dict[str, Any] = part(rest=True)

    def check(self) -> None:
        """Raise unless the other rates and counts that were told can be."""
        _check_figures(self.more, ("frames", "seconds", "different_outputs"))
        frames, seconds = (self.more.get(name) for name in ("frames", "seconds"))
        if frames and seconds and not _near(self.value, frames / seconds):
            raise Unfit("value", f"is {self.value}, for {frames} frames in {seconds} s")
        rates = self.more.get("by_threads")
        rows = [("best", self.more.get("best"))]
        rows += [("by_threads", row) for row in (rates if isinstance(rates, list) else ())]
        for name, row in rows:
            if isinstance(row, dict):  # anything else is passed over by all that reads it
                _check_figures(row, ("threads", "value"), f"{name}.")


@dataclass(frozen=True)
class MeasuredModel(Record):
    """The compiled model that a kit measured."""

    sha256: str = part()
    file: str = part("")
    kind: str = part("")


@dataclass(frozen=True)
class GoldenResult(Record):
    """How the golden outputs fared on the kit; ``equal`` of ``elements`` values."""

    compared: bool = part(False)
    equal: Optional[int] = part(None, low=0)
    elements: Optional[int] = part(None, low=0)
    different: Optional[int] = part(None, low=0)
    max_difference: Optional[int] = part(None, low=0)
    bit_exact: Optional[bool] = part(None)
    more: Dict[str, Any] = part(rest=True)

    def check(self) -> None:
        """Raise unless equal and different values are those that were compared, and nothing that
        was told contradicts them.
        """
        if not self.compared:
            return
        for name in ("elements", "different"):
            if getattr(self, name) is None:
                raise Unfit(name, "is missing")
        if not self.elements:
            raise Unfit("elements", "is 0: nothing was compared")
        same = self.elements - (self.different or 0)
        if same < 0 or (self.equal is not None and self.equal != same):
            told = f"is {self.different}, with {self.equal} equal of {self.elements} values"
            raise Unfit("different", told)
        for name, none in (("max_difference", 0), ("bit_exact", True)):
            value = getattr(self, name)
            if value is not None and (value == none) != (same == self.elements):
                raise Unfit(name, f"is {value!r}, with {self.different} different values")


@dataclass(frozen=True)
class Agreement(Record):
    """Samples that the kit puts into the same class as the int8 Keras model."""

    equal: int = part(low=0)
    samples: int = part(low=0)
    fraction: Optional[float] = part(None, low=0, high=1)

    def check(self) -> None:
        """Raise unless there are as many as agree."""
        if self.equal > self.samples:
            raise Unfit("equal", f"is {self.equal}, of {self.samples} samples")
        if self.fraction is not None and self.samples:
            if abs(self.fraction - self.equal / self.samples) > ROUNDED:
                told = f"is {self.fraction}, for {self.equal} of {self.samples} samples"
                raise Unfit("fraction", told)


@dataclass(frozen=True)
class Doubt(Record):
    """What speaks against a measurement: by which name it can be accepted, in words, its cure."""

    name: str = part()
    told: str = part()
    cure: str = part("")

    @property
    def line(self) -> str:
        """Both in one line."""
        return f"{self.told}. {self.cure}".strip()


@dataclass(frozen=True)
class Power(Record):
    """What the board took while it measured the frames per second.

    Attributes:
        source: of the samples. samples: how many.
        mean_w, idle_w: watts of all rails, at work and with nothing to do.
        mj_per_image: energy of an image, millijoules. mj_per_image_above_idle: of working alone.
        rails_w: watts at work, by rail.
    """

    mean_w: float = part(low=0, high=MOST)
    mj_per_image: float = part(low=0, high=MOST)
    source: str = part("")
    samples: int = part(1, low=1, high=MOST)
    idle_w: Optional[float] = part(None, low=0, high=MOST)
    mj_per_image_above_idle: Optional[float] = part(None, low=0, high=MOST)
    rails_w: Dict[str, float] = part({}, low=0, high=MOST)


@dataclass(frozen=True)
class ClassCount(Record):
    """One class on the kit: samples, and how many of them were right."""

    name: str = part(key="class")
    correct: int = part(low=0)
    count: int = part(low=0)

    def check(self) -> None:
        """Raise unless there are as many as were right."""
        if self.correct > self.count:
            raise Unfit("correct", f"is {self.correct}, of {self.count} samples")


INTERPRETED = 8
"""Largest difference of a golden output where an interpreter rounds otherwise than a DPU."""


@dataclass(frozen=True)
class KitResult(Scored):
    """``result.json``: what a bundle's scripts report.

    Attributes:
        model: what was measured.
        samples: in the bundle.
        accuracy: of a classifier on them, 0 to 1. scores: of any other task, the headline first.
        per_class: of each class, of a classifier.
        latency_ms, fps: how fast.
        golden: golden outputs. agreement: with the int8 Keras model, if it is known.
        release: of the bundle's manifest.
        machine: name, processor and system of the kit.
        started: UTC.
        modules: packages that were loaded.
        warnings: of the scripts.
        doubts: what speaks against the result, as the scripts found.
        power: of the board, where it has sensors.
        more: all else that they told.
    """

    model: MeasuredModel = part()
    samples: int = part(low=1, high=MOST)
    latency_ms: Latency = part()
    fps: FrameRate = part()
    golden: GoldenResult = part()
    accuracy: Optional[float] = part(None, low=0, high=1)
    per_class: Tuple[ClassCount, ...] = part(())
    scores: Dict[str, float] = part({})
    agreement: Optional[Agreement] = part(None)
    release: str = part("")
    machine: Dict[str, Value] = part({})
    started: str = part("")
    modules: Tuple[str, ...] = part(())
    warnings: Tuple[str, ...] = part(())
    doubts: Tuple[Doubt, ...] = part(())
    power: Optional[Power] = part(None)
    more: Dict[str, Any] = part(rest=True)

    def check(self) -> None:
        """Raise unless there is a score, and the figures fit each other."""
        if not self.all_scores:
            raise Unfit("accuracy", "is missing")
        for number, row in enumerate(self.per_class):
            if row.count > self.samples:
                raise Unfit(f"per_class[{number}].count", f"is {row.count}, of {self.samples}")
        self._check_agreement()
        _check_figures(self.more, _TIMES)

    def _check_agreement(self) -> None:
        """Raise unless the agreement is of these samples."""
        if self.agreement is not None and self.agreement.samples % self.samples:
            told = f"is {self.agreement.samples}, not so many for each of {self.samples}"
            raise Unfit("agreement.samples", told)

    @property
    def all_doubts(self) -> Tuple[Doubt, ...]:
        """What speaks against the result: also what the scripts of older bundles did not judge."""
        named = {doubt.name for doubt in self.doubts}
        return self.doubts + tuple(d for d in self._seen() if d.name not in named)

    def _seen(self) -> Iterator[Doubt]:
        golden, agreement, exact = self.golden, self.agreement, self.model.kind == "xmodel"
        allowed = 0 if exact else INTERPRETED
        if golden.compared and golden.different and (golden.max_difference or 256) > allowed:
            told = f"{golden.different} of {golden.elements} golden outputs differ"
            yield Doubt("golden", told, "Bundle and measure again.")
        if exact and agreement is not None and agreement.equal < agreement.samples:
            different = agreement.samples - agreement.equal
            told = f"{different} of {agreement.samples} results are not those of the int8 model"
            yield Doubt("agreement", told, "Bundle and measure again.")

    @property
    def headline(self) -> float:
        """The score that is compared with what was expected."""
        return next(iter(self.all_scores.values()))


@dataclass(frozen=True)
class Measured(KitResult):
    """``measured/<target>.json``: a kit's result, and where and when it was measured.

    Attributes:
        target: name of the target.
        host: ``local`` or the board.
        measured: when, UTC.
        expected: of the manifest.
    """

    target: str = part("")
    host: str = part("")
    measured: str = part("")
    expected: Expected = part(Expected())
