"""1,000 random malformed inputs to the scripts for the kit: each must end with exit code 2 and an
``error:`` line, never with a result.

    python benchmarks/board_malformed.py [--cases 1000] [--seed 0] [--jobs 2] [--fork]

With ``--fork`` each case is a fork of a process that has the scripts and numpy loaded, ten times as
fast: for 10,000 cases. Malformed answers of a kit are in ``board_replies.py``.

The runtime is the strict stand-in of ``tests/contract``, which aborts and crashes where the real
one does. Kinds: files (cut, overwritten, empty, foreign, missing; with and without a manifest that
agrees), arrays (type, shape, values), attributes and structure of the compiled model, fields of the
manifest, options. A damaged byte that changes nothing (a time stamp inside an archive) must give
exactly the result of the undamaged bundle; those are counted apart. Prints one JSON object; exit
code 1 if any case ends otherwise.
"""

from __future__ import annotations

import argparse
import collections
import copy
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "board"))

from made_bundles import make_bundle, make_classifier, run_bundle, seal  # noqa: E402
from standin_models import tensor, write_model  # noqa: E402

SAME = ("accuracy", "per_class", "golden", "agreement", "samples")


# ---------------------------------------------------------------- files


def _damaged(data: bytes, r: random.Random) -> bytes:
    kind = r.choice(["cut", "flip", "noise", "empty", "text", "tail", "zeros", "hole", "doubled"])
    if kind == "cut":
        return data[: r.randrange(len(data))]
    if kind == "flip":
        out = bytearray(data)
        for _ in range(r.randint(1, 20)):
            out[r.randrange(len(out))] ^= 1 << r.randrange(8)
        return bytes(out)
    if kind == "hole":
        start = r.randrange(len(data))
        return data[:start] + data[start + r.randint(1, 200) :]
    if kind == "tail":
        return data + bytes(r.randrange(256) for _ in range(r.randint(1, 300)))
    other = {
        "empty": b"",
        "text": b"<html>404</html>\n" * r.randint(1, 40),
        "zeros": bytes(len(data)),
        "doubled": data + data,
    }
    return other.get(kind, bytes(r.randrange(256) for _ in range(r.randint(1, 4000))))


def files(folder: Path, r: random.Random) -> Tuple[str, List[str]]:
    """Damage or remove one file; the manifest may agree with the damage."""
    name = r.choice(["model.xmodel", "samples.npz", "golden.npz", "manifest.json"])
    path = folder / name
    if r.random() < 0.1:
        path.unlink()
        return f"{name} removed", []
    path.write_bytes(_damaged(path.read_bytes(), r))
    agrees = name != "manifest.json" and r.random() < 0.7
    if agrees:
        seal(folder)
    return "{} damaged{}".format(name, ", manifest agrees" if agrees else ""), []


# ---------------------------------------------------------------- arrays


