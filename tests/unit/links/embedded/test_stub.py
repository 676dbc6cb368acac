from __future__ import annotations

from chaos.links.embedded.toxics.bandwidth import Bandwidth
from chaos.links.embedded.toxics.latency import Latency
from chaos.links.embedded.toxics.noop import Noop
from chaos.links.embedded.toxics.timeout import Timeout

from .rig import LinkBench, setting


def drawn_on(connections: int, *, toxicity: float, seed: int = 1) -> list[bool]:
    """Whether a toxic acts on the first connections of a proxy."""
    toxic = setting(Timeout(), toxicity=toxicity)
    return [LinkBench(toxic, seed=seed, connection=number).draws[0][1] for number in range(connections)]


def test_toxicity_is_the_share_of_links_a_toxic_acts_on():
    assert not any(drawn_on(100, toxicity=0))
    assert all(drawn_on(100, toxicity=1))
    assert all(drawn_on(100, toxicity=7))
    assert not any(drawn_on(100, toxicity=-1))
    assert 200 < sum(drawn_on(1000, toxicity=0.25)) < 300


def test_draws_replay_with_the_seed():
    assert drawn_on(50, toxicity=0.5, seed=3) == drawn_on(50, toxicity=0.5, seed=3)
    assert drawn_on(50, toxicity=0.5, seed=3) != drawn_on(50, toxicity=0.5, seed=4)


def test_an_update_draws_again():
    bench = LinkBench(setting(Timeout(), toxicity=0.5))
    for _ in range(40):
        bench.link.update(setting(Timeout(), toxicity=0.5))
    assert len({applies for _, applies in bench.draws}) == 2
    assert len(bench.draws) == 41


def test_a_toxic_that_comes_or_goes_has_the_one_before_it_drawn_again():
    bench = LinkBench(setting(Noop(), name="a"), setting(Noop(), name="b"))
    bench.draws.clear()
    bench.link.add(setting(Noop(), name="c"))
    assert [name for name, _ in bench.draws] == ["c", "b"]
    bench.draws.clear()
    bench.link.remove("b")
    assert [name for name, _ in bench.draws] == ["a"]


def test_a_toxic_that_was_not_drawn_lets_everything_pass():
    bench = LinkBench(setting(Timeout(), toxicity=0))
    bench.feed(b"a")
    assert bench.sink.data == b"a"


def test_a_full_sink_holds_up_the_source_and_drains_in_order():
    bench = LinkBench(Noop())
    bench.make_room(False)
    chunks = [bytes([number]) for number in range(10)]
    rest = bench.feed_as_read(chunks)
    assert len(rest) == 8  # one in hand, one in the inbox
    assert not bench.source.reading
    bench.make_room()
    assert bench.source.reading
    bench.feed(*rest)
    assert bench.sink.data == bytes(range(10))


def test_a_removed_toxic_hands_on_before_what_waited_behind_it():
    bench = LinkBench(setting(Noop(), name="first"), setting(Bandwidth(rate=0), name="stuck"), Noop())
    rest = bench.feed_as_read([bytes([number]) for number in range(10)])
    bench.link.remove("stuck")
    bench.feed(*rest)
    assert bench.sink.data == bytes(range(10))


def test_a_removed_toxic_hands_on_even_without_room():
    bench = LinkBench(Latency(latency=60_000))
    bench.feed(*(bytes([number]) for number in range(10)))
    bench.make_room(False)
    bench.link.remove("latency")
    assert bench.sink.data == bytes(range(10))
    assert not bench.source.reading


def test_updating_while_a_piece_waits_for_room_loses_nothing():
    bench = LinkBench(Bandwidth(rate=1))
    bench.make_room(False)
    bench.feed(b"x" * 250)
    bench.advance(0.15)
    bench.link.update(setting(Bandwidth(rate=1000)))
    bench.make_room()
    bench.advance(1)
    assert bench.sink.data == b"x" * 250
