"""vaiopt: from a Keras search space to a measured accuracy on an FPGA kit.

``import vaiopt as vo`` is instant: what is named here is loaded from :mod:`vaiopt.api` when it is
first used.
"""

# ruff: noqa: F403, F405  what the star brings is named in __all__, which mypy checks

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from vaiopt._version import __version__

__all__ = [
    "Run",
    "Settings",
    "VaioptError",
    "__version__",
    "bundle_run",
    "choose_trial",
    "compare",
    "compile_run",
    "data_sheet",
    "evaluate_run",
    "export_onnx",
    "figure",
    "figures",
    "inspect_model",
    "list_runs",
    "load_settings",
    "measure_run",
    "open_run",
    "override",
    "predict",
    "quantize_run",
    "refit_run",
    "report_run",
    "run_flow",
    "search_run",
    "targets",
    "trials",
    "trusting_models",
]

if TYPE_CHECKING:
    from vaiopt.api import *
else:  # it would let a type checker believe that any name exists

    def __getattr__(name: str) -> Any:
        if name == "search":  # the package, which vaiopt.api makes callable
            import importlib

            importlib.import_module("vaiopt.api")
            return importlib.import_module("vaiopt.search")
        if name not in __all__:
            raise AttributeError(f"module 'vaiopt' has no attribute '{name}'")
        import importlib

        value = globals()[name] = getattr(importlib.import_module("vaiopt.api"), name)
        return value


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
