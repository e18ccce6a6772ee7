"""Where the changes come from: a seed, hypothesis, or atheris, which sees what a change reaches.

Each engine gives the same damage other random numbers, and runs one reader.
"""

from __future__ import annotations

import os
import pickle
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

from benchmarks.fuzz.damage import damage_of
from benchmarks.fuzz.readers import Reader
from benchmarks.fuzz.watch import (
    ACCEPTED,
    Limits,
    Outcome,
    Tally,
    forked,
    limited_memory,
    peak_megabytes,
    watched,
)

SHARED_MEMORY = Path("/dev/shm")
"""Files that live for a millisecond need no disk."""


class Bench:
    """Whole files of a reader, which are damaged, read and restored, one after the other."""

    def __init__(self, reader: Reader, folder: Path, limits: Limits) -> None:
        self.reader, self.limits = reader, limits
        self.tally = Tally()
        self.files = reader.make(folder)
        self.whole = [path.read_bytes() for path in self.files]
        for path in self.files:
            whole = self._read(path)
            assert whole.how == ACCEPTED, f"{reader.name}: whole {path.name}: {whole.how}"
        self._started, self._peak = time.perf_counter(), peak_megabytes()

    def one(self, chance: random.Random) -> None:
        """Damage a file, read it, restore it."""
        number = chance.randrange(len(self.files)) if len(self.files) > 1 else 0
        path, whole = self.files[number], self.whole[number]
        content = damage_of(path)(whole, chance)
        path.write_bytes(content)
        self.tally.add(self._read(path), path.name, content)
        if len(self.files) > 1:
            path.write_bytes(whole)

    def _read(self, path: Path) -> Outcome:
        reader, limits = self.reader, self.limits
        if reader.forked:
            return forked(reader.read, path, limits, reader.supervised)
        return watched(reader.read, path, limits)

    def ended(self) -> Tally:
        """Return what became of the inputs."""
        self.tally.seconds = time.perf_counter() - self._started
        self.tally.megabytes = peak_megabytes() - self._peak
        return self.tally


def mutate(reader: Reader, inputs: int, seed: int, limits: Limits) -> Tally:
    """Give a reader as many inputs, always the same for a seed."""
    with tempfile.TemporaryDirectory(dir=_fast(), prefix="fuzz-") as folder:
        bench = Bench(reader, Path(folder), limits)
        with limited_memory(limits):
            for number in range(inputs):
                bench.one(random.Random(f"{seed}/{reader.name}/{number}"))
        return bench.ended()


def with_hypothesis(reader: Reader, inputs: int, seed: int, limits: Limits) -> Tally:
    """Let hypothesis draw the changes."""
    import hypothesis
    from hypothesis import strategies

    with tempfile.TemporaryDirectory(dir=_fast(), prefix="fuzz-") as folder:
        bench = Bench(reader, Path(folder), limits)
        quiet = hypothesis.settings(
            max_examples=inputs,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )

        @hypothesis.seed(seed)
        @quiet
        @hypothesis.given(strategies.randoms(use_true_random=False))
        def run(chance: random.Random) -> None:
            bench.one(chance)

        with limited_memory(limits):
            run()
        return bench.ended()


class Drawn(random.Random):
    """Random numbers out of bytes, so that who makes the bytes makes the choices; zeros after
    their end.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data, self._at = data, 0

    def getrandbits(self, count: int) -> int:
        """Return a number of so many bits."""
        size = (count + 7) // 8
        chunk = self._data[self._at : self._at + size].ljust(size, b"\0")
        self._at += size
        return int.from_bytes(chunk, "little") >> (8 * size - count)

    def random(self) -> float:
        """Return a number from 0 to 1."""
        return self.getrandbits(53) / 2**53


def with_atheris(reader: Reader, inputs: int, seed: int, limits: Limits) -> Tally:
    """Let atheris make the choices, in a child process: it ends the one that it runs in."""
    with tempfile.TemporaryDirectory(dir=_fast(), prefix="fuzz-") as folder:
        told = Path(folder) / "tally"
        child = os.fork()
        if not child:
            _in_atheris(reader, inputs, seed, limits, told)
        code = os.waitpid(child, 0)[1]
        if not told.exists():
            raise RuntimeError(f"atheris ended with {code} before it began")
        tally: Tally = pickle.loads(told.read_bytes())
    return tally


def _in_atheris(reader: Reader, inputs: int, seed: int, limits: Limits, told: Path) -> None:
    """Run atheris here, write the tally and end the process."""
    import atheris  # type: ignore[import-untyped]

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    (told.parent / "files").mkdir()
    bench = Bench(reader, told.parent / "files", limits)

    def run(data: bytes) -> None:
        bench.one(Drawn(data))
        if bench.tally.inputs >= inputs:
            told.write_bytes(pickle.dumps(bench.ended()))
            os._exit(0)

    # Its own limits are off: those of the watch hold.
    options = [f"-seed={seed + 1}", "-timeout=0", "-rss_limit_mb=0", "-max_len=256"]
    atheris.Setup(["fuzz", *options, "-len_control=0"], run)
    with limited_memory(limits._replace(megabytes=limits.megabytes + 1024)):
        atheris.Fuzz()
    os._exit(1)


def _fast() -> str:
    return str(SHARED_MEMORY if SHARED_MEMORY.is_dir() else Path(tempfile.gettempdir()))


Engine = Callable[[Reader, int, int, Limits], Tally]

ENGINES: Dict[str, Engine] = {
    "mutate": mutate,
    "hypothesis": with_hypothesis,
    "atheris": with_atheris,
}
"""What draws the changes, by name."""


def shares(readers: List[Reader], inputs: int) -> Iterator[int]:
    """Yield how many of the inputs each reader gets; they add up."""
    total, given, before = sum(reader.share for reader in readers), 0, 0.0
    for reader in readers:
        before += reader.share
        upto: Any = round(inputs * before / total)
        yield upto - given
        given = upto
