"""``vaiopt quantize``: the chosen model, or any Keras 2 model, as int8."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import typer

from vaiopt.cli.common import JSON, SET, TRUST, emit, emit_for, given, load_of_run, option, progress
from vaiopt.releases import one_of


def command(
    model: str = typer.Argument(
        ...,
        metavar="RUN|MODEL.h5",
        help="A run folder, or a Keras 2 .h5 with --calib and --out.",
        show_default=False,
    ),
    calib: Optional[Path] = option(
        "--calib", help="For a bare model: .npz with x (and y), preprocessed as the model reads it."
    ),
    out: Optional[Path] = option("--out", help="For a bare model: the folder to write."),
    backend: Optional[str] = option("--backend", help="auto, tfmot or vitis."),
    method: Optional[str] = option("--method", help="ptq, finetune or qat."),
    release: Optional[str] = option(
        "--release", help=f"{one_of()}: whose rules the off-board backend follows."
    ),
    calib_batch_size: Optional[int] = option(
        "--calib-batch-size", min=1, help="Fix positions depend on it."
    ),
    overrides: List[str] = SET,
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Make a model int8 as the DPU computes it."""
    from vaiopt.flow import quantize, quantize_bare
    from vaiopt.keras import give_memory_back
    from vaiopt.network.loadable import trusting_models
    from vaiopt.settings import Settings, load_settings
    from vaiopt.settings.reads import check_read

    give_memory_back()
    options = {
        "quantize.backend": backend,
        "quantize.method": method,
        "hardware.release": release,
        "quantize.calib_batch_size": calib_batch_size,
    }
    changed = [*overrides, *given(options)]
    with trusting_models(trust):
        if Path(model).is_dir() or (
            calib is None and out is None and not model.endswith((".h5", ".keras", ".hdf5"))
        ):
            opened, settings = load_of_run(model, changed, None, "quantize")
            result = quantize(opened, settings, progress)
            emit_for(result, as_json, model, settings)
        else:
            settings = load_settings(None, changed)
            check_read(Settings(), settings, ["quantize MODEL"])
            result = quantize_bare(Path(model), calib, out, settings, progress)
            emit(result, as_json)
