"""The conductor's handle: whom a call is for, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from chaos.address import Address
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientPlan, ClientState, Mode, PhaseTimeouts
from chaos.errors import CrowdError

PLAN = ClientPlan(
    address=Address("127.0.0.1", 80),
    timeouts=PhaseTimeouts(tcp=1, handshake=2, first_message=4),
    send="{n}",
    expect="{n}",
    close_timeout=8,
)
ATTEMPT = 7.0
SLACK = 5.0 + 10 * 0.01


@dataclass(slots=True)
class Noting:
    """A worker that notes how it is called."""

    answer: Any = None
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    within: float = 0.0

    async def call(self, method: str, /, *args: Any, within: float, **kwargs: Any) -> Any:
        self.calls.append(((method, *args), kwargs))
        self.within = within
        return self.answer

    async def kill(self) -> int:
        self.calls.append((("kill",), {}))
        return -9


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
def crowd(noting: Noting) -> CrowdHandle:
    return CrowdHandle("guests", PLAN, 10, noting)


@pytest.mark.parametrize(
    ("mode", "options", "bound"),
    [
        (Mode.SIMULTANEOUS, {}, ATTEMPT),
        (Mode.SIMULTANEOUS, {"hold": False}, ATTEMPT + 8),
        (Mode.SEQUENTIAL, {"gap": 0.5}, 10 * (ATTEMPT + 0.5)),
        (Mode.SEQUENTIAL, {"hold": False}, 10 * (ATTEMPT + 8)),
        (Mode.PACED, {"gap": 0.5}, 10 * 0.5 + ATTEMPT),
    ],
)
async def test_connecting_is_bounded_by_the_plan(
    noting: Noting, crowd: CrowdHandle, mode: Mode, options: dict[str, Any], bound: float
) -> None:
    await crowd.connect(mode, **options)
    looking_up = 1
    assert noting.within == pytest.approx(looking_up + bound + SLACK)


@pytest.mark.parametrize(
    ("method", "options", "bound"),
    [
        ("exchange", {"count": 3, "gap": 0.5}, 3 * (4 + 0.5)),
        ("close", {}, 8),
        ("reset", {}, 8),
        ("fin", {}, 8),
        ("drop", {}, 8),
        ("wait_ended", {"within": 30.0}, 30),
        ("begin_frame", {}, 0),
        ("begin_message", {}, 0),
        ("begin_record", {}, 0),
        ("silence", {}, 0),
        ("grow_pong_delay", {"step": 0.1, "most": 0.3}, 0),
        ("stall", {}, 0),
        ("resume", {}, 0),
        ("half_close", {}, 0),
        ("mute_keep_alive", {}, 0),
        ("locals", {}, 0),
        ("states", {}, 0),
        ("socket_states", {}, 0),
        ("pongs_put_off", {}, 0),
    ],
)
async def test_every_call_is_bounded(
    noting: Noting, crowd: CrowdHandle, method: str, options: dict[str, Any], bound: float
) -> None:
    await getattr(crowd, method)(**options)
    assert noting.within == pytest.approx(bound + SLACK)
    ((sent, kwargs),) = noting.calls
    assert sent[:3] == ("on", "guests", method)
    assert kwargs["clients"] is None


async def test_a_subset_keeps_the_clients_numbers(noting: Noting, crowd: CrowdHandle) -> None:
    some = crowd.subset([7, 2, 7])
    assert (some.name, some.size, some.indices) == ("guests", 2, (2, 7))
    await some.reset()
    assert noting.calls == [(("on", "guests", "reset"), {"clients": (2, 7)})]
    assert some.subset([7]).indices == (7,)
    assert (crowd.size, crowd.indices) == (10, tuple(range(10)))


async def test_a_subset_is_part_of_the_whole(crowd: CrowdHandle) -> None:
    with pytest.raises(CrowdError, match=r"^client 10 is not among the 10 clients of 'guests'$"):
        crowd.subset([1, 10])
    with pytest.raises(CrowdError, match=r"^client 3 is not among the 2 clients of 'guests'$"):
        crowd.subset([1, 2]).subset([3])


async def test_kill_is_the_workers(noting: Noting, crowd: CrowdHandle) -> None:
    assert await crowd.subset([1]).kill() == -9
    assert noting.calls == [(("kill",), {})]


async def test_open_count_counts_who_holds_a_connection(noting: Noting, crowd: CrowdHandle) -> None:
    """A client whose close frame came is one of them until TCP is over: only then its end is in the journal."""
    noting.answer = dict(enumerate(ClientState))
    assert await crowd.open_count() == 5
