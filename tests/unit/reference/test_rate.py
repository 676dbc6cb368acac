"""Token buckets."""

from __future__ import annotations

from reference_server.rate import HandshakeRate, TokenBucket

from .fakes import FakeTime


def test_burst_then_rate() -> None:
    clock = FakeTime()
    bucket = TokenBucket(rate=2, burst=3, monotonic=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.advance(0.5)
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.advance(100)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_takes_all_or_nothing() -> None:
    bucket = TokenBucket(rate=1, burst=5, monotonic=FakeTime())
    assert not bucket.take(6)
    assert bucket.take(5)


def test_rate_zero_allows_everything() -> None:
    bucket = TokenBucket(rate=0, burst=1, monotonic=FakeTime())
    assert all(bucket.take(1000) for _ in range(10))


def test_addresses_do_not_share_and_quiet_ones_are_forgotten() -> None:
    clock = FakeTime()
    rate = HandshakeRate(rate=1, burst=2, monotonic=clock)
    assert [rate.allows("a") for _ in range(3)] == [True, True, False]
    assert rate.allows("b")
    clock.advance(1)
    rate.forget_quiet()
    assert len(rate) == 1
    clock.advance(1)
    rate.forget_quiet()
    assert len(rate) == 0


def test_rate_zero_keeps_nothing() -> None:
    rate = HandshakeRate(rate=0, burst=1)
    assert all(rate.allows(str(number)) for number in range(100))
    assert len(rate) == 0
