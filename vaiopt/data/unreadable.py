"""Files that cannot be read: all of them named at once, or left out where that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Iterable, List, Sequence, Tuple, TypeVar

from vaiopt.errors import DataError

Found = TypeVar("Found")

MOST_NAMED = 10
"""Files that are named in an error; of more, how many they are."""

SKIP = "or leave such files out: --set data.skip_corrupt=true"


def gather(
    paths: Iterable[Path], read: Callable[[Path], Found]
) -> Tuple[Dict[Path, Found], Dict[Path, DataError]]:
    """Read each file; return what was read, and the errors of the others, both by path.

    Args:
        paths: of the files. read: raises :class:`DataError` for one that cannot be read.
    """
    found: Dict[Path, Found] = {}
    problems: Dict[Path, DataError] = {}
    for path in paths:
        try:
            found[path] = read(path)
        except DataError as error:
            problems[path] = error
    return found, problems


def refuse(folder: Path, problems: Dict[Path, DataError], cure: str = SKIP) -> None:
    """Refuse files that cannot be read, if there are any.

    Args:
        folder: that they are in. problems: by path. cure: the end of the hint.

    Raises:
        DataError: of one, its own; of several, one that names them, the first ten, with what is
            wrong with each.
    """
    if not problems:
        return
    errors = list(problems.values())
    if len(errors) == 1:
        hint = errors[0].hint.rstrip(".")
        raise DataError(errors[0].message, f"{hint}; {cure}") from errors[0]
    named = [_named(folder, path, problems[path]) for path in sorted(problems)[:MOST_NAMED]]
    more = f"; and {len(errors) - len(named)} more" if len(errors) > len(named) else ""
    raise DataError(
        f"{len(errors):,} files of '{folder}' cannot be used: {'; '.join(named)}{more}",
        f"{_hint(errors)}; {cure}",
    )


def _named(folder: Path, path: Path, error: DataError) -> str:
    """Return what is wrong with a file, by its name within the folder."""
    return error.message.replace(f"'{path}'", f"'{path.relative_to(folder).as_posix()}'")


def _hint(errors: Sequence[DataError]) -> str:
    """Return the hint of all errors if it is one, else a general one."""
    hints: List[str] = sorted({error.hint for error in errors})
    return hints[0].rstrip(".") if len(hints) == 1 else "Replace or remove them"
