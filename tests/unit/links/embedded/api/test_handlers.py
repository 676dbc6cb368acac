"""What `/connections` and `/metrics` answer; Toxiproxy's own routes are covered by tests/conformance."""

from __future__ import annotations

import asyncio

from chaos.links.embedded.server import EmbeddedProxy, Options

from ..peers import address_of, api, arrival, listener, pair_through


async def test_connections_of_one_proxy_or_of_all():
    async with pair_through() as pair:
        with listener() as other:
            body = {"name": "q", "listen": "127.0.0.1:0", "upstream": address_of(other)}
            await pair.api("POST", "/proxies", body)
        everything = await pair.api("GET", "/connections")
        assert list(everything["proxies"]) == ["p", "q"]
        assert everything["seed"] == 1
        assert everything["now"] <= asyncio.get_running_loop().time()
        one = await pair.api("GET", "/connections/p")
        assert list(one["proxies"]) == ["p"]
        assert [record["number"] for record in one["proxies"]["p"]["connections"]] == [1]
        none = await pair.api("GET", "/connections/p?after=1")
        assert none["proxies"]["p"]["connections"] == []
        assert none["proxies"]["p"]["accepted"] == 1


async def test_connections_that_cannot_be_told():
    async with EmbeddedProxy(Options(port=0)) as proxy:
        assert await api(proxy, "GET", "/connections/p") == (404, {"error": "proxy not found", "status": 404})
        assert await api(proxy, "GET", "/connections?after=x") == (
            400,
            {"error": "after is 'x', it must be the number of a connection", "status": 400},
        )


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
