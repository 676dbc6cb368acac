"""A toxic that makes no sense cannot be built, and one that was built says in Toxiproxy's units what was meant."""

from __future__ import annotations

import dataclasses

import pytest

from chaos.links.toxics import (
    TOXICS,
    BandwidthToxic,
    LatencyToxic,
    LimitDataToxic,
    ResetPeerToxic,
    SlicerToxic,
    SlowCloseToxic,
    Stream,
    TimeoutToxic,
    Toxic,
    check_toxicity,
)

EXAMPLES: list[tuple[Toxic, dict[str, int]]] = [
    (LatencyToxic(latency=0.05, jitter=0.01), {"latency": 50, "jitter": 10}),
    (LatencyToxic(latency=1.1), {"latency": 1100, "jitter": 0}),  # 1.1 * 1000 is not 1100.0
    (BandwidthToxic(rate=64_000), {"rate": 64}),
    (BandwidthToxic(rate=0), {"rate": 0}),
    (SlowCloseToxic(delay=3600.0), {"delay": 3_600_000}),
    (TimeoutToxic(timeout=0.0), {"timeout": 0}),
    (ResetPeerToxic(timeout=0.25), {"timeout": 250}),
    (
        SlicerToxic(average_size=64, size_variation=32, delay=0.000_01),
        {"average_size": 64, "size_variation": 32, "delay": 10},
    ),
    (LimitDataToxic(bytes=1000), {"bytes": 1000}),
]


@pytest.mark.parametrize(("toxic", "attributes"), EXAMPLES)
def test_attributes_are_in_toxiproxys_units(toxic: Toxic, attributes: dict[str, int]) -> None:
    assert toxic.attributes() == attributes


@pytest.mark.parametrize(("toxic", "attributes"), EXAMPLES)
def test_what_toxiproxy_says_reads_back_as_the_same_toxic(toxic: Toxic, attributes: dict[str, int]) -> None:
    assert TOXICS[toxic.type].read(attributes) == toxic


def test_every_toxic_of_toxiproxy_is_there() -> None:
    assert sorted(TOXICS) == [
        "bandwidth", "latency", "limit_data", "reset_peer", "slicer", "slow_close", "timeout",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LatencyToxic(latency=-0.05), "latency is from 0s to 24h; found -0.05s"),
        (lambda: LatencyToxic(latency=50_000_000), "latency is from 0s to 24h; found 50000000s"),
        (lambda: LatencyToxic(latency=float("nan")), "latency is from 0s to 24h; found nans"),
        (lambda: LatencyToxic(latency="50ms"), "latency is seconds as a number; found '50ms'"),  # type: ignore[arg-type]
        (lambda: LatencyToxic(latency=0.0005), "latency is a whole multiple of 1ms; found 0.0005s"),
        (
            lambda: LatencyToxic(latency=0.05, jitter=0.06),
            "jitter is at most the latency (50ms): a delay below zero is none, and the mean would no longer be the "
            "latency; found 60ms",
        ),
        (lambda: BandwidthToxic(rate=1500), "rate is a multiple of 1000 bytes a second; found 1500"),
        (lambda: BandwidthToxic(rate=-1000), "rate is from 0 to 1000000000000 bytes a second; found -1000"),
        (lambda: BandwidthToxic(rate=1.5), "rate is a whole number of bytes a second; found 1.5"),  # type: ignore[arg-type]
        (lambda: SlowCloseToxic(delay=-1), "delay is from 0s to 24h; found -1s"),
        (lambda: TimeoutToxic(timeout=True), "timeout is seconds as a number; found True"),
        (lambda: SlicerToxic(average_size=0), "average_size is from 1 to 1073741824 bytes; found 0"),
        (
            lambda: SlicerToxic(average_size=10, size_variation=10),
            "size_variation is from 0 to 9 bytes; found 10",
        ),
        (lambda: SlicerToxic(average_size=1, delay=1e-7), "delay is a whole multiple of 1us; found 1e-07s"),
        (lambda: LimitDataToxic(bytes=-1), "bytes is from 0 to 9007199254740992 bytes; found -1"),
    ],
)
def test_nonsense_cannot_be_built(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        make()
    assert str(caught.value) == message


def test_a_misspelt_attribute_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'latncy'"):
        LatencyToxic(latncy=0.05)  # type: ignore[call-arg]


def test_a_slicer_without_a_size_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'average_size'"):
        SlicerToxic()  # type: ignore[call-arg]


@pytest.mark.parametrize("toxic", [toxic for toxic, _ in EXAMPLES])
def test_a_toxic_does_not_change(toxic: Toxic) -> None:
    field = dataclasses.fields(toxic)[0].name  # type: ignore[arg-type]  # every toxic is a dataclass
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(toxic, field, 1)


def test_a_stream_is_one_of_two() -> None:
    assert Stream.of("upstream") is Stream.UPSTREAM
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        Stream.of("downstrem")
    assert str(caught.value) == ('a stream is "downstream" (server to client) or "upstream"; found \'downstrem\'')


@pytest.mark.parametrize("value", [7, -0.1, float("nan"), "1", True, None])
def test_toxicity_is_a_share(value: object) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        check_toxicity(value)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"toxicity is a number from 0 to 1, the share of connections it acts on; found {value!r}"
    )
