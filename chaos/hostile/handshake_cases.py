"""Upgrade requests that are wrong, odd, or never complete."""

from __future__ import annotations

from dataclasses import replace

from chaos.bounds import RETRANSMISSION
from chaos.hostile.answers import Allowed
from chaos.hostile.case import Case, Grounds, Send
from chaos.hostile.frames import Opcode, frame
from chaos.hostile.handshakes import Request
from chaos.units import format_duration

__all__ = ["ALLOWED_HANDSHAKES", "BROKEN_HANDSHAKES", "SLOW_REQUESTS", "UNFINISHED"]

REFUSALS = frozenset(range(400, 500)) | {501, 505}
"""RFC 6455, 4.2.1, asks for "an appropriate error code (such as 400)"."""

BAD_REQUEST = Allowed(statuses=REFUSALS, ended=True)
TOO_MUCH = Allowed(statuses=frozenset({400, 413, 414, 431, 494}), ended=True, served=True)
"""RFC 9110, 5.4: there is no limit, and a server may have one of its own; 494 is nginx's."""
ANY_BUT_101 = Allowed(statuses=frozenset(range(200, 600)), ended=True)
SERVED = Allowed(served=True)
LEFT = Allowed(left=True)

PIECES = 400
"""Header lines that a dripping request has to send: no server is meant to see the last one."""


SLOW_BYTES = 40
"""Single bytes that a slow request has to send, in twice the time that its end is waited for: a few a second, for the
process that sends them for a crowd of hundreds also stamps times."""


def _changed(**fields: str | None) -> Send:
    return lambda on: (replace(on.request, **fields).encode(),)  # type: ignore[arg-type]  # the fields are Request's


def _added(*headers: tuple[str, str]) -> Send:
    return lambda on: (_with(on.request, *headers).encode(),)


def _with(request: Request, *headers: tuple[str, str]) -> Request:
    return replace(request, headers=(*request.headers, *headers))


def _in_three(on: Grounds) -> tuple[bytes, ...]:
    request = on.request.encode()
    third = len(request) // 3
    return request[:third], request[third : 2 * third], request[2 * third :]


def _case(name: str, description: str, send: Send, allowed: Allowed = BAD_REQUEST, *, resets: bool = False) -> Case:
    return Case(name=name, description=description, allowed=allowed, send=send, after_upgrade=False, resets=resets)


BROKEN_HANDSHAKES = (
    _case("reset before the request", "connected, and reset at once", lambda _: (), LEFT, resets=True),
    _case(
        "reset after the request",
        "reset as soon as the request is sent",
        lambda on: (on.request.encode(),),
        LEFT,
        resets=True,
    ),
    _case("2,000 headers", "a request with 2,000 headers", _added(*((f"X-{n}", "y") for n in range(2000))), TOO_MUCH),
    _case("1 MB header", "a header whose value has a million bytes", _added(("X", "y" * 1_000_000)), TOO_MUCH),
    _case(
        "NUL in a header",
        "a NUL in a value, to be refused or replaced (RFC 9110, 5.5)",
        _added(("X", "a\0b")),
        Allowed(statuses=REFUSALS, ended=True, served=True),
    ),
    _case("blank in a header's name", "a blank before the colon (RFC 9112, 5.1)", _added(("X ", "y"))),
    _case(
        "version 9",
        "a version that nobody speaks (RFC 6455, 4.4)",
        _changed(version="9"),
        Allowed(statuses=frozenset({400, 426}), ended=True),
    ),
    _case("no key", "no Sec-WebSocket-Key (RFC 6455, 4.2.1)", _changed(key=None)),
    _case("short key", "a key of 3 bytes (RFC 6455, 4.2.1)", _changed(key="AAAA")),
    _case(
        "frame before the request",
        "a message that comes before the request, and is no request line (RFC 9112, 3)",
        lambda on: (frame(Opcode.TEXT, on.early) + on.request.encode(),),
    ),
    _case(
        "junk before the request",
        "a line that is no request line, and then a request (RFC 9112, 3)",
        lambda on: (b"hello\r\n" + on.request.encode(),),
    ),
    _case("POST", "POST instead of GET (RFC 6455, 4.1)", _changed(method="POST"), ANY_BUT_101),
    _case("HTTP/1.0", "HTTP/1.0, which knows no upgrade (RFC 9110, 7.8)", _changed(http="HTTP/1.0"), ANY_BUT_101),
    _case(
        "TLS",
        "the first bytes of TLS on a port without it",
        lambda _: (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(1, 65)) + b"\r\n\r\n",),
    ),
)
"""Each is refused with a status, or the connection ends."""


