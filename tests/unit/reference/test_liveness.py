"""Who is dead, who is only slow: each excuse, and that a stalled peer gets none."""

from __future__ import annotations

from dataclasses import replace

from reference_server.liveness import NOTHING_SEEN, Evidence, Liveness, Ping


def pinged(*, ends_at: int = 1000) -> Liveness:
    liveness = Liveness()
    liveness.pinged(Ping(payload=b"a", sent_at=10.0, ends_at=ends_at), seen())
    return liveness


def seen(**changes: object) -> Evidence:
    return replace(NOTHING_SEEN, delivered=100, **changes)  # type: ignore[arg-type]  # fields by name


def test_owes_nothing_before_a_ping() -> None:
    assert Liveness().silence(now=1e9) == 0


def test_silence_counts_from_the_oldest_unanswered_ping() -> None:
    liveness = pinged()
    liveness.pinged(Ping(payload=b"b", sent_at=15.0, ends_at=1006), seen())
    assert liveness.silence(now=20.0) == 10.0
    assert liveness.ponged(b"a")
    assert liveness.silence(now=20.0) == 5.0


def test_a_pong_answers_all_earlier_pings() -> None:
    liveness = pinged()
    liveness.pinged(Ping(payload=b"b", sent_at=15.0, ends_at=1006), seen())
    assert liveness.ponged(b"b")
    assert liveness.silence(now=20.0) == 0


def test_unsolicited_pongs_count_for_nothing() -> None:
    liveness = pinged()
    assert not liveness.ponged(b"")
    assert not liveness.ponged(b"other")
    assert liveness.silence(now=20.0) == 10.0


def test_taking_what_lies_before_the_ping_is_an_excuse() -> None:
    liveness = pinged()
    liveness.look(replace(seen(), delivered=600, outstanding=400), now=19.0)
    assert liveness.silence(now=20.0) == 1.0
    assert not liveness.has_the_ping


def test_taking_the_ping_after_a_wait_is_one_too() -> None:
    liveness = pinged()
    liveness.look(replace(seen(), delivered=600, outstanding=400), now=15.0)
    liveness.look(replace(seen(), delivered=1000), now=19.0)
    assert liveness.has_the_ping
    assert liveness.silence(now=20.0) == 1.0


def test_taking_the_ping_at_once_is_none() -> None:
    liveness = pinged(ends_at=106)
    liveness.look(replace(seen(), delivered=106), now=19.0)
    assert liveness.has_the_ping
    assert liveness.silence(now=20.0) == 10.0


def test_taking_nothing_is_none() -> None:
    liveness = pinged()
    liveness.look(seen(outstanding=900, reading=False), now=19.0)
    assert liveness.silence(now=20.0) == 10.0


def test_taking_what_lies_after_the_ping_is_none() -> None:
    liveness = pinged(ends_at=100)
    liveness.look(replace(seen(), delivered=5000), now=19.0)
    assert liveness.has_the_ping
    assert liveness.silence(now=20.0) == 10.0


def test_our_own_deafness_is_an_excuse() -> None:
    liveness = pinged(ends_at=100)
    liveness.look(seen(reading=False), now=19.0)
    assert liveness.silence(now=20.0) == 1.0


def test_an_unfinished_frame_that_grows_is_an_excuse() -> None:
    liveness = pinged(ends_at=100)
    liveness.look(seen(received=500, mid_frame=True), now=19.0)
    assert liveness.silence(now=20.0) == 1.0
    liveness.look(seen(received=500, mid_frame=True), now=25.0)
    assert liveness.silence(now=26.0) == 7.0


def test_complete_messages_are_none() -> None:
    liveness = pinged(ends_at=100)
    liveness.look(seen(received=500), now=19.0)
    assert liveness.silence(now=20.0) == 10.0
