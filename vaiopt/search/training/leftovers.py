"""What a trial leaves in its process, or models that are built to know their cost, given back after
it.

Without a collection each model's graph stays alive, since its parts point at each other. To look
through all of TensorFlow's modules takes 0.25 s, so only what came since the trial began is looked
at; now and then everything is.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
from typing import Iterator

from vaiopt.keras import forget_models

TRIALS_PER_FULL_COLLECTION = 20
"""What was there before a trial and is let go of during it, such as the graph that Keras begins
anew after each (some 40 kB), waits for a full collection: at most this many trials' worth.
"""

_ENDED = itertools.count(1)


@contextlib.contextmanager
def given_back() -> Iterator[None]:
    """Collect what is left of a trial, or of models that are built, within."""
    gc.freeze()
    try:
        yield
    finally:
        forget_models()
        gc.collect()
        gc.unfreeze()
        if next(_ENDED) % TRIALS_PER_FULL_COLLECTION == 0:
            gc.collect()
