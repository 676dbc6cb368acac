"""targets/incidents/broadcast: what it is told by its environment, and what its members are told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pipeline_status.members import BACKLOG, Members
from pipeline_status.mistakes import live_set
from pipeline_status.settings import read_settings

from chaos.target_file import load_target

BROADCAST = Path(__file__).resolve().parents[3] / "targets/incidents/broadcast"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("MAX_CONNECTIONS", "many", "MAX_CONNECTIONS is 'many': a whole number from 1 up is needed"),
        ("BROADCAST_INTERVAL", "nan", "BROADCAST_INTERVAL is 'nan': a number above 0 is needed"),
        ("STATUS_AGEING", "never", "STATUS_AGEING is 'never': one of meant, told is needed"),
        ("STATUS_MISTAKES", "any", "STATUS_MISTAKES is 'any': none is needed, or some of absences, live-set"),
        ("CONNECTION_TIMEOUT", "20", "PING_TIMEOUT is '0': a number above 0 is needed"),
    ],
)
def test_a_bad_setting_is_named(variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=f"^{says}$"):
        read_settings()


def test_who_is_stale_is_found_by_pings_within_the_connection_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTION_TIMEOUT", "60")
    monkeypatch.setenv("PING_INTERVAL", "20")
    assert read_settings().ping_timeout == 40
    monkeypatch.setenv("PING_TIMEOUT", "7")
    assert read_settings().ping_timeout == 7


@pytest.mark.parametrize("file", ["after.toml", "nightly.toml"])
def test_what_the_pings_find_is_found_within_what_is_promised(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target = load_target(BROADCAST / file)
    for name, value in target.start.environment.items():
        monkeypatch.setenv(name, value)
    liveness, settings = target.promises.liveness, read_settings()
    assert liveness is not None
    assert liveness.heartbeat_interval is not None
    assert liveness.heartbeat_timeout is not None
    promised = liveness.heartbeat_interval + liveness.heartbeat_timeout
    assert settings.ping_interval + settings.ping_timeout == settings.connection_timeout < promised


@pytest.fixture
def members() -> Members:
    return Members(3)


async def test_each_hears_an_update_once_and_whoever_comes_later_the_next(members: Members) -> None:
    first = members.join(None)  # type: ignore[arg-type]  # nobody speaks to it
    members.tell("one")
    second = members.join(None)  # type: ignore[arg-type]
    members.tell("two")
    assert first is not None
    assert second is not None
    assert [first.updates.get_nowait() for _ in range(2)] == ["one", "two"]
    assert second.updates.get_nowait() == "two"
    assert first.updates.empty()
    assert second.updates.empty()


async def test_who_is_too_far_behind_is_ended_and_the_others_hear(members: Members) -> None:
    slow, quick = members.join(None), members.join(None)  # type: ignore[arg-type]
    assert slow is not None
    assert quick is not None
    for number in range(BACKLOG + 1):
        members.tell(f"{number}")
        assert quick.updates.get_nowait() == f"{number}"
    await asyncio.sleep(0)
    assert (slow.over.is_set(), quick.over.is_set()) == (True, False)


async def test_the_place_of_who_leaves_is_there_again_and_leaving_twice_counts_once(members: Members) -> None:
    inside = [members.join(None) for _ in range(3)]  # type: ignore[arg-type]
    assert members.join(None) is None  # type: ignore[arg-type]
    assert inside[0] is not None
    members.leave(inside[0])
    members.leave(inside[0])
    assert (len(members), members.ended, members.rejected) == (2, 1, 1)


async def test_a_walk_through_the_set_itself_ends_where_somebody_goes(members: Members) -> None:
    inside = [members.join(None) for _ in range(3)]  # type: ignore[arg-type]
    walking = asyncio.create_task(live_set.tell(members, "one"))
    await asyncio.sleep(0)
    heard = [member for member in inside if member is not None and not member.updates.empty()]
    assert len(heard) == 1
    members.leave(heard[0])
    await walking
    assert sum(member is not None and not member.updates.empty() for member in inside) == 1
