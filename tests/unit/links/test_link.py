"""What is done to a link is seen on sockets, and on what Toxiproxy says of itself."""

from __future__ import annotations

import asyncio
import socket

import pytest
import requests

from chaos.address import Address
from chaos.errors import LinkError
from chaos.links.toxics import LatencyToxic, SlicerToxic, SlowCloseToxic, Stream, TimeoutToxic, Toxic
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkKind
from tests.unit.links.servers import PATIENCE, ending, pair_through, quickest
from tests.unit.links.test_toxics import EXAMPLES


async def test_a_latency_is_seen_on_a_socket(toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket) -> None:
    link = await toxiproxy.create_link("latency", upstream)
    with pair_through(link.address, listener) as pair:
        calm = quickest(pair.downstream)
        handle = await link.add(LatencyToxic(latency=0.05))
        slow = quickest(pair.downstream)
        other_way = quickest(pair.upstream)
        await link.remove(handle)
        after = quickest(pair.downstream)
    assert slow >= 0.05
    assert max(calm, other_way, after) < 0.05


async def test_upstream_is_from_client_to_server(
    toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket
) -> None:
    link = await toxiproxy.create_link("upstream", upstream)
    with pair_through(link.address, listener) as pair:
        await link.add(LatencyToxic(latency=0.05), stream="upstream")
        assert quickest(pair.upstream) >= 0.05
        assert quickest(pair.downstream) < 0.05


@pytest.mark.parametrize("toxic", [toxic for toxic, _ in EXAMPLES], ids=lambda toxic: toxic.type)
async def test_every_toxic_reads_back(toxiproxy: Toxiproxy, upstream: Address, toxic: Toxic) -> None:
    link = await toxiproxy.create_link("all", upstream)
    handle = await link.add(toxic, stream=Stream.UPSTREAM, toxicity=0.3)
    assert await link.toxics() == (handle,)
    assert (handle.toxic, handle.stream) == (toxic, Stream.UPSTREAM)
    await link.remove(handle)
    assert await link.toxics() == ()


async def test_an_update_is_seen(toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket) -> None:
    link = await toxiproxy.create_link("update", upstream)
    with pair_through(link.address, listener) as pair:
        handle = await link.add(LatencyToxic(latency=0.0))
        changed = await link.update(handle, LatencyToxic(latency=0.05))
        assert quickest(pair.downstream) >= 0.05
        spared = await link.update(changed, LatencyToxic(latency=0.05), toxicity=0.0)
        assert quickest(pair.downstream) < 0.05
    assert await link.toxics() == (spared,)


async def test_an_update_keeps_the_type(toxiproxy: Toxiproxy, upstream: Address) -> None:
    link = await toxiproxy.create_link("type", upstream)
    handle = await link.add(LatencyToxic(latency=0.01))
    with pytest.raises(ValueError, match=r"^'latency-1' is a latency; a slow_close is another toxic: add that one$"):
        await link.update(handle, SlowCloseToxic(delay=1.0))


@pytest.mark.parametrize("options", [{"stream": "sideways"}, {"toxicity": 7}])
async def test_nonsense_is_refused_before_anything_is_sent(
    toxiproxy: Toxiproxy, upstream: Address, options: dict[str, str]
) -> None:
    link = await toxiproxy.create_link("nonsense", upstream)
    with pytest.raises(ValueError, match="; found "):
        await link.add(LatencyToxic(latency=0.01), **options)  # type: ignore[arg-type]
    assert await link.toxics() == ()


class _Misspelt(LatencyToxic):
    """What a person can get wrong who writes the JSON by hand; Toxiproxy answers it with 200."""

    def attributes(self) -> dict[str, int]:
        return {"latncy": 50}


async def test_what_toxiproxy_accepts_and_ignores_is_found(toxiproxy: Toxiproxy, upstream: Address) -> None:
    link = await toxiproxy.create_link("ignored", upstream)
    with pytest.raises(LinkError) as caught:
        await link.add(_Misspelt(latency=0.05))
    assert str(caught.value) == (
        "'latency-1' on 'ignored' was accepted but is not as it was sent: latncy: sent 50, read 'nothing'; "
        "is this Toxiproxy 2.x, and does nobody else change it?"
    )


async def test_a_toxic_that_somebody_else_put_there_is_no_secret(
    toxiproxy: Toxiproxy, upstream: Address, api: Address
) -> None:
    link = await toxiproxy.create_link("foreign", upstream)
    url, body = api.url("http", "/proxies/foreign/toxics"), {"type": "latency", "attributes": {"latency": -5}}
    answer = await asyncio.to_thread(requests.post, url, json=body, timeout=PATIENCE)
    assert answer.status_code == 200
    with pytest.raises(LinkError) as caught:
        await link.toxics()
    assert str(caught.value) == (
        "the toxic 'latency_downstream' (latency {'latency': -5, 'jitter': 0}) is none that this library puts on a "
        "link; somebody else did"
    )


