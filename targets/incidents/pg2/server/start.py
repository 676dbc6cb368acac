"""`python start.py --host H --port P`: gunicorn by one of the commands, and Redis beside it where one is asked for.

It is what systemd would be to both: it starts them, starts a Redis that has died again after QUEUE_BACK_AFTER seconds,
hands SIGTERM on to gunicorn, and ends with gunicorn's exit code; with 2 for a setting that cannot be used, and with 3
where Redis cannot be had.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from serving.redis_server import Missing, die_with_parent, socket_of, start

COMMANDS = {
    "before": ["--reuse-port", "--reload"],
    "control": ["--worker-class", "eventlet", "--workers", "1", "--reuse-port", "--reload"],
    "after": ["--config", "gunicorn_config.py"],
}
"""The owners' own; `control` tells their diagnosis, one eventlet worker overwhelmed, from the worker's class."""
WORKERS = {"before": "1", "control": "1", "after": "4"}
LOOK = 0.02
"""Seconds between two looks at who has ended."""


def main(host: str, port: int) -> int:
    """Serve until gunicorn ends; its exit code. Raises Missing, and ValueError for a setting."""
    variant, queue = _one_of("GUNICORN_COMMAND", *COMMANDS), _one_of("MESSAGE_QUEUE", "none", "redis")
    back_after = float(os.environ.get("QUEUE_BACK_AFTER", "1"))
    directory = Path(tempfile.gettempdir())
    environment = {**os.environ, "WORKERS_EXPECTED": WORKERS[variant]}
    redis = None
    if queue == "redis":
        redis = start(directory)
        environment["REDIS_URL"] = f"unix://{socket_of(directory)}"
    command = [sys.executable, "-m", "gunicorn", "--bind", f"{host}:{port}", *COMMANDS[variant], "main:app"]
    gunicorn = subprocess.Popen(command, env=environment, preexec_fn=die_with_parent)
    signal.signal(signal.SIGTERM, lambda *_: gunicorn.send_signal(signal.SIGTERM))
    gone = 0.0
    while gunicorn.poll() is None:
        if redis is not None and redis.poll() is not None:
            gone = gone or time.monotonic()
            if time.monotonic() >= gone + back_after:
                redis, gone = start(directory), 0.0
        time.sleep(LOOK)
    if redis is not None:
        redis.kill()
        redis.wait()
    return gunicorn.returncode


def _one_of(variable: str, *allowed: str) -> str:
    found = os.environ.get(variable, allowed[0])
    if found not in allowed:
        raise ValueError(f"{variable} is one of {', '.join(allowed)}; found {found!r}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python start.py")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    arguments = parser.parse_args()
    try:
        sys.exit(main(arguments.host, arguments.port))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except Missing as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)
