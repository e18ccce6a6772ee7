"""What ssh and scp say when they fail, and what each of it means: the first row that fits.

Trying again helps only where the connection was lost; all else is told at once, with its own cure.
"""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple, Optional, Pattern

from vaiopt.deploy.launch import split_port


class Failure(NamedTuple):
    """One kind of failure.

    Attributes:
        pattern: of what the client says.
        hint: what cures it; ``{host}``, ``{name}`` (without user and port) and ``{known}`` (its
            name in known_hosts) are filled in.
        lost: whether it is the connection that failed, so that trying again may help.
    """

    pattern: Pattern[str]
    hint: str
    lost: bool = False


def _row(pattern: str, hint: str, lost: bool = False) -> Failure:
    return Failure(re.compile(pattern, re.IGNORECASE | re.MULTILINE), hint, lost)


BY_HAND = "Try by hand: ssh {host} true"

FAILURES = (
    _row(
        r"host identification has changed|possible dns spoofing|host key for .* has changed",
        "The kit has another host key than before. If that is right (a new image), forget the old"
        " one: ssh-keygen -R {known}, then ssh {host} true",
    ),
    _row(
        r"host key verification failed|host key is known for|authenticity of host",
        "The kit's host key is not known here: look at it and accept it once: ssh {host} true",
    ),
    _row(
        r"no space left|disk quota|file too large|: failure\s*$",
        "Free space on the kit ('df'), measure again.",
    ),
    _row(
        r"read-only file ?system",
        "The kit's home cannot be written: mount it writable (mount -o remount,rw /), or log in as"
        " a user whose home can.",
    ),
    _row(
        r"permission denied \(|permission denied, please|too many authentication failures"
        r"|^permission denied",
        "Give the kit your key (ssh-copy-id {host}); a password is asked for only at a terminal.",
    ),
    _row(
        r"input/output error",
        "The kit's memory card or its disk fails ('dmesg' says more there): use another one.",
    ),
    _row(
        r"password (has |is )?expired|password change required|required to change your password",
        "The image wants a password of your own first: log in once at a terminal: ssh {host}",
    ),
    _row(
        r"account is (currently )?not available|not permitted to log in",
        "The kit lets this user run no commands: log in as another one, or wait until it is up.",
    ),
    _row(
        r"can(not|'t) fork|fork: .*(memory|unavailable)|(exec|shell) request failed",
        "The kit has no memory or no processes left: end what runs there, or restart it.",
    ),
    _row(
        r"(scp|sftp|open|stat|mkdir|write|sh|create)\b.*: permission denied",
        "The user may not write into the home on the kit: log in as one who may.",
    ),
    _row(
        r"temporary failure in name resolution",
        "This computer finds no names: is its network up? Or give the kit's address.",
        lost=True,
    ),
    _row(
        r"could not resolve|name or service not known|nodename nor servname|no address associated",
        "There is no such name: give the kit's address, or an alias of your ssh configuration.",
    ),
    _row(
        r"bad configuration|bad owner or permissions|unsupported option|keyword .* extra arg"
        r"|can't open user config|bad number|invalid format",
        "Mend the ssh configuration. " + BY_HAND,
    ),
    _row(
        r"no matching (host key|key exchange|cipher|mac)",
        "The kit speaks only old ways of ssh: allow them for it in ~/.ssh/config, such as"
        " HostKeyAlgorithms +ssh-rsa",
    ),
    _row(
        r"received message too long|protocol error|unexpected filename|invalid packet",
        "The kit's shell prints something at login (.bashrc, .profile): it must not, for commands"
        " without a terminal.",
    ),
    _row(
        r"connection refused",
        "No ssh server answers there: is the kit up, and the port right? " + BY_HAND,
        lost=True,
    ),
    _row(
        r"no route to host|network is unreachable|timed out|timeout|host is down",
        "Is the kit switched on and in this network? ping {name}",
        lost=True,
    ),
    _row(
        r"lost connection|connection (closed|reset|abort)|connection to .* closed|broken pipe"
        r"|closed by remote|kex_exchange|mux_client|control socket",
        BY_HAND,
        lost=True,
    ),
)


def failure_of(said: str) -> Optional[Failure]:
    """Return the row for what a client said; None: no row knows it."""
    return next((row for row in FAILURES if row.pattern.search(said)), None)


def hint_of(row: Optional[Failure], host: str) -> str:
    """Return what to do about a failure on a host."""
    login, port = split_port(host)
    name = login.rpartition("@")[2].strip("[]")
    template = BY_HAND if row is None else row.hint
    by_hand = (f"-p {port} " if port else "") + shlex.quote(login)
    known = shlex.quote(f"[{name}]:{port}" if port else name)
    return template.format(host=by_hand, name=shlex.quote(name), known=known)
