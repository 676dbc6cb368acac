"""Conditions, each at the edge where it begins to be met."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from chaos.conditions import (
    AlertShown,
    Condition,
    ConnectionsAtLeast,
    ConnectionsAtMost,
    CrowdGone,
    EverythingRead,
    FilesAtMost,
    Heard,
    NobodyLeaving,
    Pinged,
    ProcessesAtMost,
    StatisticsAtMost,
    StatisticsSay,
    UpstreamHit,
)
from chaos.crowd.plan import ClientState
from chaos.journal import Hit, Sample


@dataclass
class Truth:
    """What is so, and what was asked of it."""

    connections: int = 0
    files: int = 0
    processes: int = 0
    zombies: int = 0
    hit_at: tuple[float, ...] = ()
    open: int = 0
    heard: bool = False
    bytes_unread: int = 0
    states: dict[int, ClientState] = field(default_factory=dict)
    told: dict[str, float | str] = field(default_factory=dict)
    asked: list[object] = field(default_factory=list)

    async def sample(self) -> Sample:
        sockets = {"ESTABLISHED": self.connections, "TIME_WAIT": 9, "LISTEN": 1}
        return Sample(
            at=1.0, took=0.001, sockets=sockets, fds=self.files, processes=self.processes, zombies=self.zombies
        )

    async def statistics(self) -> dict[str, float | str]:
        return self.told

    async def hits(self, since: float) -> list[Hit]:
        return [Hit(at=at, path="/", status=200) for at in self.hit_at if at > since]

    async def open_clients(self, crowd: str) -> int:
        self.asked.append(crowd)
        return self.open

    async def crowd_call(self, name: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self.asked.append((name, method, args, kwargs))
        return self.states

    async def unread(self, crowd: str) -> int:
        self.asked.append((crowd, "unread"))
        return self.bytes_unread

    async def everyone_heard(self, crowd: str, pattern: str, since: float, opcode: str) -> bool:
        self.asked.append((crowd, pattern, since, opcode))
        return self.heard


@pytest.mark.parametrize(
    ("condition", "truth", "met"),
    [
        (FilesAtMost(20), Truth(files=20), True),
        (FilesAtMost(20), Truth(files=21), False),
        (ProcessesAtMost(3), Truth(processes=2, zombies=1), True),
        (ProcessesAtMost(3), Truth(processes=2, zombies=2), False),
        (ConnectionsAtMost(3), Truth(connections=3), True),
        (ConnectionsAtMost(3), Truth(connections=4), False),
        (ConnectionsAtLeast(3), Truth(connections=3), True),
        (ConnectionsAtLeast(3), Truth(connections=2), False),
        (AlertShown(alert="hig.*"), Truth(told={"alerts": "low,high"}), True),
        (AlertShown(alert="hig"), Truth(told={"alerts": "low,high"}), False),
        (AlertShown(alert="high", shown=False), Truth(told={"alerts": "low,high"}), False),
        (AlertShown(alert="high", shown=False), Truth(told={"alerts": ""}), True),
        # Where nothing was told, nobody knows that it is gone.
        (AlertShown(alert="high", shown=False), Truth(), False),
        (CrowdGone("crowd"), Truth(open=0), True),
        (CrowdGone("crowd"), Truth(open=1), False),
        (CrowdGone("crowd", left=2), Truth(open=2), True),
        (CrowdGone("crowd", left=2), Truth(open=3), False),
        (EverythingRead("crowd"), Truth(bytes_unread=0), True),
        (EverythingRead("crowd"), Truth(bytes_unread=1), False),
        (NobodyLeaving("crowd"), Truth(states={0: ClientState.OPEN, 1: ClientState.CLOSED}), True),
        (NobodyLeaving("crowd"), Truth(states={0: ClientState.OPEN, 1: ClientState.CLOSING}), False),
        (StatisticsSay(which="connections", value=6), Truth(told={"connections": 6.0}), True),
        (StatisticsSay(which="connections", value=6), Truth(told={"connections": 7.0}), False),
        (StatisticsSay(which="connections", value=6), Truth(), False),
        (StatisticsAtMost(which="tasks", most=6), Truth(told={"tasks": 6.0}), True),
        (StatisticsAtMost(which="tasks", most=6), Truth(told={"tasks": 7.0}), False),
        (StatisticsAtMost(which="tasks", most=6), Truth(), False),
        (StatisticsAtMost(which="tasks", most=6), Truth(told={"tasks": "many"}), False),
        (UpstreamHit(since=5.0), Truth(hit_at=(4.0, 5.5)), True),
        (UpstreamHit(since=5.0), Truth(hit_at=(4.0, 5.0)), False),
        (UpstreamHit(since=5.0, count=2), Truth(hit_at=(5.5, 6.0)), True),
        (UpstreamHit(since=5.0, count=2), Truth(hit_at=(4.0, 6.0)), False),
        (Heard(crowd="crowd", pattern="x", since=1.0), Truth(heard=True), True),
        (Heard(crowd="crowd", pattern="x", since=1.0), Truth(heard=False), False),
        (Pinged(crowd="crowd", since=1.0), Truth(heard=True), True),
        (Pinged(crowd="crowd", since=1.0), Truth(heard=False), False),
    ],
)
async def test_a_condition_at_its_edge(condition: Condition, truth: Truth, met: bool) -> None:
    assert await condition.met(truth) is met
    travelled: Condition = pickle.loads(pickle.dumps(condition))
    assert travelled == condition
    assert await travelled.met(truth) is met


async def test_the_crowd_and_the_message_that_are_asked_about() -> None:
    truth = Truth()
    await CrowdGone("listeners").met(truth)
    await Heard(crowd="idle", pattern="warning", since=7.5).met(truth)
    await Pinged(crowd="beating", since=8.0).met(truth)
    await NobodyLeaving("told").met(truth)
    await EverythingRead("talking").met(truth)
    assert truth.asked == [
        "listeners",
        ("idle", "warning", 7.5, "text"),
        ("beating", "", 8.0, "ping"),
        ("told", "states", (), {}),
        ("talking", "unread"),
    ]
