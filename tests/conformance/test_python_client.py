"""toxiproxy-python 0.1.1, the client this suite's users have: everything it can do, against both servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from .servers import Server
from .wire import Wire, arrives, listening


@pytest.fixture
def toxiproxy(server: Server) -> Iterator[Toxiproxy]:
    """The client, pointed at the server. Its address is a class attribute: a second client would move the first."""
    before = (APIConsumer.host, APIConsumer.port)
    client = Toxiproxy()
    client.update_api_consumer("127.0.0.1", server.port)
    yield client
    client.update_api_consumer(*before)


def test_it_runs_and_has_a_version(toxiproxy: Toxiproxy):
    assert toxiproxy.running()
    assert toxiproxy.version() == b'{"version": "2.12.0"}\n'


def test_proxies_come_and_go(toxiproxy: Toxiproxy):
    made = toxiproxy.create(upstream="127.0.0.1:1", name="by client")
    assert (made.name, made.enabled, made.upstream) == ("by client", True, "127.0.0.1:1")
    assert listening(int(made.listen.rpartition(":")[2]))
    found = toxiproxy.get_proxy("by client")
    assert found is not None
    assert found.listen == made.listen
    with pytest.raises(ProxyExists):
        toxiproxy.create(upstream="127.0.0.1:1", name="by client")
    assert toxiproxy.destroy(found)
    assert toxiproxy.get_proxy("by client") is None
    with pytest.raises(NotFound):
        found.destroy()


def test_toxics_come_and_go(toxiproxy: Toxiproxy, wire: Wire):
    proxy = toxiproxy.get_proxy(wire.name)
    assert proxy is not None
    proxy.add_toxic(type="latency", attributes={"latency": 5, "jitter": 1})
    proxy.add_toxic(name="cut", type="timeout", stream="upstream", toxicity=0.5, attributes={"timeout": 10})
    assert list(proxy.toxics()) == ["cut", "latency_downstream"]
    toxic = proxy.get_toxic("cut")
    assert (toxic.type, toxic.stream, toxic.toxicity, toxic.attributes) == (
        "timeout",
        "upstream",
        0.5,
        {"timeout": 10},
    )
    with pytest.raises(ProxyExists):  # its name for any 409
        proxy.add_toxic(type="latency")
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="nonsense")
    proxy.destroy_toxic("cut")
    with pytest.raises(NotFound):
        proxy.destroy_toxic("cut")


def test_a_proxy_goes_down_and_comes_back(toxiproxy: Toxiproxy, wire: Wire):
    proxy = toxiproxy.get_proxy(wire.name)
    assert proxy is not None
    client, _ = wire.established()
    with proxy.down():
        assert arrives(client) == "FIN"
        assert not listening(wire.port)
    wire.established()


def test_reset(toxiproxy: Toxiproxy, wire: Wire):
    proxy = toxiproxy.get_proxy(wire.name)
    assert proxy is not None
    proxy.add_toxic(type="latency", attributes={"latency": 5})
    proxy.disable()
    toxiproxy.reset()
    proxy = toxiproxy.get_proxy(wire.name)
    assert proxy is not None
    assert (proxy.enabled, proxy.toxics()) == (True, {})
