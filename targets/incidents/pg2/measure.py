"""What the owners did by hand, on one of the commands, with the environment's python:

    ../../../.chaos/incidents/pg2/server/bin/python measure.py before|control|after websocket|polling

python-socketio's own clients, by one transport: 50 one after the other, each of which asks and leaves; then 10 at once,
which all stay until everybody is connected, and then ask. Prints how many got connected, and how many of them got an
answer within 3 s, and how the others failed; nobody else is connected meanwhile.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import socketio

SEQUENTIAL = 50
SIMULTANEOUS = 10
PATIENCE = 3.0
"""Seconds; the owners name none."""
READY = 60.0
"""Seconds, as `start.ready_within` of after.toml."""
LOOK = 0.02
"""Seconds between two looks at whether it serves."""
SERVER = Path(__file__).resolve().parent / "server"


def main(command: str, transport: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    queue = "redis" if command == "after" else "none"
    with tempfile.TemporaryDirectory() as directory, (Path(directory) / "log").open("wb") as log:
        environment = {**os.environ, "TMPDIR": directory, "GUNICORN_COMMAND": command, "MESSAGE_QUEUE": queue}
        start = [sys.executable, "start.py", "--port", str(port)]
        server = subprocess.Popen(start, cwd=SERVER, env=environment, stdout=log, stderr=log)
        try:
            _await_ready(f"http://127.0.0.1:{port}/health", server)
            url = f"http://127.0.0.1:{port}"
            alone = threading.Barrier(1)
            one_by_one = Counter(_visit(url, transport, alone) for _ in range(SEQUENTIAL))
            print(f"{command}, {transport}, {SEQUENTIAL} one after the other: {_told(one_by_one)}", flush=True)
            print(f"{command}, {transport}, {SIMULTANEOUS} at once: {_told(_together(url, transport))}", flush=True)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
        words = Path(directory, "log").read_text(encoding="utf-8", errors="replace")
        for said in ("Bad file descriptor", "WORKER TIMEOUT", "Error processing request"):
            print(f"{command}, its log says {said!r}: {words.count(said)} times")


def _together(url: str, transport: str) -> Counter[str]:
    barrier = threading.Barrier(SIMULTANEOUS)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(_visit(url, transport, barrier)), daemon=True)
        for _ in range(SIMULTANEOUS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(found)


def _visit(url: str, transport: str, everybody: threading.Barrier) -> str:
    """Connect, wait until everybody is connected, ask and leave; how it went, in a word."""
    client = socketio.Client(reconnection=False)
    try:
        client.connect(url, transports=[transport], wait_timeout=PATIENCE)
        everybody.wait(PATIENCE)
        return "ok" if client.call("echo", "hello", timeout=PATIENCE) == "hello" else "a wrong answer"
    except socketio.exceptions.TimeoutError:
        return "connected, and no answer"
    except threading.BrokenBarrierError:
        return "connected, and not everybody else in time"
    except (socketio.exceptions.SocketIOError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        client.disconnect()


def _told(outcomes: Counter[str]) -> str:
    good = outcomes.pop("ok", 0)
    total = good + sum(outcomes.values())
    others = ", ".join(f"{count} x {what}" for what, count in outcomes.most_common())
    return f"{good}/{total}" + (f"; the others: {others}" if others else "")


def _await_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310  # loopback
            return
        except (OSError, urllib.error.URLError):
            if server.poll() is not None:
                raise ChildProcessError(f"the server ended with exit code {server.returncode}") from None
            if time.monotonic() >= deadline:
                raise
            time.sleep(LOOK)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(*sys.argv[1:])
