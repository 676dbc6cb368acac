"""The client's side of the opening handshake, and what became of it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Response
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from chaos.crowd.endings import Setback
from chaos.crowd.plan import ClientPlan
from chaos.dialects import dialect_named
from chaos.journal import Outcome

__all__ = ["Unanswered", "new_protocol", "opening_bytes", "setback_of_answer"]

_QUIET = logging.Logger("chaos.crowd", level=logging.CRITICAL)
"""The journal records what happens; a log line for each frame would cost more than the frame."""
_HEAD_LIMIT = 16 * 1024
"""Bytes of an answer's head that are kept; servers send less than one."""
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_RETRY_AFTER = re.compile(rb"(?im)^retry-after:[ \t]*(.*?)[ \t]*\r?$")
_DETAIL_LIMIT = 200
"""Characters of an answer that an Attempt quotes."""


def new_protocol(plan: ClientPlan) -> ClientProtocol:
    """A Sans-I/O client with every option explicit: no extensions but what the plan offers, no proxy, a size limit."""
    path, _, query = dialect_named(plan.dialect).request_path(plan.path).partition("?")
    return ClientProtocol(
        WebSocketURI(
            secure=plan.tls is not None, host=plan.address.host, port=plan.address.port, path=path, query=query
        ),
        origin=None if plan.origin is None else Origin(plan.origin),
        extensions=[ClientPerMessageDeflateFactory()] if plan.compression else None,
        subprotocols=None if plan.subprotocol is None else [Subprotocol(plan.subprotocol)],
        max_size=plan.max_size,
        logger=_QUIET,
    )


def opening_bytes(protocol: ClientProtocol, plan: ClientPlan) -> bytes:
    """The upgrade request."""
    request = protocol.connect()
    for name, value in plan.headers:
        if name.lower() == "host":
            del request.headers["Host"]
        request.headers[name] = value
    protocol.send_request(request)
    return b"".join(protocol.data_to_send())


def setback_of_answer(protocol: ClientProtocol, response: Response | None, *, at: float) -> Setback:
    """What a whole answer that is not a good 101 means: an HTTP status, or an invalid answer."""
    error = protocol.handshake_exc
    if isinstance(error, InvalidStatus):
        retry_after = error.response.headers.get_all("Retry-After")
        return Setback(
            outcome=Outcome.HTTP,
            at=at,
            detail=_quote(bytes(error.response.body)),
            status=error.response.status_code,
            retry_after=retry_after[0] if retry_after else None,
        )
    detail = str(error) if error is None or error.__cause__ is None else f"{error}: {error.__cause__}"
    return Setback(
        outcome=Outcome.INVALID, at=at, detail=detail, status=None if response is None else response.status_code
    )


@dataclass(slots=True)
class Unanswered:
    """The bytes of an answer that is not complete: its head may say enough when no more comes."""

    head: bytes = b""

    def feed(self, data: bytes) -> None:
        if len(self.head) < _HEAD_LIMIT:
            self.head += data[: _HEAD_LIMIT - len(self.head)]

    def setback(self, outcome: Outcome, *, at: float, detail: str = "") -> Setback:
        """What it means that the answer ended here (by EOF, RST or timeout).

        A status other than 101 with all its headers is an answer, whatever happened to its body.
        """
        answer = _parse_head(self.head)
        if answer is not None and answer[0] != 101:
            status, retry_after = answer
            return Setback(
                outcome=Outcome.HTTP,
                at=at,
                detail=f"its body was cut short: {outcome.value}",
                status=status,
                retry_after=retry_after,
            )
        seen = f"after {_quote(self.head)!r}" if self.head else ""
        return Setback(outcome=outcome, at=at, detail=", ".join(part for part in (detail, seen) if part))


def _parse_head(head: bytes) -> tuple[int, str | None] | None:
    """Status and Retry-After of an answer whose headers are all there; None for anything less."""
    lines, end, _ = head.partition(b"\r\n\r\n")
    status = _STATUS_LINE.match(lines)
    if not end or status is None:
        return None
    retry_after = _RETRY_AFTER.search(lines)
    return int(status[1]), None if retry_after is None else retry_after[1].decode("latin-1")


def _quote(data: bytes) -> str:
    return data.decode("utf-8", errors="replace").strip()[:_DETAIL_LIMIT]
