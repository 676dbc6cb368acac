"""Any bytes, in any chunks, through any chain of toxics, arrive intact, unless a toxic is meant to cut."""

from __future__ import annotations

import asyncio
import dataclasses
import socket

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.links.embedded.items import End
from chaos.links.embedded.server import Options
from chaos.links.embedded.setting import Setting
from chaos.links.embedded.toxics import Toxic
from chaos.links.embedded.toxics.bandwidth import Bandwidth
from chaos.links.embedded.toxics.latency import Latency
from chaos.links.embedded.toxics.limit_data import LimitData
from chaos.links.embedded.toxics.noop import Noop
from chaos.links.embedded.toxics.reset_peer import ResetPeer
from chaos.links.embedded.toxics.slicer import Slicer
from chaos.links.embedded.toxics.slow_close import SlowClose
from chaos.links.embedded.toxics.timeout import Timeout
from tests.examples import examples

from .peers import pair_through, receive_all
from .rig import LinkBench, setting

HARMLESS = st.one_of(
    st.builds(Noop),
    st.builds(Latency, latency=st.integers(-5, 50), jitter=st.integers(-5, 50)),
    st.builds(Bandwidth, rate=st.integers(1, 100)),
    st.builds(
        Slicer,
        average_size=st.integers(-1, 40),
        size_variation=st.integers(-1, 40),
        delay=st.integers(0, 2000),
    ),
    st.builds(SlowClose, delay=st.integers(0, 50)),
)
CUTTING = st.one_of(
    st.builds(LimitData, bytes=st.integers(0, 100)),
    st.builds(ResetPeer, timeout=st.integers(0, 50)),
    st.builds(Timeout, timeout=st.integers(0, 50)),
)
CHUNKS = st.lists(st.binary(min_size=1, max_size=300), max_size=20)
TOXICITIES = st.sampled_from([0.0, 0.5, 1.0])


def chain_of(toxics: st.SearchStrategy[Toxic]) -> st.SearchStrategy[list[Setting]]:
    """Distinctly named settings, each with a toxicity of its own."""
    return st.lists(st.tuples(toxics, TOXICITIES), max_size=4).map(
        lambda pairs: [
            setting(toxic, name=f"{toxic.kind}-{number}", toxicity=toxicity)
            for number, (toxic, toxicity) in enumerate(pairs)
        ]
    )


ACTIONS = st.lists(
    st.sampled_from(["feed", "feed", "feed", "wait", "stall", "drain", "add", "update", "remove"]),
    max_size=60,
)


def play(bench: LinkBench, chain: list[Setting], chunks: list[bytes], actions: list[str], spare: Toxic) -> None:
    """Feed the chunks as far as the link reads, between other things that may happen to a link."""
    names = [item.name for item in chain]
    rest = list(chunks)
    for number, action in enumerate(actions):
        if action == "feed" and rest and bench.source.reading:
            bench.feed(rest.pop(0))
        elif action == "wait":
            bench.advance(0.01)
        elif action in ("stall", "drain"):
            bench.make_room(action == "drain")
        elif action == "add":
            names.append(f"added-{number}")
            bench.link.add(setting(spare, name=names[-1]))
        elif action == "update" and names:
            bench.link.update(setting(spare, name=names[number % len(names)], toxicity=0.5))
        elif action == "remove" and names:
            bench.link.remove(names.pop(number % len(names)))
    bench.make_room()
    for _ in range(1000):
        rest = bench.feed_as_read(rest)
        if not rest or bench.ended is not None:
            break
        bench.advance(1)
    bench.end(End.FIN)
    bench.advance(3600)


@settings(max_examples=examples(6))
@given(chain=chain_of(HARMLESS), chunks=CHUNKS, actions=ACTIONS, spare=HARMLESS, seed=st.integers(0, 2**32))
def test_harmless_toxics_lose_nothing_and_change_no_order(
    chain: list[Setting], chunks: list[bytes], actions: list[str], spare: Toxic, seed: int
):
    bench = LinkBench(*chain, seed=seed)
    play(bench, chain, chunks, actions, spare)
    assert bench.sink.data == b"".join(chunks)
    assert bench.ended is not None
    assert bench.ended[1] is End.FIN
    assert bench.clock.pending == 0


