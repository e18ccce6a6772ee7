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
        from shlex import quote

        again = " ".join(map(quote, ["vaiopt", *sys.argv[1:]]))
        sys.stderr.write(f"interrupted; go on with: {again}\n")
        sys.exit(INTERRUPTED)
    finally:
        # Python remembers a Ctrl-C within exec(), such as that of a named tuple, until the next
        # one; 'python -m' would end by the signal in the place of this exit code.
        exec("")


if __name__ == "__main__":
    run()
