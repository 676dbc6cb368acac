"""How many scenarios run at the same time, and why not more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.contract import Contract, Establishment
from chaos.target import Echo, Endpoints, Start, Target
from fixtures import schedule
from fixtures.schedule import schedule_of


class Item:
    """A scenario as far as its schedule needs it."""

    def __init__(self, name: str, *marks: pytest.MarkDecorator) -> None:
        self.nodeid = name
        self._marks = [each.mark for each in marks]

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((mark for mark in self._marks if mark.name == name), None)

    def iter_markers(self, name: str) -> list[pytest.Mark]:
        return [mark for mark in self._marks if mark.name == name]


PROMISE = pytest.mark.promise("liveness", "heartbeat", expects="It beats.")


def items(waiting: int, *, alone: int = 1, marks: tuple[pytest.MarkDecorator, ...] = ()) -> list[pytest.Item]:
    made = [Item(f"waits {number}", PROMISE, pytest.mark.waits, *marks) for number in range(waiting)]
    return cast("list[pytest.Item]", made + [Item(f"alone {number}", PROMISE) for number in range(alone)])


def config(**options: Any) -> pytest.Config:
    usual = {"usepdb": False, "trace": False, "maxfail": 0, "capture": "fd"}
    return cast("pytest.Config", SimpleNamespace(getoption={**usual, **options}.get))


def target(*, exclusive: bool = False) -> Target:
    return Target(
        name="it",
        start=Start(command=("it",), exclusive=exclusive),
        endpoints=Endpoints(echo=Echo(path="/")),
        promises=Contract(establishment=Establishment(within="1s")),
    )


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)


@pytest.mark.parametrize(
    ("waiting", "wanted", "lanes"),
    [
        (40, None, 4),  # two more than there are cores
        (11, None, 2),  # four scenarios for each lane's start
        (7, None, 1),
        (0, None, 1),
        (7, 3, 3),  # who asks for them gets them
        (2, 3, 2),  # but none without anything to do
        (40, 1, 1),
        (40, 8, 8),
    ],
)
def test_lanes_pay_for_their_start(waiting: int, wanted: int | None, lanes: int) -> None:
    made = schedule_of(config(), items(waiting), target=target(), runtime="containers", wanted=wanted)
    assert made.lanes == lanes
    assert [item.nodeid for item in made.beside] == ([f"waits {n}" for n in range(waiting)] if lanes > 1 else [])
    assert made.why == (
        f"{waiting} scenarios that only wait run {lanes} at a time (--chaos-lanes=1: one after the other)"
        if lanes > 1
        else ""
    )


def test_what_the_target_does_not_declare_is_skipped_and_waits_for_nothing() -> None:
    undeclared = items(40, marks=(pytest.mark.reads("liveness.heartbeat_interval"),))
    made = schedule_of(config(), undeclared, target=target(), runtime="containers", wanted=None)
    assert (made.lanes, made.beside) == (1, ())


@pytest.mark.parametrize(
    ("options", "runtime", "exclusive", "reason"),
    [
        ({"usepdb": True}, "containers", False, "--pdb was given"),
        ({"trace": True}, "containers", False, "--trace was given"),
        ({"maxfail": 1}, "containers", False, "-x or --maxfail was given"),
        ({"capture": "no"}, "containers", False, "-s was given"),
        ({}, "attached", False, "they share the server that runs already"),
        ({}, "containers", True, "it declares start.exclusive"),
        ({}, "processes", False, "without a network namespace two servers would share this machine's ports"),
    ],
)
def test_why_they_run_one_after_the_other(
    options: dict[str, Any], runtime: str, exclusive: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = SimpleNamespace(isolation=SimpleNamespace(hermetic=False))
    monkeypatch.setattr(schedule, "isolation_for", lambda _: plain)
    made = schedule_of(config(**options), items(40), target=target(exclusive=exclusive), runtime=runtime, wanted=None)
    assert (made.lanes, made.beside) == (1, ())
    assert made.why == f"scenarios run one after the other: {reason}"
    # Who asked for just that need not be told why.
    told = schedule_of(config(**options), items(40), target=target(exclusive=exclusive), runtime=runtime, wanted=1)
    assert told.why == ""


def test_in_a_namespace_of_its_own_each_server_has_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    hermetic = SimpleNamespace(isolation=SimpleNamespace(hermetic=True))
    monkeypatch.setattr(schedule, "isolation_for", lambda _: hermetic)
    assert schedule_of(config(), items(40), target=target(), runtime="processes", wanted=None).lanes == 4