@settings(max_examples=examples(3))
@given(
    chain=chain_of(HARMLESS | CUTTING),
    chunks=CHUNKS,
    actions=ACTIONS,
    spare=HARMLESS | CUTTING,
    seed=st.integers(0, 2**32),
)
def test_whatever_the_toxics_the_link_ends_and_delivers_only_what_was_sent(
    chain: list[Setting], chunks: list[bytes], actions: list[str], spare: Toxic, seed: int
):
    bench = LinkBench(*chain, seed=seed)
    play(bench, chain, chunks, actions, spare)
    assert bench.ended is not None
    remaining = iter(b"".join(chunks))
    assert all(byte in remaining for byte in bench.sink.data), "bytes out of order, or from nowhere"


CUT_AT = st.integers(-1, 400)
PLACE = st.integers(0, 4)


def chain_with(toxic: Toxic, chain: list[Setting], place: int) -> list[Setting]:
    """The toxic somewhere among the others; these may change under way, it does not."""
    return [*chain[:place], setting(toxic, name="cutting"), *chain[place:]]


@given(
    limit=CUT_AT,
    place=PLACE,
    chain=chain_of(HARMLESS),
    chunks=CHUNKS,
    actions=ACTIONS,
    spare=HARMLESS,
    seed=st.integers(0, 9),
)
def test_limit_data_cuts_at_exactly_its_byte(
    limit: int, place: int, chain: list[Setting], chunks: list[bytes], actions: list[str], spare: Toxic, seed: int
):
    bench = LinkBench(*chain_with(LimitData(bytes=limit), chain, place), seed=seed)
    play(bench, chain, chunks, actions, spare)
    sent = b"".join(chunks)
    assert bench.sink.data == sent[: max(0, limit)]
    assert bench.ended is not None
    assert bench.ended[1] is (End.CLOSE if sent and len(sent) >= limit else End.FIN)


@given(
    wait=st.integers(0, 50),
    place=PLACE,
    chain=chain_of(HARMLESS),
    chunks=CHUNKS,
    actions=ACTIONS,
    spare=HARMLESS,
    seed=st.integers(0, 9),
)
def test_reset_peer_lets_no_byte_pass_and_resets(
    wait: int, place: int, chain: list[Setting], chunks: list[bytes], actions: list[str], spare: Toxic, seed: int
):
    bench = LinkBench(*chain_with(ResetPeer(timeout=wait), chain, place), seed=seed)
    play(bench, chain, chunks, actions, spare)
    assert bench.sink.data == b""
    assert bench.ended is not None
    assert bench.ended[1] is End.RESET


@given(
    wait=st.integers(-1, 50),
    place=PLACE,
    chain=chain_of(HARMLESS),
    chunks=CHUNKS,
    actions=ACTIONS,
    spare=HARMLESS,
    seed=st.integers(0, 9),
)
def test_timeout_lets_no_byte_pass_and_closes_or_lets_the_end_through(
    wait: int, place: int, chain: list[Setting], chunks: list[bytes], actions: list[str], spare: Toxic, seed: int
):
    bench = LinkBench(*chain_with(Timeout(timeout=wait), chain, place), seed=seed)
    play(bench, chain, chunks, actions, spare)
    assert bench.sink.data == b""
    assert bench.ended is not None
    assert bench.ended[1] is End.FIN if wait <= 0 else bench.ended[1] in (End.FIN, End.CLOSE)


@given(
    how=st.sampled_from([End.FIN, End.RESET]), pauses=st.lists(st.sampled_from([0.0, 0.001, 0.05, 1.0]), max_size=20),
    chain=chain_of(HARMLESS), chunks=CHUNKS, stalled=st.booleans(), seed=st.integers(0, 9),
)  # fmt: skip
def test_an_end_at_any_moment_overtakes_nothing(
    how: End, pauses: list[float], chain: list[Setting], chunks: list[bytes], stalled: bool, seed: int
):
    bench = LinkBench(*chain, seed=seed)
    sent = b""
    bench.make_room(not stalled)
    for chunk, pause in zip(chunks, pauses, strict=False):
        if bench.source.reading:
            bench.feed(chunk)
            sent += chunk
        bench.advance(pause)
    bench.end(how)
    bench.make_room()
    bench.advance(3600)
    assert bench.sink.data == sent, "what was read before the end comes before it"
    assert bench.ended is not None
    assert bench.ended[1] is how


