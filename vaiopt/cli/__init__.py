"""The command line: one module per command, each a thin layer over one documented function."""

from vaiopt.cli.main import main

__all__ = ["main"]
