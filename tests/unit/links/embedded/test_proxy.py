"""A proxy's listener: starting, stopping, changing, dialling."""

from __future__ import annotations

import asyncio
import resource
import socket

import pytest

from chaos.links.embedded.server import EmbeddedProxy, Options

from .peers import DEADLINE, address_of, api, arrival, connect, listener, pair_through, reset


async def listening(address: tuple[str, int]) -> bool:
    try:
        (await connect(address)).close()
    except ConnectionRefusedError:
        return False
    return True


async def test_disabling_closes_listener_and_connections_and_enabling_takes_the_same_port():
    async with pair_through() as pair:
        answer = await pair.api("PATCH", "/proxies/p", {"enabled": False})
        assert answer["enabled"] is False
        assert await arrival(pair.client) == "FIN"
        assert await arrival(pair.server) == "FIN"
        assert not await listening(pair.address)
        answer = await pair.api("PATCH", "/proxies/p", {"enabled": True})
        assert answer["listen"] == "{}:{}".format(*pair.address)
        assert await listening(pair.address)


async def test_a_new_upstream_cuts_the_old_connections_and_takes_new_ones():
    async with pair_through() as pair:
        with listener() as other:
            await pair.api("PATCH", "/proxies/p", {"upstream": address_of(other)})
            assert await arrival(pair.client) == "FIN"
            client = await connect(pair.address)
            server, _ = await asyncio.get_running_loop().sock_accept(other)
            with client, server:
                client.send(b"hello")
                assert await arrival(server) == b"hello"


async def test_a_new_address_to_listen_on_with_port_0_becomes_a_real_one():
    async with pair_through() as pair:
        answer = await pair.api("PATCH", "/proxies/p", {"listen": "127.0.0.1:0"})
        host, port = answer["listen"].split(":")
        assert int(port) not in (0, pair.address[1])
        assert not await listening(pair.address)
        assert await listening((host, int(port)))


async def test_deleting_frees_the_port():
    async with pair_through() as pair:
        await pair.api("DELETE", "/proxies/p")
        assert await arrival(pair.client) == "FIN"
        with socket.create_server(pair.address):
            pass


async def test_an_unreachable_upstream_closes_the_client_and_the_ledger_says_why():
    async with pair_through() as pair:
        await pair.api("PATCH", "/proxies/p", {"upstream": "127.0.0.1:1"})
        with await connect(pair.address) as client:
            assert await arrival(client) == "FIN"
        record = await pair.last_connection()
        assert [(event["side"], event["what"], event["detail"]) for event in record["events"]] == [
            ("upstream", "refused", "ECONNREFUSED")
        ]


async def test_an_upstream_that_is_no_address_closes_the_client_and_the_ledger_says_why():
    async with pair_through() as pair:
        await pair.api("PATCH", "/proxies/p", {"upstream": "nonsense"})
        with await connect(pair.address) as client:
            assert await arrival(client) == "FIN"
        record = await pair.last_connection()
        assert record["events"][0]["detail"] == "address nonsense: missing port in address"


async def full_backlog(backlog: socket.socket) -> list[socket.socket]:
    """Fill a listener's queue, so that the next connection attempt to it hangs."""
    fillers = []
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        fillers.append(sock)
        try:
            async with asyncio.timeout(0.1):
                await asyncio.get_running_loop().sock_connect(sock, backlog.getsockname())
        except TimeoutError:
            return fillers


async def test_a_dial_that_hangs_holds_up_nobody_else():
    """Toxiproxy dials inside its accept loop: there the API call below would hang as well."""
    async with pair_through() as pair:
        with listener(backlog=0) as hole:
            fillers = await full_backlog(hole)
            await pair.api("PATCH", "/proxies/p", {"upstream": address_of(hole)})
            hung = [await connect(pair.address) for _ in range(3)]
            async with asyncio.timeout(DEADLINE):
                while len(await pair.connections()) < 4:
                    pass
            assert [record["connected_at"] for record in (await pair.connections())[1:]] == [None] * 3
            await pair.api("PATCH", "/proxies/p", {"enabled": False})
            for client in hung:
                assert await arrival(client) == "FIN"
            for sock in (*hung, *fillers):
                sock.close()


async def test_a_server_that_resets_at_once_resets_the_client():
    async with pair_through() as pair:
        for _ in range(20):
            with await connect(pair.address) as client:
                server, _ = await asyncio.get_running_loop().sock_accept(pair.upstream)
                reset(server)
                assert await arrival(client) == "RST"


async def test_running_out_of_file_descriptors_is_survived():
    """Toxiproxy's accept loop ends at the first such error."""
    loop = asyncio.get_running_loop()
    async with pair_through() as pair:
        clients = [socket.socket() for _ in range(2)]
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as spare:
            lowest_free = spare.fileno()
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
            for client in clients:
                client.setblocking(False)
                await loop.sock_connect(client, pair.address)
            assert await arrival(clients[0], within=0.05) == "nothing"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for client in clients:
            server, _ = await asyncio.wait_for(loop.sock_accept(pair.upstream), DEADLINE)
            with server, client:
                server.send(b"alive")
                assert await arrival(client) == b"alive"


@pytest.mark.parametrize("listen", [":0", "0.0.0.0:0", "[::]:0", ""])
async def test_a_wildcard_listens_on_both_families(listen: str):
    if not socket.has_dualstack_ipv6():
        pytest.skip("no dual-stack sockets here")
    async with EmbeddedProxy(Options(port=0)) as proxy:
        _, made = await api(proxy, "POST", "/proxies", {"name": "w", "listen": listen, "upstream": "127.0.0.1:1"})
        host, _, port = made["listen"].rpartition(":")
        assert host == "[::]"
        assert await listening(("127.0.0.1", int(port)))
