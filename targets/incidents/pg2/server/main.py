"""What both commands serve as `main:app`.

An application of `async_mode="eventlet"` patches the standard library before it imports anything else, as
Flask-SocketIO's documentation says. Under gunicorn's eventlet worker all is patched by then. Under its sync worker
nobody is served without it: Engine.IO's green thread that writes is never given a turn.
"""

import eventlet

eventlet.monkey_patch()

from serving.application import app  # noqa: E402  # what it imports is to be patched

__all__ = ["app"]
