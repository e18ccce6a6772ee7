"""Optuna's dashboard on a run: its pages, for looking only.

The dashboard can also rename and delete studies and tell trials their values. A search may be
running on the same study, and a run's trials are not to be lost by a click, so every request that
is not for reading is refused. Reading takes no lock: a search never waits for it.
"""

from __future__ import annotations

import errno
from socketserver import ThreadingMixIn
from typing import Any, Callable, Iterable, List, Tuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from vaiopt.errors import MissingToolError, SettingsError
from vaiopt.runs.layout import Run
from vaiopt.study.storage import journal_storage, open_study

READING = ("GET", "HEAD", "OPTIONS")
REFUSED = b'{"reason": "This dashboard is for looking only: a search may be running on the study."}'


def make_dashboard(run: Run, host: str, port: int) -> Tuple[str, Any]:
    """Make a server of the dashboard on a run.

    Args:
        run: the run; it has trials.
        host: the address to listen at; another than this machine's own lets others look too.
        port: 0 takes any that is free.

    Returns:
        The address of the run's page, and the server: ``serve_forever()`` answers until it is
            interrupted.

    Raises:
        RunError: the run has no study yet, or it cannot be read.
        MissingToolError: the dashboard is not installed.
        SettingsError: nothing can listen there.
    """
    study = open_study(run)
    try:
        from optuna_dashboard import wsgi
    except ImportError as error:
        raise MissingToolError(
            f"Optuna's dashboard is not installed ({error})",
            "Install it with: pip install 'vaiopt[dashboard]'",
        ) from error
    application = for_reading(wsgi(journal_storage(run)))
    try:
        server = make_server(host, port, application, server_class=_Server, handler_class=_Handler)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"nothing can listen at {host}:{port} ({_reason(error)})",
            "Give another with --port (0 takes any that is free) or --host.",
        ) from error
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{server.server_port}/dashboard/studies/{study._study_id}", server


def for_reading(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that hands on requests for reading, and answers any other with
    403.
    """

    def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in READING:
            return application(environ, start_response)
        headers: List[Tuple[str, str]] = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(REFUSED))),
        ]
        start_response("403 Forbidden", headers)
        return [REFUSED]

    return answer


def _reason(error: Exception) -> str:
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        return "the port is in use"
    return str(getattr(error, "strerror", None) or error)


class _Server(ThreadingMixIn, WSGIServer):
    """Answers requests side by side: a page asks for several at once. Ctrl-C does not wait for
    them.
    """

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    """Prints nothing for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Drop the line."""
