"""The owners' fixed command as a file: `gunicorn --config gunicorn_config.py main:app`. Each figure is theirs.

What a run of the suite has to scale is read from the environment, with theirs as the default.
"""

from __future__ import annotations

from serving.settings import read_settings
from serving.sleeping import sleep_for_so_long

sleep_for_so_long()
_settings = read_settings()

workers = 4  # 2 x cores, of theirs
worker_class = _settings.worker_class
worker_connections = 1000
reuse_port = True
max_requests = _settings.max_requests
max_requests_jitter = _settings.max_requests_jitter
timeout = 120
graceful_timeout = _settings.graceful_timeout
keepalive = 5
