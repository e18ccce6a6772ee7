"""The README of a bundle: what is in it and the exact commands."""

from __future__ import annotations

from vaiopt.present import words
from vaiopt.runs.records import Expected, Manifest

_TEXT = """# {target}: {file}

Made by `vaiopt bundle`. Everything that is needed to measure the model is in this folder; nothing
has to be installed on the kit{needs}.

## Run it here

    python3 run_model.py {file} --data samples.npz --threads 2 --output result.json

Accuracy, latency and throughput are printed and written to `result.json`. {expected}
{try_it}
## Copy it to a kit and run it there

    scp -r . root@BOARD:{target}
    ssh root@BOARD 'cd {target} && python3 run_model.py {file} --data samples.npz \
--threads 2 --output result.json'
    scp root@BOARD:{target}/result.json .

or, from where the run is, all of it at once:
`vaiopt measure RUN --target {target} --host root@BOARD`.

## What is in it

| file | content |
| --- | --- |
| `{file}` | the compiled model{fingerprint} |
| `samples.npz` | `x`: raw test samples, `y`: labels, `expected`: what the int8 Keras model says, \
if known, `indices`: in the data set |
| `golden.npz` | int8 inputs and the int8 outputs to expect, bit by bit on a DPU |
| `manifest.json` | SHA-256 of every file, preprocessing, fix positions, classes, what to expect |
| `MODEL_CARD.md` | what the model is, how good, on which data, and what is not known of it |
| `run_model.py`, `kit_*.py` | the scripts: Python 3.7 and numpy |

Preprocessing is `(x - offset) / scale`, then `clip(floor(value * 2^{position} + 0.5), -128, 127)`;
the scripts do it.
"""


_TRY = """
## Try it by hand

    python3 run_model.py {file} --images FOLDER
    python3 run_model.py {file} --camera 0

What the model sees in each image, or in what the camera shows, with how sure it is. Needs Pillow
(or OpenCV, which resizes a little differently); a camera needs OpenCV.
"""


def _takes_pictures(manifest: Manifest) -> bool:
    """Tell whether samples are grey or RGB images of bytes, and the outputs are none."""
    shape = list(manifest.preprocessing.get("shape") or [])
    seen = manifest.task in ("classification", "binary", "multilabel", "regression")
    is_image = len(shape) == 3 and shape[2] in (1, 3)
    return seen and is_image and manifest.preprocessing.get("raw_dtype") == "uint8"


def bundle_readme(manifest: Manifest) -> str:
    """Return the text for a manifest."""
    is_tflite = manifest.model.file.endswith(".tflite")
    return _TEXT.format(
        target=manifest.target,
        file=manifest.model.file,
        expected=_expected(manifest.expected, manifest.samples.count),
        position=_position(manifest),
        needs=(
            " but a TFLite interpreter (`pip install ai-edge-litert` or `tflite-runtime`)"
            if is_tflite
            else ""
        ),
        try_it=_TRY.format(file=manifest.model.file) if _takes_pictures(manifest) else "",
        fingerprint=(f", fingerprint `{manifest.fingerprint}`" if manifest.fingerprint else ""),
    )


def _position(manifest: Manifest) -> str:
    """Return the fix position of the input; of several inputs that of all, or where those are."""
    found = {tensor.position for tensor in (manifest.inputs or (manifest.input,))}
    return str(found.pop()) if len(found) == 1 else "position (of each input, in `manifest.json`)"


def _expected(expected: Expected, count: int) -> str:
    """Return the sentence that says what score to expect."""
    found = [
        words.metric(name, score) if name == "accuracy" else f"{words.score_name(name)} {score:.4g}"
        for name, score in expected.all_scores.items()
    ]
    if not found:
        return (
            f"There are {count} samples; what the int8 Keras model says of them is not known here."
        )
    return f"Expected on these {count} samples, from the int8 Keras model: **{found[0]}**."
