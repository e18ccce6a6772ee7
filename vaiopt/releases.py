"""The releases of Vitis AI: what is in each one's container, and what vaiopt can do for it.

The rows are in ``releases.csv`` beside this file, with their sources; shell scripts read it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from vaiopt.errors import TargetError

TABLE = Path(__file__).with_name("releases.csv")


@dataclass(frozen=True)
class Release:
    """One release; a text is empty where nothing is known.

    Attributes:
        name: such as ``3.0``.
        python: version in the container's TensorFlow 2 environment.
        tensorflow: major and minor version there.
        quantizer: generation of the vendor's quantizer that the backend ``tfmot`` can follow
            (:data:`vaiopt.quantize.tfmot.rules.RULES`).
        left_in_float: classes of layers that the vendor's quantizer leaves in float, with spaces
            between.
        fingerprints: whether the architectures' fingerprints are those of this release.
        image: the vendor's docker image.
        lock: lock file in ``requirements/`` with the versions that vaiopt adds to the image.
        tests: what is tested in its replica; empty for all.
        board_python: oldest version on the board's images.
        default: whether it is taken where none is named.
        source: where the row comes from.
    """

    name: str
    python: str
    tensorflow: str
    quantizer: str
    left_in_float: str
    fingerprints: bool
    image: str
    lock: str
    tests: str
    board_python: str
    default: bool
    source: str

    @property
    def latency_only(self) -> bool:
        """Whether a latency can be predicted for it, but no run be of it."""
        return not self.quantizer


def read_releases(table: Path = TABLE) -> Dict[str, Release]:
    """Return the rows of a table by name, oldest first."""
    lines = [line for line in table.read_text("utf-8").splitlines() if not line.startswith("#")]
    rows: Dict[str, Release] = {}
    for line in lines[1:]:
        row: Dict[str, Any] = dict(zip(lines[0].split(","), line.split(",")))
        row.update({flag: bool(row[flag]) for flag in ("fingerprints", "default")})
        rows[row["name"]] = Release(**row)
    return rows


RELEASES = read_releases()
DEFAULT = next(row.name for row in RELEASES.values() if row.default)
RUNNABLE = tuple(row.name for row in RELEASES.values() if not row.latency_only)
"""The releases that a run can be of: the choices of ``hardware.release``."""


def find_release(name: str) -> Release:
    """Return the row of a release, also if its name is written ``v3.0``.

    Raises:
        TargetError: there is no such release; the hint names all.
    """
    try:
        return RELEASES[str(name).lstrip("v")]
    except KeyError:
        raise TargetError(
            f"there is no release '{name}' of Vitis AI", f"Use one of {', '.join(RELEASES)}."
        ) from None


def release_of_tensorflow(version: str) -> Optional[str]:
    """Return the release with this version of TensorFlow in its container, None if none has it."""
    minor = ".".join(version.split(".")[:2])
    return next((row.name for row in RELEASES.values() if minor and row.tensorflow == minor), None)


def one_of(names: Sequence[str] = RUNNABLE) -> str:
    """Return names as words: ``2.5, 3.0 or 3.5``."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
