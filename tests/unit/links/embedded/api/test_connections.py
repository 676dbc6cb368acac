from __future__ import annotations

import asyncio

from chaos.links.embedded.api.connections import BATCH, connections_text
from chaos.links.embedded.server import EmbeddedProxy, Options

from ..peers import DEADLINE, address_of, api, connect, listener, pair_through


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


async def test_many_connections_are_told_in_pieces():
    async with pair_through() as pair:
        turns = 0

        async def another() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        clients = [await connect(pair.address) for _ in range(2 * BATCH)]
        async with asyncio.timeout(DEADLINE):
            while len(await pair.connections()) < 2 * BATCH + 1:
                pass
        task = asyncio.get_running_loop().create_task(another())
        proxy = pair.proxy.collection.get("p")
        text = await connections_text([proxy], after=0, seed=1, now=0.5)
        task.cancel()
        assert text.count('"number"') == 2 * BATCH + 1
        assert turns >= 3
        for client in clients:
            client.close()