ALLOWED_HANDSHAKES = (
    _case(
        "unknown extension",
        "an extension nobody knows (RFC 6455, 9.1)",
        _added(("Sec-WebSocket-Extensions", "x-nobody-knows; a=1, x-nor-this")),
        SERVED,
    ),
    _case("odd header bytes", "bytes beyond ASCII in a value (RFC 9110, 5.5)", _added(("X", "\xe9\xff")), SERVED),
    _case("twenty headers", "more headers than most send", _added(*((f"X-{n}", "y") for n in range(20))), SERVED),
    _case(
        "keep-alive beside Upgrade",
        "Connection names both, as Firefox sends it (RFC 9110, 7.6.1)",
        lambda on: (on.request.encode().replace(b"Connection: Upgrade", b"Connection: keep-alive, Upgrade"),),
        SERVED,
    ),
    _case(
        "two Connection lines",
        "Connection in two lines, as a proxy adds its own, which are one list (RFC 9110, 5.3)",
        _added(("Connection", "keep-alive")),
        SERVED,
    ),
    _case(
        "empty line before the request",
        "an empty line first, to be ignored (RFC 9112, 2.2), which is no must",
        lambda on: (b"\r\n" + on.request.encode(),),
        Allowed(statuses=REFUSALS, ended=True, served=True),
    ),
    _case(
        "unknown path",
        "an upgrade where no endpoint need be: refused, or upgraded as everywhere, and served in whatever way",
        _changed(path="/no/such/endpoint/of/this/server"),
        Allowed(statuses=REFUSALS, ended=True, upgraded=True),
    ),
    Case(
        name="unknown subprotocol",
        description="a subprotocol nobody knows: ignored, or refused in words (RFC 6455, 4.2.2)",
        allowed=Allowed(statuses=REFUSALS, served=True),
        send=_changed(subprotocol="x-nobody-knows"),
        after_upgrade=False,
    ),
    Case(
        name="request with pauses",
        description=f"a request in three packets with {format_duration(RETRANSMISSION)} between them: what one that is "
        "lost costs",
        allowed=SERVED,
        send=_in_three,
        after_upgrade=False,
        spread=2 * RETRANSMISSION,
    ),
    Case(
        name="frame behind the request",
        description="a message that does not wait for the 101 (RFC 6455, 4.1, forbids it; taken or refused)",
        allowed=Allowed(statuses=REFUSALS, codes=frozenset({1002}), ended=True, served=True),
        send=lambda on: (on.request.encode() + frame(Opcode.TEXT, on.early),),
        after_upgrade=False,
        answered=True,
    ),
)
"""Each is served, or refused in words where that is the server's choice."""


def _half(on: Grounds) -> tuple[bytes, ...]:
    return (b"\r\n".join(on.request.lines()[:3]) + b"\r\n",)


def _drip(on: Grounds) -> tuple[bytes, ...]:
    return (on.request.lines()[0] + b"\r\n", *(b"X-%d: y\r\n" % number for number in range(PIECES)))


TIMED_OUT = Allowed(statuses=frozenset({400, 408, 431}), ended=True)

UNFINISHED = (
    _case("half a request", "half a request, and then silence", _half, TIMED_OUT),
    Case(
        name="dripping request",
        description="a header line now and then, and no end",
        allowed=TIMED_OUT,
        send=_drip,
        after_upgrade=False,
        drips=True,
    ),
)
"""Each is ended, whatever the client goes on sending."""


def _byte_by_byte(on: Grounds) -> tuple[bytes, ...]:
    return (b"\r\n".join(on.request.lines()[:2]) + b"\r\nX: ", *((b"y",) * SLOW_BYTES))


SLOW_REQUESTS = (
    Case(
        name="slow request",
        description="a header that comes byte by byte, and never to its end (Slowloris)",
        allowed=TIMED_OUT,
        send=_byte_by_byte,
        after_upgrade=False,
        drips=True,
    ),
)
"""For a crowd: each of them is ended, and nobody else waits for that."""
