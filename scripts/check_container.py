"""Check that installing vaiopt in a Vitis-AI container changes none of the vendor's packages.

Run by scripts/test with the Python of a replica: ``python scripts/check_container.py 2.5``. A bare
environment is given the metadata of the container's packages, and pip is asked what it would
install there, of what the container lacks the versions that docker/install.py installs. Needs a
package index.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Dict, List, Set

if sys.version_info >= (3, 8):
    from importlib import metadata
else:
    import importlib_metadata as metadata

import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
NOT_IN_CONTAINER = "tensorflow-model-optimization"


def container_packages(release: str) -> Dict[str, Path]:
    """Return the metadata folder of each package of the container, by name: the vendor's, and what
    they need.
    """
    lines = (
        (ROOT / "requirements" / f"container-{release}.in").read_text(encoding="utf-8").splitlines()
    )
    waiting = [
        line
        for line in lines
        if line and not line.startswith("#") and not line.startswith(NOT_IN_CONTAINER)
    ]
    found: Dict[str, Path] = {}
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name in found or (
            requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})
        ):
            continue
        try:
            distribution = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:  # left out of the lock file on purpose
            continue
        found[name] = Path(str(distribution._path))  # type: ignore[attr-defined]
        waiting += distribution.requires or []
    return found


def pinned(release: str, packages: Dict[str, Path]) -> str:
    """Return lines for pip: the versions of what the container lacks."""
    text = (ROOT / "docker" / f"constraints-{release}.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE)
    return "\n".join(f"{name}=={version}" for name, version in pins if name not in packages)


def would_install(
    packages: Dict[str, Path], constraints: str, folder: Path
) -> List[Dict[str, str]]:
    """Return name and version of what pip would install for vaiopt where these packages are."""
    venv.create(str(folder), with_pip=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, "--upgrade", "pip"], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for path in packages.values():
        if not (site / path.name).exists():
            shutil.copytree(str(path), str(site / path.name))
    with open(str(ROOT / "pyproject.toml"), "rb") as file:
        dependencies = tomli.load(file)["project"]["dependencies"]
    report, limits = folder / "report.json", folder / "constraints.txt"
    limits.write_text(constraints, encoding="utf-8")
    words = ["--dry-run", "--report", str(report), "--constraint", str(limits)]
    subprocess.run([*pip, *words, *dependencies], check=True)
    content = json.loads(report.read_text(encoding="utf-8"))
    return [
        {
            "name": canonicalize_name(item["metadata"]["name"]),
            "version": item["metadata"]["version"],
        }
        for item in content["install"]
    ]


def main(release: str) -> int:
    """Print what would be installed and what would change; return 1 if anything of the container's
    would.
    """
    packages = container_packages(release)
    with tempfile.TemporaryDirectory() as folder:
        installs = would_install(packages, pinned(release, packages), Path(folder) / "env")
    added: Set[str] = {item["name"] for item in installs}
    changed = [
        "{name} to {version}".format(**item) for item in installs if item["name"] in packages
    ]
    print(f"{len(packages)} packages of the container, {len(added - set(packages))} would be added")
    if "tensorflow-cpu" not in packages or "optuna" not in added:
        print(
            "error: the check did not see TensorFlow in the container, or Optuna among what is"
            " added"
        )
        return 1
    for text in changed:
        print(f"error: installing vaiopt would change the container's {text}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
