"""Flask-SocketIO with the owners' settings (`serving.settings`)."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_socketio import SocketIO, emit
from socketio import RedisManager

from serving.parent import die_with_parent
from serving.rate import Rate
from serving.settings import read_settings
from serving.shared_rate import SharedRate  # takes redis: without that python-socketio serves on, and loses broadcasts
from serving.workers import Workers

# An eventlet worker of gunicorn's does not notice that its master was killed, and would serve on.
die_with_parent()

__all__ = ["app"]

settings = read_settings()
app = Flask(__name__)
workers = Workers(expected=settings.workers_expected)
own_rate = Rate(settings.connection_rate)
rate = SharedRate(settings.redis_url, own_rate) if settings.redis_url else own_rate

# Flask-SocketIO's own `message_queue` takes Redis over TCP only, and this one listens on a socket in the file system.
socketio = SocketIO(
    app,
    async_mode="eventlet",
    ping_interval=settings.ping_interval,
    ping_timeout=settings.ping_timeout,
    max_http_buffer_size=10 * 1024 * 1024,
    allow_upgrades=True,
    transports=["websocket", "polling"],
    cors_allowed_origins="*",
    **({"client_manager": RedisManager(settings.redis_url)} if settings.redis_url else {}),
)


if settings.redis_url:
    # Now, and not with a worker's first client: what a subscription takes is not to be counted as that client's.
    socketio.server.manager.initialize()
    socketio.server.manager_initialized = True


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
