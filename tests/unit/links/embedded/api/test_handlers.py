"""What `/metrics` answers; the other routes are covered by tests/conformance."""

from __future__ import annotations

import asyncio

from chaos.links.embedded.server import EmbeddedProxy, Options

from ..peers import address_of, arrival, pair_through


async def test_byte_counters_move_when_a_connection_ends():
    async with pair_through(Options(port=0, proxy_metrics=True)) as pair:
        pair.client.send(b"12345")
        assert await arrival(pair.server) == b"12345"
        assert "toxiproxy_proxy_received_bytes_total" not in await text_of(pair.proxy)
        pair.client.close()
        pair.server.close()
        await pair.last_connection()
        labels = (
            f'{{direction="upstream",listener="127.0.0.1:{pair.address[1]}",proxy="p",'
            f'upstream="{address_of(pair.upstream)}"}}'
        )
        lines = (await text_of(pair.proxy)).splitlines()
        assert f"toxiproxy_proxy_received_bytes_total{labels} 5" in lines
        assert f"toxiproxy_proxy_sent_bytes_total{labels} 5" in lines


async def text_of(proxy: EmbeddedProxy) -> str:
    host, port = proxy.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    assert text.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8;")
    return text


async def test_without_being_asked_for_there_are_no_metrics():
    async with EmbeddedProxy(Options(port=0)) as proxy:
        host, port = proxy.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 404 Not Found\r\n")
        writer.close()
        await writer.wait_closed()
