"""``vaiopt doctor``: what is installed, and what each stage could use here."""

from __future__ import annotations

from vaiopt.cli.common import JSON, emit


def command(as_json: bool = JSON) -> None:
    """Tell what is installed and what each stage could use here."""
    from vaiopt.doctor import diagnose

    emit(diagnose(), as_json)
