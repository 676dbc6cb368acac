"""The owners' fixed command as a file: `gunicorn --config gunicorn_config.py main:app`. Each figure is theirs.

What a run of the suite has to scale is read from the environment, with theirs as the default.
"""

from __future__ import annotations

import os
from typing import Any

workers = 4  # 2 x cores, of theirs
worker_class = os.environ.get("WORKER_CLASS", "eventlet")
worker_connections = 1000
reuse_port = True
max_requests = int(os.environ.get("MAX_REQUESTS", "10000"))
max_requests_jitter = int(os.environ.get("MAX_REQUESTS_JITTER", "1000"))
timeout = 120
graceful_timeout = int(os.environ.get("GRACEFUL_TIMEOUT", "30"))
keepalive = 5


if os.environ.get("REPLACE_WORKERS", "yes") == "no":

    def child_exit(server: Any, worker: Any) -> None:
        """What a master does that nobody told how many there should be: one less, and no other."""
        server.num_workers -= 1
