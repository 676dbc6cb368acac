"""What the owners did by hand, and what they left undone, with python-socketio's own clients; from the repository root:

    .chaos/incidents/pg2/server/bin/python targets/incidents/pg2/measure.py [before] [control] [after]

For each variant one server, which nobody else uses: 50 visits one after the other; 10 clients at once; a ramp of 10, 50
and 100 and a stress of 150 who all stay, with the memory of the server's whole tree at each step; one client who stays
for longer than gunicorn's default time-out; a worker killed, and what /health says before, while it is missing and
after; SIGTERM. Prints one table, told beside measured.

Each of them is bounded: by PATIENCE for a client, by BUDGET for a step and by ENDS_WITHIN for the end. A step that its
budget ends says how many were not tried. `--transport=polling` is a client's other way in; with four workers it needs
sticky sessions, which are not here.
"""

from __future__ import annotations

import argparse
import json
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import socketio

VARIANTS = {"before": "none", "control": "none", "after": "redis"}
"""The commands of start.py, and the message queue of each; all with the owners' figures, and ours for what ends."""
SEQUENTIAL = 50
SIMULTANEOUS = 10
STEPS = (10, 50, 100, 150)
PATIENCE = 3.0
"""Seconds for a step of a client; the owners name none."""
BUDGET = 60.0
"""Seconds for the visits one after the other: 50 that all wait for their patience would take 150."""
READY = 60.0
"""Seconds, as `start.ready_within` of after.toml."""
BACK_WITHIN = 40.0
"""Seconds for a killed worker to be replaced: clients may hold a sync worker for gunicorn's 30 s."""
ENDS_WITHIN = 40.0
"""Seconds from SIGTERM, of which the graceful time-out is 30; what is there then is killed."""
STAYS = 70.0
"""Seconds for which one stays: twice the 30 that gunicorn gives a worker by default, and what replacing it takes."""
LOOK = 0.02
"""Seconds between two looks at whether it serves."""
SERVER = Path(__file__).resolve().parent / "server"
TOLD = {
    "starts": "a check was asked for",
    "50 one after the other": "45/50 before, 95 % after",
    "10 at once": "0/10 before, 95 % after",
    "ramp to 10": "never ran; under 5 % errors after",
    "ramp to 50": "the same",
    "ramp to 100": "the same",
    "stress of 150": "never ran; no crash after",
    "one who stays": "a crash loop before; --timeout 120 after",
    "/health, a worker is killed": "workers are watched",
    "SIGTERM": "30 s",
    "workers started": "a crash loop before",
    "Bad file descriptor in the log": "before",
}
"""The owners' own, by the row of the table."""


def main(variants: Sequence[str], transport: str) -> None:
    found = {variant: _measured(variant, transport) for variant in variants}
    print(f"| {transport} | told | {' | '.join(found)} |")
    print("|---" * (2 + len(found)) + "|")
    for row, told in TOLD.items():
        print(f"| {row} | {told} | {' | '.join(one.get(row, '') for one in found.values())} |")


def _measured(variant: str, transport: str) -> dict[str, str]:
    """What one variant did, by row of the table."""
    found: dict[str, str] = {}

    def note(row: str, measured: str) -> None:
        found[row] = measured
        print(f"{variant}, {row}: {measured}", file=sys.stderr, flush=True)

    with _started(variant) as (server, url, log):
        began = time.monotonic()
        _await_ready(f"{url}/health", server)
        note("starts", f"{time.monotonic() - began:.1f} s")
        note(f"{SEQUENTIAL} one after the other", _one_after_the_other(url, transport))
        inside: list[socketio.Client] = []
        note(f"{SIMULTANEOUS} at once", _told(_join(url, transport, SIMULTANEOUS, inside)))
        _leave(inside)
        outcomes: Counter[str] = Counter()
        for step in STEPS:
            outcomes += _join(url, transport, step - sum(outcomes.values()), inside)
            row = f"stress of {step}" if step == STEPS[-1] else f"ramp to {step}"
            note(row, f"{_told(outcomes)}; {_memory(server.pid)}")
        _leave(inside)
        note("one who stays", _stays(url, transport))
        note("/health, a worker is killed", _without_a_worker(server.pid, f"{url}/health"))
        note("SIGTERM", _ended(server))
        words = log.read_text(encoding="utf-8", errors="replace")
        timeouts = words.count("WORKER TIMEOUT")
        note("workers started", f"{words.count('Booting worker')}, of which {timeouts} after WORKER TIMEOUT")
        note("Bad file descriptor in the log", f"{words.count('Bad file descriptor')} times")
    return found


