"""The licences of what is locked: all listed, all allowed or an exception with a reason."""

from __future__ import annotations

import email.message
from typing import Dict, List

import pytest

from scripts import licences
from scripts.locks import Pin

pytestmark = pytest.mark.host

RULES = licences.read_rules()


def test_every_locked_package_is_listed_and_its_licence_allowed() -> None:
    found = licences.problems(licences.read_licences(), RULES)
    assert found == [], "run: scripts/licences\n" + "\n".join(found)


def test_every_exception_has_a_reason() -> None:
    assert all(len(reason.split()) > 3 for reason in RULES.exceptions.values())


@pytest.mark.parametrize(
    "licence,answer",
    [
        ("MIT", True),
        ("MIT AND BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only OR Zlib AND AGPL-3.0-only", False),
        ("MIT AND (GPL-3.0-only OR ISC)", False),
        ("", False),
    ],
)
def test_one_choice_of_an_expression_must_be_allowed_as_a_whole(licence: str, answer: bool) -> None:
    assert licences.is_allowed(licence, ["MIT", "BSD-3-Clause", "Zlib", "ISC"]) is answer


def test_what_is_wrong_with_a_list_is_said() -> None:
    rows = licences.read_licences()
    first, *others = rows
    name = f"{first.package} {first.version}"
    assert licences.problems(others, RULES) == [f"{name} is not listed"]
    changed = first._replace(licence="AGPL-3.0-only")
    assert licences.problems([changed, *others], RULES) == [f"{name}: AGPL-3.0-only is not allowed"]
    other = first._replace(version="0")
    assert licences.problems([*rows, other], RULES) == [f"{first.package} 0 is not locked"]
    more = RULES._replace(
        exceptions={**RULES.exceptions, "optuna": "for no reason"},
        read={**RULES.read, "tomli": "MIT"},
    )
    assert licences.problems(rows, more) == [
        "optuna needs no exception",
        "nothing is read of tomli",
    ]


@pytest.mark.parametrize(
    "fields,licence,source",
    [
        ({"License-Expression": ["MIT-CMU"], "License": ["BSD"]}, "MIT-CMU", "metadata"),
        ({"License": ["BSD"]}, "", "metadata"),
        ({"License": ["Apache License 2.0"]}, "Apache-2.0", "metadata"),
        ({"License": ["MPL-2.0 AND MIT"]}, "MPL-2.0 AND MIT", "metadata"),
        ({"License": ["MIT AND something"]}, "", "metadata"),
        ({"License": ["BSD 3-Clause License\n\n  Copyright"]}, "BSD-3-Clause", "metadata"),
        (
            {
                "License": ["Copyright of somebody"],
                "Classifier": ["Topic :: MIT", "License :: OSI Approved :: ISC License (ISCL)"],
            },
            "ISC",
            "metadata",
        ),
        ({"Classifier": ["License :: OSI Approved :: BSD License"]}, "", "metadata"),
        ({}, "", "metadata"),
    ],
)
def test_a_licence_is_read_from_metadata_new_and_old(
    fields: Dict[str, List[str]], licence: str, source: str
) -> None:
    metadata = email.message.Message()
    for name, values in fields.items():
        for value in values:
            metadata[name] = value
    pin = Pin("made-up", "1.0", (), ())
    assert licences.licence_of(pin, metadata, RULES) == ("made-up", "1.0", licence, source)


def test_what_a_person_read_goes_before_older_fields_and_behind_an_expression() -> None:
    rules = RULES._replace(read={"made-up": "GPL-3.0-only"})
    metadata, pin = email.message.Message(), Pin("made-up", "1.0", (), ())
    metadata["License"] = "MIT"
    assert licences.licence_of(pin, metadata, rules)[2:] == ("GPL-3.0-only", "licence file")
    metadata["License-Expression"] = "ISC"
    assert licences.licence_of(pin, metadata, rules)[2:] == ("ISC", "metadata")
