"""What is wrong with the files of a bundle is told before anything runs, and nothing is written."""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import BOARD, make_bundle, run_bundle, seal


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle")


def refused(bundle: Path, text: str, *arguments: str) -> None:
    outcome = run_bundle(bundle, *arguments)
    assert outcome.code == 2 and outcome.result is None, outcome
    assert text in outcome.error, outcome
    assert outcome.hint and "Traceback" not in outcome.stderr


@pytest.mark.parametrize("name", ["model.xmodel", "samples.npz", "golden.npz"])
def test_a_file_that_changed_on_the_way_is_found(bundle: Path, name: str) -> None:
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(bytes(data))
    refused(bundle, "SHA-256")


@pytest.mark.parametrize("name", ["model.xmodel", "samples.npz", "golden.npz", "manifest.json"])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    refused(bundle, name)


def test_a_file_that_is_not_of_the_bundle_is_refused(bundle: Path) -> None:
    (bundle / "other.npz").write_bytes((bundle / "samples.npz").read_bytes())
    refused(bundle, "not a file of the bundle", "--data", "other.npz")


def edit_samples(bundle: Path, **changes: Any) -> None:
    with np.load(str(bundle / "samples.npz")) as file:
        arrays = dict(file)
    for key, change in changes.items():
        arrays[key] = change(arrays[key])
    np.savez(str(bundle / "samples.npz"), **arrays)
    seal(bundle)


def with_nan(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float32)
    x[3, 1] = np.nan
    return x


@pytest.mark.parametrize("key, change, text", [
    ("x", with_nan, "NaN"),
    ("x", lambda x: x[:, :3], "shape (3, 4, 1)"),
    ("x", lambda x: x.astype("U4"), "not numbers"),
    ("x", lambda x: x[:0], "no samples"),
    ("y", lambda y: y[:-1], "39 values in 'y'"),
    ("y", lambda y: y + 1, "labels outside 0 to 2"),
    ("y", lambda y: y.astype(float), "not one whole number per sample"),
    ("expected", lambda e: e - 5, "'expected' holds labels outside"),
])  # fmt: skip
def test_arrays_of_the_wrong_kind_are_named(bundle: Path, key: str, change: Any, text: str) -> None:
    edit_samples(bundle, **{key: change})
    refused(bundle, text)


@pytest.mark.parametrize("name, array", [
    ("inputs", np.int8(1)),
    ("outputs", np.zeros((8, 0), np.int8)),
    ("input_position", np.array([7, 7])),
])  # fmt: skip
def test_golden_arrays_of_another_shape_are_refused(bundle: Path, name: str, array: Any) -> None:
    with np.load(str(bundle / "golden.npz")) as file:
        content = dict(file)
    np.savez(str(bundle / "golden.npz"), **{**content, name: array})
    seal(bundle)
    refused(bundle, "golden.npz")


@pytest.mark.parametrize("member", [b"no array", b"\x93NUMPY\x01\x00\x04\x00(((\n" + bytes(9)])
def test_a_member_that_is_no_array_is_refused(bundle: Path, member: bytes) -> None:
    with zipfile.ZipFile(str(bundle / "samples.npz"), "w") as file:
        file.writestr("x.npy", member)
        file.writestr("y.npy", member)
    seal(bundle)
    refused(bundle, "samples.npz")


def test_pickled_arrays_are_never_loaded(bundle: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (open, (str(bundle / "sprung"), "w"))

    np.savez(
        str(bundle / "samples.npz"),
        x=np.array([Trap()] * 40, dtype=object),
        y=np.zeros(40, dtype=np.int64),
    )
    seal(bundle)
    refused(bundle, "samples.npz")
    assert not (bundle / "sprung").exists()


@pytest.mark.parametrize("place, value", [
    ("version", 99),
    ("classes", []),
    ("preprocessing", None),
    ("input", {"position": 7.5}),
    ("files", {"../x": "0" * 64}),
    ("files", {"model.xmodel": "0"}),
    ("preprocessing", {"offset": 10**400, "scale": 1.0, "shape": [4, 4, 1]}),
    ("preprocessing", {"offset": 0.0, "scale": 1e-320, "shape": [4, 4, 1]}),
    ("output", {"name": "x", "position": 2, "threshold": 10**400}),
])  # fmt: skip
def test_a_manifest_that_cannot_be_right_is_refused(bundle: Path, place: str, value: Any) -> None:
    content = json.loads((bundle / "manifest.json").read_text())
    content[place] = value
    (bundle / "manifest.json").write_text(json.dumps(content))
    refused(bundle, "manifest.json")


@pytest.mark.parametrize(
    "arguments",
    [["--threads", "0"], ["--threads", "many"], ["--batch-repeat", "-1"], ["--unknown"]],
)
def test_wrong_options_are_told_like_everything_else(bundle: Path, arguments: Any) -> None:
    outcome = run_bundle(bundle, *arguments)
    assert outcome.code == 2 and outcome.error and outcome.hint


def test_a_result_that_cannot_be_written_is_told_before_the_work(bundle: Path) -> None:
    outcome = run_bundle(bundle, output="nowhere/result.json")
    assert outcome.code == 2 and "cannot be written" in outcome.error
    assert "running" not in outcome.stderr


@pytest.mark.parametrize("path", sorted(BOARD.glob("*.py")), ids=lambda path: path.name)
def test_scripts_are_python_3_7_and_import_nothing_but_numpy_and_a_runtime(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = (
        ast.parse(text, feature_version=(3, 7)) if sys.version_info >= (3, 8) else ast.parse(text)
    )
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(node.module.split(".")[0])
    standard = set(
        "__future__ argparse contextlib fcntl glob hashlib importlib itertools json math os"
        " platform re shutil signal struct subprocess sys tempfile threading time tokenize typing"
        " zipfile zlib".split()
    )
    own = {other.stem for other in BOARD.glob("*.py")}
    assert names <= standard | own | {"numpy", "xir", "vart"}
