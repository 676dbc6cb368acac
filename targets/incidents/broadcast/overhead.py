"""Bytes of one client in a minute: the feed, and polling instead of it. `overhead.py HOST PORT`, while the server runs.

One broadcast, one ping and one poll are counted on the socket, as they are (TCP's and IP's own are left out), and
multiplied by how often each comes in a minute with the owners' figures: a broadcast every 5 s, a ping every 20 s, a
poll every 30 s, or as often as a broadcast.
"""

from __future__ import annotations

import http.client
import socket
import sys

FEED = "/ws/monitoring/pipeline-status"
POLL = "/api/v1/monitoring/pipeline-status"
PING = 2 + 4 + 6 + 4
"""A ping of four bytes and its masked pong."""

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Accept": "application/json, text/plain, */*",
    "Accept-Language": "en-GB,en-US;q=0.9,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://app.example.test/monitoring",
    "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}
"""What a browser sends with each request by itself."""

TOKEN = {"Authorization": "Bearer " + "x" * 800}
"""A JWT with some claims, as applications send it."""


def main(host: str, port: int) -> None:
    """Print the table."""
    broadcast = _broadcast(host, port)
    ways = {f"feed, a broadcast of {broadcast} bytes every 5 s": 12 * broadcast + 3 * PING}
    for who, headers in (("no headers", {}), ("a browser's headers", BROWSER), ("and a token", {**BROWSER, **TOKEN})):
        one = _poll(host, port, headers)
        ways[f"a poll of {one} bytes every 30 s, {who}"] = 2 * one
        ways[f"a poll of {one} bytes every 5 s, {who}"] = 12 * one
    feed = next(iter(ways.values()))
    for way, in_a_minute in ways.items():
        print(f"{in_a_minute:>7} bytes a minute  feed is {100 * (feed / in_a_minute - 1):+.0f} %  {way}")


def _broadcast(host: str, port: int) -> int:
    """Bytes of one broadcast, its frame included."""
    with socket.create_connection((host, port), 20) as connection, connection.makefile("rb") as stream:
        request = f"GET {FEED} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        request += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        connection.sendall(request.encode())
        while stream.readline() != b"\r\n":
            pass
        while True:
            head = stream.read(2)
            size = head[1] if head[1] < 126 else int.from_bytes(stream.read(2), "big")
            stream.read(size)
            if head[0] & 15 == 1:  # a text, and no ping
                return size + (2 if size < 126 else 4)


def _poll(host: str, port: int, headers: dict[str, str]) -> int:
    """Bytes of one request and its answer on a connection that is kept."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    connection.request("GET", POLL, headers=headers)
    asked = [f"GET {POLL} HTTP/1.1", f"Host: {host}:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    if "Accept-Encoding" not in headers:
        asked.append("Accept-Encoding: identity")
    answer = connection.getresponse()
    body = answer.read()
    told = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in answer.getheaders())]
    connection.close()
    return sum(len(line) + 2 for line in (*asked, "", *told, "")) + len(body)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
