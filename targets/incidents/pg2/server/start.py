"""`python start.py --host H --port P`: gunicorn by one of the commands, and Redis beside it where one is asked for.

It is what systemd would be to both: it starts them, starts a Redis that has died again after QUEUE_BACK_AFTER seconds,
hands SIGTERM on to gunicorn, and ends with gunicorn's exit code; with 2 for a setting that cannot be used, before
anything is started, and with 3 where Redis cannot be had.
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

from serving.parent import die_with_parent
from serving.redis_server import Missing, socket_of, start
from serving.settings import Settings, read_settings
from serving.sleeping import sleep

COMMANDS = {
    "before": (1, ["--reuse-port", "--reload"]),
    "control": (1, ["--worker-class", "eventlet", "--workers", "1", "--reuse-port", "--reload"]),
    "after": (4, ["--config", "gunicorn_config.py"]),
    "unattended": (4, ["--config", "unattended_config.py"]),
}
"""Workers, and gunicorn's options: the owners' own. `control` tells their diagnosis, one eventlet worker overwhelmed,
from the worker's class."""
LOOK = 0.02
"""Seconds between two looks at who has ended."""


def main(host: str, port: int, settings: Settings) -> int:
    """Serve until gunicorn ends; its exit code. Raises Missing."""
    workers, options = COMMANDS[settings.command]
    directory = Path(tempfile.gettempdir())
    environment = {**os.environ, "WORKERS_EXPECTED": str(workers)}
    redis = None
    if settings.queue == "redis":
        redis = start(directory)
        environment["REDIS_URL"] = f"unix://{socket_of(directory)}"
    command = [sys.executable, "-m", "gunicorn", "--bind", f"{host}:{port}", *options, "main:app"]
    gunicorn = subprocess.Popen(command, env=environment, preexec_fn=die_with_parent)
    signal.signal(signal.SIGTERM, lambda *_: gunicorn.send_signal(signal.SIGTERM))
    gone = 0.0
    while gunicorn.poll() is None:
        if redis is not None and redis.poll() is not None:
            gone = gone or time.monotonic()
            if time.monotonic() >= gone + settings.queue_back_after:
                redis, gone = start(directory), 0.0
        sleep(LOOK)
    if redis is not None:
        redis.kill()
        redis.wait()
    return gunicorn.returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python start.py")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    arguments = parser.parse_args()
    try:
        chosen = read_settings()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(arguments.host, arguments.port, chosen))
    except Missing as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)