async def test_a_toxic_is_removed_only_once(toxiproxy: Toxiproxy, upstream: Address, api: Address) -> None:
    link = await toxiproxy.create_link("once", upstream)
    handle = await link.add(SlowCloseToxic(delay=0.01))
    await link.remove(handle)
    with pytest.raises(LinkError) as caught:
        await link.remove(handle)
    assert str(caught.value) == (
        f"Toxiproxy at {api} refused removing 'slow_close-1' from 'once': toxic not found (HTTP 404); "
        "somebody else removed it, or Toxiproxy was restarted"
    )


async def test_changes_made_at_once_take_their_turns(toxiproxy: Toxiproxy, upstream: Address) -> None:
    link = await toxiproxy.create_link("turns", upstream)
    handles = await asyncio.gather(*(link.add(LatencyToxic(latency=n / 1000)) for n in range(8)))
    assert set(await link.toxics()) == set(handles)
    await asyncio.gather(*map(link.remove, handles))
    assert await link.toxics() == ()


# -- true RST -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", list(Stream))
async def test_a_prepared_reset_is_a_true_rst_on_both_sides(
    toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket, trigger: Stream
) -> None:
    link = await toxiproxy.create_link("reset", upstream)
    await link.prepare_reset()
    with pair_through(link.address, listener) as pair:
        pair.upstream(b"before")
        pair.downstream(b"before")
        await link.reset_all()
        (pair.client if trigger is Stream.UPSTREAM else pair.server).sendall(b"x")
        assert (ending(pair.client), ending(pair.server)) == ("RST", "RST")


async def test_what_is_not_prepared_is_not_reset_by_toxiproxy(
    toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket, kind: LinkKind
) -> None:
    link = await toxiproxy.create_link("unprepared", upstream)
    with pair_through(link.address, listener) as pair:
        pair.upstream(b"before")
        if kind is LinkKind.EMBEDDED:
            await link.reset_all()
            pair.server.sendall(b"x")
            assert (ending(pair.client), ending(pair.server)) == ("RST", "RST")
        else:
            with pytest.raises(LinkError) as caught:
                await link.reset_all()
            assert str(caught.value) == (
                "'unprepared' was not prepared for resets: Toxiproxy would send FIN; "
                "call prepare_reset() before the clients connect"
            )


async def test_after_end_reset_new_connections_live_and_end_in_fin(
    toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket
) -> None:
    link = await toxiproxy.create_link("end-reset", upstream)
    await link.prepare_reset()
    await link.reset_all()
    await link.end_reset()
    assert await link.toxics() == ()
    with pair_through(link.address, listener) as pair:
        pair.upstream(b"x")
        pair.downstream(b"x")
        pair.client.close()
        assert ending(pair.server) == "FIN"


# -- down, up, close ------------------------------------------------------------------------------------------------


async def test_down_refuses_and_cuts_and_up_listens_again(
    toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket
) -> None:
    link = await toxiproxy.create_link("down", upstream)
    where = (link.address.host, link.address.port)
    with pair_through(link.address, listener) as pair:
        await link.down()
        assert ending(pair.client) in ("FIN", "RST")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where, timeout=PATIENCE)
    await link.up()
    with pair_through(link.address, listener) as pair:
        pair.upstream(b"x")


async def test_up_says_when_somebody_took_the_port(toxiproxy: Toxiproxy, upstream: Address, api: Address) -> None:
    link = await toxiproxy.create_link("stolen", upstream)
    await link.down()
    with socket.create_server((link.address.host, link.address.port)):
        with pytest.raises(LinkError) as caught:
            await link.up()
        assert str(caught.value) == (
            f"Toxiproxy at {api} refused enabling 'stolen': listen tcp {link.address}: bind: address already in use "
            "(HTTP 500); something else listens there: choose another port, or 0 for any"
        )
    await link.up()


async def test_close_removes_the_proxy_with_toxics_still_on_it(
    toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket
) -> None:
    link = await toxiproxy.create_link("close", upstream)
    with pair_through(link.address, listener) as pair:
        await link.add(LatencyToxic(latency=60.0))
        await link.add(SlicerToxic(average_size=10))
        await link.add(TimeoutToxic(timeout=0.0), stream="upstream")
        pair.server.sendall(b"held" * 1000)
        await link.close()
        assert ending(pair.client) in ("FIN", "RST")
    assert toxiproxy.links == ()
    assert "close" not in await toxiproxy.proxies()
    await link.close()


async def test_a_link_closes_after_its_body_and_keeps_the_bodys_error(toxiproxy: Toxiproxy, upstream: Address) -> None:
    with pytest.raises(ZeroDivisionError):
        async with await toxiproxy.create_link("body", upstream):
            raise ZeroDivisionError
    assert "body" not in await toxiproxy.proxies()


async def test_the_embedded_proxy_tells_what_became_of_connections(
    toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket, kind: LinkKind
) -> None:
    link = await toxiproxy.create_link("ledger", upstream)
    with pair_through(link.address, listener) as pair:
        found = await link.connections()
        if kind is LinkKind.TOXIPROXY:
            assert found is None
            return
        assert found is not None
        assert [(one.client, one.local) for one in found] == [(pair.client.getsockname(), pair.server.getpeername())]
        pair.client.close()
        assert ending(pair.server) == "FIN"
        (ended,) = await link.connections() or ()
        event = ended.saw("client", "fin_received")
        assert event is not None
        assert event.at >= ended.accepted_at
