"""``vaiopt dashboard``: Optuna's dashboard on a run."""

from __future__ import annotations

import typer

from vaiopt.cli.common import RUN, progress, say


def command(
    run: str = RUN,
    port: int = typer.Option(
        8080, "--port", min=0, max=65535, help="Where it listens; 0 takes any port that is free."
    ),
    host: str = typer.Option(
        "127.0.0.1",
        "--host",
        help="The address it listens at; 0.0.0.0 lets other machines look too.",
    ),
) -> None:
    """Open Optuna's dashboard on a run, for looking only; a search may go on meanwhile. Ctrl-C ends
    it.
    """
    from vaiopt.dashboard import make_dashboard
    from vaiopt.runs.layout import open_run
    from vaiopt.signals import handled

    address, server = make_dashboard(open_run(run), host, port)
    with server:
        say(address)
        progress("Ctrl-C ends it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            handled()
