from __future__ import annotations

import dataclasses

import pytest

from chaos.links.embedded.toxics import Toxic, named, names


def test_the_kinds_are_those_of_toxiproxy_2_12():
    assert names() == (
        "bandwidth",
        "latency",
        "limit_data",
        "noop",
        "reset_peer",
        "slicer",
        "slow_close",
        "timeout",
    )


@pytest.mark.parametrize("kind", ["Latency", "packet_loss", ""])
def test_other_kinds_are_unknown(kind: str):
    assert named(kind) is None


@pytest.mark.parametrize("kind", names())
def test_attributes_are_integers_that_default_to_zero(kind: str):
    toxic = named(kind)
    assert toxic is not None
    assert issubclass(toxic, Toxic)
    assert all(value == 0 for value in dataclasses.asdict(toxic()).values())
    assert all(field.type == "int" for field in dataclasses.fields(toxic))
