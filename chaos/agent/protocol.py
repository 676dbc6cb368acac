"""What travels between the agent and its clients: one JSON object a line, over a unix socket.

    -> {"id": 7, "do": "sockets", "port": 8765}
    <- {"id": 7, "ok": [...]}            or, with a socket attached (SCM_RIGHTS):  {"id": 7, "ok": ..., "fd": true}
    <- {"id": 7, "error": "a sentence with the remedy"}

Answers come in the order in which requests finish, not in which they were sent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.errors import AgentError

__all__ = [
    "CLOSED",
    "MAX_REQUEST",
    "MOST_DESCRIPTORS",
    "VERSION",
    "check_socket_path",
    "decode_answer",
    "encode",
    "gone",
    "grace",
    "result_of",
]

VERSION = 1
"""Raised when a request changes its meaning."""

MAX_REQUEST = 1 << 20
"""Bytes a request may have: a cut of ten thousand connections at once is 0.9 MB."""

MOST_DESCRIPTORS = 16
"""File descriptors that one read makes room for. The kernel ends a read at each message that carries one."""

CLOSED = "it closed the connection"
"""Why an agent is gone that ended, whatever its kernel sent."""

_GRACE = 15.0
"""Seconds an answer may take beyond what its request may wait for: nft's own deadline is 10 s."""

_PATH_LIMIT = 107
"""Bytes of a unix socket's path: sun_path holds 108 with the terminating zero (unix(7))."""


def check_socket_path(path: Path) -> Path:
    """The path, made absolute. Raises AgentError when it is too long for a unix socket."""
    absolute = path.absolute()
    length = len(os.fsencode(absolute))
    if length > _PATH_LIMIT:
        raise AgentError(
            f"the agent's socket path has {length} bytes and a unix socket's may have {_PATH_LIMIT}: {absolute}; "
            "choose a shorter state directory, for instance below /tmp or $XDG_RUNTIME_DIR"
        )
    return absolute


def encode(record: dict[str, Any]) -> bytes:
    """A record as its line. Paths are made absolute: the agent's working directory is not its client's."""
    return json.dumps(record, separators=(",", ":"), default=_plain).encode() + b"\n"


def grace(fields: Mapping[str, Any]) -> float | None:
    """Seconds after which a request counts as lost; None for one that may wait for ever."""
    if "timeout" not in fields:
        return _GRACE
    timeout = fields["timeout"]
    return None if timeout is None else timeout + _GRACE


def gone(path: Path, why: OSError | str) -> AgentError:
    """The error of an agent that is no longer there.

    One that ended with a request unread resets the connection, another one closes it: which of the two is a matter of
    microseconds and says nothing of the agent, so both are told alike.
    """
    if isinstance(why, ConnectionResetError | BrokenPipeError):
        why = CLOSED
    elif isinstance(why, OSError):
        why = why.strerror or str(why)
    return AgentError(f"the agent on {path} is gone: {why}; its log says why")


def decode_answer(line: bytes) -> dict[str, Any]:
    """An answer of the agent. Raises AgentError for anything else."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise AgentError(f"the agent sent something that is not JSON: {line[:120]!r}") from error
    if not isinstance(record, dict) or "id" not in record:
        raise AgentError(f"the agent sent something that is no answer: {line[:120]!r}")
    return record


def result_of(answer: dict[str, Any]) -> Any:
    """What an answer brings. Raises AgentError with the agent's sentence when it is a refusal."""
    if "error" in answer:
        raise AgentError(answer["error"])
    return answer["ok"]


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value.absolute())
    raise AgentError(f"a request cannot carry a {type(value).__name__}")
