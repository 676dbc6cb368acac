"""Addresses, and the rule that keeps traffic at home."""

from __future__ import annotations

import re

import pytest

from chaos.address import Address, refuse_foreign
from chaos.errors import ConfigurationError, ForeignAddress


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("127.0.0.1", 80), "127.0.0.1:80"),
        (Address("::1", 80), "[::1]:80"),
        (Address("server", 8765), "server:8765"),
    ],
)
def test_an_address_reads_as_in_a_url(address: Address, text: str) -> None:
    assert str(address) == text
    assert address.url("ws", "/echo") == f"ws://{text}/echo"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "::1", "localhost"])
def test_loopback_is_home(host: str) -> None:
    refuse_foreign(Address(host, 80))


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "128.0.0.1",
        "::",
        "::2",
        "example.org",
        "localhost.example.org",
        "LOCALHOST ",
        "",
        "127.0.0.1.example.org",
        "2130706433",  # 127.0.0.1 as a single number: some resolvers take it, we do not
    ],
)
def test_every_other_host_is_foreign(host: str) -> None:
    with pytest.raises(ForeignAddress, match=f"--chaos-allow-host={re.escape(host)}$"):
        refuse_foreign(Address(host, 80))


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError) as caught:
        refuse_foreign(Address("10.1.2.3", 8765))
    assert str(caught.value) == (
        "10.1.2.3:8765 is neither loopback nor started by this suite, so no load or fault may go there; "
        "if it is yours, allow it by name with --chaos-allow-host=10.1.2.3"
    )


def test_a_host_is_allowed_by_its_exact_name() -> None:
    refuse_foreign(Address("staging", 80), allowed_hosts={"staging"})
    with pytest.raises(ForeignAddress):
        refuse_foreign(Address("staging.example.org", 80), allowed_hosts={"staging"})
