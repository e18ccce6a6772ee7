"""Running a model over samples: one frame at a time for latency, and with several threads for
throughput.

A *runner* has ``input`` and ``output``, its own int8 arrays of shape (batch, …) that are reused for
every run, and ``execute()``. One runner belongs to one thread: a runtime guards each of its runners
with a lock, so sharing one would only queue.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from kit_errors import KitError
from kit_numbers import percentiles

Say = Callable[[str], None]

MIN_EXECUTIONS = 1000
"""Executions below which a 99th percentile says little; reached by going over the samples again
while the time allows.
"""
MAX_LATENCY_SECONDS = 10.0
MAX_REPEATS = 10000
PROGRESS_SECONDS = 2.0
SMALL_BYTES = 1 << 14
"""Outputs up to this size are compared as bytes."""


def run_batches(runner: Any, frames: np.ndarray) -> np.ndarray:
    """Return the int8 outputs (N, …) of ``frames`` (N, …) int8. The last batch is filled up with
    its own last frame.
    """
    outputs = np.empty((len(frames),) + tuple(runner.output.shape[1:]), dtype=np.int8)
    for start in range(0, len(frames), runner.batch):
        _fill(runner, frames, start)
        runner.execute()
        outputs[start : start + runner.batch] = runner.output[: len(frames) - start]
    return outputs


def _fill(runner: Any, frames: np.ndarray, start: int) -> None:
    part = frames[start : start + runner.batch]
    runner.input[: len(part)] = part.reshape((len(part),) + tuple(runner.input.shape[1:]))
    if len(part) < runner.batch:
        runner.input[len(part) :] = runner.input[len(part) - 1]


def measure_latency(
    runner: Any, frames: np.ndarray, say: Say
) -> Tuple[np.ndarray, Dict[str, float]]:
    """Run every frame once, in one thread, and time each execution alone, input already in place.

    Returns:
        the outputs (N, …) and the percentiles in milliseconds. With a device batch above 1 one
        execution holds a whole batch.

    Raises:
        KitError: the same samples gave other outputs another time.
    """
    outputs = np.empty((len(frames),) + tuple(runner.output.shape[1:]), dtype=np.int8)
    starts = range(0, len(frames), runner.batch)
    times = np.empty(max(len(starts), MIN_EXECUTIONS), dtype=np.float64)
    clock = time.perf_counter
    _fill(runner, frames, 0)
    for _ in range(3):  # the first runs load code and weights
        runner.execute()
    began = spoke = clock()
    done = unlike = 0
    for start in itertools.cycle(starts):
        if done >= len(times) or (done >= len(starts) and clock() - began > MAX_LATENCY_SECONDS):
            break
        _fill(runner, frames, start)
        before = clock()
        runner.execute()
        times[done] = clock() - before
        own, first = runner.output[: len(frames) - start], outputs[start : start + runner.batch]
        if done < len(starts):
            first[...] = own
        elif not np.array_equal(own, first):
            unlike += 1
        done += 1
        if clock() - spoke > PROGRESS_SECONDS:
            spoke = clock()
            say(f"  {done} of {len(times)} executions")
    if unlike:
        raise KitError(
            f"{unlike} of {done} executions gave other outputs than before for the same samples",
            "The DPU is not stable: switch the board off and on; look at its power and its clock.",
        )
    result = percentiles(times[:done])
    result["executions"] = done
    result["batch"] = runner.batch
    result["per_image"] = result["p50"] / runner.batch
    return outputs, result


class _Work:
    """Frames handed out to threads, each once a pass; runners may take different numbers."""

    def __init__(self, frames: np.ndarray, repeat: int, expected: Optional[np.ndarray]) -> None:
        self.frames = frames
        self.expected = expected
        self.errors: List[BaseException] = []
        self.wrong = 0
        self.done = 0
        self._next, self._left = 0, repeat
        self._lock = threading.Lock()

    def take(self, most: int) -> Tuple[int, int]:
        """Return the first frame and the number of those to run next, at most so many; 0: none."""
        with self._lock:
            if self.errors or not self._left:
                return 0, 0
            first = self._next
            count = min(most, len(self.frames) - first)
            self._next += count
            if self._next == len(self.frames):
                self._next, self._left = 0, self._left - 1
            return first, count

    def report(self, done: int, wrong: int) -> None:
        with self._lock:
            self.done += done
            self.wrong += wrong


def _differ(own: np.ndarray, other: np.ndarray) -> bool:
    """Whether int8 outputs of one shape differ. Every thread asks once a frame: bytes take a
    quarter of the time, arrays leave the interpreter to the other threads where they are large.
    """
    if own.nbytes <= SMALL_BYTES:
        return own.tobytes() != other.tobytes()
    return not np.array_equal(own, other)


def repeats_for_a_second(latency: float, frames: int, batch: int, threads: int) -> int:
    """Return how often to go over the frames so that the throughput measurement takes about a
    second, as far as latency tells.

    Args:
        latency: seconds of one execution, of ``batch`` frames.
        frames: how many there are.
        batch: frames that the device takes at a time.
        threads: that share the work; a runtime never gains more than their number.
    """
    once = max(latency, 1e-5) * -(-frames // batch) / threads
    return max(1, min(MAX_REPEATS, int(1.0 / once)))


def measure_throughput(
    make_runner: Callable[[], Any],
    frames: np.ndarray,
    threads: int,
    repeat: int,
    expected: np.ndarray,
    prepare: Optional[Callable[[np.ndarray], np.ndarray]],
) -> Dict[str, Any]:
    """Run all frames ``repeat`` times over ``threads`` threads with one runner each.

    Args:
        make_runner: gives a new runner.
        frames: int8 frames, or raw samples when ``prepare`` is given.
        expected: outputs (N, …) of the run with one thread; outputs that differ are counted.
        prepare: turns raw samples into int8 frames, inside the timed part.

    Returns:
        ``{"threads", "frames", "seconds", "value"}``, the last in frames per second, ``batches``:
        the frames that runners take at a time, and ``different_outputs``.
    """
    runners = [make_runner() for _ in range(threads)]
    for runner in runners:
        _fill(runner, frames if prepare is None else prepare(frames[: runner.batch]), 0)
        runner.execute()
    work = _Work(frames, repeat, expected)
    start = threading.Barrier(threads + 1)
    workers = [
        threading.Thread(target=_loop, args=(runner, work, prepare, start), daemon=True)
        for runner in runners
    ]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    seconds = max(time.perf_counter() - began, 1e-9)
    if work.errors:
        error = work.errors[0]
        raise (
            error
            if isinstance(error, KitError)
            else KitError(
                f"a thread stopped: {error}", "Run with --threads 1 to see whether it is the model."
            )
        )
    count = len(frames) * repeat
    return {
        "threads": threads,
        "frames": count,
        "seconds": seconds,
        "value": count / seconds,
        "batches": sorted({runner.batch for runner in runners}),
        "different_outputs": work.wrong,
    }


def thread_counts(most: int) -> List[int]:
    """Return the numbers of threads to try: each up to eight, then in steps that double, and the
    most. Throughput falls at some numbers, so one tells little.
    """
    doubling = itertools.takewhile(lambda count: count < most, (16 << n for n in itertools.count()))
    return sorted({*range(1, min(most, 8) + 1), *doubling, most})


def _loop(
    runner: Any,
    work: _Work,
    prepare: Optional[Callable[[np.ndarray], np.ndarray]],
    start: threading.Barrier,
) -> None:
    """Take batches until none is left; one thread's part of :func:`measure_throughput`."""
    frames, batch, expected = work.frames, runner.batch, work.expected
    shape = tuple(runner.input.shape[1:])
    done = wrong = 0
    start.wait()
    try:
        while True:
            first, count = work.take(batch)
            if not count:
                break
            part = frames[first : first + count]
            if prepare is not None:
                part = prepare(part)
            runner.input[:count] = part.reshape((count,) + shape)
            runner.execute()
            if expected is not None:
                wrong += _differ(runner.output[:count], expected[first : first + count])
            done += count
    except Exception as error:  # noqa: BLE001 - the main thread raises it
        work.errors.append(error)
    finally:
        work.report(done, wrong)
