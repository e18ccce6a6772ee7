"""``python -m vaiopt``, and the command ``vaiopt``."""

import sys

from vaiopt.signals import raised

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it."""


def run() -> None:
    """Run the command line; also what comes before it, loading it, ends quietly at Ctrl-C."""
    try:
        with raised():
            from vaiopt.cli import main

            main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    run()
