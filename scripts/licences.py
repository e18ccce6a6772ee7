"""Write ``requirements/licences.csv``: the licence of every package of the lock files, as an SPDX
expression, with where it was read; and the rules by which the list is checked.

Run by scripts/licences: ``python scripts/licences.py NAME=FOLDER...``, the name of each lock file
and the folder of the environment made of it.
"""

import csv
import email.message
import email.parser
import re
import sys
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from scripts.locks import REQUIREMENTS, Pin, lock_names, read_lock  # noqa: E402

LIST = REQUIREMENTS / "licences.csv"
HEAD = "# Made by scripts/licences: do not edit. Every package of the lock files."
NEXT_STEP = "Read its licence file and add it to [read] of requirements/licences.toml."


class Rules(NamedTuple):
    """What ``requirements/licences.toml`` says."""

    allowed: Sequence[str]
    exceptions: Dict[str, str]
    read: Dict[str, str]
    texts: Dict[str, str]


class Licence(NamedTuple):
    """A row of the list."""

    package: str
    version: str
    licence: str
    """An SPDX expression."""

    source: str
    """``metadata``, or ``licence file`` where a person read that."""


def read_rules() -> Rules:
    """Return the rules."""
    with open(str(REQUIREMENTS / "licences.toml"), "rb") as file:
        return Rules(**tomllib.load(file))


def read_licences(path: Path = LIST) -> List[Licence]:
    """Return the rows of the list."""
    with open(str(path), encoding="utf-8", newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    return [Licence(**row) for row in csv.DictReader(lines)]


def locked() -> List[Tuple[str, str]]:
    """Return name and version of every package of the lock files, each once."""
    return sorted({pin[:2] for name in lock_names() for pin in read_lock(name).values()})


def is_allowed(licence: str, allowed: Iterable[str]) -> bool:
    """Return whether one choice of an SPDX expression is made of allowed licences. One with
    brackets is not understood, so not allowed.
    """
    known = set(allowed)
    return any(set(choice.split(" AND ")) <= known for choice in licence.split(" OR "))


def problems(rows: Sequence[Licence], rules: Rules) -> List[str]:
    """Return what is wrong with the list: packages that it lacks or need not have, licences that
    are not allowed, rules without a use.
    """
    listed = {(row.package, row.version) for row in rows}
    wanted = set(locked())
    found = [f"{name} {version} is not listed" for name, version in sorted(wanted - listed)]
    found += [f"{name} {version} is not locked" for name, version in sorted(listed - wanted)]
    not_allowed = [row for row in rows if not is_allowed(row.licence, rules.allowed)]
    found += [
        f"{row.package} {row.version}: {row.licence} is not allowed"
        for row in not_allowed
        if row.package not in rules.exceptions
    ]
    unused = set(rules.exceptions) - {row.package for row in not_allowed}
    found += [f"{name} needs no exception" for name in sorted(unused)]
    read = {row.package for row in rows if row.source == "licence file"}
    return found + [f"nothing is read of {name}" for name in sorted(set(rules.read) - read)]


def installed(folder: Path) -> Iterator[email.message.Message]:
    """Yield the metadata of every package of an environment."""
    for path in folder.glob("lib/python*/site-packages/*.dist-info/METADATA"):
        yield email.parser.HeaderParser().parsestr(path.read_text(encoding="utf-8"))


def stated(metadata: email.message.Message, rules: Rules) -> str:
    """Return the licence that the fields License and Classifier of older metadata state, or nothing
    if the rules do not know what they mean.
    """
    known = {licence.lower(): licence for licence in rules.allowed}
    known.update(rules.texts)
    # Some put the whole text there, below its name.
    texts = [str(metadata.get("License", "")).strip().split("\n")[0]]
    texts += [
        text.split(" :: ")[-1]
        for text in metadata.get_all("Classifier") or []
        if text.startswith("License :: ")
    ]
    for text in texts:
        words = re.split("( or | and )", text.lower())
        if all(name in known for name in words[::2]):
            return "".join(known.get(word, word.upper()) for word in words)
    return ""


def licence_of(pin: Pin, metadata: email.message.Message, rules: Rules) -> Licence:
    """Return the row of a package: by the expression that its metadata state (PEP 639), else as a
    person read it, else by older fields; with an empty licence if none of these tells.
    """
    expression, read = metadata.get("License-Expression"), rules.read.get(pin.name)
    if expression or not read:
        licence = str(expression or stated(metadata, rules))
        return Licence(pin.name, pin.version, licence, "metadata")
    return Licence(pin.name, pin.version, read, "licence file")


def main(arguments: Sequence[str]) -> int:
    """Write the list from the environments named; return 1 if a licence is not known."""
    rules = read_rules()
    environments = dict(argument.split("=", 1) for argument in arguments)
    rows = set()
    for name in lock_names():
        metadata = {
            re.sub(r"[-_.]+", "-", str(item["Name"])).lower(): item
            for item in installed(Path(environments[name]))
        }
        for pin in read_lock(name).values():
            rows.add(licence_of(pin, metadata[pin.name], rules))
    unknown = sorted({f"{row.package} {row.version}" for row in rows if not row.licence})
    if unknown:
        names = ", ".join(unknown)
        sys.stderr.write(f"error: no licence is known of {names}\nhint: {NEXT_STEP}\n")
        return 1
    with open(str(LIST), "w", encoding="utf-8", newline="") as file:
        file.write(HEAD + "\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Licence._fields)
        writer.writerows(sorted(rows))
    print(f"{LIST.relative_to(ROOT)}: {len(rows)} packages")
    found = problems(sorted(rows), rules)
    for text in found:
        print(f"error: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
