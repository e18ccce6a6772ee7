"""Losses that take class numbers, for labels that are shares of several classes: what mixup and
cutmix make of them.
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, List, Optional

from vaiopt.keras import load_keras

SPARSE = "sparse_categorical_crossentropy"
PLAIN_METRICS = ("accuracy", "acc")
"""Metrics that Keras makes anew for the form of the labels."""


@contextlib.contextmanager
def soft_labels(model: Any, wanted: bool = True) -> Iterator[None]:
    """While it lasts, a model that was compiled for class numbers takes the same loss of one-hot
    labels, and so of shares; its weights and its optimizer are left alone.

    Args:
        model: compiled; :func:`label_problem` finds nothing wrong with it.
        wanted: False leaves all as it is.
    """
    own, loss = model.loss, _soft(model.loss)
    if not wanted or loss is None:
        yield
        return
    options: Dict[str, Any] = {"metrics": _own_metrics(model), "run_eagerly": model.run_eagerly}
    model.compile(optimizer=model.optimizer, loss=loss, **options)
    try:
        yield
    finally:
        model.compile(optimizer=model.optimizer, loss=own, **options)


def label_problem(model: Any, form: str) -> str:
    """Return why a compiled model cannot learn from labels that are shares; empty if it can.

    Args:
        model: compiled.
        form: of labels that its loss wants, as :meth:`vaiopt.tasks.Task.loss_form` tells.
    """
    if form != "sparse":
        return ""
    if _soft(model.loss) is None:
        return f"the model's own loss takes class numbers: {model.loss}"
    metrics = _own_metrics(model)
    if metrics is None or any(metric not in PLAIN_METRICS for metric in metrics):
        return "the model has metrics that take class numbers"
    return ""


def _soft(loss: Any) -> Any:
    """Return the loss of one-hot labels that is the same as one of class numbers, or None."""
    losses = load_keras().losses
    if loss == SPARSE or loss is losses.sparse_categorical_crossentropy:
        return "categorical_crossentropy"
    if type(loss) is not losses.SparseCategoricalCrossentropy:
        return None
    logits = bool(loss.get_config().get("from_logits", False))
    return losses.CategoricalCrossentropy(from_logits=logits, reduction=loss.reduction)


def _own_metrics(model: Any) -> Optional[List[Any]]:
    """Return the metrics that a model was compiled with, without those of Keras's own that weigh;
    None where they are more than a list.
    """
    compiled = getattr(model, "compiled_metrics", None)
    weighted = getattr(compiled, "_user_weighted_metrics", None)
    metrics = getattr(compiled, "_user_metrics", None) or []
    return list(metrics) if isinstance(metrics, (list, tuple)) and not weighted else None