@contextmanager
def _started(variant: str) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """The server, its address and its log; nothing is left of it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory, (Path(directory) / "log").open("wb") as log:
        own = {
            "TMPDIR": directory,
            "GUNICORN_COMMAND": variant,
            "MESSAGE_QUEUE": VARIANTS[variant],
            "WORKER_CLASS": "serving.worker.Worker",
        }
        command = [sys.executable, "start.py", "--port", str(port)]
        server = subprocess.Popen(command, cwd=SERVER, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            yield server, f"http://127.0.0.1:{port}", Path(log.name)
        finally:
            server.kill()  # all of it: its children die with it
            server.wait()


def _one_after_the_other(url: str, transport: str) -> str:
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + BUDGET
    while sum(outcomes.values()) < SEQUENTIAL and time.monotonic() < end:
        inside: list[socketio.Client] = []
        outcomes += _join(url, transport, 1, inside)
        _leave(inside)
    left = SEQUENTIAL - sum(outcomes.values())
    return _told(outcomes) + (f"; {left} not tried in {BUDGET:g} s" if left else "")


def _join(url: str, transport: str, count: int, inside: list[socketio.Client]) -> Counter[str]:
    """So many more, all at once, who ask and stay; how it went for each, in a word."""
    found: list[str] = []

    def join() -> None:
        client = socketio.Client(reconnection=False, request_timeout=PATIENCE, handle_sigint=False)
        inside.append(client)
        found.append(_visit(client, url, transport))

    threads = [threading.Thread(target=join, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(found)


def _visit(client: socketio.Client, url: str, transport: str) -> str:
    try:
        client.connect(url, transports=[transport], wait_timeout=PATIENCE)
        return "ok" if client.call("echo", "hello", timeout=PATIENCE) == "hello" else "a wrong answer"
    except socketio.exceptions.TimeoutError:
        return "connected, and no answer"
    except (socketio.exceptions.SocketIOError, OSError) as error:
        return f"{type(error).__name__}: {error}"


def _stays(url: str, transport: str) -> str:
    """How long one is served who asks for nothing more and, whenever it is cut off, comes again."""
    cut, served, end = [], 0.0, time.monotonic() + STAYS
    while time.monotonic() < end:
        inside: list[socketio.Client] = []
        outcomes = _join(url, transport, 1, inside)
        joined = time.monotonic()
        while inside[0].connected and time.monotonic() < end:
            time.sleep(LOOK)
        if outcomes["ok"]:
            served = time.monotonic() - joined
            if not inside[0].connected:
                cut.append(served)
        _leave(inside)
    if cut:
        return f"cut off after {' and '.join(f'{seconds:.0f} s' for seconds in cut)}"
    return f"there for {served:.0f} s" if served else f"never served in {STAYS:g} s"


def _leave(clients: list[socketio.Client]) -> None:
    for client in clients:
        with suppress(socketio.exceptions.SocketIOError, OSError):
            client.disconnect()
    clients.clear()


def _told(outcomes: Counter[str]) -> str:
    total, others = sum(outcomes.values()), outcomes.copy()
    good = others.pop("ok", 0)
    words = ", ".join(f"{count} x {what}" for what, count in others.most_common())
    return f"{good}/{total}" + (f" ({words})" if words else "")


def _without_a_worker(root: int, health: str) -> str:
    """What /health says before one of the workers is killed, while it is missing, and when all is as before."""
    seen = [_health(health)]
    master = next(pid for pid in _children(root) if _children(pid))
    worker = _children(master)[0]
    os.kill(worker, signal.SIGKILL)
    killed = time.monotonic()
    while worker in _children(master):
        time.sleep(LOOK)
    while not (answer := _health(health)).startswith("200"):
        if answer != seen[-1]:
            seen.append(answer)
        if time.monotonic() >= killed + BACK_WITHIN:
            return f"{', '.join(seen)}, and nothing else for {BACK_WITHIN:g} s"
        time.sleep(LOOK)
    return f"{', '.join(seen)}, {answer} after {time.monotonic() - killed:.1f} s"


def _health(url: str) -> str:
    """Its status and how many of the workers it says are alive."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  loopback
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, body = refusal.code, refusal.read()
    except OSError:
        return "no answer"
    workers = json.loads(body)["workers"]
    return f"{status} ({workers['alive']} of {workers['expected']})"


def _ended(server: subprocess.Popen[bytes]) -> str:
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    try:
        code = server.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        return f"still there after {ENDS_WITHIN:g} s"
    return f"ended with {code} after {time.monotonic() - began:.1f} s"


def _memory(root: int) -> str:
    """Of the server's whole tree: its share of what is shared (PSS), and all that its processes see (RSS)."""
    shares = {"Pss": 0, "Rss": 0}
    for pid in _tree(root):
        with suppress(OSError):  # it has ended since
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
                name, _, kilobytes = line.partition(":")
                if name in shares:
                    shares[name] += int(kilobytes.split()[0])
    return f"{shares['Pss'] / 1024:.0f} MiB PSS, {shares['Rss'] / 1024:.0f} RSS"


def _tree(root: int) -> Iterator[int]:
    yield root
    for child in _children(root):
        yield from _tree(child)


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # pid (a name, in which anything may be) state ppid
            if int(path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return sorted(found)


def _await_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY
    while not _health(url).startswith("200"):
        if server.poll() is not None:
            raise ChildProcessError(f"the server ended with exit code {server.returncode}")
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{url} says {_health(url)} {READY:g} s after the start")
        time.sleep(LOOK)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="measure.py")
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help=f"of {', '.join(VARIANTS)}; without: all")
    parser.add_argument("--transport", default="websocket", choices=("websocket", "polling"))
    arguments = parser.parse_args()
    if unknown := set(arguments.variants) - set(VARIANTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(arguments.variants or list(VARIANTS), arguments.transport)