def _bad_array(array: np.ndarray, r: random.Random) -> np.ndarray:
    nan = array.astype(np.float32)
    nan.reshape(-1)[r.randrange(nan.size)] = r.choice([np.nan, np.inf, -np.inf])
    choices = [
        array[..., : array.shape[-1] - 1] if array.ndim > 1 else array[:-1],
        array[:0],
        array[: len(array) // 2],
        np.concatenate([array, array[:1]]),
        array.astype("U8"),
        array.astype(complex),
        array.astype(bool) if array.dtype != bool else array.astype(complex),
        array.reshape(-1) if array.ndim > 1 else array[:, None],
        array[None],
        np.float32(r.random()),
        nan,
    ]
    return np.asarray(r.choice(choices))


def arrays(folder: Path, r: random.Random) -> Tuple[str, List[str]]:
    """Give one array of the samples or golden outputs a wrong type, shape or value."""
    name = r.choice(["samples.npz", "golden.npz"])
    with np.load(str(folder / name)) as file:
        content = dict(file)
    key = r.choice(sorted(content))
    if r.random() < 0.15 and key != "expected":
        del content[key]
        what = "removed"
    elif "position" in key:
        content[key] = r.choice(
            [
                np.int32(r.choice([-3, 0, 9, 60])),
                np.float32(7),
                np.array([7, 7]),
                np.array("7"),
                np.array(99999999999),
            ]
        )
        what = repr(content[key])
    elif key in ("y", "expected") and r.random() < 0.4:
        content[key] = content[key].copy()
        content[key][r.randrange(len(content[key]))] = r.choice([-1, 3, 1000])
        what = "a label out of range"
    else:
        content[key] = _bad_array(content[key], r)
        what = f"{content[key].dtype} {content[key].shape}"
    np.savez(str(folder / name), **content)
    seal(folder)
    return f"{name}: {key} {what}", []


# ---------------------------------------------------------------- the compiled model


def _drop(where: Dict[str, Any], key: str) -> None:
    where.pop(key, None)


def attributes(folder: Path, r: random.Random) -> Tuple[str, List[str]]:
    """Change an attribute, a tensor or the structure of the compiled model."""
    content = copy.deepcopy(make_classifier()["content"])
    user, dpu, cpu = content["children"]
    source, target = dpu["input_tensors"][0], dpu["output_tensors"][0]
    which = r.choice([source, target])
    wrong = r.choice(["text", 3.5, None, [1], {"a": 1}, b"".hex(), -1.0])
    changes: Dict[str, Callable[[], Any]] = {
        "no device": lambda: _drop(r.choice([user, dpu, cpu])["attrs"], "device"),
        "wrong device": (
            lambda: r.choice([user, dpu, cpu])["attrs"].__setitem__(
                "device", r.choice(["GPU", "dpu", "", 7, None])
            )
        ),
        "no fingerprint": lambda: _drop(dpu["attrs"], "dpu_fingerprint"),
        "fingerprint of a wrong type": lambda: dpu["attrs"].__setitem__("dpu_fingerprint", wrong),
        "no runner": lambda: _drop(dpu["attrs"], "runner"),
        "no mode run": lambda: dpu["attrs"]["runner"].pop("run"),
        "no fix_point": lambda: _drop(which["attrs"], "fix_point"),
        "fix_point of a wrong type": lambda: which["attrs"].__setitem__("fix_point", wrong),
        "another fix_point": (
            lambda: which["attrs"].__setitem__(
                "fix_point", r.choice([-70, -8, 0, 1, 3, 5, 66, 1000])
            )
        ),
        "another type": lambda: which.__setitem__(
            "dtype", r.choice(["float32", "int8", "xint4", "xuint8", "", "XINT8"])
        ),
        "another shape": lambda: which.__setitem__(
            "dims", [1] + [r.randint(2, 9) for _ in range(r.randint(1, 4))] + [5]
        ),
        "no shape": lambda: which.__setitem__(
            "dims", r.choice([[], [1], [1, 0, 3], [1, -4, 4, 1]])
        ),
        "second input": lambda: dpu["input_tensors"].append(tensor("second", [1, 4], 3)),
        "second output": lambda: (
            dpu["output_tensors"].append(tensor("second", [1, 4], 3)),
            which.__setitem__("name", "x"),
            target.__setitem__("name", "y"),
        ),
        "no input": lambda: dpu.__setitem__("input_tensors", []),
        "no output": lambda: dpu.__setitem__("output_tensors", []),
        "foreign operator": (
            lambda: content["ops"][-1].__setitem__(
                "type", r.choice(["Mylayer", "resize", "prelu", "matmul", "tanh"])
            )
        ),
        "second DPU subgraph": (
            lambda: content["children"].insert(2, dict(copy.deepcopy(dpu), name="subgraph_second"))
        ),
        "no DPU subgraph": lambda: content["children"].remove(dpu),
        "no children": lambda: content.__setitem__("children", []),
        "no operators": lambda: content["graph"].__setitem__("op_num", 0),
    }
    name = r.choice(sorted(changes))
    changes[name]()
    write_model(folder / "model.xmodel", content)
    seal(folder)
    return f"model: {name}", []


# ---------------------------------------------------------------- the manifest and the options


FIELDS = [
    (name,) for name in ("version", "classes", "preprocessing", "input", "output", "files")
] + [
    ("preprocessing", "offset"), ("preprocessing", "scale"), ("preprocessing", "shape"),
    ("input", "position"), ("output", "position"),
    ("files", "model.xmodel"), ("files", "samples.npz"),
]  # fmt: skip


def fields(folder: Path, r: random.Random) -> Tuple[str, List[str]]:
    """Remove or change a field of the manifest that the scripts read."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    place = r.choice(FIELDS)
    where = content
    for key in place[:-1]:
        where = where[key]
    wrong = [
        None,
        "text",
        [],
        {},
        True,
        [None],
        float("nan"),
        -1e400,
        {"a": []},
        12345.5,
        [1, 2],
        "a" * 64,
    ]
    if r.random() < 0.3:
        del where[place[-1]]
        what = "removed"
    else:
        # Another number is another valid preprocessing: only what is no number at all is malformed.
        numeric = place[-1] in ("offset", "scale")
        where[place[-1]] = r.choice([w for w in wrong if not (numeric and w == 12345.5)])
        what = repr(where[place[-1]])[:30]
    path.write_text(json.dumps(content), encoding="utf-8")
    return "manifest: {} {}".format(".".join(place), what), []


NOT_SAMPLES = [
    "golden.npz", "manifest.json", "model.xmodel", "run_model.py", "nothing.npz", "/dev/null",
    ".", "", "\u00e9",
]  # fmt: skip


def options(folder: Path, r: random.Random) -> Tuple[str, List[str]]:
    """Give wrong options: files that are not of the bundle, numbers that are none."""
    given = r.choice([
        ["--threads", r.choice(["0", "-1", "x", "1e9", "", "9999999999"])],
        ["--batch-repeat", r.choice(["-3", "1.5", "many"])],
        ["--data", r.choice(NOT_SAMPLES)],
        ["--manifest", r.choice(["samples.npz", "no.json", ".", "/dev/null"])],
        ["--unknown"],
        ["extra"],
    ])  # fmt: skip
    return f"options {given}", given


KINDS: Dict[str, Callable[[Path, random.Random], Tuple[str, List[str]]]] = {
    "files": files,
    "arrays": arrays,
    "attributes": attributes,
    "manifest": fields,
    "options": options,
}


SECONDS = 60
"""A case may take."""


class Forked:
    """How a case ended that ran as a fork: as :class:`made_bundles.Outcome`."""

    def __init__(self, folder: Path, code: int) -> None:
        from kit_causes import explain
        from kit_errors import one_line

        text = (folder / "said").read_text(encoding="utf-8", errors="replace")
        if code not in (0, 2):  # as run_model.py does for its second process
            why, cure = explain(code, text.splitlines())
            text += f"\nerror: {one_line(why)}\nhint: {cure}\n"
        self.code, self.stderr = (code if code == 0 else 2), text
        path = folder / "result.json"
        self.result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        lines = text.splitlines()
        self.error = next((line[7:] for line in lines if line.startswith("error: ")), "")
        self.hint = next((line[6:] for line in lines if line.startswith("hint: ")), "")


def fork_bundle(folder: Path, *arguments: str) -> Any:
    """Run ``run_model.py`` in a bundle as :func:`run_bundle` does, as a fork of this process."""
    data = [] if "--data" in arguments else ["--data", "samples.npz"]
    words = ["model.xmodel", *data, "--batch-repeat", "1", *arguments, "--output", "result.json"]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            handle = os.open(str(folder / "said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for number in (1, 2):
                os.dup2(handle, number)
            os.chdir(str(folder))
            signal.alarm(SECONDS)
            sys.argv = ["run_model.py", *words]
            import run_model

            code = run_model.main([*words, run_model.WORKER])
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 1
        except BaseException as error:  # noqa: BLE001 - what a process would print
            sys.excepthook(type(error), error, error.__traceback__)
        sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return Forked(folder, -os.WTERMSIG(status) if os.WIFSIGNALED(status) else status >> 8)


def prepare_forks() -> None:
    """Load what every case needs."""
    from made_bundles import BOARD, STANDIN

    sys.path[:0] = [str(BOARD), str(STANDIN)]
    import vart

    import kit_measure
    import kit_power
    import kit_xmodel

    assert kit_measure and kit_power and kit_xmodel and vart
    if threading.active_count() > 1:
        raise SystemExit("a process with threads cannot be forked")


def run_case(
    number: int,
    seed: int,
    intact: Path,
    reference: Dict[str, Any],
    run: Callable[..., Any] = run_bundle,
) -> Tuple[str, str, str]:
    """Return kind, description and verdict of one case: "refused", "unchanged", or what went
    wrong.
    """
    r = random.Random(f"{seed}/{number}")
    kind = sorted(KINDS)[number % len(KINDS)]
    with tempfile.TemporaryDirectory(prefix="malformed-") as temporary:
        folder = Path(temporary) / "bundle"
        shutil.copytree(str(intact), str(folder))
        what, arguments = KINDS[kind](folder, r)
        try:
            outcome = run(folder, *arguments)
        except Exception as error:  # noqa: BLE001 - one case's failure, the others go on
            return kind, what, f"not ended: {error!r}"
    if (
        outcome.code == 2
        and outcome.error
        and outcome.result is None
        and "Traceback" not in outcome.stderr
    ):
        return kind, what, "refused" if outcome.hint else "refused without a hint"
    if (
        outcome.code == 0
        and outcome.result
        and all(outcome.result[key] == reference[key] for key in SAME)
    ):
        return kind, what, "unchanged"
    return kind, what, f"exit code {outcome.code}: {outcome.stderr[-300:]}"


def main() -> int:
    """Run the cases, print the counts, and return 1 if any ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fork", action="store_true", help="cases are forks, one after the other")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="malformed-") as temporary:
        intact = make_bundle(Path(temporary) / "intact", count=20)
        reference = run_bundle(intact).result
        (intact / "result.json").unlink()
        if given.fork:
            for script in intact.glob("*.py"):
                script.unlink()
            prepare_forks()
            rows = [
                run_case(number, given.seed, intact, reference, fork_bundle)
                for number in range(given.cases)
            ]
        else:
            with ThreadPoolExecutor(given.jobs) as pool:
                rows = list(
                    pool.map(
                        lambda number: run_case(number, given.seed, intact, reference),
                        range(given.cases),
                    )
                )
    counts: Dict[str, Dict[str, int]] = {}
    bad = []
    for kind, what, verdict in rows:
        good = verdict in ("refused", "unchanged")
        counts.setdefault(kind, collections.Counter())[verdict if good else "wrong"] += 1
        if not good:
            bad.append({"kind": kind, "case": what, "verdict": verdict})
    print(
        json.dumps(
            {"cases": len(rows), "seed": given.seed, "counts": counts, "wrong": bad}, indent=1
        )
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
