from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chaos.links.embedded.collection import Collection, ProxySpecification
from chaos.links.embedded.environment import Environment
from chaos.links.embedded.errors import ApiError
from chaos.links.embedded.hangup import HangupWatch
from chaos.links.embedded.toxics.noop import Noop
from chaos.links.embedded.traffic import Traffic

from .peers import address_of, listener
from .rig import setting


@pytest.fixture
async def collection() -> AsyncIterator[Collection]:
    loop = asyncio.get_running_loop()
    watch = HangupWatch(loop)
    made = Collection(Environment(loop, watch, 1, Traffic()))
    yield made
    made.stop()
    watch.close()


def wanted(name: str, *, listen: str = "127.0.0.1:0", upstream: str = "u:1", enabled: bool = True):
    return ProxySpecification(name, listen, upstream, enabled)


async def test_names_are_unique_and_sorted_by_their_bytes(collection: Collection):
    for name in ("b", "é", "a", "Z"):
        await collection.add(wanted(name))
    assert [proxy.name for proxy in collection.all()] == ["Z", "a", "b", "é"]
    with pytest.raises(ApiError, match=r"^proxy already exists$"):
        await collection.add(wanted("a"))


async def test_one_that_cannot_listen_is_not_there(collection: Collection):
    with listener() as taken, pytest.raises(ApiError, match=r"address already in use$") as caught:
        await collection.add(wanted("a", listen=address_of(taken)))
    assert caught.value.status == 500
    assert collection.all() == []


async def test_populate_keeps_what_has_the_same_addresses_and_replaces_what_has_not(collection: Collection):
    first = await collection.add(wanted("a"))
    first.chain.add(setting(Noop()))
    first.stop()
    same = wanted("a", listen=first.listen)
    assert await collection.populate([same]) == ([first], None)
    assert not first.enabled
    assert len(first.chain.settings()) == 1

    [second], failure = await collection.populate([wanted("a", listen=first.listen, upstream="v:1")])
    assert failure is None
    assert second is not first
    assert (second.enabled, second.chain.settings()) == (True, [])


async def test_populate_stops_at_the_first_failure_and_keeps_what_stands(collection: Collection):
    existing = await collection.add(wanted("b"))
    done, failure = await collection.populate(
        [wanted("a"), wanted("b", listen="127.0.0.1:99999", upstream="other:1"), wanted("c")]
    )
    assert [proxy.name for proxy in done] == ["a"]
    assert failure is not None
    assert failure.message == "address 99999: invalid port"
    assert [proxy.name for proxy in collection.all()] == ["a", "b"]
    assert existing.enabled


async def test_reset_enables_everything_and_takes_the_toxics_away(collection: Collection):
    proxy = await collection.add(wanted("a", enabled=False))
    proxy.chain.add(setting(Noop()))
    await collection.reset()
    assert (proxy.enabled, proxy.chain.settings()) == (True, [])


async def test_changes_wait_for_each_other(collection: Collection):
    await collection.add(wanted("a"))
    async with collection.changing("a"):
        removal = asyncio.get_running_loop().create_task(collection.remove("a"))
        await asyncio.sleep(0)
        assert [proxy.name for proxy in collection.all()] == ["a"]
    await removal
    assert collection.all() == []
    with pytest.raises(ApiError, match=r"^proxy not found$"):
        async with collection.changing("a"):
            pytest.fail("there is no such proxy")
