"""Waiting until something serves, against a deadline, and giving up at once when it has died."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from chaos.address import Address
from chaos.probes.tls import wrapped
from chaos.target import Target, Tls

__all__ = [
    "CHECK_WITHIN",
    "POLL_INTERVAL",
    "AnswersInTls",
    "Check",
    "Dial",
    "Died",
    "NeverHealthy",
    "Unhealthy",
    "accepts",
    "answers_200",
    "check_of",
    "fetch",
    "speaking",
    "wait_healthy",
]

POLL_INTERVAL = 0.02
"""Seconds between two checks: an accepted connection costs 0.1 ms, and a start is known 10 ms late on average."""

CHECK_WITHIN = 1.0
"""Seconds that one check may take: a server that accepts and does not answer is asked again."""

RELAY_LOOK = 0.05
"""Seconds to watch a connection through a port that the engine publishes. Its relay accepts before it has dialled
the container, and closes when nobody listens there: within 0.1 ms, measured over 200 connections."""


_TLS_ALERT = b"\x15\x03"
"""A record of type alert: what a server that speaks TLS answers a request in clear (RFC 8446 section 5.1)."""
_NAME_MISMATCH = 62
"""X509_V_ERR_HOSTNAME_MISMATCH of OpenSSL."""


class AnswersInTls(ValueError):
    """A request in clear was answered in TLS."""


class Dial(Protocol):
    """Any way to connect, such as `Place.dial`."""

    def __call__(self, address: Address, *, timeout: float) -> socket.socket:
        """A connected, blocking socket within so many seconds; raises OSError."""


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """What was seen instead of health."""

    seen: str
    """As half a sentence."""
    remedy: str = ""
    """What to do about it where this tells; empty where it may be the port, the address or the time."""


Check = Callable[[], Unhealthy | None]
"""None when healthy."""


class NeverHealthy(Exception):
    """The deadline passed; `seen` and `remedy` are those of the last check."""

    def __init__(self, last: Unhealthy) -> None:
        super().__init__(last.seen)
        self.seen = last.seen
        self.remedy = last.remedy


class Died(Exception):
    """The process ended while it was waited for."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(str(exit_code))
        self.exit_code = exit_code


def wait_healthy(check: Check, *, exit_code: Callable[[], int | None], within: float) -> None:
    """Return once `check` is content. Raises Died as soon as the process has ended, NeverHealthy after `within` s.

    The process is looked at before and after each check, so that a stranger who answers on a dead server's port
    is not taken for it.
    """
    deadline = time.monotonic() + within
    while True:
        seen = check()
        if (code := exit_code()) is not None:
            raise Died(code)
        if seen is None:
            return
        if time.monotonic() >= deadline:
            raise NeverHealthy(seen)
        time.sleep(POLL_INTERVAL)


def accepts(address: Address, *, dial: Dial, relayed: bool) -> Check:
    """A connection is accepted; where an engine relays it, it also has to stay open."""

    def check() -> Unhealthy | None:
        try:
            with dial(address, timeout=CHECK_WITHIN) as connection:
                if relayed and _closed_at_once(connection):
                    return Unhealthy(f"connections to {address} are closed at once")
                _leave(connection, address)
        except OSError as error:
            return Unhealthy(f"no connection to {address} ({_reason(error)})", _remedy_of(error))
        return None

    return check


def check_of(target: Target, address: Address, *, dial: Dial, relayed: bool) -> Check:
    """What the target file takes for health: that `start.health` is answered, or else that a connection is accepted."""
    dial = speaking(target.tls, dial)
    if target.start.health is None:
        return accepts(address, dial=dial, relayed=relayed)
    return answers_200(address, target.start.health, dial=dial)


def _closed_at_once(connection: socket.socket) -> bool:
    connection.settimeout(RELAY_LOOK)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False


def _leave(connection: socket.socket, address: Address) -> None:
    """Begin a request before the connection is closed, and no more: one that is whole could be given a place.

    A server may keep a connection that ended before its first byte: hypercorn does for 5 s, and it would be counted
    among those of the first scenario.
    """
    with contextlib.suppress(OSError):
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {address}\r\n".encode())


def answers_200(address: Address, path: str, *, dial: Dial) -> Check:
    """GET `path` is answered with 200."""

    def check() -> Unhealthy | None:
        try:
            status, _ = fetch(address, path, dial=dial, within=CHECK_WITHIN)
        except OSError as error:
            return Unhealthy(f"no answer from {address}{path} ({_reason(error)})", _remedy_of(error))
        except AnswersInTls:
            return Unhealthy(f"{address} answers in TLS", 'say so in the target file: [tls] server_name = "..."')
        except ValueError:
            seen = f"{address}{path} does not answer in HTTP"
            return Unhealthy(seen, "correct start.port, or leave start.health out")
        return None if status == 200 else Unhealthy(f"{address}{path} answers {status}", _remedy_for(status))

    return check


def speaking(tls: Tls | None, dial: Dial) -> Dial:
    """The same way to connect, and TLS on it where the server speaks it: then it serves once it has shaken hands."""
    if tls is None:
        return dial

    def over_tls(address: Address, *, timeout: float) -> socket.socket:
        connection = dial(address, timeout=timeout)
        connection.settimeout(timeout)
        return wrapped(connection, tls)

    return over_tls


def fetch(address: Address, path: str, *, dial: Dial, within: float, post: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of a GET, or of a POST of some JSON, through any way to connect.

    Raises OSError, AnswersInTls, or ValueError for whatever else is not HTTP.
    """
    deadline = time.monotonic() + within
    method, content = ("GET", b"") if post is None else ("POST", post)
    request = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: */*\r\n"
    if content:
        request += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    answer = b""
    with dial(address, timeout=within) as connection:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        connection.sendall(request.encode() + b"\r\n" + content)
        while not _complete(answer):
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            chunk = connection.recv(65536)
            if not chunk:
                break
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/"):
        if not answer:
            raise ConnectionResetError("closed without an answer")
        if answer.startswith(_TLS_ALERT):
            raise AnswersInTls
        raise ValueError("not an HTTP answer")
    return int(rest[:3]), body


def _complete(answer: bytes) -> bool:
    """Whether the body is as long as its head says: not every server closes, although it is asked to."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return len(body) >= int(value)
    return False


def _remedy_for(status: int) -> str:
    if status == HTTPStatus.UPGRADE_REQUIRED:
        return "that path takes WebSockets alone: set start.health to a page that answers 200, or leave it out"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "give it longer (start.ready_within), or see what it says of itself"
    return "correct start.health to a page that answers 200, or leave it out: then it has to accept a connection"


def _remedy_of(error: OSError) -> str:
    """What to do where TLS could not be agreed on; empty for every other error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _NAME_MISMATCH:
            return "correct tls.server_name to a name that is in its certificate"
        return "name in tls.ca the certificates that vouch for it, or set tls.verify = false"
    if isinstance(error, ssl.SSLError):
        return "leave the table [tls] out if it speaks no TLS, or start it with its certificate"
    return ""


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
