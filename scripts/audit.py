"""Ask a service for known vulnerabilities of every package of the lock files, by pip-audit, and
tell its three outcomes apart: nothing known, something found, could not be asked.

Run by scripts/audit: ``python scripts/audit.py PROGRAM [OPTION OF pip-audit]...``. pip-audit itself
ends with 1 both when it found something and when it reached nobody, and with 0 when the service
knew none of the packages. Standard library and tomli only.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from scripts.locks import REQUIREMENTS, lock_names, read_lock  # noqa: E402

CLEAN, FOUND, MISTAKE, NOT_ASKED = 0, 1, 2, 3
"""Exit codes; pip-audit also ends with 2 if it does not take its options."""


class UnknownOption(ValueError):
    """pip-audit does not take an option."""


class Audit(NamedTuple):
    """What was learnt about one lock file."""

    found: List[str]
    """Vulnerabilities, each with package, version and the versions that mend it."""

    unknown: List[str]
    """Packages that the service could not tell about, with its words."""

    failure: str
    """Why nothing was learnt at all, or an empty text."""


def read_answer(answer: Dict[str, Any], packages: Iterable[str]) -> Audit:
    """Return what pip-audit's JSON says about these packages; one that it passes over in silence is
    unknown too.
    """
    found, unknown, asked = [], [], set()
    for package in answer["dependencies"]:
        asked.add(package["name"])
        if "skip_reason" in package:
            unknown.append("{name}: {skip_reason}".format(**package))
        for known in package.get("vulns", []):
            mended = ", ".join(known.get("fix_versions", [])) or "no version yet"
            found.append(
                f"{package['name']} {package['version']}: {known['id']}, mended in {mended}"
            )
    unknown += [f"{name}: no answer" for name in packages if name not in asked]
    return Audit(found, unknown, "")


def audit(name: str, command: Sequence[str]) -> Audit:
    """Run pip-audit over a lock file.

    Raises:
        UnknownOption: pip-audit does not take the options.
    """
    words = ["--requirement", str(REQUIREMENTS / f"{name}.txt"), "--require-hashes"]
    words += ["--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(
        [*command[:1], *words, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    last = lines[-1] if lines else f"pip-audit ended with {done.returncode}"
    if done.returncode == MISTAKE:
        raise UnknownOption(last)
    try:
        return read_answer(json.loads(done.stdout.decode("utf-8")), read_lock(name))
    except (ValueError, KeyError, TypeError):  # no JSON, or another's
        return Audit([], [], last)


def report(result: Audit) -> None:
    """Print what was learnt about one lock file."""
    for text in result.found:
        print(f"  FOUND {text}")
    for text in result.unknown[:3]:
        print(f"  unknown {text}")
    if len(result.unknown) > 3:
        print(f"  unknown {len(result.unknown) - 3} more")
    if result.failure:
        print(f"  {result.failure}")
    if result == Audit([], [], ""):
        print("  nothing known")


def main(command: Sequence[str]) -> int:
    """Audit every lock file; return 0 if nothing is known, 1 if something was found, 3 if at least
    one package could not be asked about and nothing was found.
    """
    results: List[Audit] = []
    for name in lock_names():
        print(f"requirements/{name}.txt")
        try:
            result = audit(name, command)
        except UnknownOption as error:
            sys.stderr.write(f"error: {error}\nhint: See scripts/audit --help\n")
            return MISTAKE
        report(result)
        results.append(result)
        if result.failure:  # the next would wait for the same service
            break
    found = {text for result in results for text in result.found}
    incomplete = any(result.unknown or result.failure for result in results)
    if incomplete:
        sys.stderr.write(
            "error: the service was not reached, or does not know every package\n"
            "hint: This is no clean result. Repeat it where the service is reached;"
            " '--vulnerability-service osv' asks another one.\n"
        )
    if found:
        sys.stderr.write(
            f"error: {len(found)} known vulnerabilities\n"
            "hint: scripts/lock takes newer versions; what cannot be mended, and does not matter"
            " here, is left out by '--ignore-vuln ID'.\n"
        )
        return FOUND
    if incomplete:
        return NOT_ASKED
    print("no known vulnerabilities")
    return CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
