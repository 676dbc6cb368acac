"""Addresses as Go reads and writes them: `host:port`, `[v6]:port`, `:port`, and the very words of its errors."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

__all__ = ["AddressError", "TcpAddress", "format_address", "resolve", "resolve_all", "split_host_port"]


class AddressError(Exception):
    """An address that cannot be used; `str()` is Go's message."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """An IP literal, empty for every interface, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def is_wildcard(self) -> bool:
        return self.host in ("", "0.0.0.0", "::")


def split_host_port(address: str) -> tuple[str, str]:
    """Split at the last colon, the one behind a bracketed IPv6 host. Raises AddressError."""

    def refuse(why: str) -> AddressError:
        return AddressError(f"address {address}: {why}")

    head, colon, port = address.rpartition(":")
    if not colon:
        raise refuse("missing port in address")
    host, outside = head, address
    if address.startswith("["):
        inside, bracket, rest = address[1:].partition("]")
        if not bracket:
            raise refuse("missing ']' in address")
        if rest != f":{port}":
            raise refuse("too many colons in address" if rest.startswith(":") else "missing port in address")
        host, outside = inside, inside + rest
    elif ":" in head:
        raise refuse("too many colons in address")
    for bracket in "[]":
        if bracket in outside:
            raise refuse(f"unexpected '{bracket}' in address")
    return host, port


async def resolve_all(address: str, *, loop: asyncio.AbstractEventLoop) -> list[TcpAddress]:
    """Every address behind `host:port`, in the resolver's order. Raises AddressError."""
    if not address:
        return [TcpAddress("", 0)]
    host, service = split_host_port(address)
    port = _port(service)
    if not host:
        return [TcpAddress("", port)]
    try:
        return [TcpAddress(_literal(host), port)]
    except ValueError:
        pass
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressError(f"lookup {host}: no such host") from None
    return [TcpAddress(str(sockaddr[0]), port) for *_, sockaddr in found]


async def resolve(address: str, *, loop: asyncio.AbstractEventLoop) -> TcpAddress:
    """The one address to listen on: the first IPv4 one if there is any, as Go chooses. Raises AddressError."""
    found = await resolve_all(address, loop=loop)
    return next((candidate for candidate in found if candidate.family == socket.AF_INET), found[0])


def format_address(sock: socket.socket, *, peer: bool = False) -> str:
    """A socket's own address, or its peer's; empty if it has none any more."""
    try:
        host, port, *_ = sock.getpeername() if peer else sock.getsockname()
    except OSError:
        return ""
    return str(TcpAddress(_literal(host), port))


def _literal(host: str) -> str:
    """The normal form of an IP literal; an IPv4 address in IPv6's clothes is an IPv4 address. Raises ValueError."""
    parsed = ipaddress.ip_address(host)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def _port(service: str) -> int:
    digits = service.removeprefix("-").removeprefix("+")
    if digits.isdecimal() and digits.isascii():
        number = int(service)
        if not 0 <= number <= 65_535:
            raise AddressError(f"address {service}: invalid port")
        return number
    if not service:
        return 0
    try:
        return socket.getservbyname(service, "tcp")
    except OSError:
        raise AddressError(f"lookup tcp/{service}: unknown port") from None
