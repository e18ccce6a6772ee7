"""What the steps after a search will say of its models, asked before any is trained."""

from __future__ import annotations

from typing import Any, Tuple


class Afterwards:
    """Asked in the worker, of models that are built and not trained yet; this one knows of no
    further steps. A search is given another one by who runs those (:mod:`vaiopt.deployable`), and
    sends it to its workers.
    """

    def warnings(self, model: Any) -> Tuple[str, ...]:
        """Return what they will not do with the default point's model, in words.

        Raises:
            VaioptError: a step that will run refuses it.
        """
        return ()

    def check(self, model: Any) -> None:
        """Check the model of any other point.

        Raises:
            VaioptError: a step that will run refuses it.
        """


NOTHING = Afterwards()
"""No further steps."""
