"""How a program is started on a kit: with which Python, after what, and as whom."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple, Tuple

KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "XILINX_XRT")
"""Variables that sudo would drop, and the runtime needs."""

PROFILES = ("/etc/profile.d/xrt_setup.sh", "/etc/profile.d/pynq_venv.sh")
"""What images of PYNQ run at a login, but not for a command over ssh. They are written for bash."""

QUIET = "PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1"


class Launch(NamedTuple):
    """How to start.

    Attributes:
        python: the program.
        setup: a line that is run first, in the same shell; the user's own.
        sudo: whether to start as root.
    """

    python: str = "python3"
    setup: str = ""
    sudo: bool = False

    @property
    def kill(self) -> str:
        """The command that ends, or looks for, what was started."""
        return "sudo -n kill" if self.sudo else "kill"

    def shell(self, words: str) -> str:
        """Return the text that becomes this Python in a shell.

        Args:
            words: the script and its arguments, quoted for a shell.
        """
        profiles = "; ".join(f"[ ! -r {path} ] || . {path}" for path in PROFILES)
        first = f'if [ -n "$BASH_VERSION" ]; then {profiles}; fi'
        first += f"; eval {shlex.quote(self.setup)}" if self.setup else ""
        kept = " ".join(f'{name}="${name}"' for name in KEPT)
        root = f"sudo -n env {kept} {QUIET} " if self.sudo else ""
        text = f"{{ {first}; }} </dev/null >&2; exec {root}{shlex.quote(self.python)} {words}"
        return f'"$(command -v bash || echo sh)" -c {shlex.quote(text)}'


def split_port(host: str) -> Tuple[str, str]:
    """Return a host without its port, and the port; empty: none is given."""
    found = re.match(r"^(.*?(?:\]|[^:\]])):(\d{1,5})$", host)
    return (found.group(1), found.group(2)) if found else (host, "")