CHANGES = st.lists(st.sampled_from(["add", "update", "remove", "nothing"]), min_size=1, max_size=6)
SIZES = st.lists(st.sampled_from([1, 2, 100, 1447, 65_536, 65_537, 300_000]), min_size=1, max_size=4)
MIDSTREAM = st.one_of(
    st.builds(Noop),
    st.builds(Latency, latency=st.integers(0, 3)),
    st.builds(Slicer, average_size=st.integers(5000, 70_000)),
    st.builds(Bandwidth, rate=st.just(50_000)),
)


async def _changed_under_way(sizes: list[int], changes: list[str], toxics: list[Toxic], first: str) -> bool:
    """Whether both directions arrive whole, while toxics come and go and one side half-closes before the other."""
    loop = asyncio.get_running_loop()
    to_server = b"".join(bytes([number % 251]) * size for number, size in enumerate(sizes))
    to_client = to_server[::-1]
    async with pair_through(Options(port=0, seed=1)) as pair:

        async def send(sock: socket.socket, data: bytes) -> None:
            for size in sizes:
                await loop.sock_sendall(sock, data[:size])
                data = data[size:]
            sock.shutdown(socket.SHUT_WR)

        async def change() -> None:
            names: list[str] = []
            for number, what in enumerate(changes):
                toxic = toxics[number % len(toxics)]
                if what == "add" or (what == "update" and not names):
                    names.append(f"t{number}")
                    stream = "upstream" if number % 2 else "downstream"
                    await pair.add(toxic, name=names[-1], stream=stream)
                elif what == "update":
                    await pair.api("POST", f"/proxies/p/toxics/{names[-1]}", {"toxicity": number % 2})
                elif what == "remove" and names:
                    await pair.api("DELETE", f"/proxies/p/toxics/{names.pop()}")

        early, late = (pair.client, to_server), (pair.server, to_client)
        if first == "server":
            early, late = late, early

        async def one_after_the_other() -> None:
            await send(*early)
            await send(*late)  # through a connection that is half closed

        _, _, by_client, by_server = await asyncio.gather(
            one_after_the_other(), change(), receive_all(pair.client), receive_all(pair.server)
        )
        return (by_client, by_server) == (to_client, to_server)


# 14 ms each, measured.
@settings(max_examples=examples(0.3, thorough=10_000))
@given(
    sizes=SIZES,
    changes=CHANGES,
    toxics=st.lists(MIDSTREAM, min_size=1, max_size=3),
    first=st.sampled_from(["client", "server"]),
)
def test_tiny_and_huge_chunks_arrive_while_toxics_come_and_go(
    sizes: list[int], changes: list[str], toxics: list[Toxic], first: str
):
    with asyncio.Runner() as runner:
        assert runner.run(_changed_under_way(sizes, changes, toxics, first))


async def _round_trip(chain: list[Setting], chunks: list[bytes], seed: int) -> tuple[bytes, bytes]:
    """What each side receives when both send the chunks, through real sockets."""
    async with pair_through(Options(port=0, seed=seed)) as pair:
        for number, item in enumerate(chain):
            for stream in ("upstream", "downstream"):
                await pair.add(item.toxic, name=f"{stream}-{number}", stream=stream, toxicity=item.toxicity)

        async def send(sock: socket.socket) -> None:
            for chunk in chunks:
                await asyncio.get_running_loop().sock_sendall(sock, chunk)
            sock.shutdown(socket.SHUT_WR)

        _, _, by_client, by_server = await asyncio.gather(
            send(pair.client), send(pair.server), receive_all(pair.client), receive_all(pair.server)
        )
        return by_client, by_server


FAST = HARMLESS.map(
    # Real time passes here: a bandwidth of at least 3 MB for at most 6 kB, delays of at most 5 ms.
    lambda toxic: (
        dataclasses.replace(toxic, rate=3000)
        if isinstance(toxic, Bandwidth)
        else dataclasses.replace(toxic, latency=min(toxic.latency, 3), jitter=min(toxic.jitter, 2))
        if isinstance(toxic, Latency)
        else dataclasses.replace(toxic, delay=min(toxic.delay, 5))
        if isinstance(toxic, (SlowClose, Slicer))
        else toxic
    )
)


# 12 ms each, measured.
@settings(max_examples=examples(0.6, thorough=30_000))
@given(chain=chain_of(FAST), chunks=CHUNKS, seed=st.integers(0, 2**32))
def test_through_real_sockets_in_both_directions(chain: list[Setting], chunks: list[bytes], seed: int):
    with asyncio.Runner() as runner:
        received = runner.run(_round_trip(chain, chunks, seed))
    assert received == (b"".join(chunks), b"".join(chunks))
