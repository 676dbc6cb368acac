"""The application that both commands serve as `main:app`: Flask-SocketIO with the owners' settings.

The settings of the environment: PING_INTERVAL and PING_TIMEOUT in seconds, CONNECTION_RATE in new connections a second
and client address, REDIS_URL of the message queue (empty: none, and each worker knows its own clients only).
"""

from __future__ import annotations

import os
from http import HTTPStatus

import redis  # noqa: F401  without it python-socketio serves on, and loses each broadcast: no start is better
from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_socketio import SocketIO, emit
from serving.rate import Rate
from serving.redis_server import die_with_parent
from serving.workers import Workers
from socketio import RedisManager

# An eventlet worker of gunicorn's does not notice that its master was killed, and would serve on.
die_with_parent()

app = Flask(__name__)
workers = Workers(expected=int(os.environ.get("WORKERS_EXPECTED", "1")))
rate = Rate(float(os.environ.get("CONNECTION_RATE", "1000")))

queue = os.environ.get("REDIS_URL")

# Flask-SocketIO's own `message_queue` takes Redis over TCP only, and this one listens on a socket in the file system.
socketio = SocketIO(
    app,
    async_mode="eventlet",
    ping_interval=float(os.environ.get("PING_INTERVAL", "25")),
    ping_timeout=float(os.environ.get("PING_TIMEOUT", "60")),
    max_http_buffer_size=10 * 1024 * 1024,
    allow_upgrades=True,
    transports=["websocket", "polling"],
    cors_allowed_origins="*",
    **({"client_manager": RedisManager(queue)} if queue else {}),
)


@socketio.on("connect")
def connect() -> bool:
    """Let somebody in, unless more came from the same address than one may; they hear a connect error."""
    if not rate.take(request.remote_addr or ""):
        return False
    workers.came()
    return True


@socketio.on("disconnect")
def disconnect(*_: object) -> None:
    workers.went()


@socketio.on("echo")
def echo(message: str) -> str:
    """What a handler returns is the acknowledgement."""
    return message


@socketio.on("say")
def say(message: str) -> None:
    """Tell it to everybody, whichever worker they are connected to."""
    emit("said", message, broadcast=True)


@app.get("/health")
def health() -> ResponseReturnValue:
    """Whether every worker that should be there is: 503 and the figures while one is not."""
    alive = workers.alive()
    whole = alive >= workers.expected
    status = HTTPStatus.OK if whole else HTTPStatus.SERVICE_UNAVAILABLE
    return {
        "workers": {"expected": workers.expected, "alive": alive},
        "alerts": [] if whole else ["worker_down"],
    }, status


@app.get("/stats")
def stats() -> ResponseReturnValue:
    """The same and how many clients are connected, in all workers together; always 200."""
    told, _ = health()
    return {**told, "connections": workers.connections()}
