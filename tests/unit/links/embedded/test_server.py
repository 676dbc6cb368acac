from __future__ import annotations

import socket

import pytest

from chaos.errors import ConfigurationError
from chaos.links.embedded.collection import ProxySpecification
from chaos.links.embedded.server import EmbeddedProxy, Options

from .peers import address_of, api, listener


async def test_it_begins_with_the_proxies_it_is_given():
    given = [ProxySpecification("p", "127.0.0.1:0", "u:1", True)]
    async with EmbeddedProxy(Options(port=0, proxies=given)) as proxy:
        _, proxies = await api(proxy, "GET", "/proxies")
        assert list(proxies) == ["p"]


async def test_a_port_that_is_taken_is_said_with_the_remedy():
    with listener() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            async with EmbeddedProxy(Options(port=port)):
                pytest.fail("it cannot have started")
    assert str(caught.value) == (
        f"the API has no address: listen tcp 127.0.0.1:{port}: bind: address already in use; "
        "choose another with --host and --port (0: any free port)"
    )


async def test_localhost_is_one_address_although_it_has_two():
    async with EmbeddedProxy(Options(host="localhost", port=0)) as proxy:
        port = int(proxy.url.removeprefix("http://localhost:"))
        assert await api(proxy, "GET", "/proxies") == (200, {})
        with socket.create_connection(("127.0.0.1", port)):
            pass


async def test_a_proxy_that_cannot_start_is_said_and_nothing_is_left_listening():
    with listener() as taken, listener() as free:
        free_address = address_of(free)
        free.close()
        given = [
            ProxySpecification("a", free_address, "u:1", True),
            ProxySpecification("b", address_of(taken), "u:1", True),
        ]
        with pytest.raises(ConfigurationError, match=r"^a configured proxy does not start: listen tcp .* in use$"):
            async with EmbeddedProxy(Options(port=0, proxies=given)):
                pytest.fail("it cannot have started")
        with listener_on(free_address):
            pass


def listener_on(address: str):
    host, port = address.split(":")
    return socket.create_server((host, int(port)))


async def test_a_seed_is_kept_and_a_fresh_one_is_drawn_otherwise():
    assert EmbeddedProxy(Options(seed=5)).seed == 5
    assert EmbeddedProxy().seed != EmbeddedProxy().seed


async def test_an_ipv6_host_is_bracketed():
    async with EmbeddedProxy(Options(host="::1", port=0)) as proxy:
        assert proxy.url.startswith("http://[::1]:")
