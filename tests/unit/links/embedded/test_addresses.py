from __future__ import annotations

import asyncio
import socket

import pytest

from chaos.links.embedded.addresses import (
    AddressError,
    TcpAddress,
    format_address,
    resolve,
    split_host_port,
)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:80", ("127.0.0.1", "80")),
        (":80", ("", "80")),
        ("host:", ("host", "")),
        ("[::1]:80", ("::1", "80")),
        ("[fe80::1%lo]:http", ("fe80::1%lo", "http")),
    ],
)
def test_splits(address: str, parts: tuple[str, str]):
    assert split_host_port(address) == parts


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("foo", "missing port in address"),
        ("[::1]", "missing port in address"),
        ("[::1]x:5", "missing port in address"),
        ("a:b:c", "too many colons in address"),
        ("::1", "too many colons in address"),
        ("[::1]:5:6", "too many colons in address"),
        ("x[::1]:5", "too many colons in address"),
        ("[::1:5", "missing ']' in address"),
        ("x]:5", "unexpected ']' in address"),
        ("x[:5", "unexpected '[' in address"),
        ("[a[b]:5", "unexpected '[' in address"),
        ("[ab]]:5", "missing port in address"),
    ],
)
def test_refuses_in_go_s_words(address: str, why: str):
    with pytest.raises(AddressError) as caught:
        split_host_port(address)
    assert str(caught.value) == f"address {address}: {why}"


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("localhost:80", "127.0.0.1:80"),
        ("127.0.0.1:", "127.0.0.1:0"),
        ("127.0.0.1:http", "127.0.0.1:80"),
        ("[0:0::1]:80", "[::1]:80"),
        ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
        (":80", ":80"),
        ("", ":0"),
    ],
)
async def test_resolves_to_a_normal_form(address: str, normal: str):
    assert str(await resolve(address, loop=asyncio.get_running_loop())) == normal


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:65536", "address 65536: invalid port"),
        ("127.0.0.1:-1", "address -1: invalid port"),
        ("127.0.0.1:nosuch", "lookup tcp/nosuch: unknown port"),
        ("a..b:80", "lookup a..b: no such host"),
    ],
)
async def test_what_does_not_resolve_says_so_as_go_does(address: str, message: str):
    with pytest.raises(AddressError) as caught:
        await resolve(address, loop=asyncio.get_running_loop())
    assert str(caught.value) == message


def test_wildcards():
    assert [TcpAddress(host, 0).is_wildcard for host in ("", "0.0.0.0", "::", "::1", "127.0.0.1")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_socket_without_a_peer_has_no_address():
    with socket.socket() as sock:
        assert format_address(sock, peer=True) == ""
