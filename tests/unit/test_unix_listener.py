"""A unix socket is there only when somebody listens on it."""

from __future__ import annotations

import socket
import stat
import threading
from pathlib import Path

import pytest

from chaos.unix_listener import listen_at


def test_whoever_waits_for_the_path_is_never_refused(tmp_path: Path) -> None:
    refused: list[OSError] = []

    def connect_as_soon_as_it_is_there(path: Path) -> None:
        while not path.is_socket():
            pass
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
            except OSError as error:
                refused.append(error)

    for number in range(50):
        path = tmp_path / f"{number}.sock"
        waiting = threading.Thread(target=connect_as_soon_as_it_is_there, args=(path,))
        waiting.start()
        with listen_at(path):
            waiting.join()
    assert refused == []


def test_it_is_this_users_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with listen_at(path) as listener:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert listener.getblocking() is False
        assert list(tmp_path.iterdir()) == [path]


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        listen_at(path)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]
