"""Messages about targets."""

from __future__ import annotations

from tests.docs.provoked.bench import Bench, Provocations
from vaiopt.compile.vitis.backend import find_arch
from vaiopt.hardware import load_target


def arch(bench: Bench, text: str) -> None:
    load_target(str(bench.file("arch.json", text)))


def of_an_old_release(bench: Bench) -> None:
    bench.patch.setattr("vaiopt.compile.vitis.backend.arch_folders", lambda: [])
    find_arch(load_target("zcu102-b2304", "2.5"), "zcu102", bench.folder)


MESSAGES: Provocations = {
    "there is no target '…'": lambda b: load_target("zcu103"),
    "'…' has no fingerprint": lambda b: arch(b, "{}"),
    "…: the fingerprint … is of no known architecture…": lambda b: arch(
        b, '{"fingerprint": "0x1234567890abcdef"}'
    ),
    "there is no arch.json for '…' in this container, and its fingerprint in release … is not"
    " known": of_an_old_release,
}
