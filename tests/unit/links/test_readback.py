"""What was sent is compared with what is read, in Go's spelling."""

from __future__ import annotations

import pytest

from chaos.errors import LinkError
from chaos.links.readback import expect_same, same_listen, split_listen


@pytest.mark.parametrize(
    ("sent", "read", "same"),
    [
        ("127.0.0.1:0", "127.0.0.1:4242", True),
        ("127.0.0.1:4242", "127.0.0.1:4242", True),
        ("127.0.0.1:4242", "127.0.0.1:4243", False),
        ("127.0.0.1:4242", "[::]:4242", False),
        ("0.0.0.0:4242", "[::]:4242", True),
        ("[::1]:4242", "[::1]:4242", True),
        ("localhost:4242", "127.0.0.1:4242", True),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
def test_listen_addresses(sent: str, read: str, same: bool) -> None:
    assert same_listen(sent, read) is same


def test_an_address_as_go_writes_it() -> None:
    assert split_listen("[::1]:80") == ("::1", 80)
    with pytest.raises(ValueError, match="invalid literal"):
        split_listen("nowhere")


def test_toxicity_is_compared_as_a_32_bit_float() -> None:
    expect_same({"toxicity": 0.123456789}, {"toxicity": 0.12345679}, what="it")


@pytest.mark.parametrize(
    ("read", "difference"),
    [
        ({"latency": 0}, "latency: sent 50, read 0"),
        ({}, "latency: sent 50, read 'nothing'"),
    ],
)
def test_a_difference_names_the_attribute_and_both_values(read: dict[str, int], difference: str) -> None:
    with pytest.raises(LinkError) as caught:
        expect_same({"latency": 50}, read, what="'latency-1' on 'echo'")
    assert str(caught.value) == (
        f"'latency-1' on 'echo' was accepted but is not as it was sent: {difference}; "
        "is this Toxiproxy 2.x, and does nobody else change it?"
    )
