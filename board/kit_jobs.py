#!/usr/bin/env python3
"""Which measurements run on this kit, or have ended and wait for their result to be fetched.

    python3 kit_jobs.py

Run in the folder of a bundle; the bundles beside it are looked at too. Prints one line of JSON.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import time
from typing import Any, Dict, List, Optional

from kit_errors import one_line

VERSION = 1
MOST = 200
"""Jobs that are told."""

LONGEST = 200
"""Characters of a text."""


def jobs(parent: str = "..") -> List[Dict[str, Any]]:
    """Return what is known of each job in the folders of ``parent``, the newest first."""
    now = time.time()
    found = [_job(path, now) for path in glob.glob(os.path.join(parent, "*", "job-*.pid"))]
    return sorted(found, key=lambda job: float(job["age"]))[:MOST]


def _job(path: str, now: float) -> Dict[str, Any]:
    stem = path[: -len(".pid")]
    code = _number(stem + ".code")
    begun, heard, ended = (_time(stem + end) for end in (".log", ".alive", ".code"))
    return {
        "place": os.path.basename(os.path.dirname(os.path.abspath(path))),
        "name": os.path.basename(stem),
        "runs": code is None and _runs(_number(path), os.path.dirname(os.path.abspath(path))),
        "code": code,
        "age": 0.0 if begun is None else now - begun,
        "ended": None if ended is None else now - ended,
        "heard": heard,
        "result": os.path.isfile(stem + ".json"),
        "who": _text(stem + ".who"),
        "target": _target(os.path.join(os.path.dirname(path), "manifest.json")),
        "last": _last(stem + ".log"),
    }


def _runs(process: Optional[int], folder: str) -> bool:
    """Tell whether a process lives and is of this folder: its number may be another's by now."""
    if not process:
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        pass
    except OSError:
        return False
    try:
        return os.path.realpath(f"/proc/{process}/cwd") == os.path.realpath(folder)
    except OSError:  # another user's, which does not tell
        return True


def _number(path: str) -> Optional[int]:
    text = _text(path)
    return int(text) if text.isdigit() and len(text) < 10 else None


def _time(path: str) -> Optional[float]:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _text(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return one_line(file.read(LONGEST))[:LONGEST]
    return ""


def _last(path: str) -> str:
    """Return the last error that a job wrote, or its last line."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 10_000))
        lines = file.read().decode("utf-8", "replace").splitlines()
        said = [line for line in lines if line.strip()]
        errors = [line for line in said if line.startswith("error: ")]
        return one_line((errors or said or [""])[-1])[:LONGEST]
    return ""


def _target(path: str) -> str:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        with open(path, encoding="utf-8") as file:
            content = json.loads(file.read(1_000_000))
        return one_line(content.get("target", ""))[:LONGEST] if isinstance(content, dict) else ""
    return ""


if __name__ == "__main__":
    print(json.dumps({"version": VERSION, "jobs": jobs()}))
