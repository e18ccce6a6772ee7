"""The audit of what is locked tells apart: nothing known, something found, nobody reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from scripts import audit
from scripts.locks import lock_names, read_lock

pytestmark = pytest.mark.host

ROOT = Path(__file__).resolve().parent.parent.parent

STAND_IN = """#!{python} -IS
import json, sys
words = sys.argv[1:]
lock = words[words.index("--requirement") + 1]
with open(lock) as file:
    pins = [line.split()[0].split("==") for line in file if "==" in line]
packages = [{{"name": name, "version": version, "vulns": []}} for name, version in pins]
answer = {{"dependencies": packages, "fixes": []}}
{code}
print(json.dumps(answer))
"""

VULNERABLE = """
for package in packages:
    if package["name"] == "requests":
        package["vulns"] = [{"id": "PYSEC-1", "fix_versions": ["99.0"], "description": "bad"}]
sys.stderr.write("Found 1 known vulnerability in 1 package\\n")
"""

NAMES_NOBODY = """
answer["dependencies"] = [{"name": p["name"], "skip_reason": "not found"} for p in packages]
sys.stderr.write("No known vulnerabilities found\\n")
"""


def run_audit(folder: Path, code: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Audit by a program in pip-audit's place."""
    program = folder / "pip-audit"
    program.write_text(STAND_IN.format(python=sys.executable, code=code))
    program.chmod(0o755)
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "audit.py"), str(program), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_nothing_known_of_any_package_is_a_clean_result(tmp_path: Path) -> None:
    done = run_audit(tmp_path, "")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "no known vulnerabilities"
    assert [line for line in lines if line.startswith("requirements/")] == [
        f"requirements/{name}.txt" for name in lock_names()
    ]


def test_a_vulnerability_is_named_with_what_mends_it(tmp_path: Path) -> None:
    done = run_audit(tmp_path, VULNERABLE + "sys.exit(print(json.dumps(answer)) or 1)")
    assert done.returncode == 1
    version = read_lock("host-3.11")["requests"].version
    assert f"  FOUND requests {version}: PYSEC-1, mended in 99.0" in done.stdout.splitlines()
    assert "known vulnerabilities\nhint: " in done.stderr


@pytest.mark.parametrize(
    "code",
    [
        # as it ends where the name of the service is not found
        "sys.exit('requests.exceptions.ConnectionError: Max retries exceeded')",
        # as it ends where an index does not have the service: 0, and 'No known vulnerabilities'
        NAMES_NOBODY,
        # one package among many that the service does not know
        "packages[3] = {'name': packages[3]['name'], 'skip_reason': 'not found'}",
        # silence about packages
        "answer['dependencies'] = []",
        "del packages[3]",
        # no answer, or none that is understood
        "sys.exit(0)",
        "answer = []",
        "answer = {'dependencies': [{}]}",
        "answer = None",
    ],
)
def test_a_service_that_could_not_be_asked_is_no_clean_result(tmp_path: Path, code: str) -> None:
    done = run_audit(tmp_path, code)
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stderr.startswith("error: the service was not reached") and "hint: " in done.stderr
    assert "no known" not in done.stdout and "Traceback" not in done.stderr


def test_something_found_counts_more_than_something_not_asked(tmp_path: Path) -> None:
    done = run_audit(tmp_path, VULNERABLE + "del packages[0]")
    assert done.returncode == 1
    assert "was not reached" in done.stderr and "known vulnerabilities" in done.stderr


def test_options_go_to_pip_audit_and_one_that_it_does_not_know_is_a_mistake(tmp_path: Path) -> None:
    code = "'--nonsense' in words and (sys.stderr.write('usage\\nno --nonsense\\n'), sys.exit(2))"
    assert run_audit(tmp_path, code, "--ignore-vuln", "PYSEC-1").returncode == 0
    done = run_audit(tmp_path, code, "--nonsense")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no --nonsense\nhint: ")


def test_an_answer_is_read_package_by_package() -> None:
    def package(name: str, vulns: Optional[List[Any]] = None, **more: str) -> Dict[str, Any]:
        return {"name": name, "version": "1", "vulns": vulns or [], **more}

    unmended = {"id": "X-1", "fix_versions": [], "description": ""}
    answer = {"dependencies": [package("a"), package("b", [unmended]), package("c")]}
    result = audit.read_answer(json.loads(json.dumps(answer)), ["a", "b", "c", "d"])
    assert result == audit.Audit(["b 1: X-1, mended in no version yet"], ["d: no answer"], "")
