"""Files decoded by several threads, and given in their order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Deque, Iterable, Iterator, TypeVar

from vaiopt.environment import cores

Given = TypeVar("Given")
Made = TypeVar("Made")

AHEAD = 8
"""Calls a thread that are begun before the first of them is asked for: no more is in memory."""


def in_order(call: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """Yield what a call makes of each item, in the order of the items.

    Args:
        call: of one; Pillow and numpy let other threads run while they decode and copy.
        items: any number.

    Raises:
        Whatever the call raises, in the place of the first item that it does so for.
    """
    threads = cores()
    with ThreadPoolExecutor(threads) as pool:
        begun: Deque["Future[Made]"] = deque()
        try:
            for item in items:
                begun.append(pool.submit(call, item))
                if len(begun) >= threads * AHEAD:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for left in begun:
                left.cancel()
