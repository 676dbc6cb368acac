"""Requests and responses, and how a request's head is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from chaos.links.embedded.http.target import parse_target

__all__ = ["MalformedRequest", "Request", "RequestHead", "Response", "parse_head", "text_response"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])")
_HOST = re.compile(r"[!$%&'()*+,\-./0-9:;=@A-Z\[\]_a-z~]*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class MalformedRequest(Exception):
    """A request that gets no further than its head: the connection is closed after the answer."""

    def __init__(self, status: HTTPStatus, reason: str = "", *, body: str = "") -> None:
        self.status_line = f"{status.value} {status.phrase}" + (f": {reason}" if reason else "")
        self.body = body or self.status_line
        super().__init__(self.body)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request line and its headers; names in lower case."""

    method: str
    target: str
    """As it was sent."""
    path: str
    """Percent-decoded."""
    query: str
    is_http_1_0: bool
    headers: Mapping[str, list[str]]

    def header(self, name: str) -> str:
        """A header's first value; empty if there is none."""
        return self.headers.get(name, [""])[0]

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to go on after this request."""
        tokens = {token.strip().lower() for value in self.headers.get("connection", []) for token in value.split(",")}
        return "keep-alive" in tokens if self.is_http_1_0 else "close" not in tokens


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a handler gets it."""

    head: RequestHead
    body: bytes
    body_error: str = ""
    """Why the body ends where it does, if it should not."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What the route took from the path."""


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers in the order of the wire, body. Date, length and connection are the server's to add."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def text_response(status: int, text: str, *headers: tuple[str, str]) -> Response:
    """What Go's `http.Error` sends: plain text, whatever it looks like, and a line feed."""
    return Response(
        status,
        (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
            *headers,
        ),
        text.encode() + b"\n",
    )


def parse_head(head: bytes) -> RequestHead:
    """Read a request line and headers, without the empty line at their end. Raises MalformedRequest."""
    # Latin-1 keeps every byte, also those that are no UTF-8.
    request_line, *lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    method, _, rest = request_line.partition(" ")
    target, _, version = rest.rpartition(" ")
    matched = _VERSION.fullmatch(version)
    if not _TOKEN.fullmatch(method) or not target or " " in target or matched is None:
        raise MalformedRequest(HTTPStatus.BAD_REQUEST)
    headers = _parse_headers(lines)
    if matched[1] != "1":
        raise MalformedRequest(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "unsupported protocol version")
    is_http_1_0 = matched[2] == "0"
    hosts = headers.get("host", [])
    if len(hosts) > 1:
        raise MalformedRequest(HTTPStatus.BAD_REQUEST)
    if not hosts and not is_http_1_0:
        raise MalformedRequest(HTTPStatus.BAD_REQUEST, "missing required Host header")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise MalformedRequest(HTTPStatus.BAD_REQUEST, "malformed Host header")
    try:
        path, query = parse_target(target)
    except ValueError:
        raise MalformedRequest(HTTPStatus.BAD_REQUEST) from None
    return RequestHead(method, target, path, query, is_http_1_0, headers)


def _parse_headers(lines: list[str]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in lines:
        if line[:1] in (" ", "\t") and last is not None:
            last[-1] += " " + line.strip()  # a folded line
            continue
        name, colon, value = line.partition(":")
        if not colon or _CONTROL.search(value):
            raise MalformedRequest(HTTPStatus.BAD_REQUEST)
        if not _TOKEN.fullmatch(name):
            raise MalformedRequest(HTTPStatus.BAD_REQUEST, "invalid header name")
        last = headers.setdefault(name.lower(), [])
        last.append(value.strip(" \t"))
    return headers
