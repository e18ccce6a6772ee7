"""A real ssh server on the loopback, and runs with a bundle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator

import pytest

TESTS = Path(__file__).resolve().parent.parent
for folder in ("compile", "board", "contract", "deploy"):
    sys.path.insert(0, str(TESTS / folder))

from loopback import Board, NoServer, serve  # noqa: E402


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    try:
        with serve(tmp_path_factory.mktemp("sshd")) as board:
            yield board
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture
def board(ssh_server: Board) -> Board:
    ssh_server.forget()
    return ssh_server
