"""Write bills of materials of a release, in CycloneDX 1.6: one for each lock file, with licences,
hashes and what needs what.

Run by scripts/sbom in the environment of requirements/release-3.11.txt: ``python scripts/sbom.py
FOLDER [LOCK]...``. They say what the lock files and ``requirements/licences.csv`` say; the time is
SOURCE_DATE_EPOCH and the serial number is made of the content, so that the same commit gives the
same files.
"""

import os
import re
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, List, Sequence

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.licences import read_licences  # noqa: E402
from scripts.locks import Pin, asked_by_vaiopt, lock_names, read_lock, scopes  # noqa: E402

INDEX = "https://pypi.org/simple/"
HASHES = HashTypeFactory()
LICENCES = LicenseFactory()


def component_of(pin: Pin, scope: str, licence: str) -> Component:
    """Return a package of a lock file. Its hashes are those of all files of this version, of which
    one was or will be installed, so they stand at the place where these files are.
    """
    return Component(
        name=pin.name,
        version=pin.version,
        bom_ref=f"{pin.name}=={pin.version}",
        type=ComponentType.LIBRARY,
        scope=ComponentScope(scope),
        purl=PackageURL("pypi", name=pin.name, version=pin.version),
        licenses=[LICENCES.make_from_string(licence)],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(f"{INDEX}{pin.name}/"),
                comment="all files of this version; one of them is installed",
                hashes=[HASHES.from_composite_str(text) for text in pin.hashes],
            )
        ],
    )


def vaiopt_of(version: str, sums: Dict[str, str]) -> Component:
    """Return vaiopt itself, with the hashes of its sdist and wheel."""
    return Component(
        name="vaiopt",
        version=version,
        bom_ref=f"vaiopt=={version}",
        type=ComponentType.APPLICATION,
        purl=PackageURL("pypi", name="vaiopt", version=version),
        licenses=[LICENCES.make_from_string("Apache-2.0")],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(name),
                hashes=[HASHES.from_composite_str(f"sha256:{digest}")],
            )
            for name, digest in sums.items()
        ],
    )


def bill_of(name: str, version: str, sums: Dict[str, str], when: datetime) -> Bom:
    """Return the bill of materials of a lock file."""
    pins, parts = read_lock(name), scopes(name)
    licences = {(row.package, row.version): row.licence for row in read_licences()}
    components = {
        pin.name: component_of(pin, parts[pin.name], licences[pin.name, pin.version])
        for pin in pins.values()
    }
    bill = Bom(components=components.values())
    bill.metadata.timestamp = when
    bill.metadata.tools.components.add(this_component())
    bill.metadata.component = vaiopt = vaiopt_of(version, sums)
    bill.register_dependency(vaiopt, [components[package] for package in asked_by_vaiopt(pins)])
    for package, component in components.items():
        needs = [components[pin.name] for pin in pins.values() if package in pin.users]
        bill.register_dependency(component, needs)
    bill.serial_number = uuid.UUID(int=0)
    bill.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, JsonV1Dot6(bill).output_as_string())
    return bill


def read_sums(folder: Path) -> Dict[str, str]:
    """Return the SHA-256 of the files that scripts/build wrote; of none if it did not."""
    path = folder / "SHA256SUMS"
    if not path.exists():
        return {}
    pairs = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in pairs}


def main(arguments: Sequence[str]) -> int:
    """Write the files into the folder that is named; return 1 if one does not hold to the
    schema.
    """
    folder = Path(arguments[0])
    when = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    text = (ROOT / "vaiopt" / "_version.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.*)"$', text, flags=re.MULTILINE)
    sums = read_sums(folder)
    written: Dict[Path, str] = {}
    wrong: List[str] = []
    for name in arguments[1:] or lock_names():
        bill = bill_of(name, version, sums, when)
        content = JsonV1Dot6(bill).output_as_string(indent=2) + "\n"
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(content)
        if error is not None:
            wrong.append(f"error: the bill of {name} does not hold to the schema: {error}")
        written[folder / f"vaiopt-{version}-{name}.cdx.json"] = content
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    for path, content in written.items():
        path.write_text(content, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
