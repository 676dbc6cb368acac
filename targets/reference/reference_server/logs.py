"""Log lines on stderr, each with the correlation id of the connection it is about."""

from __future__ import annotations

import logging
import re
import secrets
from contextvars import ContextVar

NO_CONNECTION = "-"
_correlation_id: ContextVar[str] = ContextVar("correlation_id", default=NO_CONNECTION)
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def configure(level: str) -> None:
    """Log at `level` and above; the libraries only what they warn of."""
    handler = logging.StreamHandler()
    handler.addFilter(_add_correlation_id)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s [%(correlation_id)s] %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # It warns of every malformed request, one line each: those are counted instead.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


def begin(proposed: str | None) -> str:
    """Start a connection's log context: the client's own correlation id if it is harmless, otherwise a new one."""
    given = proposed is not None and _ACCEPTABLE.fullmatch(proposed)
    correlation_id = proposed if given and proposed else secrets.token_hex(6)
    _correlation_id.set(correlation_id)
    return correlation_id


def _add_correlation_id(record: logging.LogRecord) -> bool:
    record.correlation_id = _correlation_id.get()
    return True
