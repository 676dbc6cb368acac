"""The fixed command with a mistake of ours: a worker that ends is not replaced. Its cells are seen red by it.

gunicorn's master starts as many workers as it is told there should be; this one is told one less with each that ends.
"""

from __future__ import annotations

from typing import Any

from gunicorn_config import *  # noqa: F403  the owners' own


def child_exit(server: Any, worker: Any) -> None:
    """gunicorn's hook in the master, when a worker has ended."""
    server.num_workers -= 1
